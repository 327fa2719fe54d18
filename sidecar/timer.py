"""The schedule: jobs that ask for work at intervals, on `schedule`, wrapped so that nothing can stop it.

A job only asks (a row, an event); it never works itself. A job that raises is tried again at its next turn, a clock
that jumps re-plans everything, a night that was slept through is made up for once, and what was due before the
process started is asked for at once.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import schedule

from sidecar.clock import Clock

log = logging.getLogger(__name__)

LONGEST_WAIT = 30.0  # seconds; so that a clock that was set is noticed soon
JUMP = 60.0  # seconds by which wall and monotonic clock may part before the plan is made anew


@dataclass(frozen=True, slots=True)
class Job:
    """Something to ask for again and again."""

    name: str
    every: timedelta
    ask: Callable[[], None]
    last: datetime | None = None  # when it was last done, as far as the database knows
    jitter: timedelta = timedelta(0)


class Timer:
    """The only one who touches the scheduler; changes reach it through a queue."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._scheduler = schedule.Scheduler()
        self._changes: queue.Queue[Job | str] = queue.Queue()
        self._jobs: dict[str, Job] = {}
        self._wake = threading.Event()
        self._clocks = (clock.now(), clock.monotonic())

    def put(self, job: Job) -> None:
        """Add a job, or change the one of that name; from any thread."""
        self._changes.put(job)
        self._wake.set()

    def drop(self, name: str) -> None:
        """End a job; from any thread."""
        self._changes.put(name)
        self._wake.set()

    def work(self, stop: threading.Event) -> None:
        """Run until stopped; the body of a worker."""
        while not stop.is_set():
            self._wake.clear()
            wait = self.turn()
            for _ in range(max(1, round(wait / 0.5))):
                if stop.is_set() or self._wake.wait(0.5):
                    break

    def turn(self) -> float:
        """Take in changes, ask for what is due, and say how many seconds to wait."""
        self._take_changes()
        if self._jumped():
            log.warning("The clock of this machine was changed; the schedule is made anew")
            for job in self._jobs.values():
                self._plan(job)
        self._scheduler.run_pending()
        idle = self._scheduler.idle_seconds
        return LONGEST_WAIT if idle is None else min(max(idle, 0.5), LONGEST_WAIT)

    def _take_changes(self) -> None:
        while True:
            try:
                change = self._changes.get_nowait()
            except queue.Empty:
                return
            if isinstance(change, str):
                self._jobs.pop(change, None)
                self._scheduler.clear(change)
                continue
            self._jobs[change.name] = change
            self._plan(change)
            if change.last is not None and self._clock.now() - change.last >= change.every:
                self._ask(change)

    def _plan(self, job: Job) -> None:
        self._scheduler.clear(job.name)
        seconds = max(1, int(job.every.total_seconds()))
        plan = self._scheduler.every(seconds)
        if job.jitter:
            plan = plan.to(seconds + int(job.jitter.total_seconds()))
        plan.seconds.do(self._ask, job).tag(job.name)

    def _ask(self, job: Job) -> None:
        """Ask, and let no exception out: `schedule` would run the job again and again in the same instant."""
        try:
            job.ask()
        except Exception:
            log.exception("The scheduled job %s failed; it is tried again at its next turn", job.name)

    def _jumped(self) -> bool:
        wall, steady = self._clock.now(), self._clock.monotonic()
        before_wall, before_steady = self._clocks
        self._clocks = (wall, steady)
        return abs((wall - before_wall).total_seconds() - (steady - before_steady)) > JUMP
