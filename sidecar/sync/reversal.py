"""Taking a run back, as a run of its own: what still is as that run left it becomes as it was.

It is remembered: who differs from what is agreed then may do so, and the next run repeats none of it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from msgspec.structs import replace

from sidecar.errors import UserError
from sidecar.model import Feature
from sidecar.store.baseline import Baseline
from sidecar.store.people import Person
from sidecar.store.runs import Runs
from sidecar.sync.engine import Say, Tools, Work
from sidecar.sync.keeping import Numbered
from sidecar.sync.linked import Linked, numbered
from sidecar.sync.memory import agreed_of, change_of, put_seen, seen_of, stored
from sidecar.sync.plan import Change, Note, Seen
from sidecar.sync.reading import Tell, Values
from sidecar.sync.request import Progress
from sidecar.sync.sending import Sending
from sidecar.sync.undo import Undo, left, undo

UNSEEN = "It could not be looked at; it stays."
Shown = dict[tuple[int, int], Any]


class Reversal:
    """Takes one run back."""

    def __init__(self, tools: Tools, person: Person, undoes: int, run: int | None, tell: Say) -> None:
        self._tools, self._store, self._now = tools, tools.store, tools.clock.now()
        self._person, self._undoes, self._run, self._say = person, undoes, run, tell
        self._work = Work()
        self._sides: list[Linked] = []

    @property
    def sides(self) -> list[Linked]:
        """The sides of this run."""
        return self._sides

    def work(self) -> Work:
        """Look, decide, store what is remembered, write."""
        self._sides = numbered(self._store, self._tools.find(self._person))
        known = {side.id: side for side in self._sides}
        with self._store.read() as db:
            rows = Runs(db).changes(self._undoes, ("done", "sent"))
        done = [change_of(row, trakt=bool(known[row.side].trakt)) for row in rows if row.side in known]
        if not done:
            raise UserError(f"Run {self._undoes} changed nothing that could be taken back.", "See `sidetrakt runs`.")
        for feature in dict.fromkeys(change.feature for change in done):
            if not self._work.stopped:
                self._feature(feature, [change for change in done if change.feature is feature])
        return self._work

    def _feature(self, feature: Feature, done: list[Change]) -> None:
        titles = {change.title for change in done}
        shown, blind = self._shown(feature, titles)
        with self._store.read() as db:
            agreed = agreed_of(db, self._person.id, feature, titles)
            sides = [side.as_side(feature, joined=True) for side in self._sides if side.id not in blind]
        seen_by = [change for change in done if change.side not in blind]
        found = undo(seen_by, shown, agreed, sides)
        self._work.notes += found.notes
        self._work.notes += [
            Note("changed", change.title, change.side, UNSEEN) for change in done if change.side in blind
        ]
        first = len(self._work.changes)
        self._work.changes += found.changes
        if self._run is None:
            return
        changes = list(enumerate(found.changes, first))
        self._remember(feature, found, shown, changes)
        sending = Sending(
            self._store, self._tools.clock, self._run, self._work.tally,
            after=lambda row, change, value: left(row, found, change, value, self._now),
        )  # fmt: skip
        for side in self._sides:
            mine = [each for each in changes if each[1].side == side.id]
            ended = sending.send(side, self._sides, mine, partial(self._tell, side.side.label(), len(mine)))
            self._work.stopped |= not ended and self._tools.stopping()

    def _shown(self, feature: Feature, titles: set[int]) -> tuple[Shown, set[int]]:
        """What every side shows of these titles now, and the sides that cannot be looked at."""
        shown, blind = Shown(), set[int]()
        for side in self._sides:
            self._say(Progress(step="looks", what=f"{side.side.label()}: {feature}"))
            if feature not in side.side.features() or not side.side.is_configured():
                blind.add(side.id)
                continue
            facts = self._read(side, feature) if side.trakt else self._look(side, feature, titles)
            if facts is None:
                blind.add(side.id)
            shown |= {(side.id, title): facts[title] for title in titles & facts.keys()} if facts else {}
        return shown, blind

    def _read(self, side: Linked, feature: Feature) -> Values | None:
        """All of Trakt, so that it says under which names it has what we told it."""
        tell: Tell = lambda step, what: self._say(Progress(step=step, what=what))  # noqa: E731
        readings = self._tools.reader.read([side], [feature], full=True, titles=None, tell=tell, home=self._sides)
        taken = readings.taken.get((feature, side.id))
        return taken.facts if taken is not None and taken.index.complete else None

    def _look(self, side: Linked, feature: Feature, titles: set[int]) -> Values | None:
        look = self._tools.reader.look(side, feature, titles)
        with self._store.read() as db:
            rows = seen_of(db, side.id, feature, trakt=False, titles=titles)
        return look.facts if look.asked or not any(row.value is not None for row in rows.values()) else None

    def _remember(self, feature: Feature, found: Undo, shown: Shown, changes: list[Numbered]) -> None:
        """What is agreed and what may differ from now on, with the journal, before anything is sent."""
        with self._store.write() as db:
            Baseline(db).put_agreed(self._person.id, feature, found.agreed)
            for side in self._sides:
                kept = found.kept.get(side.id, set())
                rows = seen_of(db, side.id, feature, trakt=bool(side.trakt), titles=kept)
                marked = {
                    title: replace(rows.get(title) or Seen(shown.get((side.id, title))), kept_since=self._now)
                    for title in kept
                }
                put_seen(db, side.id, feature, marked)
            Runs(db).plan(self._run or 0, [stored(*each) for each in changes])

    def _tell(self, what: str, total: int, done: int) -> bool:
        if total:
            self._say(Progress(step="writes", what=what, done=done, total=total))
        return self._tools.stopping()
