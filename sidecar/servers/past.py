"""What was known of an account's items before something was heard: to tell news from what was so already."""

from __future__ import annotations

from datetime import datetime, timedelta

from sidecar.clock import Clock
from sidecar.model import Feature
from sidecar.servers.rows import Row
from sidecar.store.baseline import Baseline
from sidecar.store.db import Store
from sidecar.store.sessions import Sessions
from sidecar.store.titles import Titles

ECHO = timedelta(seconds=60)  # how long after its end a viewing still changes what the server says
NEAR = timedelta(minutes=5)  # of a date that a session or a toggle explains


class Past:
    """The memory of one account on one server."""

    def __init__(self, store: Store, clock: Clock, server: str, user: str) -> None:
        self._store, self._clock, self._server, self._user = store, clock, server, user

    def held(self, row: Row) -> tuple[float | None, bool | None]:
        """The rating, and whether it was played, as the last run saw it; None for played where no run saw it."""
        with self._store.write() as db:  # the number of a side is made when it is first asked for
            found = Titles(db).find(row.refs[0]) if row.refs else None
            title = Titles(db).claimed(row.refs[0]) if row.refs and found is None else found
            if not isinstance(title, int):
                return None, None
            baseline = Baseline(db)
            side = baseline.side(f"jellyfin:{self._server}:{self._user}")
            rated = baseline.seen_of(side, Feature.RATINGS, title)
            watched = baseline.seen_of(side, Feature.HISTORY, title)
            joined = baseline.state(side, Feature.HISTORY).joined_at is not None
        copies = (watched.value or {}).get("copies", ()) if watched else ()
        played = any(copy["played"] for copy in copies if copy["item"] == row.item)
        return rated.value["value"] if rated and rated.value else None, played if joined else None

    def plays(self, item: str) -> bool:
        """Whether it is playing, or was a moment ago."""
        with self._store.read() as db:
            return bool(Sessions(db).of_user(self._server, self._user, "", item, self._clock.now() - ECHO))

    def explains(self, item: str, at: datetime) -> bool:
        """Whether something that was no viewing made the server show this date."""
        with self._store.read() as db:
            return any(abs(each - at) <= NEAR for each in Sessions(db).explained(self._server, self._user, item))
