"""All servers of the settings: who lives there, who may act for whom, and what is said where something is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.contract import Fact, Outcome, Plays, Rating, State
from sidecar.errors import UserError
from sidecar.model import Feature, Kind, Secret
from sidecar.servers.service import Servers, SideOf
from sidecar.settings import Server
from sidecar.store.alerts import Alerts
from sidecar.store.db import Store
from sidecar.store.keys import Keys, make_key
from sidecar.store.people import People
from sidecar.store.servers import KnownServers
from sidecar.store.vault import open_vault
from tests.fakes import FakeClock
from tests.servers.household import Household, living


@pytest.fixture(scope="module")
def built() -> Iterator[Household]:
    with living() as household:
        yield household


@pytest.fixture
def household(built: Household) -> Iterator[Household]:
    built.reset()
    yield built
    assert built.unhandled() == []


class Desk:
    """One process of ours with these servers."""

    def __init__(self, household: Household, store: Store, clock: FakeClock) -> None:
        self.household, self.store, self.clock = household, store, clock
        self.vault = open_vault(store, Keys((make_key(),), "test", None), clock)

    def servers(self, settings: tuple[Server, ...] | None = None) -> Servers:
        """The service, as after a start."""
        chosen = self.household.settings() if settings is None else settings
        plex, rest = self.household.plex_settings, self._rest
        return Servers(chosen, plex, self.store, lambda: self.vault, clock=self.clock, rest=rest)

    def _rest(self, seconds: float) -> bool:
        self.clock.advance(seconds)
        return False

    def sides(self, name: str, servers: Servers | None = None) -> dict[str, SideOf]:
        """The sides of a person by kind."""
        with self.store.read() as db:
            person = People(db).get(name)
        return {each.side.name(): each for each in (servers or self.servers()).sides(person)}

    def names(self) -> list[str]:
        """Everybody."""
        with self.store.read() as db:
            return [person.name for person in People(db).all()]


@pytest.fixture
def desk(household: Household, store: Store, clock: FakeClock) -> Desk:
    return Desk(household, store, clock)


def test_first_contact_makes_a_person_of_every_user_and_a_second_one_nobody(desk: Desk) -> None:
    met = desk.servers().meet()
    assert [(each.server, each.problem) for each in met] == [("home", ""), ("den", "")]
    names = desk.names()
    assert {"Anna", "Ben", "anna@den", "ben@den"} <= set(names)
    assert set(met[0].new) | set(met[1].new) == set(names)
    again = desk.servers().meet()
    assert [each.new for each in again] == [(), ()]
    assert desk.names() == names
    with desk.store.read() as db:
        servers = KnownServers(db)
        assert {server.name: bool(server.owner) for server in servers.all()} == {"home": False, "den": True}
        assert all(servers.libraries(server.id) for server in servers.all())


def test_a_server_that_is_away_is_an_alert_until_it_is_met(desk: Desk, household: Household) -> None:
    household.fault("jellyfin", "status", status=503, times=50)
    home, den = desk.servers().meet()
    assert home.problem
    assert home.next_step
    assert not den.problem
    with desk.store.read() as db:
        assert [alert.key for alert in Alerts(db).open_ones()] == ["server:home"]
    household.controls["jellyfin"].faults.clear()
    desk.servers().meet()
    with desk.store.read() as db:
        assert Alerts(db).open_ones() == []


def test_one_person_never_sees_or_changes_what_is_anothers(desk: Desk) -> None:
    desk.servers().meet()
    for anna, ben, kind in (("Anna", "Ben", "jellyfin"), ("anna@den", "ben@den", "plex")):
        mine, theirs = desk.sides(anna)[kind].side, desk.sides(ben)[kind].side
        film = next(fact for fact in mine.build_index(Feature.COLLECTION).facts if fact.ref.kind is Kind.MOVIE)
        for feature, value in ((Feature.HISTORY, Plays((desk.clock.now(),))), (Feature.RATINGS, Rating(8))):
            before = theirs.build_index(feature)
            (done,) = mine.add([Fact(film.ref, value)], feature)
            assert done.outcome is Outcome.DONE
            assert len(desk.sides(anna)[kind].side.build_index(feature).facts) == 1
            assert list(desk.sides(ben)[kind].side.build_index(feature).facts) == list(before.facts)


def test_whoever_has_no_token_is_not_asked_for_anything(desk: Desk, household: Household) -> None:
    household.controls["plex"].switches["shared_servers"] = 403
    desk.servers().meet()
    david = desk.sides("david@den")["plex"]
    asked = len(household.controls["plex"].log)
    assert not david.side.is_configured()
    health = david.side.health()
    assert "token" in health.what
    assert "sidetrakt account" in health.next_step
    assert len(household.controls["plex"].log) == asked


def test_a_token_is_kept_only_for_whom_it_acts(desk: Desk, household: Household) -> None:
    household.controls["plex"].switches["shared_servers"] = 403
    servers = desk.servers()
    servers.meet()
    david, people = desk.sides("david@den")["plex"].account, household.people
    with pytest.raises(UserError, match="not of david"):
        servers.adopt(david, Secret(people["Ben"]["account_token"]))
    assert not desk.sides("david@den")["plex"].side.is_configured()
    assert servers.adopt(david, Secret(people["David"]["account_token"])) == ["server", "plex.tv"]
    assert set(desk.sides("david@den")) == {"plex", "plex-watchlist"}
    with pytest.raises(UserError, match="API key"):
        servers.adopt(desk.sides("Ben")["jellyfin"].account, Secret(household.api_key))


def test_a_token_that_ended_is_given_anew_or_somebody_is_asked_to_sign_in(desk: Desk, household: Household) -> None:
    desk.servers().meet()
    ben = desk.sides("ben@den")["plex"]
    old = desk.servers().tokens(ben.account)
    household.act("plex", "revoke", person="Ben", kind="server")
    desk.servers().meet()
    new = desk.servers().tokens(ben.account)
    assert new.server != old.server
    assert desk.sides("ben@den")["plex"].side.health().state is State.OK
    household.act("plex", "revoke", person="David")
    household.controls["plex"].switches["shared_servers"] = 403
    desk.servers().meet()
    with desk.store.read() as db:
        (alert,) = Alerts(db).open_ones()
    assert "david@den is not accepted" in alert.what
    assert "--pin" in alert.next_step
    household.controls["plex"].switches["shared_servers"] = 0
    desk.servers().meet()
    with desk.store.read() as db:
        assert Alerts(db).open_ones() == []


def test_a_token_in_the_settings_that_is_not_the_owners_is_said_so(desk: Desk, household: Household) -> None:
    (_, den) = desk.servers(household.settings(token=household.people["Ben"]["server_token"])).meet()
    assert "owner" in den.problem
    assert "owner's token" in den.next_step
    assert den.users == ()


def test_only_the_chosen_libraries_take_part(desk: Desk) -> None:
    desk.servers().meet()
    with desk.store.write() as db:
        for name in ("Anna", "anna@den"):
            People(db).set_option(People(db).get(name), "libraries", "movies", desk.clock.now())
    for name, kind in (("Anna", "jellyfin"), ("anna@den", "plex")):
        index = desk.sides(name)[kind].side.build_index(Feature.COLLECTION)
        assert index.complete
        assert {fact.ref.kind for fact in index.facts} == {Kind.MOVIE}
        names = desk.servers().library_names(desk.sides(name)[kind].server)
        assert [names[key] for key in index.libraries or ()] == ["Movies"]


def test_the_check_up_names_versions_rights_libraries_and_other_scrobblers(desk: Desk, household: Household) -> None:
    household.act("plex", "webhook", person="Anna", url="http://127.0.0.1:9/other")
    found = list(desk.servers().check())
    text = "\n".join(f"{each.state} {each.what}" for each in found)
    for words in ("12.4.0", "acts for all 4 users", "Movies (", "Plex 1.43", "owner's", "Library “Shows”", "127.0.0.1"):
        assert words in text
    assert [each.state for each in found if "sends events" in each.what] == ["warning"]
    household.fault("jellyfin", "status", status=401, times=9)
    assert [each.state for each in desk.servers(household.settings()[:1]).check()] == ["bad"]


def test_no_token_is_readable_in_the_folder(desk: Desk, household: Household, tmp_path: Path) -> None:
    servers = desk.servers()
    servers.meet()
    desk.store.close()
    secrets = [
        household.api_key,
        *(each[k] for each in household.people.values() for k in ("account_token", "server_token")),
    ]
    data = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert [secret for secret in secrets if secret.encode() in data] == []
