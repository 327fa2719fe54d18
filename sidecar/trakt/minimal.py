"""Trakt's minimal maps of what was watched: ids to moments, two answers for a whole history.

Keys are Trakt's own ids. Whether a server means ids or numbers by an episode's key is not settled, so a map that
cannot be one of ids is refused, and whoever reads it takes the long way.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sidecar.clock import to_minute
from sidecar.errors import BadAnswer

NO_DATE = datetime(1970, 1, 1, tzinfo=UTC)
Minutes = tuple[datetime | None, ...]


def minute_of(at: datetime | None) -> datetime | None:
    """The minute of a play; None for one without a date, which Trakt shows as 1970."""
    if at is not None and at.tzinfo is None:
        raise _unreadable()
    return None if at is None or at <= NO_DATE else to_minute(at)


def movies_of(entries: Iterable[tuple[str, Any]]) -> dict[int, Minutes]:
    """Movies of a minimal map with their plays."""
    return {int(number): _minutes(times) for number, times in entries}


def episodes_of(shows: Iterable[tuple[str, Any]]) -> tuple[dict[int, Minutes], dict[int, int]]:
    """Episodes of a minimal map of shows with their plays, and the show of each; raises BadAnswer if keys repeat."""
    plays: dict[int, Minutes] = {}
    home: dict[int, int] = {}
    for show, seasons in shows:
        try:
            entries = [(int(key), times) for episodes in seasons.values() for key, times in episodes.items()]
        except (AttributeError, ValueError) as problem:
            raise _unreadable() from problem
        for episode, times in entries:
            if episode in plays:  # they are numbers within a season, and no ids
                raise _unreadable()
            plays[episode], home[episode] = _minutes(times), int(show)
    return plays, home


def _minutes(times: Any) -> Minutes:
    try:
        return tuple(minute_of(datetime.fromisoformat(time)) for time in times)
    except (TypeError, ValueError) as problem:
        raise _unreadable() from problem


def _unreadable() -> BadAnswer:
    return BadAnswer("Trakt", "Trakt's map of what was watched cannot be used.", "It is tried again later.")
