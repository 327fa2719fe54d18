"""Which items a listing holds and in which order: filters, sorts, pages, and the Meta block that names them.

As recorded from PMS 1.43: comparisons without the item type in front are ignored with 200 and the whole set.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import flask

from sidecar.demo.plex import describe
from sidecar.demo.plex.accounts import Account, View
from sidecar.demo.plex.encode import Attrs, Node, freeze, page, thaw, wants_json, words
from sidecar.demo.plex.inventory import Item, Section

if TYPE_CHECKING:
    from sidecar.demo.plex.world import World

KINDS = {"1": "movie", "2": "show", "3": "season", "4": "episode"}
PARAMETER = re.compile(r"(?:(movie|show|season|episode)\.)?([A-Za-z]+)([!<>=]*)")
ABOUT = ("allowSync=true identifier=com.plexapp.plugins.library viewMode=65592 mediaTagVersion=1786540085 "
         "mediaTagPrefix=/system/bundle/media/flags/")  # fmt: skip


class Look(NamedTuple):
    """An item as one person sees it; `seen` of its `size` leaves are watched."""

    item: Item
    view: View
    seen: int
    size: int


Filter = tuple[str, str, str, str]
GETTERS: dict[str, tuple[str, Callable[[Look], Any]]] = {
    "title": ("string", lambda look: look.item.title.lower()),
    "titleSort": ("string", lambda look: look.item.title.lower().removeprefix("the ")),
    "genre": ("tag", lambda look: [genre.lower() for genre in getattr(look.item.known, "genres", ())]),
    "guid": ("guid", lambda look: look.item.guid),
    "originallyAvailableAt": ("guid", lambda look: look.item.released and look.item.released.isoformat()),
    "year": ("integer", lambda look: look.item.year),
    "index": ("integer", lambda look: look.item.index),
    "duration": ("integer", lambda look: look.item.duration),
    "id": ("integer", lambda look: look.item.key),
    "addedAt": ("date", lambda look: look.item.added),
    "updatedAt": ("date", lambda look: look.item.added + 100),
    "userRating": ("integer", lambda look: look.view.rating),
    "viewCount": ("integer", lambda look: look.view.count),
    "lastViewedAt": ("date", lambda look: look.view.viewed),
    "lastRatedAt": ("date", lambda look: look.view.rated),
    "unwatched": ("boolean", lambda look: look.seen < look.size),
    "unwatchedLeaves": ("boolean", lambda look: look.seen < look.size),
    "inProgress": ("boolean", lambda look: look.view.offset > 0 or 0 < look.seen < look.size),
}
PERSONAL = set(list(GETTERS)[11:])
TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "": lambda have, want: bool(have == want),
    "!": lambda have, want: bool(have != want),
    ">>": lambda have, want: have is not None and have > want,
    "<<": lambda have, want: have is not None and have < want,
}
TEXT: dict[str, Callable[[str, str], bool]] = {
    "": lambda have, want: want in have,
    "!": lambda have, want: want not in have,
    "=": lambda have, want: have == want,
    "!=": lambda have, want: have != want,
    "<": str.startswith,
    ">": str.endswith,
}


def keeps(look: Look, field: str, op: str, value: str) -> bool:
    """Whether an item passes a filter; what the server does not understand it ignores."""
    kind, get = GETTERS[field]
    have = get(look)
    if value == "":
        return False
    if kind == "string":
        return TEXT[op](have, value.lower()) if op in TEXT else True
    if kind in ("guid", "tag"):
        return ((value.lower() in have) if kind == "tag" else have == value) == (op == "")
    if op not in TESTS or not re.fullmatch(r"-?\d+(\.\d+)?", value):
        return True
    if field == "unwatched" and value == "0":  # of a show: begun, and be it with one episode of 176
        return look.seen > 0
    return TESTS[op](have, float(value))


def filters(world: "World") -> tuple[Filter, ...]:
    """The filters of the current request that count: item type in front or none, field, operator, value."""
    honoured, found = world.control.switches["comparisons"], []
    if world.control.take("filter_ignored") is None:
        for name, value in flask.request.args.items(multi=True):
            match = PARAMETER.fullmatch(name)
            if match and match[2] in GETTERS:
                weighs = match[3] in (">", ">>", "<", "<<") and GETTERS[match[2]][0] != "string"
                if not weighs or value == "" or honoured == "all" or (honoured == "prefixed" and match[1]):
                    found.append((match[1] or "", match[2], match[3], value))
    return tuple(found)


def select(world: "World", account: Account, section: Section | None, kind: str) -> list[Item]:
    """The items of a listing in order; remembered until a library or, where it matters, the person's state changes."""
    wanted, sort = filters(world), flask.request.args.get("sort", "")
    names = {field for _, field, _, _ in wanted} | set(re.findall(r"(\w+)(?=:|,|$)", sort))
    own = (account.id, account.version) if section is None or names & PERSONAL else None
    shape = (section and section.key, kind, wanted, sort, world.inventory.version, own)
    with world.lock:
        if shape not in world.listings:
            if len(world.listings) > 40:
                world.listings.clear()
            sections = (
                [section] if section else [s for s in world.inventory.sections.values() if world.shared(account, s)]
            )
            items = [i for s in sections for k, found in s.items.items() if kind in (k, "") for i in found]
            world.listings[shape] = arrange(world, account, items, wanted, sort)
        return world.listings[shape]


def arrange(world: "World", account: Account, items: list[Item], wanted: tuple[Filter, ...], sort: str) -> list[Item]:
    """Filters and sorts; without a sort by title, episodes by series and number."""
    for prefix, field, op, value in wanted:
        above = [next((e for e in item.elders if e.kind == prefix), item) for item in items]
        items = [i for i, of in zip(items, above, strict=True) if keeps(world.look(account, of), field, op, value)]
    items.sort(key=lambda i: (i.elders[-1].title.lower() if i.elders else "", [e.index or 0 for e in i.elders[:-1]],
                              i.index or 0, i.title.lower().removeprefix("the "), i.key))  # fmt: skip
    for part in reversed(sort.split(",")):
        name, _, way = part.split(".")[-1].partition(":")
        if name in GETTERS:
            values = {item.key: GETTERS[name][1](world.look(account, item)) for item in items}
            items.sort(key=lambda i: (values[i.key] is not None, values[i.key] or 0), reverse=way == "desc")
    return items


def window() -> tuple[int, int | None]:
    """Start and size asked for, in headers or in the query."""
    names = [f"X-Plex-Container-{name}" for name in ("Start", "Size")]
    start, size = (flask.request.headers.get(name, flask.request.args.get(name, "")) for name in names)
    return int(start) if start.isdecimal() else 0, int(size) if size.isdecimal() else None


def rows(world: "World", account: Account, items: list[Item]) -> list[bytes]:
    """The encoded rows of these items for one person."""
    as_json, guids, out = wants_json(), flask.request.args.get("includeGuids") == "1", []
    long = {"padding": "." * more} if (more := world.control.switches["padding"]) else {}
    for item in items:
        row = item.rows.get(as_json)
        if row is None:
            node = describe.element(item, describe.attributes(item), describe.children(item))
            row = item.rows[as_json] = freeze(node, describe.guids(item), as_json)
        look = world.look(account, item)
        out.append(thaw(row, describe.personal(item, look.view, look.seen) | long, guids, as_json))
    return out


def listing(world: "World", account: Account, items: list[Item], attrs: Attrs, always: bool = True) -> flask.Response:
    """One page of a listing with the faults a page can have; a total `always`, or only when a size was asked for."""
    take, (start, size) = world.control.take, window()
    if take("half_listing") is not None:
        items = items[: len(items) // 2]
    if cap := take("page_cap"):
        size = min(size or cap["size"], cap["size"])
    items = items[: flask.request.args.get("limit", type=int)]
    shown = items[start:] if size is None else items[start : start + size]
    total = (always or size is not None) and take("no_total") is None
    answer = page(words(size=len(shown), **words(totalSize=len(items), offset=start) if total else {}) | attrs,
                  rows(world, account, shown))  # fmt: skip
    answer.headers["X-Plex-Container-Start"] = str(start)
    answer.headers["X-Plex-Container-Total-Size"] = str(len(items))
    return answer


def about(section: Section) -> Attrs:
    """The container's own attributes in a section."""
    kind, name = section.kind, section.library.name
    found = words(ABOUT, viewGroup=kind, title1=name, title2=f"All {kind.capitalize()}s")
    found["librarySectionTitle"] = name
    found |= words(art=f"/:/resources/{kind}-fanart.jpg", thumb=f"/:/resources/{kind}.png")
    found |= words(librarySectionID=section.key, librarySectionUUID=section.uuid)
    return found | ({"nocache": True} if kind == "show" else {})


SORTS = "titleSort asc Title, addedAt desc Date Added, lastViewedAt desc Date Viewed, userRating desc Rating"
FILTERS = "{} boolean Unplayed, inProgress boolean In Progress, genre string Genre"
FIELDS = ("title string Title, year integer Year, userRating integer Rating, addedAt date Date Added, genre tag Genre, "
          "lastViewedAt date Last Played, viewCount integer Plays, {} boolean Unplayed")  # fmt: skip
WHOLE = "= is, != is not"
OPERATORS = {"tag": WHOLE, "boolean": WHOLE, "resolution": "= is", "date": "<<= is before, >>= is after",
             "integer": f"{WHOLE}, >>= is greater than, <<= is less than",
             "string": "= contains, != does not contain, == is, !== is not, <= begins with, >= ends with"}  # fmt: skip


def meta(section: Section, kinds: list[str]) -> Node:
    """The filters, sorts, fields and operators a section offers for each kind."""
    path, types = f"/library/sections/{section.key}", []
    for kind in kinds:
        unplayed, numbers = "unwatchedLeaves" if kind == "show" else "unwatched", {k: n for n, k in KINDS.items()}
        kids = []
        for key, way, title in (text.split(" ", 2) for text in SORTS.split(", ")):
            first = words(default="asc", firstCharacterKey=f"{path}/firstCharacter") if way == "asc" else {}
            kids.append(Node("Sort", words(defaultDirection=way, descKey=f"{key}:desc", key=key, title=title, **first)))
        for key, form, title in (text.split(" ", 2) for text in FILTERS.format(unplayed).split(", ")):
            kids.append(
                Node("Filter", words(filter=key, filterType=form, key=f"{path}/{key}", title=title, type="filter"))
            )
        for key, form, title in (text.split(" ", 2) for text in FIELDS.format(unplayed).split(", ")):
            rating = {"subType": "rating"} if key == "userRating" else {}
            kids.append(Node("Field", words(key=f"{kind}.{key}", title=title, type=form, **rating)))
        if kind == "collection":
            kids = [kids[0], next(kid for kid in kids if kid.tag == "Field")]
        place = f"{path}/all?type={numbers[kind]}" if kind in numbers else f"{path}/collections"
        types.append(Node("Type", words(key=place, type=kind, title=f"{kind.capitalize()}s", active=False), kids))
    for form, operators in OPERATORS.items():
        kids = [
            Node("Operator", words(key=key, title=title))
            for key, title in (o.split(" ", 1) for o in operators.split(", "))
        ]
        types.append(Node("FieldType", {"type": form}, kids))
    return Node("Meta", {}, types)
