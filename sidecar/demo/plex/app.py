"""Puts the simulated Plex together: routes, who is asking, error pages, faults, switches and acts by name."""

import inspect
from typing import Any

import flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from sidecar.demo.catalogue import Catalogue
from sidecar.demo.control import Control
from sidecar.demo.plex.accounts import Accounts
from sidecar.demo.plex.acts import Acts, Player
from sidecar.demo.plex.discover import Discover
from sidecar.demo.plex.encode import container
from sidecar.demo.plex.lists import Lists
from sidecar.demo.plex.plextv import PlexTv, refuse
from sidecar.demo.plex.pms import Library, States
from sidecar.demo.plex.world import World, machine_of

OPEN = {"pms.identity", "tv.open_pin", "tv.read_pin"}
PARTS = (("pms", Library), ("pms", States), ("pms", Lists), ("tv", PlexTv), ("cloud", Discover))
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "half_listing": ({}, "A listing holds only the first half of its rows and says that this is all."),
    "page_cap": ({"size": 50}, "A page holds at most so many rows, whatever was asked for."),
    "no_total": ({}, "A page comes without totalSize and offset."),
    "filter_ignored": ({}, "All filters of a listing are ignored with 200."),
    "insert_row": ({}, "A new item appears at the front before a later page is read."),
    "no_stop": ({}, "A session ends without a stopped frame and without media.stop."),
    "empty_stop": ({}, "The stopped frame has empty keys."),
    "stop_at_zero": ({}, "The stopped frame says offset 0."),
    "duplicate_history": ({}, "A play is written into the history twice."),
    "duplicate_webhook": ({}, "A webhook is posted twice; `path` is matched with its event."),
    "lost_webhook": ({}, "A webhook is not posted; `path` is matched with its event."),
    "plextv_error": ({"status": 429, "retry_after": 30}, "plex.tv and its providers refuse in their own words."),
    "watchlist_gone": ({}, "The watchlist answers 404, as after a move of the service."),
}
SWITCHES: dict[str, tuple[Any, str]] = {
    "comparisons": ("prefixed", "Which >> and << filters count: prefixed (movie.lastViewedAt>>), all, or none."),
    "session_delay_s": (1.0, "Seconds after its first word before a session is listed."),
    "ghost_session": (False, "Whether a session without User is listed."),
    "played_threshold": (90, "Per cent at which an item counts as played."),
    "viewed_at": ("threshold", "The moment of a history row: threshold, or start of the session."),
    "multi_episode": ("one", "Which episodes of one file a play counts for: one, or all."),
    "marks_without_count": (False, "Whether marked items come without viewCount."),
    "rate_webhook": ("set", "Which ratings through the API send media.rate: set, all (removals too), or none."),
    "webhook_owner_id": (1, "The owner's Account.id in webhooks: 1, or 0 for the number at plex.tv."),
    "own_history": ("own", "What others than the owner get of the history: own rows, or refused."),
    "plex_pass": (True, "Whether the accounts have Plex Pass, and so webhooks."),
    "shared_servers": (0, "Status with which shared_servers refuses, 0 for an answer."),
    "ratings_leak": (False, "Whether everybody sees the owner's ratings where they have none."),
    "library_missing": ("", "Key of a library that is not there, such as movies."),
    "scanning": (False, "Whether the sections say that they are being scanned."),
    "managed_profile": ("", "restrictionProfile of managed users, such as little_kid; empty for none."),
    "padding": (0, "How many characters more each row of a listing has, to be as long as those of a large server."),
}


class Hex(BaseConverter):
    """An id of Plex's own database."""

    regex, weight = "[0-9a-f]{24}", 50  # looked at before the server's rating keys


class Shelf(BaseConverter):
    """Where playlists and collections are."""

    regex, part_isolating = "(?:playlists|library/collections)", False


def make_app(catalogue: Catalogue, control: Control) -> flask.Flask:
    """The simulated Plex of this catalogue; `app.extensions["plex"].news.close()` ends its thread."""
    app = flask.Flask("plex")
    control.install(app, lambda: who(app))
    for fault, (args, sentence) in FAULTS.items():
        control.fault(fault, args, sentence)
    for switch, (default, sentence) in SWITCHES.items():
        control.switch(switch, default, sentence)
    world = app.extensions["plex"] = World(catalogue, control)
    app.url_map.converters |= {"hex": Hex, "shelf": Shelf}
    app.url_map.strict_slashes = False
    for area, part in PARTS:
        mount(app, area, part(world))
    control.acts |= {name: act for name, act in inspect.getmembers(Acts(world), inspect.ismethod) if name[0] != "_"}
    control.play |= {name: act for name, act in inspect.getmembers(Player(world), inspect.ismethod) if name[0] != "_"}
    control.state = world.state
    control.on_reset(world.reset)
    app.before_request(lambda: who(app) and None)
    app.before_request(lambda: gate(world))
    app.register_error_handler(HTTPException, wrong)
    return app


def mount(app: flask.Flask, area: str, part: object) -> None:
    """Gives each method the requests its docstring begins with: `GET|PUT /path, POST /other: …`."""
    for name, method in inspect.getmembers(part, inspect.ismethod):
        for request in (method.__doc__ or "").partition(": ")[0].split(", "):
            verbs, _, rule = request.partition(" ")
            more: dict[str, Any] = {"websocket": True} if verbs == "WS" else {"methods": verbs.split("|")}
            if rule.startswith("/"):
                app.add_url_rule(rule, f"{area}.{name}", method, **more)


def who(app: flask.Flask) -> str | None:
    """The name of the person whose token the current request has, where that token counts."""
    if "account" not in flask.g and "plex" in app.extensions:
        accounts, request = app.extensions["plex"].accounts, flask.request
        token = request.headers.get("X-Plex-Token") or request.args.get("X-Plex-Token")
        account, kind = accounts.of(token, "server", "account", "switch")
        online = (request.endpoint or "").startswith(("tv.", "cloud."))
        right = (kind == "server") != online or (kind != "switch" and account and account.owner)
        flask.g.account, flask.g.kind = account if right else None, kind
    account = flask.g.get("account")
    return account.person.name if account else None


def gate(world: World) -> flask.Response | None:
    """Refuses, in the words of the part that was asked, whom it does not know."""
    request, take = flask.request, world.control.take
    area, host = (request.endpoint or "").split(".")[0], request.headers.get("X-Original-Host", "")
    if area in ("tv", "cloud") or host.endswith("plex.tv"):
        if args := take("plextv_error"):
            return refuse(args["status"], {"Retry-After": str(args["retry_after"])} if args["retry_after"] else {})
        if request.path == "/" and area == "pms":
            return container(identifier="tv.plex.provider.metadata")
        if area not in ("tv", "cloud"):
            return refuse(404)
        return None if flask.g.account or request.endpoint in OPEN else refuse(401)
    if world.down_until and not world.control.clock.due(world.down_until):
        body = '<Response code="503" title="Maintenance" status="Plex Media Server is currently starting up."/>'
        return flask.Response(body, 503, content_type="text/xml;charset=utf-8")
    if area == "pms" and flask.g.account is None and request.endpoint not in OPEN:
        flask.abort(401)
    return None


def wrong(error: HTTPException) -> flask.Response:
    """The server's own error pages are HTML, those of plex.tv XML."""
    if (flask.request.endpoint or "").startswith(("tv.", "cloud.")):
        return refuse(error.code or 500)
    page = f"<html><head><title>{error.name}</title></head><body><h1>{error.code} {error.name}</h1></body></html>"
    return flask.Response(page, error.code, mimetype="text/html")


def signins(catalogue: Catalogue) -> dict[str, Any]:
    """What somebody needs to sign in: the machine, and tokens, number and PIN of each person."""
    people = {}
    for account in Accounts(catalogue).all:
        about = {"id": account.id, "uuid": account.uuid, "username": account.username, "role": account.person.role}
        tokens = {"account_token": account.token("account"), "server_token": account.token("server")}
        people[account.person.name] = about | tokens | {"pin": account.person.pin}
    return {"machine_identifier": machine_of(catalogue), "people": people}
