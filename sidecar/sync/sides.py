"""What a merge is given: the sides, what was read of them in this run, and what the person chose.

Titles are numbers here; `match` finds them. Everything is a plain value, so that a merge asks nobody.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from sidecar.contract import Copy, Scope
from sidecar.model import Direction, Feature, Kind
from sidecar.viewing import USUAL_RUNTIME, Viewing


class Side(msgspec.Struct, frozen=True):
    """One account of one service, as far as one feature is concerned."""

    id: int
    key: str  # jellyfin:SERVER:USER
    label: str
    joined: bool = True
    writable: bool = True
    kinds: frozenset[Kind] = frozenset(Kind)  # that it can hold
    plays: str = "all"  # all | last | none: whether it tells plays one by one
    dates: str = "exact"

    @property
    def trakt(self) -> bool:
        """Whether it is Trakt."""
        return self.key.startswith("trakt:")

    @property
    def jellyfin(self) -> bool:
        """Whether its dates are begins."""
        return self.key.startswith("jellyfin:")


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of one side, by title."""

    at: datetime
    facts: Mapping[int, Any] = {}
    behind: Mapping[int, tuple[str, ...]] = {}  # the items behind a fact; of history they stand in its copies
    scope: Scope = Scope.FULL
    complete: bool = True
    before: datetime | None = None  # when it was read the last time
    ahead: timedelta = timedelta(0)  # by how much its clock is fast
    kinds: frozenset[Kind] | None = None  # of a full read; None: all
    covers: Container[int] | None = None  # the titles in the libraries that were listed; None: all
    items: Mapping[int, tuple[str, ...]] | None = None  # all that is there now; None: the side has no items
    asked: frozenset[int] = frozenset()  # titles that were looked at directly
    there: Mapping[str, Copy | None] = {}  # the items found by that, also those that hold nothing
    met: frozenset[str] = frozenset()  # items that were never met before, or stood for another title
    renumbered: int = 0  # how many ids changed since the last read
    heard: Mapping[int, datetime] = {}  # titles that live heard to their end here since the last read, and when
    heard_on: Mapping[int, tuple[str, ...]] = {}  # the items on which that was
    explained: Mapping[str, tuple[datetime, ...]] = {}  # by item: unfinished sessions and toggles
    toggled: Container[str] = frozenset()  # items that somebody was heard marking since the last read

    def moment(self, at: datetime) -> datetime:
        """When something really was that the side dates so: by our clock, and never in the future.

        How wrong its clock is today says nothing about dates from before it was last read.
        """
        right = at - self.ahead
        return min(right if self.before is not None and right > self.before else at, self.at)

    def says_absent(self, title: int, kind: Kind | None) -> bool:
        """Whether a title without a fact was looked for."""
        if title in self.asked:
            return self.complete
        return (
            self.scope is Scope.FULL
            and self.complete
            and (self.kinds is None or kind in self.kinds)
            and (self.covers is None or title in self.covers)
        )

    def looked(
        self,
        facts: Mapping[int, Any],
        asked: frozenset[int],
        *,
        there: Mapping[str, Copy | None],
        complete: bool = True,
    ) -> Read:
        """This read with a direct look at some titles put over it; a look that failed looked at nothing."""
        if not complete:
            return self
        rest = {title: value for title, value in self.facts.items() if title not in asked}
        return msgspec.structs.replace(
            self, facts={**rest, **facts}, asked=self.asked | asked, there={**self.there, **there}
        )


class Decision(msgspec.Struct, frozen=True):
    """What a person said about a held part: which titles pass, and which are left as they are."""

    apply: frozenset[int] = frozenset()
    keep: frozenset[int] = frozenset()


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """One feature of one person: what was chosen, and the little that a merge must know about titles."""

    feature: Feature
    now: datetime
    sides: tuple[Side, ...]
    direction: Direction = Direction.BOTH
    remove_at_trakt: datetime | None = None  # since when "remove too" is on
    remove_on_servers: datetime | None = None
    prefer: str = "trakt"
    steps: str = "nearest"
    rewatches: bool = True
    full: bool = False  # full watched sync
    only: frozenset[int] | None = None  # the titles that the run is about
    decided: Mapping[tuple[int, str], Decision] = {}  # by side and rule of the guard
    recent: Mapping[tuple[int, str], int] = {}  # what the guard counted in the last 24 hours
    kinds: Mapping[int, Kind] = {}
    runtimes: Mapping[int, int] = {}
    several: Mapping[str, tuple[int, ...]] = {}  # items that stand for more than one title
    ledger: Mapping[int, Sequence[Viewing]] = {}  # rows of the person's Trakt account
    watched: Mapping[int, datetime | None] = {}  # the newest viewing; for ratings and the watchlist
    rating_watches: bool = False  # Trakt counts what is rated as watched
    playing: Container[int] = frozenset()
    known: Mapping[int, int] = {}  # how much was seen of a side, where only a part of it is given

    def may_write(self, side: Side) -> bool:
        """Whether the direction lets this side be written."""
        one_way = Direction.TO_TRAKT if side.trakt else Direction.FROM_TRAKT
        return side.writable and self.direction in (Direction.BOTH, one_way)

    def may_remove(self, side: Side, said_at: datetime) -> bool:
        """Whether a removal that was said then is carried over to this side."""
        since = self.remove_at_trakt if side.trakt else self.remove_on_servers
        return self.may_write(side) and since is not None and since <= said_at

    def runtime(self, title: int) -> int:
        """Minutes, or what is usual."""
        return self.runtimes.get(title) or USUAL_RUNTIME.get(self.kinds.get(title, Kind.MOVIE), 60)

    def preferred(self, side: Side) -> bool:
        """Whether this side is right where times cannot tell."""
        return side.trakt == (self.prefer == "trakt")
