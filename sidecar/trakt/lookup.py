"""Trakt's word on what an id stands for, kept for days, negative answers too.

A number repeats across types and can be wrong, so the type is always said and the answer must carry the id that was
asked for. Episodes are found through their show, all of them in one request.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar, cast

import msgspec

from sidecar.clock import Clock
from sidecar.model import Kind, Ref
from sidecar.store.db import Store
from sidecar.store.lookups import Lookups
from sidecar.trakt.client import Trakt
from sidecar.trakt.wire import Row, Season, Title, WireIds, episode_ref

KEPT = timedelta(days=7)
SOURCES = {
    Kind.MOVIE: ("trakt", "imdb", "tmdb"),
    Kind.SHOW: ("trakt", "imdb", "tvdb", "tmdb"),
    Kind.EPISODE: ("trakt", "tvdb", "tmdb", "imdb"),
}
Found = TypeVar("Found")


class Lookup:
    """Questions that need no account."""

    def __init__(self, trakt: Trakt, store: Store, clock: Clock) -> None:
        self._trakt, self._store, self._clock = trakt, store, clock

    def resolve(self, claim: Ref, *, urgent: bool = False) -> Ref | None:
        """The title that Trakt knows by these ids, with all its ids; None if it knows none or they disagree."""
        found: Ref | None = None
        for source in SOURCES.get(claim.kind, ()):
            value = getattr(claim.ids, source)
            if value is None or (found is not None and getattr(found.ids, source) == value):
                continue  # what was found says by itself that this id is its own
            for ref in self._by_id(claim.kind, source, str(value), urgent=urgent):
                if found is not None and ref.ids.trakt != found.ids.trakt:
                    return None
                found = ref
        found = found or self._by_numbers(claim, urgent=urgent)
        return found if found is not None and _agree(claim, found) else None

    def seasons(self, show: int, *, urgent: bool = False) -> list[Season]:
        """All seasons and episodes of a show."""
        return self._asked(f"seasons {show}", Season, partial(self._trakt.seasons, show, urgent=urgent), bool)

    def _by_numbers(self, claim: Ref, *, urgent: bool) -> Ref | None:
        """An episode by its show and numbers."""
        if claim.kind is not Kind.EPISODE or not claim.show or claim.season is None or claim.number is None:
            return None
        show = self.resolve(Ref(Kind.SHOW, claim.show), urgent=urgent)
        if show is None or show.ids.trakt is None:
            return None
        title = Title(show.name, show.year, WireIds(*(getattr(show.ids, name) for name in WireIds.__struct_fields__)))
        for season in self.seasons(show.ids.trakt, urgent=urgent):
            for episode in season.episodes:
                if (episode.season, episode.number) == (claim.season, claim.number):
                    return episode_ref(title, episode)
        return None

    def _by_id(self, kind: Kind, source: str, value: str, *, urgent: bool) -> list[Ref]:
        def right(row: Row) -> bool:
            ref = row.ref()
            return ref is not None and str(getattr(ref.ids, source)) == value

        def sure(rows: list[Row]) -> bool:  # an imdb id finds every kind, whatever was asked for
            return all(right(row) and (row.type == kind or source == "imdb") for row in rows)

        ask = partial(self._trakt.look_up, source, value, kind, urgent=urgent)
        rows = self._asked(f"{kind} {source} {value}", Row, ask, sure)
        return [ref for row in rows if row.type == kind and right(row) and (ref := row.ref()) is not None]

    def _asked(
        self, key: str, kind: type[Found], ask: Callable[[], list[Found]], sure: Callable[[list[Found]], bool]
    ) -> list[Found]:
        """The answer that is kept, or a new one, which is kept if it can be believed."""
        with self._store.read() as db:
            kept = Lookups(db).get(key, self._clock.now() - KEPT)
        if kept is not None:
            try:
                return cast("list[Found]", msgspec.json.decode(kept, type=list[kind]))  # type: ignore[valid-type]
            except msgspec.MsgspecError:
                pass  # kept by another version
        found = ask()
        if sure(found):
            with self._store.write() as db:
                Lookups(db).put(key, msgspec.json.encode(found), self._clock.now())
        return found


def _agree(claim: Ref, found: Ref) -> bool:
    """Whether no id that both know differs."""
    pairs = [(getattr(claim.ids, name), getattr(found.ids, name)) for name in SOURCES[claim.kind]]
    return all(mine == theirs for mine, theirs in pairs if mine is not None and theirs is not None)
