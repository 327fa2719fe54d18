"""Whole processes: the real command in a folder of its own, on a free port."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.system.evening import Evening


def free_port() -> int:
    """A port that stays free while nobody listens: not one of those that the system gives to connections."""
    while True:
        port = random.SystemRandom().randrange(30_000, 32_700)  # else each test would begin at the same place
        with socket.socket() as door, suppress(OSError):
            door.bind(("127.0.0.1", port))
            return port


@dataclass
class Sidetrakt:
    """Runs commands on one data folder."""

    folder: Path
    environ: dict[str, str]

    def __call__(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "sidecar", *words],
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command that waits for something."""
        return subprocess.Popen(
            [sys.executable, "-u", "-m", "sidecar", *words],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def json(self, *words: str) -> Any:
        """Run a command that prints JSON."""
        done = self(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def names(self) -> list[str]:
        """What lies in the data folder."""
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []


@dataclass
class Running:
    """A started `up`."""

    process: subprocess.Popen[str]
    url: str
    first_line: str

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(self.url + path, headers=headers, timeout=10)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@pytest.fixture
def sidetrakt(tmp_path: Path) -> Sidetrakt:
    keep = {name: text for name, text in os.environ.items() if not name.startswith("SIDETRAKT_")}
    return Sidetrakt(tmp_path / "data", {**keep, "SIDETRAKT_HOME": str(tmp_path / "data"), "NO_COLOR": "1"})


@pytest.fixture
def up(sidetrakt: Sidetrakt) -> Iterator[Callable[..., Running]]:
    """Start `up` and wait until it says that it serves; all of them end with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str, **environ: str) -> Running:
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "sidecar", "up", "--port", str(port), *words],
            env={**sidetrakt.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        lines = []
        while line := process.stdout.readline():
            lines.append(line)
            if "serves" in line:
                return Running(process, f"http://127.0.0.1:{port}", line)
        raise AssertionError(f"it did not start: {lines}")

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="module")
def evening() -> Iterator[Evening]:
    """The simulators of one household, without Trakt's limits."""
    made = Evening()
    made.reset()
    yield made
    made.close()
