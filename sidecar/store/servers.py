"""The media servers that were reached: their own ids behind the names in the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from sidecar.clock import to_text


@dataclass(frozen=True, slots=True)
class KnownServer:
    """One server as it was last met."""

    id: str  # its own machine id
    name: str  # as in the settings
    kind: str
    version: str = ""
    owner: str = ""  # plex.tv's number of the owner, whom the server itself calls 1


class KnownServers:
    """Which servers there are; used inside a transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def met(self, server: KnownServer, at: datetime) -> None:
        """Note what a server said of itself; an owner that was known stays known."""
        self._db.execute(
            "INSERT INTO server VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
            " version = excluded.version, owner = coalesce(nullif(excluded.owner, ''), owner),"
            " met_at = excluded.met_at",
            [server.id, server.name, server.kind, server.version, server.owner, to_text(at)],
        )

    def all(self) -> list[KnownServer]:
        """Every server, the last met one first."""
        rows = self._db.execute("SELECT id, name, kind, version, owner FROM server ORDER BY met_at DESC, id")
        return [KnownServer(*row) for row in rows]

    def keep_libraries(self, server: str, names: Mapping[str, str]) -> None:
        """Note how the libraries of a server are called, by key; those of former times keep their names."""
        self._db.conn.executemany(
            "INSERT INTO library VALUES (?, ?, ?) ON CONFLICT (server, key) DO UPDATE SET name = excluded.name",
            [(server, key, name) for key, name in names.items()],
        )

    def libraries(self, server: str) -> dict[str, str]:
        """The names of a server's libraries, by key."""
        return dict(self._db.execute("SELECT key, name FROM library WHERE server = ?", [server]).fetchall())

    def named(self, name: str) -> KnownServer | None:
        """The server of that name in the settings."""
        return next((server for server in self.all() if server.name.lower() == name.strip().lower()), None)
