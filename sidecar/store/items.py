"""What the servers hold: items, their libraries, and the titles each stands for.

Items are per server and read once for all persons. An item that is gone is kept with the moment it went, because a
removal may only be concluded for an item that is still there under the same id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from sqlite_utils import Database

from sidecar.clock import maybe_from_text, to_text
from sidecar.model import Kind, Ref

_FIELDS = (
    "i.id, i.server, i.remote, i.library, i.claim, i.name, i.reason, i.year, i.runtime, i.file, i.gone_at, i.show,"
    " i.season, i.number"
)
PORTION = 500  # values in one query


@dataclass(frozen=True, slots=True)
class Item:
    """One thing on one server: its id there, what it claims to be, and the titles it was matched with."""

    server: str
    remote: str
    library: str
    claim: str  # one line for each title
    name: str = ""
    reason: str = ""  # why it has no title
    titles: tuple[int, ...] = ()
    id: int = 0
    gone_at: datetime | None = None
    year: int | None = None
    runtime: int | None = None
    file: str = ""  # where one file is several items
    show: str = ""  # the item of its show, and its numbers there, also where nothing else is known
    season: int | None = None
    number: int | None = None

    def refs(self) -> tuple[Ref, ...]:
        """The titles it claims to be."""
        made = (Ref.of_claim(line, self.name, self.year) for line in self.claim.splitlines())
        return tuple(replace(ref, runtime=self.runtime) if ref.kind in _TIMED else ref for ref in made)

    def told(self) -> tuple[Any, ...]:
        """What the server says about it, to compare with what it said before."""
        said = self.library, self.claim, self.name, self.reason, self.year, self.runtime, self.file
        return *said, self.show, self.season, self.number


_TIMED = (Kind.MOVIE, Kind.EPISODE)


class Items:
    """The items of all servers; used inside a transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(self, items: Iterable[Item], at: datetime) -> int:
        """Store items as they are now; returns how many changed.

        An item that comes back is no longer gone. Titles are replaced where some are given, and dropped where the
        item claims to be something else than before.
        """
        count = 0
        for item, old in self._differing(items):
            self._put(item, old, at)
            count += 1
        return count

    def changed(self, items: Iterable[Item]) -> list[Item]:
        """Those that are not stored as they are now; asks without writing."""
        return [item for item, _ in self._differing(items)]

    def gone(self, server: str, remotes: Iterable[str], at: datetime) -> None:
        """Note that these items left the server."""
        pairs = [(to_text(at), server, remote) for remote in remotes]
        self._db.conn.executemany(
            "UPDATE item SET gone_at = ? WHERE server = ? AND remote = ? AND gone_at IS NULL", pairs
        )

    def get(self, server: str, remotes: Sequence[str]) -> dict[str, Item]:
        """Items of a server by their ids there, also those that are gone."""
        found: dict[str, Item] = {}
        for start in range(0, len(remotes), PORTION):
            part = remotes[start : start + PORTION]
            where = f"WHERE i.server = ? AND i.remote IN ({','.join('?' * len(part))})"
            found |= {item.remote: item for item in self._select(where, server, *part)}
        return found

    def of_server(self, server: str, library: str | None = None) -> list[Item]:
        """Every item that is there now, in one library or in all."""
        query = "WHERE i.server = ? AND i.gone_at IS NULL" + (" AND i.library = ?" if library is not None else "")
        return list(self._select(query, server, *([library] if library is not None else [])))

    def ids(self, server: str, library: str) -> set[str]:
        """The ids of what is in a library now."""
        query = "SELECT remote FROM item WHERE server = ? AND library = ? AND gone_at IS NULL"
        return {row[0] for row in self._db.execute(query, [server, library])}

    def claims(self, server: str) -> Iterator[tuple[str, str]]:
        """The id and the claim of everything on a server, without keeping it all in memory."""
        query = "SELECT remote, claim FROM item WHERE server = ? AND gone_at IS NULL AND claim <> ''"
        yield from self._db.execute(query, [server])

    def of_title(self, title: int) -> list[Item]:
        """Every item on any server that stands for this title and is there now."""
        query = "WHERE i.gone_at IS NULL AND i.id IN (SELECT item FROM item_title WHERE title = ?)"
        return list(self._select(query, title))

    def any(self) -> bool:
        """Whether anything was ever listed."""
        return self._db.execute("SELECT 1 FROM item LIMIT 1").fetchone() is not None

    def unmatched(self, servers: Iterable[str] | None = None) -> list[Item]:
        """Items that cannot stand for any title, each with the reason."""
        wanted = None if servers is None else set(servers)
        found = self._select("WHERE i.gone_at IS NULL AND i.reason <> '' AND i.claim = ''")
        return [item for item in found if wanted is None or item.server in wanted]

    def _differing(self, items: Iterable[Item]) -> Iterator[tuple[Item, Item]]:
        """Items that are not stored as they are now, each with what is stored."""
        waiting = iter(items)
        while part := list(islice(waiting, PORTION)):
            known: dict[tuple[str, str], Item] = {}
            for server in {item.server for item in part}:
                for old in self.get(server, [item.remote for item in part if item.server == server]).values():
                    known[server, old.remote] = old
            for item in part:
                old = known.get((item.server, item.remote), _NOTHING)
                if old.told() != item.told() or old.gone_at is not None or (item.titles and item.titles != old.titles):
                    yield item, old

    def _put(self, item: Item, old: Item, at: datetime) -> None:
        number = self._db.execute(
            "INSERT INTO item (server, remote, library, claim, name, reason, year, runtime, file, show, season, number,"
            " met_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (server, remote) DO UPDATE"
            " SET library = excluded.library, claim = excluded.claim, name = excluded.name, reason = excluded.reason,"
            " year = excluded.year, runtime = excluded.runtime, file = excluded.file, show = excluded.show,"
            " season = excluded.season, number = excluded.number, gone_at = NULL,"
            " moved_at = CASE WHEN gone_at IS NULL THEN moved_at ELSE excluded.met_at END RETURNING id",
            [item.server, item.remote, *item.told(), to_text(at)],
        ).fetchone()[0]
        if item.claim != old.claim:
            former = ",".join(str(title) for title in old.titles)
            query = (
                "UPDATE item SET matched_at = NULL, verdict = '', former = coalesce(nullif(?, ''), former) WHERE id = ?"
            )
            self._db.execute(query, [former, number])
        if item.titles or (old.titles and item.claim != old.claim):
            self._db.execute("DELETE FROM item_title WHERE item = ?", [number])
            pairs = [(number, place, title) for place, title in enumerate(item.titles)]
            self._db.conn.executemany("INSERT INTO item_title VALUES (?, ?, ?)", pairs)

    def _select(self, where: str, *values: object) -> Iterator[Item]:
        query = (
            f"SELECT {_FIELDS}, (SELECT group_concat(title) FROM"
            " (SELECT title FROM item_title WHERE item = i.id ORDER BY place))"
            f" FROM item i {where} ORDER BY i.id"
        )
        for row in self._db.execute(query, values):
            matched = tuple(int(title) for title in row[-1].split(",")) if row[-1] else ()
            number, server, remote, library, claim, name, reason, year, runtime, file, gone, show, season, place = row[
                :-1
            ]
            went = maybe_from_text(gone)
            said = Item(server, remote, library, claim, name, reason, matched, number, went, year, runtime, file)
            yield replace(said, show=show, season=season, number=place)


_NOTHING = Item("", "", "", "")
