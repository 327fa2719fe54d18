"""One method per endpoint that we use, and nothing else: what stands here is all that Trakt ever hears from us.

Every call goes through the limits of its account, is looked at by `statuses`, renews its token at most once, and is
decoded into its type. A GET is sent up to three times; a write once, ever.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import requests

from sidecar.clock import Clock
from sidecar.errors import AuthLost, Outage, RateLimited, Unreachable
from sidecar.http import Count, Session, build_session
from sidecar.settings import Trakt as TraktSettings
from sidecar.trakt.limits import NOBODY, Bucket, Limits, Rest, Stopped
from sidecar.trakt.statuses import SERVICE, AccountLocked, check, decode
from sidecar.trakt.tokens import Tokens
from sidecar.trakt.wire import Row, Scrobbled, Season, UserSettings, Written

Params = dict[str, str | int]
ENDPOINTS = (
    "GET /sync/last_activities",
    "GET /users/settings",
    "GET /sync/history/{type}",
    "GET /sync/history/{type}/{id}",
    "GET /sync/watched/{type}",
    "GET /sync/ratings/{type}",
    "GET /sync/watchlist/{type}",
    "GET /sync/collection/{type}",
    "GET /search/{source}/{id}",
    "GET /shows/{id}/seasons",
    "POST /sync/{feature}",
    "POST /sync/{feature}/remove",
    "POST /scrobble/{action}",
)


class Sessions:
    """A session for each thread, because one is not safe to share."""

    def __init__(self, settings: TraktSettings, count: Count | None = None) -> None:
        self._settings, self._count = settings, count
        self._mine = threading.local()
        self._all: list[Session] = []

    def __call__(self) -> Session:
        """The session of this thread."""
        session: Session | None = getattr(self._mine, "session", None)
        if session is None:
            session = build_session(SERVICE, timeout=self._settings.timeout, sends=1, count=self._count)
            session.headers.update({"trakt-api-version": "2", "Content-Type": "application/json"})
            session.headers["trakt-api-key"] = self._settings.client_id
            self._mine.session = session
            self._all.append(session)
        return session

    def close(self) -> None:
        """Hang up everywhere."""
        for session in self._all:
            session.close()


class Trakt:
    """Trakt, as one app sees it."""

    def __init__(
        self, settings: TraktSettings, sessions: Sessions, tokens: Tokens, limits: Limits, *, clock: Clock, rest: Rest
    ) -> None:
        self._settings, self._sessions, self._tokens, self.limits = settings, sessions, tokens, limits
        self._clock, self._rest = clock, rest

    def last_activities(self, account: str, *, once: bool = False) -> dict[str, Any]:
        """The stamps of everything that may have changed; with `once` no second try and no long wait."""
        path = "/sync/last_activities"
        answer = self._call("GET", path, account, urgent=True) if once else self._get(path, account)
        return decode(answer, dict[str, Any])

    def settings(self, account: str) -> UserSettings:
        """Who the account is, and what it may."""
        return decode(self._get("/users/settings", account, {"extended": "browsing"}), UserSettings)

    def settings_with(self, access_token: str) -> UserSettings:
        """The same with a token that is not linked yet; proves it."""
        headers = {"Authorization": f"Bearer {access_token}"}
        url = self._url("/users/settings")
        return decode(check(self._sessions().get(url, headers=headers), self._clock), UserSettings)

    def history_page(self, account: str, kind: str, params: Params, *, urgent: bool = False) -> requests.Response:
        """One page of plays of a type, newest first."""
        return self._get(f"/sync/history/{kind}", account, params, urgent=urgent)

    def history_of(
        self, account: str, kind: str, trakt: int, params: Params, *, urgent: bool = False
    ) -> requests.Response:
        """One page of the plays of one title."""
        return self._get(f"/sync/history/{kind}/{trakt}", account, params, urgent=urgent)

    def watched(self, account: str, kind: str, params: Params) -> requests.Response:
        """The watched state of a type: a page of rows, or with `extended=min` a map."""
        return self._get(f"/sync/watched/{kind}", account, params)

    def ratings_page(self, account: str, kind: str, params: Params) -> requests.Response:
        """One page of ratings of a type."""
        return self._get(f"/sync/ratings/{kind}", account, params)

    def watchlist_page(self, account: str, params: Params) -> requests.Response:
        """One page of the watchlist, all types."""
        return self._get("/sync/watchlist/all", account, params)

    def collection_page(self, account: str, kind: str, params: Params) -> requests.Response:
        """One page of the collection of a type, with media data."""
        return self._get(f"/sync/collection/{kind}", account, params)

    def look_up(self, source: str, number: str, kind: str, *, urgent: bool = False) -> list[Row]:
        """What an external id stands for; numbers repeat across types, so the type is always said."""
        return decode(self._get(f"/search/{source}/{number}", NOBODY, {"type": kind}, urgent=urgent), list[Row])

    def seasons(self, show: int, *, urgent: bool = False) -> list[Season]:
        """All seasons and episodes of a show with their ids."""
        params: Params = {"extended": "episodes"}
        return decode(self._get(f"/shows/{show}/seasons", NOBODY, params, urgent=urgent), list[Season])

    def write(
        self, account: str, feature: str, body: dict[str, Any], *, remove: bool = False, urgent: bool = False
    ) -> Written:
        """Send one list of titles to one feature; once, whatever happens."""
        path = f"/sync/{feature}/remove" if remove else f"/sync/{feature}"
        timeout = self._settings.timeout if urgent else self._settings.bulk_timeout
        return decode(self._post(path, account, body, urgent=urgent, timeout=timeout), Written)

    def scrobble(self, account: str, action: str, body: dict[str, Any]) -> Scrobbled:
        """Start, pause or stop; a 409 comes back as what it says, without an id."""
        answer = self._call("POST", f"/scrobble/{action}", account, body=body, urgent=True, fine=(409,))
        return decode(answer, Scrobbled)

    def _get(self, path: str, account: str, params: Params | None = None, *, urgent: bool = False) -> requests.Response:
        """A read: tried again on outages, with growing pauses, inside the limits."""
        for attempt in range(1, self._settings.max_retries + 1):
            try:
                return self._call("GET", path, account, params=params, urgent=urgent)
            except (Outage, Unreachable):
                if attempt == self._settings.max_retries:
                    raise
                pause = 2.0 ** (attempt - 1) * (1 + random.random() / 4)  # noqa: S311 - a jitter is no secret
                if self._rest(pause):
                    raise Stopped("The wait for Trakt was interrupted; nothing was sent.") from None
        raise AssertionError("unreachable")

    def _post(
        self, path: str, account: str, body: dict[str, Any], *, urgent: bool, timeout: float
    ) -> requests.Response:
        return self._call("POST", path, account, body=body, urgent=urgent, timeout=timeout)

    def _call(
        self,
        method: str,
        path: str,
        account: str,
        *,
        params: Params | None = None,
        body: dict[str, Any] | None = None,
        urgent: bool = False,
        timeout: float | None = None,
        fine: tuple[int, ...] = (),
    ) -> requests.Response:
        """One request with its token; a 401 renews the token and repeats once, a short pause of Trakt is waited for."""
        bucket: Bucket = "read" if method == "GET" else "write"
        token = self._tokens.access(account) if account else None
        renewed = False
        for _ in range(4):
            headers = {"Authorization": f"Bearer {token.reveal()}"} if token else {}
            self.limits.wait(account, bucket, urgent=urgent, patience=5.0 if urgent else 900.0)
            answer = self._sessions().request(
                method,
                self._url(path),
                params=params,
                json=body,
                headers=headers,
                timeout=timeout or self._settings.timeout,
            )
            try:
                self.limits.heard(account, bucket, answer)
                return answer if answer.status_code in fine else check(answer, self._clock)
            except RateLimited as problem:
                if urgent or problem.status != 429:
                    raise
            except AccountLocked as problem:
                self._tokens.lost(account, "auth", problem.what, problem.next_step)
                raise
            except AuthLost as problem:
                if token is None or renewed:
                    if token is not None:
                        self._tokens.lost(account, "auth", problem.what)
                    raise
                token, renewed = self._tokens.renew(account, token), True
        raise RateLimited(SERVICE, "Trakt asks for a pause again and again.", "It goes on by itself.", status=429)

    def _url(self, path: str) -> str:
        return f"{self._settings.api_url.rstrip('/')}{path}"


Clients = Callable[[], Trakt]
