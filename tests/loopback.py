"""A small HTTP server on loopback that answers as it was told and remembers what it was asked."""

from __future__ import annotations

import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What to say, and how to misbehave while saying it."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    manner: str = "whole"  # whole | cut (no answer) | reset (no answer, rudely) | half (of the body) | silent


class Loopback(ThreadingHTTPServer):
    """Gives the answers in the order in which they were told, the last one for ever."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *answers: Answer, tls: SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.asked: list[Asked] = []
        self._arrived = threading.Condition()
        self.answers = deque(answers or [Answer()])
        self.over = threading.Event()
        self.scheme = "http"
        if tls is not None:
            self.scheme = "https"
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def note(self, asked: Asked) -> None:
        """Remember a request."""
        with self._arrived:
            self.asked.append(asked)
            self._arrived.notify_all()

    def count(self, at_least: int) -> int:
        """How many requests came, once so many are there; for a client that did not wait for the answer."""
        with self._arrived:
            self._arrived.wait_for(lambda: len(self.asked) >= at_least, 10)
            return len(self.asked)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that run away belong to the tests; nothing is printed."""


class _Conversation(BaseHTTPRequestHandler):
    server: Loopback
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.note(Asked(self.command, self.path, dict(self.headers), body))
        answers = self.server.answers
        self._say(answers.popleft() if len(answers) > 1 else answers[0])

    def _say(self, answer: Answer) -> None:
        self.close_connection = answer.manner != "whole"
        if answer.manner == "silent":
            self.server.over.wait(10)
        if answer.manner == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if answer.manner in ("silent", "reset", "cut"):
            return
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) // 2] if answer.manner == "half" else answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@contextmanager
def listening(*answers: Answer, tls: SSLContext | None = None) -> Iterator[Loopback]:
    """A server for the length of a block."""
    server = Loopback(*answers, tls=tls)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def nobody() -> Iterator[str]:
    """An address that is taken, so that nobody else can have it, and where nobody listens."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"
