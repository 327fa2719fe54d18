"""One simulator in a process of its own: `python -m sidecar.demo.serve NAME JSON`.

Says on one line where it listens and how to sign in, and ends when its standard input closes, which also happens
when whoever started it is killed, or by SIGTERM.
"""

import gc
import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from sidecar.demo.catalogue import Catalogue
from sidecar.demo.control import Control
from sidecar.demo.invent import invent
from sidecar.demo.listen import Listener
from sidecar.demo.loading import load

SIMULATORS = ("trakt", "plex", "jellyfin")


class Wanted(msgspec.Struct):
    """What household to make; port 0 takes any that is free."""

    titles: int = 200
    people: int = 8
    seed: int = 1
    catalogue: str | None = None
    jellyfin: str = "12"
    port: int = 0

    def make(self) -> Catalogue:
        """The catalogue, from the file when there is one."""
        return load(Path(self.catalogue)) if self.catalogue else invent(self.titles, self.people, self.seed)


def run(name: str, wanted: Wanted) -> None:
    """Serves the simulator of this name until standard input ends or a signal comes."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    sys.setswitchinterval(0.0005)  # a bulk answer in one thread must not hold up small ones in others
    package: Any = importlib.import_module(f"sidecar.demo.{name}")
    catalogue, control = wanted.make(), Control(name, {"version": wanted.jellyfin})
    listener = Listener(package.make_app(catalogue, control), wanted.port).start()
    ready = {"url": listener.url, "pid": os.getpid(), **package.signins(catalogue)}
    gc.collect()
    gc.freeze()  # the catalogue stays for good: looking through it again and again would stop all threads
    os.write(1, msgspec.json.encode(ready) + b"\n")
    try:
        while os.read(0, 4096):
            pass
    finally:
        control.faults.clear()
        listener.close()


if __name__ == "__main__":
    run(sys.argv[1], msgspec.json.decode(sys.argv[2], type=Wanted))
