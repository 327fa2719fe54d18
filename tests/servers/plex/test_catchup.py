"""What a look back finds in Plex's history, and the newest ratings."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from sidecar.errors import Refused
from sidecar.events import RatingEvent
from sidecar.servers.listening import Ears
from sidecar.servers.plex.catchup import MINUTE, NewestRatings, played_since
from sidecar.store.servers import KnownServer, KnownServers
from tests.demo.plex.conftest import House
from tests.servers.hearing import Heard, played
from tests.servers.plex.conftest import START, Home


@pytest.fixture
def heard(home: Home) -> Heard:
    return Heard(home.clock)


@pytest.fixture
def ears(home: Home, heard: Heard) -> Ears:
    with home.store.write() as db:
        KnownServers(db).met(KnownServer(home.machine, "den", "plex"), START)
        KnownServers(db).keep_libraries(home.machine, {"1": "Movies"})
    return heard.ears(home.machine, home.store)


def watched(house: House, path: str, hours: float, person: str = "Anna") -> None:
    house.act("watch", person=person, file=path, at=(START - timedelta(hours=hours)).isoformat())


def test_a_look_back_finds_everybodys_plays_since_then_and_a_day_more(home: Home, house: House, ears: Ears) -> None:
    movie, episode = house.file(), house.file("shows")
    watched(house, movie.path, 1, "Ben")
    watched(house, episode.path, 20)
    watched(house, movie.path, 30)
    watched(house, movie.path, 0.5)
    found = played_since(home.client(), ears, START - timedelta(hours=2))
    ben = str(house.people["Ben"]["id"])
    assert [(user, START - at) for user, _, at in played(found)] == [
        ("1", timedelta(hours=20)),
        (ben, timedelta(hours=1)),
        ("1", timedelta(hours=0.5)),
    ]
    assert (found[0].refs[0].show is not None, found[0].refs[0].season) == (True, episode.season)
    assert (found[1].item, found[1].library, found[1].source) == (home.item(movie.path), "Movies", "history")
    assert found[1].refs[0].ids.tmdb == int(movie.claims.tmdb or 0)


def test_a_play_that_was_written_down_twice_is_one_and_two_plays_are_two(home: Home, house: House, ears: Ears) -> None:
    movie = house.file()
    house.fault("duplicate_history")
    watched(house, movie.path, 1)
    watched(house, movie.path, 1, "Ben")
    watched(house, movie.path, 0.9)
    found = played_since(home.client(), ears, START - timedelta(hours=2))
    assert len(found) == len({each.id for each in found}) == 3
    assert len({(each.user, each.at) for each in found}) == 3


def test_what_was_deleted_is_left_out_and_many_titles_take_few_requests(home: Home, house: House, ears: Ears) -> None:
    paths = [file.path for file in house.catalogue.files if file.library == "movies"][:30]
    for number, path in enumerate(paths):
        watched(house, path, 1 + number / 10)
    house.act("remove", path=paths[0])
    asked = home.asked()
    found = played_since(home.client(), ears, START - timedelta(hours=6))
    assert len({each.item for each in found}) == len({home.item(path) for path in paths[1:]})
    assert home.asked() - asked <= 5
    assert [each.at for each in found] == sorted(each.at for each in found)


def test_another_server_at_the_address_tells_nothing(home: Home, house: House, heard: Heard) -> None:
    watched(house, house.file().path, 1)
    ears = heard.ears("f" * 40, home.store)
    with pytest.raises(Refused, match="Another server"):
        played_since(home.client(), ears, START - timedelta(hours=2))
    with pytest.raises(Refused, match="Another server"):
        ratings(home, ears, "Anna").look("1")
    assert heard.events == []


def ratings(home: Home, ears: Ears, *people: str) -> NewestRatings:
    return NewestRatings("ratings", {home.number(each): home.client(each) for each in people}, ears)


def rate(house: House, home: Home, rating: float, person: str = "Anna", **what: Any) -> None:
    """A second later."""
    house.tell("clock", shift=1)
    home.clock.advance(1)
    house.act("rate", person=person, rating=rating, **what)


def test_only_ratings_given_after_the_first_look_are_told(home: Home, house: House, ears: Ears, heard: Heard) -> None:
    movie, episode, newest = house.file(), house.file("shows"), ratings(home, ears, "Anna", "Ben")
    users = "1", home.number("Ben")
    rate(house, home, 5, file=movie.path)
    for user in users:
        newest.look(user)
    rate(house, home, 8, file=movie.path)
    rate(house, home, 7, file=episode.path)
    rate(house, home, 6, file=episode.path, level="show")
    rate(house, home, 3, "Ben", file=movie.path)
    for _ in range(2):
        for user in users:
            newest.look(user)
    rated = [each for each in heard.events if isinstance(each, RatingEvent)]
    assert sorted((each.user, each.value, each.refs[0].kind) for each in rated) == sorted(
        [("1", 8.0, "movie"), ("1", 7.0, "episode"), ("1", 6.0, "show"), (users[1], 3.0, "movie")]
    )
    assert [each.at for each in rated if each.value == 8] == [START + timedelta(seconds=2)]
    assert {each.library for each in rated if each.refs[0].kind == "movie"} == {"Movies"}
    rate(house, home, 9, file=movie.path)
    newest.look("1")
    assert heard.marks()[-1] == ("rating", 9.0)


def test_two_ratings_of_one_second_are_both_told(home: Home, house: House, ears: Ears, heard: Heard) -> None:
    one, two = [file.path for file in house.catalogue.files if file.library == "movies" and file.claims.tmdb][:2]
    newest = ratings(home, ears, "Anna")
    newest.look("1")
    house.act("rate", person="Anna", rating=4, file=one)
    newest.look("1")
    house.act("rate", person="Anna", rating=5, file=two)
    newest.look("1")
    assert heard.marks() == [("rating", 4.0), ("rating", 5.0)]


def test_a_look_costs_a_request_for_each_kind_in_each_library(home: Home, ears: Ears) -> None:
    newest = ratings(home, ears, "Anna")
    newest.look("1")
    asked = home.asked()
    newest.look("1")
    assert home.asked() - asked == 2 * 1 + 2 * 3  # two libraries of films, two of series


def test_once_a_minute_and_not_where_a_webhook_tells(home: Home, house: House, ears: Ears, heard: Heard) -> None:
    told = Ears(home.machine, home.store, home.clock, heard.rest, heard.hear, heard.gap, rates=lambda user: user == "1")
    newest = ratings(home, told, "Anna", "Ben")
    house.act("revoke", person="Ben", kind="server")
    work = threading.Thread(target=newest.work, args=(heard.stop,), daemon=True)
    work.start()
    heard.until(lambda: len(heard.rests) >= 2)
    heard.stop.set()
    work.join(10)
    assert heard.rests[:2] == [MINUTE, MINUTE]
    assert {row["user"] for row in home.rows()} == {None}
    assert "does not accept" in newest.state().problem
    assert newest.shows("1", "any") is None
