"""Which title an id of Plex's own database is, and the other way round; what was once learnt is kept for ever.

Learnt from the libraries where they have the title, else from plex.tv with one request for each, at most two a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from sidecar.clock import Clock
from sidecar.errors import Refused, UserError
from sidecar.model import Ids, Kind, Ref, Secret
from sidecar.servers.guids import CATALOGUES, ids_of_guids, same
from sidecar.servers.inventory import Inventory
from sidecar.servers.pace import Pace, Rest
from sidecar.servers.plex.rows import number
from sidecar.servers.plex.tv import PlexTv
from sidecar.store.db import Store
from sidecar.store.lookups import FOR_EVER, Lookups

PER_SECOND = 2.0
NOT_AGAIN = timedelta(days=1)  # before plex.tv is asked once more about what it did not know
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class _Kept(msgspec.Struct):
    """A title as it is remembered."""

    pairs: dict[str, str] = {}
    name: str | None = None
    year: int | None = None


class Titles:
    """The titles of plex.tv, for everybody."""

    def __init__(self, tv: PlexTv, store: Store, inventories: Sequence[Inventory], clock: Clock, rest: Rest) -> None:
        self._tv, self._store, self._inventories, self._clock = tv, store, inventories, clock
        self._pace = Pace(PER_SECOND, clock, rest)

    def of(self, wanted: Sequence[tuple[Kind, str]], token: Secret) -> dict[str, Ref]:
        """The titles behind these ids, as far as anybody knows them; raises where plex.tv cannot be asked."""
        found, missing = self._remembered(wanted)
        for each in self._on_shelves(missing):
            found[each.ids.plex or ""] = each
            self._keep(each.kind, each)
        for kind, plex in missing:
            if plex not in found and not self._was_in_vain(f"plex {plex}"):
                title = self._asked(kind, plex, token)
                if title is None:
                    self._in_vain(f"plex {plex}")
                else:
                    found[plex] = title
        return found

    def id_of(self, ref: Ref, token: Secret) -> str | None:
        """The id of a title: its own, that of a library, or the one that plex.tv finds and that proves to be it."""
        if ref.ids.plex:
            return ref.ids.plex
        for inventory in self._inventories:
            (items,) = inventory.find([ref])
            ids = (claimed.ids.plex for item in inventory.get(items).values() for claimed in item.refs())
            if plex := next(filter(None, ids), None):
                return plex
        pairs = [(name, value) for name, value in ref.ids.pairs() if name in CATALOGUES]
        if self._was_in_vain(ref.claim()):
            return None
        for name, value in pairs:
            self._wait()
            params = {"type": str(ref.kind), "title": f"{name}-{value}"}
            page = self._tv.ask(f"{self._tv.settings.metadata_url}/library/metadata/matches", token, params=params)
            for row in page:
                plex = (row.get("guid") or "").rpartition("/")[2]
                title = self.of([(ref.kind, plex)], token).get(plex) if plex else None
                if title is not None and same(title, Ref(ref.kind, ref.ids)):
                    return plex
        self._in_vain(ref.claim())
        return None

    def _remembered(self, wanted: Sequence[tuple[Kind, str]]) -> tuple[dict[str, Ref], list[tuple[Kind, str]]]:
        found: dict[str, Ref] = {}
        with self._store.read() as db:
            for kind, plex in wanted:
                if answer := Lookups(db).get(_key(kind, plex), LONG_AGO):
                    kept = msgspec.json.decode(answer, type=_Kept)
                    found[plex] = Ref(kind, Ids.of_pairs(kept.pairs), name=kept.name, year=kept.year)
        return found, [(kind, plex) for kind, plex in wanted if plex not in found]

    def _on_shelves(self, wanted: Sequence[tuple[Kind, str]]) -> list[Ref]:
        """Those that a library has; a library knows them by the same id."""
        refs = [Ref(kind, Ids(plex=plex)) for kind, plex in wanted]
        found: list[Ref] = []
        for inventory in self._inventories if refs else ():
            places = inventory.find(refs)
            known = inventory.get(sorted({item for items in places for item in items}))
            for ref, items in zip(refs, places, strict=True):
                claimed = (each for item in items for each in known[item].refs())
                found += [each for each in claimed if each.kind is ref.kind and each.ids.plex == ref.ids.plex][:1]
        return found

    def _asked(self, kind: Kind, plex: str, token: Secret) -> Ref | None:
        self._wait()
        try:
            page = self._tv.ask(f"{self._tv.settings.metadata_url}/library/metadata/{plex}", token)
        except Refused as problem:
            if problem.status == 404:
                return None
            raise
        row = next((each for each in page if each.get("type") == kind), None)
        ids = ids_of_guids((guid.get("id", "") for guid in row.iter("Guid")), plex) if row is not None else Ids()
        if row is None or not any((ids.imdb, ids.tmdb, ids.tvdb)):
            return None
        title = Ref(kind, ids, name=row.get("title"), year=number(row.get("year"), 1850, 2200))
        self._keep(kind, title)
        return title

    def _keep(self, kind: Kind, title: Ref) -> None:
        kept = _Kept(dict(title.ids.pairs()), title.name, title.year)
        with self._store.write() as db:
            Lookups(db).put(_key(kind, title.ids.plex or ""), msgspec.json.encode(kept), self._clock.now())

    def _was_in_vain(self, about: str) -> bool:
        with self._store.read() as db:
            return Lookups(db).get(f"in vain {about}", self._clock.now() - NOT_AGAIN) is not None

    def _in_vain(self, about: str) -> None:
        with self._store.write() as db:
            Lookups(db).put(f"in vain {about}", b"", self._clock.now())

    def _wait(self) -> None:
        if not self._pace.take():
            raise UserError("Sidetrakt is stopping.", "The rest is asked the next time.")


def _key(kind: Kind, plex: str) -> str:
    return f"{FOR_EVER}plex {kind} {plex}"
