"""The HTTP server of one simulator on 127.0.0.1: threads, HTTP/1.1 with keep-alive, no delayed segments.

Werkzeug's own request loop closes each connection and waits 10 ms after each answer, so the loop is ours.
"""

import io
import socket
import threading
from collections.abc import Callable
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from sidecar.demo.control import CUT


class Handler(WSGIRequestHandler):
    """One connection: whole requests in, whole answers out in one write."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def run_wsgi(self) -> None:
        """Answers one request."""
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        environ = self.make_environ()
        if "wsgi.input_terminated" in environ:  # chunked
            environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read())
        else:
            environ["wsgi.input"] = io.BytesIO(self.rfile.read(int(environ.get("CONTENT_LENGTH") or 0)))
        began: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], object]:
            began[:] = status, headers
            return io.BytesIO().write  # the old way of answering, which flask does not use

        rows = self.server.app(environ, start)
        body = b"".join(rows)
        if hasattr(rows, "close"):
            rows.close()
        status, headers = began
        websocket = environ.get("HTTP_UPGRADE", "").lower() == "websocket"
        if environ.get(CUT) or (websocket and status < "3"):  # after a websocket there is nothing to answer
            self.close_connection = True
            return
        self._send(status, headers, body, websocket)

    def _send(self, status: str, headers: list[tuple[str, str]], body: bytes, last: bool) -> None:
        lines = [f"{self.protocol_version} {status}"]
        promised, bare = None, self.command == "HEAD" or status[:3] in ("204", "304")
        for name, value in headers:
            if name.lower() == "content-length":
                promised = int(value)
            if name.lower() != "content-length" or status[:3] != "204":
                lines.append(f"{name}: {value}")
            last = last or (name.lower(), value.lower()) == ("connection", "close")
        if promised is None and not bare:
            lines.append(f"Content-Length: {len(body)}")
        if last or (promised is not None and promised != len(body) and not bare):
            self.close_connection = True
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if bare else body))
        self.wfile.flush()


class Listener(ThreadedWSGIServer):
    """Serves an application on 127.0.0.1 from `start` to `close`, which leaves no thread and no socket behind."""

    daemon_threads = True

    def __init__(self, app: Any, port: int = 0) -> None:
        super().__init__("127.0.0.1", port, app, handler=Handler)
        self._open: dict[socket.socket, threading.Thread] = {}
        self._loop = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, name="listener")

    @property
    def url(self) -> str:
        """The base address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Listener":
        """Begins to serve in a thread of its own."""
        self._loop.daemon = True
        self._loop.start()
        return self

    def process_request(self, request: Any, client_address: Any) -> None:
        """Each connection gets a thread that `close` can end."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """Ends one connection."""
        self._open.pop(request, None)
        super().shutdown_request(request)

    def close(self) -> None:
        """Stops listening and ends every connection and its thread."""
        self.shutdown()
        self._loop.join()
        self.server_close()
        for connection, thread in list(self._open.items()):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it ended by itself
            thread.join(5)
