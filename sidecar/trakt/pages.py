"""Reading a list to its end, and proving that it was the end.

Page counts lag, item counts of one kind of server are wrong, short pages come in the middle, rows come twice while data
change, and an empty answer can simply be wrong. So: go on while pages are full or counted, and believe in absence only
when the rows add up. A last page that is full costs one request more, because only an empty one after it is an end.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import requests

from sidecar.trakt.client import Params
from sidecar.trakt.statuses import decode, unreadable

LARGEST = 250
MOST_PAGES = 2_000
RowType = TypeVar("RowType")
Kept = TypeVar("Kept")
Fetch = Callable[[Params], requests.Response]
Named = Iterable[tuple[Hashable, Kept]]


@dataclass(slots=True)
class Listing(Generic[RowType]):
    """All rows in order, each once; `why` says what is missing, nothing if it is whole."""

    rows: list[RowType]
    why: str = ""
    requests: int = 0


def read_all(
    fetch: Fetch,
    kind: type[RowType],
    key: Callable[[RowType], Hashable],
    keep: Callable[[RowType], Kept],
    params: Params | None = None,
) -> Listing[Kept]:
    """Fetch page after page; `key` names a row, so that it counts once; `keep` is what stays of it."""

    def rows_of(answer: requests.Response) -> Named[Kept]:
        rows: list[RowType] = decode(answer, list[kind])  # type: ignore[valid-type]
        return [(key(row), keep(row)) for row in rows]

    found, why, requests_made = _walk(fetch, rows_of, params or {}, LARGEST)
    return Listing(list(found.values()), why, requests_made)


def read_map(fetch: Fetch, params: Params, limit: int) -> Listing[tuple[str, Any]]:
    """A minimal map in pages as large as they come, or whole, without a word about how many there are."""

    def entries_of(answer: requests.Response) -> Named[Any]:
        part: dict[str, Any] = decode(answer, dict[str, Any])
        if not all(name.isascii() and name.isdigit() and len(name) < 20 for name in part):
            raise unreadable(answer, "Trakt's map names something else than titles.")
        return part.items()

    found, why, requests_made = _walk(fetch, entries_of, params, limit, may_be_silent=True)
    return Listing(list(found.items()), why, requests_made)  # type: ignore[arg-type]


@dataclass(slots=True)
class _Said:
    """What all pages together said about how many there are: the largest of it, because the smaller may be wrong."""

    counted: int | None = None
    pages: int | None = None
    short: list[int] = field(default_factory=list)  # pages with rows that were not full

    def hear(self, answer: requests.Response) -> None:
        """Learn from the headers of one page."""
        self.counted = _larger(self.counted, _count(answer))
        self.pages = _larger(self.pages, number(answer, "Page-Count"))

    def why(self, found: int, page: int, *, nothing_new: bool, may_be_silent: bool) -> str:
        """What is missing at the end; nothing if it is whole. Without a count, all pages but the last must be full."""
        if self.counted is not None:
            return f"Trakt counted {self.counted} and gave {found}" if found < self.counted else ""
        if self.pages is None:
            return "" if may_be_silent and found else "Trakt did not say how many there are"
        if nothing_new and page <= self.pages:
            return f"page {page} of {self.pages} brought nothing"
        gaps = [each for each in self.short if each < page - nothing_new]
        return f"page {gaps[0]} of {self.pages} was not full" if gaps else ""


def _walk(
    fetch: Fetch,
    read: Callable[[requests.Response], Named[Kept]],
    params: Params,
    limit: int,
    *,
    may_be_silent: bool = False,
) -> tuple[dict[Hashable, Kept], str, int]:
    """Page after page to the end: what was found, what is missing, and how many requests it took."""
    found: dict[Hashable, Kept] = {}
    said = _Said()
    for page in range(1, MOST_PAGES + 1):
        answer = fetch({**params, "page": page, "limit": limit})
        rows = list(read(answer))
        said.hear(answer)
        before = len(found)
        for name, row in rows:
            found.setdefault(name, row)
        full, nothing_new = len(rows) >= (number(answer, "Limit") or limit), len(found) == before
        if rows and not full:
            said.short.append(page)
        if nothing_new or (said.pages is not None and page >= said.pages and not full):
            why = said.why(len(found), page, nothing_new=nothing_new, may_be_silent=may_be_silent)
            return found, why, page
    return found, "there were more pages than can be", MOST_PAGES


def _larger(one: int | None, other: int | None) -> int | None:
    return max((each for each in (one, other) if each is not None), default=None)


def number(answer: requests.Response, name: str) -> int | None:
    """A pagination header as a number; None if it is missing or no number."""
    text = answer.headers.get(f"X-Pagination-{name}", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _count(answer: requests.Response) -> int | None:
    """How many rows there are; one kind of Trakt's servers is known to say it wrongly."""
    return None if answer.headers.get("x-trakt-server") == "rails" else number(answer, "Item-Count")
