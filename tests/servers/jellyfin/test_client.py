"""The real client library with its traps closed: what it would swallow, repeat, print or forget."""

from __future__ import annotations

import logging
from types import NoneType
from typing import Any

import pytest
import requests_mock as rm

from sidecar.errors import AuthLost, BadAnswer, Outage, Refused, RemoteError, Unreachable
from sidecar.http import no_network
from sidecar.model import Secret
from sidecar.servers.jellyfin.client import Jellyfin
from sidecar.servers.jellyfin.wire import decode
from tests.fakes import FakeClock
from tests.servers.jellyfin.conftest import KETTLE, LABEL, Home

EDGE = "https://media.example/base"


@pytest.fixture
def edge(clock: FakeClock) -> Jellyfin:
    """A client of a server that is behind a proxy of ours."""
    return Jellyfin(EDGE, Secret("s3cret"), label=LABEL, device_id="sidetrakt-1", clock=clock, pause=0.0)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_write_whose_answer_was_an_error_goes_out_once_and_may_have_been_done(home: Home, status: int) -> None:
    film = home.desk.film(KETTLE)["Id"]
    home.forget_log()
    home.fault("status", status=status, method="POST", path="UserData", when="after")
    with pytest.raises(Outage) as met:
        home.client().call("POST", f"UserItems/{film}/UserData", {"userId": home.desk.user()}, {"Rating": 7})
    assert met.value.maybe_done
    assert LABEL in met.value.what
    assert [row["method"] for row in home.log()] == ["POST"]


def test_a_void_token_is_said_and_never_replaced_by_a_word(home: Home) -> None:
    client = home.client("not-a-token")
    for _ in range(2):
        with pytest.raises(AuthLost) as met:
            client.users()
        assert "sidetrakt account" in str(met.value)
    headers = client._library.http._get_default_headers()
    assert 'Token="not-a-token"' in headers["Authorization"]


def test_without_a_token_none_is_sent(home: Home) -> None:
    client = home.client("")
    assert client.info().version == home.desk.server.version
    assert "Token" not in client._library.http._get_default_headers()["Authorization"]


@pytest.mark.parametrize("fault", ["empty", "html"])
def test_nothing_where_an_answer_is_due_is_no_answer(home: Home, fault: str) -> None:
    home.fault(fault, times=3)
    with pytest.raises(BadAnswer):
        home.client().users()
    with pytest.raises(BadAnswer) as met:
        home.client().call("POST", "Collections", {"name": "x"})
    assert met.value.maybe_done
    with pytest.raises(BadAnswer):
        home.client().page({"limit": 1}, decode)


def test_an_empty_answer_is_right_where_none_is_due(home: Home) -> None:
    known = home.client().call("POST", "Collections", {"name": "x"})["Id"]
    film = home.desk.film(KETTLE)["Id"]
    assert home.client().call("POST", f"Collections/{known}/Items", {"ids": film}, due=NoneType) is None


@pytest.mark.parametrize(
    ("version", "good"),
    [("10.10.7", False), ("10.9.11", False), ("4.8.1.0", False), ("9.99", False), ("junk", False), ("10.11.0", True),
     ("10.11.11", True), ("12.0", True), ("12.4.0", True), ("13.0.0", True), ("100.0.0", True)],
)  # fmt: skip
def test_versions_are_compared_as_numbers_and_old_ones_refused(edge: Jellyfin, version: str, good: bool) -> None:
    with rm.Mocker() as mocked:
        mocked.get(f"{EDGE}/System/Info/Public", json={"Id": "m", "ServerName": "den", "Version": version})
        if good:
            assert edge.info().version == version
        else:
            with pytest.raises(Refused) as met:
                edge.info()
            assert "needs Jellyfin 10.11 or newer" in met.value.what
            assert edge.about.version == ""


def test_a_server_that_starts_is_not_ready(home: Home) -> None:
    home.control.clock.freeze()
    home.desk.act("restart")
    with pytest.raises(Unreachable):
        home.client().users()
    home.desk.shift(3)
    with pytest.raises(Outage) as met:
        home.client().users()
    assert met.value.retry_at is not None
    home.desk.shift(3)
    assert home.client().users()


def test_the_camel_case_of_a_starting_server_is_not_taken_for_it(edge: Jellyfin) -> None:
    with rm.Mocker() as mocked:
        mocked.get(f"{EDGE}/System/Info/Public", json={"version": "12.0.0", "startupWizardCompleted": False})
        with pytest.raises(Outage, match="is not ready yet"):
            edge.info()


def test_a_proxy_that_drops_the_date_spoils_no_write(edge: Jellyfin) -> None:
    with rm.Mocker() as mocked:
        mocked.post(f"{EDGE}/UserItems/1/UserData", json={"Played": True})
        assert edge.call("POST", "UserItems/1/UserData", {"userId": "u"}, {"Played": True}) == {"Played": True}
        assert mocked.last_request.verify, "certificates are checked"


def test_names_with_braces_stay_as_they_are(home: Home) -> None:
    for name in ("Trakt: {UserId}", "{server} & {DeviceId}", "Zoë #1"):
        known = home.client().call("POST", "Collections", {"name": name})["Id"]
        assert home.desk.server.shelf.items[known].name == name


def test_the_library_prints_nothing_and_no_token_is_logged(
    home: Home, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        client = home.client()
        client.users()
        home.fault("status", status=500, times=3)
        with pytest.raises(Outage) as met:
            client.users()
    assert capsys.readouterr() == ("", "")
    assert logging.getLogger("Jellyfin").handlers == []
    assert home.desk.key not in caplog.text + str(met.value) + repr(met.value)
    assert not [record for record in caplog.records if record.name.lower().startswith("jellyfin")]


def test_every_request_is_counted_and_none_is_made_where_it_is_forbidden(home: Home) -> None:
    client = home.client()
    client.users()
    client.page({"limit": 1}, decode)
    home.fault("status", status=404)
    with pytest.raises(Refused):
        client.sessions()
    assert client.requests == 3
    assert [(service, status) for service, _, status in home.count] == [(LABEL, "200"), (LABEL, "200"), (LABEL, "404")]
    with no_network("inside a transaction"):
        for ask in (client.users, lambda: client.page({"limit": 1}, decode)):
            with pytest.raises(RuntimeError, match="inside a transaction"):
                ask()


def test_what_may_be_asked_of_a_server(either: Home) -> None:
    client = either.client()
    assert [user.name for user in client.users()][:2] == ["Anna", "Ben"]
    assert [user.admin for user in client.users()][:2] == [True, False]
    libraries = client.libraries(either.desk.user())
    assert {each.name: each.shows for each in libraries} == {
        "Movies": False,
        "Kids' Movies": False,
        "Shows": True,
        "Anime": True,
    }
    assert client.total(libraries[0]) > 0
    assert client.plugins() == []
    assert not client.scanning()
    either.control.switches["scan_running"] = True
    client.call("POST", "Library/Refresh", due=NoneType)
    assert client.scanning()
    assert not either.client(either.desk.sign_in("Ben")).scanning(), "who may not ask is told no"


def test_a_deleted_account_is_called_so(either: Home) -> None:
    user = either.desk.user("Ben")
    either.desk.act("delete_user", person="Ben")
    with pytest.raises(Refused, match="not on Jellyfin home any more"):
        either.client().libraries(user)


@pytest.mark.parametrize("said", [b"[]", b"{}", b'{"Items":1,"TotalRecordCount":2}', b"<html>", b"", b'{"Items":[]}'])
def test_a_page_is_rows_with_a_total_or_nothing(edge: Jellyfin, said: bytes) -> None:
    with rm.Mocker() as mocked:
        mocked.get(f"{EDGE}/Items", content=said)
        with pytest.raises(BadAnswer):
            edge.page({}, decode)


def test_whatever_goes_wrong_is_one_of_our_errors(home: Home) -> None:
    faults: list[dict[str, Any]] = [
        {"name": "lost"}, {"name": "reset"}, {"name": "truncated"}, {"name": "truncated", "length": "cut"},
        {"name": "status", "status": 520}, {"name": "status", "status": 498, "body": "html"}, {"name": "wrong_types"},
    ]  # fmt: skip
    for fault in faults:
        for ask in (lambda: home.client().users(), lambda: home.client().page({"limit": 5}, decode)):
            home.control.faults.clear()
            home.fault(**fault, times=None)
            with pytest.raises(RemoteError):
                ask()
