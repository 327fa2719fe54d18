"""Everything of Trakt that one process has, built together: one set of limits, one refresher, one app."""

from __future__ import annotations

from collections.abc import Callable

from sidecar.clock import Clock
from sidecar.errors import RemoteError, UserError
from sidecar.http import Count
from sidecar.settings import Trakt as TraktSettings
from sidecar.store.alerts import Alerts
from sidecar.store.db import Store
from sidecar.store.elsewhere import Elsewhere
from sidecar.store.people import People
from sidecar.store.vault import Vault
from sidecar.trakt.auth import Auth
from sidecar.trakt.client import Sessions, Trakt
from sidecar.trakt.limits import Limits, Rest, Stopped
from sidecar.trakt.links import Links
from sidecar.trakt.lookup import Lookup
from sidecar.trakt.provider import TraktSide
from sidecar.trakt.scrobbler import Scrobbler
from sidecar.trakt.statuses import AppRefused
from sidecar.trakt.tokens import Tokens

APP_ALERT = "trakt:app"


class TraktService:
    """Trakt, for this process."""

    def __init__(
        self,
        settings: TraktSettings,
        store: Store,
        vault: Callable[[], Vault],
        *,
        clock: Clock,
        rest: Rest,
        count: Count | None = None,
    ) -> None:
        self._settings, self._store, self._clock = settings, store, clock
        self.elsewhere = Elsewhere(store, vault)
        self._sessions = Sessions(settings, count)
        self.limits = Limits(
            clock, rest, get_per_second=settings.get_per_second, write_per_second=settings.write_per_second
        )
        self.auth = Auth(settings, self._sessions, clock)
        self.tokens = Tokens(store, vault, self.auth, clock)
        self.client = Trakt(settings, self._sessions, self.tokens, self.limits, clock=clock)
        self.links = Links(store, vault, auth=self.auth, trakt=self.client, tokens=self.tokens, clock=clock)
        self.scrobbler = Scrobbler(self.client)
        self.lookup = Lookup(self.client, store, clock)

    def side(self, account: str) -> TraktSide:
        """The side of one linked account, for one run."""
        return TraktSide(
            account,
            self.client,
            self.tokens,
            settings=self._settings,
            store=self._store,
            clock=self._clock,
            elsewhere=self.elsewhere,
        )

    def check_links(self) -> None:
        """Ask every account once who it is, unless its link is dead: a new name is noted, a dead link found."""
        with self._store.read() as db:
            accounts = People(db).trakt_accounts()
        for account in accounts:
            self.tokens.doubt(account.uuid)
            try:
                settings = self.client.settings(account.uuid)
            except Stopped:
                return
            except AppRefused as problem:  # for all accounts alike
                with self._store.write() as db:
                    now, step = self._clock.now(), problem.next_step
                    Alerts(db).open(APP_ALERT, "setup", now, what=problem.what, next_step=step)
                return
            except (RemoteError, UserError):
                continue  # whatever it is, the alert is open, or the next call tells
            with self._store.write() as db:
                now, who = self._clock.now(), settings.user.username
                if People(db).met_trakt(account.uuid, who, settings.allowed(), now):
                    Alerts(db).close(f"link:{account.uuid}", now)
                Alerts(db).close(APP_ALERT, now)

    def close(self) -> None:
        """Hang up."""
        self._sessions.close()
