"""Invented households on a simulated Jellyfin, and somebody with the API key who asks it things."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import flask
import pytest
import requests
from jellyfin_apiclient_python import JellyfinClient

from sidecar.demo.catalogue import Catalogue
from sidecar.demo.control import Control
from sidecar.demo.invent import invent
from sidecar.demo.jellyfin import make_app, signins
from sidecar.demo.jellyfin.server import Server
from tests.demo.jellyfin.recorder import Recorder

Serve = Callable[[flask.Flask], str]


@dataclass
class Desk:
    """One server and its sign-ins."""

    url: str
    catalogue: Catalogue
    control: Control
    server: Server
    opened: list[requests.Session] = field(default_factory=list)
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def key(self) -> str:
        """The API key."""
        return str(signins(self.catalogue)["api_key"])

    def user(self, name: str = "Anna") -> str:
        """The id of somebody."""
        return str(next(one["id"] for one in signins(self.catalogue)["people"] if one["name"] == name))

    def header(self, token: str, device: str = "desk") -> dict[str, str]:
        """The authorization of a token."""
        parts = f'Client="Tests", Device="desk", DeviceId="{device}", Version="1.0.0"'
        return {"Authorization": f'MediaBrowser {parts}, Token="{token}"'}

    def ask(
        self, path: str, method: str = "GET", token: str | None = None, device: str = "desk", **given: Any
    ) -> requests.Response:
        """A request with the API key, or another token."""
        header = self.header(self.key if token is None else token, device) | given.pop("headers", {})
        return self.session.request(method, self.url + path, headers=header, timeout=10, **given)

    def items(self, query: str = "", name: str = "Anna", **given: Any) -> list[dict[str, Any]]:
        """The rows of a page."""
        answer = self.ask(f"/Items?userId={self.user(name)}&recursive=true&{query}", **given)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["Items"]
        return rows

    def film(self, name: str) -> dict[str, Any]:
        """One film by name, with all ids and its path."""
        fields = "fields=ProviderIds,Path,MediaSources,MediaSourceCount"
        return next(row for row in self.items(f"includeItemTypes=Movie,Series&{fields}") if row["Name"] == name)

    def episodes(self, series: str) -> list[dict[str, Any]]:
        """The episodes of a series by name."""
        return self.items(f"includeItemTypes=Episode&fields=Path,ProviderIds&parentId={self.film(series)['Id']}")

    def data(self, item: str, method: str = "GET", body: Any = None, name: str = "Anna") -> dict[str, Any]:
        """User data by the item's own route."""
        answer = self.ask(f"/UserItems/{item}/UserData?userId={self.user(name)}", method, json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def truth(self, item: str, name: str = "Anna") -> dict[str, Any]:
        """User data as a page shows it."""
        found: dict[str, Any] = self.items(f"ids={item}", name)[0]["UserData"]
        return found

    def sign_in(self, name: str = "Anna", device: str = "sofa") -> str:
        """A token of somebody."""
        password = next(one.password for one in self.catalogue.people if one.name == name)
        answer = self.ask("/Users/AuthenticateByName", "POST", "", device, json={"Username": name, "Pw": password})
        return str(answer.json()["AccessToken"])

    def tell(self, route: str, **given: Any) -> Any:
        """A control request."""
        answer = self.session.post(f"{self.url}/_control/{route}", json=given, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def act(self, do: str, **given: Any) -> Any:
        """What somebody does."""
        return self.tell("act", do=do, **given)["result"]

    def play(self, do: str, **given: Any) -> Any:
        """What somebody does on a device."""
        return self.tell("play", do=do, **{"person": "Anna", **given})["result"]

    def shift(self, seconds: float) -> None:
        """Moves the clock."""
        self.tell("clock", shift=seconds)

    def client(self, name: str = "Anna") -> JellyfinClient:
        """The real client library with the API key, acting for somebody."""
        logging.getLogger("Jellyfin").handlers.clear()
        client = JellyfinClient(allow_multiple_clients=True)
        client.config.app("Sidetrakt", "1.0.0", "sidetrakt", f"sidetrakt-{name.lower()}")
        client.config.http(user_agent="Sidetrakt/1.0", max_retries=0, timeout=15)
        client.config.auth(self.url, self.user(name), self.key, ssl=True)
        client.http.start_session()
        client.http.keep_alive = True
        self.opened.append(client.http.session)
        return client


@pytest.fixture(scope="module")
def served(serve: Serve) -> Iterator[dict[str, Desk]]:
    """A server of each version, served once per module."""
    catalogue, desks = invent(200, 8, 4), {}
    for version in ("12", "10.11"):
        control = Control("jellyfin", {"version": version})
        app = make_app(catalogue, control)
        desks[version] = Desk(serve(app), catalogue, control, app.server)
    yield desks
    for desk in desks.values():
        log = desk.session.get(f"{desk.url}/_control/log", timeout=10).json()["rows"]
        desk.session.close()
        for session in desk.opened:
            session.close()
        assert [row["path"] for row in log if row["unhandled"]] == []


@pytest.fixture
def desk(served: dict[str, Desk]) -> Desk:
    """A fresh server of version 12."""
    served["12"].tell("reset")
    return served["12"]


@pytest.fixture
def old(served: dict[str, Desk]) -> Desk:
    """A fresh server of version 10.11."""
    served["10.11"].tell("reset")
    return served["10.11"]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A receiver that is there before anything is sent."""
    server = Recorder()
    yield server
    server.close()
