"""One account of one media server as a side: the nine members of the provider contract, for Jellyfin and Plex alike.

Made for one run. Whatever goes wrong while reading makes the index incomplete; nothing is ever concluded from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sidecar.clock import Clock
from sidecar.contract import Copy, Fact, Health, Index, Receipt, Scope, State, state_of
from sidecar.errors import RemoteError, SidetraktError, UserError
from sidecar.model import Feature, Ref
from sidecar.servers.batch import Asked
from sidecar.servers.guids import same
from sidecar.servers.hands import AT_ONCE, Hands, Reading
from sidecar.servers.inventory import Inventory
from sidecar.servers.rows import Row, facts_of, value_of
from sidecar.servers.writing import Writing

NOT_SET_UP = "Run `sidetrakt account {label} --pin`, or give the server's own token in sidetrakt.toml."


class ServerSide:
    """A person's account on a media server."""

    def __init__(
        self,
        label: str,
        hands: Hands | None,
        inventory: Inventory,
        writing: Writing | None,
        *,
        clock: Clock,
        kind: str = "",
    ) -> None:
        self._label, self._hands, self._inventory = label, hands, inventory
        self._writing, self._clock, self._kind = writing, clock, kind

    def name(self) -> str:
        """The kind of server."""
        return self._hands.name() if self._hands else self._kind

    def label(self) -> str:
        """How a person would name it."""
        return self._label

    def features(self) -> frozenset[Feature]:
        """What it can do anything about; without a token all, so that whoever asks is told what is missing."""
        return frozenset(Feature(name) for name in self.capabilities() or Feature if name in set(Feature))

    def capabilities(self) -> dict[str, Any]:
        """What this side can do; nothing without a token."""
        return self._hands.capabilities() if self._hands else {}

    def is_configured(self) -> bool:
        """Whether there is a token that acts for this account."""
        return self._hands is not None

    def health(self) -> Health:
        """How it is, with one request."""
        try:
            return Health(State.OK, facts=self._reachable.prove())
        except SidetraktError as problem:
            until = problem.retry_at if isinstance(problem, RemoteError) else None
            return Health(state_of(problem), problem.what, problem.next_step, until)

    def build_index(self, feature: Feature, since: Any = None, only: Sequence[Ref] | None = None) -> Index:
        """Read one feature: what moved since a mark, these titles, or all."""
        hands, now, before = self._reachable, self._clock.now(), self._reachable.requests()
        if only is not None:
            return self._only(feature, only)
        try:
            reading = hands.changes(feature, since) if since is not None else None
            reading = reading or hands.complete(feature)
        except RemoteError as problem:
            reading = Reading(why=problem.what)
        return Index(
            feature,
            facts_of(feature, self._inventory.named(reading.rows)),
            reading.scope,
            complete=not reading.why,
            read_at=now,
            mark=None if reading.why else reading.mark,  # what was not whole is read again, whether or not it moves
            why=reading.why,
            libraries=reading.libraries,
            requests=hands.requests() - before,
            ahead=hands.ahead(),
        )

    def add(self, facts: Sequence[Fact], feature: Feature, *, dry_run: bool = False) -> list[Receipt]:
        """Make it so, on every copy that is not so yet."""
        return self._writes().write(self._with_items(facts), feature, remove=False, dry_run=dry_run)

    def remove(self, facts: Sequence[Fact], feature: Feature, *, dry_run: bool = False) -> list[Receipt]:
        """Take these values away, from every copy that has them."""
        return self._writes().write(self._with_items(facts), feature, remove=True, dry_run=dry_run)

    def _only(self, feature: Feature, only: Sequence[Ref]) -> Index:
        """These titles as they are at this moment, with what is there and holds nothing."""
        hands, now, before = self._reachable, self._clock.now(), self._reachable.requests()
        items, why = self._inventory.find(only), ""
        waiting = list(dict.fromkeys(item for found in items for item in found))
        rows: dict[str, Row] = {}
        try:
            for start in range(0, len(waiting), AT_ONCE):
                rows |= {row.item: row for row in hands.look(waiting[start : start + AT_ONCE])}
        except RemoteError as problem:
            why = problem.what
        facts, there = [], dict[str, Copy]()
        for ref, found in zip(only, items, strict=True):
            # An id that now means something else says nothing about this title.
            copies = [rows[item] for item in found if item in rows and any(same(ref, now) for now in rows[item].refs)]
            there.update((row.item, row.copy) for row in copies)
            if (value := value_of(feature, copies)) is not None:
                facts.append(Fact(ref, value, tuple(row.item for row in copies)))
        return Index(
            feature,
            facts,
            Scope.ONLY,
            complete=not why,
            read_at=now,
            why=why,
            requests=hands.requests() - before,
            ahead=hands.ahead(),
            there=frozenset(there),
            copies=there,
        )

    def _with_items(self, facts: Sequence[Fact]) -> list[Asked]:
        """Each fact with the items behind it, those that are named or that claim to be this title, and their claims."""
        found = iter(self._inventory.find([fact.ref for fact in facts if not fact.items]))
        items = [fact.items or next(found) for fact in facts]
        known = self._inventory.get(list(dict.fromkeys(item for each in items for item in each)))
        claims = {remote: item.claim for remote, item in known.items()}
        return [(fact, {item: claims.get(item, "") for item in each}) for fact, each in zip(facts, items, strict=True)]

    def _writes(self) -> Writing:
        if self._writing is None:
            raise self._no_token()
        return self._writing

    @property
    def _reachable(self) -> Hands:
        if self._hands is None:
            raise self._no_token()
        return self._hands

    def _no_token(self) -> UserError:
        return UserError(f"There is no token for {self._label}.", NOT_SET_UP.format(label=self._label))
