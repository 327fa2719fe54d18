"""The routes under /_control of one simulator, as an application of their own in front of it.

Nothing the simulator does to requests (sign-in, error pages, log, faults) touches them.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import flask
import msgspec
from werkzeug.exceptions import HTTPException, NotFound

if TYPE_CHECKING:
    from sidecar.demo.control import Act, Control

Given = dict[str, Any]


def routes(control: "Control") -> flask.Flask:
    """The application that serves /_control for this simulator."""
    app = flask.Flask("household")
    posts: dict[str, Callable[[Given], Any]] = {
        "clock": lambda given: clock(control, given),
        "faults": lambda given: faults(control, given),
        "switches": lambda given: switches(control, given),
        "play": lambda given: perform(control.play, given),
        "act": lambda given: perform(control.acts, given),
        "rate": lambda given: perform(control.acts, {**given, "do": "rate"}),
        "reset": lambda _: control.reset(),
    }

    @app.get("/_control/log")
    def log() -> flask.Response:
        query = flask.request.args
        return answer(control.rows(query.get("since", 0, int), min(query.get("wait", 0.0, float), 60)))

    @app.get("/_control/state")
    def state() -> flask.Response:
        return answer(control.show())

    @app.post("/_control/<name>")
    def post(name: str) -> flask.Response:
        given = msgspec.json.decode(flask.request.get_data() or b"{}")
        if name not in posts:
            raise NotFound(f"known: {', '.join(posts)}")
        if not isinstance(given, dict):
            raise ValueError("the body has to be a JSON object")
        return answer(posts[name](given))

    @app.errorhandler(Exception)
    def wrong(error: Exception) -> flask.Response:
        status = (error.code or 500) if isinstance(error, HTTPException) else 400
        return answer({"error": f"{type(error).__name__}: {error}"}, status)

    return app


def answer(value: Any, status: int = 200) -> flask.Response:
    """A JSON answer; moments and whatever else JSON does not know become text."""
    return flask.Response(msgspec.json.encode(value, enc_hook=str), status, mimetype="application/json")


def clock(control: "Control", given: Given) -> Given:
    """Moves the clock: set, shift, freeze."""
    moves: dict[str, Callable[[Any], None]] = {
        "freeze": control.clock.freeze,
        "set": lambda text: control.clock.set(datetime.fromisoformat(text)),
        "shift": control.clock.shift,
    }
    if not given or given.keys() - moves:
        raise ValueError(f"the clock knows: {', '.join(moves)}")
    for name, move in moves.items():
        if name in given:
            move(given[name])
    return {"now": control.clock.now()}


def faults(control: "Control", given: Given) -> Given:
    """Arms a fault, or clears all."""
    control.faults.clear() if given.get("clear") else control.faults.arm(given)
    return {"armed": len(control.faults.armed)}


def switches(control: "Control", given: Given) -> Given:
    """Sets switches."""
    if unknown := sorted(given.keys() - control.switches.keys()):
        raise ValueError(f"unknown switch {', '.join(unknown)}; known: {', '.join(sorted(control.switches))}")
    control.switches.update(given)
    return control.switches


def perform(acts: "dict[str, Act]", given: Given) -> Given:
    """Does what `do` names."""
    if given.get("do") not in acts:
        raise ValueError(f"cannot do {given.get('do')!r}; known: {', '.join(sorted(acts))}")
    return {"done": given["do"], "result": acts[given["do"]](given)}
