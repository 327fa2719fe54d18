"""The application of a simulated Jellyfin server: routing in any case, sign-in, answers, switches and faults."""

from collections.abc import Callable
from typing import Any

import flask
from simple_websocket import Server as Socket
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.http import http_date
from werkzeug.routing import Rule

from sidecar.demo.catalogue import Catalogue
from sidecar.demo.control import CUT, Control
from sidecar.demo.jellyfin import acts, routes, system
from sidecar.demo.jellyfin.ask import Ask
from sidecar.demo.jellyfin.people import admin_key
from sidecar.demo.jellyfin.server import Server
from sidecar.demo.jellyfin.wire import Query, Refused, hashed, refusal, reply

SWITCHES: dict[str, tuple[Callable[[bool], Any], str]] = {
    "stale_reads": (lambda modern: modern, "After a whole show is ticked, reads of single episodes stay old (12.0)."),
    "legacy_authorization": (lambda modern: not modern, "The old forms of authorization are taken."),
    "quick_connect": (lambda _: True, "Quick Connect is on."),
    "unstable_ties": (lambda modern: not modern, "Rows that tie change places between pages (10.11)."),
    "stale_rows": (lambda _: False, "What is written for an item that got other ids is never read again (10.11)."),
    "scan_running": (lambda _: False, "A scan that is started goes on until this is off and it is started again."),
}
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "half_listing": ({"share": 0.5}, "A page of items holds only this share of its rows; the total stays."),
    "save_error": ({}, "A write of user data is stored and answered 500, as when a plugin throws."),
    "half_open": ({}, "A message to a socket is lost."),
    "duplicate_frame": ({}, "A message to a socket is sent twice."),
    "plugin_lost": ({}, "Our plugin loses an event, its number is used up; `path` is matched with the event."),
    "plugin_duplicate": ({}, "Our plugin sends a body twice; `path` is matched with the event."),
    "plugin_late": ({}, "Our plugin holds a body back until `plugin_retry`; `path` is matched with the event."),
}


class App(flask.Flask):
    """Finds routes whatever the case of a path, below a base path if there is one."""

    base = ""
    server: Server

    def create_url_adapter(self, request: flask.Request | None) -> Any:
        """Routes by the path in lower case; the request keeps its own."""
        if request is None:
            return super().create_url_adapter(request)
        path = request.environ["PATH_INFO"].lower().rstrip("/") or "/"
        if self.base and not path.startswith(self.base):
            path = "/no such base"
        return self.url_map.bind_to_environ({**request.environ, "PATH_INFO": path.removeprefix(self.base)})


def make_app(catalogue: Catalogue, control: Control) -> App:
    """A server of the version in `control.options` with this catalogue."""
    app, modern = App("jellyfin"), control.options.get("version", "12") != "10.11"
    app.base = control.options.get("base_path", "").lower()
    for name, (default, sentence) in SWITCHES.items():
        control.switch(name, default(modern), sentence)
    for name, (args, sentence) in FAULTS.items():
        control.fault(name, args, sentence)
    app.server = server = Server(catalogue, control)
    control.on_reset(server.reset)
    control.state = lambda: state(server)
    control.install(app, lambda: flask.g.get("caller"))
    app.before_request(lambda: gate(server))
    app.after_request(lambda answer: dressed(server, answer))
    for methods, path, need, handler in [*routes.ROUTES, *system.ROUTES]:
        for one in path.split():
            app.add_url_rule(f"/{one}", f"{methods} {one}", viewed(server, need, handler), methods=methods.split(","))
    app.url_map.add(Rule("/socket", endpoint="socket", websocket=True))
    app.view_functions["socket"] = lambda: listen(server)
    app.register_error_handler(Refused, refusal)
    app.register_error_handler(HTTPException, lambda error: refusal(Refused(error.code or 500, None)))
    acts.install(server)
    return app


def state(server: Server) -> dict[str, Any]:
    """What is stored, by person: for tests and people who look."""
    people = {
        user.name: {
            known: server.data.shown(user.id, server.shelf.items[known], row, "")
            for known, row in list(server.data.rows.get(user.id, {}).items()) if known in server.shelf.items
        }
        for user in list(server.people.users.values())
    }  # fmt: skip
    return {
        "people": people, "version": server.version, "phase": server.phase(), "sockets": len(server.sockets.lines),
        "plugin": {"waiting": len(server.plugin.kept), "answer": server.plugin.answer},
    }  # fmt: skip


def gate(server: Server) -> flask.Response | None:
    """While the server starts, only its setup server answers, or nobody; then the caller is looked up."""
    phase, request = server.phase(), flask.request
    if phase == "setup" and request.path.lower() == "/health":
        return flask.Response("Degraded", content_type="text/plain")
    if phase == "setup" and request.path.lower() != "/system/info/public":
        page = "<!doctype html><title>Jellyfin Startup</title><p>The server is starting.</p>"
        return flask.Response(page, 503, {"Retry-After": "005"}, content_type="text/html")
    if phase != "ready":
        request.environ[CUT] = True
        return flask.Response(status=503)
    caller = server.people.caller(request)
    flask.g.asking, flask.g.caller = caller, caller.name
    return None


def viewed(server: Server, need: str, handler: routes.Handler) -> Callable[..., flask.Response]:
    """A view: who may, then the handler, then its answer as the server gives it."""

    def view(**path: str) -> flask.Response:
        caller = flask.g.asking
        if need != "open" and caller.name is None:
            raise Refused(401, None)
        manager = need == "manager" and caller.user and caller.user.policy["EnableCollectionManagement"]
        if need in ("admin", "manager") and not caller.admin and not manager:
            raise Refused(403, None)
        request = flask.request
        given = handler(Ask(server, caller, Query(list(request.args.items(multi=True))), path, request.method))
        if request.method in ("POST", "DELETE") and server.control.take("save_error") is not None:
            raise Refused(500)
        if isinstance(given, flask.Response):
            return given
        return flask.Response(status=204) if given is None else reply(given)

    return view


def dressed(server: Server, answer: flask.Response) -> flask.Response:
    """The headers every answer has; an empty one says nothing about its type."""
    answer.headers["Date"], answer.headers["Server"] = http_date(server.now()), "Kestrel"
    answer.headers["X-Response-Time-ms"] = "1.0"
    if answer.status_code == 204:
        Headers.pop(answer.headers, "Content-Type", None)
    return answer


def listen(server: Server) -> flask.Response:
    """The websocket; without a good token its handshake is refused."""
    if flask.g.asking.name is None:
        raise Refused(403)
    socket = Socket.accept(flask.request.environ)
    server.sockets.serve(socket, flask.g.asking)
    return flask.Response(status=200)


def signins(catalogue: Catalogue) -> dict[str, Any]:
    """How to sign in: the administrator's API key and everybody's name, password and id."""
    raw = {row["name"]: row["id"] for row in (catalogue.raw or {}).get("users", [])}
    ids = {one.name: raw.get(one.name) or hashed("user", one.name) for one in catalogue.people}
    people = [{"name": p.name, "password": p.password, "id": ids[p.name], "admin": p.admin} for p in catalogue.people]
    return {"api_key": admin_key(catalogue.seed), "people": people}
