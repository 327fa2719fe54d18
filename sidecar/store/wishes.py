"""What live asks of others: a run of a title, and a look at a server's history after a gap.

They have a table of their own and are no rows of the outbox: that one holds what a Trakt account is to be told, in
order and one title at a time, while these concern a person or a server, and are answered by reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from sidecar.clock import from_text, to_text
from sidecar.model import Feature


@dataclass(frozen=True, slots=True)
class Wish:
    """A run of one feature of one title for one person, because of what a side said."""

    id: int
    person: int
    title: int
    feature: Feature
    side: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """Since when events of a server may be missing."""

    server: str
    since: datetime
    why: str


class Wishes:
    """All that is asked and not answered yet; used inside a transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def ask_run(self, person: int, title: int, feature: Feature, *, side: str, why: str, at: datetime) -> None:
        """Ask for a run of this title; one that waits already is enough."""
        self._db.execute(
            "INSERT INTO wish (person, title, feature, side, why, at) SELECT ?, ?, ?, ?, ?, ? WHERE NOT EXISTS"
            " (SELECT 1 FROM wish WHERE person = ? AND title = ? AND feature = ? AND side = ?)",
            [person, title, feature, side, why, to_text(at), person, title, feature, side],
        )

    def runs(self) -> list[Wish]:
        """The runs that are asked for, oldest first."""
        rows = self._db.execute("SELECT id, person, title, feature, side, why, at FROM wish ORDER BY id")
        return [
            Wish(number, person, title, Feature(feature), side, why, from_text(at))
            for number, person, title, feature, side, why, at in rows
        ]

    def ran(self, wishes: list[int]) -> None:
        """These were answered, in the transaction in which the run ended."""
        self._db.conn.executemany("DELETE FROM wish WHERE id = ?", [(number,) for number in wishes])

    def ask_history(self, server: str, since: datetime, why: str) -> None:
        """Ask for a look at a server's history from this moment on, or from an earlier one that waits already."""
        self._db.execute(
            "INSERT INTO gap VALUES (?, ?, ?) ON CONFLICT (server) DO UPDATE"
            " SET since = min(since, excluded.since), why = excluded.why",
            [server, to_text(since), why],
        )

    def gaps(self) -> list[Gap]:
        """The servers whose history is to be read."""
        rows = self._db.execute("SELECT server, since, why FROM gap ORDER BY server")
        return [Gap(server, from_text(since), why) for server, since, why in rows]

    def looked(self, gap: Gap) -> None:
        """This was read; a gap that grew meanwhile stays."""
        self._db.execute("DELETE FROM gap WHERE server = ? AND since >= ?", [gap.server, to_text(gap.since)])
