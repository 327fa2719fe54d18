"""What waits for a person in whole runs: previews, held parts, undo, and the first sync of all."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sidecar.contract import Fact, Rating
from sidecar.errors import UserError
from sidecar.model import Feature
from sidecar.store.alerts import Alerts
from sidecar.store.db import open_store
from sidecar.sync.spread import REMOVES_NOTHING
from tests.sync.home import AWAY, Home, film

REMEMBERED = ("agreed", "seen", "side_feature", "viewing", "run", "change", "held", "settled", "counted", "put_off")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    store = open_store(tmp_path)
    yield Home(store, films=30)
    store.close()


def memory(home: Home) -> str:
    """Everything that a run may store about a person, as one hash."""
    with home.store.read() as db:
        rows = [sorted(map(repr, db[table].rows)) for table in REMEMBERED]
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def test_a_preview_says_what_the_run_does_and_stores_nothing(home: Home) -> None:
    """T-016, A-039: the same plan, nothing written, not even what was seen."""
    for number in (1, 2, 3):
        home.jelly.play(f"j{number}", home.at(-30 + number))
        home.trakt.watch(film(number + 10), home.at(-3))
    before = memory(home)
    preview = home.run(preview=True)
    assert (preview.state, preview.run, home.written(), memory(home)) == ("preview", None, (0, 0, 0), before)
    planned = sorted((group.side, group.why, group.count, group.requests) for group in preview.planned)
    assert planned == [
        ("anna@jellyfin", "trakt (in memory) said so.", 3, 4),
        ("anna@plex", "anna@jellyfin said so.", 3, 4),
        ("anna@plex", "trakt (in memory) said so.", 3, 4),
        ("trakt (in memory)", "anna@jellyfin said so.", 3, 1),
    ]
    result = home.run()
    assert result.planned == preview.planned
    assert home.written() == (3, 3, 6)


def test_a_whole_show_unticked_is_held_and_applied_after_a_fresh_look(home: Home) -> None:
    """A-149, walk 18."""
    home.choose(remove__history__to_trakt="on", remove__history__from_trakt="on")
    for number in range(1, 26):
        home.trakt.watch(film(number), home.at(-number))
    home.run()
    home.run()
    for number in range(1, 21):
        home.jelly.unwatch(f"j{number}")
    home.trakt.put(Feature.RATINGS, Fact(film(30), Rating(7)))
    result = home.run()
    assert home.rating(30) == (7, 7, 7)
    assert all(home.trakt.plays(film(number)) for number in range(1, 26))
    (part,) = result.held
    assert (part.rule, len(part.titles), part.side) == ("removals", 20, "anna@jellyfin")
    with home.store.read() as db:
        assert [alert.key for alert in Alerts(db).open_ones()] == [f"sync:held:{home.person.id}"]
    assert [each.id for each in home.run().held] == [part.id]
    home.jelly.play("j20", home.at())
    home.service.decide(part.id, apply=True)
    home.run()
    assert [number for number in range(1, 26) if not home.trakt.plays(film(number))] == list(range(1, 20))
    assert home.service.held() == []
    assert home.run().counts == {}
    with home.store.read() as db:
        assert Alerts(db).open_ones() == []


def test_what_is_kept_is_not_asked_again(home: Home) -> None:
    """Walk 18: keep."""
    home.choose(remove__history__to_trakt="on", remove__history__from_trakt="on")
    for number in range(1, 26):
        home.trakt.watch(film(number), home.at(-number))
    home.run()
    home.run()
    for number in range(1, 21):
        home.jelly.unwatch(f"j{number}")
    (part,) = home.run().held
    home.service.decide(part.id, apply=False)
    for _ in range(3):
        assert home.run().held == ()
    assert all(home.watched(number) == (True, False, True) for number in range(1, 21))
    with pytest.raises(UserError, match="Nothing is held"):
        home.service.decide(part.id, apply=True)


def test_an_upgrade_that_marks_everything_is_held_and_only_that(home: Home) -> None:
    """New values on a joined side are looked at by a person where there are too many."""
    big = 230
    home.trakt.catalogue = [film(number) for number in range(1, big + 1)]
    home.run()
    for number in range(31, big + 1):
        home.jelly.put(f"j{number}", film(number))
    home.run()
    for number in range(1, big + 1):
        home.jelly.play(f"j{number}", home.at(-2 * number))
    result = home.run()
    assert [part.rule for part in result.held] == ["new values"]
    assert home.trakt.told == []


def test_a_run_is_taken_back_and_the_next_repeats_none_of_it(home: Home) -> None:
    """Walk 19."""
    home.trakt.watch(film(1), home.at(-5))
    home.trakt.watch(film(2), home.at(-4))
    home.jelly.play("j3", home.at(-3))
    home.plex.rate("p1", 8)
    result = home.run()
    assert (home.watched(1), home.watched(3), home.rating(1)) == ((True,) * 3, (True,) * 3, (8, 8, 8))
    home.trakt.put(Feature.RATINGS, Fact(film(1), Rating(9, home.at(0.5))))
    assert result.run is not None
    undone = home.undo(result.run)
    assert (undone.state, undone.kind) == ("done", "undo")
    assert (home.watched(1), home.watched(2), home.watched(3)) == (
        (True, False, False),
        (True, False, False),
        (False, True, False),
    )
    assert home.trakt.held[Feature.RATINGS][next(iter(home.trakt.held[Feature.RATINGS]))].value.value == 9
    assert "changed" in {remark.kind for remark in undone.remarks}
    written = home.written()
    for _ in range(2):
        home.run()
    assert home.written()[0] == written[0]
    assert home.watched(1) == (True, False, False)
    assert home.watched(3) == (False, True, False)


def test_a_play_whose_answer_was_lost_is_taken_back_and_not_told_again(home: Home) -> None:
    earlier = home.at(-9)
    home.trakt.watch(film(2), earlier)
    home.jelly.play("j2", home.at(-2))
    home.trakt.loses_answers = 1
    run = home.run().run
    assert len(home.trakt.plays(film(2))) == 2
    home.undo(run or 0)
    assert home.trakt.plays(film(2)) == [earlier]
    assert home.run().counts == {}


def test_what_is_unrated_on_trakt_before_trakt_was_ever_read_again_is_noticed(home: Home) -> None:
    """Trakt's own id of the title is not known then; it is looked up."""
    home.jelly.rate("j1", 5)
    home.run()
    home.trakt.drop(Feature.RATINGS, film(1))
    assert [remark.kind for remark in home.run().remarks] == ["kept"]


def test_a_full_sync_leaves_a_removal_to_the_next_run(home: Home) -> None:
    home.choose(remove__history__to_trakt="on", remove__history__from_trakt="on")
    home.jelly.play("j1", home.at(-5))
    home.run()
    home.plex.problem = AWAY
    home.jelly.unwatch("j1")
    assert home.run().state == "partial"
    assert home.watched(1) == (False, False, True)
    home.plex.problem = None
    result = home.run(full=True)
    assert home.watched(1) == (False, False, True)
    assert [remark.why for remark in result.remarks if remark.kind == "waits"] == [REMOVES_NOTHING]
    home.run()
    assert home.watched(1) == (False, False, False)


def test_an_undo_can_be_looked_at_before(home: Home) -> None:
    home.trakt.watch(film(1), home.at(-5))
    result = home.run()
    before, written = memory(home), home.written()
    *_, preview = home.service.undo(result.run or 0, preview=True)
    assert (memory(home), home.written()) == (before, written)
    assert getattr(preview, "state", "") == "preview"
    with pytest.raises(UserError, match="no run 77"):
        home.service.undo(77)
    empty = home.run()
    with pytest.raises(UserError, match="changed nothing"):
        home.service.undo(empty.run or 0)


def test_only_new_things_from_now_on_writes_nothing_of_the_past(home: Home) -> None:
    """Part 5: the baseline is stored, differences may stay."""
    home.trakt.watch(film(1), home.at(-50))
    home.jelly.play("j2", home.at(-50))
    home.plex.rate("p3", 7)
    assert home.service.waits_for_preview(home.person)
    assert home.service.due(home.clock.now()) == []
    home.clock.advance(60)
    *_, result = home.service.start(home.person, only_new=True)
    assert getattr(result, "state", "") == "done"
    for _ in range(3):
        home.run()
    assert (home.written(), len(home.trakt.writes)) == ((0, 0, 0), 0)
    home.jelly.play("j4", home.at())
    home.jelly.play("j2", home.at())
    home.run()
    assert home.watched(4) == (True, True, True)
    assert home.watched(2) == (True, True, True)
    assert home.trakt.plays(film(2)) == [home.at(-1)]
    assert home.watched(1) == (True, False, False)


def test_a_person_who_answered_is_due_after_every_and_not_before(home: Home) -> None:
    """A-022."""
    home.run()
    assert home.service.due(home.clock.now()) == []
    home.clock.advance(3600)
    (due,) = home.service.due(home.clock.now())
    assert (due.person, due.request.asked_by) == (home.person, "schedule")
    home.choose(every="6h")
    assert home.service.due(home.clock.now()) == []
    before = home.clock.now() - timedelta(days=3)
    assert home.service.due(before), "a clock that was set back holds nobody up"
