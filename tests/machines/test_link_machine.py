"""Links through their whole life: linked, renewed, run out, ended on Trakt, locked, outages, deaths, linked again.

Two persons, two accounts, the simulated Trakt without a socket. No refresh token is used again once we have what it
bought; what is stored is always one whole pair; only Trakt's own no makes a link need attention, and then one alert is
open for it; nobody is called for a dead link; whoever links again can go on; who is unlinked leaves no secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgspec
import requests
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from requests.adapters import BaseAdapter
from sqlite_utils import Database
from werkzeug.test import Client, EnvironBuilder

from sidecar.demo.control import CUT, Control
from sidecar.demo.trakt import make_app
from sidecar.demo.trakt.oauth import Desk
from sidecar.errors import AuthLost, NotLinked, RemoteError, UserError
from sidecar.http import Session
from sidecar.model import Secret
from sidecar.settings import Trakt as TraktSettings
from sidecar.store.alerts import Alerts
from sidecar.store.keys import make_key
from sidecar.store.people import People
from sidecar.store.vault import Vault
from sidecar.trakt.links import Linked, Question
from sidecar.trakt.service import TraktService
from sidecar.trakt.statuses import AccountLocked
from sidecar.trakt.wire import Token
from tests.demo.trakt.conftest import catalogue
from tests.fakes import START, FakeClock
from tests.machines.crash import Killed, MortalStore

USERS, NAMES = st.sampled_from(["anna", "ben"]), st.sampled_from(["Anna", "Ben"])
REPLIES = st.sampled_from(["yes", "no", "later"])
DEATHS = st.sampled_from([None] * 16 + [-1, *range(8)])  # at a statement; -1 = when Trakt answered
FAULTS: dict[str, dict[str, Any]] = {
    "out": {"name": "status", "status": 503, "times": None},
    "no renewals": {"name": "status", "status": 502, "body": "html", "times": None, "path": "^/oauth/token$"},
    "renewal lost": {"name": "lost", "path": "^/oauth/token$"},
    "gate": {"name": "html", "status": 403, "path": "^/oauth/token$"},
    "renewal cut": {"name": "truncated", "length": "cut", "path": "^/oauth/token$"},
}
CONTROL = Control("trakt")
APP = make_app(catalogue(), CONTROL)
DESK = next(desk for reset in CONTROL._resets if isinstance(desk := getattr(reset, "__self__", None), Desk))
KEY = make_key()


class Wire(BaseAdapter):
    """The simulated Trakt, one call away; remembers what refresh tokens were used for."""

    def __init__(self, machine: LinkMachine) -> None:
        super().__init__()
        self._machine = machine

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        body: Any = request.body or b""
        builder = EnvironBuilder(
            request.path_url,
            method=request.method or "",
            headers=[(name, str(text)) for name, text in request.headers.items()],
            data=body,
        )
        environ = builder.get_environ()
        said = msgspec.json.decode(body) if body else {}
        self._machine.about_to_send(said)
        answer = Client(APP).open(environ)
        if environ.get(CUT):
            raise requests.ConnectionError("cut")
        made = requests.Response()
        made.status_code, made._content, made.request = answer.status_code, answer.data, request
        made.headers.update(answer.headers)
        self._machine.answered(said, made)
        return made

    def close(self) -> None:
        """Nothing is open."""


class DyingStore:
    """The store of a process that may die at any statement, before a commit and after it."""

    def __init__(self, machine: LinkMachine) -> None:
        self._machine, self._store = machine, machine.world.store
        self.read, self.path = self._store.read, self._store.path

    @contextmanager
    def write(self) -> Iterator[Database]:
        with self._store.write() as db, db.tracer(lambda *_: self._machine.step()):
            yield db
            self._machine.step()
        self._machine.step()


class LinkMachine(RuleBasedStateMachine):
    """Two persons and two accounts."""

    def __init__(self) -> None:
        super().__init__()
        CONTROL.reset()
        CONTROL.clock.freeze()
        CONTROL.clock.set(START)
        DESK.reset()
        self.clock, self.world = FakeClock(START), MortalStore()
        self.death: int | None = None
        self.pairs: set[tuple[str, str]] = set()  # all that were ever given
        self.done_with: set[str] = set()  # refresh tokens whose pair arrived here, or that were replaced in the store
        self.sent = 0
        self.begin()

    def teardown(self) -> None:
        self.service.close()
        self.world.close()

    @initialize()
    def both_are_linked(self) -> None:
        """Nearly everything begins there."""
        self.link("Anna", "anna", "yes", None)
        self.link("Ben", "ben", "yes", None)

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
        self.held: set[str] = set()  # what this process was told and had no chance to store

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

    def about_to_send(self, said: dict[str, Any]) -> None:
        self.sent += 1
        assert said.get("refresh_token") not in self.done_with | self.held

    def answered(self, said: dict[str, Any], answer: requests.Response) -> None:
        if self.death == -1:
            self.death = None
            raise Killed
        if said.get("grant_type") == "refresh_token" and answer.status_code == 200 and answer.content[-1:] == b"}":
            self.held.add(said["refresh_token"])
            self.pairs.add(pair_of(msgspec.json.decode(answer.content)))

    def try_to(self, work: Callable[[], Any], death: int | None) -> Any:
        """Do something as a process that may die at it; what came of it, be it an error."""
        self.death = death
        before = {token.refresh_token for token in self.stored().values()}
        try:
            outcome = work()
        except Killed:
            outcome = None
            self.service.close()
            self.world.die()
            self.begin()
        except (RemoteError, UserError) as problem:
            outcome = problem
        self.death = None
        self.done_with |= before - {token.refresh_token for token in self.stored().values()}
        return outcome

    def stored(self) -> dict[str, Token]:
        """The pairs that are kept, by account."""
        with self.world.store.read() as db:
            names = [row["name"] for row in db.query("SELECT name FROM secret WHERE name LIKE 'trakt:%'")]
            found = {name.removeprefix("trakt:"): self.service.tokens._kept(db, name[6:]) for name in names}
        return {uuid: token for uuid, token in found.items() if token is not None}

    def waiting(self) -> bool:
        """Whether a question is open."""
        with self.world.store.read() as db:
            return bool(db.execute("SELECT 1 FROM secret WHERE name LIKE 'pending:%'").fetchone())

    def states(self) -> dict[str, tuple[str, str]]:
        """Of every account that somebody is linked to: its name and state."""
        with self.world.store.read() as db:
            return {account.uuid: (account.name, account.state) for account in People(db).trakt_accounts()}

    @rule(name=NAMES, user=USERS, reply=REPLIES, death=DEATHS)
    def link(self, name: str, user: str, reply: str, death: int | None) -> None:
        """Somebody types a code in, and answers what is asked, at once or never."""
        said = DESK._issue(user)
        self.pairs.add(pair_of(said))
        token = Token(said["access_token"], said["refresh_token"], said["expires_in"], said["created_at"])
        outcome = self.try_to(lambda: self.service.links.link(name, token), death)
        while isinstance(outcome, Question) and reply != "later":
            word = outcome.answers[0] if reply == "yes" else "no"
            outcome = self.try_to(partial(self.service.links.answer, name, word), death)
        if isinstance(outcome, Linked):
            assert (outcome.person, outcome.account) == (name, user)
            uuid = next(uuid for uuid, (account, _) in self.states().items() if account == user)
            assert self.states()[uuid][1] == "connected"
            CONTROL.faults.clear()
            self.rest(1000)
            assert "all" in self.service.client.last_activities(uuid)

    @precondition(lambda self: self.waiting())
    @rule(name=NAMES, yes=st.booleans(), death=DEATHS)
    def answer_later(self, name: str, yes: bool, death: int | None) -> None:
        """Somebody comes back to a question, perhaps to one that is not open any more."""
        for word in ("replace", "shared") if yes else ("no",):
            self.try_to(partial(self.service.links.answer, name, word), death)

    @precondition(lambda self: self.states())
    @rule(user=USERS, ran_out=st.booleans(), death=DEATHS)
    def call(self, user: str, ran_out: bool, death: int | None) -> None:
        """Something is asked of Trakt for an account, perhaps with a token that just ran out."""
        uuid = next((uuid for uuid, (name, _) in self.states().items() if name == user), "")
        if not uuid:
            return
        if ran_out:
            self.on_trakt(user, "expire_tokens")
        before, sent = self.states()[uuid][1], self.sent
        outcome = self.try_to(lambda: self.service.client.last_activities(uuid), death)
        after = self.states()[uuid][1]
        if isinstance(outcome, NotLinked):
            assert (before, after, self.sent) == ("attention", "attention", sent)
        elif isinstance(outcome, AuthLost):
            assert (before, after) == ("connected", "attention")
            alive = {token.refresh for token in DESK.tokens.values()}
            assert self.stored()[uuid].refresh_token not in alive
        elif isinstance(outcome, AccountLocked):
            assert (before, after) == ("connected", "attention")
        elif outcome is not None:
            assert (before, after) == ("connected", "connected")

    @rule(death=DEATHS)
    def daily_check(self, death: int | None) -> None:
        """All links are looked at."""
        self.try_to(self.service.check_links, death)

    @precondition(lambda self: self.states())
    @rule(name=NAMES, death=DEATHS)
    def unlink(self, name: str, death: int | None) -> None:
        """Somebody ends a link."""
        self.try_to(lambda: self.service.links.unlink(name), death)

    @rule(hours=st.sampled_from([1, 140, 200]))
    def wait(self, hours: int) -> None:
        """Time passes."""
        self.rest(hours * 3600)

    @rule(user=USERS, act=st.sampled_from(["expire_tokens", "revoke_tokens", "lock", "unlock", "unlock"]))
    def on_trakt(self, user: str, act: str) -> None:
        """Something happens on Trakt's side."""
        CONTROL.acts[act]({"do": act, "user": user})

    @rule(name=st.sampled_from([*FAULTS, "none", "none"]))
    def weather(self, name: str) -> None:
        """Trouble begins, or ends."""
        CONTROL.faults.clear()
        if name in FAULTS:
            CONTROL.faults.arm(FAULTS[name])

    @rule()
    def die(self) -> None:
        """Between two steps."""
        self.service.close()
        self.world.die()
        self.begin()

    @invariant()
    def every_link_has_one_whole_pair_and_nothing_else_is_kept(self) -> None:
        stored, states = self.stored(), self.states()
        assert {pair_of(msgspec.structs.asdict(token)) for token in stored.values()} <= self.pairs
        assert stored.keys() == states.keys()
        with self.world.store.read() as db:
            alerts = [alert.key for alert in Alerts(db).open_ones()]
        assert sorted(alerts) == sorted(f"link:{uuid}" for uuid, (_, state) in states.items() if state == "attention")


def pair_of(said: dict[str, Any]) -> tuple[str, str]:
    """An access token with its refresh token."""
    return said["access_token"], said["refresh_token"]


TestLinks = LinkMachine.TestCase
TestLinks.settings = settings(max_examples=settings().max_examples * 3 // 4)  # each step has requests in it
