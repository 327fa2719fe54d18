"""What a healthy server holds: rows, titles, libraries, with how many requests, and what moved since."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from sidecar.contract import Copy, Listed, Rating, Scope, Watched
from sidecar.model import Feature, Kind
from sidecar.servers.jellyfin import hands, reads
from sidecar.store.items import Item, Items
from tests.servers.jellyfin.conftest import KETTLE, LONE, SERIES, Home, fact_of

AT = datetime(2026, 1, 30, 20, 0, tzinfo=UTC)


def items(home: Home) -> list[Item]:
    """What the store knows."""
    with home.store.read() as db:
        return Items(db).of_server("machine")


def watch(home: Home, item: str, name: str = "Anna", at: str | None = "2026-01-30T20:00:00Z") -> None:
    """Somebody ticks something in another client."""
    home.desk.act("watch", person=name, item=item, at=at)


def test_every_title_is_known_after_one_read_and_those_without_ids_say_why(either: Home) -> None:
    assert either.read().complete
    known = {item.remote: item for item in items(either)}
    shelf = either.desk.server.shelf
    ours = {one.id for one in shelf.items.values() if one.type in ("Movie", "Episode", "Series", "Season")}
    assert known.keys() == {one for one in ours if not shelf.items[one].primary}
    with_both = known[either.desk.film(KETTLE)["Id"]]
    assert with_both.refs()[0].kind is Kind.MOVIE
    assert with_both.refs()[0].label() == "Kettle and Crane (2012)"
    first, second = next(item for item in known.values() if len(item.refs()) == 2).refs()
    assert (first.season, first.number, second.season, second.number) == (1, 1, 1, 2)
    assert first.show == second.show
    assert first.label() == "Twice Round the Quarry S01E01"
    nameless = [item for item in known.values() if item.reason]
    assert "Yard Without Numbers S01E01" in {item.name for item in nameless}
    assert {item.reason for item in nameless} >= {"it has no imdb, tmdb or tvdb id"}
    names = {item.key: item.name for item in either.client().libraries(either.desk.user())}
    assert {names[item.library] for item in known.values()} == {"Movies", "Kids' Movies", "Shows", "Anime"}
    season = next(item for item in known.values() if item.refs() and item.refs()[0].kind is Kind.SEASON)
    assert season.refs()[0].show is not None


def test_one_pass_serves_all_that_people_do(either: Home) -> None:
    film, series = either.desk.film(LONE)["Id"], either.desk.film(SERIES)["Id"]
    season = either.desk.items(f"includeItemTypes=Season&parentId={series}")[0]["Id"]
    watch(either, film)
    either.desk.act("favorite", person="Anna", item=series)
    for item, rating in ((film, 8), (series, 7.5), (season, 3), (either.desk.episodes(SERIES)[0]["Id"], 10)):
        either.desk.act("rate", person="Anna", item=item, rating=rating)
    side = either.side()
    either.forget_log()
    history, *others = (side.build_index(f) for f in (Feature.HISTORY, Feature.RATINGS, Feature.WATCHLIST))
    assert [each.requests for each in others] == [0, 0]
    ratings, wished = others
    assert [type(fact.value) for fact in history.facts] == [Watched]
    assert history.facts[0].value.copies == (Copy(film, True, 1, AT, rating=8.0),)
    assert {(fact.ref.kind, fact.value) for fact in ratings.facts} == {
        (Kind.MOVIE, Rating(8.0)), (Kind.SHOW, Rating(7.5)), (Kind.SEASON, Rating(3.0)), (Kind.EPISODE, Rating(10.0)),
    }  # fmt: skip
    assert [(fact.ref.kind, fact.value, fact.items) for fact in wished.facts] == [(Kind.SHOW, Listed(), (series,))]
    listings = [row for row in either.log() if row["path"] == "/Items"]
    assert len(listings) == 1 + 2 + 2 * 2, "one look, a listing of each library, and of series where there are some"
    assert {row["path"] for row in either.log()} == {"/Items", "/System/Info/Public", "/ScheduledTasks", "/UserViews"}


def test_small_pages_give_the_same_as_large_ones(either: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    watch(either, either.desk.film(SERIES)["Id"])
    watch(either, either.desk.film(KETTLE)["Id"])
    either.control.switches["unstable_ties"] = False
    large = either.read()
    monkeypatch.setattr(reads, "PAGE", 7)
    small = either.read()
    assert small.requests > large.requests
    assert sorted(map(msgspec.json.encode, map(_plain, small.facts))) == sorted(
        map(msgspec.json.encode, map(_plain, large.facts))
    )
    assert small.complete
    assert small.libraries == large.libraries


def _plain(fact: Any) -> Any:
    return [fact.ref.claim(), fact.value, fact.items]


def test_copies_in_two_libraries_are_two_states_of_one_title(either: Home) -> None:
    one, other = (row["Id"] for row in either.desk.items("includeItemTypes=Movie") if row["Name"] == KETTLE)
    watch(either, one)
    (fact,) = either.read().facts
    assert sorted(copy.item for copy in fact.value.copies) == [one]
    index = either.side().build_index(Feature.HISTORY, only=[fact.ref])
    assert {copy.item: copy.played for copy in index.facts[0].value.copies} == {one: True, other: False}


def test_what_a_series_says_of_itself_is_never_used(old: Home) -> None:
    old.desk.act("fresh_shows")
    series = old.desk.film(SERIES)
    assert series["UserData"]["Played"], "the server says so"
    index = old.read()
    assert list(index.facts) == []
    assert index.complete


def test_the_state_of_an_episode_is_read_where_it_is_true(home: Home) -> None:
    first = home.desk.episodes(SERIES)[0]["Id"]
    home.desk.act("scan")
    home.desk.data(first)
    home.desk.server.data.forget_memory()
    home.desk.data(first)  # now the server has it in memory
    watch(home, home.desk.film(SERIES)["Id"])
    assert not home.desk.data(first)["Played"], "its own route is stale"
    (row,) = home.hands().look([first])
    assert row.copy.played


def test_only_chosen_libraries_are_read_and_looked_at(either: Home) -> None:
    films = {row["Path"]: row["Id"] for row in either.desk.items("includeItemTypes=Movie&fields=Path")}
    here = next(item for path, item in films.items() if path.startswith("/media/kids/"))
    there = next(item for path, item in films.items() if path.startswith("/media/movies/"))
    watch(either, here)
    watch(either, there)
    index = either.read(libraries=frozenset({"kids' movies"}))
    assert [fact.items for fact in index.facts] == [(here,)]
    assert index.libraries is not None
    assert len(index.libraries) == 1
    hands = either.hands(libraries=frozenset({"kids' movies"}))
    assert [row.item for row in hands.look([here, there])] == [here]
    nothing = either.read(libraries=frozenset({"no such"}))
    assert not nothing.complete
    assert "no library that takes part" in nothing.why


def test_a_title_that_no_listing_showed_is_placed_by_what_lies_above_it(either: Home) -> None:
    index = either.read(libraries=frozenset({"shows"}))
    film = either.desk.film(LONE)["Id"]
    watch(either, film)
    again = either.side(libraries=frozenset({"shows"})).build_index(Feature.HISTORY, since=index.mark)
    assert (again.scope, list(again.facts)) == (Scope.PART, [])
    other = either.side().build_index(Feature.HISTORY, since=index.mark)
    assert [fact.items for fact in other.facts] == [(film,)]
    names = {each.key: each.name for each in either.client().libraries(either.desk.user())}
    assert [names[item.library] for item in items(either) if item.remote == film] == ["Movies"]


def test_nothing_moved_is_one_request_and_some_plays_one_more_at_most(either: Home) -> None:
    watch(either, either.desk.film(LONE)["Id"])
    index = either.read()
    mark = msgspec.json.decode(msgspec.json.encode(index.mark))
    same = either.side().build_index(Feature.HISTORY, since=mark)
    assert (same.scope, same.requests, same.mark) == (Scope.UNCHANGED, 1, mark)
    first = either.desk.episodes(SERIES)[0]["Id"]
    watch(either, first, at="2026-01-31T10:00:00Z")
    some = either.side().build_index(Feature.HISTORY, since=mark)
    assert (some.scope, some.complete, some.requests) == (Scope.PART, True, 1)
    (fact,) = some.facts
    assert fact.items == (first,)
    assert fact.ref.show is not None
    assert either.side().build_index(Feature.HISTORY, since=some.mark).scope is Scope.UNCHANGED


def test_more_plays_than_one_look_shows_cost_one_look_more(either: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hands, "NEWEST", 2)
    monkeypatch.setattr(reads.Reads.peek, "__defaults__", (2,))
    film, episodes = either.desk.film(LONE)["Id"], [row["Id"] for row in either.desk.episodes(SERIES)[:3]]
    watch(either, film)
    index = either.read()
    for number, episode in enumerate(episodes):
        watch(either, episode, at=f"2026-01-31T10:0{number}:00Z")
    some = either.side().build_index(Feature.HISTORY, since=index.mark)
    assert (some.scope, some.complete, some.requests) == (Scope.PART, True, 2)
    assert sorted(fact.items[0] for fact in some.facts) == sorted(episodes)
    assert either.side().build_index(Feature.HISTORY, since=some.mark).scope is Scope.UNCHANGED


@pytest.mark.parametrize("moved", ["unwatched", "undated", "rewatched", "long ago"])
def test_whatever_one_look_cannot_tell_is_read_from_all_that_is_played(either: Home, moved: str) -> None:
    film, other = either.desk.film(LONE)["Id"], either.desk.film("Premiere at Midnight")["Id"]
    watch(either, film)
    index = either.read()
    if moved == "unwatched":
        either.desk.act("unwatch", person="Anna", item=film)
    elif moved == "undated":
        either.desk.data(other, "POST", {"Played": True})
    else:
        watch(
            either,
            film if moved == "rewatched" else other,
            at="2026-01-31T10:00:00Z" if moved == "rewatched" else "2020-01-01T10:00:00Z",
        )
    again = either.side().build_index(Feature.HISTORY, since=index.mark)
    assert (again.scope, again.complete) == (Scope.FULL, True)
    expected = {"unwatched": [], "rewatched": [film]}.get(moved, sorted([film, other]))
    assert sorted(fact.items[0] for fact in again.facts) == expected
    assert again.libraries == index.libraries
    assert either.side().build_index(Feature.HISTORY, since=again.mark).scope is Scope.UNCHANGED


def test_the_filter_for_played_titles_is_only_a_hint(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    index, film = home.read(), home.desk.film(LONE)["Id"]
    home.desk.data(film, "POST", {"PlayCount": 2})
    watched = home.desk.server.data.watched
    monkeypatch.setattr(home.desk.server.data, "watched", lambda user: watched(user) | {film})
    home.desk.server.data.stamps.clear()
    again = home.side().build_index(Feature.HISTORY, since={**index.mark, "played": 5})
    assert (again.scope, list(again.facts)) == (Scope.FULL, [])


@pytest.mark.parametrize("mark", [{"played": "x"}, {}, 5, "2026", {"read": "2026-01-31T20:15:00.000Z"}, [1, 2]])
def test_a_mark_of_another_age_means_that_all_is_read(home: Home, mark: Any) -> None:
    index = home.side().build_index(Feature.HISTORY, since=mark)
    assert (index.scope, index.complete) == (Scope.FULL, True)


@pytest.mark.parametrize("feature", [Feature.RATINGS, Feature.WATCHLIST, Feature.COLLECTION])
def test_of_what_has_no_increment_nothing_is_asked_between_complete_reads(home: Home, feature: Feature) -> None:
    index = home.read(feature=feature)
    again = home.side().build_index(feature, since=index.mark)
    assert (again.scope, list(again.facts), again.requests, again.mark) == (Scope.PART, [], 0, index.mark)
    assert not home.side().capabilities()[feature]["changes"]


def test_the_collection_is_every_title_with_the_best_of_its_files(either: Home) -> None:
    index = either.read(feature=Feature.COLLECTION)
    assert index.complete
    best = fact_of(index, either.row("Nine Ferries North").refs[0]).value
    assert best.media.resolution == "uhd_4k"
    assert best.at is not None
    unprobed = fact_of(index, either.row("No Clock in Hestrup").refs[0]).value
    assert unprobed.media is None
    assert {fact.ref.kind for fact in index.facts} == {Kind.MOVIE, Kind.EPISODE}
    assert not either.side().capabilities()["collection"]["writable"]


def test_favourites_are_a_watchlist_only_where_somebody_wants_it(home: Home) -> None:
    assert Feature.WATCHLIST in home.side().features()
    assert Feature.WATCHLIST not in home.side(favourites=False).features()


def test_two_persons_see_their_own(either: Home) -> None:
    film = either.desk.film(LONE)["Id"]
    watch(either, film, "Ben")
    either.desk.act("rate", person="Anna", item=film, rating=4)
    assert list(either.read("Anna").facts) == []
    assert [fact.items for fact in either.read("Ben").facts] == [(film,)]
    assert [fact.value for fact in either.read("Anna", Feature.RATINGS).facts] == [Rating(4.0)]
    assert list(either.read("Ben", Feature.RATINGS).facts) == []


def test_somebodys_own_token_reads_as_the_key_does(either: Home) -> None:
    watch(either, either.desk.film(LONE)["Id"], "Ben")
    by_key, own = either.read("Ben"), either.read("Ben", token=either.desk.sign_in("Ben"))
    assert (own.complete, own.libraries, list(own.facts)) == (True, by_key.libraries, list(by_key.facts))
    side = either.side("Ben", token=either.desk.sign_in("Anna", "other"))
    assert side.build_index(Feature.HISTORY).facts == by_key.facts, "an administrator may, too"
    foreign = either.side("Anna", token=either.desk.sign_in("Ben", "third")).build_index(Feature.HISTORY)
    assert not foreign.complete
    assert list(foreign.facts) == []
