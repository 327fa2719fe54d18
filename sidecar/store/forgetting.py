"""Forgetting a person or a server: all that was kept of them goes, nothing changes anywhere else.

What other persons agreed on stays, and so do titles, which are nobody's.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlite_utils import Database

from sidecar.errors import SidetraktError
from sidecar.store.people import People, Person, trakt_secret
from sidecar.store.servers import KnownServers

BUSY = ("asked", "going")


class Forgetting:
    """Takes out what hangs on somebody; used inside the writer's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def require_rest(self, persons: Iterable[int]) -> None:
        """Nobody may be forgotten in the middle of a run."""
        for person in persons:
            query = "SELECT id FROM run WHERE person = ? AND state IN (?, ?)"
            row = self._db.execute(query, [person, *BUSY]).fetchone()
            if row is not None:
                raise SidetraktError(f"Run {row[0]} goes on.", "Try again when it has ended; `sidetrakt runs` says so.")

    def person(self, person: Person) -> list[str]:
        """Forget a person, who must not be linked any more; gives the names of secrets that belong to nobody now."""
        self.require_rest([person.id])
        accounts = People(self._db).accounts(person)
        owners = {server.id: server.owner for server in KnownServers(self._db).all()}
        for account in accounts:
            who = owners.get(account.server) if account.user == "1" else account.user
            keys = [f"{kind}:{account.server}:{account.user}" for kind in ("jellyfin", "plex")]
            self._db.execute("DELETE FROM side WHERE key IN (?, ?, ?)", [*keys, f"plex.tv:{who}"])
            self._drop_account(account.id, account.server, account.user)
        self._db.execute("DELETE FROM person WHERE id = ?", [person.id])
        return [account.secret for account in accounts]

    def trakt(self, uuid: str, person: Person) -> list[str]:
        """Forget what a person's Trakt account looked like, and all of it where nobody else is linked to it."""
        others = People(self._db).sharing(uuid)
        keys = [
            f"trakt:{uuid}#{person.id}",
            *([f"trakt:{uuid}"] if all(person.id < each.id for each in others) else []),
        ]
        self._db.conn.executemany("DELETE FROM side WHERE key = ?", [(key,) for key in keys])
        if others:
            return []
        self._db.execute("DELETE FROM side WHERE instr(key, ?) = 1", [f"trakt:{uuid}#"])
        for table in ("outbox", "viewing", "session", "elsewhere"):
            self._db.execute(f"DELETE FROM {table} WHERE trakt = ?", [uuid])
        self._db.execute("DELETE FROM trakt_account WHERE uuid = ?", [uuid])
        return [trakt_secret(uuid)]

    def server(self, server: str) -> list[str]:
        """Forget a server with its accounts and items; the persons stay. Gives the secrets as above."""
        rows = self._db.execute("SELECT id, user, person FROM account WHERE server = ?", [server]).fetchall()
        self.require_rest(person for _, _, person in rows)
        self._db.execute("DELETE FROM side WHERE instr(key, ?)", [f":{server}:"])
        self._db.execute("DELETE FROM wish WHERE instr(side, ?)", [f":{server}:"])
        for account, user, _ in rows:
            self._drop_account(account, server, user)
        for table in ("item", "session", "toggle", "sender", "gap"):
            self._db.execute(f"DELETE FROM {table} WHERE server = ?", [server])
        self._db.execute("DELETE FROM server WHERE id = ?", [server])
        return [f"account:{account}" for account, _, _ in rows]

    def _drop_account(self, account: int, server: str, user: str) -> None:
        for table in ("session", "toggle"):
            self._db.execute(f"DELETE FROM {table} WHERE server = ? AND user = ?", [server, user])
        self._db.execute("DELETE FROM account WHERE id = ?", [account])
