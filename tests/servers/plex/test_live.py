"""Plex's socket against the household with its faults, and against recorded and published messages."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.contract import Copy
from sidecar.events import PlayEvent, What
from sidecar.model import Ids, Kind, Ref, Secret
from sidecar.servers.inventory import Inventory
from sidecar.servers.listening import FIRST, GRACE, Listening
from sidecar.servers.plex.client import Plex
from sidecar.servers.plex.live import DOUBT, PlexVoice
from sidecar.servers.rows import Row
from sidecar.store.db import Store
from sidecar.viewing import Source
from tests.demo.plex.conftest import House
from tests.fakes import FakeClock
from tests.loopback import Answer, listening
from tests.servers.hearing import Heard, short
from tests.servers.plex.conftest import CLIENT_ID, START, Home

Listen = Callable[..., AbstractContextManager[Listening]]
XML = {"Content-Type": "text/xml;charset=utf-8"}


@pytest.fixture
def heard(home: Home) -> Heard:
    made = Heard(home.clock)
    made.passes = lambda seconds: pass_time(home, seconds)
    return made


@pytest.fixture
def listen(home: Home, heard: Heard) -> Listen:
    """Listening with the owner's token."""

    def made(machine: str = "") -> AbstractContextManager[Listening]:
        server, token = machine or home.machine, Secret(home.house.people["Anna"]["server_token"])
        plex = Plex(home.house.url, token, label="Plex den", client_id=CLIENT_ID, clock=home.clock, pause=0)
        ears = heard.ears(server, home.store)
        return heard.listening(PlexVoice(plex, ears), ears)

    return made


def pass_time(home: Home, seconds: float) -> None:
    """For everybody."""
    home.clock.advance(seconds)
    home.house.tell("clock", shift=seconds)


def minutes(home: Home, heard: Heard, count: int) -> None:
    """Minutes, in which the line stays alive."""
    for _ in range(count * 2):
        home.clock.advance(30)
        before = len(heard.messages)
        home.house.act("frame", type="status", entries=[{}])
        heard.until(lambda before=before: len(heard.messages) > before)  # type: ignore[misc]


def test_a_whole_viewing_is_heard_transition_by_transition(
    home: Home, house: House, listen: Listen, heard: Heard
) -> None:
    movie = house.file()
    with listen():
        heard.connected()
        house.play("start", file=movie.path)
        done = (("progress", 5), ("pause", 20), ("resume", 20), ("buffer", 25), ("seek", 900), ("stop", 905))
        for count, (do, place) in enumerate(done, 1):
            heard.wait(count)
            house.play(do, position_s=place)
        plays = heard.wait(7)
    assert [short(each) for each in plays] == [
        (What.START, 0.0, False),
        (What.PROGRESS, 5.0, False),
        (What.PAUSE, 20.0, True),
        (What.RESUME, 20.0, False),
        (What.PROGRESS, 25.0, False),
        (What.PROGRESS, 900.0, False),
        (What.STOP, 905.0, False),
    ]
    first, key = plays[0], house.key(movie)
    assert (first.service, first.server, first.user, first.source) == (Source.PLEX, home.machine, "1", "socket")
    assert (first.item, first.library, first.path) == (home.item(movie.path), "Movies", movie.path)
    assert first.item.startswith(f"{key}~plex://movie/")
    assert (first.refs[0].kind, first.refs[0].ids.tmdb) == (Kind.MOVIE, int(movie.claims.tmdb or 0))
    assert first.runtime == pytest.approx((movie.runtime_ms or 0) / 60_000)
    assert (first.device, first.client) == ("Living Room TV", "Plex for Android (TV)")
    assert len({each.session for each in plays}) == 1
    assert not first.session.isdecimal()  # the player's own name, which webhooks use as well
    assert (first.at, first.completed) == (START, None)
    assert heard.rests == [1.0]  # it is listed a moment after its first word


def test_the_token_is_in_a_header_and_in_no_address(home: Home, listen: Listen, heard: Heard) -> None:
    with listen():
        heard.connected()
    (row,) = [row for row in home.rows() if "websockets" in row["path"]]
    assert row["query"] == ""


def test_the_end_of_a_scan_is_heard(home: Home, house: House, listen: Listen, heard: Heard) -> None:
    with listen():
        heard.connected()
        house.tell("act", do="look", file=house.file().path)
        house.tell("act", do="scan", library="movies")
        heard.until(lambda: heard.scans == [home.machine])


def test_everybody_is_heard_as_themselves(home: Home, house: House, listen: Listen, heard: Heard) -> None:
    with listen():
        heard.connected()
        for number, person in enumerate(("Anna", "Ben"), 1):
            house.play("start", person, file=house.file().path)
            heard.wait(number)
    assert [each.user for each in heard.plays()] == ["1", str(house.people["Ben"]["id"])]
    assert len({each.session for each in heard.plays()}) == 2


def test_the_next_episode_ends_the_one_before(house: House, listen: Listen, heard: Heard) -> None:
    show = house.file("shows")
    with listen():
        heard.connected()
        house.play("start", file=show.path, position_s=7)
        heard.wait(1)
        house.play("next")
        plays = heard.wait(3)
    assert [each.what for each in plays] == [What.START, What.STOP, What.START]
    assert plays[0].item == plays[1].item != plays[2].item
    assert plays[1].position == 7.0
    assert plays[0].refs[0].show is not None
    assert plays[0].refs[0].show == plays[2].refs[0].show


def test_the_next_item_under_the_same_number_is_another_session(
    home: Home, house: House, listen: Listen, heard: Heard
) -> None:
    first, two = [file for file in house.catalogue.files if file.library == "movies" and file.claims.tmdb][:2]
    with listen():
        heard.connected()
        number = house.play("start", file=first.path, position_s=30)
        heard.wait(1)
        home.world.stage.now[number].item = home.world.inventory.by_path[two.path][0]
        house.play("progress", position_s=2)
        plays = heard.wait(3)
    assert [(each.what, each.position) for each in plays] == [(What.START, 30), (What.STOP, 30), (What.START, 2)]
    assert plays[0].item == plays[1].item != plays[2].item


def test_while_the_former_item_is_listed_nothing_is_said_of_the_next(
    home: Home, house: House, listen: Listen, heard: Heard
) -> None:
    first, two = [file for file in house.catalogue.files if file.library == "movies" and file.claims.tmdb][:2]
    entry = {"sessionKey": "1", "ratingKey": house.key(two), "state": "playing", "viewOffset": 2000}
    with listen():
        heard.connected()
        assert house.play("start", file=first.path) == 1
        heard.wait(1)
        house.act("frame", type="playing", entries=[entry])
        heard.wait(2)
        heard.until(lambda: heard.rests == [1, 1, 1, 1, 2])
        heard.until(lambda: len(heard.messages) >= 2)
    assert heard.whats()[:2] == [What.START, What.STOP]
    assert {each.item for each in heard.plays()} == {home.item(first.path)}


@pytest.mark.parametrize(("delay", "rests", "told"), [(3.5, [1, 1, 1, 2], 1), (60, [1, 1, 1, 2], 0)])
def test_a_session_is_waited_for_and_then_left_out_for_good(
    home: Home, house: House, listen: Listen, heard: Heard, delay: float, rests: list[int], told: int
) -> None:
    house.tell("switches", session_delay_s=delay)
    with listen():
        heard.connected()
        house.play("start", file=house.file().path)
        heard.until(lambda: heard.messages)
        asked = home.asked()
        for count in range(1, 5):  # a hundred seconds, in which the line stays alive
            pass_time(home, 25)
            house.act("frame", type="status", entries=[{}])
            heard.until(lambda count=count: len(heard.messages) > count)  # type: ignore[misc]
        house.play("progress")
        heard.until(lambda: len(heard.messages) > 5)
        house.play("stop")
        heard.until(lambda: len(heard.messages) > 16)
    assert heard.rests == rests
    assert len([each for each in heard.plays() if each.what is What.START]) == told
    assert (heard.plays() == []) is (told == 0)
    assert home.asked() == asked


def test_a_session_of_nobody_is_nobodys(home: Home, house: House, listen: Listen, heard: Heard) -> None:
    house.tell("switches", ghost_session=True)
    ghost = {"sessionKey": "999", "ratingKey": "1001", "state": "playing", "viewOffset": 60000}
    with listen():
        heard.connected()
        asked = home.asked()
        for state in ("playing", "paused", "playing", "stopped"):
            house.act("frame", type="playing", entries=[{**ghost, "state": state}])
        heard.until(lambda: len(heard.messages) == 4)
    assert heard.events == []
    assert home.asked() == asked + 1


def test_a_stop_without_keys_is_looked_after(home: Home, house: House, listen: Listen, heard: Heard) -> None:
    with listen():
        heard.connected()
        for person in ("Anna", "Ben"):
            house.play("start", person, file=house.file().path, position_s=42)
        heard.wait(2)
        house.fault("empty_stop")
        house.play("stop", position_s=50)
        heard.until(lambda: len(heard.messages) >= 3)
        assert len(heard.plays()) == 2
        home.clock.advance(DOUBT)
        plays = heard.wait(3)
    assert (plays[2].what, plays[2].user, plays[2].position) == (What.STOP, "1", 42.0)
    assert len(plays) == 3


def test_a_stop_at_the_begin_or_before_keeps_the_place(house: House, listen: Listen, heard: Heard) -> None:
    with listen():
        heard.connected()
        house.play("start", file=house.file().path)
        heard.wait(1)
        house.play("progress", position_s=700)
        heard.wait(2)
        house.fault("stop_at_zero")
        house.play("stop", position_s=710)
        plays = heard.wait(3)
    assert short(plays[2]) == (What.STOP, 700.0, False)


@pytest.mark.parametrize("way", ["no_stop", "vanish"])
def test_who_goes_without_a_word_has_ended_after_five_minutes(
    home: Home, house: House, listen: Listen, heard: Heard, way: str
) -> None:
    with listen():
        heard.connected()
        house.play("start", file=house.file().path)
        heard.wait(1)
        house.play("progress", position_s=60)
        heard.wait(2)
        if way == "no_stop":
            house.fault("no_stop")
            house.play("stop")
        else:
            house.play("vanish")
            house.tell("clock", shift=200)
            home.world.stage.advance()
        minutes(home, heard, 4)
        assert len(heard.plays()) == 2
        minutes(home, heard, 1)
        plays = heard.wait(3)
    assert (*short(plays[2]), plays[2].at) == (What.STOP, 60.0, False, plays[1].at)


def test_a_long_pause_is_no_end(home: Home, house: House, listen: Listen, heard: Heard) -> None:
    with listen() as listener:
        heard.connected()
        house.play("start", file=house.file().path)
        heard.wait(1)
        house.play("pause", position_s=60)
        heard.wait(2)
        minutes(home, heard, 12)
        assert listener.shows("1", heard.plays()[0].item) is True
        assert len([row for row in home.rows() if row["path"] == "/status/sessions"]) <= 6
    assert heard.whats() == [What.START, What.PAUSE]


def test_after_a_cut_what_still_plays_goes_on_and_the_rest_has_ended(
    home: Home, house: House, listen: Listen, heard: Heard
) -> None:
    with listen():
        heard.connected()
        for person in ("Anna", "Ben"):
            house.play("start", person, file=house.file().path, position_s=42)
        heard.wait(2)
        heard.go.clear()
        rests = len(heard.rests)
        home.world.news.hang_up()
        heard.until(lambda: len(heard.rests) > rests)
        house.play("stop", "Ben")
        heard.go.set()
        heard.connected(2)
        assert heard.whats()[2:] == [What.PROGRESS]
        home.clock.advance(GRACE)
        plays = heard.wait(4)
    assert (plays[3].what, plays[3].user, plays[3].position) == (What.STOP, str(house.people["Ben"]["id"]), 42.0)
    assert heard.gaps[0] is None
    assert heard.gaps[1] is not None


def test_a_server_that_restarts_counts_from_one_and_nobody_is_taken_for_somebody_else(
    home: Home, house: House, listen: Listen, heard: Heard
) -> None:
    movie = house.file()
    with listen():
        heard.connected()
        assert house.play("start", file=movie.path, position_s=42) == 1
        heard.wait(1)
        house.act("restart", seconds=20)
        heard.connected(2)
        assert house.play("start", "Ben", file=movie.path) == 1
        heard.wait(2)
        home.clock.advance(GRACE)
        plays = heard.wait(3)
    ben = str(house.people["Ben"]["id"])
    assert [(each.what, each.user) for each in plays] == [
        (What.START, "1"),
        (What.START, ben),
        (What.STOP, "1"),
    ]
    assert plays[2].position == 42.0


def test_a_player_that_comes_back_after_a_restart_goes_on(house: House, listen: Listen, heard: Heard) -> None:
    with listen():
        heard.connected()
        house.play("start", "Ben", file=house.file().path)
        heard.wait(1)
        house.play("start", file=house.file().path, position_s=42)
        heard.wait(2)
        house.act("restart")
        heard.connected(2)
        house.play("start", file=house.file().path, position_s=44)
        plays = heard.wait(3)
    assert (plays[2].what, plays[2].user, plays[2].position) == (What.PROGRESS, "1", 44.0)


def test_what_was_begun_before_we_were_started_is_heard_in_the_middle(
    home: Home, house: House, listen: Listen, heard: Heard
) -> None:
    house.play("start", file=house.file().path, position_s=42)
    house.play("start", "Ben", file=house.file().path, position_s=43)
    house.play("pause", "Ben")
    pass_time(home, 2)
    with listen():
        heard.connected()
    assert [short(each) for each in heard.plays()] == [(What.PROGRESS, 42.0, False), (What.PROGRESS, 43.0, True)]


def test_another_server_at_the_address_is_not_listened_to(
    home: Home, house: House, listen: Listen, heard: Heard
) -> None:
    house.play("start", file=house.file().path)
    pass_time(home, 2)
    with listen(machine="f" * 40) as listener:
        heard.until(lambda: len(heard.rests) > 1)
        assert "Another server" in listener.state().problem
    assert (heard.events, heard.gaps) == ([], [])


def test_garbage_is_counted_and_ends_nothing(house: House, listen: Listen, heard: Heard) -> None:
    good = {"sessionKey": "1", "ratingKey": "?", "state": "paused", "viewOffset": 9000}
    with listen() as listener:
        heard.connected()
        house.play("start", file=house.file().path)
        (play,) = heard.wait(1)
        good["ratingKey"] = play.item.partition("~")[0]
        house.act("frame", type="playing", entries=[{"sessionKey": []}, {"viewOffset": "x"}, good])
        heard.wait(2)
        heard.until(lambda: len(heard.messages) == 2)
        house.play("stop")
        heard.wait(3)
        assert listener.state().garbage == 1
    assert heard.whats() == [What.START, What.PAUSE, What.STOP]
    assert FIRST == heard.rests[0] == 1.0


def unconnected(heard: Heard, store: Store | None = None, url: str = "http://127.0.0.1:9") -> PlexVoice:
    """A voice that was never opened."""
    plex = Plex(url, Secret("none"), label="Plex", client_id=CLIENT_ID, clock=heard.clock, pause=0)
    return PlexVoice(plex, heard.ears("there", store))  # type: ignore[arg-type]


WORDS = [
    "NotificationContainer",
    "type",
    "playing",
    "PlaySessionStateNotification",
    "state",
    "sessionKey",
    "viewOffset",
]
CONTENT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(WORDS),
    lambda each: st.lists(each) | st.dictionaries(st.sampled_from(WORDS), each),
)
VOICE = unconnected(Heard(FakeClock()))


@settings(max_examples=50)
@given(CONTENT)
def test_whatever_comes_over_the_line_raises_nothing(content: Any) -> None:
    inner = {"type": "playing", "PlaySessionStateNotification": content}
    for said in (content, {"NotificationContainer": content}, {"NotificationContainer": inner}):
        assert VOICE.heard(json.dumps(said).encode()) in (True, False)


def told(contracts: Path, heard: Heard, store: Store, sessions: str, *names: str) -> list[PlayEvent]:
    """What follows from published messages, with this list of sessions."""
    folder = contracts / "plex" / "handwritten"
    body = (folder / "minimal-xml" / "pms" / sessions).read_bytes()
    with listening(Answer(body=body, headers=XML)) as server:
        voice = unconnected(heard, store, server.url)
        for name in names:
            heard.clock.advance(10)
            assert voice.heard((folder / "websocket" / name).read_bytes())
    return heard.plays()


SHOW = Ref(Kind.SHOW, Ids(tvdb=9920000, plex="5d9c086fe9d5a1001f4d9f01"), name="Harbour Lights")


@pytest.fixture
def plain(store: Store) -> Heard:
    """Ears of their own, in a home that knows one series."""
    heard = Heard(FakeClock())
    item = f"200001~plex://show/{SHOW.ids.plex}"
    Inventory(store, "there", heard.clock).note([Row(Kind.SHOW, "2", "", (SHOW,), Copy(item, played=False))])
    return heard


def test_published_messages_are_understood_value_by_value(contracts: Path, plain: Heard, store: Store) -> None:
    names = [f"playing.{name}.json" for name in ("two-items", "buffering", "paused", "stopped.empty-key", "stopped")]
    others = [
        "preference.json",
        "reachability.json",
        "status.json",
        "timeline.deleted.json",
        "transcodeSession.start.json",
    ]
    plays = told(contracts, plain, store, "GET_status_sessions.xml", *names[:3], *others, *names[3:])
    assert [(*short(each), each.user, each.device) for each in plays] == [
        (What.START, 61.0, False, "1", "Living Room TV"),
        (What.START, 10.0, False, "4100022", "Tablet"),
        (What.PROGRESS, 1200.5, False, "1", "Living Room TV"),
        (What.PAUSE, 1200.0, True, "1", "Living Room TV"),
        (What.STOP, 1230.0, False, "1", "Living Room TV"),
    ]
    film, episode = plays[0], plays[1]
    assert (film.item, film.session) == (
        "1001~plex://movie/5d7768313c3c2a001fbca001",
        "a1b2c3d4e5f6-com-plexapp-android",
    )
    assert (film.runtime, film.library, film.title) == (90.0, "Movies", "The Salt Lamp (2019)")
    assert film.refs[0].ids == Ids(imdb="tt9900001", tmdb=990001, plex="5d7768313c3c2a001fbca001")
    (ref,) = episode.refs
    assert (episode.title, ref.show, ref.season, ref.number) == ("Harbour Lights S01E03", SHOW.ids, 1, 3)
    assert [each.at - plays[0].at for each in plays[2:4]] == [timedelta(seconds=10), timedelta(seconds=20)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('<User id="1"', '<User id="0"'),
        ('<User id="1"', '<Nobody id="1"'),
        ('title="The Salt Lamp" type="movie"', 'title="A Song" type="track"'),
        ('title="The Salt Lamp" type="movie"', 'title="Trailer" type="clip"'),
        ('title="The Salt Lamp" type="movie"', 'title="The News" live="1" type="movie"'),
    ],
)
def test_what_is_nobodys_or_no_film_is_left_out(
    contracts: Path, plain: Heard, store: Store, old: str, new: str
) -> None:
    folder = contracts / "plex" / "handwritten"
    body = (folder / "minimal-xml" / "pms" / "GET_status_sessions.xml").read_text().replace(old, new, 1)
    with listening(Answer(body=body.encode(), headers=XML)) as server:
        voice = unconnected(plain, store, server.url)
        for name in ("playing.playing.json", "playing.paused.json", "playing.stopped.json"):
            assert voice.heard((folder / "websocket" / name).read_bytes())
    assert plain.events == []


def test_recorded_sessions_and_messages_of_real_servers_are_understood(
    contracts: Path, plain: Heard, store: Store
) -> None:
    recorded = contracts / "plex" / "recorded"
    body = (recorded / "shortlist" / "pms_active_sessions.xml").read_bytes()
    keys = {"605": "654995", "604": "585542", "999": "123456"}
    entries = [{"sessionKey": one, "ratingKey": other, "state": "paused"} for one, other in keys.items()]
    containers = [{"type": "playing", "size": 3, "PlaySessionStateNotification": entries}]
    containers += json.loads((recorded / "plextraktsync" / "events-played.json").read_text())
    containers.append(json.loads((recorded / "plextraktsync" / "events.json").read_text()))
    with listening(Answer(body=body, headers=XML)) as server:
        voice = unconnected(plain, store, server.url)
        assert all(voice.heard(json.dumps({"NotificationContainer": each}).encode()) for each in containers)
    assert [(each.what, each.user, each.paused, each.session, each.title) for each in plain.plays()] == [
        (What.START, "501", True, "abc123", "A Series – Episode Title"),
        (What.START, "502", True, "abc123", "A Film"),
    ]  # and of the third nobody knows whose it is
    assert [each.runtime for each in plain.plays()] == [3050.848 / 60, 5818.592 / 60]
