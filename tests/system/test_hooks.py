"""The commands about hooks and alerts as a person runs them, alone and beside a running `up`."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

from sidecar.store.alerts import Alerts
from sidecar.store.db import open_store
from sidecar.store.folder import prepare
from sidecar.store.people import People
from tests.system.conftest import Running, Sidetrakt

HOME = {"SIDETRAKT_SERVERS__HOME__KIND": "jellyfin", "SIDETRAKT_SERVERS__HOME__URL": "http://home:8096"}
DEN = {"SIDETRAKT_SERVERS__DEN__KIND": "plex", "SIDETRAKT_SERVERS__DEN__URL": "http://den:32400"}


def test_addresses_are_shown_by_whoever_runs(sidetrakt: Sidetrakt, up: Callable[..., Running]) -> None:
    sidetrakt.environ |= HOME | DEN
    first = sidetrakt.json("hooks")
    up()
    changed = sidetrakt("hooks", "home", "--new")
    assert changed.returncode == 0
    (now,) = sidetrakt.json("hooks", "home")
    assert [each["server"] for each in first] == ["den", "home"]
    assert now["token"] not in json.dumps(first)
    assert [line.strip() for line in changed.stdout.splitlines()][:3] == [
        "• home (Jellyfin)",
        "Address: http://127.0.0.1:8477/hooks/jellyfin/home",
        f"Token:   {now['token']}",
    ]
    assert "The old token is refused from now on" in changed.stdout


def test_what_is_open_is_listed_with_what_to_do(sidetrakt: Sidetrakt) -> None:
    assert "Nothing needs you" in sidetrakt("alerts").stdout
    prepare(sidetrakt.folder)
    store, at = open_store(sidetrakt.folder), datetime(2026, 11, 21, 20, 15, tzinfo=UTC)
    with store.write() as db:
        anna, alerts = People(db).add("Anna", at), Alerts(db)
        for _ in range(2):
            alerts.open("clock", "data", at, what="A clock is wrong.", next_step="Set it.")
        alerts.open("auth", "auth", at, what="The link ended.", next_step="Link again.", person=anna.id)
        alerts.open("gone", "data", at, what="This is over.", next_step="")
        alerts.close("gone", at)
    store.close()
    done = sidetrakt("alerts")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "! Anna: The link ended. (since 2026-11-21 20:15 UTC)",
        "  → Link again.",
        "! A clock is wrong. (since 2026-11-21 20:15 UTC, 2 times, last 2026-11-21 20:15 UTC)",
        "  → Set it.",
    ]
    listed = sidetrakt.json("alerts")
    assert [(each["person"], each["what"], each["next_step"], each["count"]) for each in listed] == [
        ("Anna", "The link ended.", "Link again.", 1), (None, "A clock is wrong.", "Set it.", 2),
    ]  # fmt: skip
