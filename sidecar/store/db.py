"""The one database: one writer behind a lock, read-only connections beside it, migrations with a copy before each.

A transaction is always explicit and always short: `with store.write() as db: …`. The rooms of the store
(People, Ledger, …) are given that `db`; none of them opens or commits anything itself.
"""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlite_utils import Database, Migrations

from sidecar.errors import DiskFull, StoreError
from sidecar.http import no_network
from sidecar.store.migrations import APPLICATION_ID, all_migrations

FILE = "sidetrakt.db"
BACKUPS = "backups"
SQLITE = sqlite3.sqlite_version
OLDEST_SQLITE = (3, 37, 0)  # STRICT tables
RESTORE = "Stop Sidetrakt and bring back the newest good copy with `sidetrakt restore FILE`; `doctor` lists them."


Transaction = Database
"""What a room of the store is given: the database, inside a transaction that somebody else began and ends."""


class Store:
    """An open database file; `open_store` makes it."""

    def __init__(self, path: Path, writer: sqlite3.Connection, on_write: Callable[[float], None] | None = None) -> None:
        self.path = path
        self._writer = Database(writer, execute_plugins=False)
        self._lock = threading.Lock()
        self._holder: int | None = None
        self._readers: queue.LifoQueue[Database] = queue.LifoQueue()
        self._on_write = on_write
        self._closed = False

    @contextmanager
    def write(self) -> Iterator[Database]:
        """One transaction on the one writer: all of it is stored when the block ends, or nothing."""
        if self._holder == threading.get_ident():
            raise RuntimeError("this thread is already in a transaction")
        with self._lock, no_network("inside a transaction"), translated(self.path):
            self._check_open()
            self._holder = threading.get_ident()
            began = time.perf_counter()
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                self._writer.execute("COMMIT")
            finally:
                # Whatever went wrong, a full disk at COMMIT included: nothing half-done stays open.
                if self._writer.conn.in_transaction:
                    self._writer.execute("ROLLBACK")
                self._holder = None
                if self._on_write is not None:
                    self._on_write(time.perf_counter() - began)

    @contextmanager
    def read(self) -> Iterator[Database]:
        """A consistent view of one moment on a read-only connection; never waits for the writer."""
        with translated(self.path):
            db = self._take_reader()
            try:
                db.execute("BEGIN")
                yield db
            finally:
                if db.conn.in_transaction:
                    db.execute("ROLLBACK")
                self._give_back(db)

    def close(self) -> None:
        """Close every connection; the write-ahead log is folded into the file. Safe to call twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._writer.conn.close()
        while True:
            try:
                self._readers.get_nowait().conn.close()
            except queue.Empty:
                return

    def _take_reader(self) -> Database:
        try:
            return self._readers.get_nowait()
        except queue.Empty:
            self._check_open()
            connection = connect(self.path)
            connection.execute("PRAGMA query_only = on")
            return Database(connection, execute_plugins=False)

    def _give_back(self, db: Database) -> None:
        if self._closed:
            db.conn.close()
        else:
            self._readers.put(db)

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("the store is closed")


def open_store(
    folder: Path, *, on_write: Callable[[float], None] | None = None, steps: Migrations | None = None
) -> Store:
    """Open or create the database in a data folder and bring its shape up to date, with a backup before each step."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StoreError(
            f"SQLite {sqlite3.sqlite_version} is too old; 3.37 is needed.", "Use a newer Python or system."
        )
    path = folder / FILE
    with translated(path):
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        writer = connect(path)
        try:
            _prepare(writer, path)
            _migrate(writer, folder, all_migrations() if steps is None else steps)
        except BaseException:
            writer.close()
            raise
    return Store(path, writer, on_write)


@contextmanager
def look_into(folder: Path) -> Iterator[Database | None]:
    """Read the database beside whoever owns it, without creating or changing anything; None if there is none yet."""
    path = folder / FILE
    if not path.exists():
        yield None
        return
    with translated(path), closing(connect(path)) as connection:
        connection.execute("PRAGMA query_only = on")
        db = Database(connection, execute_plugins=False)
        _check_ours(connection, path)
        _check_known(db, folder, all_migrations())
        if all_migrations().pending(db):
            raise StoreError(f"The database in {folder} is from an older Sidetrakt.", "Start `sidetrakt up` once.")
        yield db


def connect(path: Path) -> sqlite3.Connection:
    """A plain connection with the pragmas that every one of ours has; transactions are opened by hand."""
    connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys = on")
    connection.execute("PRAGMA synchronous = full")
    connection.execute("PRAGMA busy_timeout = 5000")
    return connection


def _prepare(writer: sqlite3.Connection, path: Path) -> None:
    """Refuse a foreign file before anything is changed in it; switch a new one to write-ahead logging."""
    if _check_ours(writer, path):
        writer.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    mode = writer.execute("PRAGMA journal_mode = wal").fetchone()[0]
    if mode != "wal":
        step = "Use a folder on a local disk."
        raise StoreError(f"The file system under {path.parent} does not allow a safe database.", step)


def _migrate(writer: sqlite3.Connection, folder: Path, steps: Migrations) -> None:
    """Apply what is pending, one step at a time, each after a copy of what was; a new database was nothing yet."""
    db = Database(writer, execute_plugins=False)
    _check_known(db, folder, steps)
    old = bool(steps.applied(db))
    for step in steps.pending(db):
        if old:
            copy_to(writer, folder / BACKUPS / f"before-{step.name}.db")
        steps.apply(db, stop_before=[later.name for later in steps.pending(db) if later.name != step.name])


def _check_ours(connection: sqlite3.Connection, path: Path) -> bool:
    """Refuse the database of another program; True if this one is still empty."""
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if not empty and connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        step = "Move it away, or choose another folder with SIDETRAKT_HOME."
        raise StoreError(f"{path} is a database of another program.", step)
    return bool(empty)


def _check_known(db: Database, folder: Path, steps: Migrations) -> None:
    """Refuse a downgrade: what a newer version stored must not be misread."""
    foreign = unknown_steps(db, steps)
    if foreign:
        raise StoreError(
            f"The database in {folder} was made by a newer Sidetrakt; this one does not know its step “{foreign[-1]}”.",
            "Install that version again, or restore the copy in the folder “backups” that was made before the update.",
        )


def unknown_steps(db: Database, steps: Migrations) -> list[str]:
    """The steps that were applied to this database and that this version does not know: a newer one made it."""
    with closing(sqlite3.connect(":memory:")) as nothing:
        known = {step.name for step in steps.pending(Database(nothing, execute_plugins=False))}
    return [step.name for step in steps.applied(db) if step.name not in known]


def copy_to(connection: sqlite3.Connection, target: Path) -> None:
    """Write a complete, compact copy of the database; it appears under its name only when it is whole."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    try:
        os.close(os.open(part, os.O_CREAT | os.O_WRONLY, 0o600))
        connection.execute("VACUUM INTO ?", [str(part)])
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system say into a sentence with a next step."""
    try:
        yield
    except sqlite3.Error as problem:
        raise _in_our_words(path, problem) from problem
    except OSError as problem:
        if problem.errno in (28, 122):  # ENOSPC, EDQUOT
            raise _full(path) from problem
        raise


def _in_our_words(path: Path, problem: sqlite3.Error) -> Exception:
    name = getattr(problem, "sqlite_errorname", "") or ""
    if name.startswith("SQLITE_FULL"):
        return _full(path)
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreError(f"The database {path} is damaged.", RESTORE)
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")):
        return StoreError(
            f"The database {path} cannot be opened for writing.", "Check who owns the folder and its files."
        )
    if name.startswith("SQLITE_BUSY"):
        return StoreError(f"Another program keeps the database {path} locked.", "Close it and try again.")
    if name.startswith("SQLITE_IOERR"):
        return StoreError(f"The disk under {path} reports errors.", "Check the disk; then `sidetrakt doctor`.")
    return problem  # a mistake of ours: it must be seen as it is


def _full(path: Path) -> DiskFull:
    return DiskFull(
        f"There is no room left on the disk of {path.parent}; what was being stored was not stored.",
        "Make room; it goes on by itself.",
    )


def whole(db: Database) -> bool:
    """Whether every page and index of the database is as it should be; reads all of it."""
    return bool(db.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok")
