"""Marks and ratings: what they change, for whom, and what they do not cause."""

from typing import Any

import pytest
import requests
from plexapi.exceptions import BadRequest

from tests.demo.plex.conftest import START, House

NOW = 1_785_578_400  # START in epoch seconds


def row(house: House, key: int | str, person: str = "Anna") -> dict[str, Any]:
    return house.rows(f"/library/metadata/{key}", person)[0]


def test_scrobble_counts_up_and_leaves_no_trace_but_the_row(house: House) -> None:
    key = int(house.key(house.file()))
    house.play("start", file=key)
    house.play("stop", position_s=300)
    movie = house.server().fetchItem(key)
    movie.markPlayed()
    movie.markPlayed()
    shown = row(house, key)
    assert (shown["viewCount"], shown["lastViewedAt"]) == (2, NOW)
    assert "viewOffset" not in shown
    assert house.server().history() == []
    assert "viewCount" not in row(house, key, "Ben")


def test_unscrobble_takes_count_date_and_offset(house: House) -> None:
    movie = house.server().fetchItem(int(house.key(house.file())))
    movie.markPlayed()
    movie.markUnplayed()
    assert not {"viewCount", "lastViewedAt", "viewOffset"} & row(house, movie.ratingKey).keys()
    assert house.ask(f"/:/unscrobble?key={movie.ratingKey}", method="PUT").status_code == 200


@pytest.mark.parametrize("level", ["season", "show"])
def test_a_bulk_mark_sets_the_leaves_and_not_the_shows_own_date(house: House, level: str) -> None:
    show = house.server().library.section("Shows").get("Lanterns of Varnick")
    target = show if level == "show" else show.season(1)
    target.markPlayed()
    shown = row(house, show.ratingKey)
    assert shown["viewedLeafCount"] == (7 if level == "show" else 5)
    assert "lastViewedAt" not in shown
    assert [e.viewCount for e in show.episodes()][-5:] == [1] * 5
    assert house.server().history() == []


def test_a_play_moves_the_shows_date(house: House) -> None:
    show = house.server().library.section("Shows").get("Lanterns of Varnick")
    house.act("watch", person="Anna", file=show.episodes()[0].ratingKey)
    assert row(house, show.ratingKey)["lastViewedAt"] == NOW


@pytest.mark.parametrize("kind", ["movie", "show", "season", "episode"])
def test_rate_and_unrate(house: House, kind: str) -> None:
    show = house.server().library.section("Shows").all()[0]
    item = {"movie": lambda: house.server().library.section("Movies").all()[0], "show": lambda: show,
            "season": lambda: show.seasons()[0], "episode": lambda: show.episodes()[0]}[kind]()  # fmt: skip
    item.rate(8.0)
    shown = row(house, item.ratingKey)
    assert (shown["userRating"], shown["lastRatedAt"]) == (8.0, NOW)
    assert "userRating" not in row(house, item.ratingKey, "Ben")
    item.rate(None)
    assert not {"userRating", "lastRatedAt"} & row(house, item.ratingKey).keys()


@pytest.mark.parametrize(
    ("query", "status"),
    [("rating=11", 400), ("rating=-2", 400), ("", 400), (f"rating=5&ratedAt={NOW + 60}", 400),
     (f"rating=5&ratedAt={NOW - 60}", 200), ("rating=0", 200), ("rating=7.9", 200)],
)  # fmt: skip
def test_what_a_rating_may_be(house: House, query: str, status: int) -> None:
    key = house.key(house.file())
    assert house.ask(f"/:/rate?key={key}&identifier=x&{query}", method="PUT").status_code == status
    if "ratedAt" in query and status == 200:
        assert row(house, key)["lastRatedAt"] == NOW - 60


def test_plexapi_refuses_what_the_server_refuses(house: House) -> None:
    movie = house.server().fetchItem(int(house.key(house.file())))
    with pytest.raises(BadRequest):
        movie.rate(12)
    assert house.ask("/:/scrobble?key=999999").status_code == 404
    assert house.ask(f"/:/scrobble?key={movie.ratingKey}", "Carla").status_code == 404


def test_marked_rows_may_come_without_a_count(house: House) -> None:
    house.tell("switches", marks_without_count=True)
    house.act("mark", person="Anna", file=house.file().path)
    (found,) = house.rows("/library/sections/1/all?type=1&unwatched=0")
    assert "viewCount" not in found
    assert found["lastViewedAt"] == NOW


def test_everything_people_do_in_an_app(house: House) -> None:
    path, key = house.file().path, house.key(house.file())
    for act, more in (("mark", {}), ("rate", {"rating": 6}), ("unrate", {}), ("unmark", {})):
        house.act(act, person="Ben", file=path, **more)
    assert "viewCount" not in row(house, key, "Ben")
    house.act("watch", person="Ben", file=[path, int(key)], at="2020-02-02T00:00:00+00:00")
    house.act("mark", person="Ben", file=path)
    assert row(house, key, "Ben")["viewCount"] == 3
    house.act("rename", file=path, title="Another Name")
    assert row(house, key, "Ben")["title"] == "Another Name"


def test_ratings_may_leak_to_others(house: House) -> None:
    key = house.key(house.file())
    house.act("rate", person="Anna", file=int(key), rating=9)
    house.tell("switches", ratings_leak=True)
    leaked = row(house, key, "Ben")
    assert (leaked["userRating"], leaked["lastRatedAt"]) == (9.0, NOW)
    house.act("rate", person="Ben", file=int(key), rating=3)
    assert row(house, key, "Ben")["userRating"] == 3.0


def test_control_says_what_it_does_not_know(house: House) -> None:
    bodies: list[tuple[str, Any]] = [("act", {"do": "dance"}), ("act", {"do": "mark", "person": "Nobody", "file": "*"}),
                       ("play", {"do": "pause", "person": "Anna"}), ("faults", {"name": "page_cap", "length": 1}),
                       ("act", {"do": "mark", "person": "Anna", "file": "/nowhere"})]  # fmt: skip
    for name, body in bodies:
        assert requests.post(f"{house.url}/_control/{name}", json=body, timeout=5).status_code == 400
    state = requests.get(f"{house.url}/_control/state", timeout=5).json()
    assert state["clock"]["now"].replace("Z", "+00:00") == START
    assert set(state["known"]["play"]) == {
        "start",
        "progress",
        "pause",
        "resume",
        "seek",
        "stop",
        "vanish",
        "next",
        "buffer",
    }
