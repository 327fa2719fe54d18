"""A simulated Jellyfin of each version on a real socket, and our accounts there.

Each test ends with a look at what was asked: documented routes and names only, the modern header only, and nothing that
the simulator does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flask
import pytest

from sidecar.contract import Fact, Index
from sidecar.demo.control import Control
from sidecar.demo.invent import invent
from sidecar.demo.jellyfin import make_app
from sidecar.demo.listen import Listener
from sidecar.model import Feature, Ref, Secret
from sidecar.servers.inventory import Inventory
from sidecar.servers.jellyfin import reads
from sidecar.servers.jellyfin.client import Jellyfin
from sidecar.servers.jellyfin.hands import JellyfinHands
from sidecar.servers.pace import Pace
from sidecar.servers.rows import Row
from sidecar.servers.side import ServerSide
from sidecar.servers.writing import Writing
from sidecar.store.db import Store
from sidecar.store.people import People
from sidecar.store.servers import KnownServer, KnownServers
from tests.demo.jellyfin.conftest import Desk
from tests.demo.jellyfin.openapi import Contract
from tests.fakes import START, FakeClock

LABEL = "Jellyfin home"
KETTLE = "Kettle and Crane"  # in two libraries
LONE = "Two Minutes of Rain"
SERIES = "Lanterns of Varnick"  # another series has its ids, too
QUARRY = "Twice Round the Quarry"
HEARD: dict[str, list[dict[str, str]]] = {}


@dataclass
class Home:
    """One server, one store, one time."""

    desk: Desk
    store: Store
    clock: FakeClock
    opened: list[Jellyfin] = field(default_factory=list)
    count: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def control(self) -> Control:
        """The simulator's control."""
        return self.desk.control

    def client(self, token: str | None = None, **given: Any) -> Jellyfin:
        """The server for the API key or another token."""
        made = Jellyfin(
            given.pop("url", self.desk.url),
            Secret(self.desk.key if token is None else token),
            label=LABEL,
            device_id="sidetrakt-test",
            clock=self.clock,
            count=lambda *what: self.count.append(what),
            **{"pause": 0.0, "timeout": 5.0, **given},
        )
        self.opened.append(made)
        return made

    def inventory(self) -> Inventory:
        """What the store knows of the server."""
        return Inventory(self.store, "machine", self.clock)

    def hands(self, name: str = "Anna", *, token: str | None = None, **given: Any) -> JellyfinHands:
        """Acting for somebody, for one run."""
        chosen = {"libraries": None, "favourites": True, **given}
        return JellyfinHands(self.client(token), self.desk.user(name), self.inventory(), clock=self.clock, **chosen)

    def side(self, name: str = "Anna", **given: Any) -> ServerSide:
        """Somebody's side, for one run."""
        hands = self.hands(name, **given)
        with self.store.write() as db:
            server = KnownServer("machine", "home", "jellyfin")
            KnownServers(db).met(server, START)
            account = People(db).meet(server, self.desk.user(name), name, START).id
        writing = Writing(account, hands, Pace(1000.0, self.clock, self._rest), self.store, self.clock)
        return ServerSide(f"{name}@home", hands, self.inventory(), writing, clock=self.clock)

    def read(self, name: str = "Anna", feature: Feature = Feature.HISTORY, **given: Any) -> Index:
        """A complete read of somebody's."""
        return self.side(name, **given).build_index(feature)

    def row(self, name: str, whose: str = "Anna") -> Row:
        """A film or series as somebody sees it, by its name."""
        (row,) = self.hands(whose).look([self.desk.film(name)["Id"]])
        return row

    def fault(self, name: str, **args: Any) -> None:
        """Arm a fault."""
        self.control.faults.arm({"name": name, **args})

    def log(self, method: str = "") -> list[dict[str, Any]]:
        """What was asked since the last forgetting, without control requests."""
        return [row for row in self.control.log if method in ("", row["method"])]

    def asked(self) -> list[str]:
        """The log in short."""
        return [f"{row['method']} {row['path']}" for row in self.log()]

    def forget_log(self) -> None:
        """Begin a new log."""
        self.control.log.clear()

    def _rest(self, seconds: float) -> bool:
        self.clock.advance(seconds)
        return False


@pytest.fixture(scope="session")
def contract() -> Contract | None:
    """The published document when it is there."""
    path = Path(__file__).resolve().parents[4] / "shared" / "contracts" / "jellyfin-openapi.json"
    return Contract(path) if path.is_file() else None


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, Desk]]:
    """A server of each version for all tests of this folder."""
    catalogue, desks, listeners = invent(200, 8, 4), dict[str, Desk](), list[Listener]()
    for version in ("12", "10.11"):
        control = Control("jellyfin", {"version": version})
        app = make_app(catalogue, control)
        heard = HEARD.setdefault(version, [])
        note: Callable[[], None] = lambda heard=heard: heard.append(dict(flask.request.headers))  # type: ignore[misc] # noqa: E731
        app.before_request_funcs.setdefault(None, []).insert(0, note)
        listeners.append(Listener(app).start())
        desks[version] = Desk(listeners[-1].url, catalogue, control, app.server)
    yield desks
    for desk, listener in zip(desks.values(), listeners, strict=True):
        desk.session.close()
        listener.close()


def living(desk: Desk, store: Store, clock: FakeClock, contract: Contract | None) -> Iterator[Home]:
    """A home of its own for a test, and the look at what it asked."""
    version = "12" if desk.server.modern else "10.11"
    desk.control.reset()
    HEARD[version].clear()
    home = Home(desk, store, clock)
    yield home
    home.control.faults.clear()
    for client in home.opened:
        client._session.close()
    ours = [headers for headers in HEARD[version] if headers.get("User-Agent", "").startswith("Sidetrakt/")]
    assert not [name for headers in ours for name in headers if name.startswith(("X-Emby", "X-Mediabrowser"))]
    assert all(headers["Authorization"].startswith("MediaBrowser Client=") for headers in ours)
    assert wrong(home.log(), contract) == []


def wrong(log: list[dict[str, Any]], contract: Contract | None) -> list[str]:
    """Requests that are not as the published document says."""
    found = [f"{row['path']} is unknown to the simulator" for row in log if row["unhandled"]]
    for row in log if contract else ():
        assert contract is not None
        if row["path"] == "/socket":  # documents know no sockets
            continue
        where = f"{row['method']} {row['path']}"
        known = next((path for pattern, path in contract.paths if pattern.match(row["path"])), None)
        operation = contract.document["paths"][known].get(row["method"].lower()) if known else None
        if operation is None:
            found.append(f"{where} is in no document")
            continue
        names = {each["name"] for each in operation.get("parameters", [])}
        asked = {part.partition("=")[0] for part in row["query"].split("&") if part}
        found += [f"{where} knows no {name}" for name in asked - names]
    return found


@pytest.fixture
def home(servers: dict[str, Desk], store: Store, clock: FakeClock, contract: Contract | None) -> Iterator[Home]:
    """Version 12."""
    yield from living(servers["12"], store, clock, contract)


@pytest.fixture
def old(servers: dict[str, Desk], store: Store, clock: FakeClock, contract: Contract | None) -> Iterator[Home]:
    """Version 10.11."""
    yield from living(servers["10.11"], store, clock, contract)


@pytest.fixture(params=["12", "10.11"])
def either(
    request: pytest.FixtureRequest, servers: dict[str, Desk], store: Store, clock: FakeClock, contract: Contract | None
) -> Iterator[Home]:
    """Both versions, one after the other."""
    yield from living(servers[request.param], store, clock, contract)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of 20 rows, so that 200 titles are several."""
    monkeypatch.setattr(reads, "PAGE", 20)
    monkeypatch.setattr(reads, "RICH_PAGE", 20)


def fact_of(index: Index, ref: Ref) -> Fact:
    """What an index says about a title."""
    (found,) = [fact for fact in index.facts if fact.ref == ref]
    return found
