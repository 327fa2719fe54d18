"""Start to first answer, idle memory with everything imported, size of the installed tree."""

import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from bench.figure import Figure, Size

LIBRARIES = (
    "plexapi, jellyfin_apiclient_python, requests, sqlite_utils, schedule, flask, waitress, msgspec, cryptography, "
    "click, rich, prometheus_client, segno, websocket"
)


def measure(size: Size) -> list[Figure]:
    """Starts real processes, one after the other."""
    bare = statistics.median(_bare_start() for _ in range(size.starts))
    runs = [_start(with_all=False) for _ in range(size.starts)]
    full = _start(with_all=True)
    first = statistics.median(seconds for seconds, _ in runs)
    tree, everything = _sizes()
    return [
        Figure("start to first answer", first, "s", floor=bare),
        Figure("idle memory, as it is", statistics.median(memory for _, memory in runs), "MB", budget="70, aim 60"),
        Figure("idle memory, all libraries", full[1], "MB", budget="70, aim 60"),
        Figure("installed tree, our package", tree, "MB"),
        Figure("installed tree, with runtime libraries", everything, "MB"),
    ]


def _bare_start() -> float:
    """The floor: Python starts, imports Flask and waitress, and ends."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import flask, waitress"], check=True)
    return time.perf_counter() - began


def _start(*, with_all: bool) -> tuple[float, float]:
    """Seconds until `/healthz` answers, and MB of resident memory then."""
    with tempfile.TemporaryDirectory() as folder:
        with socket.socket() as door:
            door.bind(("127.0.0.1", 0))
            port = door.getsockname()[1]
        environ = {**os.environ, "SIDETRAKT_HOME": f"{folder}/data", "SIDETRAKT_WEB__PORT": str(port)}
        if with_all:
            Path(folder, "sitecustomize.py").write_text(f"import {LIBRARIES}\n")
            environ["PYTHONPATH"] = os.pathsep.join([folder, environ.get("PYTHONPATH", "")])
        began = time.perf_counter()
        with subprocess.Popen([sys.executable, "-m", "sidecar", "up"], env=environ, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            while b"serves" not in (line := process.stdout.readline()):
                if not line:
                    raise RuntimeError("it did not start")
            with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
                link.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                link.recv(1000)
            seconds = time.perf_counter() - began
            status = Path(f"/proc/{process.pid}/status").read_text()
            process.send_signal(signal.SIGTERM)
        found = re.search(r"VmRSS:\s+(\d+)", status)
        return seconds, int(found[1]) / 1000 if found else 0.0


def _sizes() -> tuple[float, float]:
    """Our package, and it with every locked runtime library, without byte code."""
    ours = _size(Path(__file__).parents[1] / "sidecar")
    place = Path(sysconfig.get_path("purelib"))
    lock = (Path(__file__).parents[1] / "constraints.txt").read_text()
    names = {re.sub(r"[-_.]+", "_", name).lower() for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)}
    total = ours
    for record in place.glob("*.dist-info/RECORD"):
        if re.sub(r"[-_.]+", "_", record.parent.name.rsplit("-", 1)[0].split("-")[0]).lower() in names:
            files = [line.split(",")[0] for line in record.read_text().splitlines()]
            total += sum((place / file).stat().st_size for file in files if _counts(place / file)) / 1e6
    return ours, total


def _size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if _counts(path)) / 1e6


def _counts(path: Path) -> bool:
    return path.is_file() and path.suffix != ".pyc"
