"""Threads with a name and somebody who looks after them.

A worker that raises is started again after a growing pause; one that keeps failing is called dead, and `/healthz` says
so. All of them end when the stop event is set.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from sidecar.clock import Clock

log = logging.getLogger(__name__)

PAUSES = (0.1, 1.0, 5.0, 30.0, 60.0)  # seconds before the next attempt, the last again and again
DEAD_AFTER = 3  # failures in a row
HEALTHY_AFTER = 300.0  # seconds of work that make earlier failures forgotten

Work = Callable[[threading.Event], None]
"""Runs until the event is set; returning earlier counts as a failure."""


@dataclass(slots=True)
class _Worker:
    name: str
    work: Work
    thread: threading.Thread | None = None
    failures: int = 0
    since: float = 0.0


class Crew:
    """All long-running threads of the process."""

    def __init__(self, clock: Clock, on_failure: Callable[[str], None] | None = None) -> None:
        self.stop = threading.Event()
        self._clock = clock
        self._on_failure = on_failure
        self._workers: list[_Worker] = []

    def start(self, name: str, work: Work) -> None:
        """Run this work in a thread of that name until the crew stops."""
        worker = _Worker(name, work)
        worker.thread = threading.Thread(target=self._keep_going, args=(worker,), name=name, daemon=True)
        worker.thread.start()
        self._workers.append(worker)  # after the start, so that nobody takes it for dead

    def dead(self) -> list[str]:
        """The workers that are not doing their work."""
        return [
            worker.name
            for worker in self._workers
            if worker.thread is None or not worker.thread.is_alive() or self._keeps_failing(worker)
        ]

    def close(self, patience: float = 10.0) -> list[str]:
        """Ask everybody to stop and wait; returns the names of those who did not."""
        self.stop.set()
        until = self._clock.monotonic() + patience
        for worker in self._workers:
            if worker.thread is not None:
                worker.thread.join(max(0.0, until - self._clock.monotonic()))
        return [worker.name for worker in self._workers if worker.thread is not None and worker.thread.is_alive()]

    def _keep_going(self, worker: _Worker) -> None:
        while not self.stop.is_set():
            worker.since = self._clock.monotonic()
            try:
                worker.work(self.stop)
                if self.stop.is_set():
                    return
                log.error("The worker %s ended without being asked to; it is started again", worker.name)
            except Exception:
                log.exception("The worker %s failed; it is started again", worker.name)
            if self._clock.monotonic() - worker.since > HEALTHY_AFTER:
                worker.failures = 0
            worker.failures += 1
            if self._on_failure is not None:
                self._on_failure(worker.name)
            self.stop.wait(PAUSES[min(worker.failures, len(PAUSES)) - 1])

    def _keeps_failing(self, worker: _Worker) -> bool:
        return worker.failures >= DEAD_AFTER and self._clock.monotonic() - worker.since <= HEALTHY_AFTER
