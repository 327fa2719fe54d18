"""The obvious ways of reading a library, as the client libraries are shipped, in a process of its own."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from bench.steps import serve
from sidecar.clock import SystemClock
from sidecar.model import Secret

LEAN = {"recursive": "true", "includeItemTypes": "Movie,Episode", "fields": "ProviderIds", "enableImages": "false"}


def jellyfin(url: str, token: str, user: str, sample: int) -> Callable[..., dict[str, Any]]:  # noqa: ARG001
    """The client as its own documentation uses it, and its cost against that of our session for equal pages."""
    from jellyfin_apiclient_python import JellyfinClient
    from jellyfin_apiclient_python.api import info

    from sidecar.servers.jellyfin.client import Jellyfin
    from sidecar.servers.jellyfin.wire import decode

    client = JellyfinClient(allow_multiple_clients=True)
    client.config.app("Bench", "1", "bench", "bench")
    client.config.auth(url, user, token, ssl=True)
    client.auth.jellyfin_user_id = lambda: user
    own = Jellyfin(url, Secret(token), label="Jellyfin", device_id="bench", clock=SystemClock())

    def obvious() -> dict[str, Any]:
        held: list[Any] = []
        asked = {"include_item_types": "Movie,Episode", "recursive": True, "fields": info(), "limit": 100}
        while page := client.jellyfin.get_user_items(start_index=len(held), **asked)["Items"]:
            held += page
        return {"requests": len(held) // 100 + 1}

    def pages(read: Callable[[dict[str, Any]], int]) -> dict[str, Any]:
        start = 0
        while count := read({**LEAN, "userId": user, "startIndex": start, "limit": 2_000}):
            start += count
        return {"requests": start // 2_000 + 1}

    ways: dict[str, Callable[[], dict[str, Any]]] = {
        "obvious": obvious,
        "library": lambda: pages(lambda params: len(client.jellyfin.items(params=params)["Items"])),
        "session": lambda: pages(lambda params: own.page(params, decode).count),
    }
    return lambda way="obvious": ways[way]()


def plex(url: str, token: str, user: str, sample: int) -> Callable[..., dict[str, Any]]:  # noqa: ARG001
    """plexapi as it is shipped: what a row leaves out is asked for as soon as somebody looks at it.

    That is one request for a title, so only a sample is looked at and the rest is counted at the same price.
    """
    import plexapi.server

    server: Any = plexapi.server.PlexServer(url, token)  # type: ignore[no-untyped-call]
    asked = [0]
    server._session.hooks["response"].append(lambda *_, **__: asked.__setitem__(0, asked[0] + 1))

    def obvious() -> dict[str, Any]:
        held = [
            title
            for section in server.library.sections()
            for title in section.search(libtype="movie" if section.type == "movie" else "episode")
        ]
        chosen = held[:: max(len(held) // sample, 1)][:sample]
        before, cpu, began, looked = asked[0], time.process_time(), time.perf_counter(), list[Any]()
        for title in chosen:
            looked.append((title.isPlayed, title.lastViewedAt, title.userRating, title.guids))
        more = (len(held) - len(chosen)) / len(chosen)
        return {
            "requests": asked[0] + round((asked[0] - before) * more),
            "cpu": (time.process_time() - cpu) * more,
            "seconds": (time.perf_counter() - began) * more,
        }

    return obvious


if __name__ == "__main__":
    asked_for = json.loads(sys.argv[1])
    serve({"jellyfin": jellyfin, "plex": plex}[asked_for.pop("kind")](**asked_for))
