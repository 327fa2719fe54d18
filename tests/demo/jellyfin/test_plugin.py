"""What our plugin sends, in which order, and what it keeps until it is taken: h 11 of the checklist."""

import json
import re
import uuid
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from sidecar.demo.control import Control
from sidecar.demo.jellyfin import make_app
from sidecar.demo.loading import load
from tests.demo.jellyfin.conftest import Desk, Serve
from tests.demo.jellyfin.recorder import Recorder

FILM, SERIES, VERSIONS = "Kettle and Crane", "Lanterns of Varnick", "Nine Ferries North"
Body = dict[str, Any]


def installed(desk: Desk, recorder: Recorder) -> str:
    """Switches the plugin on; gives the id of its installation."""
    return str(desk.act("plugin", url=recorder.url + "hooks/jellyfin/home", token="secret words"))


def idle(desk: Desk) -> None:
    """Blocks until an attempt that goes on is over."""
    plugin = desk.server.plugin
    with plugin.moved:
        assert plugin.moved.wait_for(lambda: plugin.sender is None, 10)


def bodies(desk: Desk, recorder: Recorder, count: int) -> list[Body]:
    """The bodies that came, which must be as many as this when nothing is under way."""
    idle(desk)
    found = [body for _, body in recorder.wait(count)]
    assert len(found) == count, [body["event"] for body in found]
    return found


def events(desk: Desk, recorder: Recorder, count: int) -> list[str]:
    """What they tell of."""
    return [body["event"] for body in bodies(desk, recorder, count)]


def waiting(desk: Desk) -> dict[str, Any]:
    """What the state says of the plugin."""
    idle(desk)
    state: dict[str, Any] = desk.session.get(f"{desk.url}/_control/state", timeout=10).json()["state"]["plugin"]
    return state


def test_a_body_holds_what_is_promised(desk: Desk, recorder: Recorder) -> None:
    """Every key of the interface, with the token beside it."""
    desk.tell("clock", freeze=True)
    install, episode = installed(desk, recorder), desk.episodes(SERIES)[2]
    series, at = desk.film(SERIES), desk.control.clock.now()
    desk.play("start", file=episode["Path"], position_s=60)
    desk.act("plugin_retry")
    headers, body = recorder.wait(1)[0]
    assert (headers["Authorization"], headers["Content-Type"]) == ("Bearer secret words", "application/json")
    assert uuid.UUID(body.pop("id")).version == uuid.UUID(install).version == 4
    assert [datetime.fromisoformat(body.pop(name)) for name in ("at", "sent")] == [at, at]
    row, playing = desk.truth(episode["Id"]), desk.ask("/Sessions").json()[0]
    assert row["PlayCount"] == 1
    assert body == {
        "install": install, "seq": 1, "version": "1.0.0", "event": "start",
        "server": {"id": desk.server.id, "version": "12.4.0"}, "user": {"id": desk.user(), "name": "Anna"},
        "session": {"id": playing["Id"], "device": "television", "client": "Player"},
        "item": {
            "id": episode["Id"], "media_source_id": episode["Id"], "type": "Episode", "name": episode["Name"],
            "year": episode["ProductionYear"], "ids": {k.lower(): v for k, v in episode["ProviderIds"].items()},
            "runtime_ticks": episode["RunTimeTicks"], "path": episode["Path"], "library": "Shows",
            "season": episode["ParentIndexNumber"], "episode": episode["IndexNumber"], "episode_end": None,
            "show": {
                "id": series["Id"], "name": SERIES, "year": 2017,
                "ids": {k.lower(): v for k, v in series["ProviderIds"].items()},
            },
        },
        "position_ticks": 600_000_000, "paused": False, "completed": False, "save_reason": None,
        "user_data": {"rating": None, "played": False, "play_count": 1, "last_played": row["LastPlayedDate"]},
    }  # fmt: skip


def test_playing_is_told_report_by_report(desk: Desk, recorder: Recorder) -> None:
    """A pause is told by comparing, the seconds the server counts are not told, the play that completes says so."""
    desk.tell("clock", freeze=True)
    installed(desk, recorder)
    film = desk.film(FILM)
    desk.play("start", file=film["Path"])
    for _ in range(10):
        desk.shift(1)
        desk.server.timers.run()
    for do, position in (("progress", 10), ("pause", 12), ("progress", 12), ("resume", 12), ("seek", 900)):
        desk.play(do, position_s=position)
    desk.play("stop", position_s=film["RunTimeTicks"] / 10_000_000 - 5)
    told = bodies(desk, recorder, 8)
    assert [(body["event"], body["paused"], body["completed"]) for body in told] == [
        ("start", False, False),
        ("progress", False, False),
        ("pause", True, False),
        ("progress", True, False),
        ("resume", False, False),
        ("progress", False, False),
        ("played", False, False),  # stored before the event of the same report
        ("stop", False, True),
    ]
    assert [body["position_ticks"] // 10_000_000 for body in told[:6]] == [0, 10, 12, 12, 12, 900]
    assert (told[6]["save_reason"], told[6]["session"]) == ("PlaybackFinished", None)
    assert told[7]["user_data"]["played"]
    assert [body["seq"] for body in told] == list(range(1, 9))
    assert len({body["id"] for body in told}) == 8


def test_everybody_who_watches_has_a_body(desk: Desk, recorder: Recorder) -> None:
    """Those beside the device's owner get the events of its session; a player without a user has no viewer."""
    film = desk.film(FILM)
    session = desk.play("start", file=film["Path"])["session"]
    desk.act("join", person="Ben", session=session)
    installed(desk, recorder)
    desk.ask("/Sessions/Playing", "POST", json={"ItemId": film["Id"]})
    desk.play("stop", position_s=900)
    told = bodies(desk, recorder, 2)
    assert [(body["event"], body["user"]["name"], body["seq"]) for body in told] == [
        ("stop", "Anna", 1),
        ("stop", "Ben", 2),
    ]
    assert [body["user_data"]["play_count"] for body in told] == [1, 0]


def test_a_version_is_named(desk: Desk, old: Desk, recorder: Recorder) -> None:
    """The film is the item; 12 ticks the version that played and its brother, 10.11 the film alone."""
    for one, played in ((desk, 2), (old, 1)):
        installed(one, recorder)
        film = one.film(VERSIONS)
        other = next(source for source in film["MediaSources"] if source["Id"] != film["Id"])
        recorder.bodies.clear()
        one.play("start", file=other["Path"])
        one.play("stop", position_s=other["RunTimeTicks"] / 10_000_000)
        told = bodies(one, recorder, 2 + played)
        assert [(b["item"]["id"], b["item"]["media_source_id"]) for b in told if b["event"] in ("start", "stop")] == [
            (film["Id"], other["Id"])
        ] * 2
        ticked = [(b["item"]["id"], b["save_reason"]) for b in told if b["event"] == "played"]
        both = [(other["Id"], "PlaybackFinished"), (film["Id"], "TogglePlayed")]
        assert ticked == (both if one is desk else [(film["Id"], "PlaybackFinished")])


def test_ratings_and_ticks_are_told_with_their_reason(desk: Desk, recorder: Recorder) -> None:
    """A rating that goes is null; the same again, or a favourite, is nothing; a date more is another play."""
    installed(desk, recorder)
    film = desk.film(FILM)["Id"]
    tick = f"/UserPlayedItems/{film}?userId={desk.user()}"
    desk.data(film, "POST", {"Rating": 8})
    desk.data(film, "POST", {"Rating": 8, "IsFavorite": True})
    desk.ask(f"/UserItems/{film}/Rating?userId={desk.user()}", "DELETE")
    desk.ask(tick, "POST")
    desk.ask(tick, "POST")
    desk.ask(f"{tick}&datePlayed=2026-02-03T04:05:06Z", "POST")
    desk.data(film, "POST", {"Played": False, "Rating": 3})
    desk.data(film, "POST", {"Played": True})
    desk.ask(tick, "DELETE")
    told = bodies(desk, recorder, 8)
    assert [(b["event"], b["save_reason"], b["user_data"]["rating"], b["user_data"]["play_count"]) for b in told] == [
        ("rated", "UpdateUserData", 8.0, 0),
        ("rated", "UpdateUserRating", None, 0),
        ("played", "TogglePlayed", None, 1),
        ("played", "TogglePlayed", None, 2),
        ("rated", "UpdateUserData", 3.0, 2),
        ("unplayed", "UpdateUserData", 3.0, 2),
        ("played", "UpdateUserData", 3.0, 2),
        ("unplayed", "TogglePlayed", 3.0, 0),
    ]
    assert told[3]["user_data"]["last_played"] == "2026-02-03T04:05:06.0000000Z"
    assert told[7]["user_data"]["last_played"] is None


def test_a_film_that_is_seen_again_is_no_tick(desk: Desk, recorder: Recorder) -> None:
    """The start counts and sets the date of what is watched; only start and stop are told."""
    film = desk.film(FILM)
    desk.act("watch", person="Anna", item=film["Id"])
    installed(desk, recorder)
    desk.play("start", file=film["Path"])
    desk.play("stop", no_position=True)
    told = bodies(desk, recorder, 2)
    assert [(b["event"], b["completed"], b["position_ticks"], b["user_data"]["play_count"]) for b in told] == [
        ("start", False, 0, 2),
        ("stop", True, None, 3),
    ]


def test_a_start_in_10_11_unticks(old: Desk, recorder: Recorder) -> None:
    """And the reason says that nobody did it."""
    film = old.film(FILM)
    old.act("watch", person="Anna", item=film["Id"])
    installed(old, recorder)
    old.play("start", file=film["Path"])
    assert [(body["event"], body["save_reason"]) for body in bodies(old, recorder, 2)] == [
        ("unplayed", "PlaybackStart"),
        ("start", None),
    ]


def test_shows_and_seasons_are_told(desk: Desk, recorder: Recorder) -> None:
    """Their ratings; a whole show that is ticked is told episode by episode."""
    installed(desk, recorder)
    series, season = (
        desk.film(SERIES),
        next(row for row in desk.items("includeItemTypes=Season") if row["SeriesName"] == SERIES),
    )
    for item in (series, season):
        desk.data(item["Id"], "POST", {"Rating": 6})
    desk.ask(f"/UserPlayedItems/{series['Id']}?userId={desk.user()}", "POST")
    told = bodies(desk, recorder, 2 + 7)
    assert [
        (body["item"]["type"], body["item"]["season"], (body["item"]["show"] or {}).get("id")) for body in told[:2]
    ] == [
        ("Series", None, None),
        ("Season", 0, series["Id"]),
    ]
    assert [(b["event"], b["item"]["season"], b["item"]["episode"]) for b in told[2:]] == [
        ("played", row["ParentIndexNumber"], row["IndexNumber"]) for row in desk.episodes(SERIES)
    ]


def test_a_library_tells_what_came_and_went(desk: Desk, recorder: Recorder) -> None:
    """For nobody alone; an episode that went does not know its show any more."""
    installed(desk, recorder)
    path = "/media/shows/Fresh (2024)/Season 01/Fresh S01E01.mkv"
    desk.act("add_file", like=desk.episodes(SERIES)[2]["Path"], path=path, name="Fresh one")
    desk.act("scan")
    desk.act("remove_file", file=path)
    desk.act("scan")
    told = bodies(desk, recorder, 6)
    assert sorted((b["event"], b["item"]["type"], bool(b["item"]["show"])) for b in told) == [
        ("added", "Episode", True),
        ("added", "Season", True),
        ("added", "Series", False),
        ("removed", "Episode", False),
        ("removed", "Season", False),
        ("removed", "Series", False),
    ]
    assert {(body["user"], body["session"], body["user_data"]) for body in told} == {(None, None, None)}


def test_a_silent_player_is_told_as_stopped_where_it_last_was(desk: Desk, recorder: Recorder) -> None:
    """Five to ten minutes later."""
    desk.tell("clock", freeze=True)
    installed(desk, recorder)
    desk.play("start", file=desk.film(FILM)["Path"], position_s=600)
    desk.play("vanish")
    for _ in range(11):
        desk.shift(60)
        desk.server.timers.run()
    last = bodies(desk, recorder, 2)[1]
    assert (last["event"], last["position_ticks"], last["completed"]) == ("stop", 6_000_000_000, False)


@pytest.mark.parametrize("status", [200, 204, 400, 413])
def test_these_answers_settle_a_body(desk: Desk, recorder: Recorder, status: int) -> None:
    """It is not sent again."""
    recorder.statuses = [status]
    installed(desk, recorder)
    desk.act("rate", person="Anna", file=FILM, rating=7)
    assert desk.act("plugin_retry") == 0
    assert len(bodies(desk, recorder, 1)) == 1
    assert waiting(desk) == {"waiting": 0, "answer": status}


@pytest.mark.parametrize("status", [302, 401, 404, 408, 429, 500, 503])
def test_with_other_answers_it_is_kept_in_order(desk: Desk, recorder: Recorder, status: int) -> None:
    """Sent again after the next event, with the same number and the moment of this attempt."""
    desk.tell("clock", freeze=True)
    recorder.statuses = [status, status]
    installed(desk, recorder)
    desk.act("rate", person="Anna", file=FILM, rating=7)
    idle(desk)
    assert desk.act("plugin_retry") == 1
    assert waiting(desk) == {"waiting": 1, "answer": status}
    desk.shift(10800)
    desk.act("rate", person="Anna", file=FILM, rating=8)
    assert desk.act("plugin_retry") == 0
    told = bodies(desk, recorder, 4)
    assert [body["seq"] for body in told] == [1, 1, 1, 2]
    assert {body["id"] for body in told[:3]} == {told[0]["id"]}
    late = [datetime.fromisoformat(body["sent"]) - datetime.fromisoformat(body["at"]) for body in told]
    assert late == [timedelta(), timedelta(), timedelta(hours=3), timedelta()]


def test_a_receiver_that_comes_back_gets_everything(desk: Desk, recorder: Recorder) -> None:
    """Nobody listened, then the address was wrong; the number goes on, and a player never waits."""
    install = desk.act("plugin", url="http://127.0.0.1:9/", token="t")
    for rating in (5, 6, 7):
        desk.act("rate", person="Anna", file=FILM, rating=rating)
    assert desk.act("plugin_retry") == 3
    assert waiting(desk) == {"waiting": 3, "answer": None}
    assert installed(desk, recorder) == install
    assert desk.act("plugin_retry") == 0
    assert [(body["seq"], body["user_data"]["rating"]) for body in bodies(desk, recorder, 3)] == [
        (1, 5),
        (2, 6),
        (3, 7),
    ]


def test_a_server_that_is_down_sends_nothing_and_keeps_everything(desk: Desk, recorder: Recorder) -> None:
    """A restart loses no body, and no stop is told of what played."""
    recorder.statuses = [503]
    installed(desk, recorder)
    desk.play("start", file=desk.film(FILM)["Path"])
    idle(desk)
    desk.act("restart", stay_down=True)
    assert desk.act("plugin_retry") == 1
    assert events(desk, recorder, 1) == ["start"]
    desk.act("start")
    assert desk.act("plugin_retry") == 0
    assert events(desk, recorder, 2) == ["start", "start"]


def test_a_lost_event_leaves_a_gap(desk: Desk, recorder: Recorder) -> None:
    """Its number is used up; a fault can be meant for one event or one viewer."""
    installed(desk, recorder)
    desk.tell("faults", name="plugin_lost", path="rated")
    desk.tell("faults", name="plugin_lost", user="Ben")
    desk.act("watch", person="Anna", item=desk.film(FILM)["Id"])
    for person in ("Anna", "Ben", "Anna"):
        desk.act("rate", person=person, file=FILM, rating=len(person) + 1)
    desk.act("unrate", person="Anna", file=FILM)
    assert desk.act("plugin_retry") == 0
    assert [(body["event"], body["seq"]) for body in bodies(desk, recorder, 2)] == [("played", 1), ("rated", 4)]


def test_a_body_can_come_twice_or_late(desk: Desk, recorder: Recorder) -> None:
    """Twice is the same body; what is held back lets later ones pass until it is let go."""
    installed(desk, recorder)
    desk.tell("faults", name="plugin_late")
    desk.tell("faults", name="plugin_duplicate", after=1)
    for rating in (5, 6, 7):
        desk.act("rate", person="Anna", file=FILM, rating=rating)
    told = bodies(desk, recorder, 3)
    assert [body["seq"] for body in told] == [2, 2, 3]
    assert told[0]["id"] == told[1]["id"]
    assert waiting(desk)["waiting"] == 1
    assert desk.act("plugin_retry") == 0
    assert bodies(desk, recorder, 4)[3]["seq"] == 1


def test_a_slow_receiver_keeps_nobody_waiting(desk: Desk, recorder: Recorder) -> None:
    """Players go on while one body is under way; a reset lets that one be the last."""
    recorder.open.clear()
    installed(desk, recorder)
    for rating in (5, 6, 7):
        desk.act("rate", person="Anna", file=FILM, rating=rating)
    recorder.wait(1)
    plugin = desk.server.plugin
    desk.tell("reset")
    recorder.open.set()
    with plugin.moved:
        assert plugin.moved.wait_for(lambda: plugin.sender is None, 10)
    assert events(desk, recorder, 1) == ["rated"]


def test_a_reset_ends_the_installation(desk: Desk, recorder: Recorder) -> None:
    """Nothing is sent any more, what was kept is gone, and the next one is another."""
    recorder.statuses = [500]
    install = installed(desk, recorder)
    desk.act("rate", person="Anna", file=FILM, rating=7)
    assert waiting(desk)["waiting"] == 1
    desk.tell("reset")
    desk.act("rate", person="Anna", file=FILM, rating=7)
    assert desk.act("plugin_retry") == 0
    assert (len(recorder.bodies), waiting(desk)) == (1, {"waiting": 0, "answer": None})
    assert installed(desk, recorder) != install


def replayed(desk: Desk, actions: list[dict[str, Any]], ids: dict[str, str]) -> list[tuple[Any, ...]]:
    """Does what was recorded, each at its moment; gives what was stored, in order."""
    changed, tokens = desk.server.data.changed, {"anna": desk.sign_in("anna"), "key": None}
    stored: list[tuple[Any, ...]] = []

    def listening(user: str, item: Any, reason: str, row: Any, before: Any) -> None:
        numbers = (row.played, row.count, row.position, row.rating, row.favorite, bool(row.last))
        stored.append((desk.server.people.users[user].name, item.id, reason, *numbers))
        changed(user, item, reason, row, before)

    desk.server.data.changed = listening
    for action in actions:
        desk.tell("clock", set=f"2026-11-21T{action['time']}Z")
        said = re.sub("[0-9a-f]{32}", lambda known: ids.get(known[0], known[0]), json.dumps(action))
        method, _, path = json.loads(said)["request"].partition(" ")
        path = re.sub("userId=[0-9a-f]{32}", f"userId={desk.user('anna')}", path)
        answer = desk.ask(path, method, tokens[action["as_"]], "sofa", json=json.loads(said)["body"])
        assert answer.status_code == action["status"], action
    return stored


def test_events_are_those_inside_the_real_server(serve: Serve, recorder: Recorder, contracts: Path) -> None:
    """What every recorded request stored, with its reason, and which event followed, one after the other."""
    recorded = json.loads((contracts / "jellyfin" / "12.0" / "plugin-events.json").read_text())
    catalogue = load(contracts / "jellyfin" / "12.0" / "catalogue.json")
    control = Control("jellyfin", {"version": "12"})
    app = make_app(catalogue, control)
    desk = Desk(serve(app), catalogue, control, app.server)
    desk.tell("clock", freeze=True)
    installed(desk, recorder)
    actions = [one for one in recorded["actions"] if "request" in one]
    actions = actions[: next(n for n, one in enumerate(actions) if one["action"].startswith("files"))]
    seen = list(takewhile(lambda row: "ILibraryManager" not in row["ev"], recorded["events"]))
    items = [row["d"]["item"] for row in seen if row.get("d", {}).get("item")]
    ids = {item["id"]: app.server.shelf.by_path[item["path"]].id for item in items}
    stored = replayed(desk, actions, ids)
    saves = [row["d"] for row in seen if row["ev"] == "IUserDataManager.UserDataSaved"]
    assert stored == [
        (
            save["user"], ids[save["item"]["id"]], save["reason"], data["Played"], data["PlayCount"],
            data["PlaybackPositionTicks"], data.get("Rating"), data["IsFavorite"], "LastPlayedDate" in data,
        )
        for save in saves for data in [save["data"]]
    ]  # fmt: skip
    assert desk.act("plugin_retry") == 0
    ours = [body for _, body in recorder.bodies if body["session"]]
    reported = ("PlaybackStart", "PlaybackProgress", "PlaybackStop")
    theirs = [(row["ev"].partition(".")[2], row["d"]) for row in seen if row["ev"].startswith("IEventConsumer")]
    assert [
        (
            {"start": reported[0], "stop": reported[2]}.get(body["event"], reported[1]), body["item"]["id"],
            body["item"]["media_source_id"], body["position_ticks"], body["paused"], body["completed"],
        )
        for body in ours
    ] == [
        (
            kind, ids[about["item"]["id"]], ids[about["mediaSourceId"]], about.get("position"), about["paused"],
            bool(about.get("toCompletion")),
        )
        for kind, about in theirs if not about.get("automated")
    ]  # fmt: skip
    assert (len(saves), len(ours)) == (87, 44)
    desk.session.close()
