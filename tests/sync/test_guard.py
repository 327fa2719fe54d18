"""The table of the guard: what is held, at which number, and what a person's word about it does."""

from typing import Any

import pytest

from sidecar.contract import Copy, Plays, Rating, Scope, Watched
from sidecar.model import Feature
from sidecar.sync import guard
from sidecar.sync.plan import Seen
from sidecar.sync.sides import Decision
from tests.sync.life import LONG_AGO, REMOVE, J, Life, P, T, at, jelly, rated


def rated_titles(count: int) -> Life:
    """So many titles with one rating on both sides."""
    life = Life(Feature.RATINGS, sides=(T, J), items={J: {title: (f"i{title}",) for title in range(2 * count + 300)}})
    for title in range(count):
        for side in (T, J):
            life.put(side, rated(6, LONG_AGO), title)
        life.agree(6, title=title)
    return life


def held(life: Life, **choices: Any) -> list[tuple[int, str, int]]:
    """What the next plan holds: side, rule, how many."""
    return [(part.side, part.rule, len(part.titles)) for part in life.merged(**choices).held]


@pytest.mark.parametrize(
    ("known", "gone", "recent", "stops"),
    [
        (40, 15, 0, False),
        (40, 16, 0, True),
        (40, 10, 6, True),
        (40, 10, 5, False),
        (100, 10, 0, False),  # the row of the acceptance: ten of a hundred are applied
        (100, 30, 0, False),
        (100, 31, 0, True),
    ],
)
def test_removals_above_fifteen_and_thirty_percent_within_a_day(
    known: int, gone: int, recent: int, *, stops: bool
) -> None:
    life = rated_titles(known)
    for title in range(gone):
        life.put(J, None, title)
    counted = {(J, guard.REMOVALS): recent}
    found = held(life, recent=counted, **REMOVE)
    assert ((J, guard.REMOVALS, gone) in found) is stops
    plan = life.run(recent=counted, **REMOVE)
    assert bool(plan.agreed) is not stops
    assert plan.counts.get((J, guard.REMOVALS), 0) == (0 if stops else gone)
    assert not (stops and plan.looks), "what is held is not even asked about"


@pytest.mark.parametrize("choices", [REMOVE, {}])
def test_the_guard_counts_before_any_policy(choices: dict[str, Any]) -> None:
    life = rated_titles(40)
    for title in range(20):
        life.put(T, None, title)
    assert (T, guard.REMOVALS, 20) in held(life, **choices)


@pytest.mark.parametrize(
    ("known", "new", "stops"), [(100, 200, False), (100, 201, True), (1500, 300, False), (1500, 301, True)]
)
def test_new_values_above_two_hundred_and_twenty_percent(known: int, new: int, *, stops: bool) -> None:
    life = rated_titles(known)
    for title in range(new):
        life.put(J, rated(9), title + known)
    assert held(life) == ([(J, guard.NEW, new)] if stops else [])
    life.joined = {T}
    assert held(life) == [], "a first run is none of its business"


def test_new_values_are_not_counted_in_a_full_sync_unless_they_moved() -> None:
    life = rated_titles(300)
    assert held(life, full=True) == []


@pytest.mark.parametrize(("plays", "stops"), [(20, False), (21, True)])
@pytest.mark.parametrize("joined", [True, False])
def test_plays_without_a_date(plays: int, *, stops: bool, joined: bool) -> None:
    life = Life(sides=(T, J), joined={T, J} if joined else set(), items={J: {t: (f"i{t}",) for t in range(200)}})
    for title in range(plays):
        life.put(J, Watched((jelly(f"i{title}"),)), title)
    for title in range(100, 150):  # where Trakt has a play, nothing is told
        life.put(J, Watched((jelly(f"i{title}"),)), title)
        life.put(T, Plays((LONG_AGO,)), title)
    assert held(life) == ([(J, guard.UNDATED, plays)] if stops else [])


@pytest.mark.parametrize(("changed", "stops"), [(5, False), (6, True)])
def test_changed_ids(changed: int, *, stops: bool) -> None:
    life = rated_titles(40)
    life.put(J, rated(9), 0)
    life.put(J, None, 1)
    life.facts[J] = {"renumbered": changed}
    assert held(life) == ([(J, guard.IDS, 2)] if stops else [])


@pytest.mark.parametrize(
    ("known", "lost", "left", "stops"),
    [(40, 13, 3, False), (40, 16, 3, True), (100, 30, 3, False), (100, 31, 3, True), (5, 5, 0, True), (4, 4, 0, False)],
)
def test_a_read_that_lost_much(known: int, lost: int, left: int, *, stops: bool) -> None:
    """Some of what is lost left the library; what is there still may not be taken as removed."""
    life = rated_titles(known)
    for title in range(lost):
        life.put(J, None, title)
        if title >= 3 and known > 5:
            life.items[J].pop(title)
    found = held(life, **REMOVE)
    assert ((J, guard.LOST) in {(side, rule) for side, rule, _ in found}) is stops


def test_titles_that_were_asked_for_directly_are_not_missing_from_a_listing() -> None:
    life = rated_titles(5)
    for title in range(5):
        life.put(J, None, title)
    life.facts[J] = {
        "scope": Scope.ONLY,
        "asked": frozenset(range(5)),
        "there": {f"i{title}": None for title in range(5)},
    }
    assert held(life, **REMOVE) == []


def test_what_is_held_on_one_side_does_not_stop_the_rest() -> None:
    life = rated_titles(40)
    for title in range(20):
        life.put(J, None, title)
    life.put(T, rated(9), 30)
    plan = life.run(**REMOVE)
    assert [(change.side, change.title) for change in plan.changes] == [(J, 30)]
    assert len(life.held[T]) == 40


@pytest.mark.parametrize("answer", ["apply", "keep"])
def test_apply_and_keep_are_about_exactly_these_titles(answer: str) -> None:
    life = rated_titles(40)
    for title in range(20):
        life.put(J, None, title)
    parts = life.run(**REMOVE).held
    for title in range(20, 22):
        life.put(J, None, title)
    decided = {(part.side, part.rule): Decision(**{answer: frozenset(part.titles)}) for part in parts}
    plan = life.run(decided=decided, **REMOVE)
    assert not plan.held
    if answer == "apply":
        assert set(life.held[T]) == set(range(22, 40))
    else:
        assert set(life.held[T]) == {*range(20), *range(22, 40)}
        assert life.seen[J][3].kept_since
    plan = life.run(**REMOVE)
    assert not plan.held
    assert not plan.changes


def test_what_was_applied_is_looked_at_afresh() -> None:
    life = rated_titles(40)
    for title in range(20):
        life.put(J, None, title)
    parts = life.run(**REMOVE).held
    life.put(J, rated(6), 7)  # it came back before the person answered
    decided = {(part.side, part.rule): Decision(apply=frozenset(part.titles)) for part in parts}
    life.run(decided=decided, **REMOVE)
    assert 7 in life.held[T]
    assert len(life.held[T]) == 21


def test_every_rule_says_why_in_a_sentence() -> None:
    life = Life(sides=(T, J, P), joined={T, J, P}, items={J: {t: (f"i{t}",) for t in range(250)}, P: {}})
    for title in range(250):
        life.put(J, Watched((Copy(f"i{title}", played=True, at=at(-title)),)), title)
    (part,) = life.merged().held
    assert part.why == "250 titles are new or different within a day; more than 200 are looked at by a person first."


def test_keeping_marks_the_row_and_leaves_the_rest_of_it() -> None:
    assert guard.kept(Seen(Rating(6)), at()) == Seen(Rating(6), kept_since=at())
