"""What a test or a demo holds of one simulator: its clock, its request log, its faults, switches and acts.

`install` puts the routes under /_control in front of the simulator, so that neither its sign-in nor its error
pages nor its log see them, and wraps every other request with logging and the faults of the transport.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import flask
import msgspec
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.http import http_date

from sidecar.demo.faults import PAGE, Faults, mistyped, refusal, truncate
from sidecar.demo.panel import routes

Act = Callable[[dict[str, Any]], Any]
CUT = "household.cut"  # in the WSGI environment: the server closes the connection instead of answering


class Clock:
    """Real time plus an offset, or one moment when frozen; every simulator takes all its times from here."""

    def __init__(self) -> None:
        self.offset, self.frozen = timedelta(), None
        self._moved = threading.Condition()

    offset: timedelta
    frozen: datetime | None

    def now(self) -> datetime:
        """The current moment, aware and in UTC."""
        return self.frozen or datetime.now(UTC) + self.offset

    def set(self, at: datetime) -> None:
        """Moves to a moment; a frozen clock stays frozen there."""
        if at.tzinfo is None:
            raise ValueError("a moment needs a zone, such as Z")
        with self._moved:
            if self.frozen:
                self.frozen = at.astimezone(UTC)
            self.offset = at - datetime.now(UTC)
            self._moved.notify_all()

    def shift(self, seconds: float) -> None:
        """Moves forwards, or backwards when negative."""
        self.set(self.now() + timedelta(seconds=seconds))

    def freeze(self, on: bool = True) -> None:
        """Stops the clock where it is, or lets it run on from there."""
        now = self.now()
        self.frozen = now if on else None
        self.set(now)

    def due(self, at: datetime) -> bool:
        """Whether this moment has come."""
        return self.now() >= at

    def wait(self, at: datetime, timeout: float) -> bool:
        """Blocks until the moment has come on this clock, at most `timeout` real seconds; True when it has."""
        end = time.monotonic() + timeout
        with self._moved:
            while not self.due(at):
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._moved.wait(left if self.frozen else min(left, max((at - self.now()).total_seconds(), 0.001)))
        return True


class Control:
    """One simulator's clock, log, faults, switches and acts, and the routes under /_control that show them."""

    def __init__(self, name: str, options: dict[str, Any] | None = None) -> None:
        self.name, self.options, self.clock, self.faults = name, options or {}, Clock(), Faults()
        self.switches: dict[str, Any] = {}
        self.acts: dict[str, Act] = {}
        self.play: dict[str, Act] = {}
        self.state: Callable[[], dict[str, Any]] = dict
        self.log: deque[dict[str, Any]] = deque(maxlen=20_000)
        self.counts: Counter[tuple[str, str]] = Counter()
        self.count = 0
        self.sentences: dict[str, tuple[Any, str]] = {}
        self._resets: list[Callable[[], None]] = []
        self._logged = threading.Condition()
        self._who: Callable[[], str | None] = lambda: None

    def fault(self, name: str, args: dict[str, Any], sentence: str) -> None:
        """Declares a fault of this simulator with the defaults of its arguments."""
        self.faults.known[name] = (args, sentence)

    def switch(self, name: str, default: Any, sentence: str) -> None:
        """Declares a switch of this simulator."""
        self.switches[name], self.sentences[name] = default, (default, sentence)

    def on_reset(self, forget: Callable[[], None]) -> None:
        """Adds what has to be done so that everything is as after the start."""
        self._resets.append(forget)

    def take(self, name: str, path: str | None = None, user: str | None = None, **args: Any) -> dict[str, Any] | None:
        """The arguments of an armed fault that hits now, or None; path and user default to the current request's."""
        if not self.faults.armed:
            return None
        inside = flask.has_request_context()
        method = flask.request.method if inside else ""
        path = path if path is not None else flask.request.path if inside else ""
        return self.faults.take(name, method, path, user or (self._who() if inside else None), **args)

    def reset(self) -> None:
        """Everything as after the start: clock, switches, faults, log and what the simulator stores."""
        self.faults.clear()
        self.clock.freeze(False)
        self.clock.set(datetime.now(UTC))
        self.switches.update({name: default for name, (default, _) in self.sentences.items()})
        for forget in self._resets:
            forget()
        with self._logged:
            self.log.clear()
            self.counts.clear()
            self.count = 0

    def note(self, status: int, length: int | None, unhandled: bool = False) -> None:
        """Adds the current request to the log and the counts."""
        request, user = flask.request, self._who()
        path, _, query = request.environ.get("REQUEST_URI", request.full_path).partition("?")
        rule = f"{request.method} {request.url_rule.rule if request.url_rule else path}"
        ms = round((time.perf_counter() - flask.g.get("began", time.perf_counter())) * 1000, 3)
        with self._logged:
            self.count += 1
            self.counts[rule, user or ""] += 1
            self.log.append({
                "n": self.count, "at": self.clock.now(), "method": request.method, "path": path, "query": query,
                "rule": rule, "user": user, "status": status, "ms": ms, "bytes": length, "unhandled": unhandled,
            })  # fmt: skip
            self._logged.notify_all()

    def rows(self, since: int = 0, wait: float = 0) -> dict[str, Any]:
        """The log after row `since` with all counts; waits up to `wait` seconds for the first such row."""
        with self._logged:
            self._logged.wait_for(lambda: self.count > since, wait)
            counts: dict[str, dict[str, int]] = {}
            for (rule, user), count in self.counts.items():
                counts.setdefault(rule, {})[user] = count
            return {"rows": [row for row in self.log if row["n"] > since], "counts": counts}

    def show(self) -> dict[str, Any]:
        """What GET /_control/state answers: the clock, everything known by name, and what the simulator stores."""
        armed = list(map(msgspec.structs.asdict, self.faults.armed))
        known = {
            "faults": {name: {"args": args, "about": about} for name, (args, about) in self.faults.known.items()},
            "switches": {name: {"default": value, "about": about} for name, (value, about) in self.sentences.items()},
            "acts": {name: first_line(act) for name, act in self.acts.items()},
            "play": {name: first_line(act) for name, act in self.play.items()},
        }
        clock = {"now": self.clock.now(), "frozen": self.clock.frozen is not None}
        shown = {"name": self.name, "options": self.options, "clock": clock, "switches": self.switches}
        return shown | {"faults": armed, "known": known, "state": self.state()}

    def install(self, app: flask.Flask, who: Callable[[], str | None]) -> None:
        """Call it first in `make_app`: `who` names the user of the current request, or None."""
        self._who, control, inner = who, routes(self), app.wsgi_app

        def front(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            return (control if environ["PATH_INFO"].startswith("/_control/") else inner)(environ, start_response)

        app.wsgi_app = front  # type: ignore[method-assign]
        app.before_request(self._before)
        app.after_request(self._after)

    def _before(self) -> flask.Response | None:
        flask.g.began = time.perf_counter()
        if flask.request.environ.get("HTTP_UPGRADE", "").lower() == "websocket":
            self.note(101, None, unknown_path())  # it may stay open for long: logged when it begins
        if not self.faults.armed:
            return None
        release = self.faults.release  # before the fault is taken: a reset in between has to find us
        if args := self.take("slow"):
            release.wait(args["seconds"])
        if self.take("reset") is not None:
            flask.request.environ[CUT] = True
            return flask.Response(status=500)
        if args := self.take("status", when="before"):
            return refusal(args)
        if args := self.take("html"):
            return flask.Response(PAGE.format("Just a moment"), args["status"], mimetype="text/html")
        args = self.take("empty")
        return None if args is None else flask.Response(args["body"], mimetype="application/json")

    def _after(self, answer: flask.Response) -> flask.Response:
        answer.headers.setdefault("Date", http_date(self.clock.now()))
        if self.faults.armed:
            answer = self._spoil(answer)
        if flask.request.environ.get("HTTP_UPGRADE", "").lower() != "websocket":
            self.note(answer.status_code, answer.calculate_content_length(), unknown_path())
        return answer

    def _spoil(self, answer: flask.Response) -> flask.Response:
        if args := self.take("status", when="after"):
            return refusal(args)
        if self.take("lost") is not None:
            flask.request.environ[CUT] = True
        if args := self.take("truncated"):
            truncate(answer, args)
        if answer.is_json and self.take("wrong_types") is not None:
            answer.set_data(msgspec.json.encode(mistyped(msgspec.json.decode(answer.get_data()))))
        return answer


def first_line(act: Act) -> str:
    """The sentence an act describes itself with."""
    return (act.__doc__ or "").strip().partition("\n")[0]


def unknown_path() -> bool:
    """Whether the current request's path or method is none the simulator knows."""
    return isinstance(flask.request.routing_exception, NotFound | MethodNotAllowed)
