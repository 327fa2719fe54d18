from collections.abc import Iterator
from datetime import datetime

import pytest

from sidecar.store.db import Store
from sidecar.store.people import People
from sidecar.store.servers import KnownServer, KnownServers
from sidecar.store.stuck import Stuck, StuckWrites


@pytest.fixture
def account(store: Store, now: datetime) -> Iterator[int]:
    with store.write() as db:
        known = KnownServer("m1", "home", "jellyfin")
        KnownServers(db).met(known, now)
        People(db).meet(known, "u1", "anna", now)
    with store.read() as db:
        found = People(db).account("m1", "u1")
        assert found is not None
        yield found.id


def failed(store: Store, account: int, now: datetime, *, wanted: str, before: str, held: str) -> int:
    with store.write() as db:
        return StuckWrites(db).failed(account, "history", "i1", wanted=wanted, before=before, held=held, at=now)


def test_what_is_not_kept_again_is_counted(store: Store, now: datetime, account: int) -> None:
    assert failed(store, account, now, wanted="yes", before="no", held="no") == 1
    assert failed(store, account, now, wanted="yes", before="no", held="no") == 2
    with store.read() as db:
        assert StuckWrites(db).of(account, "history") == {"i1": Stuck(account, "history", "i1", "yes", "no", 2)}
        assert StuckWrites(db).of(account, "ratings") == {}
        assert StuckWrites(db).of(account + 1, "history") == {}


def test_what_our_own_write_moved_is_no_change_of_the_server(store: Store, now: datetime, account: int) -> None:
    assert failed(store, account, now, wanted="yes", before="no 20:00", held="no 20:15") == 1
    assert failed(store, account, now, wanted="yes", before="no 20:15", held="no 21:15") == 2


@pytest.mark.parametrize(("wanted", "before"), [("other", "no"), ("yes", "moved")])
def test_a_change_on_one_side_begins_to_count_anew(
    wanted: str, before: str, store: Store, now: datetime, account: int
) -> None:
    failed(store, account, now, wanted="yes", before="no", held="no")
    assert failed(store, account, now, wanted=wanted, before=before, held="no") == 1


def test_what_stuck_after_all_is_forgotten(store: Store, now: datetime, account: int) -> None:
    failed(store, account, now, wanted="yes", before="no", held="no")
    with store.write() as db:
        StuckWrites(db).settled(account, "ratings", "i1")
        assert "i1" in StuckWrites(db).of(account, "history")
        StuckWrites(db).settled(account, "history", "i1")
        assert StuckWrites(db).of(account, "history") == {}
