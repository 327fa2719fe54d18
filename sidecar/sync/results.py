"""What a run says about itself: groups of changes with reasons, counts, remarks, requests and minutes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil

from sidecar.model import Feature
from sidecar.store.db import Transaction
from sidecar.store.matches import Matches
from sidecar.store.people import People
from sidecar.store.titles import Titles
from sidecar.store.waiting import Held
from sidecar.sync.linked import Linked
from sidecar.sync.plan import Change, Note
from sidecar.sync.request import Group, HeldPart, Remark

SHOWN = 5  # titles that stand for a group
AT_ONCE = 100  # titles in one look before or after a write


def groups(db: Transaction, changes: Iterable[Change], sides: Sequence[Linked]) -> tuple[Group, ...]:
    """Changes of one kind, for the same reason, together; with what it takes."""
    known, found = {side.id: side for side in sides}, dict[tuple[int, Feature, str, str], list[Change]]()
    for change in changes:
        found.setdefault((change.side, change.feature, change.action, change.why), []).append(change)
    labels = Titles(db).labels(change.title for each in found.values() for change in each[:SHOWN])
    made: list[Group] = []
    for (number, feature, action, why), each in found.items():
        side, plays = known[number], sum(change.rows for change in each)
        writes = ceil(plays / side.at_once)
        made.append(
            Group(
                side=side.side.label(),
                feature=feature,
                action=action,
                why=why,
                count=len(each),
                first=tuple(labels[change.title] for change in each[:SHOWN]),
                requests=writes + (ceil(len(each) / AT_ONCE) if side.at_once == 1 else 0),
                minutes=round(writes / side.rate / 60, 1),
            )
        )
    return tuple(made)


def remarks(
    db: Transaction, notes: Iterable[Note], why: Iterable[tuple[str, str, Iterable[int]]], servers: Iterable[str]
) -> tuple[Remark, ...]:
    """What is worth knowing, each reason once: notes of merges, what was not done, and items without a title."""
    found: dict[tuple[str, str], list[int]] = {}
    for note in notes:
        found.setdefault((note.kind, note.why), []).append(note.title)
    for kind, reason, titles in why:
        found.setdefault((kind, reason), []).extend(sorted(titles))
    labels = Titles(db).labels(title for titles in found.values() for title in titles[:SHOWN])
    made = [
        Remark(kind=kind, why=reason, count=len(titles), first=tuple(labels[title] for title in titles[:SHOWN]))
        for (kind, reason), titles in found.items()
    ]
    for reason, names in Matches(db).verdicts(servers).items():
        made.append(Remark(kind="unmatched", why=reason, count=len(names), first=tuple(names[:SHOWN])))
    return tuple(made)


def held_part(db: Transaction, part: Held, labels: dict[int, str]) -> HeldPart:
    """A held part for people; a side is named by what `labels` says, else by its key."""
    titles = Titles(db).labels(part.titles)
    return HeldPart(
        id=part.id,
        person=People(db).person(part.person).name,
        side=labels.get(part.side, ""),
        feature=part.feature,
        rule=part.rule,
        why=part.why,
        titles=tuple(titles[title] for title in part.titles if title in titles),
        decision=part.decision,
        at=part.at,
    )
