"""The table of viewings, where live, sync and catch-up meet. `claim` is its only entrance.

A row says whether Trakt has the viewing. Whoever reports a viewing first makes the row; everybody later finds it, so
that the same play is never told twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
from sqlite_utils import Database

from sidecar.clock import from_text, maybe_from_text, maybe_to_text, to_minute, to_text
from sidecar.viewing import Sighting, Source, Told, Viewing, joined, judge, made

FEW = 1000  # titles that are asked for one by one
NEXT = {
    Told.NO: {Told.SENT, Told.YES, Told.NEVER},
    Told.SENT: {Told.NO, Told.YES, Told.NEVER, Told.GONE},
    Told.YES: {Told.GONE},
    Told.GONE: set[Told](),
    Told.NEVER: set[Told](),
}


@dataclass(frozen=True, slots=True)
class Play:
    """One play that Trakt showed; undated ones pair with nothing, but count."""

    minute: datetime | None
    history_id: int | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What became of a sighting: its row, whether it is new, and so whether Trakt must be told."""

    viewing: Viewing
    new: bool

    @property
    def tell(self) -> bool:
        """Whether this viewing is still to be told to Trakt."""
        return self.viewing.told is Told.NO


class Ledger:
    """The viewings of all Trakt accounts; used inside the writer's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def claim(
        self,
        trakt: str,
        title: int,
        sighting: Sighting,
        at: datetime,
        *,
        runtime: int,
        plays: Sequence[Play] = (),
        first: bool = False,
        inexact: bool = False,
    ) -> Claim | None:
        """Find the viewing behind a sighting or make it; None for a mark on a title that has viewings or plays.

        `plays` are the plays that Trakt was last seen with; those without a row here count as viewings too.
        """
        rows = self.of_title(trakt, title)
        known = [*rows, *_without_row(trakt, rows, plays)]
        verdict = judge(sighting, known, runtime, first=first, inexact=inexact)
        if verdict.pairs_with is not None:
            paired = joined(verdict.pairs_with, sighting)
            return Claim(self._put(trakt, title, paired, at), new=False)
        if verdict.told is None:
            return None
        viewing = made(sighting, verdict.told)
        return Claim(self._put(trakt, title, viewing, at), new=True)

    def of_title(self, trakt: str, title: int) -> list[Viewing]:
        """All viewings of one title by one Trakt account."""
        return self._select("WHERE trakt = ? AND title = ?", trakt, title)

    def get(self, number: int) -> Viewing:
        """The viewing with this number; raises KeyError."""
        for viewing in self._select("WHERE id = ?", number):
            return viewing
        raise KeyError(number)

    def to_tell(self, trakt: str) -> list[tuple[int, Viewing]]:
        """What Trakt must still be told, with its title, in order of time; undated ones last."""
        query = "SELECT title, id FROM viewing WHERE trakt = ? AND told = 'no' ORDER BY minute IS NULL, minute, id"
        titles = {number: title for title, number in self._db.execute(query, [trakt])}
        rows = {row.id: row for row in self._select("WHERE trakt = ? AND told = 'no'", trakt)}
        return [(title, rows[number]) for number, title in titles.items()]

    def doubtful(self, trakt: str) -> list[tuple[int, Viewing]]:
        """What was sent without a settled answer, with its title; look before anything else is sent for it."""
        query = "SELECT title, id FROM viewing WHERE trakt = ? AND told = 'sent' ORDER BY id"
        return [(title, self.get(number)) for title, number in self._db.execute(query, [trakt]).fetchall()]

    def in_doubt(self, trakt: str) -> list[tuple[int, Viewing]]:
        """What a run sent without a settled answer; what live has in hand is live's to settle."""
        query = (
            "SELECT title, id FROM viewing v WHERE trakt = ? AND told = 'sent' AND NOT EXISTS (SELECT 1 FROM outbox"
            " WHERE viewing = v.id AND state IN ('sent', 'doubtful')) ORDER BY id"
        )
        return [(title, self.get(number)) for title, number in self._db.execute(query, [trakt]).fetchall()]

    def by_title(self, trakt: str, titles: Iterable[int]) -> dict[int, list[Viewing]]:
        """The viewings of an account by title, of these titles."""
        wanted, found = set(titles), dict[int, list[Viewing]]()
        query = "SELECT title, id FROM viewing WHERE trakt = ?"
        if len(wanted) < FEW:
            return {title: rows for title in wanted if (rows := self.of_title(trakt, title))}
        home = {number: title for title, number in self._db.execute(query, [trakt]) if title in wanted}
        for row in self._select("WHERE trakt = ?", trakt):
            if row.id in home:
                found.setdefault(home[row.id], []).append(row)
        return found

    def open_titles(self, trakt: str) -> list[int]:
        """The titles of which something is still to be told, or in doubt."""
        query = "SELECT DISTINCT title FROM viewing WHERE trakt = ? AND told IN ('no', 'sent')"
        return [row[0] for row in self._db.execute(query, [trakt])]

    def set_told(
        self, number: int, told: Told, at: datetime, *, minute: datetime | None = None, history_id: int | None = None
    ) -> Viewing:
        """Move a viewing on; raises ValueError for a step that cannot be, such as telling what is told."""
        viewing = self.get(number)
        if told is not viewing.told and told not in NEXT[viewing.told]:
            raise ValueError(f"viewing {number} cannot go from {viewing.told} to {told}")
        changed = replace(
            viewing,
            told=told,
            minute=to_minute(minute) if minute else viewing.minute,
            history_id=history_id if history_id is not None else viewing.history_id,
        )
        self._update(changed, at)
        return changed

    def shrink(self, before: datetime) -> int:
        """Drop rows that were settled before this moment and live on in Seen; what went from Trakt stays."""
        query = "DELETE FROM viewing WHERE told IN ('yes', 'never') AND settled_at < ?"
        return int(self._db.conn.execute(query, [to_text(before)]).rowcount)

    def _put(self, trakt: str, title: int, viewing: Viewing, at: datetime) -> Viewing:
        if viewing.id is not None:
            self._update(viewing, at)
            return viewing
        row = self._db.execute(
            "INSERT INTO viewing (trakt, title, began, ended, minute, history_id, told, times, made_at, settled_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            [trakt, title, *_columns(viewing), to_text(at), _settled(viewing, at)],
        ).fetchone()
        return replace(viewing, id=row[0])

    def _update(self, viewing: Viewing, at: datetime) -> None:
        self._db.execute(
            "UPDATE viewing SET began = ?, ended = ?, minute = ?, history_id = ?, told = ?, times = ?, settled_at = ?"
            " WHERE id = ?",
            [*_columns(viewing), _settled(viewing, at), viewing.id],
        )

    def _select(self, where: str, *values: Any) -> list[Viewing]:
        query = f"SELECT id, began, ended, minute, history_id, told, times FROM viewing {where} ORDER BY id"
        return [
            Viewing(
                number,
                maybe_from_text(began),
                maybe_from_text(ended),
                maybe_from_text(minute),
                history_id,
                Told(told),
                {side: from_text(time) for side, time in msgspec.json.decode(times).items()},
            )
            for number, began, ended, minute, history_id, told, times in self._db.execute(query, values)
        ]


def _without_row(trakt: str, rows: Iterable[Viewing], plays: Iterable[Play]) -> list[Viewing]:
    """The plays on Trakt that no row stands for."""
    ids = {row.history_id for row in rows if row.history_id is not None}
    minutes = {row.minute for row in rows if row.minute is not None and row.told in (Told.YES, Told.SENT)}
    return [
        Viewing(
            minute=to_minute(play.minute) if play.minute else None,
            history_id=play.history_id,
            told=Told.YES,
            times={f"{Source.TRAKT}:{trakt}": play.minute} if play.minute else {},
        )
        for play in plays
        if play.history_id not in ids and (play.minute is None or to_minute(play.minute) not in minutes)
    ]


def _columns(viewing: Viewing) -> list[Any]:
    times = {side: to_text(time) for side, time in viewing.times.items()}
    return [
        maybe_to_text(viewing.began),
        maybe_to_text(viewing.ended),
        maybe_to_text(viewing.minute),
        viewing.history_id,
        viewing.told,
        msgspec.json.encode(times).decode(),
    ]


def _settled(viewing: Viewing, at: datetime) -> str | None:
    return None if viewing.told in (Told.NO, Told.SENT) else to_text(at)
