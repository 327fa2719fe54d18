"""One event while it is taken in: the transaction, whose it is, and what any of its outcomes needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from sidecar.live.choices import Choices
from sidecar.live.hub import News, told
from sidecar.model import Feature, Kind, Ref
from sidecar.store.baseline import Baseline
from sidecar.store.db import Transaction
from sidecar.store.ledger import Ledger
from sidecar.store.outbox import Outbox, Topic
from sidecar.store.people import People
from sidecar.store.titles import Titles
from sidecar.viewing import Told


@dataclass(frozen=True, slots=True)
class Hearing:
    """A person who is linked, what was chosen, and the transaction in which something of theirs is heard."""

    db: Transaction
    now: datetime
    person: int
    trakt: str
    choices: Choices

    @classmethod
    def of(cls, db: Transaction, now: datetime, server: str, user: str) -> Hearing | None:
        """For a server's user; None if it is not certain who that is, or nobody who is linked."""
        people = People(db)
        account = people.account(server, user)
        if account is None:
            return None
        person = people.person(account.person)
        linked = people.linked(person)
        return cls(db, now, person.id, linked.uuid, Choices.of(people.options(person))) if linked else None

    def title(self, ref: Ref) -> int | None:
        """The title behind a ref, made where Trakt was not asked yet; None where its ids lead to two or nowhere."""
        titles = Titles(self.db)
        found = titles.find(ref)
        if found is None and (ref.show or any(name != "trakt" for name, _ in ref.ids.pairs())):
            return titles.claimed(ref)
        return found if isinstance(found, int) else None

    def titles(self, refs: tuple[Ref, ...]) -> list[tuple[int, Ref]]:
        """The titles behind refs, as far as there is one."""
        return [(title, ref) for ref in refs if (title := self.title(ref)) is not None]

    def length(self, refs: tuple[Ref, ...]) -> float | None:
        """Minutes of an item of which its server does not know the length, if Trakt does."""
        known = Titles(self.db).refs(title for title, _ in self.titles(refs))
        lengths = [ref.runtime for ref in known.values() if ref.kind in (Kind.MOVIE, Kind.EPISODE) and ref.runtime]
        return sum(lengths) if len(lengths) == len(refs) else None

    def watched_before(self, title: int) -> bool:
        """Whether it counts as watched already, by what all sides agreed on or by a viewing that we know."""
        if Baseline(self.db).agreed_on(self.person, Feature.HISTORY, title):
            return True
        rows = Ledger(self.db).of_title(self.trakt, title)
        return any(row.told in (Told.NO, Told.SENT, Told.YES) for row in rows)

    def put(
        self, title: int, ref: Ref, topic: Topic, key: str, *, body: dict[str, Any], viewing: int | None = None
    ) -> list[News]:
        """A row of the outbox, unless the same was said before."""
        outbox = Outbox(self.db)
        body = {**body, "title": body["title"] or ref.label(), "ref": msgspec.to_builtins(ref)}
        number = outbox.put(self.trakt, title, topic, key=key, body=body, at=self.now, viewing=viewing)
        return [] if number is None else [News("waiting", self.trakt, told(outbox.get(number)))]
