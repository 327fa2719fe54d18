"""Commands about the media servers: first contact, joining two persons, tokens for an account, and a check-up."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import asdict

from sidecar.app import App
from sidecar.commands.meanwhile import Arguments, meanwhile
from sidecar.errors import UserError
from sidecar.model import Secret
from sidecar.servers.known import Finding
from sidecar.servers.listening import State
from sidecar.store.handover import Event
from sidecar.store.people import Account, People


def meet(app: App, arguments: Arguments) -> Iterator[Event]:  # noqa: ARG001 - every command takes arguments
    """Reach every server once: who it is, who has an account there."""
    app.vault.require_open()
    met = yield from meanwhile(app, app.servers.meet, "the servers")
    yield {"result": [asdict(each) for each in met]}


def join(app: App, arguments: Arguments) -> Iterator[Event]:
    """Make two persons one, because somebody who may says that they are."""
    with app.store.write() as db:
        people = People(db)
        one, other = people.get(arguments["one"]), people.get(arguments["other"])
        people.join(one, other)
        names = [account.name for account in people.accounts(one)]
    yield {"result": {"person": one.name, "joined": other.name, "accounts": names}}


def account(app: App, arguments: Arguments) -> Iterator[Event]:
    """Give an account a token of its own: one that was brought, or by a code that its owner types in."""
    app.vault.require_open()
    with app.store.read() as db:
        found = People(db).account_at(arguments["account"])
    if found is None:
        step = "Write it as PERSON@SERVER, as `sidetrakt people` shows it."
        raise UserError(f"There is no account “{arguments['account']}”.", step)
    token = arguments.get("token")
    taken = app.servers.adopt(found, Secret(token)) if token else (yield from _with_code(app, found))
    yield {"result": {"account": arguments["account"], "name": found.name, "holds": taken}}


def check(app: App, arguments: Arguments) -> Iterator[Event]:  # noqa: ARG001 - every command takes arguments
    """Look at every server: version, rights, libraries, and what else feeds Trakt."""
    found = yield from meanwhile(app, lambda: list(app.servers.check()), "the servers")
    yield {"result": [asdict(each) for each in [*found, *map(_heard, app.listeners.states())]]}


def _heard(state: State) -> Finding:
    """How a listener does."""
    if state.problem:
        step = "It is tried again by itself; what was played meanwhile is looked up afterwards."
        return Finding(state.name, "warning", state.problem, step)
    if state.since is None:
        return Finding(state.name, "note", "begins in a moment")
    return Finding(state.name, "ok", f"listening since {state.since:%Y-%m-%d %H:%M} UTC")


def _with_code(app: App, found: Account) -> Generator[Event, None, list[str]]:
    """Show a code and wait until somebody typed it in."""
    sign_in = app.servers.sign_in(found)
    code = sign_in.begin()
    yield {"code": code.code, "url": code.where, "seconds_left": code.seconds}
    end = app.clock.monotonic() + code.seconds
    while (left := end - app.clock.monotonic()) > 0:
        token = sign_in.poll()
        if token is not None:
            return app.servers.adopt(found, token)
        yield {"seconds_left": round(left)}
        if app.crew.stop.wait(sign_in.interval):
            break
    raise UserError("Nobody typed in the code in time.", "Start again when somebody is there to do it.")
