"""Tokens and keys at rest: authenticated encryption (Fernet), each value bound to its name.

What it protects is a copied database or backup, not a machine that somebody else controls.
A check value tells a wrong key from a damaged row, before anything is written with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlite_utils import Database

from sidecar.clock import Clock, to_text
from sidecar.errors import SecretsLocked
from sidecar.model import Secret
from sidecar.store.db import Store
from sidecar.store.keys import Keys, make_key, write_keys

CHECK = "check"
_CHECK_VALUE = "sidetrakt"
MISSING = (
    "Put the key back where it was (or set SIDETRAKT_KEY or SIDETRAKT_KEY_FILE) and start again; nothing was changed."
)


class Vault:
    """Seals and opens secrets; locked while the right key is not there."""

    def __init__(self, keys: Iterable[Secret], clock: Clock, tell: Callable[[str], None] | None = None) -> None:
        fernets = [Fernet(key.reveal()) for key in keys]
        self._box = MultiFernet(fernets) if fernets else None
        self._clock = clock
        self._tell = tell
        self.locked = "" if fernets else "There is no key for the stored secrets."

    def check(self, db: Database) -> None:
        """Find out whether this key opens this vault; if not, the vault is locked from here on."""
        row = next(iter(db.query("SELECT sealed FROM secret WHERE name = ?", [CHECK])), None)
        if row is None or self._box is None:
            return
        try:
            self._open_sealed(CHECK, row["sealed"])
        except InvalidToken:
            self.locked = "The stored secrets were sealed with another key."

    def put(self, db: Database, name: str, value: Secret) -> None:
        """Seal a value under a name, in the caller's transaction."""
        self._keep_quiet(value.reveal())
        for key, text in ((CHECK, _CHECK_VALUE), (name, value.reveal())):
            sealed = self._require().encrypt(json.dumps([key, text]).encode())
            replace = (
                "DO UPDATE SET sealed = excluded.sealed, changed_at = excluded.changed_at"
                if key == name
                else "DO NOTHING"
            )
            db.execute(
                f"INSERT INTO secret VALUES (?, ?, ?) ON CONFLICT (name) {replace}",
                [key, sealed, to_text(self._clock.now())],
            )

    def get(self, db: Database, name: str) -> Secret | None:
        """Open the value under a name; None if there is none."""
        row = next(iter(db.query("SELECT sealed FROM secret WHERE name = ?", [name])), None)
        if row is None:
            return None
        try:
            text = self._open_sealed(name, row["sealed"])
        except InvalidToken as problem:
            raise SecretsLocked(
                f"The secret “{name}” cannot be opened.", "Restore a backup, or sign that account in again."
            ) from problem
        self._keep_quiet(text)
        return Secret(text)

    def drop(self, db: Database, name: str) -> None:
        """Forget the value under a name."""
        db.execute("DELETE FROM secret WHERE name = ?", [name])

    def reseal(self, db: Database) -> int:
        """Seal everything with the first key; returns how many."""
        rows = list(db.query("SELECT name, sealed FROM secret"))
        for row in rows:
            db.execute(
                "UPDATE secret SET sealed = ? WHERE name = ?", [self._require().rotate(row["sealed"]), row["name"]]
            )
        return len(rows)

    def require_open(self) -> None:
        """Raise SecretsLocked, with what to do, unless the right key is there."""
        self._require()

    def _keep_quiet(self, text: str) -> None:
        """Have it kept out of every log; of a pair of tokens each for itself."""
        if self._tell is None:
            return
        try:
            waiting: list[Any] = [json.loads(text) if text.startswith("{") else text]
        except ValueError:  # it only looked like JSON
            waiting = [text]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                waiting += [
                    inner for name, inner in value.items() if isinstance(inner, dict) or name.endswith("_token")
                ]
            elif isinstance(value, str):
                self._tell(value)

    def _open_sealed(self, name: str, sealed: bytes) -> str:
        owner, text = json.loads(self._require().decrypt(sealed))
        if owner != name:  # a row that was moved to another name
            raise InvalidToken
        return str(text)

    def _require(self) -> MultiFernet:
        if self._box is None or self.locked:
            raise SecretsLocked(f"Secrets locked. {self.locked}", MISSING)
        return self._box


def is_empty(db: Database) -> bool:
    """Whether nothing was ever sealed, so that a new key can orphan nothing."""
    return int(db.execute("SELECT count(*) FROM secret").fetchone()[0]) == 0


def has(db: Database, name: str) -> bool:
    """Whether a value is sealed under this name; needs no key."""
    return db.execute("SELECT 1 FROM secret WHERE name = ?", [name]).fetchone() is not None


def open_vault(store: Store, keys: Keys, clock: Clock, tell: Callable[[str], None] | None = None) -> Vault:
    """The vault for these keys; makes the first key where there is none and the vault is empty."""
    with store.read() as db:
        empty = is_empty(db)
    if not keys.keys and empty and keys.path is not None:
        path = keys.path
        keys = Keys((make_key(),), f"file {path}", path)
        write_keys(path, keys.keys)  # on disk before the first secret is sealed with it
    if tell is not None:
        for key in keys.keys:
            tell(key.reveal())
    vault = Vault(keys.keys, clock, tell)
    with store.read() as db:
        vault.check(db)
    return vault


def rotate(store: Store, keys: Keys, clock: Clock) -> int:
    """Change the key and seal everything anew; returns how many secrets.

    The file first holds new and old, in the end the new one alone: a crash at any moment leaves a file that opens
    everything. Keys from the environment are changed by their owner, who
    puts the new one first; then only the sealing is done.
    """
    open_vault(store, keys, clock).require_open()  # a wrong key must not become part of the file
    path = keys.path
    if path is not None:
        keys = Keys((make_key(), *keys.keys), keys.origin, path)
        write_keys(path, keys.keys)
    vault = open_vault(store, keys, clock)
    with store.write() as db:
        resealed = vault.reseal(db)
    if path is not None:
        write_keys(path, keys.keys[:1])
    return resealed
