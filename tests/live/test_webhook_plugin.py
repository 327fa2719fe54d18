"""The Webhook plugin's bodies as a real server sent them, and through our templates."""

import json
import re
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import UserError
from sidecar.events import Event, PlayEvent, RatingEvent, ToggleEvent, What
from sidecar.live.webhook_plugin import event_of
from sidecar.model import Ids, Kind, Ref

PLUGIN = Path(__file__).resolve().parents[2] / "plugin" / "webhook"
SERVER = "0549257d5f104fc0bf0da9c391d8a585"
NOW = datetime(2026, 11, 21, 12, 40, tzinfo=UTC)
Body = dict[str, Any]

STOPPED: Body = {
    "ServerId": SERVER, "NotificationType": "PlaybackStop", "UtcTimestamp": "2026-11-21T12:35:03.9610176Z",
    "Name": "Double", "ItemId": "268de04cff75d3db69e2f30d9dcf0afd", "ItemType": "Episode",
    "RunTimeTicks": 12001280000, "Year": 2019, "SeriesName": "Twice", "SeasonNumber": 1, "EpisodeNumber": 1,
    "Provider_tvdb": "6468322", "PlaybackPositionTicks": 11400000000, "IsPaused": False, "IsAutomated": False,
    "DeviceId": "anna-dev", "DeviceName": "probe", "ClientName": "Sidetrakt", "PlayedToCompletion": True,
    "Id": "3f30558e9bf3597880c38f52a154f154", "UserId": "cdd424d59f1845c0be913d047c586560",
}  # fmt: skip


def read(body: Body | bytes) -> Event | None:
    return event_of(body if isinstance(body, bytes) else json.dumps(body).encode(), SERVER, NOW)


def saved(reason: str, **more: Any) -> Event | None:
    return read(
        STOPPED | {"NotificationType": "UserDataSaved", "SaveReason": reason, "Rating": 0, "Played": False} | more
    )


def rendered(template: str, body: Body) -> bytes:
    """What Handlebars makes of our templates: ids get dashes, missing values are empty, nothing is escaped."""

    def text(value: Any) -> str:
        if isinstance(value, str) and re.fullmatch("[0-9a-f]{32}", value) and value != body["ServerId"]:
            return re.sub("(.{8})(.{4})(.{4})(.{4})(.{12})", r"\1-\2-\3-\4-\5", value)
        return "" if value is None else str(value)

    def chosen(block: re.Match[str]) -> str:
        return block[4] if text(body.get(block[1])).lower() == block[2].lower() else block[5]

    block = r"\{\{#if_equals (\w+) '(\w+)'()\}\}(.*?)\{\{else\}\}(.*?)\{\{/if_equals\}\}"
    whole = re.sub(block, chosen, (PLUGIN / f"{template}.handlebars").read_text(), flags=re.DOTALL)
    return re.sub(r"\{\{\{(\w+)\}\}\}", lambda name: text(body.get(name[1])), whole).strip().encode()


@pytest.fixture(scope="module")
def recorded(contracts: Path) -> list[Body]:
    rows = json.loads((contracts / "jellyfin" / "12.0" / "webhook-plugin.json").read_text())["received"]
    return [json.loads(row["raw_body"]) for row in rows if row["path"] != "/template"]


def wanted(body: Body) -> Body | None:
    """What a recorded body says, told once more in the plainest way; None where it has nothing for us."""
    kind, reason = body["NotificationType"], body.get("SaveReason")
    if kind.startswith("Playback") and not (kind == "PlaybackProgress" and body["IsAutomated"]):
        return {
            "what": {"Start": What.START, "Progress": What.PROGRESS, "Stop": What.STOP}[kind.removeprefix("Playback")],
            "position": body["PlaybackPositionTicks"] / 1e7, "runtime": body["RunTimeTicks"] / 6e8,
            "paused": body["IsPaused"], "completed": body.get("PlayedToCompletion"), "session": body["Id"],
            "device": body["DeviceName"], "client": body["ClientName"],
        }  # fmt: skip
    if reason == "UpdateUserRating" or (reason == "UpdateUserData" and body["Rating"]):
        return {"value": body["Rating"] or None}
    return {"played": body["Played"]} if reason == "TogglePlayed" else None


def test_every_recorded_body_is_read_value_by_value(recorded: list[Body]) -> None:
    found: Counter[str] = Counter()
    for body in recorded:
        heard, values = read(body), wanted(body)
        found[type(heard).__name__] += 1
        assert (heard is None) is (values is None), body
        if heard is None or values is None:
            continue
        assert {name: getattr(heard, name) for name in values} == values, body
        ids = {name: body[f"Provider_{name}"] for name in ("imdb", "tmdb", "tvdb") if f"Provider_{name}" in body}
        named = ids and "EpisodeNumberEnd" not in body  # the second half would need its series
        assert [dict(ref.ids.pairs()) for ref in heard.refs] == ([ids] if named else [])
        assert (heard.user, heard.item, heard.server, heard.source) == (
            body["UserId"],
            body["ItemId"],
            SERVER,
            "webhook",
        )
        assert heard.at == heard.sent
        assert abs(heard.at - datetime.fromisoformat(body["UtcTimestamp"])) <= timedelta(
            microseconds=1
        )  # of seven digits
    assert found == {"NoneType": 91, "PlayEvent": 48, "ToggleEvent": 32, "RatingEvent": 8}


def test_our_templates_say_the_same_as_all_properties(recorded: list[Body]) -> None:
    for body in recorded:
        kind = body["NotificationType"]
        if kind.startswith("Playback") or kind == "UserDataSaved":
            template = "ratings" if kind == "UserDataSaved" else "playing"
            assert read(rendered(template, body)) == read(body), body


def test_the_template_is_silent_about_what_the_server_counts_by_itself(recorded: list[Body]) -> None:
    automated = [body for body in recorded if body.get("IsAutomated")]
    assert {rendered("playing", body) for body in automated} == {b""}
    assert len(automated) > 20
    assert read(b" \n") is None  # if the admin did not tick that empty bodies are not sent


def test_real_templates_give_dashes_and_words_and_are_read_alike(contracts: Path) -> None:
    """The fields that were recorded through a template, under the names of ours."""
    rows = json.loads((contracts / "jellyfin" / "12.0" / "webhook-plugin.json").read_text())["received"]
    told = [json.loads(row["raw_body"]) for row in rows if row["path"] == "/template"]
    names = {
        "type": "NotificationType", "name": "Name", "uid": "UserId", "item": "ItemId", "kind": "ItemType",
        "imdb": "Provider_imdb", "tmdb": "Provider_tmdb", "tvdb": "Provider_tvdb", "pos": "PlaybackPositionTicks",
        "done": "PlayedToCompletion", "reason": "SaveReason", "rating": "Rating", "utc": "UtcTimestamp",
        "played": "Played",
    }  # fmt: skip
    heard = [read({name: body[key] for key, name in names.items()}) for body in told]
    plays = [event for event in heard if isinstance(event, PlayEvent)]
    assert [(event.what, event.completed, event.title) for event in plays if event.what is What.STOP] == [
        (What.STOP, True, "Le fabuleux destin d'Amélie Poulain"), (What.STOP, False, "Dark 5"),
    ]  # fmt: skip
    assert {event.item for event in plays} == {"23080b0d352bdeaca71b0226f62630ab", "57ac4e35f3d0e277f352b92b20bedeae"}
    assert [event.value for event in heard if isinstance(event, RatingEvent)] == [8.0]
    assert [event.played for event in heard if isinstance(event, ToggleEvent)] == [True]


def test_folders_are_rated_and_what_libraries_gain_or_lose_is_ignored(contracts: Path) -> None:
    rows = json.loads((contracts / "jellyfin" / "12.0" / "webhook-plugin-items.json").read_text())["received"]
    heard = [event for row in rows if (event := read(row["raw_body"].encode())) is not None]
    assert [(type(event), event.title, event.refs) for event in heard] == [
        (RatingEvent, "Season 1", ()),  # of whose series nothing is known here
        (RatingEvent, "Dark (2017)", (Ref(Kind.SHOW, Ids(None, "tt5753856", 70523, 334824), name="Dark", year=2017),)),
    ]
    assert [event.value for event in heard if isinstance(event, RatingEvent)] == [7, 6]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (rb"Say \\\u0022Hi\\\u0022", 'Say "Hi"'),  # all properties: escaped, and then once more
        (rb"Say \"Hi\"", 'Say "Hi"'),  # our template
        (rb"Say \&quot;Hi\&quot;", 'Say "Hi"'),  # a template with two braces
        (rb"d&#x27;Am\u00E9lie", "d'Amélie"),
        (rb"AC\DC", r"AC\DC"),  # the plugin escapes quotes and nothing else
        (rb"Amp & Sons", "Amp & Sons"),
    ],
)
def test_quotes_in_titles_come_through_however_they_were_escaped(text: bytes, title: str) -> None:
    body = json.dumps(STOPPED | {"ItemType": "Movie", "Name": "NAME", "Year": None}).encode()
    heard = read(body.replace(b"NAME", text))
    assert heard is not None
    assert (heard.title, heard.refs[0].name) == (title, title)


@pytest.mark.parametrize("text", ["inf", "-inf", "nan", "1e999", "-1"])
def test_numbers_that_are_none_are_unknown(text: str) -> None:
    numbers = dict.fromkeys(("RunTimeTicks", "PlaybackPositionTicks", "Year", "SeasonNumber", "EpisodeNumber"), text)
    heard, none = (
        read(STOPPED | numbers),
        saved("UpdateUserData", Rating=text.replace("inf", "nan").replace("1e999", "nan")),
    )
    assert isinstance(heard, PlayEvent)
    assert (heard.runtime, heard.position, heard.refs[0].season, heard.refs[0].number, none) == (None,) * 5


def test_a_cleared_rating_asks_to_look_and_one_of_a_sync_says_nothing() -> None:
    none, given = saved("UpdateUserRating"), saved("UpdateUserRating", Rating=8)
    assert isinstance(none, RatingEvent)
    assert isinstance(given, RatingEvent)
    assert (none.value, given.value) == (None, 8)
    assert saved("UpdateUserData") is None
    assert isinstance(saved("UpdateUserData", Rating="7,5"), RatingEvent)


@pytest.mark.parametrize("reason", ["PlaybackStart", "PlaybackProgress", "PlaybackFinished", "Import", "", None])
def test_what_playing_itself_stores_is_told_by_the_player(reason: str | None) -> None:
    assert saved(reason or "", Rating=8, Played=True) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"NotificationType": "ItemAdded"},
        {"NotificationType": "UserCreated", "ItemId": None},
        {"ItemType": "Audio"},
        {"ItemType": "Series"},
        {"ItemType": ""},
        {"UserId": "00000000000000000000000000000000"},
        {"UserId": ""},
        {"NotificationType": "PlaybackProgress", "IsAutomated": "True"},
    ],
)
def test_what_is_not_for_us_is_ignored(changes: Body) -> None:
    body = {name: value for name, value in (STOPPED | changes).items() if value is not None}
    assert read(body) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ServerId": "f" * 32}, "another server"),
        ({"ItemId": ""}, "ItemId is missing"),
        ({"UtcTimestamp": ""}, "UtcTimestamp is no time"),
        ({"UtcTimestamp": "12:35"}, "UtcTimestamp is no time"),
        ({"UtcTimestamp": "0001-01-01T00:00:00Z"}, "the year 1"),
        ({"RunTimeTicks": "long"}, "'long' is no number"),
        ({"PlaybackPositionTicks": []}, "Expected `float"),
        ({"Name": {"x": 1}}, "Expected `str"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(changes: Body, reason: str) -> None:
    with pytest.raises(UserError, match=r"^This cannot be read: ") as refused:
        read(STOPPED | changes)
    assert reason in refused.value.what


@given(
    st.dictionaries(
        st.sampled_from([*STOPPED, "Rating", "SaveReason", "EpisodeNumberEnd"]),
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just("UserDataSaved"),
    )
)
def test_any_values_are_an_event_or_a_reason(changes: Body) -> None:
    with suppress(UserError):  # and nothing else
        heard = read(STOPPED | changes)
        assert heard is None or heard.at.year < 2100
