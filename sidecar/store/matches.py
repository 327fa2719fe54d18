"""Which items stand for which titles, and why others stand for none; the words of persons about that.

An item waits here from when it is met, or claims something else, until `sync` has found its titles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from sidecar.clock import to_text
from sidecar.model import Kind
from sidecar.store.items import PORTION, Item, Items


@dataclass(frozen=True, slots=True)
class Word:
    """What a person said about an item or a show."""

    ignored: bool = False
    title: int | None = None
    seasons: int = 0  # added to the server's numbers
    episodes: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """An episode that Trakt named: its show and numbers."""

    title: int
    show: int
    season: int
    number: int


class Matches:
    """What stands for what; used inside a transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def waiting(self, servers: Iterable[str], most: int = PORTION) -> list[Item]:
        """Items of which nobody knows yet what they stand for."""
        found: list[Item] = []
        for server in servers:
            where = "server = ? AND matched_at IS NULL AND gone_at IS NULL"
            query = f"SELECT remote FROM item WHERE {where} ORDER BY id LIMIT ?"
            remotes = [row[0] for row in self._db.execute(query, [server, most - len(found)])]
            found += Items(self._db).get(server, remotes).values()
        return found

    def put(
        self, item: Item, titles: tuple[int, ...], verdict: str, at: datetime, since: datetime | None = None
    ) -> tuple[int, ...] | None:
        """Note what an item stands for, or why it stands for nothing.

        Where it was met before `since` and stood for something else, or for nothing, that is given back.
        """
        query = "SELECT former, met_at < ? FROM item WHERE id = ?"
        former, known = self._db.execute(query, [to_text(since or at), item.id]).fetchone()
        before, stamp = tuple(int(title) for title in former.split(",") if title) or item.titles, to_text(at)
        moved = before != titles and bool(before or known)
        self._db.execute(
            "UPDATE item SET matched_at = ?1, verdict = ?2, former = '', moved_at = iif(?3, ?1, moved_at),"
            " changed_at = iif(?4, ?1, changed_at) WHERE id = ?5",
            [stamp, verdict, moved, moved and bool(before), item.id],
        )
        if titles != item.titles:
            self._db.execute("DELETE FROM item_title WHERE item = ?", [item.id])
            rows = [(item.id, place, title) for place, title in enumerate(titles)]
            self._db.conn.executemany("INSERT INTO item_title VALUES (?, ?, ?)", rows)
        return before if moved else None

    def refuse(self, title: int, verdict: str, at: datetime) -> None:
        """The items of a title stand for nothing any more, for this reason."""
        items = [row[0] for row in self._db.execute("SELECT item FROM item_title WHERE title = ?", [title])]
        rows = [(verdict, to_text(at), item) for item in items]
        self._db.conn.executemany("UPDATE item SET verdict = ?, matched_at = ? WHERE id = ?", rows)
        self._db.execute("DELETE FROM item_title WHERE title = ?", [title])

    def again(self, titles: Iterable[int]) -> None:
        """Have the items of these titles matched anew."""
        query = "UPDATE item SET matched_at = NULL WHERE id IN (SELECT item FROM item_title WHERE title = ?)"
        self._db.conn.executemany(query, [(title,) for title in titles])

    def of_server(self, server: str) -> Iterator[tuple[str, str, int, int]]:
        """Every item that is there and stands for something: its id, its library, the title, and its place."""
        query = (
            "SELECT i.remote, i.library, t.title, t.place FROM item i JOIN item_title t ON t.item = i.id"
            " WHERE i.server = ? AND i.gone_at IS NULL ORDER BY i.id, t.place"
        )
        yield from self._db.execute(query, [server])

    def of_titles(self, server: str, titles: Iterable[int]) -> Iterator[tuple[str, str, int, int]]:
        """The same of these titles only, with everything that the items stand for."""
        wanted = sorted(titles)
        for start in range(0, len(wanted), PORTION):
            part = wanted[start : start + PORTION]
            query = (
                "SELECT i.remote, i.library, t.title, t.place FROM item i JOIN item_title t ON t.item = i.id"
                " WHERE i.server = ? AND i.gone_at IS NULL AND i.id IN"
                f" (SELECT item FROM item_title WHERE title IN ({','.join('?' * len(part))})) ORDER BY i.id, t.place"
            )
            yield from self._db.execute(query, [server, *part])

    def of_items(self, server: str, remotes: Iterable[str]) -> dict[str, tuple[int, ...]]:
        """What these items of a server stand for."""
        wanted, found = sorted(set(remotes)), dict[str, tuple[int, ...]]()
        for start in range(0, len(wanted), PORTION):
            part = wanted[start : start + PORTION]
            query = (
                "SELECT i.remote, t.title FROM item i JOIN item_title t ON t.item = i.id WHERE i.server = ?"
                f" AND i.remote IN ({','.join('?' * len(part))}) ORDER BY i.id, t.place"
            )
            for remote, title in self._db.execute(query, [server, *part]):
                found[remote] = (*found.get(remote, ()), title)
        return found

    def titles(self, servers: Iterable[str], library: str | None = None) -> set[int]:
        """Everything that these servers hold, or that lies in libraries of this name there."""
        found: set[int] = set()
        for server in servers:
            query = "SELECT t.title FROM item i JOIN item_title t ON t.item = i.id"
            query += " WHERE i.server = ?1 AND i.gone_at IS NULL"
            if library is not None:
                query += " AND i.library IN (SELECT key FROM library WHERE server = ?1 AND name = ?2 COLLATE NOCASE)"
            found.update(row[0] for row in self._db.execute(query, [server, library][: 1 + (library is not None)]))
        return found

    def held(self, servers: Iterable[str], titles: Iterable[int]) -> set[int]:
        """Those of these titles that one of the servers holds."""
        return {row[2] for server in servers for row in self.of_titles(server, titles)} & set(titles)

    def met_since(self, server: str, since: datetime) -> frozenset[str]:
        """Items that were first met after this moment, that came back, or that stand for something else since."""
        query = "SELECT remote FROM item WHERE server = ? AND gone_at IS NULL AND (met_at > ? OR moved_at > ?)"
        return frozenset(row[0] for row in self._db.execute(query, [server, to_text(since), to_text(since)]))

    def changed_since(self, server: str, since: datetime) -> int:
        """How many items that were known stand for something else since."""
        query = "SELECT count(*) FROM item WHERE server = ? AND gone_at IS NULL AND changed_at > ?"
        return int(self._db.execute(query, [server, to_text(since)]).fetchone()[0])

    def verdicts(self, servers: Iterable[str]) -> dict[str, list[str]]:
        """Why items stand for nothing, with the names of those items."""
        found: dict[str, list[str]] = {}
        for server in servers:
            query = (
                "SELECT verdict, name FROM item WHERE server = ? AND gone_at IS NULL AND verdict <> '' ORDER BY name"
            )
            for why, name in self._db.execute(query, [server]):
                found.setdefault(why, []).append(name)
        return found

    def words(self, items: Iterable[Item]) -> dict[str, Word]:
        """What persons said about these items, or about their shows, by the item's id."""
        found: dict[str, Word] = {}
        asked = {(item.server, remote) for item in items for remote in (item.remote, item.show) if remote}
        if self._db.execute("SELECT 1 FROM word LIMIT 1").fetchone() is None:
            return found
        for server, remote in asked:
            query = (
                "SELECT w.ignored, w.title, w.seasons, w.episodes FROM word w JOIN item i ON i.id = w.item"
                " WHERE i.server = ? AND i.remote = ?"
            )
            for ignored, title, seasons, episodes in self._db.execute(query, [server, remote]):
                found[remote] = Word(bool(ignored), title, seasons, episodes)
        return found

    def say(self, item: Item, word: Word | None) -> None:
        """Keep or forget what a person says about an item; of a show, it is about all its episodes."""
        self._db.execute("DELETE FROM word WHERE item = ?", [item.id])
        if word is not None:
            values = [item.id, word.ignored, word.title, word.seasons, word.episodes]
            self._db.execute("INSERT INTO word VALUES (?, ?, ?, ?, ?)", values)
        query = "UPDATE item SET matched_at = NULL WHERE id = ? OR (server = ? AND show = ? AND show <> '')"
        self._db.execute(query, [item.id, item.server, item.remote])

    def matched_since(self, server: str, since: datetime) -> set[int]:
        """The titles of items that were matched after this moment."""
        query = (
            "SELECT t.title FROM item i JOIN item_title t ON t.item = i.id"
            " WHERE i.server = ? AND i.gone_at IS NULL AND (i.met_at > ?2 OR i.moved_at > ?2)"
        )
        return {row[0] for row in self._db.execute(query.replace("= ? AND", "= ?1 AND"), [server, to_text(since)])}

    def ids(self, pairs: Iterable[tuple[Kind, str, str]]) -> dict[tuple[Kind, str, str], int]:
        """The titles that Trakt gave these ids, by kind, catalogue and id."""
        wanted, found = set(pairs), dict[tuple[Kind, str, str], int]()
        values = sorted({value for _, _, value in wanted})
        for start in range(0, len(values), PORTION):
            part = values[start : start + PORTION]
            query = f"SELECT kind, catalogue, value, title FROM title_id WHERE value IN ({','.join('?' * len(part))})"
            for kind, catalogue, value, title in self._by_value(query, part):
                if (Kind(kind), catalogue, value) in wanted:
                    found[Kind(kind), catalogue, value] = title
        return found

    def episodes(self, shows: Iterable[int]) -> list[Place]:
        """Every episode of these shows that Trakt named."""
        query = "SELECT id, show, season, number FROM title WHERE show = ? AND kind = 'episode' AND number IS NOT NULL"
        return [Place(*row) for show in sorted(set(shows)) for row in self._db.execute(query, [show])]

    def _by_value(self, query: str, part: list[str]) -> Iterator[tuple[str, str, str, int]]:
        """The primary key begins with kind and catalogue, so those are said, too."""
        for kind in Kind:
            for catalogue in ("trakt", "imdb", "tmdb", "tvdb"):
                yield from self._db.execute(f"{query} AND kind = ? AND catalogue = ?", [*part, kind, catalogue])
