"""Titles and their ids. Trakt alone decides which ids belong together.

A server's claim that Trakt has not answered yet gets a title of its own, found again only by exactly the same claim;
when Trakt's word comes, what hangs on it moves to the real title. Ids that lead to two titles join nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlite_utils import Database

from sidecar.model import Ids, Kind, Ref
from sidecar.viewing import USUAL_RUNTIME


@dataclass(frozen=True, slots=True)
class Conflict:
    """Ids of one claim that lead to different titles, or an id that Trakt gave to another title than before."""

    claim: str
    titles: tuple[int, ...]


_MOVES_WITH_A_TITLE = ("viewing", "outbox", "item_title", "wish")


class Titles:
    """What is known about titles; used inside a transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def learn(self, ref: Ref) -> tuple[int, Conflict | None]:
        """Take Trakt's word for a title and its ids; a conflict says that an id belonged to another title until now."""
        if ref.ids.trakt is None:
            raise ValueError(f"{ref.label()}: Trakt's word has a Trakt id")
        show = self._show_of(ref)
        row = self._db.execute(
            "INSERT INTO title (kind, trakt, show, season, number, name, year, runtime) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (kind, trakt) DO UPDATE SET show = coalesce(excluded.show, show),"
            " season = coalesce(excluded.season, season), number = coalesce(excluded.number, number),"
            " name = coalesce(excluded.name, name), year = coalesce(excluded.year, year),"
            " runtime = coalesce(excluded.runtime, runtime) RETURNING id",
            [ref.kind, ref.ids.trakt, show, ref.season, ref.number, ref.name, ref.year, ref.runtime],
        ).fetchone()
        return row[0], self._learn_ids(row[0], ref)

    def answer(self, claim: Ref, word: Ref) -> tuple[int, Conflict | None]:
        """Trakt's answer to a claim: what was kept under the claim moves to the real title."""
        title, conflict = self.learn(word)
        row = self._db.execute("SELECT id FROM title WHERE claim = ?", [claim.claim()]).fetchone()
        if row is not None and row[0] != title:
            for table in _MOVES_WITH_A_TITLE:
                self._db.execute(f"UPDATE {table} SET title = ? WHERE title = ?", [title, row[0]])
            self._db.execute("DELETE FROM title WHERE id = ?", [row[0]])
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
        bare = replace(ref, ids=replace(ref.ids, trakt=None)) if ref.ids.trakt is not None else ref
        claim = bare.claim()
        self._db.execute(
            "INSERT INTO title (kind, claim, season, number, name, year, runtime) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (claim) DO NOTHING",
            [ref.kind, claim, ref.season, ref.number, ref.name, ref.year, ref.runtime],
        )
        return int(self._db.execute("SELECT id FROM title WHERE claim = ?", [claim]).fetchone()[0])

    def refs(self, titles: Iterable[int]) -> dict[int, Ref]:
        """The titles by number, with all ids that Trakt gave them and those of their show."""
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
            for number, row in rows.items()
            if row["trakt"] is not None
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

    def _show_of(self, ref: Ref) -> int | None:
        if ref.show is None or ref.show.trakt is None:
            return None
        return self.learn(Ref(Kind.SHOW, ref.show))[0]

    def _learn_ids(self, title: int, ref: Ref) -> Conflict | None:
        """Trakt's newest word wins: an id that it moved to another title moves here too, and is reported."""
        lost: set[int] = set()
        for catalogue, value in ref.ids.pairs():
            lost |= self._by_id(ref.kind, catalogue, value) - {title}
            self._db.execute(
                "INSERT INTO title_id VALUES (?, ?, ?, ?)"
                " ON CONFLICT (kind, catalogue, value) DO UPDATE"
                " SET title = excluded.title WHERE title <> excluded.title",
                [ref.kind, catalogue, value, title],
            )
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
