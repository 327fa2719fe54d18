"""Quick Connect and tokens of one's own: whose they are is proved before anything is kept."""

from __future__ import annotations

import pytest

from sidecar.errors import Outage, UserError
from sidecar.model import Secret
from sidecar.servers.jellyfin.signin import QuickConnect, verify
from tests.servers.jellyfin.conftest import LABEL, Home


def test_a_code_that_somebody_types_in_becomes_a_token(either: Home) -> None:
    sign_in = QuickConnect(either.client(""))
    code = sign_in.begin()
    assert len(code.code) == 6
    assert LABEL in code.where
    assert code.seconds == 600
    assert sign_in.poll() is None
    either.desk.act("allow_code", person="Ben", code=code.code)
    token = sign_in.poll()
    assert token is not None
    verify(either.client(token.reveal()), either.desk.user("Ben"), "Ben")
    assert [
        row.item
        for row in either.hands("Ben", token=token.reveal()).look([either.desk.film("Two Minutes of Rain")["Id"]])
    ]


def test_a_code_that_somebody_else_typed_in_is_not_taken(home: Home) -> None:
    sign_in = QuickConnect(home.client(""))
    home.desk.act("allow_code", person="Carla", code=sign_in.begin().code)
    token = sign_in.poll()
    assert token is not None
    with pytest.raises(UserError, match="belongs to Carla on Jellyfin home, and not to Ben") as met:
        verify(home.client(token.reveal()), home.desk.user("Ben"), "Ben")
    assert token.reveal() not in str(met.value)


def test_a_code_runs_out(home: Home) -> None:
    sign_in = QuickConnect(home.client(""))
    sign_in.begin()
    home.desk.shift(601)
    with pytest.raises(UserError, match="ran out"):
        sign_in.poll()


def test_a_server_without_quick_connect_says_what_else_there_is(home: Home) -> None:
    home.control.switches["quick_connect"] = False
    with pytest.raises(UserError, match=r"switched off on Jellyfin home.* --token-file"):
        QuickConnect(home.client("")).begin()


def test_a_server_in_trouble_ends_nothing(home: Home) -> None:
    sign_in = QuickConnect(home.client(""))
    code = sign_in.begin()
    home.fault("status", status=503, times=3)
    with pytest.raises(Outage):
        sign_in.poll()
    home.desk.act("allow_code", person="Anna", code=code.code)
    assert isinstance(sign_in.poll(), Secret)


def test_tokens_that_are_nobodys(home: Home) -> None:
    with pytest.raises(UserError, match="API key"):
        verify(home.client(), home.desk.user(), "Anna")
    with pytest.raises(UserError, match="does not accept"):
        verify(home.client("nonsense"), home.desk.user(), "Anna")
    token = home.desk.sign_in("Ben")
    home.desk.act("disable_user", person="Ben")
    with pytest.raises(UserError, match="does not accept"):
        verify(home.client(token), home.desk.user("Ben"), "Ben")
