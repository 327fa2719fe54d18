"""The line itself, against somebody who takes the handshake and then does whatever a test wants."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from sidecar.servers.listening import EVERY, LONGEST
from sidecar.store.db import Store
from tests.fakes import START, FakeClock
from tests.loopback import Answer, listening
from tests.servers.hearing import Heard

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PING, CLOSE, BINARY = 0x9, 0x8, 0x2


class Stone:
    """Takes connections, remembers what came, and answers nothing by itself."""

    def __init__(self) -> None:
        self.door = socket.create_server(("127.0.0.1", 0))
        self.lines: list[socket.socket] = []
        self.requests: list[str] = []
        self.frames: list[int] = []
        self.more = threading.Condition()
        threading.Thread(target=self._take, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.door.getsockname()[1]}/http/socket"

    def send(self, kind: int, content: bytes = b"") -> None:
        self.lines[-1].sendall(bytes([0x80 | kind, len(content)]) + content)

    def until(self, true: Callable[[], object]) -> None:
        with self.more:
            assert self.more.wait_for(true, 10), (self.requests, self.frames)

    def close(self) -> None:
        for line in (self.door, *self.lines):
            line.close()

    def _take(self) -> None:
        while True:
            try:
                line, _ = self.door.accept()
                threading.Thread(target=self._serve, args=(line,), daemon=True).start()
            except OSError:
                return

    def _serve(self, line: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += line.recv(4096)
        key = next(row.split(b": ")[1] for row in request.split(b"\r\n") if row.startswith(b"Sec-WebSocket-Key"))
        accept = base64.b64encode(hashlib.sha1(key + MAGIC).digest())  # noqa: S324 - as the protocol has it
        line.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        with self.more:
            self.lines.append(line)
            self.requests.append(request.decode())
            self.more.notify_all()
        try:
            while head := line.recv(2):
                line.recv(4 + (head[1] & 0x7F))
                with self.more:
                    self.frames.append(head[0] & 0x0F)
                    self.more.notify_all()
        except OSError:
            pass


class Words:
    """A voice that repeats what it hears."""

    label, beat, patience = "the stone", "", 40.0

    def __init__(self, url: str, heard: Heard) -> None:
        self.url, self.told = url, heard
        self.breaks: list[Exception] = []

    def door(self) -> tuple[str, dict[str, str]]:
        return self.url, {"X-Plex-Token": "s3cret"}

    def opened(self, say: Callable[[str], object]) -> None:
        """It has nothing to say."""

    def heard(self, text: bytes) -> bool:
        if self.breaks:
            raise self.breaks.pop()
        return text != b"garbage"

    def passed(self) -> None:
        """It does not care."""

    def shows(self, user: str, item: str) -> bool | None:
        return user == item


@pytest.fixture
def stone() -> Iterator[Stone]:
    made = Stone()
    yield made
    made.close()


@pytest.fixture
def heard(clock: FakeClock) -> Heard:
    return Heard(clock)


def test_pings_go_out_and_without_an_answer_the_line_is_given_up(stone: Stone, heard: Heard, store: Store) -> None:
    words = Words(stone.url, heard)
    with heard.listening(words, heard.ears("there", store)):
        heard.connected()
        heard.clock.advance(EVERY)
        stone.until(lambda: stone.frames == [PING])
        assert heard.rests == []
        heard.clock.advance(words.patience - EVERY + 1)
        heard.connected(2)
    assert heard.gaps == [None, START]


def test_whatever_comes_is_a_sign_of_life(stone: Stone, heard: Heard, store: Store) -> None:
    with heard.listening(Words(stone.url, heard), heard.ears("there", store)) as listener:
        heard.connected()
        stone.until(lambda: stone.lines)
        for count in range(1, 5):
            heard.clock.advance(30)
            stone.send(BINARY, b"word")
            heard.until(lambda count=count: len(heard.messages) == count)  # type: ignore[misc]
        stone.send(PING)
        stone.until(lambda: 0xA in stone.frames)
        state = listener.state()
        assert (state.since, state.problem, state.garbage) == (START, "", 0)
    assert heard.rests == []


def test_a_secret_is_in_a_header_and_the_word_http_elsewhere_in_an_address_stays(
    stone: Stone, heard: Heard, store: Store
) -> None:
    with heard.listening(Words(stone.url, heard), heard.ears("there", store)):
        heard.connected()
    assert stone.requests[0].startswith("GET /http/socket HTTP/1.1\r\n")
    assert "X-Plex-Token: s3cret\r\n" in stone.requests[0]


@pytest.mark.parametrize("problem", [KeyError("what"), OSError("gone"), RuntimeError("s3cret")])
def test_no_failure_ends_the_thread(
    stone: Stone, heard: Heard, store: Store, problem: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    words = Words(stone.url, heard)
    words.breaks.append(problem)
    with heard.listening(words, heard.ears("there", store)) as listener:
        heard.connected()
        stone.until(lambda: stone.lines)
        heard.go.clear()
        stone.send(BINARY, b"word")
        heard.until(lambda: heard.rests)
        said = listener.state().problem
        heard.go.set()
        heard.connected(2)
        stone.until(lambda: len(stone.lines) == 2)
        stone.send(BINARY, b"garbage")
        heard.until(lambda: heard.messages)
        assert (listener.state().problem, listener.state().garbage) == ("", 1)
    assert said.endswith(".")
    assert "s3cret" not in said


def test_a_line_that_held_begins_with_short_pauses_again(stone: Stone, heard: Heard, store: Store) -> None:
    with heard.listening(Words(stone.url, heard), heard.ears("there", store)):
        for times in range(1, 4):
            heard.connected(times)
            stone.until(lambda times=times: len(stone.lines) == times)  # type: ignore[misc]
            stone.send(CLOSE)
        heard.connected(4)
        stone.until(lambda: len(stone.lines) == 4)
        for count in range(1, 4):
            heard.clock.advance(LONGEST / 2)
            stone.send(BINARY, b"word")
            heard.until(lambda count=count: len(heard.messages) == count)  # type: ignore[misc]
        stone.send(CLOSE)
        heard.connected(5)
    assert heard.rests == [1, 2, 4, 1]


@pytest.mark.parametrize(
    ("status", "words"), [(401, "does not accept"), (403, "does not accept"), (404, "proxy"), (503, "answer 503")]
)
def test_a_door_that_stays_shut_is_explained(heard: Heard, store: Store, status: int, words: str) -> None:
    with (
        listening(Answer(status, b"no")) as server,
        heard.listening(Words(server.url, heard), heard.ears("there", store)) as listener,
    ):
        heard.until(lambda: len(heard.rests) > 1)
        assert words in listener.state().problem


def test_a_redirect_is_not_followed_with_the_token(stone: Stone, heard: Heard, store: Store) -> None:
    away = Answer(302, headers={"Location": stone.url.replace("http:", "ws:")})
    with (
        listening(away) as server,
        heard.listening(Words(server.url, heard), heard.ears("there", store)) as listener,
    ):
        heard.until(lambda: len(heard.rests) > 1)
        assert listener.state().problem
    assert (stone.requests, heard.gaps) == ([], [])


def test_what_it_shows_is_known_only_while_it_listens(stone: Stone, heard: Heard, store: Store) -> None:
    with heard.listening(Words(stone.url, heard), heard.ears("there", store)) as listener:
        heard.connected()
        stone.until(lambda: stone.lines)
        stone.send(BINARY, b"word")
        heard.until(lambda: heard.messages)
        assert (listener.shows("a", "a"), listener.shows("a", "b")) == (True, False)
        assert listener.state().heard_at == START
        heard.clock.advance(5)
        heard.go.clear()
        stone.send(CLOSE)
        heard.until(lambda: heard.rests)
        assert listener.shows("a", "a") is None
        state = listener.state()
    assert state.heard_at is not None
    assert (state.since, state.heard_at - START <= timedelta(seconds=5)) == (None, True)
