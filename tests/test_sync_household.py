"""Commands of sync carried out by the engine, against a simulated Trakt, Jellyfin and Plex of one household."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.shell import Call, shell
from tests.town import Town, alike, living


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with living() as made:
        yield made
        assert made.unhandled() == []


@pytest.fixture(scope="module")
def settled(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as after the first evening."""
    folder = tmp_path_factory.mktemp("settled") / "data"
    town.settle(folder)
    return folder


@pytest.fixture
def call(
    town: Town,
    settled: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Call:
    """Anna of both servers is one person and linked; nothing was synced yet."""
    town.reset()
    shutil.copytree(settled, tmp_path / "data")
    for name, value in {**town.environ(), "SIDETRAKT_HOME": str(tmp_path / "data")}.items():
        monkeypatch.setenv(name, value)
    return shell(capsys, monkeypatch)


def synced(call: Call, *words: str, code: int = 0) -> dict[str, Any]:
    """One sync of Anna; what it came to."""
    said = call("sync", "Anna", "--json", *words)
    assert said.code == code, said
    (result,) = said.json
    return dict(result)


def test_what_is_applied_is_carried_over_where_removals_are(call: Call, town: Town) -> None:
    films = town.lived()
    synced(call)
    synced(call)  # Trakt has shown by now what it calls these titles
    call("set", "Anna", "remove.history.from-trakt=on")
    for file in films[:6]:
        town.tick("trakt", file, "unwatch")
    part = synced(call, code=7)["held"][0]["id"]
    applied = call("held", str(part), "--apply")
    assert applied.code == 0, applied.out + applied.err
    assert town.everywhere() == alike([])


def test_an_emptied_server_is_filled_from_trakt_by_a_full_sync(call: Call, town: Town) -> None:
    films = town.lived()
    synced(call)
    for file in films[:6]:
        town.tick("jellyfin", file, "unwatch")
    assert synced(call, code=7)["state"] == "done"
    filled = synced(call, "--direction", "from-trakt", "--full")
    assert filled["kind"] == "full"
    assert town.everywhere() == alike(films[:6])
    assert town.plays() == 6


def test_an_item_that_nobody_knows_is_named_by_a_person(call: Call, town: Town) -> None:
    synced(call)
    rows = [row for row in call("unmatched", "--json").json if row["server"] == "home"]
    assert all(row["item"] and row["reason"] for row in rows)
    item = next(row for row in rows if "no id" in row["reason"])
    wanted = town.films(1)[0].titles[0]
    said = call("match", str(item["item"]), f"trakt:{wanted.ids.trakt}")
    assert said.code == 0, said.err
    synced(call)
    assert item["item"] not in [row["item"] for row in call("unmatched", "--json").json]
    assert call("ignore", str(item["item"])).code == 0
    synced(call)
    (ignored,) = [row for row in call("unmatched", "--json").json if row["item"] == item["item"]]
    assert ignored["reason"] == "It is ignored by choice."


def test_a_title_is_inspected_on_every_side(call: Call, town: Town) -> None:
    films = town.films(1)
    town.tick("jellyfin", films[0], "rate", rating=7)
    synced(call)
    town.tick("trakt", films[0], "rate", rating=8)
    ids = films[0].claims
    found = call("inspect", "Anna", str(ids.imdb), "--json").json
    ratings = {row["side"]: row for row in found["sides"] if row["feature"] == "ratings"}
    assert {side: (row["now"]["value"], row["seen"]["value"]) for side, row in ratings.items()} == {
        "Trakt (anna)": (8, 7), "Anna@home": (7, 7), "anna@den": (7, 7),
    }  # fmt: skip
    assert found["agreed"]["ratings"]["value"] == 7
    assert {group["side"] for group in found["next"]} == {"Anna@home", "anna@den"}
    said = call("inspect", "Anna", str(ids.imdb)).out
    assert "The next sync will add ratings on Anna@home" in said


def test_a_run_is_taken_back_and_not_repeated(call: Call, town: Town) -> None:
    films = town.lived()
    before = town.everywhere()
    run = synced(call)["run"]
    writes = town.all_writes()
    assert call("undo", str(run), "--preview").code == 0
    assert town.all_writes() == writes
    undone = call("undo", str(run))
    assert undone.code == 0, undone.out + undone.err
    assert town.everywhere() == before
    assert town.rating("plex", films[0]) is None
    writes = town.all_writes()
    assert synced(call)["counts"] == {}
    assert town.all_writes() == writes
