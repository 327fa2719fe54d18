"""Trakt's word on ids: the type is said, the answer is checked, and it is kept for a week, also when it is a no."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.errors import BadAnswer, Outage, SidetraktError
from sidecar.model import Ids, Kind, Ref
from sidecar.store.lookups import Lookups
from sidecar.trakt.lookup import Lookup
from tests.trakt.conftest import DARK, World

LIES = Ref(Kind.EPISODE, show=Ids(tvdb=334824), season=1, number=2)


def looked(world: World, kind: Kind, **ids: Any) -> Ref | None:
    """What Trakt makes of these ids."""
    return world.service.lookup.resolve(Ref(kind, Ids(**ids)))


@pytest.mark.parametrize(
    ("kind", "ids", "trakt"),
    [
        (Kind.MOVIE, {"imdb": "tt0113277"}, 345),
        (Kind.MOVIE, {"tmdb": 949}, 345),
        (Kind.MOVIE, {"trakt": 345}, 345),
        (Kind.MOVIE, {"imdb": "tt0113277", "tmdb": 949}, 345),
        (Kind.SHOW, {"imdb": "tt5753856"}, 118),
        (Kind.SHOW, {"tvdb": 334824}, 118),
        (Kind.SHOW, {"tmdb": 70523}, 118),
        (Kind.SHOW, {"tmdb": 949}, 119),  # the number of a film as well
        (Kind.EPISODE, {"tvdb": 818102}, 118102),
        (Kind.EPISODE, {"tmdb": 618102}, 118102),
    ],
)
def test_a_title_is_found_by_any_of_its_ids(world: World, kind: Kind, ids: dict[str, Any], trakt: int) -> None:
    found = looked(world, kind, **ids)
    assert found is not None
    assert (found.kind, found.ids.trakt) == (kind, trakt)
    assert all(f"type={kind}" in row["query"] for row in world.log())


def test_no_call_names_anybody(world: World) -> None:
    world.link()
    world.forget_log()
    world.service.lookup.resolve(LIES)
    assert [row["user"] for row in world.log()] == [None, None]


def test_ids_that_the_found_title_carries_itself_cost_nothing_more(world: World) -> None:
    looked(world, Kind.SHOW, imdb=DARK.imdb, tmdb=DARK.tmdb, tvdb=DARK.tvdb)
    assert len(world.log()) == 1


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        (Kind.MOVIE, {"imdb": "tt0113277", "tmdb": 11000}),  # another film
        (Kind.MOVIE, {"imdb": "tt0113277", "tmdb": 999999}),  # nothing, and Heat says otherwise
        (Kind.MOVIE, {"imdb": "tt5753856"}),  # a show
        (Kind.MOVIE, {"tmdb": 70523}),
        (Kind.SHOW, {"tvdb": 334824, "tmdb": 949}),
        (Kind.SHOW, {"tvdb": 1}),
        (Kind.MOVIE, {"tvdb": 334824}),  # Trakt knows no films by tvdb
        (Kind.MOVIE, {"slug": "heat-1995"}),
    ],
)
def test_ids_that_disagree_or_are_unknown_are_nothing(world: World, kind: Kind, ids: dict[str, Any]) -> None:
    assert looked(world, kind, **ids) is None


def test_a_film_is_never_asked_for_by_tvdb(world: World) -> None:
    looked(world, Kind.MOVIE, tvdb=334824)
    assert world.log() == []


def test_an_episode_without_ids_is_found_by_its_show_and_numbers(world: World) -> None:
    found = world.service.lookup.resolve(LIES)
    assert found is not None
    assert found.ids.trakt == 118102
    assert found.show is not None
    assert found.show.trakt == 118
    assert world.asked() == ["GET /search/tvdb/334824", "GET /shows/118/seasons"]
    for number in (1, 3):
        assert world.service.lookup.resolve(Ref(Kind.EPISODE, show=Ids(tvdb=334824), season=1, number=number))
    assert len(world.log()) == 2, "all others of the show are known then"


def test_an_episode_whose_imdb_id_finds_nothing_is_found_by_its_show(world: World) -> None:
    claim = Ref(Kind.EPISODE, Ids(imdb="tt9118102"), DARK, 1, 2)
    found = world.service.lookup.resolve(claim)
    assert found is not None
    assert found.ids.trakt == 118102
    assert world.asked()[0] == "GET /search/imdb/tt9118102"


def test_an_episode_whose_own_id_is_another_ones_is_not_told_by_its_numbers(world: World) -> None:
    claim = Ref(Kind.EPISODE, Ids(tvdb=1), DARK, 1, 2)
    assert world.service.lookup.resolve(claim) is None


@pytest.mark.parametrize("change", [{"season": 9}, {"number": 99}, {"show": Ids(tvdb=1)}])
def test_an_episode_that_is_not_there_is_nothing(world: World, change: dict[str, Any]) -> None:
    parts: dict[str, Any] = {"show": DARK, "season": 1, "number": 2} | change
    assert world.service.lookup.resolve(Ref(Kind.EPISODE, **parts)) is None


def test_a_season_is_nothing_that_can_be_looked_up(world: World) -> None:
    assert looked(world, Kind.SEASON, tmdb=41181) is None
    assert world.log() == []


@pytest.mark.parametrize("ids", [{"tmdb": 949}, {"tmdb": 999999}, {"imdb": "tt5753856"}])
def test_an_answer_is_kept_for_seven_days_also_a_negative_one_and_over_a_restart(
    world: World, ids: dict[str, Any]
) -> None:
    first = looked(world, Kind.MOVIE, **ids)
    world.later(days=6, hours=23)
    world.restart()
    assert looked(world, Kind.MOVIE, **ids) == first
    assert len(world.log()) == 1
    world.later(hours=2)
    assert looked(world, Kind.MOVIE, **ids) == first
    assert len(world.log()) == 2


def test_what_is_old_can_be_forgotten(world: World) -> None:
    looked(world, Kind.MOVIE, tmdb=949)
    world.later(days=8)
    looked(world, Kind.MOVIE, tmdb=11000)
    with world.store.write() as db:
        assert Lookups(db).forget(world.clock.now()) == 1


@pytest.mark.parametrize(
    ("fault", "args", "kind"),
    [
        ("status", {"status": 503, "times": 3}, Outage),
        ("html", {}, BadAnswer),
        ("truncated", {"length": "cut"}, BadAnswer),
        ("wrong_types", {}, BadAnswer),
        ("empty", {"body": '[{"type": 5}]'}, BadAnswer),
    ],
)
def test_trouble_is_no_answer_and_is_not_kept(
    world: World, fault: str, args: dict[str, Any], kind: type[SidetraktError]
) -> None:
    world.fault(fault, **args)
    with pytest.raises(kind):
        looked(world, Kind.MOVIE, tmdb=949)
    assert looked(world, Kind.MOVIE, tmdb=949) is not None


@pytest.mark.parametrize(
    "body",
    [
        '[{"type": "movie", "movie": {"title": "Another", "ids": {"trakt": 1000, "tmdb": 11000}}}]',
        '[{"type": "movie", "movie": {"title": "Another", "ids": {"trakt": 1000}}}]',
        '[{"type": "show", "show": {"title": "Another", "ids": {"trakt": 119, "tmdb": 949}}}]',
        '[{"type": "movie", "show": {"ids": {"trakt": 119, "tmdb": 949}}}]',
        '[{"type": "movie", "movie": {"ids": {}}}]',
    ],
)
def test_an_answer_about_another_title_is_not_believed_and_not_kept(world: World, body: str) -> None:
    world.fault("empty", body=body)
    assert looked(world, Kind.MOVIE, tmdb=949) is None
    found = looked(world, Kind.MOVIE, tmdb=949)
    assert found is not None
    assert found.ids.trakt == 345


def test_two_answers_for_one_id_are_none(world: World) -> None:
    one, other = (f'{{"type": "movie", "movie": {{"ids": {{"trakt": {n}, "tmdb": 949}}}}}}' for n in (345, 346))
    world.fault("empty", body=f"[{one}, {other}]")
    assert looked(world, Kind.MOVIE, tmdb=949) is None


def test_an_answer_that_another_version_kept_is_asked_for_anew(world: World) -> None:
    with world.store.write() as db:
        Lookups(db).put("movie tmdb 949", b'{"other": 1}', world.clock.now())
    assert looked(world, Kind.MOVIE, tmdb=949) is not None


def test_an_empty_list_of_seasons_is_not_kept(world: World) -> None:
    world.fault("empty", body="[]", path="seasons")
    assert world.service.lookup.resolve(LIES) is None
    assert world.service.lookup.resolve(LIES) is not None


def test_a_look_up_of_somebody_who_waits_goes_first_and_all_share_one_bucket(world: World) -> None:
    lookup = Lookup(world.service.client, world.store, world.clock)
    began = world.clock.now()
    for number in range(1000, 1010):
        lookup.resolve(Ref(Kind.MOVIE, Ids(tmdb=number + 10_000)))
    assert (world.clock.now() - began).total_seconds() >= 9 * 0.3
    before = world.clock.now()
    assert lookup.resolve(Ref(Kind.MOVIE, Ids(tmdb=949)), urgent=True)
    assert (world.clock.now() - before).total_seconds() < 1
