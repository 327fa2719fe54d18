"""`sidetrakt keys`: the key that opens the stored tokens."""

from __future__ import annotations

import click

from sidecar.cli import say
from sidecar.cli.here import look_around, perform
from sidecar.words import count_of


@click.group()
def keys() -> None:
    """Look after the key that opens the stored tokens."""


@keys.command("rotate", epilog="Example: sidetrakt keys rotate")
def rotate() -> None:
    """Make a new key and seal every stored token with it.

    A key from SIDETRAKT_KEY is yours to change: put the new one first, a comma, then the old one, start anew, rotate,
    and then take the old one away.
    """
    done = perform(look_around(), "keys rotate", {}, on_event=lambda _: None)
    say.marked("ok", f"{count_of(done['resealed'], 'secret')} sealed with the first key of {done['origin']}.")
    if not done["file"]:
        say.line("  You may take the older keys out of SIDETRAKT_KEY now.")
    say.line("  Older backups open only with the key of their time: keep that one with them.")
