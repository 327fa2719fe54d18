"""Lightweight, as budgeted: memory, start, size on disk. The figures themselves come from the benchmark."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.conftest import Running, Sidetrakt

EVERYTHING = (
    "plexapi, jellyfin_apiclient_python, requests, sqlite_utils, schedule, flask, waitress, msgspec, cryptography"
)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells how much memory a process holds")
def test_idle_memory_with_all_libraries_stays_in_the_budget(up: Callable[..., Running], tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import {EVERYTHING}, websocket, prometheus_client, segno\n")
    running = up(PYTHONPATH=str(tmp_path))
    assert running.get("/healthz").status_code == 200
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    assert int(found[1]) / 1000 < 70


def test_it_serves_within_a_few_seconds_even_on_a_busy_machine(up: Callable[..., Running]) -> None:
    began = time.monotonic()
    assert up().get("/healthz").status_code == 200
    assert time.monotonic() - began < 5


def test_help_does_not_load_the_servers_libraries(sidetrakt: Sidetrakt) -> None:
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "sidecar", "--help"],
        env=sidetrakt.environ,
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    for heavy in ("flask", "cryptography", "plexapi", "sqlite_utils"):
        assert not re.search(rf"\| +{heavy}$", loaded, re.MULTILINE), heavy
