"""What the servers hold: items, their libraries, and the titles each stands for.

Items are per server and read once for all persons. An item that is gone is kept with the moment it went, because a
removal may only be concluded for an item that is still there under the same id.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from sidecar.clock import maybe_from_text, to_text


@dataclass(frozen=True, slots=True)
class Item:
    """One thing on one server: its id there, what it claims to be, and the titles it was matched with."""

    server: str
    remote: str
    library: str
    claim: str
    name: str = ""
    reason: str = ""  # why it has no title
    titles: tuple[int, ...] = ()
    id: int = 0
    gone_at: datetime | None = None


class Items:
    """The items of all servers; used inside a transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(self, items: Iterable[Item], at: datetime) -> int:
        """Store items as they are now; returns how many. An item that comes back is no longer gone."""
        count = 0
        for item in items:
            number = self._db.execute(
                "INSERT INTO item (server, remote, library, claim, name, reason, met_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (server, remote) DO UPDATE SET library = excluded.library, claim = excluded.claim,"
                " name = excluded.name, reason = excluded.reason, gone_at = NULL RETURNING id",
                [item.server, item.remote, item.library, item.claim, item.name, item.reason, to_text(at)],
            ).fetchone()[0]
            self._db.execute("DELETE FROM item_title WHERE item = ?", [number])
            pairs = [(number, place, title) for place, title in enumerate(item.titles)]
            self._db.conn.executemany("INSERT INTO item_title VALUES (?, ?, ?)", pairs)
            count += 1
        return count

    def gone(self, server: str, remotes: Iterable[str], at: datetime) -> None:
        """Note that these items left the server."""
        pairs = [(to_text(at), server, remote) for remote in remotes]
        self._db.conn.executemany(
            "UPDATE item SET gone_at = ? WHERE server = ? AND remote = ? AND gone_at IS NULL", pairs
        )

    def of_server(self, server: str, library: str | None = None) -> list[Item]:
        """Every item that is there now, in one library or in all."""
        query = "WHERE i.server = ? AND i.gone_at IS NULL" + (" AND i.library = ?" if library is not None else "")
        return self._select(query, server, *([library] if library is not None else []))

    def of_title(self, title: int) -> list[Item]:
        """Every item on any server that stands for this title and is there now."""
        query = "WHERE i.gone_at IS NULL AND i.id IN (SELECT item FROM item_title WHERE title = ?)"
        return self._select(query, title)

    def unmatched(self) -> list[Item]:
        """Items that stand for no title, each with the reason."""
        return self._select("WHERE i.gone_at IS NULL AND i.id NOT IN (SELECT item FROM item_title)")

    def _select(self, where: str, *values: object) -> list[Item]:
        query = (
            "SELECT i.id, i.server, i.remote, i.library, i.claim, i.name, i.reason, i.gone_at,"
            " (SELECT group_concat(title) FROM (SELECT title FROM item_title WHERE item = i.id ORDER BY place))"
            f" FROM item i {where} ORDER BY i.id"
        )
        return [
            Item(
                id=number,
                server=server,
                remote=remote,
                library=library,
                claim=claim,
                name=name,
                reason=reason,
                titles=tuple(int(title) for title in titles.split(",")) if titles else (),
                gone_at=maybe_from_text(gone_at),
            )
            for number, server, remote, library, claim, name, reason, gone_at, titles in self._db.execute(query, values)
        ]
