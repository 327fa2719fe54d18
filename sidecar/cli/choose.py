"""`sidetrakt set`: what a person chose, and choosing it."""

from __future__ import annotations

import click

from sidecar.cli import say
from sidecar.cli.here import look_around, no_data, perform
from sidecar.options import all_options, parse_choices


@click.command(
    "set",
    short_help="Show or change what a person chose.",
    epilog="Example: sidetrakt set Anna threshold=90 remove.ratings.to-trakt=on",
)
@click.argument("person")
@click.argument("words", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def choose(person: str, words: tuple[str, ...], *, as_json: bool) -> None:
    """Show or change the options of PERSON."""
    here = look_around()
    if words:
        parse_choices(words)  # before anybody is asked
        done = perform(here, "set", {"person": person, "words": list(words)}, on_event=lambda _: None)
        if as_json:
            say.as_json(done)
            return
        for key, value in done["set"].items():
            say.marked("ok", f"{done['person']}: {key} is {value or 'as in the settings'} now")
        return
    from sidecar.store.db import look_into
    from sidecar.store.people import People

    with look_into(here.folder) as db:
        if db is None:
            raise no_data(here.folder)
        chosen = {key: value for key, (value, _) in People(db).options(People(db).get(person)).items()}
    rows = [
        (option.key, chosen.get(option.key, option.default), option.key in chosen, option.meaning)
        for option in all_options().values()
    ]
    if as_json:
        say.as_json({key: {"value": value, "chosen": own} for key, value, own, _ in rows})
    else:
        say.table(
            ["Option", "Value", "From", "What it does"],
            [[key, value or "–", "chosen" if own else "default", meaning] for key, value, own, meaning in rows],
        )
