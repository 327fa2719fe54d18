"""plex.tv and its two services, asked with our own session.

plexapi's account asks who it is each time it is made, takes over another token from the answer, keeps its own list of
webhooks and gives up a sign-in at the first trouble; a few plain requests do less harm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

from sidecar.clock import Clock
from sidecar.errors import AuthLost, BadAnswer, Refused
from sidecar.http import Count, build_session, strict
from sidecar.model import Secret
from sidecar.servers.plex.client import headers
from sidecar.settings import Plex as Settings

SERVICE = "plex.tv"
AGAIN = "Sign in again: `sidetrakt account PERSON@SERVER --pin`."
DEAD = (401, 422, 498)  # in plex.tv's words: not accepted, invalid, run out


@dataclass(frozen=True, slots=True)
class Who:
    """An account of plex.tv."""

    id: str
    name: str
    plex_pass: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a Plex Home."""

    id: str
    uuid: str
    name: str
    protected: bool  # by a PIN
    limited: str  # the age profile, where one is set


class PlexTv:
    """plex.tv for this process."""

    def __init__(
        self,
        settings: Settings,
        client_id: str,
        *,
        clock: Clock,
        count: Count | None = None,
        timeout: float = 30.0,
        pause: float = 0.5,
    ) -> None:
        self.settings, self.clock, self.asked, self._count = settings, clock, 0, count
        self._session = strict(build_session(SERVICE, timeout=timeout, pause=pause, count=self._counted), clock)
        self._session.headers.update(headers(client_id) | {"Accept": "application/xml"})

    def ask(
        self,
        address: str,
        token: Secret | None,
        *,
        method: str = "GET",
        params: Mapping[str, Any] | None = None,
        data: Any = None,
        more: Mapping[str, str] | None = None,
    ) -> Element:
        """One request to plex.tv (a path) or to one of its services (an address); the root of the answer."""
        url = address if "://" in address else self.settings.account_url + address
        own = {"X-Plex-Token": token.reveal()} if token else {}
        try:
            answer = self._session.request(method, url, params=params, data=data, headers={**own, **(more or {})})
        except (AuthLost, Refused) as problem:
            if problem.status not in DEAD or token is None:
                raise
            if not address.startswith("/api/v2/user"):
                self.who(token)  # raises where the sign-in is really over
                what = "plex.tv refuses this to the account, though it is signed in."
                raise Refused(SERVICE, what, status=problem.status) from problem
            raise AuthLost(SERVICE, "plex.tv does not accept this sign-in any more.", AGAIN, status=401) from problem
        try:
            return ET.fromstring(answer.content or b"<nothing/>")  # noqa: S314 - expat expands no outside entities
        except ET.ParseError as problem:
            what = "plex.tv sent something that cannot be read."
            raise BadAnswer(SERVICE, what, "It is tried again by itself.", maybe_done=method != "GET") from problem

    def who(self, token: Secret) -> Who:
        """Whose sign-in this is; raises AuthLost where it is over."""
        found = self.ask("/api/v2/user", token)
        if found.tag != "user" or not found.get("id"):
            raise BadAnswer(SERVICE, "plex.tv does not say whose sign-in this is.", "It is tried again by itself.")
        paying = any(each.get("active") == "1" for each in found.iter("subscription"))
        return Who(found.get("id", ""), found.get("title") or found.get("username") or "", paying)

    def server_token(self, token: Secret, machine: str) -> Secret | None:
        """What opens a server for this account; None where the server is not shared with it."""
        for each in self._rows("/api/v2/resources", token, "resource", {"includeHttps": 1, "includeRelay": 1}):
            if each.get("clientIdentifier") == machine and each.get("accessToken"):
                return Secret(each.get("accessToken", ""))
        return None

    def members(self, token: Secret) -> list[Member]:
        """Who lives in the Home of this account."""
        return [
            Member(
                each.get("id", ""),
                each.get("uuid", ""),
                each.get("title", ""),
                each.get("protected") == "1",
                each.get("restrictionProfile", ""),
            )
            for each in self._rows("/api/home/users", token, "User")
        ]

    def switch(self, token: Secret, member: Member, pin: str = "") -> Secret:
        """Become a member of the Home: a token that counts at plex.tv only."""
        params = {"pin": pin} if pin else {}
        try:
            found = self.ask(f"/api/home/users/{member.id}/switch", token, method="POST", params=params)
        except Refused as problem:
            if problem.status != 404:
                raise
            # some managed users are known to the newer version only
            found = self.ask(f"/api/v2/home/users/{member.uuid}/switch", token, method="POST", params=params)
        given = found.get("authenticationToken") or found.get("authToken")
        if not given:
            raise BadAnswer(SERVICE, f"plex.tv gave no token for {member.name}.", "It is tried again by itself.")
        return Secret(given)

    def shared(self, token: Secret, machine: str) -> dict[str, Secret]:
        """Server tokens of those with whom the owner shares, by number; plex.tv has closed this before."""
        rows = self._rows(f"/api/servers/{machine}/shared_servers", token, "SharedServer")
        return {each.get("userID", ""): Secret(each.get("accessToken", "")) for each in rows if each.get("accessToken")}

    def travels(self, token: Secret) -> bool:
        """Whether plex.tv carries watched states and ratings between the servers of this account."""
        url = f"{self.settings.account_url}/api/v2/user/view_state_sync"
        answer = self._session.get(url, headers={"X-Plex-Token": token.reveal(), "Accept": "application/json"})
        try:
            return bool(answer.json().get("consent"))
        except (ValueError, AttributeError):
            return False

    def webhooks(self, token: Secret) -> list[str]:
        """Where plex.tv has events of this account sent to."""
        return [each.get("url", "") for each in self._rows("/api/v2/user/webhooks", token, "webhook")]

    def add_webhook(self, token: Secret, url: str) -> None:
        """Add an address to those that are there: what is posted replaces the whole list."""
        known = self.webhooks(token)
        if url in known:
            return
        self.ask("/api/v2/user/webhooks", token, method="POST", data=[("urls[]", each) for each in (*known, url)])
        if not {url, *known} <= set(self.webhooks(token)):
            what = "Plex did not keep the webhooks as they were sent."
            raise BadAnswer(SERVICE, what, "Look at them in the Plex account's settings.")

    def close(self) -> None:
        """Hang up."""
        self._session.close()

    def _rows(self, path: str, token: Secret, tag: str, params: Mapping[str, Any] | None = None) -> Iterator[Element]:
        return self.ask(path, token, params=params).iter(tag)

    def _counted(self, service: str, method: str, status: str) -> None:
        self.asked += 1
        if self._count is not None:
            self._count(service, method, status)
