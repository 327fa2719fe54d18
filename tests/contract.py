"""What every provider must do. A subclass in the provider's folder says how to get one; the tests are these."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest

from sidecar.contract import Collected, Fact, Listed, Media, Outcome, Plays, Provider, Rating, Scope, State, Watched
from sidecar.model import Feature, Kind, Ref

NINE = {"name", "label", "features", "capabilities", "is_configured", "health", "build_index", "add", "remove"}
VALUES: dict[Feature, Any] = {
    Feature.HISTORY: Plays((datetime(2026, 1, 30, 21, 0, tzinfo=UTC), datetime(2025, 12, 24, 18, 0, tzinfo=UTC))),
    Feature.RATINGS: Rating(8, datetime(2026, 1, 30, 21, 0, tzinfo=UTC)),
    Feature.WATCHLIST: Listed(),
    Feature.COLLECTION: Collected(datetime(2026, 1, 1, tzinfo=UTC), Media(resolution="hd_1080p", audio="dts")),
}


class Bench(Protocol):
    """One account on one provider."""

    nobody_knows: Ref
    """A film that it does not know."""
    cheap: int
    """How many requests may tell that nothing changed."""

    def known(self, feature: Feature) -> Sequence[Ref]:
        """At least five titles that it knows and that can have this feature."""

    def side(self) -> Provider:
        """The side, for the next run."""

    def written(self) -> int:
        """How many requests so far may have changed something there."""

    def asked(self) -> int:
        """How many requests it had so far."""

    def later(self) -> None:
        """A second goes by there."""


def held(value: Any, can: dict[str, Any]) -> Any:
    """What a side that can do this holds of a value, be it written there or read."""
    exact = can["dates"] == "exact"
    if isinstance(value, Plays):
        minutes = sorted(value.minutes, key=str)
        return (minutes if can["plays"] == "all" else minutes[-1:]) if exact else "watched"
    if isinstance(value, Watched):
        assert value, "a fact of history of what was not watched"
        return (
            [max(copy.at for copy in value.copies if copy.at).replace(second=0, microsecond=0)] if exact else "watched"
        )
    if isinstance(value, Rating):
        return value if exact else value.value
    return "listed" if isinstance(value, Listed) else value


def same(one: Ref, other: Ref) -> bool:
    """Whether it is the same title, by the ids or by the numbers."""
    shared = dict(one.ids.pairs()).items() & dict(other.ids.pairs()).items()
    numbers = one.kind is Kind.EPISODE and (one.season, one.number) == (other.season, other.number)
    return one.kind is other.kind and bool(shared or numbers)


class ProviderContract:
    """The contract, for each feature that the side can be written."""

    features: Sequence[Feature] = tuple(Feature)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        metafunc.parametrize("feature", self.features)

    @pytest.fixture
    def bench(self) -> Bench:
        raise NotImplementedError("the provider's own tests say how to get one")

    def facts(self, bench: Bench, feature: Feature) -> list[Fact]:
        return [Fact(ref, VALUES[feature]) for ref in bench.known(feature)[:4]]

    def test_it_has_the_nine_members_and_speaks_of_itself(self, bench: Bench, feature: Feature) -> None:
        side = bench.side()
        members = {name for name, _ in inspect.getmembers(Provider, inspect.isfunction) if not name.startswith("_")}
        assert members == NINE
        assert all(callable(getattr(side, name)) for name in NINE)
        assert side.name().islower()
        assert side.label()
        assert feature in side.features()
        assert side.is_configured()
        assert json.loads(json.dumps(side.capabilities())) == side.capabilities()
        assert set(side.capabilities()[feature]["types"]) <= set(Kind)

    def test_it_is_well_and_says_so_with_one_request_at_most(self, bench: Bench, feature: Feature) -> None:
        before = bench.asked()
        assert bench.side().health().state is State.OK
        assert bench.asked() - before <= 1

    def test_nothing_there_is_read_as_complete_and_empty(self, bench: Bench, feature: Feature) -> None:
        index = bench.side().build_index(feature)
        assert (index.feature, list(index.facts), index.complete, index.why) == (feature, [], True, "")
        assert index.scope is Scope.FULL

    def test_what_is_added_has_a_receipt_each_in_order_and_is_read_back(self, bench: Bench, feature: Feature) -> None:
        facts = self.facts(bench, feature)
        receipts = bench.side().add(facts, feature)
        assert [receipt.fact for receipt in receipts] == facts
        assert [receipt.outcome for receipt in receipts] == [Outcome.DONE] * 4
        can = bench.side().capabilities()[feature]
        assert [held(receipt.seen, can) for receipt in receipts] == [held(fact.value, can) for fact in facts]
        index = bench.side().build_index(feature)
        assert index.complete
        assert index.scope is Scope.FULL
        for fact in facts:
            (found,) = [each for each in index.facts if same(each.ref, fact.ref)]
            assert held(found.value, can) == held(fact.value, can)
        assert len(index.facts) == 4

    def test_what_did_not_change_is_not_read_again(self, bench: Bench, feature: Feature) -> None:
        bench.side().add(self.facts(bench, feature), feature)
        bench.later()
        index = bench.side().build_index(feature)
        before = bench.asked()
        again = bench.side().build_index(feature, since=index.mark)
        can_tell = bench.side().capabilities()[feature].get("changes", True)
        assert again.scope is (Scope.UNCHANGED if can_tell else Scope.PART)
        assert (list(again.facts), again.complete, again.mark) == ([], True, index.mark)
        assert bench.asked() - before <= bench.cheap

    def test_a_read_of_some_titles_is_about_these_alone(self, bench: Bench, feature: Feature) -> None:
        facts = self.facts(bench, feature)
        bench.side().add(facts[:3], feature)
        index = bench.side().build_index(feature, only=[facts[0].ref, facts[3].ref])
        assert (index.scope, index.complete) == (Scope.ONLY, True)
        (found,) = index.facts
        assert same(found.ref, facts[0].ref)
        can = bench.side().capabilities()[feature]
        assert held(found.value, can) == held(facts[0].value, can)
        assert not found.items or set(found.items) < set(index.there), "the title that holds nothing is there, too"

    def test_reading_changes_nothing(self, bench: Bench, feature: Feature) -> None:
        bench.side().add(self.facts(bench, feature), feature)
        before = bench.written()
        index = bench.side().build_index(feature)
        bench.side().build_index(feature, since=index.mark)
        bench.side().build_index(feature, only=[bench.known(feature)[0]])
        bench.side().health()
        assert bench.written() == before

    def test_exactly_what_is_removed_goes(self, bench: Bench, feature: Feature) -> None:
        facts = self.facts(bench, feature)
        bench.side().add(facts, feature)
        receipts = bench.side().remove(facts[1:3], feature)
        assert [receipt.fact for receipt in receipts] == facts[1:3]
        assert [receipt.outcome for receipt in receipts] == [Outcome.DONE] * 2
        left = bench.side().build_index(feature).facts
        assert len(left) == 2
        assert all(any(same(each.ref, fact.ref) for each in left) for fact in (facts[0], facts[3]))

    def test_removing_what_is_not_there_does_no_harm(self, bench: Bench, feature: Feature) -> None:
        (receipt,) = bench.side().remove(self.facts(bench, feature)[:1], feature)
        assert receipt.outcome in (Outcome.ALREADY, Outcome.DONE)

    def test_a_title_that_nobody_knows_harms_no_other(self, bench: Bench, feature: Feature) -> None:
        facts = self.facts(bench, feature)
        facts.insert(1, Fact(bench.nobody_knows, VALUES[feature]))
        receipts = bench.side().add(facts, feature)
        assert [receipt.fact for receipt in receipts] == facts
        done = [Outcome.DONE] * 5
        done[1] = Outcome.NOT_FOUND
        assert [receipt.outcome for receipt in receipts] == done
        assert receipts[1].why
        assert len(bench.side().build_index(feature).facts) == 4

    def test_a_trial_says_what_it_would_send_and_sends_nothing(self, bench: Bench, feature: Feature) -> None:
        facts = self.facts(bench, feature)
        bench.side().add(facts[:2], feature)
        before = bench.written()
        for receipts in (
            bench.side().add(facts, feature, dry_run=True),
            bench.side().remove(facts[:2], feature, dry_run=True),
        ):
            assert all("would" in receipt.why and receipt.seen for receipt in receipts)
        assert bench.written() == before
        assert len(bench.side().build_index(feature).facts) == 2

    def test_the_same_said_twice_is_there_once(self, bench: Bench, feature: Feature) -> None:
        fact = self.facts(bench, feature)[0]
        receipts = bench.side().add([fact, fact], feature)
        assert [receipt.outcome for receipt in receipts] == [Outcome.DONE] * 2
        (found,) = bench.side().build_index(feature).facts
        can = bench.side().capabilities()[feature]
        assert held(found.value, can) == held(fact.value, can)
