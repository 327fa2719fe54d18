"""One run of one person: read all sides, merge, store, write, and say what came of it.

A feature or a side that fails does not stop the others. Nothing here knows a provider by name, and a preview goes the
same way up to the moment where something would be stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from msgspec.structs import replace

from sidecar.clock import Clock
from sidecar.contract import Plays
from sidecar.errors import SidetraktError, UserError
from sidecar.model import Feature
from sidecar.store.db import Store
from sidecar.store.elsewhere import Elsewhere
from sidecar.store.ledger import Ledger
from sidecar.store.matches import Matches
from sidecar.store.people import Person
from sidecar.store.runs import Runs
from sidecar.store.titles import Titles
from sidecar.store.waiting import Waiting
from sidecar.sync.case import Case, Layout
from sidecar.sync.chosen import Chosen
from sidecar.sync.keeping import Keeping, Numbered, settle
from sidecar.sync.linked import Find, Linked, numbered
from sidecar.sync.match import take_back
from sidecar.sync.memory import seen_of
from sidecar.sync.merge import merge
from sidecar.sync.plan import Change, Note, Plan, Seen
from sidecar.sync.reading import Reader, Readings
from sidecar.sync.request import Progress, Request
from sidecar.sync.sending import Sending, Tally
from sidecar.sync.sides import Decision

Say = Callable[[Progress], None]
OFFERED = "Trakt was told of it while an item on {side} was taken for it; remove that play there if nobody watched it."


@dataclass(slots=True)
class Work:
    """What one run has come to so far."""

    readings: Readings = field(default_factory=Readings)
    changes: list[Change] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    problems: list[SidetraktError] = field(default_factory=list)
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Tools:
    """What every run works with."""

    store: Store
    find: Find
    reader: Reader
    elsewhere: Elsewhere
    clock: Clock
    possible: tuple[str, ...]  # the features that are on for everybody
    stopping: Callable[[], bool]


class Engine:
    """Carries out one run."""

    def __init__(self, tools: Tools, person: Person, request: Request, run: int | None, tell: Say) -> None:
        self._tools, self._store, self._now = tools, tools.store, tools.clock.now()
        self._person, self._request, self._run, self._say = person, request, run, tell
        self._work = Work()
        self._sides: list[Linked] = []

    def work(self) -> Work:
        """Do it; a side or a feature that fails is among what it came to."""
        tools, request = self._tools, self._request
        tools.elsewhere.prepare()
        sides = numbered(self._store, tools.find(self._person))
        if not sides:
            raise UserError(f"{self._person.name} has no account anywhere.", "Link Trakt, or add a server.")
        only = self._only(sides)
        with self._store.read() as db:
            features = Chosen.of(db, self._person).features(request.features, tools.possible)
        full = request.full or request.baseline or request.whole
        self._work.readings = tools.reader.read(
            sides, features, full=full, titles=only if not request.library else None, tell=self._tell
        )
        sides = self._sides = numbered(self._store, tools.find(self._person))  # what was read is in memory no longer
        early = self._settle()
        for feature in features:
            if not self._stops():
                try:
                    self._feature(feature, only, early=early)
                except SidetraktError as problem:
                    self._work.problems.append(problem)
        return self._work

    @property
    def sides(self) -> list[Linked]:
        """The sides of this run."""
        return self._sides

    def _feature(self, feature: Feature, only: frozenset[int] | None, *, early: bool) -> None:
        """One feature: merge, look, merge again, store, write."""
        if not self._work.readings.of(feature):
            return
        self._tell("compares", feature)
        with self._store.read() as db:
            sides = self._sides
            case = Layout(db, self._person, feature, sides, self._now).case(self._work.readings, self._request, only)
        plan = self._merged(case)
        if self._request.baseline:
            plan = self._left_as_is(case, plan)
        left = self._not_now(case, plan, early=early)
        self._work.notes += [*plan.notes, *self._offered(case)]
        self._work.changes += plan.changes
        if self._run is None:
            self._work.tally.open.setdefault(feature, set()).update(*(part.titles for part in plan.held))
            return
        keeping = Keeping(self._store, case, self._now)
        first = len(self._work.changes) - len(plan.changes)
        changes = keeping.absorb(self._run, plan, first, moves_marks=only is None)
        self._spread(case, keeping, changes)
        if not self._stops() and not plan.held:
            waits = {note.title for note in plan.notes if note.kind == "waits"}
            looks = {title for titles in plan.looks.values() for title in titles}
            keeping.settled(left | waits | looks | self._work.tally.open.get(feature, set()))

    def _merged(self, case: Case) -> Plan:
        """The plan, with the looks that it asks for."""
        plan, nameless = merge(case.agreed, case.seen, case.reads, case.policy), dict[int, frozenset[int]]()
        for number, titles in plan.looks.items():
            side = case.side(number)
            self._tell("looks", f"{side.side.label()}: {case.feature}")
            look = self._tools.reader.look(self._fresh(side), case.feature, titles)
            case.reads[number] = case.reads[number].looked(look.facts, look.asked, there=look.there)
            nameless[number] = look.nameless
        if plan.looks:
            plan = merge(case.agreed, case.seen, case.reads, case.policy)
            # What can never be asked for is not worth a new reading of everything in each run.
            looks = {
                side: [t for t in titles if t not in nameless.get(side, ())] for side, titles in plan.looks.items()
            }
            plan = replace(plan, looks={side: titles for side, titles in looks.items() if titles})
        if self._request.baseline and plan.held:
            passing = {(part.side, part.rule): Decision(apply=frozenset(part.titles)) for part in plan.held}
            plan = merge(case.agreed, case.seen, case.reads, replace(case.policy, decided=passing))
        return plan

    def _left_as_is(self, case: Case, plan: Plan) -> Plan:
        """Only new things from now on: whoever differs may do so, and nothing of the past is told."""
        seen = {side: dict(rows) for side, rows in plan.seen.items()}
        for change in plan.changes:
            row = seen[change.side].get(change.title) or case.seen[change.side].get(change.title) or Seen(None)
            seen[change.side][change.title] = replace(row, kept_since=self._now)
        trakt = case.trakt.id if case.trakt else 0
        never = [*plan.never, *(change.title for change in plan.changes if change.side == trakt)]
        return replace(plan, seen=seen, never=never, changes=(), held=())

    def _not_now(self, case: Case, plan: Plan, *, early: bool) -> set[int]:
        """Take out what is not to be tried now; gives those titles."""
        with self._store.read() as db:
            off = {side.id: Waiting(db).off(side.id, case.feature, self._now) for side in case.sides}
            if case.trakt is not None:  # what a person wants ignored is never told
                titles = [change.title for change in plan.changes if change.side == case.trakt.id]
                off[case.trakt.id] |= Chosen.of(db, self._person).ignored(Titles(db), titles)
        trakt, kept, left = case.trakt, list[Change](), set[int]()
        for change in plan.changes:
            row = case.seen[change.side].get(change.title)
            doubt = early and trakt is not None and change.side == trakt.id and isinstance(change.value, Plays)
            if change.title in off[change.side] or (doubt and row is not None and row.expected is not None):
                left.add(change.title)
                if why := off[change.side].get(change.title):
                    self._work.notes.append(Note("cannot", change.title, change.side, why))
            else:
                kept.append(change)
        plan.changes = kept
        return left

    def _offered(self, case: Case) -> list[Note]:
        """Plays that we told of titles for which their items do not stand any more: a person may take them back."""
        found, trakt = list[Note](), case.trakt
        for side in case.sides if trakt is not None and case.feature is Feature.HISTORY else ():
            moved = self._work.readings.changed.get(side.id, {})
            before = {item: titles for item, (titles, _) in moved.items()}
            old = {title for titles in before.values() for title in titles}
            if trakt is None or not old:
                continue
            with self._store.read() as db:
                now = {item: titles for item, (_, titles) in moved.items()}
                now |= {row[0]: (row[2],) for row in Matches(db).of_titles(side.server, old)}
                rows = seen_of(db, trakt.id, case.feature, trakt=True, titles=old)
                ledger = Ledger(db).by_title(trakt.trakt, old)
            told = {title: row.ours for title, row in rows.items() if row.ours is not None}
            why = OFFERED.format(side=side.side.label())
            offers = take_back(before, now, ledger, side.key, told)
            found += [Note("offered", title, trakt.id, why) for title in dict.fromkeys(each.title for each in offers)]
        return found

    def _spread(self, case: Case, keeping: Keeping, changes: list[Numbered]) -> None:
        """Write side by side; whoever got through its first time has joined."""
        sending = Sending(self._store, self._tools.clock, self._run or 0, self._work.tally)
        for side in case.sides:
            label, mine = side.side.label(), [each for each in changes if each[1].side == side.id]
            ended = sending.send(side, case.sides, mine, partial(self._count, f"{label}: {case.feature}", len(mine)))
            self._work.stopped |= not ended and self._stops()
            taken = case.taken.get(side.id)
            if ended and taken is not None and taken.index.complete and taken.whole and case.policy.only is None:
                keeping.join(side.id)

    def _count(self, what: str, total: int, done: int) -> bool:
        if total:
            self._say(Progress(step="writes", what=what, done=done, total=total))
        return self._stops()

    def _settle(self) -> bool:
        """Settle what was sent without an answer, before anything else; whether it is too early for that."""
        trakt = next((side for side in self._sides if side.trakt), None)
        if trakt is None or self._run is None:
            return False
        with self._store.write() as db:
            last = Runs(db).last_doubt(trakt.id)
            taken = self._work.readings.taken.get((Feature.HISTORY, trakt.id))
            return settle(db, trakt, taken, self._now, last)

    def _only(self, sides: list[Linked]) -> frozenset[int] | None:
        """The titles that the run is about, if it is not about all."""
        request, servers = self._request, [side.server for side in sides if side.server]
        if not (request.title or request.titles or request.library):
            return None
        with self._store.read() as db:
            named = set(request.titles) | (Titles(db).named(request.title) if request.title else set())
            within = Matches(db).titles(servers, request.library) if request.library else named
        found = frozenset(within & named if named else within)
        if not found:
            what = request.title or request.library
            raise UserError(f"Nothing here is called “{what}”.", "`sidetrakt unmatched` lists what has no title.")
        return found

    def _fresh(self, side: Linked) -> Linked:
        return next(each for each in self._sides if each.id == side.id)

    def _stops(self) -> bool:
        self._work.stopped |= self._tools.stopping()
        return self._work.stopped

    def _tell(self, step: str, what: str) -> None:
        self._say(Progress(step=step, what=what))
