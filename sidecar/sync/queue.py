"""Who runs when: one run of a person at a time, what a person asked for first; who asks for the same, joins.

Each run works in a thread of its own and tells everybody who listens; that somebody stops listening stops nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from sidecar import logs
from sidecar.errors import SidetraktError
from sidecar.store.people import Person
from sidecar.store.runs import Run, Runs
from sidecar.store.waiting import Waiting
from sidecar.store.wishes import Wishes
from sidecar.sync.alerting import tell
from sidecar.sync.engine import Engine, Tools, Work
from sidecar.sync.request import Progress, Request, Result
from sidecar.sync.results import groups, held_part, remarks
from sidecar.sync.reversal import Reversal

LONGEST = 20.0  # seconds to wait for a batch to end
BUG = "Something unexpected went wrong; the log has the details."
STOPPED = SidetraktError("Sidetrakt is stopping.", "It goes on with the next run.")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """One run as it is wanted."""

    person: Person
    request: Request
    undoes: int | None = None

    @property
    def kind(self) -> str:
        """How a run of this is called."""
        return "undo" if self.undoes is not None else self.request.kind

    @property
    def is_wanted(self) -> bool:
        """Whether a person waits for it."""
        return self.request.asked_by == "a person"

    def is_same(self, other: Job) -> bool:
        """Whether both ask for the same, whoever asked."""
        mine, theirs = (msgspec.structs.replace(each.request, asked_by="") for each in (self, other))
        return (self.person.id, self.undoes, mine) == (other.person.id, other.undoes, theirs)


@dataclass(slots=True)
class Going:
    """A run that waits or goes, as all who listen see it."""

    job: Job
    number: int
    changed: threading.Condition = field(default_factory=threading.Condition)
    progress: Progress = field(default_factory=lambda: Progress(step="waits"))
    count: int = 0
    result: Result | None = None
    problem: BaseException | None = None

    def tell(self, progress: Progress) -> None:
        """Say how far it is."""
        with self.changed:
            self.progress, self.count = progress, self.count + 1
            self.changed.notify_all()

    def end(self, result: Result | None, problem: BaseException | None) -> None:
        """It is over."""
        with self.changed:
            self.result, self.problem = result, problem
            self.changed.notify_all()

    def follow(self) -> Iterator[Progress | Result]:
        """All news from here on, the result last."""
        seen = -1
        while True:
            with self.changed:
                while self.count == seen and self.result is None and self.problem is None:
                    self.changed.wait()
                if self.problem is not None:
                    raise self.problem
                seen, news = self.count, self.result or self.progress
            yield news
            if isinstance(news, Result):
                return


class Queue:
    """Every run of this process."""

    def __init__(self, tools: Tools, epoch: int, requests: Callable[[], int]) -> None:
        self._tools, self._epoch, self._requests = tools, epoch, requests
        self._turn = threading.Condition()
        self._waiting: list[Going] = []
        self._current: list[Going] = []
        self._numbers, self._closed = 0, False

    def ask(self, job: Job) -> Iterator[Progress | Result]:
        """Join a run for the same that waits or goes, or have one carried out."""
        with self._turn:
            going = next((each for each in (*self._current, *self._waiting) if each.job.is_same(job)), None)
            if going is None:
                self._numbers += 1
                going = Going(job, self._numbers)
                self._waiting.append(going)
                self._waiting.sort(key=lambda each: (not each.job.is_wanted, each.number))
                name = f"run of {job.person.name}"
                threading.Thread(target=self._work, args=(going,), name=name, daemon=True).start()
        return going.follow()

    def is_busy(self, person: int) -> bool:
        """Whether this person has a run that waits or goes."""
        with self._turn:
            return any(each.job.person.id == person for each in (*self._current, *self._waiting))

    def close(self) -> None:
        """Begin nothing more, and wait until what goes has come to the end of its batch."""
        with self._turn:
            self._closed = True
            self._turn.notify_all()
            self._turn.wait_for(lambda: not self._current and not self._waiting, timeout=LONGEST)

    def _work(self, going: Going) -> None:
        """The body of a run's thread."""
        with self._turn:
            self._turn.wait_for(lambda: self._closed or self._may_begin(going))
            self._waiting.remove(going)
            closed = self._closed
            self._current += [] if closed else [going]
            self._turn.notify_all()
        result, problem = None, None
        try:
            if closed:
                raise STOPPED
            result = self._carry_out(going)
        except BaseException as error:
            if isinstance(error, Exception) and not isinstance(error, SidetraktError):
                log.exception("A run of %s failed in a way that nobody thought of", going.job.person.name)
            problem = error  # whoever waits is told, whatever it was
        with self._turn:
            self._current = [each for each in self._current if each is not going]
            self._turn.notify_all()
        going.end(result, problem)

    def _may_begin(self, going: Going) -> bool:
        """A person has one run at a time; the schedule has one in all, and lets persons go first."""
        ahead = self._waiting[: self._waiting.index(going)]
        if any(each.job.person.id == going.job.person.id for each in (*self._current, *ahead)):
            return False
        return going.job.is_wanted or not (self._current or ahead)

    def _carry_out(self, going: Going) -> Result:
        """From the row of a run to its result."""
        job, store, clock = going.job, self._tools.store, self._tools.clock
        requests, began, run = self._requests(), clock.monotonic(), None
        if not job.request.preview:
            with store.write() as db:
                run = Runs(db).ask(job.person.id, job.kind, job.request.asked_by, clock.now(), undoes=job.undoes)
                Runs(db).begin(run.id, clock.now(), self._epoch)
            logs.RUN.set(str(run.id))
        number = run.id if run is not None else None
        if job.undoes is not None:
            work: Engine | Reversal = Reversal(self._tools, job.person, job.undoes, number, going.tell)
        else:
            work = Engine(self._tools, job.person, job.request, number, going.tell)
        try:
            done = work.work()
        except SidetraktError as problem:
            done = Work(problems=[problem])
        except Exception:
            if run is not None:
                self._end(
                    run, job, Result(run=run.id, person=job.person.name, kind=job.kind, state="failed", problem=BUG)
                )
            raise
        result = self._result(job, run, work, done, (self._requests() - requests, clock.monotonic() - began))
        if run is not None:
            self._end(run, job, result)
        return result

    def _result(
        self, job: Job, run: Run | None, work: Engine | Reversal, done: Work, cost: tuple[int, float]
    ) -> Result:
        """What it came to, in words."""
        stale = {**done.tally.down, **done.readings.stale}
        state, labels = "done", {side.id: side.side.label() for side in work.sides}
        if done.problems:
            state = "failed"
        elif done.stopped:
            state = "stopped"
        elif done.readings.troubled or done.tally.down:
            state = "partial"
        problem = next(iter(done.problems), STOPPED if done.stopped else None)
        why = problem.what if problem else "; ".join(f"{side}: {reason}" for side, reason in stale.items())
        with self._tools.store.read() as db:
            held = Waiting(db).held(job.person.id)
            return Result(
                run=run.id if run is not None else None,
                person=job.person.name,
                kind=job.kind,
                state="preview" if run is None and state == "done" else state,
                planned=groups(db, done.changes, work.sides),
                counts={side: dict(counts) for side, counts in done.tally.counts.items()},
                held=tuple(held_part(db, part, labels) for part in held if not part.decision),
                stale=stale,
                remarks=remarks(
                    db,
                    done.notes,
                    [("cannot", reason, titles) for reason, titles in done.tally.why.items()],
                    [side.server for side in work.sides if side.server],
                ),
                problem=why if state != "done" else "",
                next_step=problem.next_step if problem else "",
                requests=cost[0],
                minutes=round(cost[1] / 60, 1),
            )

    def _end(self, run: Run, job: Job, result: Result) -> None:
        """The run is over: its row, the wishes that it answered, and what a person must know of it."""
        now, person, request = self._tools.clock.now(), run.person, job.request
        with self._tools.store.write() as db:
            Runs(db).end(run.id, result.state, now, msgspec.to_builtins(result))
            about = [each for each in Wishes(db).runs() if each.person == person and each.at <= run.asked_at]
            if result.state != "failed" and (not request.titles or request.asked_by == "live"):
                Wishes(db).ran([each.id for each in about if not request.titles or each.title in request.titles])
        if job.is_wanted:  # what the schedule begins it tells by itself
            tell(self._tools.store, result, now)
