"""Reading to the end, past the five traps, and knowing whether it was the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import ceil
from typing import Any

import pytest
import requests

from sidecar.errors import BadAnswer
from sidecar.trakt.client import Params
from sidecar.trakt.pages import LARGEST, MOST_PAGES, Listing, read_all, read_map
from sidecar.trakt.wire import Row
from tests.trakt.conftest import World


def answer(content: Any, **headers: Any) -> requests.Response:
    """An answer of Trakt."""
    made = requests.Response()
    made.status_code, made._content = 200, json.dumps(content).encode()
    made.request = requests.Request("GET", "http://trakt.invalid").prepare()
    made.headers.update(
        {"Content-Type": "application/json"} | {n.replace("_", "-"): str(h) for n, h in headers.items()}
    )
    return made


class Server:
    """A list of so many rows, told in pages; each page may lie in its own way."""

    def __init__(self, total: int, most: int = 250, **lies: Callable[[list[Any], dict[str, Any]], None]) -> None:
        self.rows: list[Any] = [{"id": number} for number in range(1, total + 1)]
        self.most, self.lies, self.asked = most, lies, list[Params]()

    def __call__(self, params: Params) -> requests.Response:
        """One page."""
        self.asked.append(params)
        size, page = min(int(params["limit"]), self.most), int(params["page"])
        rows = self.rows[(page - 1) * size : page * size]
        headers = {
            "X_Pagination_Page": page,
            "X_Pagination_Limit": size,
            "X_Pagination_Page_Count": ceil(len(self.rows) / size),
            "X_Pagination_Item_Count": len(self.rows),
        }
        for name in ("all", f"page{page}"):
            if name in self.lies:
                self.lies[name](rows, headers)
        return answer(rows, **headers)

    def read(self) -> Listing[int | None]:
        """All of it, by number."""
        return read_all(self, Row, lambda row: row.id, lambda row: row.id)


def without(*names: str) -> Callable[[list[Any], dict[str, Any]], None]:
    """Headers are missing."""

    def lie(_: list[Any], headers: dict[str, Any]) -> None:
        for name in names or list(headers):
            headers.pop(f"X_Pagination_{name}" if names else name)

    return lie


def rails(_: list[Any], headers: dict[str, Any]) -> None:
    """The count is that of another planet."""
    headers |= {"X_Pagination_Item_Count": 1337, "x_trakt_server": "rails"}


def halved(rows: list[Any], _: dict[str, Any]) -> None:
    """Only the first half of the page."""
    del rows[len(rows) // 2 :]


def emptied(rows: list[Any], _: dict[str, Any]) -> None:
    """Nothing at all."""
    rows.clear()


def says(**told: int) -> Callable[[list[Any], dict[str, Any]], None]:
    """Headers with other numbers."""
    return lambda _, headers: headers.update({f"X_Pagination_{name}": number for name, number in told.items()})


def both(*lies: Callable[[list[Any], dict[str, Any]], None]) -> Callable[[list[Any], dict[str, Any]], None]:
    """One lie after the other."""

    def lie(rows: list[Any], headers: dict[str, Any]) -> None:
        for each in lies:
            each(rows, headers)

    return lie


@pytest.mark.parametrize("total", [0, 1, 249, 251, 499, 740, 2001])
def test_a_list_takes_as_many_requests_as_it_has_pages(total: int) -> None:
    server = Server(total)
    listing = server.read()
    assert (len(listing.rows), listing.why) == (total, "")
    assert listing.requests == len(server.asked) == max(1, ceil(total / 250))
    assert {params["limit"] for params in server.asked} == {LARGEST}


@pytest.mark.parametrize("total", [250, 500])
def test_a_last_page_that_is_full_is_believed_to_be_the_last_when_an_empty_one_follows(total: int) -> None:
    listing = Server(total).read()
    assert (len(listing.rows), listing.why, listing.requests) == (total, "", total / 250 + 1)


@pytest.mark.parametrize("most", [1, 10, 100])
def test_a_limit_that_the_server_lowers_is_followed(most: int) -> None:
    server = Server(57, most)
    listing = server.read()
    assert (listing.rows, listing.why) == (list(range(1, 58)), "")
    assert listing.requests == 57 // most + 1


WHOLE: dict[str, Server] = {
    "page counts that lag": Server(600, all=says(Page_Count=1)),
    "page counts that lag on the first page": Server(600, page1=says(Page_Count=1)),
    "no item count": Server(600, all=without("Item_Count")),
    "rails": Server(600, all=rails),
    "rails and nothing there": Server(0, all=rails),
    "one page without any headers": Server(600, page2=without()),
    "an item count that lags": Server(600, page1=says(Item_Count=300, Page_Count=2)),
    "a page count too large, and a count": Server(600, all=says(Page_Count=4)),
    "junk in the headers": Server(600, page1=both(says(), lambda _, h: h.update(X_Pagination_Page="x"))),
}


@pytest.mark.parametrize("trap", WHOLE)
def test_these_traps_lose_nothing(trap: str) -> None:
    server = WHOLE[trap]
    listing = server.read()
    assert listing.why == ""
    assert listing.rows == list(range(1, len(server.rows) + 1))


LACKING: dict[str, tuple[Server, str]] = {
    "a short page in the middle": (Server(600, page2=halved), "counted 600 and gave 475"),
    "a short last page": (Server(600, page3=halved), "counted 600 and gave 550"),
    "an empty page in the middle": (Server(600, page2=emptied), "counted 600 and gave 250"),
    "an empty first page": (Server(600, page1=emptied), "counted 600 and gave 0"),
    "everything empty": (Server(600, all=emptied), "counted 600 and gave 0"),
    "empty, without a count": (Server(600, all=both(emptied, without("Item_Count"))), "page 1 of 3 brought nothing"),
    "empty, on rails": (Server(600, all=both(emptied, rails)), "page 1 of 3 brought nothing"),
    "short in the middle on rails": (Server(600, all=rails, page2=halved), "page 2 of 3 was not full"),
    "short in the middle without a count": (
        Server(600, all=without("Item_Count"), page2=halved),
        "page 2 of 3 was not full",
    ),
    "no headers at all": (Server(600, all=without()), "did not say how many"),
    "no headers and nothing there": (Server(0, all=without()), "did not say how many"),
    "the last page counts only half": (
        Server(500, page2=both(emptied, says(Item_Count=250, Page_Count=1))),
        "counted 500 and gave 250",
    ),
    "a short page that says it is the last": (
        Server(600, all=without("Item_Count"), page2=both(halved, says(Page_Count=2))),
        "page 2 of 3 was not full",
    ),
    "the last page loses its count": (
        Server(600, page2=halved, page3=without("Item_Count")),
        "counted 600 and gave 475",
    ),
    "the same page again and again": (
        Server(600, page2=lambda rows, _: rows.__setitem__(slice(None), [{"id": n} for n in range(1, 251)])),
        "counted 600 and gave 250",
    ),
    "a row twice, another never": (
        Server(600, page2=lambda rows, _: rows.__setitem__(0, {"id": 250})),
        "counted 600 and gave 599",
    ),
}


@pytest.mark.parametrize("trap", LACKING)
def test_these_traps_are_told(trap: str) -> None:
    server, why = LACKING[trap]
    listing = server.read()
    assert why in listing.why
    assert len(listing.rows) == len(set(listing.rows)) <= len(server.rows)


def test_a_server_without_an_end_is_left() -> None:
    asked = []

    def fetch(params: Params) -> requests.Response:
        asked.append(params)
        first = (int(params["page"]) - 1) * 2
        return answer([{"id": first + 1}, {"id": first + 2}], X_Pagination_Limit=2, X_Pagination_Page_Count=9)

    listing = read_all(fetch, Row, lambda row: row.id, lambda row: row.id)
    assert len(asked) == listing.requests == MOST_PAGES
    assert listing.why == "there were more pages than can be"


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Pagination_Limit": "0"},
        {"X_Pagination_Limit": "-5"},
        {"X_Pagination_Page_Count": "9" * 5000},
        {"X_Pagination_Item_Count": "²"},
        {"X_Pagination_Item_Count": "1.5", "X_Pagination_Page_Count": ""},
    ],
)
def test_headers_that_are_no_numbers_prove_nothing(headers: dict[str, str]) -> None:
    def fetch(params: Params) -> requests.Response:
        return answer([{"id": 1}] if params["page"] == 1 else [], **headers)

    listing = read_all(fetch, Row, lambda row: row.id, lambda row: row.id)
    assert listing.rows == [1]
    assert "did not say" in listing.why


@pytest.mark.parametrize(
    "content", [{}, None, "x", [None], [[]], [{"id": "1"}], [{"id": 1.5}], [{"watched_at": "2026"}]]
)
def test_a_page_of_another_shape_is_no_page(content: Any) -> None:
    with pytest.raises(BadAnswer):
        read_all(lambda _: answer(content), Row, lambda row: row.id, lambda row: row.id)


def test_a_moment_without_a_zone_is_no_moment() -> None:
    with pytest.raises(BadAnswer):
        read_all(lambda _: answer([{"id": 1, "watched_at": "2026-01-31T20:15:00"}]), Row, id, id)


MAPS = [
    # headers, what each page holds, complete
    ({"X_Pagination_Page_Count": 1, "X_Pagination_Item_Count": 3, "X_Pagination_Limit": 10}, [3], True),
    ({"X_Pagination_Page_Count": 2, "X_Pagination_Item_Count": 15, "X_Pagination_Limit": 10}, [10, 5], True),
    ({"X_Pagination_Page_Count": 1, "X_Pagination_Limit": 10}, [3], True),
    ({}, [25], True),  # whole, without paging: the second page is the same or empty
    ({}, [3], True),
    ({}, [10, 10, 4], True),
    ({}, [0], False),
    ({"X_Pagination_Page_Count": 1, "X_Pagination_Item_Count": 5, "X_Pagination_Limit": 10}, [0], False),
    ({"X_Pagination_Page_Count": 1, "X_Pagination_Item_Count": 5, "X_Pagination_Limit": 10}, [4], False),
    ({"X_Pagination_Page_Count": 3, "X_Pagination_Item_Count": 25, "X_Pagination_Limit": 10}, [10, 0, 5], False),
    ({"X_Pagination_Page_Count": 3, "X_Pagination_Limit": 10}, [10, 5, 5], False),
    ({"X_Pagination_Page_Count": 0, "X_Pagination_Item_Count": 0, "X_Pagination_Limit": 10}, [0], True),
]


@pytest.mark.parametrize(
    ("headers", "sizes", "complete", "ignored"),
    [(*case, ignored) for case in MAPS for ignored in (False, True) if not ignored or len(case[1]) == 1],
)
def test_a_map_is_read_to_its_end_paged_or_whole(
    headers: dict[str, Any], sizes: list[int], complete: bool, ignored: bool
) -> None:
    def fetch(params: Params) -> requests.Response:
        page = 1 if ignored else int(params["page"])
        size = sizes[page - 1] if page <= len(sizes) else 0
        return answer({str(100 * page + number): ["T"] for number in range(size)}, **headers)

    listing = read_map(fetch, {"extended": "min"}, 10)
    assert (listing.why == "") is complete, listing.why
    assert listing.requests <= len(sizes) + 1
    if complete:
        assert len(listing.rows) == sum(sizes)


@pytest.mark.parametrize("content", [[], None, {"x": []}, {"-1": []}, {"1.5": []}, {"": []}, {"²": []}])
def test_a_map_of_something_else_is_no_map(content: Any) -> None:
    with pytest.raises(BadAnswer):
        read_map(lambda _: answer(content), {}, 10)


SIMULATED = {
    # mode of the simulator's fault, on which pages: whole?
    ("page_count", None): True,
    ("no_item_count", None): True,
    ("wrong_item_count", None): True,
    ("short", 0): False,
    ("short", 1): False,
    ("short", 2): False,
    ("empty", 0): False,
    ("empty", 1): False,
    ("empty", 2): False,
    ("half", 1): False,
    ("half", 2): False,
    ("duplicate", None): True,
}


@pytest.mark.parametrize(("mode", "page"), SIMULATED)
def test_every_lie_of_the_household_is_seen_through_or_told(world: World, mode: str, page: int | None) -> None:
    account = world.link()
    world.act("seed_history", count=620, minutes_apart=1)
    world.fault("paging", mode=mode, times=None if page is None else 1, after=page or 0)
    listing = read_all(
        lambda params: world.service.client.history_page(account, "", params),
        Row,
        lambda row: row.id,
        lambda row: row.id,
    )
    assert (listing.why == "") is SIMULATED[mode, page], listing.why
    if not listing.why:
        assert len(listing.rows) == 620
    world.calm()
    again = read_all(
        lambda params: world.service.client.history_page(account, "", params),
        Row,
        lambda row: row.id,
        lambda row: row.id,
    )
    assert (len(again.rows), again.why, again.requests) == (620, "", 3)
