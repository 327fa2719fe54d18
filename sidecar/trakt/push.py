"""Batches on their way to Trakt: sent once, looked for after every doubt, and halved where Trakt breaks over them.

Trakt does not recognise repeats. So after a lost or broken answer nothing is sent again before it was seen not to be
there, and what cannot be seen stays unknown.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import datetime, timedelta

import requests

from sidecar.clock import to_minute
from sidecar.contract import Outcome, Plays, Receipt, failed
from sidecar.errors import BadAnswer, Outage, Refused, RemoteError, SidetraktError
from sidecar.model import Feature
from sidecar.trakt.bodies import Entry, body_of
from sidecar.trakt.client import Trakt
from sidecar.trakt.limits import Stopped
from sidecar.trakt.minimal import NO_DATE, minute_of
from sidecar.trakt.reads import Reads, same_title
from sidecar.trakt.statuses import SERVICE, AccountLimit
from sidecar.trakt.wire import Row, Written

BATCH = 100
SETTLE = 30.0  # seconds for what may still be under way at Trakt; its own hint after a 5xx
MOST_FAILURES = 10  # doubtful answers in a row; halving a hundred down to one bad title takes nine
NO_TITLE = "Trakt does not know this title"
MINUTE = timedelta(minutes=1)
SHORT = BadAnswer(SERVICE, "Trakt took fewer than it was told.", maybe_done=True)


class Push:
    """One list of entries on its way, batch after batch, until all have a receipt."""

    def __init__(self, trakt: Trakt, account: str, reads: Reads, feature: Feature, *, remove: bool) -> None:
        self._trakt, self._account, self._reads = trakt, account, reads
        self._feature, self._remove = feature, remove
        self._plays = feature is Feature.HISTORY
        self._receipts: dict[Entry, Receipt] = {}
        self._alone: set[Entry] = set()  # sent by itself and failed
        self._failures = 0
        self._stopped: SidetraktError | None = None

    def send(self, entries: list[Entry]) -> dict[Entry, Receipt]:
        """Send all; whatever happens, each has a receipt afterwards."""
        dated = [entry for entry in entries if entry.at is not None or not self._plays]
        undated = entries[len(dated) :]  # apart, because they cannot be looked up together with the others
        waiting = deque([*_cut(dated), *_cut(undated)])
        while waiting:
            batch = waiting.popleft()
            if self._stopped is not None:
                self._fail(batch, self._stopped, Outcome.REFUSED)
            else:
                waiting.extendleft(reversed(self._send(batch)))
        return self._receipts

    def _send(self, batch: list[Entry]) -> list[list[Entry]]:
        """Send one batch; gives what has to be sent again."""
        try:
            answer = self._trakt.write(self._account, self._feature, body_of(batch), remove=self._remove)
        except RemoteError as problem:
            if problem.maybe_done:
                return self._doubt(batch, problem)
            if type(problem) is not Refused:  # about us or the account, and not about what this batch says
                self._stopped = problem
            if isinstance(problem, AccountLimit) and self._plays:
                batch = self._without_found(batch, problem)  # it may have stored a part
            self._fail(batch, problem, Outcome.REFUSED)
        except SidetraktError as problem:
            self._stopped = problem
            self._fail(batch, problem, Outcome.REFUSED)
        else:
            self._failures = 0
            self._judge(batch, answer)
        return []

    def _doubt(self, batch: list[Entry], problem: RemoteError) -> list[list[Entry]]:
        """It may have been carried out: look what is there, and give back what is not."""
        self._failures += 1
        try:
            self._trakt.limits.pause(self._account, "write", SETTLE)
        except Stopped as stop:
            self._stopped = stop
            self._fail(batch, problem, Outcome.UNKNOWN)
            return []
        rest = self._without_found(batch, problem) if self._plays else batch
        if not rest or self._stopped is not None:
            self._failures = 0
            return []
        if self._plays and isinstance(problem.__cause__, requests.Timeout):
            self._fail(rest, problem, Outcome.UNKNOWN)  # it may be carried out even now
            return []
        again = len(rest) > 1 or not self._alone.issuperset(rest)
        if self._failures >= MOST_FAILURES or not again:
            self._stopped = problem if self._failures >= MOST_FAILURES else None
            self._fail(rest, problem, Outcome.REFUSED if self._plays else Outcome.UNKNOWN)
            return []
        if len(rest) == 1:
            self._alone.update(rest)
        if isinstance(problem, Outage) and len(rest) > 1:
            return [rest[: len(rest) // 2], rest[len(rest) // 2 :]]
        return [rest]

    def _judge(self, batch: list[Entry], answer: Written) -> None:
        """What an answer says of each: found missing by echo, or by a count that falls short."""
        named = {
            id(entry): any(isinstance(echo, dict) and echo.get("ids") == entry.ids for echo in echoes)
            for entry in batch
            if (echoes := answer.not_found.get(entry.place, []))
        }
        rest = [entry for entry in batch if not named.get(id(entry))]
        lost = Outcome.ALREADY if self._remove else Outcome.NOT_FOUND
        self._done([entry for entry in batch if named.get(id(entry))], lost)
        counted = answer.added.total + answer.updated.total + answer.existing.total
        if self._remove or counted >= len(rest):
            self._done(rest, Outcome.DONE)
        elif self._plays:
            self._done(self._without_found(rest, SHORT), Outcome.NOT_FOUND)
        else:
            self._done([entry for entry in rest if not entry.by_number], Outcome.DONE)
            self._look_by_number([entry for entry in rest if entry.by_number])

    def _without_found(self, batch: list[Entry], problem: SidetraktError) -> list[Entry]:
        """Look which plays are on Trakt now, one narrow read; receipts for those, and the others back.

        Where that cannot be seen, they stay unknown, and nothing more is sent.
        """
        times = [entry.at or NO_DATE for entry in batch]
        try:
            rows = self._reads.window(max(min(times) - MINUTE, NO_DATE), max(times) + MINUTE)
        except SidetraktError as blind:
            self._stopped = blind
            self._fail(batch, problem, Outcome.UNKNOWN)
            return []
        there: dict[datetime | None, list[Row]] = {}
        for row in rows:
            there.setdefault(minute_of(row.watched_at), []).append(row)
        rest: list[Entry] = []
        for entry in batch:
            same = there.get(to_minute(entry.at) if entry.at else None, [])
            match = next((row for row in same if (ref := row.ref()) and same_title(ref, entry.ref)), None)
            if match is None:
                rest.append(entry)
            else:
                same.remove(match)
                self._done([entry], Outcome.DONE)
                self._receipts[entry] = replace(self._receipts[entry], remote=str(match.id))
        return rest

    def _look_by_number(self, entries: list[Entry]) -> None:
        """Fewer were taken than named: those named by numbers may have been dropped without a word, so look."""
        if not entries:
            return
        try:
            reading = self._reads.read(self._feature, {entry.ref.kind for entry in entries})
        except SidetraktError as problem:
            self._fail(entries, problem, Outcome.UNKNOWN)
            return
        for entry in entries:
            there = any(same_title(fact.ref, entry.ref) for fact in reading.facts)
            lacking = Outcome.UNKNOWN if reading.why else Outcome.NOT_FOUND
            self._done([entry], Outcome.DONE if there else lacking)

    def _done(self, entries: list[Entry], outcome: Outcome) -> None:
        for entry in entries:
            value = entry.fact.value
            seen = Plays((to_minute(entry.at) if entry.at else None,)) if isinstance(value, Plays) else value
            here = outcome is Outcome.DONE and not self._remove
            why = NO_TITLE if outcome is Outcome.NOT_FOUND else ""
            self._receipts[entry] = Receipt(entry.fact, outcome, why, seen=seen if here else None)

    def _fail(self, entries: list[Entry], problem: SidetraktError, outcome: Outcome) -> None:
        self._receipts.update((entry, replace(failed(entry.fact, problem), outcome=outcome)) for entry in entries)


def _cut(entries: list[Entry]) -> list[list[Entry]]:
    return [entries[start : start + BATCH] for start in range(0, len(entries), BATCH)]
