"""What nobody heard on a Plex server: the plays in its history, and its newest ratings where no webhook tells them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import Element

from sidecar.errors import RemoteError
from sidecar.events import PlayedEvent, RatingEvent
from sidecar.model import Kind
from sidecar.servers.hands import AT_ONCE
from sidecar.servers.listening import Ears, State
from sidecar.servers.plex.client import Plex, Section
from sidecar.servers.plex.plays import plays_since
from sidecar.servers.plex.rows import TYPES, moment, row_of
from sidecar.servers.plex.shelves import OF_FILMS, OF_SHOWS, Memory, Shelves
from sidecar.servers.rows import LEAVES, Row
from sidecar.viewing import Source

MINUTE, HOUR = 60.0, 3600.0
NEWEST = 20  # ratings of one kind in a minute; more are the work of a tool, and the next run's
Known = set[tuple[str, datetime, float]]
"""Item, moment and rating."""


def played_since(plex: Plex, ears: Ears, since: datetime) -> list[PlayedEvent]:
    """The plays of all accounts since a moment and a day before it, the oldest first; asked with the owner's token."""
    _prove(plex, ears)
    rows = list(dict.fromkeys(plays_since(plex, int(since.timestamp()))))  # a play is sometimes written down twice
    keys, found = sorted({key for _, key, _ in rows}), dict[str, tuple[Row, Element]]()
    shelves = Shelves(plex, ears.inventory(), Memory(), ears.clock, sees_all=False)
    for start in range(0, len(keys), AT_ONCE):
        part = shelves.details(f"{key}~" for key in keys[start : start + AT_ONCE])
        shows = shelves.shows(element for element, _ in part)
        for element, library in part:
            row = row_of(element, library, shows)
            if row is not None and row.kind in LEAVES:
                found[element.get("ratingKey", "")] = row, element
    return [
        PlayedEvent(
            **_about(ears, who, *found[key]), at=datetime.fromtimestamp(at, UTC), id=f"{ears.server} {who} {key} {at}"
        )
        for who, key, at in reversed(rows)
        if key in found
    ]


class NewestRatings:
    """Once a minute, for everybody with a token whom no webhook serves; what was there at the start is no news."""

    def __init__(self, name: str, plexes: Mapping[str, Plex], ears: Ears) -> None:
        self.name, self.server, self._plexes, self._ears = name, ears.server, plexes, ears
        self._known: dict[tuple[str, str, Kind], Known] = {}
        self._sections: dict[str, tuple[float, list[Section]]] = {}
        self._problems: dict[str, str] = {}
        self._at: datetime | None = None

    def work(self, stop: threading.Event) -> None:
        """Look again and again."""
        while not stop.is_set():
            for user in self._plexes:
                try:
                    self.look(user)
                    self._problems.pop(user, None)
                except RemoteError as problem:  # others' tokens may still be good
                    self._problems[user] = str(problem)
                if stop.is_set():
                    return
            if self._ears.rest(MINUTE):
                return

    def state(self) -> State:
        """How it does."""
        return State(self.name, None, self._at, next(iter(self._problems.values()), ""), 0)

    def shows(self, user: str, item: str) -> bool | None:  # noqa: ARG002 - it does not see who plays
        """It cannot know."""
        return None

    def look(self, user: str) -> None:
        """One look at one account's newest ratings: a request for each kind in each library."""
        if self._ears.rates(user):
            return
        plex, now = self._plexes[user], self._ears.clock.monotonic()
        asked, sections = self._sections.get(user, (now - HOUR, []))
        if now - asked >= HOUR:
            _prove(plex, self._ears)
            sections = plex.sections()
            self._sections[user] = now, sections
        shelves = Shelves(plex, self._ears.inventory(), Memory(), self._ears.clock, sees_all=False)
        for section in sections:
            for kind in OF_SHOWS if section.shows else OF_FILMS:
                self._look_at(user, plex, shelves, section, kind)
        self._at = self._ears.clock.now()

    def _look_at(self, user: str, plex: Plex, shelves: Shelves, section: Section, kind: Kind) -> None:
        params = {"type": TYPES[kind], "sort": "lastRatedAt:desc", "includeGuids": 1}
        page = plex.ask(f"/library/sections/{section.key}/all", params, start=0, size=NEWEST)
        rated = [row for row in page if row.get("userRating") and moment(row.get("lastRatedAt"))]
        known = self._known.get((user, section.key, kind))
        oldest, now = max((at for _, at, _ in known or ()), default=None), Known()
        shows = shelves.shows(rated) if known is not None and rated else {}
        for element in reversed(rated):
            row = row_of(element, section.key, shows)
            if row is None or row.copy.rating is None or row.rated_at is None:
                continue
            mark = row.item, row.rated_at, row.copy.rating
            if known is not None and mark not in known and (oldest is None or row.rated_at >= oldest):
                about = _about(self._ears, user, row, element)
                self._ears.hear(RatingEvent(**about, at=row.rated_at, value=row.copy.rating))
            now.add(mark)
        self._known[user, section.key, kind] = now or known or set()


def _prove(plex: Plex, ears: Ears) -> None:
    """Raise where another server answers: its owner is called 1, too, and its numbers mean something else."""
    plex.machine = ears.server
    plex.info()


def _about(ears: Ears, user: str, row: Row, element: Element) -> dict[str, Any]:
    library = element.get("librarySectionTitle") or ears.library(row.library)
    return {
        "service": Source.PLEX,
        "server": ears.server,
        "user": user,
        "source": "history",
        "received": ears.clock.now(),
        "item": row.item,
        "refs": row.refs,
        "title": row.refs[0].label() if row.refs else row.name,
        "library": library,
    }
