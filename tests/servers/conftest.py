"""A store with a server and an account, for everything that remembers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.servers.inventory import Inventory
from sidecar.store.db import Store, open_store
from sidecar.store.people import People
from sidecar.store.servers import KnownServer, KnownServers
from tests.fakes import START, FakeClock

SERVER = "machine"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    opened = open_store(folder)
    yield opened
    opened.close()


@pytest.fixture
def account(store: Store) -> int:
    with store.write() as db:
        server = KnownServer(SERVER, "den", "hand")
        KnownServers(db).met(server, START)
        return People(db).meet(server, "u1", "anna", START).id


@pytest.fixture
def inventory(store: Store, clock: FakeClock) -> Inventory:
    return Inventory(store, SERVER, clock)
