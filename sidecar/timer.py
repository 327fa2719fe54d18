"""The schedule: jobs that ask for work at intervals, on `schedule`, wrapped so that nothing can stop it.

A job only asks (a row, an event); it never works itself. A job that raises is tried again at its next turn, a clock
that is set back takes the plan along, a night that was slept through is made up for once, and what was due before
the process started is asked for at once.
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
JUMP = 60.0  # seconds by which wall and monotonic clock may part before the plan follows


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
        self._follow_the_clock()
        self._take_changes()
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
                self._scheduler.clear(change)
                continue
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

    def _follow_the_clock(self) -> None:
        """Where the clock was set back, plans move back with it; forward needs nothing: what is due then runs once."""
        wall, steady = self._clock.now(), self._clock.monotonic()
        jump = (wall - self._clocks[0]).total_seconds() - (steady - self._clocks[1])
        self._clocks = (wall, steady)
        if jump < -JUMP:
            log.warning("The clock of this machine was set back; the schedule follows it")
            for plan in self._scheduler.jobs:
                if plan.next_run is not None:
                    plan.next_run += timedelta(seconds=jump)
