"""Time as the rest of the code sees it: aware UTC moments from one clock that is passed in.

Nothing else asks the operating system for the time, so that tests can move it.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What tells the time."""

    def now(self) -> datetime:
        """The wall clock, aware and in UTC; it may jump."""

    def monotonic(self) -> float:
        """Seconds that only ever grow; for measuring how long something took."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """The wall clock of this machine in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment in the past."""
        return time.monotonic()


def to_minute(moment: datetime) -> datetime:
    """Floor to the whole minute in UTC: the precision in which plays are compared."""
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def to_text(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, the one form in which moments are stored; sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """The moment behind `to_text`; raises ValueError where there is no time zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)


def maybe_from_text(text: str | None) -> datetime | None:
    """The moment behind a column that may be empty."""
    return from_text(text) if text else None


def maybe_to_text(moment: datetime | None) -> str | None:
    """A moment for a column that may be empty."""
    return to_text(moment) if moment else None
