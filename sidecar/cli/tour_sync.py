"""The tour's part about syncing: a first preview and sync, changes on every side, what is held, and taking back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from sidecar.cli.outcome import counted
from sidecar.demo.bustle import name_of, plain
from sidecar.demo.catalogue import Catalogue, File
from sidecar.errors import SidetraktError
from sidecar.words import count_of

Step = Callable[[], Iterator[str]]
SERVERS = ("jellyfin", "plex")


class SyncTour:
    """Steps that sync Anna; `ask` carries out commands, `act` is what people do elsewhere."""

    def __init__(self, ask: Callable[..., Any], act: Callable[..., Any], catalogue: Catalogue) -> None:
        self._ask, self._act = ask, act
        numbers = {
            "movies": [film.ids.trakt for film in catalogue.movies],
            "shows": [show.ids.trakt for show in catalogue.shows],
        }
        self._everything = {kind: [{"ids": {"trakt": each}} for each in all_] for kind, all_ in numbers.items()}
        claims = Counter(claim for file in catalogue.files for claim in _claims(file))
        self._films = [
            file
            for file in catalogue.files
            if file.library == "movies"
            and plain(file)
            and file.claims.imdb
            and all(claims[claim] == 1 for claim in _claims(file))
        ]

    def steps(self) -> list[tuple[str, Step]]:
        """All of them, in order."""
        return [
            ("What a first sync of Anna would do", self._preview),
            ("Anna's first sync: every side takes over what the others have", self._first),
            ("Anna watches on every side, and syncs again", self._second),
            ("Plex does not show its library of films for a while", self._library),
            ("Everything vanishes from Anna's history at Trakt", self._emptied),
            ("Anna takes a sync back", self._undo),
        ]

    def _preview(self) -> Iterator[str]:
        before = self._watched()
        shown = self._sync(preview=True)
        require(shown["first"], "Anna was never asked")
        for group in shown["planned"]:
            titles = count_of(group["count"], "title")
            yield f"{group['side']}, {group['feature']}: {group['action']} {titles}. {group['why']}"
        require(self._watched() == before, "a preview wrote something")

    def _first(self) -> Iterator[str]:
        result = self._sync()
        yield f"{counted(result)}, with {count_of(result['requests'], 'request')}"
        yield self._same()

    def _second(self) -> Iterator[str]:
        for service, films in self._by_side().items():
            for file in films:
                self._tick(service, file, "watch")
            yield f"Anna watched {' and '.join(map(name_of, films))} on {service.capitalize()}"
        yield counted(self._sync())
        yield self._same()
        require(not self._sync()["counts"], "the next sync wrote something again")
        yield "the next sync finds nothing to write"

    def _library(self) -> Iterator[str]:
        before = self._watched()
        self._act("plex", "switches", library_missing="movies")
        result = self._sync(full=True)
        yield from (f"{side}: {why}" for side, why in result["stale"].items())
        self._act("plex", "switches", library_missing="")
        self._sync(full=True)
        require(self._watched() == before, "something was removed")
        yield "nothing was removed anywhere, and when the library is back all is as before"

    def _emptied(self) -> Iterator[str]:
        before = self._watched()
        self._act("trakt", "act", do="unwatch", user="anna", **self._everything)
        held = self._sync()["held"]
        require(len(held) > 0, "nothing was held")
        yield f"held: {held[0]['why']}"
        kept = self._ask("held", {"part": held[0]["id"], "decision": "keep"})
        yield f"Anna keeps it: {count_of(len(kept['part']['titles']), 'title')} may differ at Trakt from now on"
        after = self._watched()
        require(all(after[name] == before[name] for name in SERVERS), "the servers were touched")
        yield "the servers are as they were"

    def _undo(self) -> Iterator[str]:
        file = self._films[-1]
        self._tick("plex", file, "watch")
        run = self._sync()["run"]
        yield f"Anna watched {name_of(file)} on Plex; run {run} told the others"
        before = self._watched()
        yield f"taken back: {counted(self._ask('undo', {'run': run}))}"
        after = self._watched()
        require(after["jellyfin"] < before["jellyfin"] and after["trakt"] < before["trakt"], "it is still there")
        require(not self._sync()["counts"], "the next sync did it again")
        yield "the next sync repeats none of it"

    def _sync(self, **more: bool) -> dict[str, Any]:
        (result,) = self._ask("sync", {"person": "Anna", **more})
        require(result["state"] in ("done", "partial", "preview"), f"the sync {result['state']}: {result['problem']}")
        return dict(result)

    def _by_side(self) -> dict[str, list[File]]:
        """Films that nobody watched yet, two for each side."""
        return {service: self._films[2 * place : 2 * place + 2] for place, service in enumerate((*SERVERS, "trakt"))}

    def _tick(self, service: str, file: File, do: str) -> None:
        if service == "trakt":
            self._act("trakt", "act", do=do, user="anna", movies=[{"ids": {"trakt": file.titles[0].ids.trakt}}])
        else:
            self._act(service, "act", do=do, person="Anna", file=file.path)

    def _watched(self) -> dict[str, int]:
        """How many titles Anna has watched on each side."""
        sides = (*SERVERS, "trakt")
        return {
            side: self._ask("look", {"person": "Anna", "feature": "history", "side": side})["facts"] for side in sides
        }

    def _same(self) -> str:
        watched = self._watched()
        require(len(set(watched.values())) == 1, f"the sides differ: {watched}")
        return f"all three sides have {count_of(watched['trakt'], 'title')} of history now"


def _claims(file: File) -> list[tuple[str, Any]]:
    """The ids that a file's server says it has, and those it should have."""
    names = ("imdb", "tmdb", "tvdb")
    said = {
        (name, getattr(ids, name)) for ids in (file.claims, *(title.ids for title in file.titles)) for name in names
    }
    return [claim for claim in said if claim[1] is not None]


def require(right: bool, otherwise: str) -> None:
    """End the step with a sentence unless this is so."""
    if not right:
        raise SidetraktError(otherwise)
