"""What one server holds, as far as it was read: kept in the store, for all persons and both directions.

Listings of any person teach it; that something left is believed only from somebody who sees everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from sidecar.clock import Clock
from sidecar.model import Ids, Ref
from sidecar.servers.guids import same, words
from sidecar.servers.rows import Row
from sidecar.store.db import Store
from sidecar.store.items import PORTION, Item, Items
from sidecar.store.titles import Titles

EMPTIED = 5  # a library that held so many and now lists none is more likely away than emptied


class Inventory:
    """The items of one server."""

    def __init__(self, store: Store, server: str, clock: Clock) -> None:
        self._store, self._server, self._clock = store, server, clock

    def note(self, rows: Iterable[Row]) -> None:
        """Store items as they were listed; where nothing changed, nothing is written and nobody waits."""
        items = [
            Item(
                self._server,
                row.item,
                row.library,
                "\n".join(ref.claim() for ref in row.refs),
                (row.refs[0].name or row.name) if row.refs else row.name,
                row.why,
                year=row.year,
                runtime=row.runtime,
                file=row.file,
                show=row.show,
                season=row.place[0],
                number=row.place[1],
            )
            for row in rows
        ]
        with self._store.read() as db:
            changed = Items(db).changed(items)
        for start in range(0, len(changed), PORTION):  # a first listing lets live events through in between
            with self._store.write() as db:
                Items(db).put(changed[start : start + PORTION], self._clock.now())

    def ended(self, library: str, seen: set[str]) -> None:
        """A library was listed wholly by somebody who sees everything: what is not among it left."""
        with self._store.write() as db:
            items = Items(db)
            items.gone(self._server, items.ids(self._server, library) - seen, self._clock.now())

    def ids(self, library: str) -> set[str]:
        """The items that are in a library, as far as is known."""
        with self._store.read() as db:
            return Items(db).ids(self._server, library)

    def emptied(self, library: str, count: int) -> str:
        """Why a listing of so many is not believed; nothing if it may be so."""
        if count:
            return ""
        with self._store.read() as db:
            before = len(Items(db).ids(self._server, library))
        return f"it lists nothing now and had {before:,} titles; is its drive there?" if before >= EMPTIED else ""

    def get(self, items: Sequence[str]) -> dict[str, Item]:
        """What is known about these items."""
        with self._store.read() as db:
            return Items(db).get(self._server, items)

    def shows(self, items: Iterable[str]) -> dict[str, Ids]:
        """The ids of these shows, as far as they are known."""
        found = self.get(sorted(set(items)))
        return {item.remote: refs[0].ids if (refs := item.refs()) else Ids() for item in found.values()}

    def named(self, rows: Sequence[Row]) -> list[Row]:
        """Rows with those that name no title named by what a person said they are."""
        known = self.get([row.item for row in rows if not row.refs])
        with self._store.read() as db:
            refs = Titles(db).refs(title for item in known.values() for title in item.titles)
        said = {item.remote: tuple(refs[title] for title in item.titles) for item in known.values() if item.titles}
        return [replace(row, refs=said[row.item]) if row.item in said else row for row in rows]

    def find(self, refs: Sequence[Ref]) -> list[tuple[str, ...]]:
        """For each title the items that stand for it here; one pass over all claims, whatever is asked."""
        wanted: dict[str, set[int]] = {}
        for index, ref in enumerate(refs):
            for word in words(ref.claim()):
                wanted.setdefault(word, set()).add(index)
        found: list[list[str]] = [[] for _ in refs]
        with self._store.read() as db:
            for remote, claim in Items(db).claims(self._server) if refs else ():
                for line in claim.splitlines():
                    near = {index for word in words(line) for index in wanted.get(word, ())}
                    claimed = Ref.of_claim(line) if near else None
                    for index in near:
                        if claimed is not None and same(claimed, refs[index]):
                            found[index].append(remote)
        return [tuple(sorted(set(items))) for items in found]
