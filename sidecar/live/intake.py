"""From an event to the store: whose it is, what it means, and in one transaction all that follows from it.

`hear` returns when everything is committed; before that nobody may be told that the event was accepted. What is dropped
stores nothing but that it was heard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec.structs import replace

from sidecar.clock import Clock
from sidecar.events import Event, PlayedEvent, PlayEvent, RatingEvent, ToggleEvent, What
from sidecar.live.decide import CLOCK_OFF, FORGOTTEN, GONE, NOISE, REMEMBERED, REPLAYS, STEP, Rules, vanish
from sidecar.live.hearing import Hearing
from sidecar.live.hub import Hub, News
from sidecar.live.marks import Result, rated, toggled
from sidecar.live.plays import carry_out, found_in_history, kept_as, played, rules_of, session_of
from sidecar.store.alerts import Alerts
from sidecar.store.db import Store, Transaction
from sidecar.store.sessions import Kept, Sessions
from sidecar.store.wishes import Wishes

MOST_PLACES = 10_000


class Outcome(StrEnum):
    """What became of an event."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"  # it was heard before
    NOBODY = "nobody"  # nobody can be named for certain, or nobody who is linked
    UNWANTED = "unwanted"  # by the person's own choice, or because there is nothing to tell


@dataclass(frozen=True, slots=True)
class Heard:
    """The answer to an event: what became of it, and why nothing came of it."""

    outcome: Outcome
    why: str = ""
    news: tuple[News, ...] = ()


@dataclass(slots=True)
class Intake:
    """Where all sources bring what they hear; safe to use from many threads."""

    store: Store
    clock: Clock
    hub: Hub
    wake: Callable[[], None] = lambda: None  # tells deliver that there is something to do
    count: Callable[[str, str], None] = lambda _source, _outcome: None
    _places: dict[tuple[str, str, str], PlayEvent] = field(default_factory=dict)  # the last stored word of a player

    def hear(self, event: Event) -> Heard:
        """Take an event in; when this returns, it is stored."""
        if isinstance(event, PlayEvent) and self._is_no_news(event):
            return Heard(Outcome.ACCEPTED)
        with self.store.write() as db:
            heard = self._take(db, event)
        if isinstance(event, PlayEvent) and heard.outcome is Outcome.ACCEPTED:
            if len(self._places) > MOST_PLACES:
                self._places.clear()
            self._places[event.server, event.user, event.session] = event
        return self._announced(heard, event.source)

    def sweep(self, is_gone: Callable[[Kept], bool] = lambda _: False) -> int:
        """End the sessions that are silent and, as their source can see, not there any more; how many."""
        ended, now = 0, self.clock.now()
        with self.store.read() as db:
            silent = [kept for kept in Sessions(db).open() if now - kept.heard_at >= GONE]
        for kept in silent:
            if now - kept.heard_at < FORGOTTEN and not is_gone(kept):
                continue
            session, news = session_of(kept), list[News]()
            with self.store.write() as db:
                if kept not in Sessions(db).open(kept.trakt):
                    continue  # it spoke meanwhile
                hearing = Hearing.of(db, now, kept.server, kept.user)
                step = vanish(session, rules_of(hearing, session) if hearing else Rules())
                if hearing is not None:
                    news = carry_out(hearing, (step,))
                else:  # nobody is linked any more
                    Sessions(db).put(kept_as(step.session, kept.person, kept.trakt, now))
            ended += 1
            self._announced(Heard(Outcome.ACCEPTED, news=tuple(news)), "sweep")
        return ended

    def tidy(self) -> None:
        """Forget what is past remembering."""
        now = self.clock.now()
        with self.store.write() as db:
            Sessions(db).forget(now - REMEMBERED, now - REPLAYS)

    def _announced(self, heard: Heard, source: str) -> Heard:
        self.count(source, heard.outcome)
        if any(news.kind == "waiting" for news in heard.news):
            self.wake()
        self.hub.publish(*heard.news)
        return heard

    def _take(self, db: Transaction, event: Event) -> Heard:
        """All of one event, inside the transaction."""
        sessions, now = Sessions(db), self.clock.now()
        if event.seq is not None and event.install:
            gap = sessions.count(event.install, event.server, event.seq, now)
            if gap is not None:
                why = f"events {gap[0] + 1} to {event.seq - 1} did not come"
                Wishes(db).ask_history(event.server, gap[1], why)
        if event.id and not sessions.first_time(event.id, now):
            return Heard(Outcome.REPEATED, "it was heard before")
        event = _in_our_time(db, event, now)
        hearing = Hearing.of(db, now, event.server, event.user)
        if hearing is None:
            return Heard(Outcome.NOBODY, "nobody who is linked to Trakt is known by this user")
        if event.at < now - REMEMBERED:
            return Heard(Outcome.UNWANTED, "it is older than what is remembered")
        if why := hearing.choices.refuses(event) or ("" if hearing.titles(event.refs) else "its ids name no title"):
            return Heard(Outcome.UNWANTED, why)
        why, news = _follow(hearing, event)
        return Heard(Outcome.UNWANTED if why else Outcome.ACCEPTED, why, tuple(news))

    def _is_no_news(self, event: PlayEvent) -> bool:
        """Whether it only says that it goes on, shortly after the last word that was stored."""
        last = self._places.get((event.server, event.user, event.session))
        if last is None or event.what is not What.PROGRESS or event.id or event.install or event.completed:
            return False
        still = last.what is not What.STOP and (last.what is What.PAUSE or last.paused) == event.paused
        return still and last.item == event.item and last.at <= event.at < last.at + STEP


def _follow(hearing: Hearing, event: Event) -> Result:
    """What follows from an event of each kind."""
    if isinstance(event, PlayEvent):
        return "", played(hearing, event)
    if isinstance(event, PlayedEvent):
        return "", found_in_history(hearing, event)
    if isinstance(event, RatingEvent):
        return rated(hearing, event)
    return toggled(hearing, event) if isinstance(event, ToggleEvent) else ("it says nothing", [])


def _in_our_time(db: Transaction, event: Event, now: datetime) -> Event:
    """The event with its moments by our clock: corrected by what the sender's is off, and never in the future."""
    if event.sent is None:
        return replace(event, at=min(event.at, now))
    off, alerts, key = event.received - event.sent, Alerts(db), f"clock:{event.server}"
    if abs(off) > CLOCK_OFF:
        what = f"The clock of a server differs from ours by {abs(off).total_seconds() / 60:.0f} minutes."
        step = "Set the clocks of both machines; until then times are corrected."
        alerts.open(key, "data", now, what=what, next_step=step)
    else:
        alerts.close(key, now)
    shift = off if abs(off) > NOISE else timedelta(0)
    try:
        if isinstance(event, PlayEvent) and event.began is not None:
            event = replace(event, began=event.began + shift)
        return replace(event, at=min(event.at + shift, now))
    except OverflowError:  # no clock was ever so wrong
        return replace(event, at=min(event.at, now))
