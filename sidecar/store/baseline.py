"""What all sides should say (Agreed) and what each side last looked like (Seen).

A Seen row moves only with the Agreed row when its side spoke, or after its side confirmed a write: the callers pass
both in one transaction. "Removed" is a value, not a missing row. Values are JSON in the side's own units.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec
from sqlite_utils import Database

from sidecar.clock import maybe_from_text, maybe_to_text
from sidecar.model import Feature

PORTION = 500  # values in one query
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Agreed:
    """One value of one title that a person's sides should all have; None is "removed"."""

    value: Any
    at: datetime | None = None
    by: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What one side showed for one title, with the items behind it."""

    value: Any
    items: tuple[str, ...] = ()
    kept_since: datetime | None = None  # may differ from Agreed because a person wanted it so
    expected: Any = None  # committed before our own write; a later read that fits it is our echo
    ours: Any = None  # what we wrote there ourselves


class AgreedRow(Protocol):
    """Whatever says as much as Agreed."""

    @property
    def value(self) -> Any:
        """What all sides should have."""

    @property
    def at(self) -> datetime | None:
        """Since when."""

    @property
    def by(self) -> int | None:
        """Who said so."""


class SeenRow(Protocol):
    """Whatever says as much as Seen."""

    @property
    def value(self) -> Any:
        """What was shown."""

    @property
    def items(self) -> tuple[str, ...]:
        """The items behind it."""

    @property
    def kept_since(self) -> datetime | None:
        """Since when it may differ."""

    @property
    def expected(self) -> Any:
        """What our own write makes of it."""

    @property
    def ours(self) -> Any:
        """What we wrote."""


@dataclass(frozen=True, slots=True)
class SideState:
    """How far a side has come with one feature."""

    joined_at: datetime | None = None
    mark: Any = None
    read_at: datetime | None = None
    whole_at: datetime | None = None  # when all of it was read
    libraries: tuple[str, ...] | None = None  # that were listed then; None where a side has none
    known_at: datetime | None = None  # until when its items were met


class Baseline:
    """Agreed and Seen together; used inside a transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def side(self, key: str) -> int:
        """The number of a side such as `jellyfin:SERVER:USER`, made on first use."""
        self._db.execute("INSERT INTO side (key) VALUES (?) ON CONFLICT (key) DO NOTHING", [key])
        return int(self._db.execute("SELECT id FROM side WHERE key = ?", [key]).fetchone()[0])

    def state(self, side: int, feature: Feature) -> SideState:
        """Whether the side has joined, and its last mark."""
        query = (
            "SELECT joined_at, mark, read_at, whole_at, libraries, known_at FROM side_feature"
            " WHERE side = ? AND feature = ?"
        )
        for joined, mark, read, whole, libraries, known in self._db.execute(query, [side, feature]):
            return SideState(
                joined_at=maybe_from_text(joined),
                mark=_decode(mark) if mark else None,
                read_at=maybe_from_text(read),
                whole_at=maybe_from_text(whole),
                libraries=tuple(_decode(libraries)) if libraries else None,
                known_at=maybe_from_text(known),
            )
        return SideState()

    def set_state(self, side: int, feature: Feature, state: SideState) -> None:
        """Store how far a side has come."""
        self._db.execute(
            "INSERT INTO side_feature (side, feature, joined_at, mark, read_at, whole_at, libraries, known_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (side, feature) DO UPDATE"
            " SET joined_at = excluded.joined_at, mark = excluded.mark, read_at = excluded.read_at,"
            " whole_at = excluded.whole_at, libraries = excluded.libraries, known_at = excluded.known_at",
            [
                *(side, feature, maybe_to_text(state.joined_at), _json(state.mark)),
                *(maybe_to_text(state.read_at), maybe_to_text(state.whole_at), _json(state.libraries)),
                maybe_to_text(state.known_at),
            ],
        )

    def unread(self, titles: Iterable[int]) -> None:
        """Have Trakt read again, whether or not it moved, where nobody looked yet what it has of these."""
        sides = "SELECT side, feature FROM side_feature JOIN side ON id = side WHERE key LIKE 'trakt:%'"
        for side, feature in self._db.execute(sides).fetchall():
            query = "SELECT 1 FROM seen WHERE side = ? AND feature = ? AND title = ?"
            if not all(self._db.execute(query, [side, feature, title]).fetchone() for title in titles):
                query = "UPDATE side_feature SET mark = NULL WHERE side = ? AND feature = ?"
                self._db.execute(query, [side, feature])

    def agreed_rows(self, person: int, feature: Feature, titles: Iterable[int] | None = None) -> Iterator[Any]:
        """All that is agreed, or of these titles, as it is stored: title, value, moment, side."""
        query = "SELECT title, value, at, by FROM agreed WHERE person = ? AND feature = ?"
        yield from self._some(query, [person, feature], titles)

    def seen_rows(self, side: int, feature: Feature, titles: Iterable[int] | None = None) -> Iterator[Any]:
        """All that was seen, or of these titles, as it is stored: title, value, items, kept, expected, ours."""
        query = "SELECT title, value, items, kept_since, expected, ours FROM seen WHERE side = ? AND feature = ?"
        yield from self._some(query, [side, feature], titles)

    def agreed_titles(self, person: int, feature: Feature) -> set[int]:
        """Every title of which anything is agreed."""
        query = "SELECT title FROM agreed WHERE person = ? AND feature = ?"
        return {row[0] for row in self._db.execute(query, [person, feature])}

    def seen_titles(self, side: int, feature: Feature) -> set[int]:
        """Every title of which a side was seen."""
        query = "SELECT title FROM seen WHERE side = ? AND feature = ?"
        return {row[0] for row in self._db.execute(query, [side, feature])}

    def count(self, side: int, feature: Feature) -> int:
        """How many titles hold something on a side, as far as was seen."""
        query = "SELECT count(*) FROM seen WHERE side = ? AND feature = ? AND value <> 'null'"
        return int(self._db.execute(query, [side, feature]).fetchone()[0])

    def _some(self, query: str, values: list[Any], titles: Iterable[int] | None) -> Iterator[Any]:
        if titles is None:
            yield from self._db.execute(query, values)
            return
        wanted = sorted(titles)
        for start in range(0, len(wanted), PORTION):
            part = wanted[start : start + PORTION]
            yield from self._db.execute(f"{query} AND title IN ({','.join('?' * len(part))})", [*values, *part])

    def agreed(self, person: int, feature: Feature) -> dict[int, Agreed]:
        """All that a person's sides should say about one feature, by title."""
        query = "SELECT title, value, at, by FROM agreed WHERE person = ? AND feature = ?"
        return {
            title: Agreed(_decode(value), maybe_from_text(at), by)
            for title, value, at, by in self._db.execute(query, [person, feature])
        }

    def seen(self, side: int, feature: Feature) -> dict[int, Seen]:
        """All that one side last showed of one feature, by title."""
        query = "SELECT title, value, items, kept_since, expected, ours FROM seen WHERE side = ? AND feature = ?"
        return {
            title: Seen(
                _decode(value),
                tuple(_decode(items)) if items != "[]" else (),
                maybe_from_text(kept),
                _decode(expected) if expected else None,
                _decode(ours) if ours else None,
            )
            for title, value, items, kept, expected, ours in self._db.execute(query, [side, feature])
        }

    def agreed_on(self, person: int, feature: Feature, title: int) -> Any:
        """What all sides of a person should say about one title; None where nobody said anything, or it is removed."""
        query = "SELECT value FROM agreed WHERE person = ? AND feature = ? AND title = ?"
        row = self._db.execute(query, [person, feature, title]).fetchone()
        return _decode(row[0]) if row else None

    def seen_of(self, side: int, feature: Feature, title: int) -> Seen | None:
        """What one side last showed for one title."""
        query = "SELECT value, expected FROM seen WHERE side = ? AND feature = ? AND title = ?"
        for value, expected in self._db.execute(query, [side, feature, title]):
            return Seen(_decode(value), expected=_decode(expected) if expected else None)
        return None

    def put_agreed(self, person: int, feature: Feature, rows: Mapping[int, AgreedRow]) -> None:
        """Store what is agreed now."""
        self._db.conn.executemany(
            "INSERT INTO agreed (person, feature, title, value, at, by) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT"
            " (person, feature, title) DO UPDATE SET value = excluded.value, at = excluded.at, by = excluded.by",
            [
                (person, feature, title, _json(row.value) or "null", maybe_to_text(row.at), row.by)
                for title, row in rows.items()
            ],
        )

    def put_seen(self, side: int, feature: Feature, rows: Mapping[int, SeenRow]) -> None:
        """Store what a side looked like."""
        self._db.conn.executemany(
            "INSERT INTO seen (side, feature, title, value, items, kept_since, expected, ours)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (side, feature, title) DO UPDATE SET value = excluded.value, items = excluded.items,"
            " kept_since = excluded.kept_since, expected = excluded.expected, ours = excluded.ours",
            [
                (
                    side,
                    feature,
                    title,
                    _json(row.value) or "null",
                    _encode(row.items).decode() if row.items else "[]",
                    maybe_to_text(row.kept_since),
                    _json(row.expected),
                    _json(row.ours),
                )
                for title, row in rows.items()
            ],
        )

    def forget_seen(self, side: int, feature: Feature, titles: Iterable[int]) -> None:
        """Drop what a side looked like for these titles; for titles that no server of the person holds any more."""
        self._db.conn.executemany(
            "DELETE FROM seen WHERE side = ? AND feature = ? AND title = ?",
            [(side, feature, title) for title in titles],
        )


def _json(value: Any) -> str | None:
    return None if value is None else _encode(value).decode()
