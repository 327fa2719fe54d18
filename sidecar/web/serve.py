"""Serving the site: one listening socket, taken before anything else is touched, and waitress on it."""

from __future__ import annotations

import errno
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from waitress.channel import HTTPChannel
from waitress.server import create_server

from sidecar.errors import UserError

THREADS = 24
CONNECTIONS = 256
LARGEST_READ = 8 << 20  # read to its end, so that the sender hears the 413 of the site; more is cut off
IN_MEMORY = 128 << 10  # of one request while it arrives; the rest waits on disk
LONGEST_REQUEST = 60.0  # seconds in which a request has to be there


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on this address; raises UserError where it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
        door.listen(128)
    except OSError as problem:
        door.close()
        step = "Choose another with --port or SIDETRAKT_WEB__PORT, or end the program that uses it."
        if problem.errno == errno.EADDRINUSE:
            raise UserError(f"The port {port} is taken by another program.", step) from problem
        if problem.errno == errno.EACCES:
            raise UserError(f"The port {port} may not be used by this user.", "Choose one above 1023.") from problem
        raise UserError(
            f"Nothing can be served on {host}.", "Choose an address of this machine with --host."
        ) from problem
    return door


class Channel(HTTPChannel):  # type: ignore[misc] # waitress has no types
    """A connection that is closed when a request does not arrive in time, however often a byte of it does."""

    began = 0.0

    def received(self, data: bytes) -> Any:
        """Take what arrived; no thread is busy with a request before all of it is there."""
        if self.request is None:
            self.began = time.monotonic()
        elif time.monotonic() - self.began > LONGEST_REQUEST:
            self.will_close = True
            return False
        return super().received(data)


def server_of(site: Any, door: socket.socket) -> Any:
    """The server of a site on a listening socket, not yet running."""
    server = create_server(
        site,
        sockets=[door],
        threads=THREADS,
        connection_limit=CONNECTIONS,
        channel_timeout=120,
        max_request_body_size=LARGEST_READ,
        inbuf_overflow=IN_MEMORY,
        ident=None,
        clear_untrusted_proxy_headers=False,  # that somebody came through a proxy is what health.py wants to know
    )
    server.channel_class = Channel
    return server


def serve(site: Any, door: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; returns when the last answer is out."""
    server = server_of(site, door)

    def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one ends at once
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    try:
        ready()
        server.run()
    except KeyboardInterrupt:
        pass  # asked to stop
    finally:
        server.close()
