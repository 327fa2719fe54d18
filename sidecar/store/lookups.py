"""Answers of Trakt to questions about ids, kept for a while; about titles, never about people."""

from __future__ import annotations

from datetime import datetime

from sqlite_utils import Database

from sidecar.clock import to_text


class Lookups:
    """What was asked and answered; used inside a transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, key: str, since: datetime) -> bytes | None:
        """The answer to a question, if it is not older than this moment."""
        query = "SELECT answer FROM lookup WHERE key = ? AND at >= ?"
        row = self._db.execute(query, [key, to_text(since)]).fetchone()
        return bytes(row[0]) if row else None

    def put(self, key: str, answer: bytes, at: datetime) -> None:
        """Keep an answer, also the answer that there is nothing."""
        self._db.execute("INSERT OR REPLACE INTO lookup VALUES (?, ?, ?)", [key, answer, to_text(at)])

    def forget(self, before: datetime) -> int:
        """Drop what is older than this moment; returns how many."""
        return int(self._db.conn.execute("DELETE FROM lookup WHERE at < ?", [to_text(before)]).rowcount)
