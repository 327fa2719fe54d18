"""No secret reaches a log line, whoever logs it and however it is written; ordinary text does.

First every library that logs is really driven, with secrets that nobody has told the redaction about: they have to be
recognised by the places they stand in. Then the shapes one by one, then the secrets that are known.
"""

from __future__ import annotations

import ast
import functools
import json
import logging
import logging.handlers
import re
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import flask
import jellyfin_apiclient_python
import plexapi.alert
import plexapi.exceptions
import plexapi.myplex
import plexapi.server
import pytest
import requests
import sqlite_utils
import time_machine
import waitress.server
import websocket
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from sidecar.clock import SystemClock
from sidecar.errors import RemoteError
from sidecar.http import build_session
from sidecar.logs import HIDDEN, Redaction, set_up
from sidecar.model import Secret
from sidecar.timer import Job, Timer
from sidecar.worker import Crew
from tests.fakes import START, FakeClock
from tests.loopback import Answer, listening, nobody

PlexServer: Any = plexapi.server.PlexServer  # plexapi is only half typed
AlertListener: Any = plexapi.alert.AlertListener
myplex: Any = plexapi.myplex
PlexApiException = plexapi.exceptions.PlexApiException

SOON = 10.0
SECRETS = {
    "plex token": "canaryPlex-s_8Yq",
    "jellyfin token": "canary0f2e4d6c8b1a395775b1",
    "api key": "canaryApiKey55aa66",
    "access token": "canaryAccess9d8c7b6a5f",
    "refresh token": "canaryRefresh1a2b3c4d",
    "client secret": "canaryClientSecret77",
    "client id": "canaryClientId88ee",
    "device code": "canaryDeviceCode4242",
    "user code": "CANARY7Q",
    "sign-in code": "canaryOAuthCode31",
    "short code": "zq7x",
    "pin": "7391",
    "password": 'canary "it\'s canary" & =x;canary\\z ä canary',
    "hook secret": "canaryHookSecret.9-_",
    "cookie": "canaryCookie1234",
    "verifier": "canaryVerifier5678",
    "fernet key": Fernet.generate_key().decode(),
    "fernet token": Fernet(Fernet.generate_key()).encrypt(b"canary").decode(),
    "web token": "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.Y2FuYXJ5",
}
S = {name.replace(" ", "_").replace("-", "_"): value for name, value in SECRETS.items()}
BODY = {
    "AccessToken": S["jellyfin_token"],
    "access_token": S["access_token"],
    "refresh_token": S["refresh_token"],
    "client_secret": S["client_secret"],
    "device_code": S["device_code"],
    "user_code": S["user_code"],
    "authToken": S["plex_token"],
    "Pw": S["password"],
    "password": S["password"],
    "pin": S["pin"],
    "code": S["sign_in_code"],
    "Secret": S["client_secret"],
    "code_verifier": S["verifier"],
    "hook_token": S["hook_secret"],
    "key": S["fernet_key"],
    "sealed": S["fernet_token"],
    "jwt": S["web_token"],
}
QUERY = {
    "X-Plex-Token": S["plex_token"],
    "api_key": S["api_key"],
    "ApiKey": S["api_key"],
    "apikey": S["api_key"],
    "access_token": S["access_token"],
    "token": S["access_token"],
    "secret": S["client_secret"],
    "client_secret": S["client_secret"],
    "code": S["short_code"],
    "pin": S["pin"],
    "pw": S["api_key"],
    "url": f"http://plex:32400/?X-Plex-Token={S['plex_token']}&a=b",
    "jwt": S["web_token"],
}
HEADERS = {
    "Authorization": f'MediaBrowser Client="Side, trakt", Device="tv", Token="{S["jellyfin_token"]}"',
    "X-Plex-Token": S["plex_token"],
    "X-Emby-Token": S["jellyfin_token"],
    "X-MediaBrowser-Token": S["jellyfin_token"],
    "trakt-api-key": S["client_id"],
    "Cookie": f"theme=dark; session={S['cookie']}; last=1",
}
ANSWERS = {
    "Content-Type": "application/json",
    "Date": "Sat, 31 Jan 2026 20:15:00 GMT",
    "Set-Cookie": f"session={S['cookie']}; Path=/",
    "X-Plex-Token": S["plex_token"],
}
HOOK = f"/hooks/plex/living-room/{S['hook_secret']}"
PATH = f"{HOOK}?{urlencode(QUERY)}"
XML = (
    f'<MediaContainer machineIdentifier="m" myPlexSigninState="ok" version="1"><user authToken="{S["plex_token"]}" '
    f'pin="{S["pin"]}"><authentication-token>{S["plex_token"]}</authentication-token></user></MediaContainer>'
)


def forms_of(secret: str) -> set[str]:
    plain = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), json.dumps(secret)[1:-1]}
    return plain | {repr(secret)[1:-1], repr(secret.encode())[2:-1], json.dumps(json.dumps(secret)[1:-1])[1:-1]}


def leaks(text: str) -> list[str]:
    """The secrets that stand in a text, in any form; most carry the word canary so that a part betrays itself, too."""
    found = [name for name, secret in SECRETS.items() for form in forms_of(secret) if form in text and name != "pin"]
    found += re.findall(rf"(?<!\d){SECRETS['pin']}(?!\d)", text)  # by itself, not within a port or a number of bytes
    return found + re.findall(r".{0,30}canary.{0,30}", text, re.IGNORECASE)


class Log:
    """The log as set up for `sidetrakt up`, into a file, with every library telling all it can."""

    def __init__(self, path: Path, form: str) -> None:
        self.path = path
        self.form = form
        self.redaction = Redaction()
        set_up(self.redaction, level="debug", form=form, file=str(path))

    def text(self) -> str:
        logging.getLogger().handlers[0].flush()
        return self.path.read_text("utf-8")

    def lines(self) -> list[str]:
        return self.text().splitlines()

    def spoken(self, logger: str) -> bool:
        """Whether that logger wrote anything."""
        mark = f'"logger": "{logger}' if self.form == "json" else f" {logger}"
        return any(mark in line for line in self.lines())


@pytest.fixture
def talkative(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every logger at DEBUG and without filters of its own; everything as it was afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    logging.captureWarnings(False)
    for one in logging.root.manager.loggerDict.values():
        if isinstance(one, logging.Logger) and not one.name.startswith("hypothesis"):
            monkeypatch.setattr(one, "filters", [])
            monkeypatch.setattr(one, "disabled", False)
            monkeypatch.setattr(one, "level", logging.DEBUG)
    logging.root.manager._clear_cache()  # type: ignore[attr-defined]
    monkeypatch.setattr(logging, "raiseExceptions", logging.raiseExceptions)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(logging.Logger, "callHandlers", logging.Logger.callHandlers)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield
    logging.captureWarnings(False)
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    monkeypatch.undo()
    logging.root.manager._clear_cache()  # type: ignore[attr-defined]


@pytest.fixture(params=["text", "json"])
def log(request: pytest.FixtureRequest, tmp_path: Path, talkative: None) -> Log:
    return Log(tmp_path / "sidetrakt.log", request.param)


@pytest.fixture
def clean(log: Log, capfd: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Check the whole log, and what went past it to the terminal; each of these loggers must have spoken."""

    def look(*loggers: str) -> None:
        out, err = capfd.readouterr()
        assert leaks(log.text() + out + err) == []
        assert [name for name in loggers if not log.spoken(name)] == [], "nothing was tested"
        assert HIDDEN in log.text()
        if log.form == "json":
            assert all(set(json.loads(line)) >= {"at", "level", "message"} for line in log.lines())

    return look


def complain(problem: BaseException) -> None:
    """What any caller may do with an error: its text, its repr, its traceback, in every way of logging."""
    ours = logging.getLogger("sidecar.somewhere")
    ours.error("It failed: %s %r", problem, problem, exc_info=problem)
    ours.warning(f"{problem.args}", stack_info=True)


# Libraries, really driven


def test_requests_and_urllib3_leak_nothing(log: Log, clean: Callable[..., None]) -> None:
    with listening(Answer(401, json.dumps(BODY).encode(), ANSWERS)) as server:
        answer = requests.post(server.url + PATH, json=BODY, headers=HEADERS, timeout=5)
        with pytest.raises(requests.HTTPError) as refused:
            answer.raise_for_status()
    complain(refused.value)
    ours = logging.getLogger("sidecar.somewhere")
    ours.debug("asked %s %s %s", answer.request.url, answer.request.headers, answer.request.body)
    ours.debug("answered %r %r %s %s", answer.text, answer.content, answer.headers, answer.json())
    with nobody() as url, pytest.raises(requests.ConnectionError) as silent:
        requests.get(url + PATH, timeout=5)
    complain(silent.value)
    with pytest.raises(requests.exceptions.InvalidSchema) as nonsense:
        requests.get(f"nonsense://anna:{S['api_key']}@host{PATH}", timeout=5)
    complain(nonsense.value)
    clean("urllib3.connectionpool", "sidecar.somewhere")


@pytest.mark.parametrize("manner", ["cut", "reset", "half", "whole"])
def test_our_own_sessions_leak_nothing(log: Log, clean: Callable[..., None], manner: str) -> None:
    session = build_session("trakt", pause=0.0)
    session.headers.update(HEADERS)
    with listening(Answer(503, json.dumps(BODY).encode(), manner=manner)) as server, session:
        for method in ("GET", "POST"):
            try:
                answer = session.request(method, server.url + PATH, json=BODY)
                logging.getLogger("sidecar.somewhere").info("%s %s", answer.request.headers, answer.text)
            except RemoteError as problem:
                complain(problem)
    clean("urllib3.connectionpool", "sidecar.somewhere")


def test_plexapi_leaks_nothing(log: Log, clean: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    ours = logging.getLogger("sidecar.somewhere")
    with listening(Answer(200, XML.encode()), Answer(401, XML.encode(), ANSWERS)) as server:
        plex = PlexServer(server.url, S["plex_token"])
        ours.info("%s %s", plex.url(PATH, includeToken=True), plex._headers())
        with pytest.raises(PlexApiException) as refused:
            plex.query(PATH)
        complain(refused.value)
        monkeypatch.setattr(myplex.MyPlexAccount, "SIGNIN", f"{server.url}/signin?X-Plex-Token={S['plex_token']}")
        monkeypatch.setattr(myplex.MyPlexAccount, "WEBHOOKS", f"{server.url}/webhooks")
        with pytest.raises(PlexApiException) as signed_out:
            myplex.MyPlexAccount("anna", S["password"], code=S["pin"])
        complain(signed_out.value)
        account = myplex.MyPlexAccount.__new__(myplex.MyPlexAccount)
        account._token, account._session, account._timeout = S["plex_token"], requests.Session(), 5
        with pytest.raises(PlexApiException) as no_hooks:
            account.setWebhooks([f"http://side:8477{HOOK}", f"https://side.example{HOOK}?a=b"])
        complain(no_hooks.value)
        with pytest.raises(PlexApiException) as no_pin:
            account.query(f"{server.url}/pins?code={S['short_code']}", requests.post, json={"pin": S["pin"]})
        complain(no_pin.value)
        myplex._chooseConnection(
            "server", "home", [(server.url, S["plex_token"], plex, 1), (server.url, S["plex_token"], None, 1)]
        )
        monkeypatch.setattr(myplex.MyPlexPinLogin, "PINS", f"{server.url}/pins?pin={S['pin']}")
        with pytest.raises(PlexApiException) as no_login:
            myplex.MyPlexPinLogin(headers={"X-Plex-Client-Identifier": "x"})._getCode()
        complain(no_login.value)
    clean("plexapi", "urllib3.connectionpool")


def test_the_plex_notification_socket_leaks_nothing(log: Log, clean: Callable[..., None]) -> None:
    with listening(Answer(200, XML.encode()), Answer(403, json.dumps(BODY).encode(), ANSWERS)) as server:
        plex = PlexServer(server.url, S["plex_token"])
        errors: list[BaseException] = []
        listener = AlertListener(plex, callbackError=errors.append)
        listener.run()
        complain(errors[0])
        listener._onMessage(json.dumps({"NotificationContainer": {"a": 1, "b": 2, "c": 3}}))
        listener._onMessage(json.dumps(BODY))
    clean("plexapi", "websocket")


def jellyfin(url: str) -> Any:
    client = jellyfin_apiclient_python.JellyfinClient(allow_multiple_clients=True)
    client.config.app("Sidetrakt", "1.0", "tv", "device-1")
    client.config.data.update(
        {"auth.server": url, "auth.token": S["jellyfin_token"], "auth.user_id": "u1", "auth.ssl": False}
    )
    return client


def test_the_jellyfin_client_leaks_nothing(log: Log, clean: Callable[..., None]) -> None:
    whole = Answer(200, json.dumps(BODY).encode(), ANSWERS)
    refused = Answer(401, json.dumps(BODY).encode(), ANSWERS)
    broken = Answer(500, json.dumps(BODY).encode(), ANSWERS)
    ask = {
        "type": "POST",
        "handler": "Users/{UserId}" + HOOK,
        "params": dict(QUERY),
        "json": dict(BODY),
        "retry": 0,
    }
    with listening(whole, refused, broken, refused) as server:
        client = jellyfin(server.url)
        client.http.request({**ask})
        with pytest.raises(jellyfin_apiclient_python.exceptions.HTTPException) as unauthorized:
            client.http.request({**ask})
        complain(unauthorized.value)
        client.config.data["auth.token"] = S["jellyfin_token"]
        assert client.http.request({**ask}) is None
        client.jellyfin.login(server.url, "anna", S["password"])
        client.jellyfin.login_with_quick_connect(server.url, S["client_secret"])
        logging.getLogger("sidecar.somewhere").info(client.http.request_url({"handler": "Items", "params": {}}))
    with nobody() as url:
        client = jellyfin(url)
        with pytest.raises(jellyfin_apiclient_python.exceptions.HTTPException) as silent:
            client.http.request({**ask})
        complain(silent.value)
        client.jellyfin.login(url, "anna", S["password"])
        client.jellyfin.quick_connect_state(url, S["client_secret"])
    client.auth.credentials.set_credentials({"AccessToken": S["jellyfin_token"]})
    client.auth.credentials._ensure()
    logging.getLogger("Jellyfin").debug("credentials: %s", client.auth.credentials.get())
    clean("Jellyfin.jellyfin_apiclient_python.http", "JELLYFIN.jellyfin_apiclient_python.api")


def test_the_jellyfin_socket_leaks_nothing(log: Log, clean: Callable[..., None], traced: None) -> None:
    with listening(Answer(403, json.dumps(BODY).encode(), ANSWERS)) as server:
        client = jellyfin(server.url)
        events: list[tuple[str, Any]] = []
        socket_client = jellyfin_apiclient_python.ws_client.WSClient(client, allow_multiple_clients=True)

        def hear(event: str, data: Any) -> None:
            events.append((event, data))
            socket_client.stop = True

        client.callback = hear
        socket_client.run()
    assert events[0][0] == "WebSocketError"
    complain(events[0][1])
    clean("JELLYFIN.jellyfin_apiclient_python.ws_client", "websocket")


@pytest.fixture
def traced() -> Iterator[None]:
    websocket.enableTrace(True, handler=logging.NullHandler())
    yield
    websocket.enableTrace(False)


def test_websocket_client_leaks_nothing(log: Log, clean: Callable[..., None], traced: None) -> None:
    with listening(Answer(401, json.dumps(BODY).encode(), ANSWERS)) as server:
        address = server.url.replace("http", "ws") + PATH
        with pytest.raises(websocket.WebSocketException) as refused:
            websocket.create_connection(address, header=HEADERS, cookie=f"session={S['cookie']}", timeout=5)
        complain(refused.value)
    ours, theirs = socket.socketpair()
    line = websocket.WebSocket()
    line.sock, line.connected = ours, True
    with ours, theirs:
        line.send(json.dumps(BODY))
        theirs.sendall(b"\x81" + bytes([len(XML)]) + XML.encode() if len(XML) < 126 else frame(XML.encode()))
        line.recv()
    clean("websocket")


def frame(payload: bytes) -> bytes:
    return b"\x81\x7e" + len(payload).to_bytes(2, "big") + payload


def test_waitress_leaks_nothing(log: Log, clean: Callable[..., None]) -> None:
    def site(environ: dict[str, Any], begin: Callable[..., Any]) -> list[bytes]:
        logging.getLogger("sidecar.somewhere").info("%s", {key: str(value) for key, value in environ.items()})
        raise ValueError(f"{environ['PATH_INFO']}?{environ['QUERY_STRING']} Cookie: {environ['HTTP_COOKIE']}")

    server = waitress.server.create_server(site, host="127.0.0.1", port=0, threads=1)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.effective_port}{PATH}"
    assert requests.get(address, headers=HEADERS, timeout=5).status_code == 500
    server.trigger.pull_trigger(server.close)
    thread.join(SOON)
    server.task_dispatcher.shutdown()
    assert not thread.is_alive()
    clean("waitress", "sidecar.somewhere")


def test_flask_leaks_nothing(log: Log, clean: Callable[..., None]) -> None:
    site = flask.Flask("site")

    @site.route("/hooks/plex/<server>/<secret>", methods=["POST"])
    def hook(server: str, secret: str) -> str:
        site.logger.info("%s %s", flask.request.url, flask.request.headers)
        site.logger.info("%r %r", flask.request, flask.request.environ)
        raise ValueError(f"cannot read {flask.request.get_json()} from {flask.request.path}")

    assert site.test_client().post(PATH, json=BODY, headers=HEADERS).status_code == 500
    clean("site")


def test_schedule_and_our_threads_leak_nothing(log: Log, clean: Callable[..., None]) -> None:
    def fail(secret: Secret, token: str, stop: threading.Event | None = None) -> None:
        raise ValueError(f"X-Plex-Token={token} {secret!r} {HEADERS}")

    work = functools.partial(fail, Secret(S["access_token"]), token=S["plex_token"])
    with time_machine.travel(START, tick=False) as travel:
        clock = FakeClock()
        timer = Timer(clock)
        timer.put(Job("sync", timedelta(hours=1), work))
        timer.turn()
        clock.advance(3600)
        travel.shift(3600)
        timer.turn()
    failed = threading.Event()
    crew = Crew(SystemClock(), lambda name: failed.set())
    crew.start("deliver", lambda stop: work(stop=stop))
    assert failed.wait(SOON)
    crew.close(SOON)
    clean("schedule", "sidecar.timer", "sidecar.worker")


def test_sqlite_utils_leaks_nothing(log: Log, clean: Callable[..., None]) -> None:
    ours = logging.getLogger("sidecar.store")
    with sqlite_utils.Database(memory=True) as db:
        db["vault"].insert({"access_token": S["access_token"], "sealed": S["fernet_token"]}, pk="access_token")
        for statement in (
            f"SELECT 1 FROM nowhere WHERE access_token = '{S['access_token']}'",  # noqa: S608
            f"INSERT INTO vault (access_token) VALUES ('x') WHERE \"token='{S['access_token']}'\"",  # noqa: S608
        ):
            with pytest.raises(Exception, match=r"no such|syntax") as refused:
                db.execute(statement)
            complain(refused.value)
        ours.info("%s", list(db["vault"].rows))
    clean("sidecar.store")


def test_warnings_leak_nothing(log: Log, clean: Callable[..., None]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"unclosed connection to http://plex{PATH} with {HEADERS}", ResourceWarning, stacklevel=1)
    clean("py.warnings")


def test_what_nobody_caught_leaks_nothing(log: Log, clean: Callable[..., None]) -> None:
    def fail() -> None:
        raise ValueError(f"{HEADERS} {PATH}")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join(SOON)
    assert log.text().count("Nobody expected this") == 1
    clean("root")


def test_no_library_writes_past_the_log(log: Log, clean: Callable[..., None]) -> None:
    own = logging.getLogger("a.library")
    own.addHandler(logging.StreamHandler(sys.stdout))
    own.propagate = False
    own.error("X-Plex-Token=%s", S["plex_token"])
    logging.getLogger("Jellyfin.x").error("X-Plex-Token=%s", S["plex_token"])
    clean("a.library", "Jellyfin.x")


def test_a_line_that_cannot_be_put_together_is_not_printed_as_it_is(
    log: Log, capfd: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("sidecar.somewhere").info("%s %s", S["access_token"])  # noqa: PLE1206 - on purpose
    logging.getLogger("sidecar.somewhere").info("a path: %s", "/films/\udcff")
    out, err = capfd.readouterr()
    assert leaks(log.text() + out + err) == []
    assert r"/films/\udcff" in log.text()


# Every shape, in every way of logging


SHAPES = {
    "json": json.dumps(BODY),
    "json, indented": json.dumps(BODY, indent=4, ensure_ascii=False),
    "json in json": json.dumps({"body": json.dumps(BODY)}),
    "json, cut off": json.dumps(BODY)[:-5],
    "python": repr(BODY),
    "python, bytes": repr(json.dumps(BODY).encode()),
    "python, pairs": repr(list(BODY.items())),
    "python, lists": repr({name: [value] for name, value in QUERY.items()}),
    "form": urlencode(BODY),
    "address": f"https://host{PATH}",
    "address in an address": f"https://host/?next={quote('http://plex' + PATH, safe='')}",
    "address, lower-case escapes": re.sub(r"%..", lambda escape: escape[0].lower(), "/?to=" + quote(PATH, safe="")),
    "headers": "\r\n".join(f"{name}: {value}" for name, value in HEADERS.items()),
    "headers, python": repr(HEADERS),
    "headers, json": json.dumps(HEADERS),
    "headers, bytes": repr(b"\r\n".join(f"{name}: {value}".encode() for name, value in HEADERS.items())),
    "headers, pairs": repr([(name.encode(), value.encode()) for name, value in HEADERS.items()]),
    "headers, wsgi": repr({"HTTP_" + name.upper().replace("-", "_"): value for name, value in HEADERS.items()}),
    "other passwords": '{"NewPw": "canary1", "CurrentPw": "canary2"}',
    "only letters": "Bearer canarycanarycanarycanary, token: canarycanarycanarycanary",
    "bearer": f"Bearer {S['access_token']}, Bearer%20{S['refresh_token']}, Authorization: Bearer {S['access_token']}",
    "basic": "Basic Y2FuYXJ5OmNhbmFyeQ== and Authorization: Basic canary",
    "xml": XML,
    "xml, pin": f'<pin id="1" code="{S["short_code"]}" authToken="{S["plex_token"]}"/>',
    "colon": f"token: {S['access_token']}, secret: {S['client_secret']}, X-Plex-Token: abccanary, api_key: canary",
    "equals": f"token={S['access_token']} password='{S['api_key']}' secret = \"{S['client_secret']}\"",
    "environment": f"SIDETRAKT_KEY={S['fernet_key']} SIDETRAKT_TRAKT__CLIENT_SECRET={S['client_secret']}",
    "fernet": f"the key {S['fernet_key']} opens {S['fernet_token']}",
    "web token": f"plex gave {S['web_token']}.",
    "user in an address": f"http://anna:{S['api_key']}@plex:32400/ and https://:canary@x",
    "quick connect": f'{{"Secret": "canary1", "Code": "{S["user_code"]}", "Authenticated": false}} ?code=canary2',
    "hook": f"POST {HOOK} and {quote(HOOK, safe='')} and http://side{HOOK}?x",
    "command": f"python -m plexapi --token={S['plex_token']} --password={S['api_key']}",
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_a_secret_is_recognised_by_where_it_stands(log: Log, clean: Callable[..., None], shape: str) -> None:
    text = SHAPES[shape]
    assert leaks(text)
    ours = logging.getLogger("sidecar.somewhere")
    ours.info(text.replace("%", "%%"), {})
    ours.info("%s", text)
    ours.info("%(text)s", {"text": text})
    try:
        try:
            raise ValueError(text)
        except ValueError as inner:
            raise RuntimeError("outer") from inner
    except RuntimeError:
        ours.exception("It failed")
    threading.Thread(target=ours.info, args=("hello",), name=text).run()
    assert log.text().count("outer") >= 1
    clean("sidecar.somewhere")


def test_cleaning_twice_changes_nothing_more() -> None:
    redaction = Redaction()
    for text in SHAPES.values():
        once = redaction.clean(text)
        assert redaction.clean(once) == once


NAMES = st.sampled_from(
    ["token", "access_token", "AccessToken", "X-Plex-Token", "client_secret", "Pw", "password", "api_key"]
)
VALUES = st.text(min_size=1).filter(lambda text: not text.endswith("\\"))  # after that, more is hidden than need be


@given(NAMES, VALUES, st.text("abc ,:'\"", max_size=5))
def test_whatever_a_secret_is_made_of_it_does_not_show_in_json_and_the_rest_stays_readable(
    name: str, value: str, other: str
) -> None:
    redaction = Redaction()
    for indent in (None, 2):
        text = json.dumps({"a": other, name: value, "b": other}, ensure_ascii=False, indent=indent)
        assert json.loads(redaction.clean(text)) == {"a": other, name: HIDDEN, "b": other}


@given(NAMES, VALUES, st.text("abc ,:'\"", max_size=5))
def test_whatever_a_secret_is_made_of_it_does_not_show_in_python(name: str, value: str, other: str) -> None:
    text = Redaction().clean(repr({"a": other, name: value, "b": other}))
    assert ast.literal_eval(text) == {"a": other, name: HIDDEN, "b": other}


@given(NAMES, st.text("\\\"'", max_size=8), st.sampled_from(["\\", '"', "'", ", ", "}"]))
def test_quotes_and_backslashes_around_a_secret_open_no_gap(name: str, before: str, after: str) -> None:
    value = f"{before}canary{after}canary{before}"
    for text in (json.dumps({name: value}), repr({name: value}), repr(json.dumps({name: value}).encode())):
        for quoted in (text, json.dumps(text), repr(text), json.dumps(json.dumps(text))):
            assert "canary" not in Redaction().clean(quoted)


@given(NAMES, st.text(st.characters(codec="utf-8"), min_size=1))
def test_whatever_a_secret_is_made_of_it_does_not_show_in_an_address(name: str, value: str) -> None:
    assert (
        Redaction().clean(f"http://h/x?a=b&{urlencode({name: value})}&c=d#e") == f"http://h/x?a=b&{name}={HIDDEN}&c=d#e"
    )


# What must survive


@pytest.mark.parametrize(
    "text",
    [
        "answer code 404",
        "status code: 500",
        "Failed to login to server with status code: 401",
        "exit code=2, error code: 14, code 0x80070005",
        '{"code": 1001, "message": "User could not be authenticated"}',
        '<error code="1030"/>',
        "token expired",
        "the token: expired, the token is gone, no token, tokens: 3",
        "The Secret: Part 2 (2007)",
        "Told Trakt about “The Secret: Part 2” and “Password: Swordfish”",
        "The Secret Life of Pets, Top Secret!, Secrets & Lies",
        "Basic Instinct (1992) · Basic training, Bearer of bad news",
        "Token of Love: A Film, Pin Cushion: One, Chopin: 1810, spin=3, pw",
        "Cookie's Fortune and the Fortune Cookie",
        "The secret “plex token” cannot be opened.",
        "GET http://jellyfin:8096/Items?userId=0f2e4d6c8b1a3957&limit=2000 200 OK in 12 ms",
        '"GET /library/sections/1/all?type=1&X-Plex-Container-Size=500 HTTP/1.1" 200 5120',
        "http://[::1]:8096/a@b and mail to anna@example.org: soon",
        "X-Plex-Client-Identifier: 3f9a77c1e5, X-Plex-Product: Sidetrakt",
        "5d776825880197001ec967c0 tt0113277 tmdb=949 /metadata/5d776825880197001ec967c0",
        "run 7 of anna: 12 changes, 3 held, uuid 0f8fad5b-d9cb-469f-a165-70867728950e",
        "[trakt] client_id = me",
        "/hooks/jellyfin/home and /hooks/plex/home",
        "2026-01-31T20:15:00.000Z INFO    timer sidecar.timer: asked for sync",
        'File "/app/sidecar/store/vault.py", line 60, in get',
        '{"key": "trakt.client_secret", "value": "(set)", "origin": "default"}',
        "{'session': {'id': 3}, 'pins': [1, 2], 'shortcode': 'abcdef', 'tokens': {'a': 1}}",
        "Schedule: 03:30-07:00, code = 12",
        "('a broken token', 12)",
        "checksum " + "0f2e4d6c" * 8 + "==",
        r'{\"token\": \"\", \"x\": \"y\"}',
        "",
    ],
)  # fmt: skip
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert Redaction().clean(text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("GET /x?a=b&X-Plex-Token=abc&c=d HTTP/1.1", f"GET /x?a=b&X-Plex-Token={HIDDEN}&c=d HTTP/1.1"),
        ('{"a": 1, "token": "abc", "b": 2}', f'{{"a": 1, "token": "{HIDDEN}", "b": 2}}'),
        ("{'token': 'abc', 'b': 2}", f"{{'token': '{HIDDEN}', 'b': 2}}"),
        ("Authorization: Bearer abc\nAccept: x", f"Authorization: {HIDDEN}\nAccept: x"),
        ("Step token=abc (again)", f"Step token={HIDDEN} (again)"),
        ("http://anna:abc@plex/x", f"http://anna:{HIDDEN}@plex/x"),
        ('token="" password= pin=', 'token="" password= pin='),
        (f"POST {HOOK}?a=b", f"POST /hooks/plex/living-room/{HIDDEN}?a=b"),
    ],
)
def test_only_the_secret_is_hidden_and_not_what_stands_around_it(text: str, cleaned: str) -> None:
    assert Redaction().clean(text) == cleaned


def test_a_long_and_hostile_text_does_not_hold_up_the_log() -> None:
    redaction = Redaction()
    for text in (
        'token="',
        "\\'",
        "secret: ",
        "://a:",
        "a" * 43,
        "eyJabcdefghijk.",
        "bearer ",
        "code='",
        "/hooks/plex/",
    ):
        redaction.clean(text * (40_000 // len(text)))


# Secrets that are known


SECRET = st.text(min_size=6).filter(lambda text: not set(text) & set(HIDDEN))


@given(SECRET)
def test_a_known_secret_is_hidden_in_every_form(secret: str) -> None:
    redaction = Redaction()
    redaction.learn(secret)
    for form in known_forms(secret):
        assert redaction.clean(f"<{form}>") == f"<{HIDDEN}>"


def known_forms(secret: str) -> list[str]:
    try:
        in_addresses = [quote(secret, safe=""), quote(secret), quote_plus(secret), quote(secret, safe="").lower()]
        in_addresses.append(repr(secret.encode())[2:-1])
    except UnicodeEncodeError:  # half a character cannot stand in an address
        in_addresses = []
    return [secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], *in_addresses]


def test_a_known_secret_is_hidden_where_nothing_tells_what_it_is(log: Log, clean: Callable[..., None]) -> None:
    for secret in SECRETS.values():
        log.redaction.learn(secret)
    for secret in SECRETS.values():
        if len(secret) >= 6:
            logging.getLogger("sidecar.somewhere").info("it was %s, or rather %r", secret, secret)
    clean("sidecar.somewhere")


def test_the_longer_of_two_known_secrets_is_hidden_whole() -> None:
    redaction = Redaction()
    redaction.learn("abcdef")
    redaction.learn("abcdefghij")
    assert redaction.clean("abcdefghij abcdef") == f"{HIDDEN} {HIDDEN}"


@pytest.mark.parametrize("short", ["", "a", "12345"])
def test_a_very_short_secret_does_not_blank_out_ordinary_words(short: str) -> None:
    redaction = Redaction()
    redaction.learn(short)
    assert redaction.clean("a line with 12345 in it") == "a line with 12345 in it"


def test_secrets_may_be_learned_from_several_threads() -> None:
    redaction = Redaction()
    secrets = [f"secret-number-{number}" for number in range(200)]

    def learn(part: list[str]) -> None:
        for secret in part:
            redaction.learn(secret)

    threads = [threading.Thread(target=learn, args=(secrets[number::8],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert [secret for secret in secrets if secret in redaction.clean(f"<{secret}>")] == []


# The log itself


def test_text_lines_say_when_who_and_what(tmp_path: Path, talkative: None) -> None:
    log = Log(tmp_path / "log", "text")
    logging.getLogger("sidecar.x").warning("hello %s", "there")
    (line,) = log.lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING MainThread sidecar\.x: hello there", line)


def test_json_lines_say_the_same_and_keep_the_traceback(tmp_path: Path, talkative: None) -> None:
    log = Log(tmp_path / "log", "json")
    try:
        raise ValueError("ä")
    except ValueError:
        logging.getLogger("sidecar.x").exception("hello\n%s", "there", stack_info=True)
    (line,) = log.lines()
    said = json.loads(line)
    assert (said["level"], said["thread"], said["logger"], said["message"]) == (
        "error",
        "MainThread",
        "sidecar.x",
        "hello\nthere",
    )
    assert said["at"].endswith("Z")
    assert said["exception"].endswith("ValueError: ä")
    assert "test_logs.py" in said["stack"]


def test_the_level_holds_for_libraries_that_have_one_of_their_own(tmp_path: Path, talkative: None) -> None:
    set_up(Redaction(), level="error", file=str(tmp_path / "log"))
    logging.getLogger("plexapi").setLevel(logging.INFO)
    logging.getLogger("plexapi").info("chatter")
    logging.getLogger("plexapi").error("trouble")
    assert (tmp_path / "log").read_text().endswith("plexapi: trouble\n")
    assert "chatter" not in (tmp_path / "log").read_text()


def test_without_a_file_lines_go_to_the_terminal(talkative: None, capsys: pytest.CaptureFixture[str]) -> None:
    set_up(Redaction())
    logging.getLogger("sidecar.x").info("token=abc")
    logging.getLogger("sidecar.x").debug("not asked for")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(f"sidecar.x: token={HIDDEN}\n")
    assert "not asked for" not in err


def test_the_folder_of_the_file_is_made_and_old_files_are_kept_up_to_a_number(tmp_path: Path, talkative: None) -> None:
    path = tmp_path / "deep" / "log"
    set_up(Redaction(), file=str(path), keep=2)
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.handlers.RotatingFileHandler)
    assert handler.maxBytes == 5_000_000
    for _ in range(5):
        logging.getLogger("sidecar.x").info("hello")
        handler.doRollover()
    assert sorted(one.name for one in path.parent.iterdir()) == ["log", "log.1", "log.2"]


def test_setting_up_again_replaces_what_was_there(tmp_path: Path, talkative: None) -> None:
    set_up(Redaction(), file=str(tmp_path / "first"))
    set_up(Redaction(), file=str(tmp_path / "second"))
    logging.getLogger("sidecar.x").info("hello")
    assert (tmp_path / "first").read_text() == ""
    assert (tmp_path / "second").read_text().count("hello") == 1
