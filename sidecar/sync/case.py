"""One feature of one person, laid out for a merge: all of it, or only the titles about which anything was said.

A light run that finds everything settled looks at nothing else, so that it costs what changed and not what is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from sidecar.contract import Scope, Watched
from sidecar.model import Direction, Feature
from sidecar.store.baseline import Baseline
from sidecar.store.db import Transaction
from sidecar.store.ledger import Ledger
from sidecar.store.matches import Matches
from sidecar.store.people import People, Person
from sidecar.store.titles import Titles
from sidecar.store.waiting import Waiting
from sidecar.sync.chosen import Chosen
from sidecar.sync.heard import Heard, heard_of, playing
from sidecar.sync.linked import Linked
from sidecar.sync.memory import agreed_of, seen_of
from sidecar.sync.plan import Agreed, Seen
from sidecar.sync.reading import Readings, Taken
from sidecar.sync.request import Request
from sidecar.sync.sides import Decision, Policy, Read
from sidecar.viewing import Viewing

COUNTED = timedelta(hours=24)
MOST_OPEN = 500  # titles that are remembered one by one as not settled
Rows = dict[int, dict[int, Seen]]


class Settled(msgspec.Struct, frozen=True):
    """Under which choices and with which sides all was brought into agreement, and what was left open."""

    choices: str = ""
    sides: tuple[int, ...] = ()
    open: tuple[int, ...] = ()

    def text(self, titles: set[int]) -> str:
        """As it is stored, with what is open; nothing where all must be looked at again."""
        if not self.choices or len(titles) > MOST_OPEN:
            return ""
        return msgspec.json.encode(replace(self, open=tuple(sorted(titles)))).decode()


@dataclass(slots=True)
class Case:
    """What a merge is given."""

    person: Person
    feature: Feature
    sides: list[Linked]
    taken: Mapping[int, Taken]
    agreed: dict[int, Agreed]
    seen: Rows
    reads: dict[int, Read]
    policy: Policy
    settled: Settled  # as it will be if nothing is left open
    before: Settled  # as it was

    @property
    def trakt(self) -> Linked | None:
        """The side that is Trakt."""
        return next((side for side in self.sides if side.trakt), None)

    def side(self, number: int) -> Linked:
        """The side with this number."""
        return next(side for side in self.sides if side.id == number)


class Layout:
    """Lays out one case from the store, in one view of it."""

    def __init__(
        self, db: Transaction, person: Person, feature: Feature, sides: Sequence[Linked], now: datetime
    ) -> None:
        self._db, self._person, self._feature, self._now = db, person, feature, now
        self._sides = [side for side in sides if feature in side.side.features()]
        self._trakt = next((side.trakt for side in self._sides if side.trakt), "")

    def case(self, readings: Readings, request: Request, only: frozenset[int] | None) -> Case:
        """Everything, or what was said and what is open."""
        db, feature, taken = self._db, self._feature, readings.of(self._feature)
        chosen, waiting = Chosen.of(db, self._person), Waiting(db)
        heard = {side.id: self._heard(side, taken[side.id]) for side in self._sides if side.id in taken}
        settled = Settled(chosen.print(feature), tuple(sorted(side for side in taken if taken[side].index.complete)))
        before = msgspec.json.decode(waiting.settled(self._person.id, feature) or "{}", type=Settled)
        whole = request.full or request.baseline or before.choices != settled.choices or before.sides != settled.sides
        whole |= any(each.before.joined_at is None for each in taken.values())
        whole |= any(each.whole and not side.trakt for side in self._sides if (each := taken.get(side.id)))
        decided = {
            (part.side, part.rule): Decision(**{part.decision: frozenset(part.titles)})
            for part in waiting.held(self._person.id, feature)
            if part.decision
        }
        wanted = only
        if wanted is None and not whole:
            waits = [before.open, readings.moved, *(each.apply | each.keep for each in decided.values())]
            wanted = frozenset(self._touched(taken, heard).union(*waits))
        agreed = agreed_of(db, self._person.id, feature, wanted)
        seen = {side.id: self._seen(side, wanted) for side in self._sides}
        titles = wanted if wanted is not None else {*agreed, *(t for rows in seen.values() for t in rows)}
        titles = {*titles, *(title for each in taken.values() for title in each.facts if wanted is None)}
        reads, several = dict[int, Read](), dict[str, tuple[int, ...]]()
        for side in self._sides:
            if side.id in taken:
                seen[side.id] = _without(seen[side.id], self._met(side, taken[side.id]))
                reads[side.id], more = self._read(side, taken[side.id], heard[side.id], titles, seen[side.id])
                several |= more
        policy = replace(self._policy(request, chosen, titles, taken), decided=decided, several=several, only=only)
        settled = settled if only is None else before
        return Case(self._person, feature, self._sides, taken, agreed, seen, reads, policy, settled, before)

    def _touched(self, taken: Mapping[int, Taken], heard: Mapping[int, Heard]) -> set[int]:
        """The titles about which a side says anything new, or that something is still to be told of."""
        db, feature = self._db, self._feature
        found = set(Ledger(db).open_titles(self._trakt)) if self._trakt and feature is Feature.HISTORY else set[int]()
        agreed = Baseline(db).agreed_titles(self._person.id, feature)
        for side in self._sides:
            each = taken.get(side.id)
            if each is None:
                continue
            if each.index.scope is Scope.FULL and each.index.complete:
                found |= self._differing(side, each) | (each.facts.keys() - agreed)
            else:
                found |= each.facts.keys()
            found |= heard[side.id].titles.keys()
            if side.server and each.before.known_at is not None:
                found |= Matches(db).matched_since(side.server, each.before.known_at)
        return found

    def _differing(self, side: Linked, taken: Taken) -> set[int]:
        """The titles of a full read that look otherwise than they were seen."""
        rows, facts = self._seen(side, None), taken.facts
        found = facts.keys() - rows.keys()
        found |= {t for t, now in facts.items() if t in rows and (rows[t].value != now or rows[t].expected is not None)}
        absent = {title for title, row in rows.items() if row.value is not None and title not in facts}
        if taken.index.kinds is not None:
            kinds = Titles(self._db).kinds(absent)
            absent = {title for title in absent if kinds[title][0] in taken.index.kinds}
        if side.server and taken.index.libraries is not None:
            listed = taken.index.libraries
            absent = {row[2] for row in Matches(self._db).of_titles(side.server, absent) if row[1] in listed} & absent
        return found | absent

    def _seen(self, side: Linked, titles: Iterable[int] | None) -> dict[int, Seen]:
        return seen_of(self._db, side.id, self._feature, trakt=bool(side.trakt), titles=titles)

    def _heard(self, side: Linked, taken: Taken) -> Heard:
        is_heard = side.server and self._feature is Feature.HISTORY
        return heard_of(self._db, side, taken.before.read_at) if is_heard else Heard()

    def _met(self, side: Linked, taken: Taken) -> frozenset[str]:
        """The items that are new to this side."""
        known_at = taken.before.known_at
        return Matches(self._db).met_since(side.server, known_at) if side.server and known_at else frozenset()

    def _read(
        self, side: Linked, taken: Taken, heard: Heard, titles: set[int], seen: dict[int, Seen]
    ) -> tuple[Read, dict[str, tuple[int, ...]]]:
        """What a merge is told of a side, and its items that stand for several titles."""
        index, since, matches = taken.index, taken.before.known_at, Matches(self._db)
        facts = {t: _same(seen.get(t), value) for t, value in taken.facts.items() if t in titles}
        read = Read(
            at=index.read_at,
            facts=facts,
            behind={title: items for title, items in taken.behind.items() if title in facts},
            scope=index.scope,
            complete=index.complete,
            before=taken.before.read_at,
            ahead=index.ahead,
            kinds=index.kinds,
            asked=taken.asked,
            there={item: index.copies.get(item) for item in index.there},
            heard={title: at for title, at in heard.titles.items() if title in titles},
            heard_on=heard.items,
            explained=heard.explained,
            toggled=heard.toggled,
        )
        if not side.server:
            return read, {}
        stands, items, covers = dict[str, tuple[int, ...]](), dict[int, tuple[str, ...]](), set[int]()
        accessible = taken.after.libraries
        for remote, library, title, _ in matches.of_titles(side.server, titles):
            if accessible is None or library in accessible:
                stands[remote] = (*stands.get(remote, ()), title)
                items[title] = (*items.get(title, ()), remote)
                if index.libraries is None or library in index.libraries:
                    covers.add(title)
        read = replace(
            read,
            items=items,
            covers=None if len(covers) == len(items) else covers,
            met=self._met(side, taken),
            renumbered=matches.changed_since(side.server, since) if since else 0,
        )
        return read, {remote: each for remote, each in stands.items() if len(each) > 1}

    def _policy(self, request: Request, chosen: Chosen, titles: set[int], taken: Mapping[int, Taken]) -> Policy:
        db, feature, person = self._db, self._feature, self._person
        baseline, kinds = Baseline(db), Titles(db).kinds(titles)
        account = People(db).linked(person)
        ledger: dict[int, list[Viewing]] = {}
        if self._trakt and feature is Feature.HISTORY:
            ledger = Ledger(db).by_title(self._trakt, titles)
        watched = agreed_of(db, person.id, Feature.HISTORY, titles) if feature is not Feature.HISTORY else {}
        return Policy(
            feature=feature,
            now=self._now,
            sides=tuple(
                side.as_side(feature, joined=baseline.state(side.id, feature).joined_at is not None)
                for side in self._sides
            ),
            direction=request.direction or chosen.direction(feature),
            remove_at_trakt=chosen.removes(feature, Direction.TO_TRAKT),
            remove_on_servers=chosen.removes(feature, Direction.FROM_TRAKT),
            prefer=chosen.options["prefer"],
            steps=chosen.options["ratings.steps"],
            rewatches=chosen.options["rewatches"] == "on",
            full=request.full,
            recent=Waiting(db).recent(person.id, feature, self._now - COUNTED),
            kinds={title: kind for title, (kind, _) in kinds.items()},
            runtimes={title: runtime for title, (_, runtime) in kinds.items() if runtime},
            ledger=ledger,
            watched={title: row.at for title, row in watched.items() if row.value is not None},
            rating_watches=bool(account and account.limits.get("rating_watches")),
            playing=playing(db, self._sides),
            known={side: baseline.count(side, feature) for side in taken},
        )


def _same(row: Seen | None, value: Any) -> Any:
    """One object for what is equal, so that a large library is in memory once."""
    return row.value if row is not None and row.value == value else value


def _without(rows: dict[int, Seen], met: frozenset[str]) -> dict[int, Seen]:
    """What was seen, without what was seen on items that are others now."""
    if not met:
        return rows
    kept: dict[int, Seen] = {}
    for title, row in rows.items():
        value = row.value
        if isinstance(value, Watched) and any(copy.item in met for copy in value.copies):
            copies = tuple(copy for copy in value.copies if copy.item not in met)
            value = Watched(copies, value.plays) if copies else None
        elif row.items and met.issuperset(row.items):
            value = None
        if value is not None or row.value is None or row.kept_since is not None:
            kept[title] = row if value is row.value else replace(row, value=value)
    return kept
