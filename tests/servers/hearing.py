"""Somebody who hears what listeners tell, and waits for it without sleeping."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from sidecar.events import Event, PlayedEvent, PlayEvent, RatingEvent, ToggleEvent, What
from sidecar.servers.listening import Ears, Listening, Voice
from sidecar.store.db import Store
from tests.fakes import FakeClock

T = TypeVar("T")
TICK = 0.02
PATIENCE = 10.0


class Heard:
    """What was told, asked for, waited and said so far."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.passes: Callable[[float], object] = clock.advance  # what a rest does to the clocks
        self.events: list[Event] = []
        self.gaps: list[datetime | None] = []
        self.rests: list[float] = []
        self.subscribed: Callable[[], bool] = lambda: True
        self.scans: list[str] = []
        self.messages: list[bytes] = []
        self.trouble: list[Exception] = []  # raised instead of hearing
        self.stop = threading.Event()
        self.go = threading.Event()  # cleared: whoever rests does so until it is set
        self.go.set()
        self._more = threading.Condition()

    def hear(self, event: Event) -> None:
        """Take an event in, or fail over it."""
        if self.trouble:
            raise self.trouble.pop()
        self._note(self.events, event)

    def scanned(self, server: str) -> None:
        """The libraries of a server changed."""
        self._note(self.scans, server)

    def gap(self, _server: str, since: datetime | None) -> None:
        """Somebody asks for a look back."""
        self._note(self.gaps, since)

    def rest(self, seconds: float) -> bool:
        """Nobody sleeps here."""
        self.passes(seconds)
        self._note(self.rests, seconds)
        self.go.wait(PATIENCE)
        return self.stop.is_set()

    def until(self, true: Callable[[], object]) -> None:
        """Wait until something is so."""
        with self._more:
            assert self._more.wait_for(true, PATIENCE), (self.events, self.gaps, self.rests)

    def wait(self, count: int) -> list[PlayEvent]:
        """The events of players, once there are so many."""
        self.until(lambda: len(self.plays()) >= count)
        return self.plays()

    def connected(self, times: int = 1) -> None:
        """Wait until so many lines were opened."""
        self.until(lambda: len(self.gaps) >= times)
        end = time.monotonic() + PATIENCE
        with self._more:  # what it said first has to have arrived, or the server tells it nothing yet
            while not self.subscribed():
                assert time.monotonic() < end
                self._more.wait(0.01)

    def plays(self) -> list[PlayEvent]:
        """What players did."""
        return [event for event in self.events if isinstance(event, PlayEvent)]

    def whats(self) -> list[What]:
        """What players did, in short."""
        return [event.what for event in self.plays()]

    def marks(self) -> list[tuple[str, float | bool | None]]:
        """Ratings and toggles in short."""
        found: list[tuple[str, float | bool | None]] = []
        for event in self.events:
            if isinstance(event, RatingEvent):
                found.append(("rating", event.value))
            elif isinstance(event, ToggleEvent):
                found.append(("played", event.played))
        return found

    def answers(self) -> int:
        """How often a sign of life was answered."""
        return sum(b'"KeepAlive"' in each for each in self.messages)

    def ears(self, server: str, store: Store) -> Ears:
        """What a listener needs."""
        return Ears(server, store, self.clock, self.rest, self.hear, self.gap, tick=TICK, moved=self.scanned)

    @contextmanager
    def listening(self, voice: Voice, ears: Ears) -> Iterator[Listening]:
        """A listener at work, for the length of a block; every message it took in is noted."""
        taken = voice.heard

        def tap(text: bytes) -> bool:
            clear = taken(text)
            self._note(self.messages, text)
            return clear

        voice.heard = tap  # type: ignore[method-assign]
        listener = Listening("socket of the tests", voice, ears)
        thread = threading.Thread(target=listener.work, args=(self.stop,), name="listener", daemon=True)
        thread.start()
        try:
            yield listener
        finally:
            self.stop.set()
            self.go.set()
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def _note(self, where: list[T], what: T) -> None:
        with self._more:
            where.append(what)
            self._more.notify_all()


def short(event: PlayEvent) -> tuple[What, float | None, bool]:
    """An event of a player in short."""
    return event.what, event.position, event.paused


def played(events: list[PlayedEvent]) -> list[tuple[str, str, datetime]]:
    """Plays of a history in short."""
    return [(event.user, event.title, event.at) for event in events]
