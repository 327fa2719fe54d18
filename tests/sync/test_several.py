"""Whole runs of a person with several servers, and what runs remember of their success."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sidecar.errors import Outage
from sidecar.model import Feature
from sidecar.store.db import open_store
from sidecar.store.matches import Matches
from sidecar.store.runs import Runs
from sidecar.store.sessions import Kept, Sessions
from tests.sync.home import AWAY, Home, claimed, film
from tests.sync.ramhouse import RamServer

BROKEN = Outage("trakt", "Trakt has trouble (500).", "It is tried again by itself.")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Two Jellyfins and a Plex, none of which is the main one."""
    store = open_store(tmp_path)
    made = Home(store)
    attic = RamServer(store, "jellyfin", "attic-1", clock=made.clock.now)
    for number in range(1, made.films + 1):
        attic.put(f"a{number}", claimed(film(number)))
    made.sides["attic"] = attic
    yield made
    store.close()


@pytest.mark.parametrize("where", ["jellyfin", "plex", "attic"])
def test_watched_on_one_of_three_servers_it_is_on_all_and_one_play(home: Home, where: str) -> None:
    """A-067, A-133."""
    home.run()
    home.run()
    home.sides[where].play(f"{where[0]}2", home.at())
    home.run()
    assert home.watched(2) == (True,) * 4
    assert home.trakt.plays(film(2)) == [home.at(-1)]
    assert [len(side.writes) for side in home.sides.values()] == [int(name != where) for name in home.sides]
    for _ in range(2):
        assert home.run().counts == {}
    home.sides[where].rate(f"{where[0]}3", 8)
    home.run()
    assert home.rating(3) == (8,) * 4
    assert home.trakt.plays(film(2)) == [home.trakt.plays(film(2))[0]]


def test_two_servers_that_disagree_do_not_go_round_in_circles(home: Home) -> None:
    """Each rates the same film otherwise: one value for all, listed, and silence."""
    home.sides["jellyfin"].rate("j1", 3)
    home.sides["attic"].rate("a1", 9)
    result = home.run()
    assert len(set(home.rating(1))) == 1
    assert [remark.kind for remark in result.remarks] == ["conflict"]
    for _ in range(3):
        assert home.run().counts == {}


def test_a_server_that_was_away_for_a_week_gets_everything_and_takes_nothing_back(home: Home) -> None:
    home.run()
    home.choose(remove__history__to_trakt="on", remove__history__from_trakt="on")
    home.sides["attic"].problem = AWAY
    for number in (1, 2, 3):
        home.jelly.play(f"j{number}", home.at())
        home.clock.advance(48 * 3600)
        assert home.run().state == "partial"
    home.jelly.unwatch("j1")
    home.run()
    assert home.watched(1) == (False, False, False, False)
    home.sides["attic"].play("a4", home.at())
    home.sides["attic"].problem = None
    home.run()
    home.run()
    assert [home.watched(number) for number in (1, 2, 3, 4)] == [(False,) * 4, *[(True,) * 4] * 3]
    assert home.run().counts == {}


def test_the_last_success_and_the_last_attempt_are_two_moments(home: Home) -> None:
    """A-012: a run that failed moves only one of them, and says why."""

    def last() -> tuple[object, object]:
        """When a run ended well, and when one ended at all."""
        with home.store.read() as db:
            runs = Runs(db).latest()
        return next(run.ended_at for run in runs if run.state == "done"), runs[0].ended_at

    home.run()
    good, tried = last()
    assert good == tried
    build, home.trakt.before = home.trakt.before, trouble_with_ratings
    failed = home.run()
    home.trakt.before = build
    assert (failed.state, BROKEN.what in failed.problem) == ("partial", True)
    assert last()[0] == good
    assert last()[1] != tried
    assert home.run().state == "done"
    assert last()[0] == last()[1] != good


def trouble_with_ratings(what: str) -> None:
    """Trakt answers 500 to whatever reads ratings."""
    if what == f"read {Feature.RATINGS}":
        raise BROKEN


@pytest.mark.parametrize("heard", [True, False])
def test_a_sample_that_was_heard_is_no_play_whatever_date_the_server_shows(home: Home, *, heard: bool) -> None:
    """Line 10: what was left unfinished explains a date for thirty days; unheard, it looks like a rewatch."""
    home.trakt.watch(film(1), home.at(-500))
    home.run()
    home.run()
    began = home.at()
    home.jelly.play("j1", began)
    if heard:
        with home.store.write() as db:
            assert Matches(db).of_items("jellyfin-1", ["j1"])
            ended = began + timedelta(minutes=2)
            Sessions(db).put(Kept("jellyfin-1", "anna", "tv", "j1", 1, "uuid", began, ended, ended, False, "{}"))
    for _ in range(3):
        home.run()
    assert len(home.trakt.plays(film(1))) == (1 if heard else 2)


def test_a_server_without_a_token_is_skipped_with_the_reason_and_not_asked(home: Home) -> None:
    """T-014."""
    attic = home.sides["attic"]
    attic.configured = False
    home.trakt.watch(film(1), home.at(-3))
    result = home.run()
    assert (result.state, result.stale) == ("done", {"anna@jellyfin": "It is not set up."})
    assert (attic.reads, attic.writes) == (0, [])
    assert home.watched(1) == (True, True, True, False)


def test_the_plan_is_written_down_before_a_provider_is_asked_to_add(home: Home) -> None:
    """T-010: plan, then provider, then what came of it."""
    seen: list[tuple[str, list[str]]] = []

    def note(what: str) -> None:
        with home.store.read() as db:
            runs = Runs(db).latest(1)
            seen.append((what, [change.state for change in Runs(db).changes(runs[0].id)] if runs else []))

    home.jelly.play("j1", home.at(-5))
    home.jelly.play("j2", home.at(-9))
    home.trakt.before = home.trakt.after = note
    result = home.run(features=(Feature.HISTORY,))
    planned = 2 + 4  # Trakt, and the other two servers
    assert [(what, len(states), states.count("sent")) for what, states in seen if what.startswith("add")] == [
        ("add history", planned, 2),
        ("add history", planned, 2),
    ]
    assert [change.state for change in home.changes(result)] == ["done"] * planned
