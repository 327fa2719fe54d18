"""Persons are made from the users of servers, and two of them become one only when somebody says so."""

from datetime import datetime

import pytest

from sidecar.errors import UserError
from sidecar.model import Feature
from sidecar.store.baseline import Baseline, SideState
from sidecar.store.db import Store, Transaction
from sidecar.store.people import People
from sidecar.store.servers import KnownServer, KnownServers
from sidecar.store.waiting import Waiting

HOME, DEN = KnownServer("machine-1", "home", "jellyfin", "12.4.0"), KnownServer("machine-2", "den", "plex", "1.43")


def people_of(db: Transaction, now: datetime) -> People:
    for server in (HOME, DEN):
        KnownServers(db).met(server, now)
    return People(db)


def test_a_user_becomes_a_person_on_first_contact_and_stays_one(store: Store, now: datetime) -> None:
    with store.write() as db:
        people = people_of(db, now)
        first = people.meet(HOME, "u1", "Anna", now, admin=True)
        again = people.meet(HOME, "u1", "Anna K.", now)
        assert (again.id, again.person, again.name) == (first.id, first.person, "Anna K.")
        assert [(person.name, person.admin) for person in people.all()] == [("Anna", True)]


def test_the_same_name_on_another_server_is_never_joined_silently(store: Store, now: datetime) -> None:
    with store.write() as db:
        people = people_of(db, now)
        one, other = people.meet(HOME, "u1", "Anna", now), people.meet(DEN, "7", "anna", now)
        assert one.person != other.person
        assert [person.name for person in people.all()] == ["Anna", "anna@den"]
        assert people.get("anna@den").id == other.person
        assert people.get("anna@home").id == one.person
        assert people.get("ANNA").id == one.person


def test_who_was_linked_before_any_server_was_there_gets_the_account_of_that_name(store: Store, now: datetime) -> None:
    with store.write() as db:
        people = people_of(db, now)
        anna = people.add("Anna", now)
        assert people.meet(HOME, "u1", "anna", now).person == anna.id


@pytest.mark.parametrize(
    ("name", "called"), [("ben@example.org", "ben"), ("", "user 12345678"), ("--x", "x"), ("a\nb", "user 12345678")]
)
def test_a_name_that_a_person_cannot_have_is_made_one(store: Store, now: datetime, name: str, called: str) -> None:
    with store.write() as db:
        people = people_of(db, now)
        people.meet(HOME, "1234567890", name, now)
        assert [person.name for person in people.all()] == [called]


def test_two_users_of_one_server_with_one_short_name_are_two(store: Store, now: datetime) -> None:
    with store.write() as db:
        people = people_of(db, now)
        met = [
            people.meet(DEN, user, name, now) for user, name in (("1", "ben"), ("22", "ben@a.org"), ("33", "ben@b.org"))
        ]
        assert len({account.person for account in met}) == 3
        assert len({person.name for person in people.all()}) == 3


def test_joining_moves_accounts_and_the_link_and_lets_sides_join_anew(store: Store, now: datetime) -> None:
    with store.write() as db:
        people, baseline = people_of(db, now), Baseline(db)
        one, other = people.meet(HOME, "u1", "Anna", now), people.meet(DEN, "7", "anna", now, admin=True)
        people.put_trakt("uuid-1", "anna", {}, now)
        people.link(people.get("anna@den"), "uuid-1", now)
        sides = [baseline.side(key) for key in ("jellyfin:machine-1:u1", "plex:machine-2:7")]
        for side in sides:
            baseline.set_state(side, Feature.HISTORY, SideState(joined_at=now, mark={"n": 1}))
        Waiting(db).settle(one.person, Feature.HISTORY, "the choices of Anna")
        people.join(people.get("Anna"), people.get("anna@den"))
        (anna,) = people.all()
        assert (anna.id, anna.name, anna.admin) == (one.person, "Anna", True)
        assert {account.id for account in people.accounts(anna)} == {one.id, other.id}
        assert (link := people.linked(anna)) is not None
        assert link.uuid == "uuid-1"
        assert baseline.state(sides[0], Feature.HISTORY).joined_at == now
        assert baseline.state(sides[1], Feature.HISTORY) == SideState()
        assert Waiting(db).settled(anna.id, Feature.HISTORY) == ""


def test_nothing_that_names_the_second_person_is_lost(store: Store, now: datetime) -> None:
    """Every table that hangs on a person either moves with a joining or is meant to go."""
    goes = {"link", "option", "agreed", "held", "settled", "began"}
    with store.read() as db:
        hang = {table.name for table in db.tables if any(key.other_table == "person" for key in table.foreign_keys)}
    with store.write() as db:
        people = people_of(db, now)
        people.meet(HOME, "u1", "Anna", now)
        people.meet(DEN, "7", "anna", now)
        moved: list[str] = []
        db.conn.set_trace_callback(moved.append)
        people.join(people.get("Anna"), people.get("anna@den"))
        db.conn.set_trace_callback(None)
    assert {each for each in hang if any(line.startswith(f"UPDATE {each} ") for line in moved)} == hang - goes


def test_persons_with_different_trakt_accounts_are_not_joined(store: Store, now: datetime) -> None:
    with store.write() as db:
        people = people_of(db, now)
        people.meet(HOME, "u1", "Anna", now)
        people.meet(DEN, "7", "anna", now)
        for uuid, name in (("uuid-1", "Anna"), ("uuid-2", "anna@den")):
            people.put_trakt(uuid, name, {}, now)
            people.link(people.get(name), uuid, now)
        with pytest.raises(UserError, match="different Trakt accounts"):
            people.join(people.get("Anna"), people.get("anna@den"))
        with pytest.raises(UserError, match="one person already"):
            people.join(people.get("Anna"), people.get("Anna"))
        assert len(people.all()) == 2


def test_an_account_is_found_by_its_user_or_its_person_and_the_servers_name(store: Store, now: datetime) -> None:
    with store.write() as db:
        people = people_of(db, now)
        people.meet(HOME, "u1", "Anna", now)
        account = people.meet(DEN, "7", "anna", now)
        people.join(people.get("Anna"), people.get("anna@den"))
        for name in ("ANNA@den", "7@machine-2"):
            assert (found := people.account_at(name)) is not None
            assert found.id == account.id
        assert people.account_at("anna@attic") is None
        assert people.account_at("nobody@den") is None
