"""Linking a person to a Trakt account and ending it, with the questions that only a person can answer.

A token pair that was obtained is committed before anything is asked: an answer may come later, from another process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from sidecar.clock import Clock
from sidecar.errors import AuthLost, UserError
from sidecar.model import Secret
from sidecar.store.alerts import Alerts
from sidecar.store.db import Store
from sidecar.store.outbox import Outbox
from sidecar.store.people import People, Person
from sidecar.store.vault import Vault
from sidecar.trakt.auth import Auth
from sidecar.trakt.client import Trakt
from sidecar.trakt.tokens import Tokens, dated
from sidecar.trakt.wire import Token, UserSettings

ANSWERS = ("shared", "replace", "no")


@dataclass(frozen=True, slots=True)
class Linked:
    """It is linked."""

    person: str
    account: str
    vip: bool


@dataclass(frozen=True, slots=True)
class Question:
    """Somebody has to decide first; `answers` says how."""

    text: str
    answers: tuple[str, ...]


class _Pending(msgspec.Struct):
    """A pair that waits for an answer."""

    token: Token
    settings: UserSettings


class Links:
    """All links."""

    def __init__(
        self, store: Store, vault: Callable[[], Vault], *, auth: Auth, trakt: Trakt, tokens: Tokens, clock: Clock
    ) -> None:
        self._store, self._vault, self._auth, self._trakt = store, vault, auth, trakt
        self._tokens, self._clock = tokens, clock

    def link(self, name: str, token: Token, *, may_make: bool = True) -> Linked | Question:
        """Prove a pair and link the person, or say what has to be decided first; the pair is kept meanwhile."""
        self._vault().require_open()
        settings = self._prove(token)
        pending = _Pending(dated(token, self._clock.now()), settings)
        with self._store.write() as db:
            people = People(db)
            person = (people.find(name) or people.add(name, self._clock.now())) if may_make else people.get(name)
            question = self._question(people, person, settings)
            if question is not None:
                self._vault().put(db, _waiting(person), Secret(msgspec.json.encode(pending).decode()))
                return question
        return self._finish(person, pending)

    def answer(self, name: str, answer: str) -> Linked | None:
        """Carry out what was decided; None if it was "no" and the pair was ended."""
        with self._store.read() as db:
            person = People(db).get(name)
            kept = self._vault().get(db, _waiting(person))
        if kept is None:
            raise UserError(f"Nothing waits for an answer about {name}.", "Begin with `sidetrakt link PERSON`.")
        pending = msgspec.json.decode(kept.reveal(), type=_Pending)
        if answer == "no":
            self._auth.revoke(Secret(pending.token.access_token))
            with self._store.write() as db:
                self._vault().drop(db, _waiting(person))
            return None
        return self._finish(person, pending)

    def unlink(self, name: str) -> tuple[Person, str, bool]:
        """End a person's link: what waited is cancelled, Trakt is told, the pair is wiped whether or not it heard."""
        with self._store.write() as db:
            people = People(db)
            person = people.get(name)
            account = people.linked(person)
            if account is None:
                raise UserError(f"{person.name} is not linked.", "`sidetrakt people` shows who is.")
            alone = len(people.sharing(account.uuid)) == 1
            people.unlink(person)
            if alone:
                for row in Outbox(db).open():
                    if row.trakt == account.uuid:
                        Outbox(db).give_up(row.id, self._clock.now(), "the account was unlinked")
                Alerts(db).close(f"link:{account.uuid}", self._clock.now())
        pair = self._tokens.pair(account.uuid) if alone else None
        told = self._auth.revoke(Secret(pair.access_token)) if pair else False
        if alone:
            with self._store.write() as db:
                self._tokens.drop(db, account.uuid)
        return person, account.name, told

    def _prove(self, token: Token) -> UserSettings:
        try:
            return self._trakt.settings_with(token.access_token)
        except AuthLost as problem:
            step = "Take it from the other tool anew, or link with a code: `sidetrakt link PERSON`."
            raise UserError("Trakt does not accept this token.", step) from problem

    def _question(self, people: People, person: Person, settings: UserSettings) -> Question | None:
        """What only a person can know: who shares an account, and whether another one shall take its place."""
        former = people.linked(person)
        if former is not None and former.uuid != settings.uuid:
            text = f"{person.name} is linked to {former.name} now. Replace it by {settings.user.username}?"
            return Question(f"{text} What is known about {former.name} is put aside.", ("replace", "no"))
        others = [each.name for each in people.sharing(settings.uuid) if each.id != person.id]
        if others:
            text = f"{settings.user.username} is linked to {', '.join(others)} already. Do they share this account?"
            step = f"If {person.name} is the same person, say no and join them with `sidetrakt people join`."
            return Question(f"{text} {step}", ("shared", "no"))
        return None

    def _finish(self, person: Person, pending: _Pending) -> Linked:
        settings, now = pending.settings, self._clock.now()
        limits: dict[str, Any] = {**settings.limits, "vip": bool(settings.user.vip)}
        with self._store.write() as db:  # everything or nothing: there is no half link
            People(db).put_trakt(settings.uuid, settings.user.username, limits, now)
            People(db).link(person, settings.uuid, now)
            self._tokens.put(db, settings.uuid, pending.token)
            self._vault().drop(db, _waiting(person))
            Alerts(db).close(f"link:{settings.uuid}", now)
        return Linked(person.name, settings.user.username, bool(settings.user.vip))


def read_token_file(path: Path) -> Token:
    """A pair from a file: Trakt's token object, or the configuration of CrossWatch; the file is left alone."""
    try:
        content = msgspec.json.decode(path.read_bytes())
    except OSError as problem:
        raise UserError(f"The file {path} cannot be read.", "Check its name and who owns it.") from problem
    except msgspec.DecodeError as problem:
        raise UserError(f"The file {path} is not JSON.", "It must hold Trakt's token object.") from problem
    for place in _places(content):
        if place.get("access_token") and place.get("refresh_token"):
            try:
                return _token(place)
            except (msgspec.ValidationError, ValueError, TypeError) as problem:
                raise UserError(f"The token in {path} has a wrong form.", "Take it anew.") from problem
    raise UserError(f"There is no token pair in {path}.", "It must hold access_token and refresh_token.")


def _places(content: Any) -> list[dict[str, Any]]:
    """Where a pair may stand: by itself, or in either of CrossWatch's two places."""
    if not isinstance(content, dict):
        return []
    auth = content.get("auth")
    inner = [content.get("trakt"), auth.get("trakt") if isinstance(auth, dict) else None]
    return [content, *(place for place in inner if isinstance(place, dict))]


def _token(place: dict[str, Any]) -> Token:
    known = {
        name: place[name] for name in ("access_token", "refresh_token", "expires_in", "created_at") if place.get(name)
    }
    if "expires_in" not in known and place.get("expires_at") and known.get("created_at"):
        known["expires_in"] = int(place["expires_at"]) - int(known["created_at"])
    return msgspec.convert(known, Token, strict=False)


def _waiting(person: Person) -> str:
    return f"pending:{person.id}"
