"""The file for a report: findings, settings with origins, counts, the last lines of the log. No secrets, no names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from sidecar.cli.here import Here
from sidecar.errors import SidetraktError, UserError

TABLES = (
    "person",
    "account",
    "trakt_account",
    "link",
    "title",
    "item",
    "agreed",
    "seen",
    "viewing",
    "outbox",
    "run",
    "alert",
)
LAST_LINES = 500


def write(path: Path, here: Here, findings: list[dict[str, Any]]) -> None:
    """Write the report, cleaned once more as a whole; refuses to overwrite a file."""
    report = {
        "findings": findings,
        "settings": [{"key": key, "value": value, "origin": origin} for key, value, origin in here.settings.dump()],
        "rows": _counts(here),
        "log": _log_tail(here),
    }
    _learn_stored(here)
    text = here.redaction.clean(json.dumps(report, ensure_ascii=False, indent=2, default=str))
    try:
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:
            out.write(text + "\n")
    except FileExistsError as problem:
        raise UserError(f"{path} is there already and is not overwritten.", "Choose another name.") from problem
    except OSError as problem:
        raise UserError(f"{path} cannot be written ({problem.strerror}).", "Choose another place.") from problem


def _counts(here: Here) -> dict[str, int]:
    from sidecar.store.db import look_into

    try:
        with look_into(here.folder) as db:
            if db is None:
                return {}
            return {table: int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) for table in TABLES}  # noqa: S608
    except SidetraktError:
        return {}  # the findings say what is wrong with the database


def _log_tail(here: Here) -> list[str]:
    if not here.settings.log.file:
        return []
    try:
        return Path(here.settings.log.file).read_text("utf-8", "replace").splitlines()[-LAST_LINES:]
    except OSError:
        return []


def _learn_stored(here: Here) -> None:
    """Open every stored secret once, so that none of them can stand in the report."""
    from sidecar.store.db import look_into
    from sidecar.store.keys import find_keys
    from sidecar.store.vault import Vault

    try:
        with look_into(here.folder) as db:
            if db is None:
                return
            vault = Vault(find_keys(here.folder, here.environ).keys, here.clock, here.redaction.learn)
            for row in list(db.query("SELECT name FROM secret WHERE name <> 'check'")):
                vault.get(db, row["name"])
    except SidetraktError:
        return  # locked: then nothing here can have written one in clear either
