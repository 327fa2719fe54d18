"""A small Trakt, and somebody who talks to it: every exchange of every test is checked against the contract."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import flask
import pytest

from sidecar.demo.catalogue import Catalogue, Episode, Ids, Movie, Person, Season, Show
from sidecar.demo.control import Control
from sidecar.demo.trakt import make_app, signins
from tests.demo.trakt.contract import Contract, Exchange

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)  # near to when the tokens were made


def episode(show: int, season: int, number: int, absolute: int | None = None) -> Episode:
    """An episode whose ids can be told from its numbers."""
    trakt = show * 1000 + season * 100 + number
    ids = Ids(trakt, None, f"tt9{trakt}", 500_000 + trakt, 700_000 + trakt)
    return Episode(ids, season, number, f"Part {number}", 50, datetime(2019, 1, number, 20, tzinfo=UTC), absolute)


def show(trakt: int, title: str | None, sizes: dict[int, int], **ids: Any) -> Show:
    """A show with so many episodes in each season."""
    absolute = iter(range(1, 99))
    seasons = tuple(
        Season(
            Ids(trakt * 10 + number, None, None, 40_000 + trakt * 10 + number),
            number,
            tuple(episode(trakt, number, n, next(absolute) if number else None) for n in range(1, size + 1)),
        )
        for number, size in sizes.items()
    )
    return Show(Ids(trakt, **ids), title, 2017, seasons, ("drama",))


def catalogue() -> Catalogue:
    """One film everybody knows, one without a title and nearly without ids, many others; two shows; four people."""
    films = [
        Movie(Ids(345, "heat-1995", "tt0113277", 949, plex="5d77"), "Heat", 1995, 170, date(1995, 12, 15), ("crime",)),
        Movie(Ids(346), None, None, 90, date(2020, 1, 1)),
    ]
    films += [
        Movie(
            Ids(n, f"film-{n}", f"tt{n:07}", n + 10_000), f"Film {n}", 1960 + n % 60, 100, date(1990, 1, 1), ("drama",)
        )
        for n in range(1000, 1300)
    ]
    dark = show(118, "Dark", {0: 1, 1: 3, 2: 2}, slug="dark", imdb="tt5753856", tmdb=70523, tvdb=334824)
    null = show(119, None, {1: 1}, tmdb=949)  # a show with the tmdb number of a film
    people = (
        Person("Anna", True, "a", (), "owner", trakt="anna", vip=True),
        Person("Ben", False, "b", (), "home", trakt="ben"),
        Person("Child", False, "", (), "managed", trakt="ben"),
        Person("Guest", False, "", (), "friend"),
    )
    return Catalogue(7, tuple(films), (dark, null), (), (), people)


@dataclass
class Caller:
    """A client of one user with the headers of a good citizen; other headers replace them, None drops one."""

    app: flask.Flask
    control: Control
    signin: dict[str, Any]
    contract: Contract | None
    user: str = "ben"
    headers: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.headers = {
            "User-Agent": "Sidetrakt/1.0",
            "trakt-api-key": self.signin["client_id"],
            "trakt-api-version": "2",
            "Authorization": f"Bearer {self.signin['users'][self.user]['access_token']}",
        } | self.headers

    def send(self, method: str, url: str, json: Any = None, headers: Any = None, **more: Any) -> Any:
        """One request, checked against the contract unless it went to the control or was answered by the edge."""
        sent = {name: text for name, text in (self.headers | (headers or {})).items() if text is not None}
        if json is not None or method in ("POST", "PUT"):
            more = {"json": {} if json is None else json} | more
        sent.setdefault("User-Agent", "")
        answer = self.app.test_client().open(url, method=method, headers=sent, **more)
        path, _, query = url.partition("?")
        if self.contract and not path.startswith("/_control"):
            told = answer.json if answer.is_json and answer.data else None
            exchange = Exchange(method, path, query, json if json is not None else {}, answer.status_code, told)
            assert self.contract.problems(exchange) == []
        return answer

    def get(self, url: str, **more: Any) -> Any:
        """The JSON of a 200."""
        answer = self.send("GET", url, **more)
        assert answer.status_code == 200, answer.data
        return answer.json

    def post(self, url: str, json: Any, status: int = 201) -> Any:
        """The JSON of a write; the bucket of writes is empty again afterwards."""
        answer = self.send("POST", url, json)
        self.control.clock.shift(1)
        assert answer.status_code == status, (answer.status_code, answer.data)
        return answer.json if answer.data else None

    def act(self, do: str, **said: Any) -> Any:
        """What somebody does on the website."""
        answer = self.send("POST", "/_control/act", {"do": do, "user": self.user} | said)
        assert answer.status_code == 200, answer.json
        return answer.json["result"]

    def switch(self, **values: Any) -> None:
        """Turns switches."""
        assert self.send("POST", "/_control/switches", values).status_code == 200

    def fault(self, name: str, **args: Any) -> None:
        """Arms a fault."""
        answer = self.send("POST", "/_control/faults", {"name": name} | args)
        assert answer.status_code == 200, answer.json

    def later(self, **span: float) -> None:
        """Moves the clock."""
        self.control.clock.shift(timedelta(**span).total_seconds())

    def state(self) -> Any:
        """What the simulator stores for this user."""
        return self.get("/_control/state")["state"][self.user]


@pytest.fixture(scope="session")
def contract() -> Contract | None:
    """The contract when its files are there; test_contract.py says when they are not."""
    folder = Path(__file__).resolve().parents[4] / "shared" / "contracts"
    return Contract(folder) if folder.is_dir() else None


@pytest.fixture(scope="session")
def simulator() -> tuple[flask.Flask, Control, Catalogue]:
    """One simulator for all tests of this folder."""
    made, control = catalogue(), Control("trakt")
    return make_app(made, control), control, made


@pytest.fixture
def anna(simulator: tuple[flask.Flask, Control, Catalogue], contract: Contract | None) -> Iterator[Caller]:
    """Anna, a VIP, on a Trakt as after its start; the clock stands still at noon."""
    app, control, made = simulator
    control.reset()
    control.clock.freeze()
    control.clock.set(NOON)
    yield Caller(app, control, signins(made), contract, "anna")
    assert not [row for row in control.log if row["unhandled"]]


@pytest.fixture
def ben(anna: Caller) -> Caller:
    """Ben, who does not pay; the same simulator as Anna's."""
    return Caller(anna.app, anna.control, anna.signin, anna.contract, "ben")
