"""Everything of sync that one process has: runs of persons, what they came to, what waits for a decision.

Whoever asks gets an iterator: `Progress` as it goes, and as the last thing a `Result`. The work goes on in a thread of
its own, whether or not somebody listens. One run per person at a time: a second request for the same joins the first,
what a person asked for goes before what the schedule did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from sidecar.clock import Clock
from sidecar.errors import UserError
from sidecar.model import Feature
from sidecar.servers.service import Servers
from sidecar.settings import Sync
from sidecar.store.db import Store
from sidecar.store.elsewhere import Elsewhere
from sidecar.store.people import People, Person
from sidecar.store.runs import Change, Run, Runs
from sidecar.store.waiting import Waiting
from sidecar.store.wishes import Wishes
from sidecar.sync.engine import Tools
from sidecar.sync.linked import Find, Household, numbered
from sidecar.sync.matching import AskTrakt, Matching
from sidecar.sync.queue import Job, Queue
from sidecar.sync.reading import Reader
from sidecar.sync.request import Due, HeldPart, Progress, Request, Result
from sidecar.sync.results import held_part
from sidecar.trakt.service import TraktService
from sidecar.words import parse_duration

COMPLETE = ("sync", "full", "baseline")  # runs that leave nothing out


class SyncService:
    """Runs for everybody in the household."""

    def __init__(
        self,
        store: Store,
        find: Find,
        ask: AskTrakt,
        *,
        elsewhere: Elsewhere,
        settings: Sync,
        clock: Clock,
        epoch: int,
        requests: Callable[[], int],
    ) -> None:
        self._store, self._find, self._settings, self._clock = store, find, settings, clock
        self._stopping = False
        reader = Reader(store, Matching(store, elsewhere, ask, clock), clock, settings.read_all_every)
        tools = Tools(store, find, reader, elsewhere, clock, settings.features, lambda: self._stopping)
        self._queue = Queue(tools, epoch, requests)

    @classmethod
    def of(
        cls,
        store: Store,
        trakt: TraktService,
        servers: Servers,
        settings: Sync,
        *,
        clock: Clock,
        epoch: int,
        requests: Callable[[], int],
    ) -> SyncService:
        """For the servers and the Trakt app of this process."""
        return cls(
            store,
            Household(store, trakt, servers),
            trakt.lookup.resolve,
            elsewhere=trakt.elsewhere,
            settings=settings,
            clock=clock,
            epoch=epoch,
            requests=requests,
        )

    def run(self, person: Person, request: Request) -> Iterator[Progress | Result]:
        """Carry out a run, or join the one that goes on already; the result comes last, also of a run that failed.

        With `request.preview` nothing is written anywhere, and the result says what would be done. A run that a
        person asks for and that is no preview also answers the first preview with "start".
        """
        if request.asked_by == "a person" and not request.preview:
            with self._store.write() as db:
                Waiting(db).begin(person.id, self._clock.now())
        return self._queue.ask(Job(person, request))

    def runs(self, most: int = 20) -> list[Run]:
        """The newest runs of everybody, newest first; `Run.summary` is the `Result` as plain JSON."""
        with self._store.read() as db:
            return Runs(db).latest(most)

    def changes(self, run: int) -> list[Change]:
        """What a run did or meant to do, change by change; raises UserError where there is no such run."""
        self._get(run)
        with self._store.read() as db:
            return Runs(db).changes(run)

    def undo(self, run: int, *, preview: bool = False) -> Iterator[Progress | Result]:
        """Take a run back, as a run of its own; raises UserError where there is no such run, or nothing to undo."""
        before = self._get(run)
        with self._store.read() as db:
            person, done = People(db).person(before.person), Runs(db).changes(run, ("done", "sent"))
        if not done:
            raise UserError(f"Run {run} changed nothing that could be taken back.", "See `sidetrakt runs`.")
        return self._queue.ask(Job(person, Request(preview=preview), undoes=run))

    def held(self, person: Person | None = None) -> list[HeldPart]:
        """What a guard holds back and nobody decided about yet, of one person or of all."""
        with self._store.read() as db:
            parts, people = Waiting(db).held(person.id if person else None), People(db)
            owners = {part.person: people.person(part.person) for part in parts}
        labels: dict[int, str] = {}
        for owner in owners.values():
            labels |= {side.id: side.side.label() for side in numbered(self._store, self._find(owner))}
        with self._store.read() as db:
            return [held_part(db, part, labels) for part in parts if not part.decision]

    def decide(self, part: int, *, apply: bool) -> HeldPart:
        """Apply a held part (its titles pass the next run after a fresh look) or keep its side as it is.

        It takes effect in the next run of that person, which the caller may start; raises UserError where it is gone.
        """
        found = next((each for each in self.held() if each.id == part), None)
        with self._store.write() as db:
            if found is None or not Waiting(db).decide(part, "apply" if apply else "keep"):
                raise UserError(f"Nothing is held under the number {part}.", "`sidetrakt held` lists what is.")
        return found

    def waits_for_preview(self, person: Person) -> bool:
        """Whether the schedule leaves this person alone until a first preview was answered."""
        with self._store.read() as db:
            return not Waiting(db).began(person.id)

    def start(self, person: Person, *, only_new: bool = False) -> Iterator[Progress | Result]:
        """Answer the first preview: sync now, or store what all sides hold as agreed, and write nothing."""
        return self.run(person, Request(baseline=only_new))

    def due(self, now: datetime) -> list[Due]:
        """What the schedule should ask for now: runs whose time has come and titles that live asked for.

        Quiet hours and jitter are the schedule's; a person who has a run going or waiting is not among them.
        """
        found: list[Due] = []
        with self._store.read() as db:
            people, runs, wishes = People(db), Runs(db), Wishes(db).runs()
            for person in people.all():
                if self._queue.is_busy(person.id) or not Waiting(db).began(person.id):
                    continue
                said = people.options(person).get("every")
                every = parse_duration(said[0]) if said and said[0] else self._settings.every
                last = runs.last_of(person.id, COMPLETE)
                if last is None or not timedelta(0) <= now - last.asked_at < every:  # the clock may have been set back
                    found.append(Due(person=person, request=Request(asked_by="schedule")))
                    continue
                for feature in Feature:
                    titles = tuple(
                        {each.title for each in wishes if (each.person, each.feature) == (person.id, feature)}
                    )
                    if titles:
                        wanted = Request(asked_by="live", titles=titles, features=(feature,))
                        found.append(Due(person=person, request=wanted))
        return found

    def stop(self) -> None:
        """Let what goes on come to the end of its batch, and begin nothing more."""
        self._stopping = True
        self._queue.close()

    def _get(self, run: int) -> Run:
        with self._store.read() as db:
            try:
                return Runs(db).get(run)
            except KeyError:
                raise UserError(f"There is no run {run}.", "`sidetrakt runs` lists them.") from None
