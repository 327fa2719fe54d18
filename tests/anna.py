"""Anna of the town as one person: her data folder, opened in this process, and what her runs ask and write."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from sidecar.app import App
from sidecar.clock import SystemClock
from sidecar.commands import perform
from sidecar.demo.catalogue import File, Movie
from sidecar.demo.trakt import signins
from sidecar.demo.trakt.oauth import Desk
from sidecar.logs import Redaction
from sidecar.settings import load
from sidecar.store.people import People, Person
from sidecar.sync.request import Request, Result
from tests.town import Town
from tests.trakt.asked import Heard, contract_here, listen_to

WRITES = ("POST", "PUT", "DELETE")


class Later(SystemClock):
    """The clock of this machine, but later."""

    ahead = 0.0

    def now(self) -> datetime:
        """The wall clock."""
        return super().now() + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        return super().monotonic() + self.ahead


@dataclass
class Anna:
    """Her household, and the process that syncs her."""

    town: Town
    folder: Path
    heard: Heard  # what Trakt was sent
    clock: Later = field(default_factory=Later)
    app: App = field(init=False)
    token: str = field(init=False)  # with which another app of hers asks Trakt

    def __post_init__(self) -> None:
        self.token = signins(self.town.catalogue)["users"]["anna"]["access_token"]
        environ = self.town.environ()
        self.app = App(self.folder, load(environ, self.folder), environ, clock=self.clock, redaction=Redaction())

    @property
    def person(self) -> Person:
        """As she is known now."""
        with self.app.store.read() as db:
            return People(db).get("Anna")

    def sync(self, state: str = "done", **request: Any) -> Result:
        """One run; afterwards the town's log holds nothing but what it asked."""
        for control in self.town.controls.values():
            control.log.clear()
        self.heard.bodies.clear()
        *_, result = self.app.sync.run(self.person, Request(**request))
        assert isinstance(result, Result)
        assert result.state == ("preview" if request.get("preview") else state), result
        return result

    def do(self, command: str, **arguments: Any) -> Any:
        """A command, carried out to its end."""
        *_, last = perform(self.app, command, arguments)
        return last["result"]

    def choose(self, **options: str) -> None:
        """Something is chosen; __ stands for a dot and _ for a dash."""
        with self.app.store.write() as db:
            for key, value in options.items():
                name = key.replace("__", ".").replace("_", "-")
                People(db).set_option(People(db).get("Anna"), name, value, self.clock.now())

    def later(self, hours: float) -> None:
        """Time passes, everywhere."""
        self.clock.ahead += hours * 3600
        for control in self.town.controls.values():
            control.clock.shift(hours * 3600)

    def asked(self, service: str, *methods: str) -> list[str]:
        """The paths of the requests of the last run, of these methods or of all."""
        return [row["path"] for row in self.town.controls[service].log if not methods or row["method"] in methods]

    def written(self) -> dict[str, int]:
        """How many requests of the last run changed something."""
        return {service: count for service, count in self.town.all_writes().items() if count}

    def bodies(self, path: str) -> list[Any]:
        """What Trakt was sent at this path during the last run."""
        return [body for _, asked, body in self.heard.bodies if asked == path]

    def history(self, file: File) -> list[tuple[str, str]]:
        """The plays of something on Trakt: minute and action, oldest first."""
        title, kind = file.titles[0], "movie" if isinstance(file.titles[0], Movie) else "episode"
        plays = self.town.controls["trakt"].state()["anna"]["plays"]
        return sorted((play["at"][:16], play["action"]) for play in plays if play.get(kind) == title.ids.trakt)

    def sign_in(self, user: str = "anna") -> None:
        """She types a code in, with her account or somebody else's."""
        resets = self.town.controls["trakt"]._resets
        desk = next(each for reset in resets if isinstance(each := getattr(reset, "__self__", None), Desk))
        pair = desk._issue(user)
        self.token = pair["access_token"]
        self.do("link", person="Anna", token=pair)

    def headers(self) -> dict[str, str]:
        """What another app of hers says to Trakt."""
        return {
            "trakt-api-version": "2",
            "trakt-api-key": signins(self.town.catalogue)["client_id"],
            "User-Agent": "another/1.0",
            "Authorization": f"Bearer {self.token}",
        }

    def rated(self, file: File) -> tuple[int | None, float | None, float | None]:
        """Her rating on Trakt, on Jellyfin and on Plex."""
        kind = "movies" if isinstance(file.titles[0], Movie) else "episodes"
        answer = requests.get(
            f"{self.town.urls['trakt']}/sync/ratings/{kind}", headers=self.headers(), timeout=10
        ).json()
        there = {row[kind[:-1]]["ids"]["trakt"]: row["rating"] for row in answer}
        on_trakt = there.get(file.titles[0].ids.trakt)
        return on_trakt, self.town.rating("jellyfin", file), self.town.rating("plex", file)


@contextmanager
def at_home(town: Town, heard: Heard, settled: Path, folder: Path) -> Iterator[Anna]:
    """Anna for one test, in a town as after its start."""
    town.reset()
    shutil.copytree(settled, folder)
    made = Anna(town, folder, heard)
    yield made
    made.app.close()
    assert town.unhandled() == []
    assert heard.wrong == []


def heard_in(town: Town) -> Heard:
    """Listens to the Trakt of a town, and holds each request against its contract."""
    return listen_to(town.apps["trakt"], contract_here())
