"""Thirty days, hour by hour, with nobody looking after it: tokens end, Trakt goes away twice, the edge shuts us out."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sidecar.clock import to_minute
from sidecar.contract import Fact, Plays, Rating, Scope, State
from sidecar.errors import SidetraktError
from sidecar.model import Feature
from sidecar.store.titles import Titles
from tests.trakt.conftest import World, film

DAYS = 30
AWAY: dict[int, dict[str, Any]] = {  # on these days, all day long
    7: {"name": "status", "status": 503, "body": "html"},
    19: {"name": "reset"},
}
BANNED = (12, 9, 12)  # on this day, between these hours


@dataclass
class Household:
    """What a sync would do each hour, as little as possible: read what moved, write what is due, remember."""

    world: World
    account: str
    marks: dict[Feature, Any] = field(default_factory=dict)
    known: dict[Feature, dict[int, Any]] = field(default_factory=lambda: {feature: {} for feature in Feature})
    due: dict[Feature, list[Fact]] = field(default_factory=lambda: {Feature.RATINGS: [], Feature.HISTORY: []})
    failed_hours: int = 0
    read: int = 0

    def hour(self) -> None:
        side = self.world.service.side(self.account)
        try:
            for feature in Feature:
                self._read(side, feature)
            for feature, facts in self.due.items():
                self._write(side, feature, facts)
        except SidetraktError:
            self.failed_hours += 1

    def _read(self, side: Any, feature: Feature) -> None:
        index = side.build_index(feature, since=self.marks.get(feature))
        self.read += index.scope is Scope.FULL
        if index.scope is Scope.UNCHANGED or not index.complete:
            return
        with self.world.store.write() as db:
            for fact in index.facts:
                Titles(db).learn(fact.ref)
        kept = {n: v for n, v in self.known[feature].items() if index.kinds is not None}
        self.known[feature] = kept | {fact.ref.ids.trakt: fact.value for fact in index.facts}
        self.marks[feature] = index.mark

    def _write(self, side: Any, feature: Feature, facts: list[Fact]) -> None:
        """What is not there yet; a write that may have been done is looked at in the next hour."""
        for fact in [*facts]:
            there = self.known[feature].get(fact.ref.ids.trakt or 0)
            if there == fact.value or (isinstance(there, Plays) and set(fact.value.minutes) <= set(there.minutes)):
                facts.remove(fact)
        side.add(facts, feature)


def test_a_month_alone(world: World) -> None:
    world.switch(token_life=86_400)
    household, begin = Household(world, world.link()), world.clock.now()
    ratings: dict[int, Rating] = {}
    plays: list[tuple[int, datetime]] = []
    alerts: set[str] = set()
    for hour in range(DAYS * 24):
        day, clock = divmod(hour, 24)
        world.calm()
        if day in AWAY:
            world.fault(**AWAY[day], times=None)
        elif day == BANNED[0] and BANNED[1] <= clock < BANNED[2]:
            world.fault("status", status=403, body="html", times=None)
        elif clock % 6 == 3:  # and now and then an answer is lost
            world.fault("lost", method="POST", path="^/sync")
        if clock == 5:
            at = to_minute(world.clock.now())
            ratings[1000 + day] = Rating(day % 10 + 1, at)
            household.due[Feature.RATINGS].append(Fact(film(1000 + day), ratings[1000 + day]))
            household.due[Feature.HISTORY].append(Fact(film(1000 + day), Plays((at,))))
            world.act("watch", movies=[{"ids": {"trakt": 1100 + day}}])
            plays += [(1000 + day, at), (1100 + day, at)]
        if clock == 6 and day not in AWAY and day != BANNED[0]:
            assert world.service.side(household.account).health().state is State.OK
        if clock == 12:
            world.service.check_links()
        household.hour()
        alerts |= {alert.key for alert in world.alerts()}
        to_next = (begin + timedelta(hours=hour + 1) - world.clock.now()).total_seconds()
        assert to_next >= 0, "an hour's work takes no more than an hour"
        world.later(seconds=to_next)
    world.calm()
    household.hour()

    assert world.clock.now() >= begin + timedelta(days=DAYS)
    there = Counter((row.get("movie"), datetime.fromisoformat(row["at"])) for row in world.state()["plays"])
    assert there == Counter(plays)  # no duplicate, no loss
    assert household.known[Feature.RATINGS] == ratings  # each one written and read back
    assert {n: set(value.minutes) for n, value in household.known[Feature.HISTORY].items()} == {
        n: {at} for n, at in plays
    }
    assert not household.due[Feature.RATINGS]
    assert not household.due[Feature.HISTORY]
    assert 24 <= household.failed_hours <= 2 * 24 + 4
    assert household.read >= DAYS
    assert world.alerts() == []
    assert not alerts - {f"link:{household.account}", "trakt:app"}
    assert world.service.side(household.account).health().state is State.OK
    renewed = world.control.counts["POST /oauth/<any(token,revoke):call>", ""]
    assert renewed >= DAYS - 2
    assert 429 not in {row["status"] for row in world.log()}  # the last 20,000 requests, which is all of them
    assert len(world.log("GET")) < 20_000
