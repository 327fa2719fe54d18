"""`sidetrakt match` and `ignore`: a person's word about an item of a server."""

from __future__ import annotations

import click

from sidecar.cli import say
from sidecar.cli.here import look_around, perform
from sidecar.words import count_of

NEXT = "The next sync takes it so."


@click.command(short_help="Say what an item is.", epilog="Example: sidetrakt match 812 tvdb:334824 --episodes -12")
@click.argument("item", type=int)
@click.argument("id_", metavar="ID")
@click.option("--seasons", type=int, default=0, help="Added to the server's season numbers, of a show.")
@click.option("--episodes", type=int, default=0, help="Added to the server's episode numbers, of a show.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def match(item: int, id_: str, *, seasons: int, episodes: int, as_json: bool) -> None:
    """Say that ITEM, numbered as in `sidetrakt unmatched`, is the title ID: tt0113277, tmdb:949, show:tmdb:1396.

    The id of a show is about the whole show, also where ITEM is one of its episodes.
    """
    arguments = {"item": item, "id": id_, "seasons": seasons, "episodes": episodes}
    with say.Countdown(errors=True) as countdown:
        done = perform(look_around(), "match", arguments, on_event=lambda event: say.reading(countdown, event))
    if as_json:
        say.as_json(done)
        return
    whole = f", with {count_of(done['episodes'], 'episode')}" if done["kind"] == "show" else ""
    shifted = f", numbers shifted by {seasons} and {episodes}" if seasons or episodes else ""
    say.marked("ok", f"“{done['item']}” is {done['is']}{whole}{shifted}. {NEXT}")


@click.command(short_help="Leave an item out.", epilog="Example: sidetrakt ignore 812")
@click.argument("item", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ignore(item: int, *, as_json: bool) -> None:
    """Leave ITEM out of every sync; of a show, all its episodes. `sidetrakt match` takes that back."""
    done = perform(look_around(), "ignore", {"item": item})
    say.as_json(done) if as_json else say.marked("ok", f"“{done['item']}” takes no part. {NEXT}")
