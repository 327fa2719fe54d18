"""The websocket: what it takes from clients, what it pushes to them, and how it forgets the silent ones.

A session's messages go to that of its sockets that spoke last. Nothing here waits in real time: the server's timers,
which follow its movable clock, push, remind and forget.
"""

import threading
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from simple_websocket import ConnectionClosed
from simple_websocket import Server as Socket

from sidecar.demo.jellyfin.people import Caller
from sidecar.demo.jellyfin.sessions import Session
from sidecar.demo.jellyfin.shelf import Item

if TYPE_CHECKING:
    from sidecar.demo.jellyfin.server import Server

LOST, REMIND, FIRST, CHECK = 60, 45, timedelta(seconds=6.3), timedelta(seconds=12)
QUIET, LIBRARY = timedelta(milliseconds=500), timedelta(seconds=30)
IGNORED = "SessionsStop ScheduledTasksInfoStart ScheduledTasksInfoStop ActivityLogEntryStart ActivityLogEntryStop"
LISTS = "FoldersAddedTo FoldersRemovedFrom ItemsAdded ItemsRemoved ItemsUpdated CollectionFolders"


@dataclass(slots=True, eq=False)
class Line:
    """One open socket."""

    socket: Socket
    caller: Caller
    session: Session
    spoke: datetime
    period: timedelta | None = None
    sent: datetime | None = None
    lost: bool = False
    reminded: bool = False


class Sockets:
    """The open sockets of one server."""

    def __init__(self, server: "Server") -> None:
        self.server, self.lines, self.lock = server, list[Line](), threading.RLock()
        self.users: dict[str, dict[str, Item]] = {}
        self.library: dict[str, dict[str, None]] = {}
        self.users_due = self.library_due = server.now()
        self.moved = threading.Condition()

    def serve(self, socket: Socket, caller: Caller) -> None:
        """One connection until its end; what is no JSON or no known message closes it."""
        now = self.server.now()
        line = Line(socket, caller, self.server.sessions.touch(caller), now)
        with self.lock:
            self.lines.append(line)
        self.send(line, "ForceKeepAlive", LOST)
        self.server.timers.at(now + FIRST, lambda: self.check(line))
        try:
            while not line.lost or not self.server.modern:
                if not self.take(line, socket.receive()) or line.lost:
                    break
            socket.close()
        except (ConnectionClosed, OSError):
            pass
        finally:
            self.gone(line)

    def take(self, line: Line, text: str | bytes | None) -> bool:
        """One message of a client; False when it has to be closed."""
        try:
            message = msgspec.json.decode(text or b"", type=dict[str, Any])
        except (msgspec.DecodeError, msgspec.ValidationError):
            return False
        kind, data = message.get("MessageType"), message.get("Data")
        line.spoke = self.server.now()
        with self.lock:
            self.lines.sort(key=lambda one: one is line)
        if kind == "KeepAlive":
            self.send(line, "KeepAlive")
        elif kind == "SessionsStart":
            due, _, period = data.partition(",") if isinstance(data, str) else ("", "", "")
            if due.strip().isdigit() and period.strip().isdigit():
                line.period = timedelta(milliseconds=int(period))
        elif kind == "SessionsStop":
            line.period = None
        with self.moved:
            self.moved.notify_all()
        return kind in ("KeepAlive", "SessionsStart", *IGNORED.split())

    def gone(self, line: Line) -> None:
        """A socket is closed; with its last one a session that plays nothing ends."""
        with self.lock:
            if line in self.lines:
                self.lines.remove(line)
            if not any(other.session is line.session for other in self.lines) and line.session.play is None:
                self.server.sessions.all.pop(line.session.id, None)
        self.sessions_changed(forced=True)
        with self.moved:
            self.moved.notify_all()

    def check(self, line: Line) -> None:
        """Reminds a silent client, later forgets it (10.11 reminds once and goes on)."""
        silent = (self.server.now() - line.spoke).total_seconds()
        if line not in self.lines:
            return
        if silent > LOST and self.server.modern:
            line.lost = True
            return
        if silent > REMIND and (self.server.modern or not line.reminded):
            line.reminded = True
            self.send(line, "ForceKeepAlive", LOST)
        self.server.timers.at(self.server.now() + CHECK, lambda: self.check(line))

    def send(self, line: Line, kind: str, data: Any = None) -> None:
        """One message to one socket, unless it was forgotten."""
        if line.lost or self.server.control.take("half_open", "/socket") is not None:
            return
        frame = {"MessageId": uuid.uuid4().hex, "MessageType": kind} | ({} if data is None else {"Data": data})
        text = msgspec.json.encode(frame).decode()
        try:
            line.socket.send(text)
            if self.server.control.take("duplicate_frame", "/socket") is not None:
                line.socket.send(text)
        except (ConnectionClosed, OSError):
            pass

    def sessions_changed(self, forced: bool) -> None:
        """Tells the subscribers who is there; what is not forced comes once a period at most."""
        now = self.server.now()
        for line in [line for line in self.lines if line.period is not None]:
            if forced or line.sent is None or now - line.sent >= (line.period or QUIET):
                line.sent = now
                seen = self.server.sessions.visible(line.caller, own_only=True)
                self.send(line, "Sessions", [self.server.sessions.shown(session) for session in seen])

    def to_user(self, user: str | None, kind: str, data: Any) -> None:
        """A message to each session of a user (None: of any user), on the socket that spoke last."""
        latest = {line.session.id: line for line in self.lines}
        for line in latest.values():
            there = {one.id for one in self.server.sessions.users(line.session)}
            if there and (user is None or user in there):
                self.send(line, kind, data)

    def user_changed(self, user: str, item: Item) -> None:
        """Somebody's data changed: told with the parents when nothing more came for half a second."""
        with self.lock:
            for one in (item, item.parent):
                if one is not None and one.type not in ("CollectionFolder", "UserRootFolder"):
                    self.users.setdefault(user, {})[one.id] = one
            self.users_due = self.server.now() + QUIET
        self.server.timers.at(self.users_due, self.push_users)

    def push_users(self) -> None:
        """Sends what changed, once it is quiet."""
        with self.lock:
            if self.server.now() < self.users_due:
                return
            changed, self.users = self.users, {}
        for user, items in changed.items():
            rows = [self.server.data.pushed(user, item) for item in items.values()]
            self.to_user(user, "UserDataChanged", {"UserId": user, "UserDataList": rows})

    def library_changed(self, **ids: list[str]) -> None:
        """The library changed: told to users, not to API keys, when nothing more came for half a minute."""
        with self.lock:
            for name, known in ids.items():
                self.library.setdefault(name, {}).update(dict.fromkeys(known))
            self.library_due = self.server.now() + LIBRARY
        self.server.timers.at(self.library_due, self.push_library)

    def push_library(self) -> None:
        """Sends what was added and removed, once it is quiet."""
        with self.lock:
            if self.server.now() < self.library_due:
                return
            changed, self.library = self.library, {}
        names = LISTS.split()
        data: dict[str, Any] = {name: list(changed.get(name, ())) for name in names}
        self.to_user(None, "LibraryChanged", data | {"IsEmpty": not any(data[name] for name in names[:5])})

    def close(self, farewell: str | None = None) -> None:
        """Closes all sockets, after a last word."""
        for line in list(self.lines):
            if farewell:
                self.send(line, farewell, "")
            try:
                line.socket.close()
            except (ConnectionClosed, OSError):
                pass
