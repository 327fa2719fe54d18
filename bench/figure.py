"""One measured figure, and the sizes at which figures are taken."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    writes: int  # transactions of the store measurement
    rows: int  # rows of the baseline measurement
    starts: int  # processes started
    titles: int  # in the household
    requests: int  # to each of its servers
    plays: int  # in a history on Trakt
    seconds: int  # of 200 events each
    events: int  # after which memory is looked at again
    merged: int  # titles in one merge


SIZES = {
    "tiny": Size(
        writes=2_000, rows=10_000, starts=3, titles=200, requests=200, plays=500, seconds=2, events=1_000, merged=10_000
    ),
    "small": Size(
        writes=8_000,
        rows=100_000,
        starts=7,
        titles=5_000,
        requests=1_000,
        plays=20_000,
        seconds=20,
        events=20_000,
        merged=100_000,
    ),
    "medium": Size(
        writes=40_000,
        rows=100_000,
        starts=15,
        titles=22_000,
        requests=2_000,
        plays=20_000,
        seconds=60,
        events=60_000,
        merged=100_000,
    ),
    "large": Size(
        writes=200_000,
        rows=1_000_000,
        starts=30,
        titles=110_000,
        requests=4_000,
        plays=100_000,
        seconds=60,
        events=60_000,
        merged=110_000,
    ),
}


@dataclass(frozen=True)
class Figure:
    """A value with its unit, the floor it can be compared with, and the budget if there is one."""

    name: str
    value: float
    unit: str
    floor: float = 0.0  # the same done with the least that could do it, in this run
    budget: str = ""

    @property
    def ratio(self) -> float:
        """How far from the floor."""
        return self.value / self.floor if self.floor else 0.0

    def as_json(self) -> dict[str, Any]:
        """For the results file."""
        return {**asdict(self), "ratio": round(self.ratio, 3)}
