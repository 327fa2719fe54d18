"""A server of the settings: whom its token serves, and what a doctor finds."""

from __future__ import annotations

import pytest

from sidecar.errors import UserError
from sidecar.model import Feature, Secret
from sidecar.servers.jellyfin.server import JellyfinServer
from sidecar.servers.known import Tokens
from sidecar.settings import Server
from sidecar.store.people import Account
from tests.servers.jellyfin.conftest import Home


def server(home: Home, token: str) -> JellyfinServer:
    """As it stands in the settings."""
    return JellyfinServer(Server("home", "jellyfin", home.desk.url, Secret(token)), clock=home.clock)


def account(home: Home, name: str) -> Account:
    """Somebody's account."""
    return Account(1, "machine", home.desk.user(name), name, 1)


def test_an_api_key_serves_everybody_and_each_by_name(either: Home) -> None:
    made = server(either, either.desk.key)
    assert made.info().version == either.desk.server.version
    assert {user.name for user in made.users()} >= {"Anna", "Ben", "Emma"}
    assert {each.name for each in made.libraries()} == {"Movies", "Kids' Movies", "Shows", "Anime"}
    for name in ("Anna", "Ben"):
        hands = made.hands(account(either, name), Tokens(), either.inventory(), libraries=None, favourites=False)
        assert hands is not None
        assert hands.prove() == {"account": name, "version": either.desk.server.version}
        assert hands.capabilities()["server"] == either.desk.server.version
        assert hands.complete(Feature.HISTORY).why == ""
    assert [(each.state, each.about) for each in made.check()] == [("ok", "Jellyfin home")] * 3


def test_without_a_key_each_account_needs_a_token_of_its_own(home: Home) -> None:
    made, ben = server(home, ""), account(home, "Ben")
    assert made.hands(ben, Tokens(), home.inventory(), libraries=None, favourites=False) is None
    assert [each.state for each in made.check()] == ["ok", "note"]
    token = Secret(home.desk.sign_in("Ben"))
    tokens = made.prove(ben, token)
    hands = made.hands(ben, tokens, home.inventory(), libraries=None, favourites=False)
    assert hands is not None
    assert hands.complete(Feature.HISTORY).why == ""
    with pytest.raises(UserError, match="belongs to Ben"):
        made.prove(account(home, "Anna"), token)
    sign_in = made.sign_in(ben)
    home.desk.act("allow_code", person="Ben", code=sign_in.begin().code)
    found = sign_in.poll()
    assert found is not None
    assert made.prove(ben, found) == Tokens(server=found.reveal())


def test_a_users_token_in_the_settings_is_warned_of(home: Home) -> None:
    findings = list(server(home, home.desk.sign_in("Ben")).check())
    assert "warning" in [each.state for each in findings]
    assert "serves nobody else" in " ".join(each.what for each in findings)
