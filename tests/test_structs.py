"""A process does not die because two threads read the first JSON of a kind at once."""

import subprocess
import sys
from pathlib import Path

import pytest

from sidecar import app
from sidecar.app import App
from sidecar.logs import Redaction
from sidecar.settings import load
from tests.fakes import FakeClock

AT_ONCE = """
import sys, threading, types
import msgspec
from sidecar.structs import know_structs

FIELDS = "\\n".join(f"    a{number}: list[In] | None = None" for number in range(30))
SOURCE = "import msgspec\\nclass In(msgspec.Struct):\\n    b: int = 0\\nclass Out(msgspec.Struct):\\n" + FIELDS

def made(number):
    module = sys.modules[f"made{number}"] = types.ModuleType(f"made{number}")
    exec("from __future__ import annotations\\n" + SOURCE, module.__dict__)
    return module.Out

def read(kind, together):
    together.wait()
    msgspec.json.decode(b'{"a0": [{"b": 1}], "a29": [{"b": 2}]}', type=kind)

sys.setswitchinterval(1e-6)
kinds = [made(number) for number in range(300)]
know_structs()
for kind in kinds:
    together = threading.Barrier(6)
    threads = [threading.Thread(target=read, args=(kind, together)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_threads_may_read_the_first_of_a_kind_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", AT_ONCE], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr or "the process died"


def test_a_process_knows_its_structs_before_it_has_threads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known = list[bool]()
    monkeypatch.setattr(app, "know_structs", lambda: known.append(True))
    App(tmp_path, load({}, tmp_path), {}, clock=FakeClock(), redaction=Redaction()).close()
    assert known
