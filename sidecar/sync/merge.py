"""From what all sides show to a plan: who says what, what is agreed then, who is written.

`merge(agreed, seen, indexes, policy)` is pure and works for any number of sides, one feature at a time. It is given
- every linked side in `policy.sides`, and a `Read` for each that answered: titles matched, with all items that are
  there, those never met before (or moved from another title), what live heard since, and the last read's moment;
- the ledger's rows of the person's Trakt account, decisions about held parts and counts of the last 24 hours.
Titles in `plan.looks` are asked directly (`Read.looked`) and all is merged once more; what cannot be asked then is left
alone. In one transaction the engine stores agreed and seen (empty rows may go), gives the claims to the ledger together
with the plays that Trakt shows, or was last seen with, moves `gone` and `never`, and stores held parts, counts and
changes. Before each write it commits `expecting`, afterwards `confirmed`. Of Trakt's history the ledger says in the end
what is told, and only to a Trakt that was read in this run.
Two persons who share a Trakt account are merged from one read, before its Seen rows are stored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from sidecar.contract import Plays
from sidecar.model import Feature
from sidecar.sync import guard
from sidecar.sync.absorb import Absorb
from sidecar.sync.ear import Ear
from sidecar.sync.plan import REMOVED, Agreed, Change, Held, Plan, Said, Seen
from sidecar.sync.sides import Policy, Read
from sidecar.sync.spread import Spread
from sidecar.sync.table import Table
from sidecar.viewing import Told

Counts = dict[tuple[int, str], int]


def merge(
    agreed: Mapping[int, Agreed], seen: Mapping[int, Mapping[int, Seen]], indexes: Mapping[int, Read], policy: Policy
) -> Plan:
    """What becomes of one feature of one person; a second merge of what it leaves behind plans nothing."""
    table = Table(agreed, seen, indexes, policy)
    ears = [
        Ear(side, table.rows(side.id), indexes[side.id], policy) for side in table.sides.values() if side.id in indexes
    ]
    said = {ear.side.id: list(ear.listen(agreed)) for ear in ears}
    held, counts = _guarded(ears, said, policy)
    table.stays = {title for part in held for title in part.titles} | {title for ear in ears for title in ear.looks}
    by_title: dict[int, list[Said]] = {}
    for one in (one for ones in said.values() for one in ones if one.title not in table.stays):
        by_title.setdefault(one.title, []).append(one)
    said.clear()
    absorb = Absorb(table)
    for title in list(by_title):
        absorb.settle(title, by_title.pop(title))  # what was said takes more room than what comes of it
    table.policy = _without(policy, absorb.gone)
    changes = Spread(table).changes(absorb.claims, absorb.viewings)
    held_on = {(part.side, title) for part in held for title in part.titles}
    looks = {ear.side.id: sorted(title for title in ear.looks if (ear.side.id, title) not in held_on) for ear in ears}
    return Plan(
        feature=policy.feature,
        changes=changes,
        agreed=table.agreed,
        seen=table.seen,
        claims=absorb.claims,
        gone=absorb.gone,
        never=absorb.never,
        held=held,
        counts=counts,
        notes=table.notes,
        looks={side: titles for side, titles in looks.items() if titles},
    )


def _without(policy: Policy, gone: Sequence[tuple[int, datetime | None]]) -> Policy:
    """The policy with a ledger that knows what went from Trakt."""
    if not gone:
        return policy
    ledger = dict(policy.ledger)
    for title, minute in gone:
        rows = ledger.get(title, ())
        ledger[title] = [
            dataclasses.replace(row, told=Told.GONE) if row.told is Told.YES and row.minute == minute else row
            for row in rows
        ]
    return replace(policy, ledger=ledger)


def expecting(row: Seen | None, change: Change) -> Seen:
    """The Seen row that is committed before a change is sent: what then fits it is our own echo."""
    return replace(row or Seen(None), expected=REMOVED if change.action == "remove" else change.value)


def confirmed(row: Seen | None, change: Change, value: Any) -> Seen:
    """The Seen row after a side confirmed a change and holds this value."""
    before = row or Seen(None)
    ours = None if change.action == "remove" else change.value
    if isinstance(ours, Plays) and isinstance(before.ours, Plays):
        ours = Plays((*before.ours.minutes, *(at for at in ours.minutes if at not in before.ours.minutes)))
    return Seen(value, () if change.feature is Feature.HISTORY else change.items or before.items, ours=ours)


def _guarded(ears: list[Ear], said: Mapping[int, list[Said]], policy: Policy) -> tuple[list[Held], Counts]:
    """What the guard holds of all sides, and what it counted of the rest."""
    on_trakt: set[int] = set()
    for ear in ears:
        if ear.side.trakt and policy.feature is Feature.HISTORY:
            on_trakt |= ear.read.facts.keys() | {title for title, row in ear.rows.items() if row.value is not None}
    held, counts = list[Held](), Counts()
    for ear in ears:
        ones, looks = said[ear.side.id], ear.looks
        part = guard.hold(ear.side, ones, looks, ear.rows, read=ear.read, policy=policy, on_trakt=frozenset(on_trakt))
        held += part[0]
        counts |= part[1]
    return held, counts
