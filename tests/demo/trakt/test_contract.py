"""The checker of exchanges itself, and every route of the simulator against the contract."""

from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.routing import BuildError

from sidecar.demo.control import Control
from sidecar.demo.invent import invent
from sidecar.demo.trakt import make_app, signins
from tests.demo.trakt.conftest import Caller
from tests.demo.trakt.contract import Contract, Exchange

FILM = {"title": "Heat", "year": 1995, "ids": {"trakt": 345, "slug": "heat-1995", "tmdb": 949}}
T = "2026-01-31T20:15:00.000Z"
GOOD = [
    Exchange(
        "POST",
        "/scrobble/stop",
        "",
        {"progress": 92.5, "movie": {"ids": {"tmdb": 949}}},
        409,
        {"watched_at": T, "expires_at": T},
    ),
    Exchange(
        "GET",
        "/sync/history/movies",
        "",
        None,
        200,
        [{"id": 1 << 34, "watched_at": T, "action": "watch", "type": "movie", "movie": FILM}],
    ),
    Exchange("GET", "/users/me/history", "", None, 200, []),
    Exchange("GET", "/sync/watched/movies", "extended=min&page=1", None, 200, {"345": [T]}),
    Exchange("GET", "/search/tmdb/949", "", None, 200, [{"type": "movie", "score": None, "movie": FILM}]),
    Exchange("GET", "/sync/ratings", "", None, 200, []),
    Exchange("GET", "/sync/playback", "", None, 503, None),
    Exchange("DELETE", "/sync/playback/5", "", None, 204, None),
]
BAD = [
    (Exchange("GET", "/sync/histories", "", None, 200, []), "not in the contract"),
    (
        Exchange(
            "GET",
            "/sync/history",
            "",
            None,
            200,
            [{"id": 1.5, "watched_at": T, "action": "watch", "type": "movie", "movie": FILM}],
        ),
        "integer",
    ),
    (
        Exchange(
            "GET",
            "/sync/history",
            "",
            None,
            200,
            [{"id": 1, "watched_at": "soon", "action": "watch", "type": "movie", "movie": FILM}],
        ),
        "date-time",
    ),
    (
        Exchange(
            "GET",
            "/sync/history",
            "",
            None,
            200,
            [{"id": 1, "watched_at": T, "action": "watch", "type": "episode", "episode": {}}],
        ),
        "show",
    ),
    (Exchange("GET", "/users/me/history", "", None, 200, {}), "array"),
    (Exchange("GET", "/sync/watched/movies", "", None, 200, {"345": [T]}), "array"),
    (Exchange("GET", "/sync/watched/movies", "extended=min", None, 200, {"345": T}), "valid"),
    (
        Exchange(
            "POST",
            "/scrobble/start",
            "",
            {"progress": 101, "movie": FILM},
            201,
            {"id": 0, "action": "start", "progress": 1, "movie": FILM},
        ),
        "101",
    ),
    (
        Exchange(
            "POST",
            "/scrobble/start",
            "",
            {"progress": 1},
            201,
            {"id": 0, "action": "start", "progress": 1, "movie": FILM},
        ),
        "valid",
    ),
    (
        Exchange(
            "POST",
            "/scrobble/start",
            "",
            {"progress": 1, "movie": FILM},
            201,
            {"id": 0, "action": "stop", "progress": 1, "movie": FILM},
        ),
        "stop",
    ),
    (
        Exchange(
            "POST",
            "/sync/ratings",
            "",
            {"movies": [{"ids": {"trakt": 345}, "rating": 11}]},
            201,
            {"added": {}, "not_found": {}},
        ),
        "11",
    ),
    (
        Exchange(
            "POST",
            "/sync/collection",
            "",
            {"movies": [{"ids": {"trakt": 345}, "resolution": "4k"}]},
            201,
            {"added": {}, "not_found": {}},
        ),
        "4k",
    ),
    (Exchange("POST", "/sync/history", "", {"movies": 3}, 201, {"added": {}, "not_found": {}}), "3"),
    (Exchange("POST", "/oauth/device/token", "", {"code": "c"}, 200, {}), "client_id"),
    (Exchange("GET", "/sync/last_activities", "", None, 200, {"all": T}), "movies"),
    (Exchange("GET", "/sync/last_activities", "", None, 302, None), "302"),
]


@pytest.fixture(scope="session")
def checker(contracts: Path) -> Contract:
    """The contract; without its files these tests are skipped, in CI they fail."""
    return Contract(contracts)


@pytest.mark.parametrize("exchange", GOOD, ids=lambda e: e.path)
def test_a_good_exchange_has_no_problems(checker: Contract, exchange: Exchange) -> None:
    assert checker.problems(exchange) == []


@pytest.mark.parametrize(("exchange", "word"), BAD)
def test_a_bad_exchange_has_problems(checker: Contract, exchange: Exchange, word: str) -> None:
    problems = checker.problems(exchange)
    assert problems
    assert word in " ".join(problems)


def test_validators_are_compiled_once(checker: Contract) -> None:
    checker.problems(GOOD[1])
    before = checker.validator.cache_info()
    checker.problems(GOOD[1])
    after = checker.validator.cache_info()
    assert (after.misses, after.hits > before.hits) == (before.misses, True)


READS = """
/users/settings /users/settings?extended=browsing /users/me/watching /sync/last_activities /sync/history
/sync/history?extended=full /sync/history/movies/FILM /sync/history/shows/FIRST /sync/watched/movies
/sync/watched/shows /sync/watched/shows?extended=progress /sync/watched/movies?extended=min
/sync/watched/shows?extended=min&specials=true&season_numbers=true /sync/watched/episodes?extended=min
/users/anna/watched/movies /users/me/watched/shows?extended=min /users/me/watched/episodes?extended=min
/sync/watched/episodes /sync/ratings /sync/ratings/all /sync/ratings/movies /sync/ratings/episodes/8,9
/sync/ratings?extended=full /users/me/ratings/shows /sync/watchlist /sync/watchlist/movies/added/desc
/users/me/watchlist /sync/favorites /sync/favorites/shows/rank/asc /sync/collection/movies /sync/collection/shows
/sync/collection/episodes /sync/collection/media /sync/collection/shows?extended=metadata
/sync/collection/movies?extended=metadata /sync/collection/movies?extended=min /sync/collection/minimal/movies
/sync/collection/minimal/shows /sync/collection/minimal/episodes /users/me/collection/movies /sync/playback
/sync/playback/movies /sync/playback/episodes?extended=full /users/hidden/dropped /users/hidden/calendar?type=show
/users/me/lists /users/me/lists/one /users/me/lists/one/items /users/me/lists/one/items/movie/rank/asc
/movies/trending /shows/trending?extended=full /movies/popular /shows/popular /movies/anticipated /shows/anticipated
/movies/watched/weekly /shows/watched/weekly /movies/played/all /movies/collected /movies/favorited/monthly
/recommendations/movies?limit=5 /recommendations/shows?limit=5&extended=full /search/movie,show?query=the
/search/movie/exact?query=NAME /search/trakt/FILM?type=movie /shows/FIRST/seasons
/shows/FIRST/seasons?extended=full,episodes /shows/FIRST?extended=full
"""


def test_every_read_of_a_busy_user_is_as_the_contract_says(checker: Contract) -> None:
    catalogue, control = invent(300, 8, 3), Control("trakt")
    anna = Caller(make_app(catalogue, control), control, signins(catalogue), checker, "anna")
    films = [{"ids": {"trakt": film.ids.trakt}} for film in catalogue.movies]
    shows = [{"ids": {"trakt": show.ids.trakt}} for show in catalogue.shows]
    parts = [{"ids": {"trakt": part.ids.trakt}} for show in catalogue.shows for part in show.episodes]
    copy = {"media_type": "digital", "resolution": "hd_1080p", "3d": False}
    all_of_them: dict[str, Any] = {"movies": films[:40], "shows": shows[:5], "episodes": parts[:30]}
    rated = {kind: [each | {"rating": 1 + n % 10} for n, each in enumerate(rows)] for kind, rows in all_of_them.items()}
    owned = {kind: [each | copy for each in rows] for kind, rows in all_of_them.items()}
    for do, body in (
        ("watch", all_of_them),
        ("rate", rated),
        ("collect", owned),
        ("list", all_of_them),
        ("favorite", all_of_them),
    ):
        anna.act(do, **body)
    for section in ("dropped", "calendar"):
        anna.act("hide", section=section, shows=shows[:3])
    anna.act("create_list", name="One", **all_of_them)
    anna.post("/scrobble/pause", {"progress": 40, "movie": films[0]})
    anna.post("/scrobble/pause", {"progress": 40, "episode": parts[0]})
    named = next(film for film in catalogue.movies[1:] if film.title)
    anna.post("/scrobble/start", {"progress": 5, "movie": {"ids": {"trakt": named.ids.trakt}}})
    places = {
        "FIRST": catalogue.shows[0].ids.trakt,
        "FILM": catalogue.movies[0].ids.trakt,
        "NAME": quote(str(named.title)),
    }
    reads = READS
    for place, value in places.items():
        reads = reads.replace(place, str(value))
    for path in reads.split():
        assert anna.get(path), path
    for path in every_read(anna, catalogue.movies[0].ids.trakt, catalogue.shows[0].ids.trakt):
        assert anna.send("GET", path).status_code == 200, path


def every_read(caller: Caller, film: int, show: int) -> list[str]:
    """A path for each rule of the simulator that is read, filled with the first values that fit it."""
    values = {
        "who": ["me"],
        "by": ["added"],
        "how": ["desc"],
        "section": ["dropped"],
        "rating": ["8,9"],
        "period": ["weekly"],
    }
    values |= {"kind": ["movies", "movie"], "id_type": ["trakt"], "kinds": ["movie"]}
    paths, urls = [], caller.app.url_map.bind("127.0.0.1")
    for rule in caller.app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint == "static":
            continue
        places: dict[str, list[Any]] = values | {
            "id": [show if rule.rule.startswith("/shows") else film],
            "name": ["one"],
        }
        if "any(" in rule.rule.partition(":name")[0].rpartition("<")[2]:
            places["name"] = ["watchlist", "trending", "watched"]
        for filled in product(*[places[name] for name in sorted(rule.arguments)]):
            try:
                paths.append(urls.build(rule.endpoint, dict(zip(sorted(rule.arguments), filled, strict=True))))
            except (BuildError, ValueError):
                continue
            break
        else:
            pytest.fail(f"no values fit {rule.rule}")
    assert len(paths) > 50
    return paths
