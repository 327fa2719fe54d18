"""Threads that somebody looks after; the pauses between attempts are noted instead of waited for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import pytest

from sidecar.worker import DEAD_AFTER, HEALTHY_AFTER, PAUSES, Crew
from tests.fakes import FakeClock

SOON = 10.0  # seconds; nothing takes so long, unless it is broken


class NotedPauses(threading.Event):
    """A stop event whose waits are over at once."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout)
        return self.is_set()


class Work:
    """Work that ends when, and as, the test says."""

    def __init__(self) -> None:
        self._began: queue.Queue[str] = queue.Queue()
        self._ends: queue.Queue[BaseException | None] = queue.Queue()

    def __call__(self, stop: threading.Event) -> None:
        self._began.put(threading.current_thread().name)
        end = self._ends.get(timeout=SOON)
        if end is not None:
            raise end

    def begun(self) -> str:
        """Wait until it is at work, and tell in which thread."""
        return self._began.get(timeout=SOON)

    def end(self, problem: BaseException | None = None) -> None:
        self._ends.put(problem)


def until_stopped(stop: threading.Event) -> None:
    """What well-behaved work does."""
    stop.wait(SOON)


class Yard:
    """A crew with a clock that is moved by hand."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.failed: list[str] = []
        self.crew = Crew(self.clock, self.failed.append)
        self.stop = NotedPauses()
        self.crew.stop = self.stop
        self.work = Work()

    def fail(self) -> None:
        """Let the work fail, and wait until it was begun anew."""
        self.work.end(ValueError("no"))
        self.work.begun()


@pytest.fixture
def yard() -> Iterator[Yard]:
    yard = Yard()
    yield yard
    yard.stop.set()
    yard.work.end()
    assert yard.crew.close(SOON) == []


def test_work_runs_in_a_thread_of_its_name(yard: Yard) -> None:
    yard.crew.start("timer", yard.work)
    assert yard.work.begun() == "timer"
    assert yard.crew.dead() == []


def test_work_that_fails_is_begun_again_and_the_failure_told(yard: Yard, caplog: pytest.LogCaptureFixture) -> None:
    yard.crew.start("timer", yard.work)
    yard.work.begun()
    yard.fail()
    assert yard.failed == ["timer"]
    (record,) = caplog.records
    assert record.message == "The worker timer failed; it is started again"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValueError)


def test_work_that_ends_by_itself_is_begun_again(yard: Yard, caplog: pytest.LogCaptureFixture) -> None:
    yard.crew.start("timer", yard.work)
    yard.work.begun()
    yard.work.end()
    yard.work.begun()
    assert yard.failed == ["timer"]
    assert caplog.messages == ["The worker timer ended without being asked to; it is started again"]


def test_pauses_grow_and_then_stay(yard: Yard) -> None:
    yard.crew.start("timer", yard.work)
    yard.work.begun()
    for _ in range(7):
        yard.fail()
    assert yard.stop.pauses == [0.1, 1.0, 5.0, 30.0, 60.0, 60.0, 60.0]
    assert PAUSES[-1] < HEALTHY_AFTER


def test_who_keeps_failing_is_called_dead(yard: Yard) -> None:
    yard.crew.start("timer", yard.work)
    yard.work.begun()
    for _ in range(DEAD_AFTER - 1):
        yard.fail()
        assert yard.crew.dead() == []
    yard.fail()
    assert yard.crew.dead() == ["timer"]


def test_who_works_for_a_while_after_failing_is_alive_again(yard: Yard) -> None:
    yard.crew.start("timer", yard.work)
    yard.work.begun()
    for _ in range(DEAD_AFTER):
        yard.fail()
    yard.clock.advance(HEALTHY_AFTER + 1)
    assert yard.crew.dead() == []
    yard.fail()
    assert yard.crew.dead() == []
    assert yard.stop.pauses == [0.1, 1.0, 5.0, 0.1], "earlier failures are forgotten"


def test_a_thread_that_is_gone_is_dead(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda end: None)
    yard.crew.start("timer", yard.work)
    yard.work.begun()
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "timer")
    yard.work.end(SystemExit())
    thread.join(SOON)
    assert yard.crew.dead() == ["timer"]


def test_one_failing_worker_does_not_touch_another(yard: Yard) -> None:
    other = Work()
    yard.crew.start("deliver", other)
    yard.crew.start("timer", yard.work)
    other.begun()
    yard.work.begun()
    for _ in range(DEAD_AFTER):
        yard.fail()
    assert yard.crew.dead() == ["timer"]
    yard.stop.set()
    other.end()


def test_everybody_ends_when_asked_to() -> None:
    crew = Crew(FakeClock())
    for name in ("a", "b"):
        crew.start(name, until_stopped)
    assert crew.dead() == []
    assert crew.close(SOON) == []
    assert not {"a", "b"} & {thread.name for thread in threading.enumerate()}


def test_ending_when_asked_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    failed: list[str] = []
    crew = Crew(FakeClock(), failed.append)
    crew.start("a", until_stopped)
    crew.close(SOON)
    assert (failed, caplog.messages) == ([], [])


def test_a_pause_ends_at_once_when_the_crew_stops() -> None:
    failed = threading.Event()
    crew = Crew(FakeClock(), lambda name: failed.set())

    def fail(stop: threading.Event) -> None:
        raise ValueError

    crew.start("a", fail)
    assert failed.wait(SOON)
    assert crew.close(SOON) == []


def test_who_does_not_stop_in_time_is_named() -> None:
    release = threading.Event()
    crew = Crew(FakeClock())
    crew.start("stuck", lambda stop: until_stopped(release))
    crew.start("good", until_stopped)
    (good,) = (thread for thread in threading.enumerate() if thread.name == "good")
    crew.stop.set()
    good.join(SOON)
    assert crew.close(patience=0) == ["stuck"]
    release.set()
    assert crew.close(SOON) == []


def test_threads_do_not_hold_up_the_end_of_the_process(yard: Yard) -> None:
    yard.crew.start("timer", yard.work)
    yard.work.begun()
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "timer")
    assert thread.daemon
