"""A person syncs: whole processes of ours against a simulated Trakt, Jellyfin and Plex of one household."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from sidecar.demo.catalogue import File
from tests.system.conftest import Sidetrakt
from tests.system.town import Town, living

SIDES = {"trakt", "plex", "jellyfin"}


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with living() as made:
        yield made
        assert made.unhandled() == []


@pytest.fixture
def anna(sidetrakt: Sidetrakt, town: Town) -> Sidetrakt:
    """Anna of both servers is one person and linked; nothing was synced yet."""
    town.reset()
    sidetrakt.folder.mkdir(mode=0o700)
    sidetrakt.environ |= town.environ()
    for words in (
        ("people",),
        ("people", "join", "Anna", "Anna@home"),
        ("link", "Anna", "--token-file", str(town.token_file(sidetrakt.folder.parent))),
    ):
        done = sidetrakt(*words)
        assert done.returncode == 0, done.stderr
    return sidetrakt


def lived(town: Town) -> list[File]:
    """What Anna did before anybody synced: two films on each side, and two ratings."""
    films = town.films(20)
    for service, file in zip(("jellyfin", "jellyfin", "plex", "plex", "trakt", "trakt"), films, strict=False):
        town.tick(service, file)
    town.tick("jellyfin", films[0], "rate", rating=8)
    town.tick("plex", films[2], "rate", rating=6)
    return films


def synced(anna: Sidetrakt, *words: str, code: int = 0) -> dict[str, Any]:
    """One sync of Anna; what it came to."""
    done = anna("sync", "Anna", "--json", *words)
    assert done.returncode == code, done.stdout + done.stderr
    (result,) = json.loads(done.stdout)
    return dict(result)


def paths(files: list[File]) -> set[str]:
    return {file.path for file in files}


def test_a_newcomer_looks_starts_changes_things_everywhere_and_all_sides_follow(anna: Sidetrakt, town: Town) -> None:
    films = lived(town)
    before = town.all_writes()
    shown = anna("sync", "Anna", "--preview")
    assert shown.returncode == 0, shown.stderr
    assert "This would be done; nothing is written now." in shown.stdout
    assert "`sidetrakt sync anna` does this" in shown.stdout
    assert town.all_writes() == before

    first = synced(anna)
    assert (first["state"], first["stale"]) == ("done", {})
    assert {service: town.watched(service) for service in SIDES} == dict.fromkeys(SIDES, paths(films[:6]))
    assert town.plays() == 6
    assert (town.rating("plex", films[0]), town.rating("jellyfin", films[2])) == (8.0, 6)

    for service, file in zip(("trakt", "plex", "jellyfin"), films[6:9], strict=True):
        town.tick(service, file)
    town.tick("trakt", films[0], "rate", rating=9)
    town.tick("jellyfin", films[1], "unwatch")
    second = synced(anna)
    assert {service: town.watched(service) for service in SIDES} == {
        "trakt": paths(films[:9]),
        "plex": paths(films[:9]),
        "jellyfin": paths(films[:9]) - paths(films[1:2]),
    }
    assert (town.rating("plex", films[0]), town.rating("jellyfin", films[0])) == (9.0, 9)
    settled = town.all_writes()
    assert synced(anna)["counts"] == {}
    assert town.all_writes() == settled

    listed = anna.json("runs")
    assert [run["id"] for run in listed][1] == second["run"]
    changes = anna.json("runs", str(second["run"]))["changes"]
    assert all(change["why"] and change["title"] and change["side"] for change in changes)


def test_an_emptied_side_is_held_until_somebody_decides(anna: Sidetrakt, town: Town) -> None:
    films = lived(town)
    synced(anna)
    every = {service: town.watched(service) for service in SIDES}
    for file in films[:6]:
        town.tick("trakt", file, "unwatch")
    held = synced(anna, code=7)
    assert held["held"][0]["why"] == "6 of 6 titles are missing from a read that calls itself complete."
    assert {service: town.watched(service) for service in SIDES} == every | {"trakt": set()}
    listed = anna("held")
    assert (listed.returncode, "6 of 6 titles" in listed.stdout) == (7, True)
    assert "held" in anna("alerts").stdout or "holds back 6 changes" in anna("alerts").stdout
    part = held["held"][0]["id"]
    one = anna("held", str(part))
    assert one.returncode == 7
    assert len(one.stdout.splitlines()) >= 6
    kept = anna("held", str(part), "--keep")
    assert kept.returncode == 0, kept.stdout + kept.stderr
    assert {service: town.watched(service) for service in SIDES} == every | {"trakt": set()}
    assert anna("held").returncode == 0
    assert synced(anna)["counts"] == {}, "what is kept is not asked again"
    assert "Nothing needs you" in anna("alerts").stdout


def test_what_is_applied_is_carried_over_where_removals_are(anna: Sidetrakt, town: Town) -> None:
    films = lived(town)
    synced(anna)
    anna("set", "Anna", "remove.history.from-trakt=on")
    for file in films[:6]:
        town.tick("trakt", file, "unwatch")
    part = synced(anna, code=7)["held"][0]["id"]
    applied = anna("held", str(part), "--apply")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert {service: town.watched(service) for service in SIDES} == {service: set() for service in SIDES}


def test_a_run_is_taken_back_and_not_repeated(anna: Sidetrakt, town: Town) -> None:
    films = lived(town)
    before = {service: town.watched(service) for service in SIDES}
    run = synced(anna)["run"]
    writes = town.all_writes()
    assert anna("undo", str(run), "--preview").returncode == 0
    assert town.all_writes() == writes
    undone = anna("undo", str(run))
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert {service: town.watched(service) for service in SIDES} == before
    assert town.rating("plex", films[0]) is None
    writes = town.all_writes()
    assert synced(anna)["counts"] == {}
    assert town.all_writes() == writes


def test_only_new_things_from_now_on_leaves_the_past_as_it_is(anna: Sidetrakt, town: Town) -> None:
    films, before = lived(town), town.all_writes()
    said = at_a_terminal(anna, "only new\n", "sync", "Anna")
    assert "This would be done; nothing is written now." in said
    assert "What all sides hold now is agreed, and nothing was written." in said
    assert town.all_writes() == before
    town.tick("plex", films[7])
    assert synced(anna)["state"] == "done"
    assert town.watched("trakt") == paths([*films[4:6], films[7]])


def at_a_terminal(sidetrakt: Sidetrakt, typed: str, *words: str) -> str:
    """Run a command in a terminal of its own, type something, and give all that it showed."""
    screen, inside = pty.openpty()
    command = [sys.executable, "-m", "sidecar", *words]
    process = subprocess.Popen(
        command, env={**sidetrakt.environ, "TERM": "xterm"}, stdin=inside, stdout=inside, stderr=inside
    )
    os.close(inside)
    os.write(screen, typed.encode())
    shown = b""
    try:
        while part := os.read(screen, 65536):
            shown += part
    except OSError:  # the terminal is gone with its process
        pass
    assert process.wait(20) == 0, shown.decode()
    os.close(screen)
    return shown.decode()


def test_a_sync_killed_in_the_middle_is_finished_by_the_next(anna: Sidetrakt, town: Town) -> None:
    films = town.films(20)
    for file in films:
        town.tick("jellyfin", file)
    process = anna.start("sync", "Anna")
    since = town.controls["plex"].count
    while not any(row["path"] == "/:/scrobble" for row in town.controls["plex"].rows(since, 30)["rows"]):
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    finished = synced(anna)
    assert finished["state"] == "done"
    assert {service: town.watched(service) for service in SIDES} == dict.fromkeys(SIDES, paths(films))
    assert town.plays() == len(films)
    assert [run["state"] for run in anna.json("runs")] == ["done", "stopped"]


def test_an_emptied_server_is_filled_from_trakt_by_a_full_sync(anna: Sidetrakt, town: Town) -> None:
    films = lived(town)
    synced(anna)
    for file in films[:6]:
        town.tick("jellyfin", file, "unwatch")
    assert synced(anna, code=7)["state"] == "done"
    filled = synced(anna, "--direction", "from-trakt", "--full")
    assert filled["kind"] == "full"
    assert {service: town.watched(service) for service in SIDES} == dict.fromkeys(SIDES, paths(films[:6]))
    assert town.plays() == 6


def test_an_item_that_nobody_knows_is_named_by_a_person(anna: Sidetrakt, town: Town) -> None:
    synced(anna)
    rows = [row for row in anna.json("unmatched") if row["server"] == "home"]
    assert all(row["item"] and row["reason"] for row in rows)
    item = next(row for row in rows if "no id" in row["reason"])
    wanted = town.films(1)[0].titles[0]
    said = anna("match", str(item["item"]), f"trakt:{wanted.ids.trakt}")
    assert said.returncode == 0, said.stderr
    synced(anna)
    assert item["item"] not in [row["item"] for row in anna.json("unmatched")]
    assert anna("ignore", str(item["item"])).returncode == 0
    synced(anna)
    (ignored,) = [row for row in anna.json("unmatched") if row["item"] == item["item"]]
    assert ignored["reason"] == "It is ignored by choice."


def test_a_title_is_inspected_on_every_side(anna: Sidetrakt, town: Town) -> None:
    films = town.films(1)
    town.tick("jellyfin", films[0], "rate", rating=7)
    synced(anna)
    town.tick("trakt", films[0], "rate", rating=8)
    ids = films[0].claims
    found = anna.json("inspect", "Anna", str(ids.imdb))
    ratings = {row["side"]: row for row in found["sides"] if row["feature"] == "ratings"}
    assert {side: (row["now"]["value"], row["seen"]["value"]) for side, row in ratings.items()} == {
        "Trakt (anna)": (8, 7), "Anna@home": (7, 7), "anna@den": (7, 7),
    }  # fmt: skip
    assert found["agreed"]["ratings"]["value"] == 7
    assert {group["side"] for group in found["next"]} == {"Anna@home", "anna@den"}
    said = anna("inspect", "Anna", str(ids.imdb)).stdout
    assert "The next sync will add ratings on Anna@home" in said
