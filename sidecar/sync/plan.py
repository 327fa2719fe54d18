"""The values of a merge: what is agreed, what was seen, what is said now, and the plan that follows.

Lean structs, because a merge makes one of several of them for every title. All of them can be stored as JSON.
Values: a side's own in Seen and changes (`Plays`, `Watched`, `Rating` …); in Agreed True, or a rating's whole number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from sidecar.model import Feature
from sidecar.viewing import Sighting

REMOVED = False
"""The expected value of a side where we take something away; None expects nothing."""


class Agreed(msgspec.Struct, frozen=True, gc=False):
    """What all sides should say of one title; the value None is "removed"."""

    value: Any
    at: datetime | None = None
    by: int | None = None


class Seen(msgspec.Struct, frozen=True, gc=False):
    """What one side last showed of one title; of history the items stand in its copies."""

    value: Any
    items: tuple[str, ...] = ()
    kept_since: datetime | None = None
    expected: Any = None
    ours: Any = None

    @property
    def empty(self) -> bool:
        """Whether the row says nothing and may go."""
        return self.value is None and self.kept_since is None and self.expected is None and self.ours is None


class Said(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What one side says of one title in this run: a value, a removal, or nothing but that it looks different now."""

    side: int
    title: int
    value: Any = None
    removal: bool = False
    at: datetime | None = None
    first: bool = False  # read as if for the first time
    moved: bool = True  # it is not what was seen
    mark: bool = False  # set as watched, not watched
    sightings: tuple[Sighting, ...] = ()
    gone: tuple[datetime | None, ...] = ()  # plays that are not on Trakt any more
    present: Any = None  # as the side holds it
    row: Seen | None = None  # what Seen becomes; None: it stays


class Origin(msgspec.Struct, frozen=True, gc=False):
    """What a change was made from: who said what when, and what was agreed before."""

    by: int | None = None
    value: Any = None
    at: datetime | None = None
    agreed: Any = None


class Change(msgspec.Struct, frozen=True, gc=False):
    """What should become of one fact on one side."""

    side: int
    feature: Feature
    title: int
    action: str  # add | remove
    value: Any
    before: Any
    why: str
    made_from: Origin = Origin()
    items: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows of a request it takes where plays are told one by one."""
        return max(1, len(getattr(self.value, "minutes", ())))


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A sighting for `Ledger.claim`, in this order, in the transaction that stores the plan."""

    title: int
    sighting: Sighting
    first: bool = False


class Note(msgspec.Struct, frozen=True, gc=False):
    """Something a person may want to see: conflict | kept | waits | cannot | rounded | offered."""

    kind: str
    title: int
    side: int | None
    why: str


class Held(msgspec.Struct, frozen=True, gc=False):
    """What a rule of the guard holds back of one side until a person decides."""

    side: int
    rule: str
    titles: tuple[int, ...]
    why: str


class Plan(msgspec.Struct, gc=False, kw_only=True):
    """What a merge came to. Titles in `looks` are asked directly, and all is merged again; until then they stay."""

    feature: Feature
    changes: Sequence[Change] = ()
    agreed: Mapping[int, Agreed] = {}
    seen: Mapping[int, Mapping[int, Seen]] = {}
    claims: Sequence[Claim] = ()
    gone: Sequence[tuple[int, datetime | None]] = ()  # ledger rows that become `gone`
    never: Sequence[int] = ()  # titles of which nothing untold is told any more
    held: Sequence[Held] = ()
    counts: Mapping[tuple[int, str], int] = {}  # what went past the guard, by side and rule, for the next 24 hours
    notes: Sequence[Note] = ()
    looks: Mapping[int, Sequence[int]] = {}

    def __bool__(self) -> bool:
        return bool(self.changes or self.agreed or any(self.seen.values()) or self.claims or self.held)
