"""What the hooks answer, over real sockets: who may speak, what is taken, and what never brings them down."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.demo.control import Control
from sidecar.demo.invent import invent
from sidecar.demo.jellyfin import make_app as make_jellyfin
from sidecar.demo.listen import Listener
from sidecar.demo.plex import make_app as make_plex
from sidecar.errors import DiskFull, SecretsLocked, StoreError
from sidecar.events import PlayEvent, RatingEvent, ToggleEvent, What
from sidecar.model import Ids, Kind, Ref
from sidecar.store.items import Item, Items
from sidecar.store.servers import KnownServer
from sidecar.store.vault import Vault
from sidecar.web import hooks, serve
from tests.live.test_jellyfin_hook import PROMISED
from tests.live.test_webhook_plugin import STOPPED
from tests.web.conftest import DEN, HOME, TOKEN, Door

PROMISE = json.dumps(PROMISED)
PLAYED = json.dumps(
    {
        "event": "media.play", "Account": {"id": 4100001}, "Server": {"uuid": DEN.id}, "Player": {"uuid": "tv"},
        "Metadata": {"type": "movie", "ratingKey": "7", "guid": "plex://movie/" + "a" * 24, "title": "Heat",
                     "year": 1995, "duration": 600000, "librarySectionTitle": "Films", "Guid": [{"id": "tmdb://949"}]},
    }
)  # fmt: skip


def test_what_is_taken_in_was_stored_before_it_is_acknowledged(door: Door) -> None:
    answers = [door.jellyfin(PROMISE), door.jellyfin(json.dumps(STOPPED)), door.plex(PLAYED, thumb=b"\xff\xd8" * 9)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(202, {"result": "accepted"})] * 3
    assert [(event.service, event.source, event.title) for event in door.heard] == [
        ("jellyfin", "plugin", "Dark S01E02"),
        ("jellyfin", "webhook", "Twice S01E01"),
        ("plex", "webhook", "Heat (1995)"),
    ]
    assert all(event.received == door.clock.now() for event in door.heard)
    assert door.counts == {("jellyfin", "accepted"): 2, ("plex", "accepted"): 1}


@pytest.mark.parametrize("problem", [StoreError("Locked.", "Wait."), DiskFull("Full."), SecretsLocked("No key.")])
def test_what_cannot_be_stored_is_not_acknowledged_and_may_come_again(door: Door, problem: Exception) -> None:
    door.problem = problem
    for answer in (door.jellyfin(PROMISE), door.plex(PLAYED)):
        assert (answer.status_code, answer.headers["Retry-After"], answer.json()["result"]) == (503, "10", "later")
    door.problem = None
    assert door.jellyfin(PROMISE).status_code == 202
    assert len(door.heard) == 1


def test_with_the_secrets_locked_it_may_come_again(door: Door) -> None:
    door.vault = Vault([], door.clock)
    assert door.plex(PLAYED).status_code == 503
    assert door.jellyfin(PROMISE).status_code == 202  # its token stands in the settings


def test_before_the_server_was_reached_it_may_come_again(door: Door) -> None:
    assert door.jellyfin(PROMISE, server="new").status_code == 503
    door.meet(KnownServer(HOME.id, "new", "jellyfin"))
    assert door.jellyfin(PROMISE, server="new").status_code == 202


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN[:-1], "ü" * 30, " ", TOKEN.upper()])
def test_a_wrong_token_is_401_whatever_comes_with_it(door: Door, token: str) -> None:
    url = door.url + "/hooks/jellyfin/home"
    answer = requests.post(url, PROMISE, headers={"Authorization": b"Bearer " + token.encode()}, timeout=10)
    assert (answer.status_code, answer.json()["result"]) == (401, "refused")
    assert requests.post(url, PROMISE, auth=("user", TOKEN), timeout=10).status_code == 401
    assert (door.heard, door.counts) == ([], {("jellyfin", "refused"): 2})


@pytest.mark.parametrize("secret", ["wrong", "%ff%00", "..%2f", "ü", "x" * 4000, TOKEN])
def test_a_wrong_secret_is_401(door: Door, secret: str) -> None:
    assert door.plex(PLAYED, secret).status_code == 401
    assert door.heard == []


def test_a_server_without_any_secret_takes_nothing(door: Door) -> None:
    with door.store.write() as db:
        door.vault.drop(db, "hook:den")
    assert door.plex(PLAYED).status_code == 401
    assert door.plex(PLAYED, "None").status_code == 401


@pytest.mark.parametrize("path", ["jellyfin/away", "jellyfin/den", "plex/home/" + TOKEN, "plex/away/x", "emby/home"])
def test_an_unknown_server_is_404_whatever_the_secret(door: Door, path: str) -> None:
    answer = requests.post(
        f"{door.url}/hooks/{path}", PROMISE, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10
    )
    assert answer.status_code == 404


def test_names_are_the_same_in_upper_and_lower_case(door: Door) -> None:
    assert door.jellyfin(PROMISE, server="Home").status_code == 202
    assert requests.get(f"{door.url}/hooks/jellyfin/home", timeout=10).status_code == 405


@pytest.mark.parametrize(
    "body",
    [b"", b"\n ", json.dumps(STOPPED | {"NotificationType": "ItemAdded"}), json.dumps(STOPPED | {"ItemType": "Audio"})],
)
def test_what_is_not_for_us_is_ignored_politely(door: Door, body: bytes) -> None:
    answer = door.jellyfin(body)
    assert (answer.status_code, answer.json()) == (202, {"result": "ignored"})
    assert (door.heard, door.counts) == ([], {("jellyfin", "ignored"): 1})


def test_plex_events_of_other_servers_are_ignored(door: Door) -> None:
    body = json.loads(PLAYED) | {"Server": {"uuid": "f" * 40}}
    assert door.plex(json.dumps(body)).json() == {"result": "ignored"}
    assert door.heard == []


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b"[" * 200_000,
        b"9" * 5000,
        b'{"NotificationType": 1e999}',
        b"\x1f\x8b\x08",
    ],
)
def test_garbage_is_400_with_a_reason(door: Door, body: bytes) -> None:
    for answer in (door.jellyfin(body), door.plex(body)):
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("This cannot be read: ")
        assert answer.json()["next_step"]
    assert door.heard == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (PLAYED, "application/json"),
        ("payload", "multipart/form-data"),
        ("--x\r\n\r\n", "multipart/form-data; boundary=x"),
        ("--x\r\nContent-Disposition: form-data; name=payload\r\n\r\n{}", "multipart/form-data; boundary=x"),
        ("payload=%ff", "application/x-www-form-urlencoded"),
        ("", ""),
    ],
)
def test_a_plex_body_without_a_payload_is_400(door: Door, body: str, kind: str) -> None:
    url = f"{door.url}/hooks/plex/den/{door.secret}"
    assert requests.post(url, body.encode(), headers={"Content-Type": kind}, timeout=10).status_code == 400


def test_a_mebibyte_is_the_most(door: Door) -> None:
    longest = PROMISE + " " * ((1 << 20) - len(PROMISE))
    assert door.jellyfin(longest).status_code == 202
    assert door.jellyfin(longest + " ").status_code == 413
    assert door.jellyfin(" " * (5 << 20)).status_code == 413  # its sender hears it
    assert door.plex(PLAYED, thumb=b"\xff" * 900_000).status_code == 202
    assert door.plex(PLAYED, thumb=b"\xff" * (1 << 20)).status_code == 413
    assert door.plex(json.dumps({"event": "media.play", "x": "y" * 700_000})).status_code == 413
    assert len(door.heard) == 2
    assert (door.counts["jellyfin", "too large"], door.counts["plex", "too large"]) == (2, 2)


def raw(door: Door, *parts: bytes) -> bytes:
    """What is answered to bytes on a socket, up to the end of the connection."""
    at = urlsplit(door.url)
    with socket.create_connection((at.hostname or "", at.port or 0), timeout=10) as line:
        for part in parts:
            line.sendall(part)
        found = b""
        while more := line.recv(65536):
            found += more
        return found


def test_a_body_without_an_end_is_cut_off(door: Door) -> None:
    head = f"POST /hooks/jellyfin/home HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
    assert b" 413 " in raw(door, f"{head}Content-Length: {serve.LARGEST_READ}\r\n\r\n".encode())
    assert b" 400 " in raw(door, f"{head}Content-Length: -5\r\n\r\n".encode())
    chunked = f"{head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode()
    whole = f"{len(PROMISE.encode()):x}\r\n{PROMISE}\r\n0\r\n\r\n".encode()
    assert b" 202 " in raw(door, chunked, whole)
    assert len(door.heard) == 1


def test_slow_and_half_bodies_hold_no_thread(door: Door) -> None:
    """Twice as many half requests as there are threads; somebody in a hurry comes through at once."""
    at = urlsplit(door.url)
    head = b"POST /hooks/jellyfin/home HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"
    lines = [socket.create_connection((at.hostname or "", at.port or 0)) for _ in range(2 * serve.THREADS)]
    for line in lines:
        line.sendall(head)
    assert door.jellyfin(PROMISE).status_code == 202
    for line in lines:
        line.close()
    assert len(door.heard) == 1


def test_a_request_that_drips_is_ended(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "LONGEST_REQUEST", -1.0)
    at = urlsplit(door.url)
    with socket.create_connection((at.hostname or "", at.port or 0), timeout=10) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.sendall(
            b"POST /hooks/jellyfin/home HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 99\r\n\r\n"
        )
        assert line.recv(99).startswith(b"HTTP/1.1 100")  # the head has arrived
        line.sendall(b"{")
        assert line.recv(99) == b""


def test_wrong_secrets_are_throttled_and_right_ones_never(door: Door) -> None:
    answers = [door.jellyfin(PROMISE, "guess").status_code for _ in range(hooks.WRONG_A_MINUTE)]
    assert answers == [401] * hooks.WRONG_A_MINUTE
    refused = door.plex(PLAYED, "guess")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert door.jellyfin(PROMISE).status_code == 202  # from the same address: behind a proxy all have one
    door.clock.advance(60)
    assert door.jellyfin(PROMISE, "guess").status_code == 401
    assert door.counts["plex", "throttled"] == 1


def test_senders_are_told_apart_up_to_a_number(door: Door) -> None:
    strangers = hooks.Strangers(door.clock)
    assert [strangers.came(str(number)) for number in range(hooks.SENDERS)] == [1] * hooks.SENDERS
    assert strangers.came("7") == 2
    assert strangers.came("one more") > hooks.WRONG_A_MINUTE
    door.clock.advance(60)
    assert strangers.came("one more") == 1


def test_many_at_once_are_all_taken_in(door: Door) -> None:
    def send(number: int) -> int:
        return door.jellyfin(json.dumps(PROMISED | {"seq": number})).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(send, range(200))) == {202}
    assert sorted(event.seq or 0 for event in door.heard) == list(range(200))


def test_what_the_body_lacks_comes_from_what_was_read_of_the_library(door: Door) -> None:
    body = {name: value for name, value in STOPPED.items() if name != "Provider_tvdb"}
    with door.store.write() as db:
        claim = Ref(Kind.EPISODE, Ids(), Ids(tvdb=5), 1, 1).claim()
        Items(db).put([Item(HOME.id, STOPPED["ItemId"], "1", claim, "Twice")], door.clock.now())
    door.jellyfin(json.dumps(body))
    assert [ref.show for ref in door.heard[0].refs] == [Ids(tvdb=5)]


def test_no_secret_reaches_the_log_or_an_answer(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    answers = [
        door.jellyfin(b"{"),
        door.plex(b"{"),
        door.plex(PLAYED, "my other secret"),
        door.jellyfin(PROMISE, "guess"),
    ]
    said = caplog.text + "".join(answer.text for answer in answers)
    assert "127.0.0.1 uses a wrong secret" in said
    assert [secret for secret in (TOKEN, door.secret, "my other", "guess") if secret in said] == []


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.sampled_from([*PROMISED, *STOPPED, "Metadata"]), inner)
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(ANY.map(json.dumps).map(str.encode) | st.binary(), st.sampled_from(["application/json", "text/plain", ""]))
def test_no_body_ever_brings_a_5xx(door: Door, body: bytes, kind: str) -> None:
    client = door.site.test_client()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = client.post("/hooks/jellyfin/home", data=body, headers=headers, content_type=kind)
    assert answer.status_code in (202, 400)
    form: dict[str, Any] = {"payload": body.decode("utf-8", "replace")}
    assert client.post(f"/hooks/plex/den/{door.secret}", data=form).status_code in (202, 400)
    answer = client.post(f"/hooks/plex/den/{door.secret}", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400


def idle(plugin: Any) -> None:
    """Wait until the simulated plugin has sent all it has."""
    with plugin.moved:
        assert plugin.moved.wait_for(lambda: plugin.sender is None, 10)


def test_the_simulated_jellyfin_is_understood_by_both_ways(door: Door) -> None:
    """Our plugin and the Webhook plugin report the same viewing: the same player, item, titles and moments."""
    catalogue, control = invent(200, 8, 4), Control("jellyfin", {"version": "12"})
    app = make_jellyfin(catalogue, control)
    listener = Listener(app).start()
    door.clock.advance(1)
    door.meet(KnownServer(app.server.id, "home", "jellyfin"))
    tell = requests.Session()

    def do(route: str, **what: Any) -> None:
        assert tell.post(f"{listener.url}/_control/{route}", json=what, timeout=10).status_code == 200
        idle(app.server.plugin)

    do("clock", freeze=True)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    do("act", do="plugin", url=f"{door.url}/hooks/jellyfin/home", token=TOKEN)
    do("act", do="webhook", url=f"{door.url}/hooks/jellyfin/home", headers=headers, folders=True)
    film = next(file for file in catalogue.files if file.library == "movies" and file.titles and file.claims.imdb)
    end = (film.runtime_ms or 0) / 1000
    for act, place in (("start", 0.0), ("pause", 30.0), ("resume", 30.0), ("stop", end - 5)):
        do("play", do=act, person="Anna", file=film.path, position_s=place)
    do("act", do="rate", person="Anna", file=film.path, rating=8)
    do("act", do="unrate", person="Anna", file=film.path)
    do("act", do="watch", person="Anna", file=film.path)
    do("act", do="unwatch", person="Anna", file=film.path)
    by = {source: [event for event in door.heard if event.source == source] for source in ("plugin", "webhook")}
    plays = {source: [event for event in events if isinstance(event, PlayEvent)] for source, events in by.items()}
    assert [event.what for event in plays["plugin"]] == [What.START, What.PAUSE, What.RESUME, What.STOP]
    assert [event.what for event in plays["webhook"]] == [What.START, What.PROGRESS, What.PROGRESS, What.STOP]
    for one, other in zip(plays["plugin"], plays["webhook"], strict=True):
        for name in ("session", "item", "user", "refs", "position", "runtime", "paused", "completed", "device"):
            assert getattr(one, name) == getattr(other, name), name
        assert abs(one.at - other.at).total_seconds() < 0.001
    for events in by.values():
        assert [event.value for event in events if isinstance(event, RatingEvent)] == [8.0, None]
        assert [event.played for event in events if isinstance(event, ToggleEvent)][-1] is False
    assert [event.seq for event in by["plugin"]] == list(range(1, len(by["plugin"]) + 1))  # no number is missing
    assert app.server.plugin.kept == []
    tell.close()
    listener.close()


def test_the_simulated_plex_is_understood(door: Door) -> None:
    catalogue, control = invent(200, 8, 1), Control("plex")
    app = make_plex(catalogue, control)
    listener = Listener(app).start()
    world = app.extensions["plex"]
    door.clock.advance(1)
    door.meet(KnownServer(world.machine, "den", "plex", owner=str(world.accounts.owner.id)))

    def do(route: str, **what: Any) -> None:
        assert requests.post(f"{listener.url}/_control/{route}", json=what, timeout=10).status_code == 200

    do("clock", freeze=True)
    do("act", do="webhook", person="Anna", url=f"{door.url}/hooks/plex/den/{door.secret}")
    film = next(
        file
        for file in catalogue.files
        if file.library == "movies" and file.titles and file.claims.imdb and file.claims.tmdb
    )
    end = (film.runtime_ms or 0) / 1000
    for number in (1, 0):
        do("switches", webhook_owner_id=number)
        do("play", do="start", person="Anna", file=film.path)
        do("play", do="pause", person="Anna", position_s=end / 2)
        do("play", do="stop", person="Anna", position_s=end * 0.95)
    do("play", do="start", person="Ben", file=film.path)
    do("act", do="rate", person="Anna", file=film.path, rating=9)
    plays = [event for event in door.wait(10) if isinstance(event, PlayEvent)]
    told = [(event.user, event.what, event.completed) for event in plays]
    viewing = [("1", What.START, None), ("1", What.PAUSE, None), ("1", What.PROGRESS, True), ("1", What.STOP, None)]
    ben = str(next(account.id for account in world.accounts.known if account.person.name == "Ben"))
    assert told == [*viewing, *viewing, (ben, What.START, None)]
    assert {ref.ids.imdb for event in door.heard for ref in event.refs} == {film.claims.imdb}
    assert [event.value for event in door.heard if isinstance(event, RatingEvent)] == [9.0]
    world.news.close()
    listener.close()
