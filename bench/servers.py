"""What media servers cost us: requests against the least that could do it, CPU, time and memory, for each kind.

The simulated servers and our side run in processes of their own (`python -m bench.servers`), and so do the obvious
ways of doing the same, whose figures are the floors of the ratios. A third of the library was watched.
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
from sidecar.model import Feature, Secret
from sidecar.servers.service import Servers
from sidecar.settings import Plex as PlexSettings
from sidecar.settings import Server
from sidecar.store.db import open_store
from sidecar.store.keys import Keys, make_key
from sidecar.store.people import People
from sidecar.store.vault import open_vault

Line = dict[str, Any]
PAGES = {"jellyfin": 2_000, "plex": 500}
OBVIOUS = {"jellyfin": "the client's own item calls", "plex": "plexapi's objects"}
ONE, OTHER = "Anna", "Ben"  # who see everything
ALL = [Feature.HISTORY, Feature.RATINGS]
LEAN = {"recursive": "true", "includeItemTypes": "Movie,Episode", "fields": "ProviderIds", "enableImages": "false"}
PADDING = 1_100  # characters by which a row of the simulated Plex is smaller than a recorded one of 3 kB
MEMORY = "200 in all"


@dataclass(frozen=True)
class Library:
    """What is there: keys of single titles, what is ticked at once to have watched them, and how many there are."""

    titles: int
    films: list[Any]
    watchable: list[list[Any]]  # by turns: everything watched at one moment
    fresh: list[Any]  # not among those


class Household:
    """One kind of simulated server, and what people do there."""

    def __init__(self, kind: str, line: Line) -> None:
        self.kind, self.url, self.line = kind, line[kind]["url"], line[kind]
        self._session = requests.Session()
        people = {each["name"]: each["id"] for each in line["jellyfin"]["people"]}
        self.user, plex = people[ONE], line["plex"]["people"]
        self.token = self.line["api_key"] if kind == "jellyfin" else plex[ONE]["server_token"]

    def ask(self, path: str, **params: Any) -> Any:
        """One small question of our own, in JSON."""
        how = {"Authorization": f'MediaBrowser Token="{self.token}"'} if self.kind == "jellyfin" else {}
        headers = {"Accept": "application/json", "X-Plex-Token": self.token} | how
        answer = self._session.get(f"{self.url}/{path}", params=params, headers=headers, timeout=120)
        answer.raise_for_status()
        return answer.json()

    def control(self, what: str, **said: Any) -> None:
        """Ask something of the simulator itself."""
        self._session.post(f"{self.url}/_control/{what}", json=said, timeout=120).raise_for_status()

    def library(self) -> Library:
        """What is there."""
        if self.kind == "jellyfin":
            plain = {"recursive": "true", "userId": self.user, "enableUserData": "false"}
            films, shows, episodes = (
                self.ask("Items", includeItemTypes=kind, **plain)["Items"] for kind in ("Movie", "Series", "Episode")
            )
            keys, count = [row["Id"] for row in films], len(films) + len(episodes)
            chosen = {row["Id"] for row in shows[::3]}
            fresh = [row["Id"] for row in episodes if row["SeriesId"] not in chosen]
            return Library(count, keys, [[key] for key in [*sorted(chosen), *keys[::3]]], fresh)
        rows: dict[str, list[int]] = {"movie": [], "show": []}
        for section in self.ask("library/sections")["MediaContainer"]["Directory"]:
            kind = section["type"]
            page = self.ask(f"library/sections/{section['key']}/all", type=1 if kind == "movie" else 4)
            rows[kind] += [int(row["ratingKey"]) for row in page["MediaContainer"].get("Metadata", [])]
        titles = rows["movie"] + rows["show"]
        watched, step = titles[::3], max(len(titles) // 300, 1)
        parts = [watched[start : start + step] for start in range(0, len(watched), step)]
        return Library(len(titles), rows["movie"], parts, titles[1::3])

    def watch(self, person: str, parts: list[list[Any]], at: datetime) -> None:
        """Somebody watched all this, a part an hour."""
        for part in parts:
            at += timedelta(hours=1)
            self.act("watch", person, part, at=at.isoformat())

    def act(self, do: str, person: str, keys: list[Any], **said: Any) -> None:
        """Somebody does something with some titles."""
        for key in keys if self.kind == "jellyfin" else [keys]:
            self.control("act", do=do, person=person, file=key, **said)


@contextmanager
def worker(what: str, **said: Any) -> Iterator[Callable[..., Any]]:
    """Another process that does one thing after the other and says what each took."""
    command = [sys.executable, "-m", "bench.servers", what, json.dumps(said)]
    root = Path(__file__).parents[1]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)
    assert process.stdin is not None
    assert process.stdout is not None

    def ask(**step: Any) -> Any:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(step) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline() or "null")
        if answer is None:
            raise SystemExit(f"the process that measures {what} ended")
        return answer

    try:
        yield ask
    finally:
        process.communicate()


def measure(size: Size) -> list[Figure]:
    """One kind after the other, each beside the obvious way."""
    figures: list[Figure] = []
    with household(size.titles) as line:
        for kind, page in PAGES.items():
            home = Household(kind, line)
            if kind == "plex":
                home.control("switches", padding=PADDING)
            library = home.library()
            with worker("ours", kind=kind, line=line) as ask:
                empty = ask(person=ONE, features=ALL)
            name = f"{kind}: inventory of {library.titles:,} titles, none watched"
            figures += _figures(name, empty, ceil(library.titles / page))
            long_ago = datetime.now(UTC) - timedelta(days=4_000)
            home.watch(ONE, library.watchable, long_ago)
            home.watch(OTHER, library.watchable[::3], long_ago)
            home.act("rate", ONE, library.films[:: max(len(library.films) // 200, 1)], rating=7)
            figures += [*_ours(home, line, library), *_beside(home, line, library.titles, size.requests)]
    return figures


def _ours(home: Household, line: Line, library: Library) -> Iterator[Figure]:
    """Reads as runs make them, in the order in which they happen in the life of one process."""
    pages, kind, news = PAGES[home.kind], home.kind, library.fresh[: max(library.titles // 200, 3)]
    whole, third = ceil(library.titles / pages), ceil(library.titles / 3 / pages)
    with worker("ours", kind=kind, line=line) as ask:
        first = ask(person=ONE, features=ALL)
        yield from _figures(f"{kind}: first read of {library.titles:,} titles", first, whole + third * (kind == "plex"))
        yield from _figures(f"{kind}: second person", ask(person=OTHER, features=ALL), max(whole // 9, 1))
        mark = first["marks"][Feature.HISTORY]
        places = len(mark["sections"]) if kind == "plex" else 1
        said = {"person": ONE, "features": [Feature.HISTORY], "marks": first["marks"]}
        yield from _figures(f"{kind}: unchanged look", ask(**said), places, f"{places}")
        home.act("watch", ONE, news)
        took = ask(**said)
        assert took["facts"], f"nothing was found, though {len(news)} titles were watched"
        yield from _figures(f"{kind}: look after {len(news)} more were watched", took, places + ceil(len(news) / pages))


def _figures(name: str, took: Any, floor: int, budget: str = "") -> Iterator[Figure]:
    """What one step took."""
    assert not took["why"], took["why"]
    yield Figure(f"{name}, requests", took["requests"], "", floor=floor, budget=budget)
    yield Figure(f"{name}, CPU", took["cpu"], "s")
    yield Figure(f"{name}, time", took["seconds"], "s")
    yield Figure(f"{name}, peak memory", took["peak"], "MB", budget=MEMORY)


def _beside(home: Household, line: Line, titles: int, sample: int) -> Iterator[Figure]:
    """The least that could do it against the obvious way: a first read of one person's history, a process each."""
    with worker("ours", kind=home.kind, line=line) as ask:
        ours = ask(person=ONE, features=[Feature.HISTORY])
    with worker(home.kind, url=home.url, token=home.token, user=home.user, sample=sample) as ask:
        theirs = ask()
        for what, unit in (("requests", ""), ("cpu", "s"), ("seconds", "s"), ("peak", "MB")):
            name = f"{home.kind}: {OBVIOUS[home.kind]}, {titles:,} titles, {what.replace('cpu', 'CPU')}"
            yield Figure(name, theirs[what], unit, floor=ours[what], budget="floor: ours")
        if home.kind == "jellyfin":
            library, session = ask(way="library")["cpu"], ask(way="session")["cpu"]
            name = "jellyfin: the client's own call, pages of 2,000 rows, CPU"
            yield Figure(name, library, "s", floor=session, budget="1.3 × our session")


class Ours:
    """Our side: a service with a store of its own, as a process of ours has it."""

    def __init__(self, folder: Path, kind: str, line: Line) -> None:
        url, plex = line[kind]["url"], line["plex"]
        token = line[kind]["api_key"] if kind == "jellyfin" else plex["people"][ONE]["account_token"]
        self.store = open_store(folder)
        vault = open_vault(self.store, Keys((make_key(),), "bench", None), SystemClock())
        self.servers = Servers(
            (Server("home", kind, url, Secret(token)),),  # type: ignore[arg-type]
            PlexSettings(plex["url"], plex["url"], plex["url"]),
            self.store,
            lambda: vault,
            clock=SystemClock(),
            rest=lambda _: False,
        )
        self.servers.meet()

    def step(self, person: str, features: list[str], marks: dict[str, Any] | None = None) -> dict[str, Any]:
        """One run's reads of one person."""
        with self.store.read() as db:
            whom = next(each for each in People(db).all() if each.name.lower() == person.lower())
        side = next(each.side for each in self.servers.sides(whom) if not each.key.startswith("plex.tv:"))
        before, facts, why, found = self.servers.taken, 0, "", dict[str, Any]()
        for feature in map(Feature, features):
            index = side.build_index(feature, since=(marks or {}).get(feature))
            facts, why = facts + len(index.facts), why or index.why
            found[feature] = index.mark
        return {"requests": self.servers.taken - before, "facts": facts, "why": why, "marks": found}


def jellyfin(url: str, token: str, user: str, sample: int) -> Callable[..., dict[str, Any]]:  # noqa: ARG001
    """The client as its own documentation uses it, and its cost against that of our session for equal pages."""
    from jellyfin_apiclient_python import JellyfinClient
    from jellyfin_apiclient_python.api import info

    from sidecar.servers.jellyfin.client import Jellyfin
    from sidecar.servers.jellyfin.wire import decode

    client = JellyfinClient(allow_multiple_clients=True)
    client.config.app("Bench", "1", "bench", "bench")
    client.config.auth(url, user, token, ssl=True)
    client.auth.jellyfin_user_id = lambda: user
    own = Jellyfin(url, Secret(token), label="Jellyfin", device_id="bench", clock=SystemClock())

    def obvious() -> dict[str, Any]:
        held: list[Any] = []
        asked = {"include_item_types": "Movie,Episode", "recursive": True, "fields": info(), "limit": 100}
        while page := client.jellyfin.get_user_items(start_index=len(held), **asked)["Items"]:
            held += page
        return {"requests": len(held) // 100 + 1}

    def pages(read: Callable[[dict[str, Any]], int]) -> dict[str, Any]:
        start = 0
        while count := read({**LEAN, "userId": user, "startIndex": start, "limit": 2_000}):
            start += count
        return {"requests": start // 2_000 + 1}

    ways: dict[str, Callable[[], dict[str, Any]]] = {
        "obvious": obvious,
        "library": lambda: pages(lambda params: len(client.jellyfin.items(params=params)["Items"])),
        "session": lambda: pages(lambda params: own.page(params, decode).count),
    }
    return lambda way="obvious": ways[way]()


def plex(url: str, token: str, user: str, sample: int) -> Callable[..., dict[str, Any]]:  # noqa: ARG001
    """plexapi as it is shipped: what a row leaves out is asked for as soon as somebody looks at it.

    That is one request for a title, so only a sample is looked at and the rest is counted at the same price.
    """
    import plexapi.server

    server: Any = plexapi.server.PlexServer(url, token)  # type: ignore[no-untyped-call]
    asked = [0]
    server._session.hooks["response"].append(lambda *_, **__: asked.__setitem__(0, asked[0] + 1))

    def obvious() -> dict[str, Any]:
        held = [
            title
            for section in server.library.sections()
            for title in section.search(libtype="movie" if section.type == "movie" else "episode")
        ]
        chosen = held[:: max(len(held) // sample, 1)][:sample]
        before, cpu, began, looked = asked[0], time.process_time(), time.perf_counter(), list[Any]()
        for title in chosen:
            looked.append((title.isPlayed, title.lastViewedAt, title.userRating, title.guids))
        more = (len(held) - len(chosen)) / len(chosen)
        return {
            "requests": asked[0] + round((asked[0] - before) * more),
            "cpu": (time.process_time() - cpu) * more,
            "seconds": (time.perf_counter() - began) * more,
        }

    return obvious


def _peak() -> float:
    """The most that this process held since it was asked last, in MB."""
    fields = dict(row.split(":", 1) for row in Path("/proc/self/status").read_text().splitlines())
    Path("/proc/self/clear_refs").write_text("5")
    return int(fields["VmHWM"].split()[0]) / 1024


def serve(do: Callable[..., dict[str, Any]]) -> None:
    """What the other process does: a step for each line of its input."""
    for line in sys.stdin:
        _peak()
        cpu, began = time.process_time(), time.perf_counter()
        found = {"cpu": 0.0, "seconds": 0.0, "why": "", **do(**json.loads(line))}
        found["cpu"] += time.process_time() - cpu
        found["seconds"] += time.perf_counter() - began
        print(json.dumps(found | {"peak": _peak()}), flush=True)


if __name__ == "__main__":
    asked_for, how = sys.argv[1], json.loads(sys.argv[2])
    if asked_for == "ours":
        with tempfile.TemporaryDirectory() as place:
            serve(Ours(Path(place), **how).step)
    else:
        serve({"jellyfin": jellyfin, "plex": plex}[asked_for](**how))
