"""What the Webhook plugin of a Jellyfin server posts, as an event. Pure.

It says how it is now, in one flat object, wholly (“send all properties”) or through a template, where everything is
text and quotes come escaped in several ways. It never sends the ids of a series.
"""

from __future__ import annotations

import html
import re
from datetime import datetime
from typing import Any

import msgspec

from sidecar.errors import UserError
from sidecar.events import Event, PlayEvent, RatingEvent, ToggleEvent, What
from sidecar.live import bodies
from sidecar.live.bodies import LEAVES, Flag, Moment, Number, Text, Word, flag, unreadable
from sidecar.live.jellyfin_hook import KINDS, NOBODY, TICKS, check, plain_id, refs_from
from sidecar.model import Kind
from sidecar.viewing import Source

SAVED, PROGRESS, STOP = "UserDataSaved", "PlaybackProgress", "PlaybackStop"
PLAYS = {"PlaybackStart": What.START, PROGRESS: What.PROGRESS, STOP: What.STOP}

_LOOSE = re.compile(rb'\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})')


class _Body(msgspec.Struct, rename="pascal"):
    notification_type: Word
    server_id: Word = ""
    user_id: Word = ""
    item_id: Word = ""
    item_type: Word = ""
    utc_timestamp: Word = ""
    name: Text | None = None
    series_name: Text | None = None
    year: Number = None
    season_number: Number = None
    episode_number: Number = None
    episode_number_end: Number = None
    run_time_ticks: Number = None
    playback_position_ticks: Number = None
    is_paused: Flag = None
    is_automated: Flag = None
    played_to_completion: Flag = None
    played: Flag = None
    rating: Number = None
    save_reason: Word | None = None
    id: Word | None = None  # of the session
    device_id: Word | None = None
    device_name: Text | None = None
    client_name: Text | None = None
    path: Text | None = None
    imdb: Word | None = msgspec.field(default=None, name="Provider_imdb")
    tmdb: Word | None = msgspec.field(default=None, name="Provider_tmdb")
    tvdb: Word | None = msgspec.field(default=None, name="Provider_tvdb")


def event_of(text: bytes, server: str, received: datetime) -> Event | None:
    """The event in a body, None where it holds nothing for us; raises UserError with the reason if unreadable."""
    if not text.strip():
        return None  # a template that had nothing to say
    body = _decoded(text)
    kind, user = KINDS.get(body.item_type), plain_id(body.user_id)
    if (body.notification_type not in PLAYS and body.notification_type != SAVED) or kind is None or user in NOBODY:
        return None
    if body.server_id:
        check(body.server_id, server)
    if not body.item_id:
        raise unreadable("ItemId is missing")
    names, at = (plain_text(body.name), plain_text(body.series_name)), _timestamp(body)
    own = {"imdb": body.imdb, "tmdb": body.tmdb, "tvdb": body.tvdb}
    numbers = (body.season_number, body.episode_number, body.episode_number_end)
    refs = refs_from(kind, names, (own, {}), year=body.year, ticks=body.run_time_ticks, numbers=numbers)
    about: dict[str, Any] = {
        "service": Source.JELLYFIN,
        "server": server,
        "user": user,
        "source": "webhook",
        "at": at,
        "sent": at,  # there is no second try
        "received": received,
        "item": plain_id(body.item_id),
        "refs": refs,
        "title": bodies.title(refs, names[0]),
    }
    return _saved(body, kind, about) if body.notification_type == SAVED else _played(body, kind, about)


def _played(body: _Body, kind: Kind, about: dict[str, Any]) -> PlayEvent | None:
    if kind not in LEAVES or (body.notification_type == PROGRESS and flag(body.is_automated)):
        return None  # the server's own count of the seconds, which goes on when the player is long gone
    return PlayEvent(
        **about,
        session=plain_id(body.id or body.device_id or ""),
        what=PLAYS[body.notification_type],
        runtime=bodies.minutes(body.run_time_ticks, TICKS),
        position=bodies.seconds(body.playback_position_ticks, TICKS),
        paused=flag(body.is_paused),
        completed=flag(body.played_to_completion) if body.notification_type == STOP else None,
        device=plain_text(body.device_name),
        client=plain_text(body.client_name),
        path=plain_text(body.path),
    )


def _saved(body: _Body, kind: Kind, about: dict[str, Any]) -> Event | None:
    """Stored user data: what changed is not said, only why it was stored.

    A rating of 0 is none, be it taken away or never given: a favourite is stored for the same reason. It goes on as
    “none”, which asks to look at the title and removes nothing by itself. Among all that UpdateUserData can be, 0 says
    nothing: no rating is taken away like that, and somebody's sync may write thousands of them.
    """
    value = bodies.rating(body.rating)
    if body.save_reason == "UpdateUserRating" or (body.save_reason == "UpdateUserData" and value is not None):
        return RatingEvent(**about, value=value)
    if body.save_reason == "TogglePlayed" and kind in LEAVES:
        return ToggleEvent(**about, played=flag(body.played))
    return None


def _decoded(text: bytes) -> _Body:
    try:
        return bodies.decode(text, _Body)
    except UserError:
        loose = _LOOSE.sub(rb"\\\\", text)  # a template writes the backslash of a title as it is
        if loose == text:
            raise
        return bodies.decode(loose, _Body)


def _timestamp(body: _Body) -> datetime:
    try:
        return bodies.moment(msgspec.convert(body.utc_timestamp, Moment))
    except msgspec.ValidationError as problem:
        raise unreadable("UtcTimestamp is no time with a zone") from problem


def plain_text(text: str | None) -> str:
    """A name without what the plugin and its templates do to quotes."""
    return html.unescape(text or "").replace('\\"', '"')
