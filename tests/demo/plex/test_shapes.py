"""Every recorded and hand-written Plex answer has the simulator's shape, attribute by attribute.

Each attribute of each kind of element has to be produced by the simulator too, with the same type of value,
or stand in the list of exceptions with its reason.
"""

import json
import queue
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from sidecar.demo.catalogue import Catalogue
from tests.demo.plex.conftest import House
from tests.demo.plex.ears import Receiver

Shape = dict[tuple[str, str], set[str]]
EXCEPTIONS = {
    "skipCount": "music and a few films only; nothing here counts skips",
    "originalTitle": "the catalogue knows one title per film",
    "sortAsc": "appears with sort=…:asc on some servers only",
    "Subtitle": "no subtitles here",
    "DOVIELPresent": "only of Dolby Vision files, which few catalogues hold",
    "viewCount@show": "a real show has viewedLeafCount only (recording pms_watched_shows.xml); hand-written otherwise",
    "TranscodeSession": "transcoding is not simulated; its frames can be sent with the act frame",
    "StatusNotification": "its inner fields are uncertain and never needed",
    "live": "live TV is not simulated",
}
SKIPPED = {
    "server_transcode_sessions.xml": "transcoding is not simulated",
    "media.play.livetv.ignore-me.json": "live TV is not simulated",
    "media.play.track.ignore-me.json": "music is not simulated",
    "webhook_media_play.json": "music is not simulated; its frame is compared below",
}


def kind_of(value: Any) -> str:
    """bool, number, text, list or object; text of digits counts as a number in XML."""
    if isinstance(value, str):
        return "number" if re.fullmatch(r"-?\d+(\.\d+)?", value) else "text"
    names = {bool: "bool", int: "number", float: "number", list: "list", dict: "object", type(None): "null"}
    return names[type(value)]


def of_xml(root: ET.Element) -> Shape:
    """Types of the attributes by element; rows by their `type`."""
    found: Shape = defaultdict(set)
    for element in root.iter():
        name = element.tag
        if name in ("Video", "Directory") and element.get("type"):
            name = str(element.get("type"))
        for attribute, value in element.attrib.items():
            found[name, attribute].add(kind_of(value))
    return found


def of_json(value: Any, name: str = "") -> Shape:
    """Types of the members by object; rows by their `type`."""
    found: Shape = defaultdict(set)
    if isinstance(value, list):
        for one in value:
            merge(found, of_json(one, name))
    if isinstance(value, dict):
        name = str(value["type"]) if name == "Metadata" and "type" in value else name
        for member, inner in value.items():
            found[name, member].add("text" if isinstance(inner, str) else kind_of(inner))
            merge(found, of_json(inner, member))
    return found


def merge(into: Shape, more: Shape) -> None:
    """Adds one shape to another."""
    for key, kinds in more.items():
        into[key] |= kinds


def everything(house: House, catalogue: Catalogue) -> Iterator[tuple[str, dict[str, Any]]]:
    """The requests that show all the simulator can answer."""
    ids = {name: person["id"] for name, person in house.people.items()}
    movie, show = house.key(house.file()), house.rows("/library/sections/3/all")[0]["ratingKey"]
    keys = [
        int(row["ratingKey"]) for n, t in ((1, 1), (3, 4)) for row in house.rows(f"/library/sections/{n}/all?type={t}")
    ]
    seasons = [int(row["ratingKey"]) for row in house.rows("/library/sections/3/all?type=3")]
    house.act("add", path="/media/movies/0/a.mp4", like=house.file().path, edition="Old Disc")
    house.act("rename", file=house.file("shows").path, title="The Other Name")
    house.tell("switches", managed_profile="little_kid", session_delay_s=0.0, ghost_session=False)
    house.act("rate", person="Anna", file=[*keys, *seasons, int(show)], rating=7.9)
    house.act("watch", person="Anna", file=keys)
    house.play("start", file=keys[0], position_s=100)
    house.play("start", file=keys[-1], device="Tablet", position_s=100)
    house.act("webhook", person="Anna", url="http://127.0.0.1:1/x")
    house.act("list", person="Anna", file=[int(movie)])
    house.ask(f"/actions/addToWatchlist?ratingKey={catalogue.shows[3].ids.plex}", method="PUT")
    hexes = house.rows("/library/sections/watchlist/all")[0]["ratingKey"]
    mine = {"headers": {"X-Plex-Token": house.people["Anna"]["account_token"]}}
    for path in ("/", "/identity", "/library", "/library/sections", "/accounts", "/status/sessions",
                 "/status/sessions/history/all", "/library/sections/1/all?includeGuids=1", "/api/v2/user",
                 "/library/sections/3/all?includeGuids=1", "/library/sections/3/all?type=3&includeGuids=1",
                 "/library/sections/3/all?type=4&includeGuids=1", "/library/sections/4/all?type=4&includeGuids=1",
                 "/library/sections/1/all?includeMeta=1", "/library/sections/3/all?includeMeta=1",
                 "/library/sections/1/collections?includeMeta=1", f"/library/metadata/{','.join(map(str, keys))}",
                 f"/library/metadata/{show}/allLeaves?X-Plex-Container-Size=4", "/api/users/", "/api/home/users",
                 "/api/v2/resources", f"/api/servers/{house.signins['machine_identifier']}/shared_servers",
                 "/api/v2/user/webhooks", "/library/sections/watchlist/all"):  # fmt: skip
        yield path, {}
    yield f"/api/home/users/{ids['Carla']}/switch?pin=1357", {"method": "POST"}
    yield "/api/v2/pins?strong=1", {"method": "POST"}
    yield "/api/v2/user", {"headers": {"X-Plex-Token": "wrong"}}
    for path in (f"/library/metadata/{hexes}", f"/library/metadata/{hexes}/userState"):
        yield path, mine


@pytest.fixture
def shapes(house: House) -> tuple[Shape, Shape]:
    """What the simulator answers, in XML and in JSON."""
    xml: Shape = defaultdict(set)
    as_json: Shape = defaultdict(set)
    for path, kwargs in everything(house, house.catalogue):
        headers = kwargs.pop("headers", {})
        merge(xml, of_xml(ET.fromstring(house.ask(path, headers={"Accept": "*/*"} | headers, **kwargs).text)))  # noqa: S314
        answer = house.ask(path, headers=dict(headers), **kwargs)
        if answer.headers["Content-Type"].startswith("application/json"):
            merge(as_json, of_json(answer.json()))
    return xml, as_json


def missing(wanted: Shape, found: Shape) -> list[str]:
    """What the simulator does not produce, or produces as another type."""
    out = []
    for (name, attribute), kinds in sorted(wanted.items()):
        if {attribute, f"{attribute}@{name}", name} & EXCEPTIONS.keys():
            continue
        own = found.get((name, attribute))
        if own is None:
            out.append(f"{name}@{attribute} is missing")
        elif not kinds & own and kinds != {"null"} and not (kinds | own) <= {"text", "number", "null"}:
            out.append(f"{name}@{attribute} is {own}, not {kinds}")
    return out


def xml_files(contracts: Path) -> list[Path]:
    """All XML answers, recorded first."""
    folders = ("recorded/shortlist", "recorded/plexapi", "handwritten/minimal-xml")
    return [path for folder in folders for path in sorted((contracts / "plex" / folder).rglob("*.xml"))]


def test_xml_answers(contracts: Path, shapes: tuple[Shape, Shape]) -> None:
    xml, _ = shapes
    merge(xml, {("Response", name): {"text", "number"} for name in ("code", "title", "status")})  # test_faults: restart
    found = {}
    for path in xml_files(contracts):
        if path.name not in SKIPPED:
            found[path.name] = missing(of_xml(ET.parse(path).getroot()), xml)  # noqa: S314
    assert len(found) >= 40
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_json_answers(contracts: Path, shapes: tuple[Shape, Shape]) -> None:
    _, found = shapes
    recorded = json.loads((contracts / "plex/recorded/watchstate/plex_data.json").read_text())
    bodies = {name: case["response"]["body"] for name, case in recorded.items() if "200" in name}
    bodies["resources"] = json.loads((contracts / "plex/recorded/shortlist/plextv_resources.json").read_text())[
        "entries"
    ]
    out = {}
    for name, body in bodies.items():
        if isinstance(body, dict | list) and not name.startswith("playlist"):
            out[name] = missing(of_json(body), found)
    assert len(out) >= 6
    assert {name: lines for name, lines in out.items() if lines} == {}


def test_playlists(contracts: Path, house: House) -> None:
    recorded = json.loads((contracts / "plex/recorded/watchstate/plex_data.json").read_text())
    made = house.server().createPlaylist("Evening", items=house.server().library.section("Movies").all()[:2])
    paths = {"playlists_list_get_200": "/playlists", "playlist_get_200": f"/playlists/{made.ratingKey}",
             "playlist_items_get_200": f"/playlists/{made.ratingKey}/items"}  # fmt: skip
    for name, path in paths.items():
        row, own = recorded[name]["response"]["body"]["MediaContainer"]["Metadata"][0], house.rows(path)[0]
        lacking = {key for key, value in row.items() if key not in own or kind_of(value) != kind_of(own[key])}
        assert lacking <= ({"Guid"} if "items" in name else set()), name


def test_webhooks(contracts: Path, house: House, hooks: Receiver) -> None:
    house.act("webhook", person="Anna", url=hooks.url("x"))
    movie, episode = house.file(), house.file("shows")
    show, season = (house.rows(f"/library/sections/3/all?type={n}")[0]["ratingKey"] for n in (2, 3))
    found: Shape = defaultdict(set)
    for file in (movie, episode):
        house.act("rate", person="Anna", file=[file.path, int(show), int(season)], rating=8)
        for do, more in (("start", {"file": file.path}), ("pause", {"position_s": 100}), ("resume", {})):
            house.play(do, **more)
        house.play("stop", position_s=(file.runtime_ms or 0) / 1000)
    house.act("add", path="/media/movies/x.mkv", like=movie.path)
    events = set()
    for _ in range(17):
        _, body, _ = hooks.got.get(timeout=10)
        merge(found, of_json(body))
        events.add(body["event"])
    assert hooks.got.empty()
    assert events == {
        "media.play",
        "media.pause",
        "media.resume",
        "media.scrobble",
        "media.stop",
        "media.rate",
        "library.new",
    }
    lacking = {}
    files = sorted((contracts / "plex/handwritten/webhooks").glob("*.json"))
    for path in files:
        if path.name not in SKIPPED:
            lacking[path.name] = missing(of_json(json.loads(path.read_text())), found)
    assert len(lacking) >= 14
    assert {name: lines for name, lines in lacking.items() if lines} == {}
    sample = json.loads((contracts / "plex/recorded/telegraf/webhook_media_play.json").read_text())
    del sample["Metadata"]
    assert missing(of_json(sample), found) == []


def test_the_multipart_body(contracts: Path) -> None:
    """The parts are those of the hand-written body; that they can be read is in test_watching."""
    text = (contracts / "plex/handwritten/webhooks/multipart-body.media.play.txt").read_text(errors="replace")
    assert re.findall(r'name="(\w+)"', text) == ["payload", "thumb"]


def test_frames(contracts: Path, house: House) -> None:
    ears = house.listen("Anna")
    heard: queue.Queue[dict[str, Any]] = queue.Queue()
    file, episode = house.file(), house.file("shows")
    house.play("start", file=file.path)
    house.play("buffer")
    house.play("stop")
    house.act("look", file=file.path)
    house.act("scan", library="movies")
    house.act("remove", path=file.path)
    for like in (file, episode):
        house.act("add", path=like.path + "2.mkv", like=like.path)
    house.ask("/:/prefs?LibraryVideoPlayedThreshold=85", method="PUT")
    house.act("frame", type="reachability", entries=[{"reachability": True}])
    found: Shape = defaultdict(set)
    while True:
        frame = json.loads(ears.socket.recv())
        heard.put(frame)
        merge(found, of_json(frame))
        if frame["NotificationContainer"]["type"] == "reachability":
            break
    ears.socket.close()
    lacking = {}
    for path in sorted((contracts / "plex/handwritten/websocket").glob("*.json")):
        lacking[path.name] = missing(of_json(json.loads(path.read_text())), found)
    assert len(lacking) >= 15
    for name in ("events.json", "events-played.json"):
        recorded = json.loads((contracts / "plex/recorded/plextraktsync" / name).read_text())
        for one in recorded if isinstance(recorded, list) else [recorded]:
            lacking.setdefault(name, []).extend(missing(of_json({"NotificationContainer": one}), found))
    assert {name: lines for name, lines in lacking.items() if lines} == {}


def test_every_exception_has_a_reason() -> None:
    assert [name for name, reason in (EXCEPTIONS | SKIPPED).items() if not reason] == []
