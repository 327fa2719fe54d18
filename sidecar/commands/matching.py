"""Commands about what stands for what: items without a title, and a person's word about one of them.

A word is kept in the store; the next run matches the item anew, of a show all its episodes.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

from sidecar.app import App
from sidecar.commands.meanwhile import Arguments, meanwhile
from sidecar.errors import UserError
from sidecar.model import Ids, Kind, Ref
from sidecar.store.db import Transaction
from sidecar.store.handover import Event
from sidecar.store.inspection import Inspection
from sidecar.store.items import Item, Items
from sidecar.store.matches import Matches, Word
from sidecar.store.servers import KnownServers
from sidecar.store.titles import Titles
from sidecar.trakt.wire import Title, WireIds, episode_ref

_ID = re.compile(r"(?:(movie|show|episode):)?(?:(imdb|tmdb|tvdb|trakt):)?(tt\d{5,12}|\d{1,12})", re.IGNORECASE)
HOW = "Write it as tt0113277, tmdb:949 or tvdb:334824, where needed with the kind: show:tmdb:1396."


def unmatched(app: App, arguments: Arguments) -> Iterator[Event]:  # noqa: ARG001 - every command takes arguments
    """What the servers hold and cannot be named for certain, with the reasons."""
    with app.store.read() as db:
        servers = {server.id: server.name for server in KnownServers(db).all()}
        found, any_read = Inspection(db).unmatched(servers), Items(db).any()
    libraries = {server: app.servers.library_names(server) for server in servers}
    rows = [
        {
            "item": one.id,
            "server": servers[one.server],
            "library": libraries[one.server].get(one.library, one.library),
            "name": one.name,
            "reason": one.why,
            "show": one.show,
        }
        for one in found
    ]
    rows.sort(key=lambda row: (row["server"], row["library"], row["name"]))
    yield {"result": {"read": any_read, "items": rows}}


def match(app: App, arguments: Arguments) -> Iterator[Event]:
    """Keep a person's word on what an item is; of a show, with what is to be added to its numbers."""
    seasons, episodes = arguments.get("seasons", 0), arguments.get("episodes", 0)
    with app.store.read() as db:
        item = Inspection(db).item(arguments["item"])
    ref = yield from meanwhile(app, lambda: _resolve(app, item, arguments["id"]))
    if ref.kind is not Kind.SHOW and (seasons or episodes):
        raise UserError(f"{ref.label()} is no show.", "Only the numbers of a whole show can be shifted.")
    parts = (yield from _episodes(app, ref)) if ref.kind is Kind.SHOW else []
    with app.store.write() as db:
        item = _whole(db, item) if ref.kind is Kind.SHOW else item
        if Inspection(db).is_show(item) is not (ref.kind is Kind.SHOW):
            raise UserError(f"{item.name} on the server is {'a' if ref.kind is not Kind.SHOW else 'no'} show.", HOW)
        title, _ = Titles(db).learn(ref)
        for part in parts:
            Titles(db).learn(part)
        Matches(db).say(item, Word(title=title, seasons=seasons, episodes=episodes))
    yield {"result": {"item": item.name, "is": ref.label(), "kind": ref.kind, "episodes": len(parts)}}


def ignore(app: App, arguments: Arguments) -> Iterator[Event]:
    """Keep a person's word that an item takes no part; of a show, none of its episodes."""
    with app.store.write() as db:
        item = Inspection(db).item(arguments["item"])
        Matches(db).say(item, Word(ignored=True))
    yield {"result": {"item": item.name}}


def _whole(db: Transaction, item: Item) -> Item:
    """The show of an episode, or the item itself."""
    return Items(db).get(item.server, [item.show]).get(item.show, item) if item.show else item


def _resolve(app: App, item: Item, text: str) -> Ref:
    """Trakt's word for the id that a person gave; of the kind that was said, else of the item's own, else of any."""
    found = _ID.fullmatch(text.strip())
    if found is None:
        raise UserError(f"“{text}” is no id.", HOW)
    kind, catalogue, value = found[1], (found[2] or "").lower(), found[3].lower()
    catalogue = catalogue or ("imdb" if value.startswith("tt") else "")
    if not catalogue or value.startswith("tt") != (catalogue == "imdb"):
        raise UserError(f"“{text}” does not say whose id it is.", HOW)
    claimed = [ref.kind for ref in item.refs()]
    kinds = [Kind(kind.lower())] if kind else claimed or [Kind.MOVIE, Kind.SHOW, Kind.EPISODE]
    for each in dict.fromkeys([*kinds, *(() if kind else (Kind.MOVIE, Kind.SHOW, Kind.EPISODE))]):
        if (ref := app.trakt.lookup.resolve(Ref(each, Ids.of_pairs({catalogue: value})), urgent=True)) is not None:
            return ref
    raise UserError(f"Trakt knows nothing under {text}.", HOW)


def _episodes(app: App, show: Ref) -> Generator[Event, None, list[Ref]]:
    """All episodes of a show, so that the numbers of the server can be found among them."""
    number = show.ids.trakt or 0
    seasons = yield from meanwhile(app, lambda: app.trakt.lookup.seasons(number, urgent=True))
    ids = WireIds(*(getattr(show.ids, name) for name in WireIds.__struct_fields__))
    return [episode_ref(Title(show.name, show.year, ids), one) for season in seasons for one in season.episodes]
