import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar.app import App
from sidecar.clock import SystemClock
from sidecar.logs import Redaction
from sidecar.settings import load
from sidecar.store import owner


def perform(command: str, arguments: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"result": (command, arguments)}


def test_what_the_timer_asks_for_at_start_is_done_by_another_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = App(tmp_path, load({}, tmp_path), {}, clock=SystemClock(), redaction=Redaction())
    done = {"tidy": threading.Event(), "links": threading.Event(), "sync": threading.Event()}
    workers: set[str] = set()

    def chore(name: str) -> None:
        workers.add(threading.current_thread().name)
        done[name].set()

    monkeypatch.setattr(app, "tidy", lambda: chore("tidy"))
    monkeypatch.setattr(app.trakt, "check_links", lambda: chore("links"))
    monkeypatch.setattr(app.schedule, "turn", lambda: chore("sync"))
    lock = owner.take_or_refuse(tmp_path, owner.UP)
    app.start(lock, perform)
    try:
        assert all(event.wait(10) for event in done.values())
    finally:
        app.close()
        lock.release()
    assert workers == {"chores"}
