"""Rows of one feature of one user, kept by title and in order of time.

Orders are brought up to date when somebody looks: ten thousand changes cost one sort, one change one insertion.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sidecar.demo.trakt.titles import KINDS, Title

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class Row:
    """A play, rating, listing, collected copy, resume point or hidden title; `what` is what the feature says of it."""

    id: int
    title: Title
    at: int
    what: Any
    updated: int


@dataclass(frozen=True, slots=True)
class Span(Generic[T]):
    """How many there are and how to cut some of them out; nothing is made before it is cut."""

    total: int
    cut: Callable[[int, int], Sequence[T]]

    def map(self, render: Callable[[T], R]) -> "Span[R]":
        """The same with each of them changed when it is cut out."""
        return Span(self.total, lambda a, b: [render(one) for one in self.cut(a, b)])


def span_of(rows: Sequence[T]) -> Span[T]:
    """A list as it stands."""
    return Span(len(rows), lambda a, b: rows[a:b])


class Order:
    """Keys in order of a number that may change."""

    def __init__(self) -> None:
        self.value: dict[int, int] = {}
        self._sorted: list[tuple[int, int]] = []
        self._was: dict[int, int | None] = {}

    def put(self, key: int, value: int | None) -> None:
        """Places a key, moves it, or drops it with None."""
        self._was.setdefault(key, self.value.get(key))
        if value is None:
            self.value.pop(key, None)
        else:
            self.value[key] = value

    def span(self, start: int | None = None, end: int | None = None) -> Span[int]:
        """The keys, newest first, whose number lies between both ends."""
        if len(self._was) > 200:
            self._sorted = sorted((value, key) for key, value in self.value.items())
        else:
            for key, was in self._was.items():
                if was is not None:
                    del self._sorted[bisect_left(self._sorted, (was, key))]
                if key in self.value:
                    insort(self._sorted, (self.value[key], key))
        self._was.clear()
        rows, low = self._sorted, 0 if start is None else bisect_left(self._sorted, (start, -1))
        high = max(low, len(rows) if end is None else bisect_left(rows, (end + 1, -1)))
        return Span(high - low, lambda a, b: [k for _, k in rows[max(low, high - b) : max(low, high - a)][::-1]])


class Shelf:
    """The rows of one feature; tells `touched` the title of every row that comes, changes or goes."""

    def __init__(self, touched: Callable[[Title], None]) -> None:
        self.touched = touched
        self.rows: dict[int, Row] = {}
        self.of: dict[int, list[Row]] = {}
        self.orders = {kind: Order() for kind in ("all", *KINDS)}
        self.latest = {kind: Order() for kind in KINDS}  # titles, and the shows above them, by their newest row
        self.updated: dict[int, int] = {}
        self.encoded: dict[int, dict[Any, bytes]] = {}  # what was encoded about a title, until it changes

    def add(self, row: Row) -> None:
        """Puts a row on the shelf."""
        self.rows[row.id] = row
        self.of.setdefault(row.title.n, []).append(row)
        for about in {row.title, row.title.root}:
            latest = self.latest[about.kind]
            latest.put(about.n, max(row.at, latest.value.get(about.n, 0)))
            self.updated[about.n] = row.updated
        self._changed(row, row.at)

    def remove(self, row: Row) -> None:
        """Takes a row away; what is left of its title keeps its own `updated`."""
        del self.rows[row.id]
        self.of[row.title.n].remove(row)
        if not self.of[row.title.n]:
            del self.of[row.title.n]
        for about in {row.title, row.title.root}:
            left = [other.at for leaf in (about, *about.leaves()) for other in self.about(leaf)]
            self.latest[about.kind].put(about.n, max(left, default=None))
        self._changed(row, None)

    def _changed(self, row: Row, at: int | None) -> None:
        for kind in ("all", row.title.kind):
            self.orders[kind].put(row.id, at)
        for about in (row.title, row.title.root):
            self.encoded.pop(about.n, None)
        self.touched(row.title)

    def about(self, title: Title) -> Sequence[Row]:
        """The rows of exactly this title, oldest first."""
        return tuple(self.of.get(title.n, ()))
