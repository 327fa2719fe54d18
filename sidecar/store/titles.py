"""Titles and their ids. Trakt alone decides which ids belong together.

A server's claim that Trakt has not answered yet gets a title of its own, found again by the same claim or by one that
surely means the same; when Trakt's word comes, it becomes the real title, or what hangs on it moves there. Ids that
lead to two titles join nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlite_utils import Database

from sidecar.model import Ids, Kind, Ref
from sidecar.store.claims import SURE, Claims, Words, bond, words_of
from sidecar.viewing import USUAL_RUNTIME


@dataclass(frozen=True, slots=True)
class Conflict:
    """Ids of one claim that lead to different titles, or an id that Trakt gave to another title than before."""

    claim: str
    titles: tuple[int, ...]


_MOVES_WITH_A_TITLE = ("viewing", "outbox", "wish", "change")
_ONCE_A_TITLE = ("item_title", "agreed", "seen", "put_off", "word")  # where both have a row, the real title's stays


class Titles:
    """What is known about titles; used inside a transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._shows: dict[Ids, int] = {}
        self.moves: dict[int, int] = {}  # titles that became others since

    def learn(self, ref: Ref) -> tuple[int, Conflict | None]:
        """Take Trakt's word for a title and its ids; a conflict says that an id belonged to another title until now."""
        if ref.ids.trakt is None:
            raise ValueError(f"{ref.label()}: Trakt's word has a Trakt id")
        row = self._db.execute(
            "SELECT id FROM title WHERE kind = ? AND trakt = ?", [ref.kind, ref.ids.trakt]
        ).fetchone()
        row = row or self._adopted(ref, None)
        values = [self._show_of(ref), ref.season, ref.number, ref.name, ref.year, ref.runtime]
        if row is None:
            row = self._db.execute(
                "INSERT INTO title (show, season, number, name, year, runtime, kind, trakt)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                [*values, ref.kind, ref.ids.trakt],
            ).fetchone()
        else:
            self._db.execute(
                "UPDATE title SET show = coalesce(?, show), season = coalesce(?, season), number = coalesce(?, number),"
                " name = coalesce(?, name), year = coalesce(?, year), runtime = coalesce(?, runtime) WHERE id = ?",
                [*values, row[0]],
            )
        return row[0], self._learn_ids(row[0], ref)

    def answer(self, claim: Ref, word: Ref) -> tuple[int, Conflict | None]:
        """Trakt's answer to a claim: what was kept under the claim moves to the real title."""
        title, conflict = self.learn(word)
        row = self._db.execute("SELECT id FROM title WHERE claim = ?", [claim.claim()]).fetchone()
        if row is not None and row[0] != title:
            self._move(row[0], title)
        return title, conflict

    def find(self, ref: Ref) -> int | Conflict | None:
        """The title that all of these ids lead to; a Conflict if they disagree, None if none of them is known."""
        found = {title for catalogue, value in ref.ids.pairs() for title in self._by_id(ref.kind, catalogue, value)}
        if not found and ref.show is not None and ref.season is not None:
            found = self._by_numbers(ref)
        if len(found) > 1:
            return Conflict(ref.claim(), tuple(sorted(found)))
        return next(iter(found), None)

    def claimed(self, ref: Ref) -> int:
        """The title of a claim that Trakt has not answered yet, made where it is new."""
        return self.claim([ref])[0]

    def claim(self, refs: Sequence[Ref]) -> list[int]:
        """The titles of claims that Trakt has not answered yet, made where they are new."""
        bare = [replace(ref, ids=replace(ref.ids, trakt=None)) if ref.ids.trakt is not None else ref for ref in refs]
        each = [words_of(ref) for ref in bare]
        near, new, found = Claims(self._db).near(word for words in each for word in words), dict[int, Words](), []
        by_word: dict[str, set[int]] = {}
        for title, words in near.items():
            for word in words:
                by_word.setdefault(word, set()).add(title)
        for ref, words in zip(bare, each, strict=True):
            close = {other for word in words for other in by_word.get(word, ())}
            sure = [other for other in close if bond(words, near[other]) >= SURE]
            title = self._by_claim(ref.claim()) or min(sure, default=0) or self._made(ref)
            if more := words - near.get(title, frozenset()):
                near[title] = new[title] = near.get(title, frozenset()) | more
                for word in more:
                    by_word.setdefault(word, set()).add(title)
            found.append(title)
        Claims(self._db).put(new)
        return found

    def rivals(self, ref: Ref) -> bool:
        """Whether other claims may mean the same title, and only Trakt can say so."""
        words, mine = words_of(ref), self._by_claim(replace(ref, ids=replace(ref.ids, trakt=None)).claim())
        near = Claims(self._db).near(words)
        return any(bond(words, other) < SURE for title, other in near.items() if title != mine)

    def refs(self, titles: Iterable[int]) -> dict[int, Ref]:
        """The titles by number, with all ids that Trakt gave them and those of their show, or with those claimed."""
        wanted = sorted(set(titles))
        rows = {row["id"]: row for row in self._rows("SELECT * FROM title WHERE id IN ({})", wanted)}
        shows = sorted({row["show"] for row in rows.values() if row["show"] is not None})
        ids: dict[int, dict[str, str]] = {}
        for row in self._rows(
            "SELECT title, catalogue, value FROM title_id WHERE title IN ({})", sorted({*wanted, *shows})
        ):
            ids.setdefault(row["title"], {})[row["catalogue"]] = row["value"]
        return {
            number: Ref(
                kind=Kind(row["kind"]),
                ids=Ids.of_pairs(ids.get(number, {})),
                show=Ids.of_pairs(ids[row["show"]]) if row["show"] in ids else None,
                season=row["season"],
                number=row["number"],
                name=row["name"],
                year=row["year"],
                runtime=row["runtime"],
            )
            if row["trakt"] is not None
            else replace(Ref.of_claim(row["claim"], row["name"], row["year"]), runtime=row["runtime"])
            for number, row in rows.items()
        }

    def known(self, kind: Kind, numbers: Iterable[int]) -> dict[int, Ref]:
        """The titles of a kind by their Trakt ids, as far as they are known."""
        wanted = sorted(set(numbers))
        query = f"SELECT id, trakt FROM title WHERE kind = '{kind}' AND trakt IN ({{}})"
        found = {row["id"]: row["trakt"] for row in self._rows(query, wanted)}
        return {found[title]: ref for title, ref in self.refs(found).items()}

    def none_from_trakt(self) -> bool:
        """Whether Trakt never named a movie or an episode to us."""
        query = "SELECT 1 FROM title WHERE trakt IS NOT NULL AND kind IN ('movie', 'episode') LIMIT 1"
        return self._db.execute(query).fetchone() is None

    def runtime(self, title: int) -> int:
        """Minutes, or what is usual for the kind where nobody knows."""
        kind, minutes = self._db.execute("SELECT kind, runtime FROM title WHERE id = ?", [title]).fetchone()
        return int(minutes or USUAL_RUNTIME.get(kind, USUAL_RUNTIME[Kind.EPISODE]))

    def named(self, text: str) -> set[int]:
        """Titles of this name, of a show all episodes, and those with this id."""
        query = (
            "SELECT id FROM title WHERE name = ?1 COLLATE NOCASE OR (claim IS NOT NULL AND instr(claim || ' ', ?2))"
            " OR id IN (SELECT title FROM title_id WHERE value = ?1 AND catalogue <> 'trakt')"
            " OR show IN (SELECT t.id FROM title t JOIN title_id i ON i.title = t.id"
            " WHERE i.value = ?1 AND i.catalogue <> 'trakt')"
        )
        return {row[0] for row in self._db.execute(query, [text.strip(), f"={text.strip()} "])}

    def numbers(self, kind: Kind) -> dict[int, int]:
        """The titles of a kind that Trakt named, by its ids."""
        return dict(self._db.execute("SELECT trakt, id FROM title WHERE kind = ? AND trakt IS NOT NULL", [kind]))

    def kinds(self, titles: Iterable[int]) -> dict[int, tuple[Kind, int | None]]:
        """The kind and the runtime of these titles."""
        rows = self._rows("SELECT id, kind, runtime FROM title WHERE id IN ({})", sorted(titles))
        return {row["id"]: (Kind(row["kind"]), row["runtime"]) for row in rows}

    def labels(self, titles: Iterable[int]) -> dict[int, str]:
        """How people would name these titles."""
        rows = self._rows(
            "SELECT id, kind, season, number, name, year FROM title WHERE id IN ({})", sorted(set(titles))
        )
        return {row["id"]: _label(row) for row in rows}

    def _adopted(self, ref: Ref, title: int | None) -> tuple[int] | None:
        """Claims of which Trakt says now what they are become the real title, or what hangs on them moves there."""
        words = words_of(ref)
        near = sorted(other for other, its in Claims(self._db).near(words).items() if bond(words, its) > 0)
        if title is None and near:
            title = near.pop(0)
            self._db.execute("UPDATE title SET trakt = ?, claim = NULL WHERE id = ?", [ref.ids.trakt, title])
            Claims(self._db).drop(title)
        for other in near:
            self._move(other, title or 0)
        return (title,) if title is not None else None

    def _move(self, old: int, new: int) -> None:
        """Everything that hangs on one title hangs on another from here on."""
        self.moves[old] = new
        for table in _MOVES_WITH_A_TITLE:
            self._db.execute(f"UPDATE {table} SET title = ? WHERE title = ?", [new, old])
        for table in _ONCE_A_TITLE:
            self._db.execute(f"UPDATE OR IGNORE {table} SET title = ? WHERE title = ?", [new, old])
            self._db.execute(f"DELETE FROM {table} WHERE title = ?", [old])
        self._db.execute("UPDATE title SET show = ? WHERE show = ?", [new, old])
        self._db.execute("DELETE FROM title WHERE id = ?", [old])

    def _by_claim(self, claim: str) -> int | None:
        row = self._db.execute("SELECT id FROM title WHERE claim = ?", [claim]).fetchone()
        return row[0] if row else None

    def _made(self, ref: Ref) -> int:
        row = self._db.execute(
            "INSERT INTO title (kind, claim, season, number, name, year, runtime) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " RETURNING id",
            [ref.kind, ref.claim(), ref.season, ref.number, ref.name, ref.year, ref.runtime],
        ).fetchone()
        return int(row[0])

    def _show_of(self, ref: Ref) -> int | None:
        if ref.show is None or ref.show.trakt is None:
            return None
        if ref.show not in self._shows:
            self._shows[ref.show] = self.learn(Ref(Kind.SHOW, ref.show))[0]
        return self._shows[ref.show]

    def _learn_ids(self, title: int, ref: Ref) -> Conflict | None:
        """Trakt's newest word wins: an id that it moved to another title moves here too, and is reported."""
        lost, new = set[int](), 0
        for catalogue, value in ref.ids.pairs():
            lost |= self._by_id(ref.kind, catalogue, value) - {title}
            new += self._db.conn.execute(
                "INSERT INTO title_id VALUES (?, ?, ?, ?)"
                " ON CONFLICT (kind, catalogue, value) DO UPDATE"
                " SET title = excluded.title WHERE title <> excluded.title",
                [ref.kind, catalogue, value, title],
            ).rowcount
        if new:
            self._adopted(ref, title)
        return Conflict(ref.claim(), (title, *sorted(lost))) if lost else None

    def _by_id(self, kind: Kind, catalogue: str, value: str) -> set[int]:
        query = "SELECT title FROM title_id WHERE kind = ? AND catalogue = ? AND value = ?"
        return {row[0] for row in self._db.execute(query, [kind, catalogue, value])}

    def _by_numbers(self, ref: Ref) -> set[int]:
        """Titles by show and numbers; where the show's ids disagree, every one of them counts."""
        found: set[int] = set()
        for catalogue, value in ref.show.pairs() if ref.show else ():
            for show in self._by_id(Kind.SHOW, catalogue, value):
                query = "SELECT id FROM title WHERE show = ? AND kind = ? AND season = ? AND number IS ?"
                found |= {row[0] for row in self._db.execute(query, [show, ref.kind, ref.season, ref.number])}
        return found

    def _rows(self, query: str, numbers: list[int]) -> Iterator[dict[str, Any]]:
        """Run a query with a list in it, in portions that SQLite takes."""
        for start in range(0, len(numbers), 500):
            part = numbers[start : start + 500]
            yield from self._db.query(query.format(",".join("?" * len(part))), part)


def _label(row: Mapping[str, Any]) -> str:
    """`Heat (1995)`, `Dark S01E02`."""
    name, season, number = row["name"] or "(no title)", row["season"], row["number"]
    if row["kind"] == Kind.EPISODE and None not in (season, number):
        return f"{name} S{season:02}E{number:02}"
    if row["kind"] == Kind.SEASON and season is not None:
        return f"{name} season {season}"
    return f"{name} ({row['year']})" if row["year"] else name
