"""What is kept of one title or one item, for a person who looks closely; reads only.

Also the names of sides as people know them, and everything that stands for no title with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlite_utils import Database

from sidecar.clock import from_text, maybe_from_text
from sidecar.errors import UserError
from sidecar.model import Feature, Kind
from sidecar.store.baseline import Agreed, Seen
from sidecar.store.items import Item, Items


@dataclass(frozen=True, slots=True)
class Unmatched:
    """An item that stands for no title."""

    id: int
    server: str
    library: str
    name: str
    why: str
    show: int | None  # the item of its show


@dataclass(frozen=True, slots=True)
class Told:
    """One change that a run made or meant to make of a title."""

    run: int
    at: datetime
    side: int
    feature: Feature
    action: str
    why: str
    state: str
    outcome: str


class Inspection:
    """A close look; used inside a transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def sides(self) -> dict[int, str]:
        """The key of every side, by number."""
        return dict(self._db.execute("SELECT id, key FROM side").fetchall())

    def side_names(self) -> dict[int, str]:
        """Every side as people call it, by number."""
        servers = dict(self._db.execute("SELECT id, name FROM server").fetchall())
        users = {
            (server, user): name for server, user, name in self._db.execute("SELECT server, user, name FROM account")
        }
        accounts = dict(self._db.execute("SELECT uuid, name FROM trakt_account").fetchall())
        found = {}
        for number, key in self.sides().items():
            kind, _, rest = key.partition(":")
            server, _, user = rest.partition(":")
            if kind == "trakt":
                account = accounts.get(rest.partition("#")[0])
                found[number] = f"Trakt ({account})" if account else "Trakt"
            elif kind == "plex.tv":
                found[number] = "the Plex watchlist"
            else:
                found[number] = f"{users.get((server, user), user)}@{servers.get(server, server)}"
        return found

    def agreed(self, person: int, title: int) -> dict[Feature, Agreed]:
        """What all sides of a person should say of a title, by feature."""
        rows = self._db.execute(
            "SELECT feature, value, at, by FROM agreed WHERE person = ? AND title = ?", [person, title]
        )
        return {Feature(row[0]): Agreed(msgspec.json.decode(row[1]), maybe_from_text(row[2]), row[3]) for row in rows}

    def seen(self, title: int) -> dict[tuple[int, Feature], Seen]:
        """What each side last showed of a title, by side and feature."""
        rows = self._db.execute(
            "SELECT side, feature, value, items, kept_since, expected FROM seen WHERE title = ?", [title]
        )
        return {
            (side, Feature(feature)): Seen(
                msgspec.json.decode(value),
                tuple(msgspec.json.decode(items)),
                maybe_from_text(kept),
                msgspec.json.decode(expected) if expected else None,
            )
            for side, feature, value, items, kept, expected in rows
        }

    def told(self, person: int, title: int, most: int = 10) -> list[Told]:
        """What the newest runs of a person did with a title, newest first."""
        rows = self._db.execute(
            "SELECT r.id, r.asked_at, c.side, c.feature, c.action, c.why, c.state, c.outcome"
            " FROM run r JOIN change c ON c.run = r.id WHERE r.person = ? AND c.title = ?"
            " ORDER BY r.id DESC, c.number LIMIT ?",
            [person, title, most],
        )
        return [Told(row[0], from_text(row[1]), row[2], Feature(row[3]), *row[4:]) for row in rows]

    def unmatched(self, servers: Iterable[str]) -> list[Unmatched]:
        """Items that stand for nothing: no id, ids that lead to two titles, other numbers, unknown, or by choice."""
        query = (
            "SELECT i.id, i.server, i.library, i.name, coalesce(nullif(i.verdict, ''), i.reason), s.id FROM item i"
            " LEFT JOIN item s ON s.server = i.server AND s.remote = i.show AND i.show <> '' WHERE i.server = ?"
            " AND i.gone_at IS NULL AND (i.verdict <> '' OR (i.reason <> '' AND i.claim = '' AND NOT EXISTS"
            " (SELECT 1 FROM item_title WHERE item = i.id)))"
        )
        return [Unmatched(*row) for server in servers for row in self._db.execute(query, [server])]

    def item(self, number: int) -> Item:
        """The item with this number, as `unmatched` shows it; raises UserError."""
        row = self._db.execute("SELECT server, remote FROM item WHERE id = ?", [number]).fetchone()
        if row is None:
            raise UserError(f"There is no item {number}.", "`sidetrakt unmatched` shows items with their numbers.")
        return Items(self._db).get(row[0], [row[1]])[row[1]]

    def is_show(self, item: Item) -> bool:
        """Whether an item is a whole show, also one without any id."""
        if item.claim:
            return item.refs()[0].kind is Kind.SHOW
        query = "SELECT 1 FROM item WHERE server = ? AND show = ? LIMIT 1"
        return self._db.execute(query, [item.server, item.remote]).fetchone() is not None
