"""plexapi as it is used here: nobody else's settings, our session, our errors, our name."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar import __version__
from sidecar.errors import AuthLost, BadAnswer, Outage, RateLimited, Refused, Unreachable, UserError
from sidecar.http import no_network
from sidecar.model import Secret
from sidecar.servers.plex import client
from sidecar.servers.plex.client import Plex
from tests.fakes import FakeClock
from tests.loopback import Answer, nobody
from tests.servers.plex.recorded import answer, saying, server

PROBE = """
import os, sys
from sidecar.servers.plex import client, hands, server
assert "plexapi" not in sys.modules, "it is loaded when it is needed"
made = client.load("ours")
assert made.CONFIG.data == {}, made.CONFIG.data
assert made.BASE_HEADERS["X-Plex-Client-Identifier"] == "ours"
assert made.BASE_HEADERS["X-Plex-Product"] == "Sidetrakt"
assert made.CONFIG.get("plexapi.autoreload", True, bool) is False
print("well")
"""


def test_settings_of_somebody_else_are_never_read(tmp_path: Path) -> None:
    place = tmp_path / ".config/plexapi"
    place.mkdir(parents=True)
    (place / "config.ini").write_text("[auth]\nserver_token = of-somebody-else\n[header]\nidentifier = theirs\n")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PLEXAPI")}
    environment = {**inherited, "HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("well\n", "")


def test_a_token_in_the_environment_is_refused_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEXAPI_AUTH_SERVER_TOKEN", "of-somebody-else")
    with server() as (plex, there):
        with pytest.raises(UserError, match="PLEXAPI_AUTH_SERVER_TOKEN is set") as met:
            plex.info()
        assert there.asked == []
        assert "of-somebody-else" not in str(met.value)


def test_without_a_token_nobody_is_asked() -> None:
    with pytest.raises(UserError, match="There is no token for Plex den"):
        Plex("http://127.0.0.1:1", Secret(""), label="Plex den", client_id="c", clock=FakeClock())


def test_we_say_who_we_are_and_who_asks_in_headers_only() -> None:
    with server(saying("<MediaContainer/>")) as (plex, there):
        plex.sections()
        for asked in there.asked:
            assert asked.headers["X-Plex-Product"] == "Sidetrakt"
            assert asked.headers["X-Plex-Version"] == __version__
            assert asked.headers["X-Plex-Client-Identifier"] == "c"
            assert asked.headers["X-Plex-Token"] == "a-token-of-somebody"
            assert "token" not in asked.path.lower()
            assert "X-Plex-Pms-Api-Version" not in asked.headers
        assert [asked.path for asked in there.asked] == ["/", "/library/sections"]
        assert plex.asked == 2


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (saying("", 401), AuthLost, "does not accept the token of this account"),
        (saying("", 403), Refused, "answer 403"),
        (saying("", 404), Refused, "answer 404"),
        (saying("", 429), RateLimited, "asks for a pause"),
        (saying("", 498), Refused, "answer 498"),
        (saying("", 500), Outage, "answer 500"),
        (saying("", 520), Outage, "answer 520"),
        (saying("", 526), Outage, "answer 526"),
        (saying("<MediaContainer/>", 206), BadAnswer, "cannot be read"),
        (saying("<html>Sign in"), BadAnswer, "cannot be read"),
        (saying("<html/>"), BadAnswer, "cannot be read"),
        (saying("{}"), BadAnswer, "cannot be read"),
        (saying(""), BadAnswer, "cannot be read"),
        (Answer(manner="cut"), Unreachable, "ended the connection"),
        (Answer(body=b"<MediaContainer/>", manner="half"), Unreachable, "ended the connection"),
    ],
)
def test_every_trouble_is_one_of_our_errors_with_the_servers_name(
    wrong: Answer, error: type[Exception], words: str
) -> None:
    with server(wrong) as (plex, _):
        with pytest.raises(error, match=words) as met:
            plex.sections()
        assert "Plex den" in str(met.value)
        assert "a-token-of-somebody" not in repr(met.value)


def test_errors_of_the_api_as_they_were_written_down(contracts: Path) -> None:
    errors = contracts / "plex/handwritten/minimal-xml/errors"
    for name, status, error in (
        ("pms_401.html", 401, AuthLost),
        ("pms_503_maintenance.xml", 503, Outage),
        ("pms_404.html", 404, Refused),
    ):
        wrong = answer(errors / name)
        with server(Answer(status, wrong.body)) as (plex, _), pytest.raises(error):
            plex.sections()


def test_a_server_that_is_away() -> None:
    with nobody() as url:
        plex = Plex(url, Secret("t" * 20), label="Plex den", client_id="c", clock=FakeClock(), pause=0)
        with pytest.raises(Unreachable, match="Plex den cannot be reached"):
            plex.info()
        plex.close()


def test_a_write_is_sent_once_whatever_becomes_of_it() -> None:
    for wrong in (saying("", 503), Answer(manner="cut"), saying("", 302)):
        with server(wrong) as (plex, there):
            plex.info()
            with pytest.raises((Outage, Unreachable, Refused)):
                plex.tell("put", "/:/scrobble", {"key": "1"})
            assert [asked.method for asked in there.asked] == ["GET", "PUT"]


def test_nobody_is_asked_from_inside_a_transaction() -> None:
    with server() as (plex, there), no_network("inside a transaction"):
        with pytest.raises(RuntimeError, match="inside a transaction"):
            plex.info()
        assert there.asked == []


def test_no_log_line_holds_a_token(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), server(saying("<MediaContainer/>"), saying("", 401)) as (plex, _):
        logging.getLogger("plexapi").setLevel(logging.DEBUG)
        try:
            plex.sections()
            with pytest.raises(AuthLost):
                plex.sections()
        finally:
            logging.getLogger("plexapi").setLevel(logging.INFO)
    assert caplog.records
    assert "a-token-of-somebody" not in caplog.text


def test_the_owner_is_who_may_read_the_library_itself() -> None:
    for said, owner in ((saying("<MediaContainer/>"), True), (saying("", 403), False), (saying("", 401), False)):
        with server(said) as (plex, _):
            assert plex.is_owner() is owner


def test_a_session_of_our_own_counts_what_plexapi_asks() -> None:
    counted: list[tuple[str, str, str]] = []
    with server(saying("<MediaContainer/>")) as (_, there):
        plex = Plex(
            there.url, Secret("t" * 20), label="Plex den", client_id="c", clock=FakeClock(), pause=0,
            count=lambda *what: counted.append(what),
        )  # fmt: skip
        plex.sections()
        plex.close()
    assert counted == [("Plex den", "GET", "200")] * 2
    assert client.OWNER == "1"
