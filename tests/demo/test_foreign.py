"""A foreign environment can use the household from its JSON line alone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.demo.test_household import SIMULATORS, started

SCRIPT = Path(__file__).with_name("foreign.py")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the foreign program saw, and what the household logged as unhandled meanwhile."""
    folder = tmp_path_factory.mktemp("elsewhere")
    environment = {"PATH": "", "HOME": str(folder), "PLEXAPI_CONFIG_PATH": str(folder / "none.ini")}
    with started("--people", "2") as (_, line):
        result = subprocess.run(
            (sys.executable, "-I", str(SCRIPT), json.dumps(line)),
            cwd=folder, env=environment, capture_output=True, timeout=50, check=False,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr.decode()
        logs = {
            name: requests.get(f"{line[name]['url']}/_control/log", timeout=10).json()["rows"] for name in SIMULATORS
        }
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    found["unhandled"] = [(name, row["rule"]) for name, rows in logs.items() for row in rows if row["unhandled"]]
    found["users"] = {name: {row["user"] for row in rows} - {None} for name, rows in logs.items()}
    return found


def test_nothing_of_ours_was_imported(seen: dict[str, Any]) -> None:
    assert seen["ours"] == []


def test_requests_alone_is_enough_for_trakt(seen: dict[str, Any]) -> None:
    assert (seen["trakt"]["added"], seen["trakt"]["found"]) == (1, True)
    assert seen["trakt"]["device"] == ["device_code", "expires_in", "interval", "user_code", "verification_url"]


def test_plexapi_alone_is_enough_for_plex(seen: dict[str, Any]) -> None:
    assert (seen["plex"]["played"], seen["plex"]["rating"]) == (True, 8)
    assert seen["plex"]["machine"]


def test_the_jellyfin_client_alone_is_enough_for_jellyfin(seen: dict[str, Any]) -> None:
    assert seen["jellyfin"] == {"user": True, "played": True}


def test_the_log_says_who_it_was_and_that_nothing_was_unhandled(seen: dict[str, Any]) -> None:
    assert seen["unhandled"] == []
    assert {name: len(users) for name, users in seen["users"].items()} == dict.fromkeys(SIMULATORS, 1)
