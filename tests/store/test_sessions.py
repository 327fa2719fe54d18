from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from sidecar.store.db import Store
from sidecar.store.people import People
from sidecar.store.sessions import Kept, Sessions

HOUR = timedelta(hours=1)


@pytest.fixture
def kept(store: Store, now: datetime) -> Kept:
    with store.write() as db:
        person = People(db).add("Anna", now)
    return Kept("server", "anna", "tv", "item", person.id, "uuid", now, now, None, False, "{}")


def test_a_session_is_kept_as_it_is_now(store: Store, kept: Kept, now: datetime) -> None:
    with store.write() as db:
        sessions = Sessions(db)
        kept = replace(kept, id=sessions.put(kept))
        assert sessions.open() == sessions.open("uuid") == sessions.of_user("server", "anna", "tv", "x", now) == [kept]
        assert sessions.of_user("server", "anna", "phone", "item", now) == [kept]
        assert sessions.of_user("server", "anna", "phone", "x", now) == []
        assert sessions.open("other") == sessions.of_user("server", "ben", "tv", "item", now) == []
        ended = replace(kept, heard_at=now + HOUR, ended_at=now + HOUR, finished=True, body='{"a":1}')
        assert sessions.put(ended) == kept.id
        assert sessions.open() == []
        assert sessions.of_user("server", "anna", "tv", "item", now + HOUR) == [ended]
        assert sessions.of_user("server", "anna", "tv", "item", now + 2 * HOUR) == []


def test_what_did_not_count_explains_its_date_until_it_is_forgotten(store: Store, kept: Kept, now: datetime) -> None:
    with store.write() as db:
        sessions = Sessions(db)
        for began, finished in ((now, False), (now + HOUR, True), (now + 2 * HOUR, False)):
            sessions.put(replace(kept, began=began, heard_at=began, ended_at=began + HOUR, finished=finished))
        sessions.toggled("server", "anna", "item", now + 5 * HOUR)
        sessions.toggled("server", "anna", "other", now)
        assert sessions.explained("server", "anna", "item") == [now, now + 2 * HOUR, now + 5 * HOUR]
        assert sessions.explained("server", "ben", "item") == []
        sessions.forget(now + 2 * HOUR, now)
        assert sessions.explained("server", "anna", "item") == [now + 2 * HOUR, now + 5 * HOUR]
        assert sessions.explained("server", "anna", "other") == []


def test_what_goes_on_is_never_forgotten(store: Store, kept: Kept, now: datetime) -> None:
    with store.write() as db:
        Sessions(db).put(kept)
        Sessions(db).forget(now + 999 * HOUR, now)
        assert len(Sessions(db).open()) == 1


def test_an_event_is_new_once_as_long_as_it_is_remembered(store: Store, now: datetime) -> None:
    with store.write() as db:
        sessions = Sessions(db)
        assert [sessions.first_time("a", now) for _ in range(2)] == [True, False]
        sessions.forget(now, now)
        assert not sessions.first_time("a", now)
        sessions.forget(now, now + HOUR)
        assert sessions.first_time("a", now)


def test_a_number_that_is_skipped_is_noticed_once(store: Store, now: datetime) -> None:
    with store.write() as db:
        sessions = Sessions(db)
        counted = [sessions.count("i", "server", number, now + number * HOUR) for number in (5, 6, 9, 7, 9, 10, 12)]
    assert counted == [None, None, (6, now + 6 * HOUR), None, None, None, (10, now + 10 * HOUR)]
