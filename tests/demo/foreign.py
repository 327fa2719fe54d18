"""Somebody else's program: knows the household's JSON line and the ordinary client libraries, nothing of ours.

Run by test_foreign.py in an isolated interpreter in which `sidecar` cannot be imported; prints what it saw as JSON.
"""

import json
import logging
import sys
from typing import Any

sys.modules["sidecar"] = None  # type: ignore[assignment] # every import of it fails

import requests  # noqa: E402
from jellyfin_apiclient_python import JellyfinClient  # noqa: E402
from plexapi.server import PlexServer  # noqa: E402


def trakt(told: dict[str, Any]) -> dict[str, Any]:
    """Marks a film as watched and finds it again."""
    headers = {
        "Authorization": f"Bearer {told['users']['anna']['access_token']}",
        "User-Agent": "foreign/1.0",
        "trakt-api-key": told["client_id"],
        "trakt-api-version": "2",
    }
    with requests.Session() as session:
        session.headers.update(headers)
        film = session.get(f"{told['url']}/movies/trending?limit=1", timeout=10).json()[0]["movie"]
        added = session.post(f"{told['url']}/sync/history", json={"movies": [{"ids": film["ids"]}]}, timeout=10)
        history = session.get(f"{told['url']}/sync/history", timeout=10).json()
        device = session.post(f"{told['url']}/oauth/device/code", json={"client_id": told["client_id"]}, timeout=10)
    same = [row["movie"]["ids"]["trakt"] for row in history] == [film["ids"]["trakt"]]
    return {"added": added.json()["added"]["movies"], "found": same, "device": sorted(device.json())}


def plex(told: dict[str, Any]) -> dict[str, Any]:
    """Marks a film as played and rates it."""
    with requests.Session() as session:
        server: Any = PlexServer(told["url"], told["people"]["Anna"]["server_token"], session=session)  # type: ignore[no-untyped-call]
        section = next(each for each in server.library.sections() if each.type == "movie")
        film = section.all()[0]
        film.markPlayed()
        film.rate(8)
        film.reload()
        return {"machine": server.machineIdentifier, "played": film.isPlayed, "rating": film.userRating}


def jellyfin(told: dict[str, Any]) -> dict[str, Any]:
    """Signs in with Anna's password and marks a film as played."""
    logging.getLogger("Jellyfin").handlers.clear()
    person = next(each for each in told["people"] if each["name"] == "Anna")
    client = JellyfinClient(allow_multiple_clients=True)
    client.config.app("Foreign", "1.0", "foreign", "foreign-1")
    client.config.http(user_agent="Foreign/1.0", max_retries=0, timeout=10)
    client.config.auth(None, None, None, True)
    client.auth.connect_to_address(told["url"])
    signed = client.auth.login(told["url"], "Anna", person["password"])
    client.config.auth(told["url"], signed["User"]["Id"], signed["AccessToken"], True)
    client.http.start_session()
    question = {"recursive": True, "includeItemTypes": "Movie", "limit": 1}
    film = client.jellyfin.users("/Items", params=question)["Items"][0]["Id"]
    client.jellyfin.item_played(film, True)
    played = client.jellyfin.users("/Items", params={**question, "isPlayed": True})["Items"]
    client.http.stop_session()
    return {"user": signed["User"]["Id"] == person["id"], "played": [each["Id"] for each in played] == [film]}


if __name__ == "__main__":
    line = json.loads(sys.argv[1])
    seen: dict[str, Any] = {
        "trakt": trakt(line["trakt"]),
        "plex": plex(line["plex"]),
        "jellyfin": jellyfin(line["jellyfin"]),
    }
    seen["ours"] = [name for name in sys.modules if name.startswith("sidecar.")]
    print(json.dumps(seen))  # noqa: T201
