"""What live heard of an account since its side was read last: what explains dates, what ended, what is playing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sidecar.store.db import Transaction
from sidecar.store.matches import Matches
from sidecar.store.sessions import Kept, Sessions
from sidecar.sync.linked import Linked

EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Heard:
    """All of it, by item and by title."""

    explained: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    toggled: frozenset[str] = frozenset()
    titles: Mapping[int, datetime] = field(default_factory=dict)  # heard to their end, and when
    items: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # on which that was


def heard_of(db: Transaction, side: Linked, since: datetime | None) -> Heard:
    """What was heard of one side; without a moment, ever."""
    sessions, since = Sessions(db), since or EVER
    ended = sessions.finished_since(side.server, side.user, since)
    stands = Matches(db).of_items(side.server, ended)
    items: dict[int, tuple[str, ...]] = {}
    for item, titles in stands.items():
        items |= {title: (*items.get(title, ()), item) for title in titles}
    return Heard(
        sessions.all_explained(side.server, side.user),
        sessions.toggled_since(side.server, side.user, since),
        {title: max(ended[item] for item in of_title) for title, of_title in items.items()},
        items,
    )


def playing(db: Transaction, sides: Iterable[Linked]) -> set[int]:
    """The titles that any account of a person is playing now."""
    ours = {(side.server, side.user) for side in sides}
    uuids = {side.trakt for side in sides if side.trakt}
    going: list[Kept] = [
        each for each in Sessions(db).open() if (each.server, each.user) in ours or each.trakt in uuids
    ]
    found: set[int] = set()
    for each in going:
        found.update(Matches(db).of_items(each.server, [each.item]).get(each.item, ()))
    return found


def is_watching(db: Transaction, trakt: str) -> bool:
    """Whether somebody of this Trakt account is watching now."""
    return bool(Sessions(db).open(trakt))
