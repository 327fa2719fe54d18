"""A collection that holds exactly what it shall, and no other is touched."""

from __future__ import annotations

import pytest

from sidecar.errors import IncompleteRead, RemoteError
from sidecar.servers.jellyfin.mirror import Mirror
from tests.servers.jellyfin.conftest import QUARRY, Home


@pytest.fixture
def films(either: Home) -> list[str]:
    """Films, and a series."""
    return [*[row["Id"] for row in either.desk.items("includeItemTypes=Movie")][:5], either.desk.film(QUARRY)["Id"]]


def mirror(home: Home, name: str = "Trakt: Anna") -> Mirror:
    """Anna's."""
    return Mirror(home.client(), home.desk.user(), name)


def test_it_is_made_and_follows_exactly(either: Home, films: list[str]) -> None:
    assert mirror(either).members() is None
    assert mirror(either).make_so([]) == (set(), set())
    assert mirror(either).members() is None, "an empty one is not made"
    assert mirror(either).make_so(films[:4]) == (set(films[:4]), set())
    assert mirror(either).members() == set(films[:4])
    assert mirror(either).make_so(films[2:]) == (set(films[4:]), set(films[:2]))
    assert mirror(either).members() == set(films[2:])
    either.forget_log()
    assert mirror(either).make_so(films[2:]) == (set(), set())
    assert not [row for row in either.log() if row["method"] != "GET"], "what is so is not written"
    assert mirror(either).make_so([]) == (set(), set(films[2:]))
    assert mirror(either).members() == set()


def test_other_collections_stay_as_they_are(either: Home, films: list[str]) -> None:
    mirror(either, "Trakt: Ann").make_so(films[:1])
    mirror(either, "trakt: anna").make_so(films[:2])
    mirror(either).make_so(films[2:])
    assert mirror(either, "Trakt: Ann").members() == set(films[:1])
    assert mirror(either, "trakt: anna").members() == set(films[:2])


def test_members_are_not_guessed_from_half_a_listing(home: Home) -> None:
    films = [row["Id"] for row in home.desk.items("includeItemTypes=Movie")][:5]
    mirror(home).make_so(films)
    home.fault("half_listing", share=0.0, path="^/Items$", times=None)
    home.forget_log()
    with pytest.raises(IncompleteRead):
        mirror(home).make_so(films[:1])
    home.control.faults.clear()
    home.fault("html", path="^/Items$")
    with pytest.raises(RemoteError):
        mirror(home).make_so(films[:1])
    assert not [row for row in home.log() if row["method"] != "GET"]
    assert mirror(home).members() == set(films)
