"""How often Trakt may be asked: two paces and a window per account, one bucket for calls without a token.

Corrected by what Trakt says. Waiting happens outside every lock, can be interrupted and can be seen; live calls go
before bulk ones. Numbers come from the settings and Trakt's own headers.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import msgspec
import requests

from sidecar.clock import Clock
from sidecar.errors import RateLimited, SidetraktError
from sidecar.http import retry_after

Bucket = Literal["read", "write"]
Rest = Callable[[float], bool]
"""Waits that many seconds; True if everything shall stop."""

WINDOW, READS = 300.0, 500
EDGE_PAUSE = timedelta(seconds=300)
STEP_ASIDE = 0.05  # how long a bulk call lets live ones pass before it looks again
NOBODY = ""  # the bucket of calls without a token


class Stopped(SidetraktError):
    """The wait for Trakt was interrupted; nothing was sent."""


class _Said(msgspec.Struct):
    """The header X-Ratelimit."""

    name: str = ""
    remaining: int | None = None
    until: datetime | None = None


@dataclass(slots=True)
class _Account:
    """What one account has used and what Trakt said about it."""

    last: dict[str, float] = field(default_factory=dict)
    reads: deque[float] = field(default_factory=deque)
    closed_until: dict[str, datetime] = field(default_factory=dict)
    refusals: int = 0
    urgent: int = 0


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
        self._gaps = {"read": 1 / get_per_second, "write": 1 / write_per_second}
        self._accounts: dict[str, _Account] = {}
        self._everything_until: datetime | None = None
        self._waits: dict[int, Wait] = {}
        self._lock = threading.Lock()

    def wait(self, account: str, bucket: Bucket, *, urgent: bool = False, patience: float = 900.0) -> None:
        """Return when this call may be made; raises RateLimited where that is too far off, Stopped if told to stop."""
        with self._lock:
            self._account(account).urgent += urgent
        try:
            while (delay := self._take(account, bucket, urgent=urgent)) > 0:
                if delay > patience:
                    at = self._clock.now() + timedelta(seconds=delay)
                    raise RateLimited("Trakt", "Trakt asks for a pause.", "It goes on by itself.", retry_at=at)
                self._show(Wait(account, bucket, delay))
                if self._rest(delay):
                    raise Stopped("The wait for Trakt was interrupted; nothing was sent.")
        finally:
            self._show(None)
            with self._lock:
                self._account(account).urgent -= urgent

    def heard(self, account: str, bucket: Bucket, answer: requests.Response) -> None:
        """Learn from an answer; raises RateLimited with the moment for a 429 and for a ban at the edge."""
        page = "json" not in answer.headers.get("Content-Type", "json")
        now = self._clock.now()
        with self._lock:
            state = self._account(account)
            if answer.status_code != 429:
                state.refusals = 0
        if page and answer.status_code in (401, 403):
            self._close(None, "everything", until := now + EDGE_PAUSE)
            what = "Trakt's gate keeps us out for a while."
            raise RateLimited(
                "Trakt", what, "All calls pause; it goes on by itself.", status=answer.status_code, retry_at=until
            )
        said = _said(answer)
        if said is not None and said.remaining == 0 and said.until is not None:
            self._close(account, bucket, said.until)
        if answer.status_code == 429:
            until = now + self._pause(state, answer, page=page)
            self._close(account, "read" if page else bucket, until)
            if page:
                self._close(account, "write", until)
            raise RateLimited("Trakt", "Trakt asks for a pause.", "It goes on by itself.", status=429, retry_at=until)

    def waiting(self) -> list[Wait]:
        """Who waits now, and how long."""
        return list(self._waits.values())

    def _take(self, account: str, bucket: Bucket, *, urgent: bool) -> float:
        """Take the slot if it is free, else say for how many seconds it is not."""
        with self._lock:
            state, steady, now = self._account(account), self._clock.monotonic(), self._clock.now()
            delays = [0.0]
            for until in (state.closed_until.get(bucket), self._everything_until):
                if until is not None:
                    delays.append((until - now).total_seconds())
            if bucket in state.last:
                delays.append(state.last[bucket] + self._gaps[bucket] - steady)
            if bucket == "read":
                while state.reads and state.reads[0] <= steady - WINDOW:
                    state.reads.popleft()
                if len(state.reads) >= READS:
                    delays.append(state.reads[0] + WINDOW - steady)
            if state.urgent and not urgent:
                delays.append(STEP_ASIDE)
            if max(delays) > 0:
                return max(delays)
            state.last[bucket] = steady
            if bucket == "read":
                state.reads.append(steady)
            return 0.0

    def _pause(self, state: _Account, answer: requests.Response, *, page: bool) -> timedelta:
        """How long after a 429: what it says, 300 s for a page of the edge, else growing; with a jitter."""
        said = retry_after(answer, self._clock)
        state.refusals += 1
        if page:
            return max(said or EDGE_PAUSE, EDGE_PAUSE)
        base = said if said is not None else timedelta(seconds=min(5 * 2 ** (state.refusals - 1), 300))
        return base * (1 + random.random() / 4)  # noqa: S311 - a jitter is no secret

    def _close(self, account: str | None, bucket: str, until: datetime) -> None:
        with self._lock:
            if account is None:
                self._everything_until = max(self._everything_until or until, until)
            else:
                closed = self._account(account).closed_until
                closed[bucket] = max(closed.get(bucket, until), until)

    def _show(self, wait: Wait | None) -> None:
        if wait is None:
            self._waits.pop(threading.get_ident(), None)
        else:
            self._waits[threading.get_ident()] = wait

    def _account(self, account: str) -> _Account:
        return self._accounts.setdefault(account, _Account())


def _said(answer: requests.Response) -> _Said | None:
    try:
        return msgspec.json.decode(answer.headers.get("X-Ratelimit", "null"), type=_Said | None)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
