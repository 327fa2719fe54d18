"""Everything of sync that one process has: runs of persons, what they came to, what waits for a decision.

Whoever asks gets an iterator: `Progress` as it goes, and as the last thing a `Result`. The work goes on in a thread of
its own, whether or not somebody listens. One run per person at a time: a second request for the same joins the first,
what a person asked for goes before what the schedule did.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sidecar.store.people import Person
from sidecar.store.runs import Change, Run
from sidecar.sync.request import Due, HeldPart, Progress, Request, Result


class SyncService:
    """Runs for everybody in the household."""

    def run(self, person: Person, request: Request) -> Iterator[Progress | Result]:
        """Carry out a run, or join the one that goes on already; the result comes last, also of a run that failed.

        With `request.preview` nothing is written anywhere, and the result says what would be done. A run that a
        person asks for and that is no preview also answers the first preview with "start".
        """
        raise NotImplementedError

    def runs(self, most: int = 20) -> list[Run]:
        """The newest runs of everybody, newest first; `Run.summary` is the `Result` as plain JSON."""
        raise NotImplementedError

    def changes(self, run: int) -> list[Change]:
        """What a run did or meant to do, change by change; raises UserError where there is no such run."""
        raise NotImplementedError

    def undo(self, run: int, *, preview: bool = False) -> Iterator[Progress | Result]:
        """Take a run back, as a run of its own; raises UserError where there is no such run, or nothing to undo."""
        raise NotImplementedError

    def held(self, person: Person | None = None) -> list[HeldPart]:
        """What a guard holds back and nobody decided about yet, of one person or of all."""
        raise NotImplementedError

    def decide(self, part: int, *, apply: bool) -> HeldPart:
        """Apply a held part (its titles pass the next run after a fresh look) or keep its side as it is.

        It takes effect in the next run of that person, which the caller may start; raises UserError where it is gone.
        """
        raise NotImplementedError

    def waits_for_preview(self, person: Person) -> bool:
        """Whether the schedule leaves this person alone until a first preview was answered."""
        raise NotImplementedError

    def start(self, person: Person, *, only_new: bool = False) -> Iterator[Progress | Result]:
        """Answer the first preview: sync now, or store what all sides hold as agreed, and write nothing."""
        raise NotImplementedError

    def due(self, now: datetime) -> list[Due]:
        """What the schedule should ask for now: runs whose time has come and titles that live asked for.

        Quiet hours and jitter are the schedule's; a person who has a run going or waiting is not among them.
        """
        raise NotImplementedError

    def wants_history(self) -> list[str]:
        """Servers (by machine id) whose history must be looked at because events may be missing."""
        raise NotImplementedError

    def stop(self) -> None:
        """Let what goes on come to the end of its batch, and begin nothing more."""
        raise NotImplementedError
