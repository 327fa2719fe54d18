"""Two tokens are two persons: nobody sees or changes what is another's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sidecar.contract import Fact, Outcome, Plays, Rating
from sidecar.model import Feature
from tests.servers.plex.conftest import Home

WHEN = datetime(2026, 7, 1, 20, tzinfo=UTC)
PLAYED = Plays((WHEN,))


def held(home: Home, person: str, feature: Feature) -> dict[tuple[str, ...], object]:
    index = home.read(feature, person)
    assert index.complete, index.why
    return {fact.items: fact.value for fact in index.facts}


def test_states_ratings_and_plays_are_each_persons_own(home: Home) -> None:
    film, other = home.house.file(), home.house.file("shows")
    home.house.act("watch", person="Anna", file=film.path, at=WHEN.isoformat())
    home.house.act("watch", person="Ben", file=other.path, at=WHEN.isoformat())
    home.house.act("rate", person="Ben", file=film.path, rating=4)
    anna, ben = held(home, "Anna", Feature.HISTORY), held(home, "Ben", Feature.HISTORY)
    assert (list(anna), list(ben)) == ([(home.item(film.path),)], [(home.item(other.path),)])
    assert [value.plays for value in (*anna.values(), *ben.values())] == [(WHEN,), (WHEN,)]  # type: ignore[attr-defined]
    assert held(home, "Anna", Feature.RATINGS) == {}
    assert [value.value for value in held(home, "Ben", Feature.RATINGS).values()] == [4.0]  # type: ignore[attr-defined]


def test_a_write_changes_one_person_only(home: Home) -> None:
    home.read(Feature.HISTORY)
    film = home.house.file()
    ref = home.items()[home.item(film.path)].refs()[0]
    (marked,) = home.side("Ben").add([Fact(ref, PLAYED)], Feature.HISTORY)
    (rated,) = home.side("Ben").add([Fact(ref, Rating(9, WHEN))], Feature.RATINGS)
    assert (marked.outcome, rated.outcome) == (Outcome.DONE, Outcome.DONE)
    assert {row["user"] for row in home.sent()} == {"Ben"}
    for feature in (Feature.HISTORY, Feature.RATINGS):
        assert held(home, "Anna", feature) == {}
        assert len(held(home, "Ben", feature)) == 1


def test_a_friend_sees_what_is_shared_and_the_rest_stays_where_it_is(home: Home) -> None:
    home.house.act("mark", person="Anna", file="*")
    home.read(Feature.HISTORY)
    before = home.items()
    index = home.read(Feature.HISTORY, "David")
    assert index.complete
    assert index.libraries is not None
    assert len(index.libraries) == 1
    for feature in (Feature.RATINGS, Feature.COLLECTION):
        assert home.read(feature, "David").libraries == index.libraries
    assert home.items().keys() == before.keys()
    assert {
        home.items()[item].library for fact in home.read(Feature.COLLECTION, "David").facts for item in fact.items
    } == (index.libraries)


def test_somebody_alone_on_a_foreign_server_is_read_without_the_owners_help(home: Home) -> None:
    film = home.house.file("movies")
    home.house.act("watch", person="Ben", file=film.path, at=WHEN.isoformat())
    index = home.side("Ben", owner=False).build_index(Feature.HISTORY)
    assert index.complete
    (fact,) = index.facts
    assert fact.value.plays == (WHEN,)
    assert home.hands("Ben", owner=False).playing() == frozenset()
    assert {row["user"] for row in home.rows()} == {"Ben"}
    home.house.act("remove", path=film.path)
    home.side("Ben", owner=False).build_index(Feature.HISTORY)
    assert home.items()  # what Ben does not see may still be there for others
    assert home.item_is_known(index.facts[0].items[0])


def test_nothing_outside_of_the_chosen_libraries_is_read_or_written(home: Home) -> None:
    home.read(Feature.HISTORY)
    home.house.act("mark", person="Anna", file="*")
    home.house.act("rate", person="Anna", file="*", rating=7)
    chosen = frozenset({"movies"})
    for feature in (Feature.HISTORY, Feature.RATINGS, Feature.COLLECTION):
        index = home.side(libraries=chosen).build_index(feature)
        items = home.items()
        assert index.libraries == frozenset("1")
        assert {items[item].library for fact in index.facts for item in fact.items} == frozenset("1")
    episode = home.house.file("shows")
    ref = home.items()[home.item(episode.path)].refs()[0]
    (receipt,) = home.side(libraries=chosen).remove([Fact(ref, PLAYED)], Feature.HISTORY)
    assert (receipt.outcome, home.sent()) == (Outcome.NOT_FOUND, [])


def test_ratings_that_a_server_shows_to_the_wrong_person_are_not_taken(home: Home) -> None:
    home.house.act("rate", person="Anna", file="*", rating=7)
    home.house.tell("switches", ratings_leak=True)
    index = home.read(Feature.RATINGS, "Ben")
    assert (index.complete, index.facts) == (False, [])
    assert "the ratings of its owner" in index.why
    home.house.tell("switches", ratings_leak=False)
    home.house.tell("clock", shift=60)
    home.house.act(
        "rate",
        person="Ben",
        file=[file.path for file in home.house.catalogue.files if file.library == "movies"][:6],
        rating=7,
    )
    assert len(held(home, "Ben", Feature.RATINGS)) >= 5


@pytest.mark.parametrize("person", ["Anna", "Ben"])
def test_no_token_is_ever_in_an_address(home: Home, person: str) -> None:
    home.read(Feature.HISTORY, person)
    tokens = [value for each in home.house.people.values() for name, value in each.items() if name.endswith("_token")]
    assert not [row for row in home.rows() if any(token in row["path"] + row["query"] for token in tokens)]
