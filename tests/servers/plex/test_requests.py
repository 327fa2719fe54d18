"""Every request line we send to a Plex server and to plex.tv, and where it stands written that it may be sent."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from sidecar.contract import Fact, Listed, Plays, Rating
from sidecar.model import Feature, Kind, Secret
from sidecar.servers.plex.account import PlexSignIn
from sidecar.servers.plex.mirror import Mirror
from sidecar.servers.plex.server import PlexMedia
from tests.servers.plex.conftest import CLIENT_ID, Home

WHEN = datetime(2026, 7, 1, 20, tzinfo=UTC)
PLEXAPI = "not in Plex's description; plexapi sends it so (tests/demo/plex/requests.txt)"
FACTS = "not in Plex's description; measured, in the facts about plex.tv and its services"
PLACES = {
    r"^/library/sections$": ("/library/sections/all", "plexapi leaves out the last part"),
    r"^/library/sections/\d+/all$": ("/library/sections/{sectionId}/all", ""),
    r"^/library/sections/\d+/collections$": ("/library/sections/{sectionId}/collections", ""),
    r"^/library/metadata/[\d,]+$": ("/library/metadata/{ids}", ""),
    r"^/library/collections/\d+/items$": ("/library/collections/{collectionId}/items", ""),
    r"^/library/collections/\d+/items/\d+$": ("", PLEXAPI),
    r"^/library/collections/\d+/children$": ("", PLEXAPI),
    r"^/(library|accounts)$": ("", PLEXAPI),
    r"^/api/": ("", FACTS),
    r"^/actions/": ("", FACTS),
    r"^/library/sections/watchlist/all$": ("", FACTS),
    r"^/library/metadata/([0-9a-f]{24}|matches)$": ("", FACTS),
}
PAGED = {"includeGuids", "type", "sort", "unwatched"}


def do_everything(home: Home) -> None:
    """Each thing that we do with Plex, once."""
    home.house.act("mark", person="Anna", file="*")
    home.house.act("rate", person="Anna", file="*", rating=7)
    marks = {feature: home.read(feature).mark for feature in (Feature.HISTORY, Feature.RATINGS, Feature.COLLECTION)}
    film = home.house.file()
    ref = home.items()[home.item(film.path)].refs()[0]
    for feature, value in ((Feature.HISTORY, Plays((WHEN,))), (Feature.RATINGS, Rating(3, WHEN))):
        home.side().remove([Fact(ref, value)], feature)
        home.side().add([Fact(ref, value)], feature)
        home.read(feature, since=marks[feature])
    home.read(Feature.RATINGS, "Ben")
    section = next(each for each in home.client().sections() if not each.shows)
    items = [item.remote for item in home.items().values() if item.library == section.key]
    for wanted in (items[:2], items[1:3]):
        Mirror(home.client(), section, "Trakt: Anna").make(wanted)
    media = PlexMedia(home.settings_of("account_token"), home.tv, CLIENT_ID, clock=home.clock)
    media.users()
    list(media.check())
    media.hand_out([home.account("Ben"), home.account("David")])
    sign_in = PlexSignIn(home.tv)
    sign_in.begin()
    sign_in.poll()
    home.tv.add_webhook(Secret(home.house.people["Anna"]["account_token"]), "http://127.0.0.1:1/hook")
    other = home.house.catalogue.movies[0].ids
    for each in (ref, type(ref)(Kind.MOVIE, type(ref.ids)(imdb=other.imdb, tmdb=other.tmdb))):
        home.watchlist().add([Fact(each, Listed())], Feature.WATCHLIST)
        home.watchlist().remove([Fact(each, Listed())], Feature.WATCHLIST)


def test_every_request_stands_in_a_contract(home: Home, contracts: Path) -> None:
    described: dict[str, Any] = json.loads((contracts / "plex/openapi/plex-media-server-1.2.0.json").read_text())[
        "paths"
    ]
    do_everything(home)
    strange, sent = list[str](), set[tuple[str, str]]()
    for row in home.rows():
        method, path, names = row["method"].lower(), row["path"], {name for name, _ in parse_qsl(row["query"])}
        place, reason = next((found for pattern, found in PLACES.items() if re.match(pattern, path)), (path, ""))
        sent.add((method, place or path))
        if not place:
            assert reason
        elif method not in described.get(place, {}):
            strange.append(f"{method} {path}")
        elif method != "get" or "history" in path:
            known = {each.get("name") for each in described[place][method].get("parameters", ())}
            strange += [f"{method} {path} {name}" for name in names if name.rstrip(">") not in known]
        elif place.endswith("/all"):
            kinds = {f"{kind}.userRating>>" for kind in Kind}
            strange += [f"{method} {path} {name}" for name in names - PAGED - kinds]
    assert strange == []
    assert {
        ("put", "/:/scrobble"),
        ("put", "/:/unscrobble"),
        ("put", "/:/rate"),
        ("post", "/library/collections"),
    } <= sent
    assert [row["path"] for row in home.rows() if row["unhandled"]] == []


def test_no_write_is_a_get(home: Home) -> None:
    do_everything(home)
    writes = re.compile(r"scrobble|/rate|actions/|/switch")
    assert {row["method"] for row in home.rows() if writes.search(row["path"])} == {"PUT", "POST"}
