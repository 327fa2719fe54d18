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
