"""What is heard: whose it is, what is wanted, what is kept, and nothing twice."""

from __future__ import annotations

import math
import queue
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from sidecar.clock import to_minute
from sidecar.errors import DiskFull
from sidecar.events import PlayedEvent, What
from sidecar.live.intake import Outcome
from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.store.baseline import Agreed, Baseline, SideState
from sidecar.store.outbox import Outbox, Topic
from sidecar.store.people import People
from sidecar.store.sessions import Kept, Sessions
from sidecar.store.titles import Titles
from sidecar.store.wishes import Wishes
from sidecar.viewing import Source, Told
from tests.live.conftest import JELLYFIN, PLEX, Live
from tests.trakt.conftest import HEAT, film, part

ONLY_CLAIMED = Ref(Kind.MOVIE, Ids(imdb="tt0001200", tmdb=11_200), name="Film 1200")


def test_whose_it_is_is_certain_or_it_is_dropped(live: Live) -> None:
    strangers: list[dict[str, Any]] = [{"user": "nobody"}, {"user": ""}, {"server": "other"}, {"user": "greta"}]
    for said in strangers:
        assert live.hear(What.START, **said).outcome is Outcome.NOBODY, said
    assert live.rows() == []
    assert live.counted == [("plugin", "nobody")] * 4
    with live.world.store.read() as db:
        assert Sessions(db).open() == []


def test_a_play_goes_to_its_own_account(live: Live) -> None:
    live.watch(user="ben")
    live.send()
    assert (len(live.plays("ben")), len(live.plays("anna"))) == (1, 0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"scrobble": "off"}, {}),
        ({"libraries": "Films, Shows"}, {"library": "Kids"}),
        ({"libraries": "Films"}, {}),
        ({"ignore": "client:Kodi"}, {"client": "kodi on the roof"}),
        ({"ignore": "client:bedroom"}, {"device": "Bedroom TV"}),
        ({"ignore": "path:/media/private"}, {"path": "/media/private/a.mkv"}),
        ({"ignore": "title:He"}, {}),
        ({"ignore": "kind:movie, title:x"}, {}),
    ],
)
def test_what_somebody_ignores_is_not_told(live: Live, options: dict[str, str], said: dict[str, Any]) -> None:
    live.choose("Anna", **options)
    heard = live.hear(What.START, **said)
    assert (heard.outcome, bool(heard.why)) == (Outcome.UNWANTED, True)
    assert live.rows() == []
    assert live.hear(What.START, user="ben", **said).outcome is Outcome.ACCEPTED, "somebody else's choice"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"libraries": "films"}, {"library": "Films"}),
        ({"ignore": "path:/media/private"}, {"path": "/media/films/private.mkv"}),
        ({"ignore": "kind:episode"}, {}),
        ({"ignore": "client:Kodi"}, {}),
    ],
)
def test_what_is_not_ignored_is_told(live: Live, options: dict[str, str], said: dict[str, Any]) -> None:
    live.choose("Anna", **options)
    assert live.hear(What.START, **said).outcome is Outcome.ACCEPTED
    assert len(live.rows()) == 1


def test_without_an_id_there_is_nothing_to_tell(live: Live) -> None:
    assert live.hear(What.START, refs=()).outcome is Outcome.UNWANTED
    assert live.hear(What.START, refs=(Ref(Kind.MOVIE, Ids(trakt=999_999)),)).outcome is Outcome.UNWANTED


def test_ids_that_lead_to_two_titles_tell_nothing(live: Live) -> None:
    with live.world.store.write() as db:
        Titles(db).learn(Ref(Kind.MOVIE, Ids(trakt=9, tmdb=77)))
    assert live.hear(What.START, refs=(Ref(Kind.MOVIE, Ids(imdb="tt0113277", tmdb=77)),)).outcome is Outcome.UNWANTED


def test_a_title_that_trakt_was_not_asked_about_is_told_by_its_ids(live: Live) -> None:
    ended = live.watch(item="new", refs=(ONLY_CLAIMED,), title="")
    live.send()
    assert live.plays() == [to_minute(ended)]
    assert live.world.sent("/scrobble/stop")[0]["movie"] == {"ids": {"imdb": "tt0001200", "tmdb": 11_200}}


def test_a_repeated_event_changes_nothing(live: Live) -> None:
    for _ in range(2):
        live.hear(What.START, id="one")
    live.world.later(minutes=169)
    assert live.hear(What.STOP, 169, id="two").outcome is Outcome.ACCEPTED
    live.send()
    live.world.later(hours=2)
    assert live.hear(What.START, id="one", at=live.now - timedelta(hours=4)).outcome is Outcome.REPEATED
    assert live.hear(What.STOP, 169, id="two").outcome is Outcome.REPEATED
    live.catch_up()
    assert len(live.plays()) == 1


def test_a_repeat_without_an_id_is_no_second_play(live: Live) -> None:
    start = live.event(What.START)
    live.intake.hear(start)
    live.world.later(minutes=169)
    stop = live.event(What.STOP, 169)
    live.intake.hear(stop)
    live.send()
    for _ in range(3):
        live.world.later(hours=5)
        live.intake.hear(start)
        live.intake.hear(stop)
        live.catch_up()
    assert len(live.plays()) == 1


def test_a_gap_asks_for_a_look_at_the_history(live: Live) -> None:
    live.hear(What.START, install="i", seq=1)
    first = live.now
    live.world.later(minutes=5)
    live.hear(What.PAUSE, 5, install="i", seq=4)
    with live.world.store.read() as db:
        (gap,) = Wishes(db).gaps()
    assert (gap.server, gap.since, gap.why) == (JELLYFIN, first, "events 2 to 3 did not come")
    live.hear(What.RESUME, 5, install="i", seq=3)  # it was only late
    live.hear(What.RESUME, 5, install="i", seq=5)
    live.hear(What.START, install="other", seq=70, server=PLEX)
    with live.world.store.write() as db:
        assert Wishes(db).gaps() == [gap]
        Wishes(db).looked(gap)
        assert Wishes(db).gaps() == []


def test_a_number_counts_although_nobody_is_known(live: Live) -> None:
    for number in (1, 2, 3):
        live.hear(What.START, user="nobody", install="i", seq=number)
    live.hear(What.START, install="i", seq=4)
    with live.world.store.read() as db:
        assert Wishes(db).gaps() == []


@pytest.mark.parametrize(
    ("off", "waited"),
    [(timedelta(hours=-3), timedelta()), (timedelta(hours=3), timedelta()), (timedelta(), timedelta(hours=3))],
    ids=["behind", "ahead", "late"],
)
def test_a_wrong_clock_is_corrected(live: Live, off: timedelta, waited: timedelta) -> None:
    """`off` is the server's clock, `waited` is how long its plugin could not reach us."""
    live.hear(What.START, at=live.now + off, sent=live.now + off)
    live.world.later(minutes=170)
    at = live.now
    live.world.later(seconds=waited.total_seconds())
    live.hear(What.STOP, 170, at=at + off, sent=live.now + off, completed=True)
    alerts = [alert.key for alert in live.world.alerts()]
    assert alerts == ([f"clock:{JELLYFIN}"] if off else [])
    live.catch_up()
    assert live.plays() == [to_minute(at)]
    assert bool(live.scrobbles()) is not bool(waited)
    live.hear(What.START, at=live.now, sent=live.now)
    assert live.world.alerts() == []


@pytest.mark.parametrize(
    "said",
    [
        {"at": datetime.min.replace(tzinfo=UTC)},
        {"at": datetime.min.replace(tzinfo=UTC), "sent": datetime.max.replace(tzinfo=UTC)},
        {"at": datetime.max.replace(tzinfo=UTC), "sent": datetime.min.replace(tzinfo=UTC)},
        {"began": datetime.min.replace(tzinfo=UTC)},
        {"began": datetime.max.replace(tzinfo=UTC), "sent": datetime.min.replace(tzinfo=UTC)},
        {"position": math.nan},
        {"position": math.inf},
        {"position": -1e300, "runtime": 1e300},
        {"runtime": -5.0},
        {"runtime": math.inf, "position": math.inf},
        {"runtime": math.nan},
        {"seq": 1 << 62, "install": "i", "id": "x" * 9999},
        {"title": "\x00" * 500, "session": "", "item": "", "library": "🎬"},
    ],
    ids=str,
)
@pytest.mark.parametrize("what", list(What))
def test_nonsense_breaks_nothing(live: Live, what: What, said: dict[str, Any]) -> None:
    event = replace(live.event(what, 5), **said)
    for _ in range(2):
        live.intake.hear(event)
        live.hear(What.STOP, 50, session=event.session, item=event.item)
    live.send()
    assert not [row for row in live.ended() if row.topic is Topic.PLAY and what is not What.STOP]
    assert live.plays() == []


def test_what_is_older_than_all_memory_is_not_told(live: Live) -> None:
    old = live.now - timedelta(days=31)
    assert live.hear(What.STOP, 169, at=old).outcome is Outcome.UNWANTED
    assert live.rows() == []


def test_no_moment_lies_in_the_future(live: Live) -> None:
    live.hear(What.START, at=live.now)
    live.world.later(minutes=169)
    live.hear(What.STOP, 169, at=live.now + timedelta(hours=9))
    (viewing,) = live.ledger()
    assert viewing.ended == live.now


def test_who_watches_together_has_a_play_each_and_one_on_a_shared_account(live: Live) -> None:
    live.person("Finn", "ben")
    for what, place in ((What.START, 0.0), (What.STOP, 169.0)):
        for user in ("anna", "ben", "finn"):
            live.hear(what, place, user=user)
            live.send()
        live.world.later(minutes=169)
    live.catch_up()
    assert (len(live.plays("anna")), len(live.plays("ben"))) == (1, 1)
    assert len([each for each in live.scrobbles() if each[0] == "start"]) == 2
    assert len([each for each in live.scrobbles() if each[0] == "stop"]) == 2


def test_one_viewing_told_by_two_servers_is_one_play(live: Live) -> None:
    said: dict[str, Any] = {"service": Source.PLEX, "server": PLEX, "session": "other"}
    live.hear(What.START)
    live.hear(What.START, **said)
    live.world.later(minutes=169)
    live.hear(What.STOP, 169)
    live.hear(What.STOP, 169, **said)
    live.catch_up()
    assert len(live.plays()) == 1
    assert [each for each, _ in live.scrobbles()] == ["stop"]


def test_without_rewatches_only_the_first_viewing_is_told(live: Live) -> None:
    live.choose("Anna", rewatches="off")
    live.watch()
    live.send()
    live.world.later(hours=30)
    live.world.simulator.bodies.clear()
    live.watch()
    live.catch_up()
    assert len(live.plays()) == 1
    assert live.scrobbles() == []
    assert [row.told for row in live.ledger()] == [Told.YES, Told.NEVER]


def test_without_rewatches_what_all_sides_agreed_on_counts(live: Live) -> None:
    live.choose("Anna", rewatches="off")
    with live.world.store.write() as db:
        title = Titles(db).find(HEAT)
        assert isinstance(title, int)
        anna = People(db).get("Anna").id
        Baseline(db).put_agreed(anna, Feature.HISTORY, {title: Agreed(True)})
    live.watch()
    live.catch_up()
    assert live.plays() == []


def test_two_episodes_in_one_file_are_two_plays_of_one_minute(live: Live) -> None:
    ended = to_minute(live.watch(100, item="file", refs=(part(1), part(2)), runtime=100.0))
    live.catch_up()
    plays = live.world.state()["plays"]
    assert sorted(row["episode"] for row in plays) == [118101, 118102]
    assert live.plays() == [ended] * 2


def test_the_rest_of_what_counted_already_is_no_second_play(live: Live) -> None:
    live.hear(What.START)
    live.world.later(minutes=150)
    live.hear(What.STOP, 150)
    live.catch_up()
    live.world.later(hours=20)
    live.hear(What.START, 150)
    live.world.later(minutes=19)
    live.hear(What.STOP, 169)
    live.catch_up()
    assert len(live.plays()) == 1


def test_the_end_of_what_all_sides_agreed_on_as_watched_is_no_play(live: Live) -> None:
    with live.world.store.write() as db:
        title = Titles(db).find(HEAT)
        assert isinstance(title, int)
        Baseline(db).put_agreed(People(db).get("Anna").id, Feature.HISTORY, {title: Agreed(True)})
    live.hear(What.START, 150)
    live.world.later(minutes=19)
    live.hear(What.STOP, 169)
    live.catch_up()
    assert live.plays() == []


def test_a_sample_explains_the_date_that_the_server_shows(live: Live) -> None:
    began = live.now
    live.hear(What.START)
    live.world.later(minutes=2)
    live.hear(What.STOP, 2)
    live.world.later(hours=30)
    live.watch()
    live.intake.tidy()
    with live.world.store.read() as db:
        assert Sessions(db).explained(JELLYFIN, "anna", "heat") == [began]
        assert Sessions(db).explained(JELLYFIN, "ben", "heat") == []
    live.world.later(days=31)
    live.intake.tidy()
    with live.world.store.read() as db:
        assert Sessions(db).explained(JELLYFIN, "anna", "heat") == []


def test_a_toggle_asks_for_a_run_and_explains_its_date(live: Live) -> None:
    at = live.now
    assert live.toggle(True).outcome is Outcome.ACCEPTED
    live.toggle(False)
    with live.world.store.read() as db:
        (wish,) = Wishes(db).runs()
        assert (wish.feature, wish.side, wish.why) == (Feature.HISTORY, f"jellyfin:{JELLYFIN}:anna", "marked as played")
        assert set(Sessions(db).explained(JELLYFIN, "anna", "heat")) == {at}
    assert live.rows() == []
    with live.world.store.write() as db:
        Wishes(db).ran([wish.id])
        assert Wishes(db).runs() == []


def test_a_player_that_is_gone_ended_where_it_was_last_heard(live: Live) -> None:
    live.hear(What.START)
    live.world.later(minutes=160)
    live.hear(What.PROGRESS, 160)
    last = to_minute(live.now)
    live.world.later(minutes=4)
    assert live.intake.sweep(lambda _: True) == 0
    live.world.later(minutes=2)
    assert live.intake.sweep() == 0, "nobody says that it is gone"
    assert live.intake.sweep(lambda kept: kept.server == JELLYFIN) == 1
    live.catch_up()
    assert live.plays() == [last]


def test_a_player_that_speaks_while_it_is_looked_for_is_not_gone(live: Live) -> None:
    live.hear(What.START)
    live.world.later(minutes=160)

    def is_gone(_: Kept) -> bool:
        live.hear(What.PROGRESS, 160)
        return True

    assert live.intake.sweep(is_gone) == 0
    assert live.intake.sweep(lambda _: True) == 0


def test_what_nobody_can_see_is_gone_after_a_day(live: Live) -> None:
    live.hear(What.START)
    live.world.later(minutes=160)
    live.hear(What.PROGRESS, 160)
    last = to_minute(live.now)
    live.world.later(hours=25)
    assert live.intake.sweep() == 1
    live.catch_up()
    assert live.plays() == [last]
    assert live.intake.sweep(lambda _: True) == 0


def test_a_session_of_somebody_who_unlinked_ends_without_a_word(live: Live) -> None:
    live.hear(What.START)
    live.world.later(minutes=160)
    live.hear(What.PROGRESS, 160)
    live.world.service.links.unlink("Anna")
    live.world.later(minutes=6)
    assert live.intake.sweep(lambda _: True) == 1
    assert live.rows() == []


def test_progress_is_stored_now_and_then_only(live: Live) -> None:
    live.hear(What.START)
    before = live.world.store._writer.conn.total_changes
    for _ in range(9):
        live.world.later(seconds=1)
        live.hear(What.PROGRESS, None)
    assert live.world.store._writer.conn.total_changes == before
    live.world.later(seconds=1)
    live.hear(What.PROGRESS, 1)
    assert live.world.store._writer.conn.total_changes > before


def test_a_pause_in_between_is_never_taken_for_progress(live: Live) -> None:
    live.hear(What.START)
    live.world.later(seconds=3)
    live.hear(What.PROGRESS, 60, paused=True)
    assert [row.body["say"] for row in live.rows()] == ["pause"]


def test_history_tells_what_nobody_heard(live: Live) -> None:
    def event(hours: float) -> PlayedEvent:
        at = live.now - timedelta(hours=hours)
        said: dict[str, Any] = {"service": Source.PLEX, "server": PLEX, "user": "anna", "source": "history"}
        return PlayedEvent(at=at, received=live.now, item="heat", refs=(HEAT,), title="Heat", **said)

    live.intake.hear(event(20))
    assert live.rows() == [], "a side that was never read says nothing yet"
    with live.world.store.write() as db:
        baseline = Baseline(db)
        side = baseline.side(f"plex:{PLEX}:anna")
        baseline.set_state(side, Feature.HISTORY, SideState(joined_at=live.now))
    heard = live.watch(service=Source.PLEX, server=PLEX)
    live.send()
    live.intake.hear(event(0))
    missed = event(40)
    for _ in range(2):
        live.intake.hear(missed)
    live.catch_up()
    assert live.plays() == [to_minute(missed.at), to_minute(heard)]


def test_what_cannot_be_stored_is_not_accepted(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise DiskFull("There is no room left.")

    with monkeypatch.context() as patched:
        patched.setattr(Outbox, "put", full)
        with pytest.raises(DiskFull):
            live.hear(What.START, id="one")
    with live.world.store.read() as db:
        assert Sessions(db).open() == []
    assert live.hear(What.START, id="one").outcome is Outcome.ACCEPTED, "it was never heard"
    assert len(live.rows()) == 1


def test_deliver_is_woken_only_when_there_is_something_to_tell(live: Live) -> None:
    woken: list[int] = []
    live.intake.wake = lambda: woken.append(1)
    live.hear(What.START)
    live.world.later(minutes=5)
    live.hear(What.PROGRESS, 5)
    live.hear(What.START, user="nobody")
    assert woken == [1]


def test_the_hub_shows_what_plays_what_waits_and_what_went_out(live: Live) -> None:
    news = live.hub.subscribe()
    live.hear(What.START, client="Android TV")
    live.world.later(minutes=85)
    live.hear(What.PAUSE, 85, client="Android TV")
    picture = live.hub.picture()
    (playing,) = picture.playing
    assert (playing["person"], playing["title"], playing["player"]) == ("Anna", "Heat", "Android TV")
    assert (playing["progress"], playing["paused"]) == (50.0, True)
    assert [row["say"] for row in picture.waiting] == ["pause"]
    assert live.hub.picture(trakt=live.uuids["Ben"]).playing == []
    live.world.later(minutes=1)
    live.send()
    newest = live.hub.picture().told[0]
    assert (newest["say"], newest["state"]) == ("pause", "done")
    kinds = [news.get_nowait().kind for _ in range(news.qsize())]
    assert kinds == ["playing", "waiting", "playing", "waiting", "told"]
    live.hub.unsubscribe(news)
    live.hear(What.STOP, 85)
    with pytest.raises(queue.Empty):
        news.get_nowait()


def test_a_slow_listener_loses_the_oldest_news_and_stops_nobody(live: Live) -> None:
    news = live.hub.subscribe()
    for number in range(250):
        live.hear(
            What.START, session=f"tv {number}", item=f"film {number}", refs=(film(1000 + number),), title=str(number)
        )
    assert news.qsize() == 200
    assert news.get_nowait().about["title"] != "0"


def test_many_threads_lose_nothing_and_tell_nothing_twice(live: Live) -> None:
    ids = [f"event {number}" for number in range(40)]
    outcomes: list[Outcome] = []

    def say(part_of: list[str]) -> None:
        for each in part_of:
            number = int(each.split()[1])
            said: dict[str, Any] = {"item": each, "refs": (film(1000 + number),), "session": each}
            outcomes.append(live.hear(What.START, id=each, **said).outcome)

    threads = [threading.Thread(target=say, args=(ids[::step],)) for step in (1, -1, 1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(Outcome.ACCEPTED) == 40
    assert [row.topic for row in live.rows()] == [Topic.WATCHING] * 40
