"""What each user did with each item: stored rows, how they are read, and what a write does.

Version 12 keeps the items it has in memory apart from the database: after a whole show is ticked, the single reads of
its episodes stay old, and a write that starts from such an old copy stores it whole.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from sidecar.demo.jellyfin.shelf import Item
from sidecar.demo.jellyfin.wire import Refused, dashed, lean, moment

UPDATE: dict[str, type] = {
    "PlaybackPositionTicks": int, "PlayCount": int, "IsFavorite": bool, "Likes": bool, "Played": bool,
    "LastPlayedDate": datetime, "Rating": float,
}  # fmt: skip


@dataclass(slots=True)
class Row:
    """The state of one user and item; `home` is the item it was first stored for."""

    rating: float | None = None
    position: int = 0
    count: int = 0
    favorite: bool = False
    last: datetime | None = None
    played: bool = False
    home: str = ""


BLANK = Row()
EMPTY = b'{"PlaybackPositionTicks":0,"PlayCount":0,"IsFavorite":false,"Played":false,"Key":"%s","ItemId":"%s"}'
Changed = Callable[[str, Item, str, Row, Row], None]


class UserData:
    """The rows of all users; `changed` is told of every one that is saved, with the reason and what was before."""

    def __init__(
        self, items: dict[str, Item], modern: bool, switches: dict[str, Any], now: Callable[[], datetime],
        changed: Changed,
    ) -> None:  # fmt: skip
        self.items, self.modern, self.switches, self.now, self.changed = items, modern, switches, now, changed
        self.rows: dict[str, dict[str, Row]] = {}
        self.kept_apart: dict[str, dict[str, Row]] = {}
        self.old: dict[tuple[str, str], Row] = {}
        self.in_memory: set[str] | None = None  # None: a scan has had every item in its hands
        self.stamps: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.renamed: set[tuple[str, str]] = set()  # whose rows lie under names the item had before

    def truth(self, user: str, item: Item) -> Row:
        """The row as it is stored."""
        return self.rows.get(user, {}).get(item.id, BLANK)

    def remembered(self, user: str, item: Item) -> Row:
        """The row as a read of this one item finds it."""
        if self.in_memory is not None:
            self.in_memory.add(item.id)
        return self.old.get((user, item.id)) or self.truth(user, item)

    def played(self, user: str, item: Item) -> bool:
        """Whether an item counts as watched: in 12 any version of it will do."""
        versions = item.versions if self.modern and item.versions else (item,)
        return any(self.truth(user, one).played for one in versions)

    def shown(self, user: str, item: Item, row: Row, key: str) -> dict[str, Any]:
        """A row as the server shows it."""
        last, played, percentage, unplayed = row.last, row.played, None, None
        if item.type in ("Series", "Season", "Folder", "BoxSet"):
            total, done = self.inside(user, item)
            unplayed, played = total - done, done == total
            percentage = (done / total * 100 if total else 100) if self.modern else None
        elif row.position and item.ticks:
            percentage = row.position / item.ticks * 100
        if self.modern and item.versions:
            rows = [self.truth(user, version) for version in item.versions if version is not item]
            last = max((at for at in (last, *(one.last for one in rows)) if at), default=None)
            played = played or any(one.played for one in rows)
        rating = row.rating if row.rating is None or row.rating % 1 else int(row.rating)
        return lean({
            "Rating": rating, "PlayedPercentage": whole(percentage), "UnplayedItemCount": unplayed,
            "PlaybackPositionTicks": row.position, "PlayCount": row.count, "IsFavorite": row.favorite,
            "Likes": None if rating is None else rating >= 6.5, "LastPlayedDate": moment(last), "Played": played,
            "Key": key, "ItemId": item.id,
        })  # fmt: skip

    def inside(self, user: str, folder: Item) -> tuple[int, int]:
        """How many items a folder holds and how many of them this user has watched."""
        if folder.type != "Folder":
            leaves = list(folder.leaves())
            return len(leaves), sum(self.played(user, leaf) for leaf in leaves)
        if folder.id not in self.sizes:
            self.sizes[folder.id] = sum(not leaf.primary for leaf in folder.leaves())
        done = (self.items[known] for known in self.watched(user))
        return self.sizes[folder.id], sum(folder in (item.parent, item.series and item.series.parent) for item in done)

    def watched(self, user: str) -> set[str]:
        """The ids of the films and episodes that count as watched."""
        rows = [self.items.get(known) for known, row in list(self.rows.get(user, {}).items()) if row.played]
        return {(item.primary or item if self.modern else item).id for item in rows if item and not item.folder}

    def key(self, item: Item, row: Row, single: bool) -> str:
        """The name a row goes by: the item's first one, or its id once a row was stored for it."""
        stored = row is not BLANK and row.home == item.id and not (single and self.modern)
        return dashed(item.id) if stored else item.keys[0]

    def single(self, user: str, item: Item) -> dict[str, Any]:
        """The state as the item's own routes read it."""
        row = self.remembered(user, item)
        return self.shown(user, item, row, self.key(item, row, single=True))

    def pushed(self, user: str, item: Item) -> dict[str, Any]:
        """The state as sockets are told it: true, by the names of single reads."""
        row = self.truth(user, item)
        return self.shown(user, item, row, self.key(item, row, single=True))

    def listed(self, user: str, item: Item) -> bytes:
        """The state as a page shows it, encoded."""
        row = self.truth(user, item)
        if row is BLANK and not item.folder and not item.versions:
            return EMPTY % (item.keys[0].encode(), item.id.encode())
        return msgspec.json.encode(self.shown(user, item, row, self.key(item, row, single=False)))

    def save(self, user: str, item: Item, row: Row, reason: str) -> None:
        """Stores a row whole; the copy in memory is this one now."""
        row.home, before = row.home or item.id, self.truth(user, item)
        if self.modern or not self.switches["stale_rows"] or (user, item.id) not in self.renamed:
            self.rows.setdefault(user, {})[item.id] = row
        self.old.pop((user, item.id), None)
        self.stamps[user] = self.stamps.get(user, 0) + 1
        self.changed(user, item, reason, row, before)

    def rename(self, item: Item) -> None:
        """An item got other ids: what is stored for it, and for its episodes, stays under the former names."""
        known = {item.id, *(leaf.id for leaf in item.leaves())}
        self.renamed |= {(user, one) for user, rows in list(self.rows.items()) for one in known & rows.keys()}

    def change(self, user: str, item: Item, reason: str, **fields: Any) -> None:
        """Changes some fields of the row in memory and stores it whole."""
        self.save(user, item, replace(self.remembered(user, item), **fields), reason)

    def update(self, user: str, item: Item, given: dict[str, Any]) -> None:
        """A write of user data: nulls change nothing, `Likes` comes before `Rating`."""
        named = {name.lower(): value for name, value in given.items() if value is not None}
        fields: dict[str, Any] = {}
        for name, place in (
            ("playbackpositionticks", "position"), ("playcount", "count"), ("isfavorite", "favorite"),
            ("played", "played"), ("lastplayeddate", "last"), ("rating", "rating"),
        ):  # fmt: skip
            if name == "rating" and "likes" in named:
                fields["rating"] = 10.0 if named["likes"] else 1.0
            if name in named:
                fields[place] = named[name]
        if not 0 <= (fields.get("rating") or 0) <= 10:
            raise Refused(400)
        self.change(user, item, "UpdateUserData", **fields)

    def toggle(self, user: str, item: Item, played: bool, at: datetime | None) -> None:
        """The tick of a film, an episode, or everything in a season or series."""
        if not item.folder:
            self.save(user, item, self.ticked(self.remembered(user, item), played, at), "TogglePlayed")
            if self.modern:
                self.spread(user, item, played)
            return
        for leaf in list(item.leaves()):
            before = self.remembered(user, leaf) if self.in_memory is None or leaf.id in self.in_memory else None
            self.save(user, leaf, self.ticked(self.truth(user, leaf), played, at), "TogglePlayed")
            if before is not None and self.modern and self.switches["stale_reads"]:
                self.old[user, leaf.id] = before

    def ticked(self, row: Row, played: bool, at: datetime | None) -> Row:
        """A row after the tick: a date counts up, no date makes it one play at least."""
        if not played:
            return replace(row, count=0, position=0, last=None, played=False)
        count, last = row.count + 1 if at else max(1, row.count), at or row.last or self.now()
        return replace(row, count=count, position=0, last=last, played=True)

    def spread(self, user: str, item: Item, played: bool) -> None:
        """In 12 the other versions of a film are ticked along, without date and count."""
        for other in (item.primary or item).versions:
            if other is not item:
                row = self.remembered(user, other)
                fields = {"played": True} if played else {"played": False, "count": 0, "position": 0, "last": None}
                self.save(user, other, replace(row, **fields), "TogglePlayed")

    def detach(self, item: Item) -> None:
        """An item went: its rows wait under its names for one that has the same."""
        for user, rows in list(self.rows.items()):
            if item.id in rows:
                waiting, row = self.kept_apart.setdefault(user, {}), rows.pop(item.id)
                waiting.update(dict.fromkeys(item.keys, row))
                self.stamps[user] = self.stamps.get(user, 0) + 1

    def attach(self, item: Item) -> None:
        """An item came: it takes the rows that wait under its own id or its other names."""
        for user, waiting in list(self.kept_apart.items()):
            row = next((waiting[key] for key in reversed(item.keys) if key in waiting), None)
            if row:
                self.kept_apart[user] = {key: other for key, other in waiting.items() if other is not row}
                self.rows.setdefault(user, {})[item.id] = row
                self.stamps[user] = self.stamps.get(user, 0) + 1

    def forget_memory(self) -> None:
        """A restart: nothing is in memory any more, so that all reads are true again."""
        self.old.clear()
        self.in_memory = set()


def whole(number: float | None) -> float | int | None:
    """A number without a useless `.0`."""
    return int(number) if number is not None and number % 1 == 0 else number
