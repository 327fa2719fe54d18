"""The command that only reads: one side of a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sidecar.app import App
from sidecar.commands.meanwhile import Arguments, meanwhile
from sidecar.contract import Plays, Provider, Watched
from sidecar.errors import UserError
from sidecar.model import Feature
from sidecar.store.handover import Event
from sidecar.store.people import People, Person

TRAKT = "trakt"
NO_WATCHLIST = "Jellyfin keeps one with watchlist_place.jellyfin=favourites, Plex with a sign-in at plex.tv."


def look(app: App, arguments: Arguments) -> Iterator[Event]:
    """Read one side and say what was found; writes nothing."""
    feature = Feature(arguments["feature"])
    person, side, names = _side(app, arguments["person"], arguments["side"], feature)
    index = yield from meanwhile(app, lambda: side.build_index(feature), side.label())
    yield {
        "result": {
            "person": person.name,
            "side": arguments["side"],
            "label": side.label(),
            "feature": index.feature,
            "facts": len(index.facts),
            "plays": sum(_plays(fact.value) for fact in index.facts),
            "scope": index.scope,
            "complete": index.complete,
            "why": index.why,
            "requests": index.requests,
            "libraries": None if index.libraries is None else sorted(names.get(key, key) for key in index.libraries),
            "first": [fact.ref.label() for fact in index.facts[:5]],
        }
    }


def _plays(value: Any) -> int:
    return len(value.minutes) if isinstance(value, Plays) else len(value.plays) if isinstance(value, Watched) else 0


def _side(app: App, name: str, where: str, feature: Feature) -> tuple[Person, Provider, dict[str, str]]:
    """One side of a person: Trakt, or the account on a server, with the names of its libraries."""
    with app.store.read() as db:
        person = People(db).get(name)
        account = People(db).linked(person)
    if where == TRAKT:
        if account is None:
            raise UserError(f"{person.name} is not linked to Trakt.", f"Run `sidetrakt link {person.name}`.")
        return person, app.trakt.side(account.uuid), {}
    sides = app.servers.sides(person)
    here = [each for each in sides if each.name.lower() == where.lower()]
    for each in here:
        if each.side.is_configured() and feature in each.side.features():
            return person, each.side, app.servers.library_names(each.server)
    if not here:
        known = ", ".join(sorted({each.name for each in sides})) or "none"
        raise UserError(f"{person.name} has no account on “{where}”.", f"There are accounts on: {known}.")
    if not here[0].side.is_configured():
        problem = here[0].side.health()
        raise UserError(problem.what, problem.next_step)
    raise UserError(f"{here[0].side.label()} has no {feature}.", NO_WATCHLIST if feature is Feature.WATCHLIST else "")
