"""What is asked of sync and what it answers: plain values that can cross a process as JSON (`msgspec.to_builtins`)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from sidecar.model import Direction, Feature
from sidecar.store.people import Person


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One run as it is wanted."""

    asked_by: str = "a person"  # a person | schedule | live
    features: tuple[Feature, ...] = ()  # none: all that are switched on
    direction: Direction | None = None  # instead of what the person chose
    library: str = ""  # only what lies in this library
    title: str = ""  # only titles of this name, or with this id such as tt0113277
    titles: tuple[int, ...] = ()  # the same by number
    full: bool = False  # full watched sync: union of all sides, nothing is removed
    preview: bool = False
    whole: bool = False  # read everything, whether or not it moved
    baseline: bool = False  # only new things from now on: what all sides hold is stored, nothing is written

    @property
    def kind(self) -> str:
        """How a run of this is called."""
        if self.baseline:
            return "baseline"
        return "title" if self.title or self.titles else "full" if self.full else "sync"


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    """How far a run has come."""

    step: str  # waits | reads | looks | compares | writes
    what: str = ""  # a side or feature, for people
    done: int = 0
    total: int = 0
    requests: int = 0


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Changes of one kind on one side, for the same reason."""

    side: str
    feature: Feature
    action: str  # add | remove
    why: str
    count: int
    first: tuple[str, ...] = ()  # some titles, by name
    requests: int = 0  # that it takes
    minutes: float = 0.0


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """Something to know: conflict | kept | waits | cannot | rounded | offered | changed | lost | unmatched."""

    kind: str
    why: str
    count: int
    first: tuple[str, ...] = ()


class HeldPart(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule of the guard holds back until a person decides."""

    id: int
    person: str
    side: str
    feature: Feature
    rule: str
    why: str
    titles: tuple[str, ...]
    decision: str = ""  # apply | keep, until the next run has done so
    at: datetime | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True, tag="result"):
    """What a run came to; of a preview, what it would do."""

    run: int | None  # its number; a preview has none
    person: str
    kind: str
    state: str  # done | failed | stopped | preview
    planned: tuple[Group, ...] = ()
    counts: dict[str, dict[str, int]] = {}  # by side: added, removed, refused, unknown, dropped
    held: tuple[HeldPart, ...] = ()
    stale: dict[str, str] = {}  # sides that could not be read, or not wholly, and why
    remarks: tuple[Remark, ...] = ()
    problem: str = ""  # why it failed or stopped
    next_step: str = ""
    requests: int = 0
    minutes: float = 0.0


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A run that the schedule should ask for."""

    person: Person
    request: Request
