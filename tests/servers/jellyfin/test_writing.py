"""Writes: the whole state, exactly what was meant, once, and never what is playing."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from sidecar.contract import Copy, Fact, Listed, Outcome, Plays, Rating, Watched
from sidecar.demo.jellyfin.userdata import BLANK
from sidecar.errors import Refused
from sidecar.model import Feature, Kind
from tests.servers.jellyfin.conftest import KETTLE, LONE, QUARRY, SERIES, Home

DAY = datetime(2026, 1, 30, 20, 15, tzinfo=UTC)
SAW = Plays((datetime(2025, 3, 1, 12, 0, tzinfo=UTC), DAY, None))
LIST = {"PlaybackPositionTicks": 0, "PlayCount": 0, "IsFavorite": False, "Played": False}


@pytest.fixture(autouse=True)
def met(request: pytest.FixtureRequest) -> None:
    """Somebody has listed the server before, as in every run."""
    for name in {"home", "old", "either"} & set(request.fixturenames):
        home = request.getfixturevalue(name)
        assert home.read().complete
        home.forget_log()


def fact(home: Home, name: str, value: Any) -> Fact:
    """A wish for a film or series by name."""
    return Fact(home.row(name).refs[0], value)


def state(home: Home, item: str, name: str = "Anna") -> dict[str, Any]:
    """What is stored, without what is derived from it."""
    found = home.desk.truth(item, name)
    return {key: value for key, value in found.items() if key in {*LIST, "LastPlayedDate", "Rating"}}


def writes(home: Home) -> list[str]:
    """Everything but reading."""
    return [f"{row['method']} {row['path'].rpartition('/')[0]}" for row in home.log() if row["method"] != "GET"]


def test_a_viewing_is_written_with_its_date_and_found_by_the_next_read(either: Home) -> None:
    one, two = (row["Id"] for row in either.desk.items("includeItemTypes=Movie") if row["Name"] == KETTLE)
    wish = fact(either, KETTLE, SAW)
    (receipt,) = either.side().add([wish], Feature.HISTORY)
    assert receipt.outcome is Outcome.DONE
    watched = Watched(tuple(Copy(item, True, 1, DAY) for item in sorted([one, two])))
    assert receipt.seen == watched
    expected = {**LIST, "Played": True, "PlayCount": 1, "LastPlayedDate": "2026-01-30T20:15:00.0000000Z"}
    assert state(either, one) == state(either, two) == expected
    (found,) = either.read().facts
    assert found.value == watched
    assert set(found.items) == {one, two}
    assert list(either.read("Ben").facts) == []


def test_a_second_identical_write_sends_nothing(either: Home) -> None:
    wishes = {Feature.HISTORY: SAW, Feature.RATINGS: Rating(8), Feature.WATCHLIST: Listed()}
    for feature, value in wishes.items():
        wish = fact(either, LONE, value)
        for outcome, count in ((Outcome.DONE, 1), (Outcome.ALREADY, 0)):
            either.forget_log()
            (receipt,) = either.side().add([wish], feature)
            assert (receipt.outcome, len(writes(either))) == (outcome, count)


def test_a_mark_without_a_date_invents_none(either: Home) -> None:
    film = either.desk.film("Premiere at Midnight")["Id"]
    either.side().add([fact(either, "Premiere at Midnight", Plays((None,)))], Feature.HISTORY)
    assert state(either, film) == {**LIST, "Played": True, "PlayCount": 1}


def test_what_a_write_is_not_about_stays_to_the_tick(either: Home) -> None:
    film = either.desk.film("Premiere at Midnight")["Id"]
    before = {
        "Played": False, "PlayCount": 3, "LastPlayedDate": "2026-01-02T03:04:05.678Z", "Rating": 7.5,
        "PlaybackPositionTicks": 6_000_000_001, "IsFavorite": True,
    }  # fmt: skip
    either.desk.data(film, "POST", before)
    stored = state(either, film)
    side = either.side()
    side.add([fact(either, "Premiere at Midnight", Rating(4))], Feature.RATINGS)
    assert state(either, film) == {**stored, "Rating": 4}
    side.remove([fact(either, "Premiere at Midnight", Rating(4))], Feature.RATINGS)
    assert state(either, film) == {key: value for key, value in stored.items() if key != "Rating"}
    side.remove([fact(either, "Premiere at Midnight", Listed())], Feature.WATCHLIST)
    side.add([fact(either, "Premiere at Midnight", Plays((None,)))], Feature.HISTORY)
    expected = {**stored, "Played": True, "PlaybackPositionTicks": 0, "IsFavorite": False}
    assert state(either, film) == {key: value for key, value in expected.items() if key != "Rating"}


@pytest.fixture
def stale(home: Home) -> str:
    """An episode that the server keeps in memory as it was before the whole show was ticked."""
    first: str = home.desk.episodes(SERIES)[0]["Id"]
    home.desk.data(first)
    home.desk.act("watch", person="Anna", item=home.desk.film(SERIES)["Id"], at="2026-01-20T20:00:00Z")
    assert home.desk.truth(first)["Played"]
    assert not home.desk.data(first)["Played"]
    home.read()
    home.forget_log()
    return first


def test_a_rating_unwatches_no_episode_that_the_server_forgot_was_watched(home: Home, stale: str) -> None:
    before, (row,) = state(home, stale), home.hands().look([stale])
    (receipt,) = home.side().add([Fact(row.refs[0], Rating(9))], Feature.RATINGS)
    assert receipt.outcome is Outcome.DONE
    assert state(home, stale) == {**before, "Rating": 9}


@pytest.mark.parametrize("feature", [Feature.RATINGS, Feature.WATCHLIST])
def test_what_a_removal_takes_along_is_given_back(home: Home, feature: Feature) -> None:
    first = home.desk.episodes(SERIES)[0]["Id"] if feature is Feature.RATINGS else home.desk.film(LONE)["Id"]
    if feature is Feature.RATINGS:
        home.desk.data(first, "POST", {"Rating": 6})
        home.desk.act("watch", person="Anna", item=home.desk.film(SERIES)["Id"], at="2026-01-20T20:00:00Z")
    else:
        home.desk.data(first, "POST", {"IsFavorite": True, "Played": True, "PlayCount": 2})
        in_memory = dataclasses.replace(BLANK, favorite=True)  # as it was before somebody ticked the folder
        home.desk.server.data.old[home.desk.user(), first] = in_memory
    before = state(home, first)
    (seen,) = home.hands().look([first])
    home.forget_log()
    (receipt,) = home.side().remove([Fact(seen.refs[0], Rating(6))], feature)
    assert receipt.outcome is Outcome.DONE
    left = {key: value for key, value in before.items() if key != "Rating"} | {"IsFavorite": False}
    assert state(home, first) == left
    assert before["Played"]
    assert [each.partition(" ")[0] for each in writes(home)] == ["DELETE", "POST"]


def test_a_date_that_the_server_would_bring_back_is_not_there_afterwards(home: Home) -> None:
    first = home.desk.episodes(SERIES)[0]["Id"]
    home.desk.data(first, "POST", {"Played": True, "PlayCount": 1, "LastPlayedDate": "2026-01-20T20:00:00Z"})
    home.desk.act("unwatch", person="Anna", item=home.desk.film(SERIES)["Id"])
    assert home.desk.data(first)["Played"], "what it has in memory is older"
    assert state(home, first) == LIST
    (row,) = home.hands().look([first])
    (receipt,) = home.side().add([Fact(row.refs[0], Rating(9))], Feature.RATINGS)
    assert receipt.outcome is Outcome.DONE
    assert state(home, first) == {**LIST, "Rating": 9}


def test_unwatching_takes_date_and_count_and_nothing_else(either: Home) -> None:
    film = either.desk.film(LONE)["Id"]
    either.desk.data(
        film,
        "POST",
        {"Played": True, "PlayCount": 4, "LastPlayedDate": "2026-01-02T03:04:05Z", "Rating": 8, "IsFavorite": True},
    )
    (receipt,) = either.side().remove([fact(either, LONE, SAW)], Feature.HISTORY)
    assert (receipt.outcome, receipt.seen) == (Outcome.DONE, None)
    assert state(either, film) == {**LIST, "Rating": 8, "IsFavorite": True}
    (row,) = either.hands().look([film])
    assert row.copy.blank


@pytest.mark.parametrize("kind", [Kind.SHOW, Kind.SEASON])
def test_series_and_seasons_are_rated_without_touching_an_episode(either: Home, kind: Kind) -> None:
    series = either.desk.film(QUARRY)["Id"]
    item = series if kind is Kind.SHOW else either.desk.items(f"includeItemTypes=Season&parentId={series}")[0]["Id"]
    (row,) = either.hands().look([item])
    assert row.kind is kind
    assert row.copy == Copy(item, played=False)
    side = either.side()
    (receipt,) = side.add([Fact(row.refs[0], Rating(7))], Feature.RATINGS)
    assert (receipt.outcome, receipt.seen) == (Outcome.DONE, Rating(7.0))
    assert [fact.ref.kind for fact in either.read(feature=Feature.RATINGS).facts] == [kind]
    (receipt,) = side.remove([Fact(row.refs[0], Rating(7))], Feature.RATINGS)
    assert receipt.outcome is Outcome.DONE
    assert either.control.state()["people"]["Anna"].keys() <= {item}
    assert not [each for each in either.desk.episodes(QUARRY) if each["UserData"]["Played"]]


def test_a_series_whose_episodes_are_all_watched_is_not_itself_called_watched(either: Home) -> None:
    either.desk.act("watch", person="Anna", item=(series := either.desk.film(SERIES)["Id"]))
    (row,) = either.hands().look([series])
    assert row.copy == Copy(series, played=False)
    assert either.side().add([Fact(row.refs[0], Rating(7), (series,))], Feature.RATINGS)[0].outcome is Outcome.DONE
    stored = either.desk.server.data.truth(either.desk.user(), either.desk.server.shelf.items[series])
    assert (stored.rating, stored.played) == (7, False)


def test_a_series_is_never_marked_as_a_whole(either: Home) -> None:
    hands, row = either.hands(), either.row(SERIES)
    hands.look([row.item])
    with pytest.raises(Refused, match="never marked as a whole"):
        hands.put(row, Feature.HISTORY, SAW)
    with pytest.raises(Refused, match="never marked as a whole"):
        hands.take(row, Feature.HISTORY)
    assert writes(either) == []


@pytest.mark.parametrize("value", range(1, 11))
def test_every_whole_rating_goes_there_and_back_unchanged(home: Home, value: int) -> None:
    home.side().add([fact(home, LONE, Rating(value))], Feature.RATINGS)
    (found,) = home.read(feature=Feature.RATINGS).facts
    assert found.value == Rating(float(value))


def test_a_finer_rating_is_left_alone_where_it_rounds_to_what_is_wanted_and_zero_is_none(either: Home) -> None:
    film = either.desk.film(LONE)["Id"]
    either.desk.data(film, "POST", {"Rating": 8.6})
    (receipt,) = either.side().add([fact(either, LONE, Rating(9))], Feature.RATINGS)
    assert (receipt.outcome, state(either, film)["Rating"]) == (Outcome.ALREADY, 8.6)
    either.desk.data(film, "POST", {"Rating": 0})
    assert list(either.read(feature=Feature.RATINGS).facts) == []
    (receipt,) = either.side().add([fact(either, LONE, Rating(8.6))], Feature.RATINGS)
    assert (receipt.outcome, state(either, film)["Rating"]) == (Outcome.DONE, 9)


def test_what_is_playing_is_not_written(either: Home) -> None:
    film = either.desk.film("Nine Ferries North")
    either.desk.play("start", person="Anna", file=film["Path"])
    wish = fact(either, "Nine Ferries North", Rating(5))
    (receipt,) = either.side().add([wish], Feature.RATINGS)
    assert (receipt.outcome, receipt.why) == (Outcome.REFUSED, "It is being played.")
    assert either.side("Ben").add([wish], Feature.RATINGS)[0].outcome is Outcome.DONE
    either.desk.play("stop", person="Anna")
    assert either.side().add([wish], Feature.RATINGS)[0].outcome is Outcome.DONE


def test_both_the_film_and_its_version_play_and_so_does_who_watches_along(either: Home) -> None:
    either.read()
    film = either.desk.film("Nine Ferries North")
    version = next(each["Id"] for each in film["MediaSources"] if each["Id"] != film["Id"])
    path = either.desk.server.shelf.items[version].path
    played = either.desk.play("start", person="Anna", file=path)
    either.desk.act("join", person="Ben", session=played["session"])
    assert either.hands().playing() == either.hands("Ben").playing() == {film["Id"], version}
    assert either.hands("Zoë Åkesson").playing() == frozenset()
    own = either.hands("Anna", token=either.desk.sign_in("Anna"))
    assert own.playing() == {film["Id"], version}


@pytest.mark.parametrize("fault", [{"name": "lost"}, {"name": "save_error"}, {"name": "html", "method": "POST"}])
def test_a_lost_answer_is_settled_by_looking_and_nothing_is_sent_twice(home: Home, fault: dict[str, Any]) -> None:
    wish = fact(home, LONE, SAW)
    home.forget_log()
    home.fault(**{"method": "POST", **fault})
    (receipt,) = home.side().add([wish], Feature.HISTORY)
    assert writes(home) == ["POST /UserItems/" + home.desk.film(LONE)["Id"]]
    assert receipt.outcome is (Outcome.REFUSED if fault["name"] == "html" else Outcome.DONE)


def test_what_the_server_forgets_twice_is_stuck_and_left_alone(old: Home) -> None:
    old.control.switches["stale_rows"] = True
    film = old.desk.film("Premiere at Midnight")["Id"]
    old.desk.act("rate", person="Anna", item=film, rating=2)
    old.desk.act("identify", item=film, ids={"Tmdb": "990001"})
    old.read()
    wish = fact(old, "Premiere at Midnight", SAW)
    outcomes = [old.side().add([wish], Feature.HISTORY)[0] for _ in range(2)]
    assert [receipt.outcome for receipt in outcomes] == [Outcome.REFUSED] * 2
    old.forget_log()
    (receipt,) = old.side().add([wish], Feature.HISTORY)
    assert "tried again when one side changes" in receipt.why
    assert writes(old) == []


def test_an_item_that_vanished_is_not_found(either: Home) -> None:
    wish, film = fact(either, LONE, SAW), either.desk.film(LONE)
    either.desk.act("remove_file", file=film["Path"])
    either.desk.act("scan")
    (receipt,) = either.side().add([wish], Feature.HISTORY)
    assert receipt.outcome is Outcome.NOT_FOUND
    row = either.row(KETTLE)
    hands = either.hands()
    hands.look([row.item])
    either.desk.act("rights", person="Anna", libraries=[])
    with pytest.raises(Refused) as met:
        hands.put(row, Feature.HISTORY, SAW)
    assert met.value.status == 404
    with pytest.raises(Refused) as met:
        hands.put(row, Feature.HISTORY, SAW)
    assert met.value.status == 404, "it is looked at again, and is not there"


def test_two_persons_never_change_each_others_state(either: Home) -> None:
    film = either.desk.film(LONE)["Id"]
    either.desk.data(film, "POST", {"Played": True, "PlayCount": 1, "Rating": 3}, "Ben")
    before = state(either, film, "Ben")
    side = either.side("Anna")
    side.add([fact(either, LONE, SAW)], Feature.HISTORY)
    side.add([fact(either, LONE, Rating(9))], Feature.RATINGS)
    side.remove([fact(either, LONE, SAW)], Feature.HISTORY)
    side.remove([fact(either, LONE, Rating(9))], Feature.RATINGS)
    assert state(either, film, "Ben") == before
    assert state(either, film) == LIST
    foreign = either.side("Anna", token=either.desk.sign_in("Ben"))
    (receipt,) = foreign.add([fact(either, LONE, SAW)], Feature.HISTORY)
    assert receipt.outcome is not Outcome.DONE
    assert state(either, film) == LIST


def test_a_double_episode_is_written_when_both_agree(either: Home) -> None:
    item = either.desk.episodes("Twice Round the Quarry")[0]["Id"]
    (row,) = either.hands().look([item])
    one, two = (Fact(ref, SAW) for ref in row.refs)
    assert either.side().add([one], Feature.HISTORY)[0].outcome is Outcome.REFUSED
    assert [each.outcome for each in either.side().add([one, two], Feature.HISTORY)] == [Outcome.DONE] * 2
    assert state(either, item)["PlayCount"] == 1
    assert len(either.read().facts) == 2


def test_what_would_be_sent_is_what_is_sent(home: Home) -> None:
    film = home.desk.film(LONE)["Id"]
    hands = home.hands()
    assert hands.would(film, Feature.WATCHLIST, None) == f"DELETE /UserFavoriteItems/{film}"
    assert hands.would(film, Feature.RATINGS, None) == f"DELETE /UserItems/{film}/Rating"
    assert hands.would(film, Feature.HISTORY, None) == f"DELETE /UserPlayedItems/{film}"
    assert hands.would(film, Feature.HISTORY, SAW).startswith(f'POST /UserItems/{film}/UserData {{"Played": true')
