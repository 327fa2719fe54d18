"""What stands in for the outside world in tests: a clock that moves only when it is told to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 31, 20, 15, tzinfo=UTC)


class FakeClock:
    """A `sidecar.clock.Clock`; wall and monotonic time move together, but the wall clock may also be set."""

    def __init__(self, wall: datetime = START, steady: float = 1000.0) -> None:
        self._wall = wall
        self._steady = steady

    def now(self) -> datetime:
        """The wall clock."""
        return self._wall

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        return self._steady

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        assert seconds >= 0, "time does not run backwards; that is what set_wall is for"
        self._wall += timedelta(seconds=seconds)
        self._steady += seconds

    def set_wall(self, wall: datetime) -> None:
        """Somebody sets the clock on the wall; no time passes by it."""
        assert wall.tzinfo is not None
        self._wall = wall.astimezone(UTC)
