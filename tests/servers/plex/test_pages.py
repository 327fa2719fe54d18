"""A listing is taken for the whole only where nothing speaks against it, whatever the server makes of pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from hypothesis import given
from hypothesis import strategies as st

from sidecar.servers.plex.pages import Listing, Named, walk


@dataclass
class Shelf:
    """A server with so many rows, and what it does wrong."""

    rows: list[int]
    cap: int = 100  # rows in a page at most
    hidden: int = 0  # rows that no page has, and the total counts
    starts: bool = True  # whether it looks at where a page shall begin
    total: bool = True
    counts: list[int] = field(default_factory=list)

    def count(self) -> int:
        self.counts.append(1)
        return len(self.rows) + self.hidden

    def ask(self, start: int, size: int) -> Element:
        shown = self.rows[start if self.starts else 0 :][: min(size, self.cap)]
        page = Element("MediaContainer", {"totalSize": str(len(self.rows) + self.hidden)} if self.total else {})
        page.append(Element("Meta"))
        page.extend(Element("Video", {"ratingKey": str(key), "guid": f"g{key}"}) for key in shown)
        return page


def walked(shelf: Shelf) -> tuple[list[str], str]:
    found: list[str] = []

    def take(page: Named) -> None:
        found.extend(name for name, _ in page)

    _, why = walk(shelf.ask, shelf.count, take)
    return found, why


@given(
    rows=st.integers(0, 60), double=st.booleans(), cap=st.integers(1, 70), hidden=st.integers(0, 2),
    starts=st.booleans(), total=st.booleans(),
)  # fmt: skip
def test_what_is_taken_for_the_whole_is_the_whole(
    rows: int, double: bool, cap: int, hidden: int, starts: bool, total: bool
) -> None:
    keys = list(range(rows)) + ([0] if double and rows else [])
    found, why = walked(Shelf(keys, cap, hidden, starts, total))
    if not why:
        assert sorted(set(found)) == sorted(f"{key}~g{key}" for key in range(rows))
        assert len(set(found)) == len(keys) + hidden
    if len(keys) == rows and not hidden and starts and (total or not rows):
        assert why == ""


def test_a_row_that_is_there_twice_hides_one_that_is_missing() -> None:
    shelf = Shelf([1, 2, 3, 3], cap=2)
    assert walked(shelf) == (["1~g1", "2~g2", "3~g3"] * 2, "only 3 of 4 titles came")
    assert len(shelf.counts) == 2


def test_a_server_that_always_sends_the_first_page_does_not_keep_us_for_ever() -> None:
    assert walked(Shelf(list(range(9)), cap=3, starts=False))[1] == "only 3 of 9 titles came"


def test_without_a_total_everything_is_read_and_nothing_believed() -> None:
    found, why = walked(Shelf(list(range(9)), cap=3, total=False))
    assert (len(found), why) == (18, "the server does not say how many titles there are")


def test_nothing_is_asked_where_nothing_is_counted() -> None:
    assert walked(Shelf([])) == ([], "")


def test_rows_without_a_number_are_counted_each() -> None:
    page = Element("MediaContainer", {"totalSize": "2"})
    page.extend(Element("Video", {"title": "?"}) for _ in range(2))
    listing = Listing(lambda start, size: page)
    (rows,) = listing.pages()
    assert ([name for name, _ in rows], listing.why(2)) == (["?0~", "?1~"], "")
