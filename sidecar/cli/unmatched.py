"""`sidetrakt unmatched`: what the servers hold and cannot be named for certain."""

from __future__ import annotations

from typing import Any

import click

from sidecar.cli import say
from sidecar.cli.here import look_around, perform
from sidecar.words import count_of


@click.command(short_help="What could not be matched, and why.", epilog="Example: sidetrakt unmatched --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def unmatched(*, as_json: bool) -> None:
    """List the items without a title: no id, ids that lead to two titles, other numbering, left out by choice.

    Nothing about them is told or written.
    """
    found = perform(look_around(), "unmatched", {})
    if as_json:
        say.as_json(found["items"])
    elif not found["read"]:
        say.line("No library was read yet. `sidetrakt look PERSON history --side SERVER` reads one.")
    elif not found["items"]:
        say.marked("ok", "Everything that was read so far could be matched.")
    else:
        say.table(["Item", "Server", "Library", "Name", "Why"], [_row(row) for row in found["items"]])
        step = "Correct it on the server, or say what it is: `sidetrakt match ITEM ID`, `sidetrakt ignore ITEM`."
        say.marked("note", f"{count_of(len(found['items']), 'item')} could not be matched.", step)


def _row(row: dict[str, Any]) -> list[str]:
    whole = f" (its show is item {row['show']})" if row["show"] else ""
    return [str(row["item"]), row["server"], row["library"], row["name"], row["reason"] + whole]
