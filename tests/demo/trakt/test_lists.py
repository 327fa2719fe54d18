"""Rules 8, 9 and 10: ratings, watchlist, favorites, lists, collection and hidden titles with their limits."""

from typing import Any

import pytest

from tests.demo.trakt.conftest import Caller

HEAT, DARK = {"ids": {"trakt": 345}}, {"ids": {"trakt": 118}}
ONE = {"ids": {"trakt": 118}, "seasons": [{"number": 1, "episodes": [{"number": 1}]}]}
NONE: dict[str, Any] = {"movies": [], "shows": [], "seasons": [], "episodes": []}


def films(*numbers: int) -> dict[str, Any]:
    """A body of films."""
    return {"movies": [{"ids": {"trakt": n}} for n in numbers]}


def zero(**counts: int) -> dict[str, int]:
    """Counts of four kinds."""
    return {"movies": 0, "shows": 0, "seasons": 0, "episodes": 0} | counts


def test_a_rating_takes_the_place_of_the_former(anna: Caller) -> None:
    for rating in (8, 9):
        answer = anna.post("/sync/ratings", {"movies": [HEAT | {"rating": rating, "rated_at": "2026-01-31T20:15:10Z"}]})
        assert answer == {"added": zero(movies=1), "not_found": NONE}
    (row,) = anna.get("/sync/ratings/movies")
    assert (row["rating"], row["rated_at"], row["type"]) == (9, "2026-01-31T20:15:10.000Z", "movie")


def test_ratings_have_four_types_and_nest(anna: Caller) -> None:
    episodes = [{"number": 1, "rating": 7}, {"number": 2, "rating": 6}, {"number": 99, "rating": 5}]
    show = DARK | {
        "rating": 9,
        "seasons": [{"number": 1, "rating": 8, "episodes": episodes}, {"number": 2, "rating": 5}],
    }
    body = {"movies": [HEAT | {"rating": 10}], "shows": [show], "episodes": [{"ids": {"trakt": 118201}, "rating": 4}]}
    assert anna.post("/sync/ratings", body)["added"] == zero(movies=1, shows=1, seasons=2, episodes=3)
    for path, values in {
        "": {10, 9, 8, 7, 6, 5, 4},
        "/all": {10, 9, 8, 7, 6, 5, 4},
        "/shows": {9},
        "/seasons": {8, 5},
        "/episodes": {7, 6, 4},
        "/all/4,10": {4, 10},
        "/episodes/7": {7},
        "/movies/1": set(),
    }.items():
        for base in ("/sync/ratings", "/users/anna/ratings"):
            assert {row["rating"] for row in anna.get(base + path)} == values
    removed = anna.post("/sync/ratings/remove", {"shows": [DARK], "seasons": [{"ids": {"trakt": 1181}}]}, 200)
    assert removed == {"deleted": zero(shows=1, seasons=1), "not_found": NONE}
    assert len(anna.get("/sync/ratings")) == 5


@pytest.mark.parametrize("rating", [0, 11, 7.5, "8", None, True])
def test_a_bad_rating_is_422_and_nothing_of_the_batch_is_stored(anna: Caller, rating: Any) -> None:
    anna.post("/sync/ratings", {"movies": [HEAT | {"rating": 5}, {"ids": {"trakt": 1000}, "rating": rating}]}, 422)
    assert anna.get("/sync/ratings") == []


@pytest.mark.parametrize(("mode", "plays"), [(None, []), ("now", [None]), ("released", ["1995-12-15T00:00:00.000Z"])])
def test_rating_may_mark_as_watched(anna: Caller, mode: str | None, plays: list[str | None]) -> None:
    anna.act("setting", watch_after_rating=mode)
    for rating in (8, 9):
        anna.post("/sync/ratings", {"movies": [HEAT | {"rating": rating}], "shows": [DARK | {"rating": 3}]})
    rows = anna.get("/sync/history")
    assert len(rows) == len(plays)  # once, and not for shows
    assert all(at in (None, row["watched_at"]) for at, row in zip(plays, rows, strict=True))


def test_the_watchlist_keeps_each_title_once(anna: Caller) -> None:
    body = {"movies": [HEAT, {"ids": {"tmdb": 31337}}], "shows": [DARK], "seasons": [{"ids": {"trakt": 1181}}]}
    answer = anna.post("/sync/watchlist", body)
    assert (answer["added"], answer["existing"]) == (zero(movies=1, shows=1, seasons=1), zero())
    assert (answer["not_found"], answer["list"]["item_count"]) == (NONE | {"movies": [{"ids": {"tmdb": 31337}}]}, 3)
    again = anna.post("/sync/watchlist", body | {"shows": [ONE]})
    assert (again["added"], again["existing"]) == (zero(episodes=1), zero(movies=1, seasons=1))
    rows = anna.get("/sync/watchlist")
    assert [(row["rank"], row["type"]) for row in rows] == [(1, "movie"), (2, "show"), (3, "season"), (4, "episode")]
    gone = anna.post("/sync/watchlist/remove", {"shows": [DARK], "movies": [HEAT, {"ids": {"trakt": 1000}}]}, 200)
    assert (gone["deleted"], gone["list"]["item_count"]) == (zero(movies=1, shows=1), 2)
    assert [row["rank"] for row in anna.get("/sync/watchlist")] == [1, 2]


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("", [1000, 345, 118]),
        ("/all", [1000, 345, 118]),
        ("/movies", [1000, 345]),
        ("/movie,show", [1000, 345, 118]),
        ("/shows", [118]),
        ("/all/rank/desc", [118, 345, 1000]),
        ("/all/title/asc", [118, 1000, 345]),
        ("/all/added/desc", [118, 345, 1000]),
        ("/all/released/asc", [1000, 345, 118]),
        ("/movies/runtime/desc", [345, 1000]),
    ],
)
def test_a_list_is_read_by_type_in_any_order(anna: Caller, path: str, order: list[int]) -> None:
    for body in (films(1000), films(345), {"shows": [DARK]}):
        anna.post("/sync/watchlist", body)
    for base in ("/sync/watchlist", "/users/me/watchlist"):
        answer = anna.send("GET", base + path)
        assert [row[row["type"]]["ids"]["trakt"] for row in answer.json] == order
    by, how = [*path.split("/")[2:], "rank", "asc"][:2] if path.count("/") > 1 else ("rank", "asc")
    assert (answer.headers["X-Applied-Sort-By"], answer.headers["X-Applied-Sort-How"]) == (by, how)


@pytest.mark.parametrize("name", ["watchlist", "favorites"])
def test_a_list_is_reordered_and_has_notes(anna: Caller, name: str) -> None:
    anna.post(f"/sync/{name}", films(1000, 1001, 1002))
    first, second, third = (row["id"] for row in anna.get(f"/sync/{name}"))
    answer = anna.post(f"/sync/{name}/reorder", {"rank": [third, 77, first]}, 200)
    assert answer == {"updated": 2, "skipped_ids": [77]}
    assert [row["id"] for row in anna.get(f"/sync/{name}")] == [third, first, second]
    assert anna.send("PUT", f"/sync/{name}/{second}", {"notes": "Soon", "rank": 1}).status_code == 204
    anna.later(seconds=1)
    assert anna.send("PUT", f"/sync/{name}/77", {"notes": "Soon"}).status_code == 404
    top = anna.get(f"/sync/{name}")[0]
    assert (top["id"], top["rank"], top["notes"]) == (second, 1, "Soon")


def test_notes_are_for_vips(anna: Caller, ben: Caller) -> None:
    body = {"movies": [HEAT | {"notes": "Soon"}]}
    refused = ben.send("POST", "/sync/watchlist", body)
    assert (refused.status_code, refused.headers["X-Upgrade-URL"]) == (426, "https://app.trakt.tv/vip")
    assert ben.get("/sync/watchlist") == []
    anna.post("/sync/watchlist", body)
    anna.contract = None
    anna.post("/sync/watchlist", {"movies": [{"ids": {"trakt": 1000}, "notes": "x" * 501}]}, 422)
    assert [row["notes"] for row in anna.get("/sync/watchlist")] == ["Soon"]


LISTED = {"movies": [HEAT], "shows": [DARK], "seasons": [{"ids": {"trakt": 1181}}, {"ids": {"trakt": 1182}}]}


@pytest.mark.parametrize(
    ("watched", "left"),
    [
        ({"movies": [HEAT]}, ["show", "season", "season", "episode"]),
        ({"shows": [ONE]}, ["movie", "season"]),
        ({"episodes": [{"ids": {"trakt": 118102}}]}, ["movie", "season", "episode"]),
    ],
)
def test_what_is_watched_leaves_the_watchlist(anna: Caller, watched: dict[str, Any], left: list[str]) -> None:
    anna.post("/sync/watchlist", LISTED | {"episodes": [{"ids": {"trakt": 118101}}]})
    before = anna.get("/sync/last_activities")["watchlist"]["updated_at"]
    anna.post("/sync/history", watched)
    assert [row["type"] for row in anna.get("/sync/watchlist")] == left
    assert anna.get("/sync/last_activities")["watchlist"]["updated_at"] != before


def test_a_scrobble_empties_the_watchlist_too_unless_switched_off(anna: Caller) -> None:
    anna.post("/sync/watchlist", films(345, 1000))
    anna.post("/scrobble/stop", {"progress": 95, "movie": HEAT})
    assert [row["movie"]["ids"]["trakt"] for row in anna.get("/sync/watchlist")] == [1000]
    anna.switch(watchlist_auto_remove=False)
    anna.post("/sync/history", films(1000))
    assert len(anna.get("/sync/watchlist")) == 1


def test_favorites_are_films_and_shows(anna: Caller) -> None:
    answer = anna.post("/sync/favorites", {"movies": [HEAT], "shows": [DARK]})
    assert (answer["added"], answer["existing"]) == ({"movies": 1, "shows": 1}, {"movies": 0, "shows": 0})
    assert [row["type"] for row in anna.get("/sync/favorites/shows/rank/asc")] == ["show"]
    assert anna.post("/sync/favorites/remove", {"movies": [HEAT]}, 200)["deleted"] == {"movies": 1, "shows": 0}


LIMITS = [  # what, url, the free limit, the limit of a VIP
    ("watchlist", "/sync/watchlist", 250, 5000),
    ("favorites", "/sync/favorites", 50, 50),
]


@pytest.mark.parametrize(("name", "url", "free", "vip"), LIMITS)
def test_a_free_account_has_limits_from_its_settings(
    anna: Caller, ben: Caller, *, name: str, url: str, free: int, vip: int
) -> None:
    assert [each.get("/users/settings")["limits"][name]["item_count"] for each in (ben, anna)] == [free, vip]
    ben.post(url, films(*range(1000, 1000 + free)))
    refused = ben.send("POST", url, films(1299))
    assert refused.status_code == 420
    assert refused.headers["X-Account-Limit"] == str(free)
    assert (refused.headers["X-VIP-User"], bool(refused.headers["X-Upgrade-URL"])) == ("false", True)
    ben.later(seconds=1)
    assert ben.post(url, films(1000, 1001))["existing"]["movies"] == 2  # what is there is no news
    if vip == free:
        anna.post(url, films(*range(1000, 1000 + free)))
        assert anna.send("POST", url, films(1299)).headers["X-VIP-User"] == "true"


def test_making_somebody_a_vip_lifts_the_limit(ben: Caller) -> None:
    ben.act("vip")
    ben.post("/sync/watchlist", films(*range(1000, 1251)))
    assert ben.get("/users/settings")["user"]["vip"] is True


@pytest.mark.parametrize(("mode", "stored"), [("atomic", [1000]), ("partial", [1000, 1001, 1002])])
@pytest.mark.parametrize("answer", ["headers", "bare"])
@pytest.mark.parametrize("url", ["/sync/watchlist", "/sync/favorites"])
def test_a_batch_over_the_limit(ben: Caller, mode: str, stored: list[int], answer: str, url: str) -> None:
    ben.switch(limit_batch=mode, account_limit_answer=answer, account_limits={"watchlist": 3, "favorites": 3})
    ben.post(url, films(1000))
    refused = ben.send("POST", url, films(1001, 1000, 1002, 1003, 1004))
    assert (refused.status_code, refused.data, "X-Account-Limit" in refused.headers) == (420, b"", answer == "headers")
    assert [row["movie"]["ids"]["trakt"] for row in ben.get(url)] == stored


@pytest.mark.parametrize(
    ("name", "said"), [("history", {}), ("ratings", {"rating": 5}), ("collection", {"media_type": "digital"})]
)
def test_limits_nobody_knows_can_be_set(anna: Caller, name: str, said: dict[str, Any]) -> None:
    many = {"movies": [each | said for each in films(*range(1000, 1300))["movies"]]}
    anna.post(f"/sync/{name}", many)
    anna.switch(account_limits={name: 301})
    anna.post(f"/sync/{name}", {"movies": [HEAT | said]})
    assert anna.send("POST", f"/sync/{name}", {"movies": [{"ids": {"trakt": 346}} | said]}).status_code == 420
    anna.later(seconds=1)
    again = anna.send("POST", f"/sync/{name}", {"movies": [HEAT | said]}).status_code
    assert again == (420 if name == "history" else 201)  # another play is news, another rating of the same film is not


def test_personal_lists(ben: Caller, anna: Caller) -> None:
    made = ben.post("/users/me/lists", {"name": "For Sunday", "description": "Long ones"})
    assert (made["privacy"], made["ids"]["slug"], made["item_count"]) == ("private", "for-sunday", 0)
    url = "/users/ben/lists/for-sunday"
    answer = ben.post(f"{url}/items", {"movies": [HEAT], "shows": [DARK, {"ids": {"tvdb": 3}}]})
    assert (answer["added"], answer["not_found"]["shows"]) == (zero(movies=1, shows=1), [{"ids": {"tvdb": 3}}])
    by_id = f"/lists/{made['ids']['trakt']}"
    for path in (f"{url}/items", f"{by_id}/items", f"{url}/items?limit=all", f"{url}/items/movie,show"):
        assert [row["type"] for row in ben.get(path)] == ["movie", "show"]
    assert [row["type"] for row in ben.get(f"{url}/items/show")] == ["show"]
    assert (
        ben.get(by_id)["item_count"] == ben.get(url)["item_count"] == ben.get("/users/ben/lists")[0]["item_count"] == 2
    )
    assert ben.post(f"{url}/items/remove", {"movies": [HEAT]}, 200)["deleted"] == zero(movies=1)
    assert ben.send("GET", "/users/me/lists/unknown/items").status_code == 404
    assert ben.send("GET", "/lists/31337").status_code == 404


def test_lists_have_limits_of_number_and_size(ben: Caller) -> None:
    for n in range(5):
        ben.post("/users/me/lists", {"name": f"List {n}"})
    assert ben.send("POST", "/users/me/lists", {"name": "One more"}).status_code == 420
    ben.later(seconds=1)
    for n in range(4):
        ben.post(f"/users/me/lists/list-{n}/items", films(*range(1000, 1250)))
    assert ben.send("POST", "/users/me/lists/list-0/items", films(1299)).status_code == 420  # 250 on one
    ben.later(seconds=1)
    assert ben.send("POST", "/users/me/lists/list-4/items", films(1299)).status_code == 420  # 1,000 on all


COPY = {
    "media_type": "digital",
    "resolution": "uhd_4k",
    "hdr": "hdr10",
    "audio": "dts_ma",
    "audio_channels": "5.1",
    "3d": False,
}
AT = "2026-01-01T00:00:00.000Z"


def collect(caller: Caller, **said: Any) -> Any:
    """Heat and one episode of Dark."""
    season = {"number": 1, "episodes": [{"number": 1} | said]}
    return caller.post("/sync/collection", {"movies": [HEAT | said], "shows": [DARK | {"seasons": [season]}]})


def test_a_copy_is_added_then_updated_or_already_there(anna: Caller) -> None:
    both, none = {"movies": 1, "episodes": 1}, {"movies": 0, "episodes": 0}
    first = collect(anna, collected_at=AT, **COPY)
    assert first == {"added": both, "updated": none, "existing": none, "not_found": NONE}
    assert collect(anna, collected_at=AT, **COPY)["existing"] == both
    assert collect(anna, **COPY)["existing"] == both
    assert collect(anna, **COPY | {"resolution": "hd_1080p"})["updated"] == both
    (row,) = anna.get("/sync/collection/movies?extended=metadata")
    assert (row["collected_at"], row["metadata"]) == (AT, COPY | {"resolution": "hd_1080p"})
    assert row["updated_at"] > AT
    gone = anna.post("/sync/collection/remove", {"movies": [HEAT], "shows": [DARK]}, 200)
    assert gone == {"deleted": both, "not_found": NONE}


def test_the_collection_in_all_its_forms(anna: Caller) -> None:
    collect(anna, collected_at=AT, **COPY)
    episode = {"number": 1, "collected_at": AT}
    (show,) = anna.get("/sync/collection/shows")
    assert (show["show"]["title"], show["seasons"]) == ("Dark", [{"number": 1, "episodes": [episode]}])
    (show,) = anna.get("/sync/collection/shows?extended=metadata")
    assert show["seasons"][0]["episodes"] == [episode | {"metadata": COPY}]
    assert "metadata" not in anna.get("/sync/collection/movies")[0]
    assert anna.get("/sync/collection/episodes")[0]["show"]["title"] == "Dark"
    assert [row["metadata"] for row in anna.get("/sync/collection/media")] == [COPY, COPY]
    assert anna.get("/sync/collection/movies?available_on=plex") == []
    assert anna.get("/sync/collection/movies?end_at=2025-12-31T00:00:00Z") == []
    assert anna.get("/users/ben/collection/movies") == []
    for path in ("movies?extended=min", "minimal/movies"):
        assert anna.get(f"/sync/collection/{path}") == {"345": AT}
    for path in ("episodes?extended=min", "minimal/episodes"):
        assert anna.get(f"/sync/collection/{path}") == {"118101": AT}
    answer = anna.send("GET", "/sync/collection/minimal/shows")
    assert answer.json == {"118": {"1": {"1": AT}}}
    assert "X-Pagination-Page-Count" not in answer.headers
    assert anna.get("/sync/collection/minimal/shows?page=2&limit=50000") == {}


@pytest.mark.parametrize(("mode", "status"), [("ignore", 201), ("refuse", 422)])
def test_words_about_a_copy_are_from_a_list(anna: Caller, mode: str, status: int) -> None:
    anna.contract = None
    anna.switch(unknown_metadata=mode)
    anna.post("/sync/collection", {"movies": [HEAT | {"resolution": "4k", "hdr": "hlg"}]}, status)
    told = [(row["metadata"]["resolution"], row["metadata"]["hdr"]) for row in anna.get("/sync/collection/media")]
    assert told == ([(None, "hlg")] if mode == "ignore" else [])


def test_titles_are_hidden_by_section(anna: Caller) -> None:
    answer = anna.post("/users/hidden/dropped", {"shows": [DARK]})
    assert answer["added"] == {"movies": 0, "shows": 1, "season": 0}
    assert [row["show"]["title"] for row in anna.get("/users/hidden/dropped?type=show")] == ["Dark"]
    assert anna.get("/users/hidden/calendar?type=show") == []
    anna.act("hide", section="calendar", **{"shows": [DARK], "seasons": [{"ids": {"trakt": 1181}}]})
    assert len(anna.get("/users/hidden/calendar?type=show")) == 1
    assert anna.post("/users/hidden/dropped/remove", {"shows": [DARK]}, 200)["deleted"]["shows"] == 1
    assert anna.get("/users/hidden/dropped") == []
