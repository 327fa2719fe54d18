"""What every command begins with: the data folder, the settings, the log; and who carries the work out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sidecar.clock import SystemClock
from sidecar.errors import SidetraktError, UserError
from sidecar.logs import Redaction, set_up
from sidecar.settings import Settings, home, load

if TYPE_CHECKING:
    from sidecar.app import App
    from sidecar.store.handover import Event

PATIENCE = 10.0  # seconds that a command waits for another to end


@dataclass(frozen=True, slots=True)
class Here:
    """The folder and settings of this call."""

    folder: Path
    settings: Settings
    environ: Mapping[str, str]
    redaction: Redaction
    clock: SystemClock


def look_around(environ: Mapping[str, str] | None = None, *, quiet: bool = True) -> Here:
    """Read the settings and set up the log; a command is quiet, `up` says what it does."""
    environ = os.environ if environ is None else environ
    folder, redaction = home(environ), Redaction()
    settings = load(environ, folder)
    for secret in settings.secrets():
        redaction.learn(secret.reveal())
    log = settings.log
    level = "error" if quiet and log.level == "info" and not log.file else log.level
    set_up(redaction, level=level, form=log.format, file=log.file, keep=log.keep)
    return Here(folder, settings, environ, redaction, SystemClock())


@contextmanager
def app_of(here: Here) -> Iterator[App]:
    """The app of this folder, for who holds its lock."""
    from sidecar.app import App

    app = App(here.folder, here.settings, here.environ, clock=here.clock, redaction=here.redaction)
    try:
        yield app
    finally:
        app.close()


def perform(
    here: Here,
    command: str,
    arguments: dict[str, Any],
    on_event: Callable[[Event], None] = lambda _: None,
    *,
    create: bool = False,
) -> Any:
    """Let whoever owns the folder carry out a command, ourselves if nobody does; returns its result."""
    from sidecar.commands import perform as carry_out
    from sidecar.store import handover, owner
    from sidecar.store.db import FILE
    from sidecar.store.folder import prepare

    if create:
        prepare(here.folder)
    elif not (here.folder / FILE).exists():
        raise no_data(here.folder)
    taken = owner.take(here.folder, command, PATIENCE)
    if isinstance(taken, owner.Owner):
        try:
            with app_of(here) as app:
                return _result(carry_out(app, command, arguments), on_event)
        finally:
            taken.release()
    if not taken.port:
        raise SidetraktError(f"Sidetrakt is busy with {taken.purpose}.", "Try again when that has ended.")
    return _result(handover.ask(taken, command, arguments), on_event)


def no_data(folder: Path) -> UserError:
    """The error for a command that needs data where there is none."""
    return UserError(f"There is no Sidetrakt data in {folder} yet.", "Start `sidetrakt up` once first.")


def _result(events: Iterator[Event], on_event: Callable[[Event], None]) -> Any:
    for event in events:
        if "result" in event:
            return event["result"]
        on_event(event)
    raise SidetraktError("The command ended without a result.", "Try again.")
