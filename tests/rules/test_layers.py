"""The layer contracts: kept by the tree as it is, and broken by what must not be."""

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VIOLATIONS = {
    "Each layer knows only those below it": ("sidecar/store/alerts.py", "import sidecar.web.site"),
    "The simulated household knows nothing of Sidetrakt": ("sidecar/demo/invent.py", "import sidecar.clock"),
    "Only the store speaks SQL": ("sidecar/timer.py", "import sqlite3"),
    "Only the household and the site speak Flask": ("sidecar/app.py", "import flask"),
    "Only the timer knows schedule": ("sidecar/app.py", "import schedule"),
    "Only the command line paints": ("sidecar/app.py", "import rich"),
    "Only Trakt's own part opens a connection to Trakt": ("sidecar/commands/links.py", "import sidecar.trakt.client"),
    "Only the servers know their clients": ("sidecar/app.py", "import plexapi"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--config", "setup.cfg", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("broken")
    shutil.copytree(ROOT / "sidecar", folder / "sidecar")
    shutil.copy(ROOT / "setup.cfg", folder)
    for file, line in VIOLATIONS.values():
        path = folder / file
        path.write_text(path.read_text() + f"\n{line}\n")
    done = lint(folder)
    assert done.returncode == 1
    return done.stdout


def test_the_tree_keeps_every_contract() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_violation_breaks_its_contract(broken: str, contract: str) -> None:
    assert f"{contract} BROKEN" in broken


def test_every_contract_was_tried() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    names = {config[section]["name"] for section in config.sections() if section.startswith("importlinter:contract")}
    assert names == set(VIOLATIONS)
