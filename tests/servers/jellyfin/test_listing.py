"""Whatever pages do, a listing is called whole only if every row of it was seen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import Outage
from sidecar.servers.jellyfin.listing import read_all
from sidecar.servers.jellyfin.wire import Item, Page

Lie = tuple[str, int]
LIES = st.lists(
    st.tuples(st.sampled_from(["", "short", "empty", "first", "own", "swap", "more", "slow"]), st.integers(0, 9))
)


class Shelf:
    """A listing of so many rows, and what the next answers do wrong."""

    def __init__(self, count: int, lies: list[Lie]) -> None:
        self.ids = [f"{number:04}" for number in range(count)]
        self.lies = list(reversed(lies))
        self.asked = 0

    def fetch(self, start: int, size: int) -> Page:
        self.asked += 1
        assert self.asked < 1000, "it comes to no end"
        lie, number = self.lies.pop() if self.lies else ("", 0)
        if lie == "slow":
            raise Outage("x", "slow", status=504)
        ids = list(self.ids)
        if lie == "swap" and 0 < start < len(ids):  # a tie: two neighbours change places at the border
            ids[start - 1], ids[start] = ids[start], ids[start - 1]
        page = ids[:size] if lie == "first" else ids[start : start + size]
        page = page[: len(page) - number] if lie == "short" else [] if lie == "empty" else page
        total = len(page) if lie == "own" else len(ids) + (number if lie == "more" else 0)
        return Page([Item(id=item, type="Movie") for item in page], total)


@given(st.integers(0, 60), st.integers(1, 20), LIES)
def test_what_is_called_whole_is_whole(count: int, size: int, lies: list[Lie]) -> None:
    shelf, taken = Shelf(count, lies), set[str]()
    try:
        seen, why = read_all(shelf.fetch, size, lambda page: taken.update(page.ids()))
    except Outage:
        return
    assert taken == seen
    if not why and not any(lie == "own" for lie, _ in lies):
        assert seen == set(shelf.ids)
    if not lies:
        assert not why


@given(st.integers(1, 60), st.integers(1, 20))
def test_totals_that_are_always_the_pages_are_believed_of_one_page_alone(count: int, size: int) -> None:
    _, why = read_all(Shelf(count, [("own", 0)] * 999).fetch, size, lambda _: None)
    assert (why == "") == (count < size)


def test_a_full_page_with_a_total_of_just_as_many_is_asked_for_more() -> None:
    shelf = Shelf(40, [("own", 0), ("own", 0)])
    seen, _ = read_all(shelf.fetch, 20, lambda _: None)
    assert len(seen) == 40


def test_neighbours_that_change_places_at_a_border_are_found_behind_another_one() -> None:
    shelf = Shelf(40, [("", 0), ("swap", 0)])
    seen, why = read_all(shelf.fetch, 20, lambda _: None)
    assert (len(seen), why) == (40, "")
    assert shelf.asked == 3 + 4
