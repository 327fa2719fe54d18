"""The table of outcomes, for ratings, the watchlist and the collection."""

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from sidecar.contract import Collected, Listed, Media, Rating, Scope
from sidecar.model import Direction, Feature, Kind
from sidecar.sync import ratings
from sidecar.sync.merge import merge
from tests.sync.life import FILM, LONG_AGO, OTHER, REMOVE, J, Life, P, T, at, rated, written


def agreed(value: float = 6, feature: Feature = Feature.RATINGS, **more: Any) -> Life:
    """A film with one value everywhere."""
    life = Life(feature, **more)
    given = {Feature.RATINGS: rated(value, LONG_AGO), Feature.WATCHLIST: Listed(LONG_AGO)}
    for side in life.sides:
        life.put(side, given.get(feature, Collected(LONG_AGO, Media(resolution="hd_1080p"))))
    life.agree(
        int(value) if feature is Feature.RATINGS else True if feature is Feature.WATCHLIST else life.held[T][FILM]
    )
    return life


def stars(life: Life) -> list[float | None]:
    """What Trakt, Jellyfin and Plex hold."""
    return [held.value if (held := life.held[side].get(FILM)) is not None else None for side in (T, J, P)]


def test_nobody_says_anything() -> None:
    assert not agreed().run()


@pytest.mark.parametrize(("side", "writes"), [(T, [J, P]), (J, [T, P]), (P, [T, J])])
def test_one_value_goes_everywhere_once(side: int, writes: list[int]) -> None:
    life = agreed()
    life.put(side, rated(9, at(-0.5)))
    assert written(life.run()) == {(each, "add"): 1 for each in writes}
    assert stars(life) == [9, 9, 9]
    assert not life.run()
    assert not life.run()


def test_what_was_rated_on_a_file_that_went_is_rated_on_the_one_that_came() -> None:
    """Also where nothing moves any more, as after a run that died."""
    life = agreed()
    life.items[J][FILM] = ("better",)
    life.facts[J] = {"scope": Scope.UNCHANGED, "facts": {}}
    assert written(life.merged()) == {(J, "add"): 1}


def test_several_values_that_are_equal_are_one() -> None:
    life = agreed()
    life.put(J, rated(8.5))
    life.put(T, rated(9, at(-0.5)))
    plan = life.run()
    assert written(plan) == {(P, "add"): 1}
    assert not plan.notes


@pytest.mark.parametrize(
    ("trakt", "plex", "prefer", "result", "how"),
    [
        (at(0, -30), at(0, -40), "trakt", 9, "newest"),
        (at(0, -40), at(0, -30), "trakt", 4, "newest"),
        (at(0, -30), at(0, -30), "trakt", 9, "preferred"),
        (at(0, -30), at(0, -30), "server", 4, "preferred"),
        (at(0, -30), at(0, -29), "server", 4, "preferred"),
        (at(0, -30), None, "trakt", 9, "preferred"),
        (at(0, -30), None, "server", 4, "preferred"),
        (at(-5), None, "trakt", 4, "newest"),  # it moved in the last hour, and Trakt hours before
    ],
)
def test_of_several_values_the_newest_counts_else_the_preferred_and_it_is_listed(
    trakt: datetime, plex: datetime | None, prefer: str, result: int, how: str
) -> None:
    life = agreed()
    life.put(T, rated(9, trakt))
    life.put(P, rated(4, plex))
    plan = life.run(prefer=prefer)
    assert stars(life) == [result] * 3
    (note,) = plan.notes
    assert note.kind == "conflict"
    assert how in note.why
    assert not life.run(prefer=prefer)


@pytest.mark.parametrize("choices", [{}, REMOVE])
def test_a_value_and_a_removal_are_the_value(choices: dict[str, Any]) -> None:
    life = agreed()
    life.put(T, None)
    life.put(P, rated(9))
    life.run(**choices)
    assert stars(life) == [9, 9, 9]


@pytest.mark.parametrize("side", [T, J, P])
def test_a_removal_goes_everywhere_if_a_person_wants_it(side: int) -> None:
    life = agreed()
    life.put(side, None)
    plan = life.run(**REMOVE)
    assert stars(life) == [None, None, None]
    assert set(written(plan)) == {(each, "remove") for each in (T, J, P) if each != side}
    assert not life.run(**REMOVE)


@pytest.mark.parametrize("side", [T, J, P])
def test_else_that_side_is_kept_and_nothing_is_removed_or_comes_back(side: int) -> None:
    life = agreed()
    life.put(side, None)
    for choices in ({}, {}, {"full": True}, REMOVE):
        plan = life.run(**choices)
        assert not plan.changes
        assert [(note.kind, note.side) for note in plan.notes] == [("kept", side)]
    life.put(J if side != J else P, rated(9))
    life.run()
    assert stars(life) == [9, 9, 9], "a new value ends it"


@pytest.mark.parametrize("remove_at", ["remove_at_trakt", "remove_on_servers"])
def test_a_removal_goes_where_it_may_and_the_others_are_kept(remove_at: str) -> None:
    life = agreed()
    life.put(J, None)
    choices: dict[str, Any] = {remove_at: LONG_AGO}
    for _ in range(3):
        plan = life.run(**choices)
        assert [note.kind for note in plan.notes] == ["kept"]
        assert stars(life) == ([None, None, 6] if remove_at == "remove_at_trakt" else [6, None, None])
    life.run(full=True, **choices)
    assert life.held[J].get(FILM) is None


def test_what_all_sides_took_away_is_removed_whatever_was_chosen() -> None:
    life = agreed()
    for side in life.sides:
        life.put(side, None)
    life.run()
    assert life.agreed[FILM].value is None
    assert not life.run().notes


@pytest.mark.parametrize("how", ["left", "another id", "part", "incomplete"])
def test_what_left_is_no_statement(how: str) -> None:
    life = agreed()
    life.put(J, None)
    if how in ("left", "another id"):
        life.items[J] = {} if how == "left" else {FILM: ("b",)}
    more: dict[str, dict[str, Any]] = {"part": {"scope": Scope.PART}, "incomplete": {"complete": False}}
    life.facts[J] = more.get(how, {})
    plan = life.run(**REMOVE)
    assert not plan.agreed
    assert stars(life)[0] == 6
    assert stars(life)[1] == (6 if how == "another id" else None), "a new file is given the rating"


def test_a_look_that_failed_says_nothing_and_writes_nothing() -> None:
    life = agreed()
    life.put(J, None)
    reads = {side: life.read(side) for side in life.sides}
    reads[J] = reads[J].looked({}, frozenset({FILM}), there={}, complete=False)
    plan = merge(life.agreed, life.seen, reads, life.policy(**REMOVE))
    assert plan.looks == {J: [FILM]}
    assert not plan


def test_first_runs_are_a_union_with_conflicts_listed() -> None:
    """A-025: ten here, twelve on Trakt, five in common, two of them different."""
    life = Life(Feature.RATINGS, sides=(T, P), items={P: {title: (f"i{title}",) for title in range(17)}})
    for title in range(10):
        life.put(P, rated(6), title)
    for title in range(5, 17):
        life.put(T, rated(8 if title in (5, 6) else 6, LONG_AGO), title)
    plan = life.run()
    assert written(plan) == {(T, "add"): 5, (P, "add"): 9}
    assert sum(note.kind == "conflict" for note in plan.notes) == 2
    assert len(life.agreed) == 17
    assert not life.run()


def test_a_side_that_joins_meets_the_values_of_all_others() -> None:
    life = agreed(8)
    life.joined = {T, J}
    life.seen[P] = {}
    life.put(P, rated(6))
    plan = life.run()
    assert stars(life) == [8, 8, 8]
    assert [note.kind for note in plan.notes] == ["conflict"]
    life = agreed(8)
    life.joined, life.seen[P] = {T, J}, {}
    life.put(P, rated(6))
    life.run(prefer="server")
    assert stars(life)[0] == 8, "of two servers the one that agrees"


def test_nearest_tells_the_rounded_value_and_strict_lists_it() -> None:
    life = agreed()
    life.put(J, rated(7.4))
    for _ in range(2):
        plan = life.run(steps="strict")
        assert not plan.changes
        assert [note.kind for note in plan.notes] == ["rounded"]
    life.run(steps="nearest")
    assert stars(life) == [7, 7.4, 7]


@pytest.mark.parametrize(("value", "result"), [(8.5, 9), (8.4, 8), (0.3, 1), (0.5, 1), (1.5, 2), (10.0, 10), (9.6, 10)])
def test_ratings_round_half_up_and_stay_within_one_and_ten(value: float, result: int) -> None:
    assert ratings.whole(value) == result


def test_all_ten_values_survive_the_way_there_and_back() -> None:
    for value in range(1, 11):
        for side in (T, J, P):
            life = Life(Feature.RATINGS, joined={T, J, P})
            life.put(side, rated(value))
            life.run()
            assert stars(life) == [value] * 3


def test_a_rating_that_would_make_a_play_waits() -> None:
    life = agreed()
    life.put(J, rated(9))
    choices: dict[str, Any] = {"rating_watches": True, "kinds": {FILM: Kind.MOVIE}}
    plan = life.run(**choices)
    assert stars(life) == [6, 9, 9]
    assert [note.kind for note in plan.notes] == ["waits"]
    assert written(life.run(**choices, watched={FILM: at()})) == {(T, "add"): 1}


@pytest.mark.parametrize("direction", [Direction.TO_TRAKT, Direction.FROM_TRAKT, Direction.OFF])
def test_direction_says_who_is_written_and_every_side_is_read(direction: Direction) -> None:
    life = agreed()
    life.put(J, rated(9))
    plan = life.run(direction=direction)
    writes = {Direction.TO_TRAKT: {(T, "add"): 1}, Direction.FROM_TRAKT: {(P, "add"): 1}, Direction.OFF: {}}
    assert written(plan) == writes[direction]
    assert life.agreed[FILM].value == 9


def test_a_side_is_given_only_what_it_can_hold() -> None:
    life = agreed()
    life.put(T, rated(9))
    sides = tuple(type(each)(each.id, each.key, each.label, True, each.id != P) for each in map(life.side, life.sides))
    assert written(life.run(sides=sides)) == {(J, "add"): 1}
    life = agreed()
    life.put(T, rated(9))
    no_films = frozenset({Kind.SHOW})
    sides = tuple(
        type(each)(each.id, each.key, each.label, kinds=no_films if each.id == P else frozenset(Kind))
        for each in map(life.side, life.sides)
    )
    assert written(life.run(sides=sides)) == {(J, "add"): 1}


def test_only_the_titles_that_a_run_is_about_are_touched() -> None:
    life = agreed()
    life.put(T, rated(9))
    life.put(T, rated(3), OTHER)
    plan = life.run(only=frozenset({OTHER}))
    assert {change.title for change in plan.changes} == {OTHER}
    assert stars(life) == [9, 6, 6]
    assert FILM not in plan.agreed


def test_an_echo_is_no_statement_even_if_the_answer_was_lost() -> None:
    life = agreed()
    life.put(T, rated(9, at(-0.5)))
    life.run(killed_after=0)
    life.put(T, rated(3))
    plan = life.run(prefer="server")
    assert stars(life) == [3, 3, 3], "what we wrote ourselves contradicts nobody"
    assert not plan.notes


def test_a_change_is_stored_with_what_it_was_made_from() -> None:
    life = agreed()
    life.put(T, rated(9, at(-0.5)))
    change = life.merged().changes[0]
    assert (change.before, change.value) == (rated(6, LONG_AGO), Rating(9, at(-0.5)))
    assert (change.made_from.by, change.made_from.value, change.made_from.agreed) == (T, 9, 6)
    assert change.why == "Trakt said so."


@pytest.mark.parametrize("order", list(permutations((T, J, P))))
def test_the_order_of_sides_makes_no_difference(order: tuple[int, ...]) -> None:
    life = agreed(sides=order)
    life.put(J, rated(4))
    life.put(P, rated(5))
    life.put(T, rated(9))
    life.run(prefer="server")
    assert stars(life) == [4, 4, 4]


def test_what_was_watched_after_it_was_listed_left_the_watchlist_by_itself() -> None:
    life = agreed(feature=Feature.WATCHLIST)
    life.put(T, None)
    for _ in range(3):
        plan = life.run(**REMOVE, watched={FILM: at(-1)})
        assert not plan.changes
    assert FILM in life.held[P]
    life = agreed(feature=Feature.WATCHLIST)
    life.put(T, None)
    life.run(**REMOVE, watched={FILM: LONG_AGO - timedelta(days=1)})
    assert FILM not in life.held[P], "watched before it was listed: a person took it off"


def test_what_was_watched_is_not_listed_on_another_side() -> None:
    life = Life(Feature.WATCHLIST, joined={T, J, P})
    life.put(P, Listed(LONG_AGO))
    assert not life.run(watched={FILM: at(-1)}).changes


def test_what_left_a_disk_is_never_taken_from_a_collection_by_a_sync() -> None:
    life = agreed(feature=Feature.COLLECTION)
    life.put(J, None)
    life.put(P, None)
    plan = life.run(**REMOVE)
    assert FILM in life.held[T]
    assert not plan.agreed
    life.put(T, None)
    life.put(J, Collected(at()))
    assert not life.run().agreed, "and it is the same collection, whatever the file"


def test_what_a_person_took_from_the_collection_does_not_come_back() -> None:
    life = agreed(feature=Feature.COLLECTION)
    life.put(T, None)
    for _ in range(3):
        assert not life.run(direction=Direction.TO_TRAKT).changes


def test_the_best_copy_is_told_with_its_media() -> None:
    life = Life(Feature.COLLECTION, sides=(T, J), joined={T, J})
    life.put(J, Collected(at(), Media(resolution="uhd_4k")))
    (change,) = life.run().changes
    assert change.value == Collected(at(), Media(resolution="uhd_4k"))


def test_of_three_values_the_newest_must_be_newer_than_both() -> None:
    life = agreed()
    for side, value, when in ((T, 3, at(0, -50)), (J, 4, None), (P, 5, at(0, -10))):
        life.put(side, rated(value, when))
    plan = life.run()
    assert stars(life) == [3, 3, 3]
    assert "preferred" in plan.notes[0].why


def test_our_own_removal_is_no_statement() -> None:
    life = agreed(sides=(T, J))
    life.put(J, None)
    life.run(killed_after=0, **REMOVE)
    assert FILM not in life.held[T]
    life.put(J, rated(4))
    plan = life.run()
    assert life.held[T][FILM].value == 4
    assert not plan.looks
