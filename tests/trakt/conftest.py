"""A world for every test: a simulated Trakt on a real socket, our side of it, and one time for both.

The simulator is served once for all tests and reset for each. Both clocks stand still and move together: whoever
rests, moves them. At the end no request was one that the simulator does not know, and every body was as Trakt's
contract says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sidecar.contract import Fact, Plays
from sidecar.demo.catalogue import Catalogue
from sidecar.demo.control import Control
from sidecar.demo.listen import Listener
from sidecar.demo.trakt import make_app, signins
from sidecar.model import Ids, Kind, Ref, Secret
from sidecar.settings import Trakt as TraktSettings
from sidecar.store.alerts import Alert, Alerts
from sidecar.store.db import Store, open_store
from sidecar.store.keys import Keys, make_key
from sidecar.store.people import People
from sidecar.store.vault import Vault, open_vault
from sidecar.trakt.links import Linked
from sidecar.trakt.provider import TraktSide
from sidecar.trakt.service import TraktService
from sidecar.trakt.wire import Token
from tests.demo.trakt.conftest import catalogue
from tests.demo.trakt.contract import Contract
from tests.fakes import START, FakeClock
from tests.trakt.asked import contract_here, listen_to

HEAT = Ref(Kind.MOVIE, Ids(345, "tt0113277", 949), name="Heat", year=1995, runtime=170)
DARK = Ids(118, "tt5753856", 70523, 334824)


def film(number: int) -> Ref:
    """One of the films 1000 to 1299."""
    return Ref(Kind.MOVIE, Ids(trakt=number))


def part(number: int, season: int = 1) -> Ref:
    """An episode of Dark: specials 1; season 1: 1 to 3; season 2: 1 and 2."""
    return Ref(Kind.EPISODE, Ids(trakt=118_000 + season * 100 + number), DARK, season, number, name="Dark")


def play(ref: Ref, *minutes: datetime | None) -> Fact:
    """A fact of history."""
    return Fact(ref, Plays(minutes))


@dataclass
class Simulator:
    """The simulated Trakt: its address, its control, and what was sent to it."""

    url: str
    control: Control
    catalogue: Catalogue
    bodies: list[tuple[str, str, Any]] = field(default_factory=list)  # method, path, JSON of each write
    wrong: list[str] = field(default_factory=list)  # requests that were not as the contract says
    endpoints: set[str] = field(default_factory=set)  # those that were asked since the last reset

    def reset(self, at: datetime) -> None:
        """As after its start, at this moment."""
        self.control.reset()
        self.control.clock.freeze()
        self.control.clock.set(at)
        for forget in self.control._resets:  # again, so that its tokens are of this moment
            forget()
        self.bodies.clear()
        self.wrong.clear()
        self.endpoints.clear()


@dataclass
class World:
    """Trakt, our service, one store, one time."""

    simulator: Simulator
    store: Store
    vault: Vault
    clock: FakeClock
    service: TraktService = field(init=False)
    settings: TraktSettings = field(init=False)
    stop: bool = False  # whoever rests is told to stop
    rested: float = 0.0
    on_rest: Callable[[], object] = lambda: None  # what happens meanwhile

    def __post_init__(self) -> None:
        signin = signins(self.simulator.catalogue)
        url, secret = self.simulator.url, Secret(signin["client_secret"])
        self.settings = TraktSettings(signin["client_id"], secret, url, url, timeout=5.0, bulk_timeout=5.0)
        self.service = self.make()

    def make(self) -> TraktService:
        """Another service with the same settings and store, as after a restart."""
        return TraktService(self.settings, self.store, lambda: self.vault, clock=self.clock, rest=self.rest)

    def restart(self, **settings: Any) -> None:
        """Begin anew on the same store, perhaps with other settings."""
        changed = {name: getattr(self.settings, name) for name in self.settings.__struct_fields__} | settings
        self.settings = TraktSettings(**changed)
        self.service.close()
        self.service = self.make()

    @property
    def control(self) -> Control:
        """The simulator's control."""
        return self.simulator.control

    def rest(self, seconds: float) -> bool:
        """Let time pass on both sides; True if whoever waits shall stop."""
        if self.stop:
            return True
        seconds = math.ceil(round(seconds * 1000, 6)) / 1000  # nobody ever wakes too early
        self.rested += seconds
        self.clock.advance(seconds)
        self.control.clock.set(self.clock.now())
        self.on_rest()
        return self.stop

    def later(self, **span: float) -> None:
        """Let this much time pass."""
        self.clock.advance(timedelta(**span).total_seconds())
        self.control.clock.set(self.clock.now())

    def token(self, user: str = "anna") -> Token:
        """The pair that is valid from the start."""
        pair = signins(self.simulator.catalogue)["users"][user]
        return Token(pair["access_token"], pair["refresh_token"], created_at=int(self.clock.now().timestamp()))

    def link(self, user: str = "anna", person: str = "") -> str:
        """Link a person, made if need be, to a Trakt account; the account's uuid."""
        name = person or user.capitalize()
        linked = self.service.links.link(name, self.token(user))
        assert isinstance(linked, Linked)
        with self.store.read() as db:
            people = People(db)
            account = people.linked(people.get(name))
        assert account is not None
        return account.uuid

    def side(self, user: str = "anna") -> TraktSide:
        """A linked side for one run; the log begins with it."""
        with self.store.read() as db:
            known = {account.name: account.uuid for account in People(db).trakt_accounts()}
        uuid = known.get(user) or self.link(user)
        if user not in known:
            self.forget_log()
        return self.service.side(uuid)

    def fault(self, name: str, **args: Any) -> None:
        """Arm a fault of the simulator."""
        self.control.faults.arm({"name": name, **args})

    def calm(self) -> None:
        """Disarm all faults."""
        self.control.faults.clear()

    def switch(self, **values: Any) -> None:
        """Turn switches of the simulator."""
        assert values.keys() <= self.control.switches.keys()
        self.control.switches.update(values)

    def act(self, do: str, user: str = "anna", **said: Any) -> Any:
        """What somebody does on Trakt's website."""
        return self.control.acts[do]({"do": do, "user": user, **said})

    def state(self, user: str = "anna") -> Any:
        """What the simulator stores for this user."""
        return self.control.state()[user]

    def log(self, method: str = "", path: str = "") -> list[dict[str, Any]]:
        """The request log, or those of a method whose path begins so."""
        return [row for row in self.control.log if method in ("", row["method"]) and row["path"].startswith(path)]

    def asked(self, method: str = "") -> list[str]:
        """The log in short: method and path."""
        return [f"{row['method']} {row['path']}" for row in self.log(method)]

    def forget_log(self) -> None:
        """Begin a new log."""
        assert not [row for row in self.control.log if row["unhandled"]]
        self.control.log.clear()

    def sent(self, path: str = "") -> list[Any]:
        """The bodies of the writes whose path begins so, in order."""
        return [body for _, where, body in self.simulator.bodies if where.startswith(path)]

    def alerts(self) -> list[Alert]:
        """The open alerts."""
        with self.store.read() as db:
            return Alerts(db).open_ones()


@pytest.fixture(scope="session")
def trakt_contract() -> Contract | None:
    """The contract when its files are there."""
    return contract_here()


@contextmanager
def serving(made: Catalogue, contract: Contract | None) -> Iterator[Simulator]:
    """A simulator on a port of its own; every body that it gets is checked against the contract."""
    control = Control("trakt")
    app = make_app(made, control)
    heard = listen_to(app, contract)
    listener = Listener(app).start()
    simulated = Simulator(listener.url, control, made, heard.bodies, heard.wrong, heard.endpoints)
    yield simulated
    listener.close()


@contextmanager
def living(simulator: Simulator, folder: Path) -> Iterator[World]:
    """A world of its own in a folder of its own."""
    clock = FakeClock(START)
    simulator.reset(clock.now())
    folder.mkdir(mode=0o700)
    store = open_store(folder)
    made = World(simulator, store, open_vault(store, Keys((make_key(),), "test", None), clock), clock)
    yield made
    made.calm()
    made.service.close()
    store.close()
    assert not [row for row in made.control.log if row["unhandled"]]
    assert simulator.wrong == []


@pytest.fixture(scope="session")
def simulator(trakt_contract: Contract | None) -> Iterator[Simulator]:
    """One simulator for all tests of this folder."""
    with serving(catalogue(), trakt_contract) as served:
        yield served


@pytest.fixture
def world(simulator: Simulator, tmp_path: Path) -> Iterator[World]:
    """A world of its own for each test."""
    with living(simulator, tmp_path / "data") as made:
        yield made
