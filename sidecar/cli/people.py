"""`sidetrakt people`: who is known, with their accounts and links; `people join` makes two persons one."""

from __future__ import annotations

from typing import Any

import click

from sidecar.cli import say
from sidecar.cli.here import Here, look_around, perform
from sidecar.words import count_of


@click.group(
    short_help="Who is known, with accounts and links.",
    epilog="Example: sidetrakt people --json",
    invoke_without_command=True,
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def people(context: click.Context, *, as_json: bool) -> None:
    """List the persons, their accounts on the servers and their Trakt links.

    A server that was never reached is asked first; whoever has an account there becomes a person.
    """
    if context.invoked_subcommand:
        return
    here = look_around()
    problems = first_contact(here)
    found = _everybody(here)
    if as_json:
        say.as_json(found)
        return
    for problem in problems:
        say.marked("warning", f"{problem['server']}: {problem['problem']}", problem["next_step"])
    if not found:
        say.line("Nobody is known yet. Persons are made when a server is reached for the first time.")
        if not here.settings.servers:
            say.line("Put your server into sidetrakt.toml, then start `sidetrakt up`.")
        return
    say.table(["Person", "Trakt", "Accounts"], [_row(person) for person in found])
    if any(not account["token"] for person in found for account in person["accounts"]):
        say.line("no token: it cannot be read yet; run `sidetrakt account USER@SERVER --pin`.")


@people.command(short_help="Make two persons one.", epilog="Example: sidetrakt people join Anna anna@den")
@click.argument("one")
@click.argument("other")
def join(one: str, other: str) -> None:
    """ONE takes over the accounts of OTHER, who ends as a person of its own; nothing is changed anywhere else."""
    done = perform(look_around(), "people join", {"one": one, "other": other})
    accounts = count_of(len(done["accounts"]), "account")
    say.marked("ok", f"{done['joined']} is {done['person']} now, with {accounts}: {', '.join(done['accounts'])}.")


def first_contact(here: Here) -> list[dict[str, Any]]:
    """Reach the servers if one of them never was; gives what went wrong."""
    from sidecar.store.db import look_into
    from sidecar.store.servers import KnownServers

    with look_into(here.folder) as db:
        known = set() if db is None else {server.name for server in KnownServers(db).all()}
    if all(server.name in known for server in here.settings.servers):
        return []
    with say.Countdown(errors=True) as countdown:
        met = perform(here, "meet", {}, on_event=lambda event: say.reading(countdown, event), create=True)
    return [each for each in met if each["problem"]]


def _everybody(here: Here) -> list[dict[str, Any]]:
    from sidecar.store.db import look_into
    from sidecar.store.people import People
    from sidecar.store.servers import KnownServers
    from sidecar.store.vault import has

    own = {server.name for server in here.settings.servers if server.token}
    with look_into(here.folder) as db:
        if db is None:
            return []
        known, servers = People(db), {server.id: server for server in KnownServers(db).all()}
        found = []
        for person in known.all():
            trakt = known.linked(person)
            accounts = []
            for one in known.accounts(person):
                server = servers.get(one.server)
                name = server.name if server else one.server
                for_all = server is not None and name in own and (server.kind == "jellyfin" or one.user == "1")
                accounts.append({"server": name, "name": one.name, "token": for_all or has(db, one.secret)})
            shown = ("name", "state", "reason", "proved_at")
            link = {name: getattr(trakt, name) for name in shown} if trakt else None
            found.append({"name": person.name, "admin": person.admin, "trakt": link, "accounts": accounts})
        return found


def _row(person: dict[str, Any]) -> list[str]:
    accounts = [
        f"{account['name']}@{account['server']}" + ("" if account["token"] else " (no token)")
        for account in person["accounts"]
    ]
    name = person["name"] + (" (admin)" if person["admin"] else "")
    return [name, _link_text(person["trakt"]), ", ".join(accounts) or "none"]


def _link_text(link: dict[str, Any] | None) -> str:
    if link is None:
        return "not set up"
    if link["state"] == "connected":
        return f"{link['name']}, connected (proved {link['proved_at']:%Y-%m-%d %H:%M} UTC)"
    return f"{link['name']}, needs attention: {link['reason']}"
