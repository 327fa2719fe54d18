"""Commands of Sidetrakt as processes of their own, forked from one that has loaded everything, so that many can start.

A line of standard input is a command in JSON; what it prints follows, then `! CODE`. A process kills itself at the
point that stands in the file named on the command line. A pause is one from a second on, and newest ratings are
looked at every second, so that nobody waits.
"""

import importlib
import json
import os
import pkgutil
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import sidecar
from sidecar.cli import main
from sidecar.live import decide
from sidecar.live.intake import Intake
from sidecar.live.settle import Settle
from sidecar.servers.plex import catchup
from sidecar.store.outbox import Topic

POINTS = ("taken", "stored", "begun", "answered")
"""Inside an event's transaction; before its 202; a play in hand, not sent; between Trakt's answer and our commit."""


def load() -> None:
    """Everything of ours, so that a fork has nothing left to load."""
    for each in pkgutil.walk_packages(sidecar.__path__, "sidecar."):
        if ".demo" not in each.name and not each.name.endswith("__main__"):
            importlib.import_module(each.name)


def arm(deadly: Path) -> None:
    """Put the points in place at which a process dies if that is wanted."""
    take, announced, begin, done = Intake._take, Intake._announced, Settle.begin, Settle.done

    def die(point: str) -> None:
        if deadly.exists() and deadly.read_text() == point:
            deadly.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    def taken(*given: Any) -> Any:
        outcome = take(*given)
        die("taken")
        return outcome

    def stored(*given: Any) -> Any:
        die("stored")
        return announced(*given)

    def begun(*given: Any) -> Any:
        rows = begin(*given)
        if any(row.topic is Topic.PLAY for row in rows):
            die("begun")
        return rows

    def answered(settle: Settle, row: Any, *given: Any) -> None:
        if row.topic is Topic.PLAY:
            die("answered")
        done(settle, row, *given)

    Intake._take, Intake._announced = taken, stored  # type: ignore[method-assign, assignment]
    Settle.begin, Settle.done = begun, answered  # type: ignore[method-assign, assignment]


def say(line: str) -> None:
    """A line for who began us."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def work() -> None:
    """One command after the other."""
    load()
    arm(Path(sys.argv[1]))
    decide.DEBOUNCE = timedelta(seconds=1)
    catchup.MINUTE = 1.0
    say("ready")
    for line in sys.stdin:
        words = json.loads(line)
        child = os.fork()
        if child == 0:
            main(words)
        say(f"= {child}")
        _, status = os.waitpid(child, 0)
        say(f"! {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    work()
