"""Jellyfin keeps the contract of all providers, in both versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from sidecar.contract import Provider
from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.store.items import Items
from tests.contract import Bench, ProviderContract
from tests.servers.jellyfin.conftest import Home

NOBODY_KNOWS = Ref(Kind.MOVIE, Ids(imdb="tt7777777", tmdb=7_777_777), name="Nobody knows")
KINDS = {Feature.HISTORY: (Kind.EPISODE, Kind.MOVIE), Feature.WATCHLIST: (Kind.MOVIE, Kind.SHOW)}


@dataclass
class JellyfinBench:
    home: Home
    nobody_knows: Ref = NOBODY_KNOWS
    cheap: int = 1

    def known(self, feature: Feature) -> Sequence[Ref]:
        with self.home.store.read() as db:
            refs = [item.refs() for item in Items(db).of_server("machine")]
        claims = Counter(one[0].claim() for one in refs if one)
        alone = [one[0] for one in refs if len(one) == 1 and claims[one[0].claim()] == 1]
        return [ref for kind in KINDS.get(feature, Kind) for ref in [one for one in alone if one.kind is kind][:3]]

    def side(self) -> Provider:
        return self.home.side()

    def written(self) -> int:
        return len([row for row in self.home.log() if row["method"] != "GET"])

    def asked(self) -> int:
        return len(self.home.log())

    def later(self) -> None:
        """Its moments are finer than a second."""


class TestJellyfin(ProviderContract):
    features = (Feature.HISTORY, Feature.RATINGS, Feature.WATCHLIST)

    @pytest.fixture
    def bench(self, either: Home) -> Bench:
        bench = JellyfinBench(either)
        either.read()  # somebody has listed the server before
        either.forget_log()
        return bench
