"""Writing what one person did with an item: always the whole state, because a part may destroy the rest.

The server may write back a copy that it kept in memory and that is older than what it shows in listings. So every write
carries the state as a listing showed it just before, and what a removal takes along is given back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from sidecar.errors import BadAnswer, Refused
from sidecar.model import Feature
from sidecar.servers.jellyfin.client import Jellyfin
from sidecar.servers.jellyfin.wire import UserData
from sidecar.servers.rows import LEAVES, Row, newest, whole

TAKES = {
    Feature.HISTORY: "UserPlayedItems/{}", Feature.RATINGS: "UserItems/{}/Rating",
    Feature.WATCHLIST: "UserFavoriteItems/{}",
}  # fmt: skip
ABOVE = ("IsFavorite", "Rating")  # what a series or season has of its own


class States:
    """The states of one account's items, as they were read just before they are written."""

    def __init__(self, client: Jellyfin, user: str) -> None:
        self._client, self._user = client, user
        self._read: dict[str, UserData] = {}

    def read(self, states: Mapping[str, UserData]) -> None:
        """Remember what a listing showed."""
        self._read.update(states)

    def knows(self, item: str) -> bool:
        """Whether the item was read since it was written."""
        return item in self._read

    def would(self, item: str, feature: Feature, value: Any) -> str:
        """The request that would write a value, or take it away."""
        if value is None:
            return f"DELETE /{TAKES[feature].format(item)}"
        return f"POST /UserItems/{item}/UserData {json.dumps(_with(UserData(), feature, value).body())}"

    def put(self, row: Row, feature: Feature, value: Any) -> Row:
        """Write a value with everything that it is not about."""
        self._allowed(row, feature)
        return self._answered(row, self._write(row, _with(self._taken(row), feature, value)))

    def take(self, row: Row, feature: Feature) -> Row:
        """Take a value away with everything that it is not about left as it was."""
        self._allowed(row, feature)
        before = self._taken(row)
        path = TAKES[feature].format(quote(row.item, safe=""))
        after = self._state(self._client.call("DELETE", path, {"userId": self._user}))
        left = _without(before, feature)
        if not self._same(row, after, left):
            after = self._write(row, left)
        return self._answered(row, after)

    def _write(self, row: Row, state: UserData) -> UserData:
        """The whole state; of a series or season only what is its own, because ticking it would tick all episodes."""
        body = state.body()
        if row.kind not in LEAVES:
            body = {name: body[name] for name in ABOVE if name in body}
        item = quote(row.item, safe="")
        after = self._state(self._client.call("POST", f"UserItems/{item}/UserData", {"userId": self._user}, body))
        if row.kind in LEAVES and state.at is None and after.at is not None:  # no date means unchanged, and it had one
            self._client.call("DELETE", TAKES[Feature.HISTORY].format(item), {"userId": self._user})
            after = self._state(self._client.call("POST", f"UserItems/{item}/UserData", {"userId": self._user}, body))
        return after

    def _same(self, row: Row, one: UserData, other: UserData) -> bool:
        if row.kind in LEAVES:
            return one.body() == other.body()
        return (one.is_favorite, one.rating) == (other.is_favorite, other.rating)

    def _taken(self, row: Row) -> UserData:
        """The state before a write; it is read again for the next one."""
        if row.item not in self._read:
            what = f"{row.name} is not on {self._client.label} any more, or this account may not see it."
            raise Refused(self._client.label, what, status=404)
        return self._read.pop(row.item)

    def _state(self, said: Any) -> UserData:
        try:
            return msgspec.convert(said, UserData)
        except msgspec.ValidationError as problem:
            what = f"{self._client.label} answered a write in words of its own."
            raise BadAnswer(self._client.label, what, "It is looked up.", maybe_done=True) from problem

    def _allowed(self, row: Row, feature: Feature) -> None:
        if feature is Feature.HISTORY and row.kind not in LEAVES:
            raise Refused(self._client.label, f"A {row.kind} is never marked as a whole.", "Its episodes are.")

    def _answered(self, row: Row, state: UserData) -> Row:
        return msgspec.structs.replace(row, copy=state.copy(row.item, row.kind))


def _with(state: UserData, feature: Feature, value: Any) -> UserData:
    """A state with a value in it."""
    if feature is Feature.RATINGS:
        return msgspec.structs.replace(state, rating=float(min(10, whole(value.value))))
    if feature is Feature.WATCHLIST:
        return msgspec.structs.replace(state, is_favorite=True)
    return msgspec.structs.replace(
        state,
        played=True,
        play_count=max(1, state.play_count),
        playback_position_ticks=0,
        last_played_date=newest(value) or state.at,
    )


def _without(state: UserData, feature: Feature) -> UserData:
    """A state with a value taken out; history goes as a whole."""
    if feature is Feature.HISTORY:
        return UserData(is_favorite=state.is_favorite, rating=state.rating)
    if feature is Feature.RATINGS:
        return msgspec.structs.replace(state, rating=None)
    return msgspec.structs.replace(state, is_favorite=False)
