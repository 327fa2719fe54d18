"""Ratings and ticks on a user's own socket, and what a look back finds, in both versions of the household."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest

from sidecar.contract import Copy, Rating, Watched
from sidecar.events import RatingEvent
from sidecar.model import Feature
from sidecar.servers.jellyfin.catchup import played_since
from sidecar.servers.jellyfin.live import JellyfinVoice
from sidecar.servers.listening import Ears, Listening
from sidecar.store.baseline import Baseline, Seen, SideState
from sidecar.store.db import Store
from sidecar.store.people import People
from sidecar.store.servers import KnownServer, KnownServers
from sidecar.store.sessions import Kept, Sessions
from sidecar.store.titles import Titles
from tests.fakes import START, FakeClock
from tests.servers.hearing import Heard
from tests.servers.jellyfin.conftest import KETTLE, LONE, SERIES, Home

Listen = Callable[[Home], AbstractContextManager[Listening]]


@pytest.fixture
def heard(clock: FakeClock) -> Heard:
    return Heard(clock)


@pytest.fixture
def listen(heard: Heard, store: Store) -> Listen:
    """Listening with Anna's own token."""

    def made(home: Home) -> AbstractContextManager[Listening]:
        home.desk.tell("clock", freeze=True)
        home.desk.tell("clock", set=START.isoformat())
        ears = heard.ears(home.desk.server.id, store)
        return heard.listening(JellyfinVoice(home.client(home.desk.sign_in()), ears, home.desk.user()), ears)

    return made


def settle(home: Home, heard: Heard) -> None:
    """Let what changed be told."""
    before = sum(b"UserDataChanged" in each for each in heard.messages)
    home.desk.shift(1)
    heard.until(lambda: sum(b"UserDataChanged" in each for each in heard.messages) > before)


def test_ratings_are_told_as_they_are_given_changed_and_taken_away(either: Home, listen: Listen, heard: Heard) -> None:
    film = either.desk.film(LONE)["Id"]
    with listen(either):
        heard.connected()
        for do, given in (("rate", {"rating": 8}), ("rate", {"rating": 8}), ("rate", {"rating": 9}), ("unrate", {})):
            either.desk.act(do, person="Anna", item=film, **given)
            settle(either, heard)
        either.desk.act("rate", person="Ben", item=film, rating=3)
        either.desk.act("favorite", person="Anna", item=film)
        settle(either, heard)
    assert heard.marks() == [("rating", 8.0), ("rating", 9.0), ("rating", None)]
    rated = next(each for each in heard.events if isinstance(each, RatingEvent))
    assert (rated.user, rated.item, rated.at) == (either.desk.user(), film, START)
    assert rated.title.startswith(LONE)


def test_a_series_is_rated_and_its_episodes_are_ticked(home: Home, listen: Listen, heard: Heard) -> None:
    series, episode = home.desk.film(SERIES)["Id"], home.desk.episodes(SERIES)[0]["Id"]
    with listen(home):
        heard.connected()
        for do, item, given in (
            ("rate", series, {"rating": 7}),
            ("favorite", episode, {}),
            ("watch", episode, {}),
            ("unwatch", episode, {}),
        ):
            home.desk.act(do, person="Anna", item=item, **given)
            settle(home, heard)
    assert heard.marks() == [("rating", 7.0), ("played", True), ("played", False)]


def test_what_the_last_run_saw_is_no_news(home: Home, listen: Listen, heard: Heard, store: Store) -> None:
    film, kettle = home.row(LONE), home.row(KETTLE)
    with store.write() as db:
        baseline, titles = Baseline(db), [Titles(db).claimed(row.refs[0]) for row in (film, kettle)]
        side = baseline.side(f"jellyfin:{home.desk.server.id}:{home.desk.user()}")
        baseline.set_state(side, Feature.HISTORY, SideState(joined_at=START))
        baseline.put_seen(side, Feature.RATINGS, {titles[0]: Seen(Rating(8.0))})
        baseline.put_seen(side, Feature.HISTORY, {titles[1]: Seen(Watched((Copy(kettle.item, played=True),)))})
    with listen(home):
        heard.connected()
        for do, row, given in (
            ("rate", film, {"rating": 8}),  # as it was seen
            ("watch", film, {}),  # it was not
            ("unwatch", kettle, {}),  # it was ticked
        ):
            home.desk.act(do, person="Anna", item=row.item, **given)
            settle(home, heard)
    assert heard.marks() == [("played", True), ("played", False)]


def session_of(home: Home, store: Store, item: str, *, ended: bool = False) -> None:
    """Anna plays something, as the store knows."""
    with store.write() as db:
        server = KnownServer(home.desk.server.id, "home", "jellyfin")
        KnownServers(db).met(server, START)
        person = People(db).meet(server, home.desk.user(), "Anna", START).person
        kept = Kept(
            server.id, home.desk.user(), "tv", item, person, "uuid", START, START, START if ended else None, False, ""
        )
        Sessions(db).put(kept)


def test_what_playing_does_to_the_tick_is_no_toggle(either: Home, listen: Listen, heard: Heard, store: Store) -> None:
    film = either.desk.film(LONE)
    with listen(either):
        heard.connected()
        either.desk.act("watch", person="Anna", item=film["Id"])
        settle(either, heard)
        session_of(either, store, film["Id"])
        either.desk.play("start", file=film["Path"])  # 10.11 takes the tick away
        settle(either, heard)
        either.desk.play("stop", position_s=film["RunTimeTicks"] / 10_000_000 - 1)
        settle(either, heard)
    assert heard.marks() == []


def test_a_tick_that_goes_with_a_rating_was_forgotten_by_the_server(home: Home, listen: Listen, heard: Heard) -> None:
    series, episode = home.desk.film(SERIES)["Id"], home.desk.episodes(SERIES)[0]["Id"]
    home.desk.data(episode)
    with listen(home):
        heard.connected()
        home.desk.act("favorite", person="Anna", item=episode)
        settle(home, heard)
        home.desk.ask(f"/UserPlayedItems/{series}?userId={home.desk.user()}", "POST")
        settle(home, heard)
        before = heard.marks()
        home.desk.data(episode, "POST", {"Rating": 4})
        settle(home, heard)
    assert before == [("played", True)]
    assert home.desk.truth(episode)["Played"] is False
    assert heard.marks()[1:] == [("rating", 4.0)]


@pytest.mark.parametrize("listener", ["", "Anna"])
def test_neither_the_key_nor_somebody_else_hears_the_marks_of_a_user(
    home: Home, heard: Heard, store: Store, listener: str
) -> None:
    ears, film = heard.ears(home.desk.server.id, store), home.desk.film(LONE)["Id"]
    home.desk.act("rate", person="Ben", item=film, rating=8)
    voice = JellyfinVoice(home.client(), ears, home.desk.user(listener) if listener else "")
    home.forget_log()
    data = {"UserId": home.desk.user("Ben"), "UserDataList": [{"ItemId": film, "Rating": 8}]}
    assert voice.heard(json.dumps({"MessageType": "UserDataChanged", "Data": data}).encode())
    assert (home.log(), heard.events) == ([], [])


@pytest.fixture
def ears(home: Home, heard: Heard, store: Store) -> Ears:
    home.desk.tell("clock", freeze=True)
    home.desk.tell("clock", set=START.isoformat())
    home.clock.advance(7200)
    return heard.ears(home.desk.server.id, store)


def back(home: Home, ears: Ears, hours: float = 1) -> list[tuple[str, timedelta]]:
    """What a look back finds: title, and how long before the start of the test."""
    found = played_since(home.client(), home.desk.user(), ears, START - timedelta(hours=hours))
    return [(event.title.partition(" (")[0], START - event.at) for event in found]


def test_a_look_back_finds_the_plays_since_then_and_a_day_more(home: Home, ears: Ears) -> None:
    for name, hours in ((LONE, 2), (KETTLE, 20), (SERIES, 30)):
        item = home.desk.episodes(name)[0] if name == SERIES else home.desk.film(name)
        at = START - timedelta(hours=hours)
        home.desk.act("watch", person="Anna", item=item["Id"], at=at.isoformat())
    home.desk.act("watch", person="Anna", item=home.desk.episodes(SERIES)[1]["Id"])
    assert back(home, ears)[:2] == [(KETTLE, timedelta(hours=20)), (LONE, timedelta(hours=2))]
    assert len(back(home, ears)) == 3
    assert len(back(home, ears, 10)) == 4


def test_a_look_back_reads_page_after_page_until_it_is_old_enough(home: Home, ears: Ears) -> None:
    items = home.desk.items("includeItemTypes=Movie,Episode&limit=130")
    for number, item in enumerate(items):
        at = START - timedelta(hours=number)
        home.desk.act("watch", person="Anna", item=item["Id"], at=at.isoformat())
    home.forget_log()
    found = played_since(home.client(), home.desk.user(), ears, START - timedelta(hours=36))
    assert [event.at for event in found] == [START - timedelta(hours=number) for number in range(60, -1, -1)]
    assert len([row for row in home.log() if "DatePlayed" in row["query"]]) == 2


def test_a_look_back_leaves_out_what_was_explained_or_begun_again(home: Home, ears: Ears, store: Store) -> None:
    film, kettle = home.desk.film(LONE), home.desk.film(KETTLE)
    for each in (film, kettle):
        home.desk.act("watch", person="Anna", item=each["Id"], at=(START - timedelta(days=9)).isoformat())
    home.desk.play("start", file=film["Path"])
    home.desk.play("stop", position_s=60)  # a sample of a film that was watched: Jellyfin shows its date
    home.desk.play("start", file=kettle["Path"], position_s=600)
    home.desk.play("progress", position_s=1200)
    assert back(home, ears) == [(LONE, timedelta(0))]
    session_of(home, store, film["Id"], ended=True)
    assert back(home, ears) == []


def test_a_look_back_takes_no_marks_of_a_whole_series_for_plays(home: Home, ears: Ears) -> None:
    home.desk.act(
        "watch", person="Anna", item=home.desk.film(SERIES)["Id"], at=(START - timedelta(hours=1)).isoformat()
    )
    assert back(home, ears) == []
