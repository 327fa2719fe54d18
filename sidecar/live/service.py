"""Everything of live that one process has, built together: one way in, one way out, one picture of both."""

from __future__ import annotations

from collections.abc import Callable

from sidecar.clock import Clock
from sidecar.live.deliver import Deliver
from sidecar.live.hub import Hub
from sidecar.live.intake import Intake
from sidecar.store.db import Store
from sidecar.trakt.service import TraktService


class LiveService:
    """From what servers say to what Trakt is told."""

    def __init__(
        self, store: Store, trakt: TraktService, *, clock: Clock, epoch: int, count: Callable[[str, str], None]
    ) -> None:
        self.hub = Hub(store)
        self.deliver = Deliver(store, trakt, clock=clock, hub=self.hub, epoch=epoch)
        self.intake = Intake(store, clock, self.hub, wake=self.deliver.wake, count=count)
