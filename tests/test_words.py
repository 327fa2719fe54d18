"""How values are written for people and read from them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.words import (
    any_of,
    count_of,
    did_you_mean,
    duration_text,
    parse_duration,
    parse_interval,
    parse_list,
    parse_switch,
    size_of,
)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("1h", timedelta(hours=1)),
        (" 1d ", timedelta(days=1)),
        ("0s", timedelta(0)),
        ("99999d", timedelta(days=99999)),
    ],
)
def test_a_duration_is_read(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "1", "h", "1w", "-1h", "1.5h", "1h30m", "1H", "1 h", "100000d", "١h", "1h\nx"])
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration such as 90s, 15m, 1h or 1d, not "):
        parse_duration(text)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=90), "90s"),
        (timedelta(seconds=120), "2m"),
        (timedelta(minutes=90), "90m"),
        (timedelta(hours=24), "1d"),
        (timedelta(hours=25), "25h"),
        (timedelta(seconds=86401), "86401s"),
    ],
)
def test_a_duration_is_written_in_its_largest_unit(duration: timedelta, text: str) -> None:
    assert duration_text(duration) == text


@given(st.integers(0, 99_999), st.sampled_from("smhd"))
def test_what_was_read_and_written_means_the_same(number: int, unit: str) -> None:
    duration = parse_duration(f"{number}{unit}")
    assert parse_duration(duration_text(duration)) == duration


def test_an_interval_is_at_least_a_minute() -> None:
    assert parse_interval("60s") == timedelta(minutes=1)
    with pytest.raises(ValueError, match="must be at least 1m"):
        parse_interval("59s")


@pytest.mark.parametrize("text", ["on", "ON", " true ", "yes", "1"])
def test_what_people_write_for_on(text: str) -> None:
    assert parse_switch(text) is True


@pytest.mark.parametrize("text", ["off", "False", "no", "0"])
def test_what_people_write_for_off(text: str) -> None:
    assert parse_switch(text) is False


@pytest.mark.parametrize("text", ["", "maybe", "2", "o n"])
def test_what_is_neither_on_nor_off_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected on or off, not "):
        parse_switch(text)


def test_a_list_is_read_without_its_empty_parts() -> None:
    assert parse_list(" a, b c ,,d,") == ["a", "b c", "d"]
    assert parse_list("") == parse_list(" , ") == []


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("prot", ", did you mean “port”?"),
        ("PORT", ", did you mean “port”?"),
        ("publicurl", ", did you mean “Public_URL”?"),
        ("zebra", ""),
        ("", ""),
    ],
)
def test_a_near_miss_is_named_as_it_is_written(word: str, hint: str) -> None:
    assert did_you_mean(word, ["host", "port", "Public_URL"]) == hint


def test_alternatives_are_joined_as_in_a_sentence() -> None:
    assert any_of(["a"]) == "a"
    assert any_of(["a", "b"]) == "a or b"
    assert any_of(iter(["a", "b", "c"])) == "a, b or c"


@pytest.mark.parametrize(("number", "text"), [(0, "0 titles"), (1, "1 title"), (2, "2 titles"), (1200, "1,200 titles")])
def test_a_count_agrees_with_its_noun(number: int, text: str) -> None:
    assert count_of(number, "title") == text


def test_a_noun_may_have_a_plural_of_its_own() -> None:
    assert (count_of(1, "entry", "entries"), count_of(3, "entry", "entries")) == ("1 entry", "3 entries")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (812, "812 bytes"),
        (1000, "1.0 kB"),
        (4_100, "4.1 kB"),
        (61_000_000, "61 MB"),
        (2_500_000_000, "2.5 GB"),
        (3_000_000_000_000, "3000 GB"),
    ],
)
def test_a_size_is_written_as_people_read_it(count: int, text: str) -> None:
    assert size_of(count) == text
