"""Ratings and toggles: what goes out at once, and what only asks for a run of the title.

Live tells additions only. An un-rating and every toggle ask for a run, where merge and guard decide. What we wrote
ourselves is known by the value that was expected.
"""

from __future__ import annotations

from typing import Any

from sidecar.clock import from_text, to_text
from sidecar.events import RatingEvent, ToggleEvent
from sidecar.live.hearing import Hearing
from sidecar.live.hub import News
from sidecar.model import Feature
from sidecar.store.baseline import Baseline
from sidecar.store.outbox import Outbox, State, Topic
from sidecar.store.sessions import Sessions
from sidecar.store.wishes import Wishes

OURS = "Sidetrakt wrote it, or it is no news"
Result = tuple[str, list[News]]
"""Why nothing came of it, and what goes to screens."""


def rated(hearing: Hearing, event: RatingEvent) -> Result:
    """A rating goes out unless it is no news; one that was taken away asks for a run."""
    if not hearing.choices.ratings:
        return "ratings do not go to Trakt", []
    value, news, why = event.value or None, list[News](), ""
    for title, ref in hearing.titles(event.refs):
        if _is_echo(hearing, event, title, value):
            why = OURS
            continue
        stars = None if value is None else hearing.choices.stars(value)
        if stars is None:
            Outbox(hearing.db).withdraw(hearing.trakt, title, Topic.RATING, hearing.now)
            _ask_run(hearing, title, Feature.RATINGS, event.side, "a half step" if value else "not rated any more")
            continue
        last = Outbox(hearing.db).latest(hearing.trakt, title, Topic.RATING)
        key = f"rating:{hearing.trakt}:{title}:{stars}:{last.id if last else 0}"
        said = {"value": stars, "raw": value, "at": to_text(event.at), "side": event.side}
        news += hearing.put(title, ref, Topic.RATING, key, body={"title": event.title, **said})
    return why, news


def toggled(hearing: Hearing, event: ToggleEvent) -> Result:
    """A toggle explains a date that the server shows from now on, and asks for a run."""
    Sessions(hearing.db).toggled(event.server, event.user, event.item, event.at)
    baseline, why = Baseline(hearing.db), ""
    for title, _ in hearing.titles(event.refs):
        seen = baseline.seen_of(baseline.side(event.side), Feature.HISTORY, title)
        if seen is not None and seen.expected is not None:
            why = OURS
        else:
            said = "marked as played" if event.played else "marked as unplayed"
            _ask_run(hearing, title, Feature.HISTORY, event.side, said)
    return why, []


def _ask_run(hearing: Hearing, title: int, feature: Feature, side: str, why: str) -> None:
    Wishes(hearing.db).ask_run(hearing.person, title, feature, side=side, why=why, at=hearing.now)


def _is_echo(hearing: Hearing, event: RatingEvent, title: int, value: float | None) -> bool:
    """Whether the value is the one we wrote, the one that the side had or said last, or older than what was said."""
    baseline = Baseline(hearing.db)
    side = baseline.side(event.side)
    seen = baseline.seen_of(side, Feature.RATINGS, title)
    if seen is not None and seen.expected is not None and _plain(seen.expected) == value:
        return True
    last = Outbox(hearing.db).latest(hearing.trakt, title, Topic.RATING)
    read_at = baseline.state(side, Feature.RATINGS).read_at
    if last is not None and (read_at is None or last.made_at > read_at):  # since then it said something itself
        if event.at < from_text(last.body["at"]):
            return True
        lives = last.state not in (State.REPLACED, State.GIVEN_UP)
        return lives and last.body["side"] == event.side and last.body["raw"] == value
    return seen is not None and _plain(seen.value) == value


def _plain(value: Any) -> Any:
    """The number of a rating, be it bare or with its moment."""
    return value.get("value") if isinstance(value, dict) else value
