"""The walks of the specification of history that are the merge's; each test carries the number of its walk."""

from typing import Any

import pytest

from sidecar.contract import Copy, Plays, Rating, Scope, Watched
from sidecar.model import Feature
from sidecar.sync import match
from sidecar.sync.plan import Agreed, Seen
from sidecar.sync.sides import Decision
from sidecar.viewing import Told, Viewing
from tests.sync.life import FILM, J2, KEYS, LONG_AGO, OTHER, REMOVE, J, Life, P, T, at, jelly, rated, written


def watched(*sides: int) -> Life:
    """A film that all sides hold as watched, from long ago."""
    life = Life(sides=sides or (T, J))
    life.put(T, Plays((LONG_AGO,)))
    for side in set(life.sides) - {T}:
        life.put(side, Watched((jelly("a", LONG_AGO),), (LONG_AGO,) if side == P else ()))
    life.agree()
    return life


def test_walk_1_an_unwatch_without_remove_too_stays_through_everything_until_it_is_watched_again() -> None:
    life = watched()
    life.put(J, None)
    for choices in ({}, {}, {"full": True}, REMOVE, {**REMOVE, "full": True}, REMOVE):
        plan = life.run(**choices)
        assert not plan.changes
        assert not life.watched(J)
        assert life.watched(T)
        assert [note.kind for note in plan.notes] == ["kept"]
    life.play(T, life.now)
    life.run(**REMOVE)
    assert life.watched(J)


def test_walk_1_a_switch_that_was_turned_after_the_unwatch_was_heard_does_not_act_on_it() -> None:
    for turned, removed in ((at(-1), False), (at(-3), True)):
        life = watched()
        life.put(J, None)
        life.facts[J] = {"toggled": {"a"}, "explained": {"a": (at(-2),)}}
        life.run(remove_at_trakt=turned)
        assert life.watched(T) is not removed


@pytest.mark.parametrize(
    ("plex", "jelly12", "explained", "statements"),
    [
        ((2, at(), True), (True, False), False, {"plex": False, "jellyfin": False}),  # watched again to the end
        ((1, at(), False), (True, False), True, {}),  # a sample that was heard
        ((1, at(), False), (True, False), False, {"jellyfin": False}),  # a sample that nobody heard: 12 shows a rewatch
        ((1, at(), False), (True, True), False, {}),  # left at 40 %
        ((2, at(), False), (True, False), True, {}),  # marked again by a tool
        ((1, at(), False), (False, False), False, {}),  # the same sample on a server up to 10.11
    ],
)
def test_walk_2_rewatches(
    plex: tuple[int, Any, bool], jelly12: tuple[bool, bool], *, explained: bool, statements: dict[str, bool]
) -> None:
    life = watched(T, J, P)
    count, last, row = plex
    rows = (LONG_AGO, last) if row else (LONG_AGO,)
    life.put(P, Watched((Copy("a", played=True, count=count, at=last),), rows))
    played, begun = jelly12
    life.put(J, Watched((Copy("a", played=played, count=2, at=at(), begun=begun),)))
    life.facts[J] = {"explained": {"a": (at(),)} if explained else {}}
    claims = {claim.sighting.source.value: claim.sighting.mark for claim in life.merged().claims}
    assert claims == statements


@pytest.mark.parametrize("killed", [True, False])
def test_walk_3_the_echo(*, killed: bool) -> None:
    life = Life(joined={T, J, P}, now=at(2.5))
    life.put(J, Watched((jelly("a", at()),)))
    life.put(T, Plays((at(2),)))
    life.ledger[FILM] = [Viewing(1, began=at(), ended=at(2), minute=at(2), told=Told.YES)]
    plan = life.run(killed_after=0 if killed else None)
    assert written(plan) == {(P, "add"): 1}
    assert not life.run().changes
    assert not life.run()
    assert len(life.ledger[FILM]) == 1
    assert not life.told


def test_walk_3a_a_side_that_was_away_is_filled_and_an_unwatch_meanwhile_is_not_lost() -> None:
    life = Life(joined={T, J, P}, away={P})
    life.play(J, at())
    life.run()
    assert life.watched(T)
    life.away = set()
    life.run()
    assert life.watched(P)
    life = Life(joined={T, J, P}, away={P})
    life.play(J, at())
    life.run()
    life.away = set()
    life.put(J, None)
    life.run(**REMOVE)
    assert not any(life.watched(side) for side in life.sides)


def test_walk_5_start_against_stop_is_one_viewing() -> None:
    life = Life(sides=(T, J), joined={T, J})
    life.play(J, at(0))
    life.play(T, at(2))
    life.run()
    assert not life.told
    life.play(T, at(4.5))
    life.play(J, at(2.5))
    life.run()
    assert not life.told


def test_walk_6_whoever_comes_first_claims() -> None:
    life = Life(sides=(T, J), joined={T, J}, now=at(3))
    life.play(J, at(0.5))
    life.ledger[FILM] = [Viewing(1, began=at(0.5), ended=at(2), minute=at(2), told=Told.NO)]
    plan = life.run()
    assert [change.value.minutes for change in plan.changes] == [(at(2),)]
    assert len(life.ledger[FILM]) == 1


def test_walk_7_ratings_at_the_same_time() -> None:
    def rating_life() -> Life:
        life = Life(Feature.RATINGS)
        for side in life.sides:
            life.put(side, rated(8, LONG_AGO))
        life.agree(8)
        return life

    life = rating_life()
    life.put(P, None)
    life.put(T, rated(9, at()))
    life.run()
    assert life.held[P][FILM].value == life.held[J][FILM].value == 9
    life = rating_life()
    life.put(P, None)
    life.put(T, rated(8, at()))
    plan = life.run()
    assert not plan.changes, "Trakt did not move: a removal, by policy"
    life.put(T, rated(9, at(2)))
    life.run()
    assert life.held[P][FILM].value == 9


@pytest.mark.parametrize(
    "how", ["re-added", "upgraded", "rewatch", "key re-used", "unwatched", "heard", "fault", "sample", "no right"]
)
def test_walk_8_what_looks_like_an_unwatch(how: str) -> None:
    life = watched(T, J)
    life.put(J, None)
    more: dict[str, Any] = {}
    if how in ("re-added", "upgraded", "key re-used"):
        life.items[J] = {FILM: ("b",)} if how != "key re-used" else {OTHER: ("a",)}
    if how in ("rewatch", "sample"):
        begun = how == "rewatch"
        life.put(J, Watched((Copy("a", played=False, count=2 - (not begun), at=life.now, begun=begun),)))
    if how == "heard":
        life = Life(sides=(T, J), joined={T, J}, now=at(2.5))
        life.put(T, Plays((at(2),)))
        life.ledger[FILM] = [Viewing(1, began=at(), ended=at(2), minute=at(2), told=Told.YES)]
        more = {"heard": {FILM: at(2)}, "heard_on": {FILM: ("a",)}}
    if how == "fault":
        life.blank[J] = {"a": Copy("a", played=False, rating=4.0)}
    if how == "no right":
        life.items[J] = {}
        more = {"covers": frozenset()}
    life.facts[J] = more
    plan = life.run(**REMOVE)
    unwatch = how in ("unwatched", "heard")
    assert (life.agreed[FILM].value is None) is unwatch
    assert life.watched(T) is not unwatch
    filled = how in ("re-added", "upgraded", "fault", "sample")
    assert bool([change for change in plan.changes if change.side == J]) is filled


def test_walk_9_a_corrected_id_tells_the_right_title_and_offers_to_take_back_the_wrong_one() -> None:
    life = Life(sides=(T, J), joined={T, J}, items={J: {FILM: ("x",)}})
    life.put(J, Watched((jelly("x", at()),)))
    life.run()
    assert life.held[T][FILM] == Plays((at(),))
    life.items[J] = {OTHER: ("x",)}
    life.held[J] = {OTHER: life.held[J][FILM]}
    life.facts[J] = {"met": frozenset({"x"})}
    plan = life.run()
    assert [(change.title, change.action) for change in plan.changes] == [(OTHER, "add")]
    ours = {FILM: life.seen[T][FILM].ours}
    (offer,) = match.take_back({"x": (FILM,)}, {"x": (OTHER,)}, life.ledger, KEYS[J], ours)
    assert (offer.title, offer.viewing.minute) == (FILM, at())
    assert not match.take_back({"x": (FILM,)}, {"x": (OTHER,), "y": (FILM,)}, life.ledger, KEYS[J], ours)
    assert not match.take_back({"x": (FILM,)}, {"x": (OTHER,)}, life.ledger, KEYS[J], {}), "a play of the person's own"


def test_walk_10_another_trakt_account_is_a_union_and_the_former_one_is_picked_up_where_it_was() -> None:
    life = watched(T, J, P)
    ann, rows = life.held[T], life.seen[T]
    life.held[T], life.seen[T], life.joined, life.ledger = {OTHER: Plays((at(-90),))}, {}, {J, P}, {}
    plan = life.run(**REMOVE)
    assert not [change for change in plan.changes if change.action == "remove"]
    assert life.watched(T)
    assert life.watched(J, OTHER)
    life.held[T], life.seen[T], life.ledger = ann, rows, {}
    assert written(life.run()) == {(T, "add"): 1}, "what the other account had seen, and nothing twice"


def test_walk_12_two_accounts_of_one_server_are_two_sides_and_one_play() -> None:
    life = Life(sides=(T, J, J2), joined={T, J, J2})
    for side in (J, J2):
        life.play(side, at())
    life.run()
    assert life.told == [(FILM, at())]


def test_walk_14_a_first_run_that_was_killed_goes_on_without_telling_anything_twice() -> None:
    titles = range(40)
    life = Life(sides=(T, J), items={J: {title: (f"i{title}",) for title in titles}})
    for title in titles:
        life.put(J, Watched((jelly(f"i{title}", at(-24 * title)),)), title)
    life.run(killed_after=10)
    assert len(life.told) == 11
    life.ledger = {  # one narrow read settles the one that was under way
        title: [
            Viewing(1, minute=row.minute, told=Told.YES, times=row.times) if row.told is Told.SENT else row
            for row in rows
        ]
        for title, rows in life.ledger.items()
    }
    life.run()
    assert len(life.told) == len(set(life.told)) == 40
    assert not life.run()


def test_walk_15_half_steps_meet_rounded_half_up() -> None:
    life = Life(Feature.RATINGS, joined={T, J, P})
    life.put(J, rated(7.4))
    life.run()
    assert [life.held[side][FILM].value for side in (T, J, P)] == [7, 7.4, 7]
    assert not life.run()
    life.put(T, rated(8, at()))
    assert written(life.run()) == {(J, "add"): 1, (P, "add"): 1}
    assert not life.run()
    life = Life(Feature.RATINGS, joined={T, J, P})
    life.put(P, rated(8.6))
    life.run()
    assert [life.held[side][FILM].value for side in (T, J, P)] == [9, 9, 8.6]
    assert not life.run()


def test_walk_15_a_date_that_a_side_cannot_hold_puts_it_not_out_of_step() -> None:
    life = Life(sides=(T, P), joined={T, P})
    life.put(T, Plays((LONG_AGO,)))
    life.run()
    assert life.held[P][FILM].copies[0].at == at()
    assert not life.run()


def test_walk_16_what_we_wrote_into_a_skewed_server_is_no_statement() -> None:
    life = Life(sides=(T, J), joined={T, J})
    life.put(T, Plays((LONG_AGO,)))
    life.run()
    assert life.held[J][FILM].copies[0].at == LONG_AGO
    assert not life.run().claims


def test_walk_17_a_double_episode_and_editions() -> None:
    life = Life(sides=(T, J), joined={T, J}, items={J: {FILM: ("ab",), OTHER: ("ab",)}})
    life.choices = {"several": {"ab": (FILM, OTHER)}}
    life.put(T, Plays((at(),)))
    plan = life.run()
    assert [note.kind for note in plan.notes] == ["waits"]
    assert not plan.changes
    life = Life(sides=(T, J), joined={T, J}, items={J: {FILM: ("ab",), OTHER: ("ab",)}})
    for title in (FILM, OTHER):
        life.put(J, Watched((jelly("ab", at()),)), title)
    plan = life.run()
    assert [(change.title, change.value.minutes) for change in plan.changes] == [(FILM, (at(),)), (OTHER, (at(),))]
    life = Life(sides=(T, J), joined={T, J}, items={J: {FILM: ("a", "b")}})
    life.put(J, Watched((jelly("a", at()),)))
    life.play(T, at(2))
    life.run()
    assert [copy.played for copy in life.held[J][FILM].copies] == [True, True]
    life.items[J] = {FILM: ("b",)}
    life.put(J, Watched((jelly("b", at()),)))
    assert not life.run(**REMOVE).changes
    life = watched(T, J)
    life.put(J, Watched((jelly("a", LONG_AGO), jelly("b", LONG_AGO))))
    life.agree()
    life.put(J, Watched((jelly("b", LONG_AGO),)))
    assert not life.run(**REMOVE).changes, "any copy counts"


@pytest.mark.parametrize("decided", ["apply", "keep"])
def test_walk_18_getting_out(decided: str) -> None:
    titles = range(250)
    life = Life(sides=(T, J), joined={T, J}, items={J: {title: (f"i{title}",) for title in [*titles, 300]}})
    for title in titles:
        life.put(J, Watched((jelly(f"i{title}"),)), title)
    (held,) = [part for part in life.run().held if part.rule == "new values"]
    assert set(held.titles) == set(titles)
    life.play(T, at(), 300)
    plan = life.run()
    assert life.watched(J, 300), "everything else goes on"
    assert len(plan.held) == 2, "and the list is replaced by the next one"
    answer = Decision(**{decided: frozenset(titles)})
    choices: dict[str, Any] = {"decided": {(part.side, part.rule): answer for part in plan.held}}
    plan = life.run(**choices)
    assert not plan.held
    assert life.watched(T, 7) is (decided == "apply")
    for _ in range(2):
        plan = life.run()
        assert not plan.held, "it is not asked again"
        assert not plan.changes


def test_walk_20_an_unwatch_before_the_play_was_told() -> None:
    for choices, kept in (({}, True), (REMOVE, False)):
        life = Life(sides=(T, J), joined={T, J}, now=at(2.5))
        life.ledger[FILM] = [Viewing(1, began=at(), ended=at(2), minute=at(2), told=Told.NO)]
        life.facts[J] = {"heard": {FILM: at(2)}, "heard_on": {FILM: ("a",)}, "scope": Scope.PART}
        plan = life.run(**choices)
        assert not life.watched(J)
        assert list(plan.never) == ([] if kept else [FILM])
        if not kept:
            assert not life.told


def test_what_nobody_agreed_on_yet_is_agreed_when_a_side_takes_its_own_back() -> None:
    life = Life(sides=(T, J), joined={T, J}, now=at(2.5))
    life.put(T, Plays((at(2),)))
    life.ledger[FILM] = [Viewing(1, began=at(), ended=at(2), minute=at(2), told=Told.YES)]
    life.facts[J] = {"heard": {FILM: at(2)}, "heard_on": {FILM: ("a",)}}
    life.run()
    for _ in range(2):
        assert not life.run().changes
    assert (life.agreed[FILM].value, life.seen[J][FILM].kept_since) == (True, at(2.5))


def test_a_full_sync_brings_nothing_back_that_only_was_not_told_yet() -> None:
    life = watched(T, J, P)
    life.away = {P}
    life.put(J, None)
    life.run(**REMOVE)
    assert not life.watched(T)
    life.away = set()
    plan = life.run(**REMOVE, full=True)
    assert not plan.changes
    assert not plan.agreed
    life.run(**REMOVE)
    assert not life.watched(P)


def test_a_rating_keeps_its_row_like_any_other() -> None:
    assert Seen(Rating(8)) != Seen(None)
    assert Seen(None).empty
    assert Agreed(None).value is None
