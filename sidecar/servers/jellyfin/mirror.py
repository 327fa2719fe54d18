"""A collection on the server that holds exactly what somebody collected on Trakt; everybody there sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from types import NoneType

from sidecar.errors import IncompleteRead
from sidecar.servers.hands import AT_ONCE
from sidecar.servers.jellyfin.client import Jellyfin, Params
from sidecar.servers.jellyfin.listing import read_all
from sidecar.servers.jellyfin.reads import PAGE
from sidecar.servers.jellyfin.wire import Item, Page, decode


class Mirror:
    """One collection, found by its name."""

    def __init__(self, client: Jellyfin, user_id: str, name: str) -> None:
        self._client, self._user, self._name = client, user_id, name

    def members(self) -> set[str] | None:
        """What is in it; None while there is none."""
        known = self._find()
        return None if known is None else {item.id for item in self._list({"parentId": known})}

    def make_so(self, wanted: Iterable[str]) -> tuple[set[str], set[str]]:
        """Add and remove exactly what differs; gives both. An empty collection is not made."""
        wanted, known = set(wanted), self._find()
        before = set() if known is None else {item.id for item in self._list({"parentId": known})}
        adding, leaving = wanted - before, before - wanted
        if known is None and adding:
            known = str(self._client.call("POST", "Collections", {"name": self._name})["Id"])
        for verb, items in (("POST", adding), ("DELETE", leaving)):
            for part in _portions(sorted(items)):
                self._client.call(verb, f"Collections/{known}/Items", {"ids": ",".join(part)}, due=NoneType)
        return adding, leaving

    def _find(self) -> str | None:
        sets = self._list({"includeItemTypes": "BoxSet", "recursive": "true"})
        return next((item.id for item in sets if item.name == self._name), None)

    def _list(self, query: Params) -> list[Item]:
        fixed: Params = {"userId": self._user, "enableImages": "false", "collapseBoxSetItems": "false", **query}
        found: dict[str, Item] = {}

        def fetch(start: int, limit: int) -> Page:
            return self._client.page({**fixed, "startIndex": start, "limit": limit}, decode)

        _, why = read_all(fetch, PAGE, lambda page: found.update((item.id, item) for item in page.items))
        if why:
            raise IncompleteRead(f"The collections of {self._client.label} were not read whole: {why}.")
        return list(found.values())


def _portions(items: Sequence[str]) -> Iterator[list[str]]:
    waiting = iter(items)
    while part := list(islice(waiting, AT_ONCE)):
        yield part
