"""What an event means for a viewing, and what Trakt is told of it. Pure; docs/scrobbling.md shows it case by case.

A session is one player showing one item. Only transitions are told; everything else moves the session on. Positions
are seconds, progress is per cent, all moments are corrected ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from sidecar.events import PlayEvent, What
from sidecar.model import Ref

DEBOUNCE = timedelta(seconds=5)  # a shorter pause was none
FLOOR, WATCHED = 1.0, 80.0  # per cent: less is not worth a place to resume at; Trakt counts from there on
LATE = timedelta(minutes=5)  # after its end: told with its own time, not as happening now
GONE = timedelta(minutes=5)  # silent and not listed any more
FORGOTTEN = timedelta(hours=24)  # silent, and nobody can say whether it is still there
CLOCK_OFF = timedelta(minutes=5)  # a clock that is further off is an alert
REMEMBERED, REPLAYS = timedelta(days=30), timedelta(days=7)  # sessions and toggles; ids of events
JITTER = timedelta(seconds=5)  # by which events of two sources come out of order
ECHO = timedelta(seconds=60)  # how long after an end other sources still speak of it
NOISE = timedelta(seconds=10)  # by which a sender's clock may differ because of the way to us
STEP = timedelta(seconds=10)  # after which a place is stored without anything having happened
SHORTEST = 300.0  # seconds: of shorter things servers say "played" at once, so only the place counts


class Say(StrEnum):
    """What Trakt is told."""

    START = "start"
    PAUSE = "pause"
    STOP = "stop"  # ended before it counts: keeps the place
    WATCHED = "watched"


class Rules(msgspec.Struct, frozen=True):
    """The person's numbers, and whether only what was watched to the end is told now."""

    threshold: float = WATCHED
    min_play: float = 0.0  # seconds
    quiet: bool = False


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One player that shows one item to one user, from its begin to its end."""

    number: int = 0  # in the store; 0 = it is not there yet
    side: str
    key: str
    source: str
    item: str
    refs: tuple[Ref, ...]
    title: str = ""
    device: str = ""
    client: str = ""
    runtime: float | None = None
    began: datetime
    started: datetime  # or resumed, the last time
    moved: datetime  # its last word
    position: float | None = None
    played: float = 0.0  # seconds of playing that were heard of
    paused_at: datetime | None = None
    flows: bool = False  # it reports on its way, and not only when something happens
    completed: bool = False  # the server counts it as played
    tail: bool = False  # begun where it counted as watched already
    told: Say | None = None  # the last thing
    ended: datetime | None = None
    finished: bool = False

    @property
    def percent(self) -> float | None:
        """How far it is, as far as anybody knows."""
        return percent(self.position, self.runtime)


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one session, and what is told of it."""

    session: Session
    say: Say | None = None
    progress: float = 0.0
    wait: timedelta = timedelta(0)  # not told if it is taken back within this time
    take_back: bool = False  # what was to be told and is unsent is not told any more
    too_late: Say | None = None  # told where it could not be taken back


def percent(position: float | None, runtime: float | None) -> float | None:
    """From 0 to 100, None where the place or the length is unknown."""
    share = 100 * position / runtime if position is not None and runtime else math.nan
    return max(0.0, min(100.0, share)) if math.isfinite(share) else None


def pick(sessions: Iterable[Session], event: PlayEvent) -> Session | None:
    """The session that an event is about, or else the open one on its player."""
    of_player = None
    for session in sorted(sessions, key=lambda each: each.began, reverse=True):
        mine = session.key == event.session
        if session.item == event.item and (mine or _same_player(session, event)):
            opens = event.what in (What.START, What.RESUME)
            until = session.ended if opens else session.ended and session.ended + ECHO
            if session.began - JITTER <= event.at and (until is None or event.at <= until):
                return session
        if mine and session.ended is None:
            of_player = session
    return of_player


def decide(session: Session | None, event: PlayEvent, rules: Rules) -> tuple[Step, ...]:
    """What the event does: at most the end of another session and one step of its own."""
    if session is None:
        return _first(event, rules)
    if session.item != event.item or event.at < session.began - JITTER:
        if event.at < session.moved - JITTER:  # of before; only an end has something to say
            return _first(event, rules) if event.what is What.STOP else ()
        left = _on(session, _begin(event))
        return (_end(left, left.moved, rules), *_first(event, rules))
    if session.ended is not None:
        return _after(session, event, rules)
    if event.at < session.moved - JITTER:
        done = session.completed or _believed(session, event)
        return (Step(replace(session, completed=done)),) if done and not session.completed else ()
    again = (percent(event.position, session.runtime) or 0.0) < rules.threshold
    if event.what is What.START and event.at > session.moved and again and _watched(session, rules):
        return (_end(session, session.moved, rules), *_first(event, rules))
    return (_next(session, event, rules),)


def vanish(session: Session, rules: Rules) -> Step:
    """Its player is gone without a word: it ended where it was last heard of."""
    return _end(session, session.moved, rules)


def _first(event: PlayEvent, rules: Rules) -> tuple[Step, ...]:
    """The first that is heard of a session, be it its end."""
    began, runtime = _begin(event), _length(event)
    place = event.position or 0.0 if event.what is What.START else event.position
    session = Session(
        side=event.side,
        key=event.session,
        source=event.source,
        item=event.item,
        refs=event.refs,
        title=event.title,
        device=event.device,
        client=event.client,
        runtime=runtime,
        began=began,
        started=event.at,
        moved=event.at,
        position=place,
        played=(event.at - began).total_seconds(),
        tail=event.what is What.START and (percent(place, runtime) or 0.0) >= rules.threshold,
    )
    session = replace(session, completed=_believed(session, event))
    if event.what is What.STOP:
        return (_end(session, event.at, rules),)
    return (_paused(session, event.at, rules) if _stands(event) else _plays(session, event.at, rules),)


def _next(session: Session, event: PlayEvent, rules: Rules) -> Step:
    """An event in the open session of its item."""
    went = _on(session, event.at)
    place = event.position if event.position is not None else went.position
    if event.what is What.STOP:  # players forget where they were
        place = max(event.position or 0.0, session.position or 0.0) if event.position or session.position else None
    runtime = session.runtime or _length(event)
    moved = replace(
        went,
        moved=max(event.at, session.moved),
        position=place,
        runtime=runtime,
        flows=session.flows or event.what is What.PROGRESS,
        completed=session.completed or _believed(session, event),
        tail=session.tail and (percent(place, runtime) or 0.0) >= rules.threshold,
    )
    if event.what is What.STOP:
        return _end(moved, event.at, rules)
    if _stands(event):
        return Step(moved) if session.paused_at is not None else _paused(moved, event.at, rules)
    if session.paused_at is None:
        return Step(moved)
    if event.at - session.paused_at < DEBOUNCE:
        back = session.told is Say.PAUSE
        resumed = replace(moved, paused_at=None, told=Say.START if back else session.told)
        return Step(resumed, progress=moved.percent or 0.0, take_back=back, too_late=Say.START if back else None)
    return _plays(moved, event.at, rules)


def _plays(session: Session, at: datetime, rules: Rules) -> Step:
    playing = replace(session, paused_at=None, started=at)
    if rules.quiet or session.tail:
        return Step(playing)
    wait = timedelta(seconds=max(0.0, rules.min_play - session.played))
    return Step(replace(playing, told=Say.START), Say.START, session.percent or 0.0, wait)


def _paused(session: Session, at: datetime, rules: Rules) -> Step:
    paused, place = replace(session, paused_at=at), session.percent
    if session.played < rules.min_play:
        return Step(replace(paused, told=None), take_back=True)
    if rules.quiet or place is None or not FLOOR <= place < WATCHED:
        return Step(paused)
    return Step(replace(paused, told=Say.PAUSE), Say.PAUSE, place, DEBOUNCE)


def _end(session: Session, at: datetime, rules: Rules) -> Step:
    """It ended: watched, left at a place worth keeping, or nothing worth telling."""
    place, ended = session.percent, replace(session, ended=max(at, session.began))
    if session.played < rules.min_play:
        return Step(ended, take_back=True)
    if _watched(session, rules):
        done = replace(ended, finished=True, told=Say.WATCHED)
        return Step(done, Say.WATCHED, max(place or 100.0, WATCHED), take_back=True)
    kept = session.paused_at is not None and session.told is Say.PAUSE
    if rules.quiet or kept or place is None or not FLOOR <= place < WATCHED:
        return Step(ended)
    return Step(replace(ended, told=Say.STOP), Say.STOP, place)


def _after(session: Session, event: PlayEvent, rules: Rules) -> tuple[Step, ...]:
    """A word about what ended already: only "it counts as played" is news."""
    if session.finished or session.ended is None or not _believed(session, event):
        return ()
    return (_end(replace(session, completed=True), session.ended, rules),)


def _watched(session: Session, rules: Rules) -> bool:
    return session.completed or (session.percent or 0.0) >= rules.threshold


def _believed(session: Session, event: PlayEvent) -> bool:
    """Whether the server's "played" is to be believed: not of what has no length, or hardly any, or was not seen."""
    if not event.completed or session.runtime is None or session.runtime < SHORTEST:
        return False
    return bool(event.position) or (_on(session, event.at).percent or 0.0) >= WATCHED


def _on(session: Session, at: datetime) -> Session:
    """The session as it is at this moment if it went on playing, which long silence makes doubtful."""
    place, runtime = session.position, session.runtime
    passed = (at - session.moved).total_seconds()
    silence = GONE.total_seconds() + (0.0 if session.flows else max(0.0, (runtime or 0.0) - (place or 0.0)))
    if session.paused_at is not None or session.ended is not None or not 0 < passed <= silence:
        return session
    if place is not None and runtime is not None:
        place = max(place, min(place + passed, runtime))
    return replace(session, moved=at, position=place, played=session.played + passed)


def _length(event: PlayEvent) -> float | None:
    return event.runtime * 60 if event.runtime else None


def _begin(event: PlayEvent) -> datetime:
    """When it began, as the event lets one think."""
    if event.began is not None and event.at - timedelta(days=7) <= event.began <= event.at:
        return event.began
    place = 0.0 if event.what is What.START else min(max(0.0, event.position or 0.0), 86_400.0)
    return event.at - timedelta(seconds=place)


def _stands(event: PlayEvent) -> bool:
    return event.what is What.PAUSE or (event.paused and event.what is not What.RESUME)


def _same_player(session: Session, event: PlayEvent) -> bool:
    """Whether another source may mean the same player by another name."""
    return session.source != event.source and (not (session.device and event.device) or session.device == event.device)
