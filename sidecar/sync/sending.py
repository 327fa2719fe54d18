"""Carrying out the changes of one side, batch by batch: what is expected is committed before, what came of it after.

Between two batches it can stop, what is playing is left alone, and plays that live took meanwhile are live's. An
answer that is lost leaves its rows as sent; the next run settles them by reading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from sidecar.clock import Clock
from sidecar.contract import Fact, Outcome, Plays, Receipt, State, Watched, failed
from sidecar.errors import SidetraktError
from sidecar.model import Feature, Ref
from sidecar.store.db import Store, Transaction
from sidecar.store.ledger import Ledger
from sidecar.store.matches import Matches
from sidecar.store.runs import Runs
from sidecar.store.titles import Titles
from sidecar.store.waiting import Waiting
from sidecar.sync.heard import is_watching, playing
from sidecar.sync.keeping import Numbered
from sidecar.sync.linked import Linked
from sidecar.sync.memory import put_seen, seen_of
from sidecar.sync.merge import confirmed, expecting
from sidecar.sync.plan import Change, Seen
from sidecar.sync.reading import refs_on
from sidecar.viewing import Told, Viewing

AT_ONCE, WHILE_WATCHING = 100, 25
AGAIN_AFTER = timedelta(days=1)  # what a side does not know is not asked of it all day
PLAYING, LIVES, NAMELESS = "It is being played.", "It is told as it was heard.", "It has no name there any more."
WORDS = {"add": "added", "remove": "removed"}
After = Callable[[Seen | None, Change, Any], Seen]


@dataclass(slots=True)
class Tally:
    """What became of the changes of a run so far."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)  # by side
    open: dict[Feature, set[int]] = field(default_factory=dict)  # titles that are not as agreed yet
    why: dict[str, set[int]] = field(default_factory=dict)  # what was not done, and of which titles
    down: dict[str, str] = field(default_factory=dict)  # sides that did not take anything any more

    def note(self, label: str, change: Change, what: str, why: str = "") -> None:
        """One change came to this."""
        self.counts.setdefault(label, Counter())[what] += 1
        if what not in WORDS.values():
            self.open.setdefault(change.feature, set()).add(change.title)
        if why:
            self.why.setdefault(f"{label}: {why}", set()).add(change.title)


@dataclass(frozen=True, slots=True)
class Begun:
    """A change that is about to be sent."""

    number: int
    change: Change
    fact: Fact
    before: Seen | None
    rows: tuple[Viewing, ...]  # of the ledger, that it tells
    trakt: bool


class Sending:
    """Writes for one run; `after` says what Seen becomes."""

    def __init__(self, store: Store, clock: Clock, run: int, tally: Tally, *, after: After = confirmed) -> None:
        self._store, self._clock, self._run, self._tally, self._after = store, clock, run, tally, after

    def send(
        self, side: Linked, sides: Sequence[Linked], changes: Sequence[Numbered], tell: Callable[[int], bool]
    ) -> bool:
        """Carry out all changes of a side; False if it ended before. `tell` takes how far it is, and says to stop."""
        waiting, label = list(changes), side.side.label()
        while waiting:
            if tell(len(changes) - len(waiting)):
                self._leave(label, waiting)
                return False
            first = waiting[0][1]
            batch = _batch(waiting, self._size(side, first), trakt=bool(side.trakt))
            waiting = waiting[len(batch) :]
            begun = self._begin(side, sides, batch)
            receipts = self._ask(side, first, [each.fact for each in begun]) if begun else []
            self._end(side, begun, receipts)
            if waiting and receipts and (why := self._is_down(side, receipts)):
                self._tally.down[label] = why
                self._leave(label, waiting)
                return False
        tell(len(changes))
        return True

    def _size(self, side: Linked, change: Change) -> int:
        if not side.trakt or change.feature is not Feature.HISTORY:
            return AT_ONCE
        with self._store.read() as db:
            return WHILE_WATCHING if is_watching(db, side.trakt) else AT_ONCE

    def _begin(self, side: Linked, sides: Sequence[Linked], batch: Sequence[Numbered]) -> list[Begun]:
        """Commit what is expected; gives what is to be sent."""
        titles, feature, found = {change.title for _, change in batch}, batch[0][1].feature, list[Begun]()
        with self._store.write() as db:
            busy, refs = playing(db, sides), _names(db, side, titles)
            rows = seen_of(db, side.id, feature, trakt=bool(side.trakt), titles=titles)
            for number, change in batch:
                value, viewings = change.value, tuple[Viewing, ...]()
                if side.trakt and feature is Feature.HISTORY and change.action == "add":
                    value, viewings = self._to_tell(db, side.trakt, change)
                why = PLAYING if change.title in busy else LIVES if value == NOTHING else ""
                why = why or ("" if change.title in refs else NAMELESS)
                if why:
                    Runs(db).set_change(self._run, number, "dropped", why)
                    self._tally.note(side.side.label(), change, "dropped", why)
                    continue
                for row in viewings:
                    Ledger(db).set_told(row.id or 0, Told.SENT, self._clock.now())
                sent, before, (ref, items) = replace(change, value=value), rows.get(change.title), refs[change.title]
                put_seen(db, side.id, feature, {change.title: expecting(before, sent)})
                Runs(db).set_change(self._run, number, "sent")
                fact = Fact(ref, value, change.items or items)
                found.append(Begun(number, sent, fact, before, viewings, bool(side.trakt)))
        return found

    def _to_tell(self, db: Transaction, trakt: str, change: Change) -> tuple[Plays, tuple[Viewing, ...]]:
        """The plays of a change that nobody told meanwhile, with their viewings."""
        rows = [row for row in Ledger(db).of_title(trakt, change.title) if row.told is not Told.GONE]
        minutes: list[datetime | None] = []
        told: list[Viewing] = []
        for minute in change.value.minutes:
            same = [row for row in rows if row.minute == minute and row not in told]
            free = [row for row in same if row.told is Told.NO]
            if free or not same:
                minutes.append(minute)
                told += free[:1]
        return Plays(tuple(minutes)), tuple(told)

    def _ask(self, side: Linked, change: Change, facts: list[Fact]) -> list[Receipt]:
        """Send one batch, outside of every transaction."""
        write = side.side.add if change.action == "add" else side.side.remove
        try:
            return write(facts, change.feature)
        except SidetraktError as problem:
            return [failed(fact, problem) for fact in facts]

    def _end(self, side: Linked, begun: Sequence[Begun], receipts: Sequence[Receipt]) -> None:
        """Commit what came of it, title by title: Seen, journal and ledger together."""
        label = side.side.label()
        with self._store.write() as db:
            for each, receipt in zip(begun, receipts, strict=True):
                change, outcome = each.change, receipt.outcome
                row, state, what = each.before or Seen(None), "refused", "refused"
                if outcome in (Outcome.DONE, Outcome.ALREADY):
                    row = self._after(each.before, change, _held(each, receipt))
                    state, what = "done", WORDS[change.action]
                elif outcome is Outcome.UNKNOWN:
                    row, state, what = expecting(_partly(each, receipt), change), "sent", "unknown"
                elif outcome is Outcome.NOT_FOUND:
                    state = "dropped"
                    if side.trakt:
                        until = self._clock.now() + AGAIN_AFTER
                        Waiting(db).put_off(side.id, change.feature, change.title, until, receipt.why)
                if outcome in (Outcome.REFUSED, Outcome.NOT_FOUND):
                    row = replace(_partly(each, receipt), expected=None)
                put_seen(db, side.id, change.feature, {change.title: row})
                self._move(db, side, each, receipt)
                Runs(db).set_change(self._run, each.number, state, receipt.why)
                self._tally.note(label, change, what, receipt.why if state != "done" else "")

    def _move(self, db: Transaction, side: Linked, each: Begun, receipt: Receipt) -> None:
        """What is told now, what is not after all, and what went from Trakt."""
        ledger, now, change = Ledger(db), self._clock.now(), each.change
        done = list(_told(each, receipt))
        for row in each.rows:
            if row.minute in done:
                done.remove(row.minute)
                ledger.set_told(row.id or 0, Told.YES, now)
            elif receipt.outcome is not Outcome.UNKNOWN:
                ledger.set_told(row.id or 0, Told.NO, now)
        if side.trakt and change.feature is Feature.HISTORY and change.action == "remove":
            gone = change.value.minutes if receipt.outcome in (Outcome.DONE, Outcome.ALREADY) else ()
            for row in ledger.of_title(side.trakt, change.title) if gone else ():
                if row.minute in gone and row.told in (Told.SENT, Told.YES):
                    ledger.set_told(row.id or 0, Told.GONE, now)

    def _is_down(self, side: Linked, receipts: Sequence[Receipt]) -> str:
        """Why a side takes nothing more now; nothing if it was about the titles."""
        if any(each.outcome not in (Outcome.REFUSED, Outcome.UNKNOWN) for each in receipts):
            return ""
        health = side.side.health()
        return "" if health.state is State.OK else health.what or receipts[0].why

    def _leave(self, label: str, waiting: Sequence[Numbered]) -> None:
        """These were not tried; they look different in the next run, too."""
        for _, change in waiting:
            self._tally.note(label, change, "dropped")
        with self._store.write() as db:
            for number, _ in waiting:
                Runs(db).set_change(self._run, number, "dropped", "The run ended before.")


NOTHING = Plays(())


def _batch(changes: Sequence[Numbered], room: int, *, trakt: bool) -> list[Numbered]:
    """As many of the first changes as are of one kind and fill one request, one at least; plays count on Trakt."""
    found: list[Numbered] = []
    for each in changes:
        room -= each[1].rows if trakt else 1
        if found and (room < 0 or each[1].action != found[0][1].action):
            break
        found.append(each)
    return found


def _names(db: Transaction, side: Linked, titles: set[int]) -> dict[int, tuple[Ref, tuple[str, ...]]]:
    """How titles are named to a side, with the items that stand for them there."""
    known = Titles(db).refs(titles)
    if not side.server:
        return {title: (ref, ()) for title, ref in known.items()}
    items: dict[int, tuple[str, ...]] = {}
    for remote, _, title, _ in Matches(db).of_titles(side.server, titles):
        items[title] = (*items.get(title, ()), remote)
    claims = {title: ref for ref, title in reversed(refs_on(db, side, titles).items())}
    return {title: (claims.get(title, known[title]), each) for title, each in items.items() if title in titles}


def _told(each: Begun, receipt: Receipt) -> tuple[datetime | None, ...]:
    """The plays of a change that are on Trakt now."""
    if not each.trakt or not isinstance(each.change.value, Plays) or each.change.action != "add":
        return ()
    if isinstance(receipt.seen, Plays):
        return receipt.seen.minutes
    return each.change.value.minutes if receipt.outcome in (Outcome.DONE, Outcome.ALREADY) else ()


def _partly(each: Begun, receipt: Receipt) -> Seen:
    """The Seen row with what of a change was carried out all the same."""
    row = each.before or Seen(None)
    if not (each.trakt and isinstance(receipt.seen, Plays) and each.change.action == "add"):
        return row
    return replace(row, value=_with(row.value, receipt.seen.minutes))


def _held(each: Begun, receipt: Receipt) -> Any:
    """What the side holds after a change, as far as the receipt says so."""
    change, before, seen = each.change, each.before.value if each.before is not None else None, receipt.seen
    if change.feature is Feature.HISTORY and each.trakt:
        if change.action == "add":
            return _with(before, _told(each, receipt))
        return seen if isinstance(seen, Plays) and seen.minutes else None
    if isinstance(seen, Watched) and not seen.plays and isinstance(before, Watched):
        return replace(seen, plays=before.plays)  # those it knows one by one were not asked for again
    return seen if seen is not None or change.feature is Feature.HISTORY or change.action == "remove" else change.value


def _with(before: Plays | None, minutes: tuple[datetime | None, ...]) -> Plays | None:
    """Plays with more of them."""
    known = before.minutes if before is not None else ()
    new = tuple(at for at in minutes if at is None or at not in known)
    return Plays((*known, *new), before is not None and before.inexact) if known or new else None
