"""When runs begin by themselves: what is due `sync` knows, whether now is a good moment is decided here.

Everybody's turn comes a little shifted, so that nobody is asked by all at once. A night that was slept through and a
quiet span are made up for by one run. What live asked for is no scheduled run: it begins at once, at night, too.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta, tzinfo
from typing import Protocol

from sidecar.clock import Clock
from sidecar.errors import SidetraktError
from sidecar.settings import Sync
from sidecar.store.db import Store
from sidecar.store.people import People, Person
from sidecar.sync.alerting import tell
from sidecar.sync.request import Due, Progress, Request, Result

log = logging.getLogger(__name__)

TURN = timedelta(seconds=15)
SPREAD = timedelta(minutes=2)  # by which turns are shifted at most, and never by more than a tenth of their interval
SCHEDULE = "schedule"
Spawn = Callable[[Callable[[], None]], object]


class Runs(Protocol):
    """What the schedule needs of sync."""

    def due(self, now: datetime) -> list[Due]:
        """Runs whose time has come: every `every` of the person, and titles that live asked for."""

    def run(self, person: Person, request: Request) -> Iterator[Progress | Result]:
        """Carry out a run, or join the one that goes on."""

    def waits_for_preview(self, person: Person) -> bool:
        """Whether nothing may begin by itself for this person yet."""


class Schedule:
    """Begins runs; `turn` is called every few seconds and never waits."""

    def __init__(
        self,
        sync: Runs,
        store: Store,
        settings: Sync,
        clock: Clock,
        *,
        spawn: Spawn | None = None,
        chance: Callable[[float, float], float] = random.uniform,
        zone: tzinfo | None = None,
    ) -> None:
        self._sync, self._store, self._settings, self._clock = sync, store, settings, clock
        self._spawn, self._chance, self._zone = spawn or _in_thread, chance, zone
        self._asked: dict[int, bool] = {}  # persons who get a run at any rate, and whether it reads everything
        self._later: dict[int, float] = {}  # when a turn that has come begins, on the steady clock
        self._going: set[int] = set()
        self._turned: datetime | None = None
        self._lock = threading.Lock()

    def ask(self, server: str) -> None:
        """A server's library was scanned, or nothing was heard of it for a while: its people get a run."""
        with self._store.read() as db:
            people = People(db)
            found = {person.id for person in people.all() for each in people.accounts(person) if each.server == server}
        with self._lock:
            self._asked |= dict.fromkeys(found - self._asked.keys(), False)

    def turn(self) -> None:
        """Begin what is due and may begin now."""
        try:
            now = self._clock.now()
            self._look_for_reasons(now)
            for due in self._wanted(now):
                if self._may_begin(due, now):
                    self._begin(due)
        except SidetraktError as problem:
            log.warning("The schedule could not look what is due: %s", problem)

    def _look_for_reasons(self, now: datetime) -> None:
        """At the start, and when `at` has come, everybody gets a run."""
        before, self._turned = self._turned, now
        whole = before is not None and self._passed(before, now)
        with self._store.read() as db:
            found = {person.id for person in People(db).all()}
        if before is None or whole:
            with self._lock:
                self._asked |= dict.fromkeys(found, whole)
        if before is None:  # starts are spread as it is
            self._later = dict.fromkeys(found, self._clock.monotonic())

    def _wanted(self, now: datetime) -> Iterator[Due]:
        """What is due, and the runs that were asked for beside it; nothing of persons who are not linked."""
        with self._store.read() as db:
            people = People(db)
            linked = {person.id: person for person in people.all() if people.linked(person) is not None}
        begun = {number for number, person in linked.items() if not self._sync.waits_for_preview(person)}
        with self._lock:
            self._asked = {number: whole for number, whole in self._asked.items() if number in begun}
            asked = dict(self._asked)
        for due in self._sync.due(now):
            if due.request.asked_by != SCHEDULE:
                yield due
            elif due.person.id in linked:
                asked.setdefault(due.person.id, False)
        for number, whole in asked.items():
            yield Due(person=linked[number], request=Request(asked_by=SCHEDULE, whole=whole))

    def _may_begin(self, due: Due, now: datetime) -> bool:
        """Whether this is the moment: nothing of this person goes, it is not quiet, and the shifted turn has come."""
        person = due.person.id
        if person in self._going:
            return False
        if due.request.asked_by != SCHEDULE:
            return True
        with self._store.read() as db:
            chosen = People(db).options(due.person)
        quiet = chosen["quiet"][0] if "quiet" in chosen else ""
        if self._is_quiet(quiet or self._settings.quiet, now):
            self._later.pop(person, None)
            return False
        if person not in self._later:
            spread = min(self._settings.every / 10, SPREAD).total_seconds()
            self._later[person] = self._clock.monotonic() + self._chance(0.0, spread)
        return self._clock.monotonic() >= self._later[person]

    def _begin(self, due: Due) -> None:
        with self._lock:
            self._going.add(due.person.id)
            if due.request.asked_by == SCHEDULE:
                self._later.pop(due.person.id, None)
                self._asked.pop(due.person.id, None)
        self._spawn(lambda: self._follow(due))

    def _follow(self, due: Due) -> None:
        """Have a run carried out, and say what somebody must know of it."""
        try:
            for step in self._sync.run(due.person, due.request):
                if isinstance(step, Result):
                    tell(self._store, step, self._clock.now())
        except SidetraktError as problem:
            log.warning("The run of %s could not begin: %s", due.person.name, problem)
        except Exception:
            log.exception("A scheduled run failed; it is tried again at its next turn")
        finally:
            with self._lock:
                self._going.discard(due.person.id)

    def _passed(self, before: datetime, now: datetime) -> bool:
        """Whether the time of the day for the complete read came since the last turn."""
        if not self._settings.at:
            return False
        local = now.astimezone(self._zone)
        moment = local.replace(hour=int(self._settings.at[:2]), minute=int(self._settings.at[3:]), second=0)
        moment = moment.replace(microsecond=0)
        return before < (moment if moment <= local else moment - timedelta(days=1)) <= now

    def _is_quiet(self, span: str, now: datetime) -> bool:
        """Whether a span such as 23:00-07:00 holds this moment, by the clock on this machine's wall."""
        if not span:
            return False
        begin, end = (time.fromisoformat(part) for part in span.split("-"))
        local = now.astimezone(self._zone).time()
        return begin <= local < end if begin <= end else local >= begin or local < end


def _in_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="scheduled run", daemon=True).start()
