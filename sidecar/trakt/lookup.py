"""Trakt's word on what an id stands for, kept for days, negative answers too.

A number repeats across types and can be wrong, so the type is always said and the answer must carry the id that was
asked for. Episodes are found through their show, all of them in one request.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from sidecar.clock import Clock
from sidecar.model import Ids, Kind, Ref
from sidecar.store.db import Store
from sidecar.store.lookups import Lookups
from sidecar.trakt.client import Trakt
from sidecar.trakt.wire import Row, Season, Title, WireIds, episode_ref

KEPT = timedelta(days=7)
SOURCES = {Kind.MOVIE: ("imdb", "tmdb"), Kind.SHOW: ("imdb", "tvdb", "tmdb"), Kind.EPISODE: ("tvdb", "tmdb", "imdb")}


class Lookup:
    """Questions that need no account."""

    def __init__(self, trakt: Trakt, store: Store, clock: Clock) -> None:
        self._trakt, self._store, self._clock = trakt, store, clock

    def resolve(self, claim: Ref, *, urgent: bool = False) -> Ref | None:
        """The title that Trakt knows by these ids, with all its ids; None if it knows none or they disagree."""
        found = {ref.ids.trakt: ref for ref in self._candidates(claim, urgent=urgent)}
        return next(iter(found.values())) if len(found) == 1 else None

    def seasons(self, show: int, *, urgent: bool = False) -> list[Season]:
        """All seasons and episodes of a show."""
        key = f"seasons {show}"
        kept = self._kept(key)
        if kept is None:
            kept = msgspec.json.encode(self._trakt.seasons(show, urgent=urgent))
            self._keep(key, kept)
        return msgspec.json.decode(kept, type=list[Season])

    def episode(self, claim: Ref, *, urgent: bool = False) -> Ref | None:
        """An episode by its show and numbers."""
        if claim.show is None or claim.season is None or claim.number is None:
            return None
        show = self.resolve(Ref(Kind.SHOW, claim.show), urgent=urgent)
        if show is None or show.ids.trakt is None:
            return None
        title = Title(show.name, show.year, _wire(show.ids))
        for season in self.seasons(show.ids.trakt, urgent=urgent):
            for episode in season.episodes:
                if (episode.season, episode.number) == (claim.season, claim.number):
                    return episode_ref(title, episode)
        return None

    def _candidates(self, claim: Ref, *, urgent: bool) -> list[Ref]:
        if claim.kind is Kind.SEASON:
            return []
        found: list[Ref] = []
        for source in SOURCES[claim.kind]:
            value = getattr(claim.ids, source)
            if value is not None:
                found += self._by_id(claim.kind, source, str(value), urgent=urgent)
        if not found and claim.kind is Kind.EPISODE:
            episode = self.episode(claim, urgent=urgent)
            found = [episode] if episode else []
        return found

    def _by_id(self, kind: Kind, source: str, value: str, *, urgent: bool) -> list[Ref]:
        key = f"{kind} {source} {value}"
        kept = self._kept(key)
        if kept is None:
            rows = self._trakt.look_up(source, value, kind, urgent=urgent)
            kept = msgspec.json.encode([row for row in rows if row.type == kind])
            self._keep(key, kept)
        refs = [row.ref() for row in msgspec.json.decode(kept, type=list[Row])]
        return [ref for ref in refs if ref is not None and str(getattr(ref.ids, source)) == value]

    def _kept(self, key: str) -> bytes | None:
        with self._store.read() as db:
            return Lookups(db).get(key, self._clock.now() - KEPT)

    def _keep(self, key: str, answer: bytes) -> None:
        with self._store.write() as db:
            Lookups(db).put(key, answer, self._clock.now())


def _wire(ids: Ids) -> WireIds:
    return WireIds(ids.trakt, ids.slug, ids.imdb, ids.tmdb, ids.tvdb)
