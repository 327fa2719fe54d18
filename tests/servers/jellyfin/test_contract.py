"""Jellyfin keeps the contract of all providers, in both versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from sidecar.contract import Provider
from sidecar.model import Feature, Ids, Kind, Ref
from tests.contract import Bench, ProviderContract
from tests.servers.jellyfin.conftest import Home


@dataclass
class JellyfinBench:
    home: Home
    nobody_knows: Ref = Ref(Kind.MOVIE, Ids(imdb="tt7777777", tmdb=7_777_777), name="Nobody knows")
    cheap: int = 1

    def known(self, feature: Feature) -> Sequence[Ref]:
        rows = self.home.inventory()
        with self.home.store.read() as db:
            from sidecar.store.items import Items

            refs = [item.refs() for item in Items(db).of_server("machine")]
        assert rows
        once = [one[0] for one in refs if len(one) == 1]
        claims = [ref.claim() for ref in once]
        kinds = {Feature.HISTORY: (Kind.EPISODE, Kind.MOVIE), Feature.WATCHLIST: (Kind.MOVIE, Kind.SHOW)}
        return [
            ref
            for kind in kinds.get(feature, tuple(Kind))
            for ref in [each for each in once if each.kind is kind and claims.count(each.claim()) == 1][:3]
        ]

    def side(self) -> Provider:
        return self.home.side()

    def written(self) -> int:
        return len([row for row in self.home.log() if row["method"] != "GET"])

    def asked(self) -> int:
        return len(self.home.log())


class TestJellyfin(ProviderContract):
    features = (Feature.HISTORY, Feature.RATINGS, Feature.WATCHLIST)

    @pytest.fixture
    def bench(self, either: Home) -> Bench:
        bench = JellyfinBench(either)
        either.read()  # somebody has listed the server before
        either.forget_log()
        return bench
