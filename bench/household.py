"""How fast the simulated household answers, how much memory it takes, and whether bulk pages hold up small requests.

`python -m bench.household [tiny|small|medium|large] [--json FILE]` starts a household of its own on loopback,
prints a table and writes the same as JSON. Bulk pages are read by another process, so that the measuring one is not
slowed down by them.
"""

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SIZES = {"tiny": (200, 200), "small": (5_000, 1_000), "medium": (25_000, 2_000), "large": (110_000, 4_000)}
PAGES = (250, 2_000)


@dataclass
class Target:
    """What is asked of one simulator; {start}, {page} and {size} are filled in."""

    url: str
    headers: dict[str, str]
    small: str
    bulk: str
    total: int


@dataclass
class Row:
    """One line of the table; times in milliseconds, memory in MB."""

    simulator: str
    memory: float
    per_second: float
    median: float
    p99: float
    page: int
    page_first: float
    page_median: float
    rows_per_second: float
    p99_beside: float
    worst_beside: float


class Connection:
    """One connection that is kept open."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.http = http.client.HTTPConnection(urlsplit(target.url).netloc, timeout=60)

    def ask(self, path: str, method: str = "GET", body: Any = None) -> bytes:
        """The body of the answer; anything but success ends the measurement."""
        content = {} if body is None else {"Content-Type": "application/json"}
        self.http.request(method, path, None if body is None else json.dumps(body), self.target.headers | content)
        answer = self.http.getresponse()
        data = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {self.target.url}{path} answered {answer.status}: {data[:200]!r}")
        return data


def targets(line: dict[str, Any]) -> dict[str, Target]:
    """What is asked of each simulator, from the household's own line."""
    trakt, plex, jellyfin = line["trakt"], line["plex"], line["jellyfin"]
    bearer = {"Authorization": f"Bearer {trakt['users']['anna']['access_token']}", "User-Agent": "bench/1"}
    headers = {"trakt-api-version": "2", "trakt-api-key": trakt["client_id"], **bearer}
    owner = {"X-Plex-Token": plex["people"]["Anna"]["server_token"], "Accept": "application/xml"}
    key = {"Authorization": f'MediaBrowser Token="{jellyfin["api_key"]}"'}
    episodes = "/library/sections/{section}/all?type=4&includeGuids=1"
    episodes += "&X-Plex-Container-Start={start}&X-Plex-Container-Size={size}"
    owner_id = next(person["id"] for person in jellyfin["people"] if person["admin"])
    items = f"/Items?recursive=true&includeItemTypes=Movie,Episode&fields=ProviderIds&userId={owner_id}"
    return {
        "trakt": Target(trakt["url"], headers, "/sync/last_activities", "/sync/history?page={page}&limit={size}", 0),
        "plex": Target(plex["url"], owner, "/library/metadata/{item}", episodes, 0),
        "jellyfin": Target(jellyfin["url"], key, items + "&limit=1", items + "&startIndex={start}&limit={size}", 0),
    }


def prepare(found: dict[str, Target], titles: int) -> None:
    """Switches Trakt's limits off, gives Anna a history, and fills in what only the simulators know."""
    trakt, plex, jellyfin = (Connection(found[name]) for name in ("trakt", "plex", "jellyfin"))
    trakt.ask("/_control/switches", "POST", {"limits": False})
    trakt.ask("/_control/act", "POST", {"do": "seed_history", "user": "anna", "count": titles})
    found["trakt"].total = titles
    sections = plex.ask("/library/sections").decode()
    section = max(
        (
            part.split('"', 1)[0]
            for part in sections.split(' key="')[1:]
            if 'type="show"' in part.split("<Directory", 1)[0]
        ),
        key=lambda key: rows_of(
            plex.ask(f"/library/sections/{key}/all?type=4&X-Plex-Container-Start=0&X-Plex-Container-Size=1")
        ),
    )
    found["plex"].bulk = found["plex"].bulk.replace("{section}", section)
    page = plex.ask(fill(found["plex"].bulk, 0, 1))
    found["plex"].total = rows_of(page)
    found["plex"].small = found["plex"].small.replace(
        "{item}", page.decode().split(' ratingKey="', 1)[1].split('"', 1)[0]
    )
    found["jellyfin"].total = json.loads(jellyfin.ask(found["jellyfin"].small))["TotalRecordCount"]


def rows_of(page: bytes) -> int:
    """How many rows the listing of this Plex page has in all."""
    return int(page.decode().split(' totalSize="', 1)[1].split('"', 1)[0])


def fill(path: str, start: int, size: int) -> str:
    """The address of one page."""
    return path.format(start=start, size=size, page=start // size + 1)


def pages(target: Target, size: int) -> Iterator[str]:
    """The addresses of all pages, again and again."""
    while True:
        for start in range(0, max(target.total, 1), size):
            yield fill(target.bulk, start, size)


def timed(connection: Connection, path: str, count: int) -> list[float]:
    """How long each of so many equal requests took, in milliseconds, in order of length."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        connection.ask(path)
        times.append((time.perf_counter() - began) * 1000)
    return sorted(times)


@contextmanager
def reader(target: Target, size: int) -> Iterator[None]:
    """Reads bulk pages in another process all the while."""
    command = [sys.executable, "-m", "bench.household", "--read", json.dumps([asdict(target), size])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield
        assert process.poll() is None, "the bulk reader did not last"
    finally:
        process.kill()
        process.communicate()


def read_for_ever(target: Target, size: int) -> None:
    """What the other process does: reads a page, says so once, goes on until it is killed."""
    connection = Connection(target)
    for number, path in enumerate(pages(target, size)):
        connection.ask(path)
        if number == 0:
            print("reading", flush=True)


def memory(pid: int) -> float:
    """What a process holds in memory, in MB."""
    fields = dict(row.split(":", 1) for row in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024


def measure(name: str, target: Target, pid: int, requests: int) -> Iterator[Row]:
    """The rows of one simulator, one for each page size."""
    connection = Connection(target)
    timed(connection, target.small, 20)
    small = timed(connection, target.small, requests)
    for size in PAGES:
        if name == "trakt" and size > 250:
            continue  # Trakt gives no more
        whole = [path for path, _ in zip(pages(target, size), range(max(3, min(30, requests // size))), strict=False)]
        first = [timed(connection, path, 1)[0] for path in whole]  # simulators encode a row when it is first asked for
        began = time.perf_counter()
        times = [timed(connection, path, 1)[0] for path in whole]
        seconds = time.perf_counter() - began
        rows = sum(
            min(size, target.total - start % max(target.total, 1)) for start in range(0, len(whole) * size, size)
        )
        with reader(target, size):
            beside = timed(connection, target.small, requests // 2)
        yield Row(
            name,
            memory(pid),
            1000 * len(small) / sum(small),
            statistics.median(small),
            small[len(small) * 99 // 100],
            size,
            statistics.median(first),
            statistics.median(times),
            rows / seconds,
            beside[len(beside) * 99 // 100],
            beside[-1],
        )


@contextmanager
def household(titles: int) -> Iterator[dict[str, Any]]:
    """A household of its own and its line."""
    command = [sys.executable, "-m", "sidecar.demo.household", "--titles", str(titles)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.communicate(timeout=30)  # closes its standard input, which ends it


def main() -> None:
    """Measures at one size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size", nargs="?", choices=SIZES, default="tiny")
    parser.add_argument("--json", type=Path, help="where the figures go as JSON; otherwise after the table")
    parser.add_argument("--read", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        target, size = json.loads(options.read)
        read_for_ever(Target(**target), size)
    titles, requests = SIZES[options.size]
    began = time.perf_counter()
    with household(titles) as line:
        started = time.perf_counter() - began
        found = targets(line)
        prepare(found, titles)
        rows = [row for name, target in found.items() for row in measure(name, target, line[name]["pid"], requests)]
    print(f"{titles:,} titles, ready after {started:.1f} s; times in ms, memory in MB")
    heads = (
        ("memory", 8),
        ("req/s", 8),
        ("median", 8),
        ("p99", 8),
        ("page", 7),
        ("first", 8),
        ("median", 8),
        ("rows/s", 9),
    )
    print(" " * 10 + "".join(f"{head:>{wide}}" for head, wide in (*heads, ("p99 beside", 12), ("worst", 8))))
    for row in rows:
        print(
            f"{row.simulator:10}{row.memory:8.0f}{row.per_second:8.0f}{row.median:8.2f}{row.p99:8.2f}{row.page:7}"
            f"{row.page_first:8.1f}{row.page_median:8.1f}{row.rows_per_second:9.0f}{row.p99_beside:12.1f}{row.worst_beside:8.1f}"
        )
    figures = json.dumps({"titles": titles, "ready_s": round(started, 2), "rows": [asdict(row) for row in rows]})
    if options.json:
        options.json.write_text(figures + "\n")
    else:
        print(figures)


if __name__ == "__main__":
    main()
