"""Search, summaries, seasons, charts and recommendations."""

from typing import Any

import pytest

from tests.demo.trakt.conftest import Caller


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("trakt/345?type=movie", [("movie", 345)]),
        ("imdb/tt0113277", [("movie", 345)]),
        ("imdb/tt5753856?type=movie", [("show", 118)]),  # imdb does not look at the type
        ("tmdb/949", [("movie", 345), ("show", 119)]),  # the same number means two things
        ("tmdb/949?type=movie", [("movie", 345)]),
        ("tmdb/949?type=show,episode", [("show", 119)]),
        ("tvdb/334824?type=show", [("show", 118)]),
        ("tvdb/818101?type=episode", [("episode", 118101)]),
        ("tmdb/618101?type=episode", [("episode", 118101)]),
        ("imdb/tt9118101", []),
        ("tmdb/41181?type=season", []),
        ("tvdb/949?type=movie", []),
        ("tmdb/31337?type=movie", []),
    ],
)
def test_search_by_id(anna: Caller, path: str, found: list[tuple[str, int]]) -> None:
    hits = anna.get(f"/search/{path}")
    assert [(hit["type"], hit[hit["type"]]["ids"]["trakt"]) for hit in hits] == found
    assert all(hit["score"] is None and ("show" in hit or hit["type"] == "movie") for hit in hits)


def test_looking_up_episodes_by_imdb_may_work(anna: Caller) -> None:
    anna.switch(search_gaps=False)
    assert [hit["type"] for hit in anna.get("/search/imdb/tt9118101")] == ["episode"]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("movie?query=heat", ["Heat"]),
        ("show?query=DARK", ["Dark"]),
        ("movie,show?query=dark%20heat", ["Heat", "Dark"]),
        ("movie?query=heat&years=1994-1996", ["Heat"]),
        ("movie?query=heat&years=2001", []),
        ("movie?query=heat&genres=drama", []),
        ("movie?query=nothing", []),
        ("movie?query=film%201000&limit=1", ["Film 1000"]),
        ("movie/exact?query=film%201000", ["Film 1000"]),
        ("movie/exact?query=film", []),
        ("show/exact?query=dark", ["Dark"]),
    ],
)
def test_search_by_words(anna: Caller, path: str, names: list[str]) -> None:
    hits = anna.get(f"/search/{path}")
    assert [hit[hit["type"]]["title"] for hit in hits] == names
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)


def test_search_has_pages_of_fifty(anna: Caller) -> None:
    assert len(anna.get("/search/movie?query=film")) == 50
    assert anna.send("GET", "/search/movie?query=film").headers["X-Pagination-Item-Count"] == "300"


@pytest.mark.parametrize("id", ["118", "dark", "tt5753856"])
def test_a_show_by_number_slug_or_imdb(anna: Caller, id: str) -> None:
    assert anna.get(f"/shows/{id}")["title"] == "Dark"
    assert [season["number"] for season in anna.get(f"/shows/{id}/seasons")] == [0, 1, 2]
    seasons = anna.get(f"/shows/{id}/seasons?extended=episodes")
    assert [[e["ids"]["trakt"] for e in s["episodes"]] for s in seasons] == [
        [118001],
        [118101, 118102, 118103],
        [118201, 118202],
    ]


def test_a_pure_number_is_never_a_tmdb_id(anna: Caller) -> None:
    for path in ("/movies/949", "/shows/334824", "/shows/nobody/seasons"):
        assert anna.send("GET", path).status_code == 404


def test_full_says_more(anna: Caller) -> None:
    assert anna.get("/movies/heat-1995?extended=full")["runtime"] == 170
    show = anna.get("/shows/dark?extended=full")
    assert (show["genres"], show["first_aired"]) == (["drama"], "2019-01-01T20:00:00.000Z")
    seasons = anna.get("/shows/dark/seasons?extended=full,episodes")
    assert seasons[1]["episodes"][1]["first_aired"] == "2019-01-02T20:00:00.000Z"
    assert "runtime" not in anna.get("/movies/345")


CHARTS = [
    ("trending", {"watchers"}),
    ("anticipated", {"list_count"}),
    ("favorited", {"user_count"}),
    ("favorited/weekly", {"user_count"}),
    ("watched", {"watcher_count", "play_count", "collected_count"}),
    ("played/monthly", {"watcher_count", "play_count", "collected_count"}),
    ("collected/all", {"watcher_count", "play_count", "collected_count"}),
]


@pytest.mark.parametrize("kind", ["movies", "shows"])
@pytest.mark.parametrize(("name", "counts"), CHARTS)
def test_charts(anna: Caller, kind: str, name: str, counts: set[str]) -> None:
    rows = anna.get(f"/{kind}/{name}?limit=20")
    assert len(rows) == (20 if kind == "movies" else 2)
    extra = {"collector_count"} if kind == "shows" and len(counts) > 1 else set()
    assert all(set(row) == counts | extra | {kind[:-1]} for row in rows)


def test_popular_is_a_list_of_bare_titles_with_filters(anna: Caller) -> None:
    assert all("ids" in row for row in anna.get("/movies/popular?limit=250"))
    assert [row["title"] for row in anna.get("/movies/popular?genres=crime")] == ["Heat"]
    assert [row["title"] for row in anna.get("/movies/popular?years=1995&genres=crime,comedy")] == ["Heat"]
    assert anna.get("/shows/popular?years=1950-1960") == []


def recommended(caller: Caller, query: str = "limit=100") -> list[Any]:
    """The ids of recommended films."""
    return [row["ids"]["trakt"] for row in caller.get(f"/recommendations/movies?{query}")]


def test_recommendations_leave_out_what_is_watched_dismissed_or_wanted(anna: Caller) -> None:
    first = recommended(anna)
    assert (len(first), len(recommended(anna, "limit=1000")), len(recommended(anna, "limit=none"))) == (100, 100, 10)
    watched, dismissed, listed, owned = first[:4]
    anna.act("watch", movies=[{"ids": {"trakt": watched}}])
    anna.act("list", movies=[{"ids": {"trakt": listed}}])
    anna.act("collect", movies=[{"ids": {"trakt": owned}}])
    assert anna.send("DELETE", f"/recommendations/movies/{dismissed}").status_code == 204
    assert recommended(anna)[:2] == [listed, owned]
    assert recommended(anna, "limit=2&ignore_watchlisted=true&ignore_collected=true") == [owned, first[4]]  # no effect


def test_what_is_unknown_is_logged_as_unhandled(anna: Caller) -> None:
    headers = {name: text for name, text in anna.headers.items() if text}
    for method, path, status in (("GET", "/calendars/my/shows", 404), ("PATCH", "/sync/history", 405)):
        answer = anna.app.test_client().open(path, method=method, headers=headers)
        assert (answer.status_code, answer.mimetype) == (status, "application/json")
        assert anna.control.log.pop()["unhandled"]
