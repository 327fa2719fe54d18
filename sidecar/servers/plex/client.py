"""One Plex server as one token sees it, through plexapi with our session injected.

A token is the person: states and ratings of every answer belong to the account behind it. plexapi is loaded when it
is first needed, without anybody's own settings, and is given what it would otherwise ask for again and again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from xml.etree.ElementTree import Element

from sidecar import __version__
from sidecar.clock import Clock
from sidecar.errors import AuthLost, BadAnswer, Refused, UserError
from sidecar.http import Count, build_session, strict
from sidecar.model import Secret
from sidecar.servers.known import Info, Library, User

OWNER = "1"  # what a server calls its owner, whatever the number at plex.tv
NOBODY = "0"  # plays of a device that nobody is signed in on
NOWHERE = "/nonexistent/plexapi.ini"
CLAIM = "Look whether the server is signed in to plex.tv, then run `sidetrakt account PERSON@SERVER --pin`."


@dataclass(frozen=True, slots=True)
class Section(Library):
    """A library with what tells that its content changed."""

    stamps: str = ""


class Plex:
    """A connection that acts for one account."""

    def __init__(
        self,
        url: str,
        token: Secret,
        *,
        label: str,
        client_id: str,
        clock: Clock,
        count: Count | None = None,
        timeout: float = 60.0,
        pause: float = 0.5,
    ) -> None:
        if not token:  # plexapi would take one from anywhere else
            raise UserError(f"There is no token for {label}.", "Give one in sidetrakt.toml, or sign in.")
        self._url, self._token, self.label, self._client_id = url, token, label, client_id
        self._count, self._timeout, self.asked = count, timeout, 0
        self.machine = ""  # which server it has to be, once that is known
        self._session = strict(build_session(label, timeout=timeout, pause=pause, count=self._counted), clock)
        self._api: Any = None
        self._server: Any = None

    def ask(
        self, path: str, params: Mapping[str, Any] | None = None, *, start: int | None = None, size: int = 0
    ) -> Element:
        """One GET that answers with a container; a page of it where a start is given."""
        page = {} if start is None else {"X-Plex-Container-Start": str(start), "X-Plex-Container-Size": str(size)}
        found = self._query(path, "get", params, page)
        if not isinstance(found, Element) or found.tag != "MediaContainer":
            raise self._unreadable("get")
        return found

    def tell(self, method: str, path: str, params: Mapping[str, Any]) -> Element | None:
        """One request that changes something; it is never repeated, and its answer may be empty."""
        found: Element | None = self._query(path, method, params, {})
        if found is not None and found.tag != "MediaContainer":
            raise self._unreadable(method)
        return found

    def count(self, path: str, params: Mapping[str, Any]) -> int | None:
        """How many rows a listing says that it has."""
        total = self.ask(path, params, start=0, size=0).get("totalSize", "")
        return int(total) if total.isdecimal() else None

    def info(self) -> Info:
        """Who the server is; one request, which needs the token."""
        with self._in_our_words("get"):
            data = self.ask("/") if self._server is not None else self._connected()._data  # connecting asks just that
        found = Info(data.get("machineIdentifier", ""), data.get("friendlyName") or self.label, data.get("version", ""))
        if not found.id or self.machine not in ("", found.id):
            step = "Check its url in sidetrakt.toml; nothing was read or written."
            raise Refused(self.label, f"Another server answers at the address of {self.label}.", step)
        return found

    @property
    def ahead(self) -> timedelta:
        """By how much its clock was fast when it last answered."""
        return self._session.ahead

    @property
    def now(self) -> int | None:
        """The second in which it last answered, by its own clock."""
        return int(self._session.there.timestamp()) if self._session.there is not None else None

    def door(self) -> tuple[str, dict[str, str]]:
        """Where its socket is, and the headers that open it."""
        address = f"{self._url.rstrip('/')}/:/websockets/notifications"
        return address, headers(self._client_id) | {"X-Plex-Token": self._token.reveal()}

    def users(self) -> list[User]:
        """Everybody the server knows; for the owner only."""
        rows = self.ask("/accounts").iter("Account")
        known = {row.get("id", ""): row.get("name", "") for row in rows}
        return [User(id, name or f"user {id}", id == OWNER) for id, name in known.items() if id not in ("", NOBODY)]

    def sections(self) -> list[Section]:
        """The libraries of films and series that this account may see."""
        found = []
        for row in self.ask("/library/sections").iter("Directory"):
            key, kind = row.get("key", ""), row.get("type")
            if key.isdecimal() and kind in ("movie", "show"):
                stamps = " ".join(row.get(name, "") for name in ("updatedAt", "scannedAt", "contentChangedAt"))
                scanning = row.get("refreshing") == "1"
                found.append(Section(key, row.get("title") or key, kind == "show", scanning, stamps))
        return found

    def is_owner(self) -> bool:
        """Whether this token is the owner's: only the owner may read /library."""
        try:
            self.ask("/library")
        except (AuthLost, Refused):
            return False
        return True

    def close(self) -> None:
        """Hang up."""
        self._session.close()

    def _query(self, path: str, method: str, params: Mapping[str, Any] | None, headers: dict[str, str]) -> Any:
        with self._in_our_words(method):
            send = getattr(self._session, method)
            return self._connected().query(path, method=send, params=params, headers=headers)

    @contextmanager
    def _in_our_words(self, method: str) -> Iterator[None]:
        self._api = self._api or load(self._client_id)
        try:
            yield
        except AuthLost as problem:
            what = f"{self.label} does not accept the token of this account."
            raise AuthLost(self.label, what, CLAIM, status=problem.status) from problem
        # What plexapi makes of a page that is no XML, of an empty one, and of a status that it has no name for.
        except (
            self._api.exceptions.PlexApiException,
            SyntaxError,
            AttributeError,
            TypeError,
            ValueError,
            KeyError,
        ) as problem:
            raise self._unreadable(method) from problem

    def _connected(self) -> Any:
        if self._server is None:
            connect = self._api.server.PlexServer
            self._server = connect(self._url, self._token.reveal(), session=self._session, timeout=self._timeout)
        return self._server

    def _unreadable(self, method: str) -> BadAnswer:
        what = f"{self.label} sent something that cannot be read."
        step = "If it goes on, look whether a proxy answers in its place."
        return BadAnswer(self.label, what, step, maybe_done=method != "get")

    def _counted(self, service: str, method: str, status: str) -> None:
        self.asked += 1
        if self._count is not None:
            self._count(service, method, status)


def headers(client_id: str) -> dict[str, str]:
    """How we introduce ourselves; the identifier stays the same for the life of an installation."""
    about = {"Product": "Sidetrakt", "Version": __version__, "Device-Name": "Sidetrakt", "Client-Identifier": client_id}
    return {f"X-Plex-{name}": value for name, value in about.items()}


def load(client_id: str) -> Any:
    """The library plexapi, without a settings file or token of anybody's own, reloading nothing, speaking as us."""
    foreign = sorted(name for name in os.environ if name.startswith("PLEXAPI_AUTH"))
    if foreign:
        step = "Remove it; tokens are taken from sidetrakt.toml and from signing in only."
        raise UserError(f"{foreign[0]} is set in the environment, and the Plex library would use it.", step)
    os.environ["PLEXAPI_CONFIG_PATH"] = NOWHERE  # read once, when it is imported
    os.environ["PLEXAPI_PLEXAPI_AUTORELOAD"] = "false"  # read whenever an object is made
    import plexapi.exceptions
    import plexapi.server

    api: Any = plexapi
    api.BASE_HEADERS.update(headers(client_id))
    api.utils.setDatetimeTimezone("UTC")
    return api
