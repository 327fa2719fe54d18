"""The items of a server: what its scan made of the files, with ids that stay as long as paths do.

Films in one folder are versions of one film, episodes hang under seasons and series. What is on the disk can differ
from what the server knows until it is scanned again.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sidecar.demo.catalogue import Catalogue, Claims, Episode, File, Movie
from sidecar.demo.jellyfin.wire import TICKS, dashed, hashed, moment

ROOT = "e9d5075a555c1cbc394eec4cef295274"
KINDS = {"movies": "movies", "shows": "tvshows"}
OWN_FOLDERS = {
    "playlists": ("1071671e7bffa0532e930debee501d2e", "Playlists", "ManualPlaylistsFolder"),
    "boxsets": ("9d7ad6afe9afa2dab1a2f6e00ad28fa6", "Collections", "CollectionFolder"),
}


@dataclass(slots=True, eq=False)
class Item:
    """One item as the server keeps it; `keys` are the names its user data goes by, best first."""

    id: str
    type: str
    name: str
    path: str = ""
    library: str = ""
    parent: "Item | None" = None
    ids: dict[str, str] = field(default_factory=dict)
    year: int | None = None
    ticks: int | None = None
    number: int | None = None
    number_end: int | None = None
    season: int | None = None
    premiere: str | None = None
    created: str | None = None
    series: "Item | None" = None
    file: File | None = None
    primary: "Item | None" = None
    versions: list["Item"] = field(default_factory=list)
    children: list["Item"] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    sort: str = ""
    keys: tuple[str, ...] = ()

    @property
    def folder(self) -> bool:
        """Whether other items are inside."""
        return self.type not in ("Movie", "Episode")

    @property
    def virtual(self) -> bool:
        """Whether it is an episode that is known to exist and has no file."""
        return not self.folder and self.file is None

    def leaves(self) -> Iterator["Item"]:
        """The episodes of a series or season that have files, specials first; a film or an episode itself."""
        if self.extra.get("fresh"):
            return
        if self.file:
            yield self
        for child in self.children:
            yield from child.leaves()

    def finish(self) -> "Item":
        """Works out how it is sorted and what its user data is called."""
        own, above = dashed(self.id), self.series.keys[0] if self.series else ""
        first = "Tvdb" if self.type == "Series" else "Tmdb"
        named = tuple(self.ids[kind] for kind in (first, "Imdb") if kind in self.ids)
        if self.type == "Episode":
            named = (f"{above}{self.season:03d}{self.number:03d}",) if None not in (self.season, self.number) else ()
            self.sort = f"{self.season or 0:03d} - {self.number or 0:04d} - {self.name.lower()}"
        elif self.type == "Season":
            named = (f"{above}{self.number:03d}",) if self.number is not None else ()
            self.sort = f"{self.number or 0:04d}"
        else:
            self.sort = sort_name(self.name)
        self.keys = (*named, own)
        return self


def sort_name(name: str) -> str:
    """A name as it is sorted: lower case, without articles and some signs, numbers with leading zeros."""
    text = re.sub(r"[,&\-{}']", "", re.sub(r"[.+%]", " ", name.lower()))
    text = re.sub(r"^(the|an?) | (the|an?)(?= |$)", "", text)
    return re.sub(r"\d+", lambda digits: digits[0].zfill(10), text).strip()


def above(path: str) -> str:
    """The folder something lies in."""
    return path.rpartition("/")[0]


def provider_ids(claims: Claims) -> dict[str, str]:
    """The ids the agent gave an item, as the server spells them."""
    named = {"Imdb": claims.imdb, "Tmdb": claims.tmdb, "Tvdb": claims.tvdb}
    return {name: str(value) for name, value in named.items() if value is not None}


class Shelf:
    """All items of one server, and the disk they were read from."""

    def __init__(self, catalogue: Catalogue, now: datetime) -> None:
        raw = catalogue.raw or {}
        self.given = {row["path"]: row for row in raw.get("items", [])}
        self.given |= {row["path"]: row for item in raw.get("items", []) for row in item.get("versions", [])[1:]}
        self.recorded, self.generation = bool(raw), 0
        self.disk = {file.path: file for file in catalogue.files}
        self.items: dict[str, Item] = {}
        self.by_path: dict[str, Item] = {}
        self.missing: set[str] = set()
        self.root = Item(ROOT, "UserRootFolder", "Media Folders", "/config/root/default", created=moment(now)).finish()
        self.named = {row["name"]: row["id"] for row in raw.get("libraries", [])}
        for library in catalogue.libraries:
            self.add_library(library.key, library.name, KINDS[library.kind], [library.folder], now)
        self.own_folder("playlists", now)
        self.scan(now)

    def add_library(
        self, key: str, name: str, kind: str | None, folders: list[str], now: datetime, *, known: str | None = None
    ) -> Item:
        """Makes a library; the playlists' and the collections' own are made when the first of them is."""
        path = f"/config/root/default/{name}"
        known = known or self.named.get(name) or hashed("library", path)
        item = Item(known, "CollectionFolder", name, path, key, self.root, created=moment(now))
        item.extra = {"CollectionType": kind, "Locations": folders}
        self.root.children.append(self.keep(item))
        self.folder(folders[0] if folders else path, item)
        return item

    def own_folder(self, kind: str, now: datetime) -> Item:
        """The folder of the playlists or of the collections."""
        known, name, type_ = OWN_FOLDERS[kind]
        if known not in self.items:
            self.add_library(kind, name, kind, [f"/config/data/{name.lower()}"], now, known=known).type = type_
        folder = self.items[known]
        folder.sort = "\uffff" if kind == "playlists" else folder.sort
        return folder

    def libraries(self) -> list[Item]:
        """The libraries."""
        return [item for item in self.root.children if item.id in self.items]

    def keep(self, item: Item) -> Item:
        """Takes an item in."""
        self.generation += 1
        self.items[item.id] = self.by_path[item.path] = item.finish()
        return item

    def folder(self, path: str, library: Item) -> Item:
        """The plain folder films and series of a library lie in."""
        found = self.by_path.get(path)
        return found or self.keep(Item(hashed("folder", path), "Folder", path, path, library.library, library))

    def made(self, type_: str, path: str, name: str, parent: Item, **fields: Any) -> Item:
        """The item of a path, made when it is not there yet."""
        if path in self.by_path:
            return self.by_path[path]
        row = self.given.get(path, {})
        known, name = row.get("id") or hashed(type_, path), row.get("name") or name
        item = Item(known, type_, name, path, parent.library, parent, **fields)
        parent.children.append(self.keep(item))
        if parent.type != "Folder":
            parent.children.sort(key=lambda child: child.sort)
        return item

    def read(self, files: Iterable[File], now: datetime) -> list[Item]:
        """Makes items of files as a scan does; returns the new ones."""
        shelves = {item.library: item for item in self.libraries()}
        before, films = set(self.items), dict[str, list[Item]]()
        for file in files:
            library = shelves[file.library]
            if library.extra["CollectionType"] == "movies":
                film = self.film(file, library)
                films.setdefault(above(file.path), []).append(film)
            else:
                self.episode(file, library, now)
        for folder, members in films.items():
            if len(members) > 1:
                self.group(folder, members)
        return [item for known, item in self.items.items() if known not in before]

    def film(self, file: File, library: Item) -> Item:
        """The item of a film's file."""
        title = file.titles[0] if file.titles else None
        released = f"{title.released}T00:00:00.0000000Z" if isinstance(title, Movie) and not self.recorded else None
        folder = self.folder(library.extra["Locations"][0], library)
        fields = {"premiere": released, "year": file.year, "ids": provider_ids(file.claims)}
        return self.made("Movie", file.path, file.name, folder, **fields, **self.common(file))

    def episode(self, file: File, library: Item, now: datetime) -> Item:
        """The item of an episode's file, with the season and series it needs."""
        inside = above(file.path)
        top = above(inside) if above(inside) not in library.extra["Locations"] else inside
        folder = self.folder(library.extra["Locations"][0], library)
        show, year = file.show, re.search(r"\((\d{4})\)", top)
        name = (show and show.title) or re.sub(r" \(\d{4}\).*", "", top.rpartition("/")[2])
        stamp = {"created": moment(now)}
        series = self.made(
            "Series", top, name, folder, ids=provider_ids(file.show_claims),
            year=(show and show.year) or (int(year[1]) if year else None), **stamp,
        )  # fmt: skip
        place = f"{top}/Season {file.season}" if inside == top else inside
        label = "Specials" if file.season == 0 else f"Season {'Unknown' if file.season is None else file.season}"
        season = self.made("Season", place, label, series, number=file.season, series=series, **stamp)
        title = file.titles[0] if file.titles else None
        aired = f"{title.aired:%Y-%m-%d}T00:00:00.0000000Z" if isinstance(title, Episode) else None
        aired = self.given.get(file.path, {}).get("premiere") if self.recorded else aired
        fields = {"premiere": aired, "year": int(aired[:4]) if aired else None, "ids": provider_ids(file.claims)}
        numbers = {"season": file.season, "number": file.number, "number_end": file.number_end, "series": series}
        made = self.made("Episode", file.path, file.name, season, **fields, **numbers, **self.common(file))
        for ghost in [one for one in season.children if one.virtual and one.number == made.number]:
            self.drop(ghost)  # it is missing no more
        return made

    def common(self, file: File) -> dict[str, Any]:
        """What films and episodes have alike; a recorded runtime is exact to the tick."""
        ticks = self.given.get(file.path, {}).get("runtime_ticks")
        ticks = ticks or (file.runtime_ms * TICKS // 1000 if file.runtime_ms is not None else None)
        return {"ticks": ticks, "created": moment(file.added), "file": file}

    def group(self, folder: str, members: list[Item]) -> None:
        """Files named `folder - version` are versions of one film: the biggest picture is it, the others are hidden."""
        name = f"{folder}/{folder.rpartition('/')[2]}"
        members = sorted(
            (member for member in members if member.path.startswith((f"{name} - ", f"{name}."))),
            key=lambda member: (-int((re.search(r"(\d{3,4})p", member.path) or [0, 0])[1]), member.path),
        )
        if not members:
            return
        for member in members[1:]:
            member.primary, member.name, member.ticks = members[0], members[0].name, member.ticks or members[0].ticks
        members[0].versions = members if len(members) > 1 else []

    def drop(self, item: Item) -> list[Item]:
        """Takes an item out, with the season and series it leaves empty."""
        gone = [item, *item.children] if item.type in ("Season", "Series") else [item]
        for one in gone:
            self.items.pop(one.id, None)
            self.by_path.pop(one.path, None)
        if item.parent and item in item.parent.children:
            item.parent.children.remove(item)
            if not item.parent.children and item.parent.type in ("Season", "Series"):
                gone += self.drop(item.parent)
        self.generation += 1
        return gone

    def scan(self, now: datetime) -> tuple[list[Item], list[Item]]:
        """Brings the items up to the disk; returns what was added and removed. A missing folder keeps its items."""
        known = {item.path: item for item in list(self.items.values()) if item.file}
        lost = [item for path, item in known.items() if path not in self.disk and item.library not in self.missing]
        there = {item.library for item in self.libraries()}
        fresh = [f for path, f in list(self.disk.items()) if path not in known and f.library in there - self.missing]
        for item in lost:
            for version in (item.primary or item).versions:
                version.primary, version.versions = None, []
        gone = [one for item in lost for one in self.drop(item)]
        mates = {above(file.path) for file in fresh}
        beside = [item.file for path, item in known.items() if item.file and above(path) in mates]
        added = self.read([*(file for file in beside if file.path in self.disk), *fresh], now)
        return added, gone
