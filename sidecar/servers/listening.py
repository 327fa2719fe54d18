"""Hearing a server over a socket: connect, keep it alive, notice when it is dead, come back later and look for gaps.

The thread and its loop are ours, because neither client library's reconnects with growing pauses, subscribes again or
notices silence, and one of them remembers every message for ever. What is said is the voices' business (live.py of
each kind of server). Whatever goes wrong ends the connection and never the thread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import websocket

from sidecar.clock import Clock
from sidecar.errors import AuthLost, Refused, SidetraktError, Unreachable
from sidecar.events import Event
from sidecar.http import require_network
from sidecar.servers.inventory import Inventory
from sidecar.servers.pace import Rest
from sidecar.store.db import Store
from sidecar.store.servers import KnownServers

log = logging.getLogger(__name__)

FIRST, LONGEST = 1.0, 60.0  # seconds before the next attempt, doubled each time; a line that held longer begins anew
EVERY = 30.0  # seconds between two signs of life of ours
GRACE = 30.0  # seconds after a connection in which players may show up again
HANDSHAKE = 15.0

Hear = Callable[[Event], object]
Gap = Callable[[str, datetime | None], None]
"""Asks for a look at a server's history since a moment, or since the last look."""


@dataclass(frozen=True, slots=True)
class State:
    """How a listener does, for people."""

    name: str
    since: datetime | None  # connected
    heard_at: datetime | None
    problem: str
    garbage: int  # messages that nobody can read


class Listener(Protocol):
    """Something that hears a server as long as the process lives."""

    name: str
    server: str

    def work(self, stop: threading.Event) -> None:
        """Listen until the event is set."""

    def state(self) -> State:
        """How it does."""

    def shows(self, user: str, item: str) -> bool | None:
        """Whether the server shows that a user plays an item; None where this listener cannot know."""


@dataclass(frozen=True, slots=True)
class Ears:
    """What all listeners of one server share."""

    server: str  # its machine id
    store: Store
    clock: Clock
    rest: Rest
    hear: Hear
    gap: Gap
    rates: Callable[[str], bool] = lambda _user: False  # whether a webhook tells the ratings of a user
    tick: float = 1.0  # seconds after which a silent line is looked after
    moved: Callable[[str], object] = lambda _server: None  # the libraries of a server changed

    def inventory(self) -> Inventory:
        """What is known of the server's items."""
        return Inventory(self.store, self.server, self.clock)

    def library(self, key: str) -> str:
        """The name of a library."""
        with self.store.read() as db:
            return KnownServers(db).libraries(self.server).get(key, "")


class Voice(Protocol):
    """What a server says over its socket."""

    label: str
    beat: str  # the sign of life it wants; where there is none, a ping
    patience: float  # seconds without a word after which the line is dead

    def door(self) -> tuple[str, dict[str, str]]:
        """Where the socket is, and the headers that open it."""

    def opened(self, say: Callable[[str], object]) -> None:
        """A new line: subscribe, and look once at what is so."""

    def heard(self, text: bytes) -> bool:
        """A message; False if nobody can read it."""

    def passed(self) -> None:
        """Some time passed."""

    def shows(self, user: str, item: str) -> bool | None:
        """Whether it says that a user plays an item."""


class Listening:
    """A thread's work: one voice, as long as the process lives."""

    def __init__(self, name: str, voice: Voice, ears: Ears) -> None:
        self.name, self.server = name, ears.server
        self._voice, self._ears, self._garbage, self._problem = voice, ears, 0, ""
        self._since: datetime | None = None
        self._heard_at: datetime | None = None

    def work(self, stop: threading.Event) -> None:
        """Connect and listen, again and again."""
        pause, clock = FIRST, self._ears.clock
        while not stop.is_set():
            began = clock.monotonic()
            problem = self._once(stop)
            self._since = None
            if stop.is_set():
                return
            if problem != self._problem:
                log.warning("%s: %s", self.name, problem)
            self._problem = problem
            pause = FIRST if clock.monotonic() - began > LONGEST else pause
            if self._ears.rest(pause):
                return
            pause = min(pause * 2, LONGEST)

    def state(self) -> State:
        """How it does."""
        return State(self.name, self._since, self._heard_at, self._problem, self._garbage)

    def shows(self, user: str, item: str) -> bool | None:
        """What the voice says, as long as it can be heard."""
        return self._voice.shows(user, item) if self._since is not None else None

    def _once(self, stop: threading.Event) -> str:
        """One connection until its end; why it ended."""
        label, line = self._voice.label, None
        try:
            require_network(label)
            url, headers = self._voice.door()
            line = websocket.create_connection(
                "ws" + url.removeprefix("http"),
                HANDSHAKE,
                header=headers,
                redirect_limit=0,  # it would take the token to wherever it is sent
                skip_utf8_validation=True,  # what is no text is garbage, and no end
            )
            line.settimeout(self._ears.tick)
            self._voice.opened(line.send)
            self._ears.gap(self.server, self._heard_at)
            self._since = self._heard_at = self._ears.clock.now()
            self._problem = ""
            self._listen(line, stop)
        except SidetraktError as problem:
            return str(problem)
        except (websocket.WebSocketException, OSError) as problem:
            return str(_explained(label, problem, connected=line is not None))
        except Exception:
            log.exception("%s failed over something; it connects again", self.name)
            return f"Sidetrakt could not make sense of something that {label} said. If it goes on, report it."
        finally:
            if line is not None:
                line.shutdown()  # type: ignore[no-untyped-call]
        return ""

    def _listen(self, line: websocket.WebSocket, stop: threading.Event) -> None:
        clock, voice = self._ears.clock, self._voice
        said = heard = clock.monotonic()
        while not stop.is_set():
            try:
                kind, content = line.recv_data(control_frame=True)
            except websocket.WebSocketTimeoutException:
                kind = None
            if kind == websocket.ABNF.OPCODE_CLOSE:
                raise Unreachable(voice.label, f"{voice.label} hung up.", "It is connected again by itself.")
            if kind in (websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY) and not voice.heard(content):
                self._garbage += 1
            voice.passed()
            if kind is not None:
                heard, self._heard_at = clock.monotonic(), clock.now()
            if clock.monotonic() - heard > voice.patience:
                what = f"{voice.label} has not said anything for {voice.patience:.0f} seconds."
                raise Unreachable(voice.label, what, "It is connected again by itself.")
            if clock.monotonic() - said >= EVERY:
                line.send(voice.beat) if voice.beat else line.ping()
                said = clock.monotonic()


def _explained(label: str, problem: Exception, *, connected: bool) -> SidetraktError:
    """What went wrong with a line, in our words."""
    if isinstance(problem, websocket.WebSocketBadStatusException):
        status = problem.status_code
        if status in (401, 403):
            step = "Give a new one in sidetrakt.toml, or with `sidetrakt account`."
            return AuthLost(label, f"{label} does not accept the token for its events.", step, status=status)
        step = "If it goes on, look whether a proxy in between lets websockets pass."
        return Refused(label, f"{label} did not open its socket (answer {status}).", step, status=status)
    what = f"The line to {label} broke." if connected else f"{label} cannot be reached."
    return Unreachable(label, what, "It is connected again by itself.")
