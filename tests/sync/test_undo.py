"""Walk 19: what is taken back of a run, what is left because it was changed since, and what is lost."""

from typing import Any

import pytest
from msgspec.structs import replace

from sidecar.contract import Copy, Listed, Plays, Watched
from sidecar.model import Feature
from sidecar.sync.plan import Plan
from sidecar.sync.undo import Undo, fits, left, undo
from tests.sync.life import FILM, KEYS, LONG_AGO, NAMES, REMOVE, J, Life, P, T, at, jelly, rated


def take_back(life: Life, plan: Plan) -> Undo:
    """Carry out what undoing a plan asks for."""
    shown = {(side, title): value for side, held in life.held.items() for title, value in held.items()}
    sides = [replace(life.side(side), dates="none" if side == P else "exact") for side in life.sides]
    undone = undo(plan.changes, shown, life.agreed, sides)
    life.agreed |= undone.agreed
    for side, titles in undone.kept.items():
        for title in titles:
            if title in life.seen[side]:
                life.seen[side][title] = replace(life.seen[side][title], kept_since=life.now)
    for change in undone.changes:
        life.write(change)
        value = life.held[change.side].get(change.title)
        life.seen[change.side][change.title] = left(
            life.seen[change.side].get(change.title), undone, change, value, life.now
        )
    return undone


def nothing_is_repeated(life: Life) -> None:
    before = {side: dict(held) for side, held in life.held.items()}
    for choices in ({}, REMOVE, {"full": True}, REMOVE):
        assert not life.run(**choices).changes
    assert life.held == before


def rating_run() -> tuple[Life, Plan]:
    """Plex said 8, and the run told Trakt and Jellyfin."""
    life = Life(Feature.RATINGS, joined={T, J, P})
    life.put(P, rated(8, at(-1)))
    return life, life.run()


def test_walk_19_a_rating_goes_again_and_who_said_it_is_kept() -> None:
    life, plan = rating_run()
    undone = take_back(life, plan)
    assert FILM not in life.held[T]
    assert FILM not in life.held[J]
    assert life.agreed[FILM].value is None
    assert undone.kept == {T: set(), J: set(), P: {FILM}}
    nothing_is_repeated(life)


def test_walk_19_a_former_rating_comes_back() -> None:
    life = Life(Feature.RATINGS)
    for side in life.sides:
        life.put(side, rated(6, LONG_AGO))
    life.agree(6)
    life.put(P, rated(8, at(-1)))
    take_back(life, life.run())
    assert [life.held[side][FILM].value for side in (T, J, P)] == [6, 6, 8]
    assert life.agreed[FILM].value == 6
    nothing_is_repeated(life)


def test_walk_19_what_a_person_changed_since_is_left_and_listed() -> None:
    life, plan = rating_run()
    life.put(T, rated(9, life.now))
    undone = take_back(life, plan)
    assert life.held[T][FILM].value == 9
    assert [(note.kind, note.side) for note in undone.notes] == [("changed", T)]
    assert undone.notes[0].why == "It was changed on Trakt since; it stays."


def test_walk_19_what_was_marked_is_unmarked_and_kept() -> None:
    life = Life(sides=(T, J), joined={T, J})
    life.put(T, Plays((LONG_AGO,)))
    undone = take_back(life, life.run())
    assert not life.watched(J)
    assert undone.kept == {T: set(), J: {FILM}}
    nothing_is_repeated(life)


def test_walk_19_plays_that_were_told_go_by_their_minutes_and_are_not_told_again() -> None:
    life = Life(sides=(T, J), joined={T, J})
    life.put(J, Watched((jelly("a", at()),)))
    plan = life.run()
    life.play(T, at(900))
    undone = take_back(life, plan)
    assert undone.changes[0].value == Plays((at(),))
    assert life.held[T][FILM] == Plays((at(900),))
    life.run()
    assert life.held[T][FILM] == Plays((at(900),))


def test_walk_19_plays_that_were_removed_come_again_with_their_minutes() -> None:
    life = Life(sides=(T, J))
    life.put(T, Plays((LONG_AGO, at())))
    life.put(J, Watched((jelly("a", LONG_AGO),)))
    life.agree()
    life.put(J, None)
    plan = life.run(**REMOVE)
    assert FILM not in life.held[T]
    take_back(life, plan)
    assert life.held[T][FILM] == Plays((LONG_AGO, at()))
    nothing_is_repeated(life)


@pytest.mark.parametrize("side", [J, P])
def test_walk_19_what_was_unmarked_is_marked_and_what_is_lost_is_said(side: int) -> None:
    life = Life(sides=(T, side))
    life.put(T, Plays((LONG_AGO,)))
    life.put(side, Watched((Copy("a", played=True, count=3, at=LONG_AGO),)))
    life.agree()
    life.put(T, None)
    undone = take_back(life, life.run(**REMOVE))
    assert life.watched(side)
    (note,) = undone.notes
    assert note.kind == "lost"
    lost = (
        "how often it was watched is lost there." if side == J else "when and how often it was watched is lost there."
    )
    assert note.why.endswith(lost)
    assert life.held[J][FILM].copies[0].at == LONG_AGO if side == J else True
    nothing_is_repeated(life)


def test_the_last_change_is_taken_back_first_and_sides_that_are_gone_are_passed_over() -> None:
    life, plan = rating_run()
    shown: dict[tuple[int, int], Any] = {(side, FILM): life.held[side][FILM] for side in life.sides}
    sides = [life.side(side) for side in life.sides]
    assert [change.side for change in undo(plan.changes, shown, life.agreed, sides).changes] == [J, T]
    assert [change.side for change in undo(plan.changes, shown, life.agreed, sides[:1]).changes] == [T]


def test_a_stored_change_is_dropped_where_the_side_shows_something_else() -> None:
    change = rating_run()[1].changes[0]
    assert fits(change, None)
    assert not fits(change, rated(3))
    watch = Life(joined={T, J, P})
    watch.put(J, Watched((jelly("a", at()),)))
    plan = watch.merged()
    assert fits(plan.changes[0], None)
    assert not fits(plan.changes[0], Plays((at(),)))
    assert not fits(plan.changes[1], Watched((jelly("a", at()),)))
    listed = Life(Feature.WATCHLIST, joined={T, J, P})
    listed.put(P, Listed(at()))
    assert not fits(listed.merged().changes[0], Listed())


def test_names_of_sides_are_known() -> None:
    assert KEYS.keys() == NAMES.keys()
