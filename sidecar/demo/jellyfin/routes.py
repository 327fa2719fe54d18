"""Every route about people, items, user data and players: method, path, who may, and what it does.

A second path of a row is its older twin (`Users/{userId}/...`), which is served though it is in no document.
"""

from collections.abc import Callable
from typing import Any

from sidecar.demo.jellyfin import lists
from sidecar.demo.jellyfin.ask import Ask
from sidecar.demo.jellyfin.sessions import REPORT, Session, Sessions
from sidecar.demo.jellyfin.userdata import UPDATE
from sidecar.demo.jellyfin.wire import Query, Refused, problem, read_body

Handler = Callable[[Ask], Any]


def sign_in(ask: Ask) -> Any:
    """A token for name and password."""
    body = read_body("request")
    return ask.server.people.by_password(body.get("Username") or "", body.get("Pw") or "", ask.caller)


def by_secret(ask: Ask) -> Any:
    """A token for an allowed Quick Connect."""
    return ask.server.people.by_secret(read_body("request").get("Secret") or "")


def users(ask: Ask) -> Any:
    """The accounts; strangers are shown those that do not hide."""
    people, strange = ask.server.people, ask.path_is("/users/public")
    return [people.shown(user) for user in list(people.users.values()) if not strange or not user.policy["IsHidden"]]


def me(ask: Ask) -> Any:
    """The caller's own account; an API key has none."""
    if ask.caller.user is None:
        raise problem(400)
    return ask.server.people.shown(ask.caller.user)


def one_user(ask: Ask) -> Any:
    """One account."""
    user = ask.server.people.users.get(ask.id("userId"))
    if user is None:
        raise Refused(404, "User not found")
    return ask.server.people.shown(user)


def new_user(ask: Ask) -> Any:
    """Makes an account; 10.11 does not say yet that it has a password."""
    body = read_body("request")
    made = ask.server.people.shown(ask.server.people.add(body["Name"], body.get("Password") or ""))
    return made if ask.server.modern else made | {"HasPassword": False, "HasConfiguredPassword": False}


def set_policy(ask: Ask) -> None:
    """What a user may do."""
    user = ask.server.people.users.get(ask.id("userId"))
    if user is None:
        raise problem(404)
    user.policy = user.policy | read_body("newPolicy")


def delete_user(ask: Ask) -> None:
    """An account goes, with its tokens and sessions."""
    if ask.id("userId") not in ask.server.people.users:
        raise problem(404)
    ask.server.people.delete(ask.id("userId"))


def log_out(ask: Ask) -> None:
    """The caller's token is void."""
    if ask.caller.user:
        ask.server.people.tokens.pop(ask.caller.token, None)


def allow_code(ask: Ask) -> bool:
    """A user types the code of a Quick Connect; administrators may for another."""
    user = ask.user()
    if user is None:
        raise Refused(404)
    return ask.server.people.allow(ask.query.text("code") or "", ask.server.people.users[user])


def item(ask: Ask) -> Any:
    """One item with everything."""
    user = ask.user("problem")
    if user is None:
        raise problem(404)
    found = ask.item(user)
    return ask.server.rows.whole(found, user)


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
        found = list(series.leaves()) if kind == "Episode" else [] if series.extra.get("fresh") else series.children
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
    names = [
        "Movie",
        "Series",
        "Episode",
        "Artist",
        "Program",
        "Trailer",
        "Song",
        "Album",
        "MusicVideo",
        "BoxSet",
        "Book",
    ]
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
    seen, now, within = (
        ask.server.sessions.visible(ask.caller),
        ask.server.now(),
        ask.query.number("activeWithinSeconds"),
    )
    device = ask.query.text("deviceId")
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


def api_keys(ask: Ask) -> Any:
    """Lists, makes or deletes API keys."""
    people = ask.server.people
    if ask.method == "POST":
        return people.new_key(ask.query.text("app") or "")
    return people.keys()


def drop_key(ask: Ask) -> None:
    """An API key is void."""
    ask.server.people.tokens.pop(ask.path["key"], None)


U, ID = "users/<userId>", "<itemId>"
ROUTES: list[tuple[str, str, str, Handler]] = [
    ("POST", "users/authenticatebyname", "open", sign_in),
    ("POST", "users/authenticatewithquickconnect", "open", by_secret),
    ("GET", "users/public", "open", users),
    ("GET", "users", "user", users),
    ("GET", "users/me", "user", me),
    ("GET", U, "user", one_user),
    ("POST", "users/new", "admin", new_user),
    ("DELETE", U, "admin", delete_user),
    ("POST", f"{U}/policy", "admin", set_policy),
    ("POST", "sessions/logout", "user", log_out),
    ("GET,POST", "auth/keys", "admin", api_keys),
    ("DELETE", "auth/keys/<key>", "admin", drop_key),
    ("GET", "quickconnect/enabled", "open", lambda ask: bool(ask.server.control.switches["quick_connect"])),
    ("POST", "quickconnect/initiate", "open", lambda ask: ask.server.people.connect(ask.caller)),
    ("GET", "quickconnect/connect", "open", lambda ask: ask.server.people.connected(ask.query.text("secret") or "")),
    ("POST", "quickconnect/authorize", "user", allow_code),
    ("GET", f"items {U}/items", "user", preset()),
    ("GET", f"items/{ID} {U}/items/{ID}", "user", item),
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
