"""What a Plex webhook says, as an event. Pure.

It bears no time and no number, so it happened when it came. The owner is 1 on his own server, whatever the number in
the body; a hook travels with its account, so events of other servers arrive here, too, and are nobody's business.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from sidecar.events import Event, PlayEvent, RatingEvent, What
from sidecar.live import bodies
from sidecar.live.bodies import LEAVES, Number, Text, Word
from sidecar.model import Ids, Kind, Ref
from sidecar.servers.guids import ids_of_guids, of_guid, refs_of
from sidecar.store.servers import KnownServer
from sidecar.viewing import Source

MILLI = 1000.0
OWNER, NOBODY = "1", ("0", "")
COUNTS = 0.9  # of its length: where a server says that something is watched, if it does not say where
EVENTS = {
    "media.play": What.START,
    "media.pause": What.PAUSE,
    "media.resume": What.RESUME,
    "media.stop": What.STOP,
    "media.scrobble": What.PROGRESS,
}
RATED = "media.rate"
Whole = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class _Account(msgspec.Struct):
    id: Whole | Word


class _Server(msgspec.Struct):
    uuid: Word


class _Player(msgspec.Struct):
    uuid: Word = ""
    title: Text = ""


class _Payload(msgspec.Struct):
    event: Word
    account: _Account | None = msgspec.field(default=None, name="Account")
    server: _Server | None = msgspec.field(default=None, name="Server")
    player: _Player | None = msgspec.field(default=None, name="Player")
    metadata: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw, name="Metadata")
    rating: Number = None


class _Guid(msgspec.Struct):
    id: Text = ""


class _Metadata(msgspec.Struct, rename="camel"):
    type: Word = ""
    rating_key: Whole | Word = ""
    guid: Text = ""
    parent_guid: Text = ""
    grandparent_guid: Text = ""
    title: Text = ""
    parent_title: Text = ""
    grandparent_title: Text = ""
    library_section_title: Text = ""
    live: Whole | Word | bool = 0
    year: Number = None
    index: Number = None
    parent_index: Number = None
    duration: Number = None
    view_offset: Number = None
    user_rating: Number = None
    guids: list[_Guid] = msgspec.field(default_factory=list, name="Guid")


def event_of(body: bytes, server: KnownServer, received: datetime) -> Event | None:
    """The event in a payload, None where it holds nothing for us; raises UserError with the reason if unreadable."""
    payload = bodies.decode(body, _Payload)
    if payload.event not in EVENTS and payload.event != RATED:
        return None
    if payload.server is None or payload.account is None or not payload.metadata:
        raise bodies.unreadable("Server, Account or Metadata is missing")
    user = _user(payload.account.id, server)
    if payload.server.uuid != server.id or user in NOBODY:
        return None
    meta = bodies.decode(payload.metadata, _Metadata)
    kind = Kind(meta.type) if meta.type in set(Kind) else None
    if kind is None or str(meta.live) not in ("0", "False") or (payload.event != RATED and kind not in LEAVES):
        return None  # music, photos, trailers, television
    refs = _refs(kind, meta)
    about: dict[str, Any] = {
        "service": Source.PLEX,
        "server": server.id,
        "user": user,
        "source": "webhook",
        "at": received,
        "sent": received,
        "received": received,
        "item": f"{meta.rating_key}~{meta.guid}",  # a number is given again to something else, with another guid
        "refs": refs,
        "title": bodies.title(refs, meta.title),
        "library": meta.library_section_title,
    }
    if payload.event == RATED:
        given = payload.rating if payload.rating is not None else meta.user_rating
        return RatingEvent(**about, value=bodies.rating(given))
    return _play(payload, meta, about)


def _play(payload: _Payload, meta: _Metadata, about: dict[str, Any]) -> PlayEvent:
    watched, player = payload.event == "media.scrobble", payload.player or _Player()
    length, place = bodies.seconds(meta.duration, MILLI), bodies.seconds(meta.view_offset, MILLI)
    return PlayEvent(
        **about,
        session=player.uuid,
        what=EVENTS[payload.event],
        runtime=length / 60 if length else None,
        position=length * COUNTS if watched and length and not place else place,
        paused=payload.event == "media.pause",
        completed=True if watched else None,
        device=player.title,
    )


def _user(number: int | str, server: KnownServer) -> str:
    """The user as the server itself calls him."""
    return OWNER if str(number) in (OWNER, server.owner or OWNER) else str(number)


def _refs(kind: Kind, meta: _Metadata) -> tuple[Ref, ...]:
    """The titles it stands for: by the ids beside its guid, else by what the guid of an older agent says."""
    own, beside = of_guid(meta.guid, kind), [guid.id for guid in meta.guids]
    if own.why and not beside:
        return ()  # nor by its show, where an agent counts the episodes in its own order
    above = {Kind.EPISODE: meta.grandparent_guid, Kind.SEASON: meta.parent_guid}.get(kind, "")
    show = own.show or (of_guid(above, Kind.SHOW).ids if above else None)
    season = meta.index if kind is Kind.SEASON else meta.parent_index
    names = {Kind.EPISODE: meta.grandparent_title, Kind.SEASON: meta.parent_title}
    length = bodies.minutes(meta.duration, MILLI) if kind in LEAVES else None
    return refs_of(
        kind,
        ids_of_guids(beside, own.ids.plex) if beside else own.ids,
        name=names.get(kind, meta.title) or None,
        year=bodies.whole(meta.year, 9999) if kind in (Kind.MOVIE, Kind.SHOW) else None,
        runtime=round(length) or None if length else None,
        show=show or Ids(),
        season=own.season if own.season is not None else bodies.whole(season),
        number=own.number if own.number is not None else bodies.whole(meta.index) if kind is Kind.EPISODE else None,
    )[0]
