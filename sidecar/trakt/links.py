"""Linking a person to a Trakt account and ending it, with the questions that only a person can answer.

A token pair that was obtained is committed before anything is asked: an answer may come later, from another process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from sidecar.clock import Clock
from sidecar.errors import AuthLost, UserError
from sidecar.model import Secret
from sidecar.store.alerts import Alerts
from sidecar.store.db import Store, Transaction
from sidecar.store.outbox import Outbox
from sidecar.store.people import People, Person, TraktAccount
from sidecar.store.vault import Vault
from sidecar.trakt.auth import Auth
from sidecar.trakt.client import Trakt
from sidecar.trakt.tokens import Tokens, as_word, dated
from sidecar.trakt.wire import Token, UserSettings, token_of
from sidecar.words import any_of


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


@dataclass(frozen=True, slots=True)
class Unlinked:
    """It is not linked any more; `told` says whether Trakt heard it, `others` who uses the account on."""

    person: str
    account: str
    told: bool
    others: tuple[str, ...]


class _Pending(msgspec.Struct):
    """A pair that waits for an answer, or for the last of several."""

    token: Token
    settings: UserSettings
    proved_at: datetime
    adopted: bool = False  # somebody else's pair too, which is not ours to end
    said: list[str] = []


class Links:
    """All links."""

    def __init__(
        self, store: Store, vault: Callable[[], Vault], *, auth: Auth, trakt: Trakt, tokens: Tokens, clock: Clock
    ) -> None:
        self._store, self._vault, self._auth, self._trakt = store, vault, auth, trakt
        self._tokens, self._clock = tokens, clock

    def link(self, name: str, token: Token, *, may_make: bool = True, adopted: bool = False) -> Linked | Question:
        """Prove a pair and link the person, or say what has to be decided first; the pair is kept meanwhile."""
        self._vault().require_open()
        settings, now = self._prove(name, token, adopted=adopted), self._clock.now()
        pending = _Pending(dated(token, now), settings, now, adopted)
        with self._store.write() as db:
            people = People(db)
            person = (people.find(name) or people.add(name, now)) if may_make else people.get(name)
            outcome, _ = self._go_on(db, person, pending)  # without a question nobody leaves another account
        return outcome

    def answer(self, name: str, answer: str) -> Linked | Question | None:
        """Carry out what was decided, or ask what is left to decide; None if it was "no"."""
        with self._store.write() as db:
            people = People(db)
            person = people.get(name)
            kept = self._vault().get(db, _waiting(person))
            if kept is None:
                step = f"Begin with `sidetrakt link {as_word(name)}`."
                raise UserError(f"Nothing waits for an answer about {person.name}.", step)
            pending = msgspec.json.decode(kept.reveal(), type=_Pending)
            question = self._question(people, person, pending)
            if answer != "no" and question is not None and answer not in question.answers:
                raise UserError(f"“{answer}” does not answer this: {question.text}", f"Say {any_of(question.answers)}.")
            if answer == "no":
                self._vault().drop(db, _waiting(person))
                outcome, ended = None, None if pending.adopted else pending.token
            else:
                pending.said.append(answer)
                outcome, ended = self._go_on(db, person, pending)
        if ended is not None:
            self._auth.revoke(Secret(ended.access_token))
        return outcome

    def unlink(self, name: str) -> Unlinked:
        """End a person's link: what waited is cancelled and the pair wiped; then Trakt is told, and may not hear."""
        with self._store.write() as db:
            people = People(db)
            person = people.get(name)
            account = people.linked(person)
            if account is None:
                raise UserError(f"{person.name} is not linked.", "`sidetrakt people` shows who is.")
            pair = self._leave(db, person, account)
            others = tuple(other.name for other in people.sharing(account.uuid))
            self._vault().drop(db, _waiting(person))
        told = pair is not None and self._auth.revoke(Secret(pair.access_token))
        return Unlinked(person.name, account.name, told, others)

    def _prove(self, name: str, token: Token, *, adopted: bool) -> UserSettings:
        try:
            return self._trakt.settings_with(token.access_token)
        except AuthLost as problem:
            step = f"link with a code: `sidetrakt link {as_word(name)}`."
            step = f"Take it from the other tool anew, or {step}" if adopted else step.capitalize()
            raise UserError("Trakt does not accept this token.", step) from problem

    def _go_on(self, db: Transaction, person: Person, pending: _Pending) -> tuple[Linked | Question, Token | None]:
        """The next question, or the link with the pair of the account that was left, to be ended after the commit."""
        people, now = People(db), self._clock.now()
        question = self._question(people, person, pending)
        if question is not None:
            self._vault().put(db, _waiting(person), Secret(msgspec.json.encode(pending).decode()))
            return question, None
        settings, former = pending.settings, people.linked(person)
        left = self._leave(db, person, former) if former is not None and former.uuid != settings.uuid else None
        account = people.put_trakt(settings.uuid, settings.user.username, settings.allowed(), pending.proved_at)
        people.link(person, account.uuid, now)
        self._tokens.put(db, account.uuid, pending.token)
        self._vault().drop(db, _waiting(person))
        Alerts(db).close(f"link:{account.uuid}", now)
        return Linked(person.name, account.name, bool(settings.user.vip)), left

    def _leave(self, db: Transaction, person: Person, account: TraktAccount) -> Token | None:
        """End a link; where nobody else has the account, cancel what waits for it and take its pair."""
        People(db).unlink(person)
        if People(db).sharing(account.uuid):
            return None
        outbox, now = Outbox(db), self._clock.now()
        for row in outbox.open():
            if row.trakt == account.uuid:
                outbox.give_up(row.id, now, "the account was unlinked")
        Alerts(db).close(f"link:{account.uuid}", now)
        return self._tokens.take(db, account.uuid)

    def _question(self, people: People, person: Person, pending: _Pending) -> Question | None:
        """What only a person can know: who shares an account, and whether another one shall take its place."""
        uuid, account, former = pending.settings.uuid, pending.settings.user.username, people.linked(person)
        if former is not None and former.uuid != uuid and "replace" not in pending.said:
            text = f"{person.name} is linked to {former.name} now. Replace it by {account}?"
            return Question(f"{text} What is known about {former.name} is put aside.", ("replace", "no"))
        others = [each.name for each in people.sharing(uuid) if each.id != person.id]
        if others and (former is None or former.uuid != uuid) and "shared" not in pending.said:
            text = f"{account} is linked to {', '.join(others)} already. Do they share this account?"
            step = f"If {person.name} is only another name for the same person, say no: one name is enough."
            return Question(f"{text} {step}", ("shared", "no"))
        return None


def read_token_file(path: Path, client_id: str = "") -> Token:
    """A pair from a file: Trakt's token object, or the configuration of CrossWatch; the file is left alone."""
    try:
        content = msgspec.json.decode(path.read_bytes())
    except OSError as problem:
        raise UserError(f"The file {path} cannot be read.", "Check its name and who owns it.") from problem
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise UserError(f"The file {path} is not JSON.", "It must hold Trakt's token object.") from problem
    for place in _places(content):
        if not (place.get("access_token") and place.get("refresh_token")):
            continue
        if client_id and place.get("client_id") not in (None, "", client_id):
            step = "Put the client_id and client_secret of that app into sidetrakt.toml, or link with a code."
            raise UserError(f"The token in {path} was made for another Trakt app, which alone can renew it.", step)
        try:
            return _with_end(token_of(place), place)
        except ValueError as problem:
            raise UserError(f"The token in {path} has a wrong form.", "Take it anew.") from problem
    raise UserError(f"There is no token pair in {path}.", "It must hold access_token and refresh_token.")


def _places(content: Any) -> list[dict[str, Any]]:
    """Where a pair may stand: by itself, or in either of CrossWatch's two places."""
    if not isinstance(content, dict):
        return []
    auth = content.get("auth")
    inner = [content.get("trakt"), auth.get("trakt") if isinstance(auth, dict) else None]
    return [content, *(place for place in inner if isinstance(place, dict))]


def _with_end(token: Token, place: dict[str, Any]) -> Token:
    """CrossWatch writes down when a pair ends, not how long it lives: seven days, so it began that long before."""
    end = str(place.get("expires_at"))
    if place.get("created_at") or not end.isdecimal() or not token.expires_in < int(end) < 10**10:
        return token
    return msgspec.structs.replace(token, created_at=int(end) - token.expires_in)


def _waiting(person: Person) -> str:
    return f"pending:{person.id}"
