"""What servers say about items, in one shape for both kinds, and what it means for each feature.

Pure. A row is one item as one person sees it; a fact is one value of one title, perhaps of several items.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from sidecar.contract import Collected, Copy, Fact, Listed, Plays, Rating, Watched
from sidecar.model import Feature, Kind, Ref
from sidecar.viewing import USUAL_RUNTIME


class Row(msgspec.Struct, frozen=True, gc=False):
    """One item: what it is, the titles it stands for (or why none), and what one person did with it."""

    kind: Kind
    library: str
    name: str
    refs: tuple[Ref, ...]
    copy: Copy
    why: str = ""
    year: int | None = None
    runtime: int | None = None  # minutes
    file: str = ""  # where one file is several items
    rated_at: datetime | None = None
    collected: Collected | None = None
    plays: tuple[datetime, ...] = ()
    show: str = ""  # the item of its show
    place: tuple[int | None, int | None] = (None, None)  # season and number, also where nothing else is known

    @property
    def item(self) -> str:
        """The item's id."""
        return self.copy.item


HIGHEST_RATING = 10
LEAVES = frozenset({Kind.MOVIE, Kind.EPISODE})
KINDS = {
    Feature.HISTORY: LEAVES,
    Feature.RATINGS: frozenset(Kind),
    Feature.WATCHLIST: frozenset({Kind.MOVIE, Kind.SHOW}),
    Feature.COLLECTION: LEAVES,
}
"""Of which kinds a server holds a feature."""


def value_of(feature: Feature, rows: Sequence[Row]) -> Any:
    """What these copies of one title hold of a feature, in whatever order they came; None where none holds anything."""
    rows = sorted(rows, key=lambda row: row.item)
    if feature is Feature.HISTORY:
        copies, plays = tuple(row.copy for row in rows), sorted({at for row in rows for at in row.plays})
        return Watched(copies, tuple(plays)) if plays or not all(copy.blank for copy in copies) else None
    if feature is Feature.RATINGS:
        rated = [Rating(value, row.rated_at) for row in rows if (value := row.copy.rating) and is_rating(value)]
        return max(rated, key=lambda each: each.at.timestamp() if each.at else 0.0, default=None)
    if feature is Feature.WATCHLIST:
        return Listed() if any(row.copy.favourite for row in rows) else None
    held = [row.collected for row in rows if row.collected is not None]
    return max(held, key=_quality, default=None)


def facts_of(feature: Feature, rows: Iterable[Row]) -> list[Fact]:
    """One fact for each title that holds something; an item of several titles speaks for each of them."""
    several: dict[str, tuple[Row, ...]] = {}
    titles: dict[str, Ref] = {}
    for row in rows:
        if row.kind in KINDS[feature] and value_of(feature, [row]) is not None:
            for ref in row.refs:
                claim = ref.claim()
                titles.setdefault(claim, ref)
                others = (each for each in several.get(claim, ()) if each.item != row.item)  # listed twice is one copy
                several[claim] = (*others, row)
    return [
        Fact(ref, value_of(feature, found), tuple(sorted(row.item for row in found)))
        for ref, found in zip(titles.values(), several.values(), strict=True)
    ]


def holds(feature: Feature, row: Row, value: Any) -> bool:
    """Whether a copy already is as a write wants it; ratings are compared as Trakt rounds them."""
    if feature is Feature.HISTORY:
        return row.copy.played
    if feature is Feature.RATINGS:
        held = value_of(feature, [row])
        return held is not None and whole(held.value) == whole(value.value)
    return row.copy.favourite


def is_outdated(row: Row, value: Any) -> bool:
    """Whether a watched copy shows an earlier viewing than the one to be written, and surely not the same."""
    at, shown = newest(value), row.copy.at
    runtime = row.runtime or USUAL_RUNTIME.get(row.kind, USUAL_RUNTIME[Kind.EPISODE])
    return at is not None and shown is not None and at > shown + timedelta(minutes=2 * runtime + 30)


def is_rating(value: float) -> bool:
    """Whether a number is a rating: Trakt has none below one or above ten, and a server's zero means none."""
    return 0 < value <= HIGHEST_RATING  # and so neither is what is no number at all


def whole(rating: float) -> int:
    """A rating as Trakt holds it: rounded half up."""
    return max(1, int(rating + 0.5))


def newest(value: Any) -> datetime | None:
    """The last dated play of what shall be written."""
    dated = [at for at in value.minutes if at is not None] if isinstance(value, Plays) else []
    return max(dated, default=None)


_RESOLUTIONS = ("sd_480i", "sd_480p", "sd_576i", "sd_576p", "hd_720p", "hd_1080i", "hd_1080p", "uhd_4k")


def _quality(held: Collected) -> tuple[int, int]:
    """Which of several files is the best: the larger picture, then the wider range."""
    media = held.media
    if media is None:
        return -1, 0
    known = _RESOLUTIONS.index(media.resolution) if media.resolution in _RESOLUTIONS else -1
    return known, int(media.hdr is not None)
