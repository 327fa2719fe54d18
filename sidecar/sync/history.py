"""What a side says about having watched a title: a viewing, a mark, an un-watch, or nothing.

Watched is what all sides hold and what is agreed; viewings live in the ledger and are only claimed here. In doubt it is
a mark, and of two viewings one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from sidecar.contract import Copy, Plays, Watched
from sidecar.sync.plan import REMOVED, Agreed, Claim, Said, Seen
from sidecar.sync.sides import Policy, Side
from sidecar.viewing import Sighting, Told, Viewing, joined, judge, made

if TYPE_CHECKING:
    from sidecar.sync.ear import Ear

NEAR = timedelta(minutes=5)
At = datetime | None


def present(ear: Ear, title: int, row: Seen | None, now: Plays | Watched, agreed: Agreed | None) -> Said | None:
    """What a side says that shows something of a title."""
    if isinstance(now, Plays):
        return _of_plays(ear, title, row, now, agreed) if ear.trusts(now) else None
    return _of_copies(ear, title, row, now, agreed)


def absent(ear: Ear, title: int, row: Seen | None) -> Said | None:
    """What a side says that shows nothing of a title any more: an un-watch, once that is beyond doubt."""
    if row is not None and row.expected is REMOVED:
        taken = row.value.minutes if isinstance(row.value, Plays) else ()
        said = _quiet(ear, title, row, replace(row, value=None, expected=None))
        return replace(said, gone=tuple(dict.fromkeys(taken))) if said is not None else None
    if ear.forgets(row) or (row is not None and row.value is not None and not watched(row.value)):
        return None
    read, items = ear.read, _items(ear, title, row)
    if ear.must_look(title, items):
        return None
    held = [copy for item in items if (copy := read.there[item]) is not None]
    if not all(_is_blank(ear.side, copy, row) for copy in held):
        return None
    if row is not None and ear.side.jellyfin and any(_is_fault(ear, copy, row) for copy in held):
        return _given_back(ear, title, row)
    by_hand = [at for item in items if item in read.toggled for at in read.explained.get(item, ())]
    at = max(by_hand, default=read.at)
    left = Seen(None, items, ours=row.ours if row else None)
    return Said(side=ear.side.id, title=title, removal=True, at=at, row=left)


def watched(value: Plays | Watched | None) -> bool:
    """Whether a side holds a title as watched: any play, any watched copy."""
    return value is not None and (bool(value.minutes) if isinstance(value, Plays) else bool(value))


def lacks(value: Plays | Watched | None, row: Seen | None, items: Sequence[str]) -> bool:
    """Whether there is a copy of which the side never said anything: it is to be watched like the others."""
    if isinstance(value, Watched) and len(value.copies) == 1 and items == (value.copies[0].item,):
        return False  # almost always
    seen = row.value if row is not None else None
    known = {copy.item for one in (value, seen) if isinstance(one, Watched) for copy in one.copies}
    return not all(item in known for item in items)


def newest(values: Iterable[Plays | Watched | None], rows: Iterable[Viewing] = (), *, begins: bool = False) -> At:
    """The newest dated viewing; a copy's own date is one only where it is a begin, elsewhere it may be our mark."""
    dated = [row.ended or row.minute for row in rows if row.told in (Told.NO, Told.SENT, Told.YES)]
    for value in values:
        if isinstance(value, Plays):
            dated += value.minutes
        elif value is not None:
            dated += value.plays
            dated += [copy.at for copy in value.copies if copy.played and begins]
    return max((at for at in dated if at is not None), default=None)


def ledger_after(
    policy: Policy, trakt: Side, title: int, plays: Plays | None, claims: Iterable[Claim]
) -> list[Viewing]:
    """The rows of a title as they will be when these were claimed; for the preview, the ledger decides in the end."""
    known = list(policy.ledger.get(title, ()))
    taken = {row.minute for row in known if row.told in (Told.YES, Told.SENT)}
    for minute in plays.minutes if plays is not None else ():
        if minute not in taken or minute is None:
            times = {trakt.key: minute} if minute else {}
            known.append(Viewing(id=-1, minute=minute, told=Told.YES, times=times))
    inexact = plays is not None and plays.inexact
    for claim in claims:
        verdict = judge(claim.sighting, known, policy.runtime(title), first=claim.first, inexact=inexact)
        if verdict.pairs_with is not None:
            known[known.index(verdict.pairs_with)] = joined(verdict.pairs_with, claim.sighting)
        elif verdict.told is not None:
            known.append(made(claim.sighting, verdict.told))
    return known


def is_known(policy: Policy, title: int, sighting: Sighting) -> Viewing | None:
    """The row of the ledger that a sighting is, if it has one."""
    rows = policy.ledger.get(title, ())
    return judge(sighting, rows, policy.runtime(title)).pairs_with if rows else None


def _of_plays(ear: Ear, title: int, row: Seen | None, now: Plays, agreed: Agreed | None) -> Said | None:
    """Trakt: each new minute is a viewing; a new play without a date is none, but it counts."""
    first = ear.is_first(row, agreed)
    before: tuple[At, ...] = row.value.minutes if row is not None and row.value is not None else ()
    known = () if first else before
    ours: tuple[At, ...] = row.expected.minutes if row is not None and isinstance(row.expected, Plays) else ()
    new = sorted({at for at in now.minutes if at is not None} - {*known, *ours})
    undated = now.minutes.count(None) > known.count(None) + ours.count(None)
    echoes = [at for at in ours if at in now.minutes and at is not None]
    told = sorted({*new, *echoes}) if title in ear.policy.ledger else []  # else no row waits for them
    sightings = tuple(Sighting(ear.side.key, at) for at in told)
    if agreed is not None and agreed.value is None and sightings:  # what was taken back states nothing later
        sightings = tuple(one for one in sightings if is_known(ear.policy, title, one) is None)
        new = [one.at for one in sightings if one.at is not None and one.at not in echoes]
    gone = () if now.inexact else tuple(at for at in dict.fromkeys(before) if at not in now.minutes)
    seen = Seen(now, kept_since=row.kept_since, ours=row.ours) if row is not None else Seen(now)
    if not (new or undated or gone or sightings):
        return _quiet(ear, title, row, seen, now)
    return Said(
        side=ear.side.id,
        title=title,
        value=True if new or undated else None,
        at=new[-1] if new else None,
        first=first,
        moved=set(before) != set(now.minutes),
        mark=not new,
        sightings=sightings,
        gone=gone,
        present=now,
        row=seen,
    )


def _of_copies(ear: Ear, title: int, row: Seen | None, now: Watched, agreed: Agreed | None) -> Said | None:
    """A server: every copy by itself, and the plays that it lists one by one."""
    first = ear.is_first(row, agreed)
    old = {copy.item: copy for copy in row.value.copies} if row is not None and row.value is not None else {}
    listed = set(row.value.plays) if row is not None and row.value is not None and not first else set()
    plays, viewings, marks, copies = sorted(set(now.plays) - listed), set[datetime](), list[At](), list[Copy]()
    for copy in now.copies:
        was = None if first or copy.item in ear.read.met else old.get(copy.item)
        if not copy.played:
            copies.append(Copy(copy.item, played=False))
            continue
        if was is not None and was.played and copy.begun and copy.at != was.at:
            copies.append(was)  # it goes on from somewhere: the date is that of a viewing which has no end yet
            continue
        copies.append(copy)
        _sort_out(ear, copy, was, row, viewings=viewings, marks=marks, listed=bool(plays))
    viewings.update(plays)
    copies += _others(ear, title, now, old) if old else ()
    whole = Watched(tuple(copies), now.plays or (row.value.plays if row is not None and row.value is not None else ()))
    whole = now if whole == now else whole  # one object less for almost every title
    if not whole and not viewings:  # a rewatch that began leaves something behind, and Seen stays
        if all(_is_blank(ear.side, copy, row) for copy in now.copies):
            return absent(ear, title, row)
        lost = row is not None and watched(row.value) and not any(copy.begun for copy in now.copies)
        return _given_back(ear, title, row) if row is not None and lost else None
    met = first or any(copy.item in ear.read.met for copy in now.copies)
    seen = Seen(whole, kept_since=row.kept_since, ours=row.ours) if row is not None else Seen(whole)
    if viewings or marks:
        sightings = (
            *(_sighted(ear, at) for at in sorted(viewings)),
            *(_sighted(ear, at, mark=True) for at in marks),
        )
        at = sightings[len(viewings) - 1 if viewings else 0].at
        said = Said(side=ear.side.id, title=title, value=True, at=at, first=met, mark=not viewings, sightings=sightings)
        return replace(said, moved=row is None or row.value != whole, present=now, row=seen)
    return _quiet(ear, title, row, seen, now)


def _sighted(ear: Ear, at: At, *, mark: bool = False) -> Sighting:
    """What a server dates so; the time that it shows stays beside the right one."""
    right = ear.read.moment(at) if at is not None else None
    return Sighting(ear.side.key, right, mark=mark, raw=at if right != at else None)


def _sort_out(
    ear: Ear, copy: Copy, was: Copy | None, row: Seen | None, *, viewings: set[datetime], marks: list[At], listed: bool
) -> None:
    """Whether a watched copy tells a viewing, a mark, or nothing new."""
    before = was is not None and was.played
    expected, at = (row.expected, copy.at) if row is not None else (None, copy.at)
    date = newest([expected]) if isinstance(expected, Plays) else None
    if not ear.side.jellyfin:
        rose = copy.count > (was.count if was is not None else 0)
        echo = isinstance(expected, Plays) and copy.count <= (was.count if was is not None else 0) + 1
        if rose and ear.side.plays != "all" and at is not None and not echo:
            viewings.add(at)
        elif not before and not listed and not echo:
            marks.append(None if row is not None and row.ours is not None else at)
        return
    if before and was is not None and at in (was.at, None):
        return
    if isinstance(expected, Plays) and (date is None or at is None or abs(at - date) < timedelta(minutes=1)):
        return
    if at is None or copy.begun:
        marks.append(None)
    elif any(abs(ear.read.moment(at) - heard) <= NEAR for heard in ear.read.explained.get(copy.item, ())):
        if not before or copy.item in ear.read.toggled:
            marks.append(at)
    elif ear.is_bulk(at):
        marks.append(None if row is not None and newest([row.ours]) == at else at)
    else:
        viewings.add(at)


def _others(ear: Ear, title: int, now: Watched, old: dict[str, Copy]) -> list[Copy]:
    """Copies that were seen and are not shown: blank if the read says so and they are there, gone if they are not."""
    read, shown = ear.read, {copy.item for copy in now.copies}
    there = set(read.items.get(title, ())) if read.items is not None else set(old)
    says = read.says_absent(title, ear.policy.kinds.get(title))
    kept = (copy for item, copy in old.items() if item not in shown and item in there)
    return [Copy(copy.item, played=False) if says else copy for copy in kept]


def _given_back(ear: Ear, title: int, row: Seen) -> Said | None:
    """What a side lost by itself is marked again; until that is confirmed Seen does not tell how it looks."""
    return _quiet(ear, title, row, replace(row, expected=Plays((newest([row.value], begins=True),))))


def _quiet(ear: Ear, title: int, row: Seen | None, seen: Seen, now: Plays | Watched | None = None) -> Said | None:
    """A side that looks different and says nothing by it."""
    if row == seen:
        return None
    return Said(side=ear.side.id, title=title, moved=False, present=now, row=seen)


def _items(ear: Ear, title: int, row: Seen | None) -> tuple[str, ...]:
    """The items that were watched: as they were seen, else as live heard it."""
    if ear.read.items is None:
        return ()
    if row is not None and isinstance(row.value, Watched):
        return tuple(copy.item for copy in row.value.copies if copy.played)
    return ear.read.heard_on.get(title, ())


def _is_blank(side: Side, copy: Copy, row: Seen | None) -> bool:
    """Whether nothing is left of any watching; Plex may leave a date behind where we had seen the play."""
    return copy.blank if side.jellyfin or row is None else not (copy.played or copy.count)


def _is_fault(ear: Ear, copy: Copy, row: Seen | None) -> bool:
    """Whether the server forgot it by itself while somebody rated it: then rating or favourite moved, too."""
    if row is None or row.value is None or copy.item in ear.read.toggled:
        return False
    was = next((each for each in row.value.copies if each.item == copy.item), None)
    return was is not None and (was.rating, was.favourite) != (copy.rating, copy.favourite)
