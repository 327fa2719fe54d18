"""The schedule under clocks that are set, machines that sleep and jobs that fail; no time passes in truth."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from sidecar.clock import SystemClock
from sidecar.timer import LONGEST_WAIT, Job, Timer
from tests.fakes import START, FakeClock

MINUTE, HOUR, DAY = 60, 3600, 86400
SOON = 10.0


class Machine:
    """A timer on a machine whose time the test tells; notes who was asked at which second since the start."""

    def __init__(self, travel: time_machine.Traveller, start: datetime = START) -> None:
        self.travel = travel
        self.clock = FakeClock(start)
        self.timer = Timer(self.clock)
        self.asked: list[str] = []

    def job(self, name: str = "sync", every: float = HOUR, ago: float | None = None, jitter: float = 0) -> Job:
        last = None if ago is None else self.clock.now() - timedelta(seconds=ago)
        return Job(name, timedelta(seconds=every), lambda: self.asked.append(name), last, timedelta(seconds=jitter))

    def run(self, seconds: float, turn: float = 20) -> None:
        """Live for so long, with a turn every few seconds."""
        self.timer.turn()
        for _ in range(int(seconds / turn)):
            self.clock.advance(turn)
            self.travel.shift(turn)
            self.timer.turn()

    def set_wall(self, seconds: float) -> None:
        """Set the wall clock, or sleep: what drives the steady clock stands still meanwhile."""
        self.clock.set_wall(self.clock.now() + timedelta(seconds=seconds))
        self.travel.shift(seconds)


@pytest.fixture
def machine() -> Iterator[Machine]:
    with time_machine.travel(START, tick=False) as travel:
        yield Machine(travel)


def test_a_job_is_asked_at_every_turn_of_its_interval_and_not_between(machine: Machine) -> None:
    machine.timer.put(machine.job())
    machine.run(HOUR - 20)
    assert machine.asked == []
    machine.run(20)
    assert machine.asked == ["sync"]
    machine.run(3 * HOUR)
    assert machine.asked == ["sync"] * 4


def test_jobs_keep_their_own_intervals(machine: Machine) -> None:
    machine.timer.put(machine.job("often", HOUR))
    machine.timer.put(machine.job("daily", DAY))
    machine.run(DAY)
    assert (machine.asked.count("often"), machine.asked.count("daily")) == (24, 1)


# At the start


@pytest.mark.parametrize(
    ("ago", "asked"), [(HOUR, 1), (HOUR + 1, 1), (30 * DAY, 1), (HOUR - 1, 0), (-5 * HOUR, 0), (None, 0)]
)
def test_what_was_due_before_the_start_is_asked_at_once_and_once(
    machine: Machine, ago: float | None, asked: int
) -> None:
    machine.timer.put(machine.job(ago=ago))
    machine.run(0)
    assert len(machine.asked) == asked
    machine.run(HOUR - 20)
    assert len(machine.asked) == asked
    machine.run(20)
    assert len(machine.asked) == asked + 1


# Failures


def test_a_job_that_fails_is_tried_at_its_next_turn_and_disturbs_nobody(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        machine.asked.append("bad")
        raise ValueError("no")

    machine.timer.put(Job("bad", timedelta(hours=1), fail))
    machine.timer.put(machine.job("good"))
    machine.run(HOUR + 10 * MINUTE)
    assert sorted(machine.asked) == ["bad", "good"]
    assert caplog.messages == ["The scheduled job bad failed; it is tried again at its next turn"]
    machine.run(HOUR)
    assert sorted(machine.asked) == ["bad", "bad", "good", "good"]


def test_a_job_that_fails_at_the_start_does_not_stop_the_timer(machine: Machine) -> None:
    def fail() -> None:
        raise ValueError("no")

    machine.timer.put(Job("bad", timedelta(hours=1), fail, last=START - timedelta(days=1)))
    machine.timer.put(machine.job("good", ago=DAY))
    machine.run(0)
    assert machine.asked == ["good"]


# Clocks


def test_a_clock_set_back_takes_the_plan_along(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    machine.timer.put(machine.job())
    machine.run(40 * MINUTE)
    machine.set_wall(-5 * HOUR)
    machine.run(19 * MINUTE)
    assert machine.asked == []
    machine.run(1 * MINUTE)
    assert machine.asked == ["sync"], "it was due after an hour, whatever the clock said"
    assert caplog.messages == ["The clock of this machine was set back; the schedule follows it"]


def test_a_clock_that_is_set_back_again_and_again_cannot_starve_a_job(machine: Machine) -> None:
    machine.timer.put(machine.job("daily", DAY))
    for _ in range(24):
        machine.run(HOUR, turn=HOUR)
        machine.set_wall(-2 * HOUR)
    machine.run(0)
    assert machine.asked == ["daily"]


def test_a_clock_set_forward_makes_up_for_what_was_due_once(machine: Machine) -> None:
    machine.timer.put(machine.job())
    machine.run(10 * MINUTE)
    machine.set_wall(10 * HOUR)
    machine.run(59 * MINUTE)
    assert machine.asked == ["sync"]
    machine.run(MINUTE)
    assert machine.asked == ["sync", "sync"]


def test_a_clock_set_forward_by_mistake_and_back_again_does_no_harm(machine: Machine) -> None:
    machine.timer.put(machine.job())
    machine.run(10 * MINUTE)
    machine.set_wall(365 * DAY)
    machine.run(MINUTE)
    machine.set_wall(-365 * DAY)
    machine.run(HOUR)
    assert machine.asked == ["sync", "sync"]


def test_a_night_that_was_slept_through_is_made_up_for_once(machine: Machine) -> None:
    machine.timer.put(machine.job())
    machine.run(10 * MINUTE)
    machine.set_wall(9 * HOUR)
    machine.run(MINUTE)
    assert machine.asked == ["sync"]


def test_a_machine_that_sleeps_every_night_does_its_daily_job_daily(machine: Machine) -> None:
    machine.timer.put(machine.job("daily", DAY))
    for _ in range(7):
        machine.run(16 * HOUR, turn=MINUTE)
        machine.set_wall(8 * HOUR)
    machine.run(0)
    assert machine.asked == ["daily"] * 7


def test_a_busy_machine_that_gave_us_no_turn_for_hours_asks_once(machine: Machine) -> None:
    machine.timer.put(machine.job())
    machine.run(10 * HOUR, turn=10 * HOUR)
    assert machine.asked == ["sync"]


def test_small_corrections_of_the_clock_are_not_worth_a_word(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.timer.put(machine.job())
    machine.run(MINUTE)
    machine.set_wall(-59)
    machine.run(HOUR)
    assert machine.asked == ["sync"]
    assert caplog.messages == []


def test_a_job_put_after_the_clock_was_set_back_is_planned_by_the_new_one(machine: Machine) -> None:
    machine.run(MINUTE)
    machine.set_wall(-5 * HOUR)
    machine.timer.put(machine.job())
    machine.run(HOUR - 20)
    assert machine.asked == []
    machine.run(20)
    assert machine.asked == ["sync"]


@pytest.mark.parametrize("day", [datetime(2026, 3, 29), datetime(2026, 10, 25)])  # noqa: DTZ001 - a day, zone below
def test_summer_time_neither_starves_nor_floods_a_job(day: datetime) -> None:
    start = day.replace(tzinfo=ZoneInfo("Europe/Berlin"))
    with time_machine.travel(start, tick=False) as travel:
        machine = Machine(travel, start)
        machine.timer.put(machine.job(every=HOUR))
        machine.run(6 * HOUR, turn=MINUTE)
    assert len(machine.asked) in (5, 6, 7)


# Changes


def test_a_dropped_job_is_not_asked_any_more(machine: Machine) -> None:
    machine.timer.put(machine.job("a"))
    machine.timer.put(machine.job("b"))
    machine.run(HOUR)
    machine.timer.drop("a")
    machine.timer.drop("never there")
    machine.run(HOUR)
    assert sorted(machine.asked) == ["a", "b", "b"]


def test_a_job_put_again_replaces_the_former(machine: Machine) -> None:
    machine.timer.put(machine.job(every=HOUR))
    machine.run(MINUTE)
    machine.timer.put(machine.job(every=2 * HOUR))
    machine.run(2 * HOUR)
    assert machine.asked == ["sync"]


def test_changes_take_effect_in_their_order(machine: Machine) -> None:
    machine.timer.put(machine.job("a"))
    machine.timer.drop("a")
    machine.timer.drop("b")
    machine.timer.put(machine.job("b"))
    machine.run(HOUR)
    assert machine.asked == ["b"]


def test_a_job_may_drop_itself_and_put_another(machine: Machine) -> None:
    def once() -> None:
        machine.asked.append("once")
        machine.timer.drop("once")
        machine.timer.put(machine.job("next"))

    machine.timer.put(Job("once", timedelta(hours=1), once))
    machine.run(3 * HOUR + MINUTE)
    assert machine.asked == ["once", "next", "next"]


def test_changes_may_come_from_other_threads(machine: Machine) -> None:
    def change(number: int) -> None:
        for _ in range(20):
            machine.timer.put(machine.job(f"job {number}"))
            machine.timer.drop(f"job {number}")
        machine.timer.put(machine.job(f"job {number}"))

    threads = [threading.Thread(target=change, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        machine.timer.turn()
    for thread in threads:
        thread.join(SOON)
    machine.run(HOUR)
    assert sorted(machine.asked) == [f"job {number}" for number in range(8)]


# Jitter and waiting


def test_jitter_spreads_a_job_between_its_interval_and_a_little_more(machine: Machine) -> None:
    moments: list[float] = []
    start = machine.clock.monotonic()
    ask: Callable[[], None] = lambda: moments.append(machine.clock.monotonic())  # noqa: E731 - a job asks
    machine.timer.put(Job("sync", timedelta(hours=1), ask, jitter=timedelta(minutes=10)))
    machine.run(100 * HOUR, turn=10)
    gaps = [later - earlier for earlier, later in zip([start, *moments], moments, strict=False)]
    assert len(gaps) > 80
    assert all(HOUR <= gap <= HOUR + 10 * MINUTE + 10 for gap in gaps)
    assert len(set(gaps)) > 10


@pytest.mark.parametrize(("every", "wait"), [(10, 10.0), (1, 1.0), (HOUR, LONGEST_WAIT), (None, LONGEST_WAIT)])
def test_a_turn_says_how_long_to_wait(machine: Machine, every: float | None, wait: float) -> None:
    if every is not None:
        machine.timer.put(machine.job(every=every))
    assert machine.timer.turn() == wait


def test_a_turn_never_spins(machine: Machine) -> None:
    machine.timer.put(machine.job(every=0.001))
    assert machine.timer.turn() >= 0.5


def test_the_worker_hears_changes_at_once_and_stops_when_asked() -> None:
    timer, stop, asked = Timer(SystemClock()), threading.Event(), threading.Event()
    worker = threading.Thread(target=timer.work, args=(stop,))
    worker.start()
    timer.put(Job("sync", timedelta(hours=1), asked.set, last=START - timedelta(days=10_000)))
    assert asked.wait(SOON)
    stop.set()
    timer.drop("sync")
    worker.join(SOON)
    assert not worker.is_alive()
