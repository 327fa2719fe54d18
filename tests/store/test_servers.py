from datetime import datetime, timedelta

from sidecar.store.db import Store
from sidecar.store.servers import KnownServer, KnownServers

HOME = KnownServer("m1", "home", "jellyfin", "12.0.0")


def test_a_server_is_known_by_its_own_id_and_found_by_its_name(store: Store, now: datetime) -> None:
    with store.write() as db:
        servers = KnownServers(db)
        servers.met(HOME, now)
        servers.met(KnownServer("m2", "Den", "plex", "1.43", "4711"), now)
        assert servers.named(" HOME ") == HOME
        assert servers.named("cellar") is None
        assert {server.id for server in servers.all()} == {"m1", "m2"}


def test_a_server_that_is_met_again_tells_its_new_name_and_version_and_keeps_its_owner(
    store: Store, now: datetime
) -> None:
    with store.write() as db:
        servers = KnownServers(db)
        servers.met(KnownServer("m2", "den", "plex", "1.42", "4711"), now)
        servers.met(KnownServer("m2", "attic", "plex", "1.43"), now)
        assert servers.all() == [KnownServer("m2", "attic", "plex", "1.43", "4711")]


def test_of_two_machines_with_one_name_the_last_met_one_is_meant(store: Store, now: datetime) -> None:
    with store.write() as db:
        servers = KnownServers(db)
        servers.met(KnownServer("old", "home", "jellyfin"), now)
        servers.met(KnownServer("new", "home", "jellyfin"), now + timedelta(minutes=1))
        found = servers.named("home")
        assert found is not None
        assert found.id == "new"


def test_libraries_have_the_names_of_the_last_meeting_and_old_ones_keep_theirs(store: Store, now: datetime) -> None:
    with store.write() as db:
        servers = KnownServers(db)
        servers.met(HOME, now)
        servers.keep_libraries("m1", {"1": "Films", "2": "Series"})
        servers.keep_libraries("m1", {"1": "Movies"})
        assert servers.libraries("m1") == {"1": "Movies", "2": "Series"}
        assert servers.libraries("m2") == {}
