"""What every simulator has in common: log, clock, switches, acts and the faults of the transport."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import flask
import msgspec
import pytest
import requests

from sidecar.demo.control import Clock, Control


class Toy:
    """A small simulator: counts what it carried out, knows one fault, one switch and one act of its own."""

    def __init__(self) -> None:
        self.done, self.control = 0, Control("toy", {"version": "1"})
        self.control.switch("loud", False, "Answers in capitals.")
        self.control.fault("half", {"share": 0.5}, "Leaves out half.")
        self.control.acts["rate"] = self.rate
        self.control.play["start"] = self.rate
        self.control.state = lambda: {"done": self.done}
        self.control.on_reset(self.forget)

    def rate(self, given: dict[str, Any]) -> int:
        """Rates something.

        More about it."""
        if given.get("rating", 5) > 10:
            raise ValueError("ten at most")
        self.done += 1
        return self.done

    def forget(self) -> None:
        self.done = 0

    def app(self) -> flask.Flask:
        app = flask.Flask("toy")
        self.control.install(app, lambda: flask.request.headers.get("User"))

        @app.get("/things/<name>")
        def things(name: str) -> flask.Response:
            half = self.control.take("half")
            body = {"name": name, "at": self.control.clock.now().isoformat(), "numbers": [1, 2.5, True, None]}
            if half:
                body["share"] = half["share"]
            return flask.Response(msgspec.json.encode(body), mimetype="application/json")

        @app.post("/things")
        def add() -> flask.Response:
            self.done += 1
            return flask.Response(b'{"added":[{"id":7}]}', 201, mimetype="application/json")

        @app.before_request
        def closed() -> tuple[str, int] | None:
            return ("closed", 401) if flask.request.path == "/closed" else None

        return app


class Client:
    """One keep-alive connection to the toy."""

    def __init__(self, base: str) -> None:
        self.base, self.session = base, requests.Session()

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(self.base + path, headers=headers, timeout=10)

    def post(self, path: str, body: Any = None, **headers: str) -> requests.Response:
        return self.session.post(self.base + path, json=body, headers=headers, timeout=10)

    def arm(self, name: str, **args: Any) -> None:
        assert self.post("/_control/faults", {"name": name, **args}).status_code == 200

    def log(self, since: int = 0) -> dict[str, Any]:
        answer: dict[str, Any] = self.get(f"/_control/log?since={since}").json()
        return answer

    def state(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.get("/_control/state").json()
        return answer


@pytest.fixture(scope="module")
def toy() -> Toy:
    return Toy()


@pytest.fixture(scope="module")
def connected(toy: Toy, serve: Callable[[flask.Flask], str]) -> Iterator[Client]:
    client = Client(serve(toy.app()))
    with client.session:
        yield client


@pytest.fixture
def client(connected: Client) -> Client:
    connected.post("/_control/reset")
    return connected


def test_each_request_is_logged_with_who_made_it(client: Client) -> None:
    client.get("/things/a?x=1&y=%20", User="anna")
    client.get("/things/b", User="ben")
    client.post("/things", {}, User="anna")
    log = client.log()
    first = log["rows"][0]
    assert [row["n"] for row in log["rows"]] == [1, 2, 3]
    assert (first["method"], first["path"], first["query"], first["rule"], first["user"], first["status"]) == (
        "GET", "/things/a", "x=1&y=%20", "GET /things/<name>", "anna", 200,
    )  # fmt: skip
    assert first["bytes"] == len(client.get("/things/a").content)
    assert first["ms"] >= 0
    assert not first["unhandled"]
    assert log["counts"] == {"GET /things/<name>": {"anna": 1, "ben": 1}, "POST /things": {"anna": 1}}
    assert [row["n"] for row in client.log(2)["rows"]] == [3, 4]


def test_an_unknown_path_is_answered_404_and_logged_as_unhandled(client: Client) -> None:
    assert client.get("/nothing/here").status_code == 404
    assert client.post("/things/a", {}).status_code == 405
    assert [(row["rule"], row["unhandled"]) for row in client.log()["rows"]] == [
        ("GET /nothing/here", True),
        ("POST /things/a", True),
    ]


def test_an_unknown_path_behind_a_closed_door_is_unhandled_too(client: Client) -> None:
    assert client.get("/closed").status_code == 401
    assert client.log()["rows"][0]["unhandled"]


def test_the_log_can_be_waited_for(client: Client) -> None:
    rows: list[Any] = []
    waiter = threading.Thread(
        target=lambda: rows.extend(requests.get(f"{client.base}/_control/log?wait=10", timeout=15).json()["rows"])
    )
    waiter.start()
    client.get("/things/late")
    waiter.join(10)
    assert [row["path"] for row in rows] == ["/things/late"]


def test_control_itself_is_neither_logged_nor_faulted(client: Client) -> None:
    client.arm("status", times=None)
    client.arm("reset", times=None)
    assert client.state()["faults"][0]["name"] == "status"
    assert client.log() == {"rows": [], "counts": {}}


def test_state_names_everything_there_is(client: Client) -> None:
    state = client.state()
    assert (state["name"], state["options"], state["state"], state["switches"]) == (
        "toy", {"version": "1"}, {"done": 0}, {"loud": False},
    )  # fmt: skip
    known = state["known"]
    assert known["switches"] == {"loud": {"default": False, "about": "Answers in capitals."}}
    assert known["faults"]["half"] == {"args": {"share": 0.5}, "about": "Leaves out half."}
    assert known["acts"] == {"rate": "Rates something."} == {"rate": known["play"]["start"]}
    assert {"status", "lost", "reset", "slow", "html", "truncated", "wrong_types", "empty"} < known["faults"].keys()


def test_acts_and_plays_answer_what_came_of_them(client: Client) -> None:
    assert client.post("/_control/act", {"do": "rate"}).json() == {"done": "rate", "result": 1}
    assert client.post("/_control/play", {"do": "start"}).json() == {"done": "start", "result": 2}
    assert client.post("/_control/rate", {"rating": 3}).json() == {"done": "rate", "result": 3}


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("act", {"do": "dance"}, "known: rate"),
        ("act", {}, "known: rate"),
        ("act", {"do": "rate", "rating": 11}, "ten at most"),
        ("play", {"do": "dance"}, "known: start"),
        ("faults", {"name": "nonsense"}, "half, html, lost"),
        ("faults", {"name": "half", "size": 1}, "known: share"),
        ("faults", {"name": "half", "share": "a"}, "like 0.5"),
        ("faults", {"name": "half", "path": "("}, "unterminated"),
        ("faults", {"name": "half", "times": "twice"}, "times"),
        ("switches", {"quiet": 1}, "known: loud"),
        ("clock", {}, "set, shift"),
        ("clock", {"set": "noon"}, "isoformat"),
        ("clock", {"set": "2026-01-01T00:00:00"}, "zone"),
        ("clock", {"turn": 1}, "set, shift"),
        ("act", [], "object"),
    ],
)
def test_what_control_does_not_know_is_refused_with_what_it_knows(
    client: Client, path: str, body: Any, says: str
) -> None:
    answer = client.post(f"/_control/{path}", body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]


def test_an_unknown_control_route_is_404_and_a_broken_body_400(client: Client) -> None:
    assert client.post("/_control/dance", {}).status_code == 404
    assert client.get("/_control/dance").status_code in (404, 405)
    assert client.session.post(client.base + "/_control/act", data=b"{", timeout=5).status_code == 400


def test_reset_makes_everything_as_after_the_start(client: Client) -> None:
    client.post("/_control/act", {"do": "rate"})
    client.post("/_control/switches", {"loud": True})
    client.post("/_control/clock", {"set": "2030-01-01T00:00:00Z", "freeze": True})
    client.arm("half")
    client.get("/things/a")
    assert client.state()["switches"] == {"loud": True}
    client.post("/_control/reset")
    state = client.state()
    assert (state["state"], state["switches"], state["faults"]) == ({"done": 0}, {"loud": False}, [])
    assert not state["clock"]["frozen"]
    assert abs(datetime.fromisoformat(state["clock"]["now"]) - datetime.now(UTC)) < timedelta(seconds=30)
    assert client.log() == {"rows": [], "counts": {}}


def test_the_clock_moves_stops_and_gives_the_date_of_answers(client: Client) -> None:
    client.post("/_control/clock", {"freeze": True})
    client.post("/_control/clock", {"set": "2027-03-04T05:06:07Z"})
    assert client.get("/things/a").json()["at"] == "2027-03-04T05:06:07+00:00"
    client.post("/_control/clock", {"shift": 90})
    answer = client.get("/things/a")
    assert answer.json()["at"] == "2027-03-04T05:07:37+00:00"
    assert answer.headers["Date"] == "Thu, 04 Mar 2027 05:07:37 GMT"
    assert client.log()["rows"][0]["at"] == "2027-03-04T05:06:07Z"


def test_waiting_for_a_moment_ends_when_the_clock_is_moved_there() -> None:
    clock, came = Clock(), []
    clock.freeze()
    at = clock.now() + timedelta(hours=1)
    waiter = threading.Thread(target=lambda: came.append(clock.wait(at, 10)))
    waiter.start()
    assert not clock.due(at)
    clock.shift(3600)
    waiter.join(10)
    assert came == [True]
    assert not clock.wait(at + timedelta(hours=1), 0.01)


def test_a_fault_hits_whom_it_is_meant_for_and_as_often_as_asked(client: Client) -> None:
    client.arm("status", status=500, times=2, after=1, method="GET", path="^/things/a$", user="anna")
    asked = [("/things/a", "anna"), ("/things/b", "anna"), ("/things/a", "ben"), *[("/things/a", "anna")] * 3]
    assert [client.get(path, User=user).status_code for path, user in asked] == [200, 200, 200, 500, 500, 200]
    assert client.state()["faults"] == []


def test_a_fault_without_end_lasts_until_it_is_cleared(client: Client) -> None:
    client.arm("status", status=500, times=None)
    assert [client.get("/things/a").status_code for _ in range(3)] == [500] * 3
    client.post("/_control/faults", {"clear": True})
    assert client.get("/things/a").status_code == 200


def test_a_simulators_own_fault_has_its_arguments(client: Client) -> None:
    client.arm("half", share=0.25)
    assert client.get("/things/a").json()["share"] == 0.25
    assert "share" not in client.get("/things/a").json()


@pytest.mark.parametrize(
    ("body", "kind", "begins"),
    [
        ("json", "application/json", '{"error"'),
        ("html", "text/html", "<!DOCTYPE"),
        ("text", "text/plain", "429"),
        ("empty", "text/plain", ""),
    ],
)
def test_status_before_is_not_carried_out(client: Client, body: str, kind: str, begins: str) -> None:
    client.arm("status", status=429, body=body, retry_after=7, headers={"X-Ratelimit": "{}"})
    answer = client.post("/things", {})
    assert (answer.status_code, answer.headers["Retry-After"], answer.headers["X-Ratelimit"]) == (429, "7", "{}")
    assert answer.headers["Content-Type"].startswith(kind)
    assert answer.text.startswith(begins)
    assert bool(answer.text) is bool(begins)
    assert client.state()["state"] == {"done": 0}
    assert client.log()["rows"][0]["status"] == 429


def test_status_after_is_carried_out(client: Client) -> None:
    client.arm("status", status=502, when="after")
    answer = client.post("/things", {})
    assert (answer.status_code, "Retry-After" in answer.headers) == (502, False)
    assert client.state()["state"] == {"done": 1}


@pytest.mark.parametrize(("name", "done"), [("lost", 1), ("reset", 0)])
def test_a_cut_connection_gives_no_answer(client: Client, name: str, done: int) -> None:
    client.arm(name)
    with pytest.raises(requests.ConnectionError):
        client.post("/things", {})
    assert client.state()["state"] == {"done": done}
    assert client.log()["counts"] == {"POST /things": {"": 1}}
    assert client.post("/things", {}).status_code == 201


def test_slow_waits_before_it_carries_out_and_a_reset_releases_it(client: Client) -> None:
    client.arm("slow", seconds=0.05)
    assert client.get("/things/a").elapsed >= timedelta(seconds=0.05)
    client.arm("slow", seconds=30)
    answers: list[int] = []
    waiter = threading.Thread(
        target=lambda: answers.append(requests.get(client.base + "/things/a", timeout=20).status_code)
    )
    waiter.start()
    while client.state()["faults"]:  # until the waiting request has taken it
        pass
    client.post("/_control/reset")
    waiter.join(10)
    assert answers == [200]


def test_html_is_a_page_with_status_200(client: Client) -> None:
    client.arm("html")
    answer = client.post("/things", {})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert client.state()["state"] == {"done": 0}


def test_truncated_promises_more_than_it_sends(client: Client) -> None:
    client.arm("truncated")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        client.get("/things/a")
    client.arm("truncated", length="cut")
    answer = client.post("/things", {})
    assert answer.content == b'{"added":['
    assert answer.headers["Content-Length"] == "10"
    assert client.get("/things/a").json()["name"] == "a"


def test_wrong_types_makes_strings_of_numbers_and_objects_of_lists(client: Client) -> None:
    client.arm("wrong_types")
    assert client.get("/things/a").json()["numbers"] == {"0": "1", "1": "2.5", "2": True, "3": None}
    assert client.get("/things/a").json()["numbers"] == [1, 2.5, True, None]


@pytest.mark.parametrize("body", ["", "[]"])
def test_empty_is_200_with_nothing(client: Client, body: str) -> None:
    client.arm("empty", body=body)
    answer = client.get("/things/a")
    assert (answer.status_code, answer.text) == (200, body)
