"""What the store knows of an item, where an event could not say it: titles, library, runtime."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from sidecar.events import Event, PlayEvent
from sidecar.store.db import Transaction
from sidecar.store.items import Items
from sidecar.store.servers import KnownServers


def filled(db: Transaction, event: Event) -> Event:
    """The event with what is missing in it, as far as the server's libraries were read.

    Plex does not send the ids of a season's show, the Webhook plugin neither those of a series nor the library.
    """
    unknown_length = isinstance(event, PlayEvent) and event.runtime is None
    if not event.item or (event.refs and event.library and not unknown_length):
        return event
    item = Items(db).get(event.server, [event.item]).get(event.item)
    if item is None:
        return event
    more: dict[str, Any] = {}
    if not event.refs and (refs := item.refs()):
        more |= {"refs": refs, "title": refs[0].label()}
    if not event.library:
        more["library"] = KnownServers(db).libraries(event.server).get(item.library, "")
    if unknown_length and item.runtime:
        more["runtime"] = float(item.runtime)
    return replace(event, **more)
