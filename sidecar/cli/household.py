"""`sidetrakt household`: the simulators alone."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    short_help="Run the simulated servers alone.",
    epilog="Example: sidetrakt household --titles 5000 --jellyfin 10.11",
)
@click.option("--titles", type=click.IntRange(200, 150_000), default=200, show_default=True, help="Films and episodes.")
@click.option("--people", type=click.IntRange(1, 200), default=8, show_default=True, help="People who live here.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another number, other titles.")
@click.option(
    "--catalogue", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A recorded catalogue instead."
)
@click.option("--jellyfin", type=click.Choice(["10.11", "12"]), default="12", show_default=True)
@click.option("--port", type=click.IntRange(0, 65533), default=0, help="Use this port and the two after it.")
def household(*, titles: int, people: int, seed: int, catalogue: Path | None, jellyfin: str, port: int) -> int:
    """Run a simulated Trakt, Plex and Jellyfin on loopback and print one line of JSON that says how to reach them.

    It ends when its standard input ends, or with SIGTERM. docs/household.md tells what it can do.
    """
    from sidecar.demo.household import household as run

    file = str(catalogue) if catalogue else None
    return run(titles=titles, people=people, seed=seed, catalogue_file=file, jellyfin=jellyfin, port=port)
