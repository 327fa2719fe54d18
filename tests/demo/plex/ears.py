"""Somebody who listens: to the frames of a websocket, and to webhooks."""

import json
import queue
import threading
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import websocket

Frame = dict[str, Any]


class Ears:
    """Frames of a websocket, taken from a queue."""

    def __init__(self, url: str, token: str, path: str = "/:/websockets/notifications") -> None:
        self.socket: Any = websocket.create_connection(
            url.replace("http", "ws") + path, header=[f"X-Plex-Token: {token}"], timeout=10
        )

    def next(self, kind: str = "playing") -> Frame:
        """The next frame of a kind."""
        while True:
            frame: Frame = json.loads(self.socket.recv())["NotificationContainer"]
            if frame["type"] == kind:
                return frame

    def states(self, count: int) -> list[tuple[str, int]]:
        """State and offset of the next entries."""
        found: list[tuple[str, int]] = []
        while len(found) < count:
            found += [(e["state"], e["viewOffset"]) for e in self.next()["PlaySessionStateNotification"]]
        return found


class Receiver(ThreadingHTTPServer):
    """Takes webhooks apart."""

    def __init__(self) -> None:
        self.got: queue.Queue[tuple[str, Frame, bool]] = queue.Queue()
        super().__init__(("127.0.0.1", 0), Hook)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def url(self, name: str) -> str:
        """An address of its own."""
        return f"http://127.0.0.1:{self.server_port}/{name}"

    def events(self, count: int) -> list[str]:
        """The events of the next posts."""
        return [self.got.get(timeout=10)[1]["event"] for _ in range(count)]


class Hook(BaseHTTPRequestHandler):
    """One webhook."""

    server: Receiver

    def do_POST(self) -> None:
        """Reads the multipart body."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        parts = message_from_bytes(b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + body)
        named = {p.get_param("name", header="content-disposition"): p for p in parts.get_payload()}  # type: ignore[union-attr]
        payload = json.loads(named["payload"].get_payload(decode=True))  # type: ignore[union-attr, arg-type]
        self.server.got.put((self.path, payload, "thumb" in named))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stays silent."""
