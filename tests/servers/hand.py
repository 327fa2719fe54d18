"""A media server of a few items in memory, for one account, and what it shall do wrong."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from sidecar.contract import Copy
from sidecar.errors import AuthLost, BadAnswer, Outage, RateLimited, Refused, RemoteError, Unreachable
from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.servers.hands import AT_ONCE, Reading
from sidecar.servers.rows import KINDS, Row, newest

AT = datetime(2026, 1, 31, 18, 0, tzinfo=UTC)
NAME = "Hand den"
DARK = Ids(tvdb=334824)

FAULTS: dict[str, tuple[bool, RemoteError]] = {  # whether it is done all the same
    "lost": (True, Unreachable(NAME, "It took too long.", maybe_done=True)),
    "doubt": (False, Unreachable(NAME, "It took too long.", maybe_done=True)),
    "nonsense": (True, BadAnswer(NAME, "It sent HTML.", maybe_done=True)),
    "broken": (False, Outage(NAME, "It has a problem (500).", status=500, maybe_done=True)),
    "down": (False, Outage(NAME, "It has a problem (503).", status=503, maybe_done=True)),
    "away": (False, Unreachable(NAME, "It cannot be reached.")),
    "busy": (False, RateLimited(NAME, "It asks for a pause.", status=429, retry_at=AT)),
    "auth": (False, AuthLost(NAME, "It does not accept the token.", status=401)),
    "refused": (False, Refused(NAME, "It refused (403).", status=403)),
    "left": (False, Refused(NAME, "It refused (404).", status=404)),
    "denied": (False, Refused(NAME, "It refused (404).", status=404)),
}
OF_ONE_ITEM = {"broken", "refused", "left", "denied", "nonsense"}
LEAVING = {"left", "vanishes"}
SILENT = {"keeps", "moves"}  # accepted with a smile; the second also moves the date


def movie(number: int, item: str = "", **copy: Any) -> Row:
    """A film; its copy is named after it, or another one of the same film."""
    ref = Ref(Kind.MOVIE, Ids(tmdb=number), name=f"Film {number}", year=2000)
    item = item or f"m{number}"
    return Row(Kind.MOVIE, "1", f"Film {number}", (ref,), Copy(item, **{"played": False, **copy}))


def episode(number: int) -> Ref:
    """An episode of one show."""
    return Ref(Kind.EPISODE, show=DARK, season=1, number=number, name="Dark")


def double(first: int, item: str, **copy: Any) -> Row:
    """Two episodes in one file."""
    refs = (episode(first), episode(first + 1))
    return Row(Kind.EPISODE, "2", "Dark", refs, Copy(item, **{"played": False, **copy}))


class Hand:
    """What `sidecar.servers.hands.Hands` asks for."""

    def __init__(self, *rows: Row, tells: bool = True) -> None:
        self.rows = {row.item: row for row in rows}
        self.tells = tells  # whether the answer to a write says how the item is then
        self.now_playing: set[str] = set()
        self.faults: dict[str, str] = {}  # by item
        self.blind: list[RemoteError | None] = []  # what comes of the next looks
        self.calls: list[tuple[str, str]] = []
        self.can: dict[str, Any] = {
            str(feature): {
                "types": [str(kind) for kind in sorted(kinds)],
                "writable": feature is not Feature.COLLECTION,
            }
            for feature, kinds in KINDS.items()
        }
        self.asked = 0
        self.reading: Reading | RemoteError = Reading()
        self.moved: Reading | RemoteError | None = None

    def name(self) -> str:
        return "hand"

    def capabilities(self) -> dict[str, Any]:
        return self.can | {"bidirectional": True}

    def requests(self) -> int:
        return self.asked

    def ahead(self) -> timedelta:
        return timedelta(0)

    def prove(self) -> dict[str, str]:
        self._ask(self.reading)
        return {"version": "1"}

    def changes(self, feature: Feature, since: Any) -> Reading | None:
        self._ask(self.moved)
        return self.moved if isinstance(self.moved, Reading) else None

    def complete(self, feature: Feature) -> Reading:
        self._ask(self.reading)
        assert isinstance(self.reading, Reading)
        return self.reading

    def look(self, items: Sequence[str]) -> list[Row]:
        assert len(items) <= AT_ONCE
        assert items, "a request for nothing"
        self._ask(self.blind.pop(0) if self.blind else None)
        return [self.rows[item] for item in items if item in self.rows]

    def playing(self) -> frozenset[str]:
        self._ask(None)
        return frozenset(self.now_playing)

    def would(self, item: str, feature: Feature, value: Any) -> str:
        return f"{'DELETE' if value is None else 'POST'} /{feature}/{item}"

    def put(self, row: Row, feature: Feature, value: Any) -> Row | None:
        copy = row.copy
        if feature is Feature.HISTORY:
            copy = msgspec.structs.replace(copy, played=True, count=max(1, copy.count), at=newest(value) or copy.at)
        elif feature is Feature.RATINGS:
            copy = msgspec.structs.replace(copy, rating=value.value)
        else:
            copy = msgspec.structs.replace(copy, favourite=True)
        return self._write("put", row, copy)

    def take(self, row: Row, feature: Feature) -> Row | None:
        copy = row.copy
        if feature is Feature.HISTORY:
            copy = msgspec.structs.replace(copy, played=False, count=0, at=None, begun=False)
        elif feature is Feature.RATINGS:
            copy = msgspec.structs.replace(copy, rating=None)
        else:
            copy = msgspec.structs.replace(copy, favourite=False)
        return self._write("take", row, copy)

    def _write(self, call: str, row: Row, copy: Copy) -> Row | None:
        item = row.item
        assert item not in self.now_playing, "written while it is playing"
        assert row == self.rows[item], "written on the ground of an old look"
        self.calls.append((call, item))
        self.asked += 1
        fault = self.faults.get(item, "")
        done, problem = FAULTS.get(fault, (fault not in SILENT, None))
        if fault in LEAVING:
            del self.rows[item]
        if fault == "vanishes":
            return None
        if fault == "moves":
            copy = msgspec.structs.replace(row.copy, at=AT + timedelta(seconds=self.asked))
        if item in self.rows and (done or fault == "moves"):
            self.rows[item] = msgspec.structs.replace(row, copy=copy)
        if problem is not None:
            raise problem.again()
        return self.rows[item] if self.tells else None

    def _ask(self, answer: object) -> None:
        self.asked += 1
        if isinstance(answer, RemoteError):
            raise answer.again()
