"""People of the household who watch, pause, finish and rate at a lively pace, through the controls of the simulators.

Nothing waits for the length of a film: players jump, as people do, and the servers make of it what real ones would.
"""

import random
import threading
from collections.abc import Iterator
from typing import Any

import requests

from sidecar.demo.catalogue import Catalogue, File, Person

DEVICES = {"jellyfin": ("TV", "Tablet"), "plex": ("Living room", "Phone")}
FINISHED = 0.96  # of the runtime: where credits begin


class Bustle:
    """The people of one household; `line` is what the household printed."""

    def __init__(self, line: dict[str, Any], catalogue: Catalogue, seed: int = 1) -> None:
        self._urls = {name: line[name]["url"] for name in ("trakt", "plex", "jellyfin")}
        self._catalogue, self._chance = catalogue, random.Random(seed)  # noqa: S311 - a play, not a secret
        self._session = requests.Session()
        self.seen: dict[int, int] = {}  # what somebody watched to its end, by its number on Trakt, and the rating

    def close(self) -> None:
        """Hangs up."""
        self._session.close()

    def control(self, simulator: str, route: str, **body: Any) -> dict[str, Any]:
        """One call of a simulator's controls; raises where it is refused."""
        answer = self._session.post(f"{self._urls[simulator]}/_control/{route}", json=body, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else {}

    def choose(self, server: str = "", name: str = "") -> tuple[str, Person, File]:
        """A server, somebody who may watch there, and a file of a known length that Trakt knows."""
        people = [person for person in self._catalogue.people if person.libraries and person.trakt]
        person = self._chance.choice([person for person in people if name in ("", person.name)])
        files = [file for file in self._catalogue.files if file.library in person.libraries and plain(file)]
        files = [file for file in files if not name or (sure(file) and file.titles[0].ids.trakt not in self.seen)]
        return server or self._chance.choice(("jellyfin", "plex")), person, self._chance.choice(files)

    def scene(self, server: str = "", name: str = "") -> Iterator[str]:
        """One viewing from start to end with a pause in the middle; says what happens, step by step."""
        server, person, file = self.choose(server, name)
        device, runtime = self._chance.choice(DEVICES[server]), (file.runtime_ms or 0) / 1000
        about = {"person": person.name, "device": device, "file": file.path}
        where = f"{name_of(file)} on {server.capitalize()} ({device})"
        self.control(server, "play", do="start", position_s=0, **about)
        yield f"{person.name} starts {where}"
        self.control(server, "play", do="seek", position_s=runtime * 0.4, **about)
        self.control(server, "play", do="pause", position_s=runtime * 0.4, **about)
        yield f"{person.name} pauses {where}"
        self.control(server, "play", do="resume", position_s=runtime * 0.4, **about)
        self.control(server, "play", do="progress", position_s=runtime * FINISHED, **about)
        self.control(server, "play", do="stop", position_s=runtime * FINISHED, **about)
        yield f"{person.name} finishes {where}"
        stars = self._chance.randint(5, 10)
        self.control(server, "act", do="rate", person=person.name, file=file.path, rating=stars)
        self.seen[file.titles[0].ids.trakt] = stars
        yield f"{person.name} rates {name_of(file)} with {stars} on {server.capitalize()}"

    def go_on(self, stop: threading.Event, pause_s: float = 4.0) -> Iterator[str]:
        """Scene after scene until stopped."""
        while not stop.is_set():
            for sentence in self.scene():
                yield sentence
                if stop.wait(pause_s):
                    return


def plain(file: File) -> bool:
    """Whether it is one known title of a known length, so that nothing odd happens when it is played."""
    return len(file.titles) == 1 and file.runtime_ms is not None and file.runtime_ms > 600_000 and file.edition is None


def sure(file: File) -> bool:
    """Whether the servers name it as Trakt does."""
    ids = file.titles[0].ids
    return ids.tmdb is not None and (file.claims.tmdb, file.legacy_guid) == (ids.tmdb, None)


def name_of(file: File) -> str:
    """What people call it."""
    if file.season is not None and file.show is not None:
        return f"{file.show.title or 'a series'} S{file.season:02}E{file.number or 0:02}"
    return file.name
