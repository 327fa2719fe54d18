"""Playlists, which belong to one person, and collections, which belong to a library and everybody sees.

Each method answers the requests its docstring begins with.
"""

from dataclasses import dataclass, field

import flask
from werkzeug.exceptions import BadRequest, NotFound

from sidecar.demo.plex.accounts import Account
from sidecar.demo.plex.encode import Node, container, words
from sidecar.demo.plex.inventory import Item
from sidecar.demo.plex.listing import KINDS, about, meta
from sidecar.demo.plex.pms import item_of, me, owner_only, section_of
from sidecar.demo.plex.world import World


@dataclass(slots=True, eq=False)
class Kept:
    """A playlist (of an account) or a collection (of a section): numbered entries in order."""

    key: int
    title: str
    changed: int
    account: Account | None
    section: int
    subtype: str
    summary: str = ""
    entries: dict[int, Item] = field(default_factory=dict)

    @property
    def node(self) -> Node:
        """As the server lists it."""
        what = "playlist" if self.account else "collection"
        attrs = words("smart=false", ratingKey=str(self.key), guid=f"{what}://{self.key}", type=what, title=self.title)
        attrs |= words(summary=self.summary, updatedAt=self.changed, addedAt=self.changed)
        if not self.account:
            attrs |= words(
                key=f"/library/collections/{self.key}/children", subtype=self.subtype, librarySectionID=self.section
            )
            attrs |= words(
                "index=1", childCount=len(self.entries), librarySectionKey=f"/library/sections/{self.section}"
            )
            return Node("Directory", attrs, (), "Metadata")
        length = sum(item.duration or 0 for item in self.entries.values())
        attrs |= words("playlistType=video readOnly=false", key=f"/playlists/{self.key}/items", duration=length)
        attrs |= words(leafCount=len(self.entries), composite=f"/playlists/{self.key}/composite/{self.changed}")
        return Node("Playlist", attrs, (), "Metadata")


class Lists:
    """Create, list, add, remove, move, rename and delete, as plexapi does it."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _named(self, key: int) -> Kept:
        kept: Kept | None = self.world.lists.get(key)
        if kept is None or kept.account not in (None, me()):
            raise NotFound
        if kept.account is None and flask.request.method != "GET":
            owner_only()
        return kept

    def _fill(self, kept: Kept) -> flask.Response:
        uri = flask.request.args.get("uri", "")
        if f"server://{self.world.machine}/" not in uri:
            raise BadRequest
        for item in [item_of(self.world, key) for key in uri.rsplit("/", 1)[-1].split(",")]:
            kept.entries[self.world.number() if kept.account else item.key] = item
        kept.changed = self.world.now()
        return container([kept.node])

    def _edit(self, kept: Kept) -> flask.Response:
        for name in ("title", "summary"):
            value = flask.request.args.get(name, flask.request.args.get(f"{name}.value"))
            setattr(kept, name, getattr(kept, name) if value is None else value)
        return container([kept.node])

    def create(self) -> flask.Response:
        """POST /playlists, POST /library/collections: with the items of `uri`."""
        args, whose = flask.request.args, me() if flask.request.path == "/playlists" else None
        if whose is None:
            owner_only()
        kind, section = KINDS.get(args.get("type", ""), "video"), args.get("sectionId", 0, int)
        kept = Kept(self.world.number(), args.get("title", ""), self.world.now(), whose, section, kind)
        answer = self._fill(kept)
        self.world.lists[kept.key] = kept
        return answer

    def _found(self, section: int, account: Account | None) -> list[Node]:
        title, everything = flask.request.args.get("title", "").lower(), list(self.world.lists.values())
        mine = [kept for kept in everything if kept.account is account and kept.section == section]
        return [kept.node for kept in mine if title in kept.title.lower()]

    def playlists(self) -> flask.Response:
        """GET /playlists: the person's own."""
        found = self._found(0, me())
        return container(found, totalSize=len(found), offset=0)

    def collections(self, key: int) -> flask.Response:
        """GET /library/sections/<int:key>/collections: those of a section, or what can be asked of them."""
        section, wants_meta = section_of(self.world, key), flask.request.args.get("includeMeta") == "1"
        found = [] if wants_meta else self._found(key, None)
        kids = [meta(section, ["collection"])] if wants_meta else found
        more = words("title2=All_Collections viewGroup=collection offset=0", size=len(found), totalSize=len(found))
        return container(kids, **about(section) | more)

    def one(self, _: str, key: int) -> flask.Response:
        """GET /<shelf:_>/<int:key>: the list itself."""
        return container([self._named(key).node])

    def entries(self, key: int) -> flask.Response:
        """GET /playlists/<int:key>/items, GET /library/collections/<int:key>/children: what is on it."""
        kept, items = self._named(key), self.world.inventory.items
        found = [(n, i) for n, i in kept.entries.items() if i.key in items and self.world.shared(me(), i.section)]
        nodes = [self.world.details(me(), i, **{"playlistItemID": n} if kept.account else {}) for n, i in found]
        return container(nodes, totalSize=len(nodes), offset=0)

    def add(self, _: str, key: int) -> flask.Response:
        """PUT /<shelf:_>/<int:key>/items: adds the items of `uri`."""
        return self._fill(self._named(key))

    def take(self, _: str, key: int, number: int) -> flask.Response:
        """DELETE /<shelf:_>/<int:key>/items/<int:number>: one off."""
        kept = self._named(key)
        if kept.entries.pop(number, None) is None:
            raise NotFound
        return container([kept.node])

    def move(self, _: str, key: int, number: int) -> flask.Response:
        """PUT /<shelf:_>/<int:key>/items/<int:number>/move: to behind `after`, or to the front."""
        kept, after = self._named(key), flask.request.args.get("after", 0, int)
        order = [n for n in kept.entries if n != number]
        order.insert(order.index(after) + 1 if after in order else 0, number)
        kept.entries = {n: kept.entries[n] for n in order}
        return container([kept.node])

    def edit(self, key: int) -> flask.Response:
        """PUT /playlists/<int:key>: title and summary."""
        return self._edit(self._named(key))

    def edit_many(self, key: int) -> flask.Response:
        """PUT /library/sections/<int:key>/all: titles and summaries of collections and items."""
        owner_only()
        section_of(self.world, key)
        args = flask.request.args
        for number in args.get("id", "").split(","):
            if number.isdecimal() and int(number) in self.world.lists:
                self._edit(self._named(int(number)))
            else:
                item_of(self.world, number)
                self.world.control.acts["rename"]({"file": int(number), "title": args.get("title.value")})
        return container()

    def drop(self, _: str, key: int) -> flask.Response:
        """DELETE /<shelf:_>/<int:key>: the whole list."""
        self._named(key)
        del self.world.lists[key]
        return container()
