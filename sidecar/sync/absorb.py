"""Absorb: title by title, from what sides said to what is agreed, with the Seen rows that move along."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from sidecar.contract import Plays
from sidecar.model import Feature
from sidecar.sync import guard, history, ratings
from sidecar.sync.plan import Agreed, Claim, Said, Seen
from sidecar.sync.ratings import Voice
from sidecar.sync.table import Table
from sidecar.viewing import Sighting


class Absorb:
    """Takes the word of all sides."""

    def __init__(self, table: Table) -> None:
        self._table, self._policy = table, table.policy
        self._keep = {side: guard.decision(table.policy, side).keep for side in table.sides}
        self._trakt = next((number for number, side in table.sides.items() if side.trakt), None)
        self.claims: list[Claim] = []
        self.viewings: dict[int, Said] = {}  # the newest that was said of a title
        self.gone: list[tuple[int, datetime | None]] = []
        self.never: list[int] = []

    def settle(self, title: int, said: list[Said]) -> None:
        """Take the word of all sides for one title."""
        table, heard = self._table, list[Said]()
        for one in said:
            if title in self._keep[one.side]:
                if one.row is not None:
                    table.seen[one.side][title] = guard.kept(one.row, self._policy.now)
            elif self._is_listed_only(one):
                table.stays.add(title)
            else:
                heard.append(one)
        removals = [one for one in heard if one.removal]
        values = [one for one in heard if one.value is not None and not self._was_taken_back(one, removals)]
        for one in heard:
            self.claims += [Claim(title, each, one.first) for each in one.sightings if self._is_told(title, each)]
            self.gone += [(title, at) for at in one.gone]
            if one.row is not None:
                table.seen[one.side][title] = replace(one.row, kept_since=None) if one in values else one.row
        if values:
            self._agree(title, values)
        elif removals:
            self._take_away(title, removals)

    def _is_told(self, title: int, sighting: Sighting) -> bool:
        """Whether there is a Trakt to tell; a mark does not end what is kept different there."""
        row = self._table.row(self._trakt, title) if self._trakt else None
        return self._trakt is not None and not (sighting.mark and row is not None and row.kept_since is not None)

    def _is_listed_only(self, one: Said) -> bool:
        """Whether it is a half step that a person wants listed, not rounded."""
        if self._policy.steps != "strict" or one.value is None or not ratings.is_half(one.present):
            return False
        why = f"{self._label(one.side)} has {one.present.value:g}, and Trakt takes whole numbers only."
        self._table.note("rounded", one.title, one.side, why)
        return True

    def _was_taken_back(self, one: Said, removals: list[Said]) -> bool:
        """Whether these are viewings that a side gave which says now that there was none."""
        return bool(one.sightings) and any(
            all(self._gave(removal.side, one.title, each) for each in one.sightings) for removal in removals
        )

    def _gave(self, side: int, title: int, sighting: Sighting) -> bool:
        row, read = history.is_known(self._policy, title, sighting), self._table.reads[side]
        if row is None:
            return False
        return self._table.sides[side].key in row.times or (title in read.heard and row.ended == read.heard[title])

    def _agree(self, title: int, values: list[Said]) -> None:
        """One value comes of what was said, and it ends what was kept different before it."""
        table = self._table
        if table.history:
            best, value = max(values, key=_viewing_first), True
            at, by, ends = best.at, best.side, not best.mark
            if ends:
                self.viewings[title] = best
        else:
            value, at, by = self._chosen(title, values)
            ends = any(one.moved and not one.first for one in values)
        before = table.before.get(title)
        if before is None or before.value is None or not ratings.same_plain(before.value, value):
            table.agreed[title] = Agreed(value, at, by)
        for side in table.sides if ends else ():
            row = table.row(side, title)
            if row is not None and row.kept_since and (not table.history or (at is not None and row.kept_since < at)):
                table.seen[side][title] = replace(row, kept_since=None)

    def _chosen(self, title: int, values: list[Said]) -> tuple[Any, datetime | None, int]:
        """The value that counts; where a side is read for the first time, every side's present value has a voice."""
        table = self._table
        voices = {one.side: self._voice(one.side, one.value, one.at, first=one.first) for one in values}
        for side in table.sides.values() if any(one.first for one in values) else ():
            row = table.rows(side.id).get(title)
            silent = side.id not in voices and title not in table.seen[side.id] and side.joined
            if silent and row is not None and row.value is not None and row.kept_since is None:
                voices[side.id] = self._voice(side.id, ratings.plain(row.value), row.value.at, first=True)
        ordered, before = [voices[side] for side in sorted(voices)], table.before.get(title)
        if all(ratings.same_plain(one.value, ordered[0].value) for one in ordered):
            best = max(ordered, key=lambda one: one.span[1])
        else:
            best, how = ratings.winner(ordered, before.value if before is not None else None)
            words = ", ".join(f"{self._label(one.side)} says {one.value}" for one in ordered)
            table.note("conflict", title, best.side, f"{words}: {best.value} is {how}.")
        return best.value, best.span[1] if best.span[0] == best.span[1] else None, best.side

    def _voice(self, side: int, value: Any, at: datetime | None, *, first: bool) -> Voice:
        read, policy = self._table.reads.get(side), self._policy
        since = at if at is not None or first or read is None else read.before
        until = at or (read.at if read is not None else policy.now)
        return Voice(side, value, (since, until), policy.preferred(self._table.sides[side]))

    def _take_away(self, title: int, removals: list[Said]) -> None:
        """Removed where that may be carried over; else that side is left as it is, and nothing else happens."""
        table, policy, removers = self._table, self._policy, {one.side for one in removals}
        at = max(one.at or policy.now for one in removals)
        others = [side for side in table.sides.values() if side.id not in removers and table.holds(side, title)]
        free = [side for side in others if policy.may_remove(side, at)]
        for side in removers if others and not free else {side.id for side in others if side not in free}:
            table.leave(side, title, at)
        if others and not free:
            if title not in table.before:  # the side that has it still has said so in this run only
                value = True if table.history else ratings.plain(table.shown(others[0].id, title))
                table.agreed[title] = Agreed(value, None, others[0].id)
            return
        table.agreed[title] = Agreed(None, at, removals[0].side)
        for side in removers if table.history else ():
            value = table.rows(side).get(title, Seen(None)).value
            self.gone += [(title, minute) for minute in value.minutes] if isinstance(value, Plays) else []
        self.never += [title] if policy.feature is Feature.HISTORY else []

    def _label(self, side: int) -> str:
        return self._table.sides[side].label


def _viewing_first(one: Said) -> tuple[bool, bool, float, int]:
    """The newest dated viewing before anything else, then marks; of equals the first side."""
    return not one.mark, one.at is not None, one.at.timestamp() if one.at is not None else 0.0, -one.side
