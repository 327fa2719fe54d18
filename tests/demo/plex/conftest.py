"""One simulated Plex for a module, with the real plexapi pointed at it."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import flask
import pytest
import requests

from sidecar.demo.catalogue import Catalogue, File
from sidecar.demo.control import Control
from sidecar.demo.invent import invent
from sidecar.demo.plex import make_app, signins
from tests.demo.plex.client import MyPlexAccount, PlexServer
from tests.demo.plex.ears import Ears, Receiver

START = "2026-08-01T10:00:00+00:00"


@pytest.fixture(autouse=True)
def as_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """plexapi reloads by itself here, as it is shipped; where we use it, it does not."""
    monkeypatch.setenv("PLEXAPI_PLEXAPI_AUTORELOAD", "true")


class ToSimulator(requests.adapters.HTTPAdapter):
    """Sends what is meant for plex.tv and its providers to the simulator, and keeps every request line."""

    def __init__(self, base: str, lines: list[str]) -> None:
        super().__init__()
        self.base, self.lines = base, lines

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Rewrites the address."""
        at = urlsplit(request.url or "")
        host = at.netloc if not str(request.url).startswith(self.base) else "server"
        query = f"?{at.query}" if at.query else ""
        body = f" {request.body!s}" if request.body else ""
        sizes = [request.headers.get(f"X-Plex-Container-{name}") for name in ("Start", "Size")]
        page = f" [{'+'.join(map(str, sizes))}]" if sizes[1] else ""
        self.lines.append(f"{request.method} {host}{at.path}{query}{body}{page}")
        if host != "server":
            request.headers["X-Original-Host"] = str(at.netloc)
            request.url = f"{self.base}{at.path}{query}"
        return super().send(request, *args, **kwargs)


class House:
    """The simulator's address with everything a test needs from it."""

    def __init__(self, url: str, control: Control, catalogue: Catalogue) -> None:
        self.url, self.control, self.catalogue = url, control, catalogue
        self.signins = signins(catalogue)
        self.people: dict[str, dict[str, Any]] = self.signins["people"]
        self.lines: list[str] = []
        self.session = requests.Session()
        self.session.mount("https://", ToSimulator(url, self.lines))
        self.session.mount("http://", ToSimulator(url, self.lines))

    def server(self, person: str = "Anna") -> Any:
        """The real client, connected to the server as this person."""
        return PlexServer(self.url, self.people[person]["server_token"], session=self.session)

    def account(self, person: str = "Anna") -> Any:
        """The real client, signed in at plex.tv as this person."""
        return MyPlexAccount(token=self.people[person]["account_token"], session=self.session)

    def ask(self, path: str, person: str | None = "Anna", method: str = "GET", **kwargs: Any) -> requests.Response:
        """A plain request; JSON is accepted, the token is the one that fits the path."""
        headers = {"Accept": "application/json"} | kwargs.pop("headers", {})
        kind = (
            "account_token" if path.startswith(("/api", "/actions", "/library/sections/watchlist")) else "server_token"
        )
        if person:
            headers.setdefault("X-Plex-Token", self.people[person][kind])
        return requests.request(method, self.url + path, headers=headers, timeout=10, **kwargs)

    def rows(self, path: str, person: str = "Anna", **kwargs: Any) -> list[dict[str, Any]]:
        """The Metadata of an answer."""
        found: list[dict[str, Any]] = self.ask(path, person, **kwargs).json()["MediaContainer"].get("Metadata", [])
        return found

    def tell(self, route: str, **body: Any) -> Any:
        """A control request that has to succeed."""
        answer = requests.post(f"{self.url}/_control/{route}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return (answer.json() or {}).get("result")

    def act(self, do: str, **body: Any) -> Any:
        """Something a person does."""
        return self.tell("act", do=do, **body)

    def play(self, do: str, person: str = "Anna", **body: Any) -> Any:
        """Something a person does with a player."""
        return self.tell("play", do=do, person=person, **body)

    def listen(self, person: str, path: str = "/:/websockets/notifications") -> Ears:
        """A websocket of this person."""
        return Ears(self.url, self.people[person]["server_token"], path)

    def fault(self, name: str, **body: Any) -> None:
        """Arms a fault."""
        self.tell("faults", name=name, **body)

    def file(self, library: str = "movies", **wanted: Any) -> File:
        """The first ordinary file of a library that is like this."""
        return next(
            file
            for file in self.catalogue.files
            if file.library == library
            and file.titles
            and file.claims.tmdb
            and file.claims.imdb
            and (file.runtime_ms or 0) > 1_000_000
            and all(getattr(file, name) == value for name, value in wanted.items())
        )

    def key(self, file: File) -> str:
        """The rating key of a file's first item."""
        kind = "1" if self.section(file.library) in ("1", "2") else "4"
        rows = self.rows(f"/library/sections/{self.section(file.library)}/all?type={kind}")
        return str(next(row["ratingKey"] for row in rows if row["Media"][0]["Part"][0]["file"] == file.path))

    def section(self, library: str) -> str:
        """The number of a library."""
        return str([each.key for each in self.catalogue.libraries].index(library) + 1)


@pytest.fixture(scope="module")
def house(serve: Callable[[flask.Flask], str]) -> Iterator[House]:
    """A household of 200 titles and eight people."""
    catalogue, control = invent(200, 8, 1), Control("plex")
    app = make_app(catalogue, control)
    made = House(serve(app), control, catalogue)
    yield made
    assert [row for row in made.control.rows()["rows"] if row["unhandled"]] == []
    made.session.close()
    app.extensions["plex"].news.close()


@pytest.fixture(autouse=True)
def _fresh(house: House) -> None:
    house.tell("reset")
    house.tell("clock", set=START, freeze=True)
    house.lines.clear()


@pytest.fixture
def ears(house: House) -> Iterator[Ears]:
    """The owner's websocket."""
    made = house.listen("Anna")
    yield made
    made.socket.close()


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    """Somebody who receives webhooks."""
    made = Receiver()
    yield made
    made.shutdown()
    made.server_close()
