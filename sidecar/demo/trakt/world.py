"""Everything this Trakt stores: the users of the catalogue with what each has watched, rated, listed and collected.

A reset throws the users away and makes them anew; the titles stay. Each user has a lock, held for one view: a bulk
read of one holds up nobody else.
"""

import threading
from hashlib import sha256
from itertools import count
from typing import Any

from sidecar.demo.catalogue import Catalogue
from sidecar.demo.control import Control
from sidecar.demo.trakt.shelf import Row, Shelf
from sidecar.demo.trakt.titles import Title, Titles

JOINED = 1_420_070_400_000  # every account is from the first day of 2015
FIRST_ID = (1 << 33) + 1_000_003  # history ids do not fit into 32 bits
LIMITS = {
    "watchlist": (250, 5000),
    "favorites": (50, 50),
    "list": (250, 5000),
    "listed": (1000, 100_000),
    "lists": (5, 100),
}
FIELDS = {"history": "watched", "ratings": "rated", "collection": "collected", "playback": "paused"} | {
    "watchlist": "watchlisted", "favorites": "favorited"}  # fmt: skip


class Listing(Shelf):
    """A watchlist, the favorites or a personal list: a shelf whose rows have an order of their own."""

    def __init__(self, touched: Any, shown: dict[str, Any] | None = None) -> None:
        super().__init__(touched)
        self.shown, self.ranks = shown or {}, list[int]()

    def add(self, row: Row) -> None:
        """Puts a row at the end."""
        self.ranks.append(row.id)
        super().add(row)

    def remove(self, row: Row) -> None:
        """Takes a row away; those after it move up."""
        self.ranks.remove(row.id)
        super().remove(row)


class Account:
    """One Trakt user; somebody without a token is one without a name."""

    def __init__(self, world: "World", name: str = "", vip: bool = False) -> None:
        self.world, self.name, self.vip, self.lock = world, name, vip, threading.RLock()
        self.slug = "".join(c if c.isalnum() else "-" for c in name.casefold())
        self.uuid = sha256(f"{world.catalogue.seed}:{name}".encode()).hexdigest()
        self.locked = self.deactivated = self.private = self.other_app = False
        self.browsing: dict[str, Any] = {"watch_after_rating": None, "watch_only_once": False}
        self.watching: tuple[Title, int, int] | None = None  # what, since when, until when
        self.lists: dict[int, Listing] = {}
        self.dismissed: set[int] = set()
        self.stamps: dict[str, int] = {}
        self.shelves = {name: Shelf(self.touching(name)) for name in ("history", "ratings", "collection", "playback")}
        self.shelves |= {name: Listing(self.touching(name)) for name in ("watchlist", "favorites")}

    def touching(self, feature: str) -> Any:
        """What a shelf of this feature tells about each change."""
        return lambda title: self.touch(feature, f"{title.kind}s.{FIELDS.get(feature, feature)}_at")

    def hidden(self, section: str) -> Shelf:
        """The shelf of one hidden section."""
        return self.shelves.setdefault(
            f"hidden {section}", Shelf(self.touching("dropped" if section == "dropped" else "hidden"))
        )

    def touch(self, feature: str, *stamps: str) -> None:
        """Moves stamps of last_activities, also on removals; never twice to the same moment."""
        now = max(self.world.now(), self.stamps.get("all", 0) + 1)
        self.stamps |= dict.fromkeys(("all", f"{feature}.updated_at", *stamps), now)

    def put(self, shelf: Shelf, title: Title, what: Any = None, at: int | None = None) -> int:
        """A new row on a shelf; its id."""
        now = self.world.now()
        row = Row(next(self.world.numbers), title, now if at is None else at, what, now)
        shelf.add(row)
        return row.id

    def watch(self, title: Title, at: int, action: str = "watch") -> int:
        """Adds a play, to the minute and without looking for another; what was watched leaves the watchlist."""
        history, on = self.shelves["history"], self.world.on
        if on("only_once_enforced") and self.browsing["watch_only_once"] and history.about(title):
            return 0
        number = self.put(history, title, action, at - at % 60_000)
        for about in {title, title.parent or title, title.root} if on("watchlist_auto_remove") else ():
            for row in self.shelves["watchlist"].about(about):
                self.shelves["watchlist"].remove(row)
        return number

    def limit(self, name: str) -> int:
        """How many rows the account may have."""
        known = LIMITS[name][self.vip] if name in LIMITS else 1 << 60
        return int(self.world.on("account_limits").get(name, known))

    def settle(self) -> None:
        """Ends what has been watched for longer than it runs."""
        if self.watching and self.watching[2] <= self.world.now():
            (title, _, until), self.watching = self.watching, None
            if self.world.on("play_on_expiry"):
                self.watch(title, until, "scrobble")


class World:
    """The titles, the users and the numbers that are given out."""

    def __init__(self, catalogue: Catalogue, control: Control) -> None:
        self.catalogue, self.control, self.titles = catalogue, control, Titles(catalogue)
        self.lock = threading.RLock()
        self.accounts: dict[str, Account] = {}
        self.buckets: dict[tuple[str, str], tuple[int, int]] = {}
        self.reset()
        control.on_reset(self.reset)

    def reset(self) -> None:
        """Everything as after the start."""
        with self.lock:
            self.numbers, self.guest = count(FIRST_ID), Account(self)
            self.buckets.clear()
            vips = {person.trakt for person in self.catalogue.people if person.vip}
            names = [person.trakt for person in self.catalogue.people if person.trakt]
            self.accounts = {name: Account(self, name, name in vips) for name in names}

    def now(self) -> int:
        """Milliseconds since 1970 on the movable clock."""
        return round(self.control.clock.now().timestamp() * 1000)

    def on(self, switch: str) -> Any:
        """The value of a switch."""
        return self.control.switches[switch]

    def account(self, said: dict[str, Any]) -> Account:
        """The user an act is about; ValueError with the known names."""
        if said.get("user") not in self.accounts:
            raise ValueError(f"no Trakt user {said.get('user')!r}; known: {', '.join(self.accounts)}")
        return self.accounts[said["user"]]
