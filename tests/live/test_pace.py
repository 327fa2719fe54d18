"""One account's writes keep one pace, whatever part of Sidetrakt they come from."""

from datetime import UTC, datetime

import pytest

from sidecar.contract import Fact, Plays
from sidecar.model import Feature
from tests.live.conftest import Live
from tests.trakt.conftest import film


@pytest.mark.parametrize(("pace", "seconds"), [(1.0, 19.0), (0.5, 38.0)])
def test_twenty_writes_of_any_mix_take_their_time_and_slow_nobody_else(live: Live, pace: float, seconds: float) -> None:
    live.world.restart(write_per_second=pace)
    service, anna, ben = live.world.service, live.uuids["Anna"], live.uuids["Ben"]
    at, began = datetime(2026, 1, 1, tzinfo=UTC), live.world.clock.monotonic()
    for number in range(20):
        ref = film(1000 + number)
        if number % 4 == 0:
            service.side(anna).add([Fact(ref, Plays((at,)))], Feature.HISTORY)
        elif number % 4 == 1:
            service.scrobbler.rate(anna, ref, 8, at)
        else:
            service.scrobbler.start(anna, ref, 1.0) if number % 4 == 2 else service.scrobbler.pause(anna, ref, 50.0)
    took = live.world.clock.monotonic() - began
    posts = [row for row in live.world.log("POST") if row["user"] == "anna"]
    assert len(posts) == 20
    assert {row["status"] for row in posts} == {201}
    assert seconds <= took < seconds + 3
    service.scrobbler.start(ben, film(1000), 1.0)
    assert live.world.clock.monotonic() - began - took < 0.1
