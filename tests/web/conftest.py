"""The site with its hooks behind the real waitress, for whoever sends; what would be taken in is kept in a list."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import requests
from flask import Flask
from waitress import wasyncore

from sidecar.events import Event
from sidecar.model import Secret
from sidecar.settings import Server
from sidecar.store.db import Store, open_store
from sidecar.store.hooks import make_hook_token
from sidecar.store.keys import Keys, make_key
from sidecar.store.servers import KnownServer, KnownServers
from sidecar.store.vault import Vault, open_vault
from sidecar.web import hooks, serve
from sidecar.web.site import build_site
from tests.fakes import FakeClock

HOME = KnownServer("0549257d5f104fc0bf0da9c391d8a585", "home", "jellyfin")
DEN = KnownServer("5a1b2c3d4e5f60718293a4b5c6d7e8f901234567", "den", "plex", owner="4100001")
TOKEN = "the token in the settings, of some length"


@dataclass
class Door:
    """A running site."""

    url: str
    store: Store
    vault: Vault
    clock: FakeClock
    secret: str  # of the Plex server; that of the Jellyfin server is TOKEN
    heard: list[Event] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    site: Flask = field(init=False)
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    problem: Exception | None = None  # raised by whoever should take an event in

    def hear(self, event: Event) -> None:
        if self.problem is not None:
            raise self.problem
        self.heard.append(event)
        self.arrived.release()

    def wait(self, count: int) -> list[Event]:
        """All that was heard, once so much came."""
        assert all(self.arrived.acquire(timeout=10) for _ in range(count)), self.heard
        return self.heard

    def meet(self, server: KnownServer) -> None:
        """The server was reached."""
        with self.store.write() as db:
            KnownServers(db).met(server, self.clock.now())

    def jellyfin(self, body: bytes | str, token: str = TOKEN, server: str = "home") -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.post(f"{self.url}/hooks/jellyfin/{server}", body, headers=headers, timeout=10)

    def plex(self, body: bytes | str, secret: str = "", server: str = "den", thumb: bytes = b"") -> requests.Response:
        parts = {"payload": (None, body, "application/json")} | (
            {"thumb": ("t.jpg", thumb, "image/jpeg")} if thumb else {}
        )
        url = f"{self.url}/hooks/plex/{server}/{secret or self.secret}"
        return requests.post(url, files=parts, timeout=10)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """Two servers; one has its token in the settings, one in the vault."""
    clock, store = FakeClock(), open_store(tmp_path_factory.mktemp("data"))
    vault = open_vault(store, Keys((make_key(),), "test", None), clock)
    settings = (
        Server("home", "jellyfin", "http://home", hook_token=Secret(TOKEN)),
        Server("den", "plex", "http://den"),
        Server("new", "jellyfin", "http://new", hook_token=Secret(TOKEN)),
    )
    with store.write() as db:
        secret = make_hook_token(db, vault, settings[1]).reveal()
    socket = serve.listen("127.0.0.1", 0)
    opened = Door(f"http://127.0.0.1:{socket.getsockname()[1]}", store, vault, clock, secret)

    def count(kind: str, outcome: str) -> None:
        opened.counts[kind, outcome] += 1

    taken = hooks.Hooks(settings, store, lambda: opened.vault, opened.hear, clock=clock, count=count)
    opened.site = site = build_site(list, bytes, hooks.pages(taken))
    server = serve.server_of(site, socket)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield opened
    server.trigger.pull_trigger(lambda: wasyncore.close_all(server._map, ignore_all=True))
    thread.join(10)
    server.task_dispatcher.shutdown()
    store.close()


@pytest.fixture
def door(served: Door) -> Iterator[Door]:
    """Both were reached, and nothing came yet."""
    kept = served.vault
    served.heard.clear()
    served.counts.clear()
    served.arrived = threading.Semaphore(0)
    served.clock.advance(60)  # so that nobody came with a wrong secret
    with served.store.write() as db:
        for query in ("DELETE FROM item", "DELETE FROM server"):
            db.execute(query)
        kept.put(db, "hook:den", Secret(served.secret))
    for server in (HOME, DEN):
        served.meet(server)
    yield served
    served.vault, served.problem = kept, None
