"""What plays now and what has played: sessions, history, and the rules that turn positions into plays.

Every player, real or simulated, only reports its state and position; frames, webhooks and history follow from that.
"""

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sidecar.demo.plex import describe
from sidecar.demo.plex.accounts import Account
from sidecar.demo.plex.encode import Attrs, Node, words
from sidecar.demo.plex.inventory import Item

if TYPE_CHECKING:
    from sidecar.demo.plex.world import World

STEP, FORGOTTEN = timedelta(seconds=10), timedelta(minutes=3)
EVENTS = {
    ("", "playing"): "play",
    ("", "paused"): "play",
    ("playing", "paused"): "pause",
    ("paused", "playing"): "resume",
}
PLAYER = (
    "address=127.0.0.1 device=TV model=TV platform=Android platformVersion=12 profile=Android vendor=Nobody "
    "product=Plex_for_Android_(TV) remotePublicAddress=203.0.113.7 version=v10 local=true relayed=false secure=true"
)
GHOST = "sessionKey=999 ratingKey=1001 key=/library/metadata/1001 type=movie title=Unattributable duration=5400000"


class Device(NamedTuple):
    """A player: its client identifier and its name."""

    id: str
    name: str


@dataclass(slots=True, eq=False)
class Playback:
    """One player with what it plays; `at` is when it last reported, `driven` whether it goes on by itself."""

    key: int
    account: Account
    item: Item
    device: Device
    began: datetime
    at: datetime
    driven: bool
    state: str = ""
    offset: int = 0
    counted: bool = False
    vanished: bool = False

    @property
    def moving(self) -> bool:
        """Whether it plays on without anybody reporting for it."""
        return self.driven and self.state == "playing" and not self.vanished

    @property
    def player(self) -> Attrs:
        """As webhooks name it."""
        return words(local=True, publicAddress="203.0.113.7", title=self.device.name, uuid=self.device.id)


class Play(NamedTuple):
    """One row of the history."""

    number: int
    item: Item
    account: int
    viewed: int
    device: int


class Stage:
    """All sessions and the whole history."""

    def __init__(self, world: "World") -> None:
        self.world, self.history = world, list[Play]()
        self.now: dict[int, Playback] = {}
        self.keys, self._plays = itertools.count(1), itertools.count(9001)

    def of(self, account: Account, device: Device) -> Playback | None:
        """What this person plays on this device."""
        return next((p for p in self.now.values() if p.account is account and p.device.id == device.id), None)

    def report(self, who: tuple[Account, Device], item: Item, state: str, offset: int, driven: bool = False) -> None:
        """A player says what it does; the first word opens a session, `stopped` or another item ends it."""
        with self.world.lock:
            playback, now = self.of(*who), self.world.clock()
            if playback and playback.item is not item:
                self.stop(playback)
                playback = None
            if state == "stopped":
                self.stop(playback, offset) if playback else self.settle(who[0], item, offset)
                return
            if playback is None:
                playback = Playback(next(self.keys), *who[:1], item, who[1], now, now, driven)
                self.now[playback.key] = playback
            event = EVENTS.get((playback.state, state))
            playback.state, playback.at = state, now
            self.move(playback, offset)
            self.tell([playback])
            if event:
                self.world.news.webhook(f"media.{event}", who[0], item, playback.player)

    def move(self, playback: Playback, offset: int) -> None:
        """Notes a position; the first one past the threshold counts as a play."""
        playback.offset = max(0, min(offset, playback.item.duration or offset))
        playback.counted = playback.counted or self.settle(playback.account, playback.item, playback.offset, playback)

    def settle(self, account: Account, item: Item, offset: int, playback: Playback | None = None) -> bool:
        """Writes how far somebody got; True when that was far enough for a play."""
        switches, now = self.world.control.switches, self.world.clock()
        view = account.view(item)
        view.viewed = int(now.timestamp())
        if offset < (item.duration or 10**12) * switches["played_threshold"] / 100:
            view.offset = offset if offset >= 60_000 else view.offset  # the server does not note shorter looks
            return False
        at = playback.began if playback and switches["viewed_at"] == "start" else now
        whole = self.world.inventory.by_path[item.files[0].path] if switches["multi_episode"] == "all" else [item]
        for each in whole:
            self.play(account, each, int(at.timestamp()), playback.device.name if playback else "")
        self.world.news.webhook("media.scrobble", account, item, playback.player if playback else None)
        return True

    def play(self, account: Account, item: Item, at: int, device: str = "") -> None:
        """Counts a play and writes it into the history."""
        view = account.view(item)
        view.count, view.offset, view.viewed, view.uncounted = view.count + 1, 0, max(at, view.viewed or 0), False
        for elder in item.elders[-1:]:
            account.view(elder).viewed = view.viewed
        for _ in range(1 + self.world.hit("duplicate_history", account)):
            self.history.append(Play(next(self._plays), item, account.local, at, 12 + len(device)))

    def stop(self, playback: Playback, offset: int | None = None) -> None:
        """Ends a session: it is gone before anybody is told."""
        if offset is not None:
            self.move(playback, offset)
        playback.state, account = "stopped", playback.account
        self.now.pop(playback.key, None)
        if not self.world.hit("no_stop", account):
            changes = words(viewOffset=0) if self.world.hit("stop_at_zero", account) else {}
            empty = self.world.hit("empty_stop", account)
            self.tell([playback], words("sessionKey= ratingKey= key= viewOffset=0") if empty else changes)
            self.world.news.webhook("media.stop", account, playback.item, playback.player)

    def tell(self, playbacks: list[Playback], changes: Attrs | None = None) -> None:
        """Sends the `playing` frame of these sessions."""
        entries: list[tuple[Account | None, Attrs]] = []
        for p in playbacks:
            entry = words(
                sessionKey=str(p.key), guid="", ratingKey=str(p.item.key), url="", key=describe.path_of(p.item)
            )
            entry |= words(
                viewOffset=p.offset, state=p.state, playQueueItemID=17_000 + p.key, clientIdentifier=p.device.id
            )
            entry |= words(transcodeSession=f"transcode{p.key}") if p.state == "buffering" else {}
            entries.append((p.account, entry | (changes or {})))
        self.world.news.frame("playing", entries)

    def advance(self) -> None:
        """Lets the simulated players play on until now: a frame each ten seconds, a stop at the end."""
        with self.world.lock:
            now = self.world.clock()
            for gone in [p for p in self.now.values() if p.vanished and now - p.at > FORGOTTEN]:
                del self.now[gone.key]
            while due := [p for p in self.now.values() if p.moving and now - p.at >= STEP]:
                for playback in due:
                    playback.at += STEP
                    self.move(playback, playback.offset + 10_000)
                self.tell(due)
                for playback in due:
                    if playback.offset >= (playback.item.duration or 10**12):
                        self.stop(playback)

    def rows(self) -> list[Node]:
        """The sessions as the server lists them, each a moment after its first word."""
        switches, out = self.world.control.switches, []
        for p in list(self.now.values()):
            if self.world.clock() - p.began >= timedelta(seconds=switches["session_delay_s"]):
                user = words(id=str(p.account.local), thumb=p.account.thumb, title=p.account.person.name)
                player = words(
                    PLAYER, machineIdentifier=p.device.id, title=p.device.name, state=p.state, userID=p.account.local
                )
                session = words("bandwidth=24000 location=lan", id=f"s{p.key:07x}")
                kids = [Node("User", user), Node("Player", player), Node("Session", session)]
                out.append(
                    describe.details(p.item, words(sessionKey=str(p.key), viewOffset=p.offset), kids, playing=True)
                )
        if switches["ghost_session"]:
            player = words("state=playing title=Unknown machineIdentifier=zz")
            out.append(Node("Video", words(GHOST, viewOffset=60_000), [Node("Player", player)]))
        return out
