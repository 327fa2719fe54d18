"""Our own plugin inside the server: each event becomes one body for each viewer, kept in order until it is taken.

A thread sends as long as something can be sent and then ends; what was not taken waits for the next event or for the
act `plugin_retry`, never for the time.
"""

import threading
import uuid
from typing import TYPE_CHECKING, Any

import msgspec
import requests

from sidecar.demo.jellyfin.people import User
from sidecar.demo.jellyfin.sessions import Play, Session
from sidecar.demo.jellyfin.shelf import Item
from sidecar.demo.jellyfin.userdata import Row
from sidecar.demo.jellyfin.wire import loopback, moment

if TYPE_CHECKING:
    from sidecar.demo.jellyfin.server import Server

VERSION, KINDS, TAKEN = "1.0.0", ("Movie", "Series", "Season", "Episode"), (*range(200, 300), 400, 413)
TICKED = ("TogglePlayed", "UpdateUserData", "Import")  # with these reasons another count or date is another play
EVENTS = {"PlaybackStart": "start", "PlaybackStop": "stop"}


class Plugin:
    """One installation of the plugin; without an address nothing happens."""

    url = token = ""
    sender: threading.Thread | None = None
    answer: int | None = None

    def __init__(self, server: "Server") -> None:
        self.server, self.install, self.seq = server, str(uuid.uuid4()), 0
        self.kept, self.held, self.paused = list[dict[str, Any]](), set[str](), dict[str, bool]()
        self.moved, self.again, self.failed = threading.Condition(), False, False

    def use(self, given: dict[str, Any]) -> str:
        """Takes an address and a token; gives the id of the installation."""
        self.url, self.token = loopback(given["url"]), given["token"]
        return self.install

    def close(self) -> None:
        """Forgets what is kept, so that the sender ends."""
        with self.moved:
            self.kept.clear()

    def saved(self, user: str, item: Item, reason: str, row: Row, before: Row) -> None:
        """User data was stored; what changed is told by comparing, as one reason can mean anything."""
        again = reason in TICKED and (row.count, row.last) != (before.count, before.last)
        found = ["rated"] * (row.rating != before.rating) + ["unplayed"] * (before.played and not row.played)
        found += ["played"] * (row.played and (again or not before.played))
        about: dict[str, Any] = {"position_ticks": row.position, "save_reason": reason, "user_data": stored(row)}
        for event in found:
            self.keep(event, item, self.server.people.users[user], **about)

    def played(self, kind: str, session: Session, play: Play, **more: Any) -> None:
        """Something played; the seconds the server counts are dropped, a pause is told by comparing."""
        if more.get("IsAutomated"):
            return
        before, self.paused[session.id] = self.paused.get(session.id, play.paused), play.paused
        turned = {(False, True): "pause", (True, False): "resume"}.get((before, play.paused), "progress")
        device = {"id": session.id, "device": session.parts.get("device"), "client": session.parts["client"]}
        target = play.version if self.server.modern else play.item
        for user in self.server.sessions.users(session):
            about = {"position_ticks": play.ticks, "paused": play.paused, "session": device}
            about |= {"user_data": stored(self.server.data.truth(user.id, target))}
            about |= {"completed": more.get("PlayedToCompletion", False)}
            self.keep(EVENTS.get(kind, turned), play.item, user, play.version.id, **about)

    def keep(self, event: str, item: Item, user: User | None = None, version: str | None = None, **about: Any) -> None:
        """One more body to send; what came or went in a library concerns nobody alone."""
        if not self.url or item.type not in KINDS:
            return

        def hit(fault: str) -> bool:
            return self.server.control.take(fault, event, user.name if user else None) is not None

        with self.moved:
            self.seq += 1
            body: dict[str, Any] = {
                "install": self.install, "seq": self.seq, "id": str(uuid.uuid4()), "version": VERSION, "event": event,
                "at": moment(self.server.now()), "sent": None,
                "server": {"id": self.server.id, "version": self.server.version},
                "user": {"id": user.id, "name": user.name} if user else None, "session": None,
                "item": self.described(item, gone=event == "removed") | {"media_source_id": version},
                "position_ticks": 0, "paused": False, "completed": False, "save_reason": None, "user_data": None,
            }  # fmt: skip
            if not hit("plugin_lost"):
                self.kept += [body | about] * (2 if hit("plugin_duplicate") else 1)
                self.held |= {body["id"]} if hit("plugin_late") else set()
        self.send()

    def described(self, item: Item, gone: bool) -> dict[str, Any]:
        """An item as the plugin tells it; one that went does not know its series any more."""
        show, episode = None if gone else item.series, item.type == "Episode"
        library = next((one.name for one in self.server.shelf.libraries() if one.library == item.library), None)
        return named(item) | {
            "media_source_id": None, "type": item.type, "runtime_ticks": item.ticks, "path": item.path or None,
            "library": library, "season": item.season if episode else item.number,
            "episode": item.number if episode else None, "episode_end": item.number_end,
            "show": named(show) if show else None,
        }  # fmt: skip

    def send(self) -> None:
        """Begins to send, unless that goes on already."""
        with self.moved:
            self.again = True
            if self.sender is None:
                self.sender = threading.Thread(target=self.run, daemon=True, name="jellyfin plugin")
                self.sender.start()

    def retry(self) -> int:
        """Sends all that is kept, and waits until that is over; gives how many were not taken."""
        with self.moved:
            self.held.clear()
        self.send()
        with self.moved:
            self.moved.wait_for(lambda: self.sender is None, 30)
            return len(self.kept)

    def run(self) -> None:
        """Sends one after the other; a refusal ends that, unless something happened meanwhile."""
        with requests.Session() as line:
            line.trust_env = False
            while body := self.turn():
                self.failed = not self.post(line, body)
                with self.moved:
                    if not self.failed and body in self.kept:
                        self.kept.remove(body)

    def turn(self) -> dict[str, Any] | None:
        """The next body to send; without one the thread is over. A server that is down sends nothing."""
        with self.moved:
            body = next((one for one in self.kept if one["id"] not in self.held), None)
            if body is None or (self.failed and not self.again) or self.server.phase() != "ready":
                self.sender = None
                self.moved.notify_all()
                return None
            self.again = self.failed = False
            return body

    def post(self, line: requests.Session, body: dict[str, Any]) -> bool:
        """One attempt; tells whether the body is done with."""
        head = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        text = msgspec.json.encode(body | {"sent": moment(self.server.now())})
        try:
            self.answer = line.post(self.url, text, headers=head, timeout=10, allow_redirects=False).status_code
        except requests.RequestException:
            self.answer = None
        return self.answer in TAKEN


def named(item: Item) -> dict[str, Any]:
    """What films, episodes and shows have alike."""
    ids = {kind.lower(): value for kind, value in item.ids.items()}
    return {"id": item.id, "name": item.name, "year": item.year, "ids": ids}


def stored(row: Row) -> dict[str, Any]:
    """A row of user data; no rating is null."""
    return {"rating": row.rating, "played": row.played, "play_count": row.count, "last_played": moment(row.last)}
