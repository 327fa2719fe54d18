"""`/healthz` and `/metrics`: for the machine's own watchers.

Ill is only what keeps this process from its work: the store, a dead thread, locked secrets. That Trakt or a server is
down is not, and neither is that nothing is set up yet: restarting us would not help.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from flask import Blueprint, Request, Response, jsonify, request

from sidecar import __version__
from sidecar.metrics import CONTENT_TYPE


def pages(problems: Callable[[], list[str]], figures: Callable[[], bytes]) -> Blueprint:
    """The two pages, asking these for their content."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def healthz() -> tuple[Response, int]:
        found = problems()
        answer: dict[str, object] = {"status": "not ok" if found else "ok"}
        if from_here(request):
            answer |= {"problems": found, "version": __version__}
        return jsonify(answer), 503 if found else 200

    @blueprint.get("/metrics")
    def metrics() -> Response:
        if not from_here(request):
            return Response("The figures are shown on this machine only.\n", 403, content_type="text/plain")
        return Response(figures(), content_type=CONTENT_TYPE)

    return blueprint


def from_here(asked: Request) -> bool:
    """Whether a request comes from this very machine and not through a proxy on it."""
    if any(name in asked.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via")):
        return False
    try:
        return ipaddress.ip_address(asked.remote_addr or "").is_loopback
    except ValueError:
        return False
