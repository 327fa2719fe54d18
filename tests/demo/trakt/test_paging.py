"""Rule 5: pages, their headers, and the ways in which they lie."""

from typing import Any

import pytest

from tests.demo.trakt.conftest import Caller


@pytest.fixture
def full(anna: Caller) -> Caller:
    """Anna after 900 plays of everything there is."""
    assert anna.act("seed_history", count=900) == 900
    return anna


def page(caller: Caller, url: str) -> tuple[Any, dict[str, str]]:
    """The body and the paging headers, by their last word."""
    answer = caller.send("GET", url)
    told = {name.removeprefix("X-Pagination-"): text for name, text in answer.headers.items() if "Pagination" in name}
    return answer.json, told


@pytest.mark.parametrize(
    ("url", "rows", "limit"),
    [
        ("/sync/history", 100, 100),
        ("/sync/history?limit=250", 250, 250),
        ("/sync/history?limit=1000", 250, 250),
        ("/sync/history?limit=nonsense", 100, 100),
        ("/sync/watched/movies", 100, 100),
        ("/sync/watched/movies?limit=1000", 250, 250),
        ("/sync/watched/shows?limit=250", 2, 250),
        ("/sync/watched/shows?limit=250&extended=progress", 2, 100),
        ("/sync/watched/shows?limit=250&extended=full,progress", 2, 100),
        ("/movies/popular", 10, 10),
        ("/movies/popular?limit=999", 250, 250),
        ("/sync/watched/movies?extended=min&limit=20000", 302, 10_000),
        ("/sync/watched/movies?extended=min&limit=7", 7, 7),
        ("/sync/watched/shows?extended=min&page=1", 2, 1_000),
        ("/sync/watched/movies?extended=min", 302, 302),
    ],
)
def test_a_limit_is_lowered_and_has_a_default(full: Caller, url: str, rows: int, limit: int) -> None:
    body, told = page(full, url)
    assert (len(body), told["Limit"], told["Page"]) == (rows, str(limit), "1")


def test_pages_make_up_the_whole(full: Caller) -> None:
    pages = [page(full, f"/sync/history?limit=250&page={n}") for n in range(1, 6)]
    assert [len(body) for body, _ in pages] == [250, 250, 250, 150, 0]
    assert pages[0][1] == {"Page": "1", "Limit": "250", "Page-Count": "4", "Item-Count": "900"}
    ids = [row["id"] for body, _ in pages for row in body]
    assert len(set(ids)) == 900
    times = [row["watched_at"] for body, _ in pages for row in body]
    assert times == sorted(times, reverse=True)


def test_minimal_maps_may_be_paged_always(full: Caller) -> None:
    full.switch(min_unpaged=False)
    body, told = page(full, "/sync/watched/movies?extended=min")
    assert (len(body), told["Limit"]) == (302, "10000")
    halves = [page(full, f"/sync/watched/movies?extended=min&limit=200&page={n}")[0] for n in (1, 2, 3)]
    assert [len(half) for half in halves] == [200, 102, 0]
    assert halves[0] | halves[1] == body


@pytest.mark.parametrize(
    ("mode", "at", "rows", "told"),
    [
        ("page_count", 1, 250, {"Page-Count": "3", "Item-Count": "900"}),
        ("no_item_count", 1, 250, {"Page-Count": "4", "Item-Count": None}),
        ("wrong_item_count", 1, 250, {"Page-Count": "4", "Item-Count": "1337"}),
        ("short", 2, 125, {"Page-Count": "4", "Item-Count": "900"}),
        ("empty", 1, 0, {"Page-Count": "4", "Item-Count": "900"}),
        ("half", 1, 250, {"Page-Count": "2", "Item-Count": "450"}),
        ("duplicate", 2, 250, {"Page-Count": "4", "Item-Count": "900"}),
    ],
)
def test_a_page_lies_in_these_ways(full: Caller, mode: str, at: int, rows: int, told: dict[str, str | None]) -> None:
    url = f"/sync/history?limit=250&page={at}"
    before = page(full, "/sync/history?limit=250")[0]
    full.fault("paging", mode=mode)
    body, headers = page(full, url)
    assert len(body) == rows
    assert {name: headers.get(name) for name in told} == told
    assert (body[:1] == before[-1:]) is (mode == "duplicate")
    assert len(page(full, url)[0]) == 250  # once only


def test_an_unpaged_answer_can_be_empty_and_wrong(full: Caller) -> None:
    full.fault("empty", body="[]")
    assert full.get("/sync/watched/movies") == []
