"""What a plan leaves behind in the store: doubts settled first, then Agreed, Seen, viewings and journal together.

Title by title, in portions, so that what happens live is never kept waiting. What is not stored yet when the process
ends is simply read again: the marks move last.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta

from sidecar.contract import Plays, Scope
from sidecar.model import Feature
from sidecar.store.baseline import Baseline
from sidecar.store.db import Store, Transaction
from sidecar.store.ledger import Ledger, Play
from sidecar.store.runs import Runs
from sidecar.store.titles import Titles
from sidecar.store.waiting import Held, Waiting
from sidecar.sync.case import COUNTED, Case
from sidecar.sync.linked import Linked
from sidecar.sync.memory import put_seen, seen_of, stored
from sidecar.sync.plan import Change, Claim, Plan, Seen
from sidecar.sync.reading import Taken
from sidecar.viewing import Told

PORTION = 500  # titles in one transaction
UNDER_WAY = timedelta(minutes=2)  # how long what was sent without an answer may still be carried out
Numbered = tuple[int, Change]


def settle(db: Transaction, trakt: Linked, taken: Taken | None, now: datetime, last: datetime | None) -> bool:
    """Settle by what was read what was sent without an answer; whether it is too early for that."""
    if last is not None and abs(now - last) < UNDER_WAY:  # a clock may have been set back
        return True
    doubts = Ledger(db).in_doubt(trakt.trakt)
    if taken is None or not taken.index.complete or not doubts:
        return False
    seen = seen_of(db, trakt.id, Feature.HISTORY, trakt=True, titles={title for title, _ in doubts})
    kinds = Titles(db).kinds(title for title, _ in doubts)
    for title, row in doubts:
        before, index = seen.get(title, Seen(None)).value, taken.index
        read = index.scope is Scope.FULL and (index.kinds is None or kinds[title][0] in index.kinds)
        shown = taken.facts.get(title) if read else before
        minutes = shown.minutes if isinstance(shown, Plays) else ()
        known = before.minutes.count(None) if isinstance(before, Plays) else 0
        there = row.minute in minutes if row.minute is not None else minutes.count(None) > known
        Ledger(db).set_told(row.id or 0, Told.YES if there else Told.NO, now)
    return False


class Keeping:
    """Stores what one merge came to."""

    def __init__(self, store: Store, case: Case, now: datetime) -> None:
        self._store, self._case, self._now = store, case, now

    def absorb(self, run: int, plan: Plan, first: int, *, moves_marks: bool) -> list[Numbered]:
        """Store the plan, its changes as the journal from this number on; gives them with their numbers."""
        case, numbered = self._case, list(enumerate(plan.changes, first))
        claims, journal = dict[int, list[Claim]](), dict[int, list[Numbered]]()
        for claim in plan.claims:
            claims.setdefault(claim.title, []).append(claim)
        for number, change in numbered:
            journal.setdefault(change.title, []).append((number, change))
        every = {*journal, *claims, *(t for t, _ in plan.gone), *plan.never}.union(plan.agreed, *plan.seen.values())
        until_written = case.before.text({*case.before.open, *every})  # what the next run looks at if this one ends
        for titles in _portions(every):
            with self._store.write() as db:
                Waiting(db).settle(case.person.id, case.feature, until_written)
                Baseline(db).put_agreed(
                    case.person.id, case.feature, {t: plan.agreed[t] for t in titles if t in plan.agreed}
                )
                for side, rows in plan.seen.items():
                    put_seen(db, side, case.feature, {title: rows[title] for title in titles if title in rows})
                self._went(db, plan, titles)  # what went does not stand for what is said now
                self._claim(db, [claim for title in titles for claim in claims.get(title, ())])
                self._taken_back(db, plan, titles)
                Runs(db).plan(run, [stored(*each) for title in titles for each in journal.get(title, ())])
        with self._store.write() as db:
            Waiting(db).count(case.person.id, case.feature, plan.counts, self._now)
            Waiting(db).forget_counts(self._now - COUNTED)
            self._hold(db, run, plan)
            for side, taken in case.taken.items() if moves_marks else ():
                state = taken.after
                if side in plan.looks or any(part.side == side for part in plan.held):
                    # What was said and not taken in is to be heard again.
                    state = dataclasses.replace(state, mark=None, whole_at=None, known_at=taken.before.known_at)
                Baseline(db).set_state(side, case.feature, state)
        return numbered

    def join(self, side: int) -> None:
        """The first spread of a side ended."""
        with self._store.write() as db:
            state = Baseline(db).state(side, self._case.feature)
            joined = state.joined_at or self._now
            Baseline(db).set_state(side, self._case.feature, dataclasses.replace(state, joined_at=joined))

    def settled(self, open_titles: set[int]) -> None:
        """All sides agree but for these titles; where they are too many, the next run looks at all."""
        case = self._case
        before = set(case.before.open) if case.policy.only is not None else set()
        with self._store.write() as db:
            Waiting(db).settle(case.person.id, case.feature, case.settled.text(open_titles | before))

    def _claim(self, db: Transaction, claims: list[Claim]) -> None:
        """Give the ledger what was said, with the plays that Trakt shows."""
        case, trakt = self._case, self._case.trakt
        if trakt is None:
            return
        for claim in claims:
            value = self._shown(trakt.id, claim.title)
            plays = [Play(minute) for minute in value.minutes] if value is not None else []
            Ledger(db).claim(
                trakt.trakt,
                claim.title,
                claim.sighting,
                self._now,
                runtime=case.policy.runtime(claim.title),
                plays=plays,
                first=claim.first,
                inexact=value is not None and value.inexact,
            )

    def _went(self, db: Transaction, plan: Plan, titles: set[int]) -> None:
        """Viewings that are not on Trakt any more."""
        ledger, uuid = Ledger(db), self._case.trakt.trakt if self._case.trakt else ""
        for title, minute in plan.gone:
            for row in ledger.of_title(uuid, title) if title in titles else ():
                if row.minute == minute and row.told is Told.YES:
                    ledger.set_told(row.id or 0, Told.GONE, self._now)

    def _taken_back(self, db: Transaction, plan: Plan, titles: set[int]) -> None:
        """Viewings that shall not be told any more."""
        ledger, uuid = Ledger(db), self._case.trakt.trakt if self._case.trakt else ""
        for title in plan.never:
            for row in ledger.of_title(uuid, title) if title in titles else ():
                if row.told is Told.NO:
                    ledger.set_told(row.id or 0, Told.NEVER, self._now)

    def _hold(self, db: Transaction, run: int, plan: Plan) -> None:
        """What is held now takes the place of what was held of the sides that were read."""
        case, waiting = self._case, Waiting(db)
        read = {side for side, taken in case.taken.items() if taken.index.complete and taken.index.scope is Scope.FULL}
        held = {(part.side, part.rule) for part in plan.held}
        if case.policy.only is None:
            before = waiting.held(case.person.id, case.feature)
            waiting.release(part.id for part in before if part.side in read and (part.side, part.rule) not in held)
            for part in plan.held:
                waiting.hold(
                    Held(
                        *(0, case.person.id, case.feature, part.side, part.rule, run, part.titles, part.why, ""),
                        self._now,
                    )
                )

    def _shown(self, side: int, title: int) -> Plays | None:
        """What a side shows of a title, as read or as it was seen."""
        read = self._case.reads.get(side)
        if read is not None and (title in read.facts or read.says_absent(title, self._case.policy.kinds.get(title))):
            value = read.facts.get(title)
        else:
            value = self._case.seen[side].get(title, Seen(None)).value
        return value if isinstance(value, Plays) else None


def _portions(titles: set[int]) -> Iterator[set[int]]:
    """All titles of a plan, so many at a time."""
    each = sorted(titles)
    for start in range(0, len(each), PORTION):
        yield set(each[start : start + PORTION])
