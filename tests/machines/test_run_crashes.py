"""A run of 40 changes that dies at every commit and every request, and goes on in a new process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from msgspec.structs import replace

from sidecar.contract import Fact, Rating
from sidecar.model import Feature
from tests.machines.crash import Killed, MortalStore
from tests.sync.home import Home, claimed, film

CHANGES = 40


class Death:
    """Ends the process at the n-th boundary: before or after a request, before or after a commit."""

    def __init__(self, at: int) -> None:
        self.at, self.count = at, 0

    def __call__(self, what: str) -> None:
        """One boundary more."""
        self.count += 1
        if 0 < self.at <= self.count:
            raise Killed(what)


def household(world: MortalStore) -> Home:
    """Ten films watched on each server and ten at Trakt, and ten ratings: 40 changes, and some more."""
    home = Home(world.store, films=30, servers=("jellyfin",))
    for number in range(1, 11):
        home.jelly.play(f"j{number}", home.at(-100 + number))
        home.trakt.watch(film(number + 10), home.at(-200 + number))
        home.trakt.put(Feature.RATINGS, Fact(film(number), Rating(7, home.at(-10))))
        home.jelly.rate(f"j{number + 10}", 5)
    return home


@contextmanager
def dying_all(home: Home, death: Callable[[str], None]) -> Iterator[None]:
    """Whatever the process does from here on may be its last."""
    write = home.store.write

    @contextmanager
    def mortal() -> Iterator[object]:
        death("commit")
        with write() as db:
            yield db
        death("committed")

    home.store.write = mortal  # type: ignore[method-assign,assignment]
    for side in home.all():
        side.before = side.after = death
    try:
        yield
    finally:
        home.store.write = write  # type: ignore[method-assign]
        for side in home.all():
            side.before = side.after = lambda _: None


def boundaries() -> int:
    """How many there are in the first run."""
    world, count = MortalStore(), Death(0)
    home = household(world)
    with dying_all(home, count):
        home.run()
    world.close()
    return count.count


@pytest.mark.parametrize("part", range(4))
def test_a_run_that_dies_anywhere_ends_right(part: int) -> None:
    """A-136, done when: SIGKILL at every request and commit boundary of a run of 40 changes; exact end state."""
    for at in range(1 + part, boundaries() + 1, 4):
        world = MortalStore()
        home = household(world)
        with dying_all(home, Death(at)), pytest.raises(Killed):
            home.run()
        world.die()
        home.open(world.store)
        for _ in range(2):
            assert home.run().state == "done", at
        assert len(home.trakt.told) == 10, at
        assert all(len(home.trakt.plays(film(number))) == 1 for number in range(1, 21)), at
        assert all(home.watched(number) == (True, True) for number in range(1, 21)), at
        assert all(home.rating(number) == ((7, 7) if number < 11 else (5, 5)) for number in range(1, 21)), at
        written = home.written(), len(home.trakt.writes)
        assert home.run().counts == {}, at
        assert (home.written(), len(home.trakt.writes)) == written, at
        world.close()


def lived(act: Callable[[Home], None]) -> Iterator[tuple[int, Home]]:
    """A film that both sides hold as watched, then this, a run that dies at each boundary in turn, and two more."""
    at, died = 0, True
    while died:
        at += 1
        world = MortalStore()
        home = Home(world.store, films=2, servers=("jellyfin",))
        home.choose(remove__history__to_trakt="on")
        home.jelly.play("j1", home.at(-5))
        home.jelly.rate("j1", 7)
        home.run()
        act(home)
        died = True
        with dying_all(home, Death(at)), suppress(Killed):
            home.run()
            died = False
        if died:
            world.die()
            home.open(world.store)
        for _ in range(2):
            home.run()
        yield at, home
        world.close()
    assert at > 20


def test_a_replaced_file_becomes_watched_wherever_the_run_that_met_it_died() -> None:
    def replace_file(home: Home) -> None:
        home.jelly.items.pop("j1")
        home.jelly.put("better", claimed(film(1)))

    for at, home in lived(replace_file):
        better = home.jelly.items["better"].copy
        assert (better.played, better.rating) == (True, 7), at
        assert len(home.trakt.told) == 1, at


def test_what_a_server_forgot_is_given_back_wherever_the_run_that_saw_it_died() -> None:
    """Line 15: a rating moved, and with it the server forgot that the film was watched."""

    def forget(home: Home) -> None:
        home.jelly.rate("j1", 4)
        home.jelly.unwatch("j1")

    for at, home in lived(forget):
        assert home.jelly.items["j1"].copy.played, at
        assert len(home.trakt.plays(film(1))) == 1, at


def test_what_is_marked_again_is_told_again_wherever_the_run_that_removed_it_died() -> None:
    for at, home in lived(lambda home: home.jelly.unwatch("j1")):
        assert home.trakt.plays(film(1)) == [], at
        home.jelly.items["j1"].copy = replace(home.jelly.items["j1"].copy, played=True, count=1)
        home.jelly.moved += 1
        home.run()
        assert len(home.trakt.plays(film(1))) == 1, at
