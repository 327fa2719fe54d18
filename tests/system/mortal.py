"""Runs of Anna in processes of their own, forked from one that has loaded everything; each may kill itself on its way.

A line of standard input is a life in JSON: its data folder, how many runs, how far its clock is ahead, and after which
request or commit of its runs it dies (0: it lives). It prints one line for each run, then its parent prints `! CODE`.
"""

import gc
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from sidecar.app import App
from sidecar.logs import Redaction
from sidecar.settings import load
from sidecar.store.db import Store, Transaction
from sidecar.store.people import People
from sidecar.sync.request import Request, Result
from tests.anna import Later
from tests.system.forks import load as load_all


class Boundaries:
    """Counts requests and commits, and is the last thing of this process at one of them."""

    def __init__(self) -> None:
        self.count, self.at = 0, 0

    def passed(self) -> None:
        """One more lies behind us: what it did is done, and nobody has taken note of it."""
        self.count += 1
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def mark(self) -> None:
        """From now on every request and every commit is one."""
        send, write = requests.Session.send, Store.write

        def sent(*given: Any, **more: Any) -> requests.Response:
            answer = send(*given, **more)
            self.passed()
            return answer

        @contextmanager
        def committed(store: Store) -> Iterator[Transaction]:
            with write(store) as db:
                yield db
            self.passed()

        requests.Session.send, Store.write = sent, committed  # type: ignore[method-assign, assignment]


def live(life: dict[str, Any]) -> None:
    """One process from its begin to its end, or to its death."""
    folder, clock, limits = Path(life["folder"]), Later(), Boundaries()
    app = App(folder, load(os.environ, folder), os.environ, clock=clock, redaction=Redaction())
    with app.store.read() as db:
        anna = People(db).get("Anna")
    limits.mark()
    limits.at = life["dies_at"]
    for number in range(life["runs"]):
        clock.ahead = life["ahead"] + 600.0 * number
        *_, result = app.sync.run(anna, Request())
        assert isinstance(result, Result)
        sys.stdout.write(json.dumps([limits.count, result.state, result.problem, result.counts]) + "\n")
        sys.stdout.flush()
    app.close()


def work() -> None:
    """One life after the other."""
    load_all()
    gc.freeze()  # so that children share what is loaded
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            live(json.loads(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"! {os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    work()
