"""What every source of live events makes of what it hears: one kind of value for plays, ratings and toggles.

An event is about one user of one server. Moments are the server's own; the intake corrects them. A session of several
users is one event for each of them.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from sidecar.model import Ref
from sidecar.viewing import Source


class What(StrEnum):
    """What a player does."""

    START = "start"
    PROGRESS = "progress"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that one user did, as one source tells it."""

    service: Source  # jellyfin or plex: how its times are to be read
    server: str  # the server's machine id
    user: str  # the user's id there
    source: str  # plugin, webhook, socket, history: who says so
    at: datetime  # when it happened, by the server's clock
    received: datetime  # when it came here, by ours
    sent: datetime | None = None  # the sender's clock when this attempt left
    id: str = ""  # the same event again has the same id
    install: str = ""  # the sender that counts its events, and the number of this one
    seq: int | None = None
    item: str  # the server's id of what it is about
    refs: tuple[Ref, ...]  # the titles it stands for; several for a file of several episodes
    title: str = ""  # for people and filters
    library: str = ""  # its name

    @property
    def side(self) -> str:
        """The side it speaks for, as the ledger and the baseline name it."""
        return f"{self.service}:{self.server}:{self.user}"


class PlayEvent(Event, frozen=True, kw_only=True):
    """A player started, goes on, paused, resumed or stopped."""

    session: str  # the player, named alike by all sources of a server where that is possible
    what: What
    runtime: float | None = None  # minutes
    position: float | None = None  # seconds
    paused: bool = False
    completed: bool | None = None  # the server's own word on whether it counts as played
    began: datetime | None = None  # when it began, where the server keeps that; by its clock
    device: str = ""
    client: str = ""
    path: str = ""


class PlayedEvent(Event, frozen=True, kw_only=True):
    """The server's history says that it was played, at its own moment: what catch-up finds."""


class RatingEvent(Event, frozen=True, kw_only=True):
    """A rating was set in steps of ten, or taken away."""

    value: float | None


class ToggleEvent(Event, frozen=True, kw_only=True):
    """Somebody marked it as played or unplayed, without playing it."""

    played: bool
