"""Persons, their accounts on media servers, their Trakt links and what they chose.

Everything a side remembers hangs on an account, never on a person's name. A Trakt account has one token pair,
however many persons share it, so the pair stands under the account's uuid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
from sqlite_utils import Database

from sidecar.clock import from_text, to_text
from sidecar.errors import UserError
from sidecar.store.servers import KnownServer, KnownServers
from sidecar.words import did_you_mean


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the household."""

    id: int
    name: str
    admin: bool


@dataclass(frozen=True, slots=True)
class Account:
    """A user on one server."""

    id: int
    server: str  # the server's own machine id
    user: str
    name: str
    person: int

    @property
    def secret(self) -> str:
        """The name under which the vault keeps its token."""
        return f"account:{self.id}"


@dataclass(frozen=True, slots=True)
class TraktAccount:
    """A Trakt account that one or several persons are linked to."""

    uuid: str
    name: str
    state: str  # connected | attention
    reason: str
    limits: dict[str, Any]
    proved_at: datetime | None

    @property
    def secret(self) -> str:
        """The name under which the vault keeps its token pair."""
        return trakt_secret(self.uuid)


def trakt_secret(uuid: str) -> str:
    """The name under which the vault keeps the token pair of a Trakt account."""
    return f"trakt:{uuid}"


def check_name(name: str) -> str:
    """A name that a person can have, without spaces around it; raises UserError."""
    name = name.strip()
    if not name or name.startswith("-") or "@" in name or not name.isprintable():
        raise UserError(f"{name!r} cannot be a person's name.", "Use a name without @ and line breaks.")
    return name


class People:
    """Who lives here; used inside a transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, name: str, at: datetime, *, admin: bool = False) -> Person:
        """Make a person; the name must be new, upper and lower case being the same."""
        name = check_name(name)
        if self.find(name) is not None:
            raise UserError(f"There already is a person named {name}.", "Choose another name.")
        return self._add(name, at, admin=admin)

    def _add(self, name: str, at: datetime, *, admin: bool) -> Person:
        row = self._db.execute(
            "INSERT INTO person (name, admin, made_at) VALUES (?, ?, ?) RETURNING id", [name, admin, to_text(at)]
        ).fetchone()
        return Person(row[0], name, admin)

    def find(self, name: str) -> Person | None:
        """The person of that name, in upper or lower case."""
        rows = self._persons("WHERE name = ?", name.strip())
        return rows[0] if rows else None

    def get(self, name: str) -> Person:
        """The person named NAME, or USER@SERVER-ID where names clash; raises UserError with a near miss."""
        found = self.find(name) or self._by_account(name)
        if found is None:
            known = [person.name for person in self.all()]
            there = (
                f"Known are: {', '.join(known)}." if known else "Nobody is known yet; link somebody or add a server."
            )
            raise UserError(f"There is no person named {name}{did_you_mean(name, known) or '.'}", there)
        return found

    def all(self) -> list[Person]:
        """Everybody, by name."""
        return self._persons("ORDER BY name")

    def add_account(self, person: Person, server: str, user: str, name: str, at: datetime) -> Account:
        """Note that this user of this server is this person; the user must be new."""
        row = self._db.execute(
            "INSERT INTO account (server, user, name, person, made_at) VALUES (?, ?, ?, ?, ?) RETURNING id",
            [server, user, name, person.id, to_text(at)],
        ).fetchone()
        return Account(row[0], server, user, name, person.id)

    def meet(self, server: KnownServer, user: str, name: str, at: datetime, *, admin: bool = False) -> Account:
        """The account of a server's user, with a person made on first contact.

        A person of that name without any account is taken to be the same; one who has an account somewhere is not,
        and the newcomer is called USER@SERVER until somebody joins the two.
        """
        known = self.account(server.id, user)
        if known is not None:
            self._db.execute("UPDATE account SET name = ? WHERE id = ?", [name, known.id])
            return replace(known, name=name)
        short = _short(name, user)
        person = self.find(short)
        if person is not None and self.accounts(person):
            person = self.find(f"{short}@{server.name}")
            if person is not None:  # a second user there whose short name is the same
                short = f"{short}-{user[:8]}"
                person = None
            short = f"{short}@{server.name}"
        if person is None:
            person = self._add(short, at, admin=admin)
        return self.add_account(person, server.id, user, name, at)

    def join(self, one: Person, other: Person) -> None:
        """Make two persons one: the first takes over accounts, runs and, if it has none, the link of the second.

        What the sides of the second looked like stays; they join the first person's agreement as new ones, which
        removes nothing. What the second chose is dropped, what the two had agreed before is the first one's.
        """
        links = {link.uuid for link in (self.linked(one), self.linked(other)) if link}
        if one.id == other.id:
            raise UserError(f"{one.name} is one person already.", "Nothing was changed.")
        if len(links) > 1:
            step = f"Unlink one of them first: `sidetrakt unlink “{other.name}”`."
            raise UserError(f"{one.name} and {other.name} are linked to different Trakt accounts.", step)
        sides = [f"{kind}:{each.server}:{each.user}" for each in self.accounts(other) for kind in ("jellyfin", "plex")]
        for uuid in links:
            self._db.execute(
                "INSERT INTO link SELECT ?, trakt, made_at FROM link WHERE trakt = ? LIMIT 1"
                " ON CONFLICT (person) DO NOTHING",
                [one.id, uuid],
            )
        for table in ("account", "run", "alert", "session", "wish", "counted"):
            self._db.execute(f"UPDATE {table} SET person = ? WHERE person = ?", [one.id, other.id])
        for side in sides:
            self._db.execute(
                "UPDATE side_feature SET joined_at = NULL, mark = NULL WHERE side IN"
                " (SELECT id FROM side WHERE key = ?)",
                [side],
            )
        self._db.execute("DELETE FROM settled WHERE person = ?", [one.id])  # the new sides may disagree
        self._db.execute("UPDATE person SET admin = max(admin, ?) WHERE id = ?", [other.admin, one.id])
        self._db.execute("DELETE FROM person WHERE id = ?", [other.id])

    def account(self, server: str, user: str) -> Account | None:
        """The account of a server's user, if that user was met before."""
        rows = self._accounts("WHERE server = ? AND user = ?", server, user)
        return rows[0] if rows else None

    def person(self, number: int) -> Person:
        """The person with this number; raises KeyError."""
        for person in self._persons("WHERE id = ?", number):
            return person
        raise KeyError(number)

    def has_accounts(self) -> bool:
        """Whether the users of any server are known yet."""
        return self._db.execute("SELECT 1 FROM account LIMIT 1").fetchone() is not None

    def accounts(self, person: Person) -> list[Account]:
        """All accounts of a person."""
        return self._accounts("WHERE person = ? ORDER BY server, name", person.id)

    def put_trakt(self, uuid: str, name: str, limits: dict[str, Any], at: datetime) -> TraktAccount:
        """Note a Trakt account as proved and connected."""
        self._db.execute(
            "INSERT INTO trakt_account (uuid, name, state, limits, made_at, proved_at)"
            " VALUES (?, ?, 'connected', ?, ?, ?)"
            " ON CONFLICT (uuid) DO UPDATE SET name = excluded.name, state = 'connected', reason = '',"
            " limits = excluded.limits, proved_at = excluded.proved_at",
            [uuid, name, msgspec.json.encode(limits).decode(), to_text(at), to_text(at)],
        )
        return self.trakt_account(uuid)

    def met_trakt(self, uuid: str, name: str, limits: dict[str, Any], at: datetime) -> bool:
        """Note that an account was proved again, perhaps under another name; a dead link stays dead: False."""
        query = "UPDATE trakt_account SET name = ?, limits = ?, proved_at = ? WHERE uuid = ? AND state = 'connected'"
        values = [name, msgspec.json.encode(limits).decode(), to_text(at), uuid]
        return bool(self._db.conn.execute(query, values).rowcount)

    def trakt_may_work(self, uuid: str) -> None:
        """Let a link be tried again that was noted as dead; when it was last proved stays as it was."""
        self._db.execute("UPDATE trakt_account SET state = 'connected', reason = '' WHERE uuid = ?", [uuid])

    def trakt_needs_attention(self, uuid: str, reason: str) -> None:
        """Note that the link is dead and why; nobody calls Trakt for it until it is proved again."""
        self._db.execute("UPDATE trakt_account SET state = 'attention', reason = ? WHERE uuid = ?", [reason, uuid])

    def trakt_account(self, uuid: str) -> TraktAccount:
        """The Trakt account with this uuid; raises KeyError if it was never linked."""
        for row in self._db.query("SELECT * FROM trakt_account WHERE uuid = ?", [uuid]):
            proved = from_text(row["proved_at"]) if row["proved_at"] else None
            limits = msgspec.json.decode(row["limits"])
            return TraktAccount(uuid, row["name"], row["state"], row["reason"], limits, proved)
        raise KeyError(uuid)

    def trakt_accounts(self) -> list[TraktAccount]:
        """Every Trakt account that somebody is linked to."""
        rows = self._db.execute("SELECT DISTINCT trakt FROM link ORDER BY trakt").fetchall()
        return [self.trakt_account(row[0]) for row in rows]

    def link(self, person: Person, uuid: str, at: datetime) -> None:
        """Link a person to a Trakt account; the former link of that person ends."""
        self._db.execute(
            "INSERT INTO link VALUES (?, ?, ?)"
            " ON CONFLICT (person) DO UPDATE SET trakt = excluded.trakt, made_at = excluded.made_at",
            [person.id, uuid, to_text(at)],
        )

    def unlink(self, person: Person) -> None:
        """End a person's link; the account's memory stays until it is forgotten."""
        self._db.execute("DELETE FROM link WHERE person = ?", [person.id])

    def linked(self, person: Person) -> TraktAccount | None:
        """The Trakt account a person is linked to."""
        row = self._db.execute("SELECT trakt FROM link WHERE person = ?", [person.id]).fetchone()
        return self.trakt_account(row[0]) if row else None

    def sharing(self, uuid: str) -> list[Person]:
        """Everybody who is linked to this Trakt account."""
        return self._persons("WHERE id IN (SELECT person FROM link WHERE trakt = ?) ORDER BY name", uuid)

    def set_option(self, person: Person, key: str, value: str, at: datetime) -> None:
        """Store a choice; one that was already so keeps its moment, because switches act on what comes after it."""
        self._db.execute(
            "INSERT INTO option VALUES (?, ?, ?, ?) ON CONFLICT (person, key) DO UPDATE"
            " SET value = excluded.value, changed_at = excluded.changed_at WHERE option.value <> excluded.value",
            [person.id, key, value, to_text(at)],
        )

    def options(self, person: Person) -> dict[str, tuple[str, datetime]]:
        """What a person chose, as text, with the moment of each choice."""
        rows = self._db.query("SELECT key, value, changed_at FROM option WHERE person = ?", [person.id])
        return {row["key"]: (row["value"], from_text(row["changed_at"])) for row in rows}

    def _by_account(self, name: str) -> Person | None:
        account = self.account_at(name)
        return self._persons("WHERE id = ?", account.person)[0] if account else None

    def account_at(self, name: str) -> Account | None:
        """The account USER@SERVER, the server by its name or machine id; the user as there or as the person here."""
        user, _, where = name.strip().rpartition("@")
        server = KnownServers(self._db).named(where)
        query = (
            "WHERE server = ? AND (name = ?1 COLLATE NOCASE OR user = ?1"
            " OR person IN (SELECT id FROM person WHERE name IN (?1, ?2)))"
        ).replace("server = ?", "server = ?3")
        rows = self._accounts(query, user, name.strip(), server.id if server else where)
        return rows[0] if len(rows) == 1 else None

    def _persons(self, where: str, *values: Any) -> list[Person]:
        rows = self._db.execute(f"SELECT id, name, admin FROM person {where}", values)
        return [Person(number, name, bool(admin)) for number, name, admin in rows]

    def _accounts(self, where: str, *values: Any) -> list[Account]:
        rows = self._db.execute(f"SELECT id, server, user, name, person FROM account {where}", values)
        return [Account(*row) for row in rows]


def _short(name: str, user: str) -> str:
    """What a server's user can be called here; of an address only what stands before the @."""
    short = name.strip().partition("@")[0].strip().lstrip("-")
    return short if short and short.isprintable() else f"user {user[:8]}"
