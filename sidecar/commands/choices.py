"""Commands about what was chosen: a person's options, and the key of the vault."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.app import App
from sidecar.commands.meanwhile import Arguments
from sidecar.options import parse_choices
from sidecar.store.handover import Event
from sidecar.store.people import People


def set_options(app: App, arguments: Arguments) -> Iterator[Event]:
    """Change what a person chose."""
    chosen = parse_choices(arguments["words"])
    with app.store.write() as db:
        people = People(db)
        person = people.get(arguments["person"])
        for key, value in chosen.items():
            people.set_option(person, key, value, app.clock.now())
    yield {"result": {"person": person.name, "set": chosen}}


def rotate_keys(app: App, arguments: Arguments) -> Iterator[Event]:  # noqa: ARG001 - every command takes arguments
    """Change the key of the vault."""
    count, keys = app.change_key()
    yield {"result": {"resealed": count, "origin": keys.origin, "file": keys.path is not None}}
