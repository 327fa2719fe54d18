"""Rule 11: which stamps move with which change, also on removals and by one's own writes."""

from typing import Any

import pytest

from tests.demo.trakt.conftest import Caller

FILM = {"movies": [{"ids": {"trakt": 345}}]}
PART = {"shows": [{"ids": {"trakt": 118}, "seasons": [{"number": 1, "episodes": [{"number": 1}]}]}]}
RATED = {"seasons": [{"ids": {"trakt": 1181}, "rating": 7}]}
SHOW = {"shows": [{"ids": {"trakt": 118}}]}
MOVES: list[tuple[str, dict[str, Any], set[str]]] = [
    ("/sync/history", FILM, {"movies.watched_at"}),
    ("/sync/history", PART, {"episodes.watched_at"}),
    ("/sync/ratings", {"movies": [{"ids": {"trakt": 345}, "rating": 7}]}, {"movies.rated_at"}),
    ("/sync/ratings", {"shows": [{"ids": {"trakt": 118}, "rating": 7}]}, {"shows.rated_at"}),
    ("/sync/ratings", RATED, {"seasons.rated_at"}),
    ("/sync/ratings", {"episodes": [{"ids": {"trakt": 118101}, "rating": 7}]}, {"episodes.rated_at"}),
    ("/sync/watchlist", FILM, {"movies.watchlisted_at", "watchlist.updated_at"}),
    ("/sync/watchlist", PART, {"episodes.watchlisted_at", "watchlist.updated_at"}),
    ("/sync/favorites", SHOW, {"shows.favorited_at", "favorites.updated_at"}),
    ("/sync/collection", FILM, {"movies.collected_at"}),
    ("/sync/collection", PART, {"episodes.collected_at"}),
    ("/users/hidden/calendar", FILM, {"movies.hidden_at"}),
    ("/users/hidden/dropped", SHOW, {"shows.dropped_at"}),
]


def stamps(caller: Caller) -> dict[str, str]:
    """All stamps by their path."""
    told = caller.get("/sync/last_activities")
    flat = {f"{group}.{name}": at for group, inner in told.items() if group != "all" for name, at in inner.items()}
    return flat | {"all": told["all"]}


def moved(caller: Caller, before: dict[str, str]) -> set[str]:
    """Which stamps are others than before."""
    return {name for name, at in stamps(caller).items() if before[name] != at}


@pytest.mark.parametrize(("url", "body", "names"), MOVES)
def test_adding_changing_and_removing_move_the_stamps(
    anna: Caller, url: str, body: dict[str, Any], names: set[str]
) -> None:
    before = stamps(anna)
    assert moved(anna, before) == set()
    anna.post(url, body)
    assert moved(anna, before) == names | {"all"}
    added = stamps(anna)
    anna.post(f"{url}/remove", body, 200)
    assert moved(anna, added) == names | {"all"}
    removed = stamps(anna)
    anna.post(f"{url}/remove", body, 200)  # nothing was there
    assert moved(anna, removed) == set()


@pytest.mark.parametrize(
    ("do", "said", "names"),
    [
        ("watch", FILM, {"movies.watched_at"}),
        ("rate", {"movies": [{"ids": {"trakt": 345}, "rating": 3}]}, {"movies.rated_at"}),
        ("list", FILM, {"movies.watchlisted_at", "watchlist.updated_at"}),
        ("favorite", FILM, {"movies.favorited_at", "favorites.updated_at"}),
        ("collect", FILM, {"movies.collected_at"}),
        ("create_list", {"name": "One"}, {"lists.updated_at"}),
        ("setting", {"watch_only_once": True}, {"account.settings_at"}),
    ],
)
def test_what_somebody_does_on_the_website_moves_them_too(
    anna: Caller, ben: Caller, do: str, said: dict[str, Any], names: set[str]
) -> None:
    before, others = stamps(anna), stamps(ben)
    anna.act(do, **said)
    assert moved(anna, before) == names | {"all"}
    assert moved(ben, others) == set()


def test_resume_points_move_theirs(anna: Caller) -> None:
    before = stamps(anna)
    anna.post("/scrobble/pause", {"progress": 40} | {"movie": FILM["movies"][0]})
    assert moved(anna, before) == {"movies.paused_at", "all"}
    paused = stamps(anna)
    anna.send("DELETE", f"/sync/playback/{anna.get('/sync/playback')[0]['id']}")
    assert moved(anna, paused) == {"movies.paused_at", "all"}


def test_two_changes_in_one_moment_are_two_stamps(anna: Caller) -> None:
    anna.act("rate", movies=[{"ids": {"trakt": 345}, "rating": 3}])
    before = stamps(anna)
    anna.act("rate", movies=[{"ids": {"trakt": 345}, "rating": 4}])
    assert moved(anna, before) == {"movies.rated_at", "all"}
