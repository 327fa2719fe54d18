"""What a server holds, as far as it was read."""

from __future__ import annotations

import time
from dataclasses import replace

import msgspec
import pytest

from sidecar.model import Ids, Kind, Ref
from sidecar.servers.guids import refs_of
from sidecar.servers.inventory import EMPTIED, Inventory
from sidecar.servers.rows import Row
from sidecar.store.db import Store
from sidecar.store.items import Items
from sidecar.store.titles import Titles
from tests.fakes import FakeClock
from tests.servers.conftest import SERVER
from tests.servers.hand import DARK, double, episode, movie

SIZE = 20_000


def commits(store: Store) -> int:
    """How often anything was written so far."""
    with store.read() as db:
        return int(db.execute("PRAGMA data_version").fetchone()[0])


def library(size: int) -> list[Row]:
    """Episodes of shows of 500 each."""
    rows = []
    for number in range(size):
        show, place = divmod(number, 500)
        ids = Ids(tvdb=10_000 + number, imdb=f"tt{number:07}")
        refs, _ = refs_of(
            Kind.EPISODE, ids, name="Dark", show=Ids(tvdb=show + 1), season=place // 25, number=place % 25
        )
        rows.append(Row(Kind.EPISODE, "2", "Lies", refs, movie(1, str(number)).copy, year=2017, runtime=45))
    return rows


def test_items_are_found_by_what_they_claim(inventory: Inventory) -> None:
    wrong = Row(Kind.MOVIE, "1", "x", (Ref(Kind.MOVIE, Ids(imdb="tt0113277", tmdb=7)),), movie(7).copy)
    inventory.note([movie(1), movie(1, "m1b"), movie(2), double(1, "d"), wrong])
    more = Ref(Kind.MOVIE, Ids(trakt=9, imdb="tt0113277", tmdb=1))
    other = Ref(Kind.MOVIE, Ids(trakt=9, imdb="tt0113277", tmdb=99))
    assert inventory.find([more, episode(2), other, episode(3), more]) == [("m1", "m1b"), ("d",), (), (), ("m1", "m1b")]
    assert inventory.find([]) == []


def test_what_the_server_says_is_kept(inventory: Inventory) -> None:
    inventory.note([msgspec.structs.replace(double(1, "d"), year=2017, runtime=45, file="/a.mkv"), movie(1)])
    inventory.note([Row(Kind.MOVIE, "1", "Home video", (), movie(1, "h").copy, why="it has no ids")])
    found = inventory.get(["d", "h", "nowhere"])
    assert set(found) == {"d", "h"}
    assert found["d"].refs() == tuple(replace(episode(number), year=2017, runtime=45) for number in (1, 2))
    assert found["d"].file == "/a.mkv"
    assert (found["h"].name, found["h"].reason, found["h"].refs()) == ("Home video", "it has no ids", ())


def test_the_ids_of_shows_are_known(inventory: Inventory) -> None:
    show = Row(Kind.SHOW, "2", "Dark", (Ref(Kind.SHOW, DARK),), movie(1, "s1").copy)
    inventory.note([show, msgspec.structs.replace(show, refs=(), copy=movie(1, "s2").copy, why="it has no ids")])
    assert inventory.shows(["s1", "s2", "s3", "s1"]) == {"s1": DARK, "s2": Ids()}


def test_what_left_is_found_no_more_until_it_comes_back(inventory: Inventory, clock: FakeClock) -> None:
    inventory.note([movie(1), movie(2)])
    inventory.ended("1", {"m2"})
    (heat,) = movie(1).refs
    assert inventory.find([heat]) == [()]
    assert inventory.get(["m1"])["m1"].gone_at == clock.now()
    assert inventory.ids("1") == {"m2"}
    inventory.note([movie(1)])
    assert inventory.find([heat]) == [("m1",)]
    assert inventory.get(["m1"])["m1"].gone_at is None


def test_what_moved_to_another_library_did_not_leave(inventory: Inventory) -> None:
    inventory.note([movie(1), movie(2)])
    inventory.note([msgspec.structs.replace(movie(1), library="4k")])
    inventory.ended("1", {"m2"})
    assert inventory.find(list(movie(1).refs)) == [("m1",)]


def test_one_library_says_nothing_about_another_nor_one_server(
    inventory: Inventory, store: Store, clock: FakeClock
) -> None:
    other = Inventory(store, "other", clock)
    for each in (inventory, other):
        each.note([movie(1), double(1, "d")])
    inventory.ended("1", set())
    assert inventory.ids("2") == {"d"}
    assert other.find(list(movie(1).refs)) == [("m1",)]


def test_an_item_that_claims_something_else_stands_for_its_former_title_no_more(
    inventory: Inventory, store: Store
) -> None:
    inventory.note([movie(1)])
    with store.write() as db:
        title = Titles(db).claimed(movie(1).refs[0])
        Items(db).put([replace(Items(db).get(SERVER, ["m1"])["m1"], titles=(title,))], FakeClock().now())
    inventory.note([movie(1)])
    with store.read() as db:
        assert [item.remote for item in Items(db).of_title(title)] == ["m1"]
    inventory.note([movie(2, "m1")])
    with store.read() as db:
        assert Items(db).of_title(title) == []
    assert inventory.find([*movie(1).refs, *movie(2).refs]) == [(), ("m1",)]


@pytest.mark.parametrize(
    ("before", "now", "believed"), [(EMPTIED, 0, False), (EMPTIED - 1, 0, True), (EMPTIED, 1, True)]
)
def test_a_library_that_lists_nothing_any_more_is_not_believed(
    before: int, now: int, believed: bool, inventory: Inventory
) -> None:
    inventory.note([movie(number) for number in range(1, before + 1)])
    why = inventory.emptied("1", now)
    assert (why == "") is believed
    assert believed or f"{before} titles" in why


def test_what_did_not_change_is_not_written_and_waits_for_nobody(inventory: Inventory, store: Store) -> None:
    rows = [movie(number) for number in range(1, 1200)]
    inventory.note(rows)
    before = commits(store)
    with store.write():  # somebody else is writing; a note that had to would fail
        inventory.note(rows)
    assert commits(store) == before
    inventory.note([*rows, movie(1200)])
    assert commits(store) > before


def test_a_large_library_is_noted_and_searched_quickly(inventory: Inventory) -> None:
    rows = library(SIZE)
    for start in range(0, SIZE, 2000):
        inventory.note(rows[start : start + 2000])
    placed = [
        Ref(Kind.EPISODE, show=ref.show, season=ref.season, number=ref.number) for row in rows for ref in row.refs
    ]
    began = time.process_time()
    found = inventory.find(placed)
    took = time.process_time() - began
    assert found == [(str(number),) for number in range(SIZE)]
    assert took < 5  # 0.6 s; with a look at all episodes of the show for each it takes a minute
