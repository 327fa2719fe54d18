"""What people do: play on a device, tick and rate in another client, move files, change rights, restart."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sidecar.demo.jellyfin.people import Caller, User
from sidecar.demo.jellyfin.shelf import Item
from sidecar.demo.jellyfin.wire import TICKS, hashed

if TYPE_CHECKING:
    from sidecar.demo.jellyfin.server import Server

Given = dict[str, Any]
Act = Callable[["Server", Given], Any]


def user_of(server: "Server", given: Given) -> User:
    """The person an act names."""
    user = server.people.named(given["person"])
    if user is None:
        raise ValueError(f"nobody is called {given['person']}")
    return user


def item_of(server: "Server", given: Given) -> Item:
    """The item an act names by path, id or (a series) name."""
    named = given.get("file") or given["item"]
    found = server.shelf.by_path.get(named) or server.shelf.items.get(named)
    found = found or next((item for item in server.shelf.items.values() if item.name == named), None)
    if found is None:
        raise ValueError(f"there is no {named}")
    return found


def player(do: str) -> Act:
    """What somebody does on a device, as the reports of a player."""

    def act(server: "Server", given: Given) -> Any:
        user, device = user_of(server, given), given.get("device", "television")
        parts = {"client": "Player", "device": device, "deviceid": hashed(device, user.id)[:16], "version": "1.0.0"}
        session = server.sessions.touch(Caller("", user, None, parts))
        playing, seconds = session.play, given.get("position_s")
        if do in ("start", "next"):
            item = item_of(server, given)
        elif playing is None:
            raise ValueError(f"{user.name} plays nothing on {device}")
        else:
            item = playing.version
        here = session.position(server.now()) if playing and do not in ("start", "next") else 0
        ticks = here if seconds is None else int(seconds * TICKS)
        paused = do == "pause" or (do in ("progress", "seek") and bool(playing and playing.paused))
        film = (item.primary or item).id
        report = {"ItemId": film, "MediaSourceId": item.id, "PositionTicks": ticks, "IsPaused": paused, "CanSeek": True}
        if do == "vanish":
            return None  # nothing is ever reported again
        if do == "stop":
            report |= {"Failed": bool(given.get("failed"))} | ({"PositionTicks": None} if given.get("no_position") else {})
        {"start": server.sessions.start, "next": server.sessions.start, "stop": server.sessions.stop}.get(
            do, server.sessions.progress
        )(session, report)
        return {"item": item.id, "session": session.id, "ticks": ticks}

    act.__doc__ = PLAYS[do]
    return act


PLAYS = {
    "start": "Begins `file` at `position_s`.",
    "next": "Begins another file without a stop.",
    "progress": "The player's ten-second report.",
    "pause": "Pauses.",
    "resume": "Goes on.",
    "seek": "Jumps to `position_s`.",
    "stop": "Ends; `failed` or `no_position` as some players do.",
    "vanish": "The device is switched off: nothing is reported any more.",
}


def watch(server: "Server", given: Given) -> None:
    """Ticks a film, episode, season or series, with a date (`at`) or without."""
    at = datetime.fromisoformat(given["at"]) if given.get("at") else None
    server.data.toggle(user_of(server, given).id, item_of(server, given), True, at)


def unwatch(server: "Server", given: Given) -> None:
    """Takes the tick away."""
    server.data.toggle(user_of(server, given).id, item_of(server, given), False, None)


def setter(sentence: str, reason: str = "UpdateUserRating", **fixed: Any) -> Act:
    """An act that sets one thing of an item's user data."""

    def act(server: "Server", given: Given) -> None:
        value = fixed or {"rating": float(given["rating"])}
        server.data.change(user_of(server, given).id, item_of(server, given), reason, **value)

    act.__doc__ = sentence
    return act


def add_file(server: "Server", given: Given) -> None:
    """A file like `like` appears at `path`, perhaps with another `name` and `year`; the next scan finds it."""
    known = server.shelf.disk.get(given["like"]) or next(f for f in server.catalogue.files if f.path == given["like"])
    other = {key: given[key] for key in ("name", "year") if key in given}
    server.shelf.disk[given["path"]] = replace(known, path=given["path"], added=server.now(), **other)


def remove_file(server: "Server", given: Given) -> None:
    """A file goes from the disk."""
    del server.shelf.disk[given["file"]]


def rename_file(server: "Server", given: Given) -> None:
    """A file is at `path` now."""
    file = server.shelf.disk.pop(given["file"])
    server.shelf.disk[given["path"]] = replace(file, path=given["path"])


def replace_file(server: "Server", given: Given) -> None:
    """Another file, as long as `like`, lies under the same name."""
    item, like = server.shelf.by_path[given["file"]], server.shelf.by_path[given["like"]]
    server.shelf.disk[item.path] = item.file = replace(server.shelf.disk[item.path], added=server.now())
    item.ticks, server.shelf.generation = like.ticks, server.shelf.generation + 1


def missing_folder(server: "Server", given: Given) -> None:
    """The folder of `library` is not there (`back`: it is again)."""
    (server.shelf.missing.discard if given.get("back") else server.shelf.missing.add)(given["library"])


def rights(server: "Server", given: Given) -> None:
    """Which `libraries` (keys) a person may see."""
    shown = [item.id for item in server.shelf.libraries() if item.library in given["libraries"]]
    user_of(server, given).policy |= {"EnableAllFolders": False, "EnabledFolders": shown}


def disable(server: "Server", given: Given) -> None:
    """Disables an account (`on`: false enables it)."""
    user_of(server, given).policy |= {"IsDisabled": given.get("on", True)}


def delete_user(server: "Server", given: Given) -> None:
    """Deletes an account with its tokens."""
    user = user_of(server, given)
    del server.people.users[user.id]
    server.people.tokens = {token: one for token, one in server.people.tokens.items() if one.user is not user}


def revoke(server: "Server", given: Given) -> None:
    """Makes a `token`, all of a `person` or all API keys void."""
    user = user_of(server, given) if "person" in given else None
    drop = [token for token, one in server.people.tokens.items() if one.user is user]
    for token in [given["token"]] if "token" in given else drop:
        server.people.tokens.pop(token, None)


def allow_code(server: "Server", given: Given) -> None:
    """A person types the `code` of a Quick Connect."""
    server.people.allow(given["code"], user_of(server, given))


def storm(server: "Server", given: Given) -> int:
    """An upgrade gone wrong: every `every`-th series is watched, without dates."""
    user, series = user_of(server, given), [item for item in server.shelf.items.values() if item.type == "Series"]
    hit = [leaf for item in series[:: given.get("every", 2)] for leaf in item.leaves()]
    for leaf in hit:
        server.data.rows.setdefault(user.id, {})[leaf.id] = replace(server.data.truth(user.id, leaf), played=True, home=leaf.id)
    server.data.stamps[user.id] = server.data.stamps.get(user.id, 0) + 1
    return len(hit)


def fresh_shows(server: "Server", _: Given) -> None:
    """As after the first scan of 10.11: series with ids seem empty and watched until the next scan."""
    for item in server.shelf.items.values():
        if item.type in ("Series", "Season") and (item.series or item).ids:
            item.extra["fresh"] = True
    server.shelf.generation += 1


def webhook(server: "Server", given: Given) -> None:
    """The Webhook plugin sends to `url`, optionally only `types` or `users` (ids), with `headers`."""
    server.webhooks.destinations.append({key: value for key, value in given.items() if key != "do"})


def scan(server: "Server", _: Given) -> Any:
    """Scans the libraries."""
    return server.scan()


def restart(server: "Server", given: Given) -> None:
    """Shuts down and starts again (`stay_down`: until `start`)."""
    server.halt(again=not given.get("stay_down"))


def start(server: "Server", _: Given) -> None:
    """Starts after a shutdown; it is ready at once."""
    server.stopped, server.restarted = False, None


def drop_sockets(server: "Server", _: Given) -> None:
    """Closes all sockets without a word."""
    server.sockets.close()


ACTS: dict[str, Act] = {
    "watch": watch, "unwatch": unwatch, "rate": setter("Rates an item: `rating` 0 to 10."),
    "unrate": setter("Takes a rating away.", rating=None), "favorite": setter("Makes an item a favourite.", favorite=True),
    "unfavorite": setter("Makes an item no favourite.", favorite=False), "add_file": add_file,
    "remove_file": remove_file, "rename_file": rename_file, "replace_file": replace_file,
    "missing_folder": missing_folder, "scan": scan, "rights": rights, "disable_user": disable,
    "delete_user": delete_user, "revoke": revoke, "allow_code": allow_code, "migration_storm": storm,
    "webhook": webhook, "fresh_shows": fresh_shows, "restart": restart, "start": start, "drop_sockets": drop_sockets,
}  # fmt: skip


def install(server: "Server") -> None:
    """Declares all acts and players' actions."""

    def bound(act: Act) -> Callable[[Given], Any]:
        def perform(given: Given) -> Any:
            return act(server, given)

        perform.__doc__ = act.__doc__
        return perform

    server.control.acts |= {name: bound(act) for name, act in ACTS.items()}
    server.control.play |= {do: bound(player(do)) for do in PLAYS}
