"""What a user's own socket says about ratings and ticks: only that something changed, perhaps to what it was.

So the items are read from a listing, and compared with what was seen before. What playing did is no mark.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.events import RatingEvent, ToggleEvent
from sidecar.servers.hands import AT_ONCE
from sidecar.servers.jellyfin.client import Jellyfin
from sidecar.servers.jellyfin.reads import Reads
from sidecar.servers.jellyfin.wire import UserData
from sidecar.servers.listening import Ears
from sidecar.servers.past import Past
from sidecar.servers.rows import LEAVES, Row
from sidecar.viewing import Source

MOST = 10_000  # items remembered


class _Datum(UserData, frozen=True, rename="pascal", gc=False):
    item_id: str = ""


class Change(msgspec.Struct, rename="pascal"):
    """Data of a user that changed, with those of what stands above."""

    user_id: str
    user_data_list: list[_Datum]


class Marks:
    """Ratings and ticks of one user."""

    def __init__(self, client: Jellyfin, ears: Ears, user: str) -> None:
        self._ears, self._user = ears, user
        self._reads = Reads(client, user, ears.inventory(), None)
        self._past = Past(ears.store, ears.clock, ears.server, user)
        self._known: dict[str, UserData] = {}

    def changed(self, change: Change) -> None:
        """Look at what moved, and tell what is news."""
        if change.user_id != self._user:
            return
        if len(self._known) > MOST:
            self._known.clear()
        moved = [each.item_id for each in change.user_data_list if not _same(self._known.get(each.item_id), each)]
        for start in range(0, len(moved), AT_ONCE):
            items = {item.id: item for item in self._reads.by_ids(moved[start : start + AT_ONCE])}
            for row in self._reads.placed(list(items.values())):
                data = items[row.item].user_data
                if data is not None:
                    self._tell(row, data)
                    self._known[row.item] = data

    def _tell(self, row: Row, data: UserData) -> None:
        now, known = self._ears.clock.now(), self._known.get(row.item)
        rating, played = (known.rating, known.played) if known else self._past.held(row)
        about: dict[str, Any] = {
            "service": Source.JELLYFIN,
            "server": self._ears.server,
            "user": self._user,
            "source": "socket",
            "at": now,
            "received": now,
            "item": row.item,
            "refs": row.refs,
            "title": row.refs[0].label() if row.refs else row.name,
            "library": self._ears.library(row.library),
        }
        if data.rating != rating:
            self._ears.hear(RatingEvent(**about, value=data.rating))
        if row.kind not in LEAVES or played in (None, data.played) or self._past.plays(row.item):
            return
        # A play that began takes the tick away and leaves a date (10.11); a tick that goes with a rating or a
        # favourite was forgotten by the server (12.0). Neither is somebody who takes it back.
        other = data.rating != rating or (known is not None and data.is_favorite != known.is_favorite)
        if data.played or not (data.play_count or data.at or other):
            self._ears.hear(ToggleEvent(**about, played=data.played))


def _same(known: UserData | None, data: UserData) -> bool:
    return known is not None and (known.rating, known.played, known.is_favorite) == (
        data.rating,
        data.played,
        data.is_favorite,
    )
