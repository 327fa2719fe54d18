"""The nine members over one account of a server."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest

from sidecar.contract import Fact, Index, Listed, Outcome, Plays, Rating, Scope, State, Watched
from sidecar.errors import AuthLost, Outage, RateLimited, RemoteError, Unreachable, UserError
from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.servers.hands import Reading
from sidecar.servers.inventory import Inventory
from sidecar.servers.pace import Pace
from sidecar.servers.rows import Row
from sidecar.servers.side import ServerSide
from sidecar.servers.writing import Writing
from sidecar.store.db import Store
from tests.fakes import FakeClock
from tests.servers.hand import AT, NAME, Hand, double, episode, movie

SEEN = Plays((AT,))
AWAY = Unreachable(NAME, f"{NAME} cannot be reached.", "Check that it runs.")

MakeSide = Callable[..., tuple[ServerSide, Hand]]


@pytest.fixture
def side_of(store: Store, account: int, clock: FakeClock, inventory: Inventory) -> MakeSide:
    def make(*rows: Row) -> tuple[ServerSide, Hand]:
        hand = Hand(*rows)
        inventory.note(rows)
        writing = Writing(account, hand, Pace(4, clock, lambda seconds: seconds > 10), store, clock)
        return ServerSide("anna@den", hand, inventory, writing, clock=clock), hand

    return make


@pytest.fixture
def nobody(clock: FakeClock, inventory: Inventory) -> ServerSide:
    return ServerSide("anna@den", None, inventory, None, clock=clock, kind="plex")


def ref(number: int) -> Ref:
    return Ref(Kind.MOVIE, Ids(trakt=number, tmdb=number))


# Without a token


def test_without_a_token_a_side_can_be_listed_and_says_what_to_do(nobody: ServerSide) -> None:
    assert (nobody.name(), nobody.label(), nobody.capabilities()) == ("plex", "anna@den", {})
    assert nobody.features() == frozenset(Feature)  # whoever asks for one is told what is missing
    assert not nobody.is_configured()
    health = nobody.health()
    assert health.state is State.NOT_SET_UP
    assert "no token for anna@den" in health.what
    assert "sidetrakt account anna@den" in health.next_step


@pytest.mark.parametrize(
    "ask",
    [
        lambda side: side.build_index(Feature.HISTORY),
        lambda side: side.build_index(Feature.HISTORY, only=[ref(1)]),
        lambda side: side.add([Fact(ref(1), SEEN)], Feature.HISTORY),
        lambda side: side.remove([Fact(ref(1), SEEN)], Feature.HISTORY),
    ],
)
def test_without_a_token_nothing_is_read_or_written(ask: Callable[[ServerSide], object], nobody: ServerSide) -> None:
    with pytest.raises(UserError, match="no token for anna@den"):
        ask(nobody)


# With one


def test_it_speaks_of_itself_without_a_request(side_of: MakeSide) -> None:
    side, hand = side_of()
    assert (side.name(), side.label(), side.is_configured()) == ("hand", "anna@den", True)
    assert side.features() == frozenset(Feature)
    del hand.can["watchlist"]
    assert side.features() == frozenset(Feature) - {Feature.WATCHLIST}
    assert json.loads(json.dumps(side.capabilities())) == side.capabilities()
    assert hand.asked == 0


@pytest.mark.parametrize(
    ("problem", "state"),
    [
        (AWAY, State.UNREACHABLE),
        (AuthLost(NAME, "No.", status=401), State.AUTH),
        (Outage(NAME, "Ill.", status=503), State.OUTAGE),
        (RateLimited(NAME, "Slowly.", status=429, retry_at=AT), State.RATE_LIMITED),
    ],
)
def test_its_health_costs_one_request_and_has_a_sentence(problem: RemoteError, state: State, side_of: MakeSide) -> None:
    side, hand = side_of()
    assert side.health().state is State.OK
    assert side.health().facts == {"version": "1"}
    hand.asked, hand.reading = 0, problem
    health = side.health()
    assert (health.state, health.what, health.until) == (state, problem.what, problem.retry_at)
    assert hand.asked == 1


def test_a_complete_read_says_what_it_covers(side_of: MakeSide, clock: FakeClock) -> None:
    side, hand = side_of()
    rows = [movie(1, played=True), movie(2, rating=8.0), double(1, "d", played=True)]
    hand.reading = Reading(rows, Scope.FULL, frozenset({"1", "2"}), "mark")
    index = side.build_index(Feature.HISTORY)
    one, *two = index.facts
    assert (one.ref, one.items) == (movie(1).refs[0], ("m1",))
    assert [fact.ref for fact in two] == [episode(1), episode(2)]
    assert index == Index(
        Feature.HISTORY,
        [one, *two],
        Scope.FULL,
        complete=True,
        read_at=clock.now(),
        mark="mark",
        libraries=frozenset({"1", "2"}),
        requests=1,
    )


def test_a_read_that_lacks_something_says_the_first_reason_and_leaves_no_mark(side_of: MakeSide) -> None:
    side, hand = side_of()
    hand.reading = Reading([movie(1, played=True)], mark="mark")
    hand.reading.lacks("a scan is running")
    hand.reading.lacks("a page was short")
    index = side.build_index(Feature.HISTORY)
    assert (index.complete, index.why, index.mark, len(index.facts)) == (False, "a scan is running", None, 1)


@pytest.mark.parametrize("scope", [Scope.UNCHANGED, Scope.PART])
def test_a_mark_saves_the_complete_read_where_the_server_can_tell(scope: Scope, side_of: MakeSide) -> None:
    side, hand = side_of()
    hand.reading, hand.moved = Reading(mark="all"), Reading(scope=scope, mark="moved")
    index = side.build_index(Feature.HISTORY, since="before")
    assert (index.scope, index.mark, index.requests) == (scope, "moved", 1)
    hand.moved = None
    assert side.build_index(Feature.HISTORY, since="before").mark == "all"
    assert side.build_index(Feature.HISTORY).mark == "all"


@pytest.mark.parametrize("since", [None, "before"])
@pytest.mark.parametrize("where", ["moved", "reading"])
def test_an_error_in_the_middle_makes_it_incomplete_and_concludes_nothing(
    since: str | None, where: str, side_of: MakeSide
) -> None:
    side, hand = side_of()
    setattr(hand, where, AWAY)
    index = side.build_index(Feature.HISTORY, since=since)
    if where == "reading" or since:
        assert (index.complete, index.why, index.mark, list(index.facts)) == (False, AWAY.what, None, [])


def test_a_mistake_of_ours_is_not_hidden_as_an_incomplete_read(side_of: MakeSide) -> None:
    side, hand = side_of()
    hand.reading = None  # type: ignore[assignment]
    with pytest.raises(AssertionError):
        side.build_index(Feature.HISTORY)


# Some titles


def test_a_read_of_some_titles_tells_what_is_there_with_and_without_a_value(side_of: MakeSide) -> None:
    side, hand = side_of(movie(1, played=True), movie(1, "m1b"), movie(2), movie(3, played=True), double(1, "d"))
    index = side.build_index(Feature.HISTORY, since="ignored", only=[ref(1), ref(2), ref(9), episode(2)])
    (fact,) = index.facts
    assert (fact.ref, fact.items) == (ref(1), ("m1", "m1b"))
    assert fact.value == Watched((movie(1, played=True).copy, movie(1, "m1b").copy))
    assert index.there == {"m1", "m1b", "m2", "d"}
    assert (index.scope, index.complete, index.mark, index.requests) == (Scope.ONLY, True, None, 1)
    assert hand.asked == 1


def test_an_item_that_is_gone_is_not_there(side_of: MakeSide) -> None:
    side, hand = side_of(movie(1, played=True), movie(2))
    del hand.rows["m1"]
    index = side.build_index(Feature.HISTORY, only=[ref(1), ref(2)])
    assert list(index.facts) == []
    assert index.there == {"m2"}
    assert index.complete


def test_an_id_that_is_another_title_now_says_nothing_about_the_former(side_of: MakeSide) -> None:
    side, hand = side_of(movie(1, played=True))
    hand.rows["m1"] = movie(77, "m1")
    index = side.build_index(Feature.HISTORY, only=[ref(1)])
    assert (list(index.facts), index.there) == ([], frozenset())


def test_a_hundred_are_asked_for_at_once_and_an_error_in_the_middle_is_told(side_of: MakeSide) -> None:
    side, hand = side_of(*(movie(number, played=True) for number in range(1, 251)))
    only = [ref(number) for number in range(1, 251)]
    index = side.build_index(Feature.HISTORY, only=only)
    assert (len(index.facts), index.requests) == (250, 3)
    hand.blind = [None, AWAY]
    index = side.build_index(Feature.HISTORY, only=only)
    assert (len(index.facts), len(index.there), index.complete, index.why) == (100, 100, False, AWAY.what)
    assert side.build_index(Feature.HISTORY, only=[]).requests == 0


# Writing


def test_the_items_of_a_title_are_found_and_those_that_are_named_are_taken(side_of: MakeSide) -> None:
    side, hand = side_of(movie(1), movie(1, "m1b"), movie(2), movie(2, "m2b"))
    facts = [Fact(ref(1), SEEN), Fact(ref(2), SEEN, ("m2b",)), Fact(ref(9), SEEN)]
    receipts = side.add(facts, Feature.HISTORY)
    assert [receipt.fact for receipt in receipts] == facts
    assert [receipt.outcome for receipt in receipts] == [Outcome.DONE, Outcome.DONE, Outcome.NOT_FOUND]
    assert hand.calls == [("put", "m1"), ("put", "m1b"), ("put", "m2b")]
    assert [receipt.outcome for receipt in side.remove(facts[:2], Feature.HISTORY)] == [Outcome.DONE] * 2
    assert hand.calls[3:] == [("take", "m1"), ("take", "m1b"), ("take", "m2b")]


def test_a_named_item_that_is_another_title_now_is_not_written(side_of: MakeSide) -> None:
    side, hand = side_of(movie(1), movie(2))
    hand.rows["m1"] = msgspec.structs.replace(movie(77), copy=movie(1).copy)
    receipts = side.add([Fact(ref(1), SEEN, ("m1",)), Fact(ref(2), SEEN)], Feature.HISTORY)
    assert [receipt.outcome for receipt in receipts] == [Outcome.NOT_FOUND, Outcome.DONE]
    assert hand.calls == [("put", "m2")]


def test_an_item_that_was_matched_by_hand_is_written_though_it_claims_otherwise(side_of: MakeSide) -> None:
    side, hand = side_of(movie(1))
    (receipt,) = side.add([Fact(ref(5), Rating(8), ("m1",))], Feature.RATINGS)
    assert (receipt.outcome, hand.calls) == (Outcome.DONE, [("put", "m1")])


def test_a_dry_run_asks_nobody(side_of: MakeSide) -> None:
    side, hand = side_of(movie(1))
    assert side.add([Fact(ref(1), Listed())], Feature.WATCHLIST, dry_run=True)[0].seen == ["POST /watchlist/m1"]
    assert side.remove([Fact(ref(1), Listed())], Feature.WATCHLIST, dry_run=True)[0].seen == ["DELETE /watchlist/m1"]
    assert hand.asked == 0
