"""What claims of servers have in common: when two of them surely are one title, and when they only may be.

Trakt alone says which ids belong together. Before it was asked, two claims are one title only where two ids agree and
none disagrees, so that a single wrong id never joins two titles; where less agrees, Trakt is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlite_utils import Database

from sidecar.model import Ref

CATALOGUES = ("imdb", "tmdb", "tvdb")
PORTION = 500  # values in one query
RIVALS = -1
SURE = 2
Words = frozenset[str]


def words_of(ref: Ref, *more: str) -> Words:
    """By which words a claim can be found: its own ids, and those of its show with the numbers."""
    wanted, place = (*CATALOGUES, *more), f"s{ref.season} e{ref.number}"
    own = {f"{ref.kind} {name}={value}" for name, value in ref.ids.pairs() if name in wanted}
    above = ref.show.pairs() if ref.show is not None and ref.season is not None else ()
    return frozenset(own | {f"{ref.kind} show.{name}={value} {place}" for name, value in above if name in wanted})


def bond(one: Words, other: Words) -> int:
    """How many ids say that two claims are one title; `RIVALS` where some agree and others do not.

    What both have of their own decides, else their show and numbers; those count on top where they agree, too.
    """
    if one == other:
        return max(SURE, len(one))
    mine, theirs = _parts(one), _parts(other)
    own, above = _compare(mine[0], theirs[0]), _compare(mine[1], theirs[1])
    if own == (0, 0):
        own, above = above, (0, 0)
    agree, differ = own
    if agree and differ:
        return RIVALS
    return agree + above[0] if agree else 0


class Claims:
    """The words under which titles without Trakt's word can be found; used inside a transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def near(self, words: Iterable[str]) -> dict[int, Words]:
        """Titles that share one of these words, each with all its own."""
        wanted, titles = sorted(set(words)), set[int]()
        for start in range(0, len(wanted), PORTION):
            part = wanted[start : start + PORTION]
            query = f"SELECT title FROM claim WHERE word IN ({','.join('?' * len(part))})"
            titles.update(row[0] for row in self._db.execute(query, part))
        found: dict[int, set[str]] = {}
        numbers = sorted(titles)
        for start in range(0, len(numbers), PORTION):
            some = numbers[start : start + PORTION]
            query = f"SELECT title, word FROM claim WHERE title IN ({','.join('?' * len(some))})"
            for title, word in self._db.execute(query, some):
                found.setdefault(title, set()).add(word)
        return {title: frozenset(each) for title, each in found.items()}

    def put(self, words: Mapping[int, Iterable[str]]) -> None:
        """Have titles found by these words, too."""
        rows = [(word, title) for title, each in words.items() for word in each]
        self._db.conn.executemany("INSERT INTO claim VALUES (?, ?) ON CONFLICT DO NOTHING", rows)

    def drop(self, title: int) -> None:
        """Trakt's word says now how it is found."""
        self._db.execute("DELETE FROM claim WHERE title = ?", [title])


def _parts(words: Words) -> tuple[dict[str, str], dict[str, str]]:
    """Own ids and those of the show, each by catalogue."""
    own, above = dict[str, str](), dict[str, str]()
    for word in words:
        catalogue, _, value = word.partition("=")
        (above if " show." in catalogue else own)[catalogue] = value
    return own, above


def _compare(one: Mapping[str, str], other: Mapping[str, str]) -> tuple[int, int]:
    """How many agree, and how many differ."""
    shared = one.keys() & other.keys()
    agree = sum(one[name] == other[name] for name in shared)
    return agree, len(shared) - agree
