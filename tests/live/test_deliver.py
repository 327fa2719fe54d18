"""From the outbox to Trakt: each answer, each doubt, each delay; every play is there once in the end."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from sidecar.clock import to_minute
from sidecar.errors import Outage
from sidecar.events import What
from sidecar.model import Ids, Kind, Ref
from sidecar.store.ledger import Ledger
from sidecar.store.outbox import State, Topic
from sidecar.viewing import Told
from tests.live.conftest import Live
from tests.trakt.conftest import DARK, HEAT, film, part

LOST: dict[str, Any] = {"name": "lost", "path": "/scrobble/stop"}
AFTER: dict[str, Any] = {"name": "status", "status": 502, "when": "after", "path": "/scrobble/stop"}
BEFORE: dict[str, Any] = {"name": "status", "status": 503, "path": "/scrobble/stop"}
CUT: dict[str, Any] = {"name": "truncated", "length": "cut", "path": "/scrobble/stop"}
RESET: dict[str, Any] = {"name": "reset", "path": "/scrobble/stop"}
PAGE: dict[str, Any] = {"name": "html", "path": "/scrobble/stop"}


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
    assert live.plays() == [to_minute(live.now)]
    (viewing,) = live.ledger()
    assert (viewing.told, viewing.began, viewing.ended) == (Told.YES, began, live.now)
    assert (viewing.minute, viewing.history_id) == (to_minute(live.now), live.world.state()["plays"][0]["id"])
    assert live.rows() == []
    assert {row.state for row in live.ended()} == {State.DONE}


def test_a_short_pause_is_never_sent(live: Live) -> None:
    live.hear(What.START)
    live.send()
    live.world.later(minutes=60)
    live.hear(What.PAUSE, 60)
    live.send()
    live.world.later(seconds=4)
    live.hear(What.RESUME, 60)
    live.world.later(seconds=30)
    live.send()
    assert live.scrobbles() == [("start", 0.0)]


def test_a_short_pause_that_was_told_all_the_same_is_taken_back_by_a_start(live: Live) -> None:
    live.hear(What.START)
    live.send()
    live.world.later(minutes=60)
    at = live.now - timedelta(seconds=20)
    live.hear(What.PAUSE, 60, at=at)  # it was on its way for longer than the pause took
    live.send()
    live.hear(What.RESUME, 60, at=at + timedelta(seconds=3))
    live.send()
    assert [say for say, _ in live.scrobbles()] == ["start", "pause", "start"]


def test_a_title_that_waits_keeps_nobody_busy(live: Live) -> None:
    live.watch(20, item="lies", refs=(part(1),), runtime=20.0)
    live.world.fault("status", status=420, path="/scrobble")
    live.send()
    live.world.later(minutes=1)
    live.watch(20, item="lies", refs=(part(1),), runtime=20.0)
    assert live.deliver.waiting() == [], "the second has to wait for the first"


def test_a_refused_app_is_said_once_and_all_waits(live: Live) -> None:
    live.world.act("remove_app")
    live.watch()
    live.watch(user="ben")
    live.send()
    assert [alert.key for alert in live.world.alerts()] == ["trakt:app"]
    live.world.act("restore_app")
    live.catch_up()
    assert (len(live.plays("anna")), len(live.plays("ben"))) == (1, 1)


def test_a_start_that_could_not_be_sent_gives_way_to_what_came_after(live: Live) -> None:
    live.watch()
    live.send()
    assert live.scrobbles() == [("stop", 100.0)]
    assert [(row.topic, row.state) for row in live.ended()] == [
        (Topic.WATCHING, State.REPLACED),
        (Topic.PLAY, State.DONE),
    ]


@pytest.mark.parametrize("fault", [LOST, AFTER, BEFORE, CUT, RESET, PAGE], ids=str)
def test_a_lost_answer_is_looked_up(live: Live, fault: dict[str, Any]) -> None:
    ended = to_minute(live.watch())
    live.world.fault(**fault)
    live.send()
    assert live.plays() == [ended]
    assert [row for row in live.ledger() if row.told is not Told.YES] == []
    assert live.rows() == []
    stored = fault in (LOST, AFTER, CUT)
    asked = live.world.asked()
    assert asked[:2] == ["POST /scrobble/stop", "GET /sync/history"]
    assert asked[2:] == ([] if stored else ["POST /scrobble/stop"])


def test_a_stop_that_is_carried_out_while_nobody_listens_any_more_is_no_second_play(live: Live) -> None:
    live.world.restart(timeout=0.2)
    live.start()
    live.watch()
    live.world.fault("slow", seconds=30.0, path="/scrobble/stop")
    live.deliver.turn(live.deliver.waiting()[0])
    live.world.calm()  # it gets through now, when it was given up already
    live.world.control.rows(since=live.world.control.count, wait=5)
    live.catch_up()
    assert len(live.plays()) == 1
    assert live.rows() == []


def test_a_409_of_this_viewing_is_done(live: Live) -> None:
    live.watch()
    uuid = live.uuids["Anna"]
    live.world.service.scrobbler.stop(uuid, HEAT, 98.0, watched=True)  # as if ours had got through
    live.world.later(seconds=20)
    live.send()
    assert len(live.plays()) == 1
    assert [row.told for row in live.ledger()] == [Told.YES]
    assert live.rows() == []


def test_a_409_of_the_viewing_before_is_told_through_history(live: Live) -> None:
    short = part(1)
    first = to_minute(live.watch(20, item="lies", refs=(short,), runtime=20.0))
    live.send()
    live.world.later(minutes=1)
    second = to_minute(live.watch(20, item="lies", refs=(short,), runtime=20.0))
    live.send()
    assert live.plays() == [first, second]
    assert [row.told for row in live.ledger(short)] == [Told.YES, Told.YES]
    assert live.world.asked("POST")[-2:] == ["POST /scrobble/stop", "POST /sync/history"]


def test_a_409_of_the_viewing_before_that_was_told_a_little_late(live: Live) -> None:
    said: dict[str, Any] = {"item": "lies", "refs": (part(1),), "runtime": 20.0}
    live.watch(20, **said)
    live.world.later(minutes=1)
    live.hear(What.START, **said)
    live.world.later(minutes=3)
    live.send()
    (first,) = live.plays()  # lies within the second viewing, and is the first one's
    live.world.later(minutes=17)
    live.hear(What.STOP, 20, **said)
    second = to_minute(live.now)
    live.catch_up()
    assert live.plays() == [first, second]


def test_nothing_of_a_title_is_sent_while_one_of_it_is_in_doubt(live: Live) -> None:
    said: dict[str, Any] = {"item": "lies", "refs": (part(1),), "runtime": 6.0}
    live.watch(6, **said)
    live.world.later(seconds=20)
    live.hear(What.START, **said)
    live.world.later(minutes=1)
    live.hear(What.STOP, 6, **said)  # somebody skipped to its end
    live.world.fault(**BEFORE)
    live.deliver.turn(live.deliver.waiting()[0])
    assert len(live.scrobbles()) == 1
    live.catch_up()
    assert len(live.plays()) == 2


def test_what_failed_gives_way_to_what_was_said_meanwhile(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    live.hear(What.START)
    live.world.later(minutes=60)

    def fails(*_: object) -> None:
        live.hear(What.PAUSE, 60)
        raise Outage("Trakt", "It is broken.")

    with monkeypatch.context() as patched:
        patched.setattr(live.world.service.scrobbler, "start", fails)
        live.send()
    live.catch_up()
    assert live.scrobbles() == [("pause", 35.29)]


@pytest.mark.parametrize("away", [6, 60, 60 * 30])
def test_after_an_outage_plays_are_told_with_their_own_time(live: Live, away: int) -> None:
    live.world.fault("status", status=503, times=None)
    ends = [to_minute(live.watch(item=f"film {n}", refs=(film(1000 + n),))) for n in range(5)]
    live.world.later(minutes=away)
    live.send()
    live.world.calm()
    live.world.forget_log()
    live.catch_up()
    assert live.plays() == ends
    assert live.world.asked() == ["GET /sync/history", "POST /sync/history"]
    assert live.rows() == []


def test_a_play_within_five_minutes_is_told_as_happening_now(live: Live) -> None:
    live.watch()
    live.world.later(minutes=4)
    live.send()
    assert live.plays() == [to_minute(live.now)]
    assert live.scrobbles() == [("stop", 100.0)]


def test_what_trakt_stored_by_itself_is_not_told_again(live: Live) -> None:
    live.world.switch(play_on_expiry=True)
    live.hear(What.START)
    live.send()
    live.world.later(minutes=20)
    live.hear(What.PAUSE, 20)
    live.world.fault("status", status=503, path="/scrobble", times=None)
    live.world.later(minutes=40)
    live.hear(What.RESUME, 20)
    live.world.later(minutes=150)
    live.hear(What.STOP, 170, completed=True)
    live.world.later(minutes=20)
    live.world.calm()
    live.catch_up()
    assert len(live.plays()) == 1
    assert [row.told for row in live.ledger()] == [Told.YES]


def test_what_trakt_stored_when_the_rest_was_over_is_not_told_again(live: Live) -> None:
    live.world.switch(play_on_expiry=True)
    live.hear(What.START)
    live.send()
    live.world.fault("status", status=503, path="/scrobble", times=None)
    live.world.later(minutes=140)
    live.hear(What.STOP, 140)
    live.world.later(minutes=60)
    assert live.plays() == [to_minute(live.now - timedelta(minutes=30))]
    live.world.calm()
    live.catch_up()
    assert len(live.plays()) == 1
    assert [row.told for row in live.ledger()] == [Told.YES]


def test_500_late_plays_leave_in_at_most_10_requests(live: Live) -> None:
    live.world.fault("status", status=503, times=None)
    for number in range(500):
        live.watch(100, item=f"film {number}", refs=(film(1000 + number % 250),), runtime=100.0)
    live.world.calm()
    live.world.later(minutes=10)
    live.world.forget_log()
    live.send()
    assert len(live.world.asked()) <= 10
    assert live.world.state()["history"] == 500
    assert live.rows() == []


def test_what_happens_now_goes_before_what_is_late(live: Live) -> None:
    live.world.fault("status", status=503, times=None)
    for number in range(250):
        live.watch(100, item=f"film {number}", refs=(film(1000 + number),), runtime=100.0)
    live.world.calm()
    live.world.later(minutes=10)
    live.world.forget_log()
    live.hear(What.START)
    rests: list[float] = []

    def meanwhile() -> None:
        rests.append(live.world.rested)
        if len(rests) == 2:
            live.hear(What.START, session="phone", item="lies", refs=(part(1),))

    live.world.on_rest = meanwhile
    live.send()
    posts = [path.removeprefix("POST ") for path in live.world.asked("POST") if "oauth" not in path]
    late = "/sync/history"
    assert posts == ["/scrobble/start", late, late, "/scrobble/start", late]  # heard while the second one waited
    assert live.world.state()["history"] == 250


def test_a_late_answer_that_is_lost_is_looked_up_and_nothing_is_there_twice(live: Live) -> None:
    ends = []
    live.world.fault("status", status=503, times=None)
    for number in range(30):
        ends.append(to_minute(live.watch(100, item=f"film {number}", refs=(film(1000 + number),), runtime=100.0)))
    live.world.calm()
    live.world.later(minutes=10)
    live.world.fault("lost", path="^/sync/history", method="POST")
    live.catch_up()
    assert live.plays() == ends
    assert live.rows() == []


def test_old_starts_and_pauses_are_dropped(live: Live) -> None:
    live.world.fault("status", status=503, times=None)
    live.hear(What.START, 0)
    live.send()
    live.hear(What.START, 0, item="lies", title="", refs=(part(1),), runtime=50.0, session="phone")
    live.world.later(minutes=60)
    live.world.calm()
    live.send()
    assert live.scrobbles()[-1] == ("start", 0.0)
    assert [body.get("episode") for body in live.world.sent("/scrobble")].count({"ids": {"trakt": 118101}}) == 0
    assert {(row.body["title"], row.state, row.reason) for row in live.ended()} == {
        ("Dark S01E01", State.REPLACED, "it would be over by now"),
        ("Heat", State.DONE, ""),
    }


def test_a_429_is_waited_for(live: Live) -> None:
    ended = to_minute(live.watch())
    live.world.fault("status", status=429, retry_after=40, path="/scrobble")
    live.send()
    assert [row.state for row in live.rows()] == [State.DUE]
    live.world.later(seconds=30)
    live.send()
    assert len(live.scrobbles()) == 1
    live.world.later(seconds=25)
    live.send()
    assert live.plays() == [to_minute(live.now)]
    assert live.plays()[0] - ended <= timedelta(minutes=2)


def test_with_a_dead_link_rows_wait_until_it_is_linked_again(live: Live) -> None:
    live.world.act("revoke_tokens")
    ended = to_minute(live.watch())
    live.send()
    live.watch(item="film", refs=(film(1000),))
    asked = len(live.world.asked())
    for _ in range(10):
        live.world.later(minutes=30)
        live.send()
    assert len(live.world.asked()) == asked <= 2
    assert [alert.key for alert in live.world.alerts()] == [f"link:{live.uuids['Anna']}"]
    assert len(live.rows()) == 2
    live.sign_in("Anna")
    live.catch_up()
    assert live.plays()[0] == ended
    assert len(live.plays()) == 2


def test_a_title_that_trakt_does_not_know_blocks_itself_only(live: Live) -> None:
    strange = Ref(Kind.MOVIE, Ids(imdb="tt7777777"), name="Home video")
    live.watch(item="strange", title="Home video", refs=(strange,))
    ended = to_minute(live.watch())
    live.send()
    assert live.plays() == [ended]
    assert live.rows() == []
    (alert,) = live.world.alerts()
    assert alert.what == "Anna: Home video was not told to Trakt. Trakt does not know this title."
    assert "sidetrakt match" in alert.next_step
    given_up = [row for row in live.ended() if row.state is State.GIVEN_UP]
    assert [row.body["title"] for row in given_up] == ["Home video"]


def test_a_title_over_which_trakt_breaks_does_not_stop_the_others(live: Live) -> None:
    live.world.fault("status", status=500, path="/scrobble", times=1)
    live.hear(What.START)
    live.hear(What.START, item="film", refs=(film(1000),), session="phone")
    live.send()
    assert len(live.scrobbles()) == 2
    assert [row.body["title"] for row in live.rows()] == ["Heat"]
    live.world.later(seconds=30)
    live.send()
    assert live.rows() == []


def test_a_full_account_waits_and_says_so(live: Live) -> None:
    live.watch()
    live.world.fault("status", status=420, path="/scrobble")
    live.send()
    assert [alert.kind for alert in live.world.alerts()] == ["limit"]
    assert len(live.rows()) == 1
    live.catch_up(8)
    assert len(live.plays()) == 1
    assert live.world.alerts() == []


def test_with_a_wrong_clock_of_our_own_no_times_are_told(live: Live) -> None:
    ended = to_minute(live.watch())
    live.world.clock.advance(40 * 60)  # our clock runs on, Trakt's does not
    live.send()
    assert live.world.state()["history"] == 0
    assert [alert.key for alert in live.world.alerts()] == ["clock:trakt"]
    live.world.control.clock.set(live.now)  # it was right after all
    live.world.later(minutes=6)
    live.send()
    assert live.plays() == [ended]
    assert live.world.alerts() == []


def test_unlinked_while_it_is_in_hand(live: Live) -> None:
    live.watch()
    stop = live.world.service.scrobbler.stop

    def unlinked_meanwhile(*said: Any, **more: Any) -> Any:
        heard = stop(*said, **more)
        live.world.service.links.unlink("Anna")
        return heard

    live.world.service.scrobbler.stop = unlinked_meanwhile  # type: ignore[method-assign]
    live.send()
    assert [row.state for row in live.ended()][-1] is State.GIVEN_UP
    assert [row.told for row in live.ledger()] == [Told.YES]
    assert live.rows() == []


def test_what_a_run_tells_is_not_told_by_us(live: Live) -> None:
    live.watch()
    (viewing,) = live.ledger()
    with live.world.store.write() as db:
        Ledger(db).set_told(viewing.id or 0, Told.SENT, live.now)
    live.send()
    assert live.scrobbles() == []
    with live.world.store.write() as db:
        Ledger(db).set_told(viewing.id or 0, Told.YES, live.now, history_id=1 << 40)
    live.world.later(minutes=1)
    live.send()
    assert live.scrobbles() == []
    assert live.rows() == []


def test_what_could_not_be_noted_is_in_doubt_and_not_forgotten(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    live.watch()
    done = type(live.deliver._settle).done
    monkeypatch.setattr(type(live.deliver._settle), "done", lambda *_: 1 / 0)
    live.deliver.turn(live.deliver.waiting()[0])
    monkeypatch.setattr(type(live.deliver._settle), "done", done)
    live.world.later(seconds=10)
    live.send()
    assert len(live.plays()) == 1
    assert live.rows() == []


def test_an_episode_that_is_known_by_numbers_only_is_looked_up_before_it_is_told_late(live: Live) -> None:
    bare = Ref(Kind.EPISODE, Ids(), DARK, 2, 1, name="Dark")
    live.watch(item="lies", refs=(bare,), runtime=50.0)
    live.world.later(minutes=30)
    live.send()
    assert live.world.state()["history"] == 1
    assert live.world.sent("/sync/history")[0]["episodes"][0]["ids"] == {"trakt": 118201}


def test_one_account_that_is_slow_delays_nobody_else(live: Live) -> None:
    live.world.fault("slow", seconds=20.0, path="/scrobble", user="ben")
    live.hear(What.START, user="ben")
    live.hear(What.START)
    before, stop = live.world.control.count, threading.Event()
    worker = threading.Thread(target=live.deliver.work, args=(stop,))
    worker.start()
    rows = live.world.control.rows(since=before, wait=5)["rows"]
    live.world.calm()
    stop.set()
    live.deliver.wake()
    worker.join(10)
    assert not worker.is_alive()
    assert [row["user"] for row in rows] == ["anna"]
