"""Sidetrakt as whole processes that start within a moment and are killed wherever somebody wants."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sidecar.store.alerts import Alerts
from sidecar.store.db import look_into
from sidecar.store.outbox import Outbox
from sidecar.store.sessions import Sessions
from tests.system.conftest import free_port
from tests.system.evening import PATIENCE, Evening, account_of, user_of

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Sidetrakt:
    """One data folder, and the processes that have it one after the other."""

    folder: Path
    port: int
    forks: subprocess.Popen[str]
    pid: int = 0
    last: str = ""  # that was read
    lines: queue.Queue[str] = field(default_factory=queue.Queue)

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    def run(self, *words: str) -> str:
        """A command to its good end; what it prints."""
        self._begin(*words)
        lines = self._lines_until("! ")
        assert lines[-1] == "! 0\n", lines
        return "".join(lines[:-1])

    def up(self) -> None:
        """Start the process that serves, and wait until it does, or has died before."""
        self._begin("up")
        self.last = self._lines_until("Sidetrakt ", "! ")[-1]

    def kill(self) -> None:
        """End it at once, wherever it is."""
        os.kill(self.pid, signal.SIGKILL)
        self.died()

    def die_at(self, point: str) -> None:
        """Have it kill itself when it comes to this point the next time."""
        part = self.folder.with_name("deadly.part")
        part.write_text(point)
        part.replace(self.folder.with_name("deadly"))

    def died(self) -> None:
        """Wait until it was killed."""
        if not self.last.startswith("! "):
            self.last = self._lines_until("! ")[-1]
        assert self.last == f"! {-signal.SIGKILL}\n"
        self.pid = 0

    def end(self) -> None:
        """End it in good order."""
        os.kill(self.pid, signal.SIGTERM)
        assert self._lines_until("! ")[-1] == "! 0\n"
        self.pid = 0

    def waiting(self) -> list[str]:
        """What waits to be told, as the store has it."""
        with look_into(self.folder) as db:
            assert db is not None
            return [f"{row.topic} {row.title} {row.state} {row.reason}" for row in Outbox(db).open()]

    def playing(self) -> int:
        """How many sessions are open."""
        with look_into(self.folder) as db:
            assert db is not None
            return len(Sessions(db).open())

    def alerts(self) -> list[str]:
        """What a person should know, as the store has it."""
        with look_into(self.folder) as db:
            assert db is not None
            return [alert.what for alert in Alerts(db).open_ones()]

    def _begin(self, *words: str) -> None:
        assert self.forks.stdin is not None
        self.forks.stdin.write(json.dumps(words) + "\n")
        self.forks.stdin.flush()
        self.pid = int(self._lines_until("= ")[-1][2:])

    def _lines_until(self, *starts: str) -> list[str]:
        lines: list[str] = []
        while not (lines and lines[-1].startswith(starts)):
            lines.append(self.lines.get(timeout=PATIENCE))
            assert lines[-1], lines
        return lines

    def read(self) -> None:
        """Take in what is printed; an empty line is its end."""
        assert self.forks.stdout is not None
        for line in self.forks.stdout:
            self.lines.put(line)
        self.lines.put("")


@contextmanager
def forking(evening: Evening, folder: Path) -> Iterator[Sidetrakt]:
    """Something that starts Sidetrakt on a data folder within a moment."""
    port = free_port()
    plain_environ = {name: text for name, text in os.environ.items() if not name.startswith("SIDETRAKT_")}
    environ = {**plain_environ, **evening.environ(port), "SIDETRAKT_HOME": str(folder), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "tests.system.forks", str(folder.with_name("deadly"))]
    with (folder.with_name("stderr.txt")).open("a") as errors:
        forks = subprocess.Popen(
            command, env=environ, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        made = Sidetrakt(folder, port, forks)
        reader = threading.Thread(target=made.read)
        reader.start()
        try:
            made._lines_until("ready")
            yield made
        finally:
            with suppress(ProcessLookupError):
                if made.pid:
                    os.kill(made.pid, signal.SIGKILL)
            assert forks.stdin is not None
            forks.stdin.close()
            forks.wait(PATIENCE)
            reader.join(PATIENCE)
            assert forks.stdout is not None
            forks.stdout.close()


def settle_in(evening: Evening, sidetrakt: Sidetrakt, people: tuple[str, ...]) -> None:
    """Meet everybody; these persons are joined, have tokens of their own on both servers, and are linked."""
    sidetrakt.run("people")
    known = [each["name"] for each in json.loads(sidetrakt.run("people", "--json"))]
    path = sidetrakt.folder.with_name("token")
    for name in people:
        one, other = [each for each in known if each.partition("@")[0].lower().replace(" ", "_") == account_of(name)]
        sidetrakt.run("people", "join", one, other)
        path.write_text(evening.sign_in(name))
        sidetrakt.run("account", f"{name}@home", "--token-file", str(path))
        path.write_text(json.dumps(evening.signins["trakt"]["users"][user_of(name)]))
        sidetrakt.run("link", one, "--token-file", str(path))
    path.unlink()
