"""Backup and restore of the whole database, and the state of the copies there are.

A copy that comes back is old: what it thinks is still to be told may have been told since. So a restore makes
everything unsettled doubtful (look before sending), asks for complete reads, and keeps newer tokens, because an old
token pair is dead.
"""

from __future__ import annotations

import shutil
import sqlite3
from datetime import datetime
from pathlib import Path

from sqlite_utils import Database

from sidecar.clock import to_text
from sidecar.errors import StoreError, UserError
from sidecar.store.db import BACKUPS, FILE, connect, copy_to, translated, unknown_steps
from sidecar.store.migrations import APPLICATION_ID, all_migrations

_SECRETS_KEPT = """
INSERT INTO main.secret SELECT n.* FROM now.secret n
WHERE n.name = 'check' OR n.name IN (SELECT o.name FROM main.secret o WHERE o.changed_at <= n.changed_at)
ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, changed_at = excluded.changed_at
"""
_UNSETTLE = (
    "UPDATE outbox SET state = 'doubtful', epoch = NULL, reason = 'came from a copy' WHERE state IN ('due', 'sent')",
    "UPDATE viewing SET told = 'sent' WHERE told = 'no'",
    "UPDATE side_feature SET mark = NULL, whole_at = NULL",
    "DELETE FROM settled",
)


def backup(folder: Path, target: Path) -> int:
    """Write a complete copy beside a running process or without one; returns its size in bytes."""
    source = folder / FILE
    if not source.exists():
        raise UserError(f"There is no database in {folder} yet.", "Start `sidetrakt up` once, or check SIDETRAKT_HOME.")
    if target.exists():
        raise UserError(f"{target} is there already and is not overwritten.", "Choose another name.")
    if not target.parent.is_dir():
        raise UserError(f"The folder {target.parent} is not there.", "Make it, or choose another.")
    with translated(source):
        connection = connect(source)
        try:
            copy_to(connection, target)
        finally:
            connection.close()
    check(target)
    return target.stat().st_size


def check(path: Path) -> None:
    """Prove that a file is a whole database of ours that this version can use; raises StoreError or UserError."""
    if not path.is_file():
        raise UserError(f"There is no file {path}.", "Check the name.")
    try:
        connection = _open_read_only(path)
        try:
            _check_content(path, connection)
        finally:
            connection.close()
    except sqlite3.DatabaseError as problem:
        raise StoreError(f"{path} is not a whole database.", "Use another copy.") from problem


def _check_content(path: Path, connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        step = "Choose a file that `sidetrakt backup` wrote."
        raise UserError(f"{path} is not a copy of a Sidetrakt database.", step)
    if connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
        raise StoreError(f"The copy {path} is damaged.", "Use another copy.")
    if unknown_steps(Database(connection, execute_plugins=False), all_migrations()):
        raise StoreError(f"{path} was made by a newer Sidetrakt.", "Install that version to restore it.")


def restore(folder: Path, source: Path, at: datetime) -> Path | None:
    """Put a copy in the place of the database; the caller holds the lock. Returns where the former one is kept."""
    check(source)
    target, part = folder / FILE, folder / f"{FILE}.restoring"
    with translated(target):
        part.unlink(missing_ok=True)
        original = _open_read_only(source)
        try:
            copy_to(original, part)
        finally:
            original.close()
        kept = _keep(folder, target, at)
        _settle(part, kept)
        part.replace(target)  # the one moment that counts: before it the old database is there, after it the new one
    return kept


def copies(folder: Path) -> list[Path]:
    """The copies in the data folder, newest first."""
    found = [path for path in (folder / BACKUPS).glob("*.db") if path.is_file()]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)


def _keep(folder: Path, target: Path, at: datetime) -> Path | None:
    """Keep a copy of the present database, and leave no write-ahead log that could be played into another file."""
    if not target.exists():
        return None
    stamp = to_text(at).replace(":", "").replace("-", "").split(".")[0]
    kept = folder / BACKUPS / f"before-restore-{stamp}.db"
    kept.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        connection = connect(target)
        try:
            copy_to(connection, kept)
            connection.execute("PRAGMA journal_mode = delete")
        finally:
            connection.close()
    except sqlite3.DatabaseError:
        kept = kept.with_suffix(".damaged")
        shutil.copy2(target, kept)
        for part in ("-wal", "-shm"):
            beside = target.with_name(target.name + part)
            if beside.exists():
                beside.replace(kept.with_name(kept.name + part))
    return kept


def _settle(part: Path, kept: Path | None) -> None:
    """Make an old state safe to go on from."""
    healthy = kept is not None and kept.suffix == ".db"
    connection = connect(part)
    try:
        if healthy:
            connection.execute("ATTACH ? AS now", [str(kept)])
        connection.execute("BEGIN IMMEDIATE")
        for statement in (*_UNSETTLE, _SECRETS_KEPT) if healthy else _UNSETTLE:
            connection.execute(statement)
        connection.execute("COMMIT")
    finally:
        connection.close()


def _open_read_only(path: Path) -> sqlite3.Connection:
    """Open a copy without making files beside it."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
