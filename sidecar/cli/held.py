"""`sidetrakt held`: what a sync did not do because it looked wrong, and deciding about it."""

from __future__ import annotations

from typing import Any

import click

from sidecar.cli import outcome, say
from sidecar.cli.bar import Bar
from sidecar.cli.here import Here, look_around, perform
from sidecar.words import count_of


@click.command(short_help="What waits for a decision.", epilog="Example: sidetrakt held 3 --keep")
@click.argument("part", metavar="[ID]", type=int, required=False)
@click.option("--apply", is_flag=True, help="Do it; it is looked at afresh before.")
@click.option("--keep", is_flag=True, help="Leave that side as it is, and do not ask again.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def held(part: int | None, *, apply: bool, keep: bool, as_json: bool) -> int:
    """List what is held, or the titles of the part ID, or decide about it; a sync of that person follows at once.

    Exit code 7 while something is held.
    """
    if (apply or keep) and part is None:
        raise click.UsageError("Say which: sidetrakt held ID --apply or --keep.")
    if apply and keep:
        raise click.UsageError("Either --apply or --keep.")
    here = look_around()
    if apply or keep:
        return _decide(here, part, "apply" if apply else "keep", as_json=as_json)
    found = perform(here, "held", {"part": part})
    if as_json:
        say.as_json(found)
    elif part is not None:
        for title in found[0]["titles"]:
            say.line(title)
        say.marked("warning", f"{found[0]['person']}, {found[0]['side']}: {found[0]['why']}", _step(part))
    elif not found:
        say.marked("ok", "Nothing is held.")
    else:
        say.table(["Id", "Person", "Side", "Feature", "Titles", "Why"], [_row(each) for each in found])
        say.line("`sidetrakt held ID` shows the titles; --apply does it, --keep leaves that side as it is.")
    return outcome.HELD if outcome.undecided(found) else 0


def _decide(here: Here, part: int | None, decision: str, *, as_json: bool) -> int:
    with Bar() as bar:
        done = perform(here, "held", {"part": part, "decision": decision}, on_event=bar.show)
    if as_json:
        say.as_json(done)
    else:
        titles = count_of(len(done["part"]["titles"]), "title")
        word = "may pass now, after a fresh look" if decision == "apply" else "stay as they are on that side"
        say.marked("ok", f"{done['part']['person']}, {done['part']['side']}: {titles} {word}.")
        outcome.show(done["run"])
    return outcome.code([done["run"]])


def _row(part: dict[str, Any]) -> list[str]:
    why = part["why"] + (f" ({part['decision']} at the next sync)" if part["decision"] else "")
    return [str(part["id"]), part["person"], part["side"], part["feature"], f"{len(part['titles']):,}", why]


def _step(part: int) -> str:
    return f"`sidetrakt held {part} --apply` does it, `--keep` leaves that side as it is."
