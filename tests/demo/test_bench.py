"""The household's benchmark runs at its smallest size and says something about each simulator."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_smallest_size_measures_every_simulator(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    command = (sys.executable, "-m", "bench.household", "tiny", "--json", str(figures))
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)
    assert result.returncode == 0, result.stderr
    found = json.loads(figures.read_text())
    assert found["titles"] == 200
    pages = {(row["simulator"], row["page"]) for row in found["rows"]}
    assert pages == {("trakt", 250), ("plex", 250), ("plex", 2000), ("jellyfin", 250), ("jellyfin", 2000)}
    for row in found["rows"]:
        assert 10 < row["memory"] < 300
        assert 0 < row["median"] <= row["p99"]
        assert 0 < row["p99_beside"] <= row["worst_beside"]
        assert row["simulator"] in result.stdout
