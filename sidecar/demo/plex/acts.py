"""What people do outside of the API that is tested: mark and rate in an app, move files about, play on a device.

Each method is an act, or something a player does; its docstring is the sentence about it.
"""

import dataclasses
import itertools
from datetime import datetime, timedelta
from typing import Any

from sidecar.demo.catalogue import Claims
from sidecar.demo.plex.accounts import Account
from sidecar.demo.plex.inventory import Item, digest
from sidecar.demo.plex.stage import Device, Playback
from sidecar.demo.plex.world import World

Given = dict[str, Any]
KEPT = ("library", "name", "year", "edition", "season", "number")


def items_of(world: World, given: Given) -> list[Item]:
    """What `file` (a path, a rating key, several of them, or `*`) and `level` (item, season or show) name."""
    wanted, inventory, found = given.get("file"), world.inventory, list[Item]()
    if wanted == "*":
        account = world.accounts.named(given["person"])
        wanted = [item.key for item in inventory.items.values() if item.files and account.sees(item.section)]
    for one in wanted if isinstance(wanted, list) else [wanted]:
        if one not in inventory.items and one not in inventory.by_path:
            raise ValueError(f"no file and no item {one!r}")
        found += [inventory.items[one]] if one in inventory.items else inventory.by_path[one]
    place = {"season": 0, "show": -1}.get(given.get("level", ""))
    return found if place is None else [item.elders[place] for item in found]


class Acts:
    """What somebody does in an app or on the website, and what happens to files and to the server."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _each(self, given: Given) -> tuple[Account, list[Item], int]:
        at = datetime.fromisoformat(given["at"]) if "at" in given else self.world.clock()
        return self.world.accounts.named(given["person"]), items_of(self.world, given), int(at.timestamp())

    def watch(self, given: Given) -> None:
        """Somebody has played `file` `at` a moment: count, date and history row, but no events."""
        account, items, at = self._each(given)
        for item in items:
            self.world.stage.play(account, item, at, given.get("device", ""))

    def mark(self, given: Given) -> None:
        """Somebody presses `mark as played`."""
        for item in self._each(given)[1]:
            self.world.mark(self._each(given)[0], item, True)

    def unmark(self, given: Given) -> None:
        """Somebody presses `mark as unplayed`."""
        for item in self._each(given)[1]:
            self.world.mark(self._each(given)[0], item, False)

    def rate(self, given: Given) -> None:
        """Somebody gives `rating` 0 to 10."""
        account, items, at = self._each(given)
        for item in items:
            self.world.rate(account, item, float(given["rating"]), at, ("set", "all", "none"))

    def unrate(self, given: Given) -> None:
        """Somebody takes a rating away."""
        self.rate({**given, "rating": -1})

    def list(self, given: Given) -> None:
        """Somebody puts `file` on the watchlist."""
        account, items, at = self._each(given)
        account.watchlist |= {item.guid.rsplit("/", 1)[-1]: at for item in items}

    def unlist(self, given: Given) -> None:
        """Somebody takes `file` off the watchlist."""
        for item in self._each(given)[1]:
            self._each(given)[0].watchlist.pop(item.guid.rsplit("/", 1)[-1], None)

    def echo(self, given: Given) -> None:
        """Another server of theirs tells plex.tv that `file` was played, or not with `played` false."""
        for item in self._each(given)[1]:
            self.world.echo(self._each(given)[0], item.guid.rsplit("/", 1)[-1], given.get("played", True))

    def webhook(self, given: Given) -> None:
        """Somebody adds `url` to their webhooks."""
        self.world.accounts.named(given["person"]).webhooks.append(given["url"])

    def sign_in(self, given: Given) -> None:
        """Somebody confirms the newest PIN, or the one with `code`, in the browser."""
        pins = [pin for pin in self.world.pins.values() if given.get("code") in (None, pin["code"])]
        pins[-1]["authToken"] = self.world.accounts.named(given["person"]).token("account")

    def revoke(self, given: Given) -> None:
        """Somebody's tokens end, or only those of `kind` account, server or switch."""
        for kind in [given["kind"]] if "kind" in given else ["account", "server", "switch"]:
            self.world.accounts.named(given["person"]).revoke(kind)

    def add(self, given: Given) -> Any:
        """A file `path` appears, like the file `like` or as something nobody knows."""
        folders = {library.key: library.folder for library in self.world.catalogue.libraries}
        wanted = given.get("like")
        like = next(f for f in self.world.catalogue.files if wanted == f.path or (not wanted and
                    given["path"].startswith(folders[f.library] + "/")))  # fmt: skip
        changes: Given = {"path": given["path"], "added": self.world.clock()}
        if "like" not in given:
            changes |= {"titles": (), "show": None, "claims": Claims(), "show_claims": Claims(), "legacy_guid": None}
        changes |= {name: given[name] for name in KEPT if name in given}
        return [item.key for item in self.world.add(dataclasses.replace(like, **changes))]

    def remove(self, given: Given) -> Any:
        """The file `path` is deleted."""
        return [item.key for item in self.world.remove(given["path"])]

    def replace(self, given: Given) -> Any:
        """The file `path` is lost and found again: new rating keys, but the states, which hang on the guid, stay."""
        old = self.world.inventory.by_path[given["path"]]
        file = next(file for file in old[0].files if file.path == given["path"])
        self.world.remove(file.path)
        new = self.world.add(dataclasses.replace(file, added=self.world.clock()))
        for account, (one, other) in itertools.product(self.world.accounts.known, zip(old, new, strict=True)):
            if one.key in account.views and one.matched and one is not other:
                account.views[other.key] = account.views.pop(one.key)
                account.version += 1
        return [item.key for item in new]

    def empty(self, given: Given) -> None:
        """The drive of the library `library` is not mounted: all its items are gone."""
        for path in [f.path for f in self.world.catalogue.files if f.library == given["library"]]:
            self.world.remove(path)

    def rename(self, given: Given) -> None:
        """Somebody edits the `title` of `file`."""
        for item in items_of(self.world, given):
            item.title = given["title"] or item.title
            item.rows.clear()
            self.world.inventory.version += 1
            self.world.news.timeline(item, "processed")

    def scan(self, given: Given) -> None:
        """The library `library` is scanned."""
        section = next(s for s in self.world.inventory.sections.values() if s.library.key == given["library"])
        section.scanned, context = self.world.now(), {"librarySectionID": str(section.key)}
        steps = [("started", "", 0, context), ("ended", "", 100, context)]
        self.world.news.activity("library.update.section", f"Scanning {section.library.name}", steps)
        done = {"title": "Library scan complete", "description": "", "notificationName": "LIBRARY_UPDATE"}
        self.world.news.frame("status", [(None, done)])

    def look(self, given: Given) -> None:
        """Somebody opens the page of `file`, which makes the server refresh it."""
        key = {"key": f"/library/metadata/{items_of(self.world, given)[0].key}"}
        known = {**key, "accessible": True, "exists": True}
        steps: list[tuple[str, str, int, Given]] = [
            ("started", "", 0, {}),
            ("updated", "Checking files", 0, key),
            ("updated", "Refreshing local metadata", 33, known),
            ("updated", "Refreshing media analysis", 66, {**known, "refreshed": False}),
            ("ended", "Refreshing media analysis", 100, {**known, "analyzed": False, "refreshed": False}),
        ]
        self.world.news.activity("library.refresh.items", "Refreshing", steps)

    def restart(self, given: Given) -> None:
        """The server restarts, 503 for `seconds`: sessions are lost and numbered from 1, websockets closed."""
        with self.world.lock:
            self.world.stage.now.clear()
            self.world.stage.keys = itertools.count(1)
            self.world.down_until = self.world.clock() + timedelta(seconds=given.get("seconds", 0))
        self.world.news.hang_up()

    def frame(self, given: Given) -> None:
        """Any websocket frame is sent: `type` and `entries`."""
        self.world.news.frame(given["type"], [(None, entry) for entry in given["entries"]])


class Player:
    """What a person does with a player: `device` is its name, `position_s` where it is."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _at(self, given: Given) -> tuple[Account, Device]:
        account, name = self.world.accounts.named(given["person"]), given.get("device", "Living Room TV")
        return account, Device(digest("device", account.person.name, name), name)

    def _playback(self, given: Given) -> Playback:
        self.world.stage.advance()
        playback = self.world.stage.of(*self._at(given))
        if playback is None:
            raise ValueError(f"{given['person']} plays nothing on {given.get('device', 'Living Room TV')}")
        return playback

    def _report(self, given: Given, state: str) -> int:
        playback = self._playback(given)
        since = int((self.world.clock() - playback.at).total_seconds()) * 1000 if playback.moving else 0
        offset = int(given["position_s"] * 1000) if "position_s" in given else playback.offset + since
        self.world.stage.report(self._at(given), playback.item, state or playback.state, offset, True)
        return playback.key

    def start(self, given: Given) -> int:
        """Starts `file`, also instead of what played before."""
        self.world.stage.advance()
        item = items_of(self.world, given)[0]
        self.world.stage.report(self._at(given), item, "playing", int(given.get("position_s", 0) * 1000), True)
        return self._playback(given).key

    def progress(self, given: Given) -> int:
        """Reports where it is now, or that it is at `position_s`."""
        return self._report(given, "")

    def seek(self, given: Given) -> int:
        """Jumps to `position_s`."""
        return self._report(given, "")

    def pause(self, given: Given) -> int:
        """Pauses."""
        return self._report(given, "paused")

    def resume(self, given: Given) -> int:
        """Goes on after a pause."""
        return self._report(given, "playing")

    def buffer(self, given: Given) -> int:
        """Waits for the network."""
        return self._report(given, "buffering")

    def stop(self, given: Given) -> int:
        """Stops; the session is gone before anybody is told."""
        return self._report(given, "stopped")

    def next(self, given: Given) -> int:
        """Goes over to `file`, or to the next episode."""
        item = self._playback(given).item
        leaves = item.elders[-1].leaves if item.elders else [item]
        following = leaves[(leaves.index(item) + 1) % len(leaves)].key
        return self.start({"file": following, **given})

    def vanish(self, given: Given) -> None:
        """Disappears without a word; the server forgets it after three minutes."""
        self._playback(given).vanished = True
