"""From the outbox to Trakt: each answer, each doubt, each delay; every play is there once in the end."""

from sidecar.clock import to_minute
from sidecar.events import What
from sidecar.store.outbox import State
from sidecar.viewing import Told
from tests.live.conftest import Live


def test_a_whole_evening_is_told_as_it_happens(live: Live) -> None:
    began = live.now
    live.hear(What.START)
    live.send()
    live.world.later(minutes=60)
    live.hear(What.PAUSE, 60)
    live.world.later(seconds=6)
    live.send()
    live.world.later(minutes=10)
    live.hear(What.RESUME, 60)
    live.send()
    live.world.later(minutes=105)
    live.hear(What.STOP, 165, completed=True)
    live.send()
    assert live.scrobbles() == [("start", 0.0), ("pause", 35.29), ("start", 35.29), ("stop", 97.06)]
    assert live.plays() == [live.now]
    (viewing,) = live.ledger()
    assert (viewing.told, viewing.began, viewing.ended) == (Told.YES, began, live.now)
    assert (viewing.minute, viewing.history_id) == (to_minute(live.now), live.world.state()["plays"][0]["id"])
    assert live.rows() == []
    assert {row.state for row in live.ended()} == {State.DONE}
