"""What nobody heard on a Jellyfin server: it keeps the begin of each title's last play, and nothing before that."""

from __future__ import annotations

from datetime import datetime, timedelta

from sidecar.events import PlayedEvent
from sidecar.servers.jellyfin.client import Jellyfin, Params
from sidecar.servers.jellyfin.reads import NEWEST, PLAYED, Reads
from sidecar.servers.jellyfin.wire import Item, decode
from sidecar.servers.listening import Ears
from sidecar.servers.past import Past
from sidecar.servers.rows import LEAVES
from sidecar.viewing import Source

OVERLAP = timedelta(hours=24)  # what ended afterwards began before
SHARED, NEAR = 3, timedelta(minutes=2)  # so many titles that share a date were marked
ORDER: Params = {"sortBy": "DatePlayed,SortName", "sortOrder": "Descending", "limit": NEWEST}


def played_since(client: Jellyfin, user: str, ears: Ears, since: datetime) -> list[PlayedEvent]:
    """What a user has played since a moment and a day before it, the oldest first; nothing that was explained."""
    past = Past(ears.store, ears.clock, ears.server, user)
    dated = _newest_first(client, user, since - OVERLAP)
    plays = {
        item.id: at
        for at, item in dated
        if item.user_data is not None
        and not item.user_data.playback_position_ticks  # else it was begun again
        and sum(abs(at - other) <= NEAR for other, _ in dated) < SHARED
        and not past.explains(item.id, at)
    }
    items = [item for _, item in reversed(dated) if item.id in plays]
    return [
        PlayedEvent(
            service=Source.JELLYFIN,
            server=ears.server,
            user=user,
            source="history",
            at=plays[row.item],
            received=ears.clock.now(),
            id=f"{ears.server} {user} {row.item} {plays[row.item].timestamp():.0f}",
            item=row.item,
            refs=row.refs,
            title=row.refs[0].label() if row.refs else row.name,
            library=ears.library(row.library),
        )
        for row in Reads(client, user, ears.inventory(), None).placed(items)
    ]


def _newest_first(client: Jellyfin, user: str, oldest: datetime) -> list[tuple[datetime, Item]]:
    """What is played and was begun since a moment, by pages until an older one comes."""
    found, start = dict[str, tuple[datetime, Item]](), 0
    while True:
        page = client.page({**PLAYED, **ORDER, "userId": user, "startIndex": start}, decode)
        for item in page.items:
            data = item.user_data
            if data is None or data.at is None or data.at < oldest:
                return list(found.values())
            if data.played and item.kind in LEAVES:
                found[item.id] = data.at, item
        start += page.count
        if not page.count or start >= page.total:
            return list(found.values())
