"""`sidetrakt backup`: a whole copy of the database, beside a running Sidetrakt or without one."""

from __future__ import annotations

from pathlib import Path

import click

from sidecar.cli import say
from sidecar.cli.here import look_around
from sidecar.words import size_of


@click.command(
    short_help="Write a whole copy of the database.", epilog="Example: sidetrakt backup ~/sidetrakt-monday.db"
)
@click.argument("file", type=click.Path(path_type=Path))
def backup(file: Path) -> None:
    """Write a complete copy of the database to FILE and prove that it can be read."""
    from sidecar.store import copies

    here = look_around()
    size = copies.backup(here.folder, file)
    say.marked("ok", f"The copy is in {file} ({size_of(size)}) and was checked.")
    say.line("  Tokens in it are encrypted. The key is not in it: keep a copy of sidetrakt.key in another place.")
