"""`sidetrakt runs` and `undo`: what runs did, and taking one back."""

from __future__ import annotations

from typing import Any

import click

from sidecar.cli import outcome, say
from sidecar.cli.bar import Bar
from sidecar.cli.here import look_around, perform

KINDS = {"sync": "sync", "full": "full sync", "title": "one title", "baseline": "only new", "undo": "undo"}
STATES = {
    "asked": "waits",
    "going": "goes on",
    "done": "done",
    "partial": "in part",
    "failed": "failed",
    "stopped": "stopped",
}


@click.command(short_help="What runs did.", epilog="Example: sidetrakt runs 12 --json")
@click.argument("run", type=int, required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def runs(run: int | None, *, as_json: bool) -> None:
    """List the newest runs, or what RUN did: every change, its reason, and what became of it."""
    found = perform(look_around(), "runs", {"run": run})
    if as_json:
        say.as_json(found)
    elif run is not None:
        rows = [
            [change["side"], change["feature"], change["action"], change["title"], _state(change), change["why"]]
            for change in found["changes"]
        ]
        say.table(["Side", "Feature", "What", "Title", "State", "Why"], rows)
        if not rows:
            say.line(f"Run {run} changed nothing.")
    elif not found:
        say.line("There was no run yet. `sidetrakt sync` begins one.")
    else:
        rows = [[str(each["id"]), each["person"], *_row(each)] for each in found]
        say.table(["Run", "Person", "What", "Asked by", "When", "State", "What it came to"], rows)


@click.command(short_help="Take a run back.", epilog="Example: sidetrakt undo 12 --preview")
@click.argument("run", type=int)
@click.option("--preview", is_flag=True, help="Show what would be done, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def undo(run: int, *, preview: bool, as_json: bool) -> int:
    """Take back what RUN changed, where it still is as that run left it; the next run repeats none of it.

    What a side cannot be given back, such as Plex's dates and counts, is said.
    """
    with Bar() as bar:
        result = perform(look_around(), "undo", {"run": run, "preview": preview}, on_event=bar.show)
    say.as_json(result) if as_json else outcome.show(result)
    return outcome.code([result])


def _row(run: dict[str, Any]) -> list[str]:
    summary = run["summary"]
    came = outcome.counted(summary) or summary.get("problem") or summary.get("why") or ""
    kind, state = KINDS.get(run["kind"], run["kind"]), STATES.get(run["state"], run["state"])
    return [kind, run["asked_by"], str(run["asked_at"])[:16].replace("T", " "), state, came]


def _state(change: dict[str, Any]) -> str:
    return f"{change['state']}: {change['outcome']}" if change["outcome"] else str(change["state"])
