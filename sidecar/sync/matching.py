"""The store's side of matching: titles for items that nobody knows yet, and for what Trakt shows.

Trakt's own facts teach its word about titles that a server holds; of everything else only hashes are kept. Trakt is
asked where claims overlap and do not agree, and where a new item may be one of those hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from sidecar.clock import Clock
from sidecar.contract import Fact
from sidecar.errors import RemoteError, SidetraktError
from sidecar.model import Ids, Kind, Ref
from sidecar.store.baseline import Baseline
from sidecar.store.claims import SURE, Claims, Words, bond, words_of
from sidecar.store.db import Store, Transaction
from sidecar.store.elsewhere import Elsewhere
from sidecar.store.items import PORTION
from sidecar.store.items import Item as Stored
from sidecar.store.matches import Matches
from sidecar.store.titles import Titles
from sidecar.sync.match import Item, Lookups, Place, Word, match

UNKNOWN = "Trakt knows nothing of it, or its ids belong to different titles there."
OTHER_IDS = "Some of its ids are those of {label} at Trakt, and others are not; correct it on the server."
WAITS = Ref(Kind.MOVIE, Ids(trakt=1))  # stands for an answer that could not be had
AskTrakt = Callable[[Ref], Ref | None]
"""Trakt's word about a claim, None if it knows nothing or the ids disagree; raises SidetraktError."""
Answers = dict[str, Ref | None]
Moved = dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
"""Items of a server with the titles that they stood for, and those they stand for now."""


class Matching:
    """Finds titles for items and facts."""

    def __init__(self, store: Store, elsewhere: Elsewhere, ask: AskTrakt, clock: Clock) -> None:
        self._store, self._elsewhere, self._ask, self._clock = store, elsewhere, ask, clock

    def match(self, server: str, since: datetime) -> Moved:
        """Find the titles of all items that wait; where Trakt may have something of them unread, it is read again.

        Gives the items that were known before this moment as something else, or as nothing, with what they were and
        are: what is on them was not read.
        """
        left, moved = set[int](), Moved()
        while True:
            with self._store.read() as db:
                waiting = [item for item in Matches(db).waiting([server], PORTION + len(left)) if item.id not in left]
            if not waiting:
                return moved
            answers = self._answers(waiting)
            gained: set[int] = set()
            with self._store.write() as db:
                for item, titles, verdict, known in self._found(db, waiting, answers):
                    if titles is None:
                        left.add(item.id)  # Trakt could not be asked; it waits for the next run
                    else:
                        before = Matches(db).put(item, titles, verdict, self._clock.now(), since)
                        moved |= {item.remote: (before, titles)} if before is not None else {}
                        gained.update(titles if known else ())
                Baseline(db).unread(gained)

    def learn(self, facts: Sequence[Fact], account: str, held: set[int]) -> tuple[list[int | None], dict[int, int]]:
        """The titles of Trakt's facts in their order, None for what nobody `held`; and titles that became others."""
        with self._store.read() as db:
            known = {kind: Titles(db).numbers(kind) for kind in {fact.ref.kind for fact in facts}}
        found: list[int | None] = [known[fact.ref.kind].get(fact.ref.ids.trakt or 0) for fact in facts]
        new, moved = [index for index, title in enumerate(found) if title is None], dict[int, int]()
        for start in range(0, len(new), PORTION):
            part = {index: facts[index].ref for index in new[start : start + PORTION]}
            with self._store.read() as db:
                near, ids = Claims(db).near(_words(part.values())), Matches(db).ids(_pairs(part.values()))
            by_word: dict[str, set[int]] = {}
            for title, words in near.items():
                for word in words:
                    by_word.setdefault(word, set()).add(title)
            with self._store.write() as db:
                titles = Titles(db)
                for index, ref in part.items():
                    words = words_of(ref)
                    close = {title: bond(words, near[title]) for word in words for title in by_word.get(word, ())}
                    if any(strength > 0 for strength in close.values()) or any(pair in ids for pair in _pairs([ref])):
                        found[index], conflict = titles.learn(ref)
                        Matches(db).again(conflict.titles if conflict else ())
                    elif words:
                        self._elsewhere.put(db, account, words_of(ref, "trakt"))
                    for title in [title for title, strength in close.items() if strength < 0]:
                        Matches(db).refuse(title, OTHER_IDS.format(label=ref.label()), self._clock.now())
                moved |= titles.moves
        held = {moved.get(title, title) for title in held}
        return [title if title in held else None for title in found], moved

    def named(self, refs: Mapping[Ref, int]) -> dict[Ref, int]:
        """The titles by refs that Trakt knows for certain; raises SidetraktError where it cannot be asked."""
        found: dict[Ref, int] = {}
        for ref, title in refs.items():
            real = ref if ref.ids.trakt is not None else self._ask(ref)
            if real is not None:
                found[real] = title
        return found

    def _answers(self, waiting: Iterable[Stored]) -> Answers:
        """Trakt's word about claims that may mean what others mean, or what it was seen to have."""
        with self._store.read() as db:
            refs = [ref for item in waiting for ref in self._unknown(db, item.refs())]
            words = {ref.claim(): words_of(ref) for ref in refs}
            near = list(Claims(db).near(word for each in words.values() for word in each).values())
            hits = self._elsewhere.found(db, {word for each in words.values() for word in each})
        by_word: dict[str, list[Words]] = {}
        for claim in {*near, *words.values()}:
            for word in claim:
                by_word.setdefault(word, []).append(claim)
        answers: Answers = {}
        for ref in refs:
            mine = words[ref.claim()]
            rivals = any(bond(mine, other) < SURE for word in mine for other in by_word[word])
            if rivals or mine & hits:
                try:
                    answers[ref.claim()] = self._ask(ref)
                except RemoteError:
                    answers[ref.claim()] = WAITS
                except SidetraktError:
                    answers[ref.claim()] = None
        return answers

    def _found(
        self, db: Transaction, waiting: Sequence[Stored], answers: Answers
    ) -> Iterable[tuple[Stored, tuple[int, ...] | None, str, bool]]:
        """Each item with its titles or the reason for none, and whether Trakt may have something of them."""
        known, titles = self._lookups(db, waiting), Titles(db)
        matched = {item.id: match(_asked(item), known) for item in waiting}
        claims = [ref for one in matched.values() for ref in one.ask if ref.claim() not in answers]
        made = dict(zip((ref.claim() for ref in claims), titles.claim(claims), strict=True))
        for item in waiting:
            one = matched[item.id]
            words = [answers.get(ref.claim()) for ref in one.ask]
            if any(word is WAITS for word in words):
                yield item, None, "", False
            elif any(ref.claim() in answers and word is None for ref, word in zip(one.ask, words, strict=True)):
                yield item, (), UNKNOWN, False
            elif one.ask:
                for ref, word in zip(one.ask, words, strict=True):
                    if word is not None:
                        made[ref.claim()] = titles.answer(ref, word)[0]
                        self._elsewhere.drop(db, words_of(word, "trakt"))
                each = (made.get(ref.claim()) or match(_asked(item, ref), known).titles[0] for ref in item.refs())
                yield item, tuple(each), "", any(word is not None for word in words)
            else:
                yield item, one.titles, "" if one.why == item.reason else one.why, bool(one.titles)

    def _unknown(self, db: Transaction, refs: Sequence[Ref]) -> list[Ref]:
        return [ref for ref in refs if Titles(db).find(ref) is None]

    def _lookups(self, db: Transaction, waiting: Sequence[Stored]) -> Lookups:
        """What is known about the claims of some items."""
        matches, refs = Matches(db), [ref for item in waiting for ref in item.refs()]
        ids, said = matches.ids(_pairs(refs)), matches.words(waiting)
        shows = {title for (kind, _, _), title in ids.items() if kind is Kind.SHOW}
        places = matches.episodes(shows | {word.title for word in said.values() if word.title is not None})
        return Lookups(
            titles=ids,
            episodes={(place.show, place.season, place.number): place.title for place in places},
            places={place.title: Place(place.show, place.season, place.number) for place in places},
            names=Titles(db).labels(ids.values()),
            words={
                item: Word(ignore=each.ignored, title=each.title, seasons=each.seasons, episodes=each.episodes)
                for item, each in said.items()
            },
        )


def _asked(item: Stored, ref: Ref | None = None) -> Item:
    """An item as it is matched, or as if it were one of its claims alone."""
    place = (item.season, item.number) if item.season is not None and item.number is not None else None
    refs = (ref,) if ref is not None else item.refs()
    return Item(id=item.remote, refs=refs, show=item.show, place=place, why=item.reason)


def _words(refs: Iterable[Ref]) -> set[str]:
    return {word for ref in refs for word in words_of(ref)}


def _pairs(refs: Iterable[Ref]) -> set[tuple[Kind, str, str]]:
    """The ids in claims, those of shows, too."""
    found = {(ref.kind, name, value) for ref in refs for name, value in ref.ids.pairs()}
    return found | {(Kind.SHOW, name, value) for ref in refs if ref.show for name, value in ref.show.pairs()}
