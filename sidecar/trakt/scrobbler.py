"""Telling Trakt live: start, pause, stop, with the numbers that Trakt takes and none that it would misread.

Under one per cent nothing is said, between 79.5 and 80.5 nobody knows what Trakt does, and a pause from 80 on is
refused: such values are moved or kept back here, so that what was meant is what happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sidecar.contract import Fact, Rating
from sidecar.errors import Outage, Refused
from sidecar.model import Feature, Kind, Ref
from sidecar.trakt.bodies import body_of, prepare
from sidecar.trakt.client import Trakt
from sidecar.trakt.log import about
from sidecar.trakt.wire import Scrobbled, written_ids

FLOOR, BELOW, ABOVE, WATCHED = 1.0, 79.4, 80.6, 80.0
GONE = (404, 405)  # for some months of 2025 there was no pause


class Heard(StrEnum):
    """What Trakt made of it."""

    STARTED = "started"
    PAUSED = "paused"
    WATCHED = "watched"
    ALREADY = "already"  # a play of just now is there; whose it is, its time tells
    NOTHING = "nothing"  # it was not said, because Trakt would not take it


@dataclass(frozen=True, slots=True)
class Told:
    """The outcome, and the play behind it where there is one."""

    heard: Heard
    history_id: int | None = None
    watched_at: datetime | None = None
    expires_at: datetime | None = None


class Scrobbler:
    """Live calls for all accounts."""

    def __init__(self, trakt: Trakt) -> None:
        self._trakt = trakt

    def start(self, account: str, ref: Ref, progress: float) -> Told:
        """It plays now."""
        value = max(0.0, min(progress, 100.0))
        if BELOW < value < ABOVE:
            value = BELOW if value < WATCHED else ABOVE
        return self._tell(account, "start", ref, value)

    def pause(self, account: str, ref: Ref, progress: float) -> Told:
        """It stands still; nothing is said where Trakt would refuse it."""
        if not FLOOR <= progress < WATCHED:
            return Told(Heard.NOTHING)
        value = min(progress, BELOW)
        try:
            return self._tell(account, "pause", ref, value)
        except (Refused, Outage) as problem:
            if isinstance(problem, Refused) and problem.status not in GONE:
                raise
            return self._tell(account, "stop", ref, value)  # saves the same resume point

    def stop(self, account: str, ref: Ref, progress: float, *, watched: bool) -> Told:
        """It ended; `watched` decides on which side of Trakt's line it lies. Past it, but not watched, is not said."""
        if watched:
            return self._tell(account, "stop", ref, max(ABOVE, min(progress, 100.0)))
        if not FLOOR <= progress < WATCHED:
            return Told(Heard.NOTHING)
        return self._tell(account, "stop", ref, min(progress, BELOW))

    def rate(self, account: str, ref: Ref, value: int, at: datetime) -> None:
        """It was rated; the same again does no harm."""
        prepared = prepare([Fact(ref, Rating(value, at))], Feature.RATINGS)
        for receipt in prepared.refused.values():
            raise Refused("Trakt", f"{receipt.why.capitalize()}.", "Give the title ids in its library.")
        with about("scrobble"):
            answer = self._trakt.write(account, Feature.RATINGS, body_of(prepared.entries()), urgent=True)
        if answer.added.total + answer.updated.total + answer.existing.total == 0:
            raise Refused("Trakt", "Trakt does not know this title.", "Check its ids.", status=404)

    def _tell(self, account: str, action: str, ref: Ref, progress: float) -> Told:
        forms = _forms(ref)
        for number, form in enumerate(forms, 1):
            try:
                with about("scrobble"):
                    answer = self._trakt.scrobble(account, action, {"progress": round(progress, 2), **form})
            except Refused as problem:
                if problem.status == 404 and number < len(forms):
                    continue  # its own ids are unknown; perhaps its show and numbers are not
                raise
            return _told(answer)
        raise Refused("Trakt", "Trakt cannot be told about a title without ids.", status=404)


def _forms(ref: Ref) -> list[dict[str, Any]]:
    """The ways to name a title, the surest first."""
    if ref.kind is Kind.MOVIE:
        return [{"movie": {"ids": written_ids(ref.ids)}}] if written_ids(ref.ids) else []
    forms: list[dict[str, Any]] = [{"episode": {"ids": written_ids(ref.ids)}}] if written_ids(ref.ids) else []
    if ref.show is not None and written_ids(ref.show) and None not in (ref.season, ref.number):
        numbers = {"season": ref.season, "number": ref.number}
        forms.append({"show": {"ids": written_ids(ref.show)}, "episode": numbers})
    return forms


def _told(answer: Scrobbled) -> Told:
    words = {"start": Heard.STARTED, "pause": Heard.PAUSED, "scrobble": Heard.WATCHED}
    if answer.action is not None and answer.action in words:
        return Told(words[answer.action], answer.id or None, answer.watched_at)
    return Told(Heard.ALREADY, None, answer.watched_at, answer.expires_at)
