"""Who is there and what plays: sessions of devices, the reports of players, and what playing writes.

Between two reports the server counts the seconds itself; a player that says nothing for five to ten minutes is
stopped at its last reported position.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sidecar.demo.jellyfin.people import Caller, User
from sidecar.demo.jellyfin.shelf import Item
from sidecar.demo.jellyfin.userdata import Row
from sidecar.demo.jellyfin.wire import NEVER, NOBODY, TICKS, Refused, guid, hashed, lean, moment

if TYPE_CHECKING:
    from sidecar.demo.jellyfin.server import Server

SECOND, IDLE = timedelta(seconds=1), timedelta(minutes=5)
MIN_PERCENT, MAX_PERCENT, MIN_SECONDS = 5, 90, 300
REPORT: dict[str, type] = {"PositionTicks": int, "IsPaused": bool, "CanSeek": bool, "IsMuted": bool, "Failed": bool}


@dataclass(slots=True, eq=False)
class Play:
    """What plays in a session: the film that is shown, the version that runs, and the last report."""

    item: Item
    version: Item
    ticks: int | None
    paused: bool
    report: dict[str, Any]
    check_in: datetime


@dataclass(slots=True, eq=False)
class Session:
    """One device with one client."""

    id: str
    parts: dict[str, str]
    active: datetime
    user: User | None = None
    play: Play | None = None
    check_in: datetime | None = None
    paused: datetime | None = None
    others: list[User] = field(default_factory=list)
    watched: bool = False

    def seconds(self, now: datetime) -> int:
        """How many seconds the server has counted since the last report."""
        return 0 if self.play is None or self.play.paused else max(0, int((now - self.play.check_in) / SECOND))

    def position(self, now: datetime) -> int | None:
        """Where it plays now, never beyond the end."""
        if self.play is None or self.play.ticks is None:
            return None
        at, end = self.play.ticks + self.seconds(now) * TICKS, self.play.version.ticks
        return min(at, max(end, self.play.ticks)) if end else at

    def seen(self, now: datetime) -> datetime:
        """The last activity; a second that was counted is one."""
        return max(self.active, self.play.check_in + self.seconds(now) * SECOND) if self.play else self.active


def advance(row: Row, ticks: int, runtime: int | None) -> bool:
    """The rule for a reported position: sets position and played, tells whether that completed it."""
    row.position = ticks
    if runtime and ticks > 0:
        percent = ticks / runtime * 100
        if percent < MIN_PERCENT:
            row.position = 0
            return False
        if percent <= MAX_PERCENT and ticks < runtime - TICKS and runtime >= MIN_SECONDS * TICKS:
            return False
    elif runtime:
        return False
    row.position, row.played = 0, True
    return True


def named_user(user: User) -> dict[str, str]:
    """Somebody who watches along."""
    return {"UserId": user.id, "UserName": user.name}


class Sessions:
    """The sessions of one server."""

    def __init__(self, server: "Server") -> None:
        self.server, self.all = server, dict[str, Session]()

    def touch(self, caller: Caller, about: str | None = None) -> Session:
        """The session of a caller's device and client, which is active now; a call about a user makes it his."""
        parts = dict(caller.parts)
        parts["client"] = caller.app or parts.get("client", "")
        parts["deviceid"] = parts.get("deviceid") or self.server.id
        known = hashed("session", parts["client"], parts["deviceid"])
        session = self.all.setdefault(known, Session(known, parts, self.server.now()))
        session.active = self.server.now()
        session.user = self.server.people.users.get(about or "") or caller.user
        return session

    def visible(self, caller: Caller, own_only: bool = False) -> list[Session]:
        """The sessions a caller may see, the latest first: a user his own and nobody's."""
        now = self.server.now()
        seen = sorted(self.all.values(), key=lambda session: session.seen(now), reverse=True)
        nobody = () if own_only else (None,)
        return seen if caller.admin else [one for one in seen if one.user in (caller.user, *nobody)]

    def shown(self, session: Session) -> dict[str, Any]:
        """A session as the server shows it."""
        play, parts, now = session.play, session.parts, self.server.now()
        off = {"SupportsMediaControl": False, "PlayableMediaTypes": [], "SupportedCommands": []}
        state = {
            "PositionTicks": session.position(now), "CanSeek": bool(play and play.report.get("CanSeek")),
            "IsPaused": bool(play and play.paused), "IsMuted": False, "RepeatMode": "RepeatNone",
            "MediaSourceId": play.version.id if play else None, "PlaybackOrder": "Default",
            "PlayMethod": play.report.get("PlayMethod", "DirectPlay") if play else None,
        }  # fmt: skip
        return off | lean({
            "PlayState": lean(state), "AdditionalUsers": [named_user(user) for user in session.others],
            "Capabilities": off | {"SupportsPersistentIdentifier": True},
            "RemoteEndPoint": parts.get("remote", "127.0.0.1") or None,
            "Id": session.id, "UserId": session.user.id if session.user else NOBODY,
            "UserName": session.user.name if session.user else None, "Client": parts["client"],
            "LastActivityDate": moment(session.seen(now)), "LastPlaybackCheckIn": moment(session.check_in) or NEVER,
            "LastPausedDate": moment(session.paused), "DeviceName": parts.get("device"), "DeviceId": parts["deviceid"],
            "NowPlayingItem": self.server.rows.playing(play.item) if play else None,
            "ApplicationVersion": parts.get("version"), "IsActive": True, "SupportsRemoteControl": False,
            "NowPlayingQueue": [], "HasCustomDeviceName": False, "ServerId": self.server.id,
            "NowPlayingQueueFullItems": None if self.server.modern else [],
        })  # fmt: skip

    def join(self, session: str, user: User) -> None:
        """Somebody watches along."""
        self.all[session].others.append(user)

    def users(self, session: Session) -> list[User]:
        """Everybody who watches along."""
        return [session.user, *session.others] if session.user else []

    def items(self, report: dict[str, Any]) -> tuple[Item, Item] | None:
        """The film a report names, and the version of it that plays."""
        item = self.server.lookup(guid(report.get("ItemId") or "") or "")
        version = self.server.lookup(guid(report.get("MediaSourceId") or "") or "") or item
        return (item.primary or item, version) if item and version else None

    def start(self, session: Session, report: dict[str, Any]) -> None:
        """A player begins: a play is counted at once, and 10.11 takes the tick away."""
        found, now, modern = self.items(report), self.server.now(), self.server.modern
        session.check_in, session.active, session.paused = now, now, None
        if found is None:
            return
        item, version = found
        session.play = Play(item, version, report.get("PositionTicks"), bool(report.get("IsPaused")), report, now)
        for user in self.users(session):
            target = version if modern else item
            row = self.server.data.remembered(user.id, target)
            played = row.played if modern else False
            self.server.data.change(user.id, target, "PlaybackStart", count=row.count + 1, last=now, played=played)
        self.server.told("PlaybackStart", session, session.play)
        self.watch(session)
        self.server.sockets.sessions_changed(forced=True)

    def progress(self, session: Session, report: dict[str, Any]) -> None:
        """A player reports where it is."""
        found, now = self.items(report), self.server.now()
        if found is None:
            return
        item, version = found
        known = session.play
        play = Play(item, version, report.get("PositionTicks"), bool(report.get("IsPaused")), report, now)
        if not (play.paused and known and known.paused):
            session.paused = now if play.paused else None
        session.play, session.check_in, session.active = play, now, now
        for user in self.users(session):
            self.save(user, play, play.ticks, "PlaybackProgress")
        self.server.told("PlaybackProgress", session, play)
        self.watch(session)
        self.server.sockets.sessions_changed(forced=True)

    def save(self, user: User, play: Play, ticks: int | None, reason: str) -> bool:
        """Stores what a position means for one user; tells whether the item was completed by it."""
        data, target = self.server.data, play.version if self.server.modern else play.item
        if ticks is None and reason == "PlaybackProgress":
            return False
        before = data.remembered(user.id, target)
        row = replace(before)
        if ticks is None:
            row.count, row.played, row.position, done = row.count + 1, True, 0, True
        else:
            done = advance(row, ticks, target.ticks)
        data.save(user.id, target, row, reason)
        if done and self.server.modern:
            data.spread(user.id, target, played=True)
        return done

    def stop(self, session: Session, report: dict[str, Any]) -> None:
        """A player ends; without a position that counts as the whole, as failed it saves nothing."""
        found, ticks = self.items(report), report.get("PositionTicks")
        if ticks is not None and ticks < 0:
            raise Refused(400)
        session.active = self.server.now()
        if found:
            play = Play(*found, ticks, False, report, session.active)
            failed = bool(report.get("Failed"))
            done = [self.save(user, play, ticks, "PlaybackFinished") for user in self.users(session) if not failed]
            session.play = None
            self.server.told("PlaybackStop", session, play, PlayedToCompletion=any(done))
        session.play = None
        self.server.sockets.sessions_changed(forced=True)

    def watch(self, session: Session) -> None:
        """Looks after a play: each second it is counted; every five minutes one that is silent as long is stopped."""
        play, timers = session.play, self.server.timers
        if play is None:
            return

        def tick() -> None:
            if session.play is play and not play.paused:
                timers.at(self.server.now() + SECOND, tick)
                self.server.told("PlaybackProgress", session, play, IsAutomated=True)
                self.server.sockets.sessions_changed(forced=False)

        def idle() -> None:
            known, now = session.play, self.server.now()
            if known and now - known.check_in > IDLE:
                self.stop(session, {**known.report, "PositionTicks": known.ticks, "PlaySessionId": None})
            session.watched = session.play is not None
            if session.watched:
                timers.at(now + IDLE, idle)

        timers.at(play.check_in + SECOND, tick)
        if not session.watched:
            session.watched = True
            timers.at(play.check_in + IDLE, idle)
