from dataclasses import replace
from datetime import datetime

from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.store.baseline import Agreed, Baseline, Seen, SideState
from sidecar.store.db import Store
from sidecar.store.people import People
from sidecar.store.titles import Titles


def title(store: Store, number: int = 1) -> int:
    with store.write() as db:
        return Titles(db).learn(Ref(Kind.MOVIE, Ids(trakt=number)))[0]


def test_a_side_has_one_number_for_ever(store: Store) -> None:
    with store.write() as db:
        baseline = Baseline(db)
        first = baseline.side("jellyfin:s:u")
        assert baseline.side("trakt:uuid") != first
        assert baseline.side("jellyfin:s:u") == first


def test_agreed_values_come_back_and_removed_is_a_value(store: Store, now: datetime) -> None:
    movie = title(store)
    with store.write() as db:
        anna, ben = People(db).add("Anna", now), People(db).add("Ben", now)
        baseline = Baseline(db)
        side = baseline.side("trakt:uuid")
        baseline.put_agreed(anna.id, Feature.RATINGS, {movie: Agreed(8, now, side)})
        assert baseline.agreed(anna.id, Feature.RATINGS) == {movie: Agreed(8, now, side)}
        baseline.put_agreed(anna.id, Feature.RATINGS, {movie: Agreed(None, now, side)})
        assert baseline.agreed(anna.id, Feature.RATINGS) == {movie: Agreed(None, now, side)}
        assert baseline.agreed(anna.id, Feature.HISTORY) == {}
        assert baseline.agreed(ben.id, Feature.RATINGS) == {}


def test_what_a_side_showed_comes_back_whole(store: Store, now: datetime) -> None:
    movie = title(store)
    row = Seen({"played": True}, ("a", "b"), kept_since=now, expected={"count": 2}, ours=["2026"])
    with store.write() as db:
        baseline = Baseline(db)
        side = baseline.side("jellyfin:s:u")
        baseline.put_seen(side, Feature.HISTORY, {movie: row})
        assert baseline.seen(side, Feature.HISTORY) == {movie: row}
        baseline.put_seen(side, Feature.HISTORY, {movie: replace(row, expected=None, kept_since=None)})
        assert baseline.seen(side, Feature.HISTORY)[movie].expected is None
        baseline.forget_seen(side, Feature.HISTORY, [movie])
        assert baseline.seen(side, Feature.HISTORY) == {}


def test_sides_keep_their_own_marks_by_feature(store: Store, now: datetime) -> None:
    with store.write() as db:
        baseline = Baseline(db)
        side = baseline.side("trakt:uuid")
        assert baseline.state(side, Feature.HISTORY) == SideState()
        state = SideState(joined_at=now, mark={"watched_at": "T"}, read_at=now)
        baseline.set_state(side, Feature.HISTORY, state)
        assert baseline.state(side, Feature.HISTORY) == state
        assert baseline.state(side, Feature.RATINGS) == SideState()


def test_agreed_and_seen_move_together_or_not_at_all(store: Store, now: datetime) -> None:
    movie = title(store)
    with store.write() as db:
        anna = People(db).add("Anna", now)
        side = Baseline(db).side("trakt:uuid")
    try:
        with store.write() as db:
            Baseline(db).put_agreed(anna.id, Feature.HISTORY, {movie: Agreed(True, now, side)})
            Baseline(db).put_seen(side, Feature.HISTORY, {movie: Seen(True)})
            raise InterruptedError
    except InterruptedError:
        pass
    with store.read() as db:
        assert Baseline(db).agreed(anna.id, Feature.HISTORY) == {}
        assert Baseline(db).seen(side, Feature.HISTORY) == {}
