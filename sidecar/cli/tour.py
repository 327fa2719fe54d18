"""The tour of the demo: what there is to see, step by step, each step checked where it happens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

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
            ("People watch and rate on both servers", self._watch),
            ("Sidetrakt meets the people of both servers", self._meet),
            ("What it reads there of Anna", self._read),
            ("Somebody ticks a film on Trakt's website", self._website),
            ("Anna links her Trakt account", self._link),
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
        for _ in range(3):
            yield from self._people.scene()
        played = self._plays() - before
        require(played >= 3, f"only {played} of 3 plays were counted")
        yield f"the two servers counted {played} plays"

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
        trakt = self._line["trakt"]
        headers = {"trakt-api-key": trakt["client_id"], "trakt-api-version": "2"}
        headers["Authorization"] = f"Bearer {trakt['users']['anna']['access_token']}"
        films = self._web.get(f"{trakt['url']}/movies/popular", headers=headers).json()
        before = self._web.get(f"{trakt['url']}/sync/last_activities", headers=headers).json()
        self._people.control("trakt", "act", do="watch", user="anna", movies=[{"ids": films[0]["ids"]}])
        after = self._web.get(f"{trakt['url']}/sync/last_activities", headers=headers).json()
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
