"""One simulated Plex for a module, and the sides, hands and listings of our own that talk to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sidecar.contract import Fact, Index
from sidecar.demo.catalogue import Catalogue
from sidecar.demo.control import Control
from sidecar.demo.invent import invent
from sidecar.demo.listen import Listener
from sidecar.demo.plex import make_app
from sidecar.demo.plex.world import World
from sidecar.model import Feature, Secret
from sidecar.servers.inventory import Inventory
from sidecar.servers.pace import Pace
from sidecar.servers.plex.client import Plex
from sidecar.servers.plex.hands import PlexHands
from sidecar.servers.plex.shelves import Memory
from sidecar.servers.plex.titles import Titles
from sidecar.servers.plex.tv import PlexTv
from sidecar.servers.plex.watchlist import PlexWatchlist
from sidecar.servers.side import ServerSide
from sidecar.servers.writing import Writing
from sidecar.settings import Plex as Settings
from sidecar.settings import Server
from sidecar.store.db import Store, open_store
from sidecar.store.items import Item, Items
from sidecar.store.people import Account, People
from tests.demo.plex.conftest import House
from tests.fakes import FakeClock

START = datetime(2026, 8, 1, 10, tzinfo=UTC)
CLIENT_ID = "sidetrakt-of-the-tests"


class Home:
    """The simulated household with everything that one process of ours would have for it."""

    def __init__(self, house: House, world: World, store: Store, clock: FakeClock) -> None:
        self.house, self.world, self.store, self.clock = house, world, store, clock
        self.machine: str = house.signins["machine_identifier"]
        self.memory, self.clients = Memory(), dict[str, Plex]()
        self.settings = Settings(house.url, house.url, house.url)
        self.tv = PlexTv(self.settings, CLIENT_ID, clock=clock, pause=0)
        self.rested: list[float] = []
        self.titles = Titles(self.tv, store, [self.inventory], clock, self.rest)

    def rest(self, seconds: float) -> bool:
        """Nobody sleeps here."""
        self.rested.append(seconds)
        self.clock.advance(seconds)
        return False

    @property
    def inventory(self) -> Inventory:
        return Inventory(self.store, self.machine, self.clock)

    def client(self, person: str = "Anna") -> Plex:
        return self.client_of(Secret(self.house.people[person]["server_token"]))

    def client_of(self, token: Secret) -> Plex:
        name = token.reveal()
        if name not in self.clients:
            self.clients[name] = Plex(
                self.house.url, token, label="Plex den", client_id=CLIENT_ID, clock=self.clock, pause=0
            )
        return self.clients[name]

    def number(self, person: str) -> str:
        return "1" if person == "Anna" else str(self.house.people[person]["id"])

    def account(self, person: str) -> Account:
        with self.store.write() as db:
            people = People(db)
            known = people.account(self.machine, self.number(person))
            who = people.find(person) or people.add(person, START)
            return known or people.add_account(who, self.machine, self.number(person), person, START)

    def hands(self, person: str = "Anna", owner: bool = True, libraries: frozenset[str] | None = None) -> PlexHands:
        return PlexHands(
            self.client(person), self.inventory, self.number(person), self.client("Anna") if owner else None,
            self.memory, libraries=libraries, clock=self.clock,
        )  # fmt: skip

    def side(self, person: str = "Anna", owner: bool = True, libraries: frozenset[str] | None = None) -> ServerSide:
        hands, pace = self.hands(person, owner, libraries), Pace(4, self.clock, self.rest)
        writing = Writing(self.account(person).id, hands, pace, self.store, self.clock)
        return ServerSide(f"{person}@den", hands, self.inventory, writing, clock=self.clock)

    def watchlist(self, person: str = "Anna") -> PlexWatchlist:
        token = Secret(self.house.people[person]["account_token"])
        return PlexWatchlist(f"{person}'s watchlist", token, self.tv, self.titles, clock=self.clock)

    def read(self, feature: Feature, person: str = "Anna", **kwargs: Any) -> Index:
        return self.side(person).build_index(feature, **kwargs)

    def items(self) -> dict[str, Item]:
        with self.store.read() as db:
            return {item.remote: item for item in Items(db).of_server(self.machine)}

    def item_is_known(self, item: str) -> bool:
        return item in self.items()

    def items_after_a_read(self) -> list[Item]:
        self.read(Feature.HISTORY)
        return list(self.items().values())

    def rows(self) -> list[dict[str, Any]]:
        """The requests so far, without control requests."""
        found: list[dict[str, Any]] = self.house.control.rows()["rows"]
        return found

    def asked(self) -> int:
        return len(self.rows())

    def sent(self) -> list[dict[str, Any]]:
        """The requests that may have changed something."""
        return [row for row in self.rows() if row["method"] != "GET"]

    def settings_of(self, token: str) -> Server:
        return Server("den", "plex", self.house.url, Secret(self.house.people["Anna"][token]))

    def item(self, path: str) -> str:
        """The item of a file, or the first of several."""
        key = next(each.key for each in self.world.inventory.by_path[path])
        return f"{key}~{self.world.inventory.items[key].guid}"


def named(index: Index, name: str) -> Fact:
    """The one fact about a title of that name."""
    (found,) = [fact for fact in index.facts if fact.ref.name == name]
    return found


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return invent(200, 8, 1)


@pytest.fixture(scope="module")
def made_house(catalogue: Catalogue) -> Iterator[tuple[House, World]]:
    control = Control("plex")
    app = make_app(catalogue, control)
    listener = Listener(app).start()
    made = House(listener.url, control, catalogue)
    yield made, app.extensions["plex"]
    made.session.close()
    app.extensions["plex"].news.close()
    listener.close()


@pytest.fixture
def house(made_house: tuple[House, World]) -> Iterator[House]:
    house = made_house[0]
    house.tell("reset")
    house.tell("clock", set=START.isoformat(), freeze=True)
    yield house
    assert [row for row in house.control.rows()["rows"] if row["unhandled"]] == []


@pytest.fixture
def home(house: House, made_house: tuple[House, World], tmp_path: Path) -> Iterator[Home]:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    store = open_store(folder)
    home = Home(house, made_house[1], store, FakeClock(START))
    yield home
    for client in home.clients.values():
        client.close()
    home.tv.close()
    store.close()
