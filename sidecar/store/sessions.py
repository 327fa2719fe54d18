"""What is playing, what was left unfinished, which toggles were heard, and which events were heard before.

Unfinished sessions and toggles explain dates that a server shows later, so they stay for a while. What a session is,
`live` says; here it is text.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from sidecar.clock import from_text, maybe_from_text, maybe_to_text, to_text


@dataclass(frozen=True, slots=True)
class Kept:
    """A session as it is kept."""

    server: str
    user: str
    player: str
    item: str
    person: int
    trakt: str
    began: datetime
    heard_at: datetime  # by our clock
    ended_at: datetime | None
    finished: bool
    body: str
    id: int = 0


class Sessions:
    """The sessions of all servers; used inside a transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def of_user(self, server: str, user: str, player: str, item: str, since: datetime) -> list[Kept]:
        """A user's sessions of this player or item that are open or ended not before this moment."""
        where = "WHERE server = ? AND user = ? AND (player = ? OR item = ?) AND (ended_at IS NULL OR ended_at >= ?)"
        return self._select(f"{where} ORDER BY id", server, user, player, item, to_text(since))

    def open(self, trakt: str | None = None) -> list[Kept]:
        """All that are going on, of one Trakt account or of all."""
        return self._select("WHERE ended_at IS NULL AND trakt = coalesce(?, trakt) ORDER BY id", trakt)

    def put(self, kept: Kept) -> int:
        """Store a session as it is now; its number."""
        values: list[Any] = [kept.person, kept.trakt, to_text(kept.began), to_text(kept.heard_at)]
        values += [maybe_to_text(kept.ended_at), kept.finished, kept.body]
        if kept.id:
            query = (
                "UPDATE session SET person = ?, trakt = ?, began = ?, heard_at = ?, ended_at = ?, finished = ?,"
                " body = ? WHERE id = ?"
            )
            self._db.execute(query, [*values, kept.id])
            return kept.id
        query = (
            "INSERT INTO session (person, trakt, began, heard_at, ended_at, finished, body, server, user, player, item)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
        )
        return int(self._db.execute(query, [*values, kept.server, kept.user, kept.player, kept.item]).fetchone()[0])

    def toggled(self, server: str, user: str, item: str, at: datetime) -> None:
        """Somebody marked this item by hand."""
        self._db.execute("INSERT INTO toggle VALUES (?, ?, ?, ?)", [server, user, item, to_text(at)])

    def explained(self, server: str, user: str, item: str) -> list[datetime]:
        """The moments of an item at which no viewing began, whatever date the server shows: left early, or marked."""
        query = (
            "SELECT began FROM session WHERE server = :s AND user = :u AND item = :i AND NOT finished"
            " UNION SELECT at FROM toggle WHERE server = :s AND user = :u AND item = :i ORDER BY 1"
        )
        rows = self._db.execute(query, {"s": server, "u": user, "i": item})
        return [from_text(row[0]) for row in rows]

    def all_explained(self, server: str, user: str) -> dict[str, tuple[datetime, ...]]:
        """The same for every item of a user."""
        query = (
            "SELECT item, began FROM session WHERE server = :s AND user = :u AND NOT finished"
            " UNION SELECT item, at FROM toggle WHERE server = :s AND user = :u ORDER BY 1, 2"
        )
        found: dict[str, tuple[datetime, ...]] = {}
        for item, at in self._db.execute(query, {"s": server, "u": user}):
            found[item] = (*found.get(item, ()), from_text(at))
        return found

    def toggled_since(self, server: str, user: str, since: datetime) -> frozenset[str]:
        """The items that somebody marked by hand after this moment."""
        query = "SELECT item FROM toggle WHERE server = ? AND user = ? AND at > ?"
        return frozenset(row[0] for row in self._db.execute(query, [server, user, to_text(since)]))

    def finished_since(self, server: str, user: str, since: datetime) -> dict[str, datetime]:
        """The items that were heard to their end after this moment, and when that was."""
        query = (
            "SELECT item, max(ended_at) FROM session WHERE server = ? AND user = ? AND finished AND ended_at > ?"
            " GROUP BY item"
        )
        return {item: from_text(at) for item, at in self._db.execute(query, [server, user, to_text(since)])}

    def first_time(self, event: str, at: datetime) -> bool:
        """Whether an event of this id was not heard before; remembers it."""
        query = "INSERT INTO replay VALUES (?, ?) ON CONFLICT (event) DO NOTHING"
        return bool(self._db.conn.execute(query, [event, to_text(at)]).rowcount)

    def count(self, install: str, server: str, seq: int, at: datetime) -> tuple[int, datetime] | None:
        """Note the number of a sender's event; where it skips some, the last one before it and when that came."""
        row = self._db.execute("SELECT seq, at FROM sender WHERE install = ?", [install]).fetchone()
        self._db.execute(
            "INSERT INTO sender VALUES (?, ?, ?, ?) ON CONFLICT (install) DO UPDATE"
            " SET server = excluded.server, seq = excluded.seq, at = excluded.at WHERE excluded.seq > seq",
            [install, server, seq, to_text(at)],
        )
        return (row[0], from_text(row[1])) if row is not None and seq > row[0] + 1 else None

    def forget(self, before: datetime, replays_before: datetime) -> None:
        """Drop ended sessions and toggles, and ids of events, that are past remembering."""
        self._db.execute("DELETE FROM session WHERE ended_at < ? AND heard_at < ?", [to_text(before)] * 2)
        self._db.execute("DELETE FROM toggle WHERE at < ?", [to_text(before)])
        self._db.execute("DELETE FROM replay WHERE at < ?", [to_text(replays_before)])

    def _select(self, where: str, *values: Any) -> list[Kept]:
        columns = "server, user, player, item, person, trakt, began, heard_at, ended_at, finished, body, id"
        rows = self._db.execute(f"SELECT {columns} FROM session {where}", values)
        return [
            Kept(
                *(server, user, player, item, person, trakt, from_text(began), from_text(heard)),
                *(maybe_from_text(ended), bool(finished), body, number),
            )
            for server, user, player, item, person, trakt, began, heard, ended, finished, body, number in rows
        ]
