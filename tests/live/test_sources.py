"""Two sources that tell one viewing, neither of them in time."""

from datetime import timedelta

from sidecar.events import What
from tests.live.conftest import Live


def test_a_pause_that_a_slow_source_takes_back_and_says_again_is_told(live: Live) -> None:
    """A socket still shows what was before the pause that the plugin told, and comes to it a moment later."""
    live.hear(What.START)
    live.send()
    live.world.later(minutes=50)
    live.hear(What.PAUSE, 50, paused=True)
    before = live.now - timedelta(milliseconds=20)
    live.hear(What.PROGRESS, 50, source="socket", at=before)
    live.hear(What.PAUSE, 50, source="socket", paused=True, at=before)
    live.world.later(seconds=6)
    live.send()
    assert [say for say, _ in live.scrobbles()] == ["start", "pause"]


def test_paused_and_resumed_before_anything_was_sent_it_is_told_as_playing(live: Live) -> None:
    live.hear(What.START, 50)
    live.world.later(seconds=2)
    live.hear(What.PAUSE, 50, paused=True)
    live.world.later(seconds=2)
    live.hear(What.RESUME, 50)
    live.catch_up()
    assert [say for say, _ in live.scrobbles()] == ["start"]


def test_a_pause_that_is_told_and_a_short_one_after_it_end_with_what_plays(live: Live) -> None:
    live.hear(What.START)
    live.world.later(minutes=50)
    live.hear(What.PAUSE, 50, paused=True)
    live.world.later(minutes=10)
    live.send()
    for what, paused in ((What.RESUME, False), (What.PAUSE, True), (What.RESUME, False)):
        live.hear(what, 50, paused=paused)
        live.world.later(seconds=0.2)
    live.catch_up()
    assert [say for say, _ in live.scrobbles()][-2:] == ["pause", "start"]
