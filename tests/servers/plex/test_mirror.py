"""A collection that is kept equal to what it shall hold."""

from __future__ import annotations

import pytest

from sidecar.errors import BadAnswer, Refused
from sidecar.model import Feature
from sidecar.servers.plex.client import Section
from sidecar.servers.plex.mirror import Mirror
from tests.servers.plex.conftest import Home

NAME = "Trakt: Anna"


def section(home: Home, name: str) -> Section:
    return next(each for each in home.client().sections() if each.name.lower() == name)


@pytest.fixture
def films(home: Home) -> list[str]:
    home.read(Feature.HISTORY)
    return [item.remote for item in home.items().values() if item.library == "1" and item.claim]


def test_it_is_made_filled_and_emptied(home: Home, films: list[str]) -> None:
    mirror = Mirror(home.client(), section(home, "movies"), NAME)
    assert mirror.read() == ("", {})
    assert mirror.make(films[:3]) == (3, 0)
    key, held = mirror.read()
    assert set(held.values()) == set(films[:3])
    before = len(home.sent())
    assert mirror.make(films[:3]) == (0, 0)
    assert len(home.sent()) == before
    assert mirror.make(films[2:5]) == (2, 2)
    assert set(mirror.read()[1].values()) == set(films[2:5])
    assert mirror.make([]) == (0, 3)
    assert mirror.read()[1] == {}
    assert [(row["method"], row["path"].rstrip("0123456789")) for row in home.sent()] == [
        ("POST", "/library/collections"),
        ("PUT", f"/library/collections/{key}/items"),
        *[("DELETE", f"/library/collections/{key}/items/")] * 5,
    ]


def test_many_come_in_hundreds(home: Home, films: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sidecar.servers.plex.mirror.AT_ONCE", 10)
    mirror = Mirror(home.client(), section(home, "movies"), NAME)
    assert mirror.make(films[:25]) == (25, 0)
    assert len(mirror.read()[1]) == 25
    assert [row["method"] for row in home.sent()] == ["POST", "PUT", "PUT"]


def test_other_collections_are_left_alone_and_series_have_their_own(home: Home, films: list[str]) -> None:
    movies, shows = section(home, "movies"), section(home, "shows")
    Mirror(home.client(), movies, "Trakt: Ben").make(films[:1])
    series = [item.remote for item in home.items().values() if item.claim.startswith("show ") and item.library == "3"]
    assert Mirror(home.client(), shows, NAME).make(series[:2]) == (2, 0)
    assert Mirror(home.client(), movies, NAME).read() == ("", {})
    assert len(Mirror(home.client(), movies, "Trakt: Ben").read()[1]) == 1
    assert [row for row in home.sent() if "type=2" in row["query"]]


def test_what_could_not_be_read_wholly_is_not_filled_up(home: Home, films: list[str]) -> None:
    mirror = Mirror(home.client(), section(home, "movies"), NAME)
    mirror.make(films[:3])
    before = len(home.sent())
    home.house.fault("empty", body="<MediaContainer size='0'/>", path="children", times=None)
    with pytest.raises(BadAnswer, match="could not be read wholly"):
        mirror.make(films[:3])
    assert len(home.sent()) == before


def test_only_the_owner_may(home: Home, films: list[str]) -> None:
    with pytest.raises(Refused):
        Mirror(home.client("Ben"), section(home, "movies"), NAME).make(films[:1])
