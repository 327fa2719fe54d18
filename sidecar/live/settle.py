"""Every move of a row on its way to Trakt, each in one transaction with the ledger and the alert that belongs to it.

A row may be cancelled while it is in hand, because somebody unlinked; then only the ledger hears what became of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sidecar.clock import Clock, from_text, to_minute
from sidecar.live.hub import Hub, News, told
from sidecar.model import Feature
from sidecar.store.alerts import Alerts
from sidecar.store.baseline import Baseline
from sidecar.store.db import Store, Transaction
from sidecar.store.ledger import Ledger
from sidecar.store.outbox import Outbox, Row, State, Topic
from sidecar.store.people import People
from sidecar.viewing import Told, Viewing

OTHERS = timedelta(seconds=30)  # how soon to ask again about what a run has in hand


@dataclass(frozen=True, slots=True)
class Settle:
    """The store as deliver sees it."""

    store: Store
    clock: Clock
    hub: Hub
    epoch: int

    def begin(self, rows: Iterable[Row], minute: datetime | None = None) -> list[Row]:
        """Commit that these are about to be sent; gives those that still have to be, with `minute` or their own end."""
        with self.store.write() as db:
            return [row for row in rows if self._begin(db, row, minute)]

    def to_do(self, account: str) -> list[Row]:
        """What is due for an account that nobody has in hand; what is marked as sent all the same is doubtful."""
        with self.store.read() as db:
            lost = Outbox(db).in_hand(account)
        if lost:
            with self.store.write() as db:
                for number in lost:
                    Outbox(db).doubt(number, "it could not be noted what became of it")
        with self.store.read() as db:
            return Outbox(db).to_do(account, self.clock.now())

    def done(self, row: Row, minute: datetime | None = None, history_id: int | None = None) -> None:
        """Trakt has it, a play as of this minute."""
        with self.store.write() as db:
            viewing = self._move(db, row, "done", self.clock.now())
            if viewing is not None and viewing.id is not None and viewing.told in (Told.NO, Told.SENT):
                ids = [each.history_id for each in Ledger(db).of_title(row.trakt, row.title) if each.id != viewing.id]
                number = None if history_id in ids else history_id
                Ledger(db).set_told(viewing.id, Told.YES, self.clock.now(), minute=minute, history_id=number)
            Alerts(db).close(_alert(row), self.clock.now())
        self._publish(row)

    def later(self, row: Row, at: datetime, why: str) -> None:
        """It was surely not carried out, and is due again then."""
        with self.store.write() as db:
            self._untold(db, self._move(db, row, "later", at, why))
        self._publish(row)

    def doubt(self, row: Row, look_at: datetime, why: str) -> None:
        """It may have been carried out; look for it then."""
        with self.store.write() as db:
            self._move(db, row, "doubt", why, look_at)
        self._publish(row)

    def drop(self, row: Row, why: str) -> None:
        """It is not worth telling any more."""
        with self.store.write() as db:
            self._move(db, row, "drop", self.clock.now(), why)
        self._publish(row)

    def give_up(self, row: Row, why: str, next_step: str) -> None:
        """It will not be told by this way; a person is told so. The viewing stays untold for the next run."""
        with self.store.write() as db:
            self._untold(db, self._move(db, row, "give_up", self.clock.now(), why))
        self.alert(row, why, next_step)
        self._publish(row)

    def alert(self, row: Row, why: str, next_step: str, kind: str = "data") -> None:
        """Say to its person what is wrong with a row."""
        with self.store.write() as db:
            people = People(db).sharing(row.trakt)
            what = f"{', '.join(each.name for each in people)}: {row.body['title']} was not told to Trakt. {why}"
            person = people[0].id if len(people) == 1 else None
            Alerts(db).open(_alert(row), kind, self.clock.now(), what=what, next_step=next_step, person=person)

    def held_rating(self, row: Row) -> bool:
        """Whether Trakt would make a play of this rating, and the title was not watched as far as we know."""
        with self.store.read() as db:
            people, baseline = People(db), Baseline(db)
            if not people.trakt_account(row.trakt).limits.get("rating_watches"):
                return False
            agreed = [baseline.agreed_on(each.id, Feature.HISTORY, row.title) for each in people.sharing(row.trakt)]
            plays = [each.told for each in Ledger(db).of_title(row.trakt, row.title)]
        return not any(agreed) and Told.YES not in plays

    def is_passed(self, row: Row) -> bool:
        """Whether something newer was said about the playing of its title."""
        with self.store.read() as db:
            latest = [Outbox(db).latest(row.trakt, row.title, topic) for topic in (Topic.WATCHING, Topic.PLAY)]
        return any(each is not None and each.id > row.id for each in latest)

    def is_own(self, row: Row, at: datetime, history_id: int | None, until: datetime) -> bool:
        """Whether a play of this moment can be the row's viewing: after its begin, and no other viewing's.

        Where no stop reached Trakt, it may have stored the play when the rest of the film was over.
        """
        rest = timedelta(seconds=(row.body.get("length") or 0.0) * max(0.0, 100 - row.body["progress"]) / 100)
        last = max(from_text(row.body["ended"]) + rest, until) + timedelta(minutes=5)
        if not to_minute(from_text(row.body["began"])) <= at <= last:
            return False
        with self.store.read() as db:
            others = [each for each in Ledger(db).of_title(row.trakt, row.title) if each.id != row.viewing]
        return not any(_owns(each, at, history_id) for each in others)

    def _begin(self, db: Transaction, row: Row, minute: datetime | None) -> bool:
        outbox, ledger, now = Outbox(db), Ledger(db), self.clock.now()
        state = outbox.get(row.id).state
        if state not in (State.DUE, State.DOUBTFUL):
            return False
        viewing = _viewing(db, row)
        if row.topic is Topic.PLAY:
            if viewing is None or viewing.id is None or viewing.told is Told.NEVER:
                outbox.drop(row.id, now, "it shall not be told")
                return False
            if viewing.told is Told.SENT and state is State.DUE:
                outbox.later(row.id, now + OTHERS, "a run tells it")
                return False
            self._untold(db, viewing)
        outbox.later(row.id, row.due_at, row.reason)  # what was in doubt was looked for, and is not there
        outbox.begin(row.id, now, self.epoch)
        if viewing is not None and viewing.id is not None:
            if viewing.told in (Told.YES, Told.GONE):
                outbox.done(row.id, now)
                return False
            ledger.set_told(viewing.id, Told.SENT, now, minute=minute or from_text(row.body["ended"]))
        return True

    def _move(self, db: Transaction, row: Row, step: str, *arguments: object) -> Viewing | None:
        """Move the row, unless it was cancelled meanwhile; its viewing."""
        outbox = Outbox(db)
        state = outbox.get(row.id).state
        if state is State.DUE and step == "done":  # it was there already
            outbox.begin(row.id, self.clock.now(), self.epoch)
        if state in (State.DUE, State.SENT, State.DOUBTFUL):
            getattr(outbox, step)(row.id, *arguments)
        return _viewing(db, row)

    def _untold(self, db: Transaction, viewing: Viewing | None) -> None:
        if viewing is not None and viewing.id is not None and viewing.told is Told.SENT:
            Ledger(db).set_told(viewing.id, Told.NO, self.clock.now())

    def _publish(self, row: Row) -> None:
        with self.store.read() as db:
            self.hub.publish(News("told", row.trakt, told(Outbox(db).get(row.id))))


def _viewing(db: Transaction, row: Row) -> Viewing | None:
    try:
        return Ledger(db).get(row.viewing) if row.viewing is not None else None
    except KeyError:
        return None


def _owns(viewing: Viewing, at: datetime, history_id: int | None) -> bool:
    """Whether a play is another viewing's: by its id, or where that is not known by its minute."""
    if viewing.history_id is not None and history_id is not None:
        return viewing.history_id == history_id
    return viewing.told is Told.YES and viewing.minute is not None and abs(viewing.minute - at) <= timedelta(minutes=2)


def _alert(row: Row) -> str:
    return f"live:{row.trakt}:{row.title}"
