"""How everything of Trakt writes into the log: `[TRAKT:feature]` first, and in JSON with provider, feature and run.

What is going on is said once, by who begins it; everything below writes it along. No titles, no names of people.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from sidecar.contract import Index
from sidecar.errors import SidetraktError
from sidecar.logs import RUN
from sidecar.model import Feature

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
_about: ContextVar[str] = ContextVar("about", default="general")


class _Adapter(logging.LoggerAdapter[logging.Logger]):
    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        feature = _about.get()
        kwargs["extra"] = {"provider": "trakt", "feature": feature, "run": RUN.get()}
        return f"[TRAKT:{feature}] {msg}", kwargs


def logger(name: str) -> logging.LoggerAdapter[logging.Logger]:
    """The log of one module."""
    return _Adapter(logging.getLogger(name))


@contextmanager
def about(feature: str) -> Iterator[None]:
    """Everything written meanwhile is about this feature."""
    token = _about.set(feature)
    try:
        yield
    finally:
        _about.reset(token)


def told(member: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """A member of the provider that writes into the log what became of it, and its feature along with every line."""
    log = logger(member.__module__)

    @wraps(member)
    def telling(*args: Given.args, **kwargs: Given.kwargs) -> Answer:
        feature = next(each for each in (*args, *kwargs.values()) if isinstance(each, Feature))
        with about(feature):
            try:
                answer = member(*args, **kwargs)
            except SidetraktError as problem:
                log.warning("%s: %s", member.__name__, problem.what)
                raise
            log.info("%s: %s", member.__name__, _short(answer))
            return answer

    return telling


def _short(answer: Any) -> str:
    if isinstance(answer, Index):
        why = f"not whole, {answer.why}" if answer.why else "whole"
        return f"{answer.scope}, {len(answer.facts)} facts, {answer.requests} requests, {why}"
    return ", ".join(f"{count} {outcome}" for outcome, count in Counter(each.outcome for each in answer).items())
