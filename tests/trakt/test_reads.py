"""Reading costs what it must, and what was not whole never looks whole."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from sidecar.contract import Collected, Fact, Index, Listed, Media, Plays, Rating, Scope
from sidecar.demo.catalogue import Catalogue, Movie
from sidecar.demo.catalogue import Ids as CatalogueIds
from sidecar.errors import BadAnswer, Outage, RemoteError
from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.store.titles import Titles
from sidecar.trakt.reads import Known, Reads, same_title
from tests.demo.trakt.conftest import catalogue
from tests.fakes import START
from tests.trakt.conftest import DARK, HEAT, World, film, living, part, play, serving

FILMS = [{"ids": {"trakt": number}} for number in range(1000, 1300)]
STAMPS = "GET /sync/last_activities"


def learn(world: World, index: Index) -> None:
    """What a run keeps of the titles that it read."""
    with world.store.write() as db:
        for fact in index.facts:
            Titles(db).learn(fact.ref)


def plays(index: Index) -> dict[int | None, list[datetime | None]]:
    return {fact.ref.ids.trakt: sorted(fact.value.minutes, key=str) for fact in index.facts}


def watch(world: World, trakt: int, at: str, kind: str = "movies") -> None:
    said: dict[str, Any] = {kind: [{"ids": {"trakt": trakt}, "watched_at": at}]}
    world.act("watch", **said)


def test_when_nothing_changed_one_request_answers_for_all_features(world: World) -> None:
    world.act("seed_history", count=600)
    world.act("rate", movies=[{"ids": {"trakt": 345}, "rating": 8}])
    side = world.side()
    marks = {feature: side.build_index(feature).mark for feature in Feature}
    side = world.side()
    world.forget_log()
    indexes = [side.build_index(feature, since=marks[feature]) for feature in Feature]
    assert {index.scope for index in indexes} == {Scope.UNCHANGED}
    assert world.asked() == [STAMPS]
    assert sum(index.requests for index in indexes) == 1


def test_what_was_deleted_there_is_absent_in_the_next_index(world: World) -> None:
    watch(world, 345, "2026-01-30T20:15:00Z")
    watch(world, 1000, "2026-01-29T20:15:00Z")
    first = world.side().build_index(Feature.HISTORY)
    assert plays(first).keys() == {345, 1000}
    learn(world, first)
    world.act("unwatch", movies=[{"ids": {"trakt": 345}}])
    second = world.side().build_index(Feature.HISTORY, since=first.mark)
    assert (set(plays(second)), second.complete, second.scope) == ({1000}, True, Scope.FULL)


def test_every_id_that_trakt_has_comes_along(world: World) -> None:
    world.act("rate", shows=[{"ids": {"trakt": 118}, "rating": 9}], movies=[{"ids": {"trakt": 346}, "rating": 2}])
    watch(world, 118102, "2026-01-30T20:15:00Z", "episodes")
    ratings = {fact.ref.ids.trakt: fact.ref for fact in world.side().build_index(Feature.RATINGS).facts}
    assert ratings[118].ids == Ids(118, "tt5753856", 70523, 334824, "dark")
    assert ratings[346].ids == Ids(346)
    (episode,) = world.side().build_index(Feature.HISTORY).facts
    assert episode.ref.ids == Ids(118102, "tt9118102", 618102, 818102) or episode.ref.ids.tvdb
    assert episode.ref.show == Ids(118, "tt5753856", 70523, 334824, "dark")
    assert (episode.ref.season, episode.ref.number, episode.ref.name) == (1, 2, "Dark")
    assert same_title(ratings[118], Ref(Kind.SHOW, Ids(tmdb=70523)))
    assert not same_title(ratings[118], Ref(Kind.MOVIE, Ids(tmdb=70523)))


def test_a_watchlist_of_260_takes_two_requests(world: World) -> None:
    world.act("list", movies=FILMS[:260])
    index = world.side().build_index(Feature.WATCHLIST)
    assert (len(index.facts), index.complete) == (260, True)
    assert len(world.log("GET", "/sync/watchlist")) == 2
    assert all(isinstance(fact.value, Listed) and fact.value.at for fact in index.facts)


def test_5300_ratings_are_all_read_and_a_page_that_stays_broken_aborts_it(tmp_path: Path) -> None:
    films = tuple(Movie(CatalogueIds(n, f"f-{n}"), f"F {n}", 2000, 90, date(2000, 1, 1), ()) for n in range(1, 5301))
    small = catalogue()
    many = Catalogue(small.seed, films, (), (), (), small.people)
    with serving(many, None) as simulator, living(simulator, tmp_path / "data") as world:
        side = world.side()
        world.act("rate", movies=[{"ids": {"trakt": n}, "rating": n % 10 + 1} for n in range(1, 5301)])
        index = side.build_index(Feature.RATINGS)
        assert (len(index.facts), index.complete) == (5300, True)
        assert {fact.ref.ids.trakt: fact.value.value for fact in index.facts} == {n: n % 10 + 1 for n in range(1, 5301)}
        assert len(world.log("GET", "/sync/ratings/movies")) == 22
        side = world.side()
        world.forget_log()
        world.fault("status", status=502, path="^/sync/ratings/movies", after=2, times=None)
        with pytest.raises(Outage):
            side.build_index(Feature.RATINGS)
        assert [row["status"] for row in world.log("GET", "/sync/ratings/movies")] == [200, 200, 502, 502, 502]
        assert world.asked("POST") == []


def test_only_ratings_of_the_kinds_that_moved_are_read(world: World) -> None:
    world.act("rate", movies=[{"ids": {"trakt": 345}, "rating": 8}])
    first = world.side().build_index(Feature.RATINGS)
    assert first.kinds is None
    world.forget_log()
    world.act("rate", episodes=[{"ids": {"trakt": 118101}, "rating": 7}])
    second = world.side().build_index(Feature.RATINGS, since=first.mark)
    assert world.asked() == [STAMPS, "GET /sync/ratings/episodes"]
    assert second.kinds == frozenset({Kind.EPISODE})
    assert [(fact.ref.ids.trakt, fact.value.value) for fact in second.facts] == [(118101, 7)]


def test_1050_plays_come_with_the_pages_that_they_fill(world: World) -> None:
    world.act("seed_history", count=1050)
    index = world.side().build_index(Feature.HISTORY)
    assert (sum(fact.value.count for fact in index.facts), index.complete) == (1050, True)
    movies = sum(fact.value.count for fact in index.facts if fact.ref.kind is Kind.MOVIE)
    assert len(world.log("GET", "/sync/history")) <= -(-movies // 250) + -(-(1050 - movies) // 250)
    assert world.log("GET", "/sync/watched") == []


def test_where_titles_are_known_two_maps_are_a_whole_history(world: World) -> None:
    world.act("seed_history", count=1050)
    first = world.side().build_index(Feature.HISTORY)
    learn(world, first)
    side = world.side()
    world.forget_log()
    second = side.build_index(Feature.HISTORY)
    assert (second.complete, second.why) == (True, "")
    assert world.asked() == [STAMPS, "GET /sync/watched/movies", "GET /sync/watched/shows", STAMPS]
    assert plays(second) == plays(first)
    watch(world, 345, "2026-01-31T18:00:00Z")
    side = world.side()
    world.forget_log()
    third = side.build_index(Feature.HISTORY, since=second.mark)
    assert world.asked() == [STAMPS, "GET /sync/watched/movies"]
    assert third.kinds == frozenset({Kind.MOVIE})
    assert datetime(2026, 1, 31, 18, tzinfo=UTC) in plays(third)[345]


@pytest.mark.parametrize(("kind", "trakt"), [("movies", 1299), ("episodes", 118201)])
def test_a_title_that_is_new_to_us_costs_one_request_more(world: World, kind: str, trakt: int) -> None:
    watch(world, 345, "2026-01-01T20:15:00Z")
    watch(world, 118101, "2026-01-01T22:15:00Z", "episodes")
    first = world.side().build_index(Feature.HISTORY)
    learn(world, first)
    watch(world, trakt, "2026-01-31T20:00:00Z", kind)
    side = world.side()
    world.forget_log()
    index = side.build_index(Feature.HISTORY, since=first.mark)
    assert index.complete
    assert plays(index)[trakt] == [datetime(2026, 1, 31, 20, tzinfo=UTC)]
    assert len(world.asked()) == 4  # stamps, map, ids, stamps
    (fact,) = [each for each in index.facts if each.ref.ids.trakt == trakt]
    assert fact.ref.ids.tmdb


def test_new_titles_far_back_are_looked_up_one_by_one(world: World) -> None:
    world.act("seed_history", count=1050, minutes_apart=600)
    days = [f"2020-{month:02}-{day:02}T10:00:00Z" for month in range(1, 13) for day in range(1, 28)]
    world.act("watch", episodes=[{"ids": {"trakt": 118102}, "watched_at": day} for day in days])
    first = world.side().build_index(Feature.HISTORY)
    with world.store.write() as db:
        for fact in first.facts:
            if fact.ref.ids.trakt not in (1010, 118101):
                Titles(db).learn(fact.ref)
    world.act("unwatch", movies=[{"ids": {"trakt": 1010}}], episodes=[{"ids": {"trakt": 118101}}])
    watch(world, 1010, "2001-01-01T10:00:00Z")
    watch(world, 118101, "2001-01-01T10:00:00Z", "episodes")
    side = world.side()
    world.forget_log()
    index = side.build_index(Feature.HISTORY)
    assert index.complete
    assert {1010, 118101} <= plays(index).keys()
    assert [row["path"] for row in world.log() if row["user"] is None] == ["/search/trakt/1010", "/shows/118/seasons"]


@pytest.mark.parametrize("known", [False, True])
def test_a_map_of_numbers_instead_of_ids_is_noticed_and_pages_are_read(world: World, known: bool) -> None:
    world.act("seed_history", count=400)
    first = world.side().build_index(Feature.HISTORY)
    learn(world, first)
    if known:  # a title whose id is such a number
        with world.store.write() as db:
            Titles(db).learn(Ref(Kind.EPISODE, Ids(trakt=1), Ids(trakt=77), 1, 1))
    world.switch(min_keys="numbers")
    index = world.side().build_index(Feature.HISTORY)
    assert index.complete
    assert plays(index) == plays(first)


def test_a_number_that_could_be_an_id_is_not_taken_for_another_shows_episode(world: World) -> None:
    with world.store.write() as db:
        Titles(db).learn(Ref(Kind.EPISODE, Ids(trakt=1), Ids(trakt=77), 1, 1))
    world.switch(min_keys="numbers")
    watch(world, 118101, "2026-01-31T20:00:00Z", "episodes")
    index = world.side().build_index(Feature.HISTORY)
    assert (set(plays(index)), index.complete) == ({118101}, True)


def test_1970_is_a_play_without_a_date(world: World) -> None:
    watch(world, 345, "unknown")
    watch(world, 345, "2026-01-31T20:15:42Z")
    for _ in ("pages", "map"):
        index = world.side().build_index(Feature.HISTORY)
        assert plays(index) == {345: [datetime(2026, 1, 31, 20, 15, tzinfo=UTC), None]}
        learn(world, index)


def test_stamps_are_compared_for_inequality(world: World) -> None:
    watch(world, 345, "2026-01-31T20:00:00Z")
    mark = world.side().build_index(Feature.HISTORY).mark
    for other in ("2036-01-01T00:00:00.000Z", "2006-01-01T00:00:00.000Z", None):
        index = world.side().build_index(Feature.HISTORY, since=mark | {"movies.watched_at": other})
        assert index.scope is Scope.FULL
        assert index.kinds == frozenset({Kind.MOVIE})


@pytest.mark.parametrize("body", ["{}", '{"movies": null}', '{"movies": [], "all": "T"}', "[]", "null"])
def test_stamps_that_say_nothing_are_no_proof_that_nothing_moved(world: World, body: str) -> None:
    side = world.side()
    mark = side.build_index(Feature.HISTORY).mark
    world.fault("empty", body=body, path="last_activities")
    with pytest.raises(BadAnswer):
        world.side().build_index(Feature.HISTORY, since=mark)


def test_a_stamp_that_is_missing_means_that_it_is_read(world: World) -> None:
    watch(world, 345, "2026-01-31T20:00:00Z")
    mark = world.side().build_index(Feature.HISTORY).mark
    world.fault("empty", body=json.dumps({"movies": {}, "episodes": {"watched_at": "T"}}), path="last_activities")
    side = world.side()
    index = side.build_index(Feature.HISTORY, since=mark | {"episodes.watched_at": "T"})
    assert plays(index).keys() == {345}


@pytest.mark.parametrize("feature", list(Feature))
def test_what_changes_while_it_is_read_makes_it_no_snapshot(world: World, feature: Feature) -> None:
    fill(world)
    side, done = world.side(), list[int]()

    def meanwhile() -> None:
        if not done and len(world.log("GET")) >= 2:
            done.append(1)
            touch = {"ids": {"trakt": 1290}, "rating": 3}
            acts = {Feature.HISTORY: "watch", Feature.RATINGS: "rate", Feature.WATCHLIST: "list"}
            world.act(acts.get(feature, "collect"), movies=[touch])

    world.on_rest = meanwhile
    index = side.build_index(feature)
    assert done
    assert not index.complete
    assert "changed while" in index.why or "counted" in index.why
    assert index.mark is None
    world.on_rest = lambda: None
    assert world.side().build_index(feature).complete


def fill(world: World) -> None:
    """More than one page of everything."""
    world.act("seed_history", count=600)
    world.act("rate", movies=[film | {"rating": 5} for film in FILMS[:290]])
    world.act("list", movies=FILMS[:290])
    world.act("collect", movies=FILMS[:290], episodes=[{"ids": {"trakt": 118101}}])


LIES = ["page_count", "no_item_count", "wrong_item_count", "short", "empty", "half", "duplicate"]
WAYS = [*((feature, False) for feature in Feature), (Feature.HISTORY, True)]


@pytest.mark.parametrize(("feature", "by_map"), WAYS)
def test_a_page_that_lies_is_never_taken_for_the_whole(world: World, feature: Feature, by_map: bool) -> None:
    fill(world)
    truth = world.side().build_index(feature)
    assert truth.complete
    if by_map:
        learn(world, truth)
    whole, sizes = set(map(same_key, truth.facts)), {name: size for name, size in truth.mark.items() if "rows" in name}
    believed = 0
    for mode in LIES:
        for after in (0, 1):
            side = world.side()
            world.fault("paging", mode=mode, after=after)
            index = side.build_index(feature, since=sizes)
            world.calm()
            found = set(map(same_key, index.facts))
            # Half a list that says that it is whole, and is hardly smaller than before, looks like any other list.
            assert not index.complete or found == whole or (mode == "half" and len(found) > 0.7 * len(whole)), mode
            assert index.complete == (index.mark is not None)
            believed += index.complete
    assert believed >= 4  # a lie about counts alone does no harm


def same_key(fact: Fact) -> str:
    return f"{fact.ref.kind} {fact.ref.ids.trakt or (fact.ref.season, fact.ref.number)}"


NONSENSE: list[dict[str, Any]] = [
    {"name": "html"},
    {"name": "wrong_types"},
    {"name": "truncated", "length": "cut"},
    {"name": "empty"},
    *({"name": "empty", "body": body} for body in ("{", '"x"', "[[[1]]]", '{"x": 1}', '{"1": 1}', '{"1": ["x"]}')),
]


@pytest.mark.parametrize(("feature", "by_map"), WAYS)
def test_nonsense_is_a_bad_answer_and_no_empty_list(world: World, feature: Feature, by_map: bool) -> None:
    fill(world)
    truth = world.side().build_index(feature)
    if by_map:
        learn(world, truth)
    for fault in NONSENSE:
        side = world.side()
        world.fault(**fault, path="^/sync/(history|ratings|watchlist|collection|watched)/?")
        with pytest.raises(BadAnswer) as bad:
            side.build_index(feature)
        assert bad.value.what.startswith(("Trakt", "Something"))
        world.calm()


@pytest.mark.parametrize("feature", list(Feature))
def test_an_empty_answer_out_of_nothing_is_not_believed(world: World, feature: Feature) -> None:
    fill(world)
    side = world.side()
    world.fault("empty", body="[]", path="^/sync/(history|ratings|watchlist|collection)", times=None)
    assert not side.build_index(feature).complete


def test_a_list_that_lost_much_is_read_again_before_it_is_believed(world: World) -> None:
    world.act("list", movies=FILMS[:100])
    mark = world.side().build_index(Feature.WATCHLIST).mark
    world.act("unlist", movies=FILMS[:1])
    world.fault("paging", mode="half", path="watchlist")
    index = world.side().build_index(Feature.WATCHLIST, since=mark)
    assert not index.complete
    assert "a moment later" in index.why
    world.act("unlist", movies=FILMS[:60])  # and this is true
    index = world.side().build_index(Feature.WATCHLIST, since=mark)
    assert (len(index.facts), index.complete) == (40, True)


def test_plays_of_another_title_are_not_taken_for_this_ones(world: World) -> None:
    watch(world, 1000, "2026-01-31T20:00:00Z")
    row = {"id": 99, "watched_at": "2026-01-31T20:00:00.000Z", "type": "movie", "movie": {"ids": {"trakt": 1001}}}
    headers = {"X-Pagination-Page-Count": "1", "X-Pagination-Item-Count": "1"}
    reads = Reads(Answers([row], headers), "anna", Known(lambda kind, numbers: {}, lambda: True))  # type: ignore[arg-type]
    with pytest.raises(BadAnswer, match="another title"):
        reads.plays_of(film(1000))
    reading = reads.history_of([film(1000), Ref(Kind.MOVIE, Ids(tmdb=5))])
    assert not reading.facts
    assert "another title" in reading.why


class Answers:
    """A Trakt that gives the same page to every question."""

    def __init__(self, rows: Any, headers: dict[str, str]) -> None:
        self.answer = requests.Response()
        self.answer.status_code, self.answer._content = 200, json.dumps(rows).encode()
        self.answer.headers.update(headers)
        self.answer.request = requests.Request("GET", "http://trakt").prepare()

    def __getattr__(self, name: str) -> Any:
        return lambda *_args, **_more: self.answer


@pytest.mark.parametrize(
    ("feature", "row"),
    [
        (Feature.WATCHLIST, {"id": 5, "type": "movie", "movie": None}),
        (Feature.WATCHLIST, {"id": 5, "type": "movie", "movie": {"title": "Heat", "ids": {}}}),
        (Feature.WATCHLIST, {"id": 5, "type": "hologram", "hologram": {"ids": {"trakt": 5}}}),
        (Feature.RATINGS, {"rating": 8, "type": "movie", "movie": {"ids": {"trakt": None}}}),
        (Feature.RATINGS, {"rating": 8, "type": "show", "show": {"ids": {"trakt": 5}}}),
        (Feature.RATINGS, {"rating": None, "type": "movie", "movie": {"ids": {"trakt": 5}}}),
        (Feature.HISTORY, {"id": 5, "type": "movie", "movie": None}),
        (Feature.HISTORY, {"id": 5, "type": "show", "show": {"ids": {"trakt": 5}}}),
        (Feature.COLLECTION, {"type": "movie", "movie": None}),
    ],
)
def test_a_row_without_its_title_makes_it_incomplete(feature: Feature, row: dict[str, Any]) -> None:
    headers = {"X-Pagination-Page-Count": "1", "X-Pagination-Item-Count": "1"}
    reads = Reads(Answers([row], headers), "anna", Known(lambda kind, numbers: {}, lambda: True))  # type: ignore[arg-type]
    reading = reads.read(feature, [Kind.MOVIE])
    assert "title" in reading.why
    assert reading.facts == []


def test_the_collection_comes_with_its_media_data(world: World) -> None:
    at, words = "2026-01-01T10:00:00.000Z", {"media_type": "bluray", "resolution": "uhd_4k", "hdr": "hdr10"}
    world.act("collect", movies=[{"ids": {"trakt": 345}, "collected_at": at, **words}])
    copy = {"number": 2, "collected_at": at, "audio": "dts", "audio_channels": "5.1"}
    world.act("collect", shows=[{"ids": {"trakt": 118}, "seasons": [{"number": 1, "episodes": [copy]}]}])
    index = world.side().build_index(Feature.COLLECTION)
    moment = datetime(2026, 1, 1, 10, tzinfo=UTC)
    heat, episode = index.facts
    assert (heat.ref.ids.tmdb, heat.value) == (949, Collected(moment, Media("bluray", "uhd_4k", "hdr10")))
    assert episode.value == Collected(moment, Media(audio="dts", audio_channels="5.1"))
    assert (episode.ref.show, episode.ref.season, episode.ref.number) == (DARK_TRAKT, 1, 2)
    only = world.side().build_index(Feature.COLLECTION, only=[part(2)])
    assert [fact.ref.number for fact in only.facts] == [2]
    assert not world.side().build_index(Feature.COLLECTION, only=[Ref(Kind.SHOW, DARK)]).complete


DARK_TRAKT = Ids(DARK.trakt, DARK.imdb, DARK.tmdb, DARK.tvdb, "dark")


def test_a_read_of_some_titles_says_what_it_could_not_read(world: World) -> None:
    watch(world, 345, "2026-01-31T20:00:00Z")
    index = world.side().build_index(Feature.HISTORY, only=[HEAT, film(999_999), Ref(Kind.MOVIE, Ids(tmdb=1))])
    assert plays(index).keys() == {345}
    assert not index.complete
    world.fault("status", status=500, path="^/sync/history", times=None)
    with pytest.raises(RemoteError):
        world.side().build_index(Feature.HISTORY, only=[HEAT])


def test_a_first_read_of_20000_plays_stays_within_five_per_cent_of_the_floor(world: World) -> None:
    world.act("seed_history", count=20_000, minutes_apart=300)
    index = world.side().build_index(Feature.HISTORY)
    assert (sum(fact.value.count for fact in index.facts), index.complete) == (20_000, True)
    assert len(world.asked()) == index.requests <= 80 * 1.05
    assert world.rested >= (len(world.asked()) - 2) / 3.33  # within the limits, on the clock


def test_ratings_and_watchlist_carry_their_moments(world: World) -> None:
    at = START - timedelta(days=3)
    world.act("rate", seasons=[{"ids": {"trakt": 1181}, "rating": 6, "rated_at": at.isoformat()}])
    (fact,) = world.side().build_index(Feature.RATINGS).facts
    assert (fact.ref.kind, fact.ref.season, fact.value) == (Kind.SEASON, 1, Rating(6, at))
    assert world.side().build_index(Feature.RATINGS, only=[fact.ref]).facts == [fact]
    assert isinstance(play(HEAT, at).value, Plays)
