"""One person with sides in memory and a real store: people do things, and runs follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet

from sidecar.errors import Unreachable
from sidecar.model import Feature, Ids, Kind, Ref, Secret
from sidecar.settings import Sync
from sidecar.store.db import Store
from sidecar.store.elsewhere import Elsewhere
from sidecar.store.people import People, Person
from sidecar.store.runs import Change
from sidecar.store.vault import Vault
from sidecar.sync.linked import Linked
from sidecar.sync.request import Request, Result
from sidecar.sync.service import SyncService
from tests.fakes import FakeClock
from tests.sync.ramhouse import RamServer, RamTrakt

AWAY = Unreachable("ram", "It does not answer.", "Try again.")
HOUR = 3600
SETTINGS = Sync(every=timedelta(hours=1), read_all_every=timedelta(days=1), features=("history", "ratings"))


def film(number: int) -> Ref:
    """A film as Trakt knows it."""
    ids = Ids(trakt=number, imdb=f"tt{number:07}", tmdb=number + 1000)
    return Ref(Kind.MOVIE, ids, name=f"Film {number}", year=1990, runtime=120)


def claimed(ref: Ref) -> Ref:
    """The same as a server knows it."""
    return Ref(ref.kind, Ids(imdb=ref.ids.imdb, tmdb=ref.ids.tmdb), name=ref.name, year=ref.year, runtime=ref.runtime)


@dataclass
class Home:
    """A household of one, unless more are added."""

    store: Store
    films: int = 5
    servers: tuple[str, ...] = ("jellyfin", "plex")
    clock: FakeClock = field(default_factory=FakeClock)
    trakt: RamTrakt = field(default_factory=RamTrakt)
    sides: dict[str, RamServer] = field(default_factory=dict)
    vault: Vault = field(init=False)
    person: Person = field(init=False)
    service: SyncService = field(init=False)

    def __post_init__(self) -> None:
        self.vault = Vault([Secret(Fernet.generate_key().decode())], self.clock)
        self.trakt.clock = self.clock.now
        self.trakt.catalogue = [film(number) for number in range(1, self.films + 1)]
        for kind in self.servers:
            side = RamServer(self.store, kind, f"{kind}-1", clock=self.clock.now)
            for number in range(1, self.films + 1):
                side.put(f"{kind[0]}{number}", claimed(film(number)))
            self.sides[kind] = side
        with self.store.write() as db:
            self.person = People(db).add("Anna", self.clock.now())
            People(db).put_trakt("uuid", "anna", {}, self.clock.now())
            People(db).link(self.person, "uuid", self.clock.now())
        self.open(self.store)

    def open(self, store: Store) -> None:
        """Begin with this store, as a new process does."""
        self.store = store
        for side in self.sides.values():
            side.store = store
        self.service = SyncService(
            store,
            self.find,
            self.trakt.known,
            elsewhere=Elsewhere(store, lambda: self.vault),
            settings=SETTINGS,
            clock=self.clock,
            epoch=1,
            requests=lambda: self.trakt.reads + sum(side.reads for side in self.sides.values()),
        )

    def find(self, person: Person) -> Sequence[Linked]:
        """Her sides."""
        assert person.name == "Anna"
        found = [
            Linked(f"{side.kind}:{side.server}:anna", side, side.server, "anna", 20.0) for side in self.sides.values()
        ]
        return [*found, Linked("trakt:uuid", self.trakt, at_once=100)]

    def all(self) -> list[RamTrakt | RamServer]:
        """Everything that can be asked."""
        return [self.trakt, *self.sides.values()]

    @property
    def jelly(self) -> RamServer:
        """The Jellyfin."""
        return self.sides["jellyfin"]

    @property
    def plex(self) -> RamServer:
        """The Plex."""
        return self.sides["plex"]

    def choose(self, **options: str) -> None:
        """Something is chosen; __ stands for a dot and _ for a dash."""
        with self.store.write() as db:
            for key, value in options.items():
                People(db).set_option(self.person, key.replace("__", ".").replace("_", "-"), value, self.clock.now())

    def at(self, hours: float = 0) -> datetime:
        """A moment from now, to the minute."""
        return (self.clock.now() + timedelta(hours=hours)).replace(second=0, microsecond=0)

    def run(self, **request: Any) -> Result:
        """A run an hour later, to its end."""
        self.clock.advance(HOUR)
        *_, result = self.service.run(self.person, Request(**request))
        assert isinstance(result, Result)
        return result

    def undo(self, run: int) -> Result:
        """The run taken back."""
        self.clock.advance(HOUR)
        *_, result = self.service.undo(run)
        assert isinstance(result, Result)
        return result

    def changes(self, result: Result) -> list[Change]:
        """The journal of a run."""
        assert result.run is not None
        return self.service.changes(result.run)

    def written(self) -> tuple[int, int, int]:
        """How many plays Trakt was told, and how many writes reached Jellyfin and Plex."""
        counts = [len(side.writes) for side in self.sides.values()]
        return len(self.trakt.told), counts[0], counts[1] if len(counts) > 1 else 0

    def reads(self) -> tuple[int, ...]:
        """How often each side was read, Trakt first."""
        return self.trakt.reads, *(side.reads for side in self.sides.values())

    def watched(self, number: int = 1) -> tuple[bool, ...]:
        """Whether each side holds a film as watched, Trakt first."""
        marks = [side.items[f"{kind[0]}{number}"].copy.played for kind, side in self.sides.items()]
        return bool(self.trakt.plays(film(number))), *marks

    def rating(self, number: int = 1) -> tuple[float | None, ...]:
        """The rating of a film on each side, Trakt first."""
        there = self.trakt.held[Feature.RATINGS].get((Kind.MOVIE, f"trakt={number}"))
        marks = [side.items[f"{kind[0]}{number}"].copy.rating for kind, side in self.sides.items()]
        return there.value.value if there is not None else None, *marks
