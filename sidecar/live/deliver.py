"""Takes what is due from the outbox to Trakt: accounts side by side, the rows of one account in order.

What happens now is told as such, before anything that is late. `sent` is committed before the first byte leaves. One
account that is slow, refused or unlinked delays nobody else, and one title in trouble no other.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from sidecar.clock import Clock, from_text
from sidecar.errors import AuthLost, RateLimited, Refused, RemoteError, SidetraktError
from sidecar.live.decide import Say
from sidecar.live.hub import Hub
from sidecar.live.late import Late
from sidecar.live.settle import Settle
from sidecar.model import Kind
from sidecar.store.alerts import Alerts
from sidecar.store.db import Store
from sidecar.store.outbox import Outbox, Row, State, Topic
from sidecar.trakt.scrobbler import Heard
from sidecar.trakt.service import APP_ALERT, TraktService
from sidecar.trakt.statuses import AccountLimit, AccountLocked, AppRefused

log = logging.getLogger(__name__)

THREADS = 16  # accounts at once
LOOK_AGAIN = 0.5  # seconds until rows are looked for that nobody announced
FIRST_REST, LONGEST_REST = 5.0, 300.0  # seconds an account rests after trouble, doubled each time
MOST_FAILURES = 2  # of different rows in one turn: then it is not about a title
FULL = timedelta(hours=6)  # until an account that is full is tried again
HELD = timedelta(hours=1)
RATING_HELD = "Trakt would mark it as watched, because this account is set so, and it was not watched."
UNTIL_WATCHED = "It is told when the title is watched, or when that is switched off in Trakt's settings."


@dataclass(slots=True)
class _Rest:
    """An account in trouble: how often in a row, and until when nothing is sent for it."""

    count: int = 0
    until: float = 0.0


class Deliver:
    """The way out, for all accounts of this process."""

    def __init__(self, store: Store, trakt: TraktService, *, clock: Clock, hub: Hub, epoch: int) -> None:
        self._store, self._trakt, self._clock = store, trakt, clock
        self._settle = Settle(store, clock, hub, epoch)
        self._late = Late(trakt, self._settle)
        self._wake, self._lock = threading.Event(), threading.Lock()
        self._busy: set[str] = set()
        self._rests: dict[str, _Rest] = {}

    def wake(self) -> None:
        """There is something new to tell; from any thread."""
        self._wake.set()

    def work(self, stop: threading.Event) -> None:
        """The body of a worker: hands every account with something due to a thread of its own."""
        with ThreadPoolExecutor(THREADS, "deliver") as pool:
            while not stop.is_set():
                self._wake.clear()
                for account in self.waiting():
                    pool.submit(self.turn, account)
                self._wake.wait(LOOK_AGAIN)

    def waiting(self) -> list[str]:
        """The accounts that a turn is due for; they are taken with this."""
        with self._store.read() as db:
            accounts = Outbox(db).accounts(self._clock.now())
        with self._lock:
            now = self._clock.monotonic()
            free = [each for each in accounts if each not in self._busy and self._rest(each).until <= now]
            self._busy.update(free)
        return free

    def turn(self, account: str) -> None:
        """Tell one account what is due."""
        try:
            self._turn(account)
        except SidetraktError as problem:  # about the account as a whole
            self._has_to_rest(account, problem)
        except Exception:
            log.exception("Telling Trakt failed; it goes on with that account a little later")
            self._has_to_rest(account, None)
        finally:
            with self._lock:
                self._busy.discard(account)
            self._wake.set()

    def _turn(self, account: str) -> None:
        rows = self._settle.to_do(account)
        past = [row for row in rows if row.topic is Topic.PLAY and self._is_past(row)]
        self._tell(row for row in rows if row not in past)
        if past:
            rest = self._late.look(account, past)
            self._tell(row for row in rest if not self._late.is_late(row))
            self._late.tell(account, [row for row in rest if self._late.is_late(row)], lambda: self._fresh(account))
        with self._lock:
            if not self._rest(account).until > self._clock.monotonic():
                self._rests.pop(account, None)

    def _fresh(self, account: str) -> None:
        """What happened now, between two batches of what is late."""
        rows = self._settle.to_do(account)
        self._tell(row for row in rows if row.topic is not Topic.PLAY or not self._is_past(row))

    def _is_past(self, row: Row) -> bool:
        return row.state is State.DOUBTFUL or self._late.is_late(row)

    def _tell(self, rows: Iterable[Row]) -> None:
        """Tell rows one by one; what is wrong with one title stops no other, the rest stops the turn."""
        failures, stuck = 0, set[int]()
        ways: dict[Topic, Callable[[Row], None]] = {
            Topic.WATCHING: self._watching,
            Topic.PLAY: self._play,
            Topic.RATING: self._rating,
        }
        for row in rows:
            if row.title in stuck:
                continue
            try:
                ways[row.topic](row)
            except SidetraktError as problem:
                stuck.add(row.title)
                failures += self._failed(row, problem)
                if failures >= MOST_FAILURES:
                    raise

    def _watching(self, row: Row) -> None:
        """Started, paused, or left: worth telling only while it could still be going on."""
        said, progress, length = row.body["say"], row.body["progress"], row.body["length"] or 7200.0
        if self._clock.now() - from_text(row.body["at"]) > timedelta(seconds=length * (100 - progress) / 100):
            self._settle.drop(row, "it would be over by now")
            return
        if self._settle.is_passed(row):
            self._settle.drop(row, "something newer was said")
            return
        if self._settle.begin([row]):
            scrobbler, ref = self._trakt.scrobbler, self._late.ref(row)
            if said == Say.STOP:
                scrobbler.stop(row.trakt, ref, progress, watched=False)
            else:
                (scrobbler.start if said == Say.START else scrobbler.pause)(row.trakt, ref, progress)
            self._settle.done(row)

    def _play(self, row: Row) -> None:
        """It just ended."""
        if not self._settle.begin([row], self._clock.now() - self._late.ahead):
            return
        heard = self._trakt.scrobbler.stop(row.trakt, self._late.ref(row), row.body["progress"], watched=True)
        now, at = self._clock.now(), heard.watched_at
        if heard.heard is Heard.WATCHED:
            self._settle.done(row, at or now - self._late.ahead, heard.history_id)
        elif at is not None and self._settle.is_own(row, at + self._late.ahead, None, now):
            self._settle.done(row, at)
        else:  # a play of just now is there, and it is another viewing's: this one has its own time
            self._settle.doubt(row, now, "Trakt took it for the one before")
            self._late.tell(row.trakt, self._late.look(row.trakt, [row]), lambda: None)

    def _rating(self, row: Row) -> None:
        ref = self._late.ref(row)
        if ref.kind in (Kind.MOVIE, Kind.EPISODE) and self._settle.held_rating(row):
            self._settle.later(row, self._clock.now() + HELD, RATING_HELD)
            self._settle.alert(row, RATING_HELD, UNTIL_WATCHED)
        elif self._settle.begin([row]):
            self._trakt.scrobbler.rate(row.trakt, ref, row.body["value"], from_text(row.body["at"]))
            self._settle.done(row)

    def _failed(self, row: Row, problem: SidetraktError) -> bool:
        """What becomes of a row that Trakt did not take; whether that says something about Trakt or the account."""
        now = self._clock.now()
        if isinstance(problem, RemoteError) and problem.maybe_done and row.topic is Topic.PLAY:
            self._settle.doubt(row, now, problem.what)
            return True
        if isinstance(problem, AccountLimit):
            self._settle.later(row, now + FULL, problem.what)
            self._settle.alert(row, problem.what, problem.next_step, "limit")
            return False
        if isinstance(problem, Refused) and not isinstance(problem, AccountLocked | AppRefused):
            self._settle.give_up(row, problem.what, problem.next_step)
            return False
        if not isinstance(problem, RemoteError) or isinstance(
            problem, AuthLost | RateLimited | AccountLocked | AppRefused
        ):
            self._settle.later(row, now, problem.what)
            raise problem
        pause = min(FIRST_REST * 2.0 ** min(row.tries, 9), LONGEST_REST)
        self._settle.later(row, now + timedelta(seconds=pause), problem.what)
        return True

    def _has_to_rest(self, account: str, problem: SidetraktError | None) -> None:
        """Send nothing for this account for a while, or as long as Trakt says."""
        until = problem.retry_at if isinstance(problem, RemoteError) else None
        if isinstance(problem, AppRefused):  # for all accounts alike
            with self._store.write() as db:
                now, step = self._clock.now(), problem.next_step
                Alerts(db).open(APP_ALERT, "setup", now, what=problem.what, next_step=step)
        with self._lock:
            rest = self._rest(account)
            rest.count += 1
            pause = min(FIRST_REST * 2.0 ** min(rest.count - 1, 9), LONGEST_REST)
            if until is not None:
                pause = max(1.0, (until - self._clock.now()).total_seconds())
            rest.until = self._clock.monotonic() + pause

    def _rest(self, account: str) -> _Rest:
        return self._rests.setdefault(account, _Rest())
