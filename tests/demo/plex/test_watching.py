"""Players: sessions, frames, history and webhooks, as the real server produces them."""

import queue
import socket

import pytest
import requests
import websocket

from tests.demo.plex.client import AlertListener
from tests.demo.plex.conftest import House
from tests.demo.plex.ears import Ears, Frame, Receiver


def test_a_whole_viewing(house: House, ears: Ears, hooks: Receiver) -> None:
    house.account().setWebhooks([hooks.url("anna")])
    movie = house.file(runtime_ms=house.file().runtime_ms)
    length = (movie.runtime_ms or 0) // 1000
    key = house.play("start", file=movie.path)
    assert house.server().sessions() == []  # it appears a moment later
    house.tell("clock", shift=1)
    (session,) = house.server().sessions()
    assert (session.sessionKey, session.title, session.viewOffset, session.usernames) == (key, movie.name, 0, ["Anna"])
    assert (session.player.title, session.player.state) == ("Living Room TV", "playing")
    assert session._data.find("User").attrib["id"] == "1"
    house.tell("clock", shift=25)
    assert house.server().sessions()[0].viewOffset == 20_000
    house.play("pause")
    house.tell("clock", shift=600)
    house.play("resume")
    house.play("seek", position_s=length * 0.5)
    house.play("progress", position_s=length * 0.91)
    house.play("stop", position_s=length * 0.93)
    part = [int(length * share * 1000) for share in (0.5, 0.91, 0.93)]
    wanted = [("playing", 0), ("playing", 10_000), ("playing", 20_000), ("paused", 26_000), ("playing", 26_000)]
    assert ears.states(8) == [*wanted, ("playing", part[0]), ("playing", part[1]), ("stopped", part[2])]
    events = ["media.play", "media.pause", "media.resume", "media.scrobble", "media.stop"]
    assert hooks.events(5) == events
    assert house.server().sessions() == []
    (play,) = house.server().history()
    assert (play.title, play.accountID, int(play._data.attrib["viewedAt"])) == (movie.name, 1, 1_785_578_400 + 626)
    row = house.rows(f"/library/metadata/{play.ratingKey}")[0]
    assert (row["viewCount"], "viewOffset" in row) == (1, False)


def test_below_the_threshold_there_is_a_position_and_no_play(house: House) -> None:
    house.tell("switches", played_threshold=95)
    movie = house.file()
    house.play("start", file=movie.path)
    house.play("stop", position_s=(movie.runtime_ms or 0) / 1000 * 0.93)
    row = house.rows(f"/library/metadata/{house.key(movie)}")[0]
    assert row["viewOffset"] == int((movie.runtime_ms or 0) * 0.93 // 1000 * 1000) or row["viewOffset"] > 0
    assert "viewCount" not in row
    assert row["lastViewedAt"] == 1_785_578_400
    assert house.server().history() == []
    house.play("start", file=movie.path)
    house.play("stop", position_s=30)
    assert house.rows(f"/library/metadata/{house.key(movie)}")[0]["viewOffset"] > 1_000_000  # short looks do not count


def test_the_session_is_gone_before_stopped_is_told(house: House, ears: Ears) -> None:
    house.play("start", file=house.file().path)
    house.tell("clock", shift=5)
    assert len(house.server().sessions()) == 1
    house.play("stop")
    while ears.next()["PlaySessionStateNotification"][0]["state"] != "stopped":
        pass
    assert house.server().sessions() == []


def test_a_film_plays_to_its_end_by_itself(house: House, ears: Ears) -> None:
    movie = house.file()
    house.play("start", file=movie.path, position_s=(movie.runtime_ms or 0) / 1000 - 25)
    house.tell("clock", shift=60)
    states = [state for state, _ in ears.states(5)]
    assert states == ["playing", "playing", "playing", "playing", "stopped"]
    assert len(house.server().history()) == 1


def test_next_episode_and_a_second_device(house: House, ears: Ears, hooks: Receiver) -> None:
    house.act("webhook", person="Anna", url=hooks.url("x"))
    show = house.server().library.section("Shows").get("Lanterns of Varnick")
    first, second = show.season(1).episodes()[:2]
    one = house.play("start", file=first.ratingKey)
    two = house.play("next")
    entries = [ears.next()["PlaySessionStateNotification"][0] for _ in range(3)]
    told = [(e["state"], e["sessionKey"], e["ratingKey"]) for e in entries]
    assert told == [("playing", str(one), str(first.ratingKey)), ("stopped", str(one), str(first.ratingKey)),
                    ("playing", str(two), str(second.ratingKey))]  # fmt: skip
    assert hooks.events(3) == ["media.play", "media.stop", "media.play"]
    house.play("start", file=second.ratingKey, device="Tablet")
    house.tell("clock", shift=10)
    assert {s.player.title for s in house.server().sessions()} == {"Living Room TV", "Tablet"}
    frames = [ears.next(), ears.next()]  # the start on the tablet, then both players in one frame
    assert [frame["size"] for frame in frames] == [1, 2]


def test_people_hear_their_own_sessions_only(house: House) -> None:
    ben, anna = house.listen("Ben", "/:/websocket/notifications"), house.listen("Anna")
    house.play("start", "Anna", file=house.file().path)
    house.play("start", "Ben", file=house.file().path)
    assert ben.next()["PlaySessionStateNotification"][0]["sessionKey"] == "2"
    assert anna.next()["PlaySessionStateNotification"][0]["sessionKey"] == "1"
    for ears in (ben, anna):
        ears.socket.close()


def test_a_vanished_device_is_forgotten_in_silence(house: House) -> None:
    house.play("start", file=house.file().path)
    house.play("vanish")
    house.tell("clock", shift=100)
    assert len(house.server().sessions()) == 1
    house.tell("clock", shift=100)
    assert house.server().sessions() == []


def test_buffering_is_told(house: House, ears: Ears) -> None:
    house.play("start", file=house.file().path)
    house.play("buffer", position_s=12)
    assert ears.states(2) == [("playing", 0), ("buffering", 12_000)]


def test_players_report_through_the_timeline(house: House, ears: Ears) -> None:
    movie = house.server("Ben").fetchItem(int(house.key(house.file())))
    movie.updateTimeline(0, state="playing", duration=movie.duration)
    movie.updateTimeline(int(movie.duration * 0.95), state="stopped", duration=movie.duration)
    assert [state for state, _ in ears.states(2)] == ["playing", "stopped"]
    (play,) = house.server().history()
    assert play.accountID == house.people["Ben"]["id"]
    assert house.ask(f"/:/timeline?ratingKey={movie.ratingKey}&state=dreaming").status_code == 400


def test_progress_has_no_effect_for_others_than_the_owner(house: House) -> None:
    for name, kept in (("Anna", True), ("Ben", False)):
        movie = house.server(name).fetchItem(int(house.key(house.file())))
        movie.updateProgress(700_000)
        assert ("viewOffset" in house.rows(f"/library/metadata/{movie.ratingKey}", name)[0]) is kept


def test_history_by_account_date_section_and_item(house: House) -> None:
    show = house.server().library.section("Shows").get("Lanterns of Varnick")
    episode, movie, ben = show.season(1).episode(2), house.file(), house.people["Ben"]["id"]
    house.act("watch", person="Anna", file=movie.path, at="2024-01-01T00:00:00+00:00")
    house.act("watch", person="Ben", file=movie.path, at="2025-01-01T00:00:00+00:00")
    house.act("watch", person="Anna", file=episode.ratingKey, at="2026-01-01T00:00:00+00:00")
    server, base = house.server(), "/status/sessions/history/all"
    assert [play.title for play in server.history()] == [episode.title, movie.name, movie.name]
    assert [play.accountID for play in server.history(accountID=ben)] == [ben]
    assert server.history(accountID=house.people["Anna"]["id"]) == []  # the owner is account 1
    assert len(server.history(librarySectionID=1)) == 2
    assert [play.index for play in server.history(ratingKey=show.ratingKey)] == [2]
    assert len(house.rows(f"{base}?viewedAt>=1735689600")) == 2
    assert len(house.rows(f"{base}?viewedAt>>=1735689600")) == 1
    assert [row["accountID"] for row in house.rows(f"{base}?sort=viewedAt:asc")] == [1, ben, 1]
    assert [row["accountID"] for row in house.rows(base, "Ben")] == [ben]
    assert len(house.rows(f"{base}?X-Plex-Container-Start=1&X-Plex-Container-Size=1")) == 1
    server.history()[0].delete()
    assert len(server.history()) == 2
    house.tell("switches", own_history="refused")
    assert house.ask(base, "Ben").status_code == 403
    assert house.ask("/status/sessions/history/9001", "Ben", "DELETE").status_code == 403


def test_deleted_items_keep_their_title_in_the_history(house: House) -> None:
    movie = house.file()
    house.act("watch", person="Anna", file=movie.path)
    house.act("remove", path=movie.path)
    (row,) = house.rows("/status/sessions/history/all")
    assert row["title"] == movie.name
    assert not {"key", "ratingKey"} & row.keys()


def test_alert_listener_hears_and_ends_with_a_restart(house: House) -> None:
    heard: queue.Queue[Frame] = queue.Queue()
    own = socket.create_connection(
        ("127.0.0.1", int(house.url.rsplit(":", 1)[-1]))
    )  # the client forgets to close its own
    listener = AlertListener(house.server(), heard.put, lambda error: None, ws_socket=own)
    listener.start()
    wait_for_listener(house, 1)
    house.act("look", file=house.file().path)
    steps = [heard.get(timeout=10)["ActivityNotification"][0] for _ in range(5)]
    assert [(s["event"], s["Activity"]["progress"]) for s in steps] == [
        ("started", 0), ("updated", 0), ("updated", 33), ("updated", 66), ("ended", 100)]  # fmt: skip
    house.act("restart")
    listener.join(10)
    assert not listener.is_alive()
    own.close()


def wait_for_listener(house: House, count: int) -> None:
    """Until the simulator has noticed a websocket."""
    for _ in range(1000):
        if requests.get(f"{house.url}/_control/state", timeout=5).json()["state"]["listeners"] == count:
            return
    raise AssertionError("nobody listens")


def test_a_bad_token_gets_no_websocket(house: House) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException, match="401"):
        websocket.create_connection(
            f"{house.url.replace('http', 'ws')}/:/websockets/notifications?X-Plex-Token=x", timeout=5
        )


def test_files_that_come_and_go_are_told(house: House, ears: Ears, hooks: Receiver) -> None:
    house.act("webhook", person="Anna", url=hooks.url("x"))
    (key,) = house.act("add", path="/media/movies/New/New.mkv", name="Quite New")
    told = [ears.next("timeline")["TimelineEntry"][0] for _ in range(2)]
    assert [(t["itemID"], t["state"], t["metadataState"]) for t in told] == [
        (str(key), 0, "created"), (str(key), 5, "processed")]  # fmt: skip
    assert hooks.got.get(timeout=10)[1]["Metadata"]["title"] == "Quite New"
    house.act("remove", path="/media/movies/New/New.mkv")
    assert ears.next("timeline")["TimelineEntry"][0]["state"] == 9
    assert house.ask(f"/library/metadata/{key}").status_code == 404
    house.act("scan", library="movies")
    events = [ears.next("activity")["ActivityNotification"][0]["event"] for _ in range(2)]
    assert events == ["started", "ended"]
    assert ears.next("status")["StatusNotification"][0]["notificationName"] == "LIBRARY_UPDATE"
    section = house.server().library.sectionByID(1)
    assert int(section._data.attrib["scannedAt"]) == 1_785_578_400
    house.act("frame", type="reachability", entries=[{"reachability": True}])
    assert ears.next("reachability")["ReachabilityNotification"] == [{"reachability": True}]
    house.ask("/:/prefs?LibraryVideoPlayedThreshold=85", method="PUT")
    assert ears.next("preference")["Setting"][0]["value"] == 85


def test_whose_hooks_hear_what(house: House, hooks: Receiver) -> None:
    for name in ("Anna", "Ben"):
        house.account(name).setWebhooks([hooks.url(name)])
    house.play("start", "Ben", file=house.file().path)
    house.play("start", "David", file=house.file().path)
    house.play("start", "Anna", file=house.file().path)
    got = [hooks.got.get(timeout=10) for _ in range(4)]
    told = [
        (path, body["Account"]["title"], body["user"], body["owner"], body["Account"]["id"]) for path, body, _ in got
    ]
    ben, david = house.people["Ben"]["id"], house.people["David"]["id"]
    assert told == [("/Anna", "Ben", False, True, ben), ("/Ben", "Ben", True, False, ben),
                    ("/Anna", "David", False, True, david), ("/Anna", "Anna", True, True, 1)]  # fmt: skip
    assert [thumb for *_, thumb in got] == [True] * 4
    assert {body["Server"]["uuid"] for _, body, _ in got} == {house.signins["machine_identifier"]}
    house.tell("switches", webhook_owner_id=0)
    house.play("pause")
    assert hooks.got.get(timeout=10)[1]["Account"]["id"] == house.people["Anna"]["id"]


@pytest.mark.parametrize(("told", "rated"), [("set", [8.0, 3.0]), ("all", [8.0, -1.0, 3.0, -1.0]), ("none", [3.0])])
def test_which_ratings_send_a_webhook(house: House, hooks: Receiver, told: str, rated: list[float]) -> None:
    house.tell("switches", rate_webhook=told)
    house.act("webhook", person="Anna", url=hooks.url("x"))
    movie = house.server().fetchItem(int(house.key(house.file())))
    movie.rate(8)
    movie.rate(None)
    house.act("rate", person="Anna", file=movie.ratingKey, rating=3)
    house.act("unrate", person="Anna", file=movie.ratingKey)
    house.play("start", file=movie.ratingKey)
    got = [hooks.got.get(timeout=10)[1] for _ in range(len(rated) + 1)]
    assert [body.get("rating") for body in got] == [*rated, None]
    assert got[-1]["event"] == "media.play"


def test_hooks_elsewhere_are_not_called(house: House) -> None:
    house.account().setWebhooks(["https://sidetrakt.example/hook"])
    house.play("start", file=house.file().path)
    for _ in range(1000):
        sent = requests.get(f"{house.url}/_control/state", timeout=5).json()["state"]["webhooks"]
        if sent:
            break
    assert sent == [{"url": "https://sidetrakt.example/hook", "event": "media.play",
                     "status": "not sent: only this machine is reached"}]  # fmt: skip
