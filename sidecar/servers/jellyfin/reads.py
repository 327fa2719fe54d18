"""Reading the libraries of one account: lean pages, show ids first, each library with the proof that it is whole.

User data is read through `/Items` alone: an item's own route may answer what was true before a whole show was ticked.
What a series or season says about having been watched is never used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import msgspec

from sidecar.errors import Outage, Refused, RemoteError
from sidecar.model import Ids, Kind
from sidecar.servers.hands import AT_ONCE, Reading
from sidecar.servers.inventory import Inventory
from sidecar.servers.jellyfin.client import Jellyfin, Params
from sidecar.servers.jellyfin.listing import read_all
from sidecar.servers.jellyfin.wire import Item, Page, decode
from sidecar.servers.known import Library
from sidecar.servers.rows import LEAVES, Row

PAGE, RICH_PAGE = 2000, 500  # rows of a page: lean, and with what is known about the files
NEWEST = 50  # titles in the one look whether anything moved
ABOVE, TITLES = "Series,Season", "Movie,Episode"
PLAIN: Params = {
    "recursive": "true", "enableImages": "false", "isMissing": "false", "excludeLocationTypes": "Virtual",
    "collapseBoxSetItems": "false",
}  # fmt: skip
PLAYED: Params = {**PLAIN, "isPlayed": "true", "includeItemTypes": TITLES, "fields": "ProviderIds"}
FILES: Params = {
    "includeItemTypes": TITLES, "fields": "ProviderIds,DateCreated,MediaSources", "enableUserData": "false",
}  # fmt: skip
Read = Callable[[Library, Reading], str | None]
"""Reads one library; says why it was not whole. None: the account sees nothing of it, and nothing can be said."""


class Mark(msgspec.Struct, frozen=True):
    """How many titles are played, and when the last one was: what one request tells."""

    played: int
    newest: datetime | None


class Reads:
    """Reading for one account, for one run."""

    def __init__(self, client: Jellyfin, user: str, inventory: Inventory, libraries: frozenset[str] | None) -> None:
        self._client, self._user, self._inventory, self._names = client, user, inventory, libraries
        self._shows: dict[str, Ids] = {}
        self._chosen: list[Library] | None = None

    def peek(self, count: int = NEWEST) -> tuple[Mark, list[tuple[datetime, Item]]]:
        """The one cheap question: how many are played, and which of them have which dates, the newest ones."""
        order: Params = {
            "sortBy": "DatePlayed,SortName", "sortOrder": "Descending", "startIndex": 0, "limit": count,
        }  # fmt: skip
        page = self._client.page({**PLAYED, **order, "userId": self._user}, decode)
        dated = [(at, item) for item in page.items if (at := _played(item)) is not None]
        return Mark(page.total, max((at for at, _ in dated), default=None)), dated

    def _libraries(self) -> list[Library]:
        """The libraries that this account sees and that take part."""
        if self._chosen is None:
            seen = self._client.libraries(self._user)
            self._chosen = [each for each in seen if self._names is None or each.name.lower() in self._names]
        return self._chosen

    def survey(self, read: Read) -> Reading:
        """Each library by `read`, and whether the server stayed as it was meanwhile."""
        reading, listed, label = Reading(), set[str](), self._client.label
        try:
            before, scanning = self._client.info(), self._client.scanning()
            if not self._libraries():
                reading.lacks(
                    f"{label} shows this account no library that takes part; its rights may have been taken away."
                )
            for library in self._libraries():
                try:
                    why = read(library, reading)
                except Refused as problem:
                    why = problem.what.removesuffix(".")
                if why:
                    reading.lacks(f"The library {library.name} of {label} was not read whole: {why}.")
                elif why is not None:
                    listed.add(library.key)
            if scanning or self._client.scanning():
                reading.lacks(f"{label} is scanning its libraries; it is read again later.")
            if self._client.info() != before:
                reading.lacks(f"{label} was replaced or updated while it was read.")
        except RemoteError as problem:
            reading.lacks(problem.what)
        reading.libraries = frozenset(listed)
        return reading

    def all_in(self, library: Library, reading: Reading) -> str | None:
        """Everything in a library, series first because their ids are those of their episodes."""
        take, held = self._taking(library)
        seen, why, types = set[str](), "", TITLES
        if library.shows is not False:
            pages, types = list[Page](), f"{ABOVE},{TITLES}"
            seen, why = self._listing(library, pages.append, {"includeItemTypes": ABOVE})
            self._shows |= {item.id: item.ids() for page in pages for item in page.items if item.kind is Kind.SHOW}
            for page in pages:
                take(page)
        titles, too = self._listing(library, take, {"includeItemTypes": TITLES})
        seen |= titles
        reading.rows += held.values()
        return why or too or self._missing(library, types, seen)

    def played_in(self, library: Library, reading: Reading) -> str:
        """What is played in a library; the filter only saves traffic, what counts is what each row says."""
        take, held = self._taking(library)
        _, why = self._listing(library, take, PLAYED)
        reading.rows += [row for row in held.values() if row.copy.played]
        return why

    def files_in(self, library: Library, reading: Reading) -> str | None:
        """What is known about the files of a library."""
        take, held = self._taking(library)
        seen, why = self._listing(library, take, FILES, RICH_PAGE)
        reading.rows += held.values()
        return why or ("" if seen else self._missing(library, TITLES, seen))

    def _listing(
        self, library: Library, take: Callable[[Page], None], query: Params, size: int = 0
    ) -> tuple[set[str], str]:
        """All rows of a library that a query means."""
        fixed: Params = {
            **PLAIN, "fields": "ProviderIds", "enableUserData": "true", "sortBy": "SortName", "sortOrder": "Ascending",
            "userId": self._user, "parentId": library.key, **query,
        }  # fmt: skip

        def fetch(start: int, limit: int) -> Page:
            return self._client.page({**fixed, "startIndex": start, "limit": limit}, decode)

        return read_all(fetch, size or PAGE, take)

    def _taking(self, library: Library) -> tuple[Callable[[Page], None], dict[str, Row]]:
        """What teaches the inventory each page of a library, and the rows among them that hold something."""
        held: dict[str, Row] = {}

        def take(page: Page) -> None:
            self._learn_shows(page.items)
            rows = [row for item in page.items if (row := item.row(library.key, self._shows)) is not None]
            known = self._inventory.get([row.item for row in page.broken])  # a bad answer is no news of a known title
            broken = [msgspec.structs.replace(row, library=library.key) for row in page.broken if row.item not in known]
            self._inventory.note(rows + broken)
            held.update((row.item, row) for row in rows if _something(row))

        return take, held

    def placed(self, items: list[Item]) -> list[Row]:
        """Rows of a listing that does not name libraries; only of those that take part."""
        self._learn_shows(items)
        known = self._inventory.get([item.id for item in items])
        rows, new = list[Row](), list[Row]()
        for item in items:
            library = known[item.id].library if item.id in known else self._library_of(item)
            row = item.row(library, self._shows)
            if row is None or (self._names is not None and library not in {each.key for each in self._libraries()}):
                continue
            rows.append(row)
            if item.id not in known:
                new.append(row)
        self._inventory.note(new)
        return rows

    def _library_of(self, item: Item) -> str:
        """The library of an item that no listing has shown yet."""
        above = self._client.ask(f"Items/{item.id}/Ancestors", list[Item], {"userId": self._user})
        return next((each.id for each in above if each.type == "CollectionFolder"), "")

    def _learn_shows(self, items: Iterable[Item]) -> None:
        """Find the ids of all series that these items belong to."""
        wanted = {item.series_id for item in items if item.series_id} - self._shows.keys()
        self._shows |= self._inventory.shows(wanted)
        missing = sorted(wanted - self._shows.keys())
        for start in range(0, len(missing), AT_ONCE):
            part = missing[start : start + AT_ONCE]
            found = self.by_ids(part)
            self._shows |= dict.fromkeys(part, Ids()) | {item.id: item.ids() for item in found}

    def by_ids(self, items: Sequence[str]) -> list[Item]:
        """These items; where the server stumbles over one of them, the others."""
        query: Params = {**PLAIN, "fields": "ProviderIds", "ids": ",".join(items), "userId": self._user}
        try:
            return self._client.page(query, decode).items if items else []
        except Outage as problem:
            if problem.status != 500 or len(items) == 1:
                raise
        first, second = items[: len(items) // 2], items[len(items) // 2 :]
        try:
            found = self.by_ids(first)
        except Outage as problem:  # all of the first half: if the second fails as a whole, too, the server is broken
            if problem.status != 500:
                raise
            return self._client.page({**query, "ids": ",".join(second)}, decode).items
        try:
            return found + self.by_ids(second)
        except Outage as problem:
            if problem.status != 500:
                raise
            return found

    def _missing(self, library: Library, types: str, seen: set[str]) -> str | None:
        """What it means that stored titles were not among those seen; what left is noted."""
        if not self._inventory.ids(library.key) - seen:
            return ""
        count = self._count_of_nobody(library, types)
        if not seen:
            return None if count else self._inventory.emptied(library.key, 0)
        if count == len(seen):
            self._inventory.ended(library.key, seen)
        return ""

    def _count_of_nobody(self, library: Library, types: str) -> int:
        """How much is in a library whoever looks; 0 where the token is somebody's and so cannot tell."""
        query: Params = {**PLAIN, "parentId": library.key, "includeItemTypes": types, "startIndex": 0, "limit": 1}
        page = self._client.page(query, decode)
        return page.total if all(item.user_data is None for item in page.items) else 0


def _something(row: Row) -> bool:
    """Whether a row holds anything of any feature."""
    copy = row.copy
    return not copy.blank or bool(copy.rating) or copy.favourite or row.collected is not None


def _played(item: Item) -> datetime | None:
    """When a played title was played last."""
    return item.user_data.at if item.user_data and item.user_data.played and item.kind in LEAVES else None
