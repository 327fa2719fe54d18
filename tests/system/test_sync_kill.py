"""A run is killed after every request and every commit, and at thirty random ones of a large run: all ends right."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from sidecar.app import App
from sidecar.clock import SystemClock
from sidecar.commands import perform
from sidecar.demo.catalogue import File
from sidecar.demo.trakt import signins
from sidecar.logs import Redaction
from sidecar.settings import load
from sidecar.store.folder import prepare
from tests.town import Town, living

ROOT = Path(__file__).resolve().parents[2]
HALF_AN_HOUR = 1800.0
PLACE = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - these are deaths of processes, not of machines


@dataclass
class Lives:
    """Processes that sync Anna between one Jellyfin and Trakt, and may die of it."""

    town: Town
    settled: Path
    folder: Path
    process: subprocess.Popen[str]

    def begin(self) -> None:
        """A town as after its start, and a data folder of which no run knows."""
        self.town.reset()
        self.town.controls["trakt"].switches["limits"] = False
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.settled, self.folder)

    def live(self, runs: int = 1, *, dies_at: int = 0, ahead: float = 0.0) -> list[Any]:
        """One process; what its runs came to, as boundaries, state, problem and counts."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        life = {"folder": str(self.folder), "runs": runs, "dies_at": dies_at, "ahead": ahead}
        self.process.stdin.write(json.dumps(life) + "\n")
        self.process.stdin.flush()
        said = []
        while not (line := self.process.stdout.readline()).startswith("!"):
            assert line, "whoever forks them is gone"
            said.append(json.loads(line))
        assert int(line[2:]) == (-signal.SIGKILL if dies_at else 0), (line, dies_at, said)
        return said

    def plays(self) -> dict[int, list[str]]:
        """All plays on Trakt: by title their minutes."""
        found: dict[int, list[str]] = {}
        page, rows = 1, self._ask("/sync/history", 1)
        while rows:
            for row in rows:
                found.setdefault(row[row["type"]]["ids"]["trakt"], []).append(row["watched_at"][:16])
            page += 1
            rows = self._ask("/sync/history", page)
        return found

    def marks(self) -> dict[str, float | None]:
        """What is watched on Jellyfin, each with its rating."""
        kept = self.town.controls["jellyfin"].state()["people"]["Anna"]
        items = self.town.apps["jellyfin"].server.shelf.by_path
        rows = {path: kept.get(item.id, {}) for path, item in items.items()}
        return {path: row.get("Rating") for path, row in rows.items() if row.get("Played")}

    def _ask(self, path: str, page: int) -> list[Any]:
        said = signins(self.town.catalogue)
        headers = {
            "trakt-api-version": "2",
            "trakt-api-key": said["client_id"],
            "User-Agent": "tests/1.0",
            "Authorization": f"Bearer {said['users']['anna']['access_token']}",
        }
        query = {"page": page, "limit": 250}
        return list(requests.get(self.town.urls["trakt"] + path, query, headers=headers, timeout=10).json())


@contextmanager
def lives_in(folder: Path, titles: int) -> Iterator[Lives]:
    """A town, a data folder in which Anna is linked, and something that starts processes on it within a moment."""
    with living(titles, 1) as town:
        said = {name: text for name, text in town.environ().items() if "SERVERS__DEN" not in name}
        said |= {"SIDETRAKT_TRAKT__GET_PER_SECOND": "1000", "SIDETRAKT_TRAKT__WRITE_PER_SECOND": "1000"}
        said |= {"SIDETRAKT_SERVERS__HOME__WRITES_PER_SECOND": "1000"}
        plain = {name: text for name, text in os.environ.items() if not name.startswith("SIDETRAKT_")}
        settled = folder / "settled"
        prepare(settled)
        app = App(settled, load(said, settled), said, clock=SystemClock(), redaction=Redaction())
        for command, given in (
            ("meet", {}),
            ("link", {"person": "Anna", "token": signins(town.catalogue)["users"]["anna"]}),
        ):
            list(perform(app, command, given))
        app.close()
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.system.mortal"],
            env={**plain, **said, "PYTHONWARNINGS": "ignore"},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            yield Lives(town, settled, folder / "data", process)
        assert town.unhandled() == []


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is such a place."""
    folder = Path(PLACE or tmp_path) / f"lives{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def minute(number: int) -> str:
    """A moment of its own for each title, days apart."""
    return f"20{10 + number // 336 % 16:02}-{1 + number // 28 % 12:02}-{1 + number % 28:02}T20:15"


def trakt_of(file: File) -> int:
    """What Trakt calls it."""
    return file.titles[0].ids.trakt or 0


def test_killed_after_every_request_and_commit_a_run_of_40_changes_ends_right(here: Path) -> None:
    """Done when: SIGKILL at every boundary; run again; exact end state."""
    with lives_in(here, 200) as lives:
        town = lives.town
        films = town.films(20)
        assert len(films) == 20

        def lived() -> None:
            """Ten plays on each side, and twenty ratings on Trakt."""
            lives.begin()
            for number, file in enumerate(films):
                if number < 10:
                    town.tick("jellyfin", file, at=f"{minute(number)}:00Z")
                else:
                    town.tick("trakt", file, watched_at=f"{minute(number)}:00.000Z")
                town.tick("trakt", file, "rate", rating=number % 10 + 1)

        lives.begin()
        lives.live()
        shutil.copytree(lives.folder, lives.settled, dirs_exist_ok=True)  # all sides have joined, and hold nothing
        lived()
        ((boundaries, state, _, counts),) = lives.live(ahead=HALF_AN_HOUR)
        assert (state, boundaries > 40, sum(each["added"] for each in counts.values())) == ("done", True, 40)
        told = {trakt_of(file): [minute(number)] for number, file in enumerate(films)}
        for at in range(1, boundaries + 1):
            lived()
            lives.live(dies_at=at, ahead=HALF_AN_HOUR)
            first, second = lives.live(2, ahead=2 * HALF_AN_HOUR)
            assert first[1:3] == second[1:3] == ["done", ""], (at, first, second)
            assert second[3] == {}, (at, second)
            assert lives.plays() == told, at
            assert lives.marks() == {file.path: number % 10 + 1 for number, file in enumerate(films)}, at


def test_thirty_kills_at_random_points_of_2000_changes_lose_nothing_and_tell_nothing_twice(here: Path) -> None:
    """Done when: 30 random points of a run with 2,000 changes."""
    chance = random.Random(2)  # noqa: S311 - when to kill is no secret
    with lives_in(here, 1400) as lives:
        town = lives.town
        files = [*town.films(9999), *(file for file in town.episodes(9999) if file.season)][:1000]
        assert len(files) == 1000
        lives.begin()
        for number, file in enumerate(files):
            if number < 700:
                town.tick("jellyfin", file, at=f"{minute(number)}:00Z")
            else:
                town.tick("trakt", file, watched_at=f"{minute(number)}:00.000Z")
            town.tick("trakt", file, "rate", rating=number % 10 + 1)
        for number in range(30):
            lives.live(dies_at=chance.randrange(1, 110), ahead=HALF_AN_HOUR * number)
        first, second = lives.live(2, ahead=HALF_AN_HOUR * 31)
        assert first[1:3] == second[1:3] == ["done", ""], (first, second)
        assert first[3] != second[3] == {}
        assert lives.plays() == {trakt_of(file): [minute(number)] for number, file in enumerate(files)}
        assert lives.marks() == {file.path: number % 10 + 1 for number, file in enumerate(files)}
