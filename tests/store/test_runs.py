from datetime import datetime

import pytest

from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.store.baseline import Baseline
from sidecar.store.db import Store
from sidecar.store.people import People, Person
from sidecar.store.runs import OPEN_CHANGES, Change, Runs
from sidecar.store.titles import Titles


@pytest.fixture
def persons(store: Store, now: datetime) -> list[Person]:
    with store.write() as db:
        return [People(db).add(name, now) for name in ("Anna", "Ben")]


def test_a_second_request_joins_the_first(store: Store, persons: list[Person], now: datetime) -> None:
    with store.write() as db:
        runs = Runs(db)
        first = runs.ask(persons[0].id, "sync", "schedule", now)
        assert runs.ask(persons[0].id, "sync", "schedule", now) == first
        assert runs.ask(persons[0].id, "full", "Anna", now) != first
        assert runs.ask(persons[1].id, "sync", "schedule", now) != first


def test_a_person_has_one_run_going_and_asked_ones_come_first(
    store: Store, persons: list[Person], now: datetime
) -> None:
    with store.write() as db:
        runs = Runs(db)
        scheduled = runs.ask(persons[0].id, "sync", "schedule", now)
        wanted = runs.ask(persons[0].id, "full", "Anna", now)
        ben = runs.ask(persons[1].id, "sync", "schedule", now)
        assert runs.next_asked() == wanted
        runs.begin(wanted.id, now, 1)
        assert runs.next_asked() == ben
        runs.end(wanted.id, "done", now, {"written": 3})
        assert runs.next_asked() == scheduled
        assert (runs.get(wanted.id).state, runs.get(wanted.id).summary) == ("done", {"written": 3})
        with pytest.raises(ValueError, match="does not wait"):
            runs.begin(wanted.id, now, 1)


def test_runs_of_an_earlier_owner_ended_with_it(store: Store, persons: list[Person], now: datetime) -> None:
    with store.write() as db:
        runs = Runs(db)
        run = runs.ask(persons[0].id, "sync", "schedule", now)
        runs.begin(run.id, now, 1)
        assert runs.adopt(2, now) == 1
        assert (runs.get(run.id).state, runs.get(run.id).summary["why"]) == ("stopped", "the process ended")
        assert [each.id for each in runs.latest()] == [run.id]


def test_the_plan_is_the_journal(store: Store, persons: list[Person], now: datetime) -> None:
    with store.write() as db:
        runs, side = Runs(db), Baseline(db).side("trakt:uuid")
        movie = Titles(db).learn(Ref(Kind.MOVIE, Ids(trakt=1)))[0]
        run = runs.ask(persons[0].id, "sync", "schedule", now)
        changes = [
            Change(number, side, Feature.RATINGS, movie, "add", 8, None, "Anna rated it", {"seen": 7})
            for number in range(3)
        ]
        runs.plan(run.id, changes)
        assert runs.changes(run.id) == changes
        runs.set_change(run.id, 1, "done", "201")
        assert [change.number for change in runs.changes(run.id, OPEN_CHANGES)] == [0, 2]
        with pytest.raises(ValueError, match="no change 9"):
            runs.set_change(run.id, 9, "done")
