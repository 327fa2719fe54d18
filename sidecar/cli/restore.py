"""`sidetrakt restore`: put a copy in the place of the database."""

from __future__ import annotations

from pathlib import Path

import click

from sidecar.cli import say
from sidecar.cli.here import PATIENCE, look_around


@click.command(
    short_help="Bring back a copy of the database.", epilog="Example: sidetrakt restore ~/sidetrakt-monday.db"
)
@click.argument("file", type=click.Path(path_type=Path))
def restore(file: Path) -> None:
    """Bring back FILE, a copy that `backup` or an update made; the present database is kept beside it."""
    from sidecar.store import copies, folder, owner

    here = look_around()
    copies.check(file)
    folder.prepare(here.folder)
    lock = owner.take_or_refuse(here.folder, "restore", PATIENCE)
    try:
        kept = copies.restore(here.folder, file, here.clock.now())
    finally:
        lock.release()
    say.marked("ok", f"The database is the one of {file} now.")
    if kept is not None:
        say.line(f"  The former one is kept as {kept}.")
    say.line("  What it still wanted to tell Trakt is looked up there first, and every side is read anew.")
