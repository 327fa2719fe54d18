"""What runs ask and write, counted in the household: one way and both, features alone, previews, nothing new."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from sidecar.demo.catalogue import File
from sidecar.events import PlayEvent, What
from sidecar.model import Direction, Feature, Ids, Kind, Ref
from sidecar.store.people import People
from sidecar.store.servers import KnownServers
from sidecar.sync.request import Request, Result
from sidecar.sync.schedule import Schedule
from sidecar.viewing import Source
from tests.anna import WRITES, Anna
from tests.town import Town, alike, paths

LOOK = ["/sync/last_activities"]


def test_from_trakt_only_servers_are_written(anna: Anna, town: Town) -> None:
    """T-001."""
    films = town.films(6)
    for film in films[:3]:
        town.tick("trakt", film, watched_at="2026-01-03T20:15:00.000Z")
    town.tick("jellyfin", films[4])
    anna.sync(direction=Direction.FROM_TRAKT)
    assert town.watched("jellyfin") == paths([*films[:3], films[4]])
    assert town.watched("plex") == paths([*films[:3], films[4]])
    assert anna.asked("trakt", *WRITES) == []
    assert town.watched("trakt") == paths(films[:3])


def test_to_trakt_one_request_tells_three_plays_and_no_server_is_written(anna: Anna, town: Town) -> None:
    """T-002."""
    films = town.films(6)
    for day, film in enumerate(films[:3], 1):
        town.tick("jellyfin", film, at=f"2026-01-0{day}T20:15:00Z")
    town.tick("trakt", films[4])
    anna.sync(direction=Direction.TO_TRAKT)
    assert anna.asked("trakt", *WRITES) == ["/sync/history"]
    (body,) = anna.bodies("/sync/history")
    assert [movie["watched_at"][:16] for movie in body["movies"]] == [f"2026-01-0{day}T20:15" for day in (1, 2, 3)]
    assert town.watched("jellyfin") == paths(films[:3])
    assert town.watched("plex") == set()
    assert {service for service, count in anna.written().items() if count} == {"trakt"}


def test_both_ways_all_sides_have_everything_and_a_second_run_writes_nothing(anna: Anna, town: Town) -> None:
    """T-003, A-136, A-138: nothing new, nothing written."""
    films = town.films(4)
    for film in films[:2]:
        town.tick("jellyfin", film)
    for film in films[2:]:
        town.tick("trakt", film)
    anna.sync()
    assert town.everywhere() == alike(films)
    assert town.plays() == 4
    for _ in range(2):
        anna.sync()
        assert anna.written() == {}
    assert town.plays() == 4


@pytest.mark.parametrize(("feature", "others"), [("history", ["ratings"]), ("ratings", ["history", "watched"])])
def test_with_one_feature_on_no_request_is_about_another(
    anna: Anna, town: Town, feature: str, others: list[str]
) -> None:
    """T-004, A-059: with ratings off, no request about them."""
    town.lived()
    for each in ("history", "ratings"):
        anna.choose(**{each: "both" if each == feature else "off"})
    for full in (False, True):
        anna.sync(full=full)
        words = [path.split("/")[2] for path in anna.asked("trakt") if path.startswith("/sync/")]
        assert "last_activities" in words
        assert set(words) & {feature, "watched"} if feature == "history" else feature in words
        assert [word for word in words if word in (*others, "watchlist", "collection")] == []
    watched, rated = bool(town.watched("plex") & town.watched("trakt")), town.rating("plex", town.films(1)[0])
    assert (watched, rated) == ((True, None) if feature == "history" else (False, 8.0))


def test_with_all_writing_off_a_run_only_reads(anna: Anna, town: Town) -> None:
    """A-060: only GETs, and only of what the endpoint list says."""
    town.lived()
    anna.choose(history="from-trakt", ratings="from-trakt", scrobble="off")
    anna.sync()
    assert set(anna.asked("trakt")) - {path for path in anna.asked("trakt") if path.startswith("/search/")} == {
        *LOOK,
        "/sync/watched/movies",
        "/sync/watched/shows",
        "/sync/history/movies",
        *(f"/sync/ratings/{kind}" for kind in ("movies", "shows", "seasons", "episodes")),
    }
    assert anna.asked("trakt", *WRITES) == []
    anna.choose(history="off", ratings="off")
    anna.sync()
    assert anna.asked("trakt") == []


def test_a_preview_is_the_plan_of_the_run_and_writes_nowhere(anna: Anna, town: Town) -> None:
    """T-016: no POST, PUT or DELETE at all, and the baseline is as it was."""
    town.lived()
    tables = ("agreed", "seen", "side_feature", "viewing", "run", "change", "held", "settled")

    def baseline() -> list[list[str]]:
        with anna.app.store.read() as db:
            return [sorted(map(repr, db[table].rows)) for table in tables]

    before = baseline()
    preview = anna.sync(preview=True)
    assert anna.written() == {}
    assert baseline() == before
    result = anna.sync()
    assert result.planned == preview.planned != ()
    assert anna.written().keys() == {"trakt", "plex", "jellyfin"}
    assert baseline() != before


def test_where_nothing_moved_a_run_is_one_request_at_trakt_and_one_at_jellyfin(anna: Anna, town: Town) -> None:
    """A-015, A-139: the gate."""
    town.lived()
    for _ in range(3):
        anna.sync()
    assert anna.asked("trakt") == LOOK
    assert len(anna.asked("jellyfin")) == 1
    assert anna.asked("plex", *WRITES) == []


def test_the_schedule_asks_trakt_once_an_hour_and_nothing_else(anna: Anna, town: Town) -> None:
    """A-022: 24 idle hours are 24 requests."""
    town.lived()
    for _ in range(3):
        anna.sync()
    schedule = Schedule(
        anna.app.sync, anna.app.store, anna.app.settings.sync, anna.clock, spawn=lambda work: work(), chance=min
    )
    schedule.turn()
    for control in town.controls.values():
        control.log.clear()
    schedule.turn()
    assert anna.asked("trakt") == []
    anna.later(1)
    schedule.turn()
    assert anna.asked("trakt") == LOOK
    for _ in range(23):
        anna.later(1)
        schedule.turn()
    assert anna.asked("trakt") == LOOK * 24
    assert anna.written() == {}


def test_a_changed_run_costs_the_maps_and_the_pages_that_are_new(anna: Anna, town: Town) -> None:
    """A-139: a whole history comes by two maps, whatever its size; what is new by one page."""
    town.act("trakt", "seed_history", user="anna", count=2_000, minutes_apart=600)
    for _ in range(3):
        anna.sync()
    assert anna.asked("trakt") == LOOK
    town.tick("trakt", town.films(1)[0])
    anna.sync()
    assert 2 <= len(anna.asked("trakt", "GET")) <= 4
    assert anna.asked("trakt", *WRITES) == []


def test_one_feature_is_asked_for_alone(anna: Anna, town: Town) -> None:
    """T-004: by a request, too."""
    town.lived()
    anna.sync(features=(Feature.RATINGS,))
    assert not [path for path in anna.asked("trakt") if "history" in path or "watched" in path]
    assert town.watched("trakt") == paths(town.films(6)[4:])


@pytest.mark.parametrize("on", [True, False])
def test_with_all_writing_off_a_film_that_is_played_and_a_run_make_only_reads(
    anna: Anna, town: Town, *, on: bool
) -> None:
    """A-044."""
    anna.sync()
    if not on:
        anna.choose(scrobble="off", history="from-trakt", ratings="from-trakt")
    (film,) = town.films(1)
    for control in town.controls.values():
        control.log.clear()
    town.tick("jellyfin", film, at=play(anna, film).isoformat())
    town.tick("jellyfin", film, "rate", rating=8)
    deliver = anna.app.live.deliver
    for account in deliver.waiting():
        deliver.turn(account)
    told = anna.asked("trakt", *WRITES)
    *_, result = anna.app.sync.run(anna.person, Request(whole=True))
    assert isinstance(result, Result)
    assert result.state == "done"
    assert bool(told) is on
    assert bool(anna.asked("trakt", *WRITES)) is on
    assert town.plays() == int(on)


def play(anna: Anna, film: File) -> datetime:
    """Her player on the Jellyfin says that it began a film, and that it ended ten minutes ago; when it began."""
    title, length = film.titles[0], (film.runtime_ms or 0) / 1000
    with anna.app.store.read() as db:
        home = KnownServers(db).named("home")
        (account,) = [each for each in People(db).accounts(anna.person) if home and each.server == home.id]
    said: dict[str, Any] = {
        "service": Source.JELLYFIN,
        "server": account.server,
        "user": account.user,
        "source": "plugin",
        "received": anna.clock.now(),
        "item": "film",
        "refs": (Ref(Kind.MOVIE, Ids(trakt=title.ids.trakt, imdb=title.ids.imdb)),),
        "session": "tv",
        "runtime": length / 60,
    }
    for what, ago, place in ((What.START, length + 600, 0.0), (What.STOP, 600, length)):
        at = anna.clock.now() - timedelta(seconds=ago)
        anna.app.live.intake.hear(PlayEvent(what=what, at=at, position=place, **said))
    return anna.clock.now() - timedelta(seconds=length + 600)


def test_a_free_account_is_enough(anna: Anna, town: Town) -> None:
    """A-001."""
    town.act("trakt", "no_vip", user="anna")
    anna.app.trakt.check_links()
    films = town.lived()
    anna.sync()
    assert town.everywhere() == alike(films[:6])
    assert {row["status"] for row in town.controls["trakt"].log} <= {200, 201}
    with anna.app.store.read() as db:
        account = People(db).linked(anna.person)
    assert account is not None
    assert account.limits["vip"] is False


def lost(anna: Anna, town: Town) -> list[File]:
    """Three films watched on the Jellyfin, of which Trakt does not know the first by its id there."""
    films = town.films(3)
    town.act("jellyfin", "identify", file=films[0].path, ids={"imdb": "tt99999990"})
    for film in films:
        town.tick("jellyfin", film)
    return films


def test_what_trakt_does_not_know_is_listed_and_sent_again_once_a_day(anna: Anna, town: Town) -> None:
    """A-026: the others of that request are delivered."""
    films = lost(anna, town)
    result = anna.sync()
    assert town.watched("trakt") == paths(films[1:])
    (remark,) = [each for each in result.remarks if each.kind == "cannot"]
    assert remark.why == "Trakt (anna): Trakt does not know this title"
    assert remark.first == (f"{films[0].name} ({films[0].year})",)
    for _ in range(2):
        anna.sync()
        assert anna.written() == {}
    anna.later(20)
    anna.sync()
    assert anna.written() == {}
    anna.later(5)
    anna.sync()
    assert anna.asked("trakt", *WRITES) == ["/sync/history"]


def test_without_its_caches_a_run_asks_more_and_all_stays_as_it_is(anna: Anna, town: Town) -> None:
    """T-069: what Trakt said, what it does not know, what only it has, and what is settled."""
    lost(anna, town)
    for _ in range(3):
        first = anna.sync()
    before = town.everywhere(), town.plays()
    with anna.app.store.write() as db:
        for table in ("lookup", "put_off", "settled", "elsewhere"):
            db.table(table).delete_where()
        db.execute("UPDATE side_feature SET mark = NULL")
    again = anna.sync()
    assert again.requests > first.requests
    assert (town.everywhere(), town.plays()) == before
    assert [each.kind for each in again.remarks if each.kind == "cannot"] == ["cannot"]
    anna.sync()
    assert (anna.asked("trakt"), anna.written()) == (LOOK, {})
