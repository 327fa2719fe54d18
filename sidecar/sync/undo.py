"""What becomes of a stored plan later: whether a change still fits, and how a run that was carried out is taken back.

Undo reverts a change only where the side still holds what that run left, restores what the side can hold, lists the
rest, and is remembered: what it leaves different is kept, so that the next run repeats none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from sidecar.contract import Plays, Watched
from sidecar.model import Feature
from sidecar.sync import history, ratings
from sidecar.sync.plan import Agreed, Change, Note, Origin, Seen
from sidecar.sync.sides import Side

Shown = Mapping[tuple[int, int], Any]
"""What a side shows of a title now, by side and title; what is missing is not there."""


class Undo(msgspec.Struct, kw_only=True):
    """A run that takes another one back: the changes, what is agreed and kept then, and what stays as it is."""

    changes: list[Change]
    agreed: dict[int, Agreed]
    kept: dict[int, set[int]]  # by side: titles that may differ from now on
    notes: list[Note]


def fits(change: Change, now: Any) -> bool:
    """Whether a side still shows what a stored change was made for."""
    if change.feature is not Feature.HISTORY:
        return ratings.same(change.before, now)
    if isinstance(change.value, Plays) and isinstance(now, Plays):
        return set(change.value.minutes) <= set(now.minutes) if change.action == "remove" else change.before == now
    return history.watched(change.before) is history.watched(now)


def undo(done: Sequence[Change], shown: Shown, agreed: Mapping[int, Agreed], sides: Iterable[Side]) -> Undo:
    """How to take back the changes that a run carried out, the last first."""
    known = {side.id: side for side in sides}
    found = Undo(changes=[], agreed={}, kept={side: set() for side in known}, notes=[])
    for change in reversed(done):
        if change.side not in known:
            continue
        side, now = known[change.side], shown.get((change.side, change.title))
        if not _as_left(change, now):
            found.notes.append(
                Note("changed", change.title, side.id, f"It was changed on {side.label} since; it stays.")
            )
            continue
        found.changes.append(_reverted(change, now))
        if lost := _lost(change, side):
            found.notes.append(Note("lost", change.title, side.id, lost))
        if change.feature is not Feature.HISTORY and change.title in agreed:
            found.agreed[change.title] = replace(agreed[change.title], value=change.made_from.agreed)
    for title in {change.title for change in found.changes}:
        _keep(title, found, shown, agreed)
    return found


def left(row: Seen | None, undone: Undo, change: Change, value: Any, now: datetime) -> Seen:
    """The Seen row after one change was taken back."""
    kept = now if change.title in undone.kept[change.side] else None
    return Seen(value, change.items or (row.items if row is not None else ()), kept)


def _as_left(change: Change, now: Any) -> bool:
    """Whether a side still holds what the run left there."""
    if change.feature is not Feature.HISTORY:
        return now is None if change.action == "remove" else now is not None and ratings.same(change.value, now)
    if isinstance(now, Plays) and change.action == "add":
        return set(change.value.minutes) <= set(now.minutes)
    return history.watched(now) is (change.action == "add")


def _reverted(change: Change, now: Any) -> Change:
    """The opposite of a change."""
    back: Any = change.before
    if isinstance(now, Plays) or isinstance(back, Plays):
        back = change.value  # exactly these plays go, or come again with their minutes
        action = "remove" if change.action == "add" else "add"
    else:
        if isinstance(back, Watched):
            back = Plays((history.newest([back], begins=True),)) if back else None
        action = "remove" if back is None else "add"
    origin = Origin(change.side, change.value, agreed=change.made_from.agreed)
    taken = "It is taken back."
    return Change(change.side, change.feature, change.title, action, back, now, taken, origin, change.items)


def _lost(change: Change, side: Side) -> str:
    """What a side cannot be given back, said beforehand."""
    if change.feature is not Feature.HISTORY or change.action != "remove" or side.trakt:
        return ""
    if side.dates != "exact":
        return f"{side.label} marks it again; when and how often it was watched is lost there."
    return f"{side.label} marks it again with its last date; how often it was watched is lost there."


def _keep(title: int, found: Undo, shown: Shown, agreed: Mapping[int, Agreed]) -> None:
    """Whoever differs from what is agreed then does so because a person wanted it."""
    after = found.agreed.get(title) or agreed.get(title)
    wish = after.value if after is not None else None
    changes = {change.side: change for change in found.changes if change.title == title}
    for side, kept in found.kept.items():
        value = shown.get((side, title))
        if side in changes:
            value = _then(changes[side], value)
        if isinstance(value, Plays | Watched):
            has: Any = history.watched(value) or None
        else:
            has = ratings.plain(value) if value is not None else None
        if not ratings.same_plain(has, wish):
            kept.add(title)


def _then(change: Change, value: Any) -> Any:
    """What a side shows once a change was carried out."""
    if isinstance(value, Plays) and isinstance(change.value, Plays) and change.action == "remove":
        return Plays(tuple(at for at in value.minutes if at not in change.value.minutes))
    return None if change.action == "remove" else change.value
