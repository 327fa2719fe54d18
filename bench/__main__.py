"""Runs every measurement, prints a table and writes JSON; each figure beside a floor measured in the same run."""

import json
import platform
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from bench import household, live, runs, servers, start, store, sync, trakt
from bench.figure import SIZES, Figure

RESULTS = Path(__file__).parent / "results"
PARTS = {
    "start": start.measure,
    "store": store.measure,
    "household": household.measure,
    "trakt": trakt.measure,
    "sync": sync.measure,
    "runs": runs.measure,
    "servers": servers.measure,
    "live": live.measure,
}


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), default="tiny")
@click.option("--only", type=click.Choice(list(PARTS)), multiple=True)
@click.option("--results", type=click.Path(path_type=Path), default=RESULTS, help="Folder for the JSON.")
def main(size: str, only: tuple[str, ...], results: Path) -> None:
    """Measure at one size."""
    figures: list[Figure] = []
    for name, measure in PARTS.items():
        if not only or name in only:
            click.echo(f"measuring {name} …", err=True)
            figures += measure(SIZES[size])
    width = max(len(figure.name) for figure in figures)
    click.echo(f"{'what':{width}}  {'value':>12} {'unit':10} {'floor':>12} {'ratio':>7}  budget")
    for figure in figures:
        floor = f"{figure.floor:12,.3f}" if figure.floor else " " * 12
        ratio = f"{figure.ratio:7.2f}" if figure.ratio else " " * 7
        click.echo(f"{figure.name:{width}}  {figure.value:12,.3f} {figure.unit:10} {floor} {ratio}  {figure.budget}")
    results.mkdir(exist_ok=True)
    at = datetime.now(UTC)
    report = {
        "at": at.isoformat(),
        "size": size,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "machine": platform.machine(),
        "figures": [figure.as_json() for figure in figures],
    }
    path = results / f"{at:%Y%m%d-%H%M%S}-{size}.json"
    path.write_text(json.dumps(report, indent=2) + "\n")
    click.echo(f"written to {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


if __name__ == "__main__":
    sys.exit(main())
