"""Moments as they are compared and stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.clock import Clock, SystemClock, from_text, to_minute, to_text
from tests.fakes import FakeClock

BERLIN = timezone(timedelta(hours=1))
moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis


def test_the_system_clock_speaks_utc_and_never_runs_back() -> None:
    clock: Clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()


def test_plays_are_compared_by_the_whole_minute_in_utc() -> None:
    assert to_minute(datetime(2026, 1, 31, 21, 15, 59, 999_999, BERLIN)) == datetime(2026, 1, 31, 20, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 31, 21, 15, 1, 234_999, BERLIN), "2026-01-31T20:15:01.234Z"),
        (datetime(2026, 1, 31, tzinfo=UTC), "2026-01-31T00:00:00.000Z"),
    ],
)
def test_moments_are_stored_in_one_form(moment: datetime, text: str) -> None:
    assert to_text(moment) == text


@pytest.mark.parametrize(
    "text", ["2026-01-31T20:15:00Z", "2026-01-31T20:15:00.000Z", "2026-01-31T21:15:00+01:00", "2026-01-31 20:15:00Z"]
)
def test_other_ways_to_write_a_moment_are_understood(text: str) -> None:
    moment = from_text(text)
    assert moment == datetime(2026, 1, 31, 20, 15, tzinfo=UTC)
    assert moment.tzinfo is UTC


@pytest.mark.parametrize("text", ["2026-01-31T20:15:00", "2026-01-31", "", "yesterday"])
def test_a_moment_without_a_time_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"has no time zone|Invalid isoformat"):
        from_text(text)


@given(moments, moments)
def test_stored_moments_sort_as_text(one: datetime, other: datetime) -> None:
    assert (to_text(one) < to_text(other)) == (from_text(to_text(one)) < from_text(to_text(other)))


@given(moments)
def test_storing_a_moment_loses_less_than_a_millisecond(moment: datetime) -> None:
    assert timedelta(0) <= moment - from_text(to_text(moment)) < timedelta(milliseconds=1)


def test_the_fake_clock_moves_only_when_told() -> None:
    clock = FakeClock()
    wall, steady = clock.now(), clock.monotonic()
    clock.advance(90)
    assert (clock.now() - wall, clock.monotonic() - steady) == (timedelta(seconds=90), 90)
    clock.set_wall(wall)
    assert (clock.now(), clock.monotonic() - steady) == (wall, 90)
