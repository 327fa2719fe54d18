"""`sidetrakt up`: serve until somebody ends it."""

from __future__ import annotations

import os

import click

from sidecar import __version__
from sidecar.cli import say
from sidecar.cli.here import PATIENCE, look_around


@click.command(
    short_help="Serve, listen and sync; keeps running.", epilog="Example: sidetrakt up --host 0.0.0.0 --port 8477"
)
@click.option("--host", help="Address to serve on instead of the one in the settings.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to serve on instead of the one in the settings.")
@click.option("--demo", is_flag=True, help="Try it with a simulated household, in a data folder of its own.")
@click.option("--once", is_flag=True, help="With --demo: run the tour, then end with 0 or 1.")
def up(host: str | None, port: int | None, *, demo: bool, once: bool) -> None:
    """Serve the web page and the hooks, listen to the servers, sync on schedule."""
    if once and not demo:
        raise click.UsageError("--once goes with --demo.")
    if demo:
        from sidecar.cli.demo import show

        show()
        return
    from sidecar.app import App
    from sidecar.store import folder, owner
    from sidecar.web.serve import listen, serve
    from sidecar.web.site import build_site

    here = look_around(quiet=False)
    web = here.settings.web
    host, port = host or web.host, port or web.port
    folder.prepare(here.folder)
    lock = owner.take_or_refuse(here.folder, owner.UP, PATIENCE)
    try:
        door = listen(host, port)  # before the database: a port that is taken must change nothing
        try:
            app = App(here.folder, here.settings, os.environ, clock=here.clock, redaction=here.redaction)
        except BaseException:
            door.close()
            raise
        try:
            app.start(lock)
            shown = f"[{host}]" if ":" in host else host
            serve(
                build_site(app.problems, app.metrics.text),
                door,
                ready=lambda: say.line(f"Sidetrakt {__version__} serves http://{shown}:{port}, data in {here.folder}"),
            )
        finally:
            app.close()
    finally:
        lock.release()
    say.line("Sidetrakt has ended; nothing is left undone that it would not find again.")
