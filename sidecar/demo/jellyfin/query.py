"""`/Items` and its twins: which items a query means, in which order, and the page of them.

Everything that does not depend on a user's data is worked out once per shape of query and kept until the library
changes; what does depend on it, until that user's data changes.
"""

import random
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sidecar.demo.jellyfin.rows import ASKED
from sidecar.demo.jellyfin.shelf import Item
from sidecar.demo.jellyfin.userdata import BLANK, Row
from sidecar.demo.jellyfin.wire import Query, Refused, guid, hashed, moment

if TYPE_CHECKING:
    from sidecar.demo.jellyfin.server import Server

Test = Callable[[Item, Row], bool]
FILTERS: dict[str, Test] = {
    "isfavorite": lambda _, row: row.favorite,
    "isresumable": lambda _, row: row.position > 0,
    "likes": lambda _, row: row.rating is not None and row.rating >= 6.5,
    "dislikes": lambda _, row: row.rating is None or row.rating < 6.5,
    "isfavoriteorlikes": lambda _, row: row.favorite,
}
PLAIN = ("Folder", "ManualPlaylistsFolder")
OPPOSITE = ({"isplayed", "isunplayed"}, {"isfolder", "isnotfolder"}, {"likes", "dislikes"})
SORTS: dict[str, Callable[[Item], Any]] = {
    "sortname": lambda item: item.sort,
    "name": lambda item: item.sort,
    "seriessortname": lambda item: (item.series or item).sort,
    "datecreated": lambda item: item.created or "",
    "premieredate": lambda item: item.premiere or str(item.year or ""),
    "productionyear": lambda item: item.year or 0,
    "runtime": lambda item: item.ticks or 0,
    "indexnumber": lambda item: item.number or 0,
    "parentindexnumber": lambda item: item.season or 0,
    "airedepisodeorder": lambda item: (item.season or 0, item.number or 0),
    "random": lambda _: random.random(),  # noqa: S311
}
USER_SORTS: dict[str, Callable[[Row], Any]] = {
    "dateplayed": lambda row: moment(row.last) or "",
    "playcount": lambda row: row.count,
    "isfavoriteorliked": lambda row: not row.favorite,
    "isplayed": lambda row: row.played,
    "isunplayed": lambda row: not row.played,
}


class Finder:
    """Answers queries about the items of one server."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.fixed = lru_cache(64)(self.fixed)  # type: ignore[method-assign]
        self.of_user = lru_cache(32)(self.of_user)  # type: ignore[method-assign]

    def all(self) -> list[Item]:
        """All items as they are now; other threads may add some meanwhile."""
        return list(self.server.shelf.items.values())

    def children(self, parent: Item, recursive: bool) -> list[Item]:
        """What is inside an item: at once, or however deep."""
        items, shelf = [item for item in self.all() if not item.primary], self.server.shelf
        if parent.type in ("BoxSet", "Playlist"):
            return sorted(parent.children, key=lambda item: item.year or 0)
        if parent is shelf.root:
            return [item for item in items if item.type not in PLAIN] if recursive else shelf.libraries()
        if parent.type in ("CollectionFolder", "ManualPlaylistsFolder"):
            inside = [item for item in items if item.library == parent.library]
            inside = [item for item in inside if item.type not in (*PLAIN, "CollectionFolder")]
            return inside if recursive else [item for item in inside if item.parent and item.parent.type == "Folder"]
        if parent.extra.get("fresh"):
            return []
        return [one for child in parent.children for one in (child, *child.children)] if recursive else parent.children

    def fixed(  # noqa: PLR0917 - the key of a cache
        self, _: int, parent: str, recursive: bool, types: frozenset[str], libraries: frozenset[str],
        tests: tuple[tuple[str, str], ...], order: tuple[tuple[str, bool], ...],
    ) -> list[Item]:  # fmt: skip
        """The sorted items of a query, whoever asks; the first argument is the state of the library."""
        shelf = self.server.shelf
        items = self.children(shelf.root if not parent else shelf.items[parent], recursive)
        items = [item for item in items if item.library in libraries and (not types or item.type.lower() in types)]
        for name, value in tests:
            items = [item for item in items if TESTS[name](item, value)]
        if order[:1] != (("member", False),):
            items.sort(key=lambda item: (item.sort if order else "", item.id))
        for name, down in reversed(order):
            if name in SORTS:
                items.sort(key=SORTS[name], reverse=down)
        return items

    def of_user(
        self, user: str, _: int, shape: tuple[Any, ...], tests: tuple[tuple[str, bool], ...],
        order: tuple[tuple[str, bool], ...],
    ) -> list[Item]:  # fmt: skip
        """The items of a query that depends on a user's data; the second argument is the state of that."""
        items, rows = self.fixed(*shape), self.server.data.rows.get(user, {})
        for name, wanted in tests:
            if name == "isplayed":
                done = self.server.data.watched(user)
                items = [i for i in items if (self.watched(user, i) if i.folder else i.id in done) == wanted]
            else:
                items = [item for item in items if FILTERS[name](item, rows.get(item.id, BLANK)) == wanted]
        for name, down in reversed(order):
            if name in USER_SORTS:
                items = sorted(items, key=lambda i: USER_SORTS[name](rows.get(i.id, BLANK)), reverse=down)
        return items

    def watched(self, user: str, item: Item) -> bool:
        """Whether a folder passes the filter for watched ones."""
        leaves = [leaf for leaf in item.leaves() if not leaf.primary]
        return bool(leaves) and all(self.server.data.played(user, leaf) for leaf in leaves)

    def user_tests(self, query: Query, filters: list[str]) -> tuple[tuple[str, bool], ...]:
        """What a query asks of a user's data; where two contradict each other, 10.11 takes the last."""
        if self.server.modern and any(pair <= set(filters) for pair in OPPOSITE):
            raise Refused(400)
        tests = {name: wanted for name in ("isplayed", "isfavorite") if (wanted := query.flag(name)) is not None}
        for name in filters:
            tests |= {"isplayed": name == "isplayed"} if name in ("isplayed", "isunplayed") else {}
            tests |= {name: True} if name in FILTERS else {}
        return tuple(tests.items())

    def find(self, query: Query, user: str | None) -> list[Item]:
        """All items of a query, sorted."""
        server, filters = self.server, [name.lower() for name in query.names("filters")]
        tests, types = self.user_tests(query, filters), frozenset(map(str.lower, query.names("includeItemTypes")))
        libraries, parent = server.people.may_see(user), query.guid("parentId") or ""
        if parent and server.item(parent, user, "text") is server.shelf.root:
            parent = ""
        if user is None and tests:
            raise Refused(500)
        if ids := [guid(text) or "" for text in query.names("ids")]:
            found = [item for known in ids if (item := server.lookup(known)) and item.library in libraries]
            return [item for item in found if not types or item.type.lower() in types]
        recursive = query.flag("recursive") or (bool(types) and server.modern)
        if not recursive and not parent:
            types = frozenset()
        downs = [name.lower().startswith("desc") for name in query.names("sortOrder")] or [False]
        names = [name.lower() for name in query.names("sortBy")]
        order = tuple((name, downs[min(n, len(downs) - 1)]) for n, name in enumerate(names))
        if not order and (user or server.modern):
            order = (("member" if parent and server.shelf.items[parent].type == "BoxSet" else "sortname", False),)
        shown = frozenset(item.library for item in server.shelf.libraries() if item.library in libraries)
        fixed = tuple((name, text) for name in TESTS if (text := query.text(name)) is not None)
        fixed += tuple((name, "") for name in [name for name in filters if name in TESTS][-1:])
        shape = (server.shelf.generation, parent, recursive, types, shown, fixed, order)
        if user and (tests or any(name in USER_SORTS for name, _ in order)):
            return self.of_user(user, server.data.stamps.get(user, 0), shape, tests, order)
        return self.fixed(*shape)

    def page(self, query: Query, user: str | None) -> bytes:
        """The answer to a query: a page of rows and the total, which without the count is the number of rows."""
        found = self.find(query, user)
        start, limit = query.number("startIndex") or 0, query.number("limit")
        page = found[start:] if limit is None else found[start : start + limit]
        if not self.server.modern and self.server.control.switches["unstable_ties"] and query.text("sortBy"):
            page = unstable(found, start, limit)
        if args := self.server.control.take("half_listing"):
            page = page[: int(len(page) * args["share"])]
        total = len(page) if query.flag("enableTotalRecordCount") is False else len(found)
        return self.encode(page, query, user, total, start)

    def encode(
        self, page: list[Item], query: Query, user: str | None, total: int, start: int = 0, *, listed: bool = False
    ) -> bytes:
        """Rows as a query wants them, in the envelope of a list; those of a playlist say which entry they are."""
        fields = frozenset(ASKED[name.lower()] for name in query.names("fields") if name.lower() in ASKED)
        images, rows = query.flag("enableImages") is not False, self.server.rows
        user = None if query.flag("enableUserData") is False else user
        extra = [b',"PlaylistItemId":"%s"' % item.id.encode() if listed else b"" for item in page]
        body = b",".join([rows.row(item, fields, images, user, more) for item, more in zip(page, extra, strict=True)])
        return b'{"Items":[%s],"TotalRecordCount":%d,"StartIndex":%d}' % (body, total, start)


TESTS: dict[str, Callable[[Item, str], bool]] = {
    "nameStartsWith": lambda item, text: item.name.lower().startswith(text.lower()),
    "searchTerm": lambda item, text: text.lower() in item.name.lower(),
    "hasTmdbId": lambda item, text: ("Tmdb" in item.ids) == (text.lower() == "true"),
    "hasImdbId": lambda item, text: ("Imdb" in item.ids) == (text.lower() == "true"),
    "hasTvdbId": lambda item, text: ("Tvdb" in item.ids) == (text.lower() == "true"),
    "minDateLastSaved": lambda item, text: (item.created or "") >= text,
    "minDateLastSavedForUser": lambda item, text: (item.created or "") >= text,
    "isMissing": lambda item, text: item.virtual == (text.lower() == "true"),
    "excludeLocationTypes": lambda item, text: not (item.virtual and "virtual" in text.lower().split(",")),
    "isfolder": lambda item, _: item.folder,
    "isnotfolder": lambda item, _: not item.folder,
}


def unstable(found: list[Item], start: int, limit: int | None) -> list[Item]:
    """A page of 10.11: two neighbours that tie may change places from page to page."""
    page = found[start:] if limit is None else found[start : start + limit]
    if start and page and int(hashed(page[0].id, str(start)), 16) % 2 and found[start - 1].sort == page[0].sort:
        page[0] = found[start - 1]
    return page
