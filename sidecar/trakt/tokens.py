"""The token pair of each linked account: kept sealed, renewed in time, by exactly one refresher.

A refresh token is good for one use. So a new pair is committed before it is used, whoever else wants one waits for the
one that is under way, and only Trakt's own "invalid grant" ends a link: no outage ever does.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from sidecar.clock import Clock
from sidecar.errors import AuthLost, NotLinked, RemoteError, SidetraktError, Unreachable, UserError
from sidecar.model import Secret
from sidecar.store.alerts import Alerts
from sidecar.store.db import Store, Transaction
from sidecar.store.people import People, trakt_secret
from sidecar.store.vault import Vault
from sidecar.trakt.auth import Auth
from sidecar.trakt.statuses import SERVICE
from sidecar.trakt.wire import Token

LINK_AGAIN = "Link the account again with `sidetrakt link PERSON`; what waits is kept and sent then."
IN_VAIN = "Trakt refuses even a token that it has just given."
EARLY = timedelta(hours=1)
LONGEST_PAUSE = 300.0  # seconds between two tries to renew a pair


@dataclass(frozen=True, slots=True)
class _Failure:
    """A renewal that did not succeed, and when it may be tried again."""

    problem: RemoteError
    count: int
    again_at: float


class Tokens:
    """All accounts' pairs."""

    def __init__(self, store: Store, vault: Callable[[], Vault], auth: Auth, clock: Clock) -> None:
        self._store, self._vault, self._auth, self._clock = store, vault, auth, clock
        self._lock = threading.Lock()
        self._going: dict[str, Future[Secret]] = {}
        # By the refresh token that they are about, so that a new link knows nothing of the former one's troubles.
        self._failures: dict[str, _Failure] = {}
        self._bought: dict[str, Token] = {}

    def access(self, uuid: str) -> Secret:
        """An access token that should be accepted; renewed first where its end is near."""
        token = self._load(uuid)
        access = Secret(token.access_token)
        if self._clock.now() < _renew_at(token):
            return access
        try:
            return self.renew(uuid, access)
        except AuthLost:
            raise
        except RemoteError:
            if self._clock.now() < _ends_at(token):
                return access  # still good; a later call tries again
            raise

    def due(self, uuid: str) -> Secret | None:
        """The token that has to be renewed before the next call; None if it is good for longer."""
        token = self._load(uuid)
        return None if self._clock.now() < _renew_at(token) else Secret(token.access_token)

    def works(self, uuid: str) -> bool:
        """Whether there is a pair, and a link that is alive; asks nobody."""
        try:
            self._load(uuid)
        except UserError:
            return False
        return True

    def renew(self, uuid: str, stale: Secret) -> Secret:
        """A pair other than the stale one; many callers make one request."""
        while True:
            with self._lock:
                going = self._going.get(uuid)
                if going is None:
                    mine = self._going[uuid] = Future[Secret]()
                    break
            if (found := _outcome(going)) != stale:
                return found
        outcome: Secret | BaseException | None = None
        try:
            outcome = self._renew(uuid, stale)
            return outcome
        except BaseException as problem:
            outcome = problem
            raise
        finally:
            with self._lock:
                del self._going[uuid]  # before anybody hears: who comes from now on looks for himself
            if isinstance(outcome, Secret):
                mine.set_result(outcome)
            else:
                mine.set_exception(outcome or NotLinked("The renewal was interrupted."))

    def doubt(self, uuid: str) -> None:
        """Try a link once more whose death Trakt itself never confirmed; its alert stays open until a call succeeds."""
        with self._store.write() as db:
            people = People(db)
            if people.trakt_account(uuid).reason == IN_VAIN:
                people.trakt_may_work(uuid)

    def put(self, db: Transaction, uuid: str, token: Token) -> None:
        """Keep a pair, in the caller's transaction."""
        self._vault().put(db, trakt_secret(uuid), Secret(msgspec.json.encode(dated(token, self._clock.now())).decode()))

    def take(self, db: Transaction, uuid: str) -> Token | None:
        """Forget a pair, in the caller's transaction; returns it, so that Trakt can be told afterwards."""
        token = self._kept(db, uuid)
        self._vault().drop(db, trakt_secret(uuid))
        return token

    def lost(
        self, uuid: str, kind: str, what: str, next_step: str = LINK_AGAIN, *, stale: Secret | None = None
    ) -> None:
        """The link is dead: nobody is called for it any more, and one alert says what to do.

        With `stale` only while that is still the token: a link that was made meanwhile is not dead.
        """
        with self._store.write() as db:
            token = self._kept(db, uuid)
            if token is None or (stale is not None and token.access_token != stale.reveal()):
                return
            people = People(db)
            people.trakt_needs_attention(uuid, what)
            names, step = _for(people, uuid, next_step)
            Alerts(db).open(f"link:{uuid}", kind, self._clock.now(), what=f"{names}: {what}", next_step=step)

    def _renew(self, uuid: str, stale: Secret) -> Secret:
        token = self._load(uuid)
        if token.access_token != stale.reveal():
            return Secret(token.access_token)  # somebody renewed it before we came
        fresh = self._bought.get(token.refresh_token) or self._buy(uuid, token)
        with self._store.write() as db:  # before it is used: if we die now, nothing is half
            kept = self._kept(db, uuid)
            if kept == token:
                self.put(db, uuid, fresh)
        self._bought.pop(token.refresh_token, None)
        if kept is None:  # it was unlinked meanwhile, and the new pair must not live on
            self._auth.revoke(Secret(fresh.access_token))
            raise NotLinked("This Trakt account is not linked.", "Link it with `sidetrakt link`.")
        return Secret((fresh if kept == token else kept).access_token)

    def _buy(self, uuid: str, token: Token) -> Token:
        """The new pair for an old one; after a failure not before its pause is over. Kept here until it is stored."""
        failed = self._failures.get(token.refresh_token)
        if failed is not None and self._clock.monotonic() < failed.again_at:
            raise failed.problem.again()
        try:
            fresh = self._auth.refresh(Secret(token.refresh_token))
        except AuthLost as problem:
            self.lost(uuid, "auth", problem.what, stale=Secret(token.access_token))
            self._failures.pop(token.refresh_token, None)
            raise
        except RemoteError as problem:
            count = failed.count + 1 if failed else 1
            pause = min(2.0 ** (count - 1), LONGEST_PAUSE)
            if problem.retry_at is not None:
                pause = max(pause, (problem.retry_at - self._clock.now()).total_seconds())
            self._failures[token.refresh_token] = _Failure(problem, count, self._clock.monotonic() + pause)
            raise
        self._failures.pop(token.refresh_token, None)
        self._bought[token.refresh_token] = fresh
        return fresh

    def _kept(self, db: Transaction, uuid: str) -> Token | None:
        """The pair as it is kept."""
        found = self._vault().get(db, trakt_secret(uuid))
        return msgspec.json.decode(found.reveal(), type=Token) if found else None

    def _load(self, uuid: str) -> Token:
        """The pair of an account whose link is alive; raises NotLinked without asking anybody."""
        with self._store.read() as db:
            people, token = People(db), self._kept(db, uuid)
            if token is None:
                raise NotLinked("This Trakt account is not linked.", "Link it with `sidetrakt link`.")
            account = people.trakt_account(uuid)
            if account.state != "connected":
                raise NotLinked(account.reason, _for(people, uuid, LINK_AGAIN)[1])
        return token


def dated(token: Token, now: datetime) -> Token:
    """The pair with its begin, which is now where nobody says."""
    return token if token.created_at else msgspec.structs.replace(token, created_at=int(now.timestamp()))


def as_word(name: str) -> str:
    """A person's name as one types it in a shell."""
    return name if name.isalnum() else shlex.quote(name)


def _for(people: People, uuid: str, step: str) -> tuple[str, str]:
    """Whose account it is, and a next step that names one of them."""
    names = [person.name for person in people.sharing(uuid)] or [people.trakt_account(uuid).name]
    return ", ".join(names), step.replace("PERSON", as_word(names[0]))


def _outcome(going: Future[Secret]) -> Secret:
    """What another thread's renewal came to; its error is raised anew, because that one belongs to the other thread."""
    problem = going.exception()
    if problem is None:
        return going.result()
    if isinstance(problem, SidetraktError):
        raise problem.again() from problem
    raise Unreachable(SERVICE, "The renewal of the token was interrupted.", "Try again.") from problem


def _ends_at(token: Token) -> datetime:
    return datetime.fromtimestamp(token.created_at + token.expires_in, UTC)


def _renew_at(token: Token) -> datetime:
    """After 80 % of its life, and at least an hour before its end."""
    return _ends_at(token) - max(
        timedelta(seconds=token.expires_in / 5), min(EARLY, timedelta(seconds=token.expires_in / 2))
    )
