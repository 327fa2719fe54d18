"""What a person must know or do: opens once, counts repeats, closes by itself when the cause is gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from sidecar.clock import from_text, maybe_from_text, to_text


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to know, with the next step."""

    id: int
    key: str
    kind: str  # auth | limit | outage | data | setup
    person: int | None
    what: str
    next_step: str
    count: int
    opened_at: datetime
    again_at: datetime
    closed_at: datetime | None


class Alerts:
    """All alerts; used inside a transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def open(self, key: str, kind: str, at: datetime, *, what: str, next_step: str, person: int | None = None) -> bool:
        """Open the alert of that key, or count one that is open already; True if it is new."""
        before = self._db.execute("SELECT count FROM alert WHERE key = ? AND closed_at IS NULL", [key]).fetchone()
        self._db.execute(
            "INSERT INTO alert (key, kind, person, what, next_step, opened_at, again_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (key) WHERE closed_at IS NULL DO UPDATE SET count = count + 1, what = excluded.what,"
            " next_step = excluded.next_step, again_at = excluded.again_at",
            [key, kind, person, what, next_step, to_text(at), to_text(at)],
        )
        return before is None

    def close(self, key: str, at: datetime) -> bool:
        """The cause is gone; True if an alert was open."""
        query = "UPDATE alert SET closed_at = ? WHERE key = ? AND closed_at IS NULL"
        return bool(self._db.conn.execute(query, [to_text(at), key]).rowcount)

    def open_ones(self) -> list[Alert]:
        """All that is open, newest first."""
        return self._select("WHERE closed_at IS NULL ORDER BY opened_at DESC, id DESC")

    def forget(self, before: datetime) -> int:
        """Drop alerts that closed before this moment; returns how many."""
        return int(self._db.conn.execute("DELETE FROM alert WHERE closed_at < ?", [to_text(before)]).rowcount)

    def _select(self, where: str, *values: Any) -> list[Alert]:
        columns = "id, key, kind, person, what, next_step, count, opened_at, again_at, closed_at"
        return [
            Alert(
                id=row[0],
                key=row[1],
                kind=row[2],
                person=row[3],
                what=row[4],
                next_step=row[5],
                count=row[6],
                opened_at=from_text(row[7]),
                again_at=from_text(row[8]),
                closed_at=maybe_from_text(row[9]),
            )
            for row in self._db.execute(f"SELECT {columns} FROM alert {where}", values)
        ]
