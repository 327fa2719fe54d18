"""What Plex's socket says: what plays, without saying who; that stands in the list of sessions, and only meanwhile.

So a session is looked up at its first word and remembered until its last. Whom nobody can name is left out for good.
Where the server counts something as played is its own business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar
from xml.etree.ElementTree import Element

import msgspec
from msgspec.structs import replace

from sidecar.errors import RemoteError
from sidecar.events import PlayEvent, What
from sidecar.servers.listening import GRACE, Ears
from sidecar.servers.plex.client import NOBODY, Plex
from sidecar.servers.plex.rows import file_of, number, row_of
from sidecar.servers.plex.shelves import Memory, Shelves
from sidecar.viewing import Source

LOOKS = (0.0, 1.0, 1.0, 1.0, 2.0)  # seconds before each look for a session that is not listed yet
GONE = 300.0  # seconds of silence after which a session that is not listed any more is over
DOUBT = 5.0  # the same after a stop of which nobody knows whose it was
PAUSED = {"playing": False, "paused": True}
SESSIONS, SCAN = "/status/sessions", "library.update.section"
Part = TypeVar("Part")
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=10**10)]


class _Entry(msgspec.Struct, rename="camel"):
    session_key: str | int = ""
    rating_key: str | int = ""
    state: str = ""
    view_offset: Milliseconds | None = None


class _What(msgspec.Struct):
    type: str = ""


class _Step(msgspec.Struct):
    event: str = ""
    activity: _What = msgspec.field(default_factory=_What, name="Activity")


class _Container(msgspec.Struct):
    type: str
    entries: list[msgspec.Raw] = msgspec.field(default_factory=list, name="PlaySessionStateNotification")
    steps: list[msgspec.Raw] = msgspec.field(default_factory=list, name="ActivityNotification")


class _Frame(msgspec.Struct):
    container: _Container = msgspec.field(name="NotificationContainer")


@dataclass(slots=True)
class _Play:
    key: str  # the server's number of what plays
    event: PlayEvent | None  # as it was told last; None where nobody can be named
    heard: float  # when it was heard of, or seen in the list
    at: datetime  # when it was heard of


class PlexVoice:
    """The socket of the owner's token, which hears everybody."""

    beat, patience = "", 40.0  # a ping each 30 seconds, answered within 10

    def __init__(self, plex: Plex, ears: Ears) -> None:
        self.label, self._plex, self._ears = plex.label, plex, ears
        plex.machine = ears.server
        self._plays: dict[str, _Play] = {}  # by the number of the session
        self._lost: list[_Play] = []  # of the line before
        self._opened, self._doubt = 0.0, float("inf")
        self._shelves = self._fresh_shelves()

    def door(self) -> tuple[str, dict[str, str]]:
        """Where the socket is."""
        return self._plex.door()

    def opened(self, say: Callable[[str], object]) -> None:  # noqa: ARG002 - it speaks without being asked
        """Forget which session is which, because a server that restarts counts from one; look who plays."""
        self._plex.info()  # raises where another server answers
        self._opened, self._doubt, self._shelves = self._now, float("inf"), self._fresh_shelves()
        self._lost += [play for play in self._plays.values() if play.event]
        self._plays = {}
        for row in self._listed():
            session, key, player = row.get("sessionKey", ""), row.get("ratingKey", ""), row.find("Player")
            event = self._named(row)
            if event is not None:
                paused = player is not None and player.get("state") == "paused"
                event = replace(event, what=What.PROGRESS, position=_seconds(row.get("viewOffset")), paused=paused)
                self._begin(session, key, event)

    def heard(self, text: bytes) -> bool:
        """A message; of those of other kinds only the end of a scan is wanted."""
        try:
            container = msgspec.json.decode(text, type=_Frame).container
        except msgspec.MsgspecError:
            return False
        entries = _parts(container.entries if container.type == "playing" else (), _Entry)
        steps = _parts(container.steps if container.type == "activity" else (), _Step)
        for entry in entries:
            if entry is not None:
                self._entry(entry)
        for step in steps:
            if step is not None and (step.event, step.activity.type) == ("ended", SCAN):
                self._ears.moved(self._ears.server)
        return None not in entries and None not in steps

    def passed(self) -> None:
        """End what went silent and is not listed any more, and what did not come back on a new line."""
        if self._lost and self._now - self._opened >= GRACE:
            while self._lost:
                self._end(self._lost[0], self._lost[0].at)
                del self._lost[0]
        doubt = self._now >= self._doubt
        if not doubt and not any(self._now - play.heard >= GONE for play in self._plays.values()):
            return
        listed = {(row.get("sessionKey"), row.get("ratingKey")) for row in self._listed()}
        for session, play in list(self._plays.items()):
            silent = self._now - play.heard
            if (session, play.key) in listed:
                play.heard = self._now if silent >= GONE else play.heard
            elif silent >= (DOUBT if doubt else GONE):
                self._end(play, play.at)
                del self._plays[session]
        self._doubt = float("inf") if doubt else self._doubt

    def shows(self, user: str, item: str) -> bool | None:
        """Whether it says that a user plays an item."""
        events = [play.event for play in [*self._plays.values(), *self._lost]]
        return any(event is not None and (event.user, event.item) == (user, item) for event in events)

    def _entry(self, entry: _Entry) -> None:
        """What one session says."""
        session, key, now = str(entry.session_key), str(entry.rating_key), self._ears.clock.now()
        if not session.isdecimal():  # junk, or the stop of nobody knows what
            self._doubt = min(self._doubt, self._now + DOUBT) if entry.state == "stopped" else self._doubt
            return
        place = None if entry.view_offset is None else entry.view_offset / 1000
        play = self._plays.get(session)
        if play is not None and key not in ("", play.key):  # the next item under the same number
            self._end(play, now)
            del self._plays[session]
            play = None
        if entry.state == "stopped":
            if play is not None:
                self._end(play, now, place)
                del self._plays[session]
            return  # of what was not known before nobody can say whose it was
        if entry.state not in (*PAUSED, "buffering"):
            return
        if play is None:
            row = self._find(session, key)
            event = self._named(row) if row is not None else None
            what = What.START
        else:
            event, what = play.event, What.PROGRESS
        if event is None:
            self._plays[session] = _Play(key, None, self._now, now)
            return
        paused = PAUSED.get(entry.state, event.paused)
        if play is not None and paused != event.paused:
            what = What.PAUSE if paused else What.RESUME
        event = replace(event, what=what, at=now, received=now, position=place, paused=paused)
        self._begin(session, play.key if play is not None else key, event)

    def _begin(self, session: str, key: str, event: PlayEvent) -> None:
        """Tell it, and remember it; what was only cut off goes on."""
        same = next((play for play in self._lost if play.event and _mark(play.event) == _mark(event)), None)
        if same is not None and event.what is What.START:
            event = replace(event, what=What.PROGRESS)
        self._ears.hear(event)
        self._plays[session] = _Play(key, event, self._now, event.received)
        if same is not None:
            self._lost.remove(same)

    def _end(self, play: _Play, at: datetime, place: float | None = None) -> None:
        """It is over, where it was last, or further if it says so; a place before that is a player's mistake."""
        if play.event is not None:
            place = max(place or 0.0, play.event.position or 0.0)
            now = self._ears.clock.now()
            self._ears.hear(replace(play.event, what=What.STOP, at=at, received=now, position=place, paused=False))

    def _find(self, session: str, key: str) -> Element | None:
        """The listed session of this number that plays this item; it may take some seconds to be there."""
        for pause in LOOKS:
            if pause and self._ears.rest(pause):
                return None
            for row in self._listed():
                if (row.get("sessionKey"), row.get("ratingKey")) == (session, key):
                    return row
        return None

    def _listed(self) -> Element:
        return self._plex.ask(SESSIONS)

    def _named(self, row: Element) -> PlayEvent | None:
        """Who plays what; None where that is nobody for certain, or no film and no part of a series."""
        user, player, now = row.find("User"), row.find("Player"), self._ears.clock.now()
        who = user.get("id", "") if user is not None else ""
        if who in ("", NOBODY) or row.get("live") == "1":
            return None
        try:
            shows = self._shelves.shows([row])
        except RemoteError:  # its own ids may do; else the next run finds what was played
            shows = {}
        found = row_of(row, row.get("librarySectionID", ""), shows)
        if found is None:
            return None
        said = player.attrib if player is not None else {}
        length = _seconds(row.get("duration"))
        about: dict[str, Any] = {"service": Source.PLEX, "server": self._ears.server, "source": "socket", "user": who}
        return PlayEvent(
            **about,
            at=now,
            received=now,
            item=found.item,
            refs=found.refs,
            title=found.refs[0].label() if found.refs else found.name,
            library=row.get("librarySectionTitle", ""),
            session=said.get("machineIdentifier", row.get("sessionKey", "")),
            what=What.START,
            runtime=length / 60 if length else None,
            device=said.get("title", ""),
            client=said.get("product", ""),
            path=file_of(row),
        )

    @property
    def _now(self) -> float:
        return self._ears.clock.monotonic()

    def _fresh_shelves(self) -> Shelves:
        return Shelves(self._plex, self._ears.inventory(), Memory(), self._ears.clock, sees_all=False)


def _parts(raws: Sequence[msgspec.Raw], kind: type[Part]) -> list[Part | None]:
    """The parts of a message, None for one that cannot be read; the others count."""
    found: list[Part | None] = []
    for raw in raws:
        try:
            found.append(msgspec.json.decode(raw, type=kind))
        except msgspec.ValidationError:
            found.append(None)
    return found


def _mark(event: PlayEvent) -> tuple[str, str, str]:
    return event.user, event.session, event.item


def _seconds(text: str | None) -> float | None:
    milliseconds = number(text)
    return None if milliseconds is None else milliseconds / 1000
