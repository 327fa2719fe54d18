"""`/hooks/jellyfin/<server>` and `/hooks/plex/<server>/<secret>`: where servers tell what happens.

Answered at once, because players wait for it, and with 202 only when what was heard is stored. Whatever is sent, the
answer says who has to do something: 400, 401, 404 and 413 the sender, 429 and 503 nobody, it may come again.
"""

from __future__ import annotations

import hmac
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from sidecar.clock import Clock
from sidecar.errors import SecretsLocked, StoreError, UserError
from sidecar.events import Event
from sidecar.live import jellyfin_hook, plex_hook, webhook_plugin
from sidecar.live.bodies import unreadable
from sidecar.live.known import filled
from sidecar.settings import Server
from sidecar.store.db import Store
from sidecar.store.hooks import hook_token
from sidecar.store.servers import KnownServer, KnownServers
from sidecar.store.vault import Vault

log = logging.getLogger(__name__)

WRONG_A_MINUTE = 10  # wrong secrets of one sender that are answered each by itself
SENDERS = 1000  # that are told apart
STATUS = {
    "accepted": 202,
    "ignored": 202,  # nothing in it that is for us
    "unreadable": 400,
    "refused": 401,
    "unknown": 404,
    "too large": 413,
    "throttled": 429,
    "later": 503,
}
WAIT = {"throttled": 60, "later": 10}  # seconds

Hear = Callable[[Event], object]
"""Takes an event; when it returns, the event is stored."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request."""

    outcome: str
    what: str = ""
    next_step: str = ""


class Hooks:
    """Checks who speaks, reads what is said, and hands it on."""

    def __init__(
        self,
        servers: tuple[Server, ...],
        store: Store,
        vault: Callable[[], Vault],
        hear: Hear,
        *,
        clock: Clock,
        count: Callable[[str, str], None],
    ) -> None:
        self._servers = {f"{server.kind}:{server.name.lower()}": server for server in servers}
        self._store, self._vault, self._hear, self._clock, self.count = store, vault, hear, clock, count
        self._strangers = Strangers(clock)

    def take(self, kind: str, name: str, secret: bytes, sender: str, body: Callable[[], bytes]) -> Answer:
        """One request, whatever it is; never raises for what somebody sent."""
        server = self._servers.get(f"{kind}:{name.lower()}")
        if server is None:
            step = "`sidetrakt hooks` shows the addresses of those it knows."
            return Answer("unknown", f"Sidetrakt knows no {kind} server of this name.", step)
        try:
            with self._store.read() as db:
                token, known = hook_token(db, self._vault(), server), KnownServers(db).named(server.name)
            # A right secret passes whatever its sender did before: behind a proxy all have one address.
            if token is None or not hmac.compare_digest(secret, token.reveal().encode()):
                return self._stranger(server, sender)
            return self._let_in(kind, known, body)
        except (StoreError, SecretsLocked) as problem:
            log.warning("What %s told could not be stored: %s", server.name, problem)
            return Answer("later", problem.what, "Nothing was stored; send it again.")

    def _let_in(self, kind: str, known: KnownServer | None, body: Callable[[], bytes]) -> Answer:
        if known is None:
            return Answer("later", "This server was not reached yet, so nobody on it is known.", "Send it again.")
        try:
            event = READERS[kind](body(), known, self._clock.now())
        except RequestEntityTooLarge:
            return Answer("too large", "This is more than 1 MiB.", "Nothing of it was read.")
        except UserError as problem:
            return Answer("unreadable", problem.what, problem.next_step)
        if event is None:
            return Answer("ignored")
        with self._store.read() as db:
            event = filled(db, event)
        self._hear(event)
        return Answer("accepted")

    def _stranger(self, server: Server, sender: str) -> Answer:
        wrong = self._strangers.came(sender)
        if wrong == 1:
            log.warning("Something at %s uses a wrong secret for the hook of %s", sender, server.name)
        if wrong > WRONG_A_MINUTE:
            return Answer("throttled", "Too many wrong secrets.", "Wait a minute.")
        return Answer("refused", "This is not the secret of this server.", "`sidetrakt hooks` shows it.")


class Strangers:
    """How often each sender came with a wrong secret within the present minute; of no more than so many senders."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._minute, self._counts = 0, dict[str, int]()

    def came(self, sender: str) -> int:
        """Count one more; beyond the last sender that is told apart, everybody came too often."""
        minute = int(self._clock.monotonic() // 60)
        with self._lock:
            if minute != self._minute:
                self._minute, self._counts = minute, {}
            if sender not in self._counts and len(self._counts) >= SENDERS:
                return WRONG_A_MINUTE + 1
            self._counts[sender] = self._counts.get(sender, 0) + 1
            return self._counts[sender]


def pages(hooks: Hooks) -> Blueprint:
    """The two addresses."""
    blueprint = Blueprint("hooks", __name__)

    def respond(kind: str, name: str, secret: bytes, body: Callable[[], bytes]) -> tuple[Response, int]:
        answer = hooks.take(kind, name, secret, request.remote_addr or "", body)
        hooks.count(kind, answer.outcome)
        said = {"result": answer.outcome, "error": answer.what, "next_step": answer.next_step}
        response = jsonify({key: text for key, text in said.items() if text})
        if answer.outcome in WAIT:
            response.headers["Retry-After"] = str(WAIT[answer.outcome])
        return response, STATUS[answer.outcome]

    @blueprint.post("/hooks/jellyfin/<server>")
    def jellyfin(server: str) -> tuple[Response, int]:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        secret = token.strip() if scheme.lower() == "bearer" else ""
        return respond("jellyfin", server, secret.encode("latin-1", "replace"), request.get_data)

    @blueprint.post("/hooks/plex/<server>/<path:secret>")
    def plex(server: str, secret: str) -> tuple[Response, int]:
        return respond("plex", server, secret.encode("utf-8", "replace"), payload)

    def payload() -> bytes:
        text = request.form.get("payload")  # beside it there may be a picture, which nobody looks at
        if text is None:
            raise unreadable("there is no field “payload”")
        return text.encode("utf-8", "replace")

    return blueprint


def _jellyfin(body: bytes, server: KnownServer, received: datetime) -> Event | None:
    """Of our plugin or of the Webhook plugin, whatever the Content-Type says."""
    if b'"NotificationType"' in body or not body.strip():
        return webhook_plugin.event_of(body, server.id, received)
    return jellyfin_hook.event_of(body, server.id, received)


READERS: dict[str, Callable[[bytes, KnownServer, datetime], Event | None]] = {
    "jellyfin": _jellyfin,
    "plex": plex_hook.event_of,
}
