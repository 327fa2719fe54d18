"""The body of our plugin as it was promised, and everything else that may come in its place."""

import json
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import UserError
from sidecar.events import Event, PlayEvent, RatingEvent, ToggleEvent, What
from sidecar.live.jellyfin_hook import event_of
from sidecar.model import Ids, Kind, Ref
from sidecar.viewing import Source

SERVER, USER = "0549257d5f104fc0bf0da9c391d8a585", "cdd424d59f1845c0be913d047c586560"
NOW = datetime(2026, 1, 31, 20, 15, 2, tzinfo=UTC)
PROMISED = {
    "install": "inst", "seq": 812, "id": "once", "version": "1.0.0", "event": "start",
    "at": "2026-01-31T20:15:00Z", "sent": "2026-01-31T20:15:01Z", "server": {"id": SERVER, "version": "12.4.0"},
    "user": {"id": USER, "name": "anna"}, "session": {"id": "s1", "device": "TV", "client": "Jellyfin Android TV"},
    "item": {
        "id": "c22b225848ece8eba4af3428c15dd45a", "media_source_id": None, "type": "Episode", "name": "Lies",
        "year": 2017, "ids": {"tvdb": "6000002"}, "runtime_ticks": 30_000_000_000, "path": "/media/dark.mkv",
        "library": "Shows", "season": 1, "episode": 2, "episode_end": None,
        "show": {"id": "29aa", "name": "Dark", "year": 2017, "ids": {"tvdb": "334824"}},
    },
    "position_ticks": 600_000_000, "paused": False, "completed": False, "save_reason": None,
    "user_data": {"rating": 8.0, "played": True, "play_count": 1, "last_played": "2026-01-31T20:15:00Z"},
}  # fmt: skip
LIES = Ref(Kind.EPISODE, Ids(tvdb=6000002), Ids(tvdb=334824), 1, 2, "Dark", runtime=50)
FILM = {"type": "Movie", "name": "Heat", "year": 1995, "ids": {"imdb": "tt0113277"}, "show": None, "episode": None}


def read(**changes: Any) -> Event:
    """The event in the promised body with changes; a dict changes what it names, within the part of that name."""
    body: dict[str, Any] = deepcopy(PROMISED)
    for name, value in changes.items():
        body[name] = body[name] | value if isinstance(value, dict) and isinstance(body[name], dict) else value
    return event_of(json.dumps(body).encode(), SERVER, NOW)


def test_the_promised_body_is_read_value_by_value() -> None:
    at = datetime(2026, 1, 31, 20, 15, tzinfo=UTC)
    assert read() == PlayEvent(
        service=Source.JELLYFIN, server=SERVER, user=USER, source="plugin", at=at, received=NOW,
        sent=at + timedelta(seconds=1), id="once", install="inst", seq=812, item="c22b225848ece8eba4af3428c15dd45a",
        refs=(LIES,), title="Dark S01E02", library="Shows", session="s1", what=What.START, runtime=50.0,
        position=60.0, paused=False, completed=None, began=at, device="TV", client="Jellyfin Android TV",
        path="/media/dark.mkv",
    )  # fmt: skip


@pytest.mark.parametrize("event", list(What))
def test_every_word_of_a_player_is_a_play(event: What) -> None:
    heard = read(event=event, paused=event is What.PAUSE, completed=True)
    assert isinstance(heard, PlayEvent)
    assert (heard.what, heard.paused, heard.completed) == (
        event, event is What.PAUSE, True if event is What.STOP else None
    )  # fmt: skip


@pytest.mark.parametrize(
    ("event", "reason", "played"),
    [
        ("played", "TogglePlayed", True),
        ("played", "UpdateUserData", True),
        ("played", "Import", True),
        ("played", "PlaybackFinished", None),  # it was played, and the player says so
        ("unplayed", "TogglePlayed", False),
        ("unplayed", "UpdateUserData", None),  # a server that forgot it while a rating was written
        ("unplayed", "UpdateUserRating", None),
        ("unplayed", "PlaybackStart", None),  # 10.11 begins a film again
    ],
)
def test_only_what_somebody_ticked_is_a_toggle(event: str, reason: str, played: bool | None) -> None:
    heard = read(event=event, save_reason=reason, session=None)
    assert (heard.played if isinstance(heard, ToggleEvent) else None) is played
    assert (heard.install, heard.seq, heard.id) == ("inst", 812, "once")


@pytest.mark.parametrize(("told", "value"), [(8.0, 8.0), (7.5, 7.5), (10, 10.0), (None, None), (0, None)])
def test_a_rating_is_told_and_none_is_one_that_was_taken_away(told: float | None, value: float | None) -> None:
    heard = read(event="rated", session=None, user_data={"rating": told})
    assert isinstance(heard, RatingEvent)
    assert heard.value == value


@pytest.mark.parametrize(
    ("kind", "ref"),
    [
        ("Movie", Ref(Kind.MOVIE, Ids(tvdb=6000002), name="Lies", year=2017, runtime=50)),
        ("Series", Ref(Kind.SHOW, Ids(tvdb=6000002), name="Lies", year=2017)),
        ("Season", Ref(Kind.SEASON, Ids(tvdb=6000002), Ids(tvdb=334824), 1, name="Dark")),
        ("Episode", LIES),
    ],
)
def test_all_four_kinds_can_be_rated_and_two_can_be_played(kind: str, ref: Ref) -> None:
    heard = read(event="rated", item={"type": kind})
    assert (type(heard), heard.refs) == (RatingEvent, (ref,))
    assert (type(read(item={"type": kind})) is PlayEvent) is (kind in ("Movie", "Episode"))


@pytest.mark.parametrize(
    "changes",
    [
        {"event": "added", "user": None, "session": None, "user_data": None},
        {"event": "removed", "user": None, "session": None},
        {"event": "something newer"},
        {"item": None},
        {"item": {"type": "Audio"}},
        {"user": {"id": "00000000-0000-0000-0000-000000000000"}},
        {"user": None},
        {"session": None},
    ],
)
def test_what_is_not_for_us_still_says_its_number_and_names_nobody(changes: dict[str, Any]) -> None:
    heard = read(**changes)
    assert type(heard) is Event
    assert (heard.user, heard.refs, heard.install, heard.seq, heard.id) == ("", (), "inst", 812, "once")


def test_a_double_episode_stands_for_both() -> None:
    heard = read(item={"episode_end": 3})
    assert [(ref.number, ref.ids) for ref in heard.refs] == [(2, Ids(tvdb=6000002)), (3, Ids())]


def test_an_item_without_ids_is_told_without_titles() -> None:
    heard = read(item=FILM | {"ids": {"imdb": "unknown", "tmdb": None}, "name": "Home Video"})
    assert (heard.refs, heard.title) == ((), "Home Video")


def test_ids_are_compared_without_dashes() -> None:
    heard = read(
        server={"id": "0549257D-5F10-4FC0-BF0D-A9C391D8A585"}, user={"id": "cdd424d5-9f18-45c0-be91-3d047c586560"}
    )
    assert heard.user == USER


@pytest.mark.parametrize(
    ("last", "began"),
    [
        ("2026-01-31T19:00:00Z", datetime(2026, 1, 31, 19, tzinfo=UTC)),
        ("2026-01-30T19:00:00Z", None),  # of another viewing
        ("2026-02-01T19:00:00Z", None),
        (None, None),
    ],
)
def test_when_it_began_is_believed_within_a_day(last: str | None, began: datetime | None) -> None:
    heard = read(event="stop", user_data={"last_played": last})
    assert isinstance(heard, PlayEvent)
    assert heard.began == began


@pytest.mark.parametrize("ticks", [None, 0, -5, 10**18, 1e300])
def test_a_length_or_place_that_cannot_be_is_unknown(ticks: float | None) -> None:
    heard = read(item={"runtime_ticks": ticks}, position_ticks=ticks)
    assert isinstance(heard, PlayEvent)
    assert (heard.runtime, heard.refs[0].runtime) == (None, None)
    assert heard.position in (None, 0.0)


@pytest.mark.parametrize("number", [-1, 1e6, 1e300])
def test_numbers_that_no_episode_has_are_unknown(number: float) -> None:
    (ref,) = read(item={"season": number, "episode": number, "episode_end": number}).refs
    assert (ref.season, ref.number, ref.ids) == (None, None, Ids(tvdb=6000002))
    assert read(item={"type": "Movie", "year": number}).refs[0].year is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seq": "x"}, "Expected `int`"),
        ({"seq": -1}, ">= 0"),
        ({"seq": 2**80}, "int"),
        ({"at": "yesterday"}, "Invalid RFC3339"),
        ({"at": "2026-01-31T20:15:00"}, "timezone"),
        ({"at": "9999-12-31T23:59:59Z"}, "the year 9999 is none"),
        ({"sent": "0001-01-01T00:00:00Z"}, "the year 1 is none"),
        ({"id": "x" * 201}, "length <= 200"),
        ({"server": {"id": "f" * 32}}, "another server"),
        ({"paused": "no"}, "Expected `bool`"),
        ({"item": {"name": "x" * 2001}}, "length <= 2000"),
        ({"event": "rated", "user_data": {"rating": 11}}, "11 is no rating from 0 to 10"),
        ({"item": {"ids": {"tvdb": 334824}}}, "Expected `str"),
        ({"item": []}, "Expected `object"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(UserError, match=r"^This cannot be read: ") as refused:
        read(**changes)
    assert reason in refused.value.what


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 500_000,
        b'{"item":' * 150_000,
        b'{"x":' + b"[" * 500_000,
        b"9" * 500_000,
    ],
    ids=range(9),
)
def test_garbage_is_refused(body: bytes) -> None:
    with pytest.raises(UserError, match="This cannot be read"):
        event_of(body, SERVER, NOW)


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(["Movie", "stop"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


ITEM: dict[str, Any] = PROMISED["item"]  # type: ignore[assignment]


@given(
    st.dictionaries(st.sampled_from(sorted(PROMISED)), JUNK, max_size=4),
    st.dictionaries(st.sampled_from(sorted(ITEM)), JUNK, max_size=4),
)
def test_a_body_with_junk_in_it_is_an_event_that_can_be_stored_or_a_reason(
    changes: dict[str, Any], item: dict[str, Any]
) -> None:
    with suppress(UserError):  # and nothing else
        heard = read(**({"item": item} | changes))
        for text in (heard.user, heard.item, heard.title, heard.library, heard.id):
            text.encode()
        assert heard.at + (heard.received - (heard.sent or heard.at)) < datetime.max.replace(tzinfo=UTC)
        for ref in heard.refs:
            assert all(number is None or number < 2**31 for number in (ref.season, ref.number, ref.year, ref.runtime))
        assert not isinstance(heard, PlayEvent) or heard.runtime is None or 0 < heard.runtime <= 14_400


def test_the_body_in_the_docs_is_the_one_that_is_read() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "hooks.md").read_text()
    shown = text.split("```json\n")[1].split("```")[0]
    heard = event_of(shown.encode(), SERVER, NOW)
    assert isinstance(heard, PlayEvent)
    assert (heard.refs, heard.seq, json.loads(shown).keys()) == ((LIES,), 812, PROMISED.keys())
