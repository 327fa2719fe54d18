"""`sidetrakt look`: read one side of a person, writing nothing."""

from __future__ import annotations

import click

from sidecar.cli import say
from sidecar.cli.here import look_around, perform
from sidecar.words import count_of


@click.command(
    short_help="Read one side, write nothing.",
    epilog="Example: sidetrakt look Anna history",
)
@click.argument("person")
@click.argument("feature", type=click.Choice(["history", "ratings", "watchlist", "collection"]))
@click.option("--side", default="trakt", show_default=True, help="Which side: trakt, or the name of a server.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def look(person: str, feature: str, side: str, *, as_json: bool) -> None:
    """Read FEATURE of PERSON and tell how much there is, whether all of it was read, and what it cost."""
    arguments = {"person": person, "feature": feature, "side": side}
    with say.Countdown(errors=True) as countdown:
        found = perform(look_around(), "look", arguments, on_event=lambda event: say.reading(countdown, event))
    if as_json:
        say.as_json(found)
        return
    plays = f" with {count_of(found['plays'], 'play')}" if found["plays"] else ""
    where = "Trakt" if side == "trakt" else found["label"]
    what = f"{found['person']} has {count_of(found['facts'], 'title')}{plays} in {feature} on {where}"
    if found["complete"]:
        say.marked("ok", f"{what}; all of it was read, with {count_of(found['requests'], 'request')}.")
    else:
        say.marked("warning", f"{what}, but not all of it could be read: {found['why']}.", "Try again later.")
    if found["libraries"]:
        say.line(f"  in {count_of(len(found['libraries']), 'library', 'libraries')}: {', '.join(found['libraries'])}")
    for label in found["first"]:
        say.line(f"  {label}")
    if found["facts"] > len(found["first"]):
        say.line(f"  … and {found['facts'] - len(found['first']):,} more")
