"""Lives of two films on up to three sides: whatever people and services do between runs, some things always hold."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sidecar.contract import Copy, Plays, Watched
from sidecar.model import Feature
from sidecar.sync.merge import merge
from tests.sync.life import FILM, KEYS, OTHER, REMOVE, J, Life, P, T, rated

SERVERS = (J, P)
TITLES = (FILM, OTHER)


@dataclass(frozen=True)
class Deed:
    """Something that happens between two runs, and how the run after it goes."""

    what: str
    side: int
    title: int
    value: int
    away: frozenset[int]
    incomplete: frozenset[int]
    killed_after: int | None
    full: bool


def deeds(*what: str) -> st.SearchStrategy[list[Deed]]:
    """A short life."""
    some = st.frozensets(st.sampled_from((T, *SERVERS)), max_size=2)
    one = st.builds(
        Deed,
        what=st.sampled_from(what),
        side=st.sampled_from((T, *SERVERS)),
        title=st.sampled_from(TITLES),
        value=st.integers(1, 10),
        away=st.one_of(st.just(frozenset()), some),
        incomplete=st.one_of(st.just(frozenset()), some),
        killed_after=st.one_of(st.none(), st.none(), st.integers(0, 3)),
        full=st.sampled_from((False, False, False, True)),
    )
    return st.lists(one, max_size=8)


HISTORY = deeds("play", "mark", "unwatch", "replace", "leave", "sample", "nothing")
RATINGS = deeds("rate", "unrate", "replace", "leave", "nothing")


class World:
    """The life with a memory of what persons did."""

    def __init__(self, feature: Feature, *, remove: bool) -> None:
        self.life, self.files = Life(feature), 0
        self.choices: dict[str, Any] = REMOVE if remove else {}
        self.played: list[tuple[int, Any]] = []
        self.taken: set[int] = set()  # titles that a person took something from

    def do(self, deed: Deed) -> None:
        """What happens."""
        life, side, title = self.life, deed.side, deed.title
        life.now += timedelta(hours=12)
        if deed.what == "play":
            life.play(side, life.now - timedelta(hours=6), title)
            self.played.append((title, life.now - timedelta(hours=6)))
        elif deed.what == "rate":
            life.put(side, rated(deed.value, life.now if side != J else None), title)
        elif deed.what in ("unwatch", "unrate"):
            self.taken |= {title} if title in life.held[side] else set()
            life.put(side, None, title)
        elif side == T:
            return
        elif deed.what == "mark" and not life.watched(side, title):
            when = life.now if side == P else None
            life.put(side, Watched((Copy(life.items[side][title][0], played=True, count=1, at=when),)), title)
        elif deed.what in ("replace", "leave"):
            self.files += 1
            life.items[side] = {**life.items[side], title: (f"{title}-{self.files}",)}
            life.put(side, None, title)
        elif deed.what == "sample" and side == J and life.watched(J, title):
            item, when = life.items[J][title][0], life.now - timedelta(hours=6)
            life.put(J, Watched((Copy(item, played=False, count=2, at=when, begun=True),)), title)
            life.facts[J] = {"explained": {item: (when,)}}

    def run(self, deed: Deed) -> None:
        """A run as it may go."""
        self.life.away = set(deed.away)
        for side in deed.incomplete:
            self.life.facts[side] = {**self.life.facts.get(side, {}), "complete": False}
        self.life.run(killed_after=deed.killed_after, full=deed.full, **self.choices)
        self.life.away = set()

    def holding(self) -> dict[int, set[int]]:
        """The titles that each side holds."""
        life = self.life
        titles = {
            side: {title for title in held if title in life.items.get(side, held)} for side, held in life.held.items()
        }
        if life.feature is Feature.HISTORY:
            return {side: {title for title in found if life.watched(side, title)} for side, found in titles.items()}
        return titles

    def live(self, life: list[Deed]) -> None:
        """All of it; after each run, nothing is gone that no person took away."""
        for deed in life:
            self.do(deed)
            before = self.holding()
            self.run(deed)
            after = self.holding()
            for side, titles in before.items():
                lost = titles - after[side]
                assert lost <= self.taken if self.choices else not lost, "removed, and no person removed it"

    def settle(self) -> None:
        """Two clean runs."""
        for _ in range(2):
            self.life.run(**self.choices)


@given(life=HISTORY, remove=st.booleans())
def test_after_two_clean_runs_the_next_one_plans_nothing_and_no_play_was_told_twice(
    life: list[Deed], *, remove: bool
) -> None:
    world = World(Feature.HISTORY, remove=remove)
    world.live(life)
    world.settle()
    plan = world.life.run(**world.choices)
    assert not plan.changes
    assert not plan.agreed
    assert not plan.claims
    dated = [told for told in world.life.told if told[1] is not None]
    if not world.taken:
        assert len(dated) == len(set(dated))
        plays = sum(value.count for value in world.life.held[T].values() if isinstance(value, Plays))
        marked = sum(deed.what == "mark" for deed in life)
        assert plays <= len(world.played) + marked


@given(life=RATINGS, remove=st.booleans())
def test_ratings_settle_and_all_sides_agree_where_nobody_wanted_otherwise(life: list[Deed], *, remove: bool) -> None:
    world = World(Feature.RATINGS, remove=remove)
    world.live(life)
    world.settle()
    plan = world.life.run(**world.choices)
    assert not plan.changes
    assert not plan.agreed
    if not world.taken:
        for title in TITLES:
            held = [world.life.held[side].get(title) for side in (T, J, P)]
            assert len({value.value if value is not None else None for value in held}) == 1


@given(life=HISTORY, side=st.sampled_from((T, *SERVERS)), remove=st.booleans(), full=st.booleans())
def test_nobodys_removal_comes_back(life: list[Deed], side: int, *, remove: bool, full: bool) -> None:
    world = World(Feature.HISTORY, remove=remove)
    world.live(life)
    world.settle()
    if not world.life.watched(side):
        return
    world.do(Deed("unwatch", side, FILM, 1, frozenset(), frozenset(), None, full=False))
    world.life.run(**world.choices)
    for choices in ({}, {"full": full}, {}, REMOVE):
        world.life.run(**(world.choices | choices))
        assert not world.life.watched(side)


@given(
    held=st.dictionaries(
        st.sampled_from((T, *SERVERS)), st.dictionaries(st.sampled_from(TITLES), st.integers(1, 10)), max_size=3
    ),
    joined=st.frozensets(st.sampled_from((T, *SERVERS))),
    full=st.booleans(),
)
def test_a_first_run_removes_nothing(held: dict[int, dict[int, int]], joined: frozenset[int], *, full: bool) -> None:
    life = Life(Feature.RATINGS)
    for side, titles in held.items():
        for title, value in titles.items():
            life.put(side, rated(value), title)
    if full:
        life.joined = set(joined)
    before = {side: set(titles) for side, titles in life.held.items()}
    plan = life.run(full=full, **REMOVE)
    assert all(change.action == "add" for change in plan.changes)
    union = set().union(*before.values())
    assert all(set(titles) == union for titles in life.held.values())


@given(life=st.one_of(HISTORY, RATINGS), last=st.one_of(HISTORY, RATINGS))
def test_the_order_of_sides_makes_no_difference(life: list[Deed], last: list[Deed]) -> None:
    feature = Feature.RATINGS if any("rat" in deed.what for deed in (*life, *last)) else Feature.HISTORY
    fits = {"play", "mark", "unwatch", "sample"} if feature is Feature.RATINGS else {"rate", "unrate"}
    world = World(feature, remove=True)
    world.live([deed for deed in life if deed.what not in fits])
    for deed in last:
        if deed.what not in fits:
            world.do(deed)
    one = world.life
    reads = {side: one.read(side) for side in one.sides}
    plans = []
    for order in permutations(one.sides):
        policy = one.policy(**REMOVE)
        sides = tuple(one.side(side) for side in order)
        turned = {side: dict(reversed(list(one.seen[side].items()))) for side in order}
        plan = merge(one.agreed, turned, reads, type(policy)(**{**policy_fields(policy), "sides": sides}))
        plans.append((plan.changes, dict(plan.agreed), {side: dict(rows) for side, rows in plan.seen.items()}))
    assert all(plan == plans[0] for plan in plans)


def policy_fields(policy: Any) -> dict[str, Any]:
    """A policy as keywords."""
    return {name: getattr(policy, name) for name in policy.__struct_fields__}


def test_the_sides_of_these_lives_are_the_three_services() -> None:
    assert [KEYS[side].split(":")[0] for side in (T, J, P)] == ["trakt", "jellyfin", "plex"]
