"""Acting for one account on a Plex server: what the shared side asks for, in few requests.

Marks have no date there and count up when repeated, so nothing is sent to what is watched already, nor sent twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sidecar.clock import Clock
from sidecar.contract import Scope
from sidecar.errors import AuthLost, Refused, RemoteError
from sidecar.model import Feature, Kind
from sidecar.servers.hands import AT_ONCE, Reading
from sidecar.servers.inventory import Inventory
from sidecar.servers.known import Info
from sidecar.servers.plex.client import Plex, Section
from sidecar.servers.plex.plays import Played, plays_of
from sidecar.servers.plex.reads import Reads
from sidecar.servers.plex.rows import item_of, key_of, row_of
from sidecar.servers.plex.shelves import Memory, Shelves
from sidecar.servers.rows import LEAVES, Row

AGENT = "com.plexapp.plugins.library"
SURELY_PAST = timedelta(hours=1)  # a server whose clock is behind ours refuses a rating of the future
FEW = 5  # ratings from which on it is no accident that two people gave the same ones in the same seconds
BORROWED = "The server shows the ratings of its owner to this account; none of them is taken."


class PlexHands:
    """One account, for one run."""

    def __init__(
        self,
        plex: Plex,
        inventory: Inventory,
        account: str,
        owner: Plex | None,
        memory: Memory,
        *,
        libraries: frozenset[str] | None,
        clock: Clock,
    ) -> None:
        self._plex, self._account, self._owner, self._memory = plex, account, owner, memory
        self._chosen, self._clock = libraries, clock
        self._own = Shelves(plex, inventory, memory, clock, sees_all=plex is owner)
        self._common = Shelves(owner, inventory, memory, clock, sees_all=True) if owner else self._own
        self._reads = Reads(plex, self._own, self._common, inventory)
        self._libraries: list[Section] | None = None
        self._info: Info | None = None

    def name(self) -> str:
        """The kind of server."""
        return "plex"

    def capabilities(self) -> dict[str, Any]:
        """What Plex can do; a rating keeps its date on newer servers only."""
        leaves, told = sorted(LEAVES), "last" if self._account in self._memory.untold else "all"
        change = {"writable": True, "changes": True}
        return {
            "bidirectional": True,
            "provides_ids": True,
            "index_semantics": "present",
            "server": self._info.version if self._info else "",
            "history": {"types": leaves, "plays": told, "dates": "set by server", **change},
            "ratings": {
                "types": list(Kind), "upsert": True, "unrate": True, "step": 0.1, "dates": "set by server", **change
            },
            "collection": {"types": leaves, "dates": "exact", "writable": False, "changes": True},
        }  # fmt: skip

    def requests(self) -> int:
        """How many requests it made so far, those with the owner's token included."""
        return sum(plex.asked for plex in {self._plex, self._owner} if plex is not None)

    def ahead(self) -> timedelta:
        """By how much the server's clock is fast."""
        return self._plex.ahead

    def prove(self) -> dict[str, str]:
        """Who the server is."""
        info = self._plex.info()
        return {"server": info.name, "version": info.version}

    def changes(self, feature: Feature, since: Any) -> Reading | None:
        """One small request for each library, for ratings one for each kind; what moved otherwise is read wholly."""
        if not isinstance(since, dict) or since.get("of") != self._of() or not since.get("sections"):
            return None
        if feature is Feature.COLLECTION:
            now = {section.key: section.stamps for section in self._sections()}
        else:
            try:
                now = {place: self._stand(feature, place) for place in since["sections"]}
            except Refused:  # a library that is not there any more, or not for this account
                return None
        if now.keys() - since["sections"].keys() or since["sections"].keys() - now.keys():
            return None
        moved = {place.partition("/")[0] for place, stand in now.items() if stand != since["sections"][place]}
        there = frozenset(place.partition("/")[0] for place in now)
        if not moved:
            return Reading(scope=Scope.UNCHANGED, libraries=there, mark=since)
        if feature is Feature.HISTORY and (fresh := self._fresh(since, now)):
            return fresh
        known = {section.key for section in self._sections()}
        if known != there:
            return None
        reading = self._read(feature, moved, since.get("cursor"))
        if reading.mark is not None:
            reading.mark["sections"] = since["sections"] | reading.mark["sections"]
        return reading

    def _fresh(self, since: dict[str, Any], now: dict[str, Any]) -> Reading | None:
        """What was watched since a mark; None where that is not all that happened. Says nothing about absence."""
        played = self._played(since.get("cursor"))
        marks = {place: self._reads.mark(stand) for place, stand in now.items()}
        reading = Reading(scope=Scope.PART, mark=since | {"sections": marks, "cursor": played.newest})
        for place, stand in now.items():
            before = since["sections"][place]
            rows = self._reads.fresh(place, before, stand, played) if stand != before else []
            if rows is None:
                return None
            reading.rows += rows
        return reading

    def complete(self, feature: Feature) -> Reading:
        """Everything, library by library."""
        return self._read(feature, None, None)

    def look(self, items: Sequence[str]) -> list[Row]:
        """These items as they are now; one that has another guid under its number is another item."""
        wanted, found = set(items), list[Row]()
        for start in range(0, len(items), AT_ONCE):
            asked = self._own.details(items[start : start + AT_ONCE])
            here = [(row, key) for row, key in asked if self._is_chosen(row.get("librarySectionTitle", ""))]
            shows = self._own.shows(row for row, _ in here)
            rows = (row_of(row, key, shows, ranges={}) for row, key in here if item_of(row) in wanted)
            found += [row for row in rows if row is not None]
        return found

    def playing(self) -> frozenset[str]:
        """What this account plays now; only the owner is told, and sessions of nobody belong to nobody."""
        if self._owner is None:
            return frozenset()
        found, bare = set[str](), list[str]()
        for row in self._owner.ask("/status/sessions"):
            user = row.find("User")
            if user is not None and user.get("id") == self._account and row.get("ratingKey"):
                found.add(item_of(row))
                bare += [] if row.get("guid") else [item_of(row)]
        return frozenset(found | {item_of(row) for row, _ in self._own.details(bare)})

    def would(self, item: str, feature: Feature, value: Any) -> str:
        """The request of a write."""
        path, params = self._write(item, feature, value)
        return f"PUT {path}?" + "&".join(f"{name}={text}" for name, text in params.items())

    def put(self, row: Row, feature: Feature, value: Any) -> Row | None:
        """Mark or rate; the answers are empty."""
        if feature is Feature.HISTORY and (row.copy.played or row.kind not in LEAVES):
            return row  # it would count up, or mark a whole series
        self._plex.tell("put", *self._write(row.item, feature, value))
        return None

    def take(self, row: Row, feature: Feature) -> Row | None:
        """Unmark or take a rating away."""
        if feature is Feature.HISTORY and row.kind not in LEAVES:
            return row
        self._plex.tell("put", *self._write(row.item, feature, None))
        return None

    def _write(self, item: str, feature: Feature, value: Any) -> tuple[str, dict[str, Any]]:
        params: dict[str, Any] = {"key": key_of(item), "identifier": AGENT}
        if feature is Feature.HISTORY:
            return ("/:/unscrobble" if value is None else "/:/scrobble"), params
        params["rating"] = -1 if value is None else f"{value.value:g}"
        if value is not None and value.at is not None and value.at < self._clock.now() - SURELY_PAST:
            params["ratedAt"] = int(value.at.timestamp())
        return "/:/rate", params

    def _read(self, feature: Feature, keys: set[str] | None, cursor: int | None) -> Reading:
        """These libraries, or all; the first trouble ends it, and what was read until then stays."""
        reading = Reading(libraries=frozenset(), mark={"of": self._of(), "sections": {}})
        try:
            self._info = before = self._info or self._plex.info()
            played = self._played(cursor) if feature is Feature.HISTORY else None
            wanted = [section for section in self._sections() if keys is None or section.key in keys]
            for section in wanted:
                self._reads.section(feature, section, reading, played)
            if feature is Feature.RATINGS:
                self._not_borrowed(reading)
            self._finish(reading, before, wanted)
        except RemoteError as problem:
            reading.lacks(problem.what)
            return reading
        if played is not None:
            reading.mark["cursor"] = played.newest
        if None in reading.mark["sections"].values():  # nothing could be told from it the next time
            reading.mark = None
        return reading

    def _finish(self, reading: Reading, before: Info, wanted: list[Section]) -> None:
        """Whether it still is the same server, with these libraries, and none of them being scanned."""
        if self._plex.info() != before:
            reading.lacks("The server was changed or upgraded while it was read.")
        there = {section.key: section for section in self._plex.sections()}
        for section in wanted:
            if section.key not in there:
                reading.lacks(f"The library “{section.name}” went away while it was read.")
            elif there[section.key].scanning:
                reading.lacks(f"The library “{section.name}” is being scanned.")

    def _played(self, cursor: int | None) -> Played:
        """The plays of this account: told to the owner, and to others perhaps their own."""
        if self._account in self._memory.untold:
            return Played(newest=cursor)
        try:
            return plays_of(self._owner or self._plex, self._account, cursor)
        except (AuthLost, Refused):
            if self._owner is not None:
                raise
            self._memory.untold.add(self._account)
            return Played(newest=cursor)

    def _not_borrowed(self, reading: Reading) -> None:
        """Whether the ratings are this account's own: some servers were seen to show the owner's to others."""
        if self._owner is None or self._owner is self._plex or len(reading.rows) < FEW:
            return
        own = {row.item: (row.rated_at, row.copy.rating) for row in reading.rows[:AT_ONCE]}
        theirs = (row_of(row, key, {}) for row, key in self._common.details(own))
        same = sum(own.get(row.item) == (row.rated_at, row.copy.rating) for row in theirs if row is not None)
        if same >= 0.9 * len(own):
            reading.rows.clear()
            reading.lacks(BORROWED)

    def _stand(self, feature: Feature, place: str) -> Any:
        key, _, kind = place.partition("/")
        return self._reads.stand(feature, key, Kind(kind))

    def _sections(self) -> list[Section]:
        """The libraries that count, asked once for a run."""
        if self._libraries is None:
            self._libraries = [section for section in self._plex.sections() if self._is_chosen(section.name)]
        return self._libraries

    def _is_chosen(self, name: str) -> bool:
        return self._chosen is None or name.lower() in self._chosen

    def _of(self) -> list[str] | None:
        """Which libraries were chosen; another choice begins anew."""
        return None if self._chosen is None else sorted(self._chosen)
