"""What the copies of a title come to, feature by feature."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.contract import Collected, Copy, Fact, Listed, Media, Plays, Rating, Watched
from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.servers.rows import KINDS, Row, facts_of, holds, is_rating, newest, value_of, whole
from tests.servers.hand import AT, double, episode, movie

LATER = AT + timedelta(hours=1)
ANY = list(Feature)


# Plays


@pytest.mark.parametrize(
    "copy", [{"played": True}, {"count": 1}, {"at": AT}, {"begun": True}, {"played": True, "count": 3, "at": AT}]
)
def test_any_trace_of_watching_is_a_value_and_nothing_is_none(copy: dict[str, Any]) -> None:
    row = movie(1, **copy)
    assert value_of(Feature.HISTORY, [row]) == Watched((row.copy,))
    assert bool(value_of(Feature.HISTORY, [row])) is bool(copy.get("played"))
    assert value_of(Feature.HISTORY, [movie(1, rating=8.0, favourite=True)]) is None


def test_plays_that_are_known_one_by_one_are_all_there_in_order_and_once() -> None:
    one = msgspec.structs.replace(movie(1), plays=(LATER, AT))
    other = msgspec.structs.replace(movie(1, "m1b"), plays=(AT,))
    value = value_of(Feature.HISTORY, [one, other])
    assert value.plays == (AT, LATER)
    assert not value


def test_of_several_copies_any_watched_one_counts() -> None:
    assert value_of(Feature.HISTORY, [movie(1, begun=True), movie(1, "m1b", played=True)])


@given(st.permutations([movie(1, "a", rating=6.0), movie(1, "b", rating=8.0, played=True), movie(1, "c", begun=True)]))
def test_the_order_in_which_copies_are_listed_makes_no_difference(rows: list[Row]) -> None:
    media = [Collected(AT, Media(resolution="hd_1080p", audio=name)) for name in "abc"]
    rows = [msgspec.structs.replace(row, collected=media["abc".index(row.item)]) for row in rows]
    for feature in Feature:
        assert value_of(feature, rows) == value_of(feature, sorted(rows, key=lambda row: row.item))
        assert facts_of(feature, rows) == facts_of(feature, sorted(rows, key=lambda row: row.item))


# Ratings


@given(st.integers(1, 10))
def test_every_rating_of_trakt_goes_in_and_out_unchanged(number: int) -> None:
    (fact,) = facts_of(Feature.RATINGS, [movie(1, rating=float(number))])
    assert fact.value == Rating(number)
    assert whole(fact.value.value) == number
    assert [held for held in range(1, 11) if holds(Feature.RATINGS, movie(1, rating=held), Rating(number))] == [number]


@pytest.mark.parametrize(
    ("held", "pairs_with"),
    [(8.6, 9), (8.5, 9), (8.4, 8), (7.5, 8), (0.2, 1), (0.5, 1), (1.4, 1), (9.5, 10), (10, 10)],
)
def test_a_decimal_pairs_with_the_number_that_it_rounds_to(held: float, pairs_with: int) -> None:
    assert [n for n in range(1, 11) if holds(Feature.RATINGS, movie(1, rating=held), Rating(n))] == [pairs_with]
    assert value_of(Feature.RATINGS, [movie(1, rating=held)]) == Rating(held)


@pytest.mark.parametrize("held", [None, 0, 0.0, -1, -0.5, 11, 10.5, float("nan"), float("inf")])
def test_what_is_no_rating_states_nothing(held: float | None) -> None:
    row = movie(1, rating=held)
    assert value_of(Feature.RATINGS, [row]) is None
    assert facts_of(Feature.RATINGS, [row]) == []
    assert not any(holds(Feature.RATINGS, row, Rating(number)) for number in range(1, 11))
    assert held is None or not is_rating(held)


def test_of_several_ratings_the_newest_counts_and_one_with_a_date_before_one_without() -> None:
    def rated(item: str, value: float, late: int | None) -> Row:
        at = None if late is None else AT + timedelta(hours=late)
        return msgspec.structs.replace(movie(1, item, rating=value), rated_at=at)

    rows = [rated("a", 3, None), rated("b", 5, 1), rated("c", 7, 2), rated("d", float("nan"), 3)]
    for order in itertools.permutations(rows):
        assert value_of(Feature.RATINGS, order) == Rating(7, AT + timedelta(hours=2))
    assert value_of(Feature.RATINGS, [rated("a", 3, None)]) == Rating(3)


# The list and the shelf


def test_a_favourite_is_listed() -> None:
    assert value_of(Feature.WATCHLIST, [movie(1), movie(1, "m1b", favourite=True)]) == Listed()
    assert value_of(Feature.WATCHLIST, [movie(1)]) is None
    assert holds(Feature.WATCHLIST, movie(1, favourite=True), Listed(AT))
    assert not holds(Feature.WATCHLIST, movie(1), Listed())


@pytest.mark.parametrize(
    ("media", "best"),
    [
        ([None, Media(resolution="sd_480p")], 1),
        ([Media(resolution="hd_1080p"), Media(resolution="uhd_4k"), Media(resolution="hd_720p")], 1),
        ([Media(resolution="hd_1080p"), Media(resolution="hd_1080p", hdr="hdr10")], 1),
        ([Media(resolution="?"), Media(resolution="sd_480i")], 1),
        ([Media(resolution="uhd_4k"), Media(resolution="hd_1080p", hdr="hdr10")], 0),
    ],
)
def test_of_several_files_the_best_is_collected(media: list[Media | None], best: int) -> None:
    held = [Collected(AT, each) for each in media]
    rows = [msgspec.structs.replace(movie(1, f"m{n}"), collected=each) for n, each in enumerate(held)]
    assert value_of(Feature.COLLECTION, rows) == held[best]
    assert value_of(Feature.COLLECTION, [movie(1)]) is None


# Facts


def test_a_file_of_two_episodes_speaks_for_each() -> None:
    facts = facts_of(Feature.HISTORY, [double(1, "d", played=True)])
    value = Watched((Copy("d", played=True),))
    assert facts == [Fact(episode(1), value, ("d",)), Fact(episode(2), value, ("d",))]


def test_copies_of_one_title_are_one_fact_with_all_that_hold_something() -> None:
    rows = [movie(1, "b", played=True), movie(2, rating=8.0), movie(1, "a", begun=True), movie(1, "c")]
    (fact,) = facts_of(Feature.HISTORY, rows)
    assert fact.items == ("a", "b")
    assert [copy.item for copy in fact.value.copies] == ["a", "b"]


def test_an_item_that_is_listed_twice_is_one_copy_as_it_was_last() -> None:
    (fact,) = facts_of(Feature.HISTORY, [movie(1, begun=True), movie(1, played=True)])
    assert (fact.items, fact.value) == (("m1",), Watched((Copy("m1", played=True),)))


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("feature", ANY)
def test_only_kinds_that_can_hold_a_feature_have_facts_of_it(kind: Kind, feature: Feature) -> None:
    copy = Copy("x", played=True, rating=8.0, favourite=True)
    row = Row(kind, "1", "x", (Ref(kind, Ids(tmdb=1)),), copy, collected=Collected())
    assert len(facts_of(feature, [row])) == (kind in KINDS[feature])


def test_an_item_without_a_title_states_nothing() -> None:
    row = Row(Kind.MOVIE, "1", "x", (), Copy("x", played=True), why="it has no id")
    assert facts_of(Feature.HISTORY, [row]) == []


def test_the_date_to_write_is_the_newest_that_is_known() -> None:
    assert newest(Plays((None, LATER, AT))) == LATER
    assert newest(Plays((None,))) is newest(Plays(())) is newest(Rating(8)) is None
