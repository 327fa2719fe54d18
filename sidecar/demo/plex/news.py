"""What the server tells by itself: frames to websocket clients, webhooks as multipart posts in order.

One thread sends the webhooks and lets the simulated players go on; nothing leaves this machine.
"""

import queue
import threading
from collections import deque
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import flask
import msgspec
import requests
import simple_websocket

from sidecar.demo.plex.accounts import Account
from sidecar.demo.plex.encode import Attrs, to_json, words
from sidecar.demo.plex.inventory import Item

if TYPE_CHECKING:
    from sidecar.demo.plex.world import World

LISTS = {"playing": "PlaySessionStateNotification", "timeline": "TimelineEntry", "activity": "ActivityNotification",
         "status": "StatusNotification", "preference": "Setting", "reachability": "ReachabilityNotification",
         "transcodeSession.start": "TranscodeSession", "transcodeSession.end": "TranscodeSession"}  # fmt: skip
NUMBERS = {"movie": 1, "show": 2, "season": 3, "episode": 4}
STATES = {"created": 0, "processed": 5, "deleted": 9}
WITH_THUMB, UNTOLD = {"media.play", "media.rate", "library.new"}, {"Media", "Label", "Collection", "Role", "Writer"}


class News:
    """The open websockets and the webhooks that wait."""

    def __init__(self, world: "World") -> None:
        self.world, self.sent = world, deque[Attrs](maxlen=500)
        self.sockets: dict[queue.Queue[str | None], Account] = {}
        self.posts: queue.Queue[tuple[str, Attrs] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._deliver, name="plex-webhooks", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread and all websockets."""
        self.hang_up()
        self.posts.put(None)
        self._thread.join(15)

    def hang_up(self) -> None:
        """Closes all websockets, as a restart does."""
        for frames in list(self.sockets):
            frames.put(None)

    def listen(self, account: Account) -> None:
        """Serves the websocket of the current request until one side ends it."""
        frames = queue.Queue[str | None]()
        self.sockets[frames] = account  # before the other side can know: it misses nothing
        try:
            socket = simple_websocket.Server.accept(flask.request.environ)
            while socket.connected:
                try:
                    frame = frames.get(timeout=0.5)
                except queue.Empty:
                    continue
                socket.close(1001) if frame is None else socket.send(frame)
        except (simple_websocket.ConnectionClosed, OSError):
            pass  # the other side has gone
        finally:
            del self.sockets[frames]

    def frame(self, kind: str, entries: list[tuple[Account | None, Attrs]]) -> None:
        """Sends entries to the owner, and to everybody else those that are nobody's or their own."""
        for frames, who in list(self.sockets.items()):
            if seen := [entry for whose, entry in entries if who.owner or whose in (None, who)]:
                content = {"type": kind, "size": len(seen), LISTS.get(kind, kind): seen}
                frames.put(msgspec.json.encode({"NotificationContainer": content}).decode())

    def timeline(self, item: Item, word: str) -> None:
        """Tells that an item was created, processed or deleted."""
        entry = words(identifier="com.plexapp.plugins.library", sectionID=str(item.section.key), itemID=str(item.key))
        entry |= {
            name: str(elder.key) for name, elder in zip(("parentItemID", "rootItemID"), item.elders, strict=False)
        }
        entry |= words("mediaState=analyzing queueSize=0") if item.kind == "episode" and word == "processed" else {}
        entry |= words(type=NUMBERS[item.kind], title=item.title, state=STATES[word], updatedAt=self.world.now())
        self.frame("timeline", [(None, entry | {"metadataState": word})])

    def activity(self, kind: str, title: str, steps: list[tuple[str, str, int, Attrs]]) -> None:
        """Tells the steps of something the server does: event, subtitle, progress, context."""
        number = f"{self.world.number():08x}-0000-4000-8000-000000000001"
        for event, subtitle, progress, context in steps:
            what = words(uuid=number, type=kind, cancellable="section" in kind, userID=1, title=title)
            what |= words(subtitle=subtitle, progress=progress) | ({"Context": context} if context else {})
            self.frame("activity", [(None, {"event": event, "uuid": number, "Activity": what})])

    def webhook(self, event: str, account: Account, item: Item, player: Attrs | None = None, **more: Any) -> None:
        """Posts an event to the owner's hooks and to the hooks of whom it is about."""
        world = self.world
        number = account.local if world.control.switches["webhook_owner_id"] == 1 else account.id
        hooked = [one for one in world.accounts.known if one.webhooks and (one is account or one.owner)]
        for one in hooked if world.control.switches["plex_pass"] else ():
            body = more | words(event=event, user=one is account, owner=one.owner)
            body |= {"Account": words(id=number, thumb=account.thumb, title=account.person.name)}
            body |= {"Server": words(title=world.name, uuid=world.machine)} | ({"Player": player} if player else {})
            shown = to_json(world.details(account, item))
            kept = {name: value for name, value in shown.items() if name not in UNTOLD}
            body["Metadata"] = {"librarySectionType": item.section.kind, **kept}
            for url in one.webhooks:
                if not world.hit("lost_webhook", account, event):
                    for _ in range(1 + world.hit("duplicate_webhook", account, event)):
                        self.posts.put((url, body))

    def _deliver(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while True:
                try:
                    post = self.posts.get(timeout=0.5)
                except queue.Empty:
                    self.world.stage.advance()
                    continue
                if post is None:
                    return
                self.sent.append(words(url=post[0], event=post[1]["event"], status=deliver(session, *post)))


def deliver(session: requests.Session, url: str, body: Attrs) -> int | str:
    """Sends one webhook and gives the status, or what went wrong."""
    if urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1"):
        return "not sent: only this machine is reached"
    parts: Any = {"payload": (None, msgspec.json.encode(body), "application/json")}
    if body["event"] in WITH_THUMB:
        parts["thumb"] = ("thumb.jpg", b"\xff\xd8\xff\xd9", "image/jpeg")
    try:
        return session.post(url, files=parts, headers={"User-Agent": "PlexMediaServer/1.43.3"}, timeout=10).status_code
    except requests.RequestException as error:
        return type(error).__name__
