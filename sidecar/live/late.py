"""Plays that are late or in doubt: first a look at what Trakt has, then history with the time at which each ended.

One look serves all rows of an account, and a hundred plays go in one request. What is in doubt is only repeated when
the look did not find it and nothing of it can be under way any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from sidecar.clock import from_text
from sidecar.contract import Fact, Outcome, Plays, Receipt
from sidecar.errors import RateLimited
from sidecar.live.decide import CLOCK_OFF, LATE, NOISE
from sidecar.live.settle import Settle
from sidecar.model import Feature, Ref
from sidecar.store.alerts import Alerts
from sidecar.store.outbox import Row, State
from sidecar.store.titles import Titles
from sidecar.trakt.push import BATCH, NO_TITLE
from sidecar.trakt.reads import Known, Reads, same_title
from sidecar.trakt.service import TraktService
from sidecar.trakt.wire import written_ids

UNDER_WAY = timedelta(minutes=2)  # how long a request without an answer may still be carried out
UNKNOWN_FOR = timedelta(minutes=5)  # the same for one that took too long
MOST_TRIES = 10
MATCH = "Check its ids; `sidetrakt match` gives it others."
Play = tuple[Ref, datetime, int | None]


@dataclass(frozen=True, slots=True)
class Late:
    """Looking and telling afterwards, for all accounts."""

    trakt: TraktService
    settle: Settle

    def is_late(self, row: Row) -> bool:
        """Whether a play ended so long ago that it cannot be told as happening now."""
        return self.settle.clock.now() - from_text(row.body["ended"]) > LATE

    def look(self, account: str, rows: list[Row]) -> list[Row]:
        """Settle what Trakt has already; gives the rest, in order of time, as far as nothing of it is under way."""
        now, rest = self.settle.clock.now(), list[Row]()
        rows = sorted(rows, key=lambda row: str(row.body["ended"]))
        begin = min(from_text(row.body["began"]) for row in rows) - LATE - max(self.ahead, timedelta(0))
        reads = Reads(self.trakt.client, account, Known(lambda *_: {}, lambda: False))
        found = reads.window(begin, max(now, now - self.ahead) + timedelta(hours=1), urgent=True)
        plays = [(ref, row.watched_at + self.ahead, row.id) for row in found if row.watched_at and (ref := row.ref())]
        for row in rows:
            play = self._found(row, plays)
            if play is not None:
                plays.remove(play)
                self.settle.done(row, play[1] - self.ahead, play[2])
            elif row.state is State.DOUBTFUL and self.is_late(row) and now - (row.sent_at or now) < UNDER_WAY:
                self.settle.doubt(row, (row.sent_at or now) + UNDER_WAY, row.reason)
            else:
                rest.append(row)
        return rest

    def tell(self, account: str, rows: list[Row], between: Callable[[], None]) -> None:
        """Tell plays with their own time, a hundred at once; `between` lets through what happens now."""
        if self._clock_is_off(rows):
            return
        named = [(row, ref) for row in rows if (ref := self._named(row)) is not None]
        side = self.trakt.side(account)
        for start in range(0, len(named), BATCH):
            begun = {row.id for row in self.settle.begin(row for row, _ in named[start : start + BATCH])}
            part = [(row, ref) for row, ref in named[start : start + BATCH] if row.id in begun]
            facts = [Fact(ref, Plays((from_text(row.body["ended"]),))) for row, ref in part]
            receipts = side.add(facts, Feature.HISTORY) if facts else []
            for (row, _), receipt in zip(part, receipts, strict=True):
                self._settle(row, receipt)
            if receipts and all(receipt.outcome is Outcome.REFUSED for receipt in receipts):
                until = max((receipt.until for receipt in receipts if receipt.until), default=None)
                raise RateLimited("Trakt", "Trakt did not take it now.", retry_at=until)
            between()

    @property
    def ahead(self) -> timedelta:
        """How far our clock is ahead of Trakt's, as far as that is more than the way to it."""
        ahead = self.trakt.client.ahead
        return ahead if abs(ahead) > NOISE else timedelta(0)

    def ref(self, row: Row) -> Ref:
        """The title of a row as Trakt knows it, or as it was heard."""
        with self.settle.store.read() as db:
            known = Titles(db).refs([row.title])
        return known.get(row.title) or msgspec.convert(row.body["ref"], Ref)

    def _found(self, row: Row, plays: list[Play]) -> Play | None:
        """The play that is this row's viewing, the one nearest to its end."""
        ref, ended, until = self.ref(row), from_text(row.body["ended"]), row.sent_at or from_text(row.body["ended"])
        mine = [play for play in plays if same_title(play[0], ref) and self.settle.is_own(row, play[1], play[2], until)]
        return min(mine, key=lambda play: abs(play[1] - ended), default=None)

    def _named(self, row: Row) -> Ref | None:
        """A name that history takes: without ids of its own an episode is looked up first."""
        ref = self.ref(row)
        if not written_ids(ref.ids):
            found = self.trakt.lookup.resolve(ref, urgent=True)
            if found is None:
                self.settle.give_up(row, f"{NO_TITLE}.", MATCH)
                return None
            ref = found
        return ref

    def _settle(self, row: Row, receipt: Receipt) -> None:
        now = self.settle.clock.now()
        if receipt.outcome in (Outcome.DONE, Outcome.ALREADY):
            self.settle.done(row, None, int(receipt.remote) if receipt.remote else None)
        elif receipt.outcome is Outcome.UNKNOWN:
            self.settle.doubt(row, now + UNKNOWN_FOR, receipt.why)
        elif receipt.outcome is Outcome.NOT_FOUND or row.tries >= MOST_TRIES:
            self.settle.give_up(row, f"{receipt.why}.", MATCH)
        else:
            self.settle.later(row, receipt.until or now + UNDER_WAY * row.tries, receipt.why)

    def _clock_is_off(self, rows: list[Row]) -> bool:
        """Whether our own time is not to be told to anybody; the look before it made sure."""
        now, off = self.settle.clock.now(), abs(self.ahead) > CLOCK_OFF
        with self.settle.store.write() as db:
            if off:
                what = f"The clock of this machine is off by {abs(self.ahead).total_seconds() / 60:.0f} minutes."
                step = "Set it right; until then no play is told with its time."
                Alerts(db).open("clock:trakt", "data", now, what=what, next_step=step)
            else:
                Alerts(db).close("clock:trakt", now)
        for row in rows if off else ():
            self.settle.later(row, now + LATE, "the clock of this machine is wrong")
        return off
