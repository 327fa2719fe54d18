"""When two reports are one watching: the rule by which viewings pair, and what follows for telling Trakt.

Pure. A viewing is one watching of one title by one Trakt account; every source reports it with another time
(Jellyfin when it began, Plex and Trakt when it ended). In doubt it is one viewing, not two.
All differences are taken in whole minutes, because Trakt keeps no seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

USUAL_RUNTIME = {"episode": 60, "movie": 120}  # minutes, where nobody knows better


class Source(StrEnum):
    """Whose time it is; the first part of a side's key."""

    TRAKT = "trakt"
    JELLYFIN = "jellyfin"
    PLEX = "plex"


class Told(StrEnum):
    """Whether Trakt has this viewing: not yet, perhaps, yes, no longer, or it shall not."""

    NO = "no"
    SENT = "sent"
    YES = "yes"
    GONE = "gone"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Viewing:
    """A row of the ledger, or a play that Trakt showed and no row stands for (`id` is None then)."""

    id: int | None = None
    began: datetime | None = None  # heard live
    ended: datetime | None = None  # heard live
    minute: datetime | None = None  # what Trakt was told, or showed
    history_id: int | None = None
    told: Told = Told.NO
    times: Mapping[str, datetime] = field(default_factory=dict)  # side → its raw time


@dataclass(frozen=True, slots=True)
class Sighting:
    """One side says that the title was watched; `at` is that side's own time."""

    side: str
    at: datetime | None
    history_id: int | None = None
    began: datetime | None = None  # both are known of what was heard while it happened
    ended: datetime | None = None
    mark: bool = False  # set as watched, not watched
    raw: datetime | None = None  # as the side shows it, where its clock is wrong

    @property
    def source(self) -> Source:
        """Whose way of telling time this is."""
        return source_of(self.side)

    @property
    def shown(self) -> datetime | None:
        """The time that the side shows, which it is known by: to the millisecond, as it is kept."""
        moment = self.raw or self.at
        return moment and moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a sighting is: an earlier viewing, a new one to be kept as `told`, or nothing worth a row."""

    pairs_with: Viewing | None = None
    told: Told | None = None


def source_of(side: str) -> Source:
    """The source behind a side's key such as `jellyfin:SERVER:USER`."""
    return Source(side.split(":", 1)[0])


def tolerance(runtime: int) -> int:
    """Minutes by which a time may lie on the wrong side of another."""
    return max(30, runtime // 2)


def far(runtime: int) -> int:
    """Minutes after which two times are never the same viewing."""
    return 2 * runtime + 30


def judge(
    sighting: Sighting, viewings: Iterable[Viewing], runtime: int, *, first: bool = False, inexact: bool = False
) -> Verdict:
    """Pair the sighting with the nearest viewing, or say as what it should be kept.

    `viewings` are all rows of this title and account and every Trakt play without a row; `first` is the first read of
    a side (or a full sync), `inexact` means that Trakt told only a count and the last play.
    """
    known = list(viewings)
    if sighting.mark:  # what went from Trakt, or was never told, does not stand for what is marked now
        stands = any(viewing.told in (Told.NO, Told.SENT, Told.YES) for viewing in known)
        return Verdict() if stands else Verdict(told=Told.NO)
    near = [
        (distance, number)
        for number, viewing in enumerate(known)
        if (distance := gap(sighting, viewing, runtime)) is not None
    ]
    if near:
        return Verdict(pairs_with=known[min(near)[1]])
    if sighting.source is Source.TRAKT:
        return Verdict(told=Told.YES)
    if (first or inexact) and not _is_news(sighting, known, runtime):
        return Verdict(told=Told.NEVER)
    return Verdict(told=Told.NO)


def joined(viewing: Viewing, sighting: Sighting) -> Viewing:
    """The viewing with what this sighting adds to it."""
    heard = sighting.ended is not None
    both = replace(
        viewing,
        began=viewing.began or sighting.began,
        ended=viewing.ended or sighting.ended,
        times=viewing.times if heard or sighting.shown is None else {sighting.side: sighting.shown, **viewing.times},
    )
    if sighting.source is Source.TRAKT and viewing.told in (Told.NO, Told.SENT):
        minute = sighting.at and _floored(sighting.at)
        return replace(both, told=Told.YES, minute=minute, history_id=sighting.history_id)
    if sighting.source is Source.TRAKT and viewing.history_id is None:
        return replace(both, history_id=sighting.history_id)
    if sighting.ended is not None and viewing.told is Told.NO:
        return replace(both, minute=_floored(sighting.ended))
    return both


def made(sighting: Sighting, told: Told) -> Viewing:
    """The viewing that a sighting is when it pairs with none."""
    moment = sighting.ended or sighting.at
    return Viewing(
        began=sighting.began,
        ended=sighting.ended,
        minute=_floored(moment) if moment else None,
        history_id=sighting.history_id,
        told=told,
        times={sighting.side: sighting.shown} if sighting.shown and not sighting.ended else {},
    )


def gap(sighting: Sighting, viewing: Viewing, runtime: int) -> int | None:
    """How far apart the two are in minutes, None if they cannot be the same viewing."""
    if sighting.history_id is not None and sighting.history_id == viewing.history_id:
        return -1  # nearer than anything that only fits in time
    if sighting.at is None:
        return None
    if sighting.began is not None and sighting.ended is not None:  # heard live
        return _live_gap(sighting.began, sighting.ended, viewing)
    own = viewing.times.get(sighting.side)
    if own is not None:
        return 0 if own == sighting.shown else None
    sharp = _sharp_gap(sighting.source, sighting.at, viewing)
    return sharp.minutes if sharp is not None else _wide_gap(sighting.source, sighting.at, viewing, runtime)


@dataclass(frozen=True, slots=True)
class _Sharp:
    """The outcome where begin or end are known, which is final either way."""

    minutes: int | None


def _sharp_gap(source: Source, at: datetime, heard: Viewing) -> _Sharp | None:
    """Compare a side's time with a viewing that was heard live or told by us; None where neither is known."""
    if source is Source.TRAKT:
        if heard.minute is not None and heard.told in (Told.SENT, Told.YES):
            return _within(at, heard.minute, -2, 2)
        return None if heard.ended is None else _within(at, heard.ended, -5, 5)
    if heard.began is None:
        return None
    if source is Source.JELLYFIN:
        return _within(at, heard.began, -5, 5)
    if heard.ended is None:
        return None
    inside = _minutes(heard.began, at) >= -5 and _minutes(heard.ended, at) <= 30
    return _Sharp(abs(_minutes(heard.ended, at)) if inside else None)


def _live_gap(began: datetime, ended: datetime, viewing: Viewing) -> int | None:
    """Compare what was heard live with a row: other live reports by their begin, read times by the sharp rule."""
    if viewing.began is not None:
        return _within(began, viewing.began, -5, 5).minutes
    heard = Viewing(began=began, ended=ended)
    gaps = [
        sharp.minutes
        for side, at in _all_times(viewing)
        if (sharp := _sharp_gap(source_of(side), at, heard)) is not None and sharp.minutes is not None
    ]
    return min(gaps, default=None)


def _wide_gap(source: Source, at: datetime, viewing: Viewing, runtime: int) -> int | None:
    """Compare two read times, of which at least one may be a begin and the other an end."""
    gaps: list[int] = []
    for side, other in _all_times(viewing):
        other_source = source_of(side)
        if source is Source.TRAKT and other_source is Source.TRAKT:
            continue  # two plays on Trakt are two plays
        if Source.TRAKT in (source, other_source):
            delta = _minutes(other, at) if source is Source.TRAKT else _minutes(at, other)
            fits = -tolerance(runtime) <= delta <= far(runtime)
        else:
            fits = abs(_minutes(other, at)) <= far(runtime)
        if fits:
            gaps.append(abs(_likely_end(other_source, other, runtime) - _likely_end(source, at, runtime)))
    return min(gaps, default=None)


def _all_times(viewing: Viewing) -> list[tuple[str, datetime]]:
    """Every read time of a viewing, the minute on Trakt included."""
    times = list(viewing.times.items())
    if viewing.minute is not None and viewing.told in (Told.SENT, Told.YES, Told.GONE):
        times.append((Source.TRAKT, viewing.minute))
    return times


def _is_news(sighting: Sighting, known: list[Viewing], runtime: int) -> bool:
    """Whether it lies clearly after all that Trakt already has."""
    plays = [row.minute for row in known if row.minute is not None and row.told in (Told.SENT, Told.YES)]
    return not plays or (sighting.at is not None and _minutes(max(plays), sighting.at) > tolerance(runtime))


def _likely_end(source: Source, at: datetime, runtime: int) -> int:
    """The minute in which it probably ended: Jellyfin keeps begins, the others ends."""
    return _number(at) + (runtime if source is Source.JELLYFIN else 0)


def _within(at: datetime, centre: datetime, lowest: int, highest: int) -> _Sharp:
    delta = _minutes(centre, at)
    return _Sharp(abs(delta) if lowest <= delta <= highest else None)


def _minutes(earlier: datetime, later: datetime) -> int:
    """Whole minutes from one to the other, negative if it is the other way round."""
    return _number(later) - _number(earlier)


def _floored(moment: datetime) -> datetime:
    """The whole minute a moment lies in: what Trakt keeps of it."""
    return moment.replace(second=0, microsecond=0)


def _number(moment: datetime) -> int:
    """The whole minute a moment lies in, as a number."""
    return int(moment.timestamp() // 60)
