"""How fast the simulated household answers, how much memory it takes, and whether bulk pages hold up small requests.

Bulk pages are read by another process (`python -m bench.household TARGET`), so that the measuring one is not slowed
down by them. The floor beside each rate is a server of the standard library that answers the same bytes.
"""

import http.client
import http.server
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.figure import Figure, Size

PAGES = (250, 2_000)


@dataclass
class Target:
    """What is asked of one simulator; {start}, {page} and {size} are filled in."""

    url: str
    headers: dict[str, str]
    small: str
    bulk: str
    total: int


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
    command = [sys.executable, "-m", "bench.household", json.dumps([asdict(target), size])]
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


def floor(content: bytes, requests: int) -> float:
    """Requests a second to the least that could answer: the standard library with bytes that lie ready."""

    class Ready(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)

        def log_message(self, *_: Any) -> None:
            """Silence."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ready) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        connection = Connection(Target(f"http://127.0.0.1:{server.server_address[1]}", {}, "/", "/", 0))
        times = timed(connection, "/", requests)
        connection.http.close()
        server.shutdown()
        thread.join()
    return 1000 * len(times) / sum(times)


def figures_of(name: str, target: Target, pid: int, requests: int) -> Iterator[Figure]:
    """The figures of one simulator, some for each page size."""
    connection = Connection(target)
    timed(connection, target.small, 20)
    small = timed(connection, target.small, requests)
    least = floor(connection.ask(target.small), requests)
    yield Figure(f"simulated {name}: small requests", 1000 * len(small) / sum(small), "1/s", floor=least)
    for size in PAGES:
        if name == "trakt" and size > 250:
            continue  # Trakt gives no more
        whole = [path for path, _ in zip(pages(target, size), range(max(3, min(30, requests // size))), strict=False)]
        for when in ("first time", "again"):  # simulators encode a row when it is first asked for
            times = [timed(connection, path, 1)[0] for path in whole]
            yield Figure(f"simulated {name}: page of {size:,} rows, {when}", statistics.median(times), "ms")
        with reader(target, size):
            beside = timed(connection, target.small, requests // 2)
        yield Figure(f"simulated {name}: small beside pages of {size:,}, p99", beside[len(beside) * 99 // 100], "ms")
    yield Figure(f"simulated {name}: memory", memory(pid), "MB")


@contextmanager
def household(titles: int, people: int = 8) -> Iterator[dict[str, Any]]:
    """A household of its own and its line."""
    command = [sys.executable, "-m", "sidecar", "household", "--titles", str(titles), "--people", str(people)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.communicate(timeout=30)  # closes its standard input, which ends it


def measure(size: Size) -> list[Figure]:
    """Starts a household of its own on loopback and asks each simulator in turn."""
    began = time.perf_counter()
    with household(size.titles) as line:
        figures = [Figure(f"household: ready with {size.titles:,} titles", time.perf_counter() - began, "s")]
        found = targets(line)
        prepare(found, size.titles)
        for name, target in found.items():
            figures += figures_of(name, target, line[name]["pid"], size.requests)
    return figures


if __name__ == "__main__":
    asked, page = json.loads(sys.argv[1])
    read_for_ever(Target(**asked), page)
