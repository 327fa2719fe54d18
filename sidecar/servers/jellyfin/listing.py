"""A listing read page by page, with the proof that it is whole.

The total is believed only where the first and the last page agree on it and so many different ids came. What does not
add up is read once more in other portions, so that rows which change places meet another border.
"""

from __future__ import annotations

from collections.abc import Callable

from sidecar.errors import RemoteError
from sidecar.servers.jellyfin.client import too_slow
from sidecar.servers.jellyfin.wire import Page
from sidecar.words import count_of

Fetch = Callable[[int, int], Page]
"""Gives the page from a row on, with so many rows at most."""
SMALLEST = 100  # rows; a server that is too slow for so few is not asked for less


def read_all(fetch: Fetch, size: int, take: Callable[[Page], None]) -> tuple[set[str], str]:
    """Every id, and why that is not all; `take` gets each page as it comes, in a second round again."""
    seen: set[str] = set()
    why = _once(fetch, size, seen, take)
    if why:
        why = _once(fetch, max(size * 2 // 3, 1), seen, take)
    return seen, why


def _once(fetch: Fetch, size: int, seen: set[str], take: Callable[[Page], None]) -> str:
    """One round; says what does not add up."""
    start, first, nameless, before = 0, -1, 0, list[str]()
    while True:
        page, size = _patiently(fetch, start, size)
        first = page.total if first < 0 else first
        ids = page.ids()
        if ids and ids == before:
            return "the same page came again"
        take(page)
        seen.update(ids)
        start, nameless, before = start + page.count, nameless + page.nameless, ids
        if not page.count or (start >= page.total and page.count < size):
            break
    last = page.total
    if first != last:
        return f"it had {count_of(first, 'title')} at first and {last:,} in the end"
    if nameless:
        return f"{count_of(nameless, 'title')} came without an id"
    return "" if len(seen) == last else f"it says that it has {count_of(last, 'title')} and lists {len(seen):,}"


def _patiently(fetch: Fetch, start: int, size: int) -> tuple[Page, int]:
    """A page, or a smaller one where the server takes too long; with the size that it bears."""
    while True:
        try:
            return fetch(start, size), size
        except RemoteError as problem:
            if not too_slow(problem) or size <= SMALLEST:
                raise
            size = max(size // 2, SMALLEST)
