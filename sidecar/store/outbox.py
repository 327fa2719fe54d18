"""The durable list of things that live wants told: due → sent → done, doubtful or given up.

`sent` is committed before the first byte leaves, so a row without it was surely not sent and a row with it perhaps was.
Rows in hand end with their owner (an epoch counted at start), never by a timer. A row blocks its title only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlite_utils import Database

from sidecar.clock import from_text, maybe_from_text, maybe_to_text, to_text


class Topic(StrEnum):
    """What a row is about; order holds within a Trakt account, title and topic."""

    WATCHING = "watching"  # started, paused: only the last counts
    PLAY = "play"  # watched: every one counts
    RATING = "rating"  # rated, or the rating taken away: only the last counts


class State(StrEnum):
    """How far a row has come."""

    DUE = "due"
    SENT = "sent"
    DOUBTFUL = "doubtful"  # sent, and nobody knows what became of it: look first
    DONE = "done"
    REPLACED = "replaced"  # a newer row says it better
    GIVEN_UP = "given up"


LAST_COUNTS = (Topic.WATCHING, Topic.RATING)
_COLUMNS = "id, trakt, title, topic, key, body, viewing, state, due_at, sent_at, tries, reason, made_at, ended_at"

_READY = (  # to be sent or looked up at :now, and nothing of its title comes first
    "outbox.state IN ('due', 'doubtful') AND outbox.due_at <= :now AND NOT EXISTS ("
    "SELECT 1 FROM outbox e WHERE e.trakt = outbox.trakt AND e.title = outbox.title AND e.id <> outbox.id"
    " AND (e.state = 'sent' OR (e.state = 'doubtful' AND outbox.state = 'due')"
    " OR (e.state = 'due' AND e.topic = outbox.topic AND e.id < outbox.id AND e.due_at > :now)))"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to tell one Trakt account about one title."""

    id: int
    trakt: str
    title: int
    topic: Topic
    key: str  # the same event again has the same key
    body: dict[str, Any]
    viewing: int | None
    state: State
    due_at: datetime
    sent_at: datetime | None
    tries: int
    reason: str
    made_at: datetime
    ended_at: datetime | None


class Outbox:
    """The rows of all Trakt accounts; used inside the writer's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(
        self,
        trakt: str,
        title: int,
        topic: Topic,
        *,
        key: str,
        body: dict[str, Any],
        at: datetime,
        viewing: int | None = None,
    ) -> int | None:
        """Add a row due now, in place of unsent ones where only the last counts; None if it is here already."""
        row = self._db.execute(
            "INSERT INTO outbox (trakt, title, topic, key, body, viewing, state, due_at, made_at)"
            " VALUES (?, ?, ?, ?, ?, ?, 'due', ?, ?) ON CONFLICT (key) DO NOTHING RETURNING id",
            [trakt, title, topic, key, msgspec.json.encode(body).decode(), viewing, to_text(at), to_text(at)],
        ).fetchone()
        if row is None:
            return None
        if topic in LAST_COUNTS:
            self._db.execute(
                "UPDATE outbox SET state = 'replaced', ended_at = ?"
                " WHERE trakt = ? AND title = ? AND topic = ? AND state = 'due' AND id < ?",
                [to_text(at), trakt, title, topic, row[0]],
            )
        return int(row[0])

    def next_due(self, now: datetime, not_for: Iterable[str] = ()) -> Row | None:
        """The oldest row that may be sent now; accounts in `not_for` are passed over."""
        waiting = list(not_for)
        rows = self._select(
            f"WHERE state = 'due' AND due_at <= ? AND trakt NOT IN ({','.join('?' * len(waiting))}) AND NOT EXISTS ("
            " SELECT 1 FROM outbox e WHERE e.trakt = outbox.trakt AND e.title = outbox.title"
            " AND (e.state IN ('sent', 'doubtful')"
            " OR (e.state = 'due' AND e.topic = outbox.topic AND e.id < outbox.id))"
            ") ORDER BY id LIMIT 1",
            to_text(now),
            *waiting,
        )
        return rows[0] if rows else None

    def accounts(self, now: datetime) -> list[str]:
        """The Trakt accounts with something to do, or marked as in hand, and whose link is alive."""
        query = (
            "SELECT DISTINCT trakt FROM outbox LEFT JOIN trakt_account a ON a.uuid = trakt"
            f" WHERE coalesce(a.state, 'connected') = 'connected' AND (outbox.state = 'sent' OR {_READY})"
        )
        return [row[0] for row in self._db.execute(query, {"now": to_text(now)})]

    def in_hand(self, trakt: str) -> list[int]:
        """What is being sent for this account."""
        query = "SELECT id FROM outbox WHERE trakt = ? AND state = 'sent'"
        return [row[0] for row in self._db.execute(query, [trakt])]

    def to_do(self, trakt: str, now: datetime) -> list[Row]:
        """All of one account that may be sent or has to be looked up now, in order; each title waits for its doubts."""
        return self._select(f"WHERE trakt = :trakt AND {_READY} ORDER BY id", trakt=trakt, now=to_text(now))

    def latest(self, trakt: str, title: int, topic: Topic) -> Row | None:
        """The newest row of this kind, whatever became of it."""
        rows = self._select("WHERE trakt = ? AND title = ? AND topic = ? ORDER BY id DESC LIMIT 1", trakt, title, topic)
        return rows[0] if rows else None

    def standing(self, trakt: str, title: int, topic: Topic) -> Row | None:
        """The newest row of this kind that was told or will be."""
        where = "WHERE trakt = ? AND title = ? AND topic = ? AND state NOT IN ('replaced', 'given up')"
        rows = self._select(f"{where} ORDER BY id DESC LIMIT 1", trakt, title, topic)
        return rows[0] if rows else None

    def withdraw(self, trakt: str, title: int, topic: Topic, now: datetime) -> bool:
        """Take back what is not sent yet; True if there was something."""
        query = (
            "UPDATE outbox SET state = 'replaced', ended_at = ?"
            " WHERE trakt = ? AND title = ? AND topic = ? AND state = 'due'"
        )
        return bool(self._db.conn.execute(query, [to_text(now), trakt, title, topic]).rowcount)

    def drop(self, number: int, now: datetime, reason: str) -> None:
        """It is not worth telling any more; nobody has to know."""
        self._move(
            number, {State.DUE, State.DOUBTFUL}, "state = 'replaced', ended_at = ?, reason = ?", to_text(now), reason
        )

    def begin(self, number: int, now: datetime, epoch: int) -> None:
        """Note that it is about to be sent; commit this before the first byte."""
        self._move(
            number, {State.DUE}, "state = 'sent', sent_at = ?, epoch = ?, tries = tries + 1", to_text(now), epoch
        )

    def done(self, number: int, now: datetime) -> None:
        """Trakt has it."""
        self._move(number, {State.SENT, State.DOUBTFUL}, "state = 'done', reason = '', ended_at = ?", to_text(now))

    def later(self, number: int, due_at: datetime, reason: str) -> None:
        """It was surely not carried out; it is due again at that moment."""
        self._move(
            number,
            {State.DUE, State.SENT, State.DOUBTFUL},
            "state = 'due', sent_at = NULL, epoch = NULL, due_at = ?, reason = ?",
            to_text(due_at),
            reason,
        )

    def doubt(self, number: int, reason: str, look_at: datetime | None = None) -> None:
        """The answer was lost: it may have been carried out, perhaps only some time from now."""
        change = "state = 'doubtful', epoch = NULL, reason = ?, due_at = coalesce(?, due_at)"
        self._move(number, {State.SENT, State.DOUBTFUL}, change, reason, maybe_to_text(look_at))

    def give_up(self, number: int, now: datetime, reason: str) -> None:
        """It will not be told; the caller opens the alert that says what to do."""
        open_states = {State.DUE, State.SENT, State.DOUBTFUL}
        self._move(number, open_states, "state = 'given up', ended_at = ?, reason = ?", to_text(now), reason)

    def adopt(self, epoch: int) -> int:
        """At start: whatever an earlier owner had in hand is doubtful; returns how many rows."""
        query = (
            "UPDATE outbox SET state = 'doubtful', epoch = NULL, reason = 'the process ended while it was being sent'"
            " WHERE state = 'sent' AND epoch <> ?"
        )
        return int(self._db.conn.execute(query, [epoch]).rowcount)

    def get(self, number: int) -> Row:
        """The row with this number; raises KeyError."""
        for row in self._select("WHERE id = ?", number):
            return row
        raise KeyError(number)

    def open(self) -> list[Row]:
        """All that waits, oldest first."""
        return self._select("WHERE state IN ('due', 'sent', 'doubtful') ORDER BY id")

    def ended(self, most: int = 100) -> list[Row]:
        """What went out or was given up, newest first."""
        return self._select("WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, id DESC LIMIT ?", most)

    def forget(self, before: datetime) -> int:
        """Drop rows that ended before this moment; returns how many."""
        return int(self._db.conn.execute("DELETE FROM outbox WHERE ended_at < ?", [to_text(before)]).rowcount)

    def counts(self) -> dict[str, int]:
        """How many rows there are in each state that is open."""
        query = "SELECT state, count(*) FROM outbox WHERE state IN ('due', 'sent', 'doubtful') GROUP BY state"
        return dict(self._db.execute(query).fetchall())

    def _move(self, number: int, allowed: set[State], change: str, *values: Any) -> None:
        states = ",".join(f"'{state}'" for state in sorted(allowed))
        query = f"UPDATE outbox SET {change} WHERE id = ? AND state IN ({states})"
        if self._db.conn.execute(query, [*values, number]).rowcount != 1:
            raise ValueError(f"outbox row {number} is not {' or '.join(sorted(allowed))}")

    def _select(self, where: str, *values: Any, **named: Any) -> list[Row]:
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM outbox {where}", named or values).fetchall()
        return [
            Row(
                id=row[0],
                trakt=row[1],
                title=row[2],
                topic=Topic(row[3]),
                key=row[4],
                body=msgspec.json.decode(row[5]),
                viewing=row[6],
                state=State(row[7]),
                due_at=from_text(row[8]),
                sent_at=maybe_from_text(row[9]),
                tries=row[10],
                reason=row[11],
                made_at=from_text(row[12]),
                ended_at=maybe_from_text(row[13]),
            )
            for row in rows
        ]
