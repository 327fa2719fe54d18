"""Trakt keeps the contract of all providers; so does the side in memory that other tests use in its place."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sidecar.contract import Provider
from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.trakt.provider import TraktSide
from tests.contract import Bench, ProviderContract
from tests.ram import RamSide, key_of
from tests.trakt.conftest import HEAT, World, film, part

TITLES = (HEAT, part(1), film(1000), part(2, season=2), film(1001))
NOBODY_KNOWS = Ref(Kind.MOVIE, Ids(imdb="tt7777777", tmdb=7_777_777), name="Nobody knows")


def typed(trakt: TraktSide, ram: RamSide) -> Sequence[Provider]:
    """What mypy proves."""
    return trakt, ram


@dataclass
class TraktBench:
    world: World
    nobody_knows: Ref = NOBODY_KNOWS
    cheap: int = 1

    def known(self, feature: Feature) -> Sequence[Ref]:
        return TITLES

    def side(self) -> Provider:
        return self.world.side()

    def written(self) -> int:
        return len([row for row in self.world.control.log if row["method"] != "GET"])

    def asked(self) -> int:
        return len(self.world.control.log)

    def later(self) -> None:
        """Its moments are finer than a second."""


@dataclass
class RamBench:
    ram: RamSide = field(default_factory=lambda: RamSide(unknown={key_of(NOBODY_KNOWS)}))
    nobody_knows: Ref = NOBODY_KNOWS
    cheap: int = 1

    def known(self, feature: Feature) -> Sequence[Ref]:
        return TITLES

    def side(self) -> Provider:
        return self.ram

    def written(self) -> int:
        return len(self.ram.writes)

    def asked(self) -> int:
        return len(self.ram.writes) + self.ram.reads

    def later(self) -> None:
        """Its moments are finer than a second."""


class TestTrakt(ProviderContract):
    @pytest.fixture
    def bench(self, world: World) -> Bench:
        bench = TraktBench(world)
        bench.side()
        return bench


class TestRam(ProviderContract):
    @pytest.fixture
    def bench(self) -> Bench:
        return RamBench()


def test_what_trakt_can_do_is_what_was_written_down(world: World) -> None:
    stored: Any = json.loads(Path(__file__).with_name("capabilities.json").read_text())
    assert world.side().capabilities() == stored
    assert world.side().capabilities().keys() >= set(map(str, Feature))
