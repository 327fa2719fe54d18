"""An evening in the household: three simulators, Sidetrakt as a whole process on its real sockets, and what arrives.

Nobody waits for time to pass, only for what simulators log.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import flask
import requests

from sidecar.demo import jellyfin, plex, trakt
from sidecar.demo.bustle import plain
from sidecar.demo.catalogue import Catalogue, File
from sidecar.demo.control import Control
from sidecar.demo.invent import invent
from sidecar.demo.listen import Listener
from tests.trakt.asked import contract_here, listen_to

PATIENCE = 20.0
TOKEN = "the token of the plugin, of some length"
SOCKETS = {"jellyfin": "^/socket$", "plex": "^/:/websockets?/notifications$"}
MAKERS: dict[str, Any] = {"trakt": trakt, "plex": plex, "jellyfin": jellyfin}

T = TypeVar("T")


@dataclass(frozen=True)
class Arrival:
    """What Trakt was told: by whose token, what, of which title (0 where that is not said), how it answered, when."""

    user: str
    what: str
    title: int
    status: int
    at: float


@dataclass
class Door:
    """A request of Trakt's API that is kept waiting, to be carried out or refused when somebody says so."""

    path: str = ""
    carried_out: bool = True
    arrived: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    def passes(self) -> bool:
        """Whether the present request may be carried out."""
        if not self.path or flask.request.path != self.path:
            return True
        self.path, go = "", self.go
        self.arrived.set()
        go.wait(PATIENCE)
        return self.carried_out


class Evening:
    """The simulators of one household."""

    def __init__(self) -> None:
        self.catalogue: Catalogue = invent(200, 8, 1)
        self.controls = {name: Control(name) for name in MAKERS}
        self.apps = {name: made.make_app(self.catalogue, self.controls[name]) for name, made in MAKERS.items()}
        self.arrivals: list[Arrival] = []
        self.door = Door()
        self.apps["trakt"].before_request(lambda: None if self.door.passes() else flask.Response(status=503))
        self.apps["trakt"].after_request(self._note)
        self.asked = listen_to(self.apps["trakt"], contract_here())
        self._listeners = {name: Listener(app).start() for name, app in self.apps.items()}
        self.urls = {name: listener.url for name, listener in self._listeners.items()}
        self.signins = {name: made.signins(self.catalogue) for name, made in MAKERS.items()}
        self._web = requests.Session()

    def close(self) -> None:
        """End all of it."""
        self._web.close()
        self.apps["plex"].extensions["plex"].news.close()
        for listener in self._listeners.values():
            listener.close()

    def reset(self) -> None:
        """As after the start, without Trakt's limits."""
        for control in self.controls.values():
            control.reset()
        self.controls["trakt"].switches["limits"] = False
        self.controls["plex"].switches["session_delay_s"] = 0.0
        self.arrivals.clear()
        self.asked.wrong.clear()

    def environ(self, port: int) -> dict[str, str]:
        """The settings that lead here."""
        url, app = self.urls, self.signins["trakt"]
        said = {
            "WEB__PORT": str(port),
            "TRAKT__CLIENT_ID": app["client_id"],
            "TRAKT__CLIENT_SECRET": app["client_secret"],
            "TRAKT__API_URL": url["trakt"],
            "TRAKT__AUTH_URL": url["trakt"],
            "TRAKT__GET_PER_SECOND": "1000",
            "TRAKT__WRITE_PER_SECOND": "1000",
            "SERVERS__HOME__KIND": "jellyfin",
            "SERVERS__HOME__URL": url["jellyfin"],
            "SERVERS__HOME__TOKEN": self.signins["jellyfin"]["api_key"],
            "SERVERS__HOME__HOOK_TOKEN": TOKEN,
            "SERVERS__DEN__KIND": "plex",
            "SERVERS__DEN__URL": url["plex"],
            "SERVERS__DEN__TOKEN": self.signins["plex"]["people"]["Anna"]["account_token"],
            "SERVERS__DEN__HOOK_TOKEN": TOKEN.replace(" ", "-"),
            **{f"PLEX__{name}_URL": url["plex"] for name in ("ACCOUNT", "DISCOVER", "METADATA")},
        }
        return {f"SIDETRAKT_{name}": text for name, text in said.items()}

    def files(self, library: str) -> list[File]:
        """Files of a library that are one title each, which the servers name rightly."""
        files = [file for file in self.catalogue.files if file.library == library and plain(file) and _right(file)]
        return list({file.titles[0]: file for file in files}.values())

    def hook(self, url: str, *, plugins: bool = False) -> None:
        """Have our plugin and Plex's webhook tell Sidetrakt; with `plugins` the Webhook plugin as well."""
        home, token = f"{url}/hooks/jellyfin/home", f"Bearer {TOKEN}"
        self.act("jellyfin", "plugin", url=home, token=TOKEN)
        if plugins:
            self.act("jellyfin", "webhook", url=home, headers={"Authorization": token}, folders=True)
        self.act("plex", "webhook", person="Anna", url=f"{url}/hooks/plex/den/{TOKEN.replace(' ', '-')}")

    def unhook(self) -> None:
        """Nobody tells Sidetrakt anything by itself any more; sockets are opened."""
        server, accounts = self.apps["jellyfin"].server, self.apps["plex"].extensions["plex"].accounts
        server.plugin.url, server.webhooks.destinations = "", []
        accounts.named("Anna").webhooks.clear()
        for control in self.controls.values():
            control.faults.clear()

    def deafen(self) -> None:
        """No server opens a socket any more."""
        for service, path in SOCKETS.items():
            self.controls[service].faults.arm({"name": "status", "status": 503, "path": path, "times": None})

    def hold(self, path: str, *, carried_out: bool) -> Door:
        """Keep the next request to this path waiting."""
        self.door = Door(path, carried_out)
        return self.door

    def act(self, service: str, do: str, **said: Any) -> Any:
        """What somebody does in another client or on a website."""
        return self.controls[service].acts[do]({"do": do, **said})

    def play(self, service: str, do: str, person: str, **said: Any) -> float:
        """What a player does; gives the moment before."""
        now = time.monotonic()
        self.controls[service].play[do]({"do": do, "person": person, "device": f"the TV of {person}", **said})
        return now

    def until(self, true: Callable[[], T], service: str = "trakt") -> T:
        """Wait until something is so, at the latest some moments after a request to this simulator."""
        control, end = self.controls[service], time.monotonic() + PATIENCE
        since = control.count
        while not (found := true()):
            left = end - time.monotonic()
            assert left > 0, (self.arrivals[-20:], list(control.log)[-5:])
            rows = control.rows(since, 0.05)["rows"]
            since = rows[-1]["n"] if rows else since
        return found

    def told(self, user: str, title: int = 0) -> list[str]:
        """What Trakt took from somebody, of one title or of all, in order."""
        return [
            each.what
            for each in list(self.arrivals)
            if each.user == user and title in (0, each.title) and each.status == 201
        ]

    def hears(self, user: str, what: str, title: int = 0, count: int = 1) -> float:
        """Wait until Trakt took it; gives the moment."""
        self.until(lambda: self.told(user, title).count(what) >= count)
        return [a.at for a in self.arrivals if (a.user, a.what, a.status) == (user, what, 201)][-1]

    def plays(self, user: str) -> dict[int, list[datetime]]:
        """The plays of everything on Trakt."""
        found: dict[int, list[datetime]] = {}
        for row in self._ask(user, "/sync/history?limit=250"):
            found.setdefault(row[row["type"]]["ids"]["trakt"], []).append(datetime.fromisoformat(row["watched_at"]))
        return found

    def ratings(self, user: str) -> dict[int, int]:
        """The ratings on Trakt."""
        return {row[row["type"]]["ids"]["trakt"]: row["rating"] for row in self._ask(user, "/sync/ratings/all")}

    def listening(self, sockets: int, since: int = 0) -> None:
        """Wait until so many sockets of Jellyfin are subscribed, and Plex's was opened and looked at."""
        lines = self.apps["jellyfin"].server.sockets
        with lines.moved:
            assert lines.moved.wait_for(lambda: sum(one.period is not None for one in lines.lines) >= sockets, PATIENCE)

        def looked_at() -> bool:
            rows = [row for row in list(self.controls["plex"].log) if row["n"] > since]
            opened = [row["n"] for row in rows if row["status"] == 101]
            return bool(opened) and any(r["path"] == "/status/sessions" and r["n"] > opened[-1] for r in rows)

        self.until(looked_at, "plex")

    def looks(self) -> int:
        """How often Plex was asked what plays."""
        return self.controls["plex"].counts["GET /status/sessions", "Anna"]

    def looked_again(self, count: int) -> None:
        """Wait until Plex was asked once more than so often."""
        self.until(lambda: self.looks() > count, "plex")

    def sockets(self) -> int:
        """How many are open."""
        return len(self.apps["jellyfin"].server.sockets.lines) + len(self.apps["plex"].extensions["plex"].news.sockets)

    def looked_twice(self, since: int = 0) -> None:
        """Wait until Plex's newest ratings were looked at, and are again."""

        def again() -> bool:
            rows = [row for row in list(self.controls["plex"].log) if row["n"] > since and "lastRated" in row["query"]]
            asked = [(row["user"], row["path"], row["query"]) for row in rows]
            return len(asked) > len(set(asked))

        self.until(again, "plex")

    def sign_in(self, person: str) -> str:
        """A token of somebody on Jellyfin."""
        known = next(each for each in self.signins["jellyfin"]["people"] if each["name"] == person)
        who = f'MediaBrowser Client="A", Device="Sofa", DeviceId="sofa-{known["id"]}", Version="1"'
        said = {"Username": person, "Pw": known["password"]}
        url = f"{self.urls['jellyfin']}/Users/AuthenticateByName"
        answer = self._web.post(url, json=said, headers={"Authorization": who}, timeout=10)
        return str(answer.json()["AccessToken"])

    def unhandled(self) -> list[Any]:
        """What no simulator knows, and what Trakt's contract forbids."""
        rows = [row for control in self.controls.values() for row in control.log if row["unhandled"]]
        return [*rows, *self.asked.wrong]

    def _ask(self, user: str, path: str) -> Any:
        headers = {"trakt-api-version": "2", "trakt-api-key": self.signins["trakt"]["client_id"], "User-Agent": "tests"}
        headers["Authorization"] = f"Bearer {self.signins['trakt']['users'][user]['access_token']}"
        answer = self._web.get(self.urls["trakt"] + path, headers=headers, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def _note(self, answer: flask.Response) -> flask.Response:
        request = flask.request
        if request.method == "POST" and request.path.startswith(("/scrobble/", "/sync/")):
            said = answer.get_json(silent=True) or {}
            about = said.get("movie") or said.get("episode") or {"ids": {"trakt": 0}}
            what = said.get("action") or request.path.removeprefix("/sync/").removeprefix("/scrobble/")
            who = self.controls["trakt"]._who() or ""
            self.arrivals.append(Arrival(who, what, about["ids"]["trakt"], answer.status_code, time.monotonic()))
        return answer


def account_of(person: str) -> str:
    """The name at plex.tv."""
    return person.lower().replace(" ", "_")


def user_of(person: str) -> str:
    """The name on Trakt."""
    return person.split(maxsplit=1)[0].lower().replace("ë", "e")


def _right(file: File) -> bool:
    ids = file.titles[0].ids
    if file.legacy_guid or ids.tmdb is None or (file.claims.tmdb, file.claims.tvdb) != (ids.tmdb, ids.tvdb):
        return False
    return file.show is None or file.show_claims.tvdb == file.show.ids.tvdb
