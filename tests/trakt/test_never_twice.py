"""Whatever happens to the answers: each play is there once, or its receipt says that it may not be."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.contract import Fact, Outcome, Receipt
from sidecar.model import Feature, Ids, Kind, Ref
from tests.contract import VALUES
from tests.fakes import START
from tests.trakt.conftest import DARK, HEAT, Simulator, World, film, living, part, play

BASE = START - timedelta(days=400)
LOST = {"name": "lost"}
AFTER = {"name": "status", "status": 502, "when": "after"}
BEFORE = {"name": "status", "status": 503}
CUT = {"name": "truncated", "length": "cut"}
FULL = {"name": "truncated", "length": "full"}
PAGE = {"name": "html"}
RESET = {"name": "reset"}
GATEWAY = {"name": "status", "status": 522, "body": "html", "when": "after"}
TWICE = {"name": "status", "status": 409, "when": "after"}
FAULTS = [LOST, AFTER, BEFORE, CUT, FULL, PAGE, RESET, GATEWAY, TWICE]


def counts(world: World) -> Counter[tuple[int, datetime]]:
    """Every play there is, by title and minute, straight from the simulator's shelf."""
    account = world.simulator.control.state()["anna"]
    assert account["history"] <= 100, "the state shows no more"
    return Counter((row.get("movie") or row["episode"], datetime.fromisoformat(row["at"])) for row in account["plays"])


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_after_a_doubtful_answer_it_looks_before_it_repeats(world: World, fault: dict[str, Any]) -> None:
    side = world.side()
    world.fault(**fault, method="POST")
    facts = [play(film(1000 + n), BASE + timedelta(hours=n)) for n in range(60)]
    receipts = side.add(facts, Feature.HISTORY)
    assert {receipt.outcome for receipt in receipts} == {Outcome.DONE}
    assert counts(world) == Counter({(1000 + n, BASE + timedelta(hours=n)): 1 for n in range(60)})
    asked = world.asked()
    assert asked[:2] == ["POST /sync/history", "GET /sync/history"]
    done_at_once = fault in (LOST, AFTER, CUT, FULL, GATEWAY, TWICE)
    halved = fault is BEFORE
    assert asked[2:] == ([] if done_at_once else ["POST /sync/history"] * (2 if halved else 1))


@pytest.mark.parametrize(
    "ref",
    [
        Ref(Kind.MOVIE, Ids(imdb="tt7777777", tmdb=949)),  # Trakt passes over an id that it does not know
        Ref(Kind.MOVIE, Ids(imdb="tt0113277", tmdb=11_000)),  # and believes the first of two that disagree
        Ref(Kind.EPISODE, Ids(tvdb=818102), DARK, 1, 3),
        Ref(Kind.EPISODE, Ids(tmdb=618102)),
    ],
)
def test_a_title_is_found_again_by_whatever_id_trakt_believed(world: World, ref: Ref) -> None:
    side = world.side()
    world.fault("lost", method="POST", times=2)
    (receipt,) = side.add([play(ref, BASE)], Feature.HISTORY)
    assert receipt.outcome is Outcome.DONE
    assert world.state()["history"] == 1
    assert receipt.remote == str(world.state()["plays"][0]["id"])


def test_a_lost_answer_twice_leaves_exactly_one_play_each(world: World) -> None:
    side = world.side()
    world.fault("lost", method="POST", times=2)
    facts = [play(film(1000 + n), BASE + timedelta(hours=n)) for n in range(90)]
    assert {receipt.outcome for receipt in side.add(facts, Feature.HISTORY)} == {Outcome.DONE}
    assert {receipt.outcome for receipt in world.side().add([play(HEAT, BASE)], Feature.HISTORY)} == {Outcome.DONE}
    assert set(counts(world).values()) == {1}
    assert world.state()["history"] == 91


def test_what_took_too_long_is_not_repeated_while_it_may_still_be_carried_out(world: World) -> None:
    world.restart(bulk_timeout=0.2)
    side = world.side()
    world.fault("slow", seconds=30.0, method="POST")
    receipts = side.add([play(HEAT, BASE), play(part(1), BASE)], Feature.HISTORY)
    assert [receipt.outcome for receipt in receipts] == [Outcome.UNKNOWN] * 2
    assert len(world.asked("POST")) == 0  # it is still on its way
    before = world.control.count
    world.calm()  # now it gets through
    world.control.rows(since=before, wait=5)
    assert set(counts(world).values()) == {1}


def test_what_cannot_be_looked_up_stays_unknown_and_nothing_more_is_sent(world: World) -> None:
    side = world.side()
    world.fault("lost", method="POST")
    world.fault("status", status=500, method="GET", times=None)
    receipts = side.add([play(film(1000 + n % 250), BASE + timedelta(hours=n)) for n in range(250)], Feature.HISTORY)
    assert [receipt.outcome for receipt in receipts] == [Outcome.UNKNOWN] * 100 + [Outcome.REFUSED] * 150
    assert len(world.asked("POST")) == 1
    assert world.state()["history"] == 100


def test_an_unlinked_account_while_it_is_looked_up_loses_no_receipt(world: World) -> None:
    side = world.side()
    world.fault("lost", method="POST")
    world.on_rest = lambda: world.act("revoke_tokens")
    receipts = side.add([play(HEAT, BASE)], Feature.HISTORY)
    assert [receipt.outcome for receipt in receipts] == [Outcome.UNKNOWN]
    assert world.state()["history"] == 1


def test_told_to_stop_in_doubt_it_says_unknown(world: World) -> None:
    side = world.side()
    world.fault("lost", method="POST")
    world.stop = True
    receipts = side.add([play(HEAT, BASE)], Feature.HISTORY)
    assert [receipt.outcome for receipt in receipts] == [Outcome.UNKNOWN]


def test_an_outage_that_lasts_is_given_up_soon_and_nothing_is_there(world: World) -> None:
    side = world.side()
    world.fault("status", status=502, method="POST", times=None)
    facts = [play(film(1000 + n % 250), BASE + timedelta(hours=n)) for n in range(500)]
    receipts = side.add(facts, Feature.HISTORY)
    assert {receipt.outcome for receipt in receipts} == {Outcome.REFUSED}
    assert len(world.asked("POST")) <= 10
    assert world.state()["history"] == 0


def test_one_title_that_breaks_trakt_is_found_by_halving(world: World) -> None:
    side = world.side()
    poison = 1000 + 37
    write = world.service.client.write

    def guarded(account: str, feature: str, body: dict[str, Any], **more: Any) -> Any:
        world.calm()  # only what holds that film is answered 500
        if any(entry["ids"].get("trakt") == poison for entry in body.get("movies", [])):
            world.fault("status", status=500, method="POST")
        return write(account, feature, body, **more)

    world.service.client.write = guarded  # type: ignore[method-assign]
    receipts = side.add([play(film(1000 + n), BASE + timedelta(hours=n)) for n in range(200)], Feature.HISTORY)
    assert Counter(receipt.outcome for receipt in receipts) == {Outcome.DONE: 199, Outcome.REFUSED: 1}
    assert receipts[37].outcome is Outcome.REFUSED
    assert world.state()["history"] == 199


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault is not TWICE], ids=str)
@pytest.mark.parametrize("feature", [Feature.RATINGS, Feature.WATCHLIST, Feature.COLLECTION])
def test_what_may_be_repeated_is_repeated(world: World, feature: Feature, fault: dict[str, Any]) -> None:
    side = world.side()
    world.fault(**fault, method="POST")
    facts = [Fact(ref, VALUES[feature]) for ref in (HEAT, part(1), film(1000))]
    assert {receipt.outcome for receipt in side.add(facts, feature)} == {Outcome.DONE}
    assert len(world.side().build_index(feature).facts) == 3
    world.fault(**fault, method="POST")
    assert {receipt.outcome for receipt in world.side().remove(facts, feature)} == {Outcome.DONE}
    assert world.side().build_index(feature).facts == []


@pytest.fixture(scope="module")
def worlds(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Any]:
    """Makes a new world for each example; hypothesis has many within one test."""
    return lambda: living(simulator, tmp_path_factory.mktemp("world") / "data")


TITLES = [HEAT, film(1000), film(1001), part(1), part(2)]
PLAYS = st.lists(
    st.tuples(st.integers(0, len(TITLES) - 1), st.one_of(st.none(), st.integers(0, 40))), min_size=1, max_size=25
)
TROUBLE = st.lists(
    st.tuples(st.sampled_from([*FAULTS, None]), st.integers(0, 2)), max_size=8
)  # and on which request after the last one


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(plays=PLAYS, trouble=TROUBLE, cut=st.integers(2, 12), looks=st.integers(0, 3))
def test_whatever_happens_to_the_answers_no_play_is_there_twice(
    worlds: Any,
    monkeypatch: pytest.MonkeyPatch,
    plays: list[tuple[int, int | None]],
    trouble: list[tuple[dict[str, Any] | None, int]],
    cut: int,
    looks: int,
) -> None:
    monkeypatch.setattr("sidecar.trakt.push.BATCH", cut)
    with worlds() as world:
        side = world.side()
        for fault, after in trouble:
            if fault is not None:
                world.fault(**fault, method="POST", after=after)
        if looks == 3:
            world.fault("status", status=500, method="GET", after=2, times=3)
        facts = [play(TITLES[n], None if at is None else BASE + timedelta(minutes=at)) for n, at in plays]
        receipts = side.add(facts, Feature.HISTORY)
        world.calm()
        there = counts(world)
        assert set(there.values()) <= {1}, there
        for (number, at), receipt in zip(plays, receipts, strict=True):
            minute = datetime.fromisoformat("1970-01-01T00:00:00Z") if at is None else BASE + timedelta(minutes=at)
            trakt = TITLES[number].ids.trakt
            assert trakt is not None
            assert holds(receipt, there[trakt, minute]), receipt
        final = world.side().add(
            [fact for fact, told in zip(facts, receipts, strict=True) if told.outcome is Outcome.REFUSED],
            Feature.HISTORY,
        )
        assert all(receipt.outcome is Outcome.DONE for receipt in final)
        assert set(counts(world).values()) == {1}


def holds(receipt: Receipt, plays: int) -> bool:
    """Whether a receipt says the truth: done is there, refused is not, unknown may be."""
    return {Outcome.DONE: plays == 1, Outcome.REFUSED: plays == 0, Outcome.UNKNOWN: True}[receipt.outcome]
