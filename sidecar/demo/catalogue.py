"""The nouns of one catalogue that all three simulators share.

What Trakt knows is `movies` and `shows` and is always right; what a media server holds are `files`,
whose claims about ids, numbers and runtimes may be missing or wrong. Everything here is immutable.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids Trakt knows for one title; `plex` is the hex of `plex://movie/<hex>`."""

    trakt: int
    slug: str | None = None
    imdb: str | None = None
    tmdb: int | None = None
    tvdb: int | None = None
    plex: str | None = None


@dataclass(frozen=True, slots=True)
class Claims:
    """The ids a server's agent gave an item; any of them may be missing or wrong."""

    imdb: str | None = None
    tmdb: int | None = None
    tvdb: int | None = None


@dataclass(frozen=True, slots=True)
class Movie:
    """A film as Trakt knows it; runtime in minutes."""

    ids: Ids
    title: str | None
    year: int | None
    runtime: int
    released: date
    genres: tuple[str, ...] = ()

    def __hash__(self) -> int:
        return self.ids.trakt


@dataclass(frozen=True, slots=True)
class Episode:
    """An episode as Trakt numbers it; runtime in minutes, aired in UTC."""

    ids: Ids
    season: int
    number: int
    title: str | None
    runtime: int
    aired: datetime
    number_abs: int | None = None

    def __hash__(self) -> int:
        return self.ids.trakt


@dataclass(frozen=True, slots=True)
class Season:
    """A season with its episodes in order; number 0 holds the specials."""

    ids: Ids
    number: int
    episodes: tuple[Episode, ...]

    def __hash__(self) -> int:
        return self.ids.trakt


@dataclass(frozen=True, slots=True)
class Show:
    """A series as Trakt knows it."""

    ids: Ids
    title: str | None
    year: int | None
    seasons: tuple[Season, ...]
    genres: tuple[str, ...] = ()

    def __hash__(self) -> int:
        return self.ids.trakt

    @property
    def episodes(self) -> Iterator[Episode]:
        """All episodes, season by season."""
        return (episode for season in self.seasons for episode in season.episodes)


@dataclass(frozen=True, slots=True)
class Library:
    """A library of a media server; its key is stable."""

    key: str
    name: str
    kind: Literal["movies", "shows"]
    folder: str


@dataclass(frozen=True, slots=True)
class Media:
    """What ffprobe would say about a file; resolution is one of 4k, 1080, 720, sd; size in bytes."""

    resolution: str = "1080"
    video: str = "h264"
    hdr: str = ""
    audio: str = "aac"
    channels: int = 2
    size: int = 1_500_000_000


@dataclass(frozen=True, slots=True)
class File:
    """One file on a server: two titles for a double episode, none where Trakt does not know it."""

    path: str
    library: str
    titles: tuple[Movie | Episode, ...]
    show: Show | None
    name: str
    year: int | None
    claims: Claims
    show_claims: Claims
    season: int | None
    number: int | None
    number_end: int | None
    edition: str | None
    runtime_ms: int | None
    media: Media
    added: datetime
    legacy_guid: str | None = None

    def __hash__(self) -> int:
        return hash(self.path)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the household; two persons may share one Trakt account, libraries () sees none."""

    name: str
    admin: bool
    password: str
    libraries: tuple[str, ...]
    role: Literal["owner", "home", "managed", "friend"]
    pin: str | None = None
    trakt: str | None = None
    vip: bool = False


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything there is; `raw` is the loaded file as it stands when the catalogue came from one."""

    seed: int
    movies: tuple[Movie, ...]
    shows: tuple[Show, ...]
    libraries: tuple[Library, ...]
    files: tuple[File, ...]
    people: tuple[Person, ...]
    raw: dict[str, Any] | None = None
