"""What stands on the shelves of one Plex server: listed wholly when a library changed or a day has passed.

Read by the owner's token where there is one, because only the owner sees everything, and once for the whole household.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from sidecar.clock import Clock
from sidecar.errors import Refused
from sidecar.model import Ids, Kind
from sidecar.servers.hands import AT_ONCE
from sidecar.servers.inventory import Inventory
from sidecar.servers.plex.client import Plex, Section
from sidecar.servers.plex.pages import Listing, Named, walk
from sidecar.servers.plex.rows import TYPES, file_of, key_of, needs_details, range_of, row_of, show_of
from sidecar.servers.rows import Row

A_DAY = 86_400.0
OF_SHOWS = (Kind.SHOW, Kind.SEASON, Kind.EPISODE)  # in this order: whose episodes they are is known first
OF_FILMS = (Kind.MOVIE,)

Sink = Callable[[list[Row]], None]


@dataclass(slots=True)
class Memory:
    """What one process remembers of one server, for everybody who lives there."""

    listed: dict[str, tuple[str, float]] = field(default_factory=dict)  # by library: its stamps, and when
    doubles: dict[str, dict[str, str]] = field(default_factory=dict)  # by library: items that share a file
    ranges: dict[str, str | None] = field(default_factory=dict)  # by version: its range of light
    untold: set[str] = field(default_factory=set)  # accounts whose plays the server does not tell


def listed(
    plex: Plex,
    path: str,
    params: dict[str, Any],
    take: Callable[[Named], None],
    count: Callable[[], int | None] | None = None,
) -> tuple[Listing, str]:
    """Walk through a listing of the server; it is counted before, by `count` or by asking for no rows."""

    def ask(start: int, size: int) -> Element:
        return plex.ask(path, params, start=start, size=size)

    return walk(ask, count or (lambda: plex.count(path, params)), take)


class Shelves:
    """The libraries of one server, as one token sees them."""

    def __init__(self, plex: Plex, inventory: Inventory, memory: Memory, clock: Clock, *, sees_all: bool) -> None:
        self._plex, self._inventory, self._memory, self._clock = plex, inventory, memory, clock
        self._sees_all = sees_all
        self._shows: dict[str, Ids] = {}

    def refresh(self, section: Section) -> str:
        """List a library if anything may have changed; why that was not whole."""
        stamps, at = self._memory.listed.get(section.key, ("", float("-inf")))
        fresh = stamps == section.stamps and self._clock.monotonic() - at < A_DAY
        return "" if fresh else self.read(section)

    def read(self, section: Section, sink: Sink | None = None) -> str:
        """List everything in a library, giving the rows to `sink` as well; why it was not whole."""
        seen: set[str] = set()
        shows: dict[str, Ids] = {}
        ranges = None if sink is None else self._memory.ranges
        for kind in OF_SHOWS if section.shows else OF_FILMS:
            files = _Files(self._memory.doubles.get(section.key, {}))

            def take(page: Named, kind: Kind = kind, files: _Files = files) -> None:
                if sink is not None and kind not in (Kind.SHOW, Kind.SEASON):
                    self._learn_ranges([row for _, row in page])
                rows = [
                    row_of(element, section.key, shows, item=item, file=files.of(item, element), ranges=ranges)
                    for item, element in page
                ]
                found = [row for row in rows if row is not None]
                if kind is Kind.SHOW:
                    shows.update((row.item, row.refs[0].ids) for row in found if row.refs)
                self._inventory.note(found)
                if sink is not None:
                    sink(found)

            params = {"type": TYPES[kind], "includeGuids": 1}
            listing, why = listed(self._plex, f"/library/sections/{section.key}/all", params, take)
            if why:
                return why
            seen |= listing.seen
            if kind is Kind.EPISODE:
                self._share(section, files, shows)
        if why := self._inventory.emptied(section.key, len(seen)):
            return why
        if self._sees_all:
            self._inventory.ended(section.key, seen)
        self._memory.listed[section.key] = section.stamps, self._clock.monotonic()
        return ""

    def shows(self, rows: Iterable[Element]) -> dict[str, Ids]:
        """The ids of the shows that these seasons and episodes belong to; asked for where they are not known yet."""
        wanted = {show for row in rows if (show := show_of(row))} - self._shows.keys()
        known = self._inventory.shows(wanted) if wanted else {}
        missing = sorted(wanted - known.keys())
        for start in range(0, len(missing), AT_ONCE):
            asked = (row_of(row, key, {}) for row, key in self.details(missing[start : start + AT_ONCE]))
            found = [row for row in asked if row is not None]
            self._inventory.note(found)
            known |= {row.item: row.refs[0].ids for row in found if row.refs}
        self._shows |= dict.fromkeys(wanted, Ids()) | known
        return self._shows

    def details(self, items: Iterable[str]) -> list[tuple[Element, str]]:
        """These items in full, each with the key of its library; those that are not there are left out."""
        keys = list(dict.fromkeys(key for item in items if (key := key_of(item))))
        if not keys:
            return []
        try:
            page = self._plex.ask(f"/library/metadata/{','.join(keys)}", {"includeGuids": 1})
        except Refused as problem:
            if problem.status == 404:  # none of them is there
                return []
            raise
        whole = page.get("librarySectionID", "")
        return [(row, row.get("librarySectionID", whole)) for row in page if row.get("ratingKey")]

    def _learn_ranges(self, rows: list[Element]) -> None:
        """The range of light of versions that were not met before, which only the details tell."""
        known = self._memory.ranges
        waiting = [
            row.get("ratingKey", "") for row in rows if any(version not in known for version in needs_details(row))
        ]
        for start in range(0, len(waiting), AT_ONCE):
            for row, _ in self.details(waiting[start : start + AT_ONCE]):
                known.update((media.get("id", ""), range_of(media)) for media in row.iter("Media"))

    def _share(self, section: Section, files: _Files, shows: dict[str, Ids]) -> None:
        """Note the file of items that share it and were stored before the second of them was met."""
        self._memory.doubles[section.key] = files.shared
        late = [item for item in files.shared if item not in files.given]
        for start in range(0, len(late), AT_ONCE):
            found = [
                row_of(row, section.key, shows, file=file_of(row))
                for row, _ in self.details(late[start : start + AT_ONCE])
            ]
            self._inventory.note(row for row in found if row is not None)


class _Files:
    """Which items share a file: a double episode is one item for each episode."""

    def __init__(self, before: dict[str, str]) -> None:
        self._before, self._first = before, dict[int, str]()
        self.shared: dict[str, str] = {}
        self.given: set[str] = set()

    def of(self, item: str, element: Element) -> str:
        """The file of an item, if it is known to be shared."""
        file = file_of(element)
        if not file:
            return ""
        first = self._first.setdefault(hash(file), item)  # of every episode there is: short on purpose
        if first != item:
            self.shared |= {first: file, item: file}
        if item in self.shared or self._before.get(item) == file:
            self.given.add(item)
            return file
        return ""
