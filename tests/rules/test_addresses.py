"""Addresses of services stand in the settings and nowhere else."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACES = [
    path
    for folder in ("sidecar", "tests", "bench", "plugin")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.is_file() and path.suffix in {".py", ".cs", ".html", ".js", ".json", ".toml"}
]


def test_the_address_of_trakt_stands_in_one_place() -> None:
    literal = re.compile(r"\b(apiz?|auth)\.trakt" + r"\.tv")
    found = {str(path.relative_to(ROOT)) for path in PLACES if literal.search(path.read_text(errors="replace"))}
    assert found == {"sidecar/settings.py", "tests/test_settings.py"}  # the default, and the test of the default
