"""Steps that are measured in a process of its own: what each took in CPU, time and memory."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def worker(module: str, **said: Any) -> Iterator[Callable[..., Any]]:
    """Another process that does one thing after the other and says what each took."""
    command = [sys.executable, "-m", module, json.dumps(said)]
    root = Path(__file__).parents[1]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)
    assert process.stdin is not None
    assert process.stdout is not None

    def ask(**step: Any) -> Any:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(step) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline() or "null")
        if answer is None:
            raise SystemExit(f"the process that measures {module} ended")
        return answer

    try:
        yield ask
    finally:
        process.communicate()


def _peak() -> float:
    """The most that this process held since it was asked last, in MB."""
    fields = dict(row.split(":", 1) for row in Path("/proc/self/status").read_text().splitlines())
    Path("/proc/self/clear_refs").write_text("5")
    return int(fields["VmHWM"].split()[0]) / 1024


def serve(do: Callable[..., dict[str, Any]]) -> None:
    """What the other process does: a step for each line of its input."""
    for line in sys.stdin:
        _peak()
        cpu, began = time.process_time(), time.perf_counter()
        found = {"cpu": 0.0, "seconds": 0.0, "why": "", **do(**json.loads(line))}
        found["cpu"] += time.process_time() - cpu
        found["seconds"] += time.perf_counter() - began
        print(json.dumps(found | {"peak": _peak()}), flush=True)
