"""Reading a list to its end, and proving that it was the end.

Page counts lag, item counts of one kind of server are wrong, short pages come in the middle, rows come twice while data
change, and an empty answer can simply be wrong. So: go on while pages are full or counted, and believe in absence only
when the rows add up.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import requests

from sidecar.trakt.client import Params
from sidecar.trakt.statuses import decode

LARGEST = 250
MOST_PAGES = 2_000
RowType = TypeVar("RowType")


@dataclass(frozen=True, slots=True)
class Listing(Generic[RowType]):
    """All rows in order, each once; `why` says what is missing, nothing if it is whole."""

    rows: list[RowType]
    why: str = ""
    requests: int = 0


def read_all(
    fetch: Callable[[Params], requests.Response],
    kind: type[RowType],
    key: Callable[[RowType], Hashable],
    params: Params | None = None,
    limit: int = LARGEST,
) -> Listing[RowType]:
    """Fetch page after page; `key` names a row, so that one that comes twice counts once."""
    found: dict[Hashable, RowType] = {}
    why, page = "", 0
    counted = pages = None
    while page < MOST_PAGES:
        page += 1
        answer = fetch({**(params or {}), "page": page, "limit": limit})
        rows: list[RowType] = decode(answer, list[kind])  # type: ignore[valid-type]
        found.update((key(row), row) for row in rows if key(row) not in found)
        pages, size = number(answer, "Page-Count"), number(answer, "Limit") or limit
        counted = _count(answer)
        if not rows:
            if pages is not None and page < pages:
                why = f"page {page} of {pages} came back empty"
            break
        if (pages is None or page >= pages) and len(rows) < size:
            break
    else:
        why = "there were more pages than can be"
    return Listing(list(found.values()), why or missing(len(found), counted, pages), page)


def missing(found: int, counted: int | None, pages: int | None) -> str:
    """What the counts say about completeness; without any of them nothing is proved."""
    if counted is None:
        return "" if pages is not None else "Trakt did not say how many there are"
    return f"Trakt counted {counted} and gave {found}" if found < counted else ""


def read_map(fetch: Callable[[Params], requests.Response], params: Params, limit: int) -> Listing[tuple[str, Any]]:
    """A minimal map in pages as large as they come, to the empty one."""
    found: dict[str, Any] = {}
    page, counted, pages = 0, None, None
    while page < MOST_PAGES:
        page += 1
        answer = fetch({**params, "page": page, "limit": limit})
        part: dict[str, Any] = decode(answer, dict[str, Any])
        before = len(found)
        found.update(part)
        pages, counted = number(answer, "Page-Count"), _count(answer)
        full = len(part) >= (number(answer, "Limit") or limit)
        if len(found) == before or (pages is not None and page >= pages and not full):
            break
    return Listing(list(found.items()), missing(len(found), counted, pages), page)


def number(answer: requests.Response, name: str) -> int | None:
    """A pagination header as a number; None if it is missing or no number."""
    text = answer.headers.get(f"X-Pagination-{name}", "")
    return int(text) if text.isascii() and text.isdigit() else None


def _count(answer: requests.Response) -> int | None:
    """How many rows there are; one kind of Trakt's servers is known to say it wrongly."""
    return None if answer.headers.get("x-trakt-server") == "rails" else number(answer, "Item-Count")
