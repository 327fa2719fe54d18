"""The nouns that every part shares: titles, their ids, features, secrets.

Plain frozen values without behaviour that needs anything else; what a word means stands in docs/architecture.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

_IMDB = re.compile(r"(tt|ev)[0-9]{5,12}")
_PLEX = re.compile(r"[0-9a-f]{24}")


class Kind(StrEnum):
    """What a title is."""

    MOVIE = "movie"
    SHOW = "show"
    SEASON = "season"
    EPISODE = "episode"


class Feature(StrEnum):
    """What is kept in agreement."""

    HISTORY = "history"
    RATINGS = "ratings"
    WATCHLIST = "watchlist"
    COLLECTION = "collection"


class Direction(StrEnum):
    """Who may be written; every linked side is read all the same."""

    OFF = "off"
    BOTH = "both"
    TO_TRAKT = "to-trakt"
    FROM_TRAKT = "from-trakt"


@dataclass(frozen=True, slots=True)
class Ids:
    """The names that one title has in the catalogues of the world."""

    trakt: int | None = None
    imdb: str | None = None
    tmdb: int | None = None
    tvdb: int | None = None
    slug: str | None = None
    plex: str | None = None

    def __post_init__(self) -> None:
        for name in ("trakt", "tmdb", "tvdb"):
            number = getattr(self, name)
            if number is not None and (type(number) is not int or number <= 0):
                raise ValueError(f"{name} id {number!r} is not a positive number")
        if self.imdb is not None and not _IMDB.fullmatch(self.imdb):
            raise ValueError(f"imdb id {self.imdb!r} does not look like tt0113277")
        if self.plex is not None and not _PLEX.fullmatch(self.plex):
            raise ValueError(f"plex id {self.plex!r} is not 24 hex digits")

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Each id that is there as (catalogue, value), in the order in which Trakt trusts them."""
        for name in ("trakt", "imdb", "tmdb", "tvdb", "slug", "plex"):
            value = getattr(self, name)
            if value:
                yield name, str(value)

    @classmethod
    def of_pairs(cls, pairs: Mapping[str, str]) -> Ids:
        """The ids with these values by catalogue."""
        numbers = {name: int(pairs[name]) for name in ("trakt", "tmdb", "tvdb") if name in pairs}
        return cls(**numbers, imdb=pairs.get("imdb"), slug=pairs.get("slug"), plex=pairs.get("plex"))

    def __bool__(self) -> bool:
        return any((self.trakt, self.imdb, self.tmdb, self.tvdb, self.slug, self.plex))


@dataclass(frozen=True, slots=True)
class Ref:
    """Names one title: its own ids, and for an episode or season also the show with the numbers."""

    kind: Kind
    ids: Ids = field(default_factory=Ids)
    show: Ids | None = None
    season: int | None = None
    number: int | None = None
    name: str | None = None
    year: int | None = None
    runtime: int | None = None  # minutes

    def __post_init__(self) -> None:
        if self.kind is Kind.EPISODE and not self.ids and not (self.show and None not in (self.season, self.number)):
            raise ValueError("an episode needs ids of its own, or its show with season and number")
        if self.kind is Kind.SEASON and not self.ids and not (self.show and self.season is not None):
            raise ValueError("a season needs ids of its own, or its show with the season number")
        if self.kind in (Kind.MOVIE, Kind.SHOW) and not self.ids:
            raise ValueError(f"a {self.kind} needs at least one id")

    def claim(self) -> str:
        """One text for exactly these ids; two refs are the same claim only if nothing about them differs."""
        parts = [str(self.kind), *(f"{name}={value}" for name, value in self.ids.pairs())]
        if self.show is not None:
            parts += [f"show.{name}={value}" for name, value in self.show.pairs()]
        if self.season is not None:
            parts.append(f"s{self.season}")
        if self.number is not None:
            parts.append(f"e{self.number}")
        return " ".join(parts)

    @classmethod
    def of_claim(cls, claim: str, name: str | None = None, year: int | None = None) -> Ref:
        """The ref that makes this claim, which carries no name."""
        kind, *parts = claim.split(" ")
        own, show, places = dict[str, str](), dict[str, str](), dict[str, int]()
        for part in parts:
            catalogue, equals, value = part.partition("=")
            if not equals:
                places[part[0]] = int(part[1:])
            elif catalogue.startswith("show."):
                show[catalogue.removeprefix("show.")] = value
            else:
                own[catalogue] = value
        above = Ids.of_pairs(show) if show else None
        return cls(Kind(kind), Ids.of_pairs(own), above, places.get("s"), places.get("e"), name, year)

    def label(self) -> str:
        """How a person would name it: `Heat (1995)`, `Dark S01E02`."""
        name = self.name or "(no title)"
        if self.kind is Kind.EPISODE and self.season is not None and self.number is not None:
            return f"{name} S{self.season:02}E{self.number:02}"
        if self.kind is Kind.SEASON and self.season is not None:
            return f"{name} season {self.season}"
        return f"{name} ({self.year})" if self.year else name


class Secret:
    """A token, key or password: it shows itself only when asked by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself; the only way to get at it, so that a search finds every use."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret(set)" if self._value else "Secret(empty)"

    __str__ = __repr__
