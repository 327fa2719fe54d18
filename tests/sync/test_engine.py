"""Whole runs of one person against sides in memory and a real store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.store.db import open_store
from tests.sync.home import Home, film


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
