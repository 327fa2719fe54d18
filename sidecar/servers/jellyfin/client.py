"""One Jellyfin server for one token, through jellyfin-apiclient-python with its traps closed.

The library makes the headers and the calls. Our own session lies beneath it, so that whatever is no 2xx is one of our
errors before the library takes a 500 for nothing, a 401 for the end of its token, or repeats a write as a GET.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from types import NoneType
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
import requests
from jellyfin_apiclient_python import JellyfinClient

from sidecar import __version__
from sidecar.clock import Clock
from sidecar.errors import AuthLost, BadAnswer, Outage, Refused, RemoteError, Unreachable
from sidecar.http import READS, USER_AGENT, Count, build_session, strict
from sidecar.model import Secret
from sidecar.servers.jellyfin.wire import Session, View, WireUser, decode
from sidecar.servers.known import Info, Library, User

T = TypeVar("T")
Params = Mapping[str, str | int]
OLDEST = (10, 11)
BULK_TIMEOUT = 30.0  # seconds for a page of a listing
TOO_SLOW = (504, 524)  # how a proxy says that the server behind it takes too long


class Jellyfin:
    """A server and a token that acts there: an API key, or somebody's own."""

    def __init__(
        self,
        url: str,
        token: Secret,
        *,
        label: str,
        device_id: str,
        clock: Clock,
        count: Count | None = None,
        timeout: float = 15.0,
        pause: float = 0.5,
    ) -> None:
        self.label, self.requests, self.about = label, 0, Info("", "", "")
        self._url, self._count = url.rstrip("/"), count
        self._session = strict(build_session(label, timeout=timeout, pause=pause, count=self._counted), clock)
        self._session.hooks["response"].append(_dated)
        for name in ("Jellyfin", "JELLYFIN"):  # it prints to stdout, and at DEBUG it logs tokens
            logging.getLogger(name).handlers.clear()
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._library = JellyfinClient(allow_multiple_clients=True)
        self._library.config.app("Sidetrakt", __version__, "sidetrakt", device_id)
        self._library.config.http(user_agent=USER_AGENT, max_retries=0, timeout=timeout)
        self._library.config.auth(self._url, None, token.reveal(), ssl=True)
        if not token:
            del self._library.config.data["auth.token"]  # else it would send the word None
        self._library.http.session, self._library.http.keep_alive = self._session, True

    def call(self, verb: str, path: str, params: Params | None = None, body: Any = None, *, due: type = dict) -> Any:
        """One request, sent once unless it only reads; where an answer of some type is due, nothing else is taken."""
        where = f"{path}?{urlencode(params)}" if params else path  # encoded: it would fill in what stands in braces
        with self._explained():
            answer = self._library.jellyfin._http(verb, where, {"json": body, "retry": 0})
        if due is not NoneType and not isinstance(answer, due):
            raise self._unreadable(maybe_done=verb not in READS)
        return answer

    def page(self, params: Params, decode: Callable[[bytes], T]) -> T:
        """A page of items by our own means, because the library costs several times its CPU."""
        headers = self._library.http._get_default_headers()
        with self._explained():
            answer = self._session.get(f"{self._url}/Items", params=params, headers=headers, timeout=BULK_TIMEOUT)
        try:
            return decode(answer.content)
        except msgspec.MsgspecError as problem:
            raise self._unreadable() from problem

    @property
    def ahead(self) -> timedelta:
        """By how much its clock was fast when it last answered."""
        return self._session.ahead

    def door(self) -> tuple[str, dict[str, str]]:
        """Where its socket is, and the header that opens it."""
        return f"{self._url}/socket", {"Authorization": self._library.http._get_default_headers()["Authorization"]}

    def info(self) -> Info:
        """Who the server is; refuses those that are too old."""
        said = self.call("GET", "System/Info/Public")
        id_, name, version = (said.get(key) for key in ("Id", "ServerName", "Version"))
        if not isinstance(id_, str) or not isinstance(version, str):  # while it starts, other keys are there
            raise Outage(self.label, f"{self.label} is not ready yet.", "It is tried again by itself.")
        if tuple(map(int, re.findall(r"[0-9]{1,6}", version)[:2])) < OLDEST:
            what = f"{self.label} is version {version}, and Sidetrakt needs Jellyfin 10.11 or newer."
            raise Refused(self.label, what, "Update the server.")
        self.about = Info(id_, str(name or self.label), version)
        return self.about

    def users(self) -> list[User]:
        """Everybody who has an account."""
        return [user.user() for user in self.ask("Users", list[WireUser])]

    def user(self, user: str) -> User:
        """One account; an error where it is not there any more."""
        return self.ask(f"Users/{user}", WireUser).user()

    def libraries(self, user: str = "") -> list[Library]:
        """The libraries of films and series that a user may see, also those that he hides from his start page."""
        try:
            whose: Params = {"includeHidden": "true", **({"userId": user} if user else {})}
            views = self.ask("UserViews", dict[str, Any], whose).get("Items")
            return [view.library() for view in msgspec.convert(views, list[View]) if view.holds_titles]
        except msgspec.ValidationError as problem:
            raise self._unreadable() from problem
        except Refused as problem:
            if problem.status == 404:
                problem.what = f"This account is not on {self.label} any more."
                problem.next_step = f"If it was deleted, run `sidetrakt forget` for it; {self.label} lists its users."
            raise

    def total(self, library: Library) -> int:
        """How many films and episodes are in a library, as far as the token may know; the cheapest question."""
        query: Params = {"parentId": library.key, "includeItemTypes": "Movie,Episode", "limit": 0}
        return self.page({**query, "recursive": "true", "isMissing": "false"}, decode).total

    def scanning(self) -> bool:
        """Whether the libraries are being scanned; an account that may not ask is told no."""
        try:
            tasks = self.ask("ScheduledTasks", list[dict[str, Any]])
        except Refused as problem:
            if problem.status == 403:
                return False
            raise
        return any(task.get("Key") == "RefreshLibrary" and task.get("State") != "Idle" for task in tasks)

    def plugins(self) -> list[tuple[str, str]]:
        """What is installed in the server: names and versions."""
        return [(str(one.get("Name")), str(one.get("Version"))) for one in self.ask("Plugins", list[dict[str, Any]])]

    def sessions(self) -> list[Session]:
        """Who is there and what plays, as far as the token may know."""
        return self.ask("Sessions", list[Session])

    def ask(self, path: str, kind: type[T], params: Params | None = None) -> T:
        """Read something of a known shape."""
        said = self.call("GET", path, params, due=object)
        try:
            return msgspec.convert(said, kind)
        except msgspec.ValidationError as problem:
            raise self._unreadable() from problem

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what to do about a token that is void; a server has no sign-in page to go to."""
        try:
            yield
        except AuthLost as problem:
            problem.next_step = "Give a new one: the server's own in sidetrakt.toml, or with `sidetrakt account`."
            raise

    def _unreadable(self, *, maybe_done: bool = False) -> BadAnswer:
        what = f"{self.label} sent something that is no answer of a Jellyfin server."
        return BadAnswer(
            self.label, what, "Check that its address leads to it and not to a proxy.", maybe_done=maybe_done
        )

    def _counted(self, service: str, method: str, status: str) -> None:
        self.requests += 1
        if self._count is not None:
            self._count(service, method, status)


def too_slow(problem: RemoteError) -> bool:
    """Whether asking for less may help."""
    return problem.status in TOO_SLOW or (isinstance(problem, Unreachable) and "too long" in problem.what)


def _dated(answer: requests.Response, **_: Any) -> None:
    """Proxies may drop the header Date, without which the library fails after the write was done."""
    answer.headers.setdefault("Date", "")
