"""Who is written: every side that may be, can hold the value, is not kept, and looks different from what is agreed.

A side that was away, refused or lost to a crash simply still looks different the next time; nothing is resumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from sidecar.contract import Plays, Watched
from sidecar.model import Feature, Kind
from sidecar.sync import history, ratings
from sidecar.sync.plan import Agreed, Change, Claim, Origin, Said
from sidecar.sync.sides import Read, Side
from sidecar.sync.table import Table
from sidecar.viewing import Told, far

LEAVES = (Kind.MOVIE, Kind.EPISODE)
Minutes = tuple[datetime | None, ...]
REMOVES_NOTHING = "It is to be removed; a full sync removes nothing, the next run does."


class Spread:
    """From what is agreed now to changes; notes say what is not written and why."""

    def __init__(self, table: Table) -> None:
        self._table, self._policy, self._all = table, table.policy, table.all()

    def changes(self, claims: Iterable[Claim], viewings: Mapping[int, Said]) -> list[Change]:
        """Everything that is to be written, side by side: plays in order of time, the rest by title."""
        claimed: dict[int, list[Claim]] = {}
        for claim in claims:
            claimed.setdefault(claim.title, []).append(claim)
        found: list[Change] = []
        for side in sorted(self._table.sides.values(), key=lambda one: one.id):
            self._list_kept(side)
            read = self._table.reads.get(side.id)
            if read is None or not read.complete or not self._policy.may_write(side):
                continue
            if self._table.history and side.trakt:
                found += sorted(self._on_trakt(side, read, claimed), key=_when)
            else:
                found += sorted(self._on_side(side, read), key=lambda one: one.title)
                found += self._dates(side, read, viewings) if self._table.history and side.jellyfin else ()
        return found

    def _on_side(self, side: Side, read: Read) -> Iterator[Change]:
        for title in self._different(side, read):
            agreed, items = self._all[title], _items(read, title)
            if (read.items is not None and not items) or not self._may(side, title, agreed):
                continue
            why = self._waits(side, title, items)
            if why is None:
                yield self._change(side, title, agreed, items)
            elif why:
                self._table.note("waits", title, side.id, why)

    def _on_trakt(self, side: Side, read: Read, claimed: Mapping[int, list[Claim]]) -> Iterator[Change]:
        """Rows that are not told, one undated play where nobody knows of any, and plays that go."""
        table, policy = self._table, self._policy
        untold = {title for title, rows in policy.ledger.items() if any(row.told is Told.NO for row in rows)}
        different = set(self._different(side, read))
        for title in different | untold | claimed.keys():
            agreed = self._all.get(title)
            if agreed is None or not self._may(side, title, agreed) or title in policy.playing:
                continue
            plays, row = table.shown(side.id, title), table.row(side.id, title)
            if agreed.value is None:
                if title in different and row is not None and policy.full:
                    table.note("waits", title, side.id, REMOVES_NOTHING)
                elif title in different and row is not None:
                    yield self._change(side, title, agreed, (), row.value.minutes)
                continue
            rows = history.ledger_after(policy, side, title, plays, claimed.get(title, ()))
            minutes = [one.minute for one in rows if one.told is Told.NO] if rows else [None]
            minutes.sort(key=_undated_last)
            if not policy.rewatches:
                minutes = [] if any(one.told in (Told.SENT, Told.YES) for one in rows) else minutes[:1]
            if minutes:
                yield self._change(side, title, agreed, (), tuple(minutes))

    def _dates(self, side: Side, read: Read, viewings: Mapping[int, Said]) -> Iterator[Change]:
        """A watched copy gets the date of a newer viewing elsewhere, and nothing else."""
        for title, said in sorted(viewings.items()) if self._policy.rewatches else ():
            value, agreed = self._table.shown(side.id, title), self._all[title]
            if said.side == side.id or said.first or said.at is None or not self._may(side, title, agreed):
                continue
            copies = value.copies if isinstance(value, Watched) else ()
            dated = [copy.at for copy in copies if copy.played and copy.at is not None]
            if dated and said.at - max(dated) > timedelta(minutes=far(self._policy.runtime(title))):
                yield self._change(side, title, replace(agreed, at=said.at, by=said.side), _items(read, title))

    def _different(self, side: Side, read: Read) -> Iterator[int]:
        """The titles that a side shows otherwise than agreed."""
        table, only, id_of = self._table, self._policy.only, side.id
        for title, agreed in self._all.items():
            value = table.shown(id_of, title)
            if table.as_agreed(value, agreed.value):
                items = _items(read, title) if table.history and agreed.value is not None else ()
                if not items or not history.lacks(value, table.row(id_of, title), items):
                    continue
            if title not in table.stays and (only is None or title in only):
                yield title

    def _may(self, side: Side, title: int, agreed: Agreed) -> bool:
        """Whether a side may be written at all here: nothing is in doubt or kept, and removals are wanted."""
        table, policy = self._table, self._policy
        row, kind = table.row(side.id, title), policy.kinds.get(title)
        if title in table.stays or (policy.only is not None and title not in policy.only):
            return False
        if (row is not None and row.kept_since is not None) or (kind is not None and kind not in side.kinds):
            return False
        removed_at = agreed.at or policy.now
        return agreed.value is not None or (side.joined and policy.may_remove(side, removed_at))

    def _waits(self, side: Side, title: int, items: tuple[str, ...]) -> str | None:
        """Why it is not written now: a sentence, or an empty one where that is nobody's business."""
        table, policy, wish = self._table, self._policy, self._table.wish(title)
        others = {each for item in items for each in policy.several.get(item, ())} - {title}
        if any(table.wish(other) != wish for other in others):
            return f"One file on {side.label} holds several titles; it is written when all of them agree."
        if title in policy.playing:
            return f"It is being played on {side.label}."
        if wish is None:
            return REMOVES_NOTHING if policy.full else None
        if table.history:
            return "" if self._is_resumed(side, title) else None
        if policy.feature is Feature.WATCHLIST:
            return "" if ratings.was_watched(policy.watched, title, self._all[title].at) else None
        creates = policy.feature is Feature.RATINGS and policy.rating_watches and side.trakt
        if creates and title not in policy.watched and policy.kinds.get(title) in LEAVES:
            return "Trakt would count it as watched because it is rated; it is told when it was watched."
        return None

    def _is_resumed(self, side: Side, title: int) -> bool:
        """Whether somebody is in the middle of it, since later than any viewing that is known."""
        value = self._table.shown(side.id, title)
        begun = [copy.at for copy in value.copies if copy.begun and copy.at] if isinstance(value, Watched) else []
        known = self._table.newest(title) if begun else None
        return bool(begun) and (known is None or max(begun) > known)

    def _change(
        self, side: Side, title: int, agreed: Agreed, items: tuple[str, ...], minutes: Minutes | None = None
    ) -> Change:
        """One change with its reason; `minutes` are the plays that Trakt is told, or that go there."""
        table, wanted = self._table, agreed.value is not None
        new: Any = Plays(minutes) if minutes is not None else None
        if new is None and wanted:
            new = self._play(title, agreed) if table.history else ratings.to_write(self._policy.feature, agreed)
        by, was = table.sides.get(agreed.by or 0), table.before.get(title)
        why = f"{by.label} said so." if by is not None and title in table.agreed else "It was agreed before."
        origin = Origin(agreed.by, agreed.value, agreed.at, was.value if was is not None else None)
        action, before = "add" if wanted else "remove", table.shown(side.id, title)
        return Change(side.id, self._policy.feature, title, action, new, before, why, origin, items)

    def _play(self, title: int, agreed: Agreed) -> Plays:
        """The newest dated viewing that anybody knows of: the date that a server is given."""
        dated = [at for at in (self._table.newest(title), agreed.at) if at is not None]
        return Plays((max(dated, default=None),))

    def _list_kept(self, side: Side) -> None:
        """List what is kept different; what is in step again is not kept any more."""
        table = self._table
        kept = [title for title, row in table.rows(side.id).items() if row.kept_since is not None]
        kept += [title for title, row in table.seen[side.id].items() if row.kept_since is not None]
        for title in dict.fromkeys(kept):
            row = table.row(side.id, title)
            if row is None or row.kept_since is None or title in table.stays:
                continue
            if table.as_agreed(row.value, table.wish(title)):
                table.seen[side.id][title] = replace(row, kept_since=None)
            else:
                table.note("kept", title, side.id, f"{side.label} stays as it is; somebody wants it so.")


def _items(read: Read, title: int) -> tuple[str, ...]:
    return read.items.get(title, ()) if read.items is not None else ()


def _undated_last(at: datetime | None) -> tuple[bool, float]:
    return at is None, at.timestamp() if at is not None else 0.0


def _when(change: Change) -> tuple[bool, bool, float, int]:
    """Removals first, then plays in order of time, those without a date last."""
    return change.action == "add", *_undated_last(change.value.minutes[0]), change.title
