"""The benchmark runs at its smallest size and measures every part."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(300)
def test_the_smallest_size_measures_every_part(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--size", "tiny", "--results", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (written,) = tmp_path.iterdir()
    figures = {figure["name"]: figure["value"] for figure in json.loads(written.read_text())["figures"]}
    assert figures["store: errors (database is locked and others)"] == 0
    for name in ("trakt", "plex", "jellyfin"):
        assert figures[f"simulated {name}: small requests"] > 100
        assert 10 < figures[f"simulated {name}: memory"] < 300
    assert (figures["jellyfin: unchanged look, requests"], figures["plex: unchanged look, requests"]) == (1, 4)
    everything = "sync: Trakt and jellyfin and plex, 192 titles: unchanged, requests to"
    assert [figures[f"{everything} {side}"] for side in ("trakt", "jellyfin", "plex")] == [1, 1, 12]
    assert all(value < 200 for name, value in figures.items() if name.endswith("peak memory"))
    assert figures["live: 500 late plays of one person, requests"] <= 10
    assert figures["live: memory after 1,000 events"] < 200
    assert all(name in done.stdout for name in figures)
    assert [name for name, value in figures.items() if value <= 0] == ["store: errors (database is locked and others)"]
