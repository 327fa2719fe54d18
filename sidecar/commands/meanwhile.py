"""Doing something slow for somebody who waits, and telling how far it has come."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

from sidecar.app import App
from sidecar.store.handover import Event

Arguments = dict[str, Any]
Outcome = TypeVar("Outcome")


def meanwhile(app: App, work: Callable[[], Outcome], whom: str = "Trakt") -> Generator[Event, None, Outcome]:
    """Do something slow, and say every second how many requests it took and how long Trakt lets us wait."""
    before = app.requests()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="asked") as pool:
        doing = pool.submit(work)
        while not wait([doing], timeout=1.0).done:
            waits = max((each.seconds for each in app.trakt.limits.waiting()), default=0.0)
            yield {"requests": app.requests() - before, "waits": round(waits), "whom": whom}
        return doing.result()
