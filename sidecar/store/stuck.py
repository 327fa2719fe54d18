"""Writes that a server accepted and did not keep: after the second time they are listed and not repeated.

They are tried again as soon as somebody wants another value, or the server shows another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from sidecar.clock import to_text

TRIES = 2


@dataclass(frozen=True, slots=True)
class Stuck:
    """What was wanted of one item, and what the server shows instead."""

    account: int
    feature: str
    item: str
    wanted: str
    held: str
    tries: int


class StuckWrites:
    """What did not stick; used inside a transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def failed(
        self, account: int, feature: str, item: str, *, wanted: str, before: str, held: str, at: datetime
    ) -> int:
        """Note that the server made `held` of what was before; returns how often it has done so to this wish.

        It counts on only from what the last try left behind: everything else is a change on one side.
        """
        row = self._db.execute(
            "INSERT INTO stuck VALUES (?, ?, ?, ?, ?, 1, ?) ON CONFLICT (account, feature, item) DO UPDATE"
            " SET tries = CASE WHEN wanted = excluded.wanted AND held = ? THEN tries + 1 ELSE 1 END,"
            " wanted = excluded.wanted, held = excluded.held, at = excluded.at RETURNING tries",
            [account, feature, item, wanted, held, to_text(at), before],
        ).fetchone()
        return int(row[0])

    def of(self, account: int, feature: str) -> dict[str, Stuck]:
        """What did not stick at least once, by item."""
        query = "SELECT account, feature, item, wanted, held, tries FROM stuck WHERE account = ? AND feature = ?"
        return {row[2]: Stuck(*row) for row in self._db.execute(query, [account, feature])}

    def settled(self, account: int, feature: str, item: str) -> None:
        """It stuck after all."""
        self._db.execute("DELETE FROM stuck WHERE account = ? AND feature = ? AND item = ?", [account, feature, item])
