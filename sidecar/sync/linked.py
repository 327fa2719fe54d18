"""The sides of a person as a run knows them: servers first and Trakt last, so that Trakt's word finds its items.

A side is made for one run, and twice in it: what was read is dropped before anything is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sidecar.contract import Provider
from sidecar.model import Feature, Kind
from sidecar.servers.service import Servers
from sidecar.store.baseline import Baseline
from sidecar.store.db import Store
from sidecar.store.people import People, Person
from sidecar.sync.sides import Side
from sidecar.trakt.push import BATCH
from sidecar.trakt.service import TraktService

TRAKT = "trakt:"


@dataclass(frozen=True, slots=True)
class Linked:
    """One side of a person, with what it is known by."""

    key: str  # in the baseline
    side: Provider
    server: str = ""  # the machine id of the server whose items are behind it; Trakt has none
    user: str = ""
    rate: float = 1.0  # writes a second
    at_once: int = 1  # titles of one write
    id: int = 0

    @property
    def trakt(self) -> str:
        """The uuid of its Trakt account; nothing if it is none."""
        return self.key.removeprefix(TRAKT).partition("#")[0] if self.key.startswith(TRAKT) else ""

    def as_side(self, feature: Feature, *, joined: bool) -> Side:
        """What a merge is told of it."""
        can = self.side.capabilities().get(feature, {})
        return Side(
            self.id,
            self.key,
            self.side.label(),
            joined=joined,
            writable=self.side.is_configured() and can.get("writable", True),
            kinds=frozenset(Kind(kind) for kind in can.get("types", Kind)),
            plays=can.get("plays", "all"),
            dates=can.get("dates", "exact"),
        )


Find = Callable[[Person], Sequence[Linked]]
"""All sides of a person, fresh ones at each call."""


class Household:
    """Finds the sides of persons among the servers and at Trakt."""

    def __init__(self, store: Store, trakt: TraktService, servers: Servers) -> None:
        self._store, self._trakt, self._servers = store, trakt, servers

    def __call__(self, person: Person) -> list[Linked]:
        """All sides of a person."""
        with self._store.read() as db:
            account = People(db).linked(person)
            sharing = People(db).sharing(account.uuid) if account is not None else []
        found = [
            Linked(
                each.key,
                each.side,
                "" if each.key.startswith("plex.tv:") else each.server,
                each.account.user,
                self._servers.paces[each.name].rate,
            )
            for each in self._servers.sides(person)
        ]
        if account is not None:
            # What one of several persons made of it is news to the others, so each remembers it apart.
            first = person.id == min(each.id for each in sharing)
            key = f"{TRAKT}{account.uuid}" + ("" if first else f"#{person.id}")
            found.append(Linked(key, self._trakt.side(account.uuid), at_once=BATCH))
        return found


def numbered(store: Store, found: Sequence[Linked]) -> list[Linked]:
    """The same with their numbers in the baseline, those of servers first."""
    with store.write() as db:
        baseline = Baseline(db)
        ids = [baseline.side(each.key) for each in found]
    numbers = zip(found, ids, strict=True)
    made = [Linked(e.key, e.side, e.server, e.user, e.rate, e.at_once, number) for e, number in numbers]
    return sorted(made, key=lambda each: (bool(each.trakt), each.key))
