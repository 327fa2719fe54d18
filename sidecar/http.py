"""Every request to another machine goes through a session that is built here.

One place for time-outs, our User-Agent, what is sent twice (GET and HEAD, at most three times; nothing else, ever),
and for turning foreign exceptions and statuses into the tree of errors.py.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)
from urllib3.util.retry import Retry

from sidecar import __version__
from sidecar.clock import Clock
from sidecar.errors import AuthLost, BadAnswer, Outage, RateLimited, Refused, RemoteError, Unreachable

USER_AGENT = f"Sidetrakt/{__version__}"
SENDS = 3  # of one GET, the first included
READS = ("GET", "HEAD")
HARMLESS = {"User-Agent", "Accept", "Accept-Encoding", "Connection"}  # headers that name nobody
BROKEN = (500, 502, 503, 504, 520, 521, 522)
LONGEST_WAIT = timedelta(minutes=15)  # a server may not send us to sleep for longer
NO_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.TooManyRedirects,
)
NOT_CONNECTED = (NewConnectionError, ConnectTimeoutError, NameResolutionError)

Count = Callable[[str, str, str], None]

_quiet = threading.local()


@contextmanager
def no_network(why: str) -> Iterator[None]:
    """Refuse every request of this thread while the block runs; for transactions and locks."""
    before = getattr(_quiet, "why", "")
    _quiet.why = why
    try:
        yield
    finally:
        _quiet.why = before


def require_network(service: str) -> None:
    """Stop whoever is about to ask a service, or to wait for it, where that is refused; a mistake of ours."""
    why = getattr(_quiet, "why", "")
    if why:
        raise RuntimeError(f"a request to {service} was about to be made {why}")


class Session(requests.Session):
    """A session for one service: always with a time-out, never from inside a transaction, counted."""

    def __init__(self, service: str, timeout: float, count: Count | None = None) -> None:
        super().__init__()
        self.service = service
        self.timeout = timeout
        self.count = count
        self.there: datetime | None = None  # the time there when it last answered, to the second
        self.ahead = timedelta(0)  # by how much that was fast
        self.headers["User-Agent"] = USER_AGENT
        # Proxies and certificates of the environment are honoured, ~/.netrc is not: it would send foreign passwords.
        self.auth = _leave_as_it_is

    def request(self, method: str, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """As requests does it, but with the session's time-out where none is given, and raising only our errors."""
        require_network(self.service)
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self.timeout
        if method.upper() not in READS:
            kwargs["allow_redirects"] = False  # requests would follow with a GET, or send the body again
        try:
            answer = super().request(method, url, *args, **kwargs)
        except requests.RequestException as problem:
            self._counted(method, "none")
            raise translate(self.service, method, problem) from problem
        except RemoteError as problem:  # of a strict session
            self._counted(method, str(problem.status))
            raise
        self._counted(method, str(answer.status_code))
        return answer

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """On a redirect to another host nothing that we sent for the first one goes along, nor a ~/.netrc password."""
        if self.should_strip_auth(response.request.url or "", prepared_request.url or ""):
            for name in set(prepared_request.headers) - HARMLESS:
                del prepared_request.headers[name]

    def _counted(self, method: str, status: str) -> None:
        if self.count is not None:
            self.count(self.service, method, status)


def build_session(
    service: str, *, timeout: float = 15.0, sends: int = SENDS, pause: float = 0.5, count: Count | None = None
) -> Session:
    """A session whose GET and HEAD are sent up to `sends` times; everything else exactly once."""
    session = Session(service, timeout, count)
    retry = Retry(
        total=sends - 1,
        allowed_methods=READS,
        status_forcelist=BROKEN,
        backoff_factor=pause,
        backoff_jitter=pause,
        respect_retry_after_header=False,  # waiting long is the caller's decision, who can be interrupted
        redirect=0,
        raise_on_status=False,
        raise_on_redirect=False,
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry, pool_connections=2, pool_maxsize=8))
    session.max_redirects = 3
    return session


def strict(session: Session, clock: Clock) -> Session:
    """Have a session raise our errors for every answer that is no 2xx, before a client library makes its own of it.

    What the answers say about the time there is kept.
    """

    def look(answer: requests.Response, **kwargs: Any) -> None:  # noqa: ARG001 - requests passes them
        session.there = _time_there(answer)
        if session.there is not None:  # a little difference may be the way
            ahead = session.there - clock.now()
            session.ahead = ahead if abs(ahead) >= timedelta(minutes=1) else timedelta(0)
        if answer.is_redirect and (answer.request.method or "") in READS:
            return
        if not 200 <= answer.status_code < 300:
            answer.content  # noqa: B018 - read, so that the connection can be used again
        check(session.service, answer, clock)

    session.hooks["response"].append(look)
    return session


def _time_there(answer: requests.Response) -> datetime | None:
    """The sender's clock, where it tells it in a way that can be read."""
    try:
        there = parsedate_to_datetime(answer.headers.get("Date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return there if there.tzinfo is not None else None


def translate(service: str, method: str, problem: requests.RequestException) -> RemoteError:
    """Say in our words what went wrong on the way."""
    read_only = method.upper() in READS
    if isinstance(problem, requests.exceptions.JSONDecodeError | requests.exceptions.ContentDecodingError):
        what = f"{service} sent something that cannot be read."
        return BadAnswer(service, what, "If it goes on, report it.", maybe_done=not read_only)
    if isinstance(problem, NO_ADDRESS):
        return Refused(service, f"The address of {service} cannot be used.", "Check its url in sidetrakt.toml.")
    if isinstance(problem, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(problem):
        return Unreachable(
            service,
            f"The certificate of {service} was not accepted.",
            "Check the address, or give the server a certificate that this machine trusts.",
        )
    if _never_connected(problem):
        return Unreachable(
            service, f"{service} cannot be reached.", "Check that it runs and that its address is right."
        )
    what = (
        "took too long to answer"
        if isinstance(problem, requests.Timeout) or isinstance(_cause(problem), ReadTimeoutError)
        else "ended the connection without an answer"
    )
    return Unreachable(service, f"{service} {what}.", "It is tried again by itself.", maybe_done=not read_only)


def check(service: str, answer: requests.Response, clock: Clock) -> requests.Response:
    """Let a 2xx pass; raise for everything else with the meaning that any HTTP service gives it."""
    status = answer.status_code
    if 200 <= status < 300:
        return answer
    read_only = (answer.request.method or "GET").upper() in READS
    if status == 401:
        raise AuthLost(service, f"{service} does not accept the token any more.", "Sign in again.", status=status)
    if status == 429 or status >= 500:
        retry_at = clock.now() + wait if (wait := retry_after(answer, clock)) is not None else None
        if status == 429:
            raise RateLimited(
                service, f"{service} asks for a pause.", "It goes on by itself.", status=status, retry_at=retry_at
            )
        raise Outage(
            service,
            f"{service} has a problem of its own (answer {status}).",
            "It is tried again by itself.",
            status=status,
            retry_at=retry_at,
            maybe_done=not read_only,
        )
    raise Refused(service, f"{service} refused the request (answer {status}).", status=status)


def retry_after(answer: requests.Response, clock: Clock) -> timedelta | None:
    """How long the service asks us to wait, capped; None if it does not say or cannot be understood."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        return None
    return min(max(until - clock.now(), timedelta(0)), LONGEST_WAIT)


def _never_connected(problem: requests.RequestException) -> bool:
    """Whether the request cannot have reached the service, so that a write was surely not carried out."""
    if isinstance(problem, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    return isinstance(_cause(problem), NOT_CONNECTED)


def _cause(problem: requests.RequestException) -> object:
    """What was behind an error, also behind the last of several tries."""
    cause = problem.args[0] if problem.args else None
    return cause.reason if isinstance(cause, MaxRetryError) else cause


def _leave_as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
