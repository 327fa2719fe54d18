"""A collection of a given name in one library, kept equal to what it shall hold; everybody on the server sees it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sidecar.errors import BadAnswer
from sidecar.servers.hands import AT_ONCE
from sidecar.servers.plex.client import Plex, Section
from sidecar.servers.plex.pages import Named
from sidecar.servers.plex.rows import key_of
from sidecar.servers.plex.shelves import listed


class Mirror:
    """One collection, by the owner's token."""

    def __init__(self, owner: Plex, section: Section, name: str) -> None:
        self._plex, self._section, self._name = owner, section, name

    def read(self) -> tuple[str, dict[str, str]]:
        """The collection's number, empty while there is none, and what it holds: items by their numbers."""
        found: Named = []
        self._listed(f"/library/sections/{self._section.key}/collections", found)
        mine = (row for _, row in found if row.get("title") == self._name and row.get("smart") != "1")
        key = next((row.get("ratingKey", "") for row in mine), "")
        held: Named = []
        if key:
            self._listed(f"/library/collections/{key}/children", held)
        return key, {key_of(item): item for item, _ in held}

    def make(self, wanted: Iterable[str]) -> tuple[int, int]:
        """Have it hold exactly these items; how many came and how many went."""
        key, held = self.read()
        keys = {number for item in wanted if (number := key_of(item))}
        come, go = sorted(keys - held.keys(), key=int), sorted(held.keys() - keys, key=int)
        machine = self._plex.info().id if come else ""
        for start in range(0, len(come), AT_ONCE):
            part = ",".join(come[start : start + AT_ONCE])
            params: dict[str, Any] = {"uri": f"server://{machine}/com.plexapp.plugins.library/library/metadata/{part}"}
            if key:
                self._plex.tell("put", f"/library/collections/{key}/items", params)
                continue
            kind = "2" if self._section.shows else "1"
            params |= {"type": kind, "title": self._name, "smart": 0, "sectionId": self._section.key}
            self._plex.tell("post", "/library/collections", params)
            key, _ = self.read()
        for number in go:
            self._plex.tell("delete", f"/library/collections/{key}/items/{number}", {})
        return len(come), len(go)

    def _listed(self, path: str, found: Named) -> None:
        """All rows of a listing; raises where it is not whole, because the rest would be taken for missing."""
        _, why = listed(self._plex, path, {}, found.extend)
        if why:
            raise BadAnswer(self._plex.label, f"The collection “{self._name}” could not be read wholly: {why}.")
