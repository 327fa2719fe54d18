"""Commands that sync: a run of one person or of everybody, what runs did, taking one back, what is held."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import asdict
from typing import Any

import msgspec

from sidecar.app import App
from sidecar.commands.meanwhile import Arguments
from sidecar.errors import SidetraktError, UserError
from sidecar.model import Direction, Feature
from sidecar.store.handover import Event
from sidecar.store.inspection import Inspection
from sidecar.store.people import People, Person
from sidecar.store.titles import Titles
from sidecar.sync.request import Progress, Request, Result

Steps = Iterator[Progress | Result]
NOBODY = "Link somebody first: `sidetrakt link PERSON`."


def sync(app: App, arguments: Arguments) -> Iterator[Event]:
    """Sync one person or everybody who is linked, one after the other, or show what that would do.

    Whoever was never asked about a first preview is only shown one where `ask` says that somebody can be asked.
    """
    direction = arguments.get("direction")
    request = Request(
        features=tuple(Feature(name) for name in arguments.get("only") or ()),
        direction=Direction(direction) if direction else None,
        library=arguments.get("library") or "",
        title=arguments.get("title") or "",
        full=bool(arguments.get("full")),
        preview=bool(arguments.get("preview")),
    )
    results = []
    for person in _persons(app, arguments.get("person")):
        first = app.sync.waits_for_preview(person)
        wanted = msgspec.structs.replace(request, preview=True) if first and arguments.get("ask") else request
        result = yield from _followed(app.sync.run(person, wanted), person.name)
        results.append(_plain(result) | {"first": first})
    yield {"result": results}


def start(app: App, arguments: Arguments) -> Iterator[Event]:
    """Answer a first preview with "only new things from now on"."""
    with app.store.read() as db:
        person = People(db).get(arguments["person"])
    result = yield from _followed(app.sync.start(person, only_new=True), person.name)
    yield {"result": _plain(result)}


def runs(app: App, arguments: Arguments) -> Iterator[Event]:
    """The newest runs, or one with all its changes."""
    number = arguments.get("run")
    with app.store.read() as db:
        names = {person.id: person.name for person in People(db).all()}
    if number is None:
        yield {"result": [asdict(run) | {"person": names.get(run.person, "")} for run in app.sync.runs()]}
        return
    changes = app.sync.changes(number)
    with app.store.read() as db:
        labels, sides = Titles(db).labels(change.title for change in changes), Inspection(db).side_names()
    shown = [
        asdict(change) | {"title": labels.get(change.title, "(unknown)"), "side": sides.get(change.side, "")}
        for change in changes
    ]
    yield {"result": {"run": number, "changes": shown}}


def undo(app: App, arguments: Arguments) -> Iterator[Event]:
    """Take a run back, or show what that would do."""
    steps = app.sync.undo(arguments["run"], preview=bool(arguments.get("preview")))
    result = yield from _followed(steps, "")
    yield {"result": _plain(result)}


def held(app: App, arguments: Arguments) -> Iterator[Event]:
    """What waits for a decision, or one decision, which a run of that person carries out at once."""
    decision, number = arguments.get("decision"), arguments.get("part")
    if not decision:
        parts = [part for part in app.sync.held() if number in (None, part.id)]
        if number is not None and not parts:
            raise UserError(f"Nothing is held under number {number}.", "`sidetrakt held` shows what is.")
        yield {"result": [_plain(part) for part in parts]}
        return
    part = app.sync.decide(arguments["part"], apply=decision == "apply")
    with app.store.read() as db:
        person = People(db).get(part.person)
    result = yield from _followed(app.sync.run(person, Request(features=(part.feature,))), person.name)
    yield {"result": {"part": _plain(part), "run": _plain(result)}}


def _persons(app: App, name: str | None) -> list[Person]:
    """The person who was named, or all who are linked."""
    with app.store.read() as db:
        people = People(db)
        if name:
            return [people.get(name)]
        found = [person for person in people.all() if people.linked(person) is not None]
    if not found:
        raise UserError("Nobody is linked to Trakt yet.", NOBODY)
    return found


def _followed(steps: Steps, person: str) -> Generator[Event, None, Result]:
    """Pass on how far a run has come, until it is over."""
    for step in steps:
        if isinstance(step, Result):
            return step
        yield {"progress": _plain(step), "person": person}
    raise SidetraktError("The run ended without saying what it came to.", "Look at `sidetrakt runs`.")


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)
