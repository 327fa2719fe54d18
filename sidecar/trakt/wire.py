"""Trakt's JSON: what we read of its answers, tolerant of unknown keys and nulls, and what we write into bodies.

Nothing outside this package knows these shapes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from sidecar.model import Ids, Kind, Ref

KINDS = {"movie": Kind.MOVIE, "show": Kind.SHOW, "season": Kind.SEASON, "episode": Kind.EPISODE}
PLURAL = {Kind.MOVIE: "movies", Kind.SHOW: "shows", Kind.SEASON: "seasons", Kind.EPISODE: "episodes"}


Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment that says its time zone; one that does not is nothing we can compare."""


class WireIds(msgspec.Struct, gc=False):
    """Ids as they come: any may be missing, null or empty."""

    trakt: int | None = None
    slug: str | None = None
    imdb: str | None = None
    tmdb: int | None = None
    tvdb: int | None = None

    def ids(self) -> Ids:
        """Those of them that can be ids."""
        numbers = {name: value for name in ("trakt", "tmdb", "tvdb") if (value := getattr(self, name)) and value > 0}
        try:
            return Ids(**numbers, imdb=self.imdb or None, slug=self.slug or None)
        except ValueError:  # an imdb id of an odd form
            return Ids(**numbers, slug=self.slug or None)


class Title(msgspec.Struct, gc=False):
    """A movie or show."""

    title: str | None = None
    year: int | None = None
    ids: WireIds = msgspec.field(default_factory=WireIds)
    runtime: int | None = None


class Season(msgspec.Struct, gc=False):
    """A season, with its episodes where they were asked for."""

    number: int | None = None
    ids: WireIds = msgspec.field(default_factory=WireIds)
    episodes: list[Episode] = []


class Episode(msgspec.Struct, gc=False):
    """An episode."""

    season: int | None = None
    number: int | None = None
    title: str | None = None
    ids: WireIds = msgspec.field(default_factory=WireIds)
    runtime: int | None = None


class Row(msgspec.Struct, gc=False):
    """One row of history, ratings, watchlist, collection or search; each has some of these."""

    id: int | None = None
    type: str | None = None
    watched_at: Moment | None = None
    rated_at: Moment | None = None
    listed_at: Moment | None = None
    collected_at: Moment | None = None
    rating: int | None = None
    action: str | None = None
    metadata: dict[str, Any] | None = None
    movie: Title | None = None
    show: Title | None = None
    season: Season | None = None
    episode: Episode | None = None

    def ref(self) -> Ref | None:
        """The title of this row; None where nothing names it."""
        kind = self.type or next((name for name in ("movie", "episode", "season", "show") if getattr(self, name)), None)
        try:
            if kind == "episode" and self.episode is not None:
                return episode_ref(self.show or Title(), self.episode)
            if kind == "season" and self.season is not None:
                show = self.show or Title()
                return Ref(Kind.SEASON, self.season.ids.ids(), show.ids.ids(), self.season.number, name=show.title)
            title = self.movie if kind == "movie" else self.show
            if title is None or kind not in ("movie", "show"):
                return None
            return Ref(KINDS[kind], title.ids.ids(), name=title.title, year=title.year, runtime=title.runtime)
        except ValueError:
            return None


class Counts(msgspec.Struct, gc=False):
    """How many of each kind."""

    movies: int | None = 0
    shows: int | None = 0
    seasons: int | None = 0
    episodes: int | None = 0

    @property
    def total(self) -> int:
        """All kinds together."""
        return sum(count or 0 for count in (self.movies, self.shows, self.seasons, self.episodes))


class Written(msgspec.Struct, gc=False):
    """The answer to a write of a list."""

    added: Counts = msgspec.field(default_factory=Counts)
    updated: Counts = msgspec.field(default_factory=Counts)
    existing: Counts = msgspec.field(default_factory=Counts)
    deleted: Counts = msgspec.field(default_factory=Counts)
    not_found: dict[str, list[Any]] = {}


class Token(msgspec.Struct, gc=False):
    """A token pair."""

    access_token: str
    refresh_token: str
    expires_in: int = 604800
    created_at: int = 0


def token_of(said: Any) -> Token:
    """The pair in a JSON object, whose numbers may be text or missing; raises ValueError where there is none."""
    if not isinstance(said, dict):
        raise ValueError("a token pair is an object")
    texts = {name: said.get(name) for name in ("access_token", "refresh_token")}
    if not all(isinstance(text, str) and text.isascii() and text.split() == [text] for text in texts.values()):
        raise ValueError("an access and a refresh token are texts without spaces")
    numbers = {name: str(said.get(name)) for name in ("expires_in", "created_at")}
    known = {name: int(text) for name, text in numbers.items() if text.isdecimal() and 0 < int(text) < 10**10}
    return Token(**texts, **known)  # type: ignore[arg-type]


class DeviceCode(msgspec.Struct, gc=False):
    """A code for a person to type in."""

    device_code: str
    user_code: str
    verification_url: str
    expires_in: int
    interval: int = 5


class User(msgspec.Struct, gc=False):
    """Who an account is."""

    username: str
    vip: bool | None = None
    ids: dict[str, Any] = {}


class UserSettings(msgspec.Struct, gc=False):
    """What an account may and wants."""

    user: User
    limits: dict[str, Any] = {}
    browsing: dict[str, Any] | None = None

    @property
    def uuid(self) -> str:
        """What stays when somebody renames himself."""
        return str(self.user.ids.get("uuid") or self.user.ids.get("slug") or self.user.username)

    def allowed(self) -> dict[str, Any]:
        """What is worth remembering of it: the limits, whether it is VIP, and whether its ratings make plays."""
        plays = {"rating_watches": True} if (self.browsing or {}).get("watch_after_rating") else {}
        return {**self.limits, "vip": bool(self.user.vip), **plays}


class Scrobbled(msgspec.Struct, gc=False):
    """The answer to a start, pause or stop; of a 409 only the two moments."""

    id: int | None = None
    action: str | None = None
    watched_at: Moment | None = None
    expires_at: Moment | None = None


def episode_ref(show: Title, episode: Episode) -> Ref:
    """An episode with its show; named after the show, as people do."""
    return Ref(
        Kind.EPISODE,
        episode.ids.ids(),
        show.ids.ids() or None,
        episode.season,
        episode.number,
        show.title,
        show.year,
        episode.runtime,
    )


def written_ids(ids: Ids) -> dict[str, Any]:
    """Ids for a body: Trakt's own alone where it is known, because it cannot be misunderstood."""
    if ids.trakt is not None:
        return {"trakt": ids.trakt}
    return {name: getattr(ids, name) for name in ("imdb", "tmdb", "tvdb") if getattr(ids, name)}


def moment(at: datetime) -> str:
    """A moment as Trakt writes it, at the whole minute, which is all that it keeps."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:00.000Z")
