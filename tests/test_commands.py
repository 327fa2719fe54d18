import threading
from collections.abc import Generator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sidecar.app import App
from sidecar.commands import COMMANDS, perform
from sidecar.commands.meanwhile import meanwhile
from sidecar.errors import UserError
from sidecar.trakt.limits import Wait


def app_that_asked(taken: int, waits: float) -> App:
    limits = SimpleNamespace(taken=taken, waiting=lambda: [Wait("uuid", "read", waits)] if waits else [])
    return cast(App, SimpleNamespace(trakt=SimpleNamespace(limits=limits), requests=lambda: limits.taken))


def outcome_of(going: Generator[Any, None, str]) -> str:
    """What a generator returns when it is through."""
    while True:
        try:
            next(going)
        except StopIteration as ended:
            return str(ended.value)


def test_something_slow_says_how_far_it_is_and_then_its_outcome() -> None:
    app, release = app_that_asked(3, 12.4), threading.Event()

    def work() -> str:
        app.trakt.limits.taken += 4
        release.wait(10)
        return "done"

    going = meanwhile(app, work)
    assert next(going) == {"requests": 4, "waits": 12, "whom": "Trakt"}
    release.set()
    assert outcome_of(going) == "done"


def test_an_error_of_something_slow_reaches_who_asked() -> None:
    def work() -> Any:
        raise UserError("It cannot be.")

    with pytest.raises(UserError, match="cannot be"):
        next(meanwhile(app_that_asked(0, 0), work))


def test_a_command_that_is_not_known_is_said_so() -> None:
    with pytest.raises(UserError, match="does not know “dance”"):
        next(perform(app_that_asked(0, 0), "dance", {}))
    words = {"set", "keys rotate", "link", "answer", "unlink", "look", "unmatched", "health"}
    words |= {"meet", "people join", "account", "check", "hooks"}
    words |= {"sync", "start", "runs", "undo", "held", "inspect", "match", "ignore", "forget"}
    assert set(COMMANDS) == words
