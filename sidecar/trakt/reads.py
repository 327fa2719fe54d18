"""What each feature looks like on Trakt, read with the fewest requests: minimal maps first, pages where ids are needed.

Reads only. Stamps are taken before the read by who calls; nothing here concludes anything from what is absent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from typing import Any

from sidecar.contract import Collected, Fact, Listed, Plays, Rating
from sidecar.errors import BadAnswer, Refused
from sidecar.model import Feature, Kind, Ref
from sidecar.trakt.client import Params, Trakt
from sidecar.trakt.collected import CollectedShow, media_of
from sidecar.trakt.minimal import NO_DATE, Minutes, episodes_of, minute_of, movies_of
from sidecar.trakt.pages import LARGEST, Listing, read_all, read_map
from sidecar.trakt.wire import PLURAL, Row, Title, WireIds, episode_ref

MOVIES_A_PAGE, SHOWS_A_PAGE = 10_000, 1_000
Played = tuple[Ref, datetime | None]


@dataclass(frozen=True, slots=True)
class Known:
    """What we know about titles already, so that Trakt is not asked for it."""

    titles: Callable[[Kind, Iterable[int]], dict[int, Ref]]
    """Those of a kind, by Trakt id."""
    nothing: Callable[[], bool]
    """Whether there is none at all, as before the first read."""


@dataclass(slots=True)
class Reading:
    """Facts as they come together, with what is missing."""

    facts: list[Fact] = field(default_factory=list)
    why: str = ""
    requests: int = 0

    def took(self, listing: Listing[Any]) -> list[Any]:
        """Count a listing, and remember if it was not whole."""
        self.requests += listing.requests
        self.lacks(listing.why)
        return listing.rows

    def lacks(self, why: str) -> None:
        """Remember the first thing that is missing."""
        self.why = self.why or why


class Reads:
    """Reading for one account."""

    def __init__(self, trakt: Trakt, account: str, known: Known) -> None:
        self._trakt, self._account, self._known = trakt, account, known

    def read(self, feature: Feature, kinds: Collection[Kind]) -> Reading:
        """One feature, of these kinds alone where it can be read so."""
        if feature is Feature.WATCHLIST:
            return self.watchlist()
        readers = {Feature.HISTORY: self.history, Feature.RATINGS: self.ratings, Feature.COLLECTION: self.collection}
        return readers[feature](kinds)

    def history(self, kinds: Collection[Kind]) -> Reading:
        """Every play of every movie and episode, to the minute: two maps, and ids where they are not known yet."""
        reading = Reading()
        if self._known.nothing():
            self._by_pages(reading, kinds)
            return reading
        for kind in kinds:
            self._by_map(reading, kind)
        return reading

    def history_of(self, refs: Iterable[Ref]) -> Reading:
        """The plays of these titles alone."""
        reading = Reading()
        for ref in refs:
            try:
                rows = self.plays_of(ref, reading)
            except (BadAnswer, Refused) as problem:
                if type(problem) not in (BadAnswer, Refused):  # about the account, and not about this title
                    raise
                reading.lacks(problem.what)
                continue
            if rows:
                reading.facts.append(Fact(ref, Plays(tuple(minute_of(row.watched_at) for row in rows))))
        return reading

    def plays_of(self, ref: Ref, reading: Reading | None = None, *, urgent: bool = False) -> list[Row]:
        """Every play of one title with its history id; raises BadAnswer where they are not all there."""
        if ref.ids.trakt is None:
            raise Refused("Trakt", f"{ref.label()} has no Trakt id.", "It is looked up first.")
        number, kind = ref.ids.trakt, PLURAL[ref.kind]
        listing = read_all(
            lambda params: self._trakt.history_of(self._account, kind, number, params, urgent=urgent),
            Row,
            _history_key,
            lambda row: row,
        )
        if reading is not None:
            reading.requests += listing.requests
        if not listing.why and not all(_is_of(row, ref) for row in listing.rows):
            listing.why = "it holds plays of another title"
        if listing.why:
            raise not_whole(listing.why)
        return listing.rows

    def window(self, begin: datetime, end: datetime, *, urgent: bool = False) -> list[Row]:
        """Every play between two moments; raises BadAnswer where they are not all there."""
        span: Params = {"start_at": _iso(begin), "end_at": _iso(end)}
        fetch = lambda page: self._trakt.history_page(self._account, "", page, urgent=urgent)  # noqa: E731
        listing = read_all(fetch, Row, _history_key, lambda row: row, span)
        if listing.why:
            raise not_whole(listing.why)
        return listing.rows

    def ratings(self, kinds: Collection[Kind]) -> Reading:
        """Every rating of these types."""
        reading = Reading()
        for kind in kinds:
            fetch = lambda page, kind=kind: self._trakt.ratings_page(self._account, PLURAL[kind], page)  # noqa: E731
            for row in reading.took(read_all(fetch, Row, _title_key, lambda row: row)):
                ref = row.ref()
                if ref is None or ref.kind is not kind or row.rating is None:
                    reading.lacks("a rating names no title of its kind")
                else:
                    reading.facts.append(Fact(ref, Rating(row.rating, row.rated_at)))
        return reading

    def watchlist(self) -> Reading:
        """The whole watchlist."""
        reading = Reading()
        fetch = lambda page: self._trakt.watchlist_page(self._account, page)  # noqa: E731
        for row in reading.took(read_all(fetch, Row, _title_key, lambda row: row)):
            ref = row.ref()
            if ref is None:
                reading.lacks("a row of the watchlist names no title")
            else:
                reading.facts.append(Fact(ref, Listed(row.listed_at)))
        return reading

    def collection(self, kinds: Collection[Kind]) -> Reading:
        """The whole collection with media data; episodes by show and numbers, as Trakt gives them."""
        reading, params = Reading(), Params(extended="metadata")
        if set(kinds) - {Kind.MOVIE, Kind.EPISODE}:
            reading.lacks("Trakt collects movies and episodes, and nothing above them")
        if Kind.MOVIE in kinds:
            fetch = lambda page: self._trakt.collection_page(self._account, "movies", page)  # noqa: E731
            for row in reading.took(read_all(fetch, Row, _title_key, lambda row: row, params)):
                ref = row.ref()
                if ref is None or ref.kind is not Kind.MOVIE:
                    reading.lacks("a collected film names no title")
                else:
                    reading.facts.append(Fact(ref, Collected(row.collected_at, media_of(row.metadata))))
        if Kind.EPISODE in kinds:
            fetch = lambda page: self._trakt.collection_page(self._account, "shows", page)  # noqa: E731
            shows = read_all(fetch, CollectedShow, lambda each: each.show.ids.trakt, lambda each: each, params)
            for each in reading.took(shows):
                facts = each.facts()
                if not facts:
                    reading.lacks("a collected show names no episodes")
                reading.facts += facts
        return reading

    def _by_map(self, reading: Reading, kind: Kind) -> None:
        """One kind by its minimal map; by pages where the map is none of ids, or ids stay unknown."""
        home: dict[int, int] = {}
        if kind is Kind.MOVIE:
            plays = movies_of(self._map(reading, "movies", {"extended": "min"}, MOVIES_A_PAGE))
        else:
            params: Params = {"extended": "min", "specials": "true", "season_numbers": "true"}
            entries = self._map(reading, "shows", params, SHOWS_A_PAGE)
            try:
                plays, home = episodes_of(entries)
            except BadAnswer:
                self._by_pages(reading, [kind])
                return
        refs = _fitting(self._known.titles(kind, plays), home)
        unknown = plays.keys() - refs.keys()
        if unknown:
            refs |= _fitting(self._learn(reading, kind, unknown, plays, home), home)
        if plays.keys() - refs.keys():
            self._by_pages(reading, [kind])
        else:
            reading.facts += [Fact(refs[number], Plays(minutes)) for number, minutes in plays.items()]

    def _by_pages(self, reading: Reading, kinds: Collection[Kind]) -> None:
        """Plays from the pages of history, title by title."""
        plays: dict[object, tuple[Ref, list[datetime | None]]] = {}
        for ref, minute in self._pages(reading, kinds, {}):
            plays.setdefault((ref.kind, ref.ids.trakt or ref), (ref, []))[1].append(minute)
        reading.facts += [Fact(ref, Plays(tuple(minutes))) for ref, minutes in plays.values()]

    def _pages(self, reading: Reading, kinds: Collection[Kind], span: Params) -> list[Played]:
        """The plays of pages of history, each title's ref once in memory; notes what names no title."""
        refs: dict[object, Ref] = {}

        def keep(row: Row) -> Played | None:
            ref = row.ref()
            if ref is None or ref.kind not in kinds:
                return None
            return refs.setdefault((ref.kind, ref.ids.trakt or ref), ref), minute_of(row.watched_at)

        plural = PLURAL[next(iter(kinds))] if len(kinds) == 1 else ""
        fetch = lambda page: self._trakt.history_page(self._account, plural, page)  # noqa: E731
        found = reading.took(read_all(fetch, Row, _history_key, keep, span))
        if None in found:
            reading.lacks("a play names no title")
        return [played for played in found if played is not None]

    def _map(self, reading: Reading, kind: str, params: Params, size: int) -> list[tuple[str, Any]]:
        return reading.took(read_map(lambda page: self._trakt.watched(self._account, kind, page), params, size))

    def _learn(
        self, reading: Reading, kind: Kind, unknown: set[int], plays: dict[int, Minutes], home: dict[int, int]
    ) -> dict[int, Ref]:
        """Ids of titles that nobody knows yet, in the cheapest way: the pages back to the oldest, or one by one."""
        each = {home[number] for number in unknown} if kind is Kind.EPISODE else unknown
        newest = {number: max(at or NO_DATE for at in plays[number]) for number in unknown}
        since = min(newest.values())
        rows = sum((at or NO_DATE) >= since for minutes in plays.values() for at in minutes)
        if ceil(rows / LARGEST) <= len(each):
            aside = Reading()  # these pages are for ids only; what they lack is not lacking in the map
            played = self._pages(aside, [kind], {"start_at": _iso(since)})
            reading.requests += aside.requests
            return {ref.ids.trakt: ref for ref, _ in played if ref.ids.trakt is not None}
        found: dict[int, Ref] = {}
        for number in sorted(each):
            reading.requests += 1
            if kind is Kind.EPISODE:
                title = Title(ids=WireIds(trakt=number))
                seasons = self._trakt.seasons(number)
                refs = [episode_ref(title, episode) for season in seasons for episode in season.episodes]
            else:
                refs = [ref for row in self._trakt.look_up("trakt", str(number), kind) if (ref := row.ref())]
            found.update((ref.ids.trakt, ref) for ref in refs if ref.kind is kind and ref.ids.trakt is not None)
        return found


def same_title(one: Ref, other: Ref) -> bool:
    """Whether two refs mean the same title: by Trakt's id, else by any id both have, else by show and numbers.

    Any, because Trakt passes over ids that it does not know.
    """
    if one.kind is not other.kind:
        return False
    if one.ids.trakt is not None and other.ids.trakt is not None:
        return one.ids.trakt == other.ids.trakt
    mine, theirs = dict(one.ids.pairs()), dict(other.ids.pairs())
    shared = [name for name in ("imdb", "tmdb", "tvdb") if name in mine and name in theirs]
    if shared:
        return any(mine[name] == theirs[name] for name in shared)
    if one.show is None or other.show is None or (one.season, one.number) != (other.season, other.number):
        return False
    return same_title(Ref(Kind.SHOW, one.show), Ref(Kind.SHOW, other.show)) if one.show and other.show else False


def not_whole(why: str) -> BadAnswer:
    """The error for a list of plays that cannot be relied on."""
    return BadAnswer("Trakt", f"Trakt's list of plays is not whole: {why}.", "It is tried again later.")


def _fitting(refs: dict[int, Ref], home: dict[int, int]) -> dict[int, Ref]:
    """Those whose show is the one under which Trakt names them; another one means that a number was mistaken."""
    return {
        number: ref
        for number, ref in refs.items()
        if number not in home or ref.show is None or ref.show.trakt in (None, home[number])
    }


def _is_of(row: Row, ref: Ref) -> bool:
    """Whether a play is of this title, or of an episode of this show or season."""
    found = row.ref()
    if found is None or ref.kind in (Kind.MOVIE, Kind.EPISODE):
        return found is not None and found.kind is ref.kind and found.ids.trakt == ref.ids.trakt
    return ref.kind is Kind.SEASON or (found.show is not None and found.show.trakt == ref.ids.trakt)


def _history_key(row: Row) -> object:
    return row.id


def _title_key(row: Row) -> object:
    ref = row.ref()
    return (row.type, ref.ids.trakt or ref.claim()) if ref else object()


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
