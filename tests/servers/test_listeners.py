"""All listeners of a household: who is heard with which token, and how a look back is asked for and answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from sidecar.demo.catalogue import Catalogue
from sidecar.demo.control import Control
from sidecar.demo.invent import invent
from sidecar.demo.jellyfin import make_app
from sidecar.demo.listen import Listener
from sidecar.events import PlayedEvent, What
from sidecar.model import Secret
from sidecar.servers.listeners import A_DAY, Listeners
from sidecar.servers.service import Servers
from sidecar.settings import Plex as PlexSettings
from sidecar.settings import Server
from sidecar.store.db import Store
from sidecar.store.keys import Keys, make_key
from sidecar.store.people import People
from sidecar.store.servers import KnownServer, KnownServers
from sidecar.store.sessions import Kept
from sidecar.store.vault import Vault, open_vault
from sidecar.store.wishes import Wishes
from sidecar.worker import Crew
from tests.demo.jellyfin.conftest import Desk
from tests.fakes import START, FakeClock
from tests.servers.hearing import TICK, Heard
from tests.servers.jellyfin.conftest import LONE


@pytest.fixture(scope="module")
def served() -> Iterator[Desk]:
    catalogue: Catalogue = invent(200, 8, 4)
    control = Control("jellyfin")
    app = make_app(catalogue, control)
    listener = Listener(app).start()
    desk = Desk(listener.url, catalogue, control, app.server)
    yield desk
    desk.session.close()
    listener.close()


@pytest.fixture
def desk(served: Desk) -> Desk:
    served.tell("reset")
    served.tell("clock", freeze=True)
    served.tell("clock", set=START.isoformat())
    return served


@pytest.fixture
def heard(clock: FakeClock) -> Heard:
    return Heard(clock)


@pytest.fixture
def vault(store: Store, clock: FakeClock) -> Vault:
    return open_vault(store, Keys((make_key(),), "test", None), clock)


def of(desk: Desk, store: Store, vault: Vault, heard: Heard, *, key: bool = True) -> Listeners:
    """The listeners of a process with this server, which was met."""
    settings = Server("home", "jellyfin", desk.url, Secret(desk.key if key else ""))
    servers = Servers((settings,), PlexSettings(), store, lambda: vault, clock=heard.clock, rest=heard.rest)
    server = KnownServer(desk.server.id, "home", "jellyfin")
    with store.write() as db:
        KnownServers(db).met(server, START)
        for name in ("Anna", "Ben"):
            People(db).meet(server, desk.user(name), name, START)
    return Listeners(servers, store, heard.clock, heard.rest, heard.hear, tick=TICK)


def give_token(desk: Desk, store: Store, vault: Vault, name: str) -> None:
    """Somebody signed in."""
    token = desk.sign_in(name, device=f"sofa of {name}")
    with store.write() as db:
        account = People(db).account(desk.server.id, desk.user(name))
        assert account is not None
        vault.put(db, account.secret, Secret(json.dumps({"server_token": token})))


@pytest.fixture
def crew(clock: FakeClock, heard: Heard) -> Iterator[Crew]:
    made = Crew(clock)
    heard.stop = made.stop
    yield made
    assert made.close() == []


def test_the_key_hears_all_plays_and_a_users_token_the_marks(
    desk: Desk, store: Store, vault: Vault, heard: Heard, crew: Crew
) -> None:
    listeners = of(desk, store, vault, heard)
    assert listeners.start(crew) == ["socket of home"]
    give_token(desk, store, vault, "Anna")
    assert listeners.start(crew) == [f"socket of {desk.user()} on home"]
    assert listeners.start(crew) == []
    with desk.server.sockets.moved:
        assert desk.server.sockets.moved.wait_for(
            lambda: sum(bool(x.period) for x in desk.server.sockets.lines) == 2, 10
        )
    desk.play("start", person="Ben", file=desk.film(LONE)["Path"])
    heard.wait(1)
    desk.act("rate", person="Anna", item=desk.film(LONE)["Id"], rating=8)
    desk.shift(1)
    heard.until(lambda: heard.marks() == [("rating", 8.0)])
    kept = Kept(desk.server.id, desk.user("Ben"), "tv", heard.plays()[0].item, 1, "", START, START, None, False, "")
    heard.until(lambda: all(state.since for state in listeners.states()))
    assert listeners.is_gone(kept) is False
    assert listeners.is_gone(replace(kept, item="another")) is True
    assert listeners.is_gone(replace(kept, server="another")) is False
    assert [state.problem for state in listeners.states()] == ["", ""]
    assert crew.dead() == []


def test_without_a_key_everybody_is_heard_with_their_own_token(
    desk: Desk, store: Store, vault: Vault, heard: Heard, crew: Crew
) -> None:
    listeners = of(desk, store, vault, heard, key=False)
    give_token(desk, store, vault, "Ben")
    assert listeners.start(crew) == [f"socket of {desk.user('Ben')} on home"]
    with desk.server.sockets.moved:
        assert desk.server.sockets.moved.wait_for(lambda: any(x.period for x in desk.server.sockets.lines), 10)
    desk.play("start", person="Anna", file=desk.film(LONE)["Path"])
    desk.play("start", person="Ben", file=desk.film(LONE)["Path"])
    heard.wait(1)
    assert [(each.what, each.user) for each in heard.plays()] == [(What.START, desk.user("Ben"))]


@pytest.mark.parametrize(
    ("said", "gone"),
    [((), False), ((None,), False), ((False,), True), ((None, False), True), ((False, True), False), ((True,), False)],
)
def test_a_session_is_gone_where_somebody_knows_it_and_nobody_sees_it(
    desk: Desk, store: Store, vault: Vault, heard: Heard, said: tuple[bool | None, ...], gone: bool
) -> None:
    class Sees:
        name, server = "", desk.server.id

        def __init__(self, shown: bool | None) -> None:
            self.shows = lambda _user, _item: shown

    listeners = of(desk, store, vault, heard)
    listeners._all.update({str(number): Sees(shown) for number, shown in enumerate(said)})  # type: ignore[misc]
    assert listeners.is_gone(Kept(desk.server.id, "u", "tv", "i", 1, "", START, START, None, False, "")) is gone


def test_a_look_back_is_answered_once_and_remembers_how_far_it_came(
    desk: Desk, store: Store, vault: Vault, heard: Heard
) -> None:
    listeners, server, moved = of(desk, store, vault, heard), desk.server.id, list[str]()
    listeners.moved = moved.append
    listeners.ask(server, None)
    with store.read() as db:
        assert [gap.since for gap in Wishes(db).gaps()] == [START - A_DAY]
    desk.act("watch", person="Ben", item=desk.film(LONE)["Id"], at=(START - timedelta(hours=3)).isoformat())
    assert (listeners.look_back(), listeners.look_back()) == (1, 0)
    assert moved == [server], "its people get a run"
    (event,) = heard.events
    assert isinstance(event, PlayedEvent)
    assert (event.user, event.at) == (desk.user("Ben"), START - timedelta(hours=3))
    heard.clock.advance(3600)
    for since, asked in ((None, START), (START - 3 * A_DAY, START - 3 * A_DAY)):
        listeners.ask(server, since)
        with store.read() as db:
            assert [gap.since for gap in Wishes(db).gaps()] == [asked]


def test_a_server_that_is_away_is_asked_again_a_minute_later(
    desk: Desk, store: Store, vault: Vault, heard: Heard
) -> None:
    listeners = of(desk, store, vault, heard)
    listeners.ask(desk.server.id, START)
    desk.act("watch", person="Ben", item=desk.film(LONE)["Id"], at=(START - timedelta(hours=3)).isoformat())
    desk.tell("faults", name="status", path="^/Items", status=503, times=None)
    listeners.moved = pytest.fail
    assert listeners.look_back() == 0
    listeners.moved = lambda _server: None
    desk.tell("faults", clear=True)
    assert listeners.look_back() == 0
    heard.clock.advance(60)
    assert listeners.look_back() == 1


def test_whose_token_ended_keeps_nobody_else_waiting(desk: Desk, store: Store, vault: Vault, heard: Heard) -> None:
    listeners = of(desk, store, vault, heard, key=False)
    for name in ("Anna", "Ben"):
        give_token(desk, store, vault, name)
        desk.act("watch", person=name, item=desk.film(LONE)["Id"], at=(START - timedelta(hours=3)).isoformat())
    desk.act("revoke", person="Anna")
    listeners.ask(desk.server.id, START)
    assert listeners.look_back() == 1
    assert [event.user for event in heard.events] == [desk.user("Ben")]


def test_a_server_that_left_the_settings_is_not_heard(
    desk: Desk, store: Store, vault: Vault, heard: Heard, crew: Crew
) -> None:
    listeners = of(desk, store, vault, heard)
    with store.write() as db:
        KnownServers(db).met(KnownServer("old", "attic", "plex"), START)
    listeners.ask("old", START)
    assert listeners.start(crew) == ["socket of home"]
    assert listeners.look_back() == 0
