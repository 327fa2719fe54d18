"""`sidetrakt account`: give somebody's account on a server a token of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sidecar.cli import say
from sidecar.cli.here import look_around, perform
from sidecar.cli.link import progress
from sidecar.errors import UserError

LONGEST = 10_000  # bytes; no token is longer


@click.command(short_help="Give an account a token of its own.", epilog="Example: sidetrakt account ben@den --pin")
@click.argument("account", metavar="PERSON@SERVER")
@click.option("--token-file", type=click.Path(path_type=Path), help="Take the token from this file.")
@click.option("--pin", is_flag=True, help="Show a code that the owner of the account types in.")
def account(account: str, token_file: Path | None, *, pin: bool) -> None:
    """Let PERSON@SERVER be read and written with a token of its own, which is proved first.

    A Jellyfin server with an API key in sidetrakt.toml needs none; on Plex everybody but the owner does.
    """
    if (token_file is None) is not pin:
        raise UserError("There has to be one way to prove it.", "Use either --pin or --token-file FILE.")
    arguments: dict[str, Any] = {"account": account}
    if token_file is not None:
        arguments["token"] = read_token(token_file)
    with say.Countdown() as countdown:
        done = perform(look_around(), "account", arguments, on_event=lambda event: progress(countdown, event))
    say.marked("ok", f"{done['name']} is proved; the token is good for {' and '.join(done['holds'])}.")


def read_token(path: Path) -> str:
    """The one token in a file."""
    try:
        text = path.read_bytes()[:LONGEST].decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise UserError(f"The file {path} cannot be read as a token.", "Put the token alone into it.") from problem
    if not text or len(text.split()) != 1:
        raise UserError(f"The file {path} does not hold one token.", "Put the token alone into it, in one line.")
    return text
