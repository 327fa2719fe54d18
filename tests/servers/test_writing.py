"""What is sent to a server, how often, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.contract import Fact, Listed, Outcome, Plays, Rating, Receipt
from sidecar.errors import Outage, Refused, Unreachable
from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.servers.batch import GONE, NOT_KEPT, OTHER, PATIENCE, STUCK
from sidecar.servers.pace import Pace
from sidecar.servers.rows import Row, holds, value_of
from sidecar.servers.writing import STOPPING, Writing
from sidecar.store.db import Store
from sidecar.store.stuck import StuckWrites
from tests.fakes import FakeClock
from tests.servers.hand import AT, FAULTS, NAME, OF_ONE_ITEM, Hand, double, episode, movie

SEEN = Plays((AT,))
EIGHT = Rating(8)


class Desk:
    """One account that is written to."""

    def __init__(self, store: Store, account: int, clock: FakeClock, *rows: Row, tells: bool = True) -> None:
        self.hand, self.clock, self.store, self.account = Hand(*rows, tells=tells), clock, store, account
        self.rests: list[float] = []
        self.stops_after = 10**9
        self.pace = Pace(4, clock, self._rest)
        self.writing = Writing(account, self.hand, self.pace, store, clock)

    def _rest(self, seconds: float) -> bool:
        self.rests.append(seconds)
        self.clock.advance(seconds)
        return len(self.rests) > self.stops_after

    def write(
        self, *facts: Fact, feature: Feature = Feature.HISTORY, remove: bool = False, dry_run: bool = False
    ) -> list[Receipt]:
        """Write these facts to the items that are named, and check what holds for every write."""
        known = {item: "\n".join(ref.claim() for ref in row.refs) for item, row in self.hand.rows.items()}
        asked = [(fact, {item: known.get(item, "") for item in fact.items}) for fact in facts]
        self.hand.calls.clear()
        receipts = self.writing.write(asked, feature, remove=remove, dry_run=dry_run)
        assert [receipt.fact for receipt in receipts] == list(facts)
        assert len(set(self.hand.calls)) == len(self.hand.calls), "something was sent twice"
        done, planned, left = self.pace.left()
        assert (done, left) == (planned, 0.0)
        for receipt in receipts:
            assert receipt.why or receipt.outcome in (Outcome.DONE, Outcome.ALREADY), "silent"
        return receipts

    @property
    def written(self) -> list[str]:
        """The items that a write was sent for by the last call."""
        return [item for _, item in self.hand.calls]

    def tries(self, feature: Feature = Feature.HISTORY) -> dict[str, int]:
        """How often something did not stick."""
        with self.store.read() as db:
            return {item: each.tries for item, each in StuckWrites(db).of(self.account, feature).items()}


def film(number: int, *items: str, value: object = SEEN) -> Fact:
    return Fact(Ref(Kind.MOVIE, Ids(trakt=number, tmdb=number)), value, items or (f"m{number}",))


def outcomes(receipts: list[Receipt]) -> list[Outcome]:
    return [receipt.outcome for receipt in receipts]


@pytest.fixture
def desk(store: Store, account: int, clock: FakeClock) -> Desk:
    return Desk(store, account, clock, *(movie(number) for number in range(1, 6)))


# What is written


def test_every_fact_has_its_receipt_in_order_with_what_the_side_holds_then(desk: Desk) -> None:
    desk.hand.rows["m2"] = movie(2, played=True, count=3, at=AT)
    receipts = desk.write(film(3), film(2), film(9, "m9"), Fact(film(8).ref, SEEN), film(1))
    assert outcomes(receipts) == [
        Outcome.DONE,
        Outcome.ALREADY,
        Outcome.NOT_FOUND,
        Outcome.NOT_FOUND,
        Outcome.DONE,
    ]
    assert [each.seen for each in receipts] == [
        value_of(Feature.HISTORY, [desk.hand.rows[item]]) if item else None for item in ("m3", "m2", "", "", "m1")
    ]
    assert desk.written == ["m3", "m1"]


@pytest.mark.parametrize(
    ("feature", "value"), [(Feature.HISTORY, SEEN), (Feature.RATINGS, EIGHT), (Feature.WATCHLIST, Listed(AT))]
)
@pytest.mark.parametrize("tells", [True, False])
def test_what_was_written_is_not_sent_again_and_can_be_taken_away_once(
    feature: Feature, value: object, tells: bool, store: Store, account: int, clock: FakeClock
) -> None:
    desk = Desk(store, account, clock, movie(1), tells=tells)
    fact = film(1, value=value)
    sent = []
    for remove in (False, False, True, True):
        sent.append((outcomes(desk.write(fact, feature=feature, remove=remove))[0], desk.written))
    assert sent == [(Outcome.DONE, ["m1"]), (Outcome.ALREADY, list[str]())] * 2
    assert value_of(feature, list(desk.hand.rows.values())) is None


def test_an_answer_that_tells_saves_the_look(store: Store, account: int, clock: FakeClock) -> None:
    for tells, requests in ((True, 4), (False, 5)):  # who plays, a look, two writes; another look
        desk = Desk(store, account, clock, movie(1), movie(2), tells=tells)
        desk.write(film(1), film(2))
        assert desk.hand.asked == requests


def test_the_same_fact_twice_is_sent_once(desk: Desk) -> None:
    assert outcomes(desk.write(film(1), film(1))) == [Outcome.DONE] * 2
    assert desk.written == ["m1"]


def test_the_same_fact_with_other_copies_reaches_them_all(desk: Desk) -> None:
    desk.hand.rows["m1b"] = movie(1, "m1b")
    assert outcomes(desk.write(film(1, "m1"), film(1, "m1b"))) == [Outcome.DONE] * 2
    assert desk.written == ["m1", "m1b"]


def test_only_the_copies_that_differ_are_written(desk: Desk) -> None:
    desk.hand.rows["m1"] = movie(1, played=True, at=AT)
    desk.hand.rows["m1b"] = movie(1, "m1b")
    assert outcomes(desk.write(film(1, "m1", "m1b"))) == [Outcome.DONE]
    assert desk.written == ["m1b"]


def test_a_rating_that_rounds_to_the_same_is_not_rewritten(desk: Desk) -> None:
    desk.hand.rows["m1"] = movie(1, rating=8.6)
    (receipt,) = desk.write(film(1, value=Rating(9)), feature=Feature.RATINGS)
    assert (receipt.outcome, receipt.seen) == (Outcome.ALREADY, Rating(8.6))
    assert outcomes(desk.write(film(1, value=EIGHT), feature=Feature.RATINGS)) == [Outcome.DONE]


@pytest.mark.parametrize("value", [0, -1, 11, float("nan"), float("inf")])
def test_what_is_no_rating_is_never_sent(value: float, desk: Desk) -> None:
    (receipt,) = desk.write(film(1, value=Rating(value)), feature=Feature.RATINGS)
    assert receipt.outcome is Outcome.REFUSED
    assert str(value) in receipt.why
    assert desk.hand.asked == 0


def test_what_the_side_cannot_hold_or_may_not_change_is_refused_without_a_request(desk: Desk) -> None:
    show = Fact(Ref(Kind.SHOW, Ids(tmdb=1)), SEEN, ("s1",))
    desk.hand.can["ratings"]["types"] = ["movie"]
    lies = Fact(episode(1), EIGHT, ("e1",))
    del desk.hand.can["watchlist"]
    receipts = [
        *desk.write(show),
        *desk.write(lies, feature=Feature.RATINGS),
        *desk.write(film(1, value=Listed()), feature=Feature.WATCHLIST),
        *desk.write(film(1), feature=Feature.COLLECTION, remove=True),
    ]
    assert outcomes(receipts) == [Outcome.REFUSED] * 4
    assert desk.hand.asked == 0
    assert "history of a show" in receipts[0].why
    assert "lies on its disks" in receipts[3].why


def test_a_dry_run_says_what_it_would_send_and_sends_nothing(desk: Desk) -> None:
    receipts = desk.write(film(1), film(2, "m2", "m2b"), film(3), dry_run=True)
    assert receipts[1].seen == ["POST /history/m2", "POST /history/m2b"]
    assert "POST /history/m1" in receipts[0].why
    assert desk.write(film(1), remove=True, dry_run=True)[0].seen == ["DELETE /history/m1"]
    assert desk.hand.asked == 0


# What is left alone


def test_what_is_playing_is_not_written_and_comes_later(desk: Desk) -> None:
    desk.hand.rows["m1b"] = movie(1, "m1b")
    desk.hand.now_playing = {"m1b"}
    first, second = desk.write(film(1, "m1", "m1b"), film(2))
    assert (first.outcome, first.until) == (Outcome.REFUSED, desk.clock.now() + timedelta(minutes=5))
    assert second.outcome is Outcome.DONE
    assert desk.written == ["m2"]
    desk.hand.now_playing = set()
    assert outcomes(desk.write(film(1, "m1", "m1b"))) == [Outcome.DONE]


def test_what_is_so_already_may_be_playing(desk: Desk) -> None:
    desk.hand.rows["m1"] = movie(1, played=True)
    desk.hand.now_playing = {"m1"}
    assert outcomes(desk.write(film(1))) == [Outcome.ALREADY]


@pytest.mark.parametrize(
    ("dates", "hours", "outcome"),
    [("exact", 6, Outcome.DONE), ("exact", 4, Outcome.ALREADY), ("set by server", 6, Outcome.ALREADY)],
)
def test_a_viewing_from_elsewhere_moves_the_date_only_where_it_is_kept_and_surely_another(
    desk: Desk, dates: str, hours: int, outcome: Outcome
) -> None:
    desk.hand.can["history"]["dates"] = dates
    desk.hand.rows["m1"] = movie(1, played=True, at=AT)
    value = Plays((AT, AT + timedelta(hours=hours)))  # 120 minutes: two of them and half an hour are four and a half
    assert outcomes(desk.write(replace(film(1), value=value))) == [outcome]
    assert (desk.hand.rows["m1"].copy.at != AT) is (outcome is Outcome.DONE)


def test_an_id_that_means_something_else_now_is_not_written(desk: Desk) -> None:
    hand = desk.hand
    known = hand.rows["m1"].refs[0].claim()
    hand.rows["m1"] = movie(77, "m1")
    (receipt,) = desk.writing.write([(film(1), {"m1": known})], Feature.HISTORY, remove=False, dry_run=False)
    assert (receipt.outcome, receipt.why) == (Outcome.NOT_FOUND, OTHER)
    assert hand.calls == []


def test_an_item_that_gained_an_id_is_still_the_same(desk: Desk) -> None:
    known = desk.hand.rows["m1"].refs[0].claim()
    (ref,) = movie(1).refs
    more = Ref(Kind.MOVIE, Ids(imdb="tt0113277", tmdb=1), name=ref.name)
    desk.hand.rows["m1"] = Row(Kind.MOVIE, "1", "x", (more,), movie(1).copy)
    asked = [(film(1), {"m1": known})]
    assert outcomes(desk.writing.write(asked, Feature.HISTORY, remove=False, dry_run=False)) == [Outcome.DONE]


# Several titles in one file


def test_a_file_of_two_episodes_is_written_when_both_agree_and_only_once(desk: Desk) -> None:
    desk.hand.rows["d"] = double(1, "d")
    early, late = Plays((AT,)), Plays((AT + timedelta(minutes=45),))
    alone = desk.write(Fact(episode(1), early, ("d",)))
    assert outcomes(alone) == [Outcome.REFUSED]
    assert "S01E01 and Dark S01E02" in alone[0].why
    assert desk.written == []
    both = [Fact(episode(1), early, ("d",)), Fact(episode(2), late, ("d",))]
    assert outcomes(desk.write(*both)) == [Outcome.DONE] * 2
    assert desk.written == ["d"]
    assert outcomes(desk.write(both[0], remove=True)) == [Outcome.REFUSED]
    assert outcomes(desk.write(*both, remove=True)) == [Outcome.DONE] * 2
    assert desk.written == ["d"]


def test_two_episodes_of_one_file_with_different_ratings_are_left_alone(desk: Desk) -> None:
    desk.hand.rows["d"] = double(1, "d", rating=3.0)
    facts = [Fact(episode(1), Rating(8), ("d",)), Fact(episode(2), Rating(9), ("d",))]
    assert outcomes(desk.write(*facts, feature=Feature.RATINGS)) == [Outcome.REFUSED] * 2
    assert desk.written == []
    assert outcomes(desk.write(*facts, feature=Feature.RATINGS, remove=True)) == [Outcome.DONE] * 2


def test_a_copy_of_its_own_is_written_though_the_file_of_two_is_not(desk: Desk) -> None:
    desk.hand.rows |= {"d": double(1, "d"), "e": Row(Kind.EPISODE, "2", "Dark", (episode(1),), movie(1, "e").copy)}
    (receipt,) = desk.write(Fact(episode(1), SEEN, ("d", "e")))
    assert desk.written == ["e"]
    assert receipt.outcome is Outcome.REFUSED
    assert receipt.seen  # it is watched there all the same


@pytest.mark.parametrize("fault", ["", "keeps", "lost", "doubt", "refused", "broken"])
def test_a_file_whose_episodes_lie_in_two_batches_is_sent_once(
    fault: str, store: Store, account: int, clock: FakeClock
) -> None:
    between = [movie(number) for number in range(1, 150)]
    desk = Desk(store, account, clock, double(1, "d"), *between)
    desk.hand.faults["d"] = fault
    facts = [
        Fact(episode(1), SEEN, ("d",)),
        *(film(number) for number in range(1, 150)),
        Fact(episode(2), SEEN, ("d",)),
    ]
    receipts = desk.write(*facts)
    assert desk.written.count("d") == 1
    one, other = receipts[0], receipts[-1]
    if fault in ("", "lost"):
        assert one.outcome is Outcome.DONE
        assert other.outcome in (Outcome.ALREADY, Outcome.REFUSED)  # the second was not sent any more after "lost"
    else:
        assert (one.outcome, other.outcome) == (Outcome.REFUSED, Outcome.REFUSED)
        assert one.why == other.why
    assert desk.tries() == ({"d": 1} if fault == "keeps" else {})


# What did not stick


@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("fault", ["keeps", "moves"])
def test_what_does_not_stick_twice_is_not_repeated(
    fault: str, tells: bool, store: Store, account: int, clock: FakeClock
) -> None:
    desk = Desk(store, account, clock, movie(1, begun=True), tells=tells)
    desk.hand.faults["m1"] = fault
    said = []
    for _ in range(4):
        (receipt,) = desk.write(film(1))
        said.append((receipt.outcome, receipt.why, desk.written))
    vain = Outcome.REFUSED, NOT_KEPT, ["m1"]
    assert said == [vain] * 2 + [(Outcome.REFUSED, STUCK, list[str]())] * 2


def test_what_is_stuck_is_tried_again_when_one_side_changes_and_forgotten_when_it_sticks(desk: Desk) -> None:
    desk.hand.faults["m1"] = "keeps"
    for _ in range(3):
        desk.write(film(1))
    assert desk.written == []
    desk.write(film(1, value=Plays((AT, AT + timedelta(days=1)))))
    assert desk.written == ["m1"]
    desk.hand.rows["m1"] = movie(1, begun=True, at=AT)
    desk.write(film(1))
    assert (desk.written, desk.tries()) == (["m1"], {"m1": 1})
    desk.hand.faults.clear()
    assert outcomes(desk.write(film(1))) == [Outcome.DONE]
    assert desk.tries() == {}


def test_another_rating_does_not_revive_a_stuck_play(desk: Desk) -> None:
    desk.hand.faults["m1"] = "keeps"
    for rating in (None, None, 7.0):
        desk.hand.rows["m1"] = movie(1, rating=rating)
        desk.write(film(1))
    assert desk.written == []


def test_what_somebody_else_mended_is_forgotten(desk: Desk) -> None:
    desk.hand.faults["m1"] = "keeps"
    desk.write(film(1))
    assert desk.tries() == {"m1": 1}
    desk.hand.rows["m1"] = movie(1, played=True)
    assert outcomes(desk.write(film(1))) == [Outcome.ALREADY]
    assert desk.tries() == {}


def test_one_stuck_copy_does_not_keep_another_from_being_written(desk: Desk) -> None:
    desk.hand.faults["m1"] = "keeps"
    for _ in range(2):
        desk.write(film(1))
    desk.hand.rows["m1b"] = movie(1, "m1b")
    (receipt,) = desk.write(film(1, "m1", "m1b"))
    assert (desk.written, receipt.outcome, receipt.why) == (["m1b"], Outcome.REFUSED, STUCK)


def test_two_features_of_an_item_are_stuck_apart(desk: Desk) -> None:
    desk.hand.faults["m1"] = "keeps"
    desk.write(film(1))
    desk.write(film(1, value=EIGHT), feature=Feature.RATINGS)
    assert desk.tries() == {"m1": 1}
    assert desk.tries(Feature.RATINGS) == {"m1": 1}


@pytest.mark.parametrize("fault", [fault for fault, (done, _) in FAULTS.items() if not done and fault != "left"])
def test_what_was_not_accepted_is_not_counted_as_not_kept(fault: str, desk: Desk) -> None:
    desk.hand.faults["m1"] = fault
    for _ in range(3):
        desk.write(film(1))
        assert desk.written == ["m1"]
    assert desk.tries() == {}


# Trouble


@pytest.mark.parametrize("fault", sorted({*FAULTS} - OF_ONE_ITEM))
def test_trouble_of_the_server_ends_the_writing_and_the_rest_is_surely_not_done(fault: str, desk: Desk) -> None:
    desk.hand.faults["m2"] = fault
    receipts = desk.write(*(film(number) for number in range(1, 6)))
    done, problem = FAULTS[fault]
    assert outcomes(receipts) == [Outcome.DONE, Outcome.DONE if done else Outcome.REFUSED, *[Outcome.REFUSED] * 3]
    assert {receipt.why for receipt in receipts[2:]} == {problem.what}
    assert {receipt.until for receipt in receipts[2:]} == {problem.retry_at}
    assert desk.written == ["m1", "m2"]


def test_after_trouble_nobody_asks_for_the_other_batches(store: Store, account: int, clock: FakeClock) -> None:
    desk = Desk(store, account, clock, *(movie(number) for number in range(1, 351)))
    desk.hand.faults["m1"] = "auth"
    receipts = desk.write(*(film(number) for number in range(1, 351)))
    assert set(outcomes(receipts)) == {Outcome.REFUSED}
    assert desk.hand.asked == 3  # who plays, one look, one write


@pytest.mark.parametrize("fault", sorted(OF_ONE_ITEM))
def test_one_broken_item_does_not_keep_the_others_from_being_written(fault: str, desk: Desk) -> None:
    desk.hand.faults["m1"] = fault
    receipts = desk.write(*(film(number) for number in range(1, 6)))
    assert desk.written == [f"m{number}" for number in range(1, 6)]
    assert outcomes(receipts)[1:] == [Outcome.DONE] * 4
    expected = {"nonsense": Outcome.DONE, "left": Outcome.NOT_FOUND}
    assert receipts[0].outcome is expected.get(fault, Outcome.REFUSED)


@pytest.mark.parametrize("fault", ["broken", "refused"])
def test_a_server_that_fails_at_everything_is_not_asked_for_ever(
    fault: str, store: Store, account: int, clock: FakeClock
) -> None:
    desk = Desk(store, account, clock, *(movie(number) for number in range(1, 301)))
    desk.hand.faults = {f"m{number}": fault for number in range(1, 301)}
    receipts = desk.write(*(film(number) for number in range(1, 301)))
    assert set(outcomes(receipts)) == {Outcome.REFUSED}
    assert len(desk.written) == PATIENCE


def test_a_look_that_fails_stops_or_skips_that_batch_alone(store: Store, account: int, clock: FakeClock) -> None:
    for problem, later in (
        (Unreachable(NAME, "Away."), Outcome.REFUSED),
        (Outage(NAME, "Ill.", status=500), Outcome.DONE),
        (Refused(NAME, "No.", status=400), Outcome.DONE),
    ):
        desk = Desk(store, account, clock, *(movie(number) for number in range(1, 151)))
        desk.hand.blind = [problem]
        receipts = desk.write(*(film(number) for number in range(1, 151)))
        assert set(outcomes(receipts[:100])) == {Outcome.REFUSED}
        assert {receipt.why for receipt in receipts[:100]} == {problem.what}
        assert set(outcomes(receipts[100:])) == {later}


def test_items_that_fail_here_and_there_end_nothing(store: Store, account: int, clock: FakeClock) -> None:
    size = 4 * PATIENCE
    desk = Desk(store, account, clock, *(movie(number) for number in range(1, size + 1)))
    desk.hand.faults = {f"m{number}": "broken" for number in range(1, size, 2)}
    desk.write(*(film(number) for number in range(1, size + 1)))
    assert len(desk.written) == size


def test_a_server_that_is_away_at_the_last_look_is_not_asked_for_the_rest(
    store: Store, account: int, clock: FakeClock
) -> None:
    desk = Desk(store, account, clock, *(movie(number) for number in range(1, 151)), tells=False)
    desk.hand.blind = [None, Unreachable(NAME, "Away.")]
    receipts = desk.write(*(film(number) for number in range(1, 151)))
    assert set(outcomes(receipts[:100])) == {Outcome.UNKNOWN}
    assert {(receipt.outcome, receipt.why) for receipt in receipts[100:]} == {(Outcome.REFUSED, "Away.")}
    assert desk.hand.asked == 103


def test_where_nothing_differs_nothing_is_stored(desk: Desk) -> None:
    desk.hand.rows["m1"] = movie(1, played=True)
    with desk.store.write():  # a second transaction would fail
        assert outcomes(desk.write(film(1))) == [Outcome.ALREADY]


def test_an_answer_that_is_lost_and_cannot_be_looked_at_is_unknown(desk: Desk) -> None:
    desk.hand.faults["m1"] = "lost"
    desk.hand.blind = [None, Unreachable(NAME, "Away.")]
    first, second = desk.write(film(1), film(2))
    assert (first.outcome, first.why) == (Outcome.UNKNOWN, "Away.")
    assert second.outcome is Outcome.REFUSED


def test_what_vanishes_while_it_is_written_is_not_found(desk: Desk) -> None:
    desk.hand.tells = False
    desk.hand.faults["m1"] = "vanishes"
    (receipt,) = desk.write(film(1))
    assert (receipt.outcome, receipt.why) == (Outcome.NOT_FOUND, GONE)


@pytest.mark.parametrize("fault", ["vanishes", "left"])
def test_a_copy_that_vanishes_leaves_the_others(fault: str, desk: Desk) -> None:
    desk.hand.tells = False
    desk.hand.rows["m1b"] = movie(1, "m1b")
    desk.hand.faults["m1"] = fault
    assert outcomes(desk.write(film(1, "m1", "m1b"))) == [Outcome.DONE]


@pytest.mark.parametrize(("fault", "why"), [("refused", "403"), ("down", "503"), ("keeps", NOT_KEPT)])
def test_a_copy_that_fails_is_said_with_what_the_others_hold(fault: str, why: str, desk: Desk) -> None:
    desk.hand.rows["m1b"] = movie(1, "m1b")
    desk.hand.faults["m1b"] = fault
    (receipt,) = desk.write(film(1, "m1", "m1b"))
    assert receipt.outcome is Outcome.REFUSED
    assert why in receipt.why
    assert receipt.seen == value_of(Feature.HISTORY, [desk.hand.rows["m1"], desk.hand.rows["m1b"]])


# Pace


def test_the_pace_is_kept(desk: Desk) -> None:
    began = desk.clock.monotonic()
    desk.write(*(film(number) for number in range(1, 6)))
    assert desk.clock.monotonic() - began == pytest.approx(4 / 4)
    assert desk.pace.left() == (5, 5, 0.0)


def test_what_is_left_is_told_while_it_is_written(desk: Desk) -> None:
    desk.hand.rows["m1"] = movie(1, played=True)
    desk.hand.rows |= {"m2b": movie(2, "m2b"), "m2c": movie(2, "m2c")}
    told, rest = list[tuple[int, int, float]](), desk.pace._rest

    def note(seconds: float) -> bool:
        told.append(desk.pace.left())
        return rest(seconds)

    desk.pace._rest = note
    desk.write(film(1), film(2, "m2", "m2b", "m2c"), film(3))
    assert told == [(0, 4, 1.0), (1, 4, 0.75), (2, 4, 0.5), (3, 4, 0.25)]


def test_the_plan_of_somebody_else_is_left_as_it_is(store: Store, account: int, clock: FakeClock) -> None:
    desk = Desk(store, account, clock, movie(1), movie(2))
    desk.hand.faults["m2"] = "auth"
    desk.pace.plan(7)
    asked = [(film(number), {f"m{number}": ""}) for number in (1, 2, 3)]
    desk.writing.write(asked, Feature.HISTORY, remove=False, dry_run=False)
    assert desk.pace.left() == (2, 9, 1.75)


def test_a_person_who_stops_it_is_heard_and_nothing_more_is_asked(store: Store, account: int, clock: FakeClock) -> None:
    desk = Desk(store, account, clock, *(movie(number) for number in range(1, 251)))
    desk.stops_after = 2
    receipts = desk.write(*(film(number) for number in range(1, 251)))
    assert outcomes(receipts[:2]) == [Outcome.DONE] * 2
    assert {(receipt.outcome, receipt.why) for receipt in receipts[2:]} == {(Outcome.REFUSED, STOPPING)}
    assert desk.hand.asked == 4


def test_a_mistake_of_ours_leaves_no_plan_behind(desk: Desk) -> None:
    desk.hand.now_playing = {"m1"}
    desk.hand.playing = frozenset  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="while it is playing"):
        desk.write(film(1), film(2))
    assert desk.pace.left()[2] == 0.0


# Everything at once

fates = st.sampled_from(["", "", "", "", *FAULTS, "keeps", "moves", "vanishes"])
a_look = st.sampled_from([None, None, None, Unreachable(NAME, "Away."), Outage(NAME, "Ill.", status=500)])
asked_for = st.lists(
    st.tuples(st.integers(1, 6), st.sampled_from([("",), ("", "b"), ("b",), ("", "d"), ("d",)])), max_size=12
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    asked=asked_for,
    faults=st.dictionaries(st.tuples(st.integers(1, 6), st.sampled_from("ab")), fates, max_size=6),
    looks=st.lists(a_look, max_size=4),
    held=st.sets(st.integers(1, 6)),
    feature=st.sampled_from([Feature.HISTORY, Feature.RATINGS, Feature.WATCHLIST]),
    remove=st.booleans(),
    tells=st.booleans(),
    stops=st.integers(0, 8),
)
def test_whatever_goes_wrong_nothing_is_sent_twice_and_done_means_done(
    asked: list[tuple[int, tuple[str, ...]]],
    faults: dict[tuple[int, str], str],
    looks: list[Exception | None],
    held: set[int],
    feature: Feature,
    remove: bool,
    tells: bool,
    stops: int,
    store: Store,
    account: int,
) -> None:
    had = {"played": True, "rating": 8.0, "favourite": True}
    rows = [movie(n, f"m{n}{copy}", **(had if n in held else {})) for n in range(1, 7) for copy in ("", "b")]
    desk = Desk(store, account, FakeClock(), *rows, tells=tells)
    desk.hand.rows["d"] = double(1, "d")
    desk.hand.faults = {f"m{n}{'' if copy == 'a' else copy}": fault for (n, copy), fault in faults.items()}
    desk.hand.blind = list(looks)  # type: ignore[arg-type]
    desk.stops_after = stops
    value = {Feature.HISTORY: SEEN, Feature.RATINGS: EIGHT, Feature.WATCHLIST: Listed()}[feature]
    facts = [film(n, *(f"m{n}{copy}" for copy in copies), value=value) for n, copies in asked if "d" not in copies]
    facts += [Fact(episode(n % 2 + 1), value, ("d",)) for n, copies in asked if "d" in copies]
    for receipt in desk.write(*facts, feature=feature, remove=remove):
        items = sorted({item for fact in facts if fact.ref == receipt.fact.ref for item in fact.items})
        there = [desk.hand.rows[item] for item in items if item in desk.hand.rows]
        if receipt.outcome in (Outcome.DONE, Outcome.ALREADY):
            assert there
            assert all((value_of(feature, [row]) is None) if remove else holds(feature, row, value) for row in there)
            assert receipt.seen == value_of(feature, there)
        if receipt.outcome is Outcome.UNKNOWN:
            assert desk.written
    double_asked = {fact.ref.number for fact in facts if fact.items == ("d",)}
    assert "d" not in desk.written or double_asked >= {1, 2}
    desk.hand.faults, desk.hand.blind, desk.stops_after = {}, [], 10**9
    with store.write() as db:
        for item in desk.tries(feature):
            StuckWrites(db).settled(account, feature, item)
    again = [fact for fact in facts if fact.items != ("d",)]
    for receipt in desk.write(*again, feature=feature, remove=remove):
        items = sorted({item for fact in facts if fact.ref == receipt.fact.ref for item in fact.items})
        gone = not any(item in desk.hand.rows for item in items)
        assert receipt.outcome is Outcome.NOT_FOUND if gone else receipt.outcome in (Outcome.DONE, Outcome.ALREADY)
