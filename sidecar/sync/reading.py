"""Reading the sides of one person, each once: marks first, everything once a day, titles directly where asked for.

A side that cannot be read, or not wholly, is left out with its reason; the others go on. What was read becomes values
by title at once, so that no listing stays in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sidecar.clock import Clock
from sidecar.contract import Copy, Fact, Index, Scope, Watched
from sidecar.errors import SidetraktError
from sidecar.model import Feature, Ref
from sidecar.store.baseline import Baseline, SideState
from sidecar.store.db import Store, Transaction
from sidecar.store.items import Items
from sidecar.store.matches import Matches
from sidecar.store.titles import Titles
from sidecar.sync.linked import Linked
from sidecar.sync.match import by_title, together
from sidecar.sync.matching import Matching, Moved

NOT_SET_UP = "It is not set up."
Tell = Callable[[str, str], None]
Values = dict[int, Any]
Behind = dict[int, tuple[str, ...]]


@dataclass(slots=True)
class Taken:
    """What was read of one side for one feature, by title."""

    index: Index  # without its facts
    whole: bool  # read without a mark
    before: SideState
    asked: frozenset[int] = frozenset()
    facts: Values = field(default_factory=dict)
    behind: Behind = field(default_factory=dict)
    known_at: datetime | None = None  # until when items are known
    again: bool = False  # not all that is there now could be read, because items became others

    @property
    def after(self) -> SideState:
        """How far the side has come by this; a mark moves only where all was read that it covers."""
        index, before = self.index, self.before
        if not index.complete or index.scope is Scope.ONLY:
            return before
        libraries = tuple(sorted(index.libraries)) if self.whole and index.libraries is not None else before.libraries
        whole_at = index.read_at if self.whole else before.whole_at
        state = SideState(before.joined_at, index.mark, index.read_at, whole_at, libraries, self.known_at)
        return replace(state, mark=None, whole_at=None) if self.again else state


@dataclass(slots=True)
class Readings:
    """What was read in one run."""

    taken: dict[tuple[Feature, int], Taken] = field(default_factory=dict)
    stale: dict[str, str] = field(default_factory=dict)  # by label, and why
    troubled: bool = False  # something that is set up could not be read
    moved: set[int] = field(default_factory=set)  # titles that are known now to be what others were
    changed: dict[int, Moved] = field(default_factory=dict)  # by side: items that stand for something else
    requests: int = 0

    def of(self, feature: Feature) -> dict[int, Taken]:
        """By side."""
        return {side: taken for (each, side), taken in self.taken.items() if each is feature}


@dataclass(frozen=True, slots=True)
class Look:
    """What was found of the titles that could be asked for directly."""

    facts: Values = field(default_factory=dict)
    asked: frozenset[int] = frozenset()
    there: Mapping[str, Copy | None] = field(default_factory=dict)
    nameless: frozenset[int] = frozenset()  # titles that cannot be asked for, whenever it is tried


class Reader:
    """Reads sides; stores nothing but what items and titles are."""

    def __init__(self, store: Store, matching: Matching, clock: Clock, every: timedelta) -> None:
        self._store, self._matching, self._clock, self._every = store, matching, clock, every

    def read(
        self,
        sides: list[Linked],
        features: Sequence[Feature],
        *,
        full: bool,
        titles: frozenset[int] | None,
        tell: Tell,
        home: Sequence[Linked] = (),
    ) -> Readings:
        """Read all sides, or these titles alone of servers; of Trakt, where one request tells that nothing moved.

        `home` are all sides of the person, where not all are read. What was read leaves the list: a side remembers
        every row for its next feature, and that of one library at a time is enough in memory.
        """
        readings, began = Readings(), self._clock.now()
        servers = [each.server for each in home or sides if each.server]
        while sides:
            side = sides.pop(0)
            label, indexes = side.side.label(), list[Taken]()
            if not side.side.is_configured():
                readings.stale[label] = NOT_SET_UP
                continue
            for feature in features:
                if feature not in side.side.features():
                    continue
                tell("reads", f"{label}: {feature}")
                try:
                    indexes.append(self._index(side, feature, full=full, titles=titles))
                except SidetraktError as problem:
                    readings.stale[label], readings.troubled = problem.what, True
                    continue
                index = indexes[-1].index
                if not index.complete:
                    readings.stale[label], readings.troubled = index.why, True
                readings.requests += index.requests
            changed = self._matching.match(side.server, began) if side.server and titles is None else {}
            readings.changed.setdefault(side.id, changed)
            for taken in indexes:
                feature, read = taken.index.feature, taken.index.facts
                taken.facts, taken.behind = (
                    self._by_items(side, read) if side.server else self._learned(readings, servers, side, taken.index)
                )
                taken.index, taken.known_at, taken.again = (
                    replace(taken.index, facts=()),
                    self._clock.now(),
                    bool(changed),
                )
                readings.taken[feature, side.id] = taken
        return readings

    def look(self, side: Linked, feature: Feature, titles: Iterable[int]) -> Look:
        """These titles of a side as they are now, as far as that can be told."""
        with self._store.read() as db:
            refs = refs_on(db, side, titles)
        try:
            refs = self._matching.named(refs) if side.trakt else refs
            index = side.side.build_index(feature, only=list(refs)) if refs else None
        except SidetraktError:
            index = None  # what was not looked at stays open, and is looked at by the next run
        nameless = frozenset(titles) - set(refs.values())
        if index is None or not index.complete:
            return Look(nameless=nameless)
        facts = self._by_items(side, index.facts)[0] if side.server else by_title(index.facts, refs.get)[0]
        there = {item: index.copies.get(item) for item in index.there}
        return Look(facts, frozenset(refs.values()), there, nameless)

    def _index(self, side: Linked, feature: Feature, *, full: bool, titles: frozenset[int] | None) -> Taken:
        with self._store.read() as db:
            state = Baseline(db).state(side.id, feature)
            refs = refs_on(db, side, titles) if titles is not None and side.server else None
        if refs is not None:
            index = side.side.build_index(feature, only=list(refs))
            return Taken(index, whole=False, before=state, asked=frozenset(refs.values()))
        due = not side.trakt and (state.whole_at is None or self._clock.now() - state.whole_at >= self._every)
        since = None if full or due or state.joined_at is None else state.mark
        return Taken(side.side.build_index(feature, since), whole=since is None, before=state)

    def _by_items(self, side: Linked, facts: Sequence[Fact]) -> tuple[Values, Behind]:
        """A server's facts: what each item stands for says to which title it belongs."""
        with self._store.read() as db:
            stands = Matches(db).of_items(side.server, {item for fact in facts for item in fact.items})
            several = Items(db).get(side.server, [item for item, titles in stands.items() if len(titles) > 1])
        values, behind = Values(), Behind()
        for fact in facts:
            parts: dict[int, list[str]] = {}
            for item in fact.items:
                titles = stands.get(item, ())
                if len(titles) > 1:
                    lines = several[item].claim.splitlines()
                    titles = tuple(t for t, line in zip(titles, lines, strict=False) if line == fact.ref.claim())
                for title in titles:
                    parts.setdefault(title, []).append(item)
            for title, items in parts.items():
                value = fact.value if len(items) == len(fact.items) else _of_items(fact.value, items)
                values[title] = together(values[title], value) if title in values else value
                if not isinstance(value, Watched):  # its copies name them
                    behind[title] = (*behind.get(title, ()), *items)
        return values, behind

    def _learned(self, readings: Readings, servers: Sequence[str], side: Linked, index: Index) -> tuple[Values, Behind]:
        """The facts of a side without items; what nobody holds is not kept."""
        with self._store.read() as db:
            held = Matches(db).titles(servers)
            held |= Baseline(db).seen_titles(side.id, index.feature)
        titles, moves = self._matching.learn(index.facts, side.trakt or side.key, held)
        readings.moved.update(moves.values())
        for taken in readings.taken.values() if moves else ():
            _remap(taken, moves)
        each = iter(titles)
        facts, behind, _ = by_title(index.facts, lambda _: next(each))
        return facts, {title: items for title, items in behind.items() if items}


def refs_on(db: Transaction, side: Linked, titles: Iterable[int]) -> dict[Ref, int]:
    """How these titles are named to a side: by the claims of its own items, or by what Trakt taught."""
    wanted = set(titles)
    if not side.server:
        known = Titles(db).refs(wanted).items()
        return {ref: title for title, ref in known}
    rows = list(Matches(db).of_titles(side.server, wanted))
    items = Items(db).get(side.server, [row[0] for row in rows])
    found: dict[Ref, int] = {}
    for remote, _, title, place in rows:
        refs = items[remote].refs()
        if title in wanted and place < len(refs):
            found.setdefault(refs[place], title)
    return found


def _of_items(value: Any, items: Sequence[str]) -> Any:
    """What of a value belongs to these of its items."""
    if not isinstance(value, Watched):
        return value
    return Watched(tuple(copy for copy in value.copies if copy.item in items), value.plays)


def _remap(taken: Taken, moves: Mapping[int, int]) -> None:
    """Titles that became others while Trakt was read."""
    for old, new in moves.items():
        if old in taken.facts:
            value = taken.facts.pop(old)
            taken.facts[new] = together(taken.facts[new], value) if new in taken.facts else value
            if old in taken.behind:
                taken.behind[new] = (*taken.behind.get(new, ()), *taken.behind.pop(old))
