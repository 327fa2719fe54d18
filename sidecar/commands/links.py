"""Commands about Trakt links: link, answer a question about one, unlink, and how all of them are."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import msgspec

from sidecar.app import App
from sidecar.commands.meanwhile import Arguments, meanwhile
from sidecar.contract import State
from sidecar.errors import NotLinked, RemoteError, UserError
from sidecar.store.handover import Event
from sidecar.store.people import People, check_name
from sidecar.trakt.auth import Waiting
from sidecar.trakt.links import Linked, Question
from sidecar.trakt.tokens import as_word
from sidecar.trakt.wire import Token


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


def health(app: App, arguments: Arguments) -> Iterator[Event]:  # noqa: ARG001 - every command takes arguments
    """How every linked account is, with one request each; one more where that leaves a link in doubt."""
    with app.store.read() as db:
        uuids = [account.uuid for account in People(db).trakt_accounts()]
    yield {"result": (yield from meanwhile(app, lambda: [_health(app, uuid) for uuid in uuids]))}


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


def _linked(outcome: Linked | Question | None) -> dict[str, Any]:
    if isinstance(outcome, Question):
        return {"question": outcome.text, "answers": list(outcome.answers)}
    if outcome is None:
        return {"linked": False}
    return {"linked": True, "person": outcome.person, "account": outcome.account, "vip": outcome.vip}
