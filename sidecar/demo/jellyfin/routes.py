"""Every route about people, items, user data and players: method, path, who may, and what it does.

A second path of a row is its older twin (`Users/{userId}/...`), which is served though it is in no document.
"""

from collections.abc import Callable
from typing import Any, NoReturn

from sidecar.demo.jellyfin import lists
from sidecar.demo.jellyfin.ask import Ask
from sidecar.demo.jellyfin.people import User
from sidecar.demo.jellyfin.sessions import REPORT, Session, Sessions
from sidecar.demo.jellyfin.userdata import UPDATE
from sidecar.demo.jellyfin.wire import Query, problem, read_body

COUNTED = "Movie Series Episode Artist Program Trailer Song Album MusicVideo BoxSet Book"
Handler = Callable[[Ask], Any]


def sign_in(ask: Ask) -> Any:
    """A token for name and password."""
    body = read_body("request")
    return ask.server.people.by_password(body.get("Username") or "", body.get("Pw") or "", ask.caller)


def shown(ask: Ask, user: User | None) -> Any:
    """An account, which has to be there."""
    return ask.server.people.shown(user or refuse(400))


def known(ask: Ask) -> User:
    """The account in the path."""
    return ask.server.people.users.get(ask.id("userId")) or refuse(404)


def refuse(status: int) -> NoReturn:
    """Answers with the problem of this status."""
    raise problem(status)


def new_user(ask: Ask) -> Any:
    """Makes an account; 10.11 does not say yet that it has a password."""
    body = read_body("request")
    made = ask.server.people.shown(ask.server.people.add(body["Name"], body.get("Password") or ""))
    return made if ask.server.modern else made | {"HasPassword": False, "HasConfiguredPassword": False}


def log_out(ask: Ask) -> None:
    """The caller's token is void."""
    if ask.caller.user:
        ask.server.people.tokens.pop(ask.caller.token, None)


def ancestors(ask: Ask) -> Any:
    """The folders an item is in; the plain ones are passed over."""
    user, found, rows = ask.user("problem"), ask.item(ask.user("problem")).parent, []
    while found is not None:
        if found.type != "Folder":
            rows.append(ask.server.rows.whole(found, user))
        found = found.parent
    return [row | ({"ParentId": None} if row["Type"] == "UserRootFolder" else {}) for row in rows]


def preset(**given: str) -> Handler:
    """A page of items by a query of its own that the caller's adds to."""

    def handler(ask: Ask) -> bytes:
        values = [(name, value) for name, found in ask.query.values.items() for value in found]
        return ask.server.finder.page(Query([*given.items(), *values]), ask.user())

    return handler


def of_series(kind: str) -> Handler:
    """Seasons or episodes of a series."""

    def handler(ask: Ask) -> bytes:
        user, query = ask.user(), ask.query
        series = ask.server.item(ask.id("seriesId"), user)
        season = query.guid("seasonId")
        found = [] if series.extra.get("fresh") else series.children
        if kind == "Episode":  # the missing ones are shown to API keys only
            found = [one for above in found for one in above.children if one.file or ask.caller.user is None]
            found = [one for one in found if query.flag("isMissing") in (None, one.virtual)]
        if kind == "Episode" and (season or query.number("season") is not None):
            found = [one for one in found if one.parent and season in (None, one.parent.id)]
            found = [one for one in found if query.number("season") in (None, one.season)]
        start, limit = query.number("startIndex") or 0, query.number("limit")
        page = found[start:] if limit is None else found[start : start + limit]
        return ask.server.finder.encode(page, query, user, len(found), start)

    return handler


def views(ask: Ask) -> Any:
    """The libraries a user sees."""
    user, server = ask.user(), ask.server
    seen = sorted(
        (one for one in server.shelf.libraries() if one.library in server.people.may_see(user)),
        key=lambda one: one.sort,
    )
    seen = [one for one in seen if one.type == "CollectionFolder" or one.children]
    rows = [server.rows.whole(one, user) for one in seen]
    return {"Items": rows, "TotalRecordCount": len(rows), "StartIndex": 0}


def counts(ask: Ask) -> Any:
    """How many items of each kind there are."""
    found = [one.type for one in ask.server.finder.find(Query([("recursive", "true")]), ask.user())]
    names = COUNTED.split()
    return {f"{name}Count": found.count(name) for name in names} | {"ItemCount": len(found) if ask.server.modern else 0}


def data(ask: Ask) -> Any:
    """Reads or writes the user data of one item."""
    given = read_body("userDataDto", UPDATE) if ask.method == "POST" else None
    user = ask.someone()
    found = ask.item(user)
    if given is not None:
        ask.server.data.update(user, found, given)
    return ask.server.data.single(user, found)


def rating(ask: Ask) -> Any:
    """A thumb up or down, or no rating any more."""
    user = ask.someone()
    found, likes = ask.item(user), ask.query.flag("likes")
    value = None if ask.method == "DELETE" or likes is None else 10.0 if likes else 1.0
    ask.server.data.change(user, found, "UpdateUserRating", rating=value)
    return ask.server.data.single(user, found)


def favorite(ask: Ask) -> Any:
    """Makes an item a favourite, or not."""
    user = ask.someone()
    found = ask.item(user)
    ask.server.data.change(user, found, "UpdateUserRating", favorite=ask.method == "POST")
    return ask.server.data.single(user, found)


def played(ask: Ask) -> Any:
    """The tick; it makes the caller's session the user's."""
    at, user = ask.query.at("datePlayed"), ask.someone()
    found = ask.item(user)
    ask.server.sessions.touch(ask.caller, user)
    ask.server.data.toggle(user, found, ask.method == "POST", at)
    return ask.server.data.single(user, found)


def sessions(ask: Ask) -> Any:
    """Who is there."""
    seen, now = ask.server.sessions.visible(ask.caller), ask.server.now()
    device, within = ask.query.text("deviceId"), ask.query.number("activeWithinSeconds")
    seen = [one for one in seen if device in (None, one.parts["deviceid"])]
    seen = [one for one in seen if not within or (now - one.seen(now)).total_seconds() <= within]
    return [ask.server.sessions.shown(one) for one in seen]


def reported(act: Callable[[Sessions, Session, dict[str, Any]], None], name: str) -> Handler:
    """A player's report."""

    def handler(ask: Ask) -> None:
        body = read_body(name, REPORT)
        act(ask.server.sessions, ask.server.sessions.touch(ask.caller), body)

    return handler


def capabilities(ask: Ask) -> None:
    """What a client can do: noted as activity."""
    ask.server.sessions.touch(ask.caller)


U, ID = "users/<userId>", "<itemId>"
ROUTES: list[tuple[str, str, str, Handler]] = [
    ("POST", "users/authenticatebyname", "open", sign_in),
    ("POST", "users/authenticatewithquickconnect", "open",
     lambda ask: ask.server.people.by_secret(read_body("request").get("Secret") or "")),
    ("GET", "users/public", "open", lambda ask: ask.server.people.everybody(hidden=False)),
    ("GET", "users", "user", lambda ask: ask.server.people.everybody(hidden=True)),
    ("GET", "users/me", "user", lambda ask: shown(ask, ask.caller.user)),
    ("GET", U, "user", lambda ask: shown(ask, known(ask))),
    ("POST", "users/new", "admin", new_user),
    ("DELETE", U, "admin", lambda ask: ask.server.people.delete(known(ask).id)),
    ("POST", f"{U}/policy", "admin", lambda ask: known(ask).policy.update(read_body("newPolicy"))),
    ("POST", "sessions/logout", "user", log_out),
    ("GET", "auth/keys", "admin", lambda ask: ask.server.people.keys()),
    ("POST", "auth/keys", "admin", lambda ask: ask.server.people.new_key(ask.query.text("app") or "")),
    ("DELETE", "auth/keys/<key>", "admin", lambda ask: ask.server.people.drop_key(ask.path["key"])),
    ("GET", "quickconnect/enabled", "open", lambda ask: bool(ask.server.control.switches["quick_connect"])),
    ("POST", "quickconnect/initiate", "open", lambda ask: ask.server.people.connect(ask.caller)),
    ("GET", "quickconnect/connect", "open", lambda ask: ask.server.people.connected(ask.query.text("secret") or "")),
    ("POST", "quickconnect/authorize", "user",
     lambda ask: ask.server.people.allow(ask.query.text("code") or "", ask.server.people.users[ask.someone()])),
    ("GET", f"items {U}/items", "user", preset()),
    ("GET", f"items/{ID} {U}/items/{ID}", "user",
     lambda ask: ask.server.rows.whole(ask.item(ask.someone()), ask.someone())),
    ("GET", f"items/{ID}/ancestors", "user", ancestors),
    ("GET", "items/counts", "user", counts),
    ("DELETE", f"items/{ID}", "user", lists.delete),
    ("GET", f"useritems/resume {U}/items/resume", "user",
     preset(filters="IsResumable", recursive="true", sortBy="DatePlayed", sortOrder="Descending")),
    ("GET", "shows/nextup", "user", preset(ids="0")),
    ("GET", "shows/<seriesId>/seasons", "user", of_series("Season")),
    ("GET", "shows/<seriesId>/episodes", "user", of_series("Episode")),
    ("GET", f"userviews {U}/views", "user", views),
    ("GET,POST", f"useritems/{ID}/userdata {U}/items/{ID}/userdata", "user", data),
    ("POST,DELETE", f"useritems/{ID}/rating {U}/items/{ID}/rating", "user", rating),
    ("POST,DELETE", f"userfavoriteitems/{ID} {U}/favoriteitems/{ID}", "user", favorite),
    ("POST,DELETE", f"userplayeditems/{ID} {U}/playeditems/{ID}", "user", played),
    ("GET", "sessions", "user", sessions),
    ("POST", "sessions/playing", "user", reported(Sessions.start, "playbackStartInfo")),
    ("POST", "sessions/playing/progress", "user", reported(Sessions.progress, "playbackProgressInfo")),
    ("POST", "sessions/playing/stopped", "user", reported(Sessions.stop, "playbackStopInfo")),
    ("POST", "sessions/playing/ping", "user", lambda _: None),
    ("POST", "sessions/capabilities sessions/capabilities/full", "user", capabilities),
    ("POST", "playlists", "user", lists.new_playlist),
    ("POST", "playlists/<playlistId>", "user", lists.update_playlist),
    ("GET", "playlists/<playlistId>/items", "user", lists.playlist_items),
    ("POST,DELETE", "playlists/<playlistId>/items", "user", lists.change_playlist),
    ("POST", "collections", "manager", lists.new_collection),
    ("POST,DELETE", "collections/<collectionId>/items", "manager", lists.change_collection),
]  # fmt: skip
