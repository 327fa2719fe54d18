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
    user = server.people.called(given["person"])
    if user is None:
        raise ValueError(f"nobody is called {given['person']}")
    return user


def item_of(server: "Server", given: Given) -> Item:
    """The item an act names by path, id or (a series) name."""
    named = given.get("file") or given["item"]
    found = server.shelf.by_path.get(named) or server.shelf.items.get(named)
    found = found or next((item for item in list(server.shelf.items.values()) if item.name == named), None)
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
            if item.virtual:
                raise ValueError(f"{item.name} has no file")
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
            report |= {"Failed": bool(given.get("failed"))}
            report |= {"PositionTicks": None} if given.get("no_position") else {}
        sessions = server.sessions
        tell = {"start": sessions.start, "next": sessions.start, "stop": sessions.stop}.get(do, sessions.progress)
        tell(session, report)
        return {"item": item.id, "session": session.id, "ticks": ticks}

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


def set_(server: "Server", given: Given, **fields: Any) -> None:
    """Sets one thing of an item's user data."""
    server.data.change(user_of(server, given).id, item_of(server, given), "UpdateUserRating", **fields)


def tick(server: "Server", given: Given, played: bool) -> None:
    """Ticks an item or takes the tick away."""
    at = datetime.fromisoformat(given["at"]) if given.get("at") else None
    server.data.toggle(user_of(server, given).id, item_of(server, given), played, at)


def add_file(server: "Server", given: Given) -> None:
    """Puts a file on the disk."""
    known = server.shelf.disk.get(given["like"]) or next(f for f in server.catalogue.files if f.path == given["like"])
    other = {key: given[key] for key in ("name", "year") if key in given}
    server.shelf.disk[given["path"]] = replace(known, path=given["path"], added=server.now(), **other)


def rename_file(server: "Server", given: Given) -> None:
    """Gives a file another path."""
    server.shelf.disk[given["path"]] = replace(server.shelf.disk.pop(given["file"]), path=given["path"])


def replace_file(server: "Server", given: Given) -> None:
    """Puts another file under the same name."""
    item, like = server.shelf.by_path[given["file"]], server.shelf.by_path[given["like"]]
    server.shelf.disk[item.path] = item.file = replace(server.shelf.disk[item.path], added=server.now())
    item.ticks, server.shelf.generation = like.ticks, server.shelf.generation + 1


def rights(server: "Server", given: Given) -> None:
    """Sets what a person may see."""
    shown = [item.id for item in server.shelf.libraries() if item.library in given["libraries"]]
    user_of(server, given).policy |= {"EnableAllFolders": False, "EnabledFolders": shown}


def revoke(server: "Server", given: Given) -> None:
    """Makes tokens void."""
    user = user_of(server, given) if "person" in given else None
    drop = [token for token, one in list(server.people.tokens.items()) if one.user is user]
    for token in [given["token"]] if "token" in given else drop:
        server.people.tokens.pop(token, None)


def storm(server: "Server", given: Given) -> int:
    """Marks episodes as an upgrade gone wrong did."""
    user, series = user_of(server, given).id, [item for item in server.finder.all() if item.type == "Series"]
    hit = [leaf for item in series[:: given.get("every", 2)] for leaf in item.leaves()]
    rows = server.data.rows.setdefault(user, {})
    rows.update({leaf.id: replace(server.data.truth(user, leaf), played=True, home=leaf.id) for leaf in hit})
    server.data.stamps[user] = server.data.stamps.get(user, 0) + 1
    return len(hit)


def fresh_shows(server: "Server", _: Given) -> None:
    """Marks the series that 10.11 breaks."""
    for item in server.finder.all():
        if item.type in ("Series", "Season") and (item.series or item).ids:
            item.extra["fresh"] = True
    server.shelf.generation += 1


def identify(server: "Server", given: Given) -> None:
    """Gives an item other ids."""
    item = item_of(server, given)
    item.ids, season = given["ids"], item.children
    for one in (item, *season, *(episode for above in season for episode in above.children)):
        one.finish()
    server.data.rename(item)
    server.shelf.generation += 1


def missing_episode(server: "Server", given: Given) -> str:
    """Adds an episode without a file."""
    beside, number = item_of(server, given), int(given["number"])
    known, name = hashed("missing", beside.id, str(number)), given.get("name", f"Episode {number}")
    made = replace(beside, id=known, name=name, number=number, path="", file=None, ids={}, ticks=None, number_end=None)
    (beside.parent or server.shelf.root).children.append(server.shelf.keep(made))
    return known


def start(server: "Server", _: Given) -> None:
    """Ends a shutdown."""
    server.stopped, server.restarted = False, None


def missing(server: "Server", given: Given) -> None:
    """Takes the folder of a library away or brings it back."""
    (server.shelf.missing.discard if given.get("back") else server.shelf.missing.add)(given["library"])


ACTS: dict[str, tuple[str, Act]] = {
    "watch": ("Ticks a film, episode, season or series, with a date (`at`) or without.", lambda s, g: tick(s, g, True)),
    "unwatch": ("Takes the tick away.", lambda s, g: tick(s, g, False)),
    "rate": ("Rates an item: `rating` 0 to 10.", lambda s, g: set_(s, g, rating=float(g["rating"]))),
    "unrate": ("Takes a rating away.", lambda s, g: set_(s, g, rating=None)),
    "favorite": ("Makes an item a favourite.", lambda s, g: set_(s, g, favorite=True)),
    "unfavorite": ("Makes an item no favourite.", lambda s, g: set_(s, g, favorite=False)),
    "add_file": (
        "A file like `like` appears at `path`, perhaps with another `name`; the next scan finds it.",
        add_file,
    ),
    "remove_file": ("A file goes from the disk.", lambda s, g: s.shelf.disk.pop(g["file"]).path),
    "rename_file": ("A file is at `path` now.", rename_file),
    "replace_file": ("Another file, as long as `like`, lies under the same name.", replace_file),
    "missing_folder": ("The folder of `library` is not there (`back`: it is again).", missing),
    "scan": ("Scans the libraries.", lambda s, _: s.scan()),
    "rights": ("Which `libraries` (keys) a person may see.", rights),
    "disable_user": (
        "Disables an account (`on`: false enables it).",
        lambda s, g: user_of(s, g).policy.update(IsDisabled=g.get("on", True)),
    ),
    "delete_user": ("Deletes an account with its tokens.", lambda s, g: s.people.delete(user_of(s, g).id)),
    "revoke": ("Makes a `token`, all of a `person` or all API keys void.", revoke),
    "allow_code": (
        "A person types the `code` of a Quick Connect.",
        lambda s, g: s.people.allow(g["code"], user_of(s, g)),
    ),
    "migration_storm": ("An upgrade gone wrong: every `every`-th series is watched, without dates.", storm),
    "webhook": (
        "The Webhook plugin sends to `url`: `types`, `users` (ids), `headers`, `folders` (seasons and series too).",
        lambda s, g: s.webhooks.add(g),
    ),
    "plugin": ("Our own plugin posts all that happens to `url` with `token`.", lambda s, g: s.plugin.use(g)),
    "plugin_retry": ("Our plugin sends all it keeps; says how many bodies are left.", lambda s, _: s.plugin.retry()),
    "identify": ("An item gets other `ids`, as when a match is corrected, or made wrong.", identify),
    "missing_episode": ("An episode without a file, `number` and `name`, beside that in `file`.", missing_episode),
    "fresh_shows": ("As after the first scan of 10.11: series with ids seem empty until the next scan.", fresh_shows),
    "restart": (
        "Shuts down and starts again (`stay_down`: until `start`).",
        lambda s, g: s.halt(not g.get("stay_down")),
    ),
    "start": ("Starts after a shutdown; it is ready at once.", start),
    "join": ("A `person` watches along in a `session`.", lambda s, g: s.sessions.join(g["session"], user_of(s, g))),
    "drop_sockets": ("Closes all sockets without a word.", lambda s, _: s.sockets.close()),
}


def install(server: "Server") -> None:
    """Declares all acts and players' actions."""

    def bound(sentence: str, act: Act) -> Callable[[Given], Any]:
        def perform(given: Given) -> Any:
            return act(server, given)

        perform.__doc__ = sentence
        return perform

    server.control.acts |= {name: bound(*act) for name, act in ACTS.items()}
    server.control.play |= {do: bound(sentence, player(do)) for do, sentence in PLAYS.items()}
