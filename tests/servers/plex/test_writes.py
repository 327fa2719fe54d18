"""Writing to Plex: only what differs, once, never what plays, and read back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest

from sidecar.contract import Fact, Outcome, Plays, Rating, Receipt
from sidecar.demo.catalogue import File
from sidecar.errors import BadAnswer
from sidecar.model import Feature, Kind
from sidecar.servers.rows import Row
from tests.servers.plex.conftest import START, Home

WHEN = datetime(2026, 7, 1, 20, tzinfo=UTC)
PLAYED = Plays((WHEN,))


@pytest.fixture
def known(home: Home) -> Home:
    """A household whose libraries were read."""
    home.read(Feature.HISTORY)
    return home


def fact(home: Home, file: File, value: object) -> Fact:
    """A value for the title of a file."""
    item = home.item(file.path)
    return Fact(home.items()[item].refs()[0], value, (item,))


def add(home: Home, file: File, value: object, feature: Feature = Feature.HISTORY, person: str = "Anna") -> Receipt:
    (receipt,) = home.side(person).add([fact(home, file, value)], feature)
    return receipt


def remove(home: Home, file: File, value: object, feature: Feature = Feature.HISTORY) -> Receipt:
    (receipt,) = home.side().remove([fact(home, file, value)], feature)
    return receipt


def test_a_mark_is_found_by_the_next_read_and_a_second_one_sends_nothing(known: Home) -> None:
    film = known.house.file()
    receipt = add(known, film, PLAYED)
    assert (receipt.outcome, receipt.why) == (Outcome.DONE, "")
    (found,) = known.read(Feature.HISTORY).facts
    (copy,) = found.value.copies
    assert (copy.played, copy.count, copy.at, found.value.plays) == (True, 1, START, ())
    assert found.value == receipt.seen
    before = known.sent()
    assert add(known, film, PLAYED).outcome is Outcome.ALREADY
    assert known.sent() == before
    (sent,) = before
    key = known.item(film.path).partition("~")[0]
    assert (sent["method"], sent["path"]) == ("PUT", "/:/scrobble")
    assert parse_qs(sent["query"]) == {"key": [key], "identifier": ["com.plexapp.plugins.library"]}


def test_unmarking_takes_count_and_date_away(known: Home) -> None:
    film = known.house.file()
    known.house.act("watch", person="Anna", file=film.path, at=WHEN.isoformat())
    receipt = remove(known, film, PLAYED)
    assert (receipt.outcome, receipt.seen) == (Outcome.DONE, None)
    assert known.read(Feature.HISTORY).facts == []
    assert [row["path"] for row in known.sent()] == ["/:/unscrobble"]
    assert remove(known, film, PLAYED).outcome is Outcome.ALREADY
    assert len(known.sent()) == 1


def test_a_rating_is_written_with_its_date_and_a_new_one_replaces_it(known: Home) -> None:
    film = known.house.file()
    assert add(known, film, Rating(8, WHEN), Feature.RATINGS).seen == Rating(8.0, WHEN)
    (found,) = known.read(Feature.RATINGS).facts
    assert found.value == Rating(8.0, WHEN)
    assert add(known, film, Rating(8, WHEN), Feature.RATINGS).outcome is Outcome.ALREADY
    assert add(known, film, Rating(3, WHEN), Feature.RATINGS).outcome is Outcome.DONE
    assert remove(known, film, None, Feature.RATINGS).outcome is Outcome.DONE
    assert known.read(Feature.RATINGS).facts == []
    assert [parse_qs(row["query"])["rating"] for row in known.sent()] == [["8"], ["3"], ["-1"]]


def test_a_rating_of_just_now_has_no_date_that_a_slow_clock_would_refuse(known: Home) -> None:
    known.house.tell("clock", shift=-300)
    just_now = START - timedelta(minutes=1)
    receipt = add(known, known.house.file(), Rating(8, just_now), Feature.RATINGS)
    assert (receipt.outcome, receipt.seen.value) == (Outcome.DONE, 8.0)
    assert "ratedAt" not in known.sent()[0]["query"]


def test_what_a_tool_rated_in_tenths_is_not_rewritten_where_it_rounds_to_the_same(known: Home) -> None:
    film = known.house.file()
    known.house.act("rate", person="Anna", file=film.path, rating=7.9)
    assert add(known, film, Rating(8), Feature.RATINGS).outcome is Outcome.ALREADY
    assert known.sent() == []


def test_shows_and_seasons_are_rated_and_never_marked(known: Home) -> None:
    above = known.world.inventory.by_path[known.house.file("shows").path][0].elders
    items = known.items()
    season, show = (items[f"{each.key}~{each.guid}"] for each in above)
    for item, value in ((season, 4), (show, 5)):
        (receipt,) = known.side().add([Fact(item.refs()[0], Rating(value), (item.remote,))], Feature.RATINGS)
        assert receipt.outcome is Outcome.DONE
        (receipt,) = known.side().add([Fact(item.refs()[0], PLAYED, (item.remote,))], Feature.HISTORY)
        assert receipt.outcome is Outcome.REFUSED
    assert {fact.ref.kind: fact.value.value for fact in known.read(Feature.RATINGS).facts} == {
        Kind.SEASON: 4.0, Kind.SHOW: 5.0
    }  # fmt: skip
    assert {row["path"] for row in known.sent()} == {"/:/rate"}


def test_the_hands_themselves_mark_neither_what_is_watched_nor_a_series(known: Home) -> None:
    hands = known.hands()
    known.house.act("mark", person="Anna", file=known.house.file().path)
    (watched,) = hands.look([known.item(known.house.file().path)])
    show = known.world.inventory.by_path[known.house.file("shows").path][0].elders[1]
    (series,) = hands.look([f"{show.key}~{show.guid}"])
    for row in (watched, series):
        assert hands.put(row, Feature.HISTORY, PLAYED) is row
    assert isinstance(series, Row)
    assert hands.take(series, Feature.HISTORY) is series
    assert known.sent() == []


def test_nothing_is_written_to_what_is_playing_now_not_even_where_the_session_has_no_guid(
    known: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    film, other = known.house.file(), known.house.file("shows")
    known.house.play("start", person="Anna", file=film.path)
    known.house.play("start", person="Ben", file=other.path)
    known.house.tell("switches", session_delay_s=0.0, ghost_session=True)
    assert known.hands().playing() == {known.item(film.path)}
    receipt = add(known, film, PLAYED)
    assert (receipt.outcome, "played" in receipt.why, receipt.until is not None) == (Outcome.REFUSED, True, True)
    assert add(known, other, PLAYED).outcome is Outcome.DONE  # that is Ben's
    ask = known.client().ask

    def bare(path: str, *args: object, **kwargs: object) -> object:
        page = ask(path, *args, **kwargs)  # type: ignore[arg-type]
        for row in page if path == "/status/sessions" else ():
            row.attrib.pop("guid", None)
        return page

    monkeypatch.setattr(known.client(), "ask", bare)
    assert known.item(film.path) in known.hands().playing()


def test_a_hundred_marks_are_read_back_with_one_request(known: Home) -> None:
    facts = [
        Fact(refs[0], PLAYED, (item.remote,))
        for item in known.items().values()
        if len(refs := item.refs()) == 1 and refs[0].kind in (Kind.MOVIE, Kind.EPISODE)
    ][:100]
    before, side = known.asked(), known.side()
    receipts = side.add(facts, Feature.HISTORY)
    rows = known.rows()[before:]
    assert {receipt.outcome for receipt in receipts} == {Outcome.DONE}
    assert [len([row for row in rows if row["path"].startswith(path)]) for path in ("/:/", "/library/metadata/")] == [
        100,
        2,
    ]
    assert len(rows) <= 104
    assert sum(known.rested) == pytest.approx(99 / 4)  # four a second


def test_an_answer_that_was_lost_is_settled_by_looking_and_never_repeated(known: Home) -> None:
    film = known.house.file()
    for fault in ({"name": "lost"}, {"name": "html"}, {"name": "status", "status": 500, "when": "after"}):
        known.house.fault(**fault, path="^/:/")
        before = len(known.sent())
        receipt = add(known, film, PLAYED)
        done = fault["name"] != "html"
        assert receipt.outcome is (Outcome.DONE if done else Outcome.REFUSED), fault
        assert len(known.sent()) == before + 1
        (row,) = known.hands().look([known.item(film.path)])
        assert row.copy.count == int(done)
        if done:
            known.house.act("unmark", person="Anna", file=film.path)


def test_what_was_accepted_twice_and_not_kept_is_stuck(known: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known.world, "mark", lambda account, item, played: None)
    film = known.house.file()
    outcomes = [add(known, film, PLAYED) for _ in range(3)]
    assert [each.outcome for each in outcomes] == [Outcome.REFUSED] * 3
    assert len(known.sent()) == 2
    assert "twice" in outcomes[2].why


def test_an_item_that_is_gone_is_not_found(known: Home) -> None:
    film = known.house.file()
    wanted = fact(known, film, PLAYED)
    known.house.act("remove", path=film.path)
    (receipt,) = known.side().add([wanted], Feature.HISTORY)
    assert receipt.outcome is Outcome.NOT_FOUND
    assert known.sent() == []


def test_one_file_of_two_episodes_is_two_items_and_each_is_marked_for_itself(known: Home) -> None:
    first, second = [item for item in known.items().values() if item.file]
    (receipt,) = known.side().add([Fact(first.refs()[0], PLAYED, (first.remote,))], Feature.HISTORY)
    assert receipt.outcome is Outcome.DONE
    watched = {item for found in known.read(Feature.HISTORY).facts for item in found.items}
    assert first.remote in watched
    assert second.remote not in watched


def test_every_copy_that_is_not_watched_is_marked_and_no_other(known: Home) -> None:
    known.house.act("mark", person="Anna", file="*")
    several = next(fact for fact in known.read(Feature.HISTORY).facts if len(fact.items) > 1)
    known.house.act("unmark", person="Anna", file=int(several.items[1].partition("~")[0]))
    (receipt,) = known.side().add([Fact(several.ref, PLAYED)], Feature.HISTORY)
    assert receipt.outcome is Outcome.DONE
    assert [copy.count for copy in receipt.seen.copies] == [1] * len(several.items)
    assert len(known.sent()) == 1


def test_the_collection_lies_on_the_disks(known: Home) -> None:
    receipt = add(known, known.house.file(), None, Feature.COLLECTION)
    assert (receipt.outcome, known.sent()) == (Outcome.REFUSED, [])


def test_a_trial_names_the_request(known: Home) -> None:
    film = known.house.file()
    (receipt,) = known.side().add([fact(known, film, Rating(8, WHEN))], Feature.RATINGS, dry_run=True)
    key = known.item(film.path).partition("~")[0]
    agent = "identifier=com.plexapp.plugins.library"
    assert receipt.seen == [f"PUT /:/rate?key={key}&{agent}&rating=8&ratedAt={int(WHEN.timestamp())}"]
    assert known.sent() == []


def test_a_write_that_ends_in_a_strange_page_may_have_been_carried_out(known: Home) -> None:
    known.house.fault("html", path="^/:/")
    with pytest.raises(BadAnswer) as met:
        known.client().tell("put", "/:/scrobble", {"key": "1001"})
    assert met.value.maybe_done
