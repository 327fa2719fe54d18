"""How fast a server is written to, and how long what is planned will take.

One for each server and process: all persons and runs share it, so that a small machine is never flooded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from sidecar.clock import Clock

Rest = Callable[[float], bool]
"""Waits that many seconds; True if everything shall stop."""


class Pace:
    """The writes of one server, spread out evenly."""

    def __init__(self, per_second: float, clock: Clock, rest: Rest) -> None:
        self.rate, self._gap = per_second, 1 / per_second
        self._clock, self._rest = clock, rest
        self._lock = threading.Lock()
        self._next = float("-inf")
        self._planned = self._done = 0

    def plan(self, count: int) -> None:
        """So many writes more are to come."""
        with self._lock:
            if self._done >= self._planned:
                self._done = self._planned = 0
            self._planned += count

    def skip(self, count: int = 1) -> None:
        """So many planned writes were not needed, or are not made any more."""
        with self._lock:
            self._planned = max(self._done, self._planned - count)

    def take(self) -> bool:
        """Wait for the next slot; False if everything shall stop."""
        with self._lock:
            now = self._clock.monotonic()
            at = max(now, self._next)
            self._next = at + self._gap
        if self._rest(max(0.0, at - now)):  # asked without a wait, too: writes to a slow server can be stopped as well
            return False
        with self._lock:
            self._done += 1
        return True

    def left(self) -> tuple[int, int, float]:
        """How many planned writes are done, of how many, and the seconds that the rest will take at least."""
        with self._lock:
            return self._done, self._planned, (self._planned - self._done) * self._gap
