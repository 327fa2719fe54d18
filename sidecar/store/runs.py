"""Runs and their plans. The plan is also the journal: each change carries how far it has come.

What a guard holds waits here under (person, feature, side, rule) for a person's decision, and the next run replaces it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlite_utils import Database

from sidecar.clock import from_text, maybe_from_text, to_text
from sidecar.model import Feature

OPEN_CHANGES = ("planned", "sent")


@dataclass(frozen=True, slots=True)
class Run:
    """One sync of one person."""

    id: int
    person: int
    kind: str  # sync | full | title | undo
    asked_by: str  # schedule | a person | live
    state: str  # asked | going | done | failed | stopped
    asked_at: datetime
    ended_at: datetime | None
    summary: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """What should become of one fact on one side, why, and what it was made from."""

    number: int
    side: int
    feature: Feature
    title: int
    action: str  # add | remove
    value: Any
    before: Any
    why: str
    made_from: dict[str, Any] = field(default_factory=dict)
    state: str = "planned"  # planned | sent | done | refused | held | dropped
    outcome: str = ""


class Runs:
    """All runs; used inside the writer's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def ask(self, person: int, kind: str, asked_by: str, at: datetime, *, undoes: int | None = None) -> Run:
        """Ask for a run; a second request of the same kind joins the one that waits."""
        query = "WHERE person = ? AND kind = ? AND undoes IS ? AND state = 'asked' LIMIT 1"
        for waiting in self._select(query, person, kind, undoes):
            return waiting
        number = self._db.execute(
            "INSERT INTO run (person, kind, asked_by, state, asked_at, undoes) VALUES (?, ?, ?, 'asked', ?, ?)"
            " RETURNING id",
            [person, kind, asked_by, to_text(at), undoes],
        ).fetchone()[0]
        return self.get(number)

    def next_asked(self) -> Run | None:
        """The next run that may begin: of persons without one going, what a person asked for before the schedule's."""
        rows = self._select(
            "WHERE state = 'asked' AND person NOT IN (SELECT person FROM run WHERE state = 'going')"
            " ORDER BY asked_by = 'schedule', id LIMIT 1"
        )
        return rows[0] if rows else None

    def begin(self, number: int, at: datetime, epoch: int) -> None:
        """The run goes; a person has at most one."""
        query = "UPDATE run SET state = 'going', began_at = ?, epoch = ? WHERE id = ? AND state = 'asked'"
        if self._db.conn.execute(query, [to_text(at), epoch, number]).rowcount != 1:
            raise ValueError(f"run {number} does not wait")

    def end(self, number: int, state: str, at: datetime, summary: dict[str, Any]) -> None:
        """The run is over: done, failed or stopped."""
        self._db.execute(
            "UPDATE run SET state = ?, ended_at = ?, summary = ? WHERE id = ?",
            [state, to_text(at), msgspec.json.encode(summary).decode(), number],
        )

    def adopt(self, epoch: int, at: datetime) -> int:
        """At start: runs of an earlier owner ended with it; what they left open still looks different next time."""
        query = (
            "UPDATE run SET state = 'stopped', ended_at = ?, summary = json_set(summary, '$.why', 'the process ended')"
            " WHERE state = 'going' AND epoch <> ?"
        )
        return int(self._db.conn.execute(query, [to_text(at), epoch]).rowcount)

    def last_doubt(self, side: int) -> datetime | None:
        """When the last run ended that sent a side something and never heard what became of it."""
        query = "SELECT max(ended_at) FROM run WHERE id IN (SELECT run FROM change WHERE side = ? AND state = 'sent')"
        return maybe_from_text(self._db.execute(query, [side]).fetchone()[0])

    def last_of(self, person: int, kinds: Sequence[str]) -> Run | None:
        """The newest run of a person that is of one of these kinds, be it over or not."""
        which = f"kind IN ({','.join('?' * len(kinds))})"
        rows = self._select(f"WHERE person = ? AND {which} ORDER BY id DESC LIMIT 1", person, *kinds)
        return rows[0] if rows else None

    def get(self, number: int) -> Run:
        """The run with this number; raises KeyError."""
        for run in self._select("WHERE id = ?", number):
            return run
        raise KeyError(number)

    def latest(self, most: int = 20) -> list[Run]:
        """The newest runs, newest first."""
        return self._select("ORDER BY id DESC LIMIT ?", most)

    def plan(self, run: int, changes: Iterable[Change]) -> None:
        """Store the plan before anything of it is sent."""
        self._db.conn.executemany(
            "INSERT INTO change"
            " (run, number, side, feature, title, action, value, before, why, made_from, state, outcome)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(run, change.number, change.side, change.feature, change.title, change.action),
                    *(_json(change.value), _json(change.before), change.why, _json(change.made_from)),
                    *(change.state, change.outcome),
                )
                for change in changes
            ],
        )

    def set_change(self, run: int, number: int, state: str, outcome: str = "") -> None:
        """Note how far one change has come, in the transaction that moves its Seen row."""
        query = "UPDATE change SET state = ?, outcome = ? WHERE run = ? AND number = ?"
        if self._db.conn.execute(query, [state, outcome, run, number]).rowcount != 1:
            raise ValueError(f"run {run} has no change {number}")

    def changes(self, run: int, states: Iterable[str] = ()) -> list[Change]:
        """The plan of a run in order, or only what is in these states."""
        wanted = list(states)
        only = f" AND state IN ({','.join('?' * len(wanted))})" if wanted else ""
        query = (
            "SELECT number, side, feature, title, action, value, before, why, made_from, state, outcome"
            f" FROM change WHERE run = ?{only} ORDER BY number"
        )
        return [
            Change(
                number=row[0],
                side=row[1],
                feature=Feature(row[2]),
                title=row[3],
                action=row[4],
                value=_value(row[5]),
                before=_value(row[6]),
                why=row[7],
                made_from=_value(row[8]),
                state=row[9],
                outcome=row[10],
            )
            for row in self._db.execute(query, [run, *wanted])
        ]

    def _select(self, where: str, *values: Any) -> list[Run]:
        query = f"SELECT id, person, kind, asked_by, state, asked_at, ended_at, summary FROM run {where}"
        return [
            Run(row[0], row[1], row[2], row[3], row[4], from_text(row[5]), maybe_from_text(row[6]), _value(row[7]))
            for row in self._db.execute(query, values)
        ]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _value(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
