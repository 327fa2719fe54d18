"""What a Trakt account has of titles that no server holds: nothing but keyed hashes of their kinds and ids.

By them a later read knows without asking that it need not learn who these titles are, and a library that gains one of
them is noticed. The key lies in the vault, so that a copy of the database says nothing.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterable
from hashlib import sha256

from sqlite_utils import Database

from sidecar.model import Ids, Kind, Ref, Secret
from sidecar.store.db import Store
from sidecar.store.items import PORTION
from sidecar.store.vault import Vault

NAME = "elsewhere"
LENGTH = 12  # bytes: enough for never meeting by accident


class Elsewhere:
    """The hashes of all accounts; every method but the first is used inside a transaction."""

    def __init__(self, store: Store, vault: Callable[[], Vault]) -> None:
        self._store, self._vault, self._key = store, vault, b""

    def prepare(self) -> None:
        """Make the key where there is none yet; raises SecretsLocked."""
        with self._store.read() as db:
            known = self._vault().get(db, NAME)
        if known is None:
            known = Secret(secrets.token_hex(32))
            with self._store.write() as db:
                self._vault().put(db, NAME, known)
        self._key = bytes.fromhex(known.reveal())

    def put(self, db: Database, trakt: str, words: Iterable[str]) -> None:
        """Note that the account has something under these words."""
        rows = [(trakt, self._hash(word)) for word in words]
        db.conn.executemany("INSERT INTO elsewhere VALUES (?, ?) ON CONFLICT DO NOTHING", rows)

    def found(self, db: Database, words: Iterable[str]) -> set[str]:
        """Those of the words under which any account has something."""
        return self._known(db, words, "")

    def drop(self, db: Database, words: Iterable[str]) -> None:
        """A server holds it now."""
        db.conn.executemany("DELETE FROM elsewhere WHERE hash = ?", [(self._hash(word),) for word in words])

    def bare(self, db: Database, trakt: str, kind: Kind, numbers: Iterable[int]) -> dict[int, Ref]:
        """Those of Trakt's numbers that are known to be of no interest, as refs that say nothing else."""
        if not self._key:
            return {}
        words = {f"{kind} trakt={number}": number for number in numbers}
        known = self._known(db, words, trakt)
        return {number: Ref(kind, Ids(trakt=number)) for word, number in words.items() if word in known}

    def _known(self, db: Database, words: Iterable[str], trakt: str) -> set[str]:
        hashes = {self._hash(word): word for word in words}
        wanted, found = list(hashes), set[str]()
        for start in range(0, len(wanted), PORTION):
            part = wanted[start : start + PORTION]
            query = f"SELECT hash FROM elsewhere WHERE hash IN ({','.join('?' * len(part))})"
            rows = db.execute(query + (" AND trakt = ?" if trakt else ""), [*part, *([trakt] if trakt else [])])
            found.update(hashes[bytes(row[0])] for row in rows)
        return found

    def _hash(self, word: str) -> bytes:
        return hmac.digest(self._key, word.encode(), sha256)[:LENGTH]
