"""What was watched since a mark, read from the top of a listing, and when that is not enough."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sidecar.contract import Scope
from sidecar.model import Feature
from tests.servers.plex.conftest import START, Home

WHEN = datetime(2026, 7, 1, 20, tzinfo=UTC)


def films(home: Home) -> list[str]:
    """One file of each film that is matched."""
    found = [file for file in home.house.catalogue.files if file.library == "movies" and file.claims.imdb]
    return list({home.item(file.path): file.path for file in found if file.claims.tmdb}.values())


def test_a_new_title_that_was_watched_is_told_with_its_place(home: Home) -> None:
    like = home.house.file()
    home.house.act("watch", person="Anna", file=like.path, at=WHEN.isoformat())
    mark, path = home.read(Feature.HISTORY).mark, "/media/movies/New (2026)/New.mkv"
    home.house.act("add", path=path, like=like.path, edition="New")
    home.house.act("watch", person="Anna", file=path)
    index = home.read(Feature.HISTORY, since=mark)
    assert (index.scope, [fact.items for fact in index.facts]) == (Scope.PART, [(home.item(path),)])
    assert home.items()[home.item(path)].library == "1"


def test_the_first_plays_of_somebody_are_a_part_as_well(home: Home) -> None:
    mark = home.read(Feature.HISTORY).mark
    home.house.act("watch", person="Anna", file=films(home)[:3])
    index = home.read(Feature.HISTORY, since=mark)
    assert (index.scope, len(index.facts)) == (Scope.PART, 3)
    assert all(fact.value.plays == (START,) for fact in index.facts)


@pytest.mark.parametrize("count", [3, 4, 6, 7])
def test_new_plays_are_read_page_by_page_and_many_with_their_library(
    home: Home, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr("sidecar.servers.plex.reads.PAGE", 4)
    monkeypatch.setattr("sidecar.servers.plex.reads.MOST", 6)
    home.house.act("watch", person="Anna", file=films(home)[0], at=WHEN.isoformat())
    mark = home.read(Feature.HISTORY).mark
    home.house.act("watch", person="Anna", file=films(home)[1 : count + 1])
    index = home.read(Feature.HISTORY, since=mark)
    found = {item for fact in index.facts for item in fact.items}
    if count > 6:
        assert (index.scope, len(found)) == (Scope.FULL, count + 1)
    else:
        assert (index.scope, index.requests) == (Scope.PART, 4 + 1 + (1 if count == 3 else 2))
        assert found == {home.item(path) for path in films(home)[1 : count + 1]}


def test_what_was_watched_long_ago_and_told_now_is_found_with_its_library(home: Home) -> None:
    some = films(home)
    home.house.act("watch", person="Anna", file=some[0], at=START.isoformat())
    mark = home.read(Feature.HISTORY).mark
    home.house.act("watch", person="Anna", file=some[1], at=WHEN.isoformat())
    index = home.read(Feature.HISTORY, since=mark)
    assert (index.scope, index.libraries, index.complete) == (Scope.FULL, frozenset("1"), True)
    assert {item for fact in index.facts for item in fact.items} == {home.item(some[0]), home.item(some[1])}


@pytest.mark.parametrize("how", ["without a count", "with the filter ignored"])
def test_a_row_that_shows_no_play_is_no_part(home: Home, how: str) -> None:
    some = films(home)
    home.house.act("mark", person="Anna", file="*")
    home.house.act("unmark", person="Anna", file=some[:2])
    mark = home.read(Feature.HISTORY).mark
    home.house.tell("clock", shift=600)
    if how == "without a count":
        home.house.tell("switches", marks_without_count=True)
        home.house.act("mark", person="Anna", file=some[:2])
    else:
        for path in some[:2]:
            home.house.play("start", file=path)
            home.house.play("stop", position_s=600)
        home.house.fault("filter_ignored", times=None)
    index = home.read(Feature.HISTORY, since=mark)
    assert index.scope is Scope.FULL
    watched = {item for fact in index.facts for item in fact.items if fact.value.copies[0].played}
    assert (home.item(some[0]) in watched) is (how == "without a count")
