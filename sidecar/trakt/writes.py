"""Writing to Trakt without ever writing a play twice.

In batches of a hundred, all types of one endpoint together, in order of time. Trakt does not recognise repeats: after
a lost or broken answer we look what is there before anything is sent again, and what cannot be looked up stays unknown.
Plays are removed by their own ids only, never by naming a title.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sidecar.clock import Clock, to_minute
from sidecar.contract import Collected, Fact, Outcome, Plays, Rating, Receipt
from sidecar.errors import BadAnswer, Outage, RemoteError, SidetraktError, Unreachable, UserError
from sidecar.model import Feature, Kind, Ref
from sidecar.trakt.client import Trakt
from sidecar.trakt.limits import Stopped
from sidecar.trakt.reads import NO_DATE, Reads, minute_of
from sidecar.trakt.statuses import AccountLimit, AccountLocked
from sidecar.trakt.wire import PLURAL, Row, Written, moment, written_ids

BATCH = 100
UNKNOWN = "unknown"  # Trakt's word for a play without a date


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in a body, with the fact it came from."""

    fact: Fact
    at: datetime | None
    body: dict[str, Any]


class Writes:
    """Writing for one account."""

    def __init__(self, trakt: Trakt, account: str, reads: Reads, clock: Clock) -> None:
        self._trakt, self._account, self._reads, self._clock = trakt, account, reads, clock

    def add(self, facts: Sequence[Fact], feature: Feature) -> list[Receipt]:
        """Add or update; a receipt for each fact, in the same order."""
        entries, receipts = prepare(facts, feature)
        entries.sort(key=lambda entry: (entry.at is None, entry.at or NO_DATE))
        dated = [entry for entry in entries if entry.at is not None or feature is not Feature.HISTORY]
        undated = entries[len(dated) :]  # apart, because they cannot be looked up together with the others
        outcomes: dict[int, list[Receipt]] = {}
        stopped = ""
        for batch in [*_cut(dated), *_cut(undated)]:
            if stopped:
                answers = [Receipt(entry.fact, Outcome.REFUSED, stopped) for entry in batch]
            else:
                answers, stopped = self._batch(batch, feature)
            for entry, receipt in zip(batch, answers, strict=True):
                outcomes.setdefault(id(entry.fact), []).append(receipt)
        return [receipts.get(index) or _together(fact, outcomes[id(fact)]) for index, fact in enumerate(facts)]

    def remove_plays(self, facts: Sequence[Fact]) -> list[Receipt]:
        """Take away exactly these minutes of these titles, by history id; what is left is read back."""
        return [self._remove_plays_of(fact) for fact in facts]

    def remove(self, facts: Sequence[Fact], feature: Feature) -> list[Receipt]:
        """Take titles out of ratings, watchlist or collection; harmless to repeat, so a lost answer is asked once more."""
        receipts: list[Receipt] = []
        for start in range(0, len(facts), BATCH):
            part = facts[start : start + BATCH]
            body = bodies([(fact.ref, titled(fact.ref)) for fact in part])
            try:
                answer = self._twice(feature, body, remove=True)
            except RemoteError as problem:
                receipts += [_failed(fact, problem) for fact in part]
                continue
            gone = _echoed(answer, part)
            receipts += [Receipt(fact, Outcome.ALREADY if fact in gone else Outcome.DONE) for fact in part]
        return receipts

    def _batch(self, batch: list[Entry], feature: Feature) -> tuple[list[Receipt], str]:
        """Send one batch; the second value says why nothing more of this feature may be sent."""
        body = bodies([(entry.fact.ref, entry.body) for entry in batch])
        try:
            if feature is Feature.HISTORY:
                answer = self._trakt.write(self._account, feature, body)
            else:
                answer = self._twice(feature, body)
        except (AccountLimit, AccountLocked, UserError, Stopped) as problem:
            return [_failed(entry.fact, problem) for entry in batch], problem.what
        except RemoteError as problem:
            if feature is Feature.HISTORY and problem.maybe_done:
                return self._after_doubt(batch, problem), ""
            return [_failed(entry.fact, problem) for entry in batch], ""
        return self._judge(batch, feature, answer), ""

    def _judge(self, batch: list[Entry], feature: Feature, answer: Written) -> list[Receipt]:
        """What an answer says of each entry: found missing by echo, or by a count that falls short."""
        missing = _echoed(answer, [entry.fact for entry in batch])
        done = answer.added.total + answer.updated.total + answer.existing.total
        named = sum(entry.fact in missing for entry in batch)
        if feature is Feature.HISTORY and done < len(batch) - named:
            found = self._found(batch)  # some were dropped without a word
            return [_receipt(entry, Outcome.DONE if entry in found else Outcome.NOT_FOUND) for entry in batch]
        return [_receipt(entry, Outcome.NOT_FOUND if entry.fact in missing else Outcome.DONE) for entry in batch]

    def _after_doubt(self, batch: list[Entry], problem: RemoteError) -> list[Receipt]:
        """Look what is there; send what is not, in halves; what cannot be looked up stays unknown."""
        try:
            found = self._found(batch)
        except RemoteError:
            return [Receipt(entry.fact, Outcome.UNKNOWN, problem.what) for entry in batch]
        rest = [entry for entry in batch if entry not in found]
        outcomes = {id(entry): _receipt(entry, Outcome.DONE) for entry in found}
        if len(rest) == len(batch) == 1:
            outcomes[id(rest[0])] = replace(_receipt(rest[0], Outcome.REFUSED), why=problem.what)
            rest = []
        for half in (rest[: len(rest) // 2], rest[len(rest) // 2 :]):
            if half:
                answers, _ = self._batch(half, Feature.HISTORY)
                outcomes |= {id(entry): receipt for entry, receipt in zip(half, answers, strict=True)}
        return [outcomes[id(entry)] for entry in batch]

    def _found(self, batch: list[Entry]) -> list[Entry]:
        """Those of a batch that are on Trakt now: one narrow read, because batches are cut in order of time."""
        times = [entry.at or NO_DATE for entry in batch]
        rows = self._reads.window(min(times) - timedelta(minutes=1), max(times) + timedelta(minutes=1))
        there = [(row, minute_of(row.watched_at)) for row in rows]
        found: list[Entry] = []
        for entry in batch:
            at = to_minute(entry.at) if entry.at else None
            match = next((pair for pair in there if pair[1] == at and same_title(pair[0], entry.fact.ref)), None)
            if match is not None:
                there.remove(match)
                found.append(entry)
        return found

    def _remove_plays_of(self, fact: Fact) -> Receipt:
        unwanted = set(fact.value.minutes)
        try:
            rows = self._reads.plays_of(fact.ref)
            numbers = [row.id for row in rows if row.id and minute_of(row.watched_at) in unwanted]
            for start in range(0, len(numbers), BATCH):
                self._twice(Feature.HISTORY, {"ids": numbers[start : start + BATCH]}, remove=True)
            left = tuple(minute_of(row.watched_at) for row in self._reads.plays_of(fact.ref)) if numbers else None
        except RemoteError as problem:
            return _failed(fact, problem)
        if left is None:
            return Receipt(fact, Outcome.ALREADY, seen=Plays(tuple(minute_of(row.watched_at) for row in rows)))
        done = not unwanted & set(left)
        return Receipt(fact, Outcome.DONE if done else Outcome.UNKNOWN, seen=Plays(left))

    def _twice(self, feature: Feature, body: dict[str, Any], *, remove: bool = False) -> Written:
        """Send something that may be repeated without harm: once more after a lost answer or an outage."""
        try:
            return self._trakt.write(self._account, feature, body, remove=remove)
        except (Unreachable, Outage, BadAnswer):
            return self._trakt.write(self._account, feature, body, remove=remove)


def prepare(facts: Sequence[Fact], feature: Feature) -> tuple[list[Entry], dict[int, Receipt]]:
    """The entries of facts that can be sent, and receipts (by place) for those that cannot."""
    entries: list[Entry] = []
    receipts: dict[int, Receipt] = {}
    for index, fact in enumerate(facts):
        why = refused(fact, feature)
        if why:
            receipts[index] = Receipt(fact, Outcome.REFUSED, why)
        elif isinstance(fact.value, Plays):
            for at in fact.value.minutes:
                body = {"watched_at": moment(at) if at else UNKNOWN}
                entries.append(Entry(fact, at, titled(fact.ref) | body))
        else:
            entries.append(Entry(fact, None, titled(fact.ref) | _said(fact.value)))
    return entries, receipts


def refused(fact: Fact, feature: Feature) -> str:
    """Why a fact cannot be sent at all; nothing if it can."""
    value = fact.value
    if feature is Feature.RATINGS:
        number = value.value if isinstance(value, Rating) else value
        if isinstance(number, bool) or not isinstance(number, int | float) or number not in range(1, 11):
            return f"Trakt takes whole numbers from 1 to 10, not {number!r}"
    if feature is Feature.HISTORY and (not isinstance(value, Plays) or not value.minutes):
        return "there is no play to tell"
    if feature in (Feature.HISTORY, Feature.COLLECTION) and fact.ref.kind not in (Kind.MOVIE, Kind.EPISODE):
        return f"a whole {fact.ref.kind} is never marked; its episodes are"
    if not written_ids(fact.ref.ids) and not (fact.ref.show and fact.ref.kind in (Kind.EPISODE, Kind.SEASON)):
        return "no id that Trakt knows"
    return ""


def titled(ref: Ref) -> dict[str, Any]:
    """How a title is named in a body: by its own ids, else (an episode) by numbers inside its show."""
    return {"ids": written_ids(ref.ids)} if written_ids(ref.ids) else {}


def bodies(pairs: Sequence[tuple[Ref, dict[str, Any]]]) -> dict[str, Any]:
    """One body for entries of all types; episodes without ids of their own go inside their show."""
    body: dict[str, list[dict[str, Any]]] = {}
    for ref, entry in pairs:
        if entry.get("ids"):
            body.setdefault(PLURAL[ref.kind], []).append(entry)
        elif ref.show is not None:
            said = {name: value for name, value in entry.items() if name != "ids"}
            season: dict[str, Any] = {"number": ref.season}
            season |= {"episodes": [{"number": ref.number, **said}]} if ref.kind is Kind.EPISODE else said
            body.setdefault("shows", []).append({"ids": written_ids(ref.show), "seasons": [season]})
    return body


def same_title(row: Row, ref: Ref) -> bool:
    """Whether a row of history is about this title: by any id both know, else by show and numbers."""
    other = row.ref()
    if other is None or other.kind is not ref.kind:
        return False
    mine, theirs = dict(ref.ids.pairs()), dict(other.ids.pairs())
    shared = mine.keys() & theirs.keys() - {"slug", "plex"}
    if shared:
        return any(mine[name] == theirs[name] for name in shared)
    if ref.show is None or other.show is None:
        return False
    shows = set(ref.show.pairs()) & set(other.show.pairs())
    return bool(shows) and (ref.season, ref.number) == (other.season, other.number)


def _said(value: Any) -> dict[str, Any]:
    """What a body says beside the title."""
    if isinstance(value, Rating):
        return {"rating": int(value.value), **({"rated_at": moment(value.at)} if value.at else {})}
    if isinstance(value, Collected):
        media = (
            {name: text for name in value.media.__struct_fields__ if (text := getattr(value.media, name))}
            if value.media
            else {}
        )
        return {**media, **({"collected_at": moment(value.at)} if value.at else {})}
    return {}


def _echoed(answer: Written, facts: Sequence[Fact]) -> list[Fact]:
    """The facts that an answer names as not found; a show that is not found stands for all of its episodes."""
    named = [
        entry.get("ids", {}) for entries in answer.not_found.values() for entry in entries if isinstance(entry, dict)
    ]
    return [
        fact
        for fact in facts
        if (written_ids(fact.ref.ids) or (written_ids(fact.ref.show) if fact.ref.show else {})) in named
    ]


def _receipt(entry: Entry, outcome: Outcome) -> Receipt:
    if outcome is Outcome.NOT_FOUND:
        return Receipt(entry.fact, outcome, "Trakt does not know this title")
    seen = (
        Plays((to_minute(entry.at) if entry.at else None,)) if isinstance(entry.fact.value, Plays) else entry.fact.value
    )
    return Receipt(entry.fact, outcome, seen=seen)


def _failed(fact: Fact, problem: SidetraktError) -> Receipt:
    """What an error means for one fact: refused, or unknown where it may have been carried out."""
    doubtful = isinstance(problem, RemoteError) and problem.maybe_done
    until = problem.retry_at if isinstance(problem, RemoteError) else None
    return Receipt(fact, Outcome.UNKNOWN if doubtful else Outcome.REFUSED, problem.what, until=until)


def _together(fact: Fact, receipts: list[Receipt]) -> Receipt:
    """One receipt for a fact of several entries: the worst of them, with all that was done."""
    order = (Outcome.UNKNOWN, Outcome.REFUSED, Outcome.NOT_FOUND, Outcome.DONE, Outcome.ALREADY)
    worst = min(receipts, key=lambda receipt: order.index(receipt.outcome))
    if not isinstance(fact.value, Plays):
        return worst
    done = tuple(
        at for receipt in receipts if receipt.outcome is Outcome.DONE and receipt.seen for at in receipt.seen.minutes
    )
    return replace(worst, seen=Plays(done))


def _cut(entries: list[Entry]) -> list[list[Entry]]:
    return [entries[start : start + BATCH] for start in range(0, len(entries), BATCH)]
