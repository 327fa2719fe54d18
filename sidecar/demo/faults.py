"""Faults by name: which are armed, whom they hit, and the ones of the transport that every route can have.

A simulator asks `take("name")` where its own fault would show; the transport's are applied around each request.
"""

import re
import threading
from typing import Any

import flask
import msgspec

PAGE = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
TRANSPORT: dict[str, tuple[dict[str, Any], str]] = {
    "status": (
        {"status": 503, "body": "json", "retry_after": None, "headers": {}, "when": "before"},
        "Answers with this status before the request is carried out, or `after`; body json, html, text or empty.",
    ),
    "lost": ({}, "Carries the request out and cuts the connection without an answer."),
    "reset": ({}, "Cuts the connection before the request is carried out."),
    "slow": ({"seconds": 1.0}, "Waits before the request is carried out; a reset releases it."),
    "html": ({"status": 200}, "Answers with an HTML page instead of carrying the request out."),
    "truncated": ({"length": "full"}, "Sends half of the body, with the `full` Content-Length or a `cut` one."),
    "wrong_types": ({}, "Sends numbers as strings and lists as objects in the JSON."),
    "empty": ({"body": ""}, "Answers 200 with an empty body, or with this one."),
}


class Fault(msgspec.Struct):
    """One armed fault: skips `after` fitting requests, then hits `times` of them (None: until cleared)."""

    name: str
    args: dict[str, Any]
    times: int | None = 1
    after: int = 0
    method: str | None = None
    path: str | None = None
    user: str | None = None

    def fits(self, method: str, path: str, user: str | None) -> bool:
        """Whether a request is one of those this fault is meant for."""
        return (
            self.method in (None, method)
            and (self.path is None or re.search(self.path, path) is not None)
            and self.user in (None, user)
        )


class Faults:
    """The known faults of one simulator and those that are armed now."""

    def __init__(self) -> None:
        self.known = dict(TRANSPORT)
        self.armed: list[Fault] = []
        self.release = threading.Event()
        self._lock = threading.Lock()

    def arm(self, body: dict[str, Any]) -> None:
        """Arms one fault from the body of a control request; raises ValueError for what is not known."""
        name = body.get("name")
        if name not in self.known:
            raise ValueError(f"unknown fault {name!r}; known: {', '.join(sorted(self.known))}")
        common = {key: body[key] for key in ("times", "after", "method", "path", "user") if key in body}
        given, defaults = {k: v for k, v in body.items() if k not in common and k != "name"}, self.known[name][0]
        if unknown := sorted(given.keys() - defaults.keys()):
            raise ValueError(f"{name} does not know {', '.join(unknown)}; known: {', '.join(defaults) or 'nothing'}")
        for key, value in given.items():
            default = defaults[key]
            if default is not None and not isinstance(value, (int, float) if type(default) is float else type(default)):
                raise ValueError(f"{name}: {key} has to be like {default!r}, not {value!r}")
        fault = msgspec.convert(common | {"name": name, "args": defaults | given}, Fault)
        re.compile(fault.path or "")
        with self._lock:
            self.armed.append(fault)

    def take(self, name: str, method: str, path: str, user: str | None, **args: Any) -> dict[str, Any] | None:
        """The arguments of the fault that hits this request now, or None; counts it as used."""
        with self._lock:
            for fault in self.armed:
                wanted = fault.name == name and all(fault.args[key] == value for key, value in args.items())
                if not (wanted and fault.fits(method, path, user)):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    self.armed = [f for f in self.armed if f.times is None or f.times > 0]
                return fault.args
        return None

    def clear(self) -> None:
        """Disarms everything and ends every slow answer at once."""
        with self._lock:
            self.armed, release, self.release = [], self.release, threading.Event()
        release.set()


def refusal(args: dict[str, Any]) -> flask.Response:
    """The answer of the fault `status`."""
    title = f"{args['status']} on purpose"
    bodies = {"json": msgspec.json.encode({"error": title}).decode(), "html": PAGE.format(title), "text": title}
    kinds = {"json": "application/json", "html": "text/html"}
    answer = flask.Response(
        bodies.get(args["body"], ""), args["status"], mimetype=kinds.get(args["body"], "text/plain")
    )
    answer.headers.update(args["headers"])
    if args["retry_after"] is not None:
        answer.headers["Retry-After"] = str(args["retry_after"])
    return answer


def truncate(answer: flask.Response, args: dict[str, Any]) -> None:
    """Halves the body and, for `full`, still promises the whole length."""
    whole = answer.get_data()
    answer.set_data(whole[: len(whole) // 2])
    if args["length"] == "full":
        answer.headers["Content-Length"] = str(len(whole))


def mistyped(value: Any) -> Any:
    """The same JSON with numbers as strings and lists as objects."""
    if isinstance(value, dict):
        return {key: mistyped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return {str(index): mistyped(inner) for index, inner in enumerate(value)}
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
