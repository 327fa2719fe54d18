"""What real servers of both versions answered, value by value: every page they sent, and every state they stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sidecar.contract import Copy
from sidecar.model import Ids, Kind
from sidecar.servers.jellyfin.wire import KINDS, Session, UserData, View, WireUser, decode

VERSIONS = ("12.0", "10.11")
FILES = ("items", "libraries", "lists", "extra", "second-scan", "stale-reads", "library-changes", "user-data")


def answers(contracts: Path, version: str, *names: str) -> Iterator[tuple[dict[str, Any], Any]]:
    """Each recorded request with the body of its answer."""
    for name in names:
        for row in json.loads((contracts / "jellyfin" / version / f"{name}.json").read_text())["exchanges"]:
            if row.get("answer", {}).get("status") == 200:
                yield row["request"], row["answer"]["body"]


def is_state(body: Any) -> bool:
    """Whether an answer is what is stored of an item for somebody."""
    return isinstance(body, dict) and "PlayCount" in body and "ItemId" in body


@pytest.mark.parametrize("version", VERSIONS)
def test_every_page_that_a_real_server_sent_is_read_to_the_last_row(contracts: Path, version: str) -> None:
    pages = states = 0
    for _, body in answers(contracts, version, *FILES):
        if not isinstance(body, dict) or "TotalRecordCount" not in body:
            continue
        page = decode(json.dumps(body).encode())
        assert (page.broken, page.nameless, page.total) == ([], 0, body["TotalRecordCount"])
        assert page.ids() == [row["Id"] for row in body["Items"]]
        for item, raw in zip(page.items, body["Items"], strict=True):
            assert item.kind is (None if raw["LocationType"] == "Virtual" else KINDS.get(raw["Type"]))
            assert (item.index_number, item.parent_index_number) == (
                raw.get("IndexNumber"),
                raw.get("ParentIndexNumber"),
            )
            assert (item.user_data is None) == ("UserData" not in raw)
            states += item.user_data is not None
            if item.user_data is not None:
                same(item.user_data, raw["UserData"])
        pages += 1
    assert pages > 90
    assert states > 200


def same(data: UserData, raw: dict[str, Any]) -> None:
    """A state is read as it was written, and would be written as it was read."""
    names = ("Played", "PlayCount", "PlaybackPositionTicks", "IsFavorite", "Rating")
    assert {name: data.body().get(name) for name in names} == {name: raw.get(name) for name in names}
    assert data.body().keys() <= raw.keys()
    if "LastPlayedDate" in raw:
        written = datetime.fromisoformat(data.body()["LastPlayedDate"])
        assert abs((written - datetime.fromisoformat(raw["LastPlayedDate"])).total_seconds()) < 0.000002
    assert ("LastPlayedDate" in data.body()) == ("LastPlayedDate" in raw)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_answer_to_a_write_says_how_the_item_is_then(contracts: Path, version: str) -> None:
    found = [
        body for _, body in answers(contracts, version, "user-data", "played-items", "stale-reads") if is_state(body)
    ]
    assert len(found) > 60
    for body in found:
        same(msgspec.convert(body, UserData), body)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_films_and_episodes_of_the_recordings_are_these_titles(contracts: Path, version: str) -> None:
    catalogue = json.loads((contracts / "jellyfin" / version / "catalogue.json").read_text())
    shows = {
        one["id"]: msgspec.convert(wired(one), _item()).ids() for one in catalogue["items"] if one["type"] == "Series"
    }
    rows = {
        one["path"].rpartition("/")[2]: msgspec.convert(wired(one), _item()).row("L", shows)
        for one in catalogue["items"]
    }
    special = rows["Dark S00E01.mkv"]
    assert special is not None
    assert (special.refs[0].show, special.refs[0].season, special.refs[0].number) == (
        Ids(imdb="tt5753856", tmdb=70523, tvdb=334824), 0, 1,
    )  # fmt: skip
    assert special.runtime == 20
    films = [row for row in rows.values() if row is not None and row.kind is Kind.MOVIE]
    assert {row.name for row in films if row.why} >= {"Home Video"}
    assert all(bool(row.refs) != bool(row.why) for row in films)


def _item() -> Any:
    from sidecar.servers.jellyfin.wire import Item

    return Item


def wired(one: dict[str, Any]) -> dict[str, Any]:
    """An entry of the recorded catalogue in the words of a row."""
    return {
        "Id": one["id"], "Type": one["type"], "Name": one["name"], "ProviderIds": one.get("provider_ids"),
        "ProductionYear": one.get("year"), "RunTimeTicks": one.get("runtime_ticks"), "IndexNumber": one.get("number"),
        "IndexNumberEnd": one.get("number_end"), "ParentIndexNumber": one.get("season"),
        "SeriesId": one.get("series_id"), "SeriesName": one.get("series"),
    }  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_who_plays_and_who_lives_there_is_read_from_what_real_servers_said(contracts: Path, version: str) -> None:
    playing = dict[str, set[str]]()
    for request, body in answers(contracts, version, "sessions", "sign-in", "extra"):
        if request["path"].startswith("/Sessions") and isinstance(body, list):
            for session in msgspec.convert(body, list[Session]):
                playing.setdefault(session.user_id, set()).update(session.items_of(session.user_id))
    assert [items for items in playing.values() if items]
    libraries = [body for request, body in answers(contracts, version, "libraries") if "UserViews" in request["path"]]
    (views,) = libraries[:1]
    found = {
        view.name: view.library().shows for view in msgspec.convert(views["Items"], list[View]) if view.holds_titles
    }
    assert found["Movies"] is False
    assert found["Shows"] is True
    assert "Playlists" not in found
    users = [body for request, body in answers(contracts, version, "sign-in") if request["path"] == "/Users"]
    for body in users:
        assert [user.user().name for user in msgspec.convert(body, list[WireUser])]


def test_a_session_that_belongs_to_nobody_is_nobodys() -> None:
    nobody = msgspec.convert({"UserId": "0" * 32, "NowPlayingItem": {"Id": "f"}}, Session)
    assert nobody.items_of("a" * 32) == set()


def test_a_date_of_the_year_one_means_never_and_one_without_a_zone_is_utc() -> None:
    never = msgspec.convert({"LastPlayedDate": "0001-01-01T00:00:00.0000000Z"}, UserData)
    assert never.at is None
    assert "LastPlayedDate" not in never.body()
    bare = msgspec.convert({"LastPlayedDate": "2026-01-30T20:15:00"}, UserData)
    assert bare.body()["LastPlayedDate"] == "2026-01-30T20:15:00Z"
    assert bare.copy("i", Kind.MOVIE) == Copy("i", played=False, at=datetime(2026, 1, 30, 20, 15, tzinfo=UTC))
