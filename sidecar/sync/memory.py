"""The baseline in the types of a merge: what each side holds as it holds it, and changes as the journal has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from sidecar.clock import maybe_from_text
from sidecar.contract import Collected, Listed, Plays, Rating, Watched
from sidecar.model import Feature
from sidecar.store.baseline import Baseline
from sidecar.store.db import Transaction
from sidecar.store.runs import Change as Stored
from sidecar.sync.plan import Agreed, Change, Origin, Seen

WRITTEN: dict[Feature, Any] = {
    Feature.HISTORY: Plays,
    Feature.RATINGS: Rating,
    Feature.WATCHLIST: Listed,
    Feature.COLLECTION: Collected,
}
_plain = msgspec.json.Decoder().decode
_items = msgspec.json.Decoder(tuple[str, ...]).decode


def held_as(feature: Feature, *, trakt: bool) -> Any:
    """The type in which a side holds a feature."""
    return Watched if feature is Feature.HISTORY and not trakt else WRITTEN[feature]


def agreed_of(db: Transaction, person: int, feature: Feature, titles: Iterable[int] | None = None) -> dict[int, Agreed]:
    """What is agreed, of all titles or of these."""
    agreed = msgspec.json.Decoder(Collected).decode if feature is Feature.COLLECTION else _plain
    return {
        title: Agreed(agreed(value) if value != "null" else None, maybe_from_text(at), by)
        for title, value, at, by in Baseline(db).agreed_rows(person, feature, titles)
    }


def seen_of(
    db: Transaction, side: int, feature: Feature, *, trakt: bool, titles: Iterable[int] | None = None
) -> dict[int, Seen]:
    """What was seen of a side, of all titles or of these."""
    value_of = msgspec.json.Decoder(held_as(feature, trakt=trakt)).decode
    expected_of = msgspec.json.Decoder(WRITTEN[feature] | bool).decode
    ours_of = msgspec.json.Decoder(WRITTEN[feature]).decode
    return {
        title: Seen(
            value_of(value) if value != "null" else None,
            _items(items) if items != "[]" else (),
            maybe_from_text(kept),
            expected_of(expected) if expected else None,
            ours_of(ours) if ours else None,
        )
        for title, value, items, kept, expected, ours in Baseline(db).seen_rows(side, feature, titles)
    }


def put_seen(db: Transaction, side: int, feature: Feature, rows: dict[int, Seen]) -> None:
    """Store what a side looks like; rows that say nothing go."""
    Baseline(db).put_seen(side, feature, {title: row for title, row in rows.items() if not row.empty})
    Baseline(db).forget_seen(side, feature, [title for title, row in rows.items() if row.empty])


def stored(number: int, change: Change) -> Stored:
    """A change for the journal."""
    return Stored(
        number,
        change.side,
        change.feature,
        change.title,
        change.action,
        change.value,
        change.before,
        change.why,
        msgspec.to_builtins(change.made_from),
    )


def change_of(row: Stored, *, trakt: bool) -> Change:
    """A change from the journal."""
    before = msgspec.convert(row.before, held_as(row.feature, trakt=trakt) | None)
    value = msgspec.convert(row.value, WRITTEN[row.feature] | None)
    origin = msgspec.convert(row.made_from, Origin)
    return Change(row.side, row.feature, row.title, row.action, value, before, row.why, origin)
