"""`sidetrakt status`: what plays now, what waits, and what Trakt was told."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from sidecar.cli import say
from sidecar.cli.here import look_around
from sidecar.words import count_of


@click.command(short_help="What plays, what waits, what was told.", epilog="Example: sidetrakt status --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--most", type=click.IntRange(1, 1000), default=15, show_default=True, help="How much of what was told.")
def status(*, as_json: bool, most: int) -> None:
    """Show what plays at this moment, what waits to be told, and what Trakt was told in the last 90 days."""
    found = _picture(most)
    if as_json:
        say.as_json(found)
        return
    if found["playing"]:
        rows = [[row["person"], row["title"], _how(row), row["player"] or "?"] for row in found["playing"]]
        say.table(["Who", "What plays", "How far", "Where"], rows)
    else:
        say.line("Nothing plays now.")
    say.line()
    if found["waiting"]:
        say.marked("note", f"{count_of(len(found['waiting']), 'thing')} to tell:")
        say.table(["What", "Title", "State", "Why"], [_row(row) for row in found["waiting"][:most]])
    else:
        say.marked("ok", "Nothing waits to be told.")
    if found["told"]:
        say.line()
        say.table(["What", "Title", "State", "When"], [[*_row(row)[:3], _when(row["ended"])] for row in found["told"]])


def _picture(most: int) -> dict[str, Any]:
    from sidecar.live.hub import picture_of
    from sidecar.store.db import look_into

    with look_into(look_around().folder) as db:
        return {"playing": [], "waiting": [], "told": []} if db is None else asdict(picture_of(db, most))


def _how(row: dict[str, Any]) -> str:
    return f"{row['progress']:.0f} %" + (", paused" if row["paused"] else "")


def _row(row: dict[str, Any]) -> list[str]:
    what = f"rating {row['say']}" if row["topic"] == "rating" and row["say"] else row["say"] or row["topic"]
    return [str(what), row["title"], row["state"], row["reason"]]


def _when(at: str | None) -> str:
    return f"{at[:16].replace('T', ' ')} UTC" if at else ""
