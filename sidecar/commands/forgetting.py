"""The command that forgets a person or a server; nothing changes at Trakt or on any server."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.app import App
from sidecar.commands.meanwhile import Arguments
from sidecar.errors import UserError
from sidecar.store.forgetting import Forgetting
from sidecar.store.handover import Event
from sidecar.store.people import People, Person
from sidecar.store.servers import KnownServer, KnownServers


def forget(app: App, arguments: Arguments) -> Iterator[Event]:
    """Forget everything that is kept of a person, or of a server that is not in the settings any more."""
    name = arguments["name"]
    with app.store.read() as db:
        server = KnownServers(db).named(name)
        if server is not None and People(db).find(name) is not None:
            raise UserError(f"“{name}” is a person and a server.", "Name the person as USER@SERVER.")
        person = People(db).get(name) if server is None else None
    if person is not None:
        yield {"result": _person(app, person)}
    elif server is not None:
        yield {"result": _server(app, server)}


def _server(app: App, server: KnownServer) -> dict[str, object]:
    if any(each.name.lower() == server.name.lower() for each in app.settings.servers):
        step = "Take it out of sidetrakt.toml and the environment first; else it is met again at once."
        raise UserError(f"{server.name} is still in the settings.", step)
    with app.store.write() as db:
        for secret in Forgetting(db).server(server.id):
            app.vault.drop(db, secret)
    return {"server": server.name}


def _person(app: App, person: Person) -> dict[str, object]:
    """End the link as `unlink` does, then forget the person; whoever still has an account on a server comes back."""
    with app.store.read() as db:
        account, accounts = People(db).linked(person), People(db).accounts(person)
        Forgetting(db).require_rest([person.id])
    if account is not None:
        app.trakt.links.unlink(person.name)
    with app.store.write() as db:
        secrets = Forgetting(db).person(person)
        secrets += Forgetting(db).trakt(account.uuid, person) if account is not None else []
        for secret in secrets:
            app.vault.drop(db, secret)
    return {"person": person.name, "comes_back": bool(accounts)}
