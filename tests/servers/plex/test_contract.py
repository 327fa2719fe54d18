"""A Plex account and a Plex watchlist keep the contract of all providers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sidecar.contract import Provider
from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.servers.plex.watchlist import PlexWatchlist
from sidecar.servers.side import ServerSide
from tests.contract import Bench, ProviderContract
from tests.servers.plex.conftest import Home

NOBODY_KNOWS = Ref(Kind.MOVIE, Ids(imdb="tt7777777", tmdb=7_777_777), name="Nobody knows")


def typed(plex: ServerSide, watchlist: PlexWatchlist) -> Sequence[Provider]:
    """What mypy proves."""
    return plex, watchlist


@dataclass
class PlexBench:
    home: Home
    nobody_knows: Ref = NOBODY_KNOWS
    cheap: int = 8  # four libraries: one request each for what was watched, for ratings one for each kind

    def known(self, feature: Feature) -> Sequence[Ref]:
        single = [refs[0] for item in self.home.items().values() if len(refs := item.refs()) == 1 and not item.file]
        claims = [ref.claim() for ref in single]
        films = [ref for ref in single if ref.kind is Kind.MOVIE and claims.count(ref.claim()) == 1][:3]
        return [*films, *[ref for ref in single if ref.kind is Kind.EPISODE][:3]]

    def side(self) -> Provider:
        return self.home.side()

    def written(self) -> int:
        return len(self.home.sent())

    def asked(self) -> int:
        return self.home.asked()

    def later(self) -> None:
        self.home.house.tell("clock", shift=1)


@dataclass
class WatchlistBench(PlexBench):
    cheap: int = 1

    def known(self, feature: Feature) -> Sequence[Ref]:
        films, shows = self.home.house.catalogue.movies, self.home.house.catalogue.shows
        refs = [(Kind.MOVIE, film) for film in films[:3]] + [(Kind.SHOW, show) for show in shows[:3]]
        return [Ref(kind, Ids(imdb=title.ids.imdb, tmdb=title.ids.tmdb), name=title.title) for kind, title in refs]

    def side(self) -> Provider:
        return self.home.watchlist()


class TestPlex(ProviderContract):
    features = (Feature.HISTORY, Feature.RATINGS)

    @pytest.fixture
    def bench(self, home: Home) -> Bench:
        home.read(Feature.HISTORY)
        return PlexBench(home)


class TestWatchlist(ProviderContract):
    features = (Feature.WATCHLIST,)

    @pytest.fixture
    def bench(self, home: Home) -> Bench:
        return WatchlistBench(home)


def test_what_plex_can_do_is_what_was_written_down(home: Home) -> None:
    stored: Any = json.loads(Path(__file__).with_name("capabilities.json").read_text())
    side = home.side()
    side.build_index(Feature.HISTORY)
    assert {"server": side.capabilities(), "watchlist": home.watchlist().capabilities()} == stored
    assert side.features() == {Feature.HISTORY, Feature.RATINGS, Feature.COLLECTION}
