"""What lies on the table while one feature is merged: the baseline, what was read, and the rows that move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from sidecar.model import Feature
from sidecar.sync import history, ratings
from sidecar.sync.plan import REMOVED, Agreed, Note, Seen
from sidecar.sync.sides import Policy, Read, Side
from sidecar.viewing import Told

NO_ROWS: Mapping[int, Seen] = {}


class Table:
    """The one mutable thing of a merge; `agreed` and `seen` are what the plan stores."""

    def __init__(
        self,
        agreed: Mapping[int, Agreed],
        seen: Mapping[int, Mapping[int, Seen]],
        reads: Mapping[int, Read],
        policy: Policy,
    ) -> None:
        self.before, self._seen, self.reads, self.policy = agreed, seen, reads, policy
        self.sides = {side.id: side for side in sorted(policy.sides, key=lambda one: (not one.trakt, one.id))}
        self.history = policy.feature is Feature.HISTORY
        self.agreed: dict[int, Agreed] = {}
        self.seen: dict[int, dict[int, Seen]] = {side: {} for side in self.sides}
        self.notes: list[Note] = []
        self.stays: set[int] = set()  # titles that are in doubt: nothing moves, nothing is written

    def rows(self, side: int) -> Mapping[int, Seen]:
        """The Seen rows of a side from before."""
        return self._seen.get(side, NO_ROWS)

    def row(self, side: int, title: int) -> Seen | None:
        """The Seen row of a title, as it will be."""
        row = self.seen[side].get(title)
        return row if row is not None else self.rows(side).get(title)

    def shown(self, side: int, title: int) -> Any:
        """What a side looks like: as read, else as it was seen last."""
        read = self.reads.get(side)
        if read is not None:
            value = read.facts.get(title)
            if value is not None or read.says_absent(title, self.policy.kinds.get(title)):
                return value
        row = self.row(side, title)
        if row is None or self.sides[side].trakt or row.value is None:
            return row.value if row is not None else None
        if self.history and row.expected not in (None, REMOVED):
            return None  # a mark is under way, and what stands there now nobody knows
        items = row.items if not self.history else tuple(copy.item for copy in row.value.copies)
        gone = read is not None and read.items is not None and set(items).isdisjoint(read.items.get(title, ()))
        return None if gone and items else row.value

    def wish(self, title: int) -> Any:
        """What all sides should have; None for nothing."""
        agreed = self.agreed.get(title) or self.before.get(title)
        return agreed.value if agreed is not None else None

    def all(self) -> Mapping[int, Agreed]:
        """Everything that is agreed now."""
        return {**self.before, **self.agreed} if self.agreed else self.before

    def holds(self, side: Side, title: int) -> bool:
        """Whether a side has a value, or Trakt is about to be told of a play."""
        value = self.shown(side.id, title)
        if not self.history:
            return value is not None
        waiting = side.trakt and any(row.told in (Told.NO, Told.SENT) for row in self.policy.ledger.get(title, ()))
        return waiting or history.watched(value)

    def leave(self, side: int, title: int, at: Any) -> None:
        """Let a side differ from what is agreed, because a person wants it so."""
        self.seen[side][title] = replace(self.row(side, title) or Seen(None), kept_since=at)

    def as_agreed(self, value: Any, wish: Any) -> bool:
        """Whether a value is what it should be; dates, counts and half steps make no difference."""
        if self.history:
            return history.watched(value) is (wish is not None)
        return value is None if wish is None else value is not None and ratings.same_plain(ratings.plain(value), wish)

    def newest(self, title: int) -> Any:
        """The newest dated viewing of a title: Trakt's, and only where it has none a server's."""
        sides, rows = self.sides.values(), self.policy.ledger.get(title, ())
        told = history.newest([self.shown(side.id, title) for side in sides if side.trakt], rows)
        if told is not None:
            return told
        dates = (history.newest([self.shown(side.id, title)], begins=side.jellyfin) for side in sides)
        return max((at for at in dates if at is not None), default=None)

    def note(self, kind: str, title: int, side: int | None, why: str) -> None:
        """Something for the list."""
        self.notes.append(Note(kind, title, side, why))
