"""What another command may ask of whoever owns the data folder: one function a command, progress first, result last.

It does not matter who carries them out: the running `up`, or the command itself where nothing runs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict
from typing import Any, TypeVar

import msgspec

from sidecar.app import App
from sidecar.commands_hooks import hooks
from sidecar.contract import Plays, State
from sidecar.errors import NotLinked, RemoteError, UserError
from sidecar.model import Feature
from sidecar.options import parse_choices
from sidecar.store.handover import Event
from sidecar.store.people import People, Person, check_name
from sidecar.trakt.auth import Waiting
from sidecar.trakt.links import Linked, Question
from sidecar.trakt.tokens import as_word
from sidecar.trakt.wire import Token

Arguments = dict[str, Any]
Outcome = TypeVar("Outcome")


def perform(app: App, command: str, arguments: Arguments) -> Iterator[Event]:
    """Carry out a command for whoever asked."""
    if command not in COMMANDS:
        raise UserError(f"The running Sidetrakt does not know “{command}”.", "Restart it with this version.")
    yield from COMMANDS[command](app, arguments)


def set_options(app: App, arguments: Arguments) -> Iterator[Event]:
    """Change what a person chose."""
    chosen = parse_choices(arguments["words"])
    with app.store.write() as db:
        people = People(db)
        person = people.get(arguments["person"])
        for key, value in chosen.items():
            people.set_option(person, key, value, app.clock.now())
    yield {"result": {"person": person.name, "set": chosen}}


def rotate_keys(app: App, arguments: Arguments) -> Iterator[Event]:  # noqa: ARG001 - every command takes arguments
    """Change the key of the vault."""
    count, keys = app.change_key()
    yield {"result": {"resealed": count, "origin": keys.origin, "file": keys.path is not None}}


def link(app: App, arguments: Arguments) -> Iterator[Event]:
    """Link a person: with a pair that was brought, or with a code that somebody types in."""
    if not app.trakt.auth.is_configured():
        step = "Put trakt.client_id into sidetrakt.toml."
        raise UserError("Sidetrakt does not know which Trakt app it is.", step)
    app.vault.require_open()
    name = check_name(arguments["person"])
    with app.store.read() as db:
        may_make = not People(db).has_accounts()  # else persons are made from the servers' users
        if not may_make:
            People(db).get(name)  # before anybody types in a code
    adopted = bool(arguments.get("token"))
    pair = msgspec.convert(arguments["token"], Token) if adopted else (yield from _with_code(app))
    yield {"result": _linked(app.trakt.links.link(name, pair, may_make=may_make, adopted=adopted))}


def _with_code(app: App) -> Generator[Event, None, Token]:
    """Show a code and wait until somebody typed it in."""
    code = app.trakt.auth.device_code()
    yield {"code": code.user_code, "url": code.verification_url, "seconds_left": code.expires_in}
    for heard in app.trakt.auth.wait_for(code, app.crew.stop.wait):
        if not isinstance(heard, Waiting):
            return heard
        yield {"seconds_left": heard.seconds_left, "trouble": heard.trouble, "again_in": heard.again_in}
    raise AssertionError("unreachable")  # it ends with a pair or an error


def answer(app: App, arguments: Arguments) -> Iterator[Event]:
    """Say what was decided about a link that waits."""
    yield {"result": _linked(app.trakt.links.answer(arguments["person"], arguments["answer"]))}


def unlink(app: App, arguments: Arguments) -> Iterator[Event]:
    """End a link."""
    yield {"result": asdict(app.trakt.links.unlink(arguments["person"]))}


def look(app: App, arguments: Arguments) -> Iterator[Event]:
    """Read one side and say what was found; writes nothing."""
    person, uuid = _linked_person(app, arguments["person"])
    side, feature = app.trakt.side(uuid), Feature(arguments["feature"])
    index = yield from _meanwhile(app, lambda: side.build_index(feature))
    yield {
        "result": {
            "person": person.name,
            "side": "trakt",
            "feature": index.feature,
            "facts": len(index.facts),
            "plays": sum(len(fact.value.minutes) for fact in index.facts if isinstance(fact.value, Plays)),
            "scope": index.scope,
            "complete": index.complete,
            "why": index.why,
            "requests": index.requests,
            "first": [fact.ref.label() for fact in index.facts[:5]],
        }
    }


def health(app: App, arguments: Arguments) -> Iterator[Event]:  # noqa: ARG001 - every command takes arguments
    """How every linked account is, with one request each; one more where that leaves a link in doubt."""
    with app.store.read() as db:
        uuids = [account.uuid for account in People(db).trakt_accounts()]
    yield {"result": (yield from _meanwhile(app, lambda: [_health(app, uuid) for uuid in uuids]))}


def _meanwhile(app: App, work: Callable[[], Outcome]) -> Generator[Event, None, Outcome]:
    """Do something slow, and say every second how many requests it took and how long Trakt lets us wait."""
    before = app.trakt.limits.taken
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="asked") as pool:
        doing = pool.submit(work)
        while not wait([doing], timeout=1.0).done:
            waits = max((each.seconds for each in app.trakt.limits.waiting()), default=0.0)
            yield {"requests": app.trakt.limits.taken - before, "waits": round(waits)}
        return doing.result()


def _health(app: App, uuid: str) -> dict[str, Any]:
    side = app.trakt.side(uuid)
    how = side.health()
    if how.state is State.AUTH:  # a token that ran out, or a link that ended: only a renewal can tell
        with suppress(RemoteError, NotLinked):
            app.trakt.client.last_activities(uuid)
        how = side.health()
    with app.store.read() as db:
        people = People(db)
        account, names = people.trakt_account(uuid), people.sharing(uuid)
    if account.state != "connected":
        step = f"Link it again with `sidetrakt link {as_word(names[0].name)}`."
        return {"account": account.name, "state": State.AUTH, "what": account.reason, "next_step": step}
    return {"account": account.name, "state": how.state, "what": how.what, "next_step": how.next_step}


def _linked_person(app: App, name: str) -> tuple[Person, str]:
    with app.store.read() as db:
        person = People(db).get(name)
        account = People(db).linked(person)
    if account is None:
        raise UserError(f"{person.name} is not linked to Trakt.", f"Run `sidetrakt link {person.name}`.")
    return person, account.uuid


def _linked(outcome: Linked | Question | None) -> dict[str, Any]:
    if isinstance(outcome, Question):
        return {"question": outcome.text, "answers": list(outcome.answers)}
    if outcome is None:
        return {"linked": False}
    return {"linked": True, "person": outcome.person, "account": outcome.account, "vip": outcome.vip}


COMMANDS: dict[str, Callable[[App, Arguments], Iterator[Event]]] = {
    "set": set_options,
    "keys rotate": rotate_keys,
    "link": link,
    "answer": answer,
    "unlink": unlink,
    "look": look,
    "health": health,
    "hooks": hooks,
}
