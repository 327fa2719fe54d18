"""`sidetrakt forget`: everything that is kept of a person or a server goes."""

from __future__ import annotations

import click

from sidecar.cli import say
from sidecar.cli.here import look_around, perform


@click.command(short_help="Forget a person or a server.", epilog="Example: sidetrakt forget Ben")
@click.argument("name", metavar="SERVER|PERSON")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def forget(name: str, *, yes: bool, as_json: bool) -> None:
    """Forget everything that is kept of a PERSON, or of a SERVER that is not in the settings any more.

    Nothing changes at Trakt or on any server: plays, marks, ratings and lists stay as they are.
    """
    here = look_around()
    if not yes:
        say.line(f"This forgets {name}: accounts, tokens, what was agreed, what was seen, runs and what waits.")
        click.confirm("Go on?", abort=True)
    done = perform(here, "forget", {"name": name})
    if as_json:
        say.as_json(done)
        return
    say.marked("ok", f"{done.get('person') or done['server']} is forgotten.")
    if done.get("comes_back"):
        say.marked("note", "Whoever still has an account on a server is met again there, as a new person.")
