"""From an event to Trakt, through the whole process: how long it takes, what it costs, and who waits for whom.

The process, the simulated Trakt and the viewers are three processes on loopback. Trakt's second between two writes of
one account is kept by everybody's own pace, so that nothing waits in the bucket.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

from bench.figure import Figure, Size
from bench.household import Connection, Target, household, memory
from bench.viewers import SERVER, TOKEN, VIEWERS, Told, Viewers, user_of
from sidecar.clock import SystemClock
from sidecar.demo.bustle import plain
from sidecar.demo.catalogue import File
from sidecar.demo.invent import invent
from sidecar.model import Secret
from sidecar.settings import Trakt as TraktSettings
from sidecar.store.db import look_into, open_store
from sidecar.store.folder import prepare
from sidecar.store.keys import find_keys
from sidecar.store.people import People
from sidecar.store.servers import KnownServer, KnownServers
from sidecar.store.vault import open_vault
from sidecar.trakt.service import TraktService
from sidecar.trakt.wire import Token

PEOPLE, TITLES, LATE_PLAYS, SLOW = VIEWERS + 6, 200, 500, 15
SENDS = "/scrobble/"


@dataclass
class House:
    """A running Sidetrakt, its Trakt, and who watches."""

    trakt: dict[str, Any]
    pid: int
    viewers: Viewers
    names: list[str]  # of each viewer's Trakt account
    folder: Path

    def control(self, what: str, **said: Any) -> Any:
        """Ask something of the simulator itself."""
        answer = requests.post(f"{self.trakt['url']}/_control/{what}", json=said, timeout=120)
        answer.raise_for_status()
        return answer.json()

    def log(self, since: int = 0) -> list[dict[str, Any]]:
        """What Trakt was asked."""
        rows = requests.get(f"{self.trakt['url']}/_control/log?since={since}", timeout=60).json()["rows"]
        return list(rows)

    def last(self) -> int:
        """The number of the last request."""
        return max((row["n"] for row in self.log()), default=0)

    def told(self) -> list[tuple[Any, ...]]:
        """What the process kept back, and why."""
        with look_into(self.folder) as db:
            query = "SELECT topic, state, reason, key, body FROM outbox WHERE state <> 'done' LIMIT 5"
            return db.execute(query).fetchall() if db is not None else []

    def cpu(self) -> float:
        """Seconds that the process worked so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def arrived(self, told: list[Told], since: int) -> dict[int, list[tuple[Told, float]]]:
        """Each viewer's transitions, with the moment at which each came to Trakt; waits until all have."""
        wanted = [each for each in sorted(told, key=lambda each: each.sent) if each.what != "progress"]
        until = time.monotonic() + SLOW * 4
        while len(rows := [row for row in self.log(since) if row["path"].startswith(SENDS)]) < len(wanted):
            if time.monotonic() > until:
                raise SystemExit(f"of {len(wanted)} transitions {len(rows)} came to Trakt: {self.told()}")
            time.sleep(0.1)
        if len(rows) != len(wanted) or {row["status"] for row in rows} != {201}:
            raise SystemExit(f"{len(wanted)} transitions became {len(rows)} requests: {rows[-1]}")
        times: dict[str, list[float]] = {}
        for row in rows:
            at = datetime.fromisoformat(row["at"]).timestamp() - row["ms"] / 1000
            times.setdefault(row["user"], []).append(at)
        found: dict[int, list[tuple[Told, float]]] = {}
        for each in wanted:
            found.setdefault(each.viewer, []).append((each, times[self.names[each.viewer]].pop(0)))
        return found


def measure(size: Size) -> list[Figure]:
    """Everything, on one process from its start to its end."""
    with household(TITLES, PEOPLE) as line, tempfile.TemporaryDirectory() as folder:
        trakt = line["trakt"]
        requests.post(f"{trakt['url']}/_control/switches", json={"limits": False}, timeout=30).raise_for_status()
        names = _settle_in(trakt, Path(folder))
        with _running(trakt, Path(folder)) as (url, pid):
            house = House(trakt, pid, Viewers(url, _files()), names, Path(folder) / "data")
            return [*_evening(house, size), *_slow(house, size), *_late(house), *_memory(house, size)]


def _evening(house: House, size: Size) -> Iterator[Figure]:
    """200 events a second, 50 of them transitions."""
    house.viewers.evening(2, first=100)  # so that everything is warm
    time.sleep(1.5)
    since, cpu = house.last(), house.cpu()
    told = house.viewers.evening(size.seconds)
    times = [(each, at) for mine in house.arrived(told, since).values() for each, at in mine]
    spent = (house.cpu() - cpu) / len(told) * 1000
    waited = sorted((at - each.accepted) * 1000 for each, at in times)
    whole = sorted((at - each.sent) * 1000 for each, at in times)
    answer = sorted((each.accepted - each.sent) * 1000 for each in told)
    floor = _bare(house)
    name = f"live: {len(told):,} events, {len(times):,} transitions"
    for share, place in (("p50", 50), ("p99", 99)):
        budget = "50" if share == "p99" else ""
        yield Figure(f"{name}, accepted → Trakt, {share}", max(0.001, _at(waited, place)), "ms", budget=budget)
        yield Figure(f"{name}, sent → Trakt, {share}", _at(whole, place), "ms", floor=_at(floor, place), budget=budget)
        yield Figure(f"{name}, 202, {share}", _at(answer, place), "ms")
    yield Figure(f"{name}, CPU an event", spent, "ms")
    yield Figure("live: a bare write to this disk, p99", _at(_disk(house.folder), 99), "ms")


def _slow(house: House, size: Size) -> Iterator[Figure]:
    """The same while one account answers after 15 seconds; what everybody else waits longer."""
    house.control("faults", name="slow", seconds=float(SLOW), path="^/scrobble/", user=house.names[0], times=None)
    since = house.last()
    told = house.viewers.evening(min(size.seconds, SLOW), first=130)
    others = [each for each in told if each.viewer]
    until = time.monotonic() + 10
    wanted = sum(each.what != "progress" for each in others)
    while time.monotonic() < until:
        rows = [row for row in house.log(since) if row["path"].startswith(SENDS) and row["user"] != house.names[0]]
        if len(rows) >= wanted:
            break
        time.sleep(0.1)
    house.control("faults", clear=True)
    arrived = {name: [row for row in rows if row["user"] == name] for name in house.names}
    waits: list[float] = []
    for each in sorted(others, key=lambda each: each.sent):
        if each.what != "progress":
            row = arrived[house.names[each.viewer]].pop(0)
            waits.append((datetime.fromisoformat(row["at"]).timestamp() - row["ms"] / 1000 - each.accepted) * 1000)
    name = f"live: beside an account that answers after {SLOW} s, accepted → Trakt, p99"
    yield Figure(name, max(0.001, _at(sorted(waits), 99)), "ms", budget="50")
    time.sleep(2)  # what the slow one kept back goes out


def _late(house: House) -> Iterator[Figure]:
    """A long outage of one account, in which everything it could be told of ended."""
    house.control("faults", name="status", status=503, user=house.names[1], times=None)
    house.viewers.ended(1, LATE_PLAYS)
    house.control("faults", clear=True)
    since, began, rows, quiet = house.last(), time.monotonic(), list[Any](), 0
    told = 0
    while quiet < 3 and time.monotonic() - began < 120:
        time.sleep(1)
        rows = [row for row in house.log(since) if row["user"] == house.names[1]]
        state = requests.get(f"{house.trakt['url']}/_control/state", timeout=30).json()["state"][house.names[1]]
        quiet = quiet + 1 if state["history"] == told and told >= LATE_PLAYS else 0
        told = state["history"]
    if told < LATE_PLAYS:
        raise SystemExit(f"of {LATE_PLAYS} late plays {told} came to Trakt: {house.told()}")
    yield Figure(f"live: {LATE_PLAYS} late plays of one person, requests", len(rows), "", floor=5, budget="10")


def _memory(house: House, size: Size) -> Iterator[Figure]:
    """What the process holds more after so many events, and how fast it takes them."""
    house.viewers.flood(size.events // 10)
    before = memory(house.pid)
    seconds = house.viewers.flood(size.events)
    yield Figure(f"live: {size.events:,} events as fast as they are taken", size.events / seconds, "1/s")
    yield Figure(f"live: memory after {size.events:,} events", memory(house.pid), "MB", floor=before, budget="+ 10")


def _bare(house: House) -> list[float]:
    """The floor: the same requests to Trakt with nothing in between."""
    user = house.trakt["users"][house.names[-1]]
    headers = {"Authorization": f"Bearer {user['access_token']}", "User-Agent": "bench/1", "trakt-api-version": "2"}
    line = Connection(Target(house.trakt["url"], {**headers, "trakt-api-key": house.trakt["client_id"]}, "", "", 0))
    body = {"progress": 0, "movie": {"ids": {"tmdb": house.viewers.files[0].claims.tmdb}}}
    times = []
    for _ in range(200):
        began = time.perf_counter()
        line.ask("/scrobble/start", "POST", body)
        times.append((time.perf_counter() - began) * 1000)
    return sorted(times)


def _files() -> list[File]:
    """One file of each title that the servers name rightly and that Trakt finds by what they say."""
    files = [file for file in invent(TITLES, PEOPLE, 1).files if plain(file) and file.claims.tmdb]
    right = [
        file for file in files if (ids := file.titles[0].ids).tmdb == file.claims.tmdb and ids.tvdb == file.claims.tvdb
    ]
    return list({file.titles[0]: file for file in right}.values())


def _disk(folder: Path) -> list[float]:
    """What each of the three commits between an event and Trakt waits for, beside everybody else on this machine."""
    times = []
    with (folder / "bench").open("wb", buffering=0) as file:
        for _ in range(300):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    return sorted(times)


def _at(values: list[float], percent: int) -> float:
    return values[min(len(values) - 1, len(values) * percent // 100)]


def _settle_in(trakt: dict[str, Any], folder: Path) -> list[str]:
    """A data folder in which a hundred viewers of one server are linked; their accounts' names."""
    clock, names = SystemClock(), sorted(trakt["users"])[:VIEWERS]
    prepare(folder / "data")
    keys, store = find_keys(folder / "data", {}), open_store(folder / "data")
    vault = open_vault(store, keys, clock)
    settings = TraktSettings(
        trakt["client_id"],
        Secret(trakt["client_secret"]),
        trakt["url"],
        trakt["url"],
        get_per_second=1000.0,
        write_per_second=1000.0,
    )
    service = TraktService(settings, store, lambda: vault, clock=clock, rest=lambda _: False)
    for number, name in enumerate(names):
        user = trakt["users"][name]
        service.links.link(f"Viewer {number}", Token(user["access_token"], user["refresh_token"]))
    with store.write() as db:
        people = People(db)
        KnownServers(db).met(KnownServer(SERVER, "home", "jellyfin"), clock.now())
        for number in range(VIEWERS):
            people.add_account(people.get(f"Viewer {number}"), SERVER, user_of(number), f"viewer {number}", clock.now())
    service.close()
    store.close()
    return names


@contextmanager
def _running(trakt: dict[str, Any], folder: Path) -> Iterator[tuple[str, int]]:
    """Sidetrakt itself, with a server that cannot be reached: all it hears are the hooks."""
    with socket.socket() as door, socket.socket() as nobody:
        door.bind(("127.0.0.1", 0))
        nobody.bind(("127.0.0.1", 0))
        port, closed = door.getsockname()[1], nobody.getsockname()[1]
    said = {
        "HOME": str(folder / "data"),
        "WEB__PORT": str(port),
        "LOG__FILE": str(folder / "log.txt"),
        "TRAKT__CLIENT_ID": trakt["client_id"],
        "TRAKT__CLIENT_SECRET": trakt["client_secret"],
        "TRAKT__API_URL": trakt["url"],
        "TRAKT__AUTH_URL": trakt["url"],
        "TRAKT__GET_PER_SECOND": "1000",
        "TRAKT__WRITE_PER_SECOND": "1000",
        "SERVERS__HOME__KIND": "jellyfin",
        "SERVERS__HOME__URL": f"http://127.0.0.1:{closed}",
        "SERVERS__HOME__HOOK_TOKEN": TOKEN,
    }
    environ = {**os.environ, **{f"SIDETRAKT_{name}": text for name, text in said.items()}}
    command = [sys.executable, "-m", "sidecar", "up"]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=root) as process:
        assert process.stdout is not None
        while b"serves" not in (line := process.stdout.readline()):
            if not line:
                raise RuntimeError("it did not start")
        try:
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
