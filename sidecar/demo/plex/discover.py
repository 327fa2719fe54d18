"""The providers of plex.tv: the watchlist and search of Discover, and the titles of Plex's own database.

Each method answers the requests its docstring begins with.
"""

from typing import Any

import flask
import msgspec
from werkzeug.exceptions import NotFound

from sidecar.demo.catalogue import Episode, Movie
from sidecar.demo.plex.encode import Attrs, Node, container, send, words
from sidecar.demo.plex.inventory import SOURCES, hex_of
from sidecar.demo.plex.listing import KINDS, window
from sidecar.demo.plex.pms import me
from sidecar.demo.plex.world import World

PROVIDER = "tv.plex.provider.metadata"


def about(number: str, kind: str, title: Any) -> Attrs:
    """What Discover says about a title; the external ids come with details only."""
    path, slug = f"/library/metadata/{number}", title.ids.slug
    attrs = words(ratingKey=number, key=f"{path}/children" if kind == "show" else path, guid=f"plex://{kind}/{number}")
    attrs |= words("art= thumb= addedAt=1551398400", type=kind, title=title.title or "Untitled", slug=slug)
    attrs |= words(year=getattr(title, "year", None), publicPagesURL=f"https://watch.plex.tv/{kind}/{slug}")
    attrs |= words(originallyAvailableAt=released(title) or None)
    if kind == "show":
        attrs |= words(leafCount=sum(1 for _ in title.episodes), childCount=len(title.seasons))
    else:
        attrs |= words(duration=title.runtime * 60_000)
    return {name: value for name, value in attrs.items() if value is not None}


def released(title: Any) -> str:
    """The day of the first showing, or nothing."""
    first = title if isinstance(title, Movie | Episode) else next(title.episodes, None)
    return first.released.isoformat() if isinstance(first, Movie) else first.aired.date().isoformat() if first else ""


def node(number: str, kind: str, title: Any, details: bool = False) -> Node:
    """A title as an element."""
    ids = [(name, getattr(title.ids, name)) for name in SOURCES] if details else []
    picture = Node("Image", words("type=coverPoster url=", alt=title.title or ""))
    guids = [Node("Guid", {"id": f"{name}://{value}"}) for name, value in ids if value]
    return Node("Directory" if kind == "show" else "Video", about(number, kind, title), [picture, *guids], "Metadata")


class Discover:
    """Both providers."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _title(self, number: str) -> tuple[str, Any]:
        if (found := self.world.title(number)) is None:
            raise NotFound
        return found

    def watchlist(self, which: str) -> flask.Response:
        """GET /library/sections/watchlist/<any(all,released,available):which>: twenty, unless a size is asked."""
        if self.world.control.take("watchlist_gone") is not None:
            raise NotFound
        args, (start, size), today = flask.request.args, window(), self.world.clock().date().isoformat()
        rows = [(number, at, *found) for number, at in me().watchlist.items() if (found := self.world.title(number))]
        rows = [row for row in rows if KINDS.get(args.get("type", ""), row[2]) == row[2]]
        if which == "released":
            rows = [row for row in rows if "" < released(row[3]) <= today]
        if which == "available":
            rows = [row for row in rows if any(self.world.shared(me(), i.section) for i in self.world.copies(row[0]))]
        field, _, way = args.get("sort", "watchlistedAt:desc").partition(":")
        keys = {"titleSort": lambda row: row[3].title or "", "originallyAvailableAt": lambda row: released(row[3])}
        rows.sort(key=keys.get(field, lambda row: row[1]), reverse=way == "desc")
        shown = [
            node(number, kind, title) for number, _, kind, title in rows[start : start + (20 if size is None else size)]
        ]
        more = words("librarySectionID=watchlist librarySectionTitle=Watchlist identifier=tv.plex.provider.discover")
        return container(shown, **more, totalSize=len(rows), offset=start)

    def change(self, what: str) -> flask.Response:
        """PUT /actions/<any(addToWatchlist,removeFromWatchlist):what>: lists a title or takes it off."""
        number, mine = flask.request.args.get("ratingKey", ""), me().watchlist
        if not self.world.title(number) or (what.startswith("remove") and number not in mine):
            raise NotFound
        mine.setdefault(number, self.world.now()) if what.startswith("add") else mine.pop(number)
        return container()

    def search(self) -> flask.Response:
        """GET /library/search: films and series by title."""
        args, found, limit = flask.request.args, list[Attrs](), flask.request.args.get("limit", 30, int)
        kinds, text = args.get("searchTypes", "movies,tv"), args.get("query", "").lower()
        titles: list[tuple[str, Any]] = [("movie", m) for m in self.world.catalogue.movies if "movies" in kinds]
        for kind, title in titles + [("show", s) for s in self.world.catalogue.shows if "tv" in kinds]:
            if text in (title.title or "").lower() and len(found) < limit:
                found.append({"score": 0.9, "Metadata": about(hex_of(kind, title.ids), kind, title)})
        results = words(id="external", title="More Ways To Watch", size=len(found), SearchResult=found)
        return send(msgspec.json.encode({"MediaContainer": {"size": 1, "SearchResults": [results]}}), True)

    def details(self, number: str) -> flask.Response:
        """GET /library/metadata/<hex:number>: a title with its external ids."""
        return container([node(number, *self._title(number), details=True)], identifier=PROVIDER)

    def user_state(self, number: str) -> flask.Response:
        """GET /library/metadata/<hex:number>/userState: listed and seen, as plex.tv knows it."""
        kind, count, listed = self._title(number)[0], me().cloud.get(number, 0), me().watchlist.get(number)
        attrs = words(
            "viewOffset=0", ratingKey=number, type=kind, viewCount=count, viewState="complete" if count else "unseen"
        )
        return container(
            [Node("UserState", attrs | ({"watchlistedAt": listed} if listed else {}))], identifier=PROVIDER
        )

    def matches(self) -> flask.Response:
        """GET /library/metadata/matches: the title with an external id such as tmdb-603."""
        args = flask.request.args
        kind, (name, _, value) = args.get("type", "movie"), args.get("title", "").partition("-")
        kind = KINDS.get(kind, kind)
        titles: tuple[Any, ...] = self.world.catalogue.movies if kind == "movie" else self.world.catalogue.shows
        found = [title for title in titles if name in SOURCES and str(getattr(title.ids, name)) == value]
        return container([node(hex_of(kind, title.ids), kind, title) for title in found], identifier=PROVIDER)

    def mark(self, what: str) -> flask.Response:
        """GET /actions/<any(scrobble,unscrobble):what>: marks a title at plex.tv."""
        number = flask.request.args.get("key", "")
        self._title(number)
        self.world.echo(me(), number, what == "scrobble")
        return container()
