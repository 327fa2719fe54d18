"""What Jellyfin can do for one account: everything read once for all features, and written as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec

from sidecar.clock import Clock, to_text
from sidecar.contract import Scope
from sidecar.errors import RemoteError
from sidecar.model import Feature, Kind
from sidecar.servers.hands import Reading
from sidecar.servers.inventory import Inventory
from sidecar.servers.jellyfin.client import Jellyfin
from sidecar.servers.jellyfin.reads import NEWEST, PAGE, Mark, Reads
from sidecar.servers.jellyfin.states import States
from sidecar.servers.rows import Row


class JellyfinHands:
    """One account on one Jellyfin server, for one run."""

    def __init__(
        self,
        client: Jellyfin,
        user_id: str,
        inventory: Inventory,
        *,
        libraries: frozenset[str] | None,
        favourites: bool,
        clock: Clock,
    ) -> None:
        self._client, self._user, self._favourites, self._clock = client, user_id, favourites, clock
        self._reads, self._states = Reads(client, user_id, inventory, libraries), States(client, user_id)
        self._whole: tuple[Reading, Mark | None] | None = None

    def name(self) -> str:
        """The kind of server."""
        return "jellyfin"

    def capabilities(self) -> dict[str, Any]:
        """What this side can do."""
        leaves, no_dates = [str(Kind.MOVIE), str(Kind.EPISODE)], {"dates": "none", "writable": True, "changes": False}
        can: dict[str, Any] = {
            "bidirectional": True, "provides_ids": True, "index_semantics": "present",
            "server": self._client.about.version,
            "history": {"types": leaves, "plays": "last", "dates": "exact", "writable": True, "changes": True},
            "ratings": {"types": [str(kind) for kind in Kind], "upsert": True, "unrate": True, "step": 0.1, **no_dates},
            "collection": {"types": leaves, "dates": "exact", "writable": False, "changes": False},
        }  # fmt: skip
        watchlist = {"types": [str(Kind.MOVIE), str(Kind.SHOW)], **no_dates}
        return can | ({"watchlist": watchlist} if self._favourites else {})

    def requests(self) -> int:
        """How many requests its server had from this token."""
        return self._client.requests

    def ahead(self) -> timedelta:
        """By how much the server's clock is fast."""
        return self._client.ahead

    def prove(self) -> dict[str, str]:
        """Whether the account is there and the token may see it."""
        user = self._client.user(self._user)
        facts = {
            "account": user.name,
            "version": self._client.about.version,
            "disabled": "yes" if user.disabled else "",
        }
        return {name: fact for name, fact in facts.items() if fact}

    def changes(self, feature: Feature, since: Any) -> Reading | None:
        """What was played since a mark; of everything else Jellyfin tells all or nothing: that is read daily."""
        if feature is not Feature.HISTORY:
            return Reading(scope=Scope.PART, mark=since)
        try:
            old = msgspec.convert(since, Mark)
        except msgspec.ValidationError:
            return None
        mark, dated = self._reads.peek()
        if mark == old:
            return Reading(scope=Scope.UNCHANGED, mark=since)
        if NEWEST <= mark.played - old.played < PAGE:
            mark, dated = self._reads.peek(PAGE)
        fresh = [item for at, item in dated if old.newest is None or at > old.newest]
        if mark.played == old.played + len(fresh) and len(fresh) < PAGE:
            return Reading(self._reads.placed(fresh), Scope.PART, mark=msgspec.to_builtins(mark))
        return replace(self._reads.survey(self._reads.played_in), mark=msgspec.to_builtins(mark))

    def complete(self, feature: Feature) -> Reading:
        """Everything; one pass serves history, ratings and favourites."""
        read_at = {"read": to_text(self._clock.now())}
        if feature is Feature.COLLECTION:
            return replace(self._reads.survey(self._reads.files_in), mark=read_at)
        if self._whole is None:
            self._whole = self._all()
        reading, mark = self._whole
        return replace(reading, mark=msgspec.to_builtins(mark) if feature is Feature.HISTORY else read_at)

    def look(self, items: Sequence[str]) -> list[Row]:
        """These items as they are now."""
        found = self._reads.by_ids(items)
        self._states.read({item.id: item.user_data for item in found if item.user_data is not None})
        return self._reads.placed(found)

    def playing(self) -> frozenset[str]:
        """What this account plays now, on any device."""
        return frozenset(item for session in self._client.sessions() for item in session.items_of(self._user))

    def would(self, item: str, feature: Feature, value: Any) -> str:
        """The request that would write this."""
        return self._states.would(item, feature, value)

    def put(self, row: Row, feature: Feature, value: Any) -> Row | None:
        """Write a value, and everything else as it was read just before."""
        if not self._states.knows(row.item):
            self.look([row.item])
        return self._states.put(row, feature, value)

    def take(self, row: Row, feature: Feature) -> Row | None:
        """Take a value away, and give back what went with it."""
        if not self._states.knows(row.item):
            self.look([row.item])
        return self._states.take(row, feature)

    def _all(self) -> tuple[Reading, Mark | None]:
        """The one pass, and how things stood before it: what moves meanwhile is seen the next time."""
        try:
            mark, _ = self._reads.peek()
        except RemoteError as problem:
            return Reading(libraries=frozenset(), why=problem.what), None
        return self._reads.survey(self._reads.all_in), mark
