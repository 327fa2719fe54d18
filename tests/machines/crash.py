"""A store that can die: at any statement of a transaction, without warning, and is opened again from its files."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database

from sidecar.store.db import Store, open_store
from sidecar.store.outbox import Outbox
from sidecar.store.owner import begin_epoch
from sidecar.store.runs import Runs

# Deaths here are deaths of the process, not of the machine, so memory serves as the disk where there is such a place.
PLACE = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - folders in it get random names
NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
Outcome = TypeVar("Outcome")


class Killed(BaseException):
    """The process ended here."""


class MortalStore:
    """Owns a folder, and a new epoch after each death."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mortal", dir=PLACE))
        self.store: Store
        self.epoch = 0
        self.born()

    def born(self) -> None:
        """Open the files as a new process would."""
        self.store = open_store(self.folder)
        with self.store.write() as db:
            db.execute("PRAGMA foreign_keys")
            self.epoch = begin_epoch(db, NOW)
            Outbox(db).adopt(self.epoch)
            Runs(db).adopt(self.epoch, NOW)

    def write(self, step: Callable[[Database], Outcome], dies_at: int | None = None) -> Outcome | None:
        """Carry out a step in one transaction; with `dies_at`, die at that statement and come back. None if it died."""
        count = 0

        def countdown(statement: str, _parameters: object = None) -> None:
            nonlocal count
            count += 1
            if count - 1 == dies_at:
                raise Killed(statement)

        try:
            with self.store.write() as db, db.tracer(countdown):
                return step(db)
        except Killed:
            self.die()
            return None

    def die(self) -> None:
        """Lose everything that is not in the files: a copy of them is what the next process finds."""
        after = Path(tempfile.mkdtemp(prefix="mortal", dir=PLACE))
        for path in self.folder.iterdir():
            if path.is_file():
                shutil.copy2(path, after / path.name)
        self.store.close()
        shutil.rmtree(self.folder)
        self.folder = after
        self.born()

    def close(self) -> None:
        """The end of the example."""
        self.store.close()
        shutil.rmtree(self.folder)
