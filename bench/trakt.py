"""What Trakt costs us: requests against the least that could do it, seconds of our own work, and memory.

The simulated Trakt runs in a process of its own. Once the limits are on and time passes only while we wait for them;
once they are off and time is real.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

import requests

from bench.figure import Figure, Size
from bench.household import household
from sidecar.clock import SystemClock
from sidecar.contract import Fact, Index, Outcome, Plays
from sidecar.model import Feature, Ids, Kind, Ref, Secret
from sidecar.settings import Trakt as TraktSettings
from sidecar.store.db import open_store
from sidecar.store.keys import Keys, make_key
from sidecar.store.people import People
from sidecar.store.titles import Titles
from sidecar.store.vault import open_vault
from sidecar.trakt.service import TraktService
from sidecar.trakt.wire import Token

PAGE, BATCH = 250, 100
WITHIN = "1.05 × floor from 10,000 on"


class Passing:
    """A clock that runs ahead by what was waited, beside a simulator whose clock is told, if it is to count."""

    def __init__(self, url: str) -> None:
        self.ahead, self._url, self._session = 0.0, url, requests.Session()

    def now(self) -> datetime:
        """Now, and what was waited."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return time.monotonic() + self.ahead

    def rest(self, seconds: float) -> bool:
        """Let so much time pass at once."""
        self.ahead += seconds
        if self._url:
            self._session.post(f"{self._url}/_control/clock", json={"shift": seconds}, timeout=30)
        return False

    def passed(self) -> float:
        """Seconds as Trakt counts them where it counts, else real ones."""
        return self.monotonic() if self._url else time.monotonic()


@dataclass
class Measured:
    """What a piece of work took."""

    seconds: float
    cpu: float
    requests: int


@dataclass
class Trakt:
    """One simulated Trakt and our service for one account on it."""

    line: dict[str, Any]
    folder: Path
    limits: bool

    def __post_init__(self) -> None:
        url, user = self.line["url"], self.line["users"]["anna"]
        self.control("switches", limits=self.limits)
        pace = {} if self.limits else {"get_per_second": 1000.0, "write_per_second": 1000.0}
        secret = Secret(self.line["client_secret"])
        settings = TraktSettings(self.line["client_id"], secret, url, url, **pace)  # type: ignore[arg-type]
        self.clock, self.requests = Passing(url if self.limits else ""), 0
        self.store = open_store(self.folder)
        vault = open_vault(self.store, Keys((make_key(),), "bench", None), SystemClock())
        self.service = TraktService(
            settings, self.store, lambda: vault, clock=self.clock, rest=self.clock.rest, count=self._count
        )
        self.service.links.link("Anna", Token(user["access_token"], user["refresh_token"]))
        with self.store.read() as db:
            (self.account,) = [each.uuid for each in People(db).trakt_accounts()]

    def control(self, what: str, **said: Any) -> Any:
        """Ask something of the simulator itself."""
        answer = requests.post(f"{self.line['url']}/_control/{what}", json=said, timeout=120)
        answer.raise_for_status()
        return answer.json()

    def measured(self, work: Callable[[], Any]) -> tuple[Any, Measured]:
        """Do it, and see what it took."""
        before, wall, cpu = self.requests, self.clock.passed(), time.process_time()
        outcome = work()
        took = Measured(self.clock.passed() - wall, time.process_time() - cpu, self.requests - before)
        return outcome, took

    def read(self, since: Any = None) -> Index:
        """The history as one run reads it."""
        return self.service.side(self.account).build_index(Feature.HISTORY, since=since)

    def learn(self, index: Index) -> None:
        """What a run keeps of the titles that it read."""
        with self.store.write() as db:
            for fact in index.facts:
                Titles(db).learn(fact.ref)

    def close(self) -> None:
        """Hang up."""
        self.service.close()
        self.store.close()

    def _count(self, _service: str, _method: str, _status: str) -> None:
        self.requests += 1


@contextmanager
def trakt(line: dict[str, Any], *, limits: bool) -> Iterator[Trakt]:
    """A service of its own on a simulator as after its start."""
    requests.post(f"{line['url']}/_control/reset", json={}, timeout=60).raise_for_status()
    with tempfile.TemporaryDirectory() as folder:
        made = Trakt(line, Path(folder), limits)
        yield made
        made.close()


def measure(size: Size) -> list[Figure]:
    """Everything once with limits and once without, then the memory of a large history."""
    figures: list[Figure] = []
    with household(max(size.titles, 200)) as everything:
        line = everything["trakt"]
        for limits in (True, False):
            with trakt(line, limits=limits) as one:
                figures += _work(one, size.plays, "limits on" if limits else "limits off")
        for plays in sorted({size.plays, min(100_000, size.plays * 5)}):
            with trakt(line, limits=False) as one:
                one.control("act", do="seed_history", user="anna", count=plays)
                figures.append(Figure(f"trakt: {plays:,} plays read, memory", _memory(one), "MB", budget="200"))
    return figures


def _work(one: Trakt, plays: int, how: str) -> list[Figure]:
    """A first read, a read of nothing new, and a push."""
    one.control("act", do="seed_history", user="anna", count=plays)
    index, first = one.measured(one.read)
    assert index.complete, index.why
    assert sum(fact.value.count for fact in index.facts) == plays
    one.learn(index)
    again, nothing = one.measured(lambda: one.read(index.mark))
    assert not again.facts
    known, maps = one.measured(one.read)
    assert known.complete, known.why
    leaves = [fact.ref for fact in index.facts]
    begin = datetime(2001, 1, 1, tzinfo=UTC)
    facts = [
        Fact(Ref(ref.kind, Ids(trakt=ref.ids.trakt)), Plays((begin + timedelta(minutes=n),)))
        for n in range(plays)
        for ref in [leaves[n % len(leaves)]]
        if ref.kind in (Kind.MOVIE, Kind.EPISODE)
    ]
    receipts, push = one.measured(lambda: one.service.side(one.account).add(facts, Feature.HISTORY))
    assert {receipt.outcome for receipt in receipts} == {Outcome.DONE}
    figures: list[Figure] = []
    for name, took, floor, budget in (
        (f"first read of {plays:,} plays", first, ceil(plays / PAGE), WITHIN),
        ("read with nothing new", nothing, 1, "1"),
        (f"read of {plays:,} plays of known titles", maps, 3, ""),
        (f"push of {plays:,} plays", push, ceil(plays / BATCH), WITHIN),
    ):
        figures += [
            Figure(f"trakt: {name}, {how}, requests", took.requests, "", floor=floor, budget=budget),
            Figure(f"trakt: {name}, {how}", took.seconds, "s"),
            Figure(f"trakt: {name}, {how}, our CPU", took.cpu, "s"),
        ]
    return figures


def _memory(one: Trakt) -> float:
    """The most that another process holds while it reads the history once, in MB."""
    user = one.line["users"]["anna"]
    asked = {"line": {**one.line, "users": {"anna": user}}}
    command = [sys.executable, "-m", "bench.trakt", json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    return float(done.stdout)


def _peak() -> float:
    """The most that this process ever held, in MB."""
    fields = dict(row.split(":", 1) for row in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        reader = Trakt(json.loads(sys.argv[1])["line"], Path(place), limits=False)
        held = reader.read()
        assert held.complete, held.why
        print(_peak())
        reader.close()
