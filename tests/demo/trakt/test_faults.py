"""Rule 10: writes that fail before or after they were carried out, lost answers, and slow ones."""

import threading
from typing import Any

import pytest

from tests.demo.trakt.conftest import Caller

FILM, RATED = {"ids": {"trakt": 345}}, {"ids": {"trakt": 345}, "rating": 8}
WRITES: list[tuple[str, str, Any, str]] = [  # method, url, body, what it changes
    ("POST", "/sync/history", {"movies": [FILM]}, "history"),
    ("POST", "/sync/history/remove", {"shows": [{"ids": {"trakt": 118}}]}, "history"),
    ("POST", "/sync/ratings", {"movies": [RATED]}, "ratings"),
    ("POST", "/sync/ratings/remove", {"shows": [{"ids": {"trakt": 118}}]}, "ratings"),
    ("POST", "/sync/watchlist", {"movies": [FILM]}, "watchlist"),
    ("POST", "/sync/watchlist/remove", {"shows": [{"ids": {"trakt": 119}}]}, "watchlist"),
    ("POST", "/sync/favorites", {"movies": [FILM]}, "favorites"),
    ("POST", "/sync/favorites/remove", {"shows": [{"ids": {"trakt": 118}}]}, "favorites"),
    ("POST", "/sync/collection", {"movies": [FILM]}, "collection"),
    ("POST", "/sync/collection/remove", {"shows": [{"ids": {"trakt": 118}}]}, "collection"),
    ("POST", "/users/hidden/dropped", {"shows": [{"ids": {"trakt": 118}}]}, "hidden dropped"),
    ("POST", "/users/hidden/calendar/remove", {"shows": [{"ids": {"trakt": 118}}]}, "hidden calendar"),
    ("POST", "/scrobble/start", {"progress": 1, "movie": FILM}, "watching"),
    ("POST", "/scrobble/pause", {"progress": 50, "movie": FILM}, "playback"),
    ("POST", "/scrobble/stop", {"progress": 95, "movie": FILM}, "history"),
]


@pytest.fixture
def busy(anna: Caller) -> Caller:
    """Anna with something on every shelf."""
    show = {"shows": [{"ids": {"trakt": 118}, "rating": 5}]}
    for do in ("watch", "rate", "favorite", "collect"):
        anna.act(do, **show)
    anna.act("list", shows=[{"ids": {"trakt": 119}}])
    anna.act("hide", section="calendar", **show)
    return anna


@pytest.mark.parametrize(
    ("when", "status", "body"), [("before", 503, "html"), ("after", 502, "json"), ("after", 520, "html")]
)
@pytest.mark.parametrize(("method", "url", "said", "changes"), WRITES)
def test_a_write_fails_before_or_after_it_was_carried_out(
    busy: Caller, *, method: str, url: str, said: Any, changes: str, when: str, status: int, body: str
) -> None:
    before = busy.state().get(changes)
    busy.fault("status", status=status, when=when, body=body, path=f"^{url}$")
    assert busy.send(method, url, said).status_code == status
    assert (busy.state().get(changes) != before) is (when == "after")


OTHERS: list[tuple[str, str, Any, str]] = [  # method, url, body, where it shows
    ("POST", "/users/me/lists", {"name": "Two"}, "/users/me/lists"),
    ("POST", "/users/me/lists/one/items", {"movies": [FILM]}, "/users/me/lists/one/items"),
    ("POST", "/users/me/lists/one/items/remove", {"shows": [{"ids": {"trakt": 118}}]}, "/users/me/lists/one/items"),
    ("POST", "/sync/favorites/reorder", {"rank": ["FAVORITE"]}, "/sync/favorites"),
    ("PUT", "/sync/favorites/FAVORITE", {"notes": "Yes"}, "/sync/favorites"),
    ("DELETE", "/sync/playback/POINT", None, "/sync/playback"),
    ("DELETE", "/recommendations/shows/119", None, "/recommendations/shows?limit=10"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("method", "url", "said", "shows"), OTHERS)
def test_every_other_write_does_so_too(
    busy: Caller, *, method: str, url: str, said: Any, shows: str, when: str
) -> None:
    busy.act("favorite", movies=[FILM])
    busy.act("create_list", name="One", shows=[{"ids": {"trakt": 118}}])
    busy.post("/scrobble/pause", {"progress": 40, "movie": FILM})
    favorite, point = busy.get("/sync/favorites")[1]["id"], busy.get("/sync/playback")[0]["id"]
    url = url.replace("FAVORITE", str(favorite)).replace("POINT", str(point))
    said = {"rank": [favorite]} if said and "rank" in said else said
    before = busy.get(shows)
    busy.fault("status", status=503, when=when, method=method)
    assert busy.send(method, url, said).status_code == 503
    assert (busy.get(shows) != before) is (when == "after")


def test_a_stop_again_after_a_lost_answer_is_409(anna: Caller) -> None:
    anna.fault("status", status=504, when="after", path="stop$")
    body = {"progress": 95, "movie": FILM}
    assert anna.send("POST", "/scrobble/stop", body).status_code == 504
    anna.later(seconds=1)
    assert anna.send("POST", "/scrobble/stop", body).status_code == 409
    assert anna.state()["history"] == 1


def test_a_blind_repeat_of_history_is_a_second_play(anna: Caller) -> None:
    anna.fault("status", status=504, when="after", path="history$")
    for _ in range(2):
        anna.send("POST", "/sync/history", {"movies": [FILM]})
        anna.later(seconds=1)
    assert anna.state()["history"] == 2


class Recorder(threading.Event):
    """An event that remembers how long it was waited for, and does not wait."""

    waited: float | None = None

    def wait(self, timeout: float | None = None) -> bool:
        """No waiting."""
        self.waited = timeout
        return True


@pytest.mark.parametrize(
    ("url", "body", "items"),
    [
        ("/sync/ratings", {"movies": [RATED] * 800}, 800),
        ("/sync/history", {"movies": [FILM, FILM], "episodes": [{"ids": {"trakt": 118101}}]}, 3),
        (
            "/sync/history",
            {
                "shows": [
                    {"ids": {"trakt": 118}, "seasons": [{"number": 1, "episodes": [{"number": 1}, {"number": 2}]}]}
                ]
            },
            2,
        ),
        ("/sync/history/remove", {"shows": [{"ids": {"trakt": 118}}]}, 1),
    ],
)
def test_answers_are_as_slow_as_the_body_is_long(
    anna: Caller, monkeypatch: pytest.MonkeyPatch, url: str, body: Any, items: int
) -> None:
    recorder = Recorder()
    monkeypatch.setattr(anna.control.faults, "release", recorder)
    anna.send("POST", url, body)
    assert recorder.waited is None
    anna.later(seconds=1)
    anna.switch(seconds_per_item=0.055)
    anna.send("POST", url, body)
    assert recorder.waited == pytest.approx(items * 0.055)
    anna.get("/sync/history")
    assert recorder.waited == pytest.approx(items * 0.055)


def test_a_slow_write_holds_up_nobody_else(anna: Caller, ben: Caller) -> None:
    anna.switch(seconds_per_item=50.0)
    statuses: list[int] = []
    slow = threading.Thread(
        target=lambda: statuses.append(anna.send("POST", "/sync/history", {"movies": [FILM]}).status_code)
    )
    slow.start()
    try:
        assert ben.get("/sync/history") == []
        assert statuses == []
    finally:
        anna.send("POST", "/_control/faults", {"clear": True})
        slow.join(10)
    assert statuses == [201]
