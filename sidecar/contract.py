"""The one contract for everything that holds facts about titles: nine members, and the values they speak in.

The engine knows no provider by name. One Provider object is one side: one account of one service.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from sidecar.errors import (
    AuthLost,
    Outage,
    RateLimited,
    RemoteError,
    SidetraktError,
    Unreachable,
)
from sidecar.model import Feature, Kind, Ref


class Plays(msgspec.Struct, frozen=True, gc=False):
    """History as Trakt holds it: the minute of every play, None for one without a date."""

    minutes: tuple[datetime | None, ...]
    inexact: bool = False  # only how many and the last are known

    @property
    def count(self) -> int:
        """How many plays there are."""
        return len(self.minutes)


class Copy(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What a server keeps about one item for one person."""

    item: str
    played: bool
    count: int = 0
    at: datetime | None = None  # Jellyfin: the start of the last play; Plex: the last view or mark
    begun: bool = False  # there is a place to go on from
    rating: float | None = None
    favourite: bool = False

    @property
    def blank(self) -> bool:
        """Nothing is left of any watching."""
        return not (self.played or self.count or self.at or self.begun)


class Watched(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """History as a media server holds it: the state of every copy, and the plays that it still knows one by one."""

    copies: tuple[Copy, ...]
    plays: tuple[datetime, ...] = ()

    def __bool__(self) -> bool:
        return any(copy.played for copy in self.copies)


class Rating(msgspec.Struct, frozen=True, gc=False):
    """A rating in the side's own steps."""

    value: float
    at: datetime | None = None


class Listed(msgspec.Struct, frozen=True, gc=False):
    """On the watchlist since."""

    at: datetime | None = None


class Media(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What kind of copy somebody has, in Trakt's words."""

    media_type: str = "digital"
    resolution: str | None = None
    hdr: str | None = None
    audio: str | None = None
    audio_channels: str | None = None


class Collected(msgspec.Struct, frozen=True, gc=False):
    """In the collection since, and as what."""

    at: datetime | None = None
    media: Media | None = None


class Scope(StrEnum):
    """What an index covers: only the full one says anything about absence."""

    UNCHANGED = "unchanged"
    PART = "part"
    FULL = "full"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class Fact:
    """One value of one title on one side; for a write, the value that it should have."""

    ref: Ref
    value: Any
    items: tuple[str, ...] = ()  # the ids of the items behind it, where the side has items
    title: str | None = None  # an episode's own title, and how many its season has: to compare numbering with
    season_size: int | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """All facts of one feature on one side as read."""

    feature: Feature
    facts: Sequence[Fact]
    scope: Scope
    complete: bool
    read_at: datetime
    mark: Any = None  # opaque; given back as `since`
    why: str = ""  # it is not complete
    libraries: frozenset[str] | None = None  # None where a side has none
    requests: int = 0
    ahead: timedelta = timedelta(0)  # by how much the clock that dates things there is fast
    kinds: frozenset[Kind] | None = None  # a full index of these kinds alone; None = of all
    there: frozenset[str] = frozenset()  # of a read of some titles: the items that were found, with a value or without
    copies: Mapping[str, Copy] = field(default_factory=dict)  # as they are, where the side tells


class Outcome(StrEnum):
    """What became of one fact of a write."""

    DONE = "done"
    ALREADY = "already"
    NOT_FOUND = "not found"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # the answer was lost: look before anything is repeated


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to one fact of a write."""

    fact: Fact
    outcome: Outcome
    why: str = ""
    until: datetime | None = None  # refused until then
    remote: str | None = None
    seen: Any = None  # the value as the side holds it afterwards; of plays that were added, those that are there now


def failed(fact: Fact, problem: SidetraktError) -> Receipt:
    """What an error means for one fact: refused, or unknown where it may have been carried out."""
    doubtful = isinstance(problem, RemoteError) and problem.maybe_done
    until = problem.retry_at if isinstance(problem, RemoteError) else None
    return Receipt(fact, Outcome.UNKNOWN if doubtful else Outcome.REFUSED, problem.what, until=until)


class State(StrEnum):
    """How a side is."""

    OK = "ok"
    AUTH = "auth"
    RATE_LIMITED = "rate limited"
    APP_REFUSED = "refused app key"
    OUTAGE = "outage"
    UNREACHABLE = "unreachable"
    NOT_SET_UP = "not set up"


@dataclass(frozen=True, slots=True)
class Health:
    """How a side is, what to do about it, and until when where that is known."""

    state: State
    what: str = ""
    next_step: str = ""
    until: datetime | None = None
    facts: dict[str, str] = field(default_factory=dict)


_STATES: dict[type[SidetraktError], State] = {
    AuthLost: State.AUTH,
    RateLimited: State.RATE_LIMITED,
    Unreachable: State.UNREACHABLE,
    Outage: State.OUTAGE,
}


def state_of(problem: SidetraktError, *, special: dict[type[SidetraktError], State] | None = None) -> State:
    """How a side is whose one request came to this; a provider may know `special` errors of its own."""
    if not isinstance(problem, RemoteError):
        return State.NOT_SET_UP
    known = {**(special or {}), **_STATES}
    return next((state for kind, state in known.items() if isinstance(problem, kind)), State.OUTAGE)


class Provider(Protocol):
    """One side."""

    def name(self) -> str:
        """The provider's id: trakt, jellyfin, plex."""

    def label(self) -> str:
        """How a person would name this side."""

    def features(self) -> frozenset[Feature]:
        """What it holds."""

    def capabilities(self) -> dict[str, Any]:
        """What it can do, as plain JSON."""

    def is_configured(self) -> bool:
        """Whether it has what it needs to be asked; asks nobody."""

    def health(self) -> Health:
        """How it is, with at most one request."""

    def build_index(self, feature: Feature, since: Any = None, only: Sequence[Ref] | None = None) -> Index:
        """Read one feature; `since` is an earlier mark, `only` reads these titles. Writes nothing."""

    def add(self, facts: Sequence[Fact], feature: Feature, *, dry_run: bool = False) -> list[Receipt]:
        """Add or update exactly these facts; a receipt each, in the same order."""

    def remove(self, facts: Sequence[Fact], feature: Feature, *, dry_run: bool = False) -> list[Receipt]:
        """Remove exactly these facts; a receipt each, in the same order."""
