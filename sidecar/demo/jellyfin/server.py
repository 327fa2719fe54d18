"""One Jellyfin server: what it is made of, its timers, and who is told when something changes."""

import heapq
import itertools
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sidecar.demo.catalogue import Catalogue
from sidecar.demo.control import Clock, Control
from sidecar.demo.jellyfin.people import People
from sidecar.demo.jellyfin.plugin import Plugin
from sidecar.demo.jellyfin.query import Finder
from sidecar.demo.jellyfin.rows import Rows
from sidecar.demo.jellyfin.sessions import Play, Session, Sessions
from sidecar.demo.jellyfin.shelf import Item, Shelf
from sidecar.demo.jellyfin.sockets import Sockets
from sidecar.demo.jellyfin.userdata import Row, UserData
from sidecar.demo.jellyfin.webhook import Webhooks
from sidecar.demo.jellyfin.wire import Refused, hashed, problem

VERSIONS = {"12": "12.4.0", "10.11": "10.11.11"}
PLACEHOLDER = "0" * 31 + "1"  # a row of 10.11's database that is no item
DOWN, SETUP, UP = 2.5, 3.5, 5.0  # seconds after a restart: refused until, setup server until, ready from


class Timers:
    """What has to happen at a moment of the movable clock, in a thread that begins with the first of them."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.count = clock, itertools.count()
        self.waiting: list[tuple[datetime, int, Callable[[], None]]] = []
        self.lock, self.some, self.thread = threading.RLock(), threading.Event(), None

    thread: threading.Thread | None

    def at(self, moment: datetime, what: Callable[[], None]) -> None:
        """Adds something to do."""
        with self.lock:
            heapq.heappush(self.waiting, (moment, next(self.count), what))
            if self.thread is None:
                self.thread = threading.Thread(target=self.watch, daemon=True, name="jellyfin timers")
                self.thread.start()
        self.some.set()

    def run(self) -> None:
        """Does what is due."""
        with self.lock:
            while self.waiting and self.clock.due(self.waiting[0][0]):
                heapq.heappop(self.waiting)[2]()

    def watch(self) -> None:
        """Follows the clock; a timer that is added may be earlier than the one waited for."""
        while self.some.wait():
            with self.lock:
                due = self.waiting[0][0] if self.waiting else None
                if due is None:
                    self.some.clear()
            if due and self.clock.wait(due, 0.1):
                self.run()


class Server:
    """One server with everything it knows."""

    def __init__(self, catalogue: Catalogue, control: Control) -> None:
        self.catalogue, self.control = catalogue, control
        self.modern = control.options.get("version", "12") != "10.11"
        self.version: str = control.options.get("server_version", VERSIONS["12" if self.modern else "10.11"])
        self.scanning = threading.RLock()
        self.id, self.timers = hashed("server", str(catalogue.seed), self.version), Timers(control.clock)
        self.begin()

    def begin(self) -> None:
        """Everything as after the first scan."""
        now, switches = self.now(), self.control.switches
        self.timers.waiting.clear()
        self.shelf = Shelf(self.catalogue, now)
        self.people, self.rows, self.finder = People(self), Rows(self), Finder(self)
        self.data = UserData(self.shelf.items, self.modern, switches, self.now, self.saved)
        self.sessions, self.sockets, self.webhooks = Sessions(self), Sockets(self), Webhooks(self)
        self.plugin = Plugin(self)
        first = bool(self.control.options.get("wizard"))
        self.wizard = {"done": not first, "ServerName": "server" if first else "test"}
        self.restarted: datetime | None = None
        self.stopped, self.scanned = False, now
        self.running: dict[str, float] = {}

    def reset(self) -> None:
        """Everything as after the start; open sockets are closed."""
        self.sockets.close()
        self.plugin.close()
        self.begin()

    def now(self) -> datetime:
        """The current moment."""
        return self.control.clock.now()

    def phase(self) -> str:
        """Whether it is ready, refuses connections, or only its setup server answers."""
        if self.stopped:
            return "down"
        seconds = (self.now() - self.restarted).total_seconds() if self.restarted else UP
        return "ready" if seconds >= UP else "setup" if DOWN <= seconds < SETUP else "down"

    def halt(self, again: bool) -> None:
        """Stops, and starts again at once or when somebody does it; tokens stay, sessions and memory do not."""
        self.sockets.close("ServerRestarting" if again else "ServerShuttingDown")
        self.sessions.all.clear()
        self.data.forget_memory()
        self.stopped, self.restarted = not again, self.now()

    def lookup(self, known: str) -> Item | None:
        """The item of an id, whoever may see it."""
        if known == PLACEHOLDER and not self.modern:
            raise Refused(500)
        return self.shelf.items.get(known)

    def item(self, known: str, user: str | None, missing: str = "problem") -> Item:
        """The item of an id as far as a user may see it."""
        item = self.lookup(known)
        owner = item.extra.get("Owner", user) if item else None
        if item is None or item.library not in self.people.may_see(user) or owner != user:
            raise problem(404) if missing == "problem" else Refused(400)
        return item

    def saved(self, user: str, item: Item, reason: str, row: Row, before: Row) -> None:
        """User data was stored: sockets (but for progress), webhooks and our plugin are told."""
        if reason != "PlaybackProgress":
            self.sockets.user_changed(user, item)
        self.webhooks.saved(user, item, reason, row)
        self.plugin.saved(user, item, reason, row, before)

    def told(self, kind: str, session: Session, play: Play, **more: Any) -> None:
        """Something played: webhooks and our plugin are told."""
        self.webhooks.played(kind, session, play, **more)
        self.plugin.played(kind, session, play, **more)

    def found(self, added: list[Item], gone: list[Item]) -> None:
        """Items came or went: webhooks and our plugin are told."""
        for event, kind, items in (("added", "ItemAdded", added), ("removed", "ItemDeleted", gone)):
            self.webhooks.library(kind, items)
            for item in items:
                self.plugin.keep(event, item)

    def scan(self) -> dict[str, list[str]]:
        """Reads the disk again, one scan at a time; rows of user data follow their titles."""
        with self.scanning:
            return self.scan_now()

    def scan_now(self) -> dict[str, list[str]]:
        """The scan itself."""
        added, gone = self.shelf.scan(self.now())
        for item in gone:
            self.data.detach(item)
        for item in sorted(added, key=lambda one: (one.primary is None) == self.modern):
            self.data.attach(item)
        self.scanned, self.shelf.generation = self.now(), self.shelf.generation + 1
        self.data.sizes.clear()
        for item in self.finder.all():
            item.extra.pop("fresh", None)
        self.found(added, gone)
        changed = {"ItemsAdded": [item.id for item in added], "ItemsRemoved": [item.id for item in gone]}
        if added or gone:
            folders = {"FoldersAddedTo": added, "FoldersRemovedFrom": gone}
            ids = {name: list({one.parent.id: 0 for one in items if one.parent}) for name, items in folders.items()}
            self.sockets.library_changed(**changed, **ids, CollectionFolders=[one.id for one in self.shelf.libraries()])
        return changed
