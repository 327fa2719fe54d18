"""What a guard holds back, what went past it, what is put off, and who waits for a first preview.

A held part is keyed by person, feature, side and rule; the next run replaces it, and has done with what was decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlite_utils import Database

from sidecar.clock import from_text, to_text
from sidecar.model import Feature


@dataclass(frozen=True, slots=True)
class Held:
    """A part of a plan that waits for a person."""

    id: int
    person: int
    feature: Feature
    side: int
    rule: str
    run: int
    titles: tuple[int, ...]
    why: str
    decision: str  # "", apply or keep
    at: datetime


class Waiting:
    """All that waits; used inside a transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def held(self, person: int | None = None, feature: Feature | None = None) -> list[Held]:
        """What is held, of one person or of all, oldest first."""
        query = (
            "SELECT id, person, feature, side, rule, run, titles, why, coalesce(decision, ''), made_at FROM held"
            " WHERE person = coalesce(?, person) AND feature = coalesce(?, feature) ORDER BY id"
        )
        return [
            Held(
                id=row[0],
                person=row[1],
                feature=Feature(row[2]),
                side=row[3],
                rule=row[4],
                run=row[5],
                titles=tuple(msgspec.json.decode(row[6])),
                why=row[7],
                decision=row[8],
                at=from_text(row[9]),
            )
            for row in self._db.execute(query, [person, feature])
        ]

    def hold(self, part: Held) -> None:
        """Hold titles back, in place of those that this rule held before; number and decision of it are not used."""
        said = msgspec.json.encode(part.titles).decode()
        self._db.execute(
            "INSERT INTO held (person, feature, side, rule, run, titles, why, made_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (person, feature, side, rule) DO UPDATE SET made_at = CASE WHEN titles = excluded.titles"
            " THEN made_at ELSE excluded.made_at END, run = excluded.run, titles = excluded.titles,"
            " why = excluded.why, decision = NULL",
            [part.person, part.feature, part.side, part.rule, part.run, said, part.why, to_text(part.at)],
        )

    def decide(self, number: int, decision: str) -> bool:
        """Note what a person said; False if it is not held any more."""
        query = "UPDATE held SET decision = ? WHERE id = ?"
        return bool(self._db.conn.execute(query, [decision, number]).rowcount)

    def release(self, numbers: Iterable[int]) -> None:
        """These are held no longer."""
        self._db.conn.executemany("DELETE FROM held WHERE id = ?", [(number,) for number in numbers])

    def count(self, person: int, feature: Feature, counts: Mapping[tuple[int, str], int], at: datetime) -> None:
        """Remember how much went past the guard."""
        rows = [(person, feature, side, rule, number, to_text(at)) for (side, rule), number in counts.items()]
        self._db.conn.executemany("INSERT INTO counted VALUES (?, ?, ?, ?, ?, ?)", rows)

    def recent(self, person: int, feature: Feature, since: datetime) -> dict[tuple[int, str], int]:
        """What went past the guard since a moment; what is older is forgotten."""
        query = (
            "SELECT side, rule, sum(count) FROM counted WHERE person = ? AND feature = ? AND at > ? GROUP BY side, rule"
        )
        return {(row[0], row[1]): row[2] for row in self._db.execute(query, [person, feature, to_text(since)])}

    def forget_counts(self, before: datetime) -> None:
        """Drop what nobody counts any more."""
        self._db.execute("DELETE FROM counted WHERE at <= ?", [to_text(before)])

    def put_off(self, side: int, feature: Feature, title: int, until: datetime, why: str) -> None:
        """Do not try this again before that moment."""
        query = "INSERT OR REPLACE INTO put_off VALUES (?, ?, ?, ?, ?)"
        self._db.execute(query, [side, feature, title, to_text(until), why])

    def off(self, side: int, feature: Feature, now: datetime) -> dict[int, str]:
        """What is not to be tried now, and why."""
        query = "SELECT title, why FROM put_off WHERE side = ? AND feature = ? AND until > ?"
        return dict(self._db.execute(query, [side, feature, to_text(now)]).fetchall())

    def settled(self, person: int, feature: Feature) -> str:
        """The choices under which all sides were last brought into agreement; nothing if something was left open."""
        query = "SELECT choices FROM settled WHERE person = ? AND feature = ?"
        row = self._db.execute(query, [person, feature]).fetchone()
        return row[0] if row else ""

    def settle(self, person: int, feature: Feature, choices: str) -> None:
        """Note under which choices all sides agree; nothing means that something is open."""
        query = "INSERT OR REPLACE INTO settled VALUES (?, ?, ?)"
        self._db.execute(query, [person, feature, choices])

    def began(self, person: int) -> bool:
        """Whether this person answered a first preview, with the Trakt account that is linked now."""
        query = f"SELECT 1 FROM began WHERE person = ?1 AND trakt = {_LINKED}"
        return self._db.execute(query, [person]).fetchone() is not None

    def begin(self, person: int, at: datetime) -> None:
        """This person answered a first preview; the schedule may go on."""
        self._db.execute(f"INSERT OR IGNORE INTO began SELECT ?1, {_LINKED}, ?2", [person, to_text(at)])


_LINKED = "coalesce((SELECT trakt FROM link WHERE person = ?1), '')"
