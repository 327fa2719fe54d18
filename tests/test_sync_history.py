"""Plays of a whole household: what counts, dates, rewatches, un-watches, specials, a new server, linking again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from sidecar.demo.catalogue import Episode, File, Movie
from sidecar.model import Direction
from sidecar.store.ledger import Ledger
from sidecar.store.people import People
from sidecar.store.titles import Titles
from sidecar.sync.request import Result
from sidecar.viewing import Sighting
from tests.anna import WRITES, Anna
from tests.town import Town, alike, paths

REMOVE = {f"remove__{feature}__{way}_trakt": "on" for feature in ("history", "ratings") for way in ("to", "from")}
YEARS = "{}-05-04T20:15:00.000Z"


def silent(anna: Anna) -> None:
    """All agree, and runs write nothing any more."""
    for _ in range(2):
        anna.sync()
        assert anna.written() == {}


def nowhere(town: Town, kind: type[Movie] | type[Episode]) -> list[int]:
    """Titles that Trakt knows and no library has."""
    held = {title.ids.trakt for file in town.catalogue.files for title in file.titles}
    every: list[Movie | Episode] = [*town.catalogue.movies]
    every += [episode for show in town.catalogue.shows for episode in show.episodes]
    return [title.ids.trakt for title in every if isinstance(title, kind) and title.ids.trakt not in held]


def specials(town: Town) -> list[File]:
    """Episodes of season 0 that the servers have."""
    found = [file for file in town.catalogue.files if file.library == "shows" and file.season == 0]
    return [file for file in found if isinstance(file.titles[0], Episode) and file.titles[0].season == 0]


@pytest.mark.parametrize("how", ["scrobble", "website", "another"])
def test_whatever_brought_a_play_to_trakt_it_counts_here(anna: Anna, town: Town, how: str) -> None:
    """A-039, A-040: another server, a streaming service, the website."""
    film, other = town.films(2)
    if how == "website":
        town.tick("trakt", film, watched_at=YEARS.format(2023))
    else:
        app = {} if how == "scrobble" else {"app_version": "7", "app_date": "2026-01-01"}
        scrobbled(anna, film, app)
    anna.sync()
    assert town.everywhere() == alike([film])
    assert [action for _, action in anna.history(film)] == ["watch" if how == "website" else "scrobble"]
    assert other.path not in town.watched("plex")
    silent(anna)


def scrobbled(anna: Anna, film: File, more: dict[str, str]) -> None:
    """Another app tells Trakt that she watched it."""
    body: dict[str, Any] = {"movie": {"ids": {"trakt": film.titles[0].ids.trakt}}, "progress": 95, **more}
    answer = requests.post(f"{anna.town.urls['trakt']}/scrobble/stop", json=body, headers=anna.headers(), timeout=10)
    assert answer.status_code == 201


def test_a_play_without_a_date_counts_and_dates_nothing(anna: Anna, town: Town) -> None:
    """A-041: 1970 is never written as a date."""
    film, dated = town.films(2)
    town.tick("trakt", film, watched_at="1970-01-01T00:00:00.000Z")
    town.tick("trakt", dated, watched_at=YEARS.format(2024))
    anna.sync()
    assert town.everywhere() == alike([film, dated])
    assert not town.date(film).startswith("1970")
    assert town.date(dated)[:16] == "2024-05-04T20:15"
    assert town.plays() == 2
    silent(anna)


def test_three_episodes_and_a_special_are_marked_with_their_newest_dates(anna: Anna, town: Town) -> None:
    """A-135: what no library has is no error; specials are season 0."""
    (special, *_), missing = specials(town), nowhere(town, Episode)[:2]
    episodes = [file for file in town.episodes(9) if file.season][:3]
    for number, file in enumerate([*episodes, special]):
        for year in (2015, 2020 + number):
            town.tick("trakt", file, watched_at=YEARS.format(year))
    town.act("trakt", "watch", user="anna", episodes=[{"ids": {"trakt": each}} for each in missing])
    result = anna.sync()
    assert town.watched("jellyfin") == town.watched("plex") == paths([*episodes, special])
    assert [town.date(file)[:4] for file in (*episodes, special)] == ["2020", "2021", "2022", "2023"]
    assert result.problem == ""
    assert anna.asked("trakt", *WRITES) == []
    silent(anna)


def test_an_episode_that_was_watched_here_is_told_once(anna: Anna, town: Town) -> None:
    """A-136: one request with it, and none by the next runs."""
    episodes = town.episodes(4)
    for file in episodes[:3]:
        town.tick("trakt", file, watched_at=YEARS.format(2020))
    anna.sync()
    silent(anna)
    town.tick("jellyfin", episodes[3], at="2026-05-04T20:15:30Z")
    anna.sync()
    (body,) = anna.bodies("/sync/history")
    told = body.get("episodes") or [
        part for show in body["shows"] for season in show["seasons"] for part in season["episodes"]
    ]
    assert [each["watched_at"][:16] for each in told] == ["2026-05-04T20:15"]
    assert anna.asked("trakt", *WRITES) == ["/sync/history"]
    assert town.everywhere() == alike(episodes)
    silent(anna)
    assert town.plays() == 4


def test_films_are_marked_where_they_are_and_nothing_else_is_touched(anna: Anna, town: Town) -> None:
    """A-137: Trakt has 1, 2 and 3, the library 2, 3 and 4, watched there is 3."""
    first, second, third = nowhere(town, Movie)[0], *town.films(2)
    fourth = town.films(3)[2]
    town.act("trakt", "watch", user="anna", movies=[{"ids": {"trakt": first}}])
    for film in (second, third):
        town.tick("trakt", film, watched_at=YEARS.format(2020))
    town.tick("jellyfin", third, at="2020-05-04T18:30:00Z")
    before = town.date(third), town.date(fourth)
    anna.sync()
    assert town.watched("jellyfin") == paths([second, third])
    assert anna.written()["jellyfin"] == 1
    assert (town.date(third), town.date(fourth)) == before
    assert anna.asked("trakt", *WRITES) == []
    silent(anna)


def test_watched_again_is_one_play_more_and_a_rewatch_that_was_begun_stays(anna: Anna, town: Town) -> None:
    """A-130."""
    film, other = town.films(2)
    for each in (film, other):
        town.tick("trakt", each, watched_at=YEARS.format(2020))
    anna.sync()
    silent(anna)
    anna.later(24)
    town.tick("plex", film)
    town.tick("jellyfin", other, "unwatch")
    anna.sync()
    minute = f"{anna.clock.now():%Y-%m-%dT%H}"
    assert [at[: len(minute)] for at, _ in anna.history(film)] == ["2020-05-04T20", minute]
    assert len(anna.history(other)) == 1
    assert town.watched("jellyfin") == paths([film])
    silent(anna)
    anna.later(24)
    town.tick("trakt", other)
    anna.sync()
    assert town.watched("jellyfin") == paths([film, other])


def test_two_plays_two_days_apart_are_two_and_one_seen_twice_within_a_minute_is_one(anna: Anna, town: Town) -> None:
    """T-043."""
    twice, once = town.films(2)
    for day in (1, 3):
        town.tick("plex", twice, at=f"2026-05-0{day}T20:15:00Z")
    town.tick("plex", once, at="2026-05-05T20:15:10Z")
    town.tick("trakt", once, watched_at="2026-05-05T20:15:50.000Z")
    anna.sync()
    assert [minute for minute, _ in anna.history(twice)] == ["2026-05-01T20:15", "2026-05-03T20:15"]
    assert len(anna.history(once)) == 1
    silent(anna)


@pytest.mark.parametrize("on", [True, False])
def test_an_unwatch_removes_nothing_elsewhere_unless_that_is_wanted(anna: Anna, town: Town, *, on: bool) -> None:
    """A-141."""
    films = town.films(3)
    for film in films:
        town.tick("trakt", film, watched_at=YEARS.format(2020))
    if on:
        anna.choose(**REMOVE)
    anna.sync()
    silent(anna)
    town.tick("jellyfin", films[0], "unwatch")
    anna.sync()
    assert anna.asked("trakt", *WRITES) == (["/sync/history/remove"] if on else [])
    assert town.everywhere() == (alike(films[1:]) if on else {**alike(films), "jellyfin": paths(films[1:])})
    silent(anna)


def test_what_is_edited_on_trakts_website_is_here_after_one_run(anna: Anna, town: Town) -> None:
    """A-134: watched, un-watched, rated, un-rated; all of it one run later."""
    films = town.films(4)
    town.tick("trakt", films[1], watched_at=YEARS.format(2020))
    town.tick("trakt", films[3], "rate", rating=5)
    anna.choose(**REMOVE)
    anna.sync()
    silent(anna)
    town.tick("trakt", films[0], watched_at=YEARS.format(2024))
    town.tick("trakt", films[1], "unwatch")
    town.tick("trakt", films[2], "rate", rating=8)
    town.tick("trakt", films[3], "unrate")
    anna.sync()
    assert town.everywhere() == alike(films[:1])
    assert [anna.rated(film) for film in films[2:]] == [(8,) * 3, (None,) * 3]
    silent(anna)


def test_a_new_server_gets_what_trakt_has_and_the_second_run_writes_nothing(anna: Anna, town: Town) -> None:
    """A-131: 30 watched and 10 rated of 50 titles; what it would do is shown before."""
    files = [*town.films(30), *town.episodes(20)]
    for file in files[:30]:
        town.tick("trakt", file, watched_at=YEARS.format(2020))
    for file in files[20:30]:
        town.tick("trakt", file, "rate", rating=7)
    request: dict[str, Any] = {"full": True, "direction": Direction.FROM_TRAKT}
    preview = anna.sync(preview=True, **request)
    shown = {each.feature: each.count for each in preview.planned if each.side == "Anna@home"}
    assert shown == {"history": 30, "ratings": 10}
    anna.sync(**request)
    assert town.watched("jellyfin") == paths(files[:30])
    assert [file for file in files if town.rating("jellyfin", file)] == files[20:30]
    assert anna.asked("trakt", *WRITES) == []
    silent(anna)


def test_linked_again_what_happened_meanwhile_goes_both_ways_and_nothing_is_removed(anna: Anna, town: Town) -> None:
    """A-051: the same account is picked up where it was."""
    films = town.lived()
    anna.choose(**REMOVE)
    anna.sync()
    silent(anna)
    anna.do("unlink", person="Anna")
    town.tick("trakt", films[10], "rate", rating=9)
    town.tick("plex", films[11], "rate", rating=4)
    anna.later(1)
    town.tick("plex", films[12])
    anna.sign_in()
    anna.sync()
    assert town.everywhere() == alike([*films[:6], films[12]])
    assert [anna.rated(film) for film in (films[10], films[11])] == [(9,) * 3, (4,) * 3]
    assert town.plays() == 7
    silent(anna)


def test_another_account_of_trakt_is_a_union_and_nothing_is_removed(anna: Anna, town: Town) -> None:
    """A-051, walk 10: Ben's account is new here; Anna's keeps what it has."""
    films, plays = town.lived(), 6
    anna.choose(**REMOVE)
    anna.sync()
    silent(anna)
    anna.do("unlink", person="Anna")
    with_ben = town.act("trakt", "watch", user="ben", movies=[{"ids": {"trakt": films[13].titles[0].ids.trakt}}])
    assert with_ben["added"]["movies"] == 1
    anna.sign_in("ben")
    result = anna.sync()
    assert isinstance(result, Result)
    assert not [each for each in result.planned if each.action == "remove"]
    assert town.watched("jellyfin") == town.watched("plex") == paths([*films[:6], films[13]])
    assert town.plays() == plays
    assert len(town.controls["trakt"].state()["ben"]["plays"]) == 7
    silent(anna)


@pytest.mark.parametrize("hours", [3, -3])
def test_how_wrong_a_clock_is_today_says_nothing_of_years_ago(anna: Anna, town: Town, hours: int) -> None:
    """Line 31: what was watched before a server was last read keeps its date, also where both sides tell it."""
    first, second, third = town.films(3)
    town.tick("trakt", third, watched_at="2015-05-05T20:15:00.000Z")
    town.tick("jellyfin", first, at="2015-03-03T20:15:00Z")
    town.controls["jellyfin"].clock.shift(hours * 3600)
    anna.sync()
    town.tick("jellyfin", second, at="2015-04-04T20:15:00Z")
    anna.sync()
    anna.sync(full=True)
    told = [anna.history(film) for film in (first, second, third)]
    assert [at for ((at, _),) in told] == ["2015-03-03T20:15", "2015-04-04T20:15", "2015-05-05T20:15"]


@pytest.mark.parametrize("hours", [3, -3, 0])
@pytest.mark.parametrize("service", ["jellyfin", "plex"])
def test_a_server_whose_clock_is_wrong_makes_no_play_of_its_own(
    anna: Anna, town: Town, service: str, hours: int
) -> None:
    """Line 31, walk 16: what live heard and what the server shows is one viewing, whatever its clock says."""
    heard, unheard = town.films(2)
    anna.sync()
    clock = town.controls[service].clock
    clock.shift(hours * 3600)
    anna.later(5)
    length = timedelta(milliseconds=heard.runtime_ms or 0)
    ended = anna.clock.now()
    with anna.app.store.write() as db:
        (title,) = Titles(db).named(str(heard.claims.imdb))
        uuid = People(db).linked(anna.person).uuid  # type: ignore[union-attr]
        began = ended - length
        seen = Sighting(f"{service}:somewhere:anna", began, began=began, ended=ended)
        Ledger(db).claim(uuid, title, seen, ended, runtime=length.seconds // 60)
    there = (ended - length if service == "jellyfin" else ended) + timedelta(hours=hours)
    town.tick(service, heard, at=there.isoformat())
    town.tick(service, unheard, at=(clock.now() - timedelta(hours=1)).isoformat())
    anna.sync()
    told = [anna.history(film)[0][0] for film in (heard, unheard)]
    right = [ended, anna.clock.now() - timedelta(hours=1)]
    assert all(
        abs(datetime.fromisoformat(f"{at}Z") - wanted) < timedelta(minutes=2)
        for at, wanted in zip(told, right, strict=True)
    )
    assert town.plays() == 2
    silent(anna)
    anna.sync(full=True)
    assert town.plays() == 2
