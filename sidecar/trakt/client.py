"""One method per endpoint that we use, and nothing else: what stands here is all that Trakt ever hears from us.

Every call goes through the limits of its account, is looked at by `statuses`, renews its token at most once, and is
decoded into its type. A GET is sent up to three times; a write never again once it may have been carried out.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import requests

from sidecar.clock import Clock
from sidecar.errors import AuthLost, BadAnswer, Outage, RateLimited, Unreachable
from sidecar.http import Count, Session, build_session
from sidecar.model import Secret
from sidecar.settings import Trakt as TraktSettings
from sidecar.trakt.endpoints import ENDPOINTS
from sidecar.trakt.limits import BULK_PATIENCE, LIVE_PATIENCE, NOBODY, Bucket, Limits
from sidecar.trakt.log import logger
from sidecar.trakt.statuses import SERVICE, AccountLocked, app_refused, check, decode, is_json, unreadable
from sidecar.trakt.tokens import IN_VAIN, Tokens
from sidecar.trakt.wire import Row, Scrobbled, Season, UserSettings, Written

Params = dict[str, str | int]
MOST_REFUSALS = 4
log = logger(__name__)


@dataclass(frozen=True, slots=True)
class _Request:
    """One request, by the endpoint that it belongs to."""

    endpoint: str
    account: str
    parts: dict[str, Any] = field(default_factory=dict)
    params: Params | None = None
    body: dict[str, Any] | None = None
    urgent: bool = False
    timeout: float | None = None
    token: Secret | None = None  # of nobody who is linked yet
    once: bool = False  # a refused token is not renewed

    def __post_init__(self) -> None:
        if self.endpoint not in ENDPOINTS:
            raise ValueError(f"{self.endpoint} is nothing that Trakt may be asked")

    @property
    def method(self) -> str:
        return self.endpoint.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.endpoint.partition(" ")[2].format(**{name: quote(str(v), "") for name, v in self.parts.items()})

    @property
    def bucket(self) -> Bucket:
        return "read" if self.method == "GET" else "write"


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
        self, settings: TraktSettings, sessions: Sessions, tokens: Tokens, limits: Limits, *, clock: Clock
    ) -> None:
        self._settings, self._sessions, self._tokens, self.limits = settings, sessions, tokens, limits
        self._clock = clock
        self.ahead = timedelta(0)  # how far our clock was ahead of Trakt's when it last answered

    def last_activities(self, account: str) -> dict[str, Any]:
        """The stamps of everything that may have changed."""
        return decode(self._get("sync/last_activities", account), dict[str, Any])

    def prove(self, account: str) -> None:
        """Whether the link works, with one request: the stamps, or a renewal where that is due anyway."""
        stale = self._tokens.due(account)
        if stale is not None:
            self._tokens.renew(account, stale)
            return
        request = _Request("GET /sync/last_activities", account, urgent=True, once=True)
        decode(self._call(request), dict[str, Any])

    def settings(self, account: str) -> UserSettings:
        """Who the account is, and what it may."""
        return decode(self._get("users/settings", account, {"extended": "browsing"}), UserSettings)

    def settings_with(self, access_token: str) -> UserSettings:
        """The same with a token that is not linked yet; proves it."""
        params: Params = {"extended": "browsing"}
        token = Secret(access_token)
        request = _Request("GET /users/settings", NOBODY, params=params, urgent=True, token=token)
        return decode(self._read(request), UserSettings)

    def history_page(self, account: str, kind: str, params: Params, *, urgent: bool = False) -> requests.Response:
        """One page of plays of a type, or of all where it is empty; newest first."""
        path = "sync/history/{type}" if kind else "sync/history"
        return self._get(path, account, params, urgent=urgent, type=kind)

    def history_of(
        self, account: str, kind: str, trakt: int, params: Params, *, urgent: bool = False
    ) -> requests.Response:
        """One page of the plays of one title."""
        return self._get("sync/history/{type}/{id}", account, params, urgent=urgent, type=kind, id=trakt)

    def watched(self, account: str, kind: str, params: Params) -> requests.Response:
        """The watched state of a type: a page of rows, or with `extended=min` a map."""
        parts, timeout = {"type": kind}, self._settings.bulk_timeout  # a map is one large answer
        return self._read(_Request("GET /sync/watched/{type}", account, parts, params, timeout=timeout))

    def ratings_page(self, account: str, kind: str, params: Params) -> requests.Response:
        """One page of ratings of a type."""
        return self._get("sync/ratings/{type}", account, params, type=kind)

    def watchlist_page(self, account: str, params: Params) -> requests.Response:
        """One page of the watchlist, all types."""
        return self._get("sync/watchlist/{type}", account, params, type="all")

    def collection_page(self, account: str, kind: str, params: Params) -> requests.Response:
        """One page of the collection of a type, with media data."""
        return self._get("sync/collection/{type}", account, params, type=kind)

    def look_up(self, source: str, number: str, kind: str, *, urgent: bool = False) -> list[Row]:
        """What an external id stands for; numbers repeat across types, so the type is always said."""
        answer = self._get("search/{source}/{id}", NOBODY, {"type": kind}, urgent=urgent, source=source, id=number)
        return decode(answer, list[Row])

    def seasons(self, show: int, *, urgent: bool = False) -> list[Season]:
        """All seasons and episodes of a show with their ids."""
        params: Params = {"extended": "episodes"}
        return decode(self._get("shows/{id}/seasons", NOBODY, params, urgent=urgent, id=show), list[Season])

    def write(
        self, account: str, feature: str, body: dict[str, Any], *, remove: bool = False, urgent: bool = False
    ) -> Written:
        """Send one list of titles to one feature; never again after it may have been carried out."""
        endpoint = f"POST /sync/{feature}/remove" if remove else f"POST /sync/{feature}"
        timeout = self._settings.timeout if urgent else self._settings.bulk_timeout
        return decode(self._call(_Request(endpoint, account, body=body, urgent=urgent, timeout=timeout)), Written)

    def scrobble(self, account: str, action: str, body: dict[str, Any]) -> Scrobbled:
        """Start, pause or stop; a 409 comes back as what it says, perhaps nothing, without action and id."""
        request = _Request("POST /scrobble/{action}", account, {"action": action}, body=body, urgent=True)
        answer = self._call(request, fine=(409,))
        try:
            said: Scrobbled = decode(answer, Scrobbled)
        except BadAnswer:
            if answer.status_code != 409:
                raise
            return Scrobbled()  # the play is there all the same
        if answer.status_code == 409:
            return Scrobbled(watched_at=said.watched_at, expires_at=said.expires_at)
        if said.action not in ("start", "pause", "scrobble"):
            raise unreadable(answer, "Trakt did not say what it made of it.")
        return said

    def _get(
        self, path: str, account: str, params: Params | None = None, *, urgent: bool = False, **parts: Any
    ) -> requests.Response:
        return self._read(_Request(f"GET /{path}", account, parts, params, urgent=urgent))

    def _read(self, request: _Request) -> requests.Response:
        """A read: tried again on outages, with growing pauses, inside the limits."""
        attempt = 1
        while True:
            try:
                return self._call(request)
            except (Outage, Unreachable) as problem:
                pause = 2.0 ** (attempt - 1) * (1 + random.random() / 4)  # noqa: S311 - a jitter is no secret
                if problem.retry_at is not None:
                    pause = max(pause, (problem.retry_at - self._clock.now()).total_seconds())
                if attempt >= self._settings.max_retries or (request.urgent and pause > LIVE_PATIENCE):
                    raise
                log.info("%s Asked again in %.1f s: %s", problem.what, pause, request.endpoint)
            self.limits.pause(request.account, request.bucket, pause)
            attempt += 1

    def _call(self, request: _Request, fine: tuple[int, ...] = ()) -> requests.Response:
        """One answer: a 401 renews the token and repeats once, a short pause of Trakt is waited for."""
        account, token, renewed, refusals = request.account, request.token, False, 0
        while True:
            patience = LIVE_PATIENCE if request.urgent else BULK_PATIENCE
            self.limits.wait(account, request.bucket, urgent=request.urgent, patience=patience)
            if account and token is None:  # only now: while the gate is closed nothing is renewed either
                token = self._tokens.access(account)
            try:
                return self._send(request, token, fine)
            except RateLimited as problem:
                refusals += 1
                if request.urgent or problem.status != 429 or refusals >= MOST_REFUSALS:
                    raise
            except AuthLost as problem:
                if token is None or not account or request.once:
                    raise
                if renewed:
                    self._tokens.lost(account, "auth", IN_VAIN, stale=token)
                    raise AuthLost(SERVICE, IN_VAIN, problem.next_step, status=401) from problem
                token, renewed = self._tokens.renew(account, token), True

    def _send(self, request: _Request, token: Secret | None, fine: tuple[int, ...]) -> requests.Response:
        """Send it once, and hear what the answer says."""
        answer = self._sessions().request(
            request.method,
            f"{self._settings.api_url.rstrip('/')}{request.path}",
            params=request.params,
            json=request.body,
            headers={"Authorization": f"Bearer {token.reveal()}"} if token else {},
            timeout=request.timeout or self._settings.timeout,
        )
        log.debug("%s: %d", request.endpoint, answer.status_code)
        self._compare_clocks(answer)
        self.limits.heard(request.account, request.bucket, answer)
        if answer.status_code in fine and is_json(answer):
            return answer
        if answer.status_code == 401 and token is None:
            raise app_refused(401)
        try:
            return check(answer, self._clock)
        except AccountLocked as problem:
            self._tokens.lost(request.account, "auth", problem.what, problem.next_step)
            raise

    def _compare_clocks(self, answer: requests.Response) -> None:
        """Learn from Trakt's own answers what time it is there."""
        try:
            there = parsedate_to_datetime(answer.headers.get("Date", "")) if is_json(answer) else None
        except (ValueError, OverflowError):
            there = None
        if there is not None and there.tzinfo is not None:
            self.ahead = self._clock.now() - there
