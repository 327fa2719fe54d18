"""Plays as the server's history has them: real ones only, never marks; told to the owner about everybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sidecar.servers.plex.client import Plex
from sidecar.servers.plex.pages import Listing
from sidecar.servers.plex.rows import number

PATH = "/status/sessions/history/all"
OVERLAP = int(timedelta(hours=24).total_seconds())  # rows may appear late


@dataclass(slots=True)
class Played:
    """The plays of one account by the number of the item, and the newest of them in epoch seconds."""

    by_key: dict[str, set[int]] = field(default_factory=dict)
    newest: int | None = None

    def of(self, key: str) -> Iterator[datetime]:
        """The plays of one item, in order."""
        return (datetime.fromtimestamp(at, UTC) for at in sorted(self.by_key.get(key, ())))


def plays_of(plex: Plex, account: str, since: int | None) -> Played:
    """What this account played, since a moment or ever."""
    found = Played(newest=since)
    for _, key, at in plays_since(plex, since, account):
        found.by_key.setdefault(key, set()).add(at)  # a play is sometimes written down twice
        found.newest = max(at, found.newest or 0)
    return found


def plays_since(plex: Plex, since: int | None, account: str = "") -> Iterator[tuple[str, str, int]]:
    """Account, number of the item and moment of each play, the newest first; of one account or of all."""
    oldest = 0 if since is None else since - OVERLAP
    params: dict[str, Any] = {"accountID": account} if account else {}
    params["sort"] = "viewedAt:desc"
    if oldest:
        params["viewedAt>"] = oldest  # on the wire it is viewedAt>=
    listing = Listing(
        lambda start, size: plex.ask(PATH, params, start=start, size=size),
        name=lambda row, place: row.get("historyKey") or f"?{place}",
    )
    for page in listing.pages():
        for _, row in page:
            at, who, key = number(row.get("viewedAt"), 1), row.get("accountID", ""), row.get("ratingKey")
            if at is None or account not in ("", who):
                continue
            if at < oldest:  # the filter was ignored; the order is not
                return
            if key:  # what was deleted has none
                yield who, key, at
