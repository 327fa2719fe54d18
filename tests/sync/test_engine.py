"""Whole runs of one person against sides in memory and a real store."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from sidecar.contract import Fact, Rating, Receipt
from sidecar.model import Direction, Feature, Ids, Kind, Ref
from sidecar.store.baseline import Baseline
from sidecar.store.db import open_store
from sidecar.sync.request import Request
from tests.ram import key_of
from tests.sync.home import AWAY, HOUR, Home, film


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    store = open_store(tmp_path)
    yield Home(store)
    store.close()


def test_what_one_side_has_all_sides_have_and_a_second_run_writes_nothing(home: Home) -> None:
    """T-003, D-06."""
    home.jelly.play("j1", home.at(-30))
    home.plex.play("p2", home.at(-20))
    home.trakt.watch(film(3), home.at(-10))
    result = home.run()
    assert (result.state, result.problem) == ("done", "")
    assert [home.watched(number) for number in (1, 2, 3, 4)] == [(True,) * 3] * 3 + [(False,) * 3]
    written = home.written()
    for _ in range(3):
        assert home.run().state == "done"
    assert home.written() == written == (2, 2, 2)


def test_a_run_of_nothing_new_costs_one_request_a_side_and_a_small_change_writes_only_itself(home: Home) -> None:
    """Budget of an unchanged run; A-139's gate."""
    for number in (1, 2, 3):
        home.jelly.play(f"j{number}", home.at(-30 + number))
    home.run()
    home.run()
    before = home.reads()
    home.run()
    assert home.reads() == (before[0] + 2, before[1] + 2, before[2] + 2)  # one a feature; Trakt's are one request
    home.trakt.watch(film(4), home.at(-1))
    written = home.written()
    home.run()
    assert home.written() == (written[0], written[1] + 1, written[2] + 1)


def test_an_unwatch_is_kept_where_it_was_made_and_nothing_is_removed_by_default(home: Home) -> None:
    """A-141, and the first walk."""
    home.trakt.watch(film(1), home.at(-50))
    home.run()
    home.run()
    home.jelly.unwatch("j1")
    for _ in range(2):
        home.run()
        assert home.watched(1) == (True, False, True)
    result = home.run(full=True)
    assert home.watched(1) == (True, False, True)
    assert [remark.kind for remark in result.remarks] == ["kept"]
    home.choose(remove__history__to_trakt="on", remove__history__from_trakt="on")
    home.run()
    assert home.watched(1) == (True, False, True)
    home.plex.play("p1", home.at())
    home.run()
    assert home.watched(1) == (True, True, True)
    assert len(home.trakt.plays(film(1))) == 2


def test_an_unwatch_is_carried_over_where_that_was_switched_on_before(home: Home) -> None:
    """A-134."""
    home.choose(remove__history__to_trakt="on", remove__history__from_trakt="on")
    home.trakt.watch(film(1), home.at(-50))
    home.run()
    home.run()
    home.jelly.unwatch("j1")
    home.run()
    assert home.watched(1) == (False, False, False)
    home.run()
    assert home.watched(1) == (False, False, False)
    assert home.run().state == "done"


def test_a_rating_changed_on_either_side_follows_once_and_the_newest_wins(home: Home) -> None:
    """A-016, A-017, A-066, T-031."""
    home.plex.rate("p1", 6)
    home.run()
    assert home.rating() == (6, 6, 6)
    home.run()
    home.trakt.put(Feature.RATINGS, Fact(film(1), Rating(9, home.at(1))))
    home.run()
    assert home.rating() == (9, 9, 9)
    home.run()
    home.plex.rate("p1", 4)
    home.clock.advance(600)
    home.trakt.put(Feature.RATINGS, Fact(film(1), Rating(7, home.clock.now())))
    result = home.run()
    assert home.rating() == (7, 7, 7)
    assert [remark.kind for remark in result.remarks] == ["conflict"]
    written = len(home.trakt.writes), home.written()
    home.run()
    home.run()
    assert (len(home.trakt.writes), home.written()) == written


def test_an_unrating_stays_where_it_was_made_or_goes_everywhere_by_choice(home: Home) -> None:
    """A-019, T-032."""
    home.trakt.put(Feature.RATINGS, Fact(film(1), Rating(6)), Fact(film(2), Rating(6)))
    home.run()
    home.run()
    home.plex.rate("p1", None)
    home.run()
    assert home.rating() == (6, 6, None)
    home.choose(remove__ratings__from_trakt="on", remove__ratings__to_trakt="on")
    home.trakt.drop(Feature.RATINGS, film(2))
    home.run()
    assert home.rating(2) == (None, None, None)
    assert home.rating(1) == (6, 6, None)


def test_both_sides_rated_before_the_first_run_are_joined_and_nothing_is_removed(home: Home) -> None:
    """A-025."""
    home.trakt.put(Feature.RATINGS, Fact(film(1), Rating(8)), Fact(film(2), Rating(5)))
    home.jelly.rate("j2", 9)
    home.jelly.rate("j3", 4)
    preview = home.run(preview=True)
    assert preview.state == "preview"
    planned = {(group.side, group.feature, group.action): group.count for group in preview.planned}
    assert planned[("trakt (in memory)", Feature.RATINGS, "add")] == 1
    assert home.rating(1) == (8, None, None)
    home.run()
    assert [home.rating(number) for number in (1, 2, 3)] == [(8, 8, 8), (5, 5, 5), (4, 4, 4)]


@pytest.mark.parametrize("direction", [Direction.FROM_TRAKT, Direction.TO_TRAKT])
def test_one_way_writes_only_that_way(home: Home, direction: Direction) -> None:
    """T-001, T-002."""
    for number in (1, 2, 3):
        home.trakt.watch(film(number), home.at(-number))
        home.jelly.play(f"j{number + 2}", home.at(-10 * number))
    home.run(direction=direction)
    told, marked, _ = home.written()
    assert (told, marked) == ((0, 2) if direction is Direction.FROM_TRAKT else (2, 0))


def test_an_empty_server_is_restored_from_trakt(home: Home) -> None:
    """A-131, D-07: full and from Trakt."""
    for number in (1, 2, 3):
        home.trakt.watch(film(number), home.at(-number))
    home.run()
    home.run()
    for number in range(1, home.films + 1):
        home.jelly.put(f"new{number}", *home.jelly.items.pop(f"j{number}").refs)
    home.jelly.items = {f"j{item[3:]}": each for item, each in home.jelly.items.items()}
    for item, each in home.jelly.items.items():
        each.copy = replace(each.copy, item=item, played=False, count=0, at=None)
    told = len(home.trakt.told)
    home.run(full=True, direction=Direction.FROM_TRAKT)
    assert [home.watched(number) for number in (1, 2, 3, 4)] == [(True,) * 3] * 3 + [(False,) * 3]
    assert len(home.trakt.told) == told
    written = home.written()
    home.run()
    home.run()
    assert home.written() == written


def test_a_side_that_was_away_gets_everything_when_it_is_back(home: Home) -> None:
    """Outages: the others go on, and it is said who was left out."""
    home.jelly.play("j1", home.at(-3))
    home.run()
    home.plex.problem = AWAY
    home.jelly.play("j2", home.at())
    result = home.run()
    assert (result.state, result.stale) == ("partial", {"anna@plex": AWAY.what})
    assert home.watched(2) == (True, True, False)
    home.plex.problem = None
    assert home.run().state == "done"
    assert home.watched(2) == (True, True, True)
    assert home.run().counts == {}


def test_a_read_that_was_cut_short_removes_nothing_and_writes_nothing_there(home: Home) -> None:
    """T-030: the run is marked as partial."""
    home.choose(remove__history__to_trakt="on", remove__history__from_trakt="on")
    for number in range(1, 6):
        home.trakt.watch(film(number), home.at(-number))
    home.run()
    home.run()
    home.jelly.incomplete = "page 2 is missing"
    home.jelly.play("j1", home.at())
    result = home.run()
    assert (result.state, result.stale["anna@jellyfin"]) == ("partial", "page 2 is missing")
    assert all(home.watched(number) == (True, True, True) for number in range(1, 6))
    home.jelly.incomplete = ""
    home.run()
    assert len(home.trakt.told) == 1


def test_an_answer_that_was_lost_is_settled_by_reading_and_the_play_told_once(home: Home) -> None:
    """A-136, line 40."""
    home.jelly.play("j1", home.at(-3))
    home.plex.play("p2", home.at(-9))
    home.trakt.loses_answers = 1
    result = home.run()
    assert result.counts["trakt (in memory)"] == {"unknown": 2}
    for _ in range(3):
        home.run()
    assert sorted(home.trakt.told) == [("Film 1 (1990)", home.at(-3 - 4)), ("Film 2 (1990)", home.at(-9 - 4))]


def test_what_was_never_carried_out_is_told_in_the_next_run(home: Home) -> None:
    """Line 40: not found is no."""
    home.jelly.play("j1", home.at(-3))
    home.trakt.cut = "cut"
    home.run()
    home.trakt.cut = ""
    home.run()
    assert len(home.trakt.told) == 1
    home.run()
    assert len(home.trakt.plays(film(1))) == 1


def test_too_soon_after_a_lost_answer_nothing_is_repeated(home: Home) -> None:
    """What was sent may be carried out even now."""
    home.jelly.play("j1", home.at(-3))
    home.trakt.cut = "cut"
    home.run()
    home.trakt.cut = ""
    *_, _ = home.service.run(home.person, Request())
    assert home.trakt.told == []
    home.run()
    assert len(home.trakt.told) == 1


def test_a_title_that_trakt_does_not_know_is_listed_and_not_sent_again_all_day(home: Home) -> None:
    """A-026."""
    home.trakt.catalogue.pop(0)
    home.jelly.play("j1", home.at(-3))
    home.jelly.play("j2", home.at(-2))
    result = home.run()
    assert len(home.trakt.told) == 1
    assert "cannot" in {remark.kind for remark in result.remarks}
    writes = len(home.trakt.writes)
    home.run()
    assert len(home.trakt.writes) == writes
    home.clock.advance(30 * HOUR)
    home.run()
    assert len(home.trakt.writes) == writes + 1


def test_a_side_that_refuses_all_is_left_alone_and_the_rest_goes_on(home: Home) -> None:
    home.trakt.watch(film(1), home.at(-3))
    home.plex.refuses = "The account is locked."
    result = home.run()
    assert home.watched(1) == (True, True, False)
    assert result.counts["anna@plex"] == {"refused": 1}
    home.plex.refuses = ""
    home.run()
    assert home.watched(1) == (True, True, True)


def test_a_replaced_file_is_no_unwatch_and_is_marked_again(home: Home) -> None:
    """Walk 8."""
    home.choose(remove__history__to_trakt="on", remove__history__from_trakt="on")
    home.trakt.watch(film(1), home.at(-50))
    home.run()
    home.run()
    home.jelly.put("again", *home.jelly.items.pop("j1").refs)
    home.run()
    assert home.jelly.items["again"].copy.played
    assert home.trakt.plays(film(1))


def test_an_item_that_went_and_came_back_blank_is_no_unwatch(home: Home) -> None:
    """Walk 8: removed and added again between two runs."""
    home.choose(remove__history__to_trakt="on", remove__history__from_trakt="on")
    home.trakt.watch(film(1), home.at(-50))
    home.run()
    home.run()
    gone = home.jelly.items.pop("j1")
    home.jelly.moved += 1
    home.clock.advance(24 * HOUR)
    home.run()
    home.jelly.put("j1", *gone.refs)
    home.run()
    assert home.watched(1) == (True, True, True)


def test_the_right_to_a_library_taken_away_removes_nothing(home: Home) -> None:
    """Walk 8: a healthy, empty list."""
    home.choose(remove__history__to_trakt="on", remove__history__from_trakt="on")
    for number in range(1, 6):
        home.trakt.watch(film(number), home.at(-number))
    home.run()
    home.run()
    home.jelly.hidden, home.jelly.moved = frozenset({"Films"}), home.jelly.moved + 1
    home.run()
    assert all(home.trakt.plays(film(number)) for number in range(1, 6))


def test_a_title_that_trakt_cannot_be_asked_about_does_not_have_everything_read_again(home: Home) -> None:
    """A film that a server names by an id which Trakt takes and never tells."""
    full, shown = Ref(Kind.MOVIE, Ids(trakt=99, tvdb=850003)), Ref(Kind.MOVIE, Ids(trakt=99))
    home.trakt.catalogue.append(full)
    home.jelly.put("j99", Ref(Kind.MOVIE, Ids(tvdb=850003)))
    home.jelly.play("j99", home.at(-30))
    home.run()
    told = home.trakt.held[Feature.HISTORY].pop(key_of(full))
    home.trakt.put(Feature.HISTORY, Fact(shown, told.value))
    for _ in range(2):
        home.run()
        with home.store.write() as db:
            assert Baseline(db).state(Baseline(db).side("trakt:uuid"), Feature.HISTORY).mark is not None
    assert len(home.trakt.told) == 1
    assert home.jelly.items["j99"].copy.played


def test_a_request_to_trakt_is_filled_with_plays_and_not_with_titles(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    home = Home(store, films=120, servers=("plex",))
    for number in range(1, 121):
        for day in range(1, 4 if number <= 40 else 2):
            home.plex.play(f"p{number}", home.at(-24 * day - number))
    sizes, send = list[int](), home.trakt.add

    def add(facts: Sequence[Fact], feature: Feature) -> list[Receipt]:
        sizes.append(sum(fact.value.count for fact in facts))
        return send(facts, feature)

    home.trakt.add = add  # type: ignore[method-assign,assignment]
    home.run()
    assert (len(home.trakt.told), len(sizes)) == (200, 2)
    assert max(sizes) <= 100
    store.close()
