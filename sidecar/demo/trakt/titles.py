"""What Trakt knows, as it answers it: titles with their JSON, found by id, by name, by words and by popularity.

Fragments of JSON are encoded once per title; a page of rows is then little more than a join of bytes.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from hashlib import blake2b
from typing import Any

import msgspec

from sidecar.demo.catalogue import Catalogue, Episode, Movie, Season, Show

KINDS = ("movie", "show", "season", "episode")
TRIED = ("trakt", "imdb", "tmdb", "tvdb", "slug")  # the order in which Trakt tries the ids of a request
SHOWN = {  # ids and fields of the minimal object
    "movie": (("trakt", "slug", "imdb", "tmdb"), ("title", "year")),
    "show": (("trakt", "slug", "tvdb", "imdb", "tmdb"), ("title", "year")),
    "season": (("trakt", "tvdb", "tmdb"), ("number",)),
    "episode": (("trakt", "tvdb", "imdb", "tmdb"), ("season", "number", "title")),
}


def iso(ms: int) -> str:
    """A moment in milliseconds since 1970 as Trakt writes it."""
    days, ms = divmod(int(ms), 86_400_000)
    return f"{day(days)}T{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}Z"


@cache
def day(days: int) -> str:
    """A day as Trakt writes it; kept, because minimal maps are full of them."""
    return (date(1970, 1, 1) + timedelta(days)).isoformat()


def moment(text: Any) -> int | None:
    """Milliseconds since 1970, at least 0, of an ISO text; None for anything else."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return max(0, int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000))


class Title:
    """A movie, show, season or episode with its place among the others; `n` is unique over all kinds."""

    __slots__ = ("_json", "children", "item", "kind", "minutes", "n", "name", "parent", "root", "trakt")

    def __init__(self, n: int, kind: str, item: Movie | Show | Season | Episode, parent: "Title | None") -> None:
        self.n, self.kind, self.item, self.parent = n, kind, item, parent
        self.root: Title = parent.root if parent else self
        self.children: dict[int, Title] = {}
        self.trakt = item.ids.trakt  # unique for its kind only
        self.name: str = getattr(item, "title", None) or ""
        self.minutes: int = getattr(item, "runtime", 0)  # nothing for shows and seasons
        self._json = b""

    @property
    def released(self) -> int:
        """When it came out, in milliseconds; a show or season with its first episode."""
        if isinstance(self.item, Movie):
            return int(datetime.combine(self.item.released, time(), UTC).timestamp() * 1000)
        return min(
            (int(e.item.aired.timestamp() * 1000) for e in self.leaves() if isinstance(e.item, Episode)), default=0
        )

    def leaves(self) -> Iterable["Title"]:
        """What can be watched of it: itself, or all its episodes."""
        if self.kind in ("movie", "episode"):
            return (self,)
        return (leaf for child in self.children.values() for leaf in child.leaves())

    def aired(self, now: int) -> int:
        """How many episodes of a show were out by then, without the specials."""
        regular = [season for number, season in self.children.items() if number]
        return sum(episode.released <= now for season in regular for episode in season.children.values())

    def plain(self, full: bool = False) -> dict[str, Any]:
        """The minimal object, or what the catalogue can give of the one of `extended=full`."""
        ids, fields = SHOWN[self.kind]
        told: dict[str, Any] = {"ids": {name: getattr(self.item.ids, name) for name in ids}}
        if self.item.ids.plex:
            told["ids"]["plex"] = {"guid": self.item.ids.plex, "slug": None}
        told |= {field: getattr(self.item, field) for field in fields}
        if full:
            told |= {
                "overview": None,
                "rating": 7.5,
                "votes": 1000,
                "runtime": self.minutes,
                "updated_at": iso(self.released),
            }
            told |= (
                {"released": iso(self.released)[:10]} if self.kind == "movie" else {"first_aired": iso(self.released)}
            )
            told |= {"genres": self.item.genres} if isinstance(self.item, Movie | Show) else {}
        return told

    def json(self, full: bool = False) -> bytes:
        """The same encoded; the minimal object only once."""
        if full:
            return msgspec.json.encode(self.plain(full))
        self._json = self._json or msgspec.json.encode(self.plain())
        return self._json

    def row(self, full: bool = False) -> bytes:
        """The end of a row that is about it: the object, and the show of a season or episode."""
        own = b'"%s":%s' % (self.kind.encode(), self.json(full))
        return own if self.root is self else own + b',"show":' + self.root.json(full)


class Titles:
    """All titles by kind and id, by name and year, by words, and in order of popularity."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.all: list[Title] = []
        self.by: dict[tuple[str, str], dict[Any, Title]] = {(k, t): {} for k in KINDS for t in (*TRIED, "name")}
        self.words: dict[str, list[Title]] = {}
        for movie in catalogue.movies:
            self._add("movie", movie)
        for show in catalogue.shows:
            parent = self._add("show", show)
            for season in show.seasons:
                middle = parent.children[season.number] = self._add("season", season, parent)
                for episode in season.episodes:
                    middle.children[episode.number] = self._add("episode", episode, middle)
        self.popular = {kind: sorted(self.by[kind, "trakt"].values(), key=popularity) for kind in ("movie", "show")}

    def _add(self, kind: str, item: Movie | Show | Season | Episode, parent: Title | None = None) -> Title:
        title = Title(len(self.all), kind, item, parent)
        self.all.append(title)
        for id_type in TRIED:
            if value := getattr(item.ids, id_type):
                self.by[kind, id_type].setdefault(value, title)
        if isinstance(item, Movie | Show) and title.name:
            self.by[kind, "name"].setdefault((title.name.casefold(), item.year), title)
            for word in set(title.name.casefold().split()):
                self.words.setdefault(word, []).append(title)
        return title

    def find(self, kind: str, entry: Any) -> Title | None:
        """What Trakt takes an object of a request for: the first id that leads anywhere, else title and year."""
        if not isinstance(entry, dict):
            return None
        ids = entry.get("ids")
        tried = [(id_type, ids.get(id_type)) for id_type in TRIED] if isinstance(ids, dict) else []
        if isinstance(entry.get("year"), int):
            tried.append(("name", (str(entry.get("title")).casefold(), entry["year"])))
        found = (self.by[kind, where].get(value) for where, value in tried if isinstance(value, int | str | tuple))
        return next((title for title in found if title), None)

    def named(self, kind: str, text: str) -> Title | None:
        """By what stands in a path: a number is always a Trakt id, else slug or imdb."""
        by = self.by
        return (
            by[kind, "trakt"].get(int(text))
            if text.isdecimal()
            else by[kind, "slug"].get(text) or by[kind, "imdb"].get(text)
        )

    def search(self, kinds: set[str], query: str) -> list[tuple[float, Title]]:
        """Titles that share a word with the query, those sharing most of it first."""
        words, hits = set(query.casefold().split()), dict[Title, int]()
        for word in words:
            for title in self.words.get(word, ()):
                hits[title] = hits.get(title, 0) + 1
        scored = [
            (round(200 * c / (len(words) + len(t.name.split())), 3), t) for t, c in hits.items() if t.kind in kinds
        ]
        return sorted(scored, key=lambda hit: (-hit[0], hit[1].n))


def popularity(title: Title) -> bytes:
    """A rank that has nothing to do with ids, the same in every run."""
    return blake2b(f"{title.kind}{title.trakt}".encode(), digest_size=8).digest()
