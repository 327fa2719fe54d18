"""What a Jellyfin server posts, by our own plugin or by the Webhook plugin, as an event. Pure.

Our plugin says what changed, and counts its bodies.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from sidecar.events import Event, PlayEvent, RatingEvent, ToggleEvent, What
from sidecar.live import bodies
from sidecar.live.bodies import LEAVES, Moment, Number, Text, Word, unreadable
from sidecar.model import Ids, Kind, Ref
from sidecar.servers.guids import ids_of, refs_of
from sidecar.viewing import Source

TICKS = 1e7  # in a second
NOBODY = ("", "0" * 32)  # the user of a session that an API key made
KINDS = {"Movie": Kind.MOVIE, "Series": Kind.SHOW, "Season": Kind.SEASON, "Episode": Kind.EPISODE}
MARKED = ("TogglePlayed", "UpdateUserData", "Import")  # reasons for which played is set without playing
LONGEST_VIEWING = timedelta(days=1)  # an older begin is that of another one


class _Named(msgspec.Struct):
    id: Word
    name: Text | None = None
    year: Number = None
    ids: dict[Word, Word | None] | None = None


class _Item(_Named):
    type: Word = ""
    runtime_ticks: float | None = None
    path: Text | None = None
    library: Text | None = None
    season: float | None = None
    episode: float | None = None
    episode_end: float | None = None
    show: _Named | None = None


class _Session(msgspec.Struct):
    id: Word
    device: Text | None = None
    client: Text | None = None


class _Data(msgspec.Struct):
    rating: float | None = None
    last_played: Moment | None = None


class _Body(msgspec.Struct):
    install: Word
    seq: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    id: Word
    event: Word
    at: Moment
    sent: Moment
    server: _Named
    user: _Named | None = None
    session: _Session | None = None
    item: _Item | None = None
    position_ticks: float | None = None
    paused: bool = False
    completed: bool = False
    save_reason: Word | None = None
    user_data: _Data | None = None


def event_of(text: bytes, server: str, received: datetime) -> Event:
    """The event in a body of our plugin; raises UserError with the reason if it cannot be read.

    A bare Event, without user and titles, says only that the body with this number came: nothing else in it is for
    us, and no number shall seem to be missing.
    """
    body = bodies.decode(text, _Body)
    check(body.server.id, server)
    about: dict[str, Any] = {
        "service": Source.JELLYFIN,
        "server": server,
        "source": "plugin",
        "at": bodies.moment(body.at),
        "sent": bodies.moment(body.sent),
        "received": received,
        "id": body.id,
        "install": body.install,
        "seq": body.seq,
    }
    item, user = body.item, plain_id(body.user.id) if body.user else ""
    kind = KINDS.get(item.type) if item else None
    wanted = _wanted(body, kind)
    if item is None or kind is None or wanted is None or user in NOBODY:
        return Event(**about, user="", item="", refs=())
    show, numbers = item.show or _Named(""), (item.season, item.episode, item.episode_end)
    refs = refs_from(
        kind,
        (item.name, show.name),
        (item.ids or {}, show.ids or {}),
        year=item.year,
        ticks=item.runtime_ticks,
        numbers=numbers,
    )
    about |= {
        "user": user,
        "item": plain_id(item.id),
        "refs": refs,
        "title": bodies.title(refs, item.name),
        "library": item.library or "",
    }
    if wanted is RatingEvent:
        return RatingEvent(**about, value=bodies.rating(body.user_data.rating if body.user_data else None))
    if wanted is ToggleEvent:
        return ToggleEvent(**about, played=body.event == "played")
    session = body.session or _Session("")
    return PlayEvent(
        **about,
        session=plain_id(session.id),
        what=What(body.event),
        runtime=bodies.minutes(item.runtime_ticks, TICKS),
        position=bodies.seconds(body.position_ticks, TICKS),
        paused=body.paused,
        completed=body.completed if body.event == What.STOP else None,
        began=_began(body),
        device=session.device or "",
        client=session.client or "",
        path=item.path or "",
    )


def _wanted(body: _Body, kind: Kind | None) -> type[Event] | None:
    """What a body becomes, if anything.

    Unplayed for any other reason than the button is no toggle: a server that forgets a play while something else is
    written (12.0), or because a film is begun again (10.11), is not somebody who takes it back.
    """
    if body.event in set(What) and kind in LEAVES and body.session is not None:
        return PlayEvent
    if body.event == "rated":
        return RatingEvent
    reasons = MARKED if body.event == "played" else MARKED[:1]
    toggled = body.event in ("played", "unplayed") and kind in LEAVES and body.save_reason in reasons
    return ToggleEvent if toggled else None


def _began(body: _Body) -> datetime | None:
    """Jellyfin keeps when the last play began."""
    last = body.user_data.last_played if body.user_data else None
    return last if last is not None and timedelta(0) <= body.at - last <= LONGEST_VIEWING else None


def refs_from(
    kind: Kind,
    names: tuple[str | None, str | None],
    ids: tuple[Mapping[str, str | None], Mapping[str, str | None]],
    *,
    year: Number,
    ticks: Number,
    numbers: tuple[Number, Number, Number],  # season, episode, last episode
) -> tuple[Ref, ...]:
    """The titles that an item stands for, by its own names and ids and its show's; none where that is uncertain."""
    alone, length = kind in (Kind.MOVIE, Kind.SHOW), bodies.minutes(ticks, TICKS)
    season, number, last = map(bodies.whole, numbers)
    return refs_of(
        kind,
        _ids(ids[0]),
        name=names[0 if alone else 1] or None,
        year=bodies.whole(year, 9999) if alone else None,
        runtime=round(length) or None if length and kind in LEAVES else None,
        show=_ids(ids[1]),
        season=season,
        number=number,
        last=last,
    )[0]


def check(told: str, server: str) -> None:
    """Refuse what another server says."""
    if plain_id(told) != plain_id(server):
        raise unreadable("it comes from another server than the one that this address is for")


def plain_id(text: str) -> str:
    """An id as Jellyfin's own answers write it; templates put dashes in."""
    return text.strip().replace("-", "").lower()


def _ids(pairs: Mapping[str, str | None]) -> Ids:
    return ids_of((name, value) for name, value in pairs.items() if value)
