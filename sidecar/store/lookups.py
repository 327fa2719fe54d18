"""Answers to questions about ids, kept for a while, those that never change for ever; about titles, never people."""

from __future__ import annotations

from datetime import datetime

from sqlite_utils import Database

from sidecar.clock import to_text

FOR_EVER = "for ever "  # what a key begins with whose answer stays true


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
        """Drop what is older than this moment and was not kept for ever; returns how many."""
        query = "DELETE FROM lookup WHERE at < ? AND substr(key, 1, ?) <> ?"
        return int(self._db.conn.execute(query, [to_text(before), len(FOR_EVER), FOR_EVER]).rowcount)
