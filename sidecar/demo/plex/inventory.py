"""What stands in the server's libraries: items made of files, with rating keys and guids of new and legacy agents.

An item may have several files (versions), a file several items (a double episode); an edition is an item of its own.
"""

import hashlib
import itertools
import uuid
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sidecar.demo.catalogue import Catalogue, Claims, Episode, File, Ids, Library, Movie, Season, Show
from sidecar.demo.plex.encode import Row

MODERN = {"movie": ("tv.plex.agents.movie", "Plex Movie"), "show": ("tv.plex.agents.series", "Plex TV Series")}
SCANNERS = {"com.plexapp.agents.hama": "Absolute Series Scanner"}
SOURCES = ("imdb", "tmdb", "tvdb")


def digest(*parts: object) -> str:
    """24 hex digits that stand for these parts."""
    return hashlib.md5("|".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()[:24]


def hex_of(kind: str, ids: Ids) -> str:
    """The id of a title in Plex's own database."""
    return ids.plex or digest(kind, ids.trakt)


@dataclass(slots=True, eq=False)
class Section:
    """A library with its items by kind; `scanned` is when it was looked through."""

    key: int
    library: Library
    kind: str
    agent: str
    scanner: str
    uuid: str
    items: dict[str, list["Item"]]
    scanned: int = 1_700_000_000


@dataclass(slots=True, eq=False)
class Item:
    """A movie, show, season or episode of a library; `elders` are the season and the show above it."""

    key: int
    kind: str
    section: Section
    title: str
    guid: str
    claims: Claims
    known: Movie | Show | Season | Episode | None
    added: int
    index: int | None
    elders: tuple["Item", ...]
    duration: int | None
    released: date | None
    year: int | None
    kids: list["Item"] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    rows: dict[bool, Row] = field(default_factory=dict)

    @property
    def leaves(self) -> list["Item"]:
        """What can be played of it."""
        return [leaf for kid in self.kids for leaf in kid.leaves] if self.kind in ("show", "season") else [self]

    @property
    def matched(self) -> bool:
        """Whether one of Plex's own agents knows it."""
        return self.guid.startswith("plex://")


class Inventory:
    """All sections and items; `version` counts the changes."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.sections: dict[int, Section] = {}
        self.items: dict[int, Item] = {}
        self.by_path: dict[str, list[Item]] = {}
        self.version, self._keys = 0, itertools.count(1001)
        self._same: dict[tuple[Any, ...], Item] = {}
        self._hexes: dict[tuple[str, str, object], str] = {}
        for kind, titles in (("movie", catalogue.movies), ("show", catalogue.shows)):
            for title in titles:
                for name in SOURCES:
                    self._hexes.setdefault((kind, name, getattr(title.ids, name)), hex_of(kind, title.ids))
        legacy = {file.library: file.legacy_guid.split("://")[0] for file in catalogue.files if file.legacy_guid}
        for number, library in enumerate(catalogue.libraries, 1):
            kinds = ("movie",) if library.kind == "movies" else ("show", "season", "episode")
            agent, scanner = MODERN[kinds[0]]
            if old := legacy.get(library.key):
                agent, scanner = old, SCANNERS.get(old, scanner)
            name = str(uuid.UUID(hex=digest("section", library.key) + "0" * 8))
            kept: dict[str, list[Item]] = {kind: [] for kind in kinds}
            self.sections[number] = Section(number, library, kinds[0], agent, scanner, name, kept)
        self._of_library = {section.library.key: section for section in self.sections.values()}
        for file in catalogue.files:
            self.add(file)

    def add(self, file: File) -> list[Item]:
        """Puts a file into its section and gives the items it is now part of."""
        section, known = self._of_library[file.library], file.titles[0] if file.titles else None
        if section.kind == "movie":
            same = (section.key, known or file.path, file.edition, file.claims, file.legacy_guid)
            found = [self._item(same, "movie", section, file.name, known, file, file.claims)]
        else:
            found = self._episodes(section, file)
        for item in found:
            item.files.append(file)
            item.rows.clear()
        self.by_path[file.path], self.version = found, self.version + 1
        return found

    def _episodes(self, section: Section, file: File) -> list[Item]:
        folder = file.path.removeprefix(section.library.folder).strip("/").split("/", 1)[0]
        name, number = (
            (file.show and file.show.title) or folder.rsplit(" (", 1)[0],
            1 if file.season is None else file.season,
        )
        show = self._item((section.key, file.show or folder), "show", section, name, file.show, file, file.show_claims)
        kept = next((s for s in file.show.seasons if s.number == number), None) if file.show else None
        title = f"Season {number}" if number else "Specials"
        season = self._item((show.key, number), "season", section, title, kept, file, Claims(), number, (show,))
        found, first = [], file.number or 0
        for part, index in enumerate(range(first, (file.number_end or first) + 1)):
            known, claims = file.titles[part] if part < len(file.titles) else None, file.claims
            if part and known and claims != Claims():  # an agent that found the first one finds the second as well
                claims = Claims(*(getattr(known.ids, name) for name in SOURCES))
            at = index if file.number is not None else None
            same, title = (season.key, file.path if at is None else at), (known and known.title) or file.name
            found.append(self._item(same, "episode", section, title, known, file, claims, at, (season, show)))
        return found

    def _item(  # noqa: PLR0917
        self, same: tuple[Any, ...], kind: str, section: Section, title: str,
        known: Movie | Show | Season | Episode | None, file: File, claims: Claims, index: int | None = None,
        elders: tuple[Item, ...] = (),
    ) -> Item:  # fmt: skip
        if (item := self._same.get(same)) and item.key in self.items:
            return item
        key, released = next(self._keys), None
        if isinstance(known, Movie | Episode):
            released = known.released if isinstance(known, Movie) else known.aired.date()
        elif first := next((file for file in file.titles if isinstance(file, Episode)), None):
            released = first.aired.date()
        year = known.year if isinstance(known, Movie | Show) else released.year if released else file.year
        guid = self._guid(kind, key, claims, known.ids if known else None, file.legacy_guid, index, elders)
        item = Item(key, kind, section, title, guid, claims, known, int(file.added.timestamp()), index, elders,
                    file.runtime_ms, released, year)  # fmt: skip
        self._same[same] = self.items[key] = item
        section.items[kind].append(item)
        if elders:
            elders[0].kids.append(item)
            elders[0].kids.sort(key=lambda kid: kid.index or 0)
        return item

    def _guid(  # noqa: PLR0917
        self, kind: str, key: int, claims: Claims, ids: Ids | None, legacy: str | None, index: int | None,
        elders: tuple[Item, ...],
    ) -> str:  # fmt: skip
        if legacy:
            agent, _, rest = legacy.partition("://")
            path, _, language = rest.partition("?")
            parts = path.split("/")[: {"movie": 9, "show": 1}.get(kind, 2)] + [str(index)] * (kind == "episode")
            return f"{agent}://{'/'.join(parts)}" + (f"?{language}" if language else "")
        given = [(name, value) for name in SOURCES if (value := getattr(claims, name))]
        if not given:
            return (
                f"plex://{kind}/{digest(elders[0].guid, index)}" if elders and elders[0].matched else f"local://{key}"
            )
        if ids and any(getattr(ids, name) == value for name, value in given):
            return f"plex://{kind}/{hex_of(kind, ids)}"
        wrong = (self._hexes[kind, *pair] for pair in given if (kind, *pair) in self._hexes)
        return f"plex://{kind}/{next(wrong, digest(kind, *given[0]))}"

    def remove(self, path: str) -> list[Item]:
        """Takes a file away and gives the items that went with it, seasons and shows last."""
        gone: list[Item] = []
        for item in self.by_path.pop(path, []):
            item.files = [file for file in item.files if file.path != path]
            item.rows.clear()
            for each in (item, *item.elders):
                if not each.files and not each.kids:
                    gone.append(each)
                    del self.items[each.key]
                    each.section.items[each.kind].remove(each)
                    if each.elders:
                        each.elders[0].kids.remove(each)
        self.version += 1
        return gone
