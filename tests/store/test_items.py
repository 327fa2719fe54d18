from datetime import datetime

from sidecar.model import Ids, Kind, Ref
from sidecar.store.db import Store
from sidecar.store.items import Item, Items
from sidecar.store.titles import Titles


def movie(number: int) -> Ref:
    return Ref(Kind.MOVIE, Ids(trakt=number))


def test_an_item_stands_for_its_titles_in_order(store: Store, now: datetime) -> None:
    with store.write() as db:
        second, first = (Titles(db).learn(movie(number))[0] for number in (1, 2))
        items = Items(db)
        items.put([Item("s", "double", "Shows", "claim", titles=(first, second))], now)
        (item,) = items.of_server("s")
        assert item.titles == (first, second)
        assert items.of_title(second) == items.of_title(first) == [item]


def test_an_item_that_went_is_kept_with_the_moment_and_comes_back(store: Store, now: datetime) -> None:
    with store.write() as db:
        items = Items(db)
        items.put([Item("s", "a", "Movies", "claim"), Item("s", "b", "Movies", "claim")], now)
        items.gone("s", ["a"], now)
        assert [item.remote for item in items.of_server("s")] == ["b"]
        before = items._select("WHERE i.remote = 'a'")[0]
        assert before.gone_at == now
        items.put([Item("s", "a", "Movies", "claim")], now)
        (after,) = [item for item in items.of_server("s") if item.remote == "a"]
        assert (after.id, after.gone_at) == (before.id, None)


def test_the_same_remote_id_on_another_server_is_another_item(store: Store, now: datetime) -> None:
    with store.write() as db:
        items = Items(db)
        items.put([Item("s1", "7", "Movies", "x"), Item("s2", "7", "Movies", "y")], now)
        items.gone("s1", ["7"], now)
        assert [item.claim for item in items.of_server("s2", "Movies")] == ["y"]
        assert items.of_server("s2", "Shows") == []


def test_what_has_no_title_is_listed_with_its_reason(store: Store, now: datetime) -> None:
    with store.write() as db:
        title = Titles(db).learn(movie(1))[0]
        items = Items(db)
        items.put([Item("s", "a", "M", "x", reason="no ids"), Item("s", "b", "M", "y", titles=(title,))], now)
        assert [(item.remote, item.reason) for item in items.unmatched()] == [("a", "no ids")]


def test_an_item_that_is_another_title_now_loses_the_former_one(store: Store, now: datetime) -> None:
    with store.write() as db:
        old, new = (Titles(db).learn(movie(number))[0] for number in (1, 2))
        items = Items(db)
        items.put([Item("s", "a", "M", "x", titles=(old,))], now)
        items.put([Item("s", "a", "M", "y", titles=(new,))], now)
        assert items.of_title(old) == []
        assert [item.claim for item in items.of_title(new)] == ["y"]
