"""How often Trakt may be asked: two paces and a window per account, one bucket for calls without a token.

Corrected by what Trakt says. Waiting happens outside every lock, can be interrupted and can be seen; live calls go
before bulk ones. Numbers come from the settings and Trakt's own headers; a clock that is wrong costs nothing.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import msgspec
import requests

from sidecar.clock import Clock
from sidecar.errors import RateLimited, SidetraktError
from sidecar.http import LONGEST_WAIT, require_network, retry_after
from sidecar.trakt.log import logger
from sidecar.trakt.statuses import SERVICE, from_edge
from sidecar.trakt.wire import Moment

Bucket = Literal["read", "write"]
Rest = Callable[[float], bool]
"""Waits that many seconds; True if everything shall stop."""

WINDOW, READS = 300.0, 500
FOR_LIVE = 50  # reads of a window that bulk calls leave for people and live calls
SLACK = 1.05  # room for what the network does to the time between two calls
EDGE_PAUSE = timedelta(seconds=300)
FIRST_PAUSE, LONGEST = 5.0, LONGEST_WAIT.total_seconds()
STEP_ASIDE = 0.05  # how long a bulk call lets live ones pass before it looks again
LIVE_PATIENCE, BULK_PATIENCE = 5.0, LONGEST + 100  # seconds; who waits on a screen is told rather than kept waiting
NOBODY = ""  # the bucket of calls without a token
BY_ITSELF = "It goes on by itself."
log = logger(__name__)


class Stopped(SidetraktError):
    """The wait for Trakt was interrupted; nothing was sent."""


class _Said(msgspec.Struct):
    """The header X-Ratelimit."""

    remaining: int | None = None
    until: str = ""
    period: float = LONGEST


@dataclass(slots=True)
class _Door:
    """What one account has used of one bucket, and until when Trakt closed it; in seconds that only grow."""

    gap: float
    last: float = float("-inf")
    taken: deque[float] = field(default_factory=deque)
    closed: float = float("-inf")
    refusals: int = 0
    urgent: int = 0

    def close(self, until: float) -> None:
        """Let nobody through before then."""
        self.closed = max(self.closed, until)


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody who waits, for people to see."""

    account: str
    bucket: str
    seconds: float


class Limits:
    """All accounts of one Trakt app on one address."""

    def __init__(
        self, clock: Clock, rest: Rest, *, get_per_second: float = 3.33, write_per_second: float = 1.0
    ) -> None:
        self._clock, self._rest = clock, rest
        paces = {"read": get_per_second, "write": write_per_second / SLACK}
        self._gaps = {name: 1 / pace if pace else 0.0 for name, pace in paces.items()}  # 0: no pace of our own
        self._doors: dict[tuple[str, str], _Door] = {}
        self._gate, self._bans = _Door(0.0), 0  # the edge: it closes for everybody
        self._waits: dict[int, Wait] = {}
        self.taken = 0  # slots given out so far, which is how many requests were made
        self._lock = threading.Lock()

    def wait(self, account: str, bucket: Bucket, *, urgent: bool = False, patience: float = BULK_PATIENCE) -> None:
        """Return when this call may be made; raises RateLimited where that is too far off, Stopped if told to stop."""
        require_network(SERVICE)
        with self._lock:
            door = self._door(account, bucket)
            door.urgent += urgent
        try:
            while (delay := self._take(door, bucket, urgent=urgent)) > 0:
                if delay > patience:
                    at = self._clock.now() + timedelta(seconds=delay)
                    raise RateLimited(SERVICE, "Trakt asks for a pause.", BY_ITSELF, retry_at=at)
                self.pause(account, bucket, delay)
        finally:
            with self._lock:
                door.urgent -= urgent

    def pause(self, account: str, bucket: Bucket, seconds: float) -> None:
        """Wait so long, for everybody to see; raises Stopped if told to stop."""
        thread, until = threading.get_ident(), self._clock.monotonic() + seconds
        with self._lock:
            self._waits[thread] = Wait(account, bucket, until)
        try:
            if self._rest(seconds):
                raise Stopped("The wait for Trakt was interrupted; nothing was sent.")
        finally:
            with self._lock:
                del self._waits[thread]

    def heard(self, account: str, bucket: Bucket, answer: requests.Response) -> None:
        """Learn from an answer; raises RateLimited with the moment for a 429 and for a ban at the edge."""
        edge, status = from_edge(answer), answer.status_code
        asked = retry_after(answer, self._clock)
        seconds, page = asked.total_seconds() if asked is not None else None, EDGE_PAUSE.total_seconds()
        with self._lock:
            door, now = self._door(account, bucket), self._clock.monotonic()
            door.close(now + self._spent(answer))
            if edge and status in (401, 403):
                self._bans += 1
                pause = max(seconds or 0.0, min(page * 2.0 ** min(self._bans - 1, 9), LONGEST))
                what, doors = "Trakt's gate keeps us out for a while; all calls pause.", [self._gate]
            elif status == 429:
                door.refusals += 1
                what = "Trakt asks for a pause."
                doors = [self._door(account, each) for each in self._gaps] if edge else [door]
                pause = max(seconds or 0.0, page) if edge else _growing(seconds, door.refusals)
            else:
                door.refusals, self._bans = 0, self._bans if edge else 0
                return
            for each in doors:
                each.close(now + pause)
            left = max(door.closed, self._gate.closed) - now
        log.warning("%s It goes on in %.0f s (answer %d)", what, left, status)
        at = self._clock.now() + timedelta(seconds=left)
        raise RateLimited(SERVICE, what, BY_ITSELF, status=status, retry_at=at)

    def waiting(self) -> list[Wait]:
        """Who waits now, and how many seconds more."""
        with self._lock:
            now = self._clock.monotonic()
            return [Wait(each.account, each.bucket, max(0.0, each.seconds - now)) for each in self._waits.values()]

    def _take(self, door: _Door, bucket: Bucket, *, urgent: bool) -> float:
        """Take the slot if it is free, else say for how many seconds it is not."""
        with self._lock:
            now = self._clock.monotonic()
            free = max(door.last + door.gap, door.closed, self._gate.closed)
            if bucket == "read":
                while door.taken and door.taken[0] <= now - WINDOW:
                    door.taken.popleft()
                most = READS if urgent else READS - FOR_LIVE
                if len(door.taken) >= most:
                    free = max(free, door.taken[len(door.taken) - most] + WINDOW)
            delay = max(free - now, STEP_ASIDE if door.urgent and not urgent else 0.0)
            if delay > 0:
                return max(delay, 0.001)  # what is left over by rounding is no time that a clock shows
            door.last = now
            self.taken += 1
            if bucket == "read":
                door.taken.append(now)
            return 0.0

    def _spent(self, answer: requests.Response) -> float:
        """For how many seconds X-Ratelimit says that nothing is left; never longer than its period."""
        try:
            said = msgspec.json.decode(answer.headers.get("X-Ratelimit", "{}"), type=_Said)
            until = msgspec.convert(said.until, Moment)
        except (msgspec.MsgspecError, ValueError):
            return 0.0
        left = (until - self._clock.now()).total_seconds() if said.remaining == 0 else 0.0
        return max(0.0, min(left, said.period, LONGEST))

    def _door(self, account: str, bucket: str) -> _Door:
        return self._doors.setdefault((account, bucket), _Door(self._gaps[bucket]))


def _growing(said: float | None, refusals: int) -> float:
    """The pause after a 429 of the API: what it says, else longer each time; with a jitter, and capped."""
    base = said if said is not None else FIRST_PAUSE * 2.0 ** min(refusals - 1, 9)
    return min(base * (1 + random.random() / 4), LONGEST)  # noqa: S311 - a jitter is no secret
