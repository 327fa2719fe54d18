"""A household of all three services in this process, for whole processes of ours beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidecar.app import App
from sidecar.clock import SystemClock
from sidecar.commands import perform
from sidecar.demo import jellyfin, plex, trakt
from sidecar.demo.catalogue import Catalogue, Episode, File, Movie
from sidecar.demo.control import Control
from sidecar.demo.invent import invent
from sidecar.demo.listen import Listener
from sidecar.logs import Redaction
from sidecar.settings import load
from sidecar.store.folder import prepare

WATCHED = {"plex": "viewCount", "jellyfin": "Played"}
SIMULATORS = {"trakt": trakt, "plex": plex, "jellyfin": jellyfin}


@dataclass
class Town:
    """Three services with the same people and titles."""

    catalogue: Catalogue
    urls: dict[str, str]
    controls: dict[str, Control] = field(default_factory=dict)
    apps: dict[str, Any] = field(default_factory=dict)

    def watched(self, service: str) -> set[str]:
        """The paths of the films and episodes that Anna watched there."""
        if service == "trakt":
            plays = self.controls["trakt"].state()["anna"]["plays"]
            seen = {play.get("movie") or play.get("episode") for play in plays}
            return {file.path for file in self._files() if file.titles[0].ids.trakt in seen}
        return {file.path for file in self._files() if self._row(service, file).get(WATCHED[service])}

    def rating(self, service: str, file: File) -> float | None:
        """What Anna gave a film on a server."""
        value: float | None = self._row(service, file).get({"plex": "userRating", "jellyfin": "Rating"}[service])
        return value

    def date(self, file: File) -> str:
        """When Jellyfin says that Anna watched it."""
        return str(self._row("jellyfin", file).get("LastPlayedDate"))

    def plays(self) -> int:
        """How many plays Trakt has of Anna."""
        return len(self.controls["trakt"].state()["anna"]["plays"])

    def everywhere(self) -> dict[str, set[str]]:
        """What Anna watched, side by side."""
        return {service: self.watched(service) for service in SIMULATORS}

    def lived(self) -> list[File]:
        """What Anna did before anybody synced: two of these films on each side, and two ratings."""
        films = self.films(20)
        for service, file in zip(("jellyfin", "jellyfin", "plex", "plex", "trakt", "trakt"), films, strict=False):
            self.tick(service, file)
        self.tick("jellyfin", films[0], "rate", rating=8)
        self.tick("plex", films[2], "rate", rating=6)
        return films

    def _files(self) -> list[File]:
        return [file for file in self.catalogue.files if len(file.titles) == 1]

    def _row(self, service: str, file: File) -> dict[str, Any]:
        """What a server keeps of one file for Anna."""
        people = self.controls[service].state()["people"]["Anna"]
        if service == "plex":
            items = self.apps["plex"].extensions["plex"].inventory.by_path.get(file.path, [])
            return next((people["views"][item.key] for item in items if item.key in people["views"]), {})
        item = self.apps["jellyfin"].server.shelf.by_path.get(file.path)
        row: dict[str, Any] = people.get(item.id, {}) if item is not None else {}
        return row

    def environ(self) -> dict[str, str]:
        """The settings that lead to it, for an impatient Sidetrakt."""
        signin, people = trakt.signins(self.catalogue), plex.signins(self.catalogue)["people"]
        return {
            "SIDETRAKT_TRAKT__CLIENT_ID": signin["client_id"],
            "SIDETRAKT_TRAKT__CLIENT_SECRET": signin["client_secret"],
            "SIDETRAKT_TRAKT__GET_PER_SECOND": "100",
            "SIDETRAKT_TRAKT__WRITE_PER_SECOND": "50",
            "SIDETRAKT_TRAKT__API_URL": self.urls["trakt"],
            "SIDETRAKT_TRAKT__AUTH_URL": self.urls["trakt"],
            "SIDETRAKT_SERVERS__HOME__KIND": "jellyfin",
            "SIDETRAKT_SERVERS__HOME__URL": self.urls["jellyfin"],
            "SIDETRAKT_SERVERS__HOME__TOKEN": jellyfin.signins(self.catalogue)["api_key"],
            "SIDETRAKT_SERVERS__HOME__WRITES_PER_SECOND": "500",
            "SIDETRAKT_SERVERS__DEN__KIND": "plex",
            "SIDETRAKT_SERVERS__DEN__URL": self.urls["plex"],
            "SIDETRAKT_SERVERS__DEN__TOKEN": people["Anna"]["account_token"],
            "SIDETRAKT_SERVERS__DEN__WRITES_PER_SECOND": "500",
            **{f"SIDETRAKT_PLEX__{name}_URL": self.urls["plex"] for name in ("ACCOUNT", "DISCOVER", "METADATA")},
        }

    def settle(self, folder: Path) -> None:
        """A data folder in which Anna of both servers is one person and linked, and nothing was synced yet."""
        prepare(folder)
        environ = self.environ()
        app = App(folder, load(environ, folder), environ, clock=SystemClock(), redaction=Redaction())
        for command, arguments in (
            ("meet", {}),
            ("people join", {"one": "Anna", "other": "Anna@home"}),
            ("link", {"person": "Anna", "token": trakt.signins(self.catalogue)["users"]["anna"]}),
        ):
            list(perform(app, command, arguments))
        app.close()

    def films(self, count: int) -> list[File]:
        """Films of which each service has exactly one copy under the right ids."""
        plain = [
            file
            for file in self.catalogue.files
            if file.library == "movies" and len(file.titles) == 1 and isinstance(file.titles[0], Movie)
            and file.edition is None and file.runtime_ms and right(file)
        ]  # fmt: skip
        claims = Counter(claim for each in self.catalogue.files for claim in claims_of(each))
        return [file for file in plain if all(claims[claim] == 1 for claim in claims_of(file))][:count]

    def episodes(self, count: int) -> list[File]:
        """Episodes of which each service has exactly one copy under the right numbers."""
        claims = Counter(claim for each in self.catalogue.files for claim in claims_of(each))
        plain = [
            file
            for file in self.catalogue.files
            if file.library == "shows" and len(file.titles) == 1 and isinstance(part := file.titles[0], Episode)
            and (file.season, file.number) == (part.season, part.number) and file.runtime_ms
            and file.show is not None and file.show_claims.tvdb == file.show.ids.tvdb
        ]  # fmt: skip
        return [file for file in plain if all(claims[claim] == 1 for claim in claims_of(file)) and right(file)][:count]

    def act(self, service: str, do: str, **said: Any) -> Any:
        """What somebody does in another client or on the website."""
        return self.controls[service].acts[do]({"do": do, **said})

    def tick(self, service: str, file: File, do: str = "watch", **said: Any) -> None:
        """Anna marks a film, or something else."""
        if service == "trakt":
            kind = "movies" if isinstance(file.titles[0], Movie) else "episodes"
            self.act("trakt", do, user="anna", **{kind: [{"ids": {"trakt": file.titles[0].ids.trakt}, **said}]})
        else:
            self.act(service, do, person="Anna", file=file.path, **said)

    def writes(self, service: str) -> int:
        """How many requests changed something there so far; signing in is none."""
        rows = self.controls[service].log
        quiet = ("/oauth", "/scrobble")
        if service == "plex":
            return sum(row["path"].startswith("/:/") and "websocket" not in row["path"] for row in rows)
        return sum(row["method"] in ("POST", "DELETE", "PUT") and not row["path"].startswith(quiet) for row in rows)

    def all_writes(self) -> dict[str, int]:
        """The same of all."""
        return {service: self.writes(service) for service in self.controls}

    def reset(self) -> None:
        """As after the start."""
        for control in self.controls.values():
            control.faults.clear()
            control.reset()

    def unhandled(self) -> list[Any]:
        """What was asked and no simulator knows."""
        return [row for control in self.controls.values() for row in control.log if row["unhandled"]]


def alike(files: list[File]) -> dict[str, set[str]]:
    """All sides have exactly these."""
    return {service: paths(files) for service in SIMULATORS}


def paths(files: list[File]) -> set[str]:
    """The names under which `everywhere` knows them."""
    return {file.path for file in files}


def claims_of(file: File) -> set[tuple[str, object]]:
    """What a file is, and what its server says it is."""
    said: set[tuple[str, object]] = {(name, getattr(file.claims, name)) for name in ("imdb", "tmdb", "tvdb")}
    if file.show_claims.tvdb is not None:
        said.add(("place", (file.show_claims.tvdb, file.season, file.number)))
    return {claim for claim in said if claim[1]} | {("title", title.ids.trakt) for title in file.titles}


def right(file: File) -> bool:
    """Whether its ids on the servers are those of Trakt, two of them at least."""
    claims, ids = file.claims, file.titles[0].ids
    pairs = [(getattr(claims, name), getattr(ids, name)) for name in ("imdb", "tmdb", "tvdb")]
    given = [(mine, theirs) for mine, theirs in pairs if mine is not None]
    return len(given) > 1 and all(mine == theirs for mine, theirs in given)


@contextmanager
def living(titles: int = 200, people: int = 4) -> Iterator[Town]:
    """A household for the length of a block."""
    catalogue = invent(titles, people, 1)
    controls = {name: Control(name) for name in SIMULATORS}
    apps = {name: module.make_app(catalogue, controls[name]) for name, module in SIMULATORS.items()}
    listeners = {name: Listener(app).start() for name, app in apps.items()}
    yield Town(catalogue, {name: listener.url for name, listener in listeners.items()}, controls, apps)
    apps["plex"].extensions["plex"].news.close()
    for listener in listeners.values():
        listener.close()
