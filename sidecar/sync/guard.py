"""What is held back until a person looks: more at once than anybody is likely to have meant.

Counted per side and feature over 24 hours and before any policy. What is held moves neither Agreed nor Seen; the rest
of the run goes on. A held part is replaced by the next run's; what a person applied passes and is not counted again,
what a person wants kept moves Seen, marked kept, and is not asked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from sidecar.contract import Scope
from sidecar.sync.plan import Held, Said, Seen
from sidecar.sync.sides import Decision, Policy, Read, Side

REMOVALS, NEW, UNDATED, IDS, LOST = "removals", "new values", "undated plays", "changed ids", "lost rows"
RULES = (REMOVALS, NEW, UNDATED, IDS, LOST)
FEW_REMOVALS, PART_REMOVED = 15, 0.30
MANY_NEW, PART_NEW = 200, 0.20
MANY_UNDATED = 20
FEW_IDS, PART_IDS = 5, 0.05
FEW_LOST, PART_LOST, EMPTIED = 15, 0.30, 5
NOBODY = Decision()


def hold(
    side: Side,
    said: Sequence[Said],
    looks: Sequence[int],
    rows: Mapping[int, Seen],
    *,
    read: Read,
    policy: Policy,
    on_trakt: frozenset[int],
) -> tuple[list[Held], dict[tuple[int, str], int]]:
    """What the guard holds of one side, and what it counted of the rest.

    `looks` are titles that would be removed if a look confirms it; `on_trakt` are titles with plays there.
    """
    known = policy.known.get(side.id) or sum(row.value is not None for row in rows.values())
    removals = [*(one.title for one in said if one.removal), *looks]
    new = [one.title for one in said if one.value is not None and one.moved] if side.joined else []
    undated = [
        one.title for one in said if one.mark and one.at is None and one.title not in on_trakt and not side.trakt
    ]
    anything = [*(one.title for one in said if one.value is not None), *removals]
    lost = _lost(side, rows, read, policy)
    limits = {
        REMOVALS: (removals, max(FEW_REMOVALS, PART_REMOVED * known)),
        NEW: (new, max(MANY_NEW, PART_NEW * known)),
        UNDATED: (undated, MANY_UNDATED),
    }
    held, counts = list[Held](), dict[tuple[int, str], int]()
    for rule, (titles, limit) in limits.items():
        waiting = _undecided(policy, side, titles)
        if len(waiting) + policy.recent.get((side.id, rule), 0) > limit:
            held.append(Held(side.id, rule, tuple(waiting), _WHY[rule].format(count=len(waiting), limit=int(limit))))
        elif waiting:
            counts[side.id, rule] = len(waiting)
    if read.renumbered > max(FEW_IDS, PART_IDS * known):
        held += _all(policy, side, IDS, anything, count=read.renumbered, limit=max(FEW_IDS, int(PART_IDS * known)))
    asked = {title for part in held for title in part.titles}
    if (lost > FEW_LOST and lost > PART_LOST * known) or (lost == known and known >= EMPTIED):
        rest = [title for title in removals if title not in asked]  # each waits once
        held += _all(policy, side, LOST, rest, count=lost, limit=known)
    return held, counts


def decision(policy: Policy, side: int) -> Decision:
    """What a person said about everything held of a side, whatever the rule."""
    made = [policy.decided[side, rule] for rule in RULES if (side, rule) in policy.decided]
    return Decision(
        frozenset(title for one in made for title in one.apply), frozenset(title for one in made for title in one.keep)
    )


def kept(row: Seen, now: datetime) -> Seen:
    """The Seen row of what a person wants left as it is."""
    return replace(row, kept_since=now)


def _lost(side: Side, rows: Mapping[int, Seen], read: Read, policy: Policy) -> int:
    """How many rows a complete read does not show any more, beside those that a person knows of."""
    if read.scope is not Scope.FULL:
        return 0
    absent = (
        title
        for title, row in rows.items()
        if row.value is not None and title not in read.facts and read.says_absent(title, policy.kinds.get(title))
    )
    return len(_undecided(policy, side, absent))


def _undecided(policy: Policy, side: Side, titles: Iterable[int]) -> list[int]:
    """The titles about which nobody decided; whoever looked at one was told of it once, whatever the rule."""
    made = decision(policy, side.id)
    return [title for title in dict.fromkeys(titles) if title not in made.apply and title not in made.keep]


def _all(policy: Policy, side: Side, rule: str, titles: Iterable[int], *, count: int, limit: int) -> list[Held]:
    """Everything a doubtful read says, held under one rule."""
    waiting = _undecided(policy, side, titles)
    return [Held(side.id, rule, tuple(waiting), _WHY[rule].format(count=count, limit=limit))] if waiting else []


_WHY = {
    REMOVALS: "{count} titles were taken away within a day; more than {limit} are looked at by a person first.",
    NEW: "{count} titles are new or different within a day; more than {limit} are looked at by a person first.",
    UNDATED: "{count} plays have no date; more than {limit} of them are told to Trakt only when a person says so.",
    IDS: "{count} ids changed since the last read; after more than {limit} nothing is believed unseen.",
    LOST: "{count} of {limit} titles are missing from a read that calls itself complete.",
}
