"""The merge alone: time and memory for a whole library on several sides, unchanged, changed a little, and met first."""

import time
import tracemalloc
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.figure import Figure, Size
from sidecar.contract import Copy, Plays, Rating, Watched
from sidecar.model import Feature, Kind
from sidecar.sync.merge import merge
from sidecar.sync.plan import Agreed, Plan, Seen
from sidecar.sync.sides import Policy, Read, Side

NOW = datetime(2026, 11, 21, tzinfo=UTC)
LATER = NOW + timedelta(days=9999)  # than all that is played in between
SIDES = (Side(1, "trakt:uuid", "Trakt"), Side(2, "jellyfin:s:anna", "Jellyfin"), Side(3, "plex:p:anna", "Plex"))
Rows = dict[int, Any]


def measure(size: Size) -> list[Figure]:
    """Histories of so many titles on three sides, ratings of as many."""
    count, figures = size.merged, list[Figure]()
    for feature in (Feature.HISTORY, Feature.RATINGS):
        what = f"merge: {feature} of {count:,} titles on three sides"
        facts = {side.id: held(side, feature, count) for side in SIDES}
        agreed = {title: Agreed(True if feature is Feature.HISTORY else 7, NOW) for title in range(count)}
        seen = {side: {title: Seen(value) for title, value in rows.items()} for side, rows in facts.items()}
        seconds, plan = timed(feature, agreed, seen, facts)
        assert not plan
        figures.append(Figure(f"{what}, unchanged", seconds, "s", budget="under 1 s per 100,000"))
        some = {side: rows | changed(side, feature, count) for side, rows in facts.items()}
        figures.append(Figure(f"{what}, 0.5 % changed", timed(feature, agreed, seen, some)[0], "s"))
        tracemalloc.start()
        first = timed(feature, {}, {}, facts | {3: {}}, joined=False)[1]
        memory = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        assert len(first.changes) == count
        seconds = timed(feature, {}, {}, facts | {3: {}}, joined=False)[0]
        figures.append(Figure(f"{what}, first run, one side empty", seconds, "s"))
        figures.append(Figure(f"{what}, first run, memory", memory, "MB"))
    return figures


def timed(
    feature: Feature,
    agreed: Mapping[int, Agreed],
    seen: Mapping[int, Rows],
    facts: Mapping[int, Rows],
    *,
    joined: bool = True,
) -> tuple[float, Plan]:
    """One merge, and how long it took; what it is given is made before."""
    titles = range(max(len(rows) for rows in facts.values()))
    items = {title: (f"{title:032x}",) for title in titles}
    reads = {
        side.id: Read(
            at=LATER, facts=facts[side.id], items=None if side.trakt else items, behind={} if side.trakt else items
        )
        for side in SIDES
    }
    sides = SIDES if joined else tuple(Side(side.id, side.key, side.label, joined=False) for side in SIDES)
    policy = Policy(feature=feature, now=NOW, sides=sides, kinds=dict.fromkeys(titles, Kind.EPISODE))
    began = time.perf_counter()
    plan = merge(agreed, seen, reads, policy)
    return time.perf_counter() - began, plan


def held(side: Side, feature: Feature, count: int) -> Rows:
    """What a side holds."""
    return {title: value(side.id, feature, title, NOW - timedelta(minutes=title)) for title in range(count)}


def changed(side: int, feature: Feature, count: int) -> Rows:
    """Every two hundredth title was watched or rated again, another one on each side, an hour apart."""
    again = {title: NOW + timedelta(hours=title) for title in range(side, count, 200)}
    return {title: value(side, feature, title, at, rating=9) for title, at in again.items()}


def value(side: int, feature: Feature, title: int, at: datetime, rating: int = 7) -> Any:
    """One fact."""
    if feature is Feature.RATINGS:
        return Rating(rating, at)
    if side == 1:
        return Plays((at,))
    return Watched((Copy(f"{title:032x}", played=True, count=1, at=at),), (at,) if side == 3 else ())
