"""The three processes together: what they say when they are ready, and that nothing of them is left."""

import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from sidecar.demo.invent import invent

COMMAND = (sys.executable, "-m", "sidecar", "household")
SIMULATORS = ("trakt", "plex", "jellyfin")
ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def started(*options: str, **kinds: Any) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    """A household in a process of its own and the line it printed."""
    process = subprocess.Popen((*COMMAND, *options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, **kinds)
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def ended(line: dict[str, Any]) -> bool:
    """Blocks until all three simulators are gone, at most ten seconds each."""
    return all(gone(line[name]["pid"]) and not answers(line[name]["url"]) for name in SIMULATORS)


def gone(pid: int) -> bool:
    """Blocks until this process is gone, at most ten seconds."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watch], [], [], 10)[0])
    finally:
        os.close(watch)


def answers(url: str) -> bool:
    """Whether somebody listens there."""
    try:
        with requests.get(f"{url}/_control/state", timeout=5) as answer:
            return answer.status_code == 200
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def line() -> Iterator[dict[str, Any]]:
    with started("--titles", "300", "--people", "4", "--seed", "7") as (_, line):
        yield line


def test_one_line_tells_the_addresses_and_what_was_asked_for(line: dict[str, Any]) -> None:
    assert line["wanted"] == {
        "titles": 300, "people": 4, "seed": 7, "catalogue": None, "jellyfin": "12", "port": 0,
    }  # fmt: skip
    for name in SIMULATORS:
        assert line[name]["url"].startswith("http://127.0.0.1:")
        assert requests.get(f"{line[name]['url']}/_control/state", timeout=5).json()["name"] == name


@pytest.mark.parametrize("name", SIMULATORS)
def test_the_sign_ins_are_those_of_the_catalogue(line: dict[str, Any], name: str) -> None:
    package: Any = importlib.import_module(f"sidecar.demo.{name}")
    told = {key: value for key, value in line[name].items() if key not in ("url", "pid")}
    assert told == json.loads(json.dumps(package.signins(invent(300, 4, 7))))
    assert told


def test_nothing_else_is_printed_and_the_end_of_standard_input_ends_all() -> None:
    with started() as (process, line):
        assert all(answers(line[name]["url"]) for name in SIMULATORS)
        rest, _ = process.communicate(timeout=20)
        assert (rest, process.returncode) == (b"", 0)
        assert ended(line)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_leaves_no_simulator_behind(number: signal.Signals) -> None:
    with started() as (process, line):
        process.send_signal(number)
        assert process.wait(20) == (-number if number is signal.SIGKILL else 0)
        assert ended(line)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_it_ends_before_it_is_ready(number: signal.Signals) -> None:
    process = subprocess.Popen((*COMMAND, "--titles", "20000"), cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    pids: list[str] = []
    while len(pids) < len(SIMULATORS) and process.poll() is None:
        pids = children.read_text().split()
    process.send_signal(number)
    assert all(gone(int(pid)) for pid in pids)
    process.communicate()
    assert len(pids) == len(SIMULATORS)


def test_a_simulator_that_dies_ends_the_household() -> None:
    with started(stderr=subprocess.PIPE) as (process, line):
        os.kill(line["plex"]["pid"], signal.SIGKILL)
        assert process.wait(20) == 1
        assert process.stderr is not None
        said = process.stderr.read()
        assert b"The simulated plex ended by itself" in said
        assert ended(line)


def test_ports_can_be_chosen_and_taken_ones_are_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.listen()
        result = subprocess.run(
            (*COMMAND, "--port", str(port)),
            stdin=subprocess.PIPE,
            capture_output=True,
            cwd=ROOT,
            timeout=30,
            check=False,
        )
    assert (result.returncode, result.stdout) == (1, b"")
    assert b"The simulated trakt did not start" in result.stderr
    base = free_ports()
    with started("--port", str(base)) as (_, line):
        assert [line[name]["url"] for name in SIMULATORS] == [f"http://127.0.0.1:{base + n}" for n in range(3)]


def free_ports() -> int:
    """The first of three neighbouring ports that are free now."""
    for base in range(20_000, 30_000, 3):
        with socket.socket() as one, socket.socket() as two, socket.socket() as three:
            try:
                for place, each in enumerate((one, two, three)):
                    each.bind(("127.0.0.1", base + place))
            except OSError:
                continue
            return base
    raise AssertionError("no free ports")


def test_a_recorded_catalogue_and_the_older_jellyfin_are_served(contracts: Path) -> None:
    file = contracts / "jellyfin" / "10.11" / "catalogue.json"
    with started("--catalogue", str(file), "--jellyfin", "10.11") as (_, line):
        public = requests.get(f"{line['jellyfin']['url']}/System/Info/Public", timeout=5).json()
        assert public["Version"].startswith("10.11.")
