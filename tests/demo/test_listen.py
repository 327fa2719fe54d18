"""The HTTP server of the simulators: keep-alive, no stalls, nothing left behind."""

import http.client
import threading
import time
from collections.abc import Iterator

import flask
import pytest
import simple_websocket
from werkzeug.routing import Rule

from sidecar.demo.control import Control
from sidecar.demo.listen import Listener


def make_app(control: Control) -> flask.Flask:
    app = flask.Flask("echo")
    control.install(app, lambda: None)

    @app.route("/echo", methods=["GET", "POST", "HEAD"])
    def echo() -> flask.Response:
        return flask.Response(flask.request.get_data() or b"nothing")

    @app.post("/unread")
    def unread() -> flask.Response:
        return flask.Response(status=204)

    @app.get("/broken")
    def broken() -> flask.Response:
        raise RuntimeError("on purpose")

    def socket() -> flask.typing.ResponseReturnValue:
        if flask.request.args.get("token") != "good":
            return "no", 403
        server = simple_websocket.Server.accept(flask.request.environ)
        try:
            while True:
                server.send(server.receive() or "")
        except simple_websocket.ConnectionClosed:
            return ""

    app.url_map.add(Rule("/socket", endpoint="socket", websocket=True))
    app.view_functions["socket"] = socket
    return app


@pytest.fixture
def control() -> Control:
    return Control("echo")


@pytest.fixture
def listener(control: Control) -> Iterator[Listener]:
    before = set(threading.enumerate())
    listener = Listener(make_app(control)).start()
    yield listener
    listener.close()
    assert set(threading.enumerate()) <= before


@pytest.fixture
def connection(listener: Listener) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=10)
    yield connection
    connection.close()


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection.request(method, path, body)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_one_connection_serves_many_requests_read_or_not(connection: http.client.HTTPConnection) -> None:
    connection.connect()
    socket = connection.sock
    assert ask(connection, "POST", "/echo", b"x" * 300_000) == (200, b"x" * 300_000)
    assert ask(connection, "POST", "/unread", b"y" * 300_000) == (204, b"")
    assert ask(connection, "HEAD", "/echo") == (200, b"")
    assert ask(connection, "GET", "/echo") == (200, b"nothing")
    assert ask(connection, "GET", "/nowhere")[0] == 404
    assert connection.sock is socket


def test_a_body_in_chunks_is_read(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/echo", iter([b"one ", b"two"]), encode_chunked=True)
    assert connection.getresponse().read() == b"one two"
    assert ask(connection, "GET", "/echo") == (200, b"nothing")


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(connection: http.client.HTTPConnection) -> None:
    connection.putrequest("POST", "/echo")
    connection.putheader("Expect", "100-continue")
    connection.putheader("Content-Length", "2")
    connection.endheaders()
    connection.send(b"ok")
    assert connection.getresponse().read() == b"ok"


def test_a_broken_view_is_a_500_and_is_logged(
    connection: http.client.HTTPConnection, control: Control, caplog: pytest.LogCaptureFixture
) -> None:
    assert ask(connection, "GET", "/broken")[0] == 500
    assert control.rows()["rows"][0]["status"] == 500
    assert "on purpose" in caplog.text


def test_small_requests_do_not_stall(connection: http.client.HTTPConnection) -> None:
    times = []
    for _ in range(200):
        began = time.perf_counter()
        ask(connection, "POST", "/echo", b"small")
        times.append(time.perf_counter() - began)
    assert sorted(times)[100] < 0.02  # a delayed acknowledgement would cost 40 ms each time


def test_a_websocket_talks_and_is_logged_when_it_begins(listener: Listener, control: Control) -> None:
    client = simple_websocket.Client.connect(f"ws://127.0.0.1:{listener.port}/socket?token=good")
    client.send("hello")
    assert client.receive(timeout=10) == "hello"
    assert [(row["path"], row["status"]) for row in control.rows()["rows"]] == [("/socket", 101)]
    client.close()
    assert len(control.rows()["rows"]) == 1


def test_a_websocket_can_be_refused(connection: http.client.HTTPConnection) -> None:
    key = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "x" * 22 + "==",
        "Sec-WebSocket-Version": "13",
    }
    connection.request("GET", "/socket", headers=key)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (403, b"no")


def test_closing_ends_idle_connections_and_open_websockets(control: Control) -> None:
    before = set(threading.enumerate())
    listener = Listener(make_app(control)).start()
    idle = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=10)
    assert ask(idle, "GET", "/echo")[0] == 200
    client = simple_websocket.Client.connect(f"ws://127.0.0.1:{listener.port}/socket?token=good")
    client.send("x")
    assert client.receive(timeout=10) == "x"
    listener.close()
    with pytest.raises(simple_websocket.ConnectionClosed):
        client.receive(timeout=10)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        ask(idle, "GET", "/echo")
    idle.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
    assert set(threading.enumerate()) <= before


def test_only_loopback_is_listened_on(listener: Listener) -> None:
    assert listener.server_address[0] == "127.0.0.1"
    assert listener.url == f"http://127.0.0.1:{listener.port}"
