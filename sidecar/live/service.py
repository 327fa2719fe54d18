"""Everything of live that one process has, built together: one way in, one way out, one picture of both."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sidecar.clock import Clock
from sidecar.events import Event
from sidecar.live.deliver import Deliver
from sidecar.live.hub import Hub
from sidecar.live.intake import Heard, Intake, Outcome
from sidecar.store.db import Store
from sidecar.trakt.service import TraktService

LATELY = timedelta(days=1)


class LiveService:
    """From what servers say to what Trakt is told."""

    def __init__(
        self, store: Store, trakt: TraktService, *, clock: Clock, epoch: int, count: Callable[[str, str], None]
    ) -> None:
        self.hub = Hub(store)
        self.deliver = Deliver(store, trakt, clock=clock, hub=self.hub, epoch=epoch)
        self.intake = Intake(store, clock, self.hub, wake=self.deliver.wake, count=count)
        self._clock = clock
        self._posted: dict[tuple[str, str], datetime] = {}  # when a hook last told something of a user

    def posted(self, event: Event) -> Heard:
        """Take an event that came to a hook."""
        heard = self.intake.hear(event)
        if heard.outcome is Outcome.ACCEPTED:
            self._posted[event.server, event.user] = self._clock.now()
        return heard

    def tells_ratings(self, server: str, user: str) -> bool:
        """Whether a hook told something of this user lately, and so will tell a rating, too."""
        last = self._posted.get((server, user))
        return last is not None and self._clock.now() - last < LATELY
