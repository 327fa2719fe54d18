"""What whole syncs of one person cost: requests against the least that could do it, CPU, time and memory, each step.

Trakt, the servers and our side run in processes of their own; whoever would wait for a limit goes on at once, and how
long that was is a figure. Anna watched six titles of ten: two on Trakt alone, two on all sides, two on the servers
alone; one film of fifty is rated on one of them. Then one title of two hundred is watched on each side.
"""

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

import requests

from bench.figure import Figure, Size
from bench.household import household
from bench.steps import serve, worker
from sidecar.clock import SystemClock
from sidecar.demo.catalogue import File, Movie
from sidecar.demo.invent import invent
from sidecar.model import Secret
from sidecar.servers.service import Servers
from sidecar.settings import Plex as PlexSettings
from sidecar.settings import Server, Sync
from sidecar.settings import Trakt as TraktSettings
from sidecar.store.db import open_store
from sidecar.store.keys import Keys, make_key
from sidecar.store.people import People
from sidecar.store.vault import open_vault
from sidecar.sync.request import Request, Result
from sidecar.sync.service import SyncService
from sidecar.trakt.service import TraktService
from sidecar.trakt.wire import Token

Line = dict[str, Any]
WHO, LONG_AGO, TEN_YEARS = "Anna", datetime(2016, 1, 1, 20, tzinfo=UTC), timedelta(days=3_650)
DAY = timedelta(hours=20)  # so that nothing has to be read wholly for its age
BOTH = ("jellyfin", "plex")
LIBRARIES = 4
PLEX_RATED = 8  # one listing of films in each of two libraries, three of series in each of two
STANDS, TYPES = LIBRARIES + PLEX_RATED, 4
FEWEST, MEMORY = 200, "200"


@dataclass(frozen=True)
class Part:
    """What happened on one side: titles that were watched there, and films that were rated."""

    watched: list[File]
    rated: list[File]


class Town:
    """The household, and what Anna does in it."""

    def __init__(self, line: Line, titles: int) -> None:
        self.line, self._session = line, requests.Session()
        found = {file.titles[0].ids.trakt: file for file in invent(titles).files if len(file.titles) == 1}
        self.files = list(found.values())

    def control(self, service: str, what: str, **said: Any) -> None:
        """Ask something of a simulator itself."""
        answer = self._session.post(f"{self.line[service]['url']}/_control/{what}", json=said, timeout=300)
        answer.raise_for_status()

    def some(self, *places: int, of: int = 10, rated: int = 50) -> Part:
        """Titles at these places of each ten, some of the films among them rated."""
        watched = [file for number, file in enumerate(self.files) if number % of in places]
        films = [file for file in watched if isinstance(file.titles[0], Movie)]
        return Part(watched, films[::rated])

    def begin(self) -> None:
        """The years before anybody synced."""
        for service in ("trakt", *BOTH):
            self.control(service, "reset")
        self.control("trakt", "switches", limits=False)
        step = TEN_YEARS / len(self.files)
        when = {file.path: LONG_AGO + step * number for number, file in enumerate(self.files)}
        self.lived("trakt", Part(self.some(0, 1, 2, 3).watched, self.some(0, 1).rated), when)
        for service in BOTH:
            self.lived(service, Part(self.some(2, 3, 4, 5).watched, self.some(4, 5).rated), when)

    def go_on(self, kinds: tuple[str, ...], of: int) -> int:
        """Most of a day in which one title of so many is watched on each side; how many that are."""
        now = datetime.now(UTC)
        for place, service in enumerate(("trakt", *kinds)):
            part = self.some(10 * place + 6, of=of, rated=10)
            self.control(service, "clock", shift=DAY.total_seconds())
            step = DAY / len(part.watched)
            self.lived(service, part, {file.path: now + step * number for number, file in enumerate(part.watched, 1)})
        return len(part.watched)

    def moment(self) -> None:
        """A second in which nobody does anything."""
        for service in ("trakt", *BOTH):
            self.control(service, "clock", shift=1)

    def lived(self, service: str, part: Part, when: Mapping[str, datetime]) -> None:
        """All this was watched and rated on one side, at these moments."""
        if service == "trakt":
            self._on_trakt("watch", [(file, {"watched_at": when[file.path].isoformat()}) for file in part.watched])
            self._on_trakt("rate", [(file, {"rating": 8}) for file in part.rated])
            return
        for file in part.watched:
            self._act(service, "watch", file, at=when[file.path].isoformat())
        for file in part.rated:
            self._act(service, "rate", file, rating=8)

    def _act(self, service: str, do: str, file: File, **said: Any) -> None:
        self.control(service, "act", do=do, person=WHO, file=file.path, **said)

    def _on_trakt(self, do: str, files: list[tuple[File, Line]]) -> None:
        body: dict[str, list[Line]] = {"movies": [], "episodes": []}
        for file, said in files:
            (title,) = file.titles
            kind = "movies" if isinstance(title, Movie) else "episodes"
            body[kind].append({"ids": {"trakt": title.ids.trakt}, **said})
        self.control("trakt", "act", do=do, user=WHO.lower(), **body)


def measure(size: Size) -> list[Figure]:
    """Each kind of server alone, then both; then both with half the library and the same changes."""
    figures: list[Figure] = []
    with household(size.titles) as line:
        town = Town(line, size.titles)
        for kinds in (("jellyfin",), ("plex",), BOTH):
            found, light = _life(town, kinds)
            figures += found
    half = size.titles // 2
    if half < FEWEST:
        return figures
    with household(half) as line:
        _, less = _life(Town(line, half), BOTH, of=200 * half // size.titles)
    for what, value in light.items():
        name = f"sync: run after the same changes, {len(town.files):,} titles against half of them, {what}"
        figures.append(Figure(name, value, "s" if what == "CPU" else "", floor=less[what], budget="under 2"))
    return figures


def _life(town: Town, kinds: tuple[str, ...], of: int = 200) -> tuple[list[Figure], Line]:
    """The figures of one person's first days with these servers; and what the run after few changes took."""
    town.begin()
    count, figures = len(town.files), list[Figure]()
    name = f"sync: Trakt and {' and '.join(kinds)}, {count:,} titles"
    plays = len(town.some(0, 1, 2, 3).watched)
    reads = {"trakt": 4, "jellyfin": 2, "plex": STANDS + 2}
    with worker("bench.runs", kinds=kinds, line=town.line) as ask:
        first = _done(ask())
        floor = {"trakt": 1 + ceil(plays / 250) + TYPES, "jellyfin": ceil(count / 2_000)}
        floor["plex"] = ceil(count / 500) + 2 * ceil(plays / 500)
        figures += _figures(f"{name}: first run", first, floor, "1.05 × floor from 10,000 on")
        town.moment()
        figures += _figures(f"{name}: run after the first", _done(ask()), {})
        unchanged = _done(ask())
        assert not unchanged["added"], unchanged["added"]
        figures += _figures(f"{name}: unchanged", unchanged, {"trakt": 1, "jellyfin": 1, "plex": STANDS}, "floor")
        changed = town.go_on(kinds, of)
        light = _done(ask(ahead=DAY.total_seconds()))
        assert sum(light["added"].values()) >= len(kinds) * changed, light["added"]
        figures += _figures(f"{name}: {changed} titles changed on each side", light, reads)
        town.moment()
        after = _done(ask())
        assert not after["added"], after["added"]
        figures += _figures(f"{name}: run after that", after, {})
    requests = sum(light["requests"].values()), sum(after["requests"].values())
    return figures, {"requests": requests[0], "requests, next run": requests[1], "CPU": light["cpu"]}


def _done(took: Line) -> Line:
    """What a run took that did what it was to do."""
    assert took["state"] == "done", took["problem"]
    assert not took["held"], took["held"]
    return took


def _figures(name: str, took: Line, reads: dict[str, int], budget: str = "") -> Iterator[Figure]:
    """What one run took; the floor is what it takes to read, to write, and to look at what is written."""
    for side, count in sorted(took["requests"].items()):
        written = took["added"].get(side, 0)
        floor = reads.get(side, 0) and reads[side] + ceil(written / 100) + written * (side != "trakt")
        yield Figure(f"{name}, requests to {side}", count, "", floor=floor, budget=budget)
    yield Figure(f"{name}, CPU", took["cpu"], "s")
    yield Figure(f"{name}, time without limits", took["seconds"], "s")
    if took["waited"] > 1:
        yield Figure(f"{name}, waits for limits", took["waited"], "s")
    yield Figure(f"{name}, peak memory", took["peak"], "MB", budget=MEMORY)


class Impatient(SystemClock):
    """Seconds that pass at once when somebody waits; the time of day is the simulators'."""

    waited = ahead = 0.0

    def now(self) -> datetime:
        """The moment, as the simulators have it."""
        return super().now() + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return time.monotonic() + self.waited

    def rest(self, seconds: float) -> bool:
        """Let so much time pass at once."""
        self.waited += seconds
        return False


class Ours:
    """Our side: everything that syncs, in a process as a person's own."""

    def __init__(self, folder: Path, kinds: list[str], line: Line) -> None:
        signin, clock = line["trakt"], Impatient()
        tokens = {"jellyfin": line["jellyfin"]["api_key"], "plex": line["plex"]["people"][WHO]["account_token"]}
        store, self.requests, self.clock = open_store(folder), Counter[str](), clock
        vault = open_vault(store, Keys((make_key(),), "bench", None), clock)
        more: dict[str, Any] = {"clock": clock, "rest": clock.rest, "count": self._count}
        secret = Secret(signin["client_secret"])
        app = TraktSettings(signin["client_id"], secret, signin["url"], signin["url"])
        trakt = TraktService(app, store, lambda: vault, **more)
        there = (Server(kind, kind, line[kind]["url"], Secret(tokens[kind])) for kind in kinds)  # type: ignore[arg-type]
        servers = Servers(tuple(there), PlexSettings(*[line["plex"]["url"]] * 3), store, lambda: vault, **more)
        servers.meet()
        with store.write() as db:
            one, *others = [each for each in People(db).all() if each.name.partition("@")[0].lower() == WHO.lower()]
            for other in others:
                People(db).join(one, other)
        user = signin["users"][WHO.lower()]
        trakt.links.link(one.name, Token(user["access_token"], user["refresh_token"]))
        with store.read() as db:
            self.person = People(db).get(one.name)
        total, choice = (lambda: sum(self.requests.values())), Sync(features=("history", "ratings"))
        self.sync = SyncService.of(store, trakt, servers, choice, clock=clock, epoch=1, requests=total)

    def step(self, ahead: float = 0) -> Line:
        """One run so much later, to its end."""
        self.requests.clear()
        self.clock.ahead += ahead
        before = self.clock.waited
        *_, result = self.sync.run(self.person, Request())
        assert isinstance(result, Result)
        done = {label: each.get("added", 0) + each.get("removed", 0) for label, each in result.counts.items()}
        named = {label.partition("@")[2] or "trakt": count for label, count in done.items() if count}
        return {
            "state": result.state,
            "problem": result.problem,
            "held": [part.why for part in result.held],
            "added": named,
            "requests": dict(self.requests),
            "waited": self.clock.waited - before,
        }

    def _count(self, service: str, _method: str, _status: str) -> None:
        self.requests[service.lower().split()[-1]] += 1


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        serve(Ours(Path(place), **json.loads(sys.argv[1])).step)
