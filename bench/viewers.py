"""A hundred viewers of one Jellyfin server as our plugin tells of them: 200 events/s, 50 of them transitions."""

import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from sidecar.demo.catalogue import File

VIEWERS, RATE, TRANSITIONS = 100, 200, 50
THREADS = 8
SERVER, TOKEN = "5" * 32, "the token of the plugin"
TICKS = 10_000  # in a millisecond


@dataclass(frozen=True)
class Told:
    """An event that was accepted: whose, which transition if any, when it was sent and when accepted."""

    viewer: int
    what: str
    sent: float
    accepted: float


@dataclass
class Viewers:
    """Sends events for everybody, each viewer's in order."""

    url: str
    files: list[File]
    told: list[Told] = field(default_factory=list)
    _mine: threading.local = field(default_factory=threading.local)
    _seqs: dict[int, Iterator[int]] = field(default_factory=dict)

    def evening(self, seconds: int, first: int = 0) -> list[Told]:
        """So many seconds in real time; gives what was accepted. `first` is the first of everybody's films."""
        self.told = []
        plan = list(_plan(seconds))
        began = time.monotonic()
        with ThreadPoolExecutor(THREADS) as senders:
            for part in range(THREADS):
                mine = [each for each in plan if each[1] % THREADS == part]
                senders.submit(self._send, mine, began, first)
        return self.told

    def flood(self, events: int) -> float:
        """So many words about what goes on, as fast as they are taken; seconds."""
        began = time.monotonic()
        with ThreadPoolExecutor(THREADS) as senders:
            for done in [senders.submit(self._progress, part, events // THREADS) for part in range(THREADS)]:
                done.result()
        return time.monotonic() - began

    def ended(self, viewer: int, plays: int) -> None:
        """So many films that somebody finished one after the other, in the last four weeks, and nobody told of yet."""
        now = datetime.now(UTC)
        for number in range(plays):
            file = self.files[number % len(self.files)]
            self.tell(viewer, "stop", file, 0.97, now - timedelta(weeks=4) / plays * (plays - number))

    def tell(self, viewer: int, what: str, file: File, place: float, at: datetime | None = None) -> Told:
        """One event, until it is accepted."""
        body = self._body(viewer, what, file, place, at or datetime.now(UTC))
        line = self._line()
        head = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        sent = time.time()
        line.request("POST", "/hooks/jellyfin/home", body, head)
        answer = line.getresponse()
        text = answer.read()
        if answer.status != 202 or b"accepted" not in text:
            raise SystemExit(f"an event was answered {answer.status}: {text!r}")
        return Told(viewer, what, sent, time.time())

    def _send(self, plan: list[tuple[float, int, str, int]], began: float, first: int) -> None:
        for at, viewer, what, film in plan:
            time.sleep(max(0.0, began + at - time.monotonic()))
            file = self.files[(viewer + first + film) % len(self.files)]
            self.told.append(self.tell(viewer, what, file, {"start": 0.0, "stop": 0.97}.get(what, 0.2)))

    def _progress(self, part: int, events: int) -> None:
        for number in range(events):
            viewer = (number * THREADS + part) % VIEWERS
            self.tell(viewer, "progress", self.files[viewer % len(self.files)], 0.1 + number / events / 2)

    def _line(self) -> http.client.HTTPConnection:
        if not hasattr(self._mine, "line"):
            self._mine.line = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        return self._mine.line  # type: ignore[no-any-return]

    def _body(self, viewer: int, what: str, file: File, place: float, at: datetime) -> bytes:
        seq = next(self._seqs.setdefault(viewer, count(1)))
        ids = {name: str(value) for name in ("imdb", "tmdb", "tvdb") if (value := getattr(file.claims, name))}
        ticks = (file.runtime_ms or 0) * TICKS
        body: dict[str, Any] = {
            "install": f"plugin-{viewer}",
            "seq": seq,
            "id": f"{viewer}-{seq}",
            "version": "1.0.0",
            "event": what,
            "at": at.isoformat(),
            "sent": datetime.now(UTC).isoformat(),
            "server": {"id": SERVER, "version": "12.0.0"},
            "user": {"id": user_of(viewer), "name": f"viewer {viewer}"},
            "session": {"id": f"session-{viewer}", "device": "TV", "client": "Player"},
            "item": {
                "id": f"{hash(file.path) & 0xFFFFFFFF:032x}",
                "type": "Movie" if file.show is None else "Episode",
                "name": file.name,
                "year": file.year,
                "ids": ids,
                "runtime_ticks": ticks,
                "path": file.path,
                "library": file.library,
                "season": file.season,
                "episode": file.number,
            },
            "position_ticks": int(ticks * place),
            "paused": False,
            "completed": False,
        }
        return json.dumps(body).encode()


def user_of(viewer: int) -> str:
    """A viewer's id on the server."""
    return f"{viewer + 1:032x}"  # all zeros are nobody


def _plan(seconds: int) -> Iterator[tuple[float, int, str, int]]:
    """When, who, what, and the how-manieth film: everybody has a transition every two seconds."""
    chance, since, films, turn = random.Random(1), dict[int, int](), dict[int, int](), 0  # noqa: S311 - no secret
    for number in range(seconds * RATE):
        at = number / RATE
        if number % (RATE // TRANSITIONS):
            playing = [each for each, began in since.items() if 15 < turn - began < VIEWERS - 15]
            if playing:
                viewer = chance.choice(playing)
                yield at, viewer, "progress", films[viewer]
            continue
        viewer, starts = turn % VIEWERS, (turn // VIEWERS + turn) % 2 == 0
        if starts:
            since[viewer], films[viewer] = turn, films.get(viewer, -1) + 1
            yield at, viewer, "start", films[viewer]
        elif since.pop(viewer, None) is not None:
            yield at, viewer, "stop", films[viewer]
        turn += 1
    for place, viewer in enumerate(list(since)):  # nobody goes in the middle
        yield seconds + 2 + place / TRANSITIONS, viewer, "stop", films[viewer]
