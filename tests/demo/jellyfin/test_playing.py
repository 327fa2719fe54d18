"""What playing writes, what sessions and sockets show of it, and what the Webhook plugin sends: h 8, 9 and 11."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import websocket

from tests.demo.jellyfin.conftest import Desk
from tests.demo.jellyfin.recorder import Recorder

FILM, SHORT, BLIND = "Kettle and Crane", "Two Minutes of Rain", "No Clock in Hestrup"
# position in percent at the stop (None: no position), watched before, and what is stored: 12, 10.11
CASES: list[tuple[str, float | None, bool, tuple[bool, int, bool], tuple[bool, int, bool]]] = [
    (FILM, 3, False, (False, 1, False), (False, 1, False)),
    (FILM, 50, False, (False, 1, True), (False, 1, True)),
    (FILM, 89, False, (False, 1, True), (False, 1, True)),
    (FILM, 92, False, (True, 1, False), (True, 1, False)),
    (FILM, None, False, (True, 2, False), (True, 2, False)),
    (FILM, 3, True, (True, 2, False), (False, 2, False)),
    (FILM, 92, True, (True, 2, False), (True, 2, False)),
    (SHORT, 50, False, (True, 1, False), (True, 1, False)),
    (BLIND, 1, False, (True, 1, False), (True, 1, False)),
]


@pytest.mark.parametrize(("film", "percent", "before", "new", "former"), CASES)
def test_a_play_writes(
    desk: Desk, old: Desk, film: str, percent: float | None, before: bool, new: Any, former: Any
) -> None:
    """Starts count, 5 and 90 percent decide, 10.11 takes the tick away at the start."""
    for one, wanted in ((desk, new), (old, former)):
        item = one.film(film)
        if before:
            one.data(item["Id"], "POST", {"Played": True, "PlayCount": 1})
        one.play("start", file=item["Path"])
        seconds = (percent or 0) / 100 * item.get("RunTimeTicks", 60_000_000_000) / 10_000_000
        one.play("stop", **({"no_position": True} if percent is None else {"position_s": seconds}))
        data = one.truth(item["Id"])
        assert (data["Played"], data["PlayCount"], data["PlaybackPositionTicks"] > 0) == wanted


def test_positions_count_by_themselves_and_stop_when_nothing_is_reported(desk: Desk) -> None:
    """One second per second, not while paused; five to ten minutes of silence stop it at the last report."""
    desk.tell("clock", freeze=True)
    film = desk.film(FILM)
    desk.play("start", file=film["Path"], position_s=600)
    desk.shift(100)
    assert playing(desk)[0]["PlayState"]["PositionTicks"] == 7_000_000_000
    desk.play("pause", position_s=700)
    desk.shift(100)
    assert (playing(desk)[0]["PlayState"]["PositionTicks"], playing(desk)[0]["PlayState"]["IsPaused"]) == (
        7_000_000_000,
        True,
    )
    desk.play("resume")
    desk.play("vanish")
    for _ in range(11):
        desk.shift(60)
        desk.server.timers.run()
    assert playing(desk) == []
    assert desk.truth(film["Id"])["PlaybackPositionTicks"] == 7_000_000_000


def test_two_devices_of_one_person_and_somebody_beside(desk: Desk) -> None:
    """Each device is a session of its own; a failed stop saves nothing; the next item needs no stop."""
    one, two = desk.film(FILM), desk.film(SHORT)
    desk.play("start", file=one["Path"], device="television")
    desk.play("start", file=two["Path"], device="phone")
    desk.play("start", person="Ben", file=one["Path"])
    assert sorted((row["UserName"], row["NowPlayingItem"]["Name"]) for row in playing(desk)) == [
        ("Anna", FILM),
        ("Anna", SHORT),
        ("Ben", FILM),
    ]
    desk.play("stop", device="television", position_s=1800, failed=True)
    assert desk.truth(one["Id"])["PlaybackPositionTicks"] == 0
    desk.play("next", device="phone", file=one["Path"])
    assert [row["NowPlayingItem"]["Name"] for row in playing(desk) if row["UserName"] == "Anna"] == [FILM]
    desk.act("join", person="Ben", session=desk.play("seek", device="phone", position_s=60)["session"])
    desk.play("stop", device="phone", position_s=1800)
    assert desk.truth(one["Id"], "Ben")["PlaybackPositionTicks"] == 18_000_000_000


def playing(desk: Desk, token: str | None = None) -> list[dict[str, Any]]:
    """The sessions that play something."""
    return [row for row in desk.ask("/Sessions", token=token).json() if "NowPlayingItem" in row]


def test_everybody_sees_his_own_sessions(desk: Desk) -> None:
    """And those of nobody, as an API key that plays makes one."""
    desk.play("start", file=desk.film(FILM)["Path"])
    ben = desk.sign_in("Ben")
    assert playing(desk, ben) == []
    desk.ask("/Sessions/Playing", "POST", json={"ItemId": desk.film(SHORT)["Id"]})
    assert [("UserName" in row, row["UserId"]) for row in playing(desk, ben)] == [(False, "0" * 32)]


@contextmanager
def line(desk: Desk, token: str, device: str = "ears", query: str = "") -> Iterator[websocket.WebSocket]:
    """An open socket, after its first frame."""
    header = {} if query else desk.header(token, device)
    socket = websocket.create_connection(desk.url.replace("http", "ws") + "/socket" + query, 5, header=header)
    first = json.loads(socket.recv())
    assert (first["MessageType"], first["Data"], len(first["MessageId"])) == ("ForceKeepAlive", 60, 32)
    yield socket
    socket.shutdown()  # type: ignore[no-untyped-call]


def next_of(socket: websocket.WebSocket, kind: str) -> dict[str, Any]:
    """The next frame of a type."""
    while True:
        frame: dict[str, Any] = json.loads(socket.recv())
        if frame["MessageType"] == kind:
            return frame


def silent(socket: websocket.WebSocket) -> bool:
    """Whether the next thing that comes is the answer to what is said now."""
    socket.send('{"MessageType": "KeepAlive"}')
    return bool(json.loads(socket.recv())["MessageType"] == "KeepAlive")


def test_a_socket_is_told_who_plays_and_what_changed(desk: Desk) -> None:
    """`Sessions` on events without a first snapshot, `UserDataChanged` with the parents, only for that user."""
    anna, ben, film = desk.sign_in(), desk.sign_in("Ben"), desk.film(FILM)
    with line(desk, anna) as hers, line(desk, ben, "other") as his, line(desk, desk.key, "key") as keys:
        hers.send('{"MessageType": "SessionsStart", "Data": "0,1500"}')
        assert silent(hers)
        desk.play("start", file=film["Path"])
        assert next_of(hers, "Sessions")["Data"][0]["UserName"] == "Anna"
        changed = next_of(hers, "UserDataChanged")["Data"]
        assert changed["UserId"] == desk.user()
        assert [len(one["ItemId"]) for one in changed["UserDataList"]] == [32, 32]
        assert silent(his)
        assert silent(keys)


def test_changes_wait_for_half_a_second_of_quiet(desk: Desk) -> None:
    """Three ratings in a row are one message with the last of them."""
    with line(desk, desk.sign_in()) as hers:
        desk.tell("clock", freeze=True)
        film = desk.film(FILM)["Id"]
        for rating in (3, 4, 5):
            desk.data(film, "POST", {"Rating": rating})
            desk.shift(0.4)
        assert silent(hers)
        desk.shift(0.2)
        assert next_of(hers, "UserDataChanged")["Data"]["UserDataList"][0]["Rating"] == 5
        assert silent(hers)


def test_only_the_latest_socket_of_a_device_hears(desk: Desk) -> None:
    """The one that spoke last."""
    token, film = desk.sign_in(), desk.film(FILM)["Id"]
    with line(desk, token) as older, line(desk, token) as newer:
        desk.data(film, "POST", {"Rating": 3})
        assert next_of(newer, "UserDataChanged")
        assert silent(newer)
        assert silent(older)  # it spoke last now
        desk.data(film, "POST", {"Rating": 4})
        assert next_of(older, "UserDataChanged")
        assert silent(newer)


@pytest.mark.parametrize("text", ["{oops", '{"MessageType": "Nonsense"}', "[]"])
def test_bad_frames_close_a_socket(desk: Desk, text: str) -> None:
    """No JSON, no known message."""
    with line(desk, desk.key) as socket:
        socket.send(text)
        assert socket.recv() == ""


@pytest.mark.parametrize("query", ["?ApiKey=junk", "?api_key={}", ""])
def test_handshakes_without_a_good_token_are_refused(desk: Desk, query: str) -> None:
    """403, not 401; the old form as well."""
    with pytest.raises(websocket.WebSocketBadStatusException) as error:
        websocket.create_connection(desk.url.replace("http", "ws") + "/socket" + query.format(desk.key), 5)
    assert error.value.status_code == 403
    with line(desk, "", query=f"?ApiKey={desk.key}") as socket:
        assert silent(socket)


def test_a_silent_socket_is_forgotten(desk: Desk, old: Desk) -> None:
    """Reminded after 45 s; 12 says nothing any more after a minute and closes when it is spoken to, 10.11 goes on."""
    for one in (desk, old):
        one.tell("clock", freeze=True)
        film = one.film(FILM)["Id"]
        with line(one, one.sign_in()) as socket:
            for _ in range(8):
                one.shift(10)
                one.server.timers.run()
            assert json.loads(socket.recv())["MessageType"] == "ForceKeepAlive"
            one.data(film, "POST", {"Rating": 3})
            one.shift(1)
            one.server.timers.run()
            if one is old:
                assert next_of(socket, "UserDataChanged")
                assert silent(socket)
            else:
                socket.send('{"MessageType": "KeepAlive"}')
                assert socket.recv() == ""


def test_library_changes_are_told_after_half_a_minute(desk: Desk) -> None:
    """To users, not to API keys, with the ids of what came."""
    film = desk.film(FILM)
    with line(desk, desk.sign_in()) as hers, line(desk, desk.key, "key") as keys:
        desk.tell("clock", freeze=True)
        desk.act("add_file", like=film["Path"], path="/media/movies/New (2012)/New (2012).mkv", name="New")
        added = desk.act("scan")["ItemsAdded"]
        desk.shift(31)
        told = next_of(hers, "LibraryChanged")["Data"]
        assert (told["ItemsAdded"], told["IsEmpty"]) == (added, False)
        assert silent(keys)


def test_faults_of_sockets(desk: Desk) -> None:
    """A frame twice, a frame lost, a connection cut."""
    with line(desk, desk.sign_in()) as hers:
        desk.tell("faults", name="duplicate_frame")
        hers.send('{"MessageType": "KeepAlive"}')
        ids = [json.loads(hers.recv())["MessageId"] for _ in range(2)]
        assert ids[0] == ids[1]
        desk.tell("faults", name="half_open")
        hers.send('{"MessageType": "KeepAlive"}')
        assert silent(hers)
        desk.act("drop_sockets")
        assert hers.recv() == ""


def kind(body: dict[str, Any]) -> tuple[Any, ...]:
    """What is alike in bodies of one kind."""
    return tuple(body.get(name) for name in ("NotificationType", "ItemType", "SaveReason"))


FREE = {"Provider_imdb", "Provider_tmdb", "Provider_tvdb", "PremiereDate", "LastPlayedDate"}  # as the item has them


def first_of_each(contracts: Path, file: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The first recorded body of each kind, sent with all properties."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in json.loads((contracts / "jellyfin" / "12.0" / f"{file}.json").read_text())["received"]:
        if row["path"] == "/all":
            body = json.loads(row["raw_body"])
            found.setdefault(kind(body), body)
    return found


def alike(ours: dict[tuple[Any, ...], dict[str, Any]], theirs: dict[tuple[Any, ...], dict[str, Any]]) -> None:
    """Bodies of one kind have the same keys with the same types."""
    for name in ours.keys() & theirs.keys():
        assert ours[name].keys() - FREE == theirs[name].keys() - FREE, name
        types = {
            key: (type(ours[name][key]), type(value))
            for key, value in theirs[name].items()
            if key in ours[name] and value is not None
        }
        assert [key for key, (a, b) in types.items() if a is not b and {a, b} != {int, float}] == [], name


def test_webhook_bodies_have_the_recorded_keys(desk: Desk, recorder: Recorder, contracts: Path) -> None:
    """For each notification, kind of item and reason: the same keys with the same types, and text/plain."""
    theirs = first_of_each(contracts, "webhook-plugin")
    desk.tell("clock", freeze=True)
    desk.act("webhook", url=recorder.url)
    episode, film = desk.episodes("Lanterns of Varnick")[2], desk.film(FILM)
    for item in (film, episode):
        desk.play("start", file=item["Path"])
        desk.play("progress", position_s=30)
        desk.play("stop", position_s=60)
        for act in ("watch", "unwatch", "favorite"):
            desk.act(act, person="Anna", item=item["Id"])
        desk.data(item["Id"], "POST", {"Rating": 8})
    ours: dict[tuple[Any, ...], dict[str, Any]] = {}
    for headers, body in recorder.bodies:
        assert headers["Content-Type"] == "text/plain; charset=utf-8"
        ours.setdefault(kind(body), body)
    assert len(ours) == 18
    alike(ours, theirs)
    assert len(ours.keys() & theirs.keys()) >= 16


def test_a_cleared_rating_is_zero_and_a_dead_receiver_is_forgotten(desk: Desk, recorder: Recorder) -> None:
    """Nothing is sent again, and the player does not notice."""
    film = desk.film(FILM)["Id"]
    desk.act(
        "webhook",
        url=recorder.url,
        types=["UserDataSaved"],
        headers={"Content-Type": "application/json"},
    )
    desk.act("webhook", url="http://127.0.0.1:9/")
    desk.data(film, "POST", {"Rating": 8})
    desk.ask(f"/UserItems/{film}/Rating?userId={desk.user()}", "DELETE")
    assert [(head["Content-Type"], body["Rating"], body["SaveReason"]) for head, body in recorder.bodies] == [
        ("application/json", 8, "UpdateUserData"),
        ("application/json", 0, "UpdateUserRating"),
    ]


def test_webhook_bodies_of_a_library_have_the_recorded_keys(desk: Desk, recorder: Recorder, contracts: Path) -> None:
    """An hour after the installation at first, then in half a minute; what has no ids is told after ten tries."""
    theirs = first_of_each(contracts, "webhook-plugin-items")
    desk.tell("clock", freeze=True)
    desk.act("webhook", url=recorder.url, folders=True)
    desk.act("webhook", url=recorder.url + "plain", users=[desk.user("Ben")])
    folder, like = "/media/shows/Fresh (2024)/Season 01", desk.episodes("Lanterns of Varnick")[2]["Path"]
    new = {f"{folder}/Fresh S01E01.mkv": like, "/media/movies/New (2022)/New (2022).mkv": desk.film(FILM)["Path"]}
    bare = "/media/movies/Bare (2022)/Bare (2022).mkv"
    for path, source in [*new.items(), (bare, "/media/movies/Birthday 2020/Birthday 2020.mkv")]:
        desk.act("add_file", like=source, path=path, name=path.rpartition("/")[2])
    added = set(desk.act("scan")["ItemsAdded"])
    assert len(added) == 5
    desk.shift(3600)
    desk.server.timers.run()
    assert recorder.bodies == []
    desk.shift(30)
    desk.server.timers.run()
    told = recorder.wait(5)
    assert {(body["ItemType"], "SeriesName" in body) for _, body in told} == {
        ("Movie", False), ("Series", False), ("Episode", True),
    }  # fmt: skip
    desk.shift(300)
    desk.server.timers.run()
    later = recorder.wait(5 + 3)[5:]
    assert {body["ItemType"] for _, body in later} == {"Season", "Movie"}
    assert {body["ItemId"] for _, body in recorder.bodies} == added
    for path in (*new, bare):
        desk.act("remove_file", file=path)
    gone = set(desk.act("scan")["ItemsRemoved"])
    desk.shift(30)
    desk.server.timers.run()
    assert {body["ItemId"] for _, body in recorder.wait(8 + 8)[8:]} == gone == added
    assert len(recorder.bodies) == 16  # without `folders` films and episodes only
    season = desk.items("includeItemTypes=Season")[0]
    for item in (season["Id"], season["SeriesId"]):
        desk.data(item, "POST", {"Rating": 7})
    ours = {kind(body): body for _, body in recorder.bodies}
    assert ours.keys() == theirs.keys()
    alike(ours, theirs)


@pytest.mark.parametrize("act", ["webhook", "plugin"])
@pytest.mark.parametrize(
    "url", ["http://example.org/", "https://127.0.0.1/", "http://127.0.0.1.example.org/", "ftp://x"]
)
def test_nothing_is_sent_elsewhere(desk: Desk, act: str, url: str) -> None:
    """Only to this machine."""
    body = {"do": act, "url": url, "token": "t"}
    answer = desk.session.post(f"{desk.url}/_control/act", json=body, timeout=10)
    assert (answer.status_code, "loopback" in answer.text) == (400, True)
