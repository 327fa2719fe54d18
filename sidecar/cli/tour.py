"""The tour of the demo: what there is to see, step by step, each step checked where it happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from sidecar.app import App
from sidecar.cli import say
from sidecar.cli.tour_sync import Step, SyncTour, require
from sidecar.commands import perform
from sidecar.demo.bustle import Bustle
from sidecar.demo.invent import invent
from sidecar.errors import SidetraktError
from sidecar.http import Session, build_session
from sidecar.store.people import People
from sidecar.words import count_of

SECONDS = 30  # within which everything has to be on Trakt


class Tour:
    """One walk through everything that works by now; it grows with Sidetrakt."""

    def __init__(self, app: App, line: dict[str, Any], url: str, size: dict[str, int]) -> None:
        self._app, self._line, self._url = app, line, url
        catalogue = invent(size["titles"], size["people"], size["seed"])
        self._people = Bustle(line, catalogue)
        self._syncing = SyncTour(self._ask, self._people.control, catalogue)
        self._web: Session = build_session("the household", timeout=10)

    def run(self, stop: threading.Event, *, go_on: bool) -> bool:
        """Take every step; True if all went well. With `go_on` people keep watching until stopped."""
        steps: list[tuple[str, Step]] = [
            ("Sidetrakt is well", self._health),
            ("Sidetrakt meets the people of both servers", self._meet),
            ("Anna links her Trakt account", self._link),
            ("The servers tell Sidetrakt what happens", self._hooks),
            ("People watch and rate on both servers", self._watch),
            ("What Anna played and rated is on Trakt", self._arrive),
            ("What Sidetrakt reads of Anna on the servers", self._read),
            ("Somebody ticks a film on Trakt's website", self._website),
            ("What Sidetrakt sees there", self._look),
            *self._syncing.steps(),
        ]
        try:
            done = sum(
                self._take(f"{number}/{len(steps)} {name}", step) for number, (name, step) in enumerate(steps, 1)
            )
            if go_on and done == len(steps):
                say.line("People go on watching; end it with Ctrl-C.")
                for sentence in self._people.go_on(stop):
                    say.marked("note", sentence, inside=True)
            return done == len(steps)
        finally:
            self._people.close()
            self._web.close()

    def _take(self, name: str, step: Step) -> bool:
        say.line(name)
        try:
            for sentence in step():
                say.marked("ok", sentence, inside=True)
        except (SidetraktError, OSError, ValueError, KeyError) as problem:
            say.marked("bad", str(problem), inside=True)
            return False
        return True

    def _health(self) -> Iterator[str]:
        answer = self._web.get(f"{self._url}/healthz").json()
        require(answer["status"] == "ok", f"/healthz says {answer}")
        yield f"/healthz says ok, version {answer['version']}"

    def _watch(self) -> Iterator[str]:
        before = self._plays()
        for server, name in (("jellyfin", "Anna"), ("plex", "Anna"), ("", "David")):
            yield from self._people.scene(server, name)
        played = self._plays() - before
        require(played >= 3, f"only {played} of 3 plays were counted")
        yield f"the two servers counted {played} plays"

    def _hooks(self) -> Iterator[str]:
        for server in ("jellyfin", "plex"):
            (hook,) = self._ask("hooks", {"server": server, "new": True, "register": False})
            url = self._url + urlsplit(hook["address"]).path
            if server == "jellyfin":
                self._people.control(server, "act", do="plugin", url=url, token=hook["token"])
            else:
                self._people.control(server, "act", do="webhook", person="Anna", url=url)
            yield f"{server.capitalize()} sends to the address that `sidetrakt hooks {server}` shows"

    def _arrive(self) -> Iterator[str]:
        began, wanted = time.monotonic(), dict(list(self._people.seen.items())[:2])
        while wanted.items() - self._on_trakt("ratings").items() or wanted.keys() - self._on_trakt("history").keys():
            late = time.monotonic() - began > SECONDS or self._app.crew.stop.wait(0.5)
            require(not late, f"not all of it was on Trakt within {SECONDS} seconds")
        yield f"her {len(wanted)} plays and ratings were there {time.monotonic() - began:.0f} s later"
        require(not self._on_trakt("history", "david"), "something of somebody who is not linked was told")
        yield "nothing of David, who is not linked"
        for row in self._app.live.hub.picture().told[::-1]:
            said = " ".join(str(word) for word in (row["topic"], row["say"]) if word)
            yield f"`sidetrakt status` shows: {said}, {row['title']}, {row['state']}"

    def _meet(self) -> Iterator[str]:
        for met in self._ask("meet", {}):
            require(not met["problem"], f"{met['server']}: {met['problem']}")
            yield f"{met['what']}: {', '.join(met['users'])}"
        with self._app.store.read() as db:
            twice = [person.name for person in People(db).all() if person.name.lower().startswith("anna@")]
        for name in twice:
            done = self._ask("people join", {"one": "Anna", "other": name})
            yield f"somebody says that {done['joined']} is {done['person']}; nobody else would join two accounts"

    def _read(self) -> Iterator[str]:
        for server in ("jellyfin", "plex"):
            found = self._ask("look", {"person": "Anna", "feature": "history", "side": server})
            require(found["complete"], f"not all of it could be read: {found['why']}")
            libraries = count_of(len(found["libraries"]), "library", "libraries")
            what = f"{count_of(found['facts'], 'title')} of history in {libraries}"
            yield f"{found['label']}: {what}, with {count_of(found['requests'], 'request')}"
        unmatched = self._ask("unmatched", {})["items"]
        yield f"{count_of(len(unmatched), 'item')} cannot be matched, each with its reason (sidetrakt unmatched)"

    def _website(self) -> Iterator[str]:
        films, before = self._trakt("/movies/popular"), self._trakt("/sync/last_activities")
        self._people.control("trakt", "act", do="watch", user="anna", movies=[{"ids": films[0]["ids"]}])
        after = self._trakt("/sync/last_activities")
        require(before["movies"]["watched_at"] != after["movies"]["watched_at"], "Trakt's stamp did not move")
        yield f"Anna ticked {films[0]['title']}; Trakt's stamp for watched films moved"

    def _link(self) -> Iterator[str]:
        pair = self._line["trakt"]["users"]["anna"]
        done = self._ask("link", {"person": "Anna", "token": pair})
        require(done.get("linked") is True, f"linking said {done}")
        yield f"{done['person']} is linked to {done['account']}, proved by one request"

    def _look(self) -> Iterator[str]:
        for feature in ("history", "ratings", "watchlist", "collection"):
            found = self._ask("look", {"person": "Anna", "feature": feature, "side": "trakt"})
            require(found["complete"], f"not all of her {feature} could be read: {found['why']}")
            requests = count_of(found["requests"], "request")
            yield f"her {feature}: {count_of(found['facts'], 'title')}, all of it read, with {requests}"

    def _trakt(self, path: str, user: str = "anna") -> Any:
        """What somebody would see at Trakt."""
        trakt = self._line["trakt"]
        headers = {"trakt-api-key": trakt["client_id"], "trakt-api-version": "2"}
        headers["Authorization"] = f"Bearer {trakt['users'][user]['access_token']}"
        return self._web.get(f"{trakt['url']}{path}", headers=headers).json()

    def _on_trakt(self, feature: str, user: str = "anna") -> dict[int, int | None]:
        """What is rated, and how, or watched."""
        rows = self._trakt(f"/sync/{feature}/all" if feature == "ratings" else f"/sync/{feature}", user)
        return {row[row["type"]]["ids"]["trakt"]: row.get("rating") for row in rows}

    def _ask(self, command: str, arguments: dict[str, Any]) -> Any:
        """Carry out a command as the command line would; gives its result."""
        results = [event["result"] for event in perform(self._app, command, arguments) if "result" in event]
        return results[0]

    def _plays(self) -> int:
        """How many plays the two servers know of everybody."""
        plex, jellyfin = self._line["plex"], self._line["jellyfin"]
        owner = plex["people"]["Anna"]["server_token"]
        headers = {"X-Plex-Token": owner, "Accept": "application/json"}
        history = self._web.get(f"{plex['url']}/status/sessions/history/all", headers=headers).json()["MediaContainer"]
        key = {"Authorization": f'MediaBrowser Token="{jellyfin["api_key"]}"'}
        count = int(history.get("totalSize", history["size"]))
        for person in jellyfin["people"]:
            wanted = {"userId": person["id"], "recursive": "true", "isPlayed": "true", "limit": "0"}
            wanted["includeItemTypes"] = "Movie,Episode"
            count += self._web.get(f"{jellyfin['url']}/Items", headers=key, params=wanted).json()["TotalRecordCount"]
        return count
