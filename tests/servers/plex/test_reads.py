"""Reading a household's Plex: what each feature holds, what it costs, and what tells that nothing moved."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sidecar.contract import Copy, Rating, Scope, Watched
from sidecar.model import Feature, Kind
from sidecar.servers.plex.client import Plex
from tests.servers.plex.conftest import START, Home

WHEN = datetime(2026, 7, 1, 20, tzinfo=UTC)


def history(home: Home, person: str = "Anna", **kwargs: object) -> dict[str, Watched]:
    """What was watched, by the item."""
    index = home.side(person).build_index(Feature.HISTORY, **kwargs)  # type: ignore[arg-type]
    assert index.complete, index.why
    return {item: fact.value for fact in index.facts for item in fact.items}


def test_plays_marks_and_begun_films_are_told_apart(home: Home) -> None:
    films = [file for file in home.house.catalogue.files if file.library == "movies" and file.titles][:8]
    played, marked, begun = films[0], films[3], films[5]
    for day in (0, 2):
        home.house.act("watch", person="Anna", file=played.path, at=(WHEN + timedelta(days=day)).isoformat())
    home.house.act("mark", person="Anna", file=marked.path)
    home.house.play("start", file=begun.path)
    home.house.play("stop", position_s=600)
    found = history(home)
    assert found.keys() == {home.item(played.path), home.item(marked.path)}
    once = found[home.item(played.path)]
    assert once.plays == (WHEN, WHEN + timedelta(days=2))
    assert once.copies == (Copy(home.item(played.path), played=True, count=2, at=WHEN + timedelta(days=2)),)
    assert found[home.item(marked.path)] == Watched((Copy(home.item(marked.path), played=True, count=1, at=START),))


def test_a_play_that_is_in_the_history_twice_is_one(home: Home) -> None:
    home.house.fault("duplicate_history")
    home.house.act("watch", person="Anna", file=home.house.file().path, at=WHEN.isoformat())
    assert home.world.stage.history[0].viewed == home.world.stage.history[1].viewed
    (found,) = history(home).values()
    assert found.plays == (WHEN,)


def test_marks_without_a_count_are_watched(home: Home) -> None:
    home.house.tell("switches", marks_without_count=True)
    home.house.act("mark", person="Anna", file=home.house.file().path)
    (found,) = history(home).values()
    assert found
    assert found.copies[0].count == 1


def test_where_everything_is_marked_without_a_count_the_filter_is_still_believed(home: Home) -> None:
    home.house.tell("switches", marks_without_count=True)
    home.house.act("mark", person="Anna", file="*")
    leaves = [item for item in home.items_after_a_read() if item.claim.startswith(("movie ", "episode "))]
    assert history(home).keys() == {item.remote for item in leaves}


def test_an_ignored_filter_makes_nothing_watched_and_no_mark(home: Home) -> None:
    home.house.act("watch", person="Anna", file=home.house.file().path, at=WHEN.isoformat())
    home.house.fault("filter_ignored", times=None)
    index = home.read(Feature.HISTORY)
    assert (index.complete, len(index.facts), index.mark) == (True, 1, None)
    ratings = home.read(Feature.RATINGS)
    assert (ratings.complete, len(ratings.facts), ratings.mark) == (True, 0, None)


def test_ratings_of_all_four_kinds(home: Home) -> None:
    film, episode = home.house.file(), home.house.file("shows")
    home.house.act("rate", person="Anna", file=film.path, rating=7, at=WHEN.isoformat())
    home.house.act("rate", person="Anna", file=episode.path, rating=6.5, at=WHEN.isoformat())
    home.house.act("rate", person="Anna", file=episode.path, rating=9, level="show", at=WHEN.isoformat())
    home.house.act("rate", person="Anna", file=episode.path, rating=8, level="season", at=WHEN.isoformat())
    found = {fact.ref.kind: fact.value for fact in home.read(Feature.RATINGS).facts}
    wanted = {Kind.MOVIE: 7, Kind.EPISODE: 6.5, Kind.SHOW: 9, Kind.SEASON: 8}
    assert found == {kind: Rating(value, WHEN) for kind, value in wanted.items()}


@pytest.mark.parametrize("comparisons", ["prefixed", "all", "none"])
def test_ratings_are_found_whatever_the_server_makes_of_the_filter(home: Home, comparisons: str) -> None:
    home.house.tell("switches", comparisons=comparisons)
    home.house.act("rate", person="Anna", file=home.house.file().path, rating=7)
    index = home.read(Feature.RATINGS)
    assert (index.complete, len(index.facts)) == (True, 1)
    assert (index.mark is None) is (comparisons == "none")


def test_the_collection_has_what_the_files_are(home: Home) -> None:
    index = home.read(Feature.COLLECTION)
    assert index.complete
    by_item = {item: fact.value for fact in index.facts for item in fact.items}
    words = {"hdr10": "hdr10", "dovi": "dolby_vision", "hlg": "hlg", "": None}
    single = [f for f in home.house.catalogue.files if len(home.world.inventory.by_path[f.path][0].files) == 1]
    checked = 0
    for file in single:
        held = by_item.get(home.item(file.path))
        if held is not None and held.media is not None and len(home.world.inventory.by_path[file.path]) == 1:
            same = [f for f in index.facts if home.item(file.path) in f.items and len(f.items) == 1]
            if same and file.media.video in ("hevc", "av1", "vp9"):
                assert held.media.hdr == words[file.media.hdr], file
                assert held.at == file.added.replace(microsecond=0)
                checked += 1
    assert checked > 20
    assert {value.media.hdr for value in by_item.values()} >= {"hdr10", "dolby_vision", "hlg", None}


def test_nothing_moved_costs_one_request_for_each_library(home: Home) -> None:
    home.house.act("watch", person="Anna", file=home.house.file().path)
    home.house.tell("clock", shift=1)
    for feature, cost in ((Feature.HISTORY, 4), (Feature.RATINGS, 8), (Feature.COLLECTION, 1)):
        mark = home.read(feature).mark
        before = home.asked()
        again = home.read(feature, since=mark)
        assert (again.scope, again.complete, again.mark, list(again.facts)) == (Scope.UNCHANGED, True, mark, [])
        assert again.libraries == frozenset("1234")
        assert home.asked() - before == again.requests == cost


def test_what_happens_in_the_second_of_a_read_is_found_by_the_next(home: Home) -> None:
    """Plex tells seconds: a rating changed in the second of a look leaves number and newest as they were."""
    file = home.house.file().path
    home.house.act("rate", person="Anna", file=file, rating=6)
    mark = home.read(Feature.RATINGS).mark
    home.house.act("rate", person="Anna", file=file, rating=8)
    index = home.read(Feature.RATINGS, since=mark)
    assert [fact.value.value for fact in index.facts] == [8]
    home.house.tell("clock", shift=1)
    mark = home.read(Feature.RATINGS, since=index.mark).mark
    assert home.read(Feature.RATINGS, since=mark).scope is Scope.UNCHANGED


def films(home: Home) -> list[str]:
    found = [
        file for file in home.house.catalogue.files if file.library == "movies" and file.titles and file.claims.imdb
    ]
    return [file.path for file in found if not file.edition and file.claims.tmdb]


def test_what_was_watched_since_is_read_alone(home: Home) -> None:
    some = films(home)
    home.house.act("watch", person="Anna", file=some[0], at=WHEN.isoformat())
    mark = home.read(Feature.HISTORY).mark
    home.house.act("watch", person="Anna", file=home.house.file("shows").path)
    home.house.act("mark", person="Anna", file=some[4])
    home.house.tell("clock", shift=1)
    before = home.asked()
    index = home.read(Feature.HISTORY, since=mark)
    assert (index.scope, index.libraries, index.complete) == (Scope.PART, None, True)
    assert {fact.ref.kind: fact.value.plays for fact in index.facts} == {Kind.EPISODE: (START,), Kind.MOVIE: ()}
    assert home.asked() - before == 7  # four that ask, the plays, and one for each library that moved
    assert home.read(Feature.HISTORY, since=index.mark).scope is Scope.UNCHANGED


def test_what_was_watched_again_or_taken_back_is_found_by_reading_its_library_wholly(home: Home) -> None:
    some = films(home)
    home.house.act("watch", person="Anna", file=[some[0], some[4], some[5]], at=WHEN.isoformat())
    home.house.act("mark", person="Anna", file=home.house.file("shows").path)
    home.house.tell("clock", shift=60)

    def again(*acts: tuple[str, str]) -> set[str]:
        mark = home.read(Feature.HISTORY).mark
        for act, file in acts:
            home.house.act(act, person="Anna", file=file)
        home.house.tell("clock", shift=60)
        index = home.read(Feature.HISTORY, since=mark)
        assert (index.scope, index.libraries, index.complete) == (Scope.FULL, frozenset("1"), True)
        assert index.mark["sections"].keys() == mark["sections"].keys()
        assert home.read(Feature.HISTORY, since=index.mark).scope is Scope.UNCHANGED
        return {item for fact in index.facts for item in fact.items}

    items = {path: home.item(path) for path in some[:8]}
    assert again(("watch", some[0])) == {items[some[0]], items[some[4]], items[some[5]]}
    assert again(("mark", some[6]), ("mark", some[7]), ("unmark", some[4])) == {
        items[some[0]], items[some[5]], items[some[6]], items[some[7]]
    }  # fmt: skip
    assert items[some[5]] not in again(("unmark", some[5]), ("watch", some[0]))


def test_what_is_taken_back_moves_its_library(home: Home) -> None:
    files = [file for file in home.house.catalogue.files if file.library == "movies" and file.titles]
    home.house.act("mark", person="Anna", file=[files[0].path, files[4].path])
    mark = home.read(Feature.HISTORY).mark
    home.house.act("unmark", person="Anna", file=files[0].path)
    index = home.read(Feature.HISTORY, since=mark)
    assert (index.libraries, [fact.items for fact in index.facts]) == (frozenset("1"), [(home.item(files[4].path),)])


def test_the_history_is_read_again_from_a_day_before_the_newest_play(home: Home) -> None:
    film = home.house.file()
    home.house.act("watch", person="Anna", file=film.path, at=WHEN.isoformat())
    mark = home.read(Feature.HISTORY).mark
    assert mark["cursor"] == int(WHEN.timestamp())
    home.house.act("watch", person="Anna", file=film.path)
    (fact,) = home.read(Feature.HISTORY, since=mark).facts
    asked = [row["query"] for row in home.rows() if row["path"].endswith("/history/all")]
    assert f"viewedAt%3E={int(WHEN.timestamp()) - 86_400}" in asked[-1]
    assert fact.value.plays == (WHEN, START)


def test_another_choice_of_libraries_begins_anew(home: Home) -> None:
    home.house.act("watch", person="Anna", file=home.house.file().path)
    home.house.act("watch", person="Anna", file=home.house.file("shows").path)
    index = home.side(libraries=frozenset({"movies"})).build_index(Feature.HISTORY)
    assert (index.libraries, len(index.facts)) == (frozenset("1"), 1)
    index = home.side(libraries=frozenset({"shows"})).build_index(Feature.HISTORY, since=index.mark)
    assert (index.libraries, [fact.ref.kind for fact in index.facts]) == (frozenset("3"), [Kind.EPISODE])


def test_a_complete_read_costs_pages_and_not_titles(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sidecar.servers.plex.pages.PAGE", 50)
    home.house.act("mark", person="Anna", file="*")
    index = home.read(Feature.HISTORY)
    rows = home.rows()
    assert index.complete
    assert len(index.facts) > 150
    listed = [row for row in rows if row["path"].endswith("/all")]
    single = [row for row in rows if row["path"].startswith("/library/metadata/")]
    assert len(single) == 1  # the first half of the one double episode
    assert len(rows) == index.requests < 45
    assert max(Counter((row["path"], row["query"]) for row in listed).values()) <= 6


def test_the_household_shares_one_listing_of_the_libraries(home: Home) -> None:
    home.read(Feature.HISTORY)
    before = home.asked()
    index = home.read(Feature.HISTORY, "Ben")
    assert index.complete
    assert all(row["user"] == "Ben" or "history" in row["path"] for row in home.rows()[before:])
    assert index.requests <= 16


def test_the_libraries_are_listed_again_when_they_changed_or_after_a_day(home: Home) -> None:
    def listings() -> int:
        return len([row for row in home.rows() if row["query"] == "type=4&includeGuids=1"])

    home.read(Feature.HISTORY)
    first = listings()
    home.read(Feature.HISTORY)
    assert listings() == first
    home.house.act("scan", library="shows")
    home.house.tell("clock", shift=5)
    home.house.act("scan", library="shows")
    home.read(Feature.HISTORY)
    assert first < listings() < 2 * first
    home.clock.advance(86_401)
    second = listings()
    home.read(Feature.HISTORY)
    assert listings() == second + first


def test_items_are_known_with_their_titles_or_the_reason(home: Home) -> None:
    home.read(Feature.HISTORY)
    items = home.items()
    assert len(items) == len(home.world.inventory.items)
    assert all(bool(item.claim) is not bool(item.reason) for item in items.values())
    doubles = [item for item in items.values() if item.file]
    assert len(doubles) == 2
    assert doubles[0].file == doubles[1].file
    assert {len(home.world.inventory.by_path[item.file]) for item in doubles} == {2}


def test_doubles_stay_known_when_the_libraries_are_listed_again(home: Home) -> None:
    home.read(Feature.HISTORY)
    home.clock.advance(86_401)
    before = home.asked()
    home.read(Feature.HISTORY)
    assert len([item for item in home.items().values() if item.file]) == 2
    assert not [row for row in home.rows()[before:] if row["path"].startswith("/library/metadata/")]


def test_an_item_that_was_added_in_between_is_known_before_it_is_told(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.read(Feature.HISTORY)
    like = home.house.file("shows")
    home.house.act("add", path=like.path + "2.mkv", like=like.path, number=77)
    home.house.act("mark", person="Anna", file=like.path + "2.mkv")
    stamps, ask = dict(home.memory.listed), Plex.sections
    monkeypatch.setattr(Plex, "sections", lambda plex: [replace(one, stamps=stamps[one.key][0]) for one in ask(plex)])
    found = history(home)
    assert home.item(like.path + "2.mkv") in found.keys() & home.items().keys()


def test_a_read_of_some_titles_tells_which_of_them_are_there(home: Home) -> None:
    film, other = home.house.file(), home.house.file("shows")
    home.house.act("watch", person="Anna", file=film.path)
    (fact,) = home.read(Feature.HISTORY).facts
    refs = [fact.ref, home.items()[home.item(other.path)].refs()[0]]
    index = home.read(Feature.HISTORY, only=refs)
    assert (index.scope, [each.ref for each in index.facts]) == (Scope.ONLY, [fact.ref])
    assert index.there == {home.item(film.path), home.item(other.path)}
    home.house.act("unmark", person="Anna", file=film.path)
    home.world.stage.history.clear()
    assert not home.read(Feature.HISTORY, only=refs).facts
    home.house.act("remove", path=film.path)
    assert home.read(Feature.HISTORY, only=refs).there == {home.item(other.path)}


def test_editions_and_copies_are_items_of_their_own(home: Home) -> None:
    home.house.act("mark", person="Anna", file="*")
    index = home.read(Feature.HISTORY)
    assert [fact for fact in index.facts if len(fact.items) > 1]
    for fact in index.facts:
        assert [copy.item for copy in fact.value.copies] == list(fact.items)
