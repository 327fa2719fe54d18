"""What commands and schedule meet: joining, turns, titles that live asks for, stopping, and two who share Trakt."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar import logs
from sidecar.model import Feature
from sidecar.store.db import open_store
from sidecar.store.ledger import Ledger
from sidecar.store.matches import Matches
from sidecar.store.outbox import Outbox, Topic
from sidecar.store.people import People, Person
from sidecar.store.sessions import Kept, Sessions
from sidecar.store.wishes import Wishes
from sidecar.sync.linked import Linked
from sidecar.sync.request import Progress, Request, Result
from sidecar.viewing import Sighting, Told
from tests.sync.home import HOUR, Home, film
from tests.sync.ramhouse import RamServer


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    store = open_store(tmp_path)
    yield Home(store)
    store.close()


class Gate:
    """Holds a side's reads until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened, self.seen = threading.Event(), threading.Event(), list[str]()

    def __call__(self, what: str) -> None:
        """A request comes by."""
        self.seen.append(logs.RUN.get())
        self.reached.set()
        assert self.opened.wait(10)


def test_a_second_request_joins_and_another_waits_for_its_turn(home: Home) -> None:
    """A-023."""
    gate = Gate()
    home.jelly.before = gate
    first = home.service.run(home.person, Request())
    assert gate.reached.wait(10)
    second = home.service.run(home.person, Request(asked_by="schedule"))
    other = home.service.run(home.person, Request(full=True))
    gate.opened.set()
    results = [list(each)[-1] for each in (first, second, other)]
    assert [getattr(each, "run", None) for each in results] == [1, 1, 2]
    assert [run.kind for run in home.service.runs()] == ["full", "sync"]
    assert set(gate.seen) == {"1", "2"}, "every line of a run carries its number"


def test_nobody_needs_to_listen_and_progress_is_told_to_who_does(home: Home) -> None:
    home.trakt.watch(film(1), home.at(-3))
    steps = [each.step for each in home.service.run(home.person, Request()) if isinstance(each, Progress)]
    assert steps
    home.jelly.play("j2", home.at())
    home.clock.advance(HOUR)
    left = home.service.run(home.person, Request())
    next(left)
    left.close()  # type: ignore[attr-defined]
    list(home.service.run(home.person, Request()))
    assert len(home.trakt.told) == 1


def test_stopping_ends_between_two_batches_and_the_next_run_does_the_rest(home: Home) -> None:
    for number in (1, 2, 3):
        home.jelly.play(f"j{number}", home.at(-20 * number))
    stopping = threading.Event()

    def stop(_: str) -> None:
        threading.Thread(target=home.service.stop).start()
        stopping.set()

    home.plex.after = stop
    result = home.run()
    assert (result.state, home.trakt.told) == ("stopped", [])
    home.open(home.store)
    home.plex.after = lambda _: None
    home.run()
    home.run()
    assert len(home.trakt.told) == 3


def test_a_title_that_live_asks_for_is_synced_alone_and_at_once(home: Home) -> None:
    """Line 46: an un-watch asks for a run of the title."""
    home.choose(remove__history__to_trakt="on", remove__history__from_trakt="on")
    for number in (1, 2):
        home.trakt.watch(film(number), home.at(-number * 9))
    home.run()
    home.run()
    home.jelly.unwatch("j1")
    home.jelly.play("j3", home.at())
    with home.store.write() as db:
        (title,) = Matches(db).of_items("jellyfin-1", ["j1"])["j1"]
        Sessions(db).toggled("jellyfin-1", "anna", "j1", home.clock.now())
        Wishes(db).ask_run(
            home.person.id, title, Feature.HISTORY, side="jellyfin:jellyfin-1:anna", why="x", at=home.clock.now()
        )
    (due,) = home.service.due(home.clock.now())
    assert (due.request.asked_by, due.request.titles, due.request.features) == ("live", (title,), (Feature.HISTORY,))
    home.clock.advance(60)
    list(home.service.run(due.person, due.request))
    assert home.watched(1) == (False, False, False)
    assert home.watched(3) == (False, True, False)
    assert home.service.due(home.clock.now()) == []
    home.run()
    assert home.watched(3) == (True, True, True)
    assert home.watched(2) == (True, True, True)


def heard(home: Home, number: int, *, told: Told) -> None:
    """A film that live heard from begin to end on the Jellyfin."""
    began, ended = home.at(-2), home.at()
    home.jelly.play(f"j{number}", began)
    with home.store.write() as db:
        (title,) = Matches(db).of_items("jellyfin-1", [f"j{number}"])[f"j{number}"]
        kept = Kept("jellyfin-1", "anna", "TV", f"j{number}", home.person.id, "uuid", began, ended, ended, True, "{}")
        Sessions(db).put(kept)
        sighting = Sighting("jellyfin:jellyfin-1:anna", began, began=began, ended=ended)
        claim = Ledger(db).claim("uuid", title, sighting, ended, runtime=120)
        assert claim is not None
        Outbox(db).put("uuid", title, Topic.PLAY, key=f"play:{number}", body={}, at=ended, viewing=claim.viewing.id)
        if told is not Told.NO:
            Ledger(db).set_told(claim.viewing.id or 0, Told.SENT, ended, minute=ended)
            Outbox(db).begin(1, ended, 1)
        if told is Told.YES:
            Ledger(db).set_told(claim.viewing.id or 0, Told.YES, ended, minute=ended)
            Outbox(db).done(1, ended)
    if told is Told.YES:
        home.trakt.watch(film(number), ended)


@pytest.mark.parametrize("told", [Told.YES, Told.NO])
def test_what_was_heard_live_is_told_once_by_whoever_comes_first(home: Home, told: Told) -> None:
    """Walks 3 and 6."""
    home.run()
    heard(home, 1, told=told)
    for _ in range(3):
        home.run()
    assert home.trakt.plays(film(1)) == [home.at(-3)]
    assert home.watched(1) == (True, True, True)


def test_what_live_has_in_hand_is_not_settled_by_a_run(home: Home) -> None:
    """Walk 4: it may arrive any moment, and live looks for it."""
    home.run()
    heard(home, 1, told=Told.SENT)
    home.run()
    home.run()
    assert home.trakt.told == []
    assert home.plex.items["p1"].copy.played


def test_what_is_playing_is_left_alone_until_it_ended(home: Home) -> None:
    """Line 37."""
    home.trakt.watch(film(1), home.at(-30))
    home.run()
    home.trakt.watch(film(2), home.at(-9))
    with home.store.write() as db:
        now = home.clock.now()
        number = Sessions(db).put(
            Kept("plex-1", "anna", "TV", "p2", home.person.id, "uuid", now, now, None, False, "{}")
        )
    home.run()
    assert home.watched(2) == (True, False, False)
    with home.store.write() as db:
        ended = home.clock.now()
        Sessions(db).put(
            Kept("plex-1", "anna", "TV", "p2", home.person.id, "uuid", now, now, ended, False, "{}", number)
        )
    home.run()
    assert home.watched(2) == (True, True, True)


def test_two_persons_who_share_a_trakt_account_both_hear_what_it_says(home: Home) -> None:
    """Walk 12, and one of them writes nothing back that the other took in."""
    with home.store.write() as db:
        ben = People(db).add("Ben", home.clock.now())
        People(db).link(ben, "uuid", home.clock.now())
    bens = RamServer(home.store, "jellyfin", "jellyfin-1", "ben", clock=home.clock.now)
    for number in range(1, 6):
        bens.put(f"j{number}", *home.jelly.items[f"j{number}"].refs)
    annas = home.find
    his = [
        Linked("jellyfin:jellyfin-1:ben", bens, "jellyfin-1", "ben", 20.0),
        Linked(f"trakt:uuid#{ben.id}", home.trakt, at_once=100),
    ]
    home.find = lambda person: his if person == ben else annas(person)  # type: ignore[method-assign]
    home.open(home.store)

    def runs(*who: Person) -> None:
        for person in who:
            home.clock.advance(HOUR)
            list(home.service.run(person, Request()))

    home.jelly.rate("j1", 8)
    runs(home.person, ben, home.person, ben)
    assert (home.rating(1)[0], bens.items["j1"].copy.rating) == (8, 8)
    bens.play("j2", home.at(-3))
    home.jelly.play("j2", home.at(-3))
    runs(ben, home.person)
    assert len(home.trakt.told) == 1
    bens.rate("j1", 3)
    runs(ben, home.person, ben, home.person)
    assert (home.rating(1)[:2], bens.items["j1"].copy.rating) == ((3, 3), 3)


def test_a_run_that_fails_says_so_and_is_over(home: Home) -> None:
    """A-012, A-054."""

    def breaks(_: str) -> None:
        raise ZeroDivisionError

    home.trakt.before = breaks
    with pytest.raises(ZeroDivisionError):
        home.run()
    (run,) = home.service.runs()
    assert (run.state, run.summary["problem"]) == (
        "failed",
        "Something unexpected went wrong; the log has the details.",
    )
    home.trakt.before = lambda _: None
    result = home.run()
    assert isinstance(result, Result)
    assert result.state == "done"
