"""How everything of Trakt writes into the log: `[TRAKT:feature]` first, and in JSON with provider, feature and run.

What is going on is said once, by who begins it; everything below writes it along.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_about: ContextVar[tuple[str, str]] = ContextVar("about", default=("account", ""))


class _Adapter(logging.LoggerAdapter[logging.Logger]):
    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        feature, run = _about.get()
        kwargs["extra"] = {"provider": "trakt", "feature": feature, "run": run}
        return f"[TRAKT:{feature}] {msg}", kwargs


def logger(name: str) -> logging.LoggerAdapter[logging.Logger]:
    """The log of one module."""
    return _Adapter(logging.getLogger(name))


@contextmanager
def about(feature: str, run: str = "") -> Iterator[None]:
    """Everything written meanwhile is about this feature, and this run or the one that was named before."""
    token = _about.set((feature, run or _about.get()[1]))
    try:
        yield
    finally:
        _about.reset(token)
