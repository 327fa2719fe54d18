"""The tables of names in docs/household.md, made from what each simulator's /_control/state says.

`python -m tests.demo.names` writes them; test_names.py checks that they are as they should be.
"""

import importlib
import json
from pathlib import Path
from typing import Any

from sidecar.demo.control import Control
from sidecar.demo.faults import TRANSPORT
from sidecar.demo.invent import invent
from sidecar.demo.serve import SIMULATORS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "household.md"
MARK = "<!-- names -->\n"
TITLES = {"trakt": "Trakt", "plex": "Plex", "jellyfin": "Jellyfin"}


def states() -> dict[str, dict[str, Any]]:
    """What each simulator answers on /_control/state."""
    found = {}
    for name in SIMULATORS:
        package: Any = importlib.import_module(f"sidecar.demo.{name}")
        app = package.make_app(invent(), Control(name, {"version": "12"}))
        with app.test_client() as client:
            found[name] = client.get("/_control/state").get_json()
    return found


def table(head: str, rows: list[tuple[str, str, str]]) -> str:
    """One table in Markdown; nothing when there is nothing to say."""
    if not rows:
        return ""
    lines = (f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
    return "\n".join([f"| {head} | | |", "|---|---|---|", *lines, "", ""])


def value(anything: Any) -> str:
    """A value as JSON, or nothing for nothing."""
    return f"`{json.dumps(anything, ensure_ascii=False)}`" if anything != {} else ""


def tables(found: dict[str, dict[str, Any]]) -> str:
    """Everything after the mark."""
    common = [(f"`{name}`", value(args), about) for name, (args, about) in TRANSPORT.items()]
    text = "\n## Faults that every route can have\n\n" + table("Fault", common)
    for name, state in found.items():
        known = state["known"]
        text += f"## {TITLES[name]}\n\n"
        own = {fault: row for fault, row in known["faults"].items() if fault not in TRANSPORT}
        text += table("Fault", [(f"`{key}`", value(row["args"]), row["about"]) for key, row in own.items()])
        rows = [(f"`{key}`", value(row["default"]), row["about"]) for key, row in known["switches"].items()]
        text += table("Switch", rows)
        text += table("Act", [(f"`{key}`", "", about) for key, about in known["acts"].items()])
        text += table("Play", [(f"`{key}`", "", about) for key, about in known["play"].items()])
    return text.rstrip("\n") + "\n"


def main() -> None:
    """Writes the tables into the document."""
    before, mark, _ = DOCUMENT.read_text().partition(MARK)
    DOCUMENT.write_text(before + mark + tables(states()))


if __name__ == "__main__":
    main()
