"""Addresses and secrets for servers, and our webhook in a Plex account among those of others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sidecar.app import App
from sidecar.commands import perform
from sidecar.demo.control import Control
from sidecar.demo.invent import invent
from sidecar.demo.listen import Listener
from sidecar.demo.plex import make_app, signins
from sidecar.errors import AuthLost, BadAnswer, Refused, UserError
from sidecar.logs import Redaction
from sidecar.settings import load
from tests.fakes import FakeClock
from tests.loopback import Answer, listening

OTHERS = ["https://example.invalid/tautulli", "https://example.invalid/hooks/plex/den/abc"]
BASE = "http://sidetrakt.lan:8477"


class Household:
    """A simulated plex.tv."""

    def __init__(self) -> None:
        catalogue, self.control = invent(200, 8, 1), Control("plex")
        self.app = make_app(catalogue, self.control)
        self.people = signins(catalogue)["people"]
        self.listener = Listener(self.app).start()

    def webhooks(self) -> list[str]:
        """Those of Anna's account."""
        return list(self.app.extensions["plex"].accounts.owner.webhooks)

    def close(self) -> None:
        self.app.extensions["plex"].news.close()
        self.listener.close()


@pytest.fixture(scope="module")
def household() -> Iterator[Household]:
    made = Household()
    yield made
    made.close()


@pytest.fixture
def plex(household: Household) -> Household:
    """An account with webhooks of others."""
    requests.post(f"{household.listener.url}/_control/reset", json={}, timeout=10)
    household.app.extensions["plex"].accounts.owner.webhooks = list(OTHERS)
    return household


def app_with(folder: Path, **environ: str) -> App:
    """An app with a Jellyfin server “home” and a Plex server “den”."""
    given = {
        "SIDETRAKT_SERVERS__HOME__KIND": "jellyfin", "SIDETRAKT_SERVERS__HOME__URL": "http://home:8096",
        "SIDETRAKT_SERVERS__DEN__KIND": "plex", "SIDETRAKT_SERVERS__DEN__URL": "http://den:32400",
        "SIDETRAKT_WEB__PUBLIC_URL": BASE + "/",
    }  # fmt: skip
    environ = given | {f"SIDETRAKT_{name}": value for name, value in environ.items()}
    return App(folder, load(environ, folder), environ, clock=FakeClock(), redaction=Redaction())


def hooks(app: App, server: str = "", **flags: bool) -> list[dict[str, Any]]:
    (event,) = perform(app, "hooks", {"server": server, **flags})
    found: list[dict[str, Any]] = event["result"]
    return found


def test_each_server_has_a_secret_that_stays(tmp_path: Path) -> None:
    app = app_with(tmp_path)
    first, again = hooks(app), hooks(app)
    assert first == again
    by = {each["server"]: each for each in first}
    assert by["home"]["address"] == f"{BASE}/hooks/jellyfin/home"
    secret = by["den"]["address"].removeprefix(f"{BASE}/hooks/plex/den/")
    assert min(len(secret), len(by["home"]["token"])) >= 43
    assert secret != by["home"]["token"]
    assert "token" not in by["den"]
    assert all(each["steps"] for each in first)
    app.close()
    again = hooks(opened := app_with(tmp_path))
    assert first == again
    opened.close()


def test_a_new_secret_ends_the_old_one(tmp_path: Path) -> None:
    app = app_with(tmp_path)
    before = {each["server"]: each for each in hooks(app)}
    (new,) = hooks(app, "HOME", new=True)
    assert new["token"] != before["home"]["token"]
    assert {each["server"]: each for each in hooks(app)} == before | {"home": new}
    with pytest.raises(UserError, match="Which secret"):
        hooks(app, new=True)
    app.close()


def test_what_the_settings_hold_goes_first_and_is_changed_there(tmp_path: Path) -> None:
    app = app_with(tmp_path, SERVERS__HOME__HOOK_TOKEN="chosen", SERVERS__DEN__HOOK_TOKEN="a/b c?" + "d" * 20)
    by = {each["server"]: each for each in hooks(app)}
    assert by["home"]["token"] == "chosen"
    assert "short enough to be guessed" in by["home"]["steps"][-1]
    assert by["den"]["address"] == f"{BASE}/hooks/plex/den/a%2Fb%20c%3F" + "d" * 20
    with pytest.raises(UserError, match=r"set by environment SIDETRAKT_SERVERS__HOME__HOOK_TOKEN"):
        hooks(app, "home", new=True)
    app.close()


@pytest.mark.parametrize(
    ("host", "address", "only_here"),
    [
        ("127.0.0.1", "http://127.0.0.1:99", True),
        ("::1", "http://[::1]:99", True),
        ("10.0.0.9", "http://10.0.0.9:99", False),
    ],
)
def test_without_a_public_address_it_is_the_one_that_is_served(
    tmp_path: Path, host: str, address: str, only_here: bool
) -> None:
    app = app_with(tmp_path, WEB__PUBLIC_URL="", WEB__HOST=host, WEB__PORT="99")
    (home,) = hooks(app, "home")
    assert home["address"] == f"{address}/hooks/jellyfin/home"
    assert any("Only this machine" in step for step in home["steps"]) is only_here
    app.close()


def test_a_server_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    app = app_with(tmp_path)
    with pytest.raises(UserError, match="did you mean “home”"):
        hooks(app, "hom")
    app.close()
    bare = App(tmp_path, load({}, tmp_path), {}, clock=FakeClock(), redaction=Redaction())
    with pytest.raises(UserError, match="no media server"):
        hooks(bare)
    bare.close()


def registering(folder: Path, plex: Household, **environ: str) -> App:
    anna = plex.people["Anna"]["account_token"]
    return app_with(folder, PLEX__ACCOUNT_URL=plex.listener.url, SERVERS__DEN__TOKEN=anna, **environ)


def test_our_webhook_is_added_and_nobody_elses_is_lost(tmp_path: Path, plex: Household) -> None:
    app = registering(tmp_path, plex)
    (den,) = hooks(app, "den", register=True)
    assert den["registered"] is True
    assert plex.webhooks() == [*OTHERS, den["address"]]
    (again,) = hooks(app, "den", register=True)
    assert again["registered"] is False
    (new,) = hooks(app, "den", new=True, register=True)
    assert plex.webhooks() == [*OTHERS, new["address"]]  # our own former one would only be refused
    assert {each["server"]: each.get("registered") for each in hooks(app, register=True)} == {
        "home": None,
        "den": False,
    }
    assert plex.control.rows()["rows"][-1]["unhandled"] is False
    app.close()


def test_without_plex_pass_it_says_what_works_all_the_same(tmp_path: Path, plex: Household) -> None:
    requests.post(f"{plex.listener.url}/_control/switches", json={"plex_pass": False}, timeout=10)
    app = registering(tmp_path, plex)
    with pytest.raises(UserError, match=r"no Plex Pass.*heard without it"):
        hooks(app, "den", register=True)
    assert plex.webhooks() == OTHERS
    app.close()


def test_a_wrong_token_is_said_so(tmp_path: Path, plex: Household) -> None:
    app = app_with(tmp_path, PLEX__ACCOUNT_URL=plex.listener.url, SERVERS__DEN__TOKEN="wrong")
    with pytest.raises(AuthLost):
        hooks(app, "den", register=True)
    app.close()


@pytest.mark.parametrize(
    ("changes", "server", "said"),
    [
        ({}, "home", "is no Plex server"),
        ({"SERVERS__DEN__TOKEN": ""}, "den", "no token for den"),
        ({"WEB__PUBLIC_URL": "", "WEB__HOST": "::"}, "den", "not known under which address"),
    ],
)
def test_what_is_missing_for_it_is_said(
    tmp_path: Path, plex: Household, changes: dict[str, str], server: str, said: str
) -> None:
    given = {"SERVERS__DEN__TOKEN": "x"} | changes
    app = app_with(tmp_path, PLEX__ACCOUNT_URL=plex.listener.url, **given)
    with pytest.raises(UserError, match=said):
        hooks(app, server, register=True)
    app.close()


LISTED = b'<?xml version="1.0"?><webhooks><webhook url="https://example.invalid/x"/></webhooks>'


@pytest.mark.parametrize(
    ("answers", "requests_made"),
    [
        ([b"<html><body>Hello"], 1),  # nothing is sent after an answer that is no list
        ([b"<MediaContainer/>"], 1),
        ([b"<webhooks><webhook/></webhooks>"], 1),
        ([b""], 1),
        ([LISTED, b"", b"<webhooks/>"], 3),  # another program wrote at the same time
        ([LISTED, b"", LISTED], 3),
    ],
)
def test_a_list_that_cannot_be_trusted_is_never_written_over(
    tmp_path: Path, answers: list[bytes], requests_made: int
) -> None:
    with listening(*(Answer(body=answer) for answer in answers)) as plextv:
        app = app_with(tmp_path, PLEX__ACCOUNT_URL=plextv.url, SERVERS__DEN__TOKEN="x")
        with pytest.raises(BadAnswer):
            hooks(app, "den", register=True)
        app.close()
    assert [asked.method for asked in plextv.asked] == ["GET", "POST", "GET"][:requests_made]
    assert all(b"example.invalid%2Fx" in asked.body for asked in plextv.asked if asked.method == "POST")


def test_another_refusal_is_not_taken_for_a_missing_pass(tmp_path: Path) -> None:
    with listening(Answer(422)) as plextv:
        app = app_with(tmp_path, PLEX__ACCOUNT_URL=plextv.url, SERVERS__DEN__TOKEN="x")
        with pytest.raises(Refused):
            hooks(app, "den", register=True)
        app.close()


def test_the_redaction_learns_what_was_made(tmp_path: Path) -> None:
    redaction = Redaction()
    app = App(tmp_path, app_with(tmp_path).settings, {}, clock=FakeClock(), redaction=redaction)
    made = next(each["token"] for each in hooks(app) if "token" in each)
    assert made not in redaction.clean(f"a line with {made}")
    app.close()
