"""The simulated Trakt as one Flask application: its switches, its faults, and all its routes."""

from typing import Any

import flask
from werkzeug.exceptions import HTTPException

from sidecar.demo.catalogue import Catalogue
from sidecar.demo.control import Control
from sidecar.demo.trakt import acts, discover, lists, profile, reads, sync, viewing
from sidecar.demo.trakt.gate import Gate, answer, asked
from sidecar.demo.trakt.oauth import Desk
from sidecar.demo.trakt.world import World

SWITCHES: dict[str, tuple[Any, str]] = {
    "limits": (True, "Counts requests in the buckets of Trakt and answers 429 when one is full."),
    "rate_limit_shape": ("full", "How 429 looks: full, no_x_ratelimit, no_retry_after, edge, edge_bare."),
    "version_required": (True, "412 without trakt-api-version: 2 (uncertain)."),
    "generic_agents_refused": (True, "The edge refuses the default user agents of libraries (uncertain)."),
    "token_life": (604_800, "Seconds an access token lives; 86400 in 2025."),
    "secret_required": (True, "Device tokens and refreshes need the client secret (uncertain)."),
    "invalid_grant_status": (400, "Status of invalid_grant; older servers said 401."),
    "second_app": ("refused", "A free user's second community app: refused, or first_revoked (uncertain)."),
    "stop_at_80": ("pause", "A stop at exactly 80: pause, or scrobble (uncertain)."),
    "pause_from_80": ("refuse", "A pause from 80 on: refuse (422), or accept (uncertain)."),
    "duplicate_window": ("hour", "How long the same stop is 409: hour, or runtime (uncertain)."),
    "window_sees_history": (False, "Plays added through /sync/history count for the 409, too (uncertain)."),
    "play_on_expiry": (False, "Watching that runs out without a stop becomes a play (uncertain)."),
    "only_once_enforced": (False, "With watch_only_once the server keeps one play of a title (uncertain)."),
    "watchlist_auto_remove": (True, "What is watched leaves the watchlist; an episode takes its show along."),
    "account_limits": (
        {},
        "Other limits by name: watchlist, favorites, list, listed, lists, history, ratings, collection.",
    ),
    "account_limit_answer": ("headers", "How 420 looks: headers, or bare."),
    "limit_batch": (
        "atomic",
        "A batch over the limit is refused whole: atomic, or stored up to it: partial (uncertain).",
    ),
    "unknown_metadata": ("ignore", "An unlisted word about a collected copy: ignore, or refuse with 422 (uncertain)."),
    "min_unpaged": (True, "Minimal maps come whole without page and limit (uncertain)."),
    "min_keys": ("ids", "Episodes in the minimal map of shows by ids, or by numbers (uncertain)."),
    "search_gaps": (True, "Looking up an episode by imdb finds nothing."),
    "seconds_per_item": (0.0, "How long a write takes for each title in its body; the real one about 0.055."),
}
PAGING = "How a page lies: page_count, no_item_count, wrong_item_count, short, empty, half, duplicate."


def make_app(catalogue: Catalogue, control: Control) -> flask.Flask:
    """Trakt on loopback for this catalogue."""
    for name, (default, sentence) in SWITCHES.items():
        control.switch(name, default, sentence)
    control.fault("rate_limited", {"shape": "full"}, "429 in one of the shapes of the switch rate_limit_shape.")
    control.fault("paging", {"mode": "short"}, PAGING)
    app, world, desk = flask.Flask("trakt"), World(catalogue, control), Desk(catalogue, control)
    control.install(app, desk.user)
    gate = Gate(app, world, desk)
    for part in (sync, reads, lists, viewing, profile, discover):
        for route in part.ROUTES:
            gate.route(route)
    acts.install(control, world, desk)

    @app.post("/oauth/<any(token,revoke):call>")
    @app.post("/oauth/<any(device):flow>/<any(code,token):call>")
    def oauth(call: str, flow: str = "") -> flask.Response:
        gate.admit_agent()
        with world.lock:
            status, body = desk.answer(f"{flow}/{call}".strip("/"), asked())
        return answer(body, status)

    app.register_error_handler(HTTPException, plain)
    return app


def plain(error: HTTPException) -> flask.Response:
    """404 and 405 of the router in the API's own form; refusals as they were made."""
    if isinstance(error.response, flask.Response):
        return error.response
    return answer({"error": error.name.lower().replace(" ", "_")}, error.code or 500)
