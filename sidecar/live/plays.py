"""What follows from a decided step: the session is stored, the ledger hears of a viewing, the outbox gets its row.

Used inside the intake's transaction; nothing here asks anybody.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from sidecar.clock import to_text
from sidecar.events import PlayedEvent, PlayEvent, What
from sidecar.live.decide import ECHO, Rules, Say, Session, Step, decide, pick
from sidecar.live.hearing import Hearing
from sidecar.live.hub import News, shown
from sidecar.model import Feature, Ref
from sidecar.store.baseline import Baseline
from sidecar.store.ledger import Claim, Ledger
from sidecar.store.outbox import Outbox, Topic
from sidecar.store.sessions import Kept, Sessions
from sidecar.store.titles import Titles
from sidecar.viewing import Sighting, Source, Told, source_of

TWINS = timedelta(minutes=5)  # sessions of one Trakt account that began so near are one viewing


def played(hearing: Hearing, event: PlayEvent) -> list[News]:
    """Decide what an event of a player does, and carry it out."""
    rows = Sessions(hearing.db).of_user(event.server, event.user, event.session, event.item, event.at - ECHO)
    session = pick([session_of(row) for row in rows], event)
    if event.runtime is None:
        event = replace(event, runtime=hearing.length(event.refs))
    own = session if session is not None and session.item == event.item else None
    if own is not None and event.what is What.PROGRESS and event.paused == (own.paused_at is not None):
        rules = hearing.choices.rules(quiet=True)  # nothing is told of what only goes on
    else:
        behind = _is_behind(hearing, own, event.refs, own.began if own else event.at, event.what)
        rules = _rules(hearing, event.refs, quiet=behind)
    return carry_out(hearing, decide(session, event, rules))


def found_in_history(hearing: Hearing, event: PlayedEvent) -> list[News]:
    """A viewing that nobody heard while it happened; a side that was never read in full says nothing yet."""
    baseline, news = Baseline(hearing.db), list[News]()
    if baseline.state(baseline.side(event.side), Feature.HISTORY).joined_at is None:
        return news
    for title, ref in hearing.titles(event.refs):
        runtime = Titles(hearing.db).runtime(title)
        sighting = Sighting(event.side, event.at)
        claim = Ledger(hearing.db).claim(hearing.trakt, title, sighting, hearing.now, runtime=runtime)
        began = event.at - timedelta(minutes=runtime)
        news += _tell(hearing, title, ref, claim, {"title": event.title, "began": to_text(began), "progress": 100.0})
    return news


def rules_of(hearing: Hearing, session: Session) -> Rules:
    """The numbers for a session that ends without an event."""
    quiet = _is_behind(hearing, session, session.refs, session.began, What.STOP)
    return _rules(hearing, session.refs, quiet=quiet)


def carry_out(hearing: Hearing, steps: tuple[Step, ...]) -> list[News]:
    """Store what was decided, and put what is to be told into the outbox."""
    news: list[News] = []
    for step in steps:
        kept = kept_as(step.session, hearing.person, hearing.trakt, hearing.now)
        number = Sessions(hearing.db).put(kept)
        news.append(News("playing", hearing.trakt, shown(kept)))
        news += _say(hearing, replace(step.session, number=number), step)
    return news


def kept_as(session: Session, person: int, trakt: str, now: datetime) -> Kept:
    """A session as it is stored."""
    server, user = session.side.split(":", 2)[1:]
    return Kept(
        server=server,
        user=user,
        player=session.key,
        item=session.item,
        person=person,
        trakt=trakt,
        began=session.began,
        heard_at=now,
        ended_at=session.ended,
        finished=session.finished,
        body=msgspec.json.encode(session).decode(),
        id=session.number,
    )


def session_of(kept: Kept) -> Session:
    """A session as it was stored."""
    return replace(msgspec.json.decode(kept.body, type=Session), number=kept.id)


def _rules(hearing: Hearing, refs: tuple[Ref, ...], *, quiet: bool) -> Rules:
    """The person's numbers; of what does not count again, nothing is told on the way either."""
    choices = hearing.choices
    if not quiet and not choices.rewatches:
        quiet = any(hearing.watched_before(title) for title, _ in hearing.titles(refs))
    return choices.rules(quiet=quiet)


def _say(hearing: Hearing, session: Session, step: Step) -> list[News]:
    """The rows of one step: what is watched for each title, everything else for the first."""
    titles, outbox = hearing.titles(session.refs), Outbox(hearing.db)
    news, say = list[News](), step.say
    if not titles:
        return news
    title, ref = titles[0]
    if step.take_back:
        outbox.withdraw(hearing.trakt, title, Topic.WATCHING, hearing.now)
        stands = outbox.standing(hearing.trakt, title, Topic.WATCHING)  # what was told before may be gone with it
        say = say or (None if stands is not None and stands.body["say"] == step.too_late else step.too_late)
    if say is Say.WATCHED:
        for each in titles:
            news += _viewing(hearing, *each, session, step)
    elif say is not None:
        told = {"say": say, "progress": step.progress, "at": to_text(session.moved), "length": session.runtime}
        last = outbox.latest(hearing.trakt, title, Topic.WATCHING)
        key = f"{say}:{session.number}:{last.id if last else 0}"
        news += hearing.put(title, ref, Topic.WATCHING, key, body={"title": session.title, **told})
        row = outbox.latest(hearing.trakt, title, Topic.WATCHING) if news and step.wait else None
        if row is not None:
            outbox.later(row.id, max(hearing.now, session.moved + step.wait), "")
    return news


def _viewing(hearing: Hearing, title: int, ref: Ref, session: Session, step: Step) -> list[News]:
    """A viewing that was heard to its end: the ledger says whether it is one that nobody told yet."""
    ledger, ended, before = Ledger(hearing.db), session.ended or session.moved, hearing.watched_before(title)
    if session.tail and before:  # the rest of something that counted already; it only explains the server's date
        return []
    at = session.began if source_of(session.side) is Source.JELLYFIN else ended
    sighting = Sighting(session.side, at, began=session.began, ended=ended, mark=session.tail)
    runtime = Titles(hearing.db).runtime(title)
    claim = ledger.claim(hearing.trakt, title, sighting, hearing.now, runtime=runtime)
    if claim is not None and claim.new and before and not hearing.choices.rewatches:
        ledger.set_told(claim.viewing.id or 0, Told.NEVER, hearing.now)
        return []
    body = {"title": session.title, "progress": step.progress, "began": to_text(session.began)}
    body["length"] = session.runtime
    return _tell(hearing, title, ref, claim, body)


def _tell(hearing: Hearing, title: int, ref: Ref, claim: Claim | None, body: dict[str, Any]) -> list[News]:
    """The row of a viewing that is still to be told; of the same viewing there is one, whoever reports it."""
    if claim is None or not claim.tell or claim.viewing.minute is None:
        return []
    ended = to_text(claim.viewing.ended or claim.viewing.minute)
    key = f"play:{claim.viewing.id}:{ended}"
    return hearing.put(title, ref, Topic.PLAY, key, body={**body, "ended": ended}, viewing=claim.viewing.id)


def _is_behind(hearing: Hearing, session: Session | None, refs: tuple[Ref, ...], began: datetime, what: What) -> bool:
    """Whether Trakt looks at another session of this account: one that started later, or the same viewing's first."""
    mine, resumes = session.number if session else 0, what in (What.START, What.RESUME)
    others = [session_of(kept) for kept in Sessions(hearing.db).open(hearing.trakt) if kept.id != mine]
    for other in others:
        if abs(other.began - began) <= TWINS and hearing.title(other.refs[0]) == hearing.title(refs[0]):
            behind = not mine or other.number < mine
        else:
            behind = session is not None and not resumes and other.paused_at is None and other.started > session.started
        if behind:
            return True
    return False
