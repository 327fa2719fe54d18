"""The token pair of each linked account: kept sealed, renewed in time, by exactly one refresher.

A refresh token is good for one use. So a new pair is committed before it is used, whoever else wants one waits for the
one that is under way, and only Trakt's own "invalid grant" ends a link: no outage ever does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta

import msgspec

from sidecar.clock import Clock
from sidecar.errors import AuthLost, NotLinked, RemoteError
from sidecar.model import Secret
from sidecar.store.alerts import Alerts
from sidecar.store.db import Store, Transaction
from sidecar.store.people import People, trakt_secret
from sidecar.store.vault import Vault
from sidecar.trakt.auth import Auth
from sidecar.trakt.wire import Token

LINK_AGAIN = "Link the account again with `sidetrakt link PERSON`; what waits is kept and sent then."
EARLY = timedelta(hours=1)


class Tokens:
    """All accounts' pairs."""

    def __init__(self, store: Store, vault: Callable[[], Vault], auth: Auth, clock: Clock) -> None:
        self._store, self._vault, self._auth, self._clock = store, vault, auth, clock
        self._lock = threading.Lock()
        self._going: dict[str, Future[Secret]] = {}

    def access(self, uuid: str) -> Secret:
        """An access token that should be accepted; renewed first where its end is near."""
        token = self._load(uuid)
        if self._clock.now() < _renew_at(token):
            return Secret(token.access_token)
        try:
            return self.renew(uuid, Secret(token.access_token))
        except AuthLost:
            raise
        except RemoteError:
            if self._clock.now() < _ends_at(token):
                return Secret(token.access_token)  # still good; the next call tries to renew again
            raise

    def renew(self, uuid: str, stale: Secret) -> Secret:
        """A pair other than the stale one; many callers make one request."""
        with self._lock:
            going = self._going.get(uuid)
            mine = going is None
            if going is None:
                going = self._going[uuid] = Future()
        if not mine:
            return going.result()
        try:
            going.set_result(self._renew(uuid, stale))
        except BaseException as problem:
            going.set_exception(problem)
        finally:
            with self._lock:
                del self._going[uuid]
        return going.result()

    def put(self, db: Transaction, uuid: str, token: Token) -> None:
        """Keep a pair, in the caller's transaction."""
        self._vault().put(db, trakt_secret(uuid), Secret(msgspec.json.encode(dated(token, self._clock.now())).decode()))

    def drop(self, db: Transaction, uuid: str) -> None:
        """Forget a pair."""
        self._vault().drop(db, trakt_secret(uuid))

    def pair(self, uuid: str) -> Token | None:
        """The pair as it is kept."""
        with self._store.read() as db:
            found = self._vault().get(db, trakt_secret(uuid))
        return msgspec.json.decode(found.reveal(), type=Token) if found else None

    def lost(self, uuid: str, kind: str, what: str, next_step: str = LINK_AGAIN) -> None:
        """The link is dead: nobody is called for it any more, and one alert says what to do."""
        with self._store.write() as db:
            people = People(db)
            people.trakt_needs_attention(uuid, what)
            names = ", ".join(person.name for person in people.sharing(uuid)) or people.trakt_account(uuid).name
            step = next_step.replace("PERSON", names.split(",", maxsplit=1)[0])
            Alerts(db).open(f"link:{uuid}", kind, self._clock.now(), what=f"{names}: {what}", next_step=step)

    def _renew(self, uuid: str, stale: Secret) -> Secret:
        token = self._load(uuid)
        if token.access_token != stale.reveal():
            return Secret(token.access_token)  # somebody renewed it before we came
        try:
            fresh = self._auth.refresh(Secret(token.refresh_token))
        except AuthLost as problem:
            self.lost(uuid, "auth", problem.what)
            raise
        with self._store.write() as db:  # before it is used: if we die now, nothing is half
            self.put(db, uuid, fresh)
        return Secret(fresh.access_token)

    def _load(self, uuid: str) -> Token:
        """The pair of an account whose link is alive; raises NotLinked without asking anybody."""
        with self._store.read() as db:
            try:
                account = People(db).trakt_account(uuid)
            except KeyError as problem:
                raise NotLinked("This Trakt account is not linked.", "Link it with `sidetrakt link`.") from problem
        if account.state != "connected":
            raise NotLinked(account.reason or "The link needs attention.", LINK_AGAIN)
        token = self.pair(uuid)
        if token is None:
            raise NotLinked("This Trakt account is not linked.", "Link it with `sidetrakt link`.")
        return token


def dated(token: Token, now: datetime) -> Token:
    """The pair with its begin, which is now where nobody says."""
    return token if token.created_at else msgspec.structs.replace(token, created_at=int(now.timestamp()))


def _ends_at(token: Token) -> datetime:
    return datetime.fromtimestamp(token.created_at + token.expires_in, UTC)


def _renew_at(token: Token) -> datetime:
    """After 80 % of its life, and at least an hour before its end."""
    return _ends_at(token) - max(
        timedelta(seconds=token.expires_in / 5), min(EARLY, timedelta(seconds=token.expires_in / 2))
    )
