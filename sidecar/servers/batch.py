"""Up to a hundred titles on their way to a server: what may be written, and what is said of each in the end.

Pure. What is asked of one item by several titles is one wish; a batch decides by what was seen just before the write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from sidecar.contract import Fact, Outcome, Receipt
from sidecar.errors import BadAnswer, Refused, RemoteError
from sidecar.model import Feature, Ref
from sidecar.servers.guids import same
from sidecar.servers.rows import Row, holds, is_outdated, value_of, whole
from sidecar.store.stuck import TRIES, Stuck

Asked = tuple[Fact, Mapping[str, str]]
"""What shall be, and the items that stand for it with the claims by which they do; no claim where none is known."""
Why = tuple[str, datetime | None]
"""The reason, and until when."""
PATIENCE = 10  # requests that fail in a row; one broken item may not keep the others from being written
STUCK = "The server accepted this twice and did not keep it; it is tried again when one side changes."
NOT_KEPT = "The server accepted it and did not keep it."
GONE = "It is not in the library any more, or this account may not see it."
OTHER = "The server says now that this is something else; it is read again first."


@dataclass(slots=True)
class Wishes:
    """What one call of a write asks for, and how it goes."""

    feature: Feature
    remove: bool
    dated: bool = False  # the server keeps the dates that it is given
    by_item: dict[str, set[tuple[str, str, str]]] = field(default_factory=dict)  # title, what it shall be, in full
    planned: int = 0  # writes that the pace still counts on
    sent: dict[str, Why | None] = field(default_factory=dict)  # items that were written, once; and why in vain
    stop: Why | None = None  # why nothing more is sent
    _vain: int = 0

    def add(self, fact: Fact, items: Mapping[str, str]) -> None:
        """Ask for something."""
        rough = str(whole(fact.value.value)) if self.feature is Feature.RATINGS and not self.remove else ""
        full = "nothing" if self.remove else text(fact.value)
        for item in items:
            self.by_item.setdefault(item, set()).add((fact.ref.claim(), rough, full))

    def is_so(self, row: Row, value: Any) -> bool:
        """Whether a copy is as it shall be; of what was watched again elsewhere the date counts, where it is kept."""
        if self.remove:
            return value_of(self.feature, [row]) is None
        return holds(self.feature, row, value) and not (self.dated and is_outdated(row, value))

    def agree(self, row: Row) -> bool:
        """Whether all titles of an item shall be the same; of a play only that it was, its date is each title's own."""
        wished = self.by_item[row.item]
        return len({title for title, _, _ in wished}) >= len(row.refs) and len({rough for _, rough, _ in wished}) == 1

    def wanted(self, item: str) -> str:
        """What is wanted of an item, as text."""
        return "; ".join(sorted({full for _, _, full in self.by_item[item]}))

    def goes_on(self) -> bool:
        """Whether more may be sent."""
        return self.stop is None

    def went_well(self) -> None:
        """A write was accepted."""
        self._vain = 0

    def went_wrong(self, problem: RemoteError) -> None:
        """Stop if it is the server that is in trouble, and not one item."""
        self._vain += 1
        one_item = isinstance(problem, Refused | BadAnswer) or problem.status == 500
        if not one_item or self._vain >= PATIENCE:
            self.stop = problem.what, problem.retry_at


@dataclass(slots=True)
class Batch:
    """What was seen before, what was done, and what is known now."""

    wishes: Wishes
    before: dict[str, Row]
    playing: frozenset[str]
    stuck: dict[str, Stuck]
    rest_until: datetime  # what is playing is left alone until then
    after: dict[str, Row | None] = field(default_factory=dict)  # what was written; None until it was looked at
    gone: set[str] = field(default_factory=set)
    why: dict[str, Why] = field(default_factory=dict)  # items are not written
    lost: str = ""  # why the last look failed

    def to_write(self, fact: Fact, items: Mapping[str, str]) -> list[Row]:
        """The copies to write now; what keeps the others from it is noted."""
        rows = self._mine(items)
        differing = [row for row in rows if row.item not in self.wishes.sent and not self.wishes.is_so(row, fact.value)]
        if any(row.item in self.playing for row in rows):
            self.why |= {row.item: ("It is being played.", self.rest_until) for row in differing}
            return []
        for row in differing:
            if not self.wishes.agree(row):
                both = " and ".join(ref.label() for ref in row.refs)
                self.why[row.item] = f"One file holds {both}; it is written when all of them agree.", None
            elif self._is_stuck(row):
                self.why[row.item] = STUCK, None
        return [row for row in differing if row.item not in self.why]

    def receipt(self, fact: Fact, items: Mapping[str, str]) -> Receipt:
        """What became of a fact."""
        rows, is_so, feature = self._mine(items), self.wishes.is_so, self.wishes.feature
        if not rows:
            return Receipt(fact, Outcome.NOT_FOUND, OTHER if any(item in self.before for item in items) else GONE)
        if all(is_so(row, fact.value) for row in rows):
            return Receipt(fact, Outcome.ALREADY, seen=value_of(feature, rows))
        if any(self.after.get(row.item, row) is None and row.item not in self.gone for row in rows):
            return Receipt(fact, Outcome.UNKNOWN, self.lost)
        now = [self.after.get(row.item) or row for row in rows if row.item not in self.gone]
        if not now:
            return Receipt(fact, Outcome.NOT_FOUND, GONE)
        wrong, seen = [row for row in now if not is_so(row, fact.value)], value_of(feature, now)
        if not wrong:
            return Receipt(fact, Outcome.DONE, seen=seen)
        item = wrong[0].item
        unsent = self.wishes.stop if item not in self.wishes.sent else None
        why, until = self.why.get(item) or self.wishes.sent.get(item) or unsent or (NOT_KEPT, None)
        return Receipt(fact, Outcome.REFUSED, why, until, seen=seen)

    def stuck_now(self, fact: Fact, items: Mapping[str, str]) -> dict[str, tuple[str, str] | None]:
        """The items that did not keep what they accepted, with what was before and is now; None where it is so."""
        found: dict[str, tuple[str, str] | None] = {}
        for old in self._mine(items):
            now = self.after.get(old.item, old)
            if now is not None and self.wishes.is_so(now, fact.value):
                found |= {old.item: None} if old.item in self.stuck else {}
            elif now is not None and old.item in self.after and not self.wishes.sent[old.item]:
                found[old.item] = self._held(old), self._held(now)
        return found

    def _mine(self, items: Mapping[str, str]) -> list[Row]:
        """The copies that are there and still what they claimed to be."""
        return [row for item, claim in items.items() if (row := self.before.get(item)) and _still(claim, row)]

    def _is_stuck(self, row: Row) -> bool:
        """Whether this was tried often enough, and neither side changed since."""
        known, wanted = self.stuck.get(row.item), self.wishes.wanted(row.item)
        return known is not None and known.tries >= TRIES and (known.wanted, known.held) == (wanted, self._held(row))

    def _held(self, row: Row) -> str:
        """What an item holds of this feature, as text."""
        if self.wishes.feature is Feature.HISTORY:
            return text((row.copy.played, row.copy.count, row.copy.at, row.copy.begun))
        return text(value_of(self.wishes.feature, [row]))


def _still(claim: str, row: Row) -> bool:
    """Whether an id still means what it did: servers use the ids of what was removed again."""
    then = [Ref.of_claim(line) for line in claim.splitlines()]
    return not then or any(same(one, now) for one in then for now in row.refs)


def text(value: Any) -> str:
    """A value as text, to compare and to store."""
    return msgspec.json.encode(value).decode()
