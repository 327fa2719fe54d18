"""When runs begin by themselves, under a clock that the test moves; every turn is one call, no time passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from sidecar.errors import Outage
from sidecar.settings import Sync
from sidecar.store.alerts import Alerts
from sidecar.store.db import Store, open_store
from sidecar.store.folder import prepare
from sidecar.store.people import People, Person
from sidecar.store.servers import KnownServer
from sidecar.sync.request import Due, Request, Result
from sidecar.sync.schedule import TURN, Schedule
from tests.fakes import START, FakeClock
from tests.sync.fake import PART, FakeSync

HOME, DEN = KnownServer("m1", "home", "jellyfin"), KnownServer("m2", "den", "plex")
SCHEDULED = Request(asked_by="schedule")
LIVE = Request(asked_by="live", titles=(5,))
HOUR = 3600


class House:
    """A schedule with everything around it; runs begin when the test lets them, or at once."""

    def __init__(self, store: Store, **settings: Any) -> None:
        self.store, self.clock, self.sync = store, FakeClock(), FakeSync()
        self.settings, self.late = Sync(**settings), 0.0  # the share of the longest shift that everybody gets
        self.slow, self.waiting = False, list[Callable[[], None]]()
        self.schedule = self.restarted()

    def restarted(self, zone: Any = UTC) -> Schedule:
        """A schedule as after a start."""
        self.schedule = Schedule(
            self.sync, self.store, self.settings, self.clock,
            spawn=self._spawn, chance=lambda low, high: low + self.late * (high - low), zone=zone,
        )  # fmt: skip
        return self.schedule

    def _spawn(self, work: Callable[[], None]) -> None:
        self.waiting.append(work) if self.slow else work()

    def person(self, name: str) -> Person:
        with self.store.read() as db:
            return People(db).get(name)

    def due(self, *names: str, request: Request = SCHEDULED) -> None:
        """What sync says is due from now on."""
        self.sync.dues = [Due(person=self.person(name), request=request) for name in names]

    def turn(self, after: float = 0.0) -> list[str]:
        """Let time pass, take one turn; who began."""
        self.clock.advance(after)
        before = len(self.sync.asked)
        self.schedule.turn()
        return sorted(name for name, _ in self.sync.asked[before:])

    def started(self) -> House:
        """The runs of the start are over."""
        self.turn()
        return self

    def alerts(self) -> set[str]:
        with self.store.read() as db:
            return {alert.what for alert in Alerts(db).open_ones()}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Anna on both servers and Ben on one are linked, Carla is not."""
    prepare(tmp_path / "data")
    opened = open_store(tmp_path / "data")
    with opened.write() as db:
        people = People(db)
        for name, servers in (("Anna", (HOME, DEN)), ("Ben", (DEN,)), ("Carla", (HOME,))):
            person = people.add(name, START)
            for server in servers:
                people.add_account(person, server.id, name.lower(), name, START)
            if name != "Carla":
                people.put_trakt(f"uuid-{name}", name.lower(), {}, START)
                people.link(person, f"uuid-{name}", START)
    yield opened
    opened.close()


@pytest.fixture
def house(store: Store) -> House:
    return House(store)


# At the start


def test_at_the_start_everybody_who_is_linked_gets_one_run(house: House) -> None:
    house.late = 1.0  # nobody waits for a shifted turn then
    assert house.turn() == ["Anna", "Ben"]
    assert [request for _, request in house.sync.asked] == [SCHEDULED, SCHEDULED]
    assert house.turn(HOUR) == [], "what comes then is due when sync says so"


def test_nobody_is_synced_before_the_first_preview_was_answered(house: House) -> None:
    house.sync.newcomers = {"Ben"}
    assert house.turn() == ["Anna"]
    house.sync.newcomers = set()
    assert house.turn(15) == [], "it was answered by a run"
    house.due("Ben")
    assert house.turn(HOUR) == ["Ben"]


def test_who_is_not_linked_any_more_is_left_alone(house: House) -> None:
    house.started().due("Ben", "Carla")
    assert house.turn(15) == ["Ben"]


# What is due


def test_what_is_due_begins_and_nothing_else(house: House) -> None:
    house.started().due("Ben")
    assert house.turn(15) == ["Ben"]
    house.due()
    assert house.turn(15) == []


def test_turns_are_shifted_so_that_not_all_come_at_once(house: House) -> None:
    house.started().late = 0.5
    house.due("Anna")
    assert house.turn() == []
    house.late = 1.0
    house.due("Anna", "Ben")
    assert house.turn(30) == []
    assert house.turn(30) == ["Anna"], "half of two minutes"
    house.due("Ben")
    assert house.turn(60) == []
    assert house.turn(30) == ["Ben"]


def test_a_shift_is_never_more_than_a_tenth_of_the_interval(store: Store) -> None:
    house = House(store, every=timedelta(minutes=1)).started()
    house.late = 1.0
    house.due("Anna")
    assert house.turn() == []
    assert house.turn(6) == ["Anna"]


def test_a_run_that_goes_on_is_not_begun_a_second_time(house: House) -> None:
    house.started().slow = True
    house.due("Anna")
    assert house.turn() == []
    assert house.turn(15) == []
    assert len(house.waiting) == 1
    house.waiting.pop()()
    house.turn(15)
    assert len(house.waiting) == 1


# Scans and gaps


def test_after_a_scan_or_a_gap_the_people_of_that_server_get_a_run(house: House) -> None:
    house.started().schedule.ask("m2")
    assert house.turn(15) == ["Anna", "Ben"]
    house.schedule.ask("unknown")
    assert house.turn(15) == []


def test_what_was_asked_for_beside_a_run_that_is_due_is_one_run(house: House) -> None:
    house.started().due("Anna")
    house.schedule.ask("m1")
    assert house.turn(15) == ["Anna"]
    house.due()
    assert house.turn(15) == []


def test_a_scan_during_a_run_is_not_forgotten(house: House) -> None:
    house.started().slow = True
    house.due("Anna")
    house.turn()
    house.due()
    house.schedule.ask("m1")
    house.turn(15)
    house.waiting.pop()()
    house.turn(15)
    assert len(house.waiting) == 1


# Quiet hours


def at(hour: int, minute: int = 0, day: int = 1) -> datetime:
    return datetime(2026, 2, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("span", "moment", "quiet"),
    [
        ("23:00-07:00", at(22, 59), False),
        ("23:00-07:00", at(23, 0), True),
        ("23:00-07:00", at(3), True),
        ("23:00-07:00", at(6, 59), True),
        ("23:00-07:00", at(7, 0), False),
        ("12:00-14:00", at(13), True),
        ("12:00-14:00", at(14), False),
        ("", at(3), False),
    ],
)
def test_nothing_scheduled_begins_in_a_quiet_span(store: Store, span: str, moment: datetime, quiet: bool) -> None:
    house = House(store, quiet=span)
    house.clock.set_wall(moment)
    assert house.turn() == ([] if quiet else ["Anna", "Ben"])


def test_what_a_quiet_span_held_back_is_made_up_for_once(store: Store) -> None:
    house = House(store, quiet="23:00-07:00").started()
    house.clock.set_wall(at(23, 30))
    house.due("Anna")
    for _ in range(7):
        assert house.turn(HOUR) == []
    assert house.turn(HOUR) == ["Anna"]
    house.due()
    assert house.turn(15) == []


def test_a_person_may_choose_another_quiet_span(store: Store) -> None:
    house = House(store, quiet="23:00-07:00")
    with store.write() as db:
        People(db).set_option(house.person("Ben"), "quiet", "12:00-13:00", START)
    house.clock.set_wall(at(3))
    assert house.turn() == ["Ben"]
    house.clock.set_wall(at(12, 30))
    house.due("Ben")
    assert house.turn() == ["Anna"]


def test_what_live_asks_for_begins_at_once_and_in_quiet_hours_too(store: Store) -> None:
    house = House(store, quiet="23:00-07:00").started()
    house.late = 1.0
    house.clock.set_wall(at(3))
    house.due("Anna", request=LIVE)
    assert house.turn() == ["Anna"]
    assert house.sync.asked[-1] == ("Anna", LIVE)


def test_quiet_hours_are_those_of_the_clock_on_the_wall(store: Store) -> None:
    house = House(store, quiet="23:00-07:00")
    house.clock.set_wall(at(21, 30))
    assert house.restarted(ZoneInfo("Europe/Athens")) is house.schedule
    assert house.turn() == []
    house.restarted(ZoneInfo("Europe/London"))
    assert house.turn() == ["Anna", "Ben"]


# The hour of the complete read


def test_when_the_hour_of_the_complete_read_has_come_everybody_gets_a_run(store: Store) -> None:
    house = House(store, at="03:30").started()
    house.clock.set_wall(at(3, 29))
    assert house.turn() == []
    house.due("Ben")
    house.late = 1.0
    house.turn(60)
    house.late = 0.0
    house.due()
    assert house.turn(120) == ["Anna", "Ben"]
    assert [request.whole for _, request in house.sync.asked] == [False, False, True, True]
    assert house.turn(60) == []


def test_an_hour_that_was_slept_through_is_made_up_for_once(store: Store) -> None:
    house = House(store, at="03:30").started()
    house.clock.set_wall(at(9, day=4))
    assert house.turn() == ["Anna", "Ben"]
    assert house.turn(HOUR) == []
    house.clock.set_wall(at(3, 31, day=5))
    assert house.turn() == ["Anna", "Ben"]


def test_an_hour_before_midnight_that_was_slept_through_is_made_up_for_after_it(store: Store) -> None:
    house = House(store, at="23:30")
    house.clock.set_wall(at(23, 0))
    house.turn()
    house.clock.set_wall(at(0, 10, day=2))
    assert house.turn() == ["Anna", "Ben"]


# What comes of it


def came(state: str, **more: Any) -> Result:
    """What a run of Anna came to."""
    return Result(run=1, person="Anna", kind=more.pop("kind", "sync"), state=state, **more)


def test_what_a_run_came_to_is_an_alert_until_it_is_settled(house: House) -> None:
    lives = [
        (came("failed", problem="Trakt is not answering."), {"Trakt is not answering."}),
        (came("failed", kind="title", problem="Trakt is not answering."), {"Trakt is not answering."}),
        (came("done", kind="title"), {"Trakt is not answering."}),
        (came("stopped"), {"Trakt is not answering."}),
        (came("partial", stale={"anna@den": "It is away."}), {"Not everything could be read. anna@den: It is away."}),
        (came("done", stale={"anna@den": "It is not set up."}), set()),
        (came("done", held=(PART,)), {"A sync holds back 2 changes until somebody decides."}),
        (came("done", held=(replace(PART, decision="keep"),)), set()),
    ]
    house.started().due("Anna")
    for result, alerts in lives:
        house.sync.answers["Anna"] = result
        house.turn(HOUR)
        assert house.alerts() == alerts, result


# What goes wrong


def test_a_run_that_cannot_begin_disturbs_nobody_and_is_tried_again(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.sync.answers["Anna"] = Outage("Trakt", "Trakt is not answering.", "")
    assert house.turn() == ["Anna", "Ben"]
    assert caplog.messages == ["The run of Anna could not begin: Trakt is not answering."]
    house.due("Anna")
    assert house.turn(15) == ["Anna"]


def test_whatever_a_run_does_wrong_its_person_is_not_locked_out(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(person: Person, request: Request) -> Any:
        raise ValueError(person, request)

    with monkeypatch.context() as patched:
        patched.setattr(house.sync, "run", broken)
        house.turn()
    assert "A scheduled run failed; it is tried again at its next turn" in caplog.messages
    house.due("Anna")
    assert house.turn(15) == ["Anna"]


def test_a_store_that_cannot_be_read_ends_a_turn_and_no_more(house: House, caplog: pytest.LogCaptureFixture) -> None:
    def away(now: datetime) -> list[Due]:
        raise Outage("store", f"It cannot be read at {now:%H:%M}.", "")

    house.started().sync.due = away  # type: ignore[method-assign]
    house.schedule.turn()
    assert caplog.messages == ["The schedule could not look what is due: It cannot be read at 20:15."]


def test_turns_come_often_enough_for_what_live_asks_within_a_minute() -> None:
    assert timedelta(seconds=30) >= TURN
