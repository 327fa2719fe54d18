"""Sends a recorded conversation to our server and compares each answer with the one the real server gave.

Ids, tokens and moments of the recording are mapped to ours as they turn up and have to stay mapped that way; the
simulator's clock is frozen and set to each row's moment, so that counted seconds are the same.
"""

import contextlib
import dataclasses
import json
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import requests
import websocket

from sidecar.demo.control import Control
from sidecar.demo.jellyfin import make_app
from sidecar.demo.listen import Listener
from sidecar.demo.loading import load

ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,7}Z")
FREE = {"DateCreated", "Etag", "ETag", "traceId", "Size", "Bitrate", "BitRate", "ImageBlurHashes", "LocalAddress"}
SENT = ("Authorization", "Content-Type", "X-Emby-Token", "X-MediaBrowser-Token", "X-Emby-Authorization")


@dataclass
class Mapped:
    """Which of our ids, tokens and moments stands for which of the recording's."""

    known: dict[str, str] = field(default_factory=dict)

    def same(self, theirs: str, ours: str) -> bool:
        """Whether ours is what theirs is mapped to; binds it when it is new."""
        return self.known.setdefault(theirs, ours) == ours

    def ours(self, text: str) -> str:
        """A text of the recording with everything mapped."""
        text = re.sub(r"<[a-z ]+>", lambda name: self.known.get(name[0], name[0]), text)
        text = re.sub("[0-9A-F]{64}", lambda secret: self.known.get(secret[0], secret[0]), text)
        text = ID.sub(lambda known: self.known.get(known[0].replace("-", "").lower(), known[0]), text)
        return re.sub(r"\b\d{6}\b", lambda code: self.known.get(code[0], code[0]), text)


def differences(theirs: Any, ours: Any, mapped: Mapped, path: str = "") -> list[str]:
    """What is not the same, each as a path with both values."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = [f"{path}.{key}: only in the recording" for key in theirs.keys() - ours.keys() if key != "…"]
        if "…" not in theirs:
            found += [f"{path}.{key}: only in ours" for key in ours.keys() - theirs.keys()]
        common = [key for key in theirs if key in ours and key not in FREE]
        return found + [one for key in common for one in differences(theirs[key], ours[key], mapped, f"{path}.{key}")]
    if isinstance(theirs, list) and isinstance(ours, list):
        if theirs and isinstance(theirs[0], dict) and "Locations" in theirs[0]:  # in the order of a directory
            theirs, ours = (sorted(rows, key=lambda row: str(row["Name"])) for rows in (theirs, ours))
        if len(theirs) != len(ours):
            return [f"{path}: {len(theirs)} rows, ours {len(ours)}"]
        pairs = enumerate(zip(theirs, ours, strict=True))
        return [one for n, (a, b) in pairs for one in differences(a, b, mapped, f"{path}[{n}]")]
    return [] if same(theirs, ours, mapped, path) else [f"{path}: {str(theirs)[:80]!r}, ours {str(ours)[:80]!r}"]


def same(theirs: Any, ours: Any, mapped: Mapped, path: str) -> bool:
    """Whether two plain values are the same."""
    if not isinstance(theirs, str) or not isinstance(ours, str):
        return bool(theirs == ours) and isinstance(theirs, bool) == isinstance(ours, bool)
    if MOMENT.fullmatch(theirs) and MOMENT.fullmatch(ours):
        return mapped.same(theirs, ours) if theirs.startswith("2026-11-21") else theirs == ours
    if re.fullmatch(r"<[a-z ]+>|[0-9A-F]{64}", theirs) or path.endswith(".Code"):
        return mapped.same(theirs, ours)
    their_ids, our_ids = ID.findall(theirs), ID.findall(ours)
    if their_ids:
        pairs = zip(their_ids, our_ids, strict=False)
        plain = [(a.replace("-", ""), b.replace("-", "")) for a, b in pairs]
        return ID.sub("#", theirs) == ID.sub("#", ours) and all(mapped.same(a, b) for a, b in plain)
    return theirs.replace("/opt/dataX/", "/config/") == ours


def read(contracts: Path, version: str, name: str) -> list[dict[str, Any]]:
    """The rows of one recorded conversation."""
    rows: list[dict[str, Any]] = json.loads((contracts / "jellyfin" / version / f"{name}.json").read_text())[
        "exchanges"
    ]
    return rows


def began(rows: list[dict[str, Any]]) -> datetime:
    """When a conversation began, as exactly as its answers' dates tell."""
    bounds = []
    for row, after in zip(rows, [*rows[1:], rows[-1]], strict=True):
        if "answer" in row:
            date = parsedate_to_datetime(row["answer"]["headers"]["Date"])
            told = [datetime.fromisoformat(text) for text in MOMENT.findall(json.dumps(row["answer"]["body"]))]
            told = [at for at in told if at.year > 1 and at < date + timedelta(seconds=2)]  # the header may lag
            bounds += [at - timedelta(seconds=after["at_s"] + 0.01) for at in told] if after is not row else []
            bounds.append(date - timedelta(seconds=after["at_s"]))
        elif isinstance(row["observed"], dict):
            for frame in row["observed"].get("frames", []):
                told = [datetime.fromisoformat(text) for text in MOMENT.findall(json.dumps(frame))]
                bounds += [at - timedelta(seconds=frame["at_s"]) for at in told if at.year > 1]
    return max(bounds).astimezone(UTC)


def send(url: str, row: dict[str, Any], mapped: Mapped, session: requests.Session) -> list[str]:
    """Sends one recorded request; what differs in the answer."""
    request, answer = row["request"], row["answer"]
    headers = {name: mapped.ours(value) for name, value in (request.get("headers") or {}).items() if name in SENT}
    body = request.get("body")
    if body is not None:
        headers.setdefault("Content-Type", "application/json")
        body = mapped.ours(body if isinstance(body, str) else json.dumps(body)).encode()
    got = session.request(request["method"], url + mapped.ours(request["path"]), data=body, headers=headers, timeout=10)
    found = [] if got.status_code == answer["status"] else [f"status: {answer['status']}, ours {got.status_code}"]
    kind = answer["headers"].get("Content-Type", "").partition(";")[0]
    if kind != got.headers.get("Content-Type", "").partition(";")[0]:
        found.append(f"type: {kind!r}, ours {got.headers.get('Content-Type')!r}")
    if "Date" not in got.headers:
        found.append("no Date header")
    ours = got.json() if got.headers.get("Content-Type", "").startswith("application/json") else got.text
    return found + differences(answer["body"], ours, mapped)


SUBSCRIBE = '{"MessageType": "SessionsStart", "Data": "0,1500"}'
SAID = {  # what a socket of the recording said half a second after it opened
    "SessionsStart with an object as data": '{"MessageType": "SessionsStart", "Data": {}}',
    "SessionsStart without data": '{"MessageType": "SessionsStart"}',
    "a frame that is no JSON": "{oops",
    "an unknown message": '{"MessageType": "Nonsense"}',
    "KeepAlive": '{"MessageType": "KeepAlive"}',
    "ApiKey in the query": '{"MessageType": "KeepAlive"}',
}
ORDER = [
    "startup",
    "sign-in",
    "libraries",
    "items",
    "user-data",
    "played-items",
    "playback",
    "sessions",
    "websocket",
    "lists",
    "stale-reads",
    "websocket-silence",
    "library-changes",
    "restart",
]


class Household:
    """One server of a version, empty before its first start, whose clock stands still but when it is moved."""

    def __init__(self, contracts: Path, version: str, ids: str = "") -> None:
        self.contracts, self.version, self.mapped = contracts, version, Mapped()
        full = load(contracts / "jellyfin" / (ids or version) / "catalogue.json")
        plain = dataclasses.replace(
            full.files[0].media, resolution="1080", video="h264", hdr="", audio="aac", channels=1
        )
        files = tuple(dataclasses.replace(file, media=plain) for file in full.files)
        options = {"version": version.removesuffix(".0"), "wizard": True}
        options["server_version"] = {"12.0": "12.0.0", "10.11": "10.11.11"}[version]
        self.control = Control("jellyfin", options)
        self.app = make_app(dataclasses.replace(full, people=(), libraries=(), files=files), self.control)
        self.server, self.listener = self.app.server, Listener(self.app).start()
        self.session, self.taken = requests.Session(), threading.Semaphore(0)
        self.clients: list[websocket.WebSocket] = []
        self.control.clock.freeze()
        self.control.clock.set(datetime(2026, 11, 21, tzinfo=UTC))
        take = self.server.sockets.take

        def counted(*given: Any) -> bool:
            good = take(*given)
            self.taken.release()
            return good

        self.server.sockets.take = counted  # type: ignore[assignment]

    def close(self) -> None:
        """Ends everything."""
        for client in self.clients:
            client.shutdown()  # type: ignore[no-untyped-call]
        self.server.sockets.close()
        self.session.close()
        self.listener.close()

    def until(self, at: datetime) -> None:
        """Moves the clock forwards to a moment; everything due on the way happens at its own moment."""
        timers, clock = self.server.timers, self.control.clock
        with timers.lock:
            while timers.waiting and timers.waiting[0][0] <= at:
                clock.set(max(clock.now(), timers.waiting[0][0]))
                timers.run()
            clock.set(max(clock.now(), at))

    def act(self, do: str, **given: Any) -> Any:
        """Does something through the control routes."""
        answer = self.session.post(f"{self.listener.url}/_control/act", json={"do": do, **given}, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def send(self, row: dict[str, Any]) -> list[str]:
        """Sends one recorded request."""
        return send(self.listener.url, row, self.mapped, self.session)

    def key(self) -> dict[str, str]:
        """The header with the recording's API key."""
        return {"Authorization": f'MediaBrowser Token="{self.mapped.known["<api key>"]}"'}

    def opened(self, who: str | None, device: str, query: str = "") -> websocket.WebSocket:
        """A socket of somebody's token; raises when the handshake is refused."""
        token = self.mapped.known.get(f"<{'api key' if who == 'key' else f'{who} token'}>", "unknown")
        parts = (
            f'MediaBrowser Client="Sidetrakt", Device="probe", DeviceId="{device}", Version="1.0.0", Token="{token}"'
        )
        header = {} if who is None else {"Authorization": parts}
        query = f"?{query}={self.mapped.known['<api key>']}" if query else ""
        before = len(self.server.sockets.lines)
        socket = websocket.create_connection(
            self.listener.url.replace("http", "ws") + "/socket" + query, 5, header=header
        )
        self.clients.append(socket)
        assert json.loads(socket.recv())["MessageType"] == "ForceKeepAlive"
        assert len(self.server.sockets.lines) == before + 1
        return socket

    def say(self, socket: websocket.WebSocket, text: str) -> None:
        """Sends a frame and waits until the server has taken it."""
        socket.send(text)
        assert self.taken.acquire(timeout=5)

    def heard(self, socket: websocket.WebSocket, count: int) -> tuple[list[dict[str, Any]], bool]:
        """The frames that came, of `count` that are expected, and whether the socket was closed."""
        frames: list[dict[str, Any]] = []
        with contextlib.suppress(websocket.WebSocketTimeoutException):
            while True:
                socket.settimeout(3 if len(frames) < count else 0.05)
                try:
                    text = socket.recv()
                except (websocket.WebSocketConnectionClosedException, ConnectionError):
                    return frames, True
                if not text:
                    return frames, True
                frames.append(json.loads(text))
        return frames, False


def told(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Recorded frames without the first, which every socket gets, and without those of the library."""
    return heard([row["frame"] for row in frames[1:]])


def heard(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Frames without those of the library."""
    return [frame for frame in frames if frame["MessageType"] != "LibraryChanged"]


def kinds(frames: list[dict[str, Any]]) -> Counter[str]:
    """How many frames of each type."""
    return Counter(frame["MessageType"] for frame in frames)
