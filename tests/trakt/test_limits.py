"""How often Trakt is asked: paces, the window, what Trakt says, who goes first, and that waiting hurts nobody."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests

from sidecar.errors import RateLimited
from sidecar.store.db import Store
from sidecar.trakt.limits import FOR_LIVE, NOBODY, READS, Bucket, Limits, Stopped
from tests.fakes import FakeClock
from tests.trakt.conftest import World

HTML = "text/html; charset=utf-8"


class Timed:
    """Limits in a time that passes only while somebody rests."""

    def __init__(self, **paces: float) -> None:
        self.clock, self.stop = FakeClock(), False
        self.seen: Callable[[], None] = lambda: None
        self.limits = Limits(self.clock, self.rest, **paces)

    def rest(self, seconds: float) -> bool:
        """Let that time pass."""
        self.seen()
        self.clock.advance(seconds)
        return self.stop

    def wait(self, account: str = "a", bucket: Bucket = "read", **more: Any) -> float:
        """How long it takes to get a slot, without what adding up fractions leaves over."""
        begin = self.clock.monotonic()
        self.limits.wait(account, bucket, **more)
        return round(self.clock.monotonic() - begin, 6)

    def hear(
        self, status: int = 200, account: str = "a", bucket: Bucket = "read", **headers: str
    ) -> RateLimited | None:
        """Let an answer be heard; the error that it raised."""
        try:
            self.limits.heard(account, bucket, answer(status, **headers))
        except RateLimited as problem:
            return problem
        return None


def answer(status: int, kind: str | None = "application/json", **headers: str) -> requests.Response:
    """An answer with these headers."""
    made = requests.Response()
    made.status_code = status
    made.headers.update({name.replace("_", "-"): text for name, text in headers.items()})
    if kind is not None:
        made.headers.setdefault("Content-Type", kind)
    return made


def left(remaining: Any, seconds: float | None, clock: FakeClock, **more: Any) -> str:
    """The header X-Ratelimit."""
    until = {} if seconds is None else {"until": (clock.now() + timedelta(seconds=seconds)).isoformat()}
    return json.dumps(
        {"name": "AUTHED_API_GET_LIMIT", "period": 300, "limit": 500, "remaining": remaining} | until | more
    )


@pytest.mark.parametrize(
    ("bucket", "paces", "gap"),
    [
        ("write", {}, 1.0),
        ("read", {}, 0.3),
        ("write", {"write_per_second": 0.25}, 4.0),
        ("read", {"get_per_second": 0.5}, 2.0),
    ],
)
def test_calls_keep_the_pace_of_the_settings(bucket: Bucket, paces: dict[str, float], gap: float) -> None:
    timed = Timed(**paces)
    waits = [timed.wait(bucket=bucket) for _ in range(10)]
    assert waits[0] == 0
    assert sum(waits) >= 9 * gap
    assert all(gap <= wait <= gap * 1.1 for wait in waits[1:])


def test_a_pace_of_nothing_is_no_pace_of_our_own_and_the_window_stays() -> None:
    timed = Timed(get_per_second=0, write_per_second=0)
    assert {timed.wait(bucket="write") for _ in range(20)} == {0.0}
    assert sum(timed.wait() for _ in range(451)) == pytest.approx(300)


@pytest.mark.parametrize(("live", "most"), [(True, READS), (False, READS - FOR_LIVE)])
def test_no_window_of_five_minutes_holds_more_reads_than_trakt_allows(live: bool, most: int) -> None:
    timed = Timed()
    times = []
    for _ in range(1200):
        timed.wait(urgent=live)
        times.append(timed.clock.monotonic())
    assert max(sum(start <= at < start + 300 for at in times) for start in times) == most


def test_bulk_reads_leave_room_for_live_ones() -> None:
    timed = Timed(get_per_second=1000)
    for _ in range(450):
        assert timed.wait() < 0.01
    assert timed.wait(urgent=True) < 0.01
    assert timed.wait() > 295


def test_writes_go_on_while_the_window_of_reads_is_full() -> None:
    timed = Timed(get_per_second=1000)
    for _ in range(450):
        timed.wait()
    assert timed.wait(bucket="write") == 0


def test_two_accounts_do_not_slow_each_other() -> None:
    timed = Timed()
    assert [timed.wait("a", "write"), timed.wait("b", "write"), timed.wait("a", "read"), timed.wait("b", "read")] == [
        0
    ] * 4
    timed.hear(429, "a", "write", Retry_After="60")
    timed.clock.advance(2)
    assert timed.wait("b", "write") == 0
    assert timed.wait("a", "write") >= 58


def test_calls_without_a_token_share_one_bucket() -> None:
    timed = Timed()
    assert timed.wait(NOBODY) == 0
    assert timed.wait("a") == 0
    assert timed.wait(NOBODY) >= 0.3


def test_nothing_is_sent_before_trakt_has_something_left_again() -> None:
    timed = Timed()
    timed.hear(X_Ratelimit=left(0, 30, timed.clock))
    assert 30 <= timed.wait() < 30.1
    assert timed.wait(bucket="write") == 0, "the other bucket is not empty"


@pytest.mark.parametrize(
    ("said", "longest"),
    [
        ({"remaining": 1, "seconds": 30}, 0),
        ({"remaining": 0, "seconds": None}, 0),
        ({"remaining": 0, "seconds": 3e9}, 300),
        ({"remaining": 0, "seconds": 3600, "period": 1}, 1),
        ({"remaining": 0, "seconds": -30}, 0),
        ({"remaining": "0", "seconds": 30}, 0),
        ({"remaining": 0, "seconds": None, "until": "2026-10-07T12:05:00"}, 0),
        ({"remaining": 0, "seconds": None, "until": "soon"}, 0),
        ({"remaining": 0, "seconds": 30, "period": None}, 0),
    ],
)
def test_what_trakt_says_is_never_believed_for_longer_than_its_period(said: dict[str, Any], longest: float) -> None:
    timed = Timed()
    seconds = said.pop("seconds")
    timed.hear(X_Ratelimit=left(said.pop("remaining"), seconds, timed.clock, **said))
    assert timed.wait() == pytest.approx(longest)


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '"\\ud800"', "9" * 50, "[" * 3000])
def test_a_limit_that_cannot_be_read_is_none(text: str) -> None:
    timed = Timed()
    timed.hear(X_Ratelimit=text)
    assert timed.wait() == 0


def test_a_clock_that_is_set_anew_neither_opens_nor_closes_anything() -> None:
    timed = Timed()
    timed.hear(429, Retry_After="60")
    timed.clock.set_wall(timed.clock.now() + timedelta(days=1))
    assert timed.limits._take(timed.limits._door("a", "read"), "read", urgent=False) >= 60
    timed.clock.set_wall(timed.clock.now() - timedelta(days=3))
    assert 60 <= timed.wait() <= 75


REFUSALS = [
    # headers, kind, shortest, longest
    ({"Retry_After": "7"}, None, 7, 8.75),
    ({"Retry_After": "7", "X_Ratelimit": "both"}, None, 30, 30.1),
    ({"Retry_After": "99999999"}, None, 900, 900),
    ({"Retry_After": "in a while"}, None, 5, 6.25),
    ({}, None, 5, 6.25),
    ({}, HTML, 300, 300),
    ({"Retry_After": "300"}, HTML, 300, 300),
    ({"Retry_After": "600"}, HTML, 600, 600),
    ({"Retry_After": "1"}, HTML, 300, 300),
]


@pytest.mark.parametrize(("headers", "kind", "shortest", "longest"), REFUSALS)
def test_a_429_is_a_pause_as_long_as_it_says(
    headers: dict[str, str], kind: str | None, shortest: float, longest: float
) -> None:
    timed = Timed()
    if "X_Ratelimit" in headers:
        headers = headers | {"X_Ratelimit": left(0, 30, timed.clock)}
    more = {"Content_Type": kind} if kind else {}
    problem = timed.hear(429, "a", "read", **headers, **more)
    assert problem is not None
    assert problem.status == 429
    assert problem.retry_at is not None
    assert not problem.maybe_done
    promised = (problem.retry_at - timed.clock.now()).total_seconds()
    waited = timed.wait()
    assert shortest <= waited <= longest + 0.1
    assert promised == pytest.approx(waited, abs=0.01), "what people are told is what happens"


def test_pauses_that_nobody_names_grow_and_differ() -> None:
    timed = Timed()
    pauses = []
    for number in range(12):
        timed.hear(429)
        pauses.append(timed.wait())
        assert min(5 * 2**number, 900) <= pauses[-1] <= min(5 * 2**number * 1.25, 900) + 0.01
    timed.hear(200)
    timed.hear(429)
    assert timed.wait() < 7, "after one that was fine, it begins anew"
    firsts = set()
    for _ in range(5):
        timed = Timed()
        timed.hear(429)
        firsts.add(timed.wait())
    assert len(firsts) > 1


def test_a_page_with_429_stops_that_account_and_nobody_else() -> None:
    timed = Timed()
    timed.hear(429, "a", "read", Content_Type=HTML)
    assert timed.wait("b") == timed.wait("b", "write") == timed.wait(NOBODY) == 0
    assert timed.wait("a", "write") >= 300


@pytest.mark.parametrize("status", [401, 403])
def test_a_ban_at_the_edge_stops_everything_for_minutes_and_longer_each_time(status: int) -> None:
    timed = Timed()
    for pause in (300, 600, 900, 900):
        problem = timed.hear(status, Content_Type=HTML, Server="cloudflare")
        assert problem is not None
        assert problem.retry_at == timed.clock.now() + timedelta(seconds=pause)
        with pytest.raises(RateLimited) as caught:
            timed.wait("b", "write", urgent=True, patience=5)
        assert caught.value.retry_at == problem.retry_at
        assert timed.wait("b", "write") == pytest.approx(pause)
    timed.hear(200)
    timed.hear(status, Content_Type=HTML)
    assert timed.wait("c") == pytest.approx(300)


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_an_answer_of_the_api_is_no_ban(status: int) -> None:
    timed = Timed()
    assert timed.hear(status) is None
    assert timed.hear(status, Content_Type=HTML, X_Request_Id="1") is None
    assert timed.wait() == 0


class Stage:
    """Threads that run one at a time, in the order in which their rests end; ties go to who came first."""

    def __init__(self) -> None:
        self.clock, self.order = FakeClock(), list[str]()
        self.limits = Limits(self.clock, self.rest)
        self._changed = threading.Condition()
        self._sleeping: list[tuple[float, int, threading.Event]] = []
        self._running, self._count = 0, 0

    def rest(self, seconds: float) -> bool:
        """Sleep until the stage says that this moment has come."""
        woken = threading.Event()
        with self._changed:
            self._count += 1
            self._sleeping.append((self.clock.monotonic() + seconds, self._count, woken))
            self._running -= 1
            self._changed.notify_all()
        assert woken.wait(20)
        return False

    def enter(self, name: str, **more: Any) -> threading.Thread:
        """One more who wants to write; returns when it waits or is through."""

        def run() -> None:
            self.limits.wait("a", "write", **more)
            self.order.append(name)
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

        thread = threading.Thread(target=run, daemon=True)
        with self._changed:
            self._running += 1
        thread.start()
        self._quiet()
        return thread

    def play(self) -> None:
        """Until nobody waits any more."""
        while self._sleeping:
            first = min(self._sleeping)
            self._sleeping.remove(first)
            self.clock.advance(max(0.0, first[0] - self.clock.monotonic()))
            with self._changed:
                self._running += 1
            first[2].set()
            self._quiet()

    def _quiet(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._running == 0, 20)


def test_live_goes_before_many_that_waited_longer() -> None:
    stage = Stage()
    threads = [stage.enter(f"bulk {number}") for number in range(20)]
    assert stage.order == ["bulk 0"]
    assert len(stage.limits.waiting()) == 19
    began = stage.clock.monotonic()
    threads += [stage.enter("live 1", urgent=True, patience=5.0), stage.enter("live 2", urgent=True, patience=5.0)]
    stage.play()
    assert stage.order[1:3] == ["live 1", "live 2"]
    assert len(stage.order) == 22
    assert stage.clock.monotonic() - began >= 21, "and nobody went too early"
    assert stage.limits.waiting() == []
    for thread in threads:
        thread.join(5)


def test_waiting_is_visible_while_it_lasts() -> None:
    timed = Timed()
    timed.wait(bucket="write")
    shown: list[Any] = []
    timed.seen = lambda: shown.extend(timed.limits.waiting())
    timed.wait(bucket="write")
    assert [(wait.account, wait.bucket) for wait in shown] == [("a", "write")]
    assert 1.0 <= shown[0].seconds <= 1.1
    assert timed.limits.waiting() == []


def test_waiting_ends_when_everything_shall_stop_and_takes_nothing() -> None:
    timed = Timed()
    timed.wait(bucket="write")
    timed.stop = True
    with pytest.raises(Stopped):
        timed.limits.wait("a", "write", urgent=True)
    assert timed.limits.waiting() == []
    timed.stop = False
    assert timed.wait(bucket="write") == 0, "the slot is still free, and no live call is believed to wait"


def test_who_is_in_a_hurry_is_told_rather_than_kept_waiting() -> None:
    timed = Timed()
    timed.hear(429, bucket="write", Retry_After="60")
    with pytest.raises(RateLimited) as caught:
        timed.limits.wait("a", "write", urgent=True, patience=5.0)
    assert caught.value.retry_at is not None
    assert 60 <= (caught.value.retry_at - timed.clock.now()).total_seconds() <= 75
    assert caught.value.next_step


def test_nobody_waits_inside_the_lock_of_the_limits() -> None:
    timed = Timed()
    held: list[bool] = []
    timed.seen = lambda: held.append(timed.limits._lock.locked())
    for _ in range(3):
        timed.wait()
    timed.hear(429)
    timed.wait()
    assert held
    assert not any(held)


def test_nobody_waits_inside_a_transaction(world: World) -> None:
    account = world.link()
    with world.store.write(), pytest.raises(RuntimeError, match="inside a transaction"):
        world.service.limits.wait(account, "read")


def test_while_a_call_waits_others_can_write_into_the_store(world: World) -> None:
    account = world.link()
    done: list[bool] = []
    world.on_rest = lambda: done.append(_writes_elsewhere(world.store))
    world.act("expire_tokens")
    world.fault("status", status=503, times=2)
    world.fault("rate_limited", shape="no_retry_after", times=2, after=2)
    world.service.client.last_activities(account)
    world.service.client.last_activities(account)
    assert len(done) >= 4
    assert all(done)


def _writes_elsewhere(store: Store) -> bool:
    """Whether another thread gets a transaction at once."""
    done = threading.Event()

    def write() -> None:
        with store.write():
            done.set()

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return done.wait(5)


def test_every_sending_has_a_slot_of_its_own(world: World) -> None:
    account = world.link()
    world.forget_log()
    world.act("expire_tokens")
    world.fault("status", status=503, times=1, after=1, path="^/sync")
    world.service.client.last_activities(account)
    times = [row["at"] for row in world.log("GET", "/sync")]
    assert [row["status"] for row in world.log("GET", "/sync")] == [401, 503, 200]
    assert all((later - earlier).total_seconds() >= 0.3 for earlier, later in itertools.pairwise(times))


def test_six_hundred_reads_never_meet_a_429(world: World) -> None:
    account = world.link()
    world.forget_log()
    began = world.clock.now()
    for _ in range(600):
        world.service.client.last_activities(account)
    assert {row["status"] for row in world.log("GET", "/sync")} == {200}
    assert (world.clock.now() - began) >= timedelta(seconds=300)
    times = [row["at"] for row in world.log("GET", "/sync")]
    assert max(sum(start <= at < start + timedelta(seconds=300) for at in times) for start in times[::50]) <= READS


def test_ten_writes_take_nine_seconds_and_never_meet_a_429(world: World) -> None:
    account = world.link()
    world.forget_log()
    began = world.clock.now()
    for number in range(10):
        world.service.client.write(account, "watchlist", {"movies": [{"ids": {"trakt": 1000 + number}}]})
    assert {row["status"] for row in world.log("POST")} == {201}
    assert (world.clock.now() - began) >= timedelta(seconds=9)
