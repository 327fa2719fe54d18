"""What plays now, what waits and what went out: a picture for who asks, and news for who listens.

The picture comes from the store, so a restart loses nothing; news are only for screens, and who is too slow for them
misses some and takes a new picture.
"""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sidecar.clock import maybe_to_text, to_text
from sidecar.live.decide import Session
from sidecar.store.db import Store, Transaction
from sidecar.store.outbox import Outbox, Row
from sidecar.store.people import People
from sidecar.store.sessions import Kept, Sessions

MOST_NEWS = 200


@dataclass(frozen=True, slots=True)
class News:
    """Something moved: a session, or a row of the outbox; whose, and what it looks like now."""

    kind: str  # playing | waiting | told
    trakt: str
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Picture:
    """How it is at one moment; each part is plain JSON."""

    playing: list[dict[str, Any]]
    waiting: list[dict[str, Any]]
    told: list[dict[str, Any]]


class Hub:
    """News within this process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._listeners: list[queue.Queue[News]] = []
        self._lock = threading.Lock()

    def subscribe(self) -> queue.Queue[News]:
        """Hear all news from now on."""
        made: queue.Queue[News] = queue.Queue(MOST_NEWS)
        with self._lock:
            self._listeners.append(made)
        return made

    def unsubscribe(self, listener: queue.Queue[News]) -> None:
        """Hear no more."""
        with self._lock:
            self._listeners.remove(listener)

    def publish(self, *news: News) -> None:
        """Tell everybody, and wait for nobody: a full listener loses its oldest news."""
        with self._lock:
            for listener in self._listeners:
                for each in news:
                    if listener.full():
                        with suppress(queue.Empty):  # somebody took the last ones
                            listener.get_nowait()
                    listener.put_nowait(each)

    def picture(self, most: int = 100, trakt: str | None = None) -> Picture:
        """What plays, what waits and what was told last, of everybody or of one Trakt account."""
        with self._store.read() as db:
            return picture_of(db, most, trakt)


def picture_of(db: Transaction, most: int, trakt: str | None = None) -> Picture:
    """The picture as a database has it, also beside the process that owns it."""
    outbox, people = Outbox(db), {person.id: person.name for person in People(db).all()}
    playing = [{**shown(kept), "person": people[kept.person]} for kept in Sessions(db).open(trakt)]
    rows = [[row for row in found if trakt in (None, row.trakt)] for found in (outbox.open(), outbox.ended(most))]
    return Picture(playing, *([told(row) for row in found] for found in rows))


def shown(kept: Kept) -> dict[str, Any]:
    """A session for a screen."""
    session = msgspec.json.decode(kept.body, type=Session)
    return {
        "title": session.title or session.refs[0].label(),
        "server": kept.server,
        "player": session.client or session.device,
        "began": to_text(session.began),
        "progress": session.percent,
        "paused": session.paused_at is not None,
        "ended": maybe_to_text(session.ended),
    }


def told(row: Row) -> dict[str, Any]:
    """A row of the outbox for a screen."""
    return {
        "id": row.id,
        "title": row.body.get("title", ""),
        "topic": str(row.topic),
        "say": row.body.get("say") or row.body.get("value"),
        "state": str(row.state),
        "reason": row.reason,
        "made": to_text(row.made_at),
        "ended": maybe_to_text(row.ended_at),
    }
