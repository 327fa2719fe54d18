"""The command about hooks: addresses and secrets for the servers, new ones, and our webhook at plex.tv."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from sidecar.app import App
from sidecar.errors import UserError
from sidecar.http import build_session, strict
from sidecar.live.registration import register
from sidecar.model import Secret
from sidecar.settings import Server, Web
from sidecar.store.handover import Event
from sidecar.store.hooks import hook_token, make_hook_token
from sidecar.words import did_you_mean

EVERYWHERE, HERE = ("0.0.0.0", "::"), ("127.0.0.1", "::1", "localhost")  # noqa: S104 - compared, not bound
SHORT = 16  # characters; of less the rest can be guessed
ONLY_HERE = (
    "Only this machine reaches this address. If the server runs elsewhere, set web.host to 0.0.0.0 and web.public_url"
    " to the address of this machine."
)
STEPS = {
    "jellyfin": (
        "With Sidetrakt's plugin: Dashboard → Plugins → Sidetrakt, paste address and token, save.",
        "With the Webhook plugin: Add Generic Destination, paste the address; the rest is in plugin/webhook/README.md.",
    ),
    "plex": (
        "As the server's owner, with Plex Pass: Settings → Webhooks → Add Webhook, paste the address.",
        "`sidetrakt hooks {server} --register` does the same.",
        "In the server's own settings, under Network, Webhooks must be on.",
    ),
}


def hooks(app: App, arguments: dict[str, Any]) -> Iterator[Event]:
    """Show what each server needs to tell us what happens; make what is missing."""
    servers = _chosen(app.settings.servers, arguments.get("server", ""))
    if arguments.get("new") and len(servers) > 1:
        raise UserError("Which secret shall be changed?", "Name the server: `sidetrakt hooks SERVER --new`.")
    shown = []
    for server in servers:
        token = _token(app, server, new=bool(arguments.get("new")))
        found = _shown(app.settings.web, server, token)
        if arguments.get("register") and (server.kind == "plex" or arguments.get("server")):
            found["registered"] = _register(app, server, found["address"])
        shown.append(found)
    yield {"result": shown}


def _chosen(servers: tuple[Server, ...], name: str) -> list[Server]:
    found = [server for server in servers if not name or server.name.lower() == name.lower()]
    if not found and servers:
        near = did_you_mean(name, [server.name for server in servers]) or "."
        raise UserError(f"There is no server named {name}{near}", "`sidetrakt hooks` shows all.")
    if not found:
        raise UserError("There is no media server in sidetrakt.toml yet.", "docs/settings.md shows how one is added.")
    return found


def _token(app: App, server: Server, *, new: bool) -> Secret:
    """The secret of a server; one is made where there is none, or where a new one is wanted."""
    if new and server.hook_token:
        where = app.settings.origins.get(f"servers.{server.name}.hook_token", "the settings")
        raise UserError(f"The hook_token of {server.name} is set by {where}.", "Change it there.")
    with app.store.write() as db:
        token = None if new else hook_token(db, app.vault, server)
        return token or make_hook_token(db, app.vault, server)


def _register(app: App, server: Server, address: str) -> bool:
    """Have plex.tv call us; needs the token of the owner's account."""
    if server.kind != "plex":
        raise UserError(f"{server.name} is no Plex server.", "In Jellyfin the address is pasted by hand.")
    if app.settings.web.host in EVERYWHERE and not app.settings.web.public_url:
        step = "Set web.public_url to the address under which the server reaches this machine."
        raise UserError("It is not known under which address Plex can reach Sidetrakt.", step)
    if not server.token:
        raise UserError(f"There is no token for {server.name}.", "Set its token: that of the owner's account.")
    session = strict(build_session("plex.tv", count=app.metrics.request), app.clock)
    with session:
        return register(session, app.settings.plex.account_url, server.token, address, address.rpartition("/")[0] + "/")


def _shown(web: Web, server: Server, token: Secret) -> dict[str, Any]:
    """Address, secret, and in sentences what to do with them."""
    host = socket.gethostname() if web.host in EVERYWHERE else web.host
    base = web.public_url.rstrip("/") or f"http://{f'[{host}]' if ':' in host else host}:{web.port}"
    address, secret = f"{base}/hooks/{server.kind}/{server.name}", token.reveal()
    if server.kind == "plex":
        address = f"{address}/{quote(secret, safe='')}"
    steps = [step.format(server=server.name) for step in STEPS[server.kind]]
    if not web.public_url and web.host in HERE:
        steps.append(ONLY_HERE)
    if server.hook_token and len(secret) < SHORT:
        steps.append(f"This token is short enough to be guessed: use {SHORT} characters or more, or leave it empty.")
    shown = {"server": server.name, "kind": server.kind, "address": address, "steps": steps}
    return shown | ({"token": secret} if server.kind == "jellyfin" else {})
