"""Rules 6, 12 and 13: plays, watched state, minimal maps, and what is echoed as not found."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sidecar.demo.trakt.titles import iso
from tests.demo.trakt.conftest import NOON, Caller

HEAT = {"ids": {"trakt": 345}}
EVENING = "2026-01-31T20:15:42.123Z"
NOW = iso(int(NOON.timestamp() * 1000))


def dark(*numbers: tuple[int, int], **said: Any) -> dict[str, Any]:
    """Some episodes of Dark by number."""
    seasons = [{"number": s, "episodes": [{"number": n, **said} for t, n in numbers if t == s]} for s, _ in numbers]
    return {"ids": {"tvdb": 334824}, "seasons": [s for n, s in enumerate(seasons) if s not in seasons[:n]]}


def missing(**lists: Any) -> dict[str, Any]:
    """A not_found object."""
    return {"movies": [], "shows": [], "seasons": [], "episodes": []} | lists


def test_seconds_are_cut_off(anna: Caller) -> None:
    anna.post("/sync/history", {"movies": [HEAT | {"watched_at": EVENING}]})
    assert [row["watched_at"] for row in anna.get("/sync/history")] == ["2026-01-31T20:15:00.000Z"]


def test_nothing_is_deduplicated_and_ids_need_more_than_32_bits(anna: Caller) -> None:
    for _ in range(3):
        added = anna.post("/sync/history", {"movies": [HEAT | {"watched_at": EVENING}]})
        assert added == {
            "added": {"movies": 1, "episodes": 0},
            "updated": {"movies": 0, "episodes": 0},
            "not_found": missing(),
        }
    ids = [row["id"] for row in anna.get("/sync/history/movies")]
    assert len(set(ids)) == 3
    assert min(ids) > 1 << 33


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ({"watched_at": "2026-01-31T21:15:00+01:00"}, "2026-01-31T20:15:00.000Z"),
        ({"watched_at": "2026-01-31"}, "2026-01-31T00:00:00.000Z"),
        ({"watched_at": "released"}, "1995-12-15T00:00:00.000Z"),
        ({"watched_at": "unknown"}, "1970-01-01T00:00:00.000Z"),
        ({"watched_at": 1769890500}, NOW),
        ({}, NOW),
    ],
)
def test_watched_at_means(anna: Caller, said: dict[str, Any], stored: str) -> None:
    anna.contract = None  # numbers and dates are what careless clients send
    anna.post("/sync/history", {"movies": [HEAT | said]})
    assert anna.get("/sync/history")[0]["watched_at"] == stored


@pytest.mark.parametrize(
    ("body", "episodes"),
    [
        ({"shows": [{"ids": {"trakt": 118}}]}, 6),  # a bare show is all of it
        ({"shows": [{"ids": {"trakt": 118}, "seasons": [{"number": 1}]}]}, 3),
        ({"seasons": [{"ids": {"tmdb": 41182}}]}, 2),
        ({"shows": [{"title": "Dark", "year": 2017, "seasons": [{"number": 2, "episodes": [{"number": 1}]}]}]}, 1),
        ({"episodes": [{"ids": {"imdb": "tt9118102"}}, {"ids": {"tvdb": 818103}}, {"ids": {"tmdb": 618101}}]}, 3),
    ],
)
def test_what_a_body_marks(anna: Caller, body: dict[str, Any], episodes: int) -> None:
    assert anna.post("/sync/history", body)["added"]["episodes"] == episodes
    assert len(anna.get("/sync/history/shows/118")) == episodes


@pytest.mark.parametrize(
    ("ids", "hit"),
    [
        ({"trakt": 345, "imdb": "tt0001000"}, 345),
        ({"imdb": "tt0001000", "tmdb": 949}, 1000),  # the one that stands earlier wins, also when it is wrong
        ({"trakt": 999, "imdb": "tt0113277"}, 345),  # what leads nowhere is passed by
        ({"tmdb": 949, "slug": "film-1000"}, 345),
        ({"slug": "film-1000"}, 1000),
        ({"trakt": None, "imdb": "", "tmdb": 949}, 345),
    ],
)
def test_ids_are_tried_in_order(anna: Caller, ids: dict[str, Any], hit: int) -> None:
    anna.post("/sync/history", {"movies": [{"ids": ids}]})
    assert anna.get("/sync/history")[0]["movie"]["ids"]["trakt"] == hit


def test_what_was_not_found_comes_back_as_it_was_sent(anna: Caller) -> None:
    stranger = {"ids": {"tmdb": 31337}, "title": "Nobody", "watched_at": EVENING}
    show = {"ids": {"tvdb": 31337}, "seasons": [{"number": 1, "episodes": [{"number": n} for n in (1, 2, 3)]}]}
    body = {
        "movies": [stranger, HEAT],
        "shows": [show],
        "seasons": [{"ids": {"trakt": 3}}],
        "episodes": [{"ids": {"tvdb": 3}}],
    }
    answer = anna.post("/sync/history", body)
    assert answer["added"] == {"movies": 1, "episodes": 0}
    assert answer["not_found"] == missing(
        movies=[stranger], shows=[show], seasons=[{"ids": {"trakt": 3}}], episodes=[{"ids": {"tvdb": 3}}]
    )


def test_unknown_numbers_in_a_known_show_are_dropped_silently(anna: Caller) -> None:
    answer = anna.post("/sync/history", {"shows": [dark((1, 1), (1, 99), (7, 1))]})
    assert (answer["added"]["episodes"], answer["not_found"]) == (1, missing())


def test_plays_are_removed_by_id_or_all_of_a_title(anna: Caller) -> None:
    for minute in (1, 2, 3):
        anna.post("/sync/history", {"movies": [HEAT | {"watched_at": f"2026-01-31T20:0{minute}:00Z"}]})
    newest = anna.get("/sync/history")[0]["id"]
    answer = anna.post("/sync/history/remove", {"ids": [newest, 77]}, 200)
    assert answer == {"deleted": {"movies": 1, "episodes": 0}, "not_found": missing(ids=[77])}
    assert [row["watched_at"][14:16] for row in anna.get("/sync/history")] == ["02", "01"]
    assert anna.post("/sync/history/remove", {"movies": [HEAT]}, 200)["deleted"]["movies"] == 2
    assert anna.get("/sync/history") == []
    assert anna.get("/sync/watched/movies") == []


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", [345, 118201, 118102, 118101]),
        ("/all", [345, 118201, 118102, 118101]),
        ("/movies", [345]),
        ("/movies/345", [345]),
        ("/movies/1000", []),
        ("/shows/118", [118201, 118102, 118101]),
        ("/seasons/1181", [118102, 118101]),
        ("/episodes/118201", [118201]),
        ("/episodes", [118201, 118102, 118101]),
        ("?start_at=2026-01-01T00:01:00Z&end_at=2026-01-01T00:02:00Z", [118201, 118102]),
        ("/shows/118?start_at=2026-01-01T00:01:00Z", [118201, 118102]),
        ("?start_at=2026-01-02", []),
    ],
)
def test_history_is_read_by_type_id_and_time_watched(anna: Caller, path: str, found: list[int]) -> None:
    shows = [
        dark((s, n), watched_at=f"2026-01-01T00:0{minute}:00Z")
        for minute, (s, n) in enumerate([(1, 1), (1, 2), (2, 1)])
    ]
    anna.post("/sync/history", {"shows": shows, "movies": [HEAT | {"watched_at": "2026-01-01T00:03:00Z"}]})
    for base in ("/sync/history", "/users/me/history", "/users/anna/history"):
        rows = anna.get(base + path)
        assert [row[row["type"]]["ids"]["trakt"] for row in rows] == found
    assert all("show" in row for row in rows if row["type"] == "episode")


def test_what_is_for_official_apps_is_403(anna: Caller) -> None:
    assert anna.send("GET", "/sync/history?sync_id=5").status_code == 403


def test_an_unknown_id_is_404(anna: Caller) -> None:
    assert anna.send("GET", "/sync/history/movies/31337").status_code == 404


def test_watched_rows_sum_up_and_seasons_come_only_with_progress(anna: Caller) -> None:
    anna.post("/sync/history", {"shows": [dark((1, 1), (0, 1), watched_at="2026-01-01T00:00:00Z")]})
    anna.post("/sync/history", {"shows": [dark((1, 1), watched_at="2026-02-01T00:00:00Z")]})
    (row,) = anna.get("/sync/watched/shows")
    assert (row["plays"], row["last_watched_at"], row["reset_at"]) == (3, "2026-02-01T00:00:00.000Z", None)
    assert row["show"]["aired_episodes"] == 5
    assert "seasons" not in row
    (row,) = anna.get("/sync/watched/shows?extended=progress")
    assert row["seasons"] == [
        {"number": 0, "episodes": [{"number": 1, "plays": 1, "last_watched_at": "2026-01-01T00:00:00.000Z"}]},
        {"number": 1, "episodes": [{"number": 1, "plays": 2, "last_watched_at": "2026-02-01T00:00:00.000Z"}]},
    ]


def test_only_what_was_out_counts_as_aired(anna: Caller) -> None:
    anna.control.clock.set(datetime(2019, 1, 2, 12, tzinfo=UTC))
    anna.post("/sync/history", {"shows": [dark((1, 1))]})
    assert anna.get("/sync/watched/shows")[0]["show"]["aired_episodes"] == 2  # the first of each season


def test_the_last_watched_comes_first(anna: Caller) -> None:
    for n, day in ((1000, 2), (1001, 3), (1002, 1)):
        anna.post("/sync/history", {"movies": [{"ids": {"trakt": n}, "watched_at": f"2026-01-0{day}T00:00:00Z"}]})
    rows = anna.get("/sync/watched/movies")
    assert [row["movie"]["ids"]["trakt"] for row in rows] == [1001, 1000, 1002]


def test_last_updated_at_does_not_move_on_removals(anna: Caller) -> None:
    anna.post("/sync/history", {"movies": [HEAT | {"watched_at": "2026-01-01T00:00:00Z"}]})
    anna.later(hours=1)
    anna.post("/sync/history", {"movies": [HEAT | {"watched_at": "2026-01-02T00:00:00Z"}]})
    before = anna.get("/sync/watched/movies")[0]
    assert before["last_updated_at"] == iso(int((NOON + timedelta(hours=1, seconds=1)).timestamp() * 1000))
    anna.later(hours=1)
    anna.post("/sync/history/remove", {"ids": [anna.get("/sync/history")[0]["id"]]}, 200)
    after = anna.get("/sync/watched/movies")[0]
    assert (after["plays"], after["last_watched_at"]) == (1, "2026-01-01T00:00:00.000Z")
    assert after["last_updated_at"] == before["last_updated_at"]


AT = "2026-01-01T00:00:00.000Z"
MINIMAL = [
    ("movies?", {"345": [AT, AT]}),
    ("shows?", {"118": {"1181": {"118101": [AT]}}}),
    ("shows?season_numbers=true&", {"118": {"1181|1": {"118101": [AT]}}}),
    ("shows?specials=true&season_numbers=true&", {"118": {"1180|0": {"118001": [AT]}, "1181|1": {"118101": [AT]}}}),
    ("episodes?", {"118101": [AT]}),
    ("episodes?specials=true&", {"118101": [AT], "118001": [AT]}),
    ("movies?start_at=2026-01-02&", {}),
    ("shows?end_at=2025-12-31&", {}),
    ("movies?start_at=2025-12-31&end_at=2026-01-02&", {"345": [AT, AT]}),
]


@pytest.mark.parametrize(("path", "told"), MINIMAL)
@pytest.mark.parametrize("base", ["/sync", "/users/me", "/users/anna"])
def test_minimal_maps(anna: Caller, base: str, path: str, told: dict[str, Any]) -> None:
    films = [HEAT | {"watched_at": AT}, HEAT | {"watched_at": AT}]
    anna.post("/sync/history", {"movies": films, "shows": [dark((1, 1), (0, 1), watched_at=AT)]})
    assert anna.get(f"{base}/watched/{path}extended=min") == told
    assert anna.get(f"{base}/watched/{path}extended=min") == told  # as kept from the first time
    anna.post("/sync/history/remove", {"movies": [HEAT], "shows": [{"ids": {"trakt": 118}}]}, 200)
    assert anna.get(f"{base}/watched/{path}extended=min") == {}


def test_minimal_maps_may_name_episodes_by_number(anna: Caller) -> None:
    anna.switch(min_keys="numbers")
    anna.post("/sync/history", {"shows": [dark((1, 2), watched_at=AT)]})
    assert anna.get("/sync/watched/shows?extended=min&season_numbers=true") == {"118": {"1181|1": {"2": [AT]}}}


def test_titles_and_ids_may_be_null(anna: Caller) -> None:
    anna.post("/sync/history", {"movies": [{"ids": {"trakt": 346}}], "shows": [{"ids": {"tmdb": 949}}]})
    rows = {row["type"]: row for row in anna.get("/sync/history")}
    film = rows["movie"]["movie"]
    assert (film["title"], film["year"]) == (None, None)
    assert film["ids"] == {"trakt": 346, "slug": None, "imdb": None, "tmdb": None}
    assert rows["episode"]["show"]["title"] is None
    assert "plex" not in film["ids"]
    assert anna.get("/movies/345")["ids"]["plex"] == {"guid": "5d77", "slug": None}  # keys nobody asked for


@pytest.mark.parametrize("on", [True, False])
def test_only_once_may_be_enforced(anna: Caller, on: bool) -> None:
    anna.switch(only_once_enforced=on)
    anna.act("setting", watch_only_once=True)
    assert anna.get("/users/settings?extended=browsing")["browsing"]["watch_only_once"] is True
    for _ in range(2):
        anna.post("/sync/history", {"movies": [HEAT]})
    assert len(anna.get("/sync/history")) == (1 if on else 2)


def test_sums_stay_right_when_much_changes_at_once(anna: Caller) -> None:
    anna.act("seed_history", count=1000, minutes_apart=7)
    films = {
        row["movie"]["ids"]["trakt"]: row
        for n in (1, 2)
        for row in anna.get(f"/sync/watched/movies?limit=250&page={n}")
    }
    rows = [row for n in range(1, 6) for row in anna.get(f"/sync/history/movies?limit=250&page={n}")]
    for trakt, film in films.items():
        plays = [row["watched_at"] for row in rows if row["movie"]["ids"]["trakt"] == trakt]
        assert (film["plays"], film["last_watched_at"]) == (len(plays), max(plays))
    assert len(films) == 302
    anna.post("/sync/history/remove", {"ids": [row["id"] for row in rows[::2]]}, 200)
    left = {row["id"] for n in range(1, 4) for row in anna.get(f"/sync/history/movies?limit=250&page={n}")}
    assert left == {row["id"] for row in rows[1::2]}
