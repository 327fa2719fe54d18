"""The request lines plexapi sends, compared with a stored list: the alarm for an update of the library.

After a wanted change: `SIDETRAKT_WRITE_REQUESTS=1 pytest tests/demo/plex/test_requests.py`, and read the difference.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.demo.plex.client import MyPlexPinLogin
from tests.demo.plex.conftest import House

STORED = Path(__file__).parent / "requests.txt"
SINCE = datetime(2026, 7, 1, tzinfo=UTC)


def calls(house: House) -> dict[str, Callable[[], Any]]:
    """Every call the project may use, in an order in which each finds what it needs."""
    server, account, friend = house.server(), house.account(), house.server("David")
    movies, shows = server.library.section("Movies"), server.library.section("Shows")
    movie, show = movies.all()[0], shows.get("Lanterns of Varnick")
    matched = server.fetchItem(int(house.key(house.file())))
    machine, made = server.machineIdentifier, dict[str, Any]()
    users = {user.title: user for user in account.users()}

    def pin() -> None:
        login = MyPlexPinLogin(session=house.session, oauth=True)
        login.oauthUrl()
        login.checkLogin()

    def remember(name: str, value: Any) -> None:
        made[name] = value

    def drop(name: str) -> None:
        made[name].delete()

    return {
        "connect": house.server,
        "library of the owner": lambda: list(house.server().library.sections()),
        "library of a friend": lambda: list(friend.library.sections()),
        "accounts": server.systemAccounts,
        "section.all": movies.all,
        "section.search episodes": lambda: shows.search(libtype="episode", container_size=100),
        "search unwatched": lambda: house.server().library.section("Movies").search(unwatched=False),
        "searchEpisodes unwatched": lambda: shows.searchEpisodes(unwatched=False),
        "search lastViewedAt": lambda: movies.search(filters={"lastViewedAt>>": SINCE}),
        "search userRating": lambda: movies.search(**{"userRating>>": -1}),
        "search lastRatedAt": lambda: movies.search(filters={"lastRatedAt>>": SINCE}),
        "search updatedAt": lambda: movies.search(filters={"updatedAt>>": SINCE}),
        "search lastRatedAt of shows": lambda: shows.search(filters={"lastRatedAt>>": SINCE}),
        "search sorted": lambda: movies.search(sort="lastViewedAt:desc"),
        "search title": lambda: movies.search(title="Causeway"),
        "totalViewSize": lambda: shows.totalViewSize(libtype="episode"),
        "library.search guid": lambda: server.library.search(guid=matched.guid),
        "fetchItems": lambda: server.fetchItems([matched.ratingKey, matched.ratingKey + 1]),
        "fetchItem": lambda: server.fetchItem(matched.ratingKey),
        "reload": matched.reload,
        "show.seasons": show.seasons,
        "show.episodes": show.episodes,
        "markPlayed": matched.markPlayed,
        "markUnplayed": matched.markUnplayed,
        "rate": lambda: matched.rate(8.0),
        "unrate": lambda: matched.rate(None),
        "updateProgress": lambda: matched.updateProgress(120_000),
        "updateTimeline": lambda: matched.updateTimeline(120_000, state="stopped", duration=matched.duration),
        "sessions": server.sessions,
        "history": lambda: server.history(mindate=SINCE, ratingKey=1001, accountID=1, librarySectionID=1),
        "history delete": lambda: [
            house.act("watch", person="Anna", file=matched.ratingKey),
            server.history()[0].delete(),
        ],
        "createPlaylist": lambda: remember("playlist", server.createPlaylist("Evening", items=[movie])),
        "playlists": server.playlists,
        "playlist.addItems": lambda: made["playlist"].addItems([matched]),
        "playlist.items": lambda: made["playlist"].reload().items(),
        "playlist.removeItems": lambda: made["playlist"].removeItems([movie]),
        "playlist.editTitle": lambda: made["playlist"].editTitle("Night"),
        "playlist.delete": lambda: drop("playlist"),
        "createCollection": lambda: remember("collection", movies.createCollection("Trakt: Anna", items=[movie])),
        "collections": movies.collections,
        "collection.addItems": lambda: made["collection"].addItems([matched]),
        "collection.items": lambda: made["collection"].reload().items(),
        "collection.removeItems": lambda: made["collection"].removeItems([movie]),
        "collection.editTitle": lambda: made["collection"].editTitle("Trakt: Ben"),
        "collection.delete": lambda: drop("collection"),
        "sign in by token": house.account,
        "sign in by PIN": pin,
        "account.users": account.users,
        "switchHomeUser": lambda: account.switchHomeUser("Carla", "1357"),
        "home users": lambda: account.query("https://plex.tv/api/home/users"),
        "resources": account.resources,
        "resource.connect": lambda: account.resource("Loft").connect(),
        "shared_servers": lambda: users["David"].get_token(machine),
        "myPlexAccount": server.myPlexAccount,
        "webhooks": account.webhooks,
        "setWebhooks": lambda: account.setWebhooks(["http://127.0.0.1:1/a", "http://127.0.0.1:1/b"]),
        "setWebhooks to none": lambda: account.setWebhooks([]),
        "ping": account.ping,
        "viewStateSync": lambda: account.viewStateSync,
        "enableViewStateSync": account.enableViewStateSync,
        "addToWatchlist": lambda: account.addToWatchlist(matched),
        "watchlist": lambda: account.watchlist(sort="watchlistedAt:desc", libtype="movie"),
        "watchlist guids": lambda: account.watchlist()[0].guids,
        "removeFromWatchlist": lambda: account.removeFromWatchlist(matched),
        "account.markPlayed": lambda: account.markPlayed(matched),
        "isPlayed": lambda: account.isPlayed(matched),
        "searchDiscover": lambda: account.searchDiscover("lanterns"),
    }


def test_the_request_lines_are_those_of_the_stored_list(house: House) -> None:
    out = []
    for name, call in calls(house).items():
        house.lines.clear()
        call()
        out += [f"# {name}", *house.lines]
    text = "\n".join(out).replace(house.signins["machine_identifier"], "{machine}") + "\n"
    if os.environ.get("SIDETRAKT_WRITE_REQUESTS"):
        STORED.write_text(text)
    assert text.splitlines() == STORED.read_text().splitlines()
