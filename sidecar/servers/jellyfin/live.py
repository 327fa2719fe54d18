"""What Jellyfin's socket says: who plays what, as snapshots of all sessions from which transitions follow.

There is no message for a start or a stop. Between two reports of a player the server counts the seconds itself, for
minutes after the player has gone; only a new check-in proves that somebody is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from sidecar.errors import Refused, RemoteError
from sidecar.events import PlayEvent, What
from sidecar.servers.jellyfin.client import Jellyfin
from sidecar.servers.jellyfin.marks import Change, Marks
from sidecar.servers.jellyfin.reads import Reads
from sidecar.servers.jellyfin.wire import NOBODY, TICKS_A_MINUTE, Item, Ticks
from sidecar.servers.listening import GRACE, Ears
from sidecar.servers.rows import LEAVES
from sidecar.viewing import Source

SUBSCRIBE = '{"MessageType":"SessionsStart","Data":"0,1500"}'
STALE = timedelta(seconds=60)  # without a check-in a player that does not pause has gone; they report every ten seconds
MOST = 500  # items remembered
Key = tuple[str, str]
"""A session and one of its users."""


class _Viewer(msgspec.Struct, rename="pascal"):
    user_id: str = NOBODY


class _Film(Item, frozen=True, rename="pascal", gc=False):
    path: str | None = None


class _Place(msgspec.Struct, rename="pascal"):
    position_ticks: Ticks | None = None
    is_paused: bool = False
    media_source_id: str | None = None


class _Session(_Viewer, rename="pascal"):
    id: str = ""
    client: str | None = None
    device_name: str | None = None
    additional_users: list[_Viewer] | None = None
    now_playing_item: _Film | None = None
    play_state: _Place = msgspec.field(default_factory=_Place)
    last_playback_check_in: str = ""


class _Stub(msgspec.Struct, rename="pascal"):
    id: str = ""


class _Message(msgspec.Struct, rename="pascal"):
    message_type: str
    data: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


@dataclass(slots=True)
class _Play:
    event: PlayEvent  # as it was told last
    check_in: str
    alive: datetime  # when it checked in, by our clock
    place: float | None  # where the server counts it to be


class JellyfinVoice:
    """One socket: of the server's key, which hears everybody's plays, or of a user, whose marks it hears as well."""

    beat, patience = '{"MessageType":"KeepAlive"}', 75.0

    def __init__(self, client: Jellyfin, ears: Ears, user: str = "") -> None:
        self.label = client.label
        self._client, self._ears, self._user = client, ears, user
        self._marks = Marks(client, ears, user) if user else None
        self._plays: dict[Key, _Play] = {}
        self._missing: set[Key] = set()  # not shown since the line is new
        self._tried: dict[Key, tuple[str, str]] = {}  # what could not be looked up, and at which check-in
        self._places: dict[tuple[str, str], dict[str, Any]] = {}
        self._reads: dict[str, Reads] = {}
        self._opened = 0.0

    def door(self) -> tuple[str, dict[str, str]]:
        """Where the socket is."""
        return self._client.door()

    def opened(self, say: Callable[[str], object]) -> None:
        """Subscribe, and look once: in silence nothing is sent."""
        if self._client.info().id != self._ears.server:
            step = "Check its url in sidetrakt.toml; what it says is nobody's."
            raise Refused(self.label, f"Another server answers at the address of {self.label}.", step)
        self._reads.clear()
        say(SUBSCRIBE)
        self._opened, self._missing = self._ears.clock.monotonic(), set(self._plays)
        self._snapshot(msgspec.json.encode(self._client.call("GET", "Sessions", due=list)), polled=True)

    def heard(self, text: bytes) -> bool:
        """A message; of a shutdown nothing need be done, because the line ends with it."""
        try:
            message = msgspec.json.decode(text, type=_Message)
            if message.message_type == "Sessions":
                return self._snapshot(message.data)
            if message.message_type == "LibraryChanged":
                self._ears.moved(self._ears.server)
            if message.message_type == "UserDataChanged" and self._marks:
                self._marks.changed(msgspec.json.decode(message.data, type=Change))
        except msgspec.MsgspecError:
            return False
        return True

    def passed(self) -> None:
        """End what did not show up again on a new line."""
        if self._missing and self._ears.clock.monotonic() - self._opened >= GRACE:
            for key in self._missing & self._plays.keys():
                self._stop(key, self._ears.clock.now())
            self._missing.clear()

    def shows(self, user: str, item: str) -> bool | None:
        """Whether it says that a user plays an item; a user's own socket knows that user only."""
        if self._user not in ("", user):
            return None
        return any(who == user and play.event.item == item for (_, who), play in list(self._plays.items()))

    def _snapshot(self, content: bytes | msgspec.Raw, *, polled: bool = False) -> bool:
        """All sessions as they are now; False where some cannot be read, about which nothing is concluded."""
        now, there, unread = self._ears.clock.now(), set[Key](), set[str]()
        for raw in msgspec.json.decode(content, type=list[msgspec.Raw]):
            try:
                session = msgspec.json.decode(raw, type=_Session)
            except msgspec.ValidationError:
                unread.add(_id_of(raw))
                continue
            film = session.now_playing_item
            if film is None or film.kind not in LEAVES or session.user_id == NOBODY:
                continue
            for viewer in dict.fromkeys(each.user_id for each in (session, *(session.additional_users or ()))):
                there.add((session.id, viewer))
                self._shown((session.id, viewer), session, film, now, polled=polled)
        self._missing -= there
        self._tried = {key: tried for key, tried in self._tried.items() if key in there}
        for key in self._plays.keys() - there - self._missing:
            if key[0] not in unread and "" not in unread:
                self._stop(key, now)
        return not unread

    def _shown(self, key: Key, session: _Session, film: _Film, now: datetime, *, polled: bool) -> None:
        """A film in a session: news if it was another one before, or something else changed."""
        state, check_in, play = session.play_state, session.last_playback_check_in, self._plays.get(key)
        place = None if state.position_ticks is None else state.position_ticks * 60 / TICKS_A_MINUTE
        if play is not None and play.event.item != film.id:
            self._stop(key, now)
            play = None
        if play is None:
            late = polled or self._tried.get(key, ("",))[0] == film.id
            known = self._known(key, film, state.media_source_id or film.id, check_in)
            if known is None:
                return
            event = PlayEvent(
                **known,
                user=key[1],
                session=key[0],
                what=What.PROGRESS if late else What.START,
                at=now,
                received=now,
                device=session.device_name or "",
                client=session.client or "",
            )
        elif state.is_paused != play.event.paused:
            event = replace(play.event, what=What.PAUSE if state.is_paused else What.RESUME)
        elif check_in != play.check_in:
            event = replace(play.event, what=What.PROGRESS)
        else:
            play.place = place
            return
        event = replace(event, at=now, received=now, position=place, paused=state.is_paused)
        self._ears.hear(event)
        self._plays[key] = _Play(event, check_in, now, place)

    def _stop(self, key: Key, now: datetime) -> None:
        """It is not shown any more: it ended now, or where it checked in last if that is long ago."""
        play = self._plays[key]
        left = now - play.alive > STALE and not play.event.paused
        at, place = (play.alive, play.event.position) if left else (now, play.place)
        self._ears.hear(replace(play.event, what=What.STOP, at=at, received=now, position=place, paused=False))
        del self._plays[key]

    def _known(self, key: Key, film: _Film, version: str, check_in: str) -> dict[str, Any] | None:
        """What an event says of a film; None if that could not be looked up, until the player checks in again."""
        known = self._places.get((film.id, version))
        if known is None and self._tried.get(key) != (film.id, check_in):
            if len(self._places) >= MOST:
                self._places.clear()
                self._reads.clear()
            known, certain = self._look(key[1], film, version)
            if known["refs"] or certain:
                self._places[film.id, version] = known
            else:
                known = None
        if known is None:
            self._tried[key] = film.id, check_in
        else:
            self._tried.pop(key, None)
        return known

    def _look(self, user: str, film: _Film, version: str) -> tuple[dict[str, Any], bool]:
        """Titles, library and length of what plays, and whether the server was there to ask about its series."""
        reads = self._reads.setdefault(user, Reads(self._client, user, self._ears.inventory(), None))
        ticks, certain = film.run_time_ticks, True
        try:
            row = next(iter(reads.placed([film])), None)
            if version != film.id:
                ticks = next((each.run_time_ticks for each in reads.by_ids([version])), ticks)
        except RemoteError:
            row, certain = film.row("", {}), False
        if row is None:
            return {"refs": ()}, False
        about = {"service": Source.JELLYFIN, "server": self._ears.server, "source": "socket", "item": film.id}
        length = ticks / TICKS_A_MINUTE if ticks else None
        named = {"title": row.refs[0].label() if row.refs else row.name, "library": self._ears.library(row.library)}
        return {**about, **named, "refs": row.refs, "runtime": length, "path": film.path or ""}, certain


def _id_of(raw: msgspec.Raw) -> str:
    """The session that a row is about, as far as that can be read."""
    try:
        return msgspec.json.decode(raw, type=_Stub).id
    except msgspec.MsgspecError:
        return ""
