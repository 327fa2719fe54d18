"""Writing to Trakt without ever writing a play twice.

In batches of a hundred, all types of one endpoint together, in order of time. Trakt does not recognise repeats: after
a lost or broken answer we look what is there before anything is sent again, and what cannot be looked up stays unknown.
Plays are removed by their own ids only, never by naming a title.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sidecar.clock import to_minute
from sidecar.contract import Fact, Outcome, Plays, Receipt, failed
from sidecar.errors import BadAnswer, Refused, RemoteError, SidetraktError
from sidecar.model import Feature
from sidecar.trakt.bodies import Prepared, prepare
from sidecar.trakt.client import Trakt
from sidecar.trakt.minimal import minute_of
from sidecar.trakt.push import BATCH, SETTLE, Push
from sidecar.trakt.reads import Reads
from sidecar.trakt.wire import Row, Written


class Writes:
    """Writing for one account."""

    def __init__(self, trakt: Trakt, account: str, reads: Reads) -> None:
        self._trakt, self._account, self._reads = trakt, account, reads

    def add(self, facts: Sequence[Fact], feature: Feature) -> list[Receipt]:
        """Add or update; a receipt for each fact, in the same order."""
        return self._push(prepare(facts, feature), feature, remove=False)

    def remove(self, facts: Sequence[Fact], feature: Feature) -> list[Receipt]:
        """Take exactly these away: plays by history id, other things by title."""
        prepared = prepare(facts, feature, remove=True)
        if feature is Feature.HISTORY:
            return self._remove_plays(prepared)
        return self._push(prepared, feature, remove=True)

    def history_ids(self, fact: Fact) -> tuple[list[Row], list[Row]]:
        """The plays that a fact names, as Trakt has them, and the other plays of its title."""
        wanted = Counter(to_minute(at) if at else None for at in fact.value.minutes)
        named: list[Row] = []
        others: list[Row] = []
        for row in self._reads.plays_of(fact.ref):
            minute = minute_of(row.watched_at)
            hit = row.id is not None and wanted[minute] > 0
            wanted[minute] -= hit
            (named if hit else others).append(row)
        return named, others

    def _push(self, prepared: Prepared, feature: Feature, *, remove: bool) -> list[Receipt]:
        push = Push(self._trakt, self._account, self._reads, feature, remove=remove)
        receipts = push.send(prepared.entries())
        return [
            prepared.refused.get(index) or _together(fact, [receipts[entry] for entry in prepared.of[index]])
            for index, fact in enumerate(prepared.facts)
        ]

    def _remove_plays(self, prepared: Prepared) -> list[Receipt]:
        """Look for the ids of all, send them in batches, and say what is left."""
        receipts, found = dict(prepared.refused), dict[int, tuple[list[Row], list[Row]]]()
        stopped: SidetraktError | None = None
        for index, fact in enumerate(prepared.facts):
            if index in receipts:
                continue
            if stopped is not None:
                receipts[index] = failed(fact, stopped)
                continue
            try:
                found[index] = self.history_ids(fact)
            except SidetraktError as problem:
                receipts[index] = failed(fact, problem)
                if type(problem) not in (Refused, BadAnswer):  # those are about this title alone
                    stopped = problem
        numbers = sorted({row.id for named, _ in found.values() for row in named if row.id is not None})
        gone = self._remove_numbers(numbers)
        for index, (named, others) in found.items():
            receipts[index] = self._after_removal(prepared.facts[index], named, others, gone)
        return [receipts[index] for index in range(len(prepared.facts))]

    def _remove_numbers(self, numbers: list[int]) -> set[int] | SidetraktError:
        """Remove plays by id, which may be repeated; gives those that are surely gone, or what went wrong."""
        gone: set[int] = set()
        for start in range(0, len(numbers), BATCH):
            part = numbers[start : start + BATCH]
            try:
                answer = self._twice({"ids": part})
            except SidetraktError as problem:
                return gone or problem
            missing = {number for number in answer.not_found.get("ids", []) if isinstance(number, int)}
            if answer.deleted.total + len(missing) == len(part):
                gone.update(part)
        return gone

    def _after_removal(
        self, fact: Fact, named: list[Row], others: list[Row], gone: set[int] | SidetraktError
    ) -> Receipt:
        left = [*others] if isinstance(gone, set) and gone.issuperset(row.id for row in named) else None
        if not named:
            return Receipt(fact, Outcome.ALREADY, seen=_plays(others))
        if left is not None:
            return Receipt(fact, Outcome.DONE, seen=_plays(left))
        try:
            rows = self._reads.plays_of(fact.ref)
        except SidetraktError as problem:
            return Receipt(fact, Outcome.UNKNOWN, problem.what)
        if {row.id for row in rows} & {row.id for row in named}:
            why = gone.what if isinstance(gone, SidetraktError) else "Trakt did not remove it"
            until = gone.retry_at if isinstance(gone, RemoteError) else None
            return Receipt(fact, Outcome.REFUSED, why, until=until, seen=_plays(rows))
        return Receipt(fact, Outcome.DONE, seen=_plays(rows))

    def _twice(self, body: dict[str, Any]) -> Written:
        """Send something that may be repeated without harm: once more after a doubtful answer."""
        try:
            return self._trakt.write(self._account, Feature.HISTORY, body, remove=True)
        except RemoteError as problem:
            if not problem.maybe_done:
                raise
            self._trakt.limits.pause(self._account, "write", SETTLE)
            return self._trakt.write(self._account, Feature.HISTORY, body, remove=True)


def _together(fact: Fact, receipts: list[Receipt]) -> Receipt:
    """One receipt for a fact of several entries: the worst of them, with all that was done."""
    order = (Outcome.UNKNOWN, Outcome.REFUSED, Outcome.NOT_FOUND, Outcome.DONE, Outcome.ALREADY)
    worst = replace(min(receipts, key=lambda receipt: order.index(receipt.outcome)), fact=fact)
    if not isinstance(fact.value, Plays):
        return worst
    done = tuple(at for receipt in receipts if isinstance(receipt.seen, Plays) for at in receipt.seen.minutes)
    return replace(worst, seen=Plays(done), remote=worst.remote if len(receipts) == 1 else None)


def _plays(rows: list[Row]) -> Plays:
    return Plays(tuple(minute_of(row.watched_at) for row in rows))
