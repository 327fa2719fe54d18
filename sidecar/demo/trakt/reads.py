"""Reading what a user has: history, ratings, resume points, hidden titles, watched state and collection.

What is encoded about a title from its rows is kept on the shelf until one of them comes or goes.
"""

from collections.abc import Callable
from typing import Any

import flask
import msgspec

from sidecar.demo.trakt.gate import Route, answer, refuse
from sidecar.demo.trakt.paging import between, extended, paged
from sidecar.demo.trakt.shelf import Row, Shelf, Span, span_of
from sidecar.demo.trakt.titles import Title, iso
from sidecar.demo.trakt.world import Account

HALF_A_YEAR = 180 * 86_400_000  # how long resume points are kept, in milliseconds
CAPS = {"movie": 10_000, "show": 1_000, "episode": 10_000}  # the largest pages of the minimal maps
HEADS: dict[str, Callable[[Row], dict[str, Any]]] = {
    "history": lambda row: {"id": row.id, "watched_at": iso(row.at), "action": row.what},
    "ratings": lambda row: {"rated_at": iso(row.at), "rating": row.what},
    "playback": lambda row: {"id": row.id, "progress": row.what, "paused_at": iso(row.at)},
    "hidden": lambda row: {"hidden_at": iso(row.at)},
    "collection": lambda row: {"collected_at": iso(row.at), "updated_at": iso(row.updated)},
    "metadata": lambda row: {"collected_at": iso(row.at), "updated_at": iso(row.updated), "metadata": row.what},
}


def one(plural: str) -> str:
    """The kind a path segment means; `media` and several at once are everything."""
    return plural.removesuffix("s") if "," not in plural and plural not in ("all", "media") else "all"


def newest(shelf: Shelf, kind: str, start: int | None = None, end: int | None = None) -> Span[Row]:
    """The rows of one kind or of all, newest first, between two moments."""
    return (shelf.orders.get(one(kind)) or refuse(404)).span(start, end).map(shelf.rows.__getitem__)


def rendered(rows: Span[Row], head: str) -> Span[bytes]:
    """Rows as they look in an answer: what the feature says of it, then the title."""
    full, told = "full" in extended(), HEADS[head]
    return rows.map(lambda r: framed({**told(r), "type": r.title.kind}, r.title.row(full)))


def framed(head: dict[str, Any], title: bytes) -> bytes:
    """One object of a head and what is encoded already."""
    return msgspec.json.encode(head)[:-1] + b"," + title + b"}"


def history(account: Account, kind: str = "all", id: int | None = None) -> flask.Response:
    """Plays; those of a show or season are those of its episodes."""
    shelf, (start, end) = account.shelves["history"], between()
    if "sync_id" in flask.request.args:
        refuse(403)  # for Trakt's own apps
    rows = newest(shelf, "episodes" if kind in ("shows", "seasons") else kind, start, end)
    if id is not None:
        title = account.world.titles.by.get((one(kind), "trakt"), {}).get(id) or refuse(404)
        found = [row for leaf in title.leaves() for row in shelf.about(leaf)]
        found = [row for row in found if (start or 0) <= row.at and (end is None or row.at <= end)]
        rows = span_of(sorted(found, key=lambda row: (-row.at, -row.id)))
    return paged(account.world, rendered(rows, "history"))


def ratings(account: Account, kind: str = "all", rating: str = "") -> flask.Response:
    """Ratings of a type or all, of one value or several."""
    rows = newest(account.shelves["ratings"], kind)
    if rating:
        rows = span_of([row for row in rows.cut(0, rows.total) if str(row.what) in rating.split(",")])
    return paged(account.world, rendered(rows, "ratings"))


def playback(account: Account, kind: str = "all") -> flask.Response:
    """Resume points of the last half year."""
    start, end = between()
    rows = newest(account.shelves["playback"], kind, max(start or 0, account.world.now() - HALF_A_YEAR), end)
    return paged(account.world, rendered(rows, "playback"), 10_000, 10_000)


def forget(account: Account, id: int) -> flask.Response:
    """DELETE /sync/playback/<id>."""
    account.shelves["playback"].remove(account.shelves["playback"].rows.get(id) or refuse(404))
    return answer(None, 204)


def hidden(account: Account, section: str) -> flask.Response:
    """What is hidden in one section."""
    rows = newest(account.hidden(section), flask.request.args.get("type", "all"))
    return paged(account.world, rendered(rows, "hidden"))


def watched(account: Account, kind: str) -> flask.Response:
    """Watched titles, the last watched first; with `min` a map of ids to moments."""
    shelf, wanted, kind, args = account.shelves["history"], extended(), one(kind), flask.request.args
    found, progress = shelf.latest[kind].span().map(account.world.titles.all.__getitem__), "progress" in wanted
    if "min" not in wanted:
        most, now = 100 if progress and kind == "show" else 250, account.world.now()
        return paged(account.world, found.map(lambda title: watched_row(shelf, title, progress, now)), most=most)
    flags = [args.get(name) == "true" for name in ("specials", "season_numbers")]
    (start, end), cap = between(), CAPS[kind]
    entries = found.map(lambda title: minimal_row(shelf, title, (account.world.on("min_keys"), *flags, start, end)))
    if start is not None or end is not None:
        entries = span_of([entry for entry in entries.cut(0, entries.total) if entry])
    if account.world.on("min_unpaged") and not {"page", "limit"} & args.keys():
        cap = max(1, entries.total)
    return paged(account.world, entries, cap, cap, b"{}")


def watched_row(shelf: Shelf, title: Title, progress: bool, now: int) -> bytes:
    """One watched title; a show names its seasons only with `progress`."""
    encoded = shelf.encoded.setdefault(title.n, {})
    if progress not in encoded:
        plays = sum(len(shelf.about(leaf)) for leaf in title.leaves())
        last, updated = iso(shelf.latest[title.kind].value[title.n]), iso(shelf.updated[title.n])
        head: dict[str, Any] = {"plays": plays, "last_watched_at": last, "last_updated_at": updated}
        if title.kind == "show":
            head["reset_at"] = None
            if progress:
                head["seasons"] = seasons(shelf, title, lambda rows: {
                    "plays": len(rows), "last_watched_at": iso(max(row.at for row in rows))})  # fmt: skip
        row = title.row() if title.kind != "show" else title.row()[:-1] + b',"aired_episodes":%d}' % title.aired(now)
        encoded[progress] = framed(head, row)
    return encoded[progress]


def seasons(shelf: Shelf, show: Title, tell: Callable[[Any], dict[str, Any]]) -> list[dict[str, Any]]:
    """The episodes of a show that have rows, by season."""
    found = []
    for number, season in show.children.items():
        rows = [(n, shelf.about(episode)) for n, episode in season.children.items() if episode.n in shelf.of]
        if rows:
            found.append({"number": number, "episodes": [{"number": n, **tell(had)} for n, had in rows]})
    return found


def minimal_row(shelf: Shelf, title: Title, shape: tuple[Any, ...]) -> bytes:
    """One entry of a minimal map, empty when nothing of the title lies between the two moments."""
    by, specials, numbers, start, end = shape
    encoded = shelf.encoded.setdefault(title.n, {})
    if shape in encoded:
        return encoded[shape]

    def times(leaf: Title) -> list[str]:
        at = [row.at for row in shelf.about(leaf) if (start or 0) <= row.at and (end is None or row.at <= end)]
        return [iso(moment) for moment in sorted(at, reverse=True)]

    value: Any = times(title) if specials or getattr(title.item, "season", 1) else None
    if title.kind == "show":
        value = {}
        for number, season in title.children.items():
            had = {str(e.trakt if by == "ids" else n): times(e) for n, e in season.children.items() if e.n in shelf.of}
            if (number or specials) and any(had.values()):
                key = f"{season.trakt}|{number}" if numbers else str(season.trakt)
                value[key] = {id: at for id, at in had.items() if at}
    made = b'"%d":' % title.trakt + msgspec.json.encode(value) if value else b""
    if start is None and end is None:
        encoded[shape] = made
    return made


def collection(account: Account, kind: str) -> flask.Response:
    """Collected copies; shows with their episodes; `media` is everything with its metadata."""
    shelf, wanted, (start, end) = account.shelves["collection"], extended(), between()
    if "available_on" in flask.request.args:
        return paged(account.world, span_of(()))  # nothing of this household reached Trakt by its own Plex sync
    if "min" in wanted and kind in ("movies", "episodes"):
        return minimal_collection(account, kind)
    metadata = "metadata" in wanted or kind == "media"
    if kind != "shows":
        return paged(account.world, rendered(newest(shelf, kind, start, end), "metadata" if metadata else "collection"))

    def row(n: int) -> bytes:
        show, told = account.world.titles.all[n], ("collected_at", "metadata") if metadata else ("collected_at",)
        head = {"last_collected_at": iso(shelf.latest["show"].value[n]), "last_updated_at": iso(shelf.updated[n])}
        owned = seasons(shelf, show, lambda rows: {k: v for k, v in HEADS["metadata"](rows[0]).items() if k in told})
        return framed(head | {"type": "show", "seasons": owned}, show.row())

    return paged(account.world, shelf.latest["show"].span(start, end).map(row))


def minimal_collection(account: Account, kind: str) -> flask.Response:
    """The smallest form of the collection, in very large pages without a page count."""
    shelf = account.shelves["collection"]

    def entry(n: int) -> bytes:
        title = account.world.titles.all[n]
        value: Any = iso(shelf.latest[title.kind].value[n])
        if title.kind == "show":
            owned = seasons(shelf, title, lambda rows: {"at": iso(rows[0].at)})
            value = {str(season["number"]): {str(e["number"]): e["at"] for e in season["episodes"]} for season in owned}
        return b'"%d":' % title.trakt + msgspec.json.encode(value)

    made = paged(account.world, shelf.latest[one(kind)].span(*between()).map(entry), 50_000, 50_000, b"{}")
    made.headers.pop("X-Pagination-Page-Count", None)
    return made


def twins(rules: str, view: Callable[..., flask.Response]) -> list[Route]:
    """A read under /sync, and under /users/<who> where no token is needed."""
    paths = {"GET": "/sync", "get": "/users/<who>"}
    return [(method, " ".join(base + rule for rule in rules.split()), view) for method, base in paths.items()]


THREE = "<any(movies,shows,episodes):kind>"
ROUTES: list[Route] = [
    *twins("/history /history/<kind> /history/<kind>/<int:id>", history),
    *twins("/ratings /ratings/<kind> /ratings/<kind>/<rating>", ratings),
    *twins(f"/watched/{THREE}", watched),
    *twins("/collection/<any(movies,shows,episodes,media):kind>", collection),
    ("GET", f"/sync/collection/minimal/{THREE}", minimal_collection),
    ("GET", "/sync/playback /sync/playback/<kind>", playback),
    ("DELETE", "/sync/playback/<int:id>", forget),
    ("GET", "/users/hidden/<section>", hidden),
]
