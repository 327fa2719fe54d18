"""Writing to a media server for one account: only what differs, never what is playing, at the server's pace.

Every batch is looked at just before, because a write has to leave alone what it is not about, and where an answer does
not tell, afterwards. What a server accepted twice and did not keep is stuck until one side changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import msgspec

from sidecar.clock import Clock
from sidecar.contract import Fact, Outcome, Receipt, failed
from sidecar.errors import Refused, RemoteError
from sidecar.model import Feature
from sidecar.servers.hands import AT_ONCE, Hands
from sidecar.servers.pace import Pace
from sidecar.servers.rows import KINDS, Row, holds, value_of
from sidecar.store.db import Store
from sidecar.store.stuck import TRIES, Stuck, StuckWrites

Asked = tuple[Fact, tuple[str, ...]]
"""What shall be, and the items that stand for it."""
AFTER_PLAYING = timedelta(minutes=5)
STUCK = "The server accepted this twice and did not keep it; it is tried again when one side changes."
NOT_KEPT = "The server accepted it and did not keep it."
GONE = "It is not in the library any more, or this account may not see it."


@dataclass(slots=True)
class _Batch:
    """Up to a hundred facts of one feature on their way."""

    feature: Feature
    remove: bool
    before: dict[str, Row]
    playing: frozenset[str]
    stuck: dict[str, Stuck]
    after: dict[str, Row | None] = field(default_factory=dict)  # what was written; None until it is looked at

    def is_so(self, row: Row, value: Any) -> bool:
        """Whether a copy is as it shall be."""
        return value_of(self.feature, [row]) is None if self.remove else holds(self.feature, row, value)

    def now(self, item: str) -> Row | None:
        """The last that is known of an item."""
        return self.after[item] if item in self.after else self.before.get(item)

    def wish(self, value: Any) -> str:
        """What is wanted, as text."""
        return "nothing" if self.remove else _text(value)

    def is_stuck(self, row: Row, value: Any) -> bool:
        """Whether this was tried often enough, and neither side changed since."""
        known = self.stuck.get(row.item)
        held = _text(value_of(self.feature, [row]))
        return known is not None and known.tries >= TRIES and (known.wanted, known.held) == (self.wish(value), held)


class Writing:
    """The writes of one account."""

    def __init__(self, account: int, hands: Hands, pace: Pace, store: Store, clock: Clock) -> None:
        self._account, self._hands, self._pace = account, hands, pace
        self._store, self._clock = store, clock

    def write(self, asked: Sequence[Asked], feature: Feature, *, remove: bool, dry_run: bool) -> list[Receipt]:
        """A receipt for each fact, in order; the same fact twice is written once."""
        receipts: dict[tuple[str, str], Receipt] = {}
        waiting: dict[tuple[str, str], Asked] = {}
        agreed: dict[str, dict[str, str]] = {}  # by item what is wanted of each title in it
        keys = [(fact.ref.claim(), _text(fact.value)) for fact, _ in asked]
        for key, (fact, items) in zip(keys, asked, strict=True):
            receipt = self._needless(fact, items, feature)
            if receipt is None and dry_run:
                would = [self._hands.would(item, feature, None if remove else fact.value) for item in items]
                receipt = Receipt(fact, Outcome.DONE, "would send " + "; ".join(would), seen=would)
            if receipt is not None:
                receipts[key] = receipt
                continue
            waiting[key] = (fact, items)
            for item in items:
                agreed.setdefault(item, {})[key[0]] = key[1]
        self._pace.plan(len(waiting))
        keys_waiting = list(waiting)
        for start in range(0, len(keys_waiting), AT_ONCE):
            part = {key: waiting[key] for key in keys_waiting[start : start + AT_ONCE]}
            receipts |= self._send(part, feature, remove, agreed)
        return [replace(receipts[key], fact=fact) for key, (fact, _) in zip(keys, asked, strict=True)]

    def _needless(self, fact: Fact, items: tuple[str, ...], feature: Feature) -> Receipt | None:
        """Why a fact needs no look at the server."""
        if not self._hands.capabilities().get(feature, {}).get("writable", True):
            return Receipt(fact, Outcome.REFUSED, "What a server's collection holds lies on its disks.")
        if fact.ref.kind not in KINDS[feature]:
            return Receipt(fact, Outcome.REFUSED, f"The server keeps no {feature} of a {fact.ref.kind}.")
        if not items:
            return Receipt(fact, Outcome.NOT_FOUND, "No library here has it.")
        return None

    def _send(
        self,
        part: dict[tuple[str, str], Asked],
        feature: Feature,
        remove: bool,
        agreed: dict[str, dict[str, str]],
    ) -> dict[tuple[str, str], Receipt]:
        """Look, write what differs, look again where answers did not tell."""
        try:
            playing, items = self._hands.playing(), sorted({item for _, items in part.values() for item in items})
            looks = (self._hands.look(items[start : start + AT_ONCE]) for start in range(0, len(items), AT_ONCE))
            before = {row.item: row for rows in looks for row in rows}
        except RemoteError as met:
            self._pace.skip(len(part))
            return {key: failed(fact, met) for key, (fact, _) in part.items()}
        with self._store.read() as db:
            batch = _Batch(feature, remove, before, playing, StuckWrites(db).of(self._account, feature))
        receipts: dict[tuple[str, str], Receipt] = {}
        trouble: RemoteError | None = None  # of the server itself; nothing more is sent then
        for key, (fact, items_of) in part.items():
            rows = [before[item] for item in items_of if item in before]
            receipt = failed(fact, trouble) if trouble else self._needs(batch, fact, rows, agreed)
            if receipt is None:
                try:
                    receipt = self._write(batch, fact, rows)
                except RemoteError as met:
                    receipt = Receipt(fact, Outcome.NOT_FOUND, GONE) if met.status == 404 else failed(fact, met)
                    trouble = None if isinstance(met, Refused) else _unsent(met)
            else:
                self._pace.skip()
            if receipt is not None and receipt.outcome is not Outcome.UNKNOWN:
                receipts[key] = receipt
        waiting = {key: one for key, one in part.items() if key not in receipts}
        return receipts | self._settled(batch, waiting)

    def _needs(self, batch: _Batch, fact: Fact, rows: list[Row], agreed: dict[str, dict[str, str]]) -> Receipt | None:
        """Why nothing is written; None if something is to be."""
        if not rows:
            return Receipt(fact, Outcome.NOT_FOUND, GONE)
        differing = [row for row in rows if not batch.is_so(row, fact.value)]
        if not differing:
            return Receipt(fact, Outcome.ALREADY, seen=value_of(batch.feature, rows))
        if any(row.item in batch.playing for row in rows):
            return Receipt(fact, Outcome.REFUSED, "It is being played.", self._clock.now() + AFTER_PLAYING)
        for row in differing:
            wanted = agreed[row.item]
            if len(wanted) < len(row.refs) or len(set(wanted.values())) > 1:
                both = " and ".join(ref.label() for ref in row.refs)
                return Receipt(fact, Outcome.REFUSED, f"One file holds {both}; it is written when all of them agree.")
            if batch.is_stuck(row, fact.value):
                return Receipt(fact, Outcome.REFUSED, STUCK, seen=value_of(batch.feature, rows))
        return None

    def _write(self, batch: _Batch, fact: Fact, rows: list[Row]) -> Receipt | None:
        """Write the copies that differ; a receipt only where nothing more is to be learnt."""
        differing = [row for row in rows if row.item not in batch.after and not batch.is_so(row, fact.value)]
        self._pace.plan(len(differing) - 1)  # it was planned as one write
        for row in differing:
            if not self._pace.take():
                return Receipt(fact, Outcome.REFUSED, "Sidetrakt is stopping; it is written the next time.")
            try:
                batch.after[row.item] = (
                    self._hands.take(row, batch.feature)
                    if batch.remove
                    else self._hands.put(row, batch.feature, fact.value)
                )
            except RemoteError as problem:
                if problem.maybe_done:  # settled by looking, never by repeating
                    batch.after[row.item] = None
                raise
        return None

    def _settled(self, batch: _Batch, waiting: dict[tuple[str, str], Asked]) -> dict[tuple[str, str], Receipt]:
        """Say for each fact whether it is so now."""
        blind, lost = [item for item, row in batch.after.items() if row is None], ""
        try:
            for start in range(0, len(blind), AT_ONCE):
                batch.after |= {row.item: row for row in self._hands.look(blind[start : start + AT_ONCE])}
        except RemoteError as problem:
            lost = problem.what
        receipts: dict[tuple[str, str], Receipt] = {}
        for key, (fact, items) in waiting.items():
            rows = [row for item in items if (row := batch.now(item)) is not None]
            wrong = [row for row in rows if not batch.is_so(row, fact.value)]
            seen = value_of(batch.feature, rows)
            if any(item in batch.after and batch.after[item] is None for item in items):
                why = lost or GONE
                receipts[key] = Receipt(fact, Outcome.UNKNOWN if lost else Outcome.NOT_FOUND, why)
                continue
            self._remember(batch, rows, wrong, fact.value)
            receipts[key] = Receipt(fact, *((Outcome.REFUSED, NOT_KEPT) if wrong else (Outcome.DONE, "")), seen=seen)
        return receipts

    def _remember(self, batch: _Batch, rows: Iterable[Row], wrong: list[Row], value: Any) -> None:
        """Count what did not stick; forget what did."""
        healed = [row for row in rows if row not in wrong and row.item in batch.stuck]
        if not wrong and not healed:
            return
        with self._store.write() as db:
            stuck, feature, now = StuckWrites(db), batch.feature, self._clock.now()
            for row in wrong:
                held, wanted = _text(value_of(feature, [row])), batch.wish(value)
                stuck.failed(self._account, feature, row.item, wanted=wanted, held=held, at=now)
            for row in healed:
                stuck.settled(self._account, feature, row.item)


def _unsent(problem: RemoteError) -> RemoteError:
    """The same trouble for what was not sent because of it, and so surely not done."""
    problem = problem.again()
    problem.maybe_done = False
    return problem


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
