"""A person's sides as plain values, with people who do things on them, and runs that merge and carry out the plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sidecar.contract import Copy, Plays, Rating, Watched
from sidecar.model import Feature, Kind
from sidecar.sync import history
from sidecar.sync.merge import confirmed, expecting, merge
from sidecar.sync.plan import Agreed, Change, Claim, Plan, Seen
from sidecar.sync.sides import Policy, Read, Side
from sidecar.viewing import Told, Viewing, joined, judge, made

T, J, P, J2, P2 = 1, 2, 3, 4, 5
KEYS = {T: "trakt:uuid", J: "jellyfin:s:anna", P: "plex:p:anna", J2: "jellyfin:s2:anna", P2: "plex:p2:anna"}
NAMES = {T: "Trakt", J: "Jellyfin", P: "Plex", J2: "Jellyfin 2", P2: "Plex 2"}
EVENING = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FILM, OTHER = 100, 101
REMOVE: dict[str, Any] = {"remove_at_trakt": LONG_AGO, "remove_on_servers": LONG_AGO}


def at(hours: float = 0, minutes: float = 0) -> datetime:
    """A moment after eight in the evening."""
    return EVENING + timedelta(hours=hours, minutes=minutes)


def jelly(item: str = "a", when: datetime | None = None, **more: Any) -> Copy:
    """A watched copy on a Jellyfin."""
    return Copy(item, **{"played": True, "count": 1, "at": when, **more})


@dataclass
class Life:
    """One person, one feature; `held` is what the services really hold."""

    feature: Feature = Feature.HISTORY
    sides: tuple[int, ...] = (T, J, P)
    held: dict[int, dict[int, Any]] = field(default_factory=dict)
    items: dict[int, dict[int, tuple[str, ...]]] = field(default_factory=dict)
    agreed: dict[int, Agreed] = field(default_factory=dict)
    seen: dict[int, dict[int, Seen]] = field(default_factory=dict)
    ledger: dict[int, list[Viewing]] = field(default_factory=dict)
    joined: set[int] = field(default_factory=set)
    away: set[int] = field(default_factory=set)
    facts: dict[int, dict[str, Any]] = field(default_factory=dict)  # more for a side's Read, for the next run only
    blank: dict[int, dict[str, Copy]] = field(default_factory=dict)  # what stands on copies without a viewing
    choices: dict[str, Any] = field(default_factory=dict)
    now: datetime = EVENING
    told: list[tuple[int, datetime | None]] = field(default_factory=list)  # every play that was sent to Trakt
    plan: Plan | None = None
    numbers: int = 0

    def __post_init__(self) -> None:
        for side in self.sides:
            self.held.setdefault(side, {})
            self.seen.setdefault(side, {})
            if side != T:
                self.items.setdefault(side, {FILM: ("a",), OTHER: ("o",)})

    # What people and services do.

    def put(self, side: int, value: Any, title: int = FILM) -> None:
        """It is so on a side; nothing with None."""
        self.held[side].pop(title, None)
        if value is not None:
            self.held[side][title] = value
        if isinstance(value, Watched):
            there = self.items[side].get(title, ())
            self.items[side][title] = tuple(dict.fromkeys((*there, *(copy.item for copy in value.copies))))

    def play(self, side: int, when: datetime, title: int = FILM) -> None:
        """Somebody watches it there to the end, and nobody hears it."""
        before = self.held[side].get(title)
        if side == T:
            minutes = before.minutes if before is not None else ()
            self.held[T][title] = Plays((*minutes, when))
            return
        item = self.items[side][title][0]
        copies = {copy.item: copy for copy in before.copies} if before is not None else {}
        count = copies[item].count + 1 if item in copies else 1
        copies[item] = Copy(item, played=True, count=count, at=when)
        plays = (*(before.plays if before is not None else ()), when) if KEYS[side].startswith("plex") else ()
        self.held[side][title] = Watched(tuple(copies.values()), plays)

    def watched(self, side: int, title: int = FILM) -> bool:
        """Whether a side holds it as watched."""
        return history.watched(self.held[side].get(title))

    def agree(self, value: Any = True, *, title: int = FILM, sides: Iterable[int] = ()) -> None:
        """All that is held was seen, and this is agreed."""
        self.joined |= set(self.sides)
        self.agreed[title] = Agreed(value, LONG_AGO)
        for side in sides or self.sides:
            if title in self.held[side]:
                value = self.held[side][title]
                self.seen[side][title] = Seen(
                    value, () if self.feature is Feature.HISTORY or side == T else self.items[side][title]
                )

    # Runs.

    def read(self, side: int) -> Read:
        """A complete read of a side."""
        more = {"before": self.now - timedelta(hours=1), **self.facts.get(side, {})}
        facts = {title: value for title, value in self.held[side].items() if side == T or self.items[side].get(title)}
        items = None if side == T else self.items[side]
        behind = {} if side == T else {title: self.items[side][title] for title in facts}
        return Read(**{"at": self.now, "facts": facts, "items": items, "behind": behind, **more})

    def policy(self, **choices: Any) -> Policy:
        """What the person chose, with what is known."""
        sides = tuple(self.side(side) for side in self.sides)
        ledger = {title: rows for title, rows in self.ledger.items() if rows}
        titles = {title for held in (*self.held.values(), *self.items.values()) for title in held}
        kinds = dict.fromkeys(titles, Kind.MOVIE)
        known = {"sides": sides, "ledger": ledger, "kinds": kinds, **self.choices, **choices}
        return Policy(feature=self.feature, now=self.now, **known)

    def side(self, side: int) -> Side:
        """A side as a merge is told of it."""
        return Side(side, KEYS[side], NAMES[side], joined=side in self.joined)

    def merged(self, **choices: Any) -> Plan:
        """The plan, with the looks that it asks for; nothing is stored."""
        reads = {side: self.read(side) for side in self.sides if side not in self.away}
        policy = self.policy(**choices)
        plan = merge(self.agreed, self.seen, reads, policy)
        for side, titles in plan.looks.items():
            found = {title: self.held[side][title] for title in titles if title in self.held[side]}
            there: Mapping[str, Copy | None] = {}
            if side != T:
                there = {item: self.copy(side, item, title) for title in titles for item in self.items[side][title]}
            reads[side] = reads[side].looked(found, frozenset(titles), there=there)
        return merge(self.agreed, self.seen, reads, policy) if plan.looks else plan

    def copy(self, side: int, item: str, title: int) -> Copy | None:
        """A copy as a direct look shows it, blank ones too."""
        blank: dict[str, Copy] = self.blank.get(side, {})
        if item in blank:
            return blank[item]
        held = self.held[side].get(title)
        copies = held.copies if isinstance(held, Watched) else ()
        return next((copy for copy in copies if copy.item == item), Copy(item, played=False))

    def run(self, *, write: bool = True, killed_after: int | None = None, **choices: Any) -> Plan:
        """Merge, store, write; perhaps die after so many writes, between the service's yes and ours."""
        plan = self.merged(**choices)
        self.store(plan)
        for number, change in enumerate(plan.changes if write else ()):
            if change.side in self.away:
                continue
            row = self.seen[change.side].get(change.title)
            self.seen[change.side][change.title] = expecting(row, change)
            self.write(change)
            if killed_after is not None and number >= killed_after:
                break
            self.seen[change.side][change.title] = self.confirm(change)
        else:
            self.joined |= set(self.sides) - self.away
        self.facts, self.plan = {}, plan
        self.now += timedelta(hours=1)
        return plan

    def store(self, plan: Plan) -> None:
        """What the engine does in its transaction."""
        self.agreed |= plan.agreed
        for side, rows in plan.seen.items():
            self.seen[side] |= rows
            for title in [title for title, row in self.seen[side].items() if row.empty]:
                del self.seen[side][title]
        for claim in plan.claims:
            self.claim(claim)
        for title, minute in plan.gone:
            known = self.ledger.get(title, [])
            self.ledger[title] = [_told(row, Told.GONE) if row.minute == minute else row for row in known]
        for title in plan.never:
            known = self.ledger.get(title, [])
            self.ledger[title] = [_told(row, Told.NEVER) if row.told is Told.NO else row for row in known]

    def claim(self, claim: Claim) -> None:
        """The ledger's part, with the plays that Trakt shows, or was last seen with."""
        rows = self.ledger.setdefault(claim.title, [])
        taken = {row.minute for row in rows}
        seen = self.seen.get(T, {}).get(claim.title, Seen(None)).value
        shown = self.held[T].get(claim.title) if T in self.held and T not in self.away else seen
        plays = shown.minutes if shown is not None else ()
        loose = [
            Viewing(minute=each, told=Told.YES, times={KEYS[T]: each}) for each in plays if each and each not in taken
        ]
        undated = [Viewing(told=Told.YES)] if None in plays else []
        known = [*rows, *loose, *undated]
        verdict = judge(claim.sighting, known, 120, first=claim.first)
        if verdict.pairs_with is not None:
            if verdict.pairs_with in rows:
                rows.remove(verdict.pairs_with)
            rows.append(joined(verdict.pairs_with, claim.sighting))
        elif verdict.told is not None:
            self.numbers += 1
            rows.append(made(claim.sighting, verdict.told))

    def write(self, change: Change) -> None:
        """The service carries a change out."""
        side, title, held = change.side, change.title, self.held[change.side]
        if change.action == "remove":
            self._remove(change)
        elif side == T and isinstance(change.value, Plays):
            before = held[title].minutes if title in held else ()
            held[title] = Plays((*before, *change.value.minutes))
            self.told += [(title, minute) for minute in change.value.minutes]
            rows, minutes = self.ledger.get(title, []), change.value.minutes
            self.ledger[title] = [
                _told(row, Told.SENT) if row.told is Told.NO and row.minute in minutes else row for row in rows
            ]
        elif self.feature is Feature.HISTORY:
            (when,) = change.value.minutes
            shown = self.now if KEYS[side].startswith("plex") else when
            copies = {copy.item: copy for copy in held[title].copies} if title in held else {}
            for item in self.items[side][title]:
                if item not in copies or not copies[item].played or shown != self.now:
                    copies[item] = Copy(item, played=True, count=1, at=shown)
            held[title] = Watched(tuple(copies.values()), held[title].plays if title in held else ())
        else:
            held[title] = change.value

    def _remove(self, change: Change) -> None:
        title, held = change.title, self.held[change.side]
        before = held.pop(title, None)
        if change.side == T and isinstance(change.value, Plays):
            minutes = change.value.minutes
            left = tuple(each for each in before.minutes if each not in minutes) if before is not None else ()
            if left:
                held[title] = Plays(left)
            known = self.ledger.get(title, [])
            self.ledger[title] = [_told(row, Told.GONE) if row.minute in minutes else row for row in known]

    def confirm(self, change: Change) -> Seen:
        """The side said yes: its Seen row, and the rows of the ledger."""
        rows, value = self.ledger.get(change.title, []), change.value
        if change.side == T and change.action == "add" and isinstance(value, Plays):
            self.ledger[change.title] = [
                _told(row, Told.YES) if row.told is Told.SENT and row.minute in value.minutes else row for row in rows
            ]
        held = self.held[change.side].get(change.title)
        return confirmed(self.seen[change.side].get(change.title), change, held)


def _told(row: Viewing, told: Told) -> Viewing:
    return Viewing(row.id, row.began, row.ended, row.minute, row.history_id, told, row.times)


def rated(value: float, when: datetime | None = None) -> Rating:
    """A rating."""
    return Rating(value, when)


def written(plan: Plan) -> dict[tuple[int, str], int]:
    """How many changes there are for each side and action."""
    found: dict[tuple[int, str], int] = {}
    for change in plan.changes:
        found[change.side, change.action] = found.get((change.side, change.action), 0) + 1
    return found
