"""Evenings of a household in any order, with faults, wrong clocks, replays and deaths, against the simulated Trakt.

Three persons, two Trakt accounts, two servers with clocks of their own. The world keeps the truth: who watched what,
from when to when. Whatever happens: every finished viewing that was acknowledged is on Trakt exactly once in the end,
with its time; nothing unfinished is; nobody's play goes to somebody else; and nothing waits when Trakt is well.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import requests
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from requests.adapters import BaseAdapter
from sqlite_utils import Database
from werkzeug.test import Client, EnvironBuilder

from sidecar.clock import to_minute
from sidecar.demo.control import CUT, Control
from sidecar.demo.trakt import make_app
from sidecar.demo.trakt.oauth import Desk
from sidecar.events import PlayEvent, What
from sidecar.http import Session
from sidecar.live.deliver import Deliver
from sidecar.live.hub import Hub
from sidecar.live.intake import Intake
from sidecar.model import Ids, Kind, Ref, Secret
from sidecar.settings import Trakt as TraktSettings
from sidecar.store.keys import make_key
from sidecar.store.outbox import Outbox, State
from sidecar.store.people import People
from sidecar.store.titles import Titles
from sidecar.store.vault import Vault
from sidecar.trakt.links import Question
from sidecar.trakt.service import TraktService
from sidecar.trakt.wire import Token
from sidecar.viewing import Source
from tests.demo.trakt.conftest import catalogue
from tests.fakes import START, FakeClock
from tests.machines.crash import Killed, MortalStore

PERSONS = {"anna": "anna", "ben": "ben", "finn": "ben"}  # user → Trakt account; Finn shares Ben's
SKEWS = {"s": timedelta(0), "behind": timedelta(hours=-3), "ahead": timedelta(minutes=40)}
FILMS = {
    1000: Ref(Kind.MOVIE, Ids(trakt=1000, imdb="tt0001000", tmdb=11_000), name="Film 1000", runtime=100),
    1001: Ref(Kind.MOVIE, Ids(imdb="tt0001001", tmdb=11_001), name="Film 1001"),  # Trakt was not asked about it
    118101: Ref(Kind.EPISODE, Ids(tvdb=818101), Ids(trakt=118, tvdb=334824), 1, 1, name="Dark"),
}
LENGTH = 50.0  # minutes, of each
DEATHS = st.sampled_from([None] * 6 + [-1, -1, -1, *range(14)])  # at a statement; -1 = when Trakt answered
TROUBLE: dict[str, dict[str, Any]] = {
    "out": {"name": "status", "status": 503, "times": None},
    "reads out": {"name": "status", "status": 500, "method": "GET", "times": None},
    "lost": {"name": "lost", "method": "POST", "times": 2},
    "after": {"name": "status", "status": 502, "when": "after", "method": "POST"},
    "cut": {"name": "truncated", "length": "cut", "method": "POST"},
    "slow down": {"name": "status", "status": 429, "retry_after": 30, "times": 2},
    "gate": {"name": "html", "status": 403, "times": 2},
}
EVENING = st.tuples(st.sampled_from(sorted(FILMS)), st.sampled_from([3, 30, 38, 41, 46, 50, 50]), st.booleans())
CONTROL = Control("trakt")
APP = make_app(catalogue(), CONTROL)
DESK = next(desk for reset in CONTROL._resets if isinstance(desk := getattr(reset, "__self__", None), Desk))
KEY = make_key()


class Wire(BaseAdapter):
    """The simulated Trakt, one call away; the process may die when it answers."""

    def __init__(self, machine: LiveMachine) -> None:
        super().__init__()
        self._machine = machine

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        body: Any = request.body or b""
        headers = [(name, str(text)) for name, text in request.headers.items()]
        environ = EnvironBuilder(
            request.path_url, method=request.method or "", headers=headers, data=body
        ).get_environ()
        answer = Client(APP).open(environ)
        self._machine.answered()
        if environ.get(CUT):
            raise requests.ConnectionError("cut")
        made = requests.Response()
        made.status_code, made._content, made.request = answer.status_code, answer.data, request
        made.headers.update(answer.headers)
        return made

    def close(self) -> None:
        """Nothing is open."""


class DyingStore:
    """The store of a process that may die at any statement, before a commit and after it."""

    def __init__(self, machine: LiveMachine) -> None:
        self._machine, self._store = machine, machine.world.store
        self.read, self.path = self._store.read, self._store.path

    @contextmanager
    def write(self) -> Iterator[Database]:
        with self._store.write() as db, db.tracer(lambda *_: self._machine.step()):
            yield db
            self._machine.step()
        self._machine.step()


@dataclass
class Player:
    """What somebody does on one player, by true time."""

    user: str
    server: str
    key: str
    film: int = 0
    began: datetime = START
    place: float = 0.0  # minutes
    moved: datetime = START
    plays: bool = False
    open: bool = False


@dataclass
class Truth:
    """A viewing that ended: whose account, what, when; whether it was watched to the end."""

    account: str
    film: int
    began: datetime
    ended: datetime
    finished: bool
    outage: list[datetime] = field(default_factory=list)


class LiveMachine(RuleBasedStateMachine):
    """One household."""

    def __init__(self) -> None:
        super().__init__()
        CONTROL.reset()
        CONTROL.clock.freeze()
        CONTROL.clock.set(START)
        DESK.reset()
        self.clock, self.world = FakeClock(START), MortalStore()
        self.death: int | None = None
        self.players = [Player(user, server, f"{user} {server}") for user in PERSONS for server in ("s", "behind")]
        self.players[1].server = "ahead"
        self.truth: list[Truth] = []
        self.heard: list[PlayEvent] = []
        self.count = 0
        self.begin()

    def teardown(self) -> None:
        try:
            self.all_is_well_in_the_end()
        finally:
            self.service.close()
            self.world.close()

    @initialize()
    def everybody_is_linked(self) -> None:
        """Nothing can be told before."""
        for user, account in PERSONS.items():
            said, name = DESK._issue(account), user.capitalize()
            token = Token(said["access_token"], said["refresh_token"], said["expires_in"], said["created_at"])
            if isinstance(self.service.links.link(name, token), Question):
                self.service.links.answer(name, "shared")
            with self.world.store.write() as db:
                for server in SKEWS:
                    People(db).add_account(People(db).get(name), server, user, name, START)
                Titles(db).learn(FILMS[1000])
        self.rest(60)

    def begin(self) -> None:
        """A process on the files that there are."""
        vault = Vault((KEY,), self.clock)
        chosen = TraktSettings(DESK.client_id, Secret(DESK.client_secret), "http://trakt", "http://trakt")
        store: Any = DyingStore(self)
        self.service = TraktService(chosen, store, lambda: vault, clock=self.clock, rest=self.rest)
        self.service._sessions.close()
        session = Session("Trakt", 5.0)
        session.headers.update({"trakt-api-version": "2", "trakt-api-key": DESK.client_id})
        session.trust_env = False
        session.mount("http://", Wire(self))
        self.service._sessions._mine.session = session
        hub = Hub(store)
        self.intake = Intake(store, self.clock, hub)
        self.deliver = Deliver(store, self.service, clock=self.clock, hub=hub, epoch=self.world.epoch)

    def rest(self, seconds: float) -> bool:
        self.clock.advance(seconds)
        CONTROL.clock.set(self.clock.now())
        return False

    def step(self) -> None:
        """A statement, a commit: the process may end here."""
        if self.death is not None and self.death >= 0:
            self.death -= 1
            if self.death < 0:
                self.death = None
                raise Killed

    def answered(self) -> None:
        if self.death == -1:
            self.death = None
            raise Killed

    def reborn(self) -> None:
        self.service.close()
        self.world.die()
        self.begin()

    def say(self, player: Player, what: What, death: int | None = None) -> None:
        """A server's event; its plugin repeats it until it is acknowledged."""
        self.count += 1
        skew = SKEWS[player.server]
        completed = player.place > 0.9 * LENGTH if what is What.STOP else None
        event = PlayEvent(
            service=Source.JELLYFIN,
            server=player.server,
            user=player.user,
            source="plugin",
            session=player.key,
            at=self.clock.now() + skew,
            sent=self.clock.now() + skew,
            received=self.clock.now(),
            id=f"event {self.count}",
            item=str(player.film),
            refs=(FILMS[player.film],),
            what=what,
            runtime=LENGTH,
            position=player.place * 60,
            completed=completed,
        )
        self.heard.append(event)
        self.death = death
        try:
            self.intake.hear(event)
        except Killed:
            self.reborn()
            self.intake.hear(event)
        self.death = None

    def go_on(self, player: Player) -> None:
        """The film goes on until now."""
        if player.plays:
            passed = (self.clock.now() - player.moved).total_seconds() / 60
            player.place = min(LENGTH, player.place + passed)
        player.moved = self.clock.now()

    def end(self, player: Player) -> None:
        """The truth about what just ended."""
        watched = player.place >= 0.8 * LENGTH
        self.truth.append(Truth(PERSONS[player.user], player.film, player.began, self.clock.now(), watched))
        player.open = player.plays = False

    @rule(which=st.integers(0, 5), film=st.sampled_from(sorted(FILMS)), death=DEATHS)
    def start(self, which: int, film: int, death: int | None) -> None:
        """Somebody starts something; if it follows something else on that player, no stop is sent for that."""
        player = self.players[which]
        if self.is_taken(player, film):
            return
        self.go_on(player)
        if player.open:
            if player.film == film:
                return
            self.say(player, What.PROGRESS)
            self.end(player)
            self.rest(1)
        player.film, player.began, player.place, player.moved = film, self.clock.now(), 0.0, self.clock.now()
        player.open = player.plays = True
        self.say(player, What.START, death)

    def is_taken(self, player: Player, film: int) -> bool:
        """Whether that film is or was on near enough that nobody could tell the viewings of one account apart."""
        account = PERSONS[player.user]
        others = [each for each in self.players if each.open and PERSONS[each.user] == account and each.film == film]
        if any(each is not player for each in others):
            return True
        near = self.clock.now() - timedelta(minutes=6)
        return any(each.ended > near for each in self.truth if (each.account, each.film) == (account, film))

    @rule(which=st.integers(0, 5), death=DEATHS)
    def pause_or_resume(self, which: int, death: int | None) -> None:
        """Somebody wants a drink."""
        player = self.players[which]
        if not player.open:
            return
        self.go_on(player)
        player.plays = not player.plays
        self.say(player, What.RESUME if player.plays else What.PAUSE, death)

    @rule(which=st.integers(0, 5), death=DEATHS)
    def report(self, which: int, death: int | None) -> None:
        """A player says how far it is."""
        player = self.players[which]
        if player.open and player.plays:
            self.go_on(player)
            self.say(player, What.PROGRESS, death)

    @rule(which=st.integers(0, 5), death=DEATHS)
    def stop(self, which: int, death: int | None) -> None:
        """Somebody stops, or it is over."""
        player = self.players[which]
        if player.open:
            self.go_on(player)
            self.say(player, What.STOP, death)
            self.end(player)

    @rule(which=st.integers(0, 5), films=st.lists(EVENING, min_size=1, max_size=4), next_=st.booleans(), death=DEATHS)
    def evening(self, which: int, films: list[tuple[int, float, bool]], next_: bool, death: int | None) -> None:
        """Somebody watches some minutes of each; the next may follow without a stop, and starts be told meanwhile."""
        player = self.players[which]
        for film, seen, told in films:
            if (player.open and not next_) or self.is_taken(player, film):
                return
            self.start(which, film, death if next_ else None)
            if told:
                self.tell(None)
            self.time_passes(seen)
            if not next_:
                self.stop(which, death)
                self.rest(400)

    @rule(name=st.sampled_from([*TROUBLE, "none"]), death=DEATHS, wait=st.sampled_from([0, 4, 20, 200]))
    def tell_in_trouble(self, name: str, death: int | None, wait: float) -> None:
        """Deliver does what is due while something goes wrong, and again when it is over."""
        self.time_passes(wait)
        self.weather(name)
        self.tell(death)
        self.weather("none")

    @rule(minutes=st.sampled_from([0.05, 1, 7, 20, 41, 49, 300]))
    def time_passes(self, minutes: float) -> None:
        """Nothing is told meanwhile."""
        self.rest(minutes * 60)
        for player in self.players:
            self.go_on(player)

    @rule(back=st.integers(1, 12))
    def replay(self, back: int) -> None:
        """An event comes once more, under its own id."""
        if len(self.heard) >= back:
            self.intake.hear(self.heard[-back])

    @rule(death=DEATHS)
    def tell(self, death: int | None) -> None:
        """Deliver does what is due, and may die at it."""
        self.death = death
        try:
            self.deliver_all()
        except Killed:
            self.reborn()
        self.death = None

    def deliver_all(self) -> None:
        for _ in range(30):
            accounts = self.deliver.waiting()
            for account in accounts:
                self.deliver.turn(account)
            if not accounts:
                return

    @rule(name=st.sampled_from([*TROUBLE, "none", "none"]))
    def weather(self, name: str) -> None:
        """Trouble begins, or ends."""
        CONTROL.faults.clear()
        if name in TROUBLE:
            CONTROL.faults.arm(TROUBLE[name])

    @rule()
    def die(self) -> None:
        """Between two steps."""
        self.reborn()

    def all_is_well_in_the_end(self) -> None:
        """Trakt is well and time passes: nothing waits, and every viewing that ended is there once."""
        CONTROL.faults.clear()
        for _ in range(40):
            self.deliver_all()
            with self.world.store.read() as db:
                rows = Outbox(db).open()
            if not rows:
                break
            self.rest(60)
            for player in self.players:
                self.go_on(player)
        assert rows == [], rows
        for viewing in self.truth:
            plays = self.plays_of(viewing)
            assert len(plays) == (1 if viewing.finished else 0), (viewing, plays)

    def plays_of(self, viewing: Truth) -> list[datetime]:
        """The plays on Trakt that are of this viewing: told while it was new, or with its own time."""
        return [
            at
            for film, at in self.plays(viewing.account)
            if film == viewing.film and to_minute(viewing.ended) <= at <= viewing.ended + timedelta(minutes=6)
        ]

    def plays(self, account: str) -> list[tuple[int, datetime]]:
        rows = CONTROL.state()[account]["plays"]
        return [(row.get("movie") or row["episode"], datetime.fromisoformat(row["at"])) for row in rows]

    @invariant()
    def no_play_is_there_that_nobody_watched_and_none_twice(self) -> None:
        for account in set(PERSONS.values()):
            mine = [each for each in self.truth if each.account == account]
            for film, at in self.plays(account):
                own = [each for each in mine if each.film == film and each.finished]
                assert any(to_minute(each.ended) <= at <= each.ended + timedelta(minutes=6) for each in own), (film, at)
            for viewing in mine:
                assert len(self.plays_of(viewing)) <= 1, viewing

    @invariant()
    def nothing_is_given_up(self) -> None:
        with self.world.store.read() as db:
            assert [row for row in Outbox(db).ended(500) if row.state is State.GIVEN_UP] == []


TestLive = LiveMachine.TestCase
TestLive.settings = settings(max_examples=settings().max_examples // 2)  # each step has requests in it
