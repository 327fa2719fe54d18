"""What somebody must know of a run: that it failed, that a side could not be read, that something is held."""

from __future__ import annotations

from datetime import datetime

from sidecar.store.alerts import Alerts
from sidecar.store.db import Store
from sidecar.store.people import People
from sidecar.sync.request import Result
from sidecar.words import count_of

PARTIAL = ("title", "undo")  # what they come to says nothing of all the rest
SILENT = ("preview", "stopped")


def tell(store: Store, result: Result, at: datetime) -> None:
    """Open what a run gives reason for, and close what it has settled."""
    if result.state in SILENT:
        return
    with store.write() as db:
        person = People(db).find(result.person)
        if person is None:
            return
        alerts, whole = Alerts(db), result.kind not in PARTIAL
        partial = result.state == "partial"
        stale = "; ".join(f"{side}: {why}" for side, why in sorted(result.stale.items()) if partial)
        held = sum(len(part.titles) for part in result.held if not part.decision)
        found = {
            "failed": (result.problem or "The sync failed.") if result.state == "failed" else "",
            "stale": f"Not everything could be read. {stale}" if stale else "",
            "held": f"A sync holds back {count_of(held, 'change')} until somebody decides." if held else "",
        }
        steps = {
            "failed": result.next_step or "It is tried again by itself; `sidetrakt runs` says more.",
            "stale": "It is read again at the next sync; if it stays so, `sidetrakt doctor` says more.",
            "held": "Look at `sidetrakt held`, then apply or keep it.",
        }
        for word, what in found.items():
            key = f"sync:{word}:{person.id}"
            if what:
                alerts.open(key, "data", at, what=what, next_step=steps[word], person=person.id)
            elif whole and result.state != "failed":
                alerts.close(key, at)
