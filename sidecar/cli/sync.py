"""`sidetrakt sync`: bring the sides of one person or of everybody into agreement, or show what that would do."""

from __future__ import annotations

from typing import Any

import click

from sidecar.cli import outcome, say
from sidecar.cli.bar import Bar
from sidecar.cli.here import Here, look_around, perform
from sidecar.errors import UserError
from sidecar.model import Direction, Feature
from sidecar.words import any_of, did_you_mean, parse_list

START, ONLY_NEW, LATER = "start", "only new", "later"
QUESTION = f"Type “{START}” to do this, “{ONLY_NEW}” for only new things from now on, or “{LATER}”"


@click.command(
    short_help="Bring all sides into agreement.",
    epilog="Example: sidetrakt sync Anna --only history,ratings --preview",
)
@click.argument("person", required=False)
@click.option("--only", metavar="FEATURE,…", default="", help=f"Only {any_of(Feature)}.")
@click.option(
    "--direction",
    type=click.Choice([each.value for each in Direction]),
    help="Who may be written, instead of what was chosen.",
)
@click.option("--library", default="", help="Only what lies in the library of this name.")
@click.option("--title", default="", help="Only the title of this name, or with this id such as tt0113277.")
@click.option("--full", is_flag=True, help="Take what every side holds as said now; nothing is removed anywhere.")
@click.option("--preview", is_flag=True, help="Show what would be done, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def sync(person: str | None, only: str, *, full: bool, preview: bool, as_json: bool, **chosen: str | None) -> int:
    """Sync PERSON, or everybody who is linked.

    Who was never synced is shown first what would be done, and asked, where somebody can be asked: in a pipe, asking
    for a run is the answer. An empty server is filled again by --direction from-trakt --full.
    """
    here, may_ask = look_around(), say.is_terminal() and not as_json
    arguments = {"person": person, "only": _features(only), "full": full, "preview": preview, **chosen}
    results = _perform(here, "sync", arguments | {"ask": may_ask})
    if as_json:
        say.as_json(results)
        return outcome.code(results)
    ended: list[dict[str, Any]] = []
    for result in results:
        outcome.show(result)
        asks = result["first"] and outcome.is_preview(result)
        ended += _first(here, result, arguments) if asks else [result]
    return outcome.code(ended)


def _first(here: Here, result: dict[str, Any], arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """What becomes of a first preview: somebody says so, or is told how."""
    person = result["person"]
    if not say.is_terminal():
        step = (
            f"`sidetrakt sync “{person}”` does this; typed in a terminal, it also offers only new things from now on."
        )
        say.marked("note", f"Nothing is synced for {person} before somebody has said so.", step)
        return [result]
    answer = click.prompt(QUESTION, type=click.Choice([START, ONLY_NEW, LATER]), show_choices=False)
    if answer == LATER:
        say.line(f"Nothing is synced for {person} until then.")
        return [result]
    if answer == START:
        (done,) = _perform(here, "sync", arguments | {"person": person, "preview": False})
    else:
        done = _perform(here, "start", {"person": person})
    outcome.show(done)
    return [done]


def _perform(here: Here, command: str, arguments: dict[str, Any]) -> Any:
    with Bar() as bar:
        return perform(here, command, arguments, on_event=bar.show)


def _features(text: str) -> list[str]:
    """Read a comma separated list of features."""
    names = [name.lower() for name in parse_list(text)]
    for name in names:
        if name not in list(Feature):
            near = did_you_mean(name, Feature) or "."
            raise UserError(f"There is no feature “{name}”{near}", f"Features are {any_of(Feature)}.")
    return names
