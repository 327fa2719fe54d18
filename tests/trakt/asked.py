"""Whether a request is one that we may send, in the form that Trakt's contract gives it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flask

from sidecar.trakt.endpoints import ENDPOINTS
from tests.demo.trakt.contract import Contract, Exchange

LITERAL_FIRST = sorted(ENDPOINTS, key=lambda endpoint: endpoint.count("{"))


@dataclass
class Heard:
    """What was sent to a simulator."""

    bodies: list[tuple[str, str, Any]] = field(default_factory=list)  # method, path, JSON of each write
    wrong: list[str] = field(default_factory=list)  # requests that were not as the contract says
    endpoints: set[str] = field(default_factory=set)


def listen_to(app: flask.Flask, contract: Contract | None) -> Heard:
    """Notes and checks every request that this simulator gets from now on."""
    heard, checked = Heard(), set[Any]()

    def note() -> None:
        request = flask.request
        write, body = request.method in ("POST", "PUT"), request.get_json(silent=True)
        if write:
            heard.bodies.append((request.method, request.path, body))
        heard.endpoints.add(endpoint_of(request.method, request.path))
        key = (request.method, request.path, frozenset(request.args), shape(body) if write else None)
        if key not in checked:
            problems = problems_of(contract, request, body)
            heard.wrong.extend(problems)
            checked.update([] if problems else [key])

    app.before_request_funcs.setdefault(None, []).insert(0, note)
    return heard


def contract_here() -> Contract | None:
    """The contract when its files are there."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "contracts"
    return Contract(folder) if folder.is_dir() else None


def endpoint_of(method: str, path: str) -> str:
    """The endpoint of the list that a request belongs to; empty if it is none of them."""
    said = f"{method} {path}"
    return next((each for each in LITERAL_FIRST if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", each), said)), "")


def shape(value: Any) -> Any:
    """What a body looks like: one of each shape is enough to be checked."""
    if isinstance(value, dict):
        return frozenset((key, shape(inner)) for key, inner in value.items())
    if isinstance(value, list):
        return frozenset(map(shape, value))
    if isinstance(value, str):
        return re.sub(r"\d", "0", value)
    return (type(value), min(value, 100)) if isinstance(value, int | float) else value


def problems_of(contract: Contract | None, request: flask.Request, body: Any) -> list[str]:
    """What is wrong with a request, judged by our own list and by the contract."""
    where = f"{request.method} {request.path}"
    wrong = [] if endpoint_of(request.method, request.path) else [f"{where} is not on the list of what we may ask"]
    if contract is None:
        return wrong
    found = list(contract.operation(request.method, request.path))
    if not found:
        return [*wrong, f"{where} is not in the contract"]
    if request.method in ("POST", "PUT"):
        if request.path.startswith("/oauth/") and isinstance(body, dict):
            body = {"client_secret": "", **body}  # the contract demands it, Trakt's guide does not
        exchange = Exchange(request.method, request.path, request.query_string.decode())
        wrong += contract._check(contract._request(exchange, found), body, where)
    known = {each.get("name") for _, operation in found for each in operation.get("parameters", [])}
    return wrong + [f"{where} knows no {name}" for name in request.args if name not in known]
