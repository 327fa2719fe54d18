"""A side that lives in memory and keeps the provider contract: for tests of whatever reads and writes sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sidecar.contract import Fact, Health, Index, Outcome, Plays, Receipt, Scope, State
from sidecar.model import Feature, Kind, Ref

LEAVES = (Kind.MOVIE, Kind.EPISODE)
Key = tuple[Kind, str]


def key_of(ref: Ref) -> Key:
    """What names a title here: the first id that Trakt would believe, else the whole claim."""
    return ref.kind, next((f"{name}={value}" for name, value in ref.ids.pairs()), ref.claim())


@dataclass
class RamSide:
    """One account of a service that never leaves this process; what it shall do wrong is set from outside."""

    service: str = "ram"
    clock: Callable[[], datetime] = lambda: datetime(2026, 1, 31, 20, 15, tzinfo=UTC)
    held: dict[Feature, dict[Key, Fact]] = field(default_factory=lambda: {feature: {} for feature in Feature})
    unknown: set[Key] = field(default_factory=set)  # titles that it does not have
    state: State = State.OK
    problem: Exception | None = None  # raised by everything that asks
    incomplete: str = ""  # why a read is cut short by half
    refuses: str = ""  # why nothing is written
    loses_answers: int = 0  # so many writes are done, and their answers lost
    writes: list[tuple[str, Feature, tuple[Fact, ...]]] = field(default_factory=list)
    reads: int = 0
    _moved: dict[Feature, int] = field(default_factory=lambda: dict.fromkeys(Feature, 0))

    def name(self) -> str:
        """The provider's id."""
        return self.service

    def label(self) -> str:
        """How a person would name it."""
        return f"{self.service} (in memory)"

    def features(self) -> frozenset[Feature]:
        """All of them."""
        return frozenset(Feature)

    def capabilities(self) -> dict[str, Any]:
        """Everything that Trakt can do."""
        leaves, all_kinds = [str(kind) for kind in LEAVES], [str(kind) for kind in Kind]
        return {
            "bidirectional": True,
            "provides_ids": True,
            "index_semantics": "present",
            "history": {"types": leaves, "plays": "all", "dates": "exact"},
            "ratings": {"types": all_kinds, "upsert": True, "unrate": True, "step": 1, "dates": "exact"},
            "watchlist": {"types": all_kinds, "dates": "set by server"},
            "collection": {"types": leaves, "dates": "exact"},
        }

    def is_configured(self) -> bool:
        """Whether it can be asked."""
        return self.state is not State.NOT_SET_UP

    def health(self) -> Health:
        """As it was set."""
        return Health(self.state)

    def build_index(self, feature: Feature, since: Any = None, only: Sequence[Ref] | None = None) -> Index:
        """What is held."""
        self._ask()
        self.reads += 1
        facts, mark = list(self.held[feature].values()), self._moved[feature]
        if only is not None:
            wanted = {key_of(ref) for ref in only}
            facts = [fact for fact in facts if key_of(fact.ref) in wanted]
            return Index(feature, facts, Scope.ONLY, complete=True, read_at=self.clock(), requests=1)
        if since == mark:
            return Index(feature, (), Scope.UNCHANGED, complete=True, read_at=self.clock(), mark=mark, requests=1)
        if self.incomplete:
            facts = facts[: len(facts) // 2]
            why = self.incomplete
            return Index(feature, facts, Scope.FULL, complete=False, read_at=self.clock(), why=why, requests=1)
        return Index(feature, facts, Scope.FULL, complete=True, read_at=self.clock(), mark=mark, requests=1)

    def add(self, facts: Sequence[Fact], feature: Feature, *, dry_run: bool = False) -> list[Receipt]:
        """Add or update; the same play twice is one."""
        return self._write("add", facts, feature, dry_run)

    def remove(self, facts: Sequence[Fact], feature: Feature, *, dry_run: bool = False) -> list[Receipt]:
        """Remove exactly these."""
        return self._write("remove", facts, feature, dry_run)

    def put(self, feature: Feature, *facts: Fact) -> None:
        """What somebody else does there: it is simply so, and no write of ours."""
        for fact in facts:
            self.held[feature][key_of(fact.ref)] = fact
        self._moved[feature] += 1

    def drop(self, feature: Feature, *refs: Ref) -> None:
        """What somebody else takes away."""
        for ref in refs:
            self.held[feature].pop(key_of(ref), None)
        self._moved[feature] += 1

    def _ask(self) -> None:
        if self.problem is not None:
            raise self.problem

    def _write(self, what: str, facts: Sequence[Fact], feature: Feature, dry_run: bool) -> list[Receipt]:
        if dry_run:
            would = {"would": what, "feature": str(feature)}
            return [Receipt(fact, Outcome.DONE, f"would {what}", seen=would) for fact in facts]
        self._ask()
        if self.refuses:
            return [Receipt(fact, Outcome.REFUSED, self.refuses) for fact in facts]
        self.writes.append((what, feature, tuple(facts)))
        self._moved[feature] += 1
        change = self._add if what == "add" else self._remove
        receipts = [change(fact, self.held[feature]) for fact in facts]
        if self.loses_answers:
            self.loses_answers -= 1
            return [Receipt(fact, Outcome.UNKNOWN, "the answer was lost") for fact in facts]
        return receipts

    def _add(self, fact: Fact, held: dict[Key, Fact]) -> Receipt:
        key = key_of(fact.ref)
        if key in self.unknown:
            return Receipt(fact, Outcome.NOT_FOUND, "it is not there")
        value = fact.value
        if isinstance(value, Plays):
            before = held[key].value.minutes if key in held else ()
            held[key] = Fact(fact.ref, Plays((*before, *(at for at in value.minutes if at not in before))), fact.items)
        else:
            held[key] = fact
        return Receipt(fact, Outcome.DONE, seen=value)

    def _remove(self, fact: Fact, held: dict[Key, Fact]) -> Receipt:
        key = key_of(fact.ref)
        there = held.pop(key, None)
        if there is None:
            return Receipt(fact, Outcome.ALREADY)
        if not isinstance(there.value, Plays):
            return Receipt(fact, Outcome.DONE)
        left = Plays(tuple(at for at in there.value.minutes if at not in fact.value.minutes))
        if left.minutes:
            held[key] = Fact(there.ref, left, there.items)
        return Receipt(fact, Outcome.ALREADY if left == there.value else Outcome.DONE, seen=left)
