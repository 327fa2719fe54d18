"""A merge of a whole library: fast enough, and small enough, to be done every day."""

import time

from bench.sync import SIDES, changed, held, timed
from sidecar.model import Feature
from sidecar.sync.plan import Agreed, Seen

COUNT = 100_000


def test_a_hundred_thousand_titles_merge_in_a_moment() -> None:
    """Under a second on an idle machine, as the benchmark says; here the bound is loose, in CPU time."""
    facts = {side.id: held(side, Feature.HISTORY, COUNT) for side in SIDES}
    agreed = {title: Agreed(True) for title in range(COUNT)}
    seen = {side: {title: Seen(value) for title, value in rows.items()} for side, rows in facts.items()}
    some = {side: rows | changed(side, Feature.HISTORY, COUNT) for side, rows in facts.items()}
    began = time.process_time()
    plan = timed(Feature.HISTORY, agreed, seen, some)[1]
    assert time.process_time() - began < 5
    told = {change.title for change in plan.changes if change.side == 1}
    assert told == {title for title in range(COUNT) if title % 200 in (2, 3)}, "what was played on the two servers"
