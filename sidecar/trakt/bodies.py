"""What a write says: which facts can be sent at all, what stands in a body for each, and how titles are named in it.

Pure: nothing here asks or tells anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sidecar.clock import to_minute
from sidecar.contract import Collected, Fact, Outcome, Plays, Rating, Receipt
from sidecar.model import Feature, Kind, Ref
from sidecar.trakt.collected import said_of
from sidecar.trakt.minimal import NO_DATE
from sidecar.trakt.wire import PLURAL, moment, written_ids

UNKNOWN = "unknown"  # Trakt's word for a play without a date


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One thing in a body, with the fact it came from."""

    fact: Fact
    at: datetime | None = None
    said: dict[str, Any] = field(default_factory=dict)  # beside the title

    @property
    def ref(self) -> Ref:
        """The title."""
        return self.fact.ref

    @property
    def by_number(self) -> bool:
        """Whether it is named by show and numbers; Trakt drops an unknown number without a word."""
        return not written_ids(self.ref.ids)

    @property
    def place(self) -> str:
        """The list of a body in which it stands."""
        return "shows" if self.by_number else PLURAL[self.ref.kind]

    @property
    def ids(self) -> dict[str, Any]:
        """The ids by which it is named there."""
        return written_ids(self.ref.show) if self.by_number and self.ref.show else written_ids(self.ref.ids)


@dataclass(slots=True)
class Prepared:
    """What is to be sent for some facts: the entries of each, and why some have none."""

    facts: Sequence[Fact]
    of: list[list[Entry]] = field(default_factory=list)
    refused: dict[int, Receipt] = field(default_factory=dict)

    def entries(self) -> list[Entry]:
        """All entries, each once, plays in order of time and those without a date last."""
        each = dict.fromkeys(entry for entries in self.of for entry in entries)
        return sorted(each, key=lambda entry: (entry.at is None, entry.at or NO_DATE))


def prepare(facts: Sequence[Fact], feature: Feature, *, remove: bool = False) -> Prepared:
    """The entries of facts; the same thing said twice is sent once."""
    prepared, known = Prepared(facts), dict[object, Entry]()
    for index, fact in enumerate(facts):
        why = refusal(fact, feature, remove=remove)
        if why:
            prepared.refused[index] = Receipt(fact, Outcome.REFUSED, why)
        mine: list[Entry] = []
        undated = 0
        for entry in [] if why else _entries(fact, remove=remove):
            undated += entry.at is None
            title = (fact.ref.kind, fact.ref.ids.trakt or fact.ref.claim())
            key = (
                (title, to_minute(entry.at) if entry.at else undated)
                if isinstance(fact.value, Plays)
                else (title, repr(fact.value))
            )
            one = known.setdefault(key, entry)
            if one not in mine:
                mine.append(one)
        prepared.of.append(mine)
    return prepared


def refusal(fact: Fact, feature: Feature, *, remove: bool = False) -> str:
    """Why a fact cannot be sent at all; nothing if it can."""
    ref, value = fact.ref, fact.value
    if feature is Feature.RATINGS and not remove:
        number: Any = value.value if isinstance(value, Rating) else value
        if not isinstance(value, Rating) or type(number) not in (int, float) or number not in range(1, 11):
            return f"Trakt takes whole numbers from 1 to 10, not {number!r}"
    if feature is Feature.HISTORY and (not isinstance(value, Plays) or not value.minutes):
        return "there is no play to tell"
    if feature is Feature.COLLECTION and not remove and not isinstance(value, Collected):
        return "there is no copy to tell"
    if feature in (Feature.HISTORY, Feature.COLLECTION) and ref.kind not in (Kind.MOVIE, Kind.EPISODE):
        return f"a whole {ref.kind} is never marked; its episodes are"
    if written_ids(ref.ids):
        return ""
    numbered = ref.season is not None and (ref.kind is Kind.SEASON or ref.number is not None)
    by_show = ref.kind in (Kind.EPISODE, Kind.SEASON) and ref.show is not None and written_ids(ref.show) and numbered
    return "" if by_show else "no id that Trakt knows"


def body_of(entries: Sequence[Entry]) -> dict[str, Any]:
    """One body for entries of all types; those by number stand together under their show and season."""
    body: dict[str, list[dict[str, Any]]] = {}
    shows: dict[object, tuple[dict[str, Any], dict[int | None, dict[str, Any]]]] = {}
    for entry in entries:
        ref = entry.ref
        if not entry.by_number:
            body.setdefault(entry.place, []).append({"ids": entry.ids, **entry.said})
            continue
        key = tuple(entry.ids.items())
        if key not in shows:
            made: dict[str, Any] = {"ids": entry.ids, "seasons": []}
            body.setdefault("shows", []).append(made)
            shows[key] = made, {}
        show, seasons = shows[key]
        if ref.season not in seasons:
            seasons[ref.season] = {"number": ref.season}
            show["seasons"].append(seasons[ref.season])
        if ref.kind is Kind.SEASON:
            seasons[ref.season] |= entry.said
        else:
            seasons[ref.season].setdefault("episodes", []).append({"number": ref.number, **entry.said})
    return body


def _entries(fact: Fact, *, remove: bool) -> list[Entry]:
    value = fact.value
    if remove:
        return [Entry(fact)]
    if isinstance(value, Plays):
        return [Entry(fact, at, {"watched_at": moment(at) if at else UNKNOWN}) for at in value.minutes]
    if isinstance(value, Rating):
        return [Entry(fact, None, {"rating": int(value.value)} | ({"rated_at": moment(value.at)} if value.at else {}))]
    if isinstance(value, Collected):
        since = {"collected_at": moment(value.at)} if value.at else {}
        return [Entry(fact, None, said_of(value.media) | since)]
    return [Entry(fact)]
