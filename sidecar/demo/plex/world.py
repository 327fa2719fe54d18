"""Everything the simulated Plex knows, put together: libraries, accounts, sessions, lists, and the clock."""

import dataclasses
import itertools
import threading
from datetime import datetime
from typing import Any

from sidecar.demo.catalogue import Catalogue, File
from sidecar.demo.control import Control
from sidecar.demo.plex import describe
from sidecar.demo.plex.accounts import Account, Accounts, View
from sidecar.demo.plex.encode import Attrs, Node
from sidecar.demo.plex.inventory import Inventory, Item, Section, digest, hex_of
from sidecar.demo.plex.listing import Look
from sidecar.demo.plex.news import News
from sidecar.demo.plex.stage import Stage

UNSEEN = View()


class World:
    """One household's Plex."""

    name = "Loft"
    version = "1.43.3.10828-00f62d37d"

    def __init__(self, catalogue: Catalogue, control: Control) -> None:
        self.catalogue, self.control, self.lock = catalogue, control, threading.RLock()
        self.machine = machine_of(catalogue)
        self._titles: dict[str, tuple[str, Any]] = {}
        self.begin()
        self.news = News(self)

    def begin(self) -> None:
        """Everything as after the start."""
        with self.lock:
            self.inventory, self.accounts, self.stage = Inventory(self.catalogue), Accounts(self.catalogue), Stage(self)
            self.listings: dict[Any, list[Item]] = {}
            self.pins: dict[int, Attrs] = {}
            self.lists: dict[int, Any] = {}
            self.down_until: datetime | None = None
            self._numbers = itertools.count(500_001)

    def reset(self) -> None:
        """Forgets everything and closes the websockets."""
        self.begin()
        self.news.hang_up()
        self.news.sent.clear()

    def clock(self) -> datetime:
        """The simulator's moment."""
        return self.control.clock.now()

    def now(self) -> int:
        """The simulator's moment in epoch seconds."""
        return int(self.clock().timestamp())

    def number(self) -> int:
        """A number nobody has had."""
        return next(self._numbers)

    def hit(self, fault: str, account: Account, path: str = "") -> bool:
        """Whether a fault hits something a person does outside of a request."""
        return self.control.take(fault, path, account.person.name) is not None

    def shared(self, account: Account, section: Section) -> bool:
        """Whether a person may see a library, and whether it is there at all."""
        return account.sees(section) and section.library.key != self.control.switches["library_missing"]

    def look(self, account: Account, item: Item) -> Look:
        """An item as the server shows it to a person."""
        view, views = account.views.get(item.key, UNSEEN), account.views
        if self.control.switches["ratings_leak"] and view.rating is None:
            theirs = self.accounts.owner.views.get(item.key, UNSEEN)
            view = dataclasses.replace(view, rating=theirs.rating, rated=theirs.rated)
        if not item.kids:
            return Look(item, view, int(view.count > 0), 1)
        leaves = item.leaves
        return Look(item, view, sum(views[leaf.key].count > 0 for leaf in leaves if leaf.key in views), len(leaves))

    def details(self, account: Account, item: Item, **more: Any) -> Node:
        """Everything about an item for one person."""
        look = self.look(account, item)
        return describe.details(item, describe.personal(item, look.view, look.seen) | more, [])

    def title(self, number: str) -> tuple[str, Any] | None:
        """Kind and title behind an id of Plex's own database."""
        if not self._titles:
            shows = self.catalogue.shows
            self._titles = {hex_of("movie", movie.ids): ("movie", movie) for movie in self.catalogue.movies}
            self._titles |= {hex_of("show", show.ids): ("show", show) for show in shows}
            self._titles |= {hex_of("episode", e.ids): ("episode", e) for show in shows for e in show.episodes}
        return self._titles.get(number)

    def copies(self, number: str) -> list[Item]:
        """The server's items of a title."""
        return [
            item for item in list(self.inventory.items.values()) if item.guid.endswith(f"/{number}") and item.matched
        ]

    def mark(self, account: Account, item: Item, played: bool) -> None:
        """What the buttons `mark as played` and `unplayed` do: no history, no webhook, no frame."""
        with self.lock:
            for leaf in item.leaves:
                view = account.view(leaf)
                view.count, view.offset, view.viewed = (view.count + 1, 0, self.now()) if played else (0, 0, None)
                view.uncounted = played and self.control.switches["marks_without_count"]

    def echo(self, account: Account, number: str, played: bool) -> None:
        """plex.tv hears that a title was played elsewhere and, with view-state sync on, tells this server."""
        account.cloud[number] = account.cloud.get(number, 0) + 1 if played else 0
        for item in self.copies(number) if account.consent else ():
            self.mark(account, item, played)

    def rate(
        self, account: Account, item: Item, rating: float, at: int, wanted: tuple[str, ...] = ("set", "all")
    ) -> None:
        """Sets a rating, or takes it away with -1; `wanted` are the values of the switch with which it is told."""
        with self.lock:
            view = account.view(item)
            view.rating, view.rated = (rating, at) if rating >= 0 else (None, None)
            if self.control.switches["rate_webhook"] in (wanted if rating >= 0 else ("all",)):
                self.news.webhook("media.rate", account, item, rating=rating)

    def add(self, file: File) -> list[Item]:
        """A file is found: frames for each new item, then the webhook library.new."""
        with self.lock:
            before, found = set(self.inventory.items), self.inventory.add(file)
            for item in found:
                for word in ("created", "processed")[item.key in before :]:
                    self.news.timeline(item, word)
            self.news.webhook("library.new", self.accounts.owner, found[0])
            return found

    def remove(self, path: str) -> list[Item]:
        """A file is gone, and with it the items that have no other."""
        with self.lock:
            gone = self.inventory.remove(path)
            for item in gone:
                self.news.timeline(item, "deleted")
            return gone

    def state(self) -> Attrs:
        """What is stored, for whoever tests."""
        people = {}
        for account in self.accounts.known:
            views = {key: view.attributes() for key, view in list(account.views.items())}
            people[account.person.name] = {"id": account.id, "views": views, "watchlist": account.watchlist,
                                           "webhooks": account.webhooks, "cloud": account.cloud}  # fmt: skip
        playing = [{"key": p.key, "person": p.account.person.name, "item": p.item.key, "state": p.state,
                    "offset": p.offset} for p in list(self.stage.now.values())]  # fmt: skip
        return {"machine": self.machine, "people": people, "playing": playing, "history": len(self.stage.history),
                "listeners": len(self.news.sockets), "webhooks": list(self.news.sent), "pins": self.pins,
                "lists": {key: kept.title for key, kept in self.lists.items()}}  # fmt: skip


def machine_of(catalogue: Catalogue) -> str:
    """The machine identifier of the server."""
    return digest("machine", catalogue.seed) + digest("identifier", catalogue.seed)[:16]
