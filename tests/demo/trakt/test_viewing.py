"""Rule 7: every row of the scrobble table, the duplicate window, and what is being watched."""

from typing import Any

import pytest

from sidecar.demo.trakt.titles import iso
from tests.demo.trakt.conftest import NOON, Caller

HEAT = {"movie": {"ids": {"imdb": "tt0113277", "tmdb": 949}}}
MINUTE = 60_000
T0 = int(NOON.timestamp() * 1000)


def after(minutes: float) -> str:
    """A moment so many minutes after noon."""
    return iso(T0 + int(minutes * MINUTE))


def say(caller: Caller, call: str, progress: Any, status: int = 201, **body: Any) -> Any:
    """One scrobble call."""
    return caller.post(f"/scrobble/{call}", {"progress": progress} | (body or HEAT), status)


TABLE = [  # call, progress, status, action, plays, resume points, watching
    ("start", 0, 201, "start", 0, 0, True),
    ("start", 100, 201, "start", 0, 0, False),
    ("start", 12.5, 201, "start", 0, 0, True),
    ("pause", 1, 201, "pause", 0, 1, False),
    ("pause", 79.9, 201, "pause", 0, 1, False),
    ("pause", 0.9, 422, None, 0, 0, False),
    ("pause", 80, 422, None, 0, 0, False),
    ("pause", 95, 422, None, 0, 0, False),
    ("stop", 80.1, 201, "scrobble", 1, 0, False),
    ("stop", 100, 201, "scrobble", 1, 0, False),
    ("stop", 80, 201, "pause", 0, 1, False),
    ("stop", 79, 201, "pause", 0, 1, False),
    ("stop", 1, 201, "pause", 0, 1, False),
    ("stop", 0.5, 422, None, 0, 0, False),
    ("stop", 0, 422, None, 0, 0, False),
]


@pytest.mark.parametrize(("call", "progress", "status", "action", "plays", "points", "watching"), TABLE)
def test_a_call_at_a_progress(
    anna: Caller,
    *,
    call: str,
    progress: float,
    status: int,
    action: str | None,
    plays: int,
    points: int,
    watching: bool,
) -> None:
    answer = say(anna, call, progress, status)
    if action:
        assert (answer["action"], answer["progress"], answer["movie"]["title"]) == (action, progress, "Heat")
        assert (answer["id"] > 1 << 33) is (action == "scrobble")
    history = anna.get("/sync/history")
    assert [(row["action"], row["watched_at"]) for row in history] == [("scrobble", after(0))] * plays
    assert [row["progress"] for row in anna.get("/sync/playback")] == [progress] * points
    assert anna.send("GET", "/users/me/watching").status_code == (200 if watching else 204)
    if plays:
        assert history[0]["id"] == answer["id"]


@pytest.mark.parametrize(
    ("switch", "value", "call", "progress", "action"),
    [
        ("stop_at_80", "scrobble", "stop", 80, "scrobble"),
        ("pause_from_80", "accept", "pause", 80, "pause"),
        ("pause_from_80", "accept", "pause", 99, "pause"),
    ],
)
def test_what_is_uncertain_about_the_table(
    anna: Caller, *, switch: str, value: str, call: str, progress: float, action: str
) -> None:
    anna.switch(**{switch: value})
    assert say(anna, call, progress)["action"] == action


@pytest.mark.parametrize("progress", [None, "50", -1, 100.5, True])
def test_progress_is_a_number_from_0_to_100(anna: Caller, progress: Any) -> None:
    assert say(anna, "start", progress, 422) is not None


@pytest.mark.parametrize("call", ["start", "pause", "stop"])
def test_what_is_unknown_is_404_and_what_is_missing_422(anna: Caller, call: str) -> None:
    assert say(anna, call, 50, 404, movie={"ids": {"tmdb": 31337}}) is None
    assert say(anna, call, 50, 404, show={"ids": {"tvdb": 334824}}, episode={"season": 1, "number": 99}) is None
    assert say(anna, call, 50, 404, show={"ids": {"tvdb": 31337}}, episode={"season": 1, "number": 1}) is None
    assert say(anna, call, 50, 422, movies=[]) == {"error": "a movie or an episode is missing"}


@pytest.mark.parametrize(
    "body",
    [
        {"episode": {"ids": {"tvdb": 818_102}}},
        {"episode": {"ids": {"imdb": "tt9118102"}}},
        {"show": {"title": "Dark", "year": 2017}, "episode": {"season": 1, "number": 2}},
        {"show": {"ids": {"tvdb": 334824}}, "episode": {"season": 1, "number": 2, "title": "?"}},
        {"show": {"ids": {"tvdb": 334824}}, "episode": {"number_abs": 2}},
        {"show": {"ids": {"tvdb": 334824}}, "episode": {"ids": {"tvdb": 3}, "season": 1, "number": 2}},
    ],
)
def test_an_episode_can_be_named_in_these_forms(anna: Caller, body: dict[str, Any]) -> None:
    answer = say(anna, "start", 10, **body)
    assert (answer["episode"]["ids"]["trakt"], answer["show"]["ids"]["trakt"]) == (118102, 118)


def test_a_stop_again_is_409_for_an_hour(anna: Caller) -> None:
    say(anna, "stop", 95)
    say(anna, "start", 90)
    for minutes in (1, 58):
        anna.later(minutes=minutes)
        assert say(anna, "stop", 95, 409) == {"watched_at": after(0), "expires_at": after(60)}
    assert (
        say(anna, "stop", 95, show={"ids": {"trakt": 118}}, episode={"season": 1, "number": 1})["action"] == "scrobble"
    )
    anna.later(minutes=1)
    again = say(anna, "stop", 95)
    assert again["action"] == "scrobble"
    assert len(anna.get("/sync/history/movies/345")) == 2


def test_a_409_leaves_the_one_play_and_ends_the_watching(anna: Caller) -> None:
    say(anna, "stop", 95)
    say(anna, "start", 90)
    say(anna, "stop", 95, 409)
    assert anna.state()["watching"] is None
    assert anna.state()["history"] == 1


def test_the_window_may_be_the_runtime(anna: Caller) -> None:
    anna.switch(duplicate_window="runtime")
    say(anna, "stop", 95)
    assert say(anna, "stop", 95, 409)["expires_at"] == after(170)


@pytest.mark.parametrize(("on", "status"), [(False, 201), (True, 409)])
def test_the_window_may_see_the_history(anna: Caller, on: bool, status: int) -> None:
    anna.switch(window_sees_history=on)
    anna.post("/sync/history", {"movies": [{"ids": {"tmdb": 949}}]})
    say(anna, "stop", 95, status)


def test_watching_lasts_for_the_rest_of_the_runtime(anna: Caller) -> None:
    say(anna, "start", 50)
    now = anna.get("/users/me/watching")
    assert (now["started_at"], now["expires_at"], now["action"], now["type"]) == (
        after(0),
        after(85),
        "scrobble",
        "movie",
    )
    assert now["movie"]["ids"]["trakt"] == 345
    anna.later(minutes=84)
    assert anna.send("GET", "/users/anna/watching").status_code == 200
    anna.later(minutes=1)
    assert anna.send("GET", "/users/anna/watching").status_code == 204
    assert anna.get("/sync/history") == []


def test_watching_that_runs_out_may_become_a_play(anna: Caller) -> None:
    anna.switch(play_on_expiry=True)
    say(anna, "start", 50)
    anna.later(hours=5)
    assert [row["watched_at"] for row in anna.get("/sync/history")] == [after(85)]


def test_only_one_thing_is_watched_at_a_time(anna: Caller) -> None:
    say(anna, "start", 10)
    say(anna, "start", 10, episode={"ids": {"trakt": 118101}})
    assert anna.get("/users/me/watching")["show"]["title"] == "Dark"
    assert anna.state()["watching"]["episode"] == 118101


@pytest.mark.parametrize("call", [("start", 10), ("stop", 95)])
def test_a_resume_point_goes_when_it_is_taken_up(anna: Caller, call: tuple[str, int]) -> None:
    say(anna, "pause", 40)
    say(anna, "stop", 41)
    assert [row["progress"] for row in anna.get("/sync/playback")] == [41]  # one for each title
    say(anna, *call)
    assert anna.get("/sync/playback") == []


def test_resume_points_are_read_by_type_and_time_and_deleted_by_id(anna: Caller) -> None:
    say(anna, "pause", 40)
    anna.later(hours=1)
    say(anna, "pause", 20, episode={"ids": {"trakt": 118101}})
    film, part = anna.get("/sync/playback/movies")[0], anna.get("/sync/playback/episodes")[0]
    assert [row["id"] for row in anna.get("/sync/playback")] == [part["id"], film["id"]]
    assert part["show"]["title"] == "Dark"
    assert anna.get(f"/sync/playback?start_at={after(30)}") == [part]
    assert anna.send("DELETE", f"/sync/playback/{film['id']}").status_code == 204
    anna.later(seconds=1)
    assert anna.send("DELETE", f"/sync/playback/{film['id']}").status_code == 404
    assert anna.get("/sync/playback") == [part]
    anna.later(days=181)
    anna.switch(token_life=10**9)
    token = {"Authorization": f"Bearer {renewed(anna)}"}
    assert anna.get("/sync/playback", headers=token) == []  # kept for half a year


def renewed(caller: Caller) -> str:
    """A fresh access token."""
    body = {"grant_type": "refresh_token", "redirect_uri": "urn:x"} | caller.signin["users"][caller.user]
    body |= {name: caller.signin[name] for name in ("client_id", "client_secret")}
    return str(caller.send("POST", "/oauth/token", body).json["access_token"])
