"""Commands of sync carried out by the engine, against a simulated Trakt, Jellyfin and Plex of one household."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from sidecar.app import App
from sidecar.clock import SystemClock
from sidecar.commands import perform
from sidecar.demo.catalogue import Claims
from sidecar.logs import Redaction
from sidecar.settings import load
from sidecar.store.db import open_store
from sidecar.sync.schedule import Schedule
from tests.anna import Later
from tests.shell import Call, shell
from tests.town import Town, alike, paths


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


@pytest.mark.parametrize("shift", [0, 1])
def test_a_whole_show_is_named_by_a_person_also_with_its_numbers_shifted(call: Call, town: Town, shift: int) -> None:
    nameless = Claims()
    files = [
        file
        for file in town.catalogue.files
        if file.library == "shows"
        and (file.claims, file.show_claims) == (nameless, nameless)
        and file.show
        and file.titles
    ]
    file = next(file for file in files if (file.season, file.number) == (1, 1))
    assert file.show is not None
    synced(call)
    rows = call("unmatched", "--json").json
    row = next(row for row in rows if row["server"] == "home" and row["name"] == f"{file.show.title} S01E01")
    said = call("match", str(row["item"]), f"show:trakt:{file.show.ids.trakt}", "--episodes", str(shift))
    assert (said.code, "episodes" in said.out) == (0, True), said.err
    synced(call)
    town.tick("jellyfin", file)
    synced(call)
    left = {row["name"] for row in call("unmatched", "--json").json if row["server"] == "home"}
    assert row["name"] not in left
    wanted = next(part for part in file.show.episodes if (part.season, part.number) == (1, 1 + shift))
    plays = town.controls["trakt"].state()["anna"]["plays"]
    assert [play.get("episode") for play in plays] == [wanted.ids.trakt]


def test_the_wrong_kind_of_title_is_refused(call: Call, town: Town) -> None:
    synced(call)
    rows = [row for row in call("unmatched", "--json").json if row["server"] == "home"]
    film = next(row for row in rows if row["library"] == "Movies")
    show = town.catalogue.shows[0].ids.trakt
    for words in ((f"show:trakt:{show}",), (f"movie:trakt:{town.films(1)[0].titles[0].ids.trakt}", "--episodes", "2")):
        refused = call("match", str(film["item"]), *words)
        assert (refused.code, "no show" in refused.err) == (2, True)
    assert call("match", str(film["item"]), "trakt:987654321").code == 2


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


def opened(town: Town, folder: Path, clock: SystemClock | None = None) -> App:
    """The app of a data folder, with the settings of this household."""
    environ = town.environ()
    return App(folder, load(environ, folder), environ, clock=clock or SystemClock(), redaction=Redaction())


def test_what_was_marked_on_trakt_is_on_both_servers_after_one_interval(call: Call, town: Town, tmp_path: Path) -> None:
    synced(call)
    files, clock = [*town.films(5), *town.episodes(20)], Later()
    assert len(files) == 25
    app = opened(town, tmp_path / "data", clock)
    schedule = Schedule(app.sync, app.store, app.settings.sync, clock, spawn=lambda work: work(), chance=min)
    schedule.turn()
    for number, file in enumerate(files):
        town.tick("trakt", file, watched_at=f"2025-03-{number + 1:02}T20:15:00.000Z")
    schedule.turn()
    assert town.watched("plex") == set()
    clock.ahead = 3600
    schedule.turn()
    app.close()
    assert town.everywhere() == alike(files)
    assert [town.date(file)[:16] for file in files] == [f"2025-03-{day:02}T20:15" for day in range(1, 26)]
    assert town.plays() == 25


def test_without_its_baseline_the_next_run_is_a_union_and_nothing_is_removed(
    call: Call, town: Town, tmp_path: Path
) -> None:
    films = town.lived()
    synced(call)
    settled = town.all_writes()
    assert synced(call)["counts"] == {}
    assert town.all_writes() == settled
    town.tick("plex", films[7])
    town.tick("jellyfin", films[0], "unwatch")
    store = open_store(tmp_path / "data")
    with store.write() as db:
        for statement in (
            "DELETE FROM seen",
            "DELETE FROM agreed",
            "DELETE FROM side_feature",
            "DELETE FROM viewing",
            "DELETE FROM settled",
        ):
            db.execute(statement)
    store.close()
    synced(call)
    assert town.everywhere() == alike([*films[:6], films[7]])
    assert town.plays() == 7


def test_a_full_sync_is_a_union_and_counts_what_somebody_keeps_different(call: Call, town: Town) -> None:
    films = town.lived()
    synced(call)
    town.tick("jellyfin", films[0], "unwatch")
    synced(call)
    town.tick("trakt", films[8])
    full = synced(call, "--full")
    assert (full["kind"], full["state"]) == ("full", "done")
    everywhere = alike([*films[:6], films[8]])
    assert town.everywhere() == everywhere | {"jellyfin": everywhere["jellyfin"] - paths(films[:1])}
    assert [(each["count"], each["first"]) for each in full["remarks"] if each["kind"] == "kept"] == [
        (1, [f"{films[0].name} ({films[0].year})"])
    ]


def test_after_a_run_that_failed_the_next_ends_well_and_the_alert_is_gone(
    call: Call, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIDETRAKT_TRAKT__MAX_RETRIES", "1")
    town.lived()
    town.controls["trakt"].faults.arm({"name": "status", "status": 500, "times": None, "path": "^/sync/"})
    failed = synced(call, code=1)
    assert "Trakt" in failed["problem"]
    assert "Trakt" in call("alerts").out
    town.controls["trakt"].faults.clear()
    again = synced(call)
    assert (again["state"], again["run"]) == ("done", failed["run"] + 1)
    assert "Nothing needs you" in call("alerts").out
    assert call("runs", "--json").json[0]["state"] == "done"


def test_who_asks_twice_gets_one_run(call: Call, town: Town, tmp_path: Path) -> None:
    town.lived()
    town.controls["trakt"].faults.arm({"name": "slow", "seconds": 0.5, "times": 1})
    app = opened(town, tmp_path / "data")
    asked = [perform(app, "sync", {"person": "Anna"}) for _ in range(2)]
    for one in asked:
        assert "progress" in next(one)
    first, second = ([*one][-1]["result"][0] for one in asked)
    app.close()
    assert first["run"] == second["run"]
    assert first["counts"] == second["counts"] != {}
    assert len(call("runs", "--json").json) == 1


def test_an_emptied_side_is_held_until_somebody_decides(call: Call, town: Town) -> None:
    films = town.lived()
    synced(call)
    every = town.everywhere()
    for file in films[:6]:
        town.tick("trakt", file, "unwatch")
    held = synced(call, code=7)
    assert held["held"][0]["why"] == "6 of 6 titles are missing from a read that calls itself complete."
    assert town.everywhere() == every | {"trakt": set()}
    listed = call("held")
    assert (listed.code, "6 of 6 titles" in listed.out) == (7, True)
    assert "held" in call("alerts").out or "holds back 6 changes" in call("alerts").out
    part = held["held"][0]["id"]
    one = call("held", str(part))
    assert one.code == 7
    assert len(one.out.splitlines()) >= 6
    kept = call("held", str(part), "--keep")
    assert kept.code == 0, kept.out + kept.err
    assert town.everywhere() == every | {"trakt": set()}
    assert call("held").code == 0
    assert synced(call)["counts"] == {}, "what is kept is not asked again"
    assert "Nothing needs you" in call("alerts").out


def test_what_a_run_did_is_listed_with_reasons(call: Call, town: Town) -> None:
    town.lived()
    run = synced(call)["run"]
    changes = call("runs", str(run), "--json").json["changes"]
    assert len(changes) == 16
    assert all(change["why"] and change["title"] and change["side"] and change["state"] == "done" for change in changes)
    said = call("runs", str(run)).out
    assert "Anna@home     history  add" in said


def test_who_is_forgotten_leaves_nothing_here_and_everything_elsewhere(call: Call, town: Town, tmp_path: Path) -> None:
    town.lived()
    synced(call)
    everywhere, written = town.everywhere(), town.all_writes()
    assert call("forget", "Anna", "--yes").code == 0
    assert (town.everywhere(), town.all_writes()) == (everywhere, written)
    assert any(row["path"] == "/oauth/revoke" for row in town.controls["trakt"].log)
    store = open_store(tmp_path / "data")
    with store.read() as db:
        anna = {
            "side": "SELECT key FROM side WHERE key LIKE 'trakt:%'",
            "seen": "SELECT 1 FROM seen",
            "agreed": "SELECT 1 FROM agreed",
            "viewing": "SELECT 1 FROM viewing",
            "run": "SELECT 1 FROM run",
            "change": "SELECT 1 FROM change",
            "secret": "SELECT name FROM secret WHERE name LIKE 'trakt:%'",
        }
        assert {table: db.execute(query).fetchall() for table, query in anna.items()} == {table: [] for table in anna}
    store.close()
