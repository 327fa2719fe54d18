"""What a kind of server can do for one account: the small protocol behind which Jellyfin and Plex look alike.

Everything that is the same for both (which copies to write, what to keep away from, receipts) is in side.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from sidecar.contract import Scope
from sidecar.model import Feature
from sidecar.servers.rows import Row

AT_ONCE = 100  # items in one direct look


@dataclass(slots=True)
class Reading:
    """What was read: rows that hold something, what they cover, and what is missing."""

    rows: list[Row] = field(default_factory=list)
    scope: Scope = Scope.FULL
    libraries: frozenset[str] | None = None  # those that were listed
    mark: Any = None
    why: str = ""  # it is not complete

    def lacks(self, why: str) -> None:
        """Remember the first thing that is missing."""
        self.why = self.why or why


class Hands(Protocol):
    """One account on one server."""

    def name(self) -> str:
        """The kind of server: jellyfin, plex."""

    def capabilities(self) -> dict[str, Any]:
        """What this side can do, as plain JSON, and without a request."""

    def requests(self) -> int:
        """How many requests it made so far."""

    def ahead(self) -> timedelta:
        """By how much the server's clock was fast when it last answered."""

    def prove(self) -> dict[str, str]:
        """One request that needs the token; gives what a person may want to know, such as the version."""

    def changes(self, feature: Feature, since: Any) -> Reading | None:
        """What moved since a mark, asked cheaply; None where only a complete read can tell."""

    def complete(self, feature: Feature) -> Reading:
        """All of a feature; what is read once for several features is kept for the life of this object."""

    def look(self, items: Sequence[str]) -> list[Row]:
        """These items as they are at this moment, with their titles; one request for 100.

        What is not there is not among them, nor what lies in a library that is left out.
        """

    def playing(self) -> frozenset[str]:
        """The items that this account is playing now."""

    def would(self, item: str, feature: Feature, value: Any) -> str:
        """The request that would write this value, None for a removal."""

    def put(self, row: Row, feature: Feature, value: Any) -> Row | None:
        """Write a value; the item as it is afterwards, if the answer tells."""

    def take(self, row: Row, feature: Feature) -> Row | None:
        """Take a value away; the item as it is afterwards, if the answer tells."""
