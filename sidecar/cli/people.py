"""`sidetrakt people`: who is known, with their accounts and links."""

from __future__ import annotations

from typing import Any

import click

from sidecar.cli import say
from sidecar.cli.here import look_around


@click.command(short_help="Who is known, with accounts and links.", epilog="Example: sidetrakt people --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def people(*, as_json: bool) -> None:
    """List the persons, their accounts on the servers and their Trakt links."""
    found = _everybody()
    if as_json:
        say.as_json(found)
    elif not found:
        say.line("Nobody is known yet. Persons are made when a server is reached for the first time.")
        say.line("Put your server into sidetrakt.toml, then start `sidetrakt up`.")
    else:
        say.table(
            ["Person", "Trakt", "Accounts"],
            [
                [
                    person["name"] + (" (admin)" if person["admin"] else ""),
                    _link_text(person["trakt"]),
                    ", ".join(f"{account['name']}@{account['server']}" for account in person["accounts"]) or "none",
                ]
                for person in found
            ],
        )


def _everybody() -> list[dict[str, Any]]:
    from sidecar.store.db import look_into
    from sidecar.store.people import People

    with look_into(look_around().folder) as db:
        if db is None:
            return []
        known = People(db)
        found = []
        for person in known.all():
            trakt = known.linked(person)
            accounts = [{"server": one.server, "name": one.name} for one in known.accounts(person)]
            shown = ("name", "state", "reason", "proved_at")
            link = {name: getattr(trakt, name) for name in shown} if trakt else None
            found.append({"name": person.name, "admin": person.admin, "trakt": link, "accounts": accounts})
        return found


def _link_text(link: dict[str, Any] | None) -> str:
    if link is None:
        return "not set up"
    if link["state"] == "connected":
        return f"{link['name']}, connected (proved {link['proved_at']:%Y-%m-%d %H:%M} UTC)"
    return f"{link['name']}, needs attention: {link['reason']}"
