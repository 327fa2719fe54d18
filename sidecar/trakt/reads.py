"""What each feature looks like on Trakt, read with the fewest requests: minimal maps first, pages where ids are needed.

Reads only. Stamps are taken before the read by who calls; nothing here concludes anything from what is absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from typing import Any

import msgspec

from sidecar.clock import to_minute
from sidecar.contract import Collected, Fact, Listed, Media, Plays, Rating
from sidecar.errors import BadAnswer
from sidecar.model import Ids, Kind, Ref
from sidecar.trakt.client import Params, Trakt
from sidecar.trakt.pages import LARGEST, Listing, read_all, read_map
from sidecar.trakt.wire import PLURAL, Row, Title, WireIds, episode_ref

MOVIES_A_PAGE, SHOWS_A_PAGE = 10_000, 1_000
NO_DATE = datetime(1970, 1, 1, tzinfo=UTC)
Known = Callable[[Kind, Iterable[int]], dict[int, Ref]]
"""Titles that are known already, by Trakt id."""
Minutes = tuple[datetime | None, ...]


@dataclass(slots=True)
class Reading:
    """Facts as they come together, with what is missing."""

    facts: list[Fact] = field(default_factory=list)
    why: str = ""
    requests: int = 0

    def took(self, listing: Listing[Any]) -> Listing[Any]:
        """Count a listing, and remember if it was not whole."""
        self.requests += listing.requests
        self.why = self.why or listing.why
        return listing


class _CollectedEpisode(msgspec.Struct):
    number: int | None = None
    collected_at: datetime | None = None
    metadata: dict[str, Any] | None = None


class _CollectedSeason(msgspec.Struct):
    number: int | None = None
    episodes: list[_CollectedEpisode] = []


class _CollectedShow(msgspec.Struct):
    show: Title = msgspec.field(default_factory=lambda: Title(ids=WireIds()))
    seasons: list[_CollectedSeason] = []


class Reads:
    """Reading for one account."""

    def __init__(self, trakt: Trakt, account: str, known: Known) -> None:
        self._trakt, self._account, self._known = trakt, account, known

    def history(self) -> Reading:
        """Every play of every movie and episode, to the minute: two maps, and ids where they are not known yet."""
        reading = Reading()
        movies = self._map(reading, "movies", {"extended": "min"}, MOVIES_A_PAGE)
        shows = self._map(
            reading, "shows", {"extended": "min", "specials": "true", "season_numbers": "true"}, SHOWS_A_PAGE
        )
        plays = {Kind.MOVIE: {int(number): _minutes(times) for number, times in movies}, Kind.EPISODE: _flat(shows)}
        for kind, minutes in plays.items():
            refs = self._known(kind, minutes)
            unknown = minutes.keys() - refs.keys()
            if unknown:
                home = {episode: int(show) for show, seasons in shows for episode in _flat([(show, seasons)])}
                refs |= self._learn(reading, kind, unknown, sum(map(len, minutes.values())), home)
            lost = minutes.keys() - refs.keys()
            if lost:
                reading.why = reading.why or f"Trakt did not say what {len(lost)} watched titles are"
            reading.facts += [Fact(refs[number], Plays(when)) for number, when in minutes.items() if number in refs]
        return reading

    def history_of(self, refs: Iterable[Ref]) -> Reading:
        """The plays of these titles alone."""
        reading = Reading()
        for ref in refs:
            rows = self.plays_of(ref, reading)
            if rows:
                reading.facts.append(Fact(ref, Plays(tuple(minute_of(row.watched_at) for row in rows))))
        return reading

    def plays_of(self, ref: Ref, reading: Reading | None = None, *, urgent: bool = False) -> list[Row]:
        """Every play of one title with its history id; raises BadAnswer where they are not all there."""
        if ref.ids.trakt is None:
            raise ValueError(f"{ref.label()} has no Trakt id")
        number, kind = ref.ids.trakt, PLURAL[ref.kind]
        listing = read_all(
            lambda params: self._trakt.history_of(self._account, kind, number, params, urgent=urgent), Row, _history_key
        )
        if reading is not None:
            reading.requests += listing.requests
        if listing.why:
            raise not_whole(listing.why)
        return listing.rows

    def window(self, begin: datetime, end: datetime, *, urgent: bool = False) -> list[Row]:
        """Every play between two moments; raises BadAnswer where they are not all there."""
        span: Params = {"start_at": _iso(begin), "end_at": _iso(end)}
        rows: list[Row] = []
        for kind in ("movies", "episodes"):
            listing = self._pages(kind, span, urgent=urgent)
            if listing.why:
                raise BadAnswer(
                    "Trakt", f"Trakt's list of plays is not whole: {listing.why}.", "It is tried again later."
                )
            rows += listing.rows
        return rows

    def ratings(self, kinds: Iterable[Kind]) -> Reading:
        """Every rating of these types."""
        reading = Reading()
        for kind in kinds:
            plural = PLURAL[kind]
            fetch = lambda params, plural=plural: self._trakt.ratings_page(self._account, plural, params)  # noqa: E731
            for row in reading.took(read_all(fetch, Row, _title_key)).rows:
                ref = row.ref()
                if ref is None or row.rating is None:
                    reading.why = reading.why or "a rating names no title"
                else:
                    reading.facts.append(Fact(ref, Rating(row.rating, row.rated_at)))
        return reading

    def watchlist(self) -> Reading:
        """The whole watchlist."""
        reading = Reading()
        fetch = lambda params: self._trakt.watchlist_page(self._account, params)  # noqa: E731
        for row in reading.took(read_all(fetch, Row, _title_key)).rows:
            ref = row.ref()
            if ref is None:
                reading.why = reading.why or "a row of the watchlist names no title"
            else:
                reading.facts.append(Fact(ref, Listed(row.listed_at)))
        return reading

    def collection(self) -> Reading:
        """The whole collection with media data; episodes by show and numbers, as Trakt gives them."""
        reading, params = Reading(), Params(extended="metadata")
        movies = read_all(
            lambda page: self._trakt.collection_page(self._account, "movies", page), Row, _title_key, params
        )
        for row in reading.took(movies).rows:
            ref = row.ref()
            if ref is None:
                reading.why = reading.why or "a collected film names no title"
            else:
                reading.facts.append(Fact(ref, Collected(row.collected_at, media_of(row.metadata))))
        fetch = lambda page: self._trakt.collection_page(self._account, "shows", page)  # noqa: E731
        shows = read_all(fetch, _CollectedShow, lambda each: each.show.ids.trakt, params)
        for each in reading.took(shows).rows:
            reading.facts += _episodes(each)
        return reading

    def _map(self, reading: Reading, kind: str, params: Params, size: int) -> list[tuple[str, Any]]:
        fetch = lambda page: self._trakt.watched(self._account, kind, page)  # noqa: E731
        return list(reading.took(read_map(fetch, params, size)).rows)

    def _pages(self, kind: str, params: Params, *, urgent: bool = False) -> Listing[Row]:
        fetch = lambda page: self._trakt.history_page(self._account, kind, page, urgent=urgent)  # noqa: E731
        return read_all(fetch, Row, _history_key, params)

    def _learn(
        self, reading: Reading, kind: Kind, unknown: set[int], plays: int, home: dict[int, int]
    ) -> dict[int, Ref]:
        """Ids of titles that nobody knows yet, in the cheapest way: by page of history, or one by one."""
        each = {home[number] for number in unknown if number in home} if kind is Kind.EPISODE else unknown
        if len(each) >= ceil(plays / LARGEST):
            rows = reading.took(self._pages(PLURAL[kind], {})).rows
            refs = {ref.ids.trakt: ref for row in rows if (ref := row.ref()) is not None}
            return {number: refs[number] for number in unknown if number in refs}
        found: dict[int, Ref] = {}
        for number in sorted(each):
            reading.requests += 1
            if kind is Kind.EPISODE:
                found |= self._episodes_of(number)
            else:
                rows_of = self._trakt.look_up("trakt", str(number), kind)
                found.update((number, ref) for row in rows_of if (ref := row.ref()) and ref.ids.trakt == number)
        return {number: ref for number, ref in found.items() if number in unknown}

    def _episodes_of(self, show: int) -> dict[int, Ref]:
        title = Title(ids=WireIds(trakt=show))
        seasons = self._trakt.seasons(show)
        refs = [episode_ref(title, episode) for season in seasons for episode in season.episodes]
        return {ref.ids.trakt: ref for ref in refs if ref.ids.trakt is not None}


def minute_of(at: datetime | None) -> datetime | None:
    """The minute of a play; None for one without a date, which Trakt shows as 1970."""
    return None if at is None or at.astimezone(UTC) <= NO_DATE else to_minute(at)


def not_whole(why: str) -> BadAnswer:
    """The error for a list of plays that cannot be relied on."""
    return BadAnswer("Trakt", f"Trakt's list of plays is not whole: {why}.", "It is tried again later.")


def media_of(metadata: dict[str, Any] | None) -> Media | None:
    """What Trakt says of a copy, without what we do not know."""
    if not metadata:
        return None
    names = ("resolution", "hdr", "audio", "audio_channels")
    known = {name: str(metadata[name]) for name in names if metadata.get(name)}
    return Media(str(metadata.get("media_type") or "digital"), **known)


def _flat(shows: Iterable[tuple[str, Any]]) -> dict[int, Minutes]:
    """Episodes of a minimal map of shows, by their own ids."""
    try:
        return {
            int(episode): _minutes(times)
            for _, seasons in shows
            for episodes in seasons.values()
            for episode, times in episodes.items()
        }
    except (AttributeError, ValueError) as problem:
        raise BadAnswer(
            "Trakt", "Trakt's map of watched shows cannot be read.", "It is tried again later."
        ) from problem


def _minutes(times: Any) -> Minutes:
    try:
        return tuple(minute_of(datetime.fromisoformat(time)) for time in times)
    except (TypeError, ValueError) as problem:
        raise BadAnswer("Trakt", "Trakt's moments cannot be read.", "It is tried again later.") from problem


def _episodes(each: _CollectedShow) -> list[Fact]:
    show = each.show.ids.ids()
    return [
        Fact(
            Ref(Kind.EPISODE, Ids(), show, season.number, episode.number, each.show.title, each.show.year),
            Collected(episode.collected_at, media_of(episode.metadata)),
        )
        for season in each.seasons
        for episode in season.episodes
        if season.number is not None and episode.number is not None
    ]


def _history_key(row: Row) -> object:
    return row.id


def _title_key(row: Row) -> object:
    ref = row.ref()
    return (row.type, ref.ids.trakt or ref.claim()) if ref else id(row)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
