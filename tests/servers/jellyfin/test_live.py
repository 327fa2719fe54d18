"""Jellyfin's socket against the household, with every fault of sockets, and against what a real server said."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.contract import Copy
from sidecar.errors import DiskFull
from sidecar.events import What
from sidecar.model import Ids, Kind, Ref, Secret
from sidecar.servers.inventory import Inventory
from sidecar.servers.jellyfin.client import Jellyfin
from sidecar.servers.jellyfin.live import JellyfinVoice
from sidecar.servers.jellyfin.marks import Change
from sidecar.servers.listening import FIRST, GRACE, LONGEST, Listening
from sidecar.servers.rows import Row
from sidecar.store.db import Store
from sidecar.store.servers import KnownServer, KnownServers
from sidecar.viewing import Source
from tests.fakes import START, FakeClock
from tests.loopback import nobody
from tests.servers.hearing import Heard, short
from tests.servers.jellyfin.conftest import LONE, SERIES, Home

Listen = Callable[..., AbstractContextManager[Listening]]


@pytest.fixture
def heard(clock: FakeClock) -> Heard:
    return Heard(clock)


@pytest.fixture
def listen(home: Home, heard: Heard, store: Store) -> Listen:
    """Listening to the home with its key, or with somebody's token."""
    home.desk.tell("clock", freeze=True)
    server, libraries = home.desk.server.id, home.client().libraries(home.desk.user())
    with store.write() as db:
        servers = KnownServers(db)
        servers.met(KnownServer(server, "home", "jellyfin"), START)
        servers.keep_libraries(server, {each.key: each.name for each in libraries})

    def made(user: str = "", token: str | None = None, **given: Any) -> AbstractContextManager[Listening]:
        own = home.desk.sign_in(user) if user else token
        ears = heard.ears(given.pop("server", server), store)
        voice = JellyfinVoice(home.client(own, **given), ears, home.desk.user(user) if user else "")
        return heard.listening(voice, ears)

    return made


def pass_time(home: Home, seconds: float) -> None:
    """For everybody."""
    home.clock.advance(seconds)
    home.desk.shift(seconds)


def snapshots(heard: Heard) -> int:
    """How often it was said who plays."""
    return sum(b'"NowPlayingItem"' in each for each in heard.messages)


def test_a_whole_viewing_is_heard_transition_by_transition(home: Home, listen: Listen, heard: Heard) -> None:
    film = home.desk.film(LONE)
    done = (("progress", 10), ("pause", 20), ("resume", 20), ("progress", 40), ("stop", 1))
    with listen():
        heard.connected()
        session = home.desk.play("start", file=film["Path"])["session"]
        for count, (do, place) in enumerate(done, 1):
            heard.wait(count)
            pass_time(home, 10 if do != "stop" else 0)
            home.desk.play(do, position_s=place)
        plays = heard.wait(6)
    assert [short(each) for each in plays] == [
        (What.START, 0.0, False),
        (What.PROGRESS, 10.0, False),
        (What.PAUSE, 20.0, True),
        (What.RESUME, 20.0, False),
        (What.PROGRESS, 40.0, False),
        (What.STOP, 40.0, False),  # where it was seen last: the place of the stop itself is told to nobody
    ]
    first = plays[0]
    who = (first.service, first.server, first.user, first.source)
    assert who == (Source.JELLYFIN, home.desk.server.id, home.desk.user(), "socket")
    assert (first.session, first.item, first.library, first.path) == (session, film["Id"], "Movies", film["Path"])
    assert (first.refs[0].kind, first.refs[0].ids.tmdb) == (Kind.MOVIE, int(film["ProviderIds"]["Tmdb"]))
    assert first.runtime == pytest.approx(film["RunTimeTicks"] / 600_000_000)
    assert (first.at, first.sent, first.completed) == (START, None, None)
    assert (first.device, first.client) == ("television", "Player")
    assert [each.at - START for each in plays] == [timedelta(seconds=s) for s in (0, 10, 20, 30, 40, 40)]


def test_the_token_is_in_a_header_and_in_no_address(home: Home, listen: Listen, heard: Heard) -> None:
    with listen():
        heard.connected()
    (row,) = [row for row in home.log() if row["path"] == "/socket"]
    assert row["query"] == ""


def test_the_next_film_ends_the_one_before(home: Home, listen: Listen, heard: Heard) -> None:
    one, two = home.desk.episodes(SERIES)[:2]
    with listen():
        heard.connected()
        home.desk.play("start", file=one["Path"], position_s=100)
        heard.wait(1)
        home.desk.play("next", file=two["Path"])
        plays = heard.wait(3)
    assert [(each.what, each.item, each.position) for each in plays] == [
        (What.START, one["Id"], 100.0),
        (What.STOP, one["Id"], 100.0),
        (What.START, two["Id"], 0.0),
    ]
    assert {each.refs[0].show for each in plays} == {plays[0].refs[0].show} != {None}


def test_who_watches_along_has_events_of_their_own(home: Home, listen: Listen, heard: Heard) -> None:
    with listen():
        heard.connected()
        session = home.desk.play("start", file=home.desk.film(LONE)["Path"])["session"]
        heard.wait(1)
        home.desk.act("join", person="Ben", session=session)
        pass_time(home, 10)
        home.desk.play("progress", position_s=10)
        heard.until(lambda: len({each.user for each in heard.plays()}) == 2)
        home.desk.play("stop")
        heard.until(lambda: heard.whats().count(What.STOP) == 2)
    users = [home.desk.user(name) for name in ("Anna", "Ben")]
    told = [(each.what, each.user) for each in heard.plays() if each.what is not What.PROGRESS]
    assert sorted(told) == sorted((what, user) for user in users for what in (What.START, What.STOP))
    assert {each.session for each in heard.plays()} == {session}


def test_sessions_of_nobody_and_what_is_no_film_are_left_out(home: Home, listen: Listen, heard: Heard) -> None:
    film, report = home.desk.film(LONE), {"PositionTicks": 0, "IsPaused": False, "CanSeek": True}
    ben, series = home.desk.sign_in("Ben"), home.desk.film(SERIES)["Id"]
    with listen():
        heard.connected()
        home.desk.ask("/Sessions/Playing", "POST", json={**report, "ItemId": film["Id"]}, device="ghost")
        home.desk.ask("/Sessions/Playing", "POST", ben, json={**report, "ItemId": series})
        home.desk.play("start", file=film["Path"])
        heard.wait(1)
        home.desk.play("stop")
        heard.wait(2)
    assert {each.user for each in heard.plays()} == {home.desk.user("Anna")}


def test_another_version_has_its_own_length(home: Home, listen: Listen, heard: Heard) -> None:
    films = home.desk.items("includeItemTypes=Movie&fields=MediaSources,Path")
    film = next(row for row in films if len(row.get("MediaSources", ())) > 1)
    other = next(each for each in film["MediaSources"] if each["Id"] != film["Id"])
    home.desk.server.shelf.items[other["Id"]].ticks = 36_000_000_000
    with listen():
        heard.connected()
        home.desk.play("start", file=other["Path"])
        (play,) = heard.wait(1)
    assert (play.item, play.runtime) == (film["Id"], 60.0)


def test_a_message_that_comes_twice_is_news_once(home: Home, listen: Listen, heard: Heard) -> None:
    with listen():
        heard.connected()
        home.fault("duplicate_frame", times=None)
        home.desk.play("start", file=home.desk.film(LONE)["Path"])
        heard.wait(1)
        home.desk.play("stop")
        heard.until(lambda: len([each for each in heard.messages if b'"Sessions"' in each]) >= 4)
    assert heard.whats() == [What.START, What.STOP]


def test_the_seconds_that_the_server_counts_prove_nothing(home: Home, listen: Listen, heard: Heard) -> None:
    with listen():
        heard.connected()
        home.desk.play("start", file=home.desk.film(LONE)["Path"])
        heard.wait(1)
        pass_time(home, 10)
        home.desk.play("progress", position_s=12)
        heard.wait(2)
        home.desk.play("vanish")
        for count in range(1, 22):
            pass_time(home, 30)
            heard.until(lambda count=count: heard.answers() >= count)  # type: ignore[misc]
        plays = heard.wait(3)
    assert heard.whats() == [What.START, What.PROGRESS, What.STOP]
    assert (plays[2].position, plays[2].at - START) == (12.0, timedelta(seconds=10))
    assert heard.rests == []


def test_a_line_that_says_nothing_is_given_up_and_opened_again(home: Home, listen: Listen, heard: Heard) -> None:
    with listen() as listener:
        heard.connected()
        heard.until(lambda: heard.messages)
        home.fault("half_open", times=None)
        home.clock.advance(76)
        heard.until(lambda: heard.rests)
        home.control.faults.clear()
        heard.connected(2)
        home.desk.play("start", file=home.desk.film(LONE)["Path"])
        heard.wait(1)
        assert listener.state().problem == ""
    assert heard.gaps == [None, START]  # what was missed since the last word is looked for
    assert heard.rests == [FIRST]


def test_a_sign_of_life_goes_out_every_half_minute(home: Home, listen: Listen, heard: Heard) -> None:
    with listen():
        heard.connected()
        for count in range(1, 4):
            home.clock.advance(30)
            heard.until(lambda count=count: heard.answers() == count)  # type: ignore[misc]
    assert heard.rests == []


def test_after_a_cut_what_still_plays_goes_on_and_the_rest_has_ended(home: Home, listen: Listen, heard: Heard) -> None:
    film, other = home.desk.film(LONE), home.desk.episodes(SERIES)[0]
    with listen():
        heard.connected()
        home.desk.play("start", file=film["Path"])
        home.desk.play("start", person="Ben", file=other["Path"], position_s=30)
        heard.wait(2)
        heard.go.clear()
        home.desk.act("drop_sockets")
        heard.until(lambda: heard.rests)
        home.desk.play("stop", person="Ben")
        heard.go.set()
        heard.connected(2)
        assert heard.whats() == [What.START, What.START]  # a player that checks in is news, a new line is none
        pass_time(home, 1)
        home.desk.play("progress", position_s=11)
        heard.wait(3)
        home.clock.advance(GRACE)
        plays = heard.wait(4)
    assert [(each.what, each.item, each.position) for each in plays[2:]] == [
        (What.PROGRESS, film["Id"], 11.0),
        (What.STOP, other["Id"], 30.0),
    ]


def test_a_server_that_restarts_is_waited_for_and_its_players_may_come_back(
    home: Home, listen: Listen, heard: Heard
) -> None:
    film, other = home.desk.film(LONE), home.desk.episodes(SERIES)[0]
    with listen() as listener:
        heard.connected()
        home.desk.play("start", file=film["Path"])
        home.desk.play("start", person="Ben", file=other["Path"], position_s=30)
        heard.wait(2)
        home.desk.act("restart", stay_down=True)
        heard.until(lambda: len(heard.rests) > 3)
        state = listener.state()
        assert (state.since, state.problem) != (None, "")
        heard.go.clear()
        home.desk.act("start")
        heard.go.set()
        heard.connected(2)
        home.desk.shift(11)
        home.desk.play("start", file=film["Path"], position_s=11)
        heard.wait(3)
        home.clock.advance(GRACE)
        heard.wait(4)
        assert listener.state().problem == ""
    later = [(each.what, each.item) for each in heard.plays()[2:]]
    assert later == [(What.PROGRESS, film["Id"]), (What.STOP, other["Id"])]


def test_what_was_begun_before_we_were_started_is_heard_in_the_middle(home: Home, listen: Listen, heard: Heard) -> None:
    home.desk.play("start", file=home.desk.film(LONE)["Path"], position_s=600)
    with listen() as listener:
        heard.connected()
        heard.until(lambda: heard.messages)
        (play,) = heard.plays()
        assert (play.what, play.position) == (What.PROGRESS, 600.0)
        assert listener.shows(home.desk.user(), play.item) is True
        assert listener.shows(home.desk.user("Ben"), play.item) is False
    assert listener.shows(home.desk.user(), play.item) is None


def test_pauses_between_attempts_grow_to_a_minute_and_the_problem_is_said(listen: Listen, heard: Heard) -> None:
    with nobody() as url, listen(url=url) as listener:
        heard.until(lambda: len(heard.rests) >= 8)
        assert "cannot be reached" in listener.state().problem
    assert heard.rests[:8] == [1, 2, 4, 8, 16, 32, LONGEST, LONGEST]
    assert heard.gaps == []


def test_a_token_that_is_refused_is_said_without_showing_it(listen: Listen, heard: Heard) -> None:
    with listen(token="not-a-token-of-anybody") as listener:
        heard.until(lambda: len(heard.rests) >= 2)
        problem = listener.state().problem
    assert "does not accept the token" in problem
    assert "not-a-token" not in problem


def test_another_server_at_the_address_is_not_listened_to(home: Home, listen: Listen, heard: Heard) -> None:
    home.desk.play("start", file=home.desk.film(LONE)["Path"])
    with listen(server="f" * 32) as listener:
        heard.until(lambda: len(heard.rests) > 1)
        assert "Another server" in listener.state().problem
    assert (heard.events, heard.gaps) == ([], [])


def test_what_could_not_be_stored_is_told_again(home: Home, listen: Listen, heard: Heard) -> None:
    heard.trouble.append(DiskFull("The disk is full."))
    with listen():
        heard.connected()
        home.desk.play("start", file=home.desk.film(LONE)["Path"])
        plays = heard.wait(1)
    assert [each.what for each in plays] == [What.PROGRESS]
    assert heard.rests == [FIRST]


def test_a_show_is_looked_up_once_and_an_item_that_is_known_not_at_all(
    home: Home, listen: Listen, heard: Heard
) -> None:
    one, two = home.desk.episodes(SERIES)[:2]
    with listen():
        heard.connected()
        home.forget_log()
        for count, item in enumerate((one, two, one), 1):
            home.desk.play("start", file=item["Path"])
            heard.wait(2 * count - 1)
    places = [f"GET /Items/{each['Id']}/Ancestors" for each in (one, two)]
    assert sorted(home.asked()) == sorted(["GET /Items", *places])


def test_where_nothing_can_be_looked_up_own_ids_do_and_else_it_is_tried_again(
    home: Home, listen: Listen, heard: Heard
) -> None:
    film, bare = home.desk.film(LONE), home.desk.episodes(SERIES)[0]
    home.desk.act("identify", item=bare["Id"], ids={})
    with listen():
        heard.connected()
        home.fault("status", path="^/Items", status=500, times=None)
        home.desk.play("start", file=bare["Path"])
        home.desk.play("start", file=film["Path"], person="Ben")
        heard.wait(1)
        heard.until(lambda: snapshots(heard) == 2)
        asked = len(home.log())
        home.desk.server.sockets.sessions_changed(forced=True)
        heard.until(lambda: snapshots(heard) == 3)
        assert len(home.log()) == asked  # once for each check-in
        home.control.faults.clear()
        pass_time(home, 10)
        home.desk.play("progress", position_s=10)
        plays = heard.wait(2)
    assert (plays[0].user, plays[0].library) == (home.desk.user("Ben"), "")
    assert (plays[1].what, plays[1].item, plays[1].refs[0].show is None) == (What.PROGRESS, bare["Id"], False)


@pytest.mark.parametrize("text", ["", "{oops", "[]", '{"MessageType":"Sessions","Data":5}'])
def test_garbage_is_counted_and_ends_nothing(home: Home, listen: Listen, heard: Heard, text: str) -> None:
    with listen() as listener:
        heard.connected()
        home.desk.play("start", file=home.desk.film(LONE)["Path"])
        heard.wait(1)
        before = len(heard.messages)
        for line in home.desk.server.sockets.lines:
            line.socket.send(text)
        heard.until(lambda: len(heard.messages) > before)
        home.desk.play("stop")
        heard.wait(2)
        assert listener.state().garbage == 1
    assert (heard.whats(), heard.rests) == ([What.START, What.STOP], [])


def test_of_a_session_that_cannot_be_read_nothing_is_concluded(home: Home, listen: Listen, heard: Heard) -> None:
    with listen():
        heard.connected()
        session = home.desk.play("start", file=home.desk.film(LONE)["Path"])["session"]
        heard.wait(1)
        rows = [{"Id": session, "UserId": home.desk.user(), "NowPlayingItem": {"Id": 5}}]
        before = len(heard.messages)
        for line in home.desk.server.sockets.lines:
            line.socket.send(json.dumps({"MessageType": "Sessions", "Data": rows}))
        heard.until(lambda: len(heard.messages) > before)
        home.desk.play("pause")
        heard.wait(2)
    assert heard.whats() == [What.START, What.PAUSE]


def unconnected(heard: Heard, store: Store | None = None) -> JellyfinVoice:
    """A voice that has to do without asking."""
    given = {"label": "Jellyfin", "device_id": "none", "clock": heard.clock, "pause": 0.0}
    client = Jellyfin("http://127.0.0.1:9", Secret("none"), **given)  # type: ignore[arg-type]
    return JellyfinVoice(client, heard.ears("there", store))  # type: ignore[arg-type]


WORDS = ["MessageType", "Data", "Id", "UserId", "NowPlayingItem", "Type", "PlayState", "UserDataList", "Sessions"]
CONTENT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(WORDS),
    lambda each: st.lists(each) | st.dictionaries(st.sampled_from(WORDS), each),
)


VOICE = unconnected(Heard(FakeClock()))


@settings(max_examples=50)
@given(CONTENT)
def test_whatever_comes_over_the_line_raises_nothing(content: Any) -> None:
    for said in (content, {"MessageType": "Sessions", "Data": content}):
        assert VOICE.heard(json.dumps(said).encode()) in (True, False)


@pytest.mark.parametrize("version", ["12.0", "10.11"])
def test_what_a_real_server_said_is_understood_value_by_value(
    contracts: Path, heard: Heard, store: Store, version: str
) -> None:
    rows = json.loads((contracts / "jellyfin" / version / "websocket.json").read_text())["exchanges"]
    why = "API key subscribes, anna plays, pauses and ends"
    (said,) = [row["observed"]["frames"] for row in rows if row["why"] == why]
    voice = unconnected(heard, store)
    shown = [each for frame in said if frame["frame"]["MessageType"] == "Sessions" for each in frame["frame"]["Data"]]
    film = next(each["NowPlayingItem"] for each in shown if each.get("UserName") == "anna" and "NowPlayingItem" in each)
    show = Ref(Kind.SHOW, Ids(tvdb=334824), name="Dark")
    episode = Ref(Kind.EPISODE, Ids(tvdb=6000003), show.ids, 1, 3)
    known = [(Kind.SHOW, show, film["SeriesId"]), (Kind.EPISODE, episode, film["Id"])]
    inventory = Inventory(store, "there", heard.clock)
    inventory.note(Row(kind, "tv", "Dark", (ref,), Copy(item, played=False)) for kind, ref, item in known)
    for frame in said:
        heard.clock.advance(1)
        assert voice.heard(json.dumps(frame["frame"]).encode())
    assert [short(each) for each in heard.plays()] == [
        (What.START, 0.0, False),
        (What.PROGRESS, 50.0, False),
        (What.PAUSE, 60.0, True),
        (What.STOP, 60.0, False),
    ]
    (about,) = {(each.item, each.refs, each.title) for each in heard.plays()}
    own = Ref(Kind.EPISODE, Ids(tvdb=6000003), show.ids, 1, 3, "Dark", runtime=20)
    assert about == (film["Id"], (own,), "Dark S01E03")


@pytest.mark.parametrize("version", ["12.0", "10.11"])
def test_every_message_of_a_real_server_can_be_read(contracts: Path, heard: Heard, store: Store, version: str) -> None:
    said = []
    for name in ("websocket", "websocket-silence", "restart"):
        for row in json.loads((contracts / "jellyfin" / version / f"{name}.json").read_text())["exchanges"]:
            frames = row.get("observed", [])
            frames = frames.get("frames", []) if isinstance(frames, dict) else frames
            said += [each["frame"] for each in frames if isinstance(each, dict) and isinstance(each.get("frame"), dict)]
    said = [frame for frame in said if frame["MessageType"] != "Sessions" or "Data" in frame]  # some were shortened
    voice = unconnected(heard, store)
    assert all(voice.heard(json.dumps(frame).encode()) for frame in said)
    kinds = {frame["MessageType"] for frame in said}
    assert {"ForceKeepAlive", "KeepAlive", "Sessions", "UserDataChanged", "ServerShuttingDown"} <= kinds
    changes = [frame["Data"] for frame in said if frame["MessageType"] == "UserDataChanged"]
    for change in changes:
        read = msgspec.json.decode(json.dumps(change), type=Change)
        assert [(each.item_id, each.rating, each.played, each.is_favorite) for each in read.user_data_list] == [
            (each["ItemId"], each.get("Rating"), each["Played"], each["IsFavorite"]) for each in change["UserDataList"]
        ]
    assert {each.user for each in heard.plays()} == {change["UserId"] for change in changes}
