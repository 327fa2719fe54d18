from datetime import datetime, timedelta

import pytest

from sidecar.errors import UserError
from sidecar.store.db import Store
from sidecar.store.people import People


def test_a_person_is_found_whatever_the_case(store: Store, now: datetime) -> None:
    with store.write() as db:
        anna = People(db).add(" Anna ", now, admin=True)
        assert People(db).find("aNNA") == anna
        assert People(db).get("anna").admin


@pytest.mark.parametrize("name", ["", "  ", "a@b", "two\nlines"])
def test_a_name_that_cannot_be_one_is_refused(store: Store, now: datetime, name: str) -> None:
    with pytest.raises(UserError), store.write() as db:
        People(db).add(name, now)


def test_a_name_is_given_once(store: Store, now: datetime) -> None:
    with store.write() as db:
        People(db).add("Anna", now)
        with pytest.raises(UserError, match="already"):
            People(db).add("ANNA", now)


def test_an_unknown_name_gets_a_near_miss(store: Store, now: datetime) -> None:
    with store.write() as db:
        with pytest.raises(UserError, match="There is no person named Ana") as nobody:
            People(db).get("Ana")
        assert "Nobody is known yet" in nobody.value.next_step
        People(db).add("Anna", now)
        with pytest.raises(UserError, match="did you mean “Anna”"):
            People(db).get("Ana")


def test_accounts_hang_on_server_and_user(store: Store, now: datetime) -> None:
    with store.write() as db:
        people = People(db)
        anna = people.add("Anna", now)
        account = people.add_account(anna, "server-1", "u1", "anna", now)
        people.add_account(anna, "server-2", "u1", "anna.k", now)
        assert people.account("server-1", "u1") == account
        assert people.account("server-1", "u2") is None
        assert [each.server for each in people.accounts(anna)] == ["server-1", "server-2"]
        assert people.get("ANNA@server-1") == anna


def test_whether_the_users_of_a_server_are_known_is_known(store: Store, now: datetime) -> None:
    with store.write() as db:
        people = People(db)
        anna = people.add("Anna", now)
        assert not people.has_accounts()
        people.add_account(anna, "server-1", "u1", "anna", now)
        assert people.has_accounts()


def test_two_persons_may_share_one_trakt_account(store: Store, now: datetime) -> None:
    with store.write() as db:
        people = People(db)
        anna, ben = people.add("Anna", now), people.add("Ben", now)
        people.put_trakt("uuid-1", "ann", {"watchlist": 250}, now)
        people.link(anna, "uuid-1", now)
        people.link(ben, "uuid-1", now)
        assert people.sharing("uuid-1") == [anna, ben]
        people.unlink(ben)
        assert people.sharing("uuid-1") == [anna]
        found = people.linked(anna)
        assert found is not None
        assert (found.name, found.limits, found.proved_at) == ("ann", {"watchlist": 250}, now)
        assert people.linked(ben) is None


def test_a_link_that_needs_attention_is_connected_again_when_proved(store: Store, now: datetime) -> None:
    with store.write() as db:
        people = People(db)
        people.put_trakt("uuid-1", "ann", {}, now)
        people.trakt_needs_attention("uuid-1", "revoked")
        assert (people.trakt_account("uuid-1").state, people.trakt_account("uuid-1").reason) == ("attention", "revoked")
        people.put_trakt("uuid-1", "ann", {}, now)
        assert (people.trakt_account("uuid-1").state, people.trakt_account("uuid-1").reason) == ("connected", "")
        with pytest.raises(KeyError):
            people.trakt_account("uuid-2")


def test_a_choice_keeps_its_moment_until_it_changes(store: Store, now: datetime) -> None:
    later = now + timedelta(hours=1)
    with store.write() as db:
        people = People(db)
        anna = people.add("Anna", now)
        people.set_option(anna, "scrobble", "off", now)
        people.set_option(anna, "scrobble", "off", later)
        assert people.options(anna) == {"scrobble": ("off", now)}
        people.set_option(anna, "scrobble", "on", later)
        assert people.options(anna) == {"scrobble": ("on", later)}


def test_another_person_sees_nothing_of_it(store: Store, now: datetime) -> None:
    with store.write() as db:
        people = People(db)
        anna, ben = people.add("Anna", now), people.add("Ben", now)
        people.set_option(anna, "scrobble", "off", now)
        people.add_account(anna, "server-1", "u1", "anna", now)
        assert people.options(ben) == {}
        assert people.accounts(ben) == []
