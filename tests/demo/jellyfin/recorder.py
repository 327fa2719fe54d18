"""The receiver of what plugins send: keeps headers and bodies, and answers as it is told to."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

Got = tuple[dict[str, str], dict[str, Any]]


class Recorder(HTTPServer):
    """A small server on loopback; `statuses` are its next answers, after them it answers 202, while `open` is set."""

    def __init__(self) -> None:
        self.bodies: list[Got] = []
        self.statuses: list[int] = []
        self.moved, self.open = threading.Condition(), threading.Event()
        self.open.set()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"]))
                with recorder.moved:
                    recorder.bodies.append((dict(self.headers), json.loads(text)))
                    status = recorder.statuses.pop(0) if recorder.statuses else 202
                    recorder.moved.notify_all()
                recorder.open.wait(10)
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        super().__init__(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}/"

    def wait(self, count: int) -> list[Got]:
        """All that came, as soon as it is as much as this."""
        with self.moved:
            assert self.moved.wait_for(lambda: len(self.bodies) >= count, 10), [body for _, body in self.bodies]
            return list(self.bodies)

    def close(self) -> None:
        """Ends it."""
        self.shutdown()
        self.thread.join()
        self.server_close()
