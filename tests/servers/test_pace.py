"""How fast a server is written to, whoever writes."""

from __future__ import annotations

import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.servers.pace import Pace
from tests.fakes import FakeClock


class Bed:
    """Where somebody rests until it is time, or until everything stops."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.slept, self.stopping = clock, list[float](), False

    def rest(self, seconds: float) -> bool:
        self.slept.append(seconds)
        self.clock.advance(seconds)
        return self.stopping


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def bed(clock: FakeClock) -> Bed:
    return Bed(clock)


@given(st.floats(0.1, 50), st.lists(st.floats(0, 3), min_size=2, max_size=20))
def test_there_are_never_more_than_so_many_in_a_second(per_second: float, pauses: list[float]) -> None:
    clock = FakeClock()
    pace, times = Pace(per_second, clock, Bed(clock).rest), list[float]()
    for pause in pauses:
        clock.advance(pause)
        assert pace.take()
        times.append(clock.monotonic())
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert min(gaps) >= 1 / per_second - 1e-6


def test_who_comes_late_waits_for_nothing_and_saves_nothing_up(clock: FakeClock, bed: Bed) -> None:
    pace = Pace(4, clock, bed.rest)
    pace.take()
    clock.advance(10)
    for _ in range(3):
        pace.take()
    assert bed.slept == [0.0, 0.0, 0.25, 0.25]


def test_the_time_that_is_left_is_told(clock: FakeClock, bed: Bed) -> None:
    pace = Pace(4, clock, bed.rest)
    pace.plan(10)
    assert pace.left() == (0, 10, 2.5)
    pace.take()
    pace.skip(4)
    assert pace.left() == (1, 6, 1.25)
    for _ in range(5):
        pace.take()
    assert pace.left() == (6, 6, 0.0)
    pace.plan(2)
    assert pace.left() == (0, 2, 0.5)


def test_two_who_write_at_once_share_one_plan(clock: FakeClock, bed: Bed) -> None:
    pace = Pace(4, clock, bed.rest)
    pace.plan(2)
    pace.take()
    pace.plan(3)
    assert pace.left() == (1, 5, 1.0)
    pace.skip(100)
    assert pace.left() == (1, 1, 0.0)


@pytest.mark.parametrize("late", [0.0, 60.0])
def test_a_stop_is_heard_also_where_nobody_has_to_wait(late: float, clock: FakeClock, bed: Bed) -> None:
    pace = Pace(4, clock, bed.rest)
    pace.plan(3)
    assert pace.take()
    clock.advance(late)
    bed.stopping = True
    assert not pace.take()
    pace.skip(2)
    assert pace.left() == (1, 1, 0.0)


def test_threads_get_a_slot_each(clock: FakeClock) -> None:
    waits, lock = list[float](), threading.Lock()

    def rest(seconds: float) -> bool:
        with lock:
            waits.append(seconds)
        return False

    pace = Pace(10, clock, rest)
    threads = [threading.Thread(target=pace.take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert sorted(waits) == pytest.approx([slot / 10 for slot in range(8)])
