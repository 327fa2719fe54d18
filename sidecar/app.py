"""The composition root: builds everything from the settings, starts it and stops it.

Whoever holds the lock of the data folder builds an App: `up` for life, a command for as long as it works.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

from sidecar.clock import Clock
from sidecar.errors import SidetraktError
from sidecar.live.service import LiveService
from sidecar.logs import Redaction
from sidecar.metrics import Metrics
from sidecar.servers.listeners import Listeners
from sidecar.servers.service import Servers
from sidecar.settings import Settings
from sidecar.store.alerts import Alerts
from sidecar.store.db import open_store
from sidecar.store.handover import Desk, Perform
from sidecar.store.keys import Keys, find_keys
from sidecar.store.ledger import Ledger
from sidecar.store.lookups import Lookups
from sidecar.store.outbox import Outbox
from sidecar.store.owner import Owner, begin_epoch
from sidecar.store.runs import Runs
from sidecar.store.vault import open_vault, rotate
from sidecar.structs import know_structs
from sidecar.sync.schedule import TURN, Schedule
from sidecar.sync.service import SyncService
from sidecar.timer import Job, Timer
from sidecar.trakt.service import TraktService
from sidecar.worker import Crew

log = logging.getLogger(__name__)

REMEMBERED = timedelta(days=90)
"""How long what went out, settled viewings and closed alerts are kept."""


class App:
    """Everything that belongs to one data folder, in the hands of its one owner."""

    def __init__(
        self, folder: Path, settings: Settings, environ: Mapping[str, str], *, clock: Clock, redaction: Redaction
    ) -> None:
        know_structs()
        for secret in settings.secrets():
            redaction.learn(secret.reveal())
        self.settings = settings
        self.folder = folder
        self.clock = clock
        self.metrics = Metrics()
        self._environ = environ
        self._redaction = redaction
        keys = find_keys(folder, environ)  # before the database: a key that others can read stops everything
        self.store = open_store(folder, on_write=self.metrics.write)
        try:
            self.vault = open_vault(self.store, keys, clock, redaction.learn)
            with self.store.write() as db:
                self.epoch = begin_epoch(db, clock.now())
                Outbox(db).adopt(self.epoch)
                Runs(db).adopt(self.epoch, clock.now())
        except BaseException:
            self.store.close()
            raise
        self.crew = Crew(clock, self.metrics.worker_failed)
        self.timer = Timer(clock)
        self.trakt = TraktService(
            settings.trakt,
            self.store,
            lambda: self.vault,
            clock=clock,
            rest=self.crew.stop.wait,
            count=self.metrics.request,
        )
        self.servers = Servers(
            settings.servers,
            settings.plex,
            self.store,
            lambda: self.vault,
            clock=clock,
            rest=self.crew.stop.wait,
            count=self.metrics.request,
        )
        self.live = LiveService(self.store, self.trakt, clock=clock, epoch=self.epoch, count=self.metrics.heard)
        hear, rates = self.live.intake.hear, self.live.tells_ratings
        self.listeners = Listeners(self.servers, self.store, clock, self.crew.stop.wait, hear, rates)
        self.sync = SyncService.of(
            self.store,
            self.trakt,
            self.servers,
            settings.sync,
            clock=clock,
            epoch=self.epoch,
            requests=self.requests,
        )
        self.schedule = Schedule(self.sync, self.store, settings.sync, clock)
        self.listeners.moved = self.schedule.ask
        self._chores: queue.Queue[Callable[[], object]] = queue.Queue()
        self.metrics.watch(self._gauges)
        self._desk: Desk | None = None

    def start(self, owner: Owner, perform: Perform) -> None:
        """Start the threads, and take requests of other commands."""
        if self.vault.locked:
            log.error("Secrets locked. %s Nobody is called until the key is back", self.vault.locked)
        a_day = timedelta(days=1)
        for name, chore in self._daily():
            self.timer.put(Job(name, a_day, partial(self._chores.put, chore), last=self.clock.now() - a_day))
        self.timer.put(Job("sweep", timedelta(minutes=1), partial(self._chores.put, self._sweep)))
        self.crew.start("timer", self.timer.work)
        self.crew.start("chores", self._do_chores)
        if not self.vault.locked:
            self.crew.start("deliver", self.live.deliver.work)
            turn = partial(self._chores.put, self.schedule.turn)
            self.timer.put(Job("sync", TURN, turn, last=self.clock.now() - TURN))
        self._desk = Desk(owner, perform)

    def _daily(self) -> list[tuple[str, Callable[[], object]]]:
        """What is done at the start and then once a day."""
        found: list[tuple[str, Callable[[], object]]] = [("tidy", self.tidy)]
        if not self.vault.locked:
            found += [("links", self.trakt.check_links), ("servers", self._meet)]
        return found

    def _meet(self) -> None:
        """Reach the servers, and listen to those that were not heard yet."""
        self.servers.meet()
        self.listeners.start(self.crew)

    def _sweep(self) -> None:
        """End sessions whose player vanished."""
        self.live.intake.sweep(self.listeners.is_gone)

    def requests(self) -> int:
        """How many requests this process made so far."""
        return self.trakt.limits.taken + self.servers.taken

    def close(self) -> None:
        """Stop the threads, finish what is in hand, and close the store."""
        if self._desk is not None:
            self._desk.close()
        self.sync.stop()
        for name in self.crew.close():
            log.error("The worker %s did not stop in time", name)
        self.trakt.close()
        self.store.close()

    def problems(self) -> list[str]:
        """What keeps this process from its work."""
        found = [f"The worker {name} is dead." for name in self.crew.dead()]
        if self.vault.locked:
            found.append(f"Secrets locked. {self.vault.locked}")
        try:
            with self.store.read() as db:
                db.execute("SELECT epoch FROM owner").fetchone()
        except SidetraktError as problem:
            found.append(str(problem))
        return found

    def tidy(self) -> None:
        """Forget what is past remembering."""
        before = self.clock.now() - REMEMBERED
        with self.store.write() as db:
            Outbox(db).forget(before)
            Ledger(db).shrink(before)
            Alerts(db).forget(before)
            Lookups(db).forget(before)
        self.live.intake.tidy()

    def change_key(self) -> tuple[int, Keys]:
        """Seal everything with a new key; returns how many secrets, and where the key is kept."""
        keys = find_keys(self.folder, self._environ)
        count = rotate(self.store, keys, self.clock)
        self.vault = open_vault(self.store, find_keys(self.folder, self._environ), self.clock, self._redaction.learn)
        return count, keys

    def _do_chores(self, stop: threading.Event) -> None:
        """The body of a worker: does what the timer asked for, which itself never works."""
        while not stop.is_set():
            with suppress(queue.Empty):
                self._chores.get(timeout=0.5)()

    def _gauges(self) -> dict[str, float]:
        with self.store.read() as db:
            counts = Outbox(db).counts()
            alerts = len(Alerts(db).open_ones())
        waiting = {f"outbox_{state}_rows": float(counts.get(state, 0)) for state in ("due", "sent", "doubtful")}
        return {**waiting, "alerts_open": float(alerts)}
