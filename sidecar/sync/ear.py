"""One side being listened to: what it says of each title, compared with what it was last seen to hold.

What moved is found here; what a difference means, `history` and `ratings` know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime

from sidecar.contract import Plays
from sidecar.model import Feature
from sidecar.sync import history, ratings
from sidecar.sync.plan import Agreed, Said, Seen
from sidecar.sync.sides import Policy, Read, Side

NOTHING = Seen(None)
BULK = 3  # items that got the same date within two minutes were marked, not watched


class Ear:
    """Listens to one side; `looks` are the titles that must be asked directly before more can be said."""

    def __init__(self, side: Side, rows: Mapping[int, Seen], read: Read, policy: Policy) -> None:
        self.side, self.rows, self.read, self.policy = side, rows, read, policy
        self.looks: list[int] = []
        self.first = policy.full or not side.joined
        self._dates: Counter[int] | None = None

    def listen(self, agreed: Mapping[int, Agreed]) -> Iterator[Said]:
        """All that this side says in this run."""
        about = history if self.policy.feature is Feature.HISTORY else ratings
        rows, facts, only = self.rows, self.read.facts, self.policy.only
        for title, now in facts.items():
            row = rows.get(title)
            # What is as it was says nothing, unless nobody agreed on anything yet or all are asked anew.
            old = row is not None and row.value == now and row.expected is None
            if row is not None and old and (row.kept_since is not None or (title in agreed and not self.first)):
                continue
            if only is not None and title not in only:
                continue
            said = about.present(self, title, row, now, agreed.get(title))
            if said is not None:
                yield said
        for title in self._absent():
            if only is None or title in only:
                said = about.absent(self, title, rows.get(title))
                if said is not None:
                    yield said

    def trusts(self, now: object) -> bool:
        """Whether a fact may be believed: what an incomplete read shows is there, but of plays perhaps not all."""
        return self.read.complete or not isinstance(now, Plays)

    def forgets(self, row: Seen | None) -> bool:
        """Whether this run takes a side as if it were read for the first time; what is kept is never forgotten."""
        return not self.side.joined or (self.policy.full and (row is None or row.kept_since is None))

    def is_first(self, row: Seen | None, agreed: Agreed | None) -> bool:
        """Whether what is shown of a title now is taken as new, whatever was seen before."""
        if row is None or row.value is None or not self.side.joined:
            return self.forgets(row)
        if agreed is None:  # it was seen, and nobody agreed on it: as where two persons share an account
            return row.kept_since is None
        # What was removed, and of which this side only was not told yet, does not come back by a full run.
        return self.forgets(row) and agreed.value is not None

    def must_look(self, title: int, items: tuple[str, ...]) -> bool:
        """Whether absence proves nothing yet: an item left or got another id, or was not asked directly."""
        read = self.read
        if read.items is not None and (not items or not set(items) <= set(read.items.get(title, ()))):
            return True
        if title not in read.asked:
            self.looks.append(title)
            return True
        return not read.complete or not all(item in read.there for item in items)

    def is_bulk(self, at: datetime) -> bool:
        """Whether three or more items of this account share a date, within two minutes."""
        if self._dates is None:
            several = self.policy.several  # an item of several titles is one
            self._dates = Counter(
                int(copy.at.timestamp()) // 60
                for title, now in self.read.facts.items()
                for copy in now.copies
                if copy.at is not None and copy.played and several.get(copy.item, (title,))[0] == title
            )
        middle = int(at.timestamp()) // 60
        return sum(self._dates[minute] for minute in range(middle - 2, middle + 3)) >= BULK

    def _absent(self) -> Iterator[int]:
        """Titles that held something, or were heard to be watched here, and show nothing now."""
        read, kinds = self.read, self.policy.kinds
        if read.complete:
            for title, row in self.rows.items():
                if row.value is not None and title not in read.facts and read.says_absent(title, kinds.get(title)):
                    yield title
            unread = {title for title in read.heard if title not in read.facts}
            yield from unread - {title for title in unread if self.rows.get(title, NOTHING).value is not None}
