"""Requests over real sockets: what is sent how often, and what a failure is called."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
import requests_mock
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter

from sidecar import __version__
from sidecar.errors import AuthLost, BadAnswer, Outage, RateLimited, Refused, RemoteError, Unreachable
from sidecar.http import LONGEST_WAIT, Count, Session, build_session, check, no_network, retry_after, strict, translate
from tests.fakes import START, FakeClock
from tests.loopback import Answer, listening, nobody

READS = ["GET", "HEAD"]
WRITES = ["POST", "PUT", "PATCH", "DELETE"]
SHORT = 0.05  # seconds of patience with a server that says nothing


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NETRC"):
        monkeypatch.delenv(name, raising=False)


def quick(service: str = "trakt", *, timeout: float = 5.0, sends: int = 3) -> Session:
    """A session that does not pause before it asks again."""
    return build_session(service, timeout=timeout, sends=sends, pause=0.0)


def failure(method: str, url: str, *, timeout: float = 5.0) -> RemoteError:
    with quick(timeout=timeout) as session, pytest.raises(RemoteError) as caught:
        session.request(method, url)
    return caught.value


# How often something is sent


@pytest.mark.parametrize("method", READS)
@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 521, 522])
def test_a_read_is_sent_three_times_to_a_broken_server_and_its_last_answer_counts(method: str, status: int) -> None:
    with listening(Answer(status)) as server, quick() as session:
        assert session.request(method, server.url).status_code == status
        assert [asked.method for asked in server.asked] == [method] * 3


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_write_is_sent_once_to_a_broken_server(method: str, status: int) -> None:
    with listening(Answer(status)) as server, quick() as session:
        assert session.request(method, server.url, json={"a": 1}).status_code == status
        assert [asked.method for asked in server.asked] == [method]


@pytest.mark.parametrize("manner", ["cut", "reset", "silent"])
@pytest.mark.parametrize(("method", "sends"), [("GET", 3), ("HEAD", 3), *((method, 1) for method in WRITES)])
def test_a_lost_answer_repeats_reads_only(method: str, sends: int, manner: str) -> None:
    with listening(Answer(manner=manner)) as server:
        problem = failure(method, server.url, timeout=SHORT if manner == "silent" else 5.0)
        assert server.count(at_least=sends) == sends
    assert isinstance(problem, Unreachable)
    assert problem.maybe_done is (method in WRITES)
    assert problem.service == "trakt"
    assert ("too long" in str(problem)) is (manner == "silent")


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 409, 420, 429])
def test_an_answer_that_is_not_an_outage_is_final(status: int) -> None:
    with listening(Answer(status, headers={"Retry-After": "1"})) as server, quick() as session:
        assert session.get(server.url).status_code == status
        assert len(server.asked) == 1


def test_a_read_that_works_the_second_time_is_a_success() -> None:
    with listening(Answer(503), Answer(manner="reset"), Answer(200, b'{"a": 1}')) as server, quick() as session:
        assert session.get(server.url).json() == {"a": 1}
        assert len(server.asked) == 3


@pytest.mark.parametrize("sends", [1, 2, 3])
def test_a_read_may_be_sent_less_often(sends: int) -> None:
    with listening(Answer(503)) as server, quick(sends=sends) as session:
        session.get(server.url)
        assert len(server.asked) == sends


@pytest.mark.parametrize(("method", "maybe_done"), [("GET", False), ("POST", True)])
def test_an_answer_cut_in_the_middle_is_no_answer(method: str, maybe_done: bool) -> None:
    with listening(Answer(200, b'{"history": [1, 2, 3]}', manner="half")) as server:
        problem = failure(method, server.url)
        assert len(server.asked) == 1
    assert isinstance(problem, Unreachable)
    assert problem.maybe_done is maybe_done


@pytest.mark.parametrize("method", READS + WRITES)
def test_a_refused_connection_was_surely_not_carried_out(method: str) -> None:
    with nobody() as url:
        problem = failure(method, url)
    assert isinstance(problem, Unreachable)
    assert "cannot be reached" in problem.what
    assert problem.next_step
    assert not problem.maybe_done


@pytest.mark.parametrize(
    "problem",
    [
        requests.exceptions.ConnectTimeout("no answer to the first packet"),
        requests.exceptions.ProxyError("the proxy is not there"),
    ],
)
def test_what_never_connected_was_surely_not_carried_out(problem: requests.RequestException) -> None:
    assert not translate("trakt", "POST", problem).maybe_done


# What goes along


def test_every_request_carries_our_name() -> None:
    with listening() as server, quick() as session:
        session.get(server.url)
        assert server.asked[0].headers["User-Agent"] == f"Sidetrakt/{__version__}"


def test_no_password_of_the_netrc_file_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login anna password hunter2\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with listening() as elsewhere, listening(Answer(), Answer(302, headers={"Location": elsewhere.url})) as server:
        requests.get(server.url, timeout=5)
        assert "Authorization" in server.asked.pop().headers, "this file would be used, were it not for us"
        with quick() as session:
            session.get(server.url)
        assert [
            list(asked.headers) for asked in server.asked + elsewhere.asked if "Authorization" in asked.headers
        ] == []
        assert len(elsewhere.asked) == 1


def test_our_own_authorization_is_sent_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login anna password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with listening() as server, quick() as session:
        session.get(server.url, headers={"Authorization": "Bearer abc"})
        assert server.asked[0].headers["Authorization"] == "Bearer abc"


@pytest.mark.parametrize("given", [{}, {"timeout": None}])
def test_no_request_is_without_a_time_out(given: dict[str, Any]) -> None:
    with requests_mock.Mocker() as edge:
        edge.get("http://trakt/")
        build_session("trakt", timeout=7.5).get("http://trakt/", **given)
        assert edge.last_request.timeout == 7.5


def test_a_request_may_bring_a_time_out_of_its_own() -> None:
    with requests_mock.Mocker() as edge:
        edge.get("http://trakt/")
        build_session("trakt").get("http://trakt/", timeout=90)
        assert edge.last_request.timeout == 90


# Redirects


def test_a_read_follows_a_redirect_on_the_same_server_with_all_its_headers() -> None:
    moved = Answer(301, headers={"Location": "/new"})
    with listening(moved, Answer(200, b"[1]")) as server, quick() as session:
        assert session.get(f"{server.url}/old", headers={"X-Plex-Token": "abc"}).json() == [1]
        assert [(asked.path, asked.headers["X-Plex-Token"]) for asked in server.asked] == [
            ("/old", "abc"),
            ("/new", "abc"),
        ]


def test_a_redirect_to_another_server_takes_no_token_along() -> None:
    tokens = {"X-Plex-Token": "abc", "trakt-api-key": "abc", "Authorization": "Bearer abc", "Cookie": "a=abc"}
    with listening() as other, listening(Answer(302, headers={"Location": f"{other.url}/x"})) as server:
        with quick() as session:
            session.headers["X-Session-Token"] = "abc"
            assert session.get(server.url, headers=tokens).status_code == 200
        assert "abc" in str(server.asked[0])
        assert "abc" not in str(other.asked[0])
        assert other.asked[0].headers["User-Agent"].startswith("Sidetrakt/")


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_write_follows_no_redirect(method: str, status: int) -> None:
    with listening(Answer(status, headers={"Location": "/new"})) as server, quick() as session:
        answer = session.request(method, server.url, data=b"x")
        assert len(server.asked) == 1
    with pytest.raises(Refused) as caught:
        check("jellyfin", answer, FakeClock())
    assert caught.value.status == status


def test_a_circle_of_redirects_ends_after_three() -> None:
    with listening(Answer(302, headers={"Location": "/again"})) as server:
        problem = failure("GET", server.url)
        assert len(server.asked) == 4
    assert isinstance(problem, Refused)
    assert "url" in problem.next_step


# What a failure is called


@pytest.mark.parametrize("url", ["trakt.tv", "nonsense://trakt.tv", "http://", "http://[::1", "http://a:b"])
def test_an_address_that_cannot_be_used_is_refused(url: str) -> None:
    problem = failure("POST", url)
    assert isinstance(problem, Refused)
    assert not problem.maybe_done


@pytest.mark.parametrize("body", [b"<html><body>Down for maintenance</body></html>", b"", b'{"a": ', b"\xff\xfe\x00"])
@pytest.mark.parametrize(("method", "maybe_done"), [("GET", False), ("POST", True)])
def test_what_is_not_json_is_a_bad_answer(method: str, body: bytes, maybe_done: bool) -> None:
    with listening(Answer(200, body)) as server, quick() as session:
        answer = session.request(method, server.url)
        with pytest.raises(requests.exceptions.JSONDecodeError) as caught:
            answer.json()
    problem = translate("trakt", method, caught.value)
    assert isinstance(problem, BadAnswer)
    assert problem.maybe_done is maybe_done


def test_an_answer_packed_wrongly_is_a_bad_answer() -> None:
    with listening(Answer(200, b"not gzip", {"Content-Encoding": "gzip"})) as server:
        assert isinstance(failure("GET", server.url), BadAnswer)


def test_the_foreign_error_stays_behind_ours() -> None:
    with nobody() as url:
        assert isinstance(failure("GET", url).__cause__, requests.RequestException)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_certificate_that_is_not_trusted_is_named(method: str, tmp_path: Path) -> None:
    with listening(tls=self_signed(tmp_path)) as server:
        problem = failure(method, server.url)
        assert server.asked == []
    assert isinstance(problem, Unreachable)
    assert "certificate" in problem.what
    assert not problem.maybe_done


def test_a_tls_connection_that_broke_later_may_have_carried_a_write() -> None:
    broken = requests.exceptions.SSLError("[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC]")
    problem = translate("plex", "POST", broken)
    assert isinstance(problem, Unreachable)
    assert problem.maybe_done
    assert "certificate" not in problem.what


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "both.pem").write_bytes(private + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


# What a status means


def answered(status: int, method: str = "GET", **headers: str) -> requests.Response:
    answer = requests.Response()
    answer.status_code = status
    answer.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    answer.request = requests.Request(method, "http://trakt/").prepare()
    return answer


def problem_of(answer: requests.Response) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        check("trakt", answer, FakeClock())
    assert caught.value.service == "trakt"
    assert caught.value.status == answer.status_code
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_success_passes(status: int) -> None:
    answer = answered(status)
    assert check("trakt", answer, FakeClock()) is answer


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, Refused),
        (304, Refused),
        (400, Refused),
        (401, AuthLost),
        (403, Refused),
        (404, Refused),
        (409, Refused),
        (412, Refused),
        (420, Refused),
        (422, Refused),
        (429, RateLimited),
        (500, Outage),
        (503, Outage),
        (521, Outage),
        (599, Outage),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_other_status_has_its_error(status: int, kind: type[RemoteError], method: str) -> None:
    problem = problem_of(answered(status, method))
    assert type(problem) is kind
    assert problem.maybe_done is (kind is Outage and method == "POST")
    assert problem.retry_at is None


@pytest.mark.parametrize("status", [429, 503])
def test_a_service_may_say_when_to_come_back(status: int) -> None:
    assert problem_of(answered(status, Retry_After="30")).retry_at == START + dt.timedelta(seconds=30)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("10", 10),
        (" 10 ", 10),
        ("005", 5),
        ("899", 899),
        ("901", 900),
        ("99999999999999999999999", 900),
        ("9" * 5000, 900),
        ("Sat, 31 Jan 2026 20:15:30 GMT", 30),
        ("Sat, 31 Jan 2026 21:15:30 +0100", 30),
        ("Sat, 31 Jan 2026 20:14:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 900),
        ("Sat, 31 Jan 2026 20:15:30 -0000", None),
        ("Sat, 31 Jan 2026 20:15:30", None),
        ("Sat, 31 Jan 99999999999 20:15:30 GMT", None),
        ("Sat, 31 Jan 2026 20:15:30 +99999999999999999999", None),
        ("Sat, 31 Foo 2026 20:15:30 GMT", None),
        ("-5", None),
        ("1.5", None),
        ("1e3", None),
        ("0x10", None),
        ("٣", None),
        ("²", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_how_long_a_service_asks_us_to_wait(text: str | None, seconds: int | None) -> None:
    answer = answered(429) if text is None else answered(429, Retry_After=text)
    wait = retry_after(answer, FakeClock())
    assert wait == (None if seconds is None else dt.timedelta(seconds=seconds))


@given(st.text() | st.from_regex(r"(Mon, )?[0-9]{1,30} (Jan|Feb) [0-9]{1,30} [0-9:]{1,9} ?[+-]?[0-9]{0,30}[A-Z]{0,3}"))
def test_no_junk_makes_us_wait_long_or_fail(text: str) -> None:
    wait = retry_after(answered(503, Retry_After=text), FakeClock())
    assert wait is None or dt.timedelta(0) <= wait <= LONGEST_WAIT


# Inside a transaction, and counted


def test_no_request_leaves_from_inside_a_transaction() -> None:
    with listening() as server, quick() as session:
        with no_network("inside a transaction"):
            with no_network("with a lock held"), pytest.raises(RuntimeError, match="with a lock held"):
                session.get(server.url)
            with pytest.raises(RuntimeError, match="trakt was about to be made inside a transaction"):
                session.post(server.url)
        assert server.asked == []
        session.get(server.url)
        assert len(server.asked) == 1


def test_a_failure_inside_does_not_leave_the_ban_behind() -> None:
    with pytest.raises(KeyError), no_network("inside a transaction"):
        raise KeyError
    with listening() as server, quick() as session:
        assert session.get(server.url).ok


def test_other_threads_may_go_on_asking() -> None:
    with listening() as server, quick() as session, no_network("inside a transaction"):
        other = threading.Thread(target=session.get, args=(server.url,))
        other.start()
        other.join(5)
        assert len(server.asked) == 1


def test_every_request_is_counted_with_its_outcome() -> None:
    counted: list[tuple[str, str, str]] = []
    session = build_session("trakt", pause=0.0, count=lambda *what: counted.append(what))
    with listening(Answer(200), Answer(404)) as server, nobody() as url, session:
        session.get(server.url)
        session.post(server.url)
        with pytest.raises(Unreachable):
            session.delete(url)
    assert counted == [("trakt", "GET", "200"), ("trakt", "POST", "404"), ("trakt", "DELETE", "none")]


# A strict session


def strictly(count: Count | None = None) -> Session:
    return strict(build_session("den", timeout=SHORT * 20, pause=0.0, count=count), FakeClock())


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Refused), (401, AuthLost), (404, Refused), (429, RateLimited), (500, Outage), (498, Refused), (520, Outage)],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_strict_session_raises_our_error_for_every_answer_that_is_no_success(
    status: int, kind: type[RemoteError], method: str
) -> None:
    with listening(Answer(status, b"<html>")) as server, strictly() as session, pytest.raises(RemoteError) as caught:
        session.request(method, server.url)
    assert type(caught.value) is kind
    assert (caught.value.service, caught.value.status) == ("den", status)
    assert caught.value.maybe_done is (status >= 500 and method != "GET")


def test_a_strict_session_counts_what_it_refuses() -> None:
    counted: list[str] = []
    with listening(Answer(404), Answer(200)) as server, strictly(lambda *what: counted.append(what[2])) as session:
        with pytest.raises(Refused):
            session.get(server.url)
        session.get(server.url)
    assert counted == ["404", "200"]


@pytest.mark.parametrize(("method", "asked"), [("GET", 3), ("POST", 1)])
def test_a_strict_session_sends_reads_again_before_it_says_so(method: str, asked: int) -> None:
    with listening(Answer(503)) as server, strictly() as session:
        with pytest.raises(Outage):
            session.request(method, server.url)
        assert len(server.asked) == asked


def test_a_strict_session_lets_a_read_follow_a_redirect_and_a_write_not() -> None:
    moved = Answer(302, headers={"Location": "/there"})
    with listening(moved, Answer(200), moved) as server, strictly() as session:
        assert session.get(server.url).status_code == 200
        with pytest.raises(Refused):
            session.post(server.url)
        assert [asked.path for asked in server.asked] == ["/", "/there", "/"]


def test_a_strict_session_looks_at_where_a_redirect_ends_and_at_one_that_leads_nowhere() -> None:
    moved = Answer(302, headers={"Location": "/there"})
    with listening(moved, Answer(401), Answer(302)) as server, strictly() as session:
        with pytest.raises(AuthLost):
            session.get(server.url)
        with pytest.raises(Refused):
            session.get(server.url)


def test_a_strict_session_can_use_the_connection_again_after_an_error() -> None:
    with listening(Answer(404, b"x" * 100_000), Answer(200)) as server, strictly() as session:
        with pytest.raises(Refused):
            session.get(server.url, stream=True)
        session.get(server.url)
        adapter = session.get_adapter(server.url)
        assert isinstance(adapter, HTTPAdapter)
        pools = adapter.poolmanager.pools
        assert [pools[key].num_connections for key in pools.keys()] == [1]  # noqa: SIM118 - no mapping


@pytest.mark.parametrize(("method", "maybe_done"), [("GET", False), ("POST", True)])
def test_an_error_whose_answer_breaks_off_is_no_answer(method: str, maybe_done: bool) -> None:
    broken = Answer(500, b"x" * 100, manner="half")
    with listening(broken) as server, strictly() as session, pytest.raises(RemoteError) as caught:
        session.request(method, server.url, stream=True)
    assert caught.value.maybe_done is maybe_done
