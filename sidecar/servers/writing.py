"""Writing to a media server for one account: only what differs, never what is playing, at the server's pace.

Every batch is looked at just before, because a write has to leave alone what it is not about, and where an answer does
not tell, afterwards. What a server accepted twice and did not keep is stuck until one side changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sidecar.clock import Clock
from sidecar.contract import Fact, Outcome, Receipt
from sidecar.errors import RemoteError
from sidecar.model import Feature
from sidecar.servers.batch import Asked, Batch, Wishes, text
from sidecar.servers.hands import AT_ONCE, Hands
from sidecar.servers.pace import Pace
from sidecar.servers.rows import KINDS, Row, is_rating
from sidecar.store.db import Store
from sidecar.store.stuck import StuckWrites

AFTER_PLAYING = timedelta(minutes=5)
STOPPING = "Sidetrakt is stopping; it is written the next time."

Part = dict[tuple[str, str], Asked]


class Writing:
    """The writes of one account."""

    def __init__(self, account: int, hands: Hands, pace: Pace, store: Store, clock: Clock) -> None:
        self._account, self._hands, self._pace = account, hands, pace
        self._store, self._clock = store, clock

    def write(self, asked: Sequence[Asked], feature: Feature, *, remove: bool, dry_run: bool) -> list[Receipt]:
        """A receipt for each fact, in order; the same fact twice is written once."""
        can = self._hands.capabilities().get(feature)
        dated = feature is Feature.HISTORY and (can or {}).get("dates") == "exact"
        wishes = Wishes(feature, remove, dated)
        receipts: dict[tuple[str, str], Receipt] = {}
        waiting: Part = {}
        keys = [(fact.ref.claim(), text(fact.value)) for fact, _ in asked]
        for key, (fact, items) in zip(keys, asked, strict=True):
            receipt = _needless(fact, items, feature, can, remove=remove)
            if receipt is None and dry_run:
                would = [self._hands.would(item, feature, None if remove else fact.value) for item in items]
                receipt = Receipt(fact, Outcome.DONE, "would send " + "; ".join(would), seen=would)
            if receipt is not None:
                receipts.setdefault(key, receipt)
                continue
            waiting[key] = fact, {**waiting[key][1], **items} if key in waiting else items
            wishes.add(fact, items)
        wishes.planned, order = len(waiting), list(waiting)
        self._pace.plan(wishes.planned)
        try:
            for start in range(0, len(order), AT_ONCE):
                receipts |= self._send({key: waiting[key] for key in order[start : start + AT_ONCE]}, wishes)
        finally:
            self._pace.skip(wishes.planned)  # what was not sent
        return [replace(receipts[key], fact=fact) for key, (fact, _) in zip(keys, asked, strict=True)]

    def _send(self, part: Part, wishes: Wishes) -> dict[tuple[str, str], Receipt]:
        """Look, write what differs, look again where answers did not tell."""
        if not wishes.goes_on():
            return _all_refused(part, wishes)
        try:
            playing, before = self._hands.playing(), self._look({item for _, items in part.values() for item in items})
        except RemoteError as problem:
            wishes.went_wrong(problem)
            return _all_refused(part, wishes, problem)
        with self._store.read() as db:
            stuck = StuckWrites(db).of(self._account, wishes.feature)
        batch = Batch(wishes, before, playing, stuck, self._clock.now() + AFTER_PLAYING)
        for fact, items in part.values():
            rows = batch.to_write(fact, items) if wishes.goes_on() else []
            self._plan(len(rows) - 1, wishes)  # it was planned as one write
            for row in rows:
                if wishes.goes_on():
                    self._write(batch, row, fact.value)
        self._settle(batch)
        self._remember(batch, part)
        return {key: batch.receipt(fact, items) for key, (fact, items) in part.items()}

    def _write(self, batch: Batch, row: Row, value: Any) -> None:
        """Write one copy, once."""
        wishes, hands, item = batch.wishes, self._hands, row.item
        if not self._pace.take():
            wishes.stop = STOPPING, None
            return
        wishes.planned -= 1
        wishes.sent[item] = None
        try:
            batch.after[item] = (
                hands.take(row, wishes.feature) if wishes.remove else hands.put(row, wishes.feature, value)
            )
            wishes.went_well()
        except RemoteError as problem:
            wishes.sent[item] = problem.what, problem.retry_at
            wishes.went_wrong(problem)
            if problem.maybe_done or problem.status == 404:  # settled by looking, never by repeating
                batch.after[item] = None

    def _settle(self, batch: Batch) -> None:
        """Look at what was written where the answer did not tell."""
        blind = {item for item, row in batch.after.items() if row is None}
        try:
            found = self._look(blind)
        except RemoteError as problem:
            batch.lost = problem.what
            batch.wishes.went_wrong(problem)
        else:
            batch.after |= found
            batch.gone |= blind - set(found)

    def _remember(self, batch: Batch, part: Part) -> None:
        """Count what did not stick; forget what did."""
        found = {item: held for asked in part.values() for item, held in batch.stuck_now(*asked).items()}
        if not found:
            return
        with self._store.write() as db:
            stuck, feature, now = StuckWrites(db), batch.wishes.feature, self._clock.now()
            for item, held in found.items():
                if held is None:
                    stuck.settled(self._account, feature, item)
                else:
                    wanted, (old, new) = batch.wishes.wanted(item), held
                    stuck.failed(self._account, feature, item, wanted=wanted, before=old, held=new, at=now)

    def _look(self, items: Iterable[str]) -> dict[str, Row]:
        order = sorted(items)
        looks = (self._hands.look(order[start : start + AT_ONCE]) for start in range(0, len(order), AT_ONCE))
        return {row.item: row for rows in looks for row in rows}

    def _plan(self, more: int, wishes: Wishes) -> None:
        wishes.planned += more
        if more < 0:
            self._pace.skip(-more)
        else:
            self._pace.plan(more)


def _needless(
    fact: Fact, items: Iterable[str], feature: Feature, can: dict[str, Any] | None, *, remove: bool
) -> Receipt | None:
    """Why a fact needs no look at the server."""
    if can is None or not can.get("writable", True):
        why = "lies on its disks" if feature is Feature.COLLECTION else "may not be changed by this account"
        return Receipt(fact, Outcome.REFUSED, f"What the server holds of the {feature} {why}.")
    if fact.ref.kind not in can.get("types", KINDS[feature]):
        return Receipt(fact, Outcome.REFUSED, f"The server keeps no {feature} of a {fact.ref.kind}.")
    if feature is Feature.RATINGS and not remove and not is_rating(fact.value.value):
        return Receipt(fact, Outcome.REFUSED, f"{fact.value.value} is no rating: they go from 1 to 10.")
    if not items:
        return Receipt(fact, Outcome.NOT_FOUND, "No library here has it.")
    return None


def _all_refused(part: Part, wishes: Wishes, problem: RemoteError | None = None) -> dict[tuple[str, str], Receipt]:
    """Nothing of this was sent."""
    why, until = wishes.stop or ("", None)
    if problem is not None:
        why, until = problem.what, problem.retry_at
    return {key: Receipt(fact, Outcome.REFUSED, why, until) for key, (fact, _) in part.items()}
