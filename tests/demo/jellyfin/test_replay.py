"""The real servers' conversations, sent to ours row by row; what is not equal has to be named here with its reason."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import websocket

from tests.demo.jellyfin.conversation import (
    ORDER,
    SAID,
    SUBSCRIBE,
    Household,
    began,
    differences,
    heard,
    kinds,
    read,
    told,
)

Row = dict[str, Any]
GONE = "/media/movies/Gone Girl (2014)/Gone Girl (2014).mkv"
BESIDE = "/media/movies/Gone Girl (2014)/Gone Girl (2014)"
SHORT = "/media/movies/Short (2015)/Short (2015).mkv"
HOME = "/media/movies/Home Video (2020)/Home Video (2020).mkv"
ZERO = "/media/movies/Zero (2000).mkv"
# which differences are let pass: version, file, path of the value, and why
EXCEPTIONS = [
    (
        "",
        "",
        r"MediaStreams\[\d\]\.\w+: '|\.(Width|Height): '",
        "the catalogue does not describe the test pictures of 64×36",
    ),
    ("", "", r"\.errors\.\$\[0\]: '", "the words of another JSON parser"),
    ("", "libraries", r"\.Description: '", "the server's prose is not copied"),
    ("", "", r"\.ChildCount: '", "random in 10.11, and counts plain folders and hidden versions in 12"),
    ("10.11", "items", r"UserData\.Key: '", "rows were stored for two shows by trials before the first recorded row"),
    ("", "extra", r"UserData\.Key: '", "rows were stored for two shows by trials before the first recorded row"),
    (
        "",
        "second-scan",
        r"(^|UserData)\.Key: '",
        "rows were stored for two shows by trials before the first recorded row",
    ),
    ("", "extra", r"^\.\w+: only in the recording$", "only the part of /System/Configuration that decides something"),
    ("", "extra", r"^: [56] rows, ours 0$", "our household loads no plugins"),
    ("", "extra", r"^\.(WebSocketPortNumber|WebPath): '", "where the server is installed"),
    ("", "extra", r"^status: 200, ours 400$|^: \"\[\{'Name': 'Noids'", "/Items/Latest is not simulated"),
    ("", "library-changes", r"Items\[0\]\.UserData\.Key: '", "Ben's row for Dune was stored between two recorded rows"),
]
# what is recorded and not replayed: files, and rows that were only observed, with the reason
NOT_REPLAYED = {
    "catalogue": "it is what is loaded",
    "plugin-events": "the inside of a server; what our plugin makes of it is compared in test_plugin",
    "plugin-handlers": "the inside of a server; our household loads no plugins",
    "plugin-http": "our household loads no plugins",
    "plugin-repository": "our household loads no plugins",
    "webhook-plugin": "compared key by key in test_playing",
    "webhook-plugin-items": "compared key by key in test_playing",
    "answers while starting": "the phases of a start are tested in test_people",
    "while it st": "the phases of a stop and a start are tested in test_people",
    "the scan task as it changed": "a scan of ours is over at once",
    "anna's socket after a film": "what is told of the library is tested in test_playing",
    "the API key's socket at": "what is told of the library is tested in test_playing",
    "and after it was removed": "what is told of the library is tested in test_playing",
    "openapi paths": "held against the document in test_contract",
}
# what somebody did between two rows: before this row of this file
STEPS: dict[tuple[str, int], Callable[[Household], Any]] = {
    ("library-changes", 2): lambda home: (home.act("remove_file", file=GONE), home.act("scan")),
    ("library-changes", 6): lambda home: (home.act("add_file", like=GONE, path=GONE), home.act("scan")),
    ("library-changes", 7): lambda home: moved(home, GONE, GONE.replace("Girl (2014)/", "Girl renamed (2014)/")),
    ("library-changes", 8): lambda home: moved(home, GONE.replace("Girl (2014)/", "Girl renamed (2014)/"), GONE),
    ("library-changes", 9): lambda home: moved(home, GONE, f"{BESIDE} better.mkv"),
    ("library-changes", 10): lambda home: moved(home, f"{BESIDE} better.mkv", GONE),
    ("library-changes", 11): lambda home: (home.act("replace_file", file=GONE, like=SHORT), home.act("scan")),
    ("library-changes", 17): lambda home: (home.act("missing_folder", library="kids"), home.act("scan")),
    ("library-changes", 21): lambda home: (home.act("missing_folder", library="kids", back=True), home.act("scan")),
    ("library-changes", 22): lambda home: (
        home.act("rename_file", file=GONE, path=f"{BESIDE} - 1080p.mkv"),
        home.act("add_file", like=GONE, path=f"{BESIDE} - 2160p.mkv"),
        home.act("scan"),
    ),
    ("library-changes", 23): lambda home: (
        home.act("remove_file", file=f"{BESIDE} - 2160p.mkv"),
        moved(home, f"{BESIDE} - 1080p.mkv", GONE),
    ),
    ("library-changes", 24): lambda home: (
        home.act("add_file", like=HOME, path=ZERO, name="Zero"),
        home.act("scan"),
    ),
    ("library-changes", 29): lambda home: (home.act("remove_file", file=ZERO), home.act("scan")),
    ("restart", 5): lambda home: home.act("start"),
    ("extra", 52): lambda home: home.mapped.known.update(collected(home)),
    ("extra", 56): lambda home: home.version == "12.0" and home.mapped.same(OTHER, hidden(home)),
    ("second-scan", 0): lambda home: home.version == "10.11" and home.act("fresh_shows"),
}


def moved(home: Household, old: str, new: str) -> Any:
    """A file gets another path, and the library is scanned."""
    home.act("rename_file", file=old, path=new)
    return home.act("scan")


OTHER = "dbc6d17d9f501f0eee6289213d7fbc81"  # Dune's other version in 12.0, which no row names before it is used


def hidden(home: Household) -> str:
    """Our id of the version that is not shown."""
    return next(item.id for item in home.server.shelf.items.values() if item.primary)


def collected(home: Household) -> dict[str, str]:
    """Makes the collection that the next rows speak of."""
    url = f"{home.listener.url}/Collections?name=c&ids=a7e55d801ffad4712d26b6e512c7b9e9"
    answer = home.session.post(url, headers=home.key(), timeout=10)
    return {"934108864a9131f0c8c6c5bcd19d375b": answer.json()["Id"]}


def unnamed(version: str, file: str, found: list[str]) -> list[str]:
    """The differences that no exception names."""
    named = [pattern for v, f, pattern, _ in EXCEPTIONS if v in ("", version) and f in ("", file)]
    return [one for one in found if not any(re.search(pattern, one) for pattern in named)]


def shown(home: Household, row: Row) -> list[str]:
    """An observed list of films: what differs in ours of these names."""
    why = row["why"]
    name = "Zero" if "0 bytes" in why else "The Matrix" if "its films" in why or why == "back" else "Gone Girl"
    anna = home.mapped.known[ANNA[home.version]]
    query = f"userId={anna}&recursive=true&includeItemTypes=Movie&fields=ProviderIds,Path,DateCreated"
    url = f"{home.listener.url}/Items?{query}"
    rows = home.session.get(url, headers=home.key(), timeout=10).json()["Items"]
    keys = ("Id", "Name", "Path", "ProviderIds", "DateCreated", "UserData", "LocationType")
    return differences(
        row["observed"], [{key: one[key] for key in keys} for one in rows if one["Name"] == name], home.mapped
    )


ANNA = {"12.0": "0f33746d93db4dd6b64eb11c1814d120", "10.11": "a505dae8fd374672b40c4d4adb71d238"}


class Player:
    """Plays one file after the other against one household and keeps what differed."""

    def __init__(self, home: Household) -> None:
        self.home, self.found, self.sent = home, dict[str, list[tuple[int, str, list[str]]]](), dict[str, int]()
        self.open: dict[str, websocket.WebSocket] = {}
        self.compared: dict[str, int] = {}
        self.left_out: list[str] = []

    def play(self, file: str) -> None:
        """All rows of one file."""
        rows = read(self.home.contracts, self.home.version, file)
        start = began(rows) if any("answer" in row for row in rows) else self.home.control.clock.now()
        if file == "stale-reads" and self.home.version == "12.0":
            self.unrate()
        self.found[file], self.sent[file], self.compared[file] = [], 0, 0
        if file == "websocket-silence":
            self.note(file, 0, rows[0], self.silence(rows))
            return
        for number, row in enumerate(rows):
            if (file, number) in STEPS:
                STEPS[file, number](self.home)
            if file == "restart" and number == 0:
                self.open = {who: self.home.opened(who, f"{who}-ws") for who in ("anna", "key")}
                self.home.until(start + timedelta(seconds=0.5))
                self.home.say(self.open["key"], SUBSCRIBE)
            if file == "websocket" and row["why"].startswith("two sockets") and not self.open:
                continue
            if file == "websocket" and number == 78:
                self.pair(start)
            self.home.until(start + timedelta(seconds=row["at_s"]))
            if file == "websocket" and number == 81:
                self.home.say(self.open["older"], SAID["KeepAlive"])
            if "request" in row:
                self.sent[file] += 1
                self.note(file, number, row, self.home.send(row))
            else:
                self.observe(file, number, row, start)

    def note(self, file: str, number: int, row: Row, found: list[str]) -> None:
        """Keeps what no exception names."""
        if rest := unnamed(self.home.version, file, found):
            self.found[file].append((number, row["why"], rest))

    def unrate(self) -> None:
        """In the recording Dark's rating is gone here; nobody could say why."""
        url = self.home.mapped.ours(f"/UserItems/056390eb2736e4a11b3f4d51396a073a/Rating?userId={ANNA['12.0']}")
        assert self.home.session.delete(self.home.listener.url + url, headers=self.home.key(), timeout=10).ok

    def pair(self, start: datetime) -> None:
        """Two sockets of one device."""
        for name, at in (("older", 69.37), ("newer", 69.94)):
            self.home.until(start + timedelta(seconds=at))
            self.open[name] = self.home.opened("anna", "pair")

    def observe(self, file: str, number: int, row: Row, start: datetime) -> None:
        """What was seen beside the answers: sockets and, after a scan, films."""
        why, seen = row["why"], row["observed"]
        if why.endswith(": the socket opens"):
            self.begin(why.removesuffix(": the socket opens"), seen, start + timedelta(seconds=row["at_s"]))
        elif why.endswith(": handshake"):
            assert self.open.pop("refused", None) is None, why
            self.compared[file] += 1
        elif file == "library-changes" and isinstance(seen, list) and (not seen or "UserData" in seen[0]):
            self.compared[file] += 1
            self.note(file, number, row, shown(self.home, row))
        elif file == "restart" and number in (2, 3):
            self.frames(file, number, row, self.open.pop("anna" if number == 2 else "key"), seen)
        elif file == "websocket" and number in (79, 80, 82, 83):
            name = "older" if why.endswith("the older") else "newer"
            self.frames(file, number, row, self.open[name], {"frames": seen, "closed": None, "all": number > 80})
            if number > 80:
                self.shut(self.open.pop(name))
        elif file == "websocket" and isinstance(seen, dict) and "frames" in seen:
            socket = self.open.pop(why)
            self.frames(file, number, row, socket, seen)
            self.shut(socket)
        else:
            self.left_out.append(why)

    def begin(self, why: str, seen: str, at: datetime) -> None:
        """Opens a socket as the recording did; half a second later it says what it has to say."""
        who, device = (
            seen.split(",", maxsplit=1)[0].removeprefix("as "),
            seen.split("DeviceId ")[1].split(",", maxsplit=1)[0],
        )
        query = "" if seen.endswith("False") else "api_key" if "legacy" in why else "ApiKey"
        refused = ("token" in why and who in ("bad", "None")) or (query == "api_key" and self.home.version == "12.0")
        if refused:
            with pytest.raises(websocket.WebSocketBadStatusException) as error:
                self.home.opened(None if who == "None" else who, device, query)
            assert error.value.status_code == 403
            return
        socket = self.open[why] = self.home.opened(None if who == "None" else who, device, query)
        said = SAID.get(why) or (SUBSCRIBE if "subscribes" in why else SAID["KeepAlive"] if "legacy" in why else None)
        if said:
            self.home.until(at + timedelta(seconds=0.5))
            self.home.say(socket, said)

    def frames(self, file: str, number: int, row: Row, socket: websocket.WebSocket, seen: Row) -> None:
        """Compares the frames of a socket with the recorded ones, and whether it was closed."""
        self.compared[file] += 1
        theirs = [one["frame"] for one in seen["frames"]] if seen.get("all") else told(seen["frames"])
        ours, closed = self.home.heard(socket, len(theirs) + bool(seen["closed"]))
        if (self.home.version, file, number) == ("12.0", "websocket", 7):
            theirs, ours = by_device(theirs), by_device(ours)  # a second was counted while a report was carried out
        lean = any("Data" not in one and one["MessageType"] == "Sessions" for one in theirs)
        ours = [{"MessageType": one["MessageType"]} for one in heard(ours)] if lean else heard(ours)
        found = differences(theirs, ours, self.home.mapped)
        found += [] if closed == bool(seen["closed"]) else [f"closed: {seen['closed']}, ours {closed}"]
        self.note(file, number, row, found)

    def shut(self, socket: websocket.WebSocket) -> None:
        """Closes a socket and waits until the server has noticed."""
        lines = list(self.home.server.sockets.lines)
        socket.close()
        with self.home.server.sockets.moved:
            assert self.home.server.sockets.moved.wait_for(
                lambda: len(self.home.server.sockets.lines) < len(lines) or not lines, 5
            )

    def silence(self, rows: list[Row]) -> list[str]:
        """Two sockets that say nothing: in 12 they hear nothing after a minute, and are closed when they speak."""
        home, start = self.home, self.home.control.clock.now() + timedelta(seconds=1)
        home.until(start)
        sockets = [home.opened("anna", "silent2"), home.opened("key", "silent-key")]
        home.say(sockets[1], SUBSCRIBE)
        item, user = (home.mapped.ours(one) for one in (film(home), ANNA[home.version]))
        for seconds in (30, 50, 65, 80, 100, 125):
            home.until(start + timedelta(seconds=seconds))
            url = f"{home.listener.url}/UserItems/{item}/UserData?userId={user}"
            assert home.session.post(url, json={"Rating": seconds % 10}, headers=home.key(), timeout=10).ok
        home.until(start + timedelta(seconds=126.4))
        theirs, found = kinds(told(rows[0]["observed"]["frames"])), []
        theirs -= {"UserDataChanged": 1} if home.version == "10.11" else {}  # the first was about what came before
        ours, _ = home.heard(sockets[0], theirs.total())
        ours = heard(ours)
        found += [] if theirs == kinds(ours) else [f"frames: {theirs}, ours {kinds(ours)}"]
        reminded, _ = home.heard(sockets[1], kinds(told(rows[1]["observed"]["frames"])).total())
        found += [] if kinds(reminded)["ForceKeepAlive"] == 1 else [f"reminders: {kinds(reminded)}"]
        theirs_there = sorted(one for one in rows[2]["observed"])
        ours_there = sorted(one.parts["deviceid"] for one in home.server.sessions.all.values())
        found += [] if theirs_there == ours_there else [f"sessions: {theirs_there}, ours {ours_there}"]
        home.say(sockets[0], SAID["KeepAlive"])
        _, closed = home.heard(sockets[0], 1)
        expected = bool(rows[3]["observed"]["closed"])
        found += [] if closed == expected else [f"closed: {expected}, ours {closed}"]
        for socket in sockets:
            socket.close()
        self.compared["websocket-silence"] += 4
        return found


def by_device(frames: list[Row]) -> list[Row]:
    """Frames of sessions, in an order of their own."""
    return [one | {"Data": sorted(one["Data"], key=lambda session: str(session["DeviceId"]))} for one in frames]


def film(home: Household) -> str:
    """The recorded id of Gone Girl."""
    rows = json.loads((home.contracts / "jellyfin" / home.version / "catalogue.json").read_text())["items"]
    return str(next(row["id"] for row in rows if row["name"] == "Gone Girl"))


@pytest.mark.parametrize("version", ["12.0", "10.11"])
@pytest.mark.parametrize("file", ["extra", "second-scan"])
def test_other_servers_answer_alike(contracts: Path, version: str, file: str) -> None:
    """Conversations recorded on servers of their own: the first rows give the ids, the rest has to fit."""
    home = Household(contracts, version, ids="10.11")
    player = Player(home)
    try:
        for first in ("startup", "sign-in", "libraries"):
            player.play(first)
        anna = re.search(r"userId=([0-9a-f]{32})", read(contracts, version, file)[0]["request"]["path"])
        assert anna
        home.mapped.known[anna[1]] = home.mapped.known[ANNA[version]]
        player.play(file)
        assert player.sent[file] > 0
        assert not player.found[file]
    finally:
        home.close()


@pytest.fixture(scope="module", params=["12.0", "10.11"])
def player(request: pytest.FixtureRequest, contracts: Path) -> Iterator[Player]:
    """The whole conversation with one version, played once."""
    home = Household(contracts, request.param)
    player = Player(home)
    try:
        for file in ORDER:
            player.play(file)
        yield player
    finally:
        home.close()


@pytest.mark.parametrize("file", ORDER)
def test_answers_are_those_of_the_real_server(player: Player, file: str) -> None:
    """Status, keys and values of every answer, every frame, and what a scan found."""
    assert player.sent[file] + player.compared[file] > 0
    assert not player.found[file]


def test_every_recording_is_replayed_or_left_out_for_a_reason(player: Player, contracts: Path) -> None:
    """No file and no row is passed over in silence."""
    files = {path.stem for path in (contracts / "jellyfin" / player.home.version).glob("*.json")}
    assert files - {*ORDER, "extra", "second-scan"} - NOT_REPLAYED.keys() == set()
    assert [why for why in player.left_out if not why.startswith(tuple(NOT_REPLAYED))] == []
    assert sum(player.sent.values()) == 411
