"""Playlists, which belong to one user, and collections, which everybody sees."""

import secrets
from typing import Any

from sidecar.demo.jellyfin.ask import Ask
from sidecar.demo.jellyfin.shelf import Item
from sidecar.demo.jellyfin.wire import Refused, guid, moment, read_body


def make(ask: Ask, kind: str, type_: str, name: str, **extra: Any) -> Item:
    """A new, empty list in the folder of its kind."""
    server = ask.server
    folder, known = server.shelf.own_folder(kind, server.now()), secrets.token_hex(16)
    path, created = f"{folder.extra['Locations'][0]}/{name}-{known[:6]}", moment(server.now())
    item = Item(known, type_, name, path, kind, folder, created=created, extra=extra)
    server.sockets.library_changed(ItemsAdded=[known], FoldersAddedTo=[folder.id])
    folder.children.append(item)
    return server.shelf.keep(item)


def members(ask: Ask, ids: list[str], expand: bool) -> list[Item]:
    """The items of ids: playlists take a series apart and leave unknown ones out, collections refuse them."""
    found = [ask.server.lookup(guid(text) or "") for text in ids]
    if expand:
        return [leaf for item in found if item for leaf in (item.leaves() if item.folder else [item])]
    if None in found:
        raise Refused(400)
    return [item for item in found if item]


def new_playlist(ask: Ask) -> dict[str, str]:
    """Makes a playlist for a user."""
    body = read_body("createPlaylistRequest")
    user = ask.server.people.target(ask.caller, guid(body.get("UserId") or "") or ask.query.guid("userId"))
    name = body.get("Name") or ask.query.text("name") or ""
    playlist = make(ask, "playlists", "Playlist", name, Owner=user, Read=True)
    add(ask, playlist, members(ask, body.get("Ids") or ask.query.names("ids"), expand=True))
    playlist.extra["Read"] = False
    return {"Id": playlist.id}


def add(ask: Ask, playlist: Item, items: list[Item], position: int | None = None) -> None:
    """Adds items; 10.11 skips what is there already once the list was read, and knows no position."""
    at = len(playlist.children) if position is None or not ask.server.modern else position
    for item in items:
        if ask.server.modern or not playlist.extra["Read"] or item not in playlist.children:
            playlist.children.insert(at, item)
            at += 1
    ask.server.shelf.generation += 1


def playlist_of(ask: Ask) -> Item:
    """The playlist a request names, if it is the user's."""
    item = ask.server.shelf.items.get(ask.id("playlistId"))
    user = ask.user() if ask.query.text("userId") or ask.caller.user else (item and item.extra.get("Owner"))
    if item is None or item.type != "Playlist" or item.extra["Owner"] != user:
        raise Refused(404, "Playlist not found")
    return item


def playlist_items(ask: Ask) -> bytes:
    """What is in a playlist, in its order."""
    playlist, start = playlist_of(ask), ask.query.number("startIndex") or 0
    page = playlist.children[start:][: ask.query.number("limit")]
    playlist.extra["Read"] = True
    return ask.server.finder.encode(page, ask.query, ask.user(), len(playlist.children), start, listed=True)


def change_playlist(ask: Ask) -> None:
    """Adds to a playlist, takes out of it, or (which an API key cannot) replaces its name and items."""
    playlist, method = playlist_of(ask), ask.method
    if method == "DELETE":
        gone = [guid(text) for text in ask.query.names("entryIds")]
        playlist.children[:] = [item for item in playlist.children if item.id not in gone]
        ask.server.shelf.generation += 1
    else:
        add(ask, playlist, members(ask, ask.query.names("ids"), expand=True), ask.query.number("position"))


def update_playlist(ask: Ask) -> None:
    """Replaces name and items of a playlist; nobody's own playlist is an API key's."""
    body = read_body("updatePlaylistRequest")
    if ask.caller.user is None:
        raise Refused(400)
    playlist = playlist_of(ask)
    playlist.name = body.get("Name") or playlist.name
    if "Ids" in body:
        playlist.children[:] = []
        add(ask, playlist, members(ask, body["Ids"], expand=True))


def new_collection(ask: Ask) -> dict[str, str]:
    """Makes a collection."""
    items = members(ask, ask.query.names("ids"), expand=False)
    collection = make(ask, "boxsets", "BoxSet", ask.query.text("name") or "")
    collection.children[:] = items
    return {"Id": collection.id}


def change_collection(ask: Ask) -> None:
    """Adds to a collection or takes out of it."""
    collection, ids = ask.server.item(ask.id("collectionId"), None), ask.query.names("ids")
    if ask.method == "DELETE":
        gone = [guid(text) for text in ids]
        collection.children[:] = [item for item in collection.children if item.id not in gone]
    else:
        collection.children += [item for item in members(ask, ids, expand=False) if item not in collection.children]
    ask.server.shelf.generation += 1


def delete(ask: Ask) -> None:
    """Deletes a list; films and episodes cannot be deleted here."""
    item, own = ask.server.lookup(ask.id("itemId")), ask.caller.user.id if ask.caller.user else None
    if item is None or (not ask.caller.admin and item.extra.get("Owner") != own):
        raise Refused(404)
    if item.type not in ("Playlist", "BoxSet"):
        raise Refused(401)
    ask.server.shelf.drop(item)
    above = [item.parent.id] if item.parent else []
    ask.server.sockets.library_changed(ItemsRemoved=[item.id], FoldersRemovedFrom=above)
