"""`sidetrakt hooks`: what each media server needs to tell us what happens."""

from __future__ import annotations

from typing import Any

import click

from sidecar.cli import say
from sidecar.cli.here import look_around, perform


@click.command(
    short_help="Addresses and tokens for the media servers.", epilog="Example: sidetrakt hooks home --register"
)
@click.argument("server", default="")
@click.option("--new", is_flag=True, help="Make a new token; the old one ends.")
@click.option("--register", is_flag=True, help="Add our webhook to the Plex account; the others stay.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def hooks(server: str, *, new: bool, register: bool, as_json: bool) -> None:
    """Show the address that SERVER, or each server, sends to, and what to do with it there."""
    arguments = {"server": server, "new": new, "register": register}
    found: list[dict[str, Any]] = perform(look_around(), "hooks", arguments, create=True)
    if as_json:
        say.as_json(found)
        return
    for each in found:
        say.marked("note", f"{each['server']} ({each['kind'].capitalize()})")
        say.line(f"  Address: {each['address']}")
        if "token" in each:
            say.line(f"  Token:   {each['token']}")
        if "registered" in each:
            news = "plex.tv calls this address from now on." if each["registered"] else "plex.tv calls it already."
            say.marked("ok", news, inside=True)
        for step in each["steps"]:
            say.line(f"  – {step}")
    if new:
        say.marked("warning", "The old token is refused from now on: paste the new one on the server.")
