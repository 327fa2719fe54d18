"""One process talks: an OS lock on `sidetrakt.lock` in the data folder.

`up` holds it for life; a command that finds it free holds it while it works. The lock ends with its process, whatever
ends that, so nothing in it ever has to time out. The file says who holds it and where requests are taken.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from sqlite_utils import Database

from sidecar.clock import to_text
from sidecar.errors import SidetraktError, UserError
from sidecar.store.db import translated

FILE = "sidetrakt.lock"
UP = "up"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock."""

    pid: int
    purpose: str  # "up", or the name of the command
    port: int = 0  # where it takes requests, on loopback; 0 = it takes none
    word: str = ""  # proves that a request comes from somebody who may read the lock file


class Owner:
    """The lock, held; `take` makes it."""

    def __init__(self, handle: int, purpose: str) -> None:
        self._handle = handle
        self._say(Holder(os.getpid(), purpose))
        self.purpose = purpose

    def listens(self, port: int, word: str) -> None:
        """Tell other commands where requests are taken."""
        self._say(Holder(os.getpid(), self.purpose, port, word))

    def release(self) -> None:
        """Let the next one in."""
        if self._handle >= 0:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = -1

    def _say(self, holder: Holder) -> None:
        text = json.dumps(asdict(holder)).encode()
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, text, 0)


def take(folder: Path, purpose: str, wait: float = 0.0) -> Owner | Holder:
    """The lock, or who holds it after waiting that many seconds for a command to end."""
    with translated(folder / FILE):
        handle = os.open(folder / FILE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        pause = threading.Event()
        for _ in range(max(1, round(wait / 0.05))):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return Owner(handle, purpose)
            except BlockingIOError:
                holder = _holder(handle)
                if holder is not None and holder.port:  # it stays, and it takes requests
                    break
            pause.wait(0.05 if wait else 0)
        os.close(handle)
    return holder or Holder(0, "a command that is just starting or ending")


def take_or_refuse(folder: Path, purpose: str, wait: float = 0.0) -> Owner:
    """The lock, or an error that names who has it; for `up` and for what cannot be handed over."""
    taken = take(folder, purpose, wait)
    if isinstance(taken, Owner):
        return taken
    if taken.purpose != UP:
        raise SidetraktError(f"Sidetrakt is busy in {folder} with {taken.purpose}.", "Try again when that has ended.")
    if purpose == UP:
        step = "Use that one, or choose another folder with SIDETRAKT_HOME."
    else:
        step = f"Stop it, then run `sidetrakt {purpose}` again."
    raise UserError(f"Sidetrakt already runs on {folder} (process {taken.pid}).", step)


def begin_epoch(db: Database, at: datetime) -> int:
    """Count a new owner; whatever carries an older number was in the hands of a process that is gone."""
    row = db.execute(
        "INSERT INTO owner VALUES (1, 1, ?) ON CONFLICT (id) DO UPDATE"
        " SET epoch = epoch + 1, started_at = excluded.started_at RETURNING epoch",
        [to_text(at)],
    ).fetchone()
    return int(row[0])


def _holder(handle: int) -> Holder | None:
    """Who wrote the lock file; None in the moment before it is written."""
    try:
        return Holder(**json.loads(os.pread(handle, 4096, 0)))
    except (ValueError, TypeError):
        return None
