"""A person syncs: whole processes of ours against a simulated Trakt, Jellyfin and Plex of one household."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import Running, Sidetrakt
from tests.town import Town, alike, paths


@pytest.fixture
def anna(sidetrakt: Sidetrakt, town: Town, settled: Path) -> Sidetrakt:
    """Anna of both servers is one person and linked; nothing was synced yet."""
    town.reset()
    shutil.copytree(settled, sidetrakt.folder)
    sidetrakt.environ |= town.environ()
    return sidetrakt


def synced(anna: Sidetrakt, *words: str, code: int = 0) -> dict[str, Any]:
    """One sync of Anna; what it came to."""
    done = anna("sync", "Anna", "--json", *words)
    assert done.returncode == code, done.stdout + done.stderr
    (result,) = json.loads(done.stdout)
    return dict(result)


def test_a_newcomer_looks_starts_changes_things_everywhere_and_all_sides_follow(anna: Sidetrakt, town: Town) -> None:
    films = town.lived()
    written = town.all_writes()
    shown = anna("sync", "Anna", "--preview")
    assert shown.returncode == 0, shown.stderr
    assert "This would be done; nothing is written now." in shown.stdout
    assert "`sidetrakt sync “anna”` does this" in shown.stdout
    assert town.all_writes() == written

    first = synced(anna)
    assert (first["state"], first["stale"]) == ("done", {})
    assert town.everywhere() == alike(films[:6])
    assert town.plays() == 6
    assert (town.rating("plex", films[0]), town.rating("jellyfin", films[2])) == (8.0, 6)

    for service, file in zip(("trakt", "plex", "jellyfin"), films[6:9], strict=True):
        town.tick(service, file)
    town.tick("trakt", films[0], "rate", rating=9)
    town.tick("jellyfin", films[1], "unwatch")
    synced(anna)
    assert town.everywhere() == {
        "trakt": paths(films[:9]),
        "plex": paths(films[:9]),
        "jellyfin": paths(films[:9]) - paths(films[1:2]),
    }
    assert (town.rating("plex", films[0]), town.rating("jellyfin", films[0])) == (9.0, 9)
    settled = town.all_writes()
    assert synced(anna)["counts"] == {}
    assert town.all_writes() == settled

    for file in films[:9]:
        town.tick("trakt", file, "unwatch")
    before = town.everywhere()
    held = synced(anna, code=7)["held"][0]
    assert held["why"] == "9 of 9 titles are missing from a read that calls itself complete."
    kept = anna("held", str(held["id"]), "--keep")
    assert kept.returncode == 0, kept.stdout + kept.stderr
    assert town.everywhere() == before

    town.tick("plex", films[10])
    before = town.everywhere()
    run = synced(anna)["run"]
    assert films[10].path in town.watched("trakt") & town.watched("jellyfin")
    undone = anna("undo", str(run))
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert town.everywhere() == before
    assert synced(anna)["counts"] == {}


def test_only_new_things_from_now_on_leaves_the_past_as_it_is(anna: Sidetrakt, town: Town) -> None:
    films, before = town.lived(), town.all_writes()
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


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_sync_that_ends_in_the_middle_is_finished_by_the_next(
    anna: Sidetrakt, town: Town, how: signal.Signals
) -> None:
    films = town.films(20)
    for file in films:
        town.tick("jellyfin", file)
    process = anna.start("sync", "Anna")
    since = town.controls["plex"].count
    while not any(row["path"] == "/:/scrobble" for row in town.controls["plex"].rows(since, 30)["rows"]):
        assert process.poll() is None
    process.send_signal(how)
    process.communicate(timeout=20)
    assert process.returncode == (130 if how is signal.SIGINT else -how)
    assert synced(anna)["state"] == "done"
    assert town.everywhere() == alike(films)
    assert town.plays() == len(films)
    assert [run["state"] for run in anna.json("runs")] == ["done", "stopped"]


def test_up_syncs_by_itself_from_its_start_on(anna: Sidetrakt, town: Town, up: Callable[..., Running]) -> None:
    synced(anna)
    file = town.films(1)[0]
    town.tick("trakt", file)
    since = town.controls["plex"].count
    running = up()
    while not any(row["path"] == "/:/scrobble" for row in town.controls["plex"].rows(since, 30)["rows"]):
        assert running.process.poll() is None
    joined = synced(anna)
    assert joined["state"] == "done"
    assert town.everywhere() == alike([file])
    assert {run["asked_by"] for run in anna.json("runs")} == {"a person", "schedule"}
    assert running.stop() == 0
