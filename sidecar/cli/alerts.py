"""`sidetrakt alerts`: what somebody should know or do."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from sidecar.cli import say
from sidecar.cli.here import look_around
from sidecar.words import count_of


@click.command(short_help="What somebody should know or do.", epilog="Example: sidetrakt alerts --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def alerts(*, as_json: bool) -> None:
    """List what is open, the newest first, each with what to do; it closes by itself when the cause is gone."""
    found = _open()
    if as_json:
        say.as_json(found)
    elif not found:
        say.marked("ok", "Nothing needs you.")
    for each in [] if as_json else found:
        again = f", {count_of(each['count'], 'time')}, last {_moment(each['again_at'])}" if each["count"] > 1 else ""
        whose = f"{each['person']}: " if each["person"] else ""
        say.marked("warning", f"{whose}{each['what']} (since {_moment(each['opened_at'])}{again})", each["next_step"])


def _open() -> list[dict[str, Any]]:
    from sidecar.store.alerts import Alerts
    from sidecar.store.db import look_into
    from sidecar.store.people import People

    with look_into(look_around().folder) as db:
        if db is None:
            return []
        names = {person.id: person.name for person in People(db).all()}
        found = [asdict(alert) | {"person": names.get(alert.person or 0)} for alert in Alerts(db).open_ones()]
    shown = ("kind", "person", "what", "next_step", "count", "opened_at", "again_at")
    return [{key: each[key] for key in shown} for each in found]


def _moment(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
