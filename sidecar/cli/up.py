"""`sidetrakt up`: serve until somebody ends it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import click

from sidecar import __version__
from sidecar.cli import say
from sidecar.cli.here import PATIENCE, Here, app_of, look_around

if TYPE_CHECKING:
    from sidecar.app import App

    OnReady = Callable[[App, str, Callable[[], None]], None]


@click.command(
    short_help="Serve, listen and sync; keeps running.", epilog="Example: sidetrakt up --host 0.0.0.0 --port 8477"
)
@click.option("--host", help="Address to serve on instead of the one in the settings.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to serve on instead of the one in the settings.")
@click.option("--demo", is_flag=True, help="Try it with a simulated household, in a data folder of its own.")
@click.option("--once", is_flag=True, help="With --demo: run the tour, then end with 0 or 1.")
def up(host: str | None, port: int | None, *, demo: bool, once: bool) -> int:
    """Serve the web page and the hooks, listen to the servers, sync on schedule."""
    if once and not demo:
        raise click.UsageError("--once goes with --demo.")
    if not demo:
        run(look_around(quiet=False), host, port)
        return 0
    from sidecar.cli.demo import demonstration

    with demonstration(once=once) as shown:
        run(look_around(shown.environ), host, port or free_port(), on_ready=shown.ready)
    return 1 if shown.failed else 0


def run(here: Here, host: str | None, port: int | None, on_ready: OnReady | None = None) -> None:
    """Hold the folder, serve until asked to end, and leave everything in order."""
    from sidecar.commands import perform
    from sidecar.store import folder, owner
    from sidecar.web import hooks
    from sidecar.web.serve import listen, serve
    from sidecar.web.site import build_site

    host, port = host or here.settings.web.host, port or here.settings.web.port
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    folder.prepare(here.folder)
    lock = owner.take_or_refuse(here.folder, owner.UP, PATIENCE)
    try:
        door = listen(host, port)  # before the database: a port that is taken must change nothing
        with closing(door), app_of(here) as app:
            app.start(lock, partial(perform, app))
            if on_ready is None:
                announce = partial(say.line, f"Sidetrakt {__version__} serves {url}, data in {here.folder}")
            else:
                announce = partial(on_ready, app, url, leave)
            hear, count = app.live.posted, app.metrics.hook
            taken = hooks.Hooks(app.settings.servers, app.store, lambda: app.vault, hear, clock=app.clock, count=count)
            serve(build_site(app.problems, app.metrics.text, hooks.pages(taken)), door, announce)
    finally:
        lock.release()
    say.line("Sidetrakt has ended; nothing is left undone that it would not find again.")


def leave() -> None:
    """Ask our own process to end, as anybody else would."""
    os.kill(os.getpid(), signal.SIGTERM)


def free_port() -> int:
    """A port for a demo, which must not be kept from starting by a Sidetrakt that serves already."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])
