"""Listings page by page, with the proof that nothing is missing; for the server and for the watchlist alike.

plexapi's own pager loses rows where a server leaves out a total or sends less than was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

PAGE = 500
ROWS = ("Video", "Directory")

Ask = Callable[[int, int], Element]
"""Gives the page that begins there and has at most so many rows."""
Named = list[tuple[str, Element]]
"""Rows with the id of each."""


def name_of(row: Element, place: int) -> str:
    """The id of a row: its number with its guid, because numbers are given again to something else."""
    return f"{row.get('ratingKey') or f'?{place}'}~{row.get('guid', '')}"


class Listing:
    """One walk through a listing; afterwards it says what speaks against it being whole."""

    def __init__(self, ask: Ask, size: int = 0, name: Callable[[Element, int], str] = name_of) -> None:
        self._ask, self._size, self._name = ask, size or PAGE, name
        self.seen: set[str] = set()
        self.totals: list[int | None] = []

    def pages(self) -> Iterator[Named]:
        """The rows that were not seen before, one page in memory at a time."""
        start = 0
        while True:
            page = self._ask(start, self._size)
            total = page.get("totalSize", "")
            self.totals.append(int(total) if total.isdecimal() else None)
            rows = [row for row in page if row.tag in ROWS]
            named = ((self._name(row, start + place), row) for place, row in enumerate(rows))
            fresh = {name: row for name, row in named if name not in self.seen}
            self.seen |= fresh.keys()
            start += len(rows)
            yield list(fresh.items())
            if not fresh or start >= (self.totals[-1] if self.totals[-1] is not None else start + 1):
                return

    @property
    def total(self) -> int:
        """How many there are, as it said last."""
        return (self.totals or [0])[-1] or 0

    def why(self, expected: int | None) -> str:
        """Why it cannot be taken for the whole; nothing if it can. `expected` is what was counted just before."""
        if None in self.totals:
            return "the server does not say how many titles there are"
        if len({self.totals[0], self.total, expected}) > 1:
            return "it changed while it was read"
        return f"only {len(self.seen):,} of {self.total:,} titles came" if len(self.seen) != self.total else ""


def walk(ask: Ask, count: Callable[[], int | None], take: Callable[[Named], None]) -> tuple[Listing, str]:
    """Walk through a listing, a second time where the first was not whole; and why the last one is not.

    It is counted just before each time, and whoever does that knows that a walk begins.
    """
    for last in (False, True):
        expected, listing = count(), Listing(ask)
        if expected == 0:
            listing.totals.append(0)
            return listing, ""
        for page in listing.pages():
            take(page)
        if not (why := listing.why(expected)) or last:
            break
    return listing, why
