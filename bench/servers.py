"""What media servers cost us: requests against the least that could do it, CPU, time and memory, for each kind.

The simulated servers and our side run in processes of their own, and so do the obvious ways of doing the same, which
are held against ours. One person has watched a third of all titles, the other a ninth.
The least that a read takes: on Jellyfin a page for every 2,000 titles; on Plex one for every 500 that nobody listed
yet, for every 500 that were watched, and for every 500 plays.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
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
        """Somebody watched all this in ten years, part by part."""
        for part in parts:
            at += timedelta(days=3_600) / len(parts)
            self.act("watch", person, part, at=at.isoformat())

    def act(self, do: str, person: str, keys: list[Any], **said: Any) -> None:
        """Somebody does something with some titles."""
        for key in keys if self.kind == "jellyfin" else [keys]:
            self.control("act", do=do, person=person, file=key, **said)


def measure(size: Size) -> list[Figure]:
    """One kind after the other, each beside the obvious way."""
    figures: list[Figure] = []
    with household(size.titles) as line:
        for kind, page in PAGES.items():
            home = Household(kind, line)
            if kind == "plex":
                home.control("switches", padding=PADDING)
            library = home.library()
            with worker("bench.servers", kinds=[kind], line=line) as ask:
                empty = ask(person=ONE, features=ALL)
            name = f"{kind}: inventory of {library.titles:,} titles, none watched"
            figures += _figures(name, empty, ceil(library.titles / page))
            long_ago = datetime.now(UTC) - timedelta(days=4_000)
            home.watch(ONE, library.watchable, long_ago)
            home.watch(OTHER, library.watchable[::3], long_ago)
            home.act("rate", ONE, library.films[:: max(len(library.films) // 200, 1)], rating=7)
            figures += [*_ours(home, line, library), *_beside(home, line, library.titles, size.requests)]
        with worker("bench.servers", kinds=list(PAGES), line=line) as ask:
            figures += _figures("both servers: first read of one person", ask(person=ONE, features=ALL), 0)
    return figures


def _ours(home: Household, line: Line, library: Library) -> Iterator[Figure]:
    """Reads as runs make them, in the order in which they happen in the life of one process."""
    kind, news = home.kind, library.fresh[: max(library.titles // 200, 3)]
    whole, third, ninth, few = (
        ceil(count / PAGES[kind]) for count in (library.titles, library.titles / 3, library.titles / 9, len(news))
    )
    plex = kind == "plex"
    with worker("bench.servers", kinds=[kind], line=line) as ask:
        first = ask(person=ONE, features=ALL)
        yield from _figures(f"{kind}: first read of {library.titles:,} titles", first, whole + 2 * third * plex)
        second = ask(person=OTHER, features=ALL)
        yield from _figures(f"{kind}: second person", second, 2 * ninth if plex else whole)
        mark = first["marks"][Feature.HISTORY]
        places = len(mark["sections"]) if plex else 1
        said = {"person": ONE, "features": [Feature.HISTORY], "marks": first["marks"]}
        yield from _figures(f"{kind}: unchanged look", ask(**said), places, f"{places}")
        home.act("watch", ONE, news)
        took = ask(**said)
        assert took["facts"], f"nothing was found, though {len(news)} titles were watched"
        yield from _figures(f"{kind}: look after {len(news)} more were watched", took, places + few + plex)


def _figures(name: str, took: Any, floor: int, budget: str = "") -> Iterator[Figure]:
    """What one step took."""
    assert not took["why"], took["why"]
    yield Figure(f"{name}, requests", took["requests"], "", floor=floor, budget=budget)
    yield Figure(f"{name}, CPU", took["cpu"], "s")
    yield Figure(f"{name}, time", took["seconds"], "s")
    yield Figure(f"{name}, peak memory", took["peak"], "MB", budget=MEMORY)


def _beside(home: Household, line: Line, titles: int, sample: int) -> Iterator[Figure]:
    """The least that could do it against the obvious way: a first read of one person's history, a process each."""
    with worker("bench.servers", kinds=[home.kind], line=line) as ask:
        ours = ask(person=ONE, features=[Feature.HISTORY])
    with worker("bench.obvious", kind=home.kind, url=home.url, token=home.token, user=home.user, sample=sample) as ask:
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

    def __init__(self, folder: Path, kinds: list[str], line: Line) -> None:
        tokens = {"jellyfin": line["jellyfin"]["api_key"], "plex": line["plex"]["people"][ONE]["account_token"]}
        self.store = open_store(folder)
        vault = open_vault(self.store, Keys((make_key(),), "bench", None), SystemClock())
        self.servers = Servers(
            tuple(Server(kind, kind, line[kind]["url"], Secret(tokens[kind])) for kind in kinds),  # type: ignore[arg-type]
            PlexSettings(*[line["plex"]["url"]] * 3),
            self.store,
            lambda: vault,
            clock=SystemClock(),
            rest=lambda _: False,
        )
        self.servers.meet()

    def step(self, person: str, features: list[str], marks: dict[str, Any] | None = None) -> dict[str, Any]:
        """One run's reads of one person, all held until the end as a run holds them."""
        with self.store.read() as db:
            same = [each for each in People(db).all() if each.name.partition("@")[0].lower() == person.lower()]
        sides = [each.side for whom in same for each in self.servers.sides(whom) if not each.key.startswith("plex.tv:")]
        before = self.servers.taken
        indexes = [side.build_index(Feature(name), (marks or {}).get(name)) for side in sides for name in features]
        return {
            "requests": self.servers.taken - before,
            "facts": sum(len(index.facts) for index in indexes),
            "why": "".join(index.why for index in indexes),
            "marks": {index.feature: index.mark for index in indexes},
        }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        serve(Ours(Path(place), **json.loads(sys.argv[1])).step)
