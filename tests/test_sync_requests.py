"""What runs ask and write, counted in the household: one way and both, features alone, previews, nothing new."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.model import Direction, Feature
from sidecar.sync.schedule import Schedule
from tests.anna import WRITES, Anna, at_home, heard_in
from tests.town import Town, alike, living, paths
from tests.trakt.asked import Heard

LOOK = ["/sync/last_activities"]


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with living() as made:
        yield made


@pytest.fixture(scope="module")
def heard(town: Town) -> Heard:
    return heard_in(town)


@pytest.fixture(scope="module")
def settled(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as after the first evening."""
    folder = tmp_path_factory.mktemp("settled") / "data"
    town.settle(folder)
    return folder


@pytest.fixture
def anna(town: Town, heard: Heard, settled: Path, tmp_path: Path) -> Iterator[Anna]:
    with at_home(town, heard, settled, tmp_path / "data") as made:
        yield made


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
