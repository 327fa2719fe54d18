"""How a command hands its request to the process that holds the lock, and sees its progress.

Lines of JSON over loopback. The word in the lock file, which only its owner may read, proves the right to ask.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import logging
import secrets
import socket
import socketserver
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any, ClassVar

from sidecar.errors import SidetraktError, UserError
from sidecar.store.owner import Holder, Owner

log = logging.getLogger(__name__)

LONGEST_LINE = 1 << 20
Event = dict[str, Any]
Perform = Callable[[str, dict[str, Any]], Iterator[Event]]
"""Carries out a command by name; yields progress, and as the last thing `{"result": …}`."""


class HandedError(SidetraktError):
    """An error that the owner met while it carried out our request."""

    def __init__(self, what: str, next_step: str, exit_code: int) -> None:
        super().__init__(what, next_step)
        self.exit_code = exit_code


class Desk:
    """Takes requests of other commands, each in a thread of its own."""

    def __init__(self, owner: Owner, perform: Perform) -> None:
        word = secrets.token_urlsafe(24)

        class Visitor(socketserver.StreamRequestHandler):
            timeout: ClassVar[float | None] = 30.0  # to say what is wanted; the work may take as long as it takes

            def handle(self) -> None:
                # The visitor left: what only waits for a person ends, all other work went on to its end.
                with contextlib.suppress(OSError):
                    _answer(self.rfile.readline(LONGEST_LINE), word, perform, self.wfile.write)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = False

        self._server = Server(("127.0.0.1", 0), Visitor)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="desk", daemon=True)
        self._thread.start()
        owner.listens(self._server.server_address[1], word)

    def close(self) -> None:
        """Take no more requests."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def ask(holder: Holder, command: str, arguments: dict[str, Any]) -> Iterator[Event]:
    """Hand a request over; yields its events, the result last, and raises the error the owner met."""
    try:
        link = socket.create_connection(("127.0.0.1", holder.port), timeout=5)
    except OSError as problem:
        raise SidetraktError("The running Sidetrakt does not answer.", "Try again, or restart it.") from problem
    with link, link.makefile("rwb") as lines:
        link.settimeout(None)
        lines.write(_line({"word": holder.word, "command": command, "arguments": arguments}))
        lines.flush()
        while text := lines.readline():
            event = json.loads(text)
            if "error" in event:
                raise HandedError(**event["error"])
            yield event
            if "result" in event:
                return
    raise SidetraktError(
        "The running Sidetrakt ended before it had answered.", "Start it again, then look at `sidetrakt runs`."
    )


def _answer(request: bytes, word: str, perform: Perform, write: Callable[[bytes], Any]) -> None:
    try:
        command, arguments = _read(request, word)
        events = perform(command, arguments)
        try:
            for event in events:
                write(_line(event))
        finally:
            if isinstance(events, Generator):
                events.close()  # where the visitor left, nothing is waited for any longer
    except SidetraktError as problem:
        write(_line({"error": {"what": problem.what, "next_step": problem.next_step, "exit_code": problem.exit_code}}))
    except OSError:
        raise  # the visitor left
    except Exception:
        # The visitor must hear of it whatever it was, and the log has the rest.
        log.exception("A request of another command failed")
        what, step = "Something unexpected went wrong in the running Sidetrakt.", "Its log has the details."
        write(_line({"error": {"what": what, "next_step": step, "exit_code": 1}}))


def _read(request: bytes, word: str) -> tuple[str, dict[str, Any]]:
    try:
        asked = json.loads(request)
        given, command, arguments = str(asked["word"]), str(asked["command"]), dict(asked["arguments"])
    except (ValueError, KeyError, TypeError) as problem:
        raise UserError("That request cannot be read.") from problem
    if not hmac.compare_digest(given.encode(), word.encode()):
        raise UserError("This request does not come from somebody who may read the data folder.")
    return command, arguments


def _line(event: Event) -> bytes:
    return json.dumps(event, default=str).encode() + b"\n"
