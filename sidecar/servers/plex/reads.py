"""What one account sees in one library: what it watched, what it rated, what there is.

A filter is only a hint: every row is looked at, and one that shows nothing counts only where the filter was honoured.
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from sidecar.model import Feature, Kind
from sidecar.servers.hands import Reading
from sidecar.servers.inventory import Inventory
from sidecar.servers.plex.client import Plex, Section
from sidecar.servers.plex.pages import PAGE, Named
from sidecar.servers.plex.plays import Played
from sidecar.servers.plex.rows import TYPES, key_of, number, row_of
from sidecar.servers.plex.shelves import OF_FILMS, OF_SHOWS, Shelves, listed
from sidecar.servers.rows import Row

MOST = 2_000  # new plays that are read alone; if there are more, the whole library is
Stand = list[int | None]
"""How many rows a listing has, and the newest moment among them."""


class Reads:
    """The listings of one account; what they give goes into a reading."""

    def __init__(self, plex: Plex, own: Shelves, common: Shelves, inventory: Inventory) -> None:
        self._plex, self._own, self._common, self._inventory = plex, own, common, inventory
        self._honoured: dict[str, bool] = {}
        self._sizes: dict[str, int] = {}

    def section(self, feature: Feature, section: Section, reading: Reading, played: Played | None = None) -> None:
        """Read a feature in one library, into the reading; what is not whole is said there."""
        if section.scanning:
            reading.lacks(f"The library “{section.name}” is being scanned.")
            return
        if feature is Feature.COLLECTION:
            held: dict[str, Row] = {}
            why = self._own.read(section, lambda rows: held.update((row.item, row) for row in rows if row.collected))
            reading.rows.extend(held.values())
            reading.mark["sections"][section.key] = section.stamps
        else:
            why = self._common.refresh(section)
            for kind in kinds_of(feature, section):
                why = why or self._kind(feature, section, kind, reading, played or Played())
        if why:
            reading.lacks(f"The library “{section.name}” could not be read wholly: {why}.")
        else:
            reading.libraries = (reading.libraries or frozenset()) | {section.key}

    def stand(self, feature: Feature, key: str, kind: Kind) -> Stand:
        """How a listing stands, with one small request."""
        params = filters(feature, kind) | {"sort": f"{_NEWEST[feature]}:desc"}
        page = self._plex.ask(_path(key), params, start=0, size=1)
        return [number(page.get("totalSize")), *(number(row.get(_NEWEST[feature])) for row in page[:1])]

    def mark(self, stand: Stand) -> Stand:
        """A stand as it is remembered: what happened in this very second may go on, and would look the same."""
        return stand[:1] if stand[1:] and self._plex.now is not None and (stand[1] or 0) >= self._plex.now else stand

    def _kind(self, feature: Feature, section: Section, kind: Kind, reading: Reading, played: Played) -> str:
        """One listing with what it holds; why it is not whole."""
        rows: dict[str, Row] = {}
        known, path, honoured = set[str](), _path(section.key), True
        params, place = filters(feature, kind), place_of(section.key, kind)

        def begin() -> int | None:
            nonlocal known
            rows.clear()
            stand = self.stand(feature, section.key, kind)
            reading.mark["sections"][place] = self.mark(stand)
            known = self._inventory.ids(section.key) if stand[0] != 0 else known
            return stand[0]

        def take(page: Named) -> None:
            nonlocal honoured
            shows, new = self._own.shows(row for _, row in page), []
            for item, element in page:
                honoured = honoured and not (_bare(element, feature) and not self._is_honoured(feature, section, kind))
                plays = tuple(played.of(key_of(item)))
                row = row_of(element, section.key, shows, item=item, watched=honoured, plays=plays)
                if row is None:
                    continue
                if item not in known:
                    new.append(row)
                if row.copy.played if feature is Feature.HISTORY else row.copy.rating:
                    rows[item] = row
            if new:
                self._inventory.note(new)

        listing, why = listed(self._plex, path, params | {"includeGuids": 1}, take, begin)
        reading.rows.extend(rows.values())
        if not honoured:  # then neither the number of rows nor the newest says that nothing moved
            reading.mark["sections"][place] = None
        if listing.total:
            self._sizes.setdefault(section.key, listing.total)  # it surely shows something
        return why or self._inventory.emptied(section.key, self._size(section))

    def fresh(self, place: str, before: Stand, now: Stand, played: Played) -> list[Row] | None:
        """What was watched since a listing stood otherwise; None where anything else happened to it, too.

        As many more as are newer than the newest was: so nothing was taken away, and nothing was watched again.
        """
        key, _, kind = place.partition("/")
        more, newest = (now[0] or 0) - (before[0] or 0), [*before[1:], 0][0]
        if not 0 < more <= MOST:
            return None
        params = filters(Feature.HISTORY, Kind(kind)) | {"sort": "lastViewedAt:desc", "includeGuids": 1}
        places = ((start, min(PAGE, more + 1 - start)) for start in range(0, more + 1, PAGE))
        pages = (self._plex.ask(_path(key), params, start=start, size=size) for start, size in places)
        new = [row for page in pages for row in page if (number(row.get("lastViewedAt")) or 0) > (newest or 0)]
        if len(new) != more or any(_bare(row, Feature.HISTORY) for row in new):
            return None
        shows = self._own.shows(new)
        made = (row_of(row, key, shows, plays=tuple(played.of(row.get("ratingKey", "")))) for row in new)
        rows = [row for row in made if row is not None]
        known = self._inventory.get([row.item for row in rows])
        self._inventory.note(row for row in rows if row.item not in known)
        return rows

    def _size(self, section: Section) -> int:
        """How many films or episodes this account sees in a library; asked where it holds nothing of a feature."""
        if section.key not in self._sizes:
            kind = kinds_of(Feature.HISTORY, section)[0]
            self._sizes[section.key] = self._plex.count(_path(section.key), {"type": TYPES[kind]}) or 0
        return self._sizes[section.key]

    def _is_honoured(self, feature: Feature, section: Section, kind: Kind) -> bool:
        """Whether the server applies the filter at all; asked where a row does not show it."""
        if feature is Feature.RATINGS:
            return False
        if section.key not in self._honoured:
            path, one = _path(section.key), {"type": TYPES[kind]}
            watched, whole = (self._plex.count(path, params) for params in (filters(feature, kind), one))
            # As many as without the filter: either everything was watched, or the filter was ignored.
            self._honoured[section.key] = watched != whole or self._plex.count(path, one | {"unwatched": 1}) == 0
        return self._honoured[section.key]


_NEWEST = {Feature.HISTORY: "lastViewedAt", Feature.RATINGS: "lastRatedAt"}


def kinds_of(feature: Feature, section: Section) -> tuple[Kind, ...]:
    """Of which kinds a library holds a feature."""
    if not section.shows:
        return OF_FILMS
    return OF_SHOWS if feature is Feature.RATINGS else (Kind.EPISODE,)


def place_of(key: str, kind: Kind) -> str:
    """One listing in a mark."""
    return f"{key}/{kind}"


def filters(feature: Feature, kind: Kind) -> dict[str, Any]:
    """What is asked of a listing, so that it is short."""
    wanted: dict[str, Any] = {"unwatched": 0} if feature is Feature.HISTORY else {f"{kind}.userRating>>": -1}
    return {"type": TYPES[kind]} | wanted


def _bare(row: Element, feature: Feature) -> bool:
    """Whether a row shows nothing of what the filter asks for."""
    return not number(row.get("viewCount")) if feature is Feature.HISTORY else row.get("userRating") is None


def _path(key: str) -> str:
    return f"/library/sections/{key}/all"
