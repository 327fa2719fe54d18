"""A household that is heard: persons with accounts on two servers, linked to the simulated Trakt, and our live part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sidecar.demo.trakt.oauth import Desk
from sidecar.events import PlayEvent, RatingEvent, ToggleEvent, What
from sidecar.live.deliver import Deliver
from sidecar.live.hub import Hub
from sidecar.live.intake import Heard, Intake, Outcome
from sidecar.model import Ref
from sidecar.store.ledger import Ledger
from sidecar.store.outbox import Outbox, Row
from sidecar.store.owner import begin_epoch
from sidecar.store.people import People
from sidecar.store.titles import Titles
from sidecar.trakt.links import Question
from sidecar.trakt.wire import Token
from sidecar.viewing import Source, Viewing
from tests.demo.trakt.conftest import catalogue
from tests.demo.trakt.contract import Contract
from tests.trakt.asked import contract_here
from tests.trakt.conftest import HEAT, Simulator, World, film, living, part, serving

JELLYFIN, PLEX = "jellyserver", "plexserver"


@dataclass
class Live:
    """The world with our live part in it."""

    world: World
    uuids: dict[str, str] = field(default_factory=dict)
    epoch: int = 0

    def __post_init__(self) -> None:
        self.counted: list[tuple[str, str]] = []
        self.start()

    def start(self) -> None:
        """A process on the store as it is."""
        with self.world.store.write() as db:
            self.epoch = begin_epoch(db, self.now)
            Outbox(db).adopt(self.epoch)
        self.hub = Hub(self.world.store)
        self.intake = Intake(
            self.world.store, self.world.clock, self.hub, count=lambda *each: self.counted.append(each)
        )
        self.deliver = Deliver(
            self.world.store, self.world.service, clock=self.world.clock, hub=self.hub, epoch=self.epoch
        )

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    def person(self, name: str, trakt: str = "") -> str:
        """Somebody with an account on both servers, linked to a Trakt account; its uuid."""
        user = name.lower()
        if trakt:
            outcome = self.world.service.links.link(name, self.world.token(trakt))
            if isinstance(outcome, Question):
                self.world.service.links.answer(name, "shared")
            with self.world.store.read() as db:
                linked = People(db).linked(People(db).get(name))
            assert linked is not None
            self.uuids[name] = linked.uuid
        with self.world.store.write() as db:
            people = People(db)
            person = people.find(name) or people.add(name, self.now)
            for server in (JELLYFIN, PLEX):
                people.add_account(person, server, user, name, self.now)
        return self.uuids.get(name, "")

    def sign_in(self, name: str) -> None:
        """Somebody who is linked already types a code in again."""
        issuers = (getattr(reset, "__self__", None) for reset in self.world.control._resets)
        desk = next(each for each in issuers if isinstance(each, Desk))
        pair = desk._issue(name.lower())
        made = Token(pair["access_token"], pair["refresh_token"], pair["expires_in"], pair["created_at"])
        self.world.service.links.link(name, made)

    def choose(self, name: str, **options: str) -> None:
        """What somebody sets."""
        with self.world.store.write() as db:
            people = People(db)
            for key, value in options.items():
                people.set_option(people.get(name), key.replace("__", "."), value, self.now)

    def event(self, what: What, position: float | None = 0.0, **said: Any) -> PlayEvent:
        """An event of Anna's player that plays Heat, unless said otherwise; position in minutes."""
        usual: dict[str, Any] = {
            "service": Source.JELLYFIN,
            "server": JELLYFIN,
            "user": "anna",
            "source": "plugin",
            "at": self.now,
            "received": self.now,
            "item": "heat",
            "refs": (HEAT,),
            "title": "Heat",
            "session": "tv",
            "runtime": 170.0,
            "position": None if position is None else position * 60,
        }
        return PlayEvent(what=what, **usual | said)

    def hear(self, what: What, position: float | None = 0.0, **said: Any) -> Heard:
        """Somebody's player says something now."""
        return self.intake.hear(self.event(what, position, **said))

    def rate(self, value: float | None, ref: Ref = HEAT, **said: Any) -> Heard:
        """Anna rates something now."""
        usual: dict[str, Any] = {"at": self.now, "received": self.now, "item": "heat", "refs": (ref,), "title": "Heat"}
        usual |= {"service": Source.JELLYFIN, "server": JELLYFIN, "user": "anna", "source": "plugin"}
        return self.intake.hear(RatingEvent(value=value, **usual | said))

    def toggle(self, played: bool, ref: Ref = HEAT, **said: Any) -> Heard:
        """Anna marks something now."""
        usual: dict[str, Any] = {"at": self.now, "received": self.now, "item": "heat", "refs": (ref,), "title": "Heat"}
        usual |= {"service": Source.JELLYFIN, "server": JELLYFIN, "user": "anna", "source": "plugin"}
        return self.intake.hear(ToggleEvent(played=played, **usual | said))

    def watch(self, minutes: float = 170.0, **said: Any) -> datetime:
        """A whole viewing without a word in between; the moment it ended."""
        assert self.hear(What.START, **said).outcome is Outcome.ACCEPTED
        self.world.later(minutes=minutes)
        self.hear(What.STOP, minutes, completed=True, **said)
        return self.now

    def send(self) -> None:
        """Tell everything that is due now."""
        for _ in range(20):
            accounts = self.deliver.waiting()
            if not accounts:
                return
            for account in accounts:
                self.deliver.turn(account)
        raise AssertionError("it never ends")

    def catch_up(self, hours: float = 3.0) -> None:
        """Let time pass until nothing waits, at most so long."""
        for _ in range(int(hours * 60)):
            self.send()
            if not self.rows():
                return
            self.world.later(minutes=1)

    def rows(self) -> list[Row]:
        """What waits."""
        with self.world.store.read() as db:
            return Outbox(db).open()

    def ended(self) -> list[Row]:
        """What went out or did not, oldest first."""
        with self.world.store.read() as db:
            return Outbox(db).ended()[::-1]

    def ledger(self, ref: Ref = HEAT, name: str = "Anna") -> list[Viewing]:
        """The viewings of a title."""
        with self.world.store.read() as db:
            title = Titles(db).find(ref)
            return Ledger(db).of_title(self.uuids[name], title) if isinstance(title, int) else []

    def scrobbles(self) -> list[tuple[str, float]]:
        """What Trakt heard live: action and progress."""
        return [
            (path.removeprefix("/scrobble/"), body["progress"])
            for _, path, body in self.world.simulator.bodies
            if path.startswith("/scrobble/")
        ]

    def plays(self, user: str = "anna") -> list[datetime]:
        """The moments of all plays on Trakt, oldest first."""
        return sorted(datetime.fromisoformat(row["at"]) for row in self.world.state(user)["plays"])


@contextmanager
def heard(simulator: Simulator, folder: Path) -> Iterator[Live]:
    """A household of Anna, Ben and Finn, who shares Ben's account, and of Greta, who has none."""
    with living(simulator, folder) as world:
        live = Live(world)
        live.person("Anna", "anna")
        live.person("Ben", "ben")
        with world.store.write() as db:
            for ref in (HEAT, *(part(n) for n in range(1, 4)), *(film(n) for n in range(1000, 1250))):
                Titles(db).learn(ref)
        live.person("Greta")
        world.forget_log()
        world.simulator.bodies.clear()
        world.later(minutes=1)  # so that no pace of the linking is left
        yield live


@pytest.fixture(scope="session")
def trakt_contract() -> Contract | None:
    """The contract when its files are there."""
    return contract_here()


@pytest.fixture(scope="session")
def simulator(trakt_contract: Contract | None) -> Iterator[Simulator]:
    """One simulator for all tests of this folder."""
    with serving(catalogue(), trakt_contract) as served:
        yield served


@pytest.fixture
def live(simulator: Simulator, tmp_path: Path) -> Iterator[Live]:
    """A household of its own for each test."""
    with heard(simulator, tmp_path / "data") as made:
        yield made


def minutes(count: float) -> timedelta:
    """So many."""
    return timedelta(minutes=count)
