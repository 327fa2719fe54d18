from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

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
        before = items.get("s", ["a"])["a"]
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
        items = Items(db)
        items.put([Item("s", "a", "M", "", reason="no ids"), Item("s", "b", "M", "movie tmdb=1")], now)
        items.put([Item("t", "c", "M", "", reason="no ids"), Item("u", "d", "M", "", reason="no ids")], now)
        assert [(item.remote, item.reason) for item in items.unmatched(["s"])] == [("a", "no ids")]
        assert [item.remote for item in items.unmatched(server for server in ("t", "u"))] == ["c", "d"]
        assert [item.remote for item in items.unmatched()] == ["a", "c", "d"]
        items.gone("s", ["a"], now)
        assert items.unmatched(["s"]) == []


def test_what_did_not_change_is_not_written_again(store: Store, now: datetime) -> None:
    one = Item("s", "a", "M", "movie tmdb=1", "Heat", year=1995, runtime=170, file="x.mkv")
    with store.write() as db:
        items = Items(db)
        assert items.put([one], now) == 1
        before = db.conn.total_changes
        assert items.put([one], now) == 0
        assert items.changed([one]) == []
        assert db.conn.total_changes == before
        assert items.get("s", ["a", "b"])["a"].told() == one.told()


@pytest.mark.parametrize(
    "other", [{"library": "N"}, {"claim": "movie tmdb=2"}, {"name": "Hot"}, {"reason": "?"}, {"year": 1996}]
)
def test_anything_that_a_server_says_anew_is_stored(other: dict[str, Any], store: Store, now: datetime) -> None:
    one = Item("s", "a", "M", "movie tmdb=1", "Heat", year=1995, runtime=170)
    with store.write() as db:
        Items(db).put([one], now)
        assert Items(db).changed([replace(one, **other)]) == [replace(one, **other)]
        assert Items(db).put([replace(one, **other)], now) == 1
        assert Items(db).get("s", ["a"])["a"].told() == replace(one, **other).told()


def test_an_item_that_claims_something_else_loses_its_titles_and_another_name_does_not(
    store: Store, now: datetime
) -> None:
    with store.write() as db:
        title, items = Titles(db).learn(movie(1))[0], Items(db)
        items.put([Item("s", "a", "M", "movie tmdb=1", titles=(title,))], now)
        items.put([Item("s", "a", "M", "movie tmdb=1", "Heat")], now)
        assert [item.remote for item in items.of_title(title)] == ["a"]
        items.put([Item("s", "a", "M", "movie tmdb=2", "Heat")], now)
        assert items.of_title(title) == []


def test_the_titles_of_an_item_are_known_again_from_its_claim(store: Store, now: datetime) -> None:
    show = Ids(tvdb=334824)
    refs = tuple(Ref(Kind.EPISODE, show=show, season=1, number=n, name="Dark", year=2017, runtime=45) for n in (1, 2))
    claim = "\n".join(ref.claim() for ref in refs)
    with store.write() as db:
        Items(db).put([Item("s", "a", "S", claim, "Dark", year=2017, runtime=45)], now)
        assert Items(db).get("s", ["a"])["a"].refs() == refs
        assert list(Items(db).claims("s")) == [("a", claim)]


def test_more_items_than_fit_into_one_query_are_found(store: Store, now: datetime) -> None:
    with store.write() as db:
        items = Items(db)
        assert items.put((Item("s", str(n), "M", f"movie tmdb={n + 1}") for n in range(1201)), now) == 1201
        assert len(items.get("s", [str(n) for n in range(1300)])) == 1201
        assert items.ids("s", "M") == {str(n) for n in range(1201)}


def test_an_item_that_is_another_title_now_loses_the_former_one(store: Store, now: datetime) -> None:
    with store.write() as db:
        old, new = (Titles(db).learn(movie(number))[0] for number in (1, 2))
        items = Items(db)
        items.put([Item("s", "a", "M", "x", titles=(old,))], now)
        items.put([Item("s", "a", "M", "y", titles=(new,))], now)
        assert items.of_title(old) == []
        assert [item.claim for item in items.of_title(new)] == ["y"]
