"""`sidetrakt up --demo`: a household and Sidetrakt together, in a folder of its own, and a tour of what there is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sidecar.cli import say
from sidecar.cli.tour import Tour
from sidecar.errors import SidetraktError, UserError
from sidecar.settings import HOME, home

if TYPE_CHECKING:
    from sidecar.app import App

MARK = "this-is-a-demo"
SIZE = {"titles": 200, "people": 8, "seed": 1}


class Demo:
    """One demonstration: its folder, its household, its tour."""

    def __init__(self, line: dict[str, Any], folder: Path, *, once: bool) -> None:
        self.environ = _environ(line, folder)
        self.failed = False
        self._line, self._once = line, once

    def ready(self, app: App, url: str, leave: Callable[[], None]) -> None:
        """Sidetrakt serves: show how to sign in, then begin the tour in a thread of its own."""
        _show_signins(self._line, url)

        def work(stop: threading.Event) -> None:
            self.failed = not Tour(app, self._line, url, SIZE).run(stop, go_on=not self._once)
            if self._once:
                leave()
            stop.wait()

        app.crew.start("tour", work)


@contextmanager
def demonstration(*, once: bool) -> Iterator[Demo]:
    """Make the folder, start the household, and end it afterwards."""
    folder = home(os.environ) / "demo"
    _make_anew(folder)
    say.line("Starting a household: a simulated Trakt, Plex and Jellyfin with people in it …")
    words = [word for name, value in SIZE.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "sidecar", "household", *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - ourselves
    try:
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            raise SidetraktError("The household did not start.", "What it wrote above says why.")
        yield Demo(json.loads(line), folder, once=once)
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _make_anew(folder: Path) -> None:
    """A demo begins empty; a folder that is not a demo's is never touched."""
    if folder.exists():
        if not (folder / MARK).exists():
            raise UserError(
                f"{folder} was not made by a demo and is not touched.", "Move it away, or set SIDETRAKT_HOME."
            )
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700, parents=True)
    (folder / MARK).write_text("Everything in this folder is invented and is thrown away when the next demo begins.\n")


def _environ(line: dict[str, Any], folder: Path) -> dict[str, str]:
    """The environment of a Sidetrakt that knows nobody but this household."""
    plain = {name: text for name, text in os.environ.items() if not name.startswith("SIDETRAKT_")}
    trakt, plex, jellyfin = line["trakt"], line["plex"], line["jellyfin"]
    owner = next(person for person in plex["people"].values() if person["role"] == "owner")
    settings = {
        HOME: str(folder),
        "SIDETRAKT_TRAKT__API_URL": trakt["url"],
        "SIDETRAKT_TRAKT__AUTH_URL": trakt["url"],
        "SIDETRAKT_TRAKT__CLIENT_ID": trakt["client_id"],
        "SIDETRAKT_TRAKT__CLIENT_SECRET": trakt["client_secret"],
        "SIDETRAKT_TRAKT__GET_PER_SECOND": "50",  # so that nobody waits for a tour; the real Trakt would mind
        "SIDETRAKT_SERVERS__JELLYFIN__WRITES_PER_SECOND": "200",
        "SIDETRAKT_SERVERS__JELLYFIN__KIND": "jellyfin",
        "SIDETRAKT_SERVERS__JELLYFIN__URL": jellyfin["url"],
        "SIDETRAKT_SERVERS__JELLYFIN__TOKEN": jellyfin["api_key"],
        "SIDETRAKT_SERVERS__PLEX__WRITES_PER_SECOND": "200",
        "SIDETRAKT_SERVERS__PLEX__KIND": "plex",
        "SIDETRAKT_SERVERS__PLEX__URL": plex["url"],
        "SIDETRAKT_SERVERS__PLEX__TOKEN": owner["account_token"],
    }
    services = {f"SIDETRAKT_PLEX__{name}_URL": plex["url"] for name in ("ACCOUNT", "DISCOVER", "METADATA")}
    return {**plain, **settings, **services}


def _show_signins(line: dict[str, Any], url: str) -> None:
    jellyfin, plex = line["jellyfin"], line["plex"]
    say.line(f"Sidetrakt serves {url}")
    say.line(f"Trakt {line['trakt']['url']}   Plex {plex['url']}   Jellyfin {jellyfin['url']}")
    rows = []
    for person in jellyfin["people"]:
        pin = plex["people"].get(person["name"], {}).get("pin")
        rows.append([person["name"], f"{person['name']} / {person['password']}", f"PIN {pin}" if pin else "no PIN"])
    say.table(["Person", "Signs in at Jellyfin with", "At Plex"], rows)
    say.line()
