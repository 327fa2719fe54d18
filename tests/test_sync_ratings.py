"""Ratings of a whole household: from each side to all others, taken away, changed at once, after unlinking."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sidecar.demo.catalogue import File
from sidecar.events import RatingEvent
from sidecar.live.intake import Outcome
from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.store.baseline import Baseline
from sidecar.store.people import People
from sidecar.store.servers import KnownServers
from sidecar.viewing import Source
from tests.anna import WRITES, Anna
from tests.town import Town

EVENING = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)


def rate(town: Town, service: str, file: File, value: int | None, at: datetime | None = None) -> None:
    """She rates something there, or takes a rating away."""
    said: dict[str, Any] = {} if value is None else {"rating": value}
    if at is not None:
        said["rated_at" if service == "trakt" else "at"] = at.isoformat()
    town.tick(service, file, "unrate" if value is None else "rate", **said)


def test_each_of_the_ten_values_goes_to_trakt_and_comes_from_there_unchanged(anna: Anna, town: Town) -> None:
    """A-020: the round trip."""
    films = town.films(30)
    for service, start in (("jellyfin", 0), ("plex", 10), ("trakt", 20)):
        for value in range(1, 11):
            rate(town, service, films[start + value - 1], value)
    anna.sync()
    assert [anna.rated(film) for film in films] == [(value,) * 3 for value in range(1, 11)] * 3
    anna.sync()
    assert anna.written() == {}


def test_half_stars_are_told_rounded_and_never_rewritten(anna: Anna, town: Town) -> None:
    """A-021: a Plex of 8.6 pairs with 9."""
    (film,) = town.films(1)
    town.tick("plex", film, "rate", rating=8.6)
    for _ in range(2):
        anna.sync()
        assert anna.rated(film) == (9, 9.0, 8.6)
    assert anna.written() == {}


def test_seasons_and_episodes_are_rated_as_such(anna: Anna, town: Town) -> None:
    """A-024: an episode's rating is told as the episode's, a season's as the season's, and no show is rated."""
    episode, other = [file for file in town.episodes(9) if file.season][:2]
    rate(town, "plex", episode, 7)
    town.tick("plex", other, "rate", rating=6, level="season")
    anna.sync()
    bodies = anna.bodies("/sync/ratings")
    told = [each for body in bodies for name, rows in body.items() for each in ratings_in(name, rows)]
    assert sorted(told) == [("episodes", 7), ("seasons", 6)]
    anna.sync()
    assert anna.written() == {}


def ratings_in(kind: str, rows: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """What is rated in a list of a body, also below shows and seasons."""
    found = [(kind, row["rating"]) for row in rows if "rating" in row]
    return found + [
        each for row in rows for below in ("seasons", "episodes") for each in ratings_in(below, row.get(below, []))
    ]


def test_a_rating_of_any_side_is_on_all_three_after_one_run(anna: Anna, town: Town) -> None:
    """A-015, A-066."""
    films = town.films(3)
    for service, film, value in zip(("jellyfin", "plex", "trakt"), films, (8, 6, 7), strict=True):
        rate(town, service, film, value)
    anna.sync()
    assert [anna.rated(film) for film in films] == [(8,) * 3, (6,) * 3, (7,) * 3]


def test_a_later_rating_on_jellyfin_is_found_by_the_complete_read_of_the_day(anna: Anna, town: Town) -> None:
    """A-066: without a plugin that tells it; a light run does not ask for Jellyfin's ratings."""
    (film,) = town.films(1)
    anna.sync()
    anna.sync()
    rate(town, "jellyfin", film, 8)
    anna.later(25)
    anna.sync()
    assert anna.rated(film) == (8,) * 3


def test_a_rating_that_was_changed_is_one_request_and_the_next_run_none(anna: Anna, town: Town) -> None:
    """T-031, A-016."""
    (film,) = town.films(1)
    rate(town, "plex", film, 6)
    anna.sync()
    anna.sync()
    rate(town, "plex", film, 8)
    anna.sync()
    assert anna.asked("trakt", *WRITES) == ["/sync/ratings"]
    (body,) = anna.bodies("/sync/ratings")
    assert [movie["rating"] for movie in body["movies"]] == [8]
    assert anna.rated(film) == (8,) * 3
    rate(town, "trakt", film, 9)
    anna.sync()
    assert anna.rated(film) == (9,) * 3
    for _ in range(2):
        anna.sync()
        assert anna.written() == {}


@pytest.mark.parametrize("earlier", ["plex", "trakt"])
def test_where_both_changed_the_newest_counts_and_both_values_are_listed(anna: Anna, town: Town, earlier: str) -> None:
    """A-017."""
    (film,) = town.films(1)
    rate(town, "trakt", film, 6, EVENING - timedelta(days=9))
    anna.sync()
    anna.sync()
    soon = datetime.now(UTC) + timedelta(seconds=anna.clock.ahead)
    anna.later(1)
    plex, trakt = (5, 10) if earlier == "plex" else (10, 5)
    rate(town, "plex", film, 4, soon + timedelta(minutes=plex))
    rate(town, "trakt", film, 9, soon + timedelta(minutes=trakt))
    result = anna.sync()
    assert anna.rated(film) == ((9,) * 3 if earlier == "plex" else (4,) * 3)
    (remark,) = [each for each in result.remarks if each.kind == "conflict"]
    assert "says 4" in remark.why
    assert "says 9" in remark.why
    assert "newest" in remark.why
    anna.sync()
    assert anna.written() == {}


@pytest.mark.parametrize(("prefer", "value"), [("server", 4), ("trakt", 9)])
def test_where_times_cannot_tell_the_preference_does(anna: Anna, town: Town, prefer: str, value: int) -> None:
    """A-017: equal stamps."""
    (film,) = town.films(1)
    rate(town, "trakt", film, 6, EVENING)
    anna.sync()
    anna.sync()
    anna.choose(prefer=prefer)
    soon = datetime.now(UTC) + timedelta(minutes=5)
    anna.later(1)
    rate(town, "plex", film, 4, soon)
    rate(town, "trakt", film, 9, soon)
    anna.sync()
    assert anna.rated(film) == (value,) * 3
    anna.sync()
    assert anna.written() == {}


@pytest.mark.parametrize("fault", [{"name": "status", "status": 502}, {"name": "paging"}])
def test_what_is_unrated_on_trakt_is_cleared_where_that_is_wanted_and_never_by_a_list_that_was_cut(
    anna: Anna, town: Town, fault: dict[str, Any]
) -> None:
    """A-019, T-030: the run is marked as partial."""
    films = town.films(3)
    for film in films:
        rate(town, "trakt", film, 7)
    anna.choose(remove__ratings__from_trakt="on")
    anna.sync()
    anna.sync()
    rate(town, "trakt", films[0], None)
    town.controls["trakt"].faults.arm({**fault, "path": "^/sync/ratings/movies", "times": None})
    result = anna.sync("partial")
    assert any("Trakt" in side for side in result.stale)
    assert anna.written() == {}
    assert [town.rating("plex", film) for film in films] == [7] * 3
    town.controls["trakt"].faults.clear()
    anna.sync()
    assert [anna.rated(film) for film in films] == [(None, None, None), (7, 7, 7), (7, 7, 7)]
    assert [path for path in anna.asked("jellyfin", *WRITES) if "Rating" in path or "UserData" in path]
    anna.sync()
    assert anna.written() == {}


@pytest.mark.parametrize("on", [True, False])
def test_what_is_unrated_on_a_server_is_one_removal_or_kept_and_counted(anna: Anna, town: Town, *, on: bool) -> None:
    """T-032."""
    (film,) = town.films(1)
    rate(town, "plex", film, 6)
    if on:
        anna.choose(remove__ratings__to_trakt="on", remove__ratings__from_trakt="on")
    anna.sync()
    anna.sync()
    rate(town, "plex", film, None)
    result = anna.sync()
    assert anna.asked("trakt", *WRITES) == (["/sync/ratings/remove"] if on else [])
    assert anna.rated(film) == ((None,) * 3 if on else (6, 6, None))
    kept = [each.count for each in anna.sync(full=True).remarks if each.kind == "kept"]
    assert kept == ([] if on else [1])
    assert result.counts.get("Trakt (anna)", {}).get("removed", 0) == int(on)
    assert anna.rated(film) == ((None,) * 3 if on else (6, 6, None))


def test_the_first_run_joins_what_both_sides_rated(anna: Anna, town: Town) -> None:
    """A-025: 10 here, 12 there, 5 of both, two of them different."""
    films = town.films(17)
    for number, film in enumerate(films[:12]):
        rate(town, "trakt", film, 5, EVENING + timedelta(minutes=number))
    for number, film in enumerate(films[7:]):
        rate(town, "jellyfin", film, 9 if number < 2 else 5)
    preview = anna.sync(preview=True)
    planned = {(each.side, each.action): each.count for each in preview.planned}
    assert planned[("Trakt (anna)", "add")] == 5
    jelly = [each for each in preview.planned if each.side == "Anna@home" and each.action == "add"]
    assert sum(each.count for each in jelly) == 7 + 2  # two of them are the conflicts, which Trakt decides
    (conflicts,) = [each for each in preview.remarks if each.kind == "conflict"]
    assert conflicts.count == 2
    assert not [each for each in preview.planned if each.action == "remove"]
    anna.sync()
    with anna.app.store.read() as db:
        assert len(Baseline(db).agreed_titles(anna.person.id, Feature.RATINGS)) == 17
    assert [anna.rated(film) for film in films] == [(5,) * 3] * 17
    anna.sync()
    assert anna.written() == {}


def test_after_unlinking_everything_on_the_servers_stays_and_nobody_asks_trakt(anna: Anna, town: Town) -> None:
    """A-049, and of A-047 that nothing is told any more."""
    town.lived()
    anna.sync()
    before = (
        town.everywhere(),
        [town.rating(service, film) for service in ("plex", "jellyfin") for film in town.films(9)],
    )
    anna.do("unlink", person="Anna")
    anna.sync()
    assert anna.written() == {}
    anna.sync(full=True)
    assert (anna.written(), anna.asked("trakt")) == ({}, [])
    heard = anna.app.live.intake.hear(rated(anna, town.films(9)[8]))
    assert (heard.outcome, anna.app.live.deliver.waiting()) == (Outcome.NOBODY, [])
    after = (
        town.everywhere(),
        [town.rating(service, film) for service in ("plex", "jellyfin") for film in town.films(9)],
    )
    assert after == before


def rated(anna: Anna, film: File) -> RatingEvent:
    """Her Jellyfin says that she rated something."""
    with anna.app.store.read() as db:
        home = KnownServers(db).named("home")
        (account,) = [each for each in People(db).accounts(anna.person) if home and each.server == home.id]
    ref, now = Ref(Kind.MOVIE, Ids(trakt=film.titles[0].ids.trakt)), anna.clock.now()
    said: dict[str, Any] = {"server": account.server, "user": account.user, "item": "film", "refs": (ref,)}
    return RatingEvent(service=Source.JELLYFIN, source="plugin", value=8, at=now, received=now, **said)
