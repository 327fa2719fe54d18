"""The whole household: starts the three simulators, says in one JSON line how to reach them, and ends them.

It ends with its own standard input, with SIGTERM or SIGINT, or when one of the simulators dies. When it is killed,
the simulators see their standard input close and end too.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
from typing import IO, Any

import msgspec

from sidecar.demo.serve import SIMULATORS, Wanted

Process = subprocess.Popen[bytes]


def household(
    *,
    titles: int = 200,
    people: int = 8,
    seed: int = 1,
    catalogue_file: str | None = None,
    jellyfin: str = "12",
    port: int = 0,
) -> int:
    """Runs until it is told to end; the exit code is 0, or 1 when a simulator did not start or died."""
    wanted = Wanted(titles, people, seed, catalogue_file, jellyfin, port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    with contextlib.ExitStack() as stack:
        started = {name: start(stack, name, wanted, place) for place, name in enumerate(SIMULATORS)}
        line: dict[str, Any] = {"wanted": wanted}
        for name, process in started.items():
            ready = output(process).readline()
            if not ready:
                sys.stderr.write(f"The simulated {name} did not start; what it wrote above says why.\n")
                return 1
            line[name] = msgspec.json.decode(ready)
        sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
        sys.stdout.buffer.flush()
        return watch(started)


def start(stack: contextlib.ExitStack, name: str, wanted: Wanted, place: int) -> Process:
    """Starts one simulator; the stack ends it."""
    own = msgspec.structs.replace(wanted, port=wanted.port and wanted.port + place)
    command = [sys.executable, "-m", "sidecar.demo.serve", name, msgspec.json.encode(own).decode()]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own module
    stack.callback(end, process)
    return process


def output(process: Process) -> IO[bytes]:
    """What the process writes."""
    if process.stdout is None:
        raise TypeError("the process was started without a pipe")
    return process.stdout


def end(process: Process) -> None:
    """Ends one simulator, by force when it does not listen."""
    process.terminate()
    try:
        process.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def watch(started: dict[str, Process]) -> int:
    """Blocks until standard input ends (0) or a simulator dies (1)."""
    with selectors.SelectSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        for name, process in started.items():
            selector.register(output(process), selectors.EVENT_READ, name)
        while True:
            for key, _ in selector.select():
                if key.data:
                    sys.stderr.write(f"The simulated {key.data} ended by itself; the household ends too.\n")
                    return 1
                if not os.read(0, 4096):
                    return 0
