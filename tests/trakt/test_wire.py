"""Trakt's JSON: nulls and unknown keys are borne, what could be misunderstood is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
import requests

from sidecar.errors import BadAnswer
from sidecar.model import Ids, Kind
from sidecar.trakt.statuses import check
from sidecar.trakt.wire import Row, UserSettings, WireIds, Written, moment, written_ids
from tests.fakes import FakeClock


def row(said: dict[str, Any]) -> Row:
    """A row as it is read."""
    return msgspec.convert(said, Row)


@pytest.mark.parametrize(
    ("said", "ids"),
    [
        ({"trakt": 345, "imdb": "tt0113277", "tmdb": 949}, Ids(345, "tt0113277", 949)),
        ({"trakt": 345, "imdb": "", "tmdb": None, "slug": ""}, Ids(345)),
        ({"trakt": 345, "imdb": "nm0000134"}, Ids(345)),
        ({"trakt": 345, "imdb": "tt²"}, Ids(345)),
        ({"trakt": 345, "imdb": "tt1"}, Ids(345)),
        ({"trakt": 0, "tvdb": -1}, Ids()),
        ({"trakt": 345, "plex": {"guid": "x"}, "tvrage": 5}, Ids(345)),
        ({}, Ids()),
    ],
)
def test_ids_that_can_be_none_are_none(said: dict[str, Any], ids: Ids) -> None:
    assert msgspec.convert(said, WireIds).ids() == ids


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"type": "movie", "movie": {"title": None, "year": None, "ids": {"trakt": 1}}}, Kind.MOVIE),
        ({"movie": {"ids": {"trakt": 1}}, "unknown": {"x": []}}, Kind.MOVIE),
        ({"type": "season", "season": {"number": 1, "ids": {"trakt": 5}}, "show": {"ids": {"trakt": 1}}}, Kind.SEASON),
        ({"episode": {"ids": {"trakt": 7}}, "show": {"ids": {}}}, Kind.EPISODE),
        ({"show": {"ids": {"tvdb": 7}}}, Kind.SHOW),
    ],
)
def test_a_row_names_its_title(said: dict[str, Any], kind: Kind) -> None:
    ref = row(said).ref()
    assert ref is not None
    assert ref.kind is kind


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"type": "person", "person": {"ids": {"trakt": 1}}},
        {"type": "movie"},
        {"type": "movie", "show": {"ids": {"trakt": 1}}},
        {"movie": {"ids": {}}},
        {"episode": {"season": 1, "number": 2, "ids": {}}},
        {"season": {"ids": {}}},
    ],
)
def test_a_row_that_names_nothing_is_nothing(said: dict[str, Any]) -> None:
    assert row(said).ref() is None


def test_null_counts_count_as_nothing() -> None:
    answer = msgspec.convert({"added": {"movies": None, "episodes": 2}, "list": {"x": 1}}, Written)
    assert (answer.added.total, answer.deleted.total) == (2, 0)


def test_an_account_is_known_by_what_stays() -> None:
    said = {"user": {"username": "anna", "vip": None, "ids": {"slug": "a", "uuid": "u"}}, "browsing": None}
    assert msgspec.convert(said, UserSettings).uuid == "u"
    assert msgspec.convert({"user": {"username": "anna"}}, UserSettings).uuid == "anna"


def test_a_moment_is_written_in_utc_at_the_whole_minute() -> None:
    at = datetime(2026, 1, 31, 20, 15, 42, tzinfo=timezone(timedelta(hours=-5)))
    assert moment(at) == "2026-02-01T01:15:00.000Z"
    assert moment(datetime(2026, 1, 31, 20, 15, tzinfo=UTC)) == "2026-01-31T20:15:00.000Z"


def test_trakts_own_id_is_written_alone() -> None:
    assert written_ids(Ids(345, "tt0113277", 949)) == {"trakt": 345}
    assert written_ids(Ids(None, "tt0113277", 949, slug="heat")) == {"imdb": "tt0113277", "tmdb": 949}


@pytest.mark.parametrize("kind", ["text/html", "text/plain; charset=utf-8", ""])
def test_what_says_that_it_is_no_json_is_not_read_even_if_it_could_be(kind: str) -> None:
    answer = requests.Response()
    answer.status_code, answer._content = 200, b"[]"
    answer.request = requests.Request("GET", "http://trakt.invalid").prepare()
    answer.headers["Content-Type"] = kind
    with pytest.raises(BadAnswer):
        check(answer, FakeClock())
