"""What a side says about a rating, a place on the watchlist or a copy: a value, a removal, or nothing.

The three have one shape: a value with a time, which is there or is not. Ratings are compared as Trakt holds them,
rounded half up; of the other two only presence is compared.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from sidecar.contract import Collected, Listed, Rating
from sidecar.model import Feature
from sidecar.sync.plan import REMOVED, Agreed, Said, Seen

if TYPE_CHECKING:
    from sidecar.sync.ear import Ear

ABOUT = timedelta(seconds=60)  # nearer times tell nothing about who was later
Span = tuple[datetime | None, datetime]
"""The earliest and the latest moment at which something may have been said; None if it may be any time ago."""


class Voice(msgspec.Struct, frozen=True, gc=False):
    """One side's word where several differ."""

    side: int
    value: Any
    span: Span
    preferred: bool


def present(ear: Ear, title: int, row: Seen | None, now: Any, agreed: Agreed | None) -> Said | None:
    """What a side says that holds a value."""
    first = ear.is_first(row, agreed)
    if row is not None and row.value is not None and same(row.value, now) and not first and agreed is not None:
        return quiet(ear, title, row, replace(row, expected=None))
    items = ear.read.behind.get(title, ())
    ours = row.ours if row is not None else None
    if row is not None and row.expected is not None and row.expected is not REMOVED and same(row.expected, now):
        return quiet(ear, title, row, Seen(now, items, row.kept_since, ours=ours), now)
    moved = row is None or not same(row.value, now)
    seen = Seen(now, items, row.kept_since if row is not None else None, ours=ours)
    met = first or any(item in ear.read.met for item in items)
    return Said(
        side=ear.side.id, title=title, value=plain(now), at=now.at, first=met, moved=moved, present=now, row=seen
    )


def absent(ear: Ear, title: int, row: Seen | None) -> Said | None:
    """What a side says that holds nothing any more: a removal, once that is beyond doubt."""
    if row is None or row.value is None or ear.forgets(row):
        return None
    gone, policy = replace(row, value=None, expected=None), ear.policy
    if row.expected is REMOVED:
        return quiet(ear, title, row, gone)
    if policy.feature is Feature.COLLECTION and not ear.side.trakt:
        return None  # what left a disk is taken off the list only by a person who looks at it
    if policy.feature is Feature.WATCHLIST and was_watched(policy.watched, title, row.value.at):
        return quiet(ear, title, row, replace(gone, kept_since=policy.now))
    if ear.must_look(title, row.items):
        return None
    return Said(side=ear.side.id, title=title, removal=True, at=ear.read.at, row=gone)


def was_watched(watched: Any, title: int, listed_at: datetime | None) -> bool:
    """Whether a title was watched after it was listed: then it left the watchlist by itself."""
    if title not in watched:
        return False
    at = watched[title]
    return at is None or listed_at is None or bool(at >= listed_at)


def quiet(ear: Ear, title: int, row: Seen, seen: Seen, now: Any = None) -> Said | None:
    """A side that looks different and says nothing by it."""
    return None if row == seen else Said(side=ear.side.id, title=title, moved=False, present=now, row=seen)


def whole(rating: float) -> int:
    """A rating as Trakt holds it."""
    return min(10, max(1, int(rating + 0.5)))


def plain(value: Any) -> Any:
    """What should be agreed of a side's own value."""
    if isinstance(value, Rating):
        return whole(value.value)
    return True if isinstance(value, Listed) else value


def same(one: Any, other: Any) -> bool:
    """Whether two values of sides are the same, compared as far as every side can hold them."""
    if isinstance(one, Rating) and isinstance(other, Rating):
        return whole(one.value) == whole(other.value)
    return (one is None) == (other is None)


def is_half(value: Any) -> bool:
    """Whether Trakt cannot hold a rating as it stands."""
    return isinstance(value, Rating) and value.value != whole(value.value)


def to_write(feature: Feature, agreed: Agreed) -> Any:
    """The value that a side is given so that it is as agreed."""
    if feature is Feature.RATINGS:
        return Rating(agreed.value, agreed.at)
    return Listed(agreed.at) if feature is Feature.WATCHLIST else Collected(agreed.at, agreed.value.media)


def winner(voices: list[Voice], agreed: Any) -> tuple[Voice, str]:
    """Whose word counts of several that differ: the newest, else the preferred side's; and by which of the two."""
    for voice in voices:
        begin = voice.span[0]
        others = [other for other in voices if not same_plain(other.value, voice.value)]
        if begin is not None and all(begin > other.span[1] + ABOUT for other in others):
            return voice, "newest"
    return min(voices, key=lambda one: (not one.preferred, one.value != agreed, one.side)), "preferred"


def same_plain(one: Any, other: Any) -> bool:
    """Whether two agreed values are the same: any two copies are, whatever they are."""
    return one == other or (isinstance(one, Collected) and isinstance(other, Collected))
