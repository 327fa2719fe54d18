"""All that hears the servers of the settings in one process, and what is looked up where nothing was heard."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sidecar.clock import Clock, from_text, to_text
from sidecar.errors import RemoteError, SidetraktError
from sidecar.model import Secret
from sidecar.servers.listening import LONGEST, Ears, Hear, Listener, State
from sidecar.servers.pace import Rest
from sidecar.servers.service import Servers
from sidecar.store.db import Store
from sidecar.store.lookups import FOR_EVER, Lookups
from sidecar.store.people import Account, People
from sidecar.store.servers import KnownServer, KnownServers
from sidecar.store.sessions import Kept
from sidecar.store.wishes import Gap, Wishes
from sidecar.worker import Crew

log = logging.getLogger(__name__)

A_DAY = timedelta(days=1)  # what is looked back at a server that was never looked at
OFTEN = 1.0  # seconds between two looks whether a look back is asked for
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Listeners:
    """The listeners of this process."""

    servers: Servers
    store: Store
    clock: Clock
    rest: Rest
    hear: Hear
    rates: Callable[[str, str], bool] = lambda _server, _user: False  # whether a webhook tells a user's ratings
    tick: float = 1.0
    moved: Callable[[str], object] = lambda _server: None  # what follows where something happened unheard
    _all: dict[str, Listener] = field(default_factory=dict)
    _later: dict[str, float] = field(default_factory=dict)  # when a server that failed is asked again

    def start(self, crew: Crew) -> list[str]:
        """Start a listener for all that can be heard and is not yet, as after a sign-in; their names."""
        if not self._all:
            crew.start("look back", self.work)
        new: list[Listener] = []
        for server, accounts in self._known():
            new += [
                each
                for each in self.servers.listeners(server, self._ears(server), self._tokens(accounts))
                if each.name not in self._all
            ]
        for each in new:
            self._all[each.name] = each
            crew.start(each.name, each.work)
        return [each.name for each in new]

    def states(self) -> list[State]:
        """How all of them do."""
        return [each.state() for each in self._all.values()]

    def is_gone(self, kept: Kept) -> bool:
        """Whether a session is not there any more, as somebody sees who can know."""
        said = {each.shows(kept.user, kept.item) for each in self._all.values() if each.server == kept.server}
        return said - {None} == {False}

    def ask(self, server: str, since: datetime | None) -> None:
        """Ask for a look back: since a moment, or since the last look."""
        with self.store.write() as db:
            last = Lookups(db).get(_key(server), LONG_AGO)
            looked = from_text(last.decode()) if last else self.clock.now() - A_DAY
            why = "nothing was heard for a while" if since else "nothing was heard before the start"
            Wishes(db).ask_history(server, since or looked, why)

    def work(self, stop: threading.Event) -> None:
        """Look back wherever that is asked for."""
        while not stop.wait(OFTEN):
            self.look_back()

    def look_back(self) -> int:
        """Answer what is asked; how many plays were found. What fails is asked again later."""
        with self.store.read() as db:
            gaps = Wishes(db).gaps()
        servers, count = {server.id: (server, accounts) for server, accounts in self._known()}, 0
        for gap in gaps:
            if gap.server in servers and self.clock.monotonic() >= self._later.get(gap.server, 0.0):
                try:
                    count += self._look_back(gap, *servers[gap.server])
                except RemoteError as problem:
                    self._later[gap.server] = self.clock.monotonic() + LONGEST
                    log.info("The history of %s could not be read: %s", servers[gap.server][0].name, problem)
        return count

    def _look_back(self, gap: Gap, server: KnownServer, accounts: list[Account]) -> int:
        began = self.clock.now()
        found = self.servers.plays_since(server, self._ears(server), self._tokens(accounts), gap.since)
        for event in found:
            self.hear(event)
        with self.store.write() as db:
            Wishes(db).looked(gap)
            Lookups(db).put(_key(server.id), to_text(began).encode(), began)
        self.moved(server.id)  # marks and ratings are in no history
        return len(found)

    def _known(self) -> list[tuple[KnownServer, list[Account]]]:
        """The servers that were met, with everybody's accounts."""
        with self.store.read() as db:
            people = People(db)
            accounts = [account for person in people.all() for account in people.accounts(person)]
            latest = {each.name: each for each in reversed(KnownServers(db).all())}  # of those under one name
        return [(each, [one for one in accounts if one.server == each.id]) for each in latest.values()]

    def _ears(self, server: KnownServer) -> Ears:
        def rates(user: str) -> bool:
            return self.rates(server.id, user)

        return Ears(server.id, self.store, self.clock, self.rest, self.hear, self.ask, rates, self.tick, self.moved)

    def _tokens(self, accounts: list[Account]) -> dict[str, Secret]:
        """The token of each user at the server; an empty one where there is none, or it cannot be read."""
        found: dict[str, Secret] = {}
        for account in accounts:
            try:
                found[account.user] = Secret(self.servers.tokens(account).server)
            except SidetraktError as problem:
                log.warning("The token of %s cannot be read: %s", account.name, problem)
                found[account.user] = Secret("")
        return found


def _key(server: str) -> str:
    return f"{FOR_EVER}looked back at {server}"
