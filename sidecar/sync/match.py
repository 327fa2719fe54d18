"""From what an item claims to the titles it stands for, or why it stands for none.

Trakt alone says which ids belong together: the lookups hold its word. A person's word about an item, or about a whole
show with the numbers shifted, comes before everything. Ids that lead to two titles are listed, and nothing is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from sidecar.contract import Fact, Plays, Rating, Watched
from sidecar.model import Ids, Kind, Ref
from sidecar.viewing import Told, Viewing

CATALOGUES = ("trakt", "imdb", "tmdb", "tvdb", "plex")


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing on a server as it says it is."""

    id: str
    refs: tuple[Ref, ...] = ()
    show: str = ""  # the item of its show
    place: tuple[int, int] | None = None  # season and number, also where nothing else is known
    why: str = ""  # the server's reason for having no ids
    name: str | None = None  # an episode's own title
    season_size: int | None = None


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said about an item or a show: ignore it, or which title it is."""

    ignore: bool = False
    title: int | None = None
    seasons: int = 0  # added to the server's numbers
    episodes: int = 0


class Place(msgspec.Struct, frozen=True, gc=False):
    """What Trakt says about an episode: its show, its numbers, its name, and how many its season has."""

    show: int
    season: int
    number: int
    name: str | None = None
    season_size: int | None = None


class Lookups(msgspec.Struct, frozen=True, kw_only=True):
    """What is known: Trakt's word, and what persons said."""

    titles: Mapping[tuple[Kind, str, str], int] = {}  # by kind, catalogue and id
    episodes: Mapping[tuple[int, int, int], int] = {}  # by show, season and number
    places: Mapping[int, Place] = {}
    names: Mapping[int, str] = {}
    words: Mapping[str, Word] = {}  # by item, or by the item of a show
    unknown: Container[str] = frozenset()  # claims of which Trakt knows nothing


class Matched(msgspec.Struct, frozen=True, gc=False):
    """The titles of an item in the order of its claims, or why it has none; `ask` is what Trakt must be asked."""

    item: str
    titles: tuple[int, ...] = ()
    why: str = ""
    conflict: tuple[int, ...] = ()
    ask: tuple[Ref, ...] = ()


class Offer(msgspec.Struct, frozen=True, gc=False):
    """A play that we told under a title which the item does not stand for any more."""

    item: str
    title: int
    viewing: Viewing


def match(item: Item, known: Lookups) -> Matched:
    """Find the titles of one item."""
    own, above = known.words.get(item.id), known.words.get(item.show) if item.show else None
    if (own is not None and own.ignore) or (own is None and above is not None and above.ignore):
        return Matched(item.id, why="It is ignored by choice." if own else "Its show is ignored by choice.")
    if own is not None and own.title is not None:
        return Matched(item.id, (own.title,))
    if above is not None and above.title is not None:
        return _shifted(item, above.title, above, known)
    if not item.refs:
        return Matched(item.id, why=item.why or "It has no id that Trakt knows.")
    titles, ask = list[int](), list[Ref]()
    for ref in item.refs:
        found = _titles(ref, known)
        if len(found) > 1:
            names = " and ".join(known.names.get(title, f"number {title}") for title in sorted(found))
            return Matched(
                item.id, why=f"Its ids lead to {names}; correct it on the server.", conflict=tuple(sorted(found))
            )
        if found:
            (title,) = found
            if why := _other_numbering(item, ref, title, known):
                return Matched(item.id, why=why, conflict=(title,))
            titles.append(title)
        elif ref.claim() in known.unknown:
            return Matched(item.id, why=f"Trakt knows nothing of {ref.label()} ({_ids(ref)}).")
        else:
            ask.append(ref)
    return Matched(item.id, () if ask else tuple(titles), ask=tuple(ask))


def by_title(
    facts: Iterable[Fact], title_of: Callable[[Ref], int | None]
) -> tuple[dict[int, Any], dict[int, tuple[str, ...]], list[Fact]]:
    """Facts by title with the items behind them, and those without a title; several of one title become one."""
    values, items, lost = dict[int, Any](), dict[int, tuple[str, ...]](), list[Fact]()
    for fact in facts:
        title = title_of(fact.ref)
        if title is None:
            lost.append(fact)
            continue
        values[title] = together(values[title], fact.value) if title in values else fact.value
        items[title] = tuple(dict.fromkeys((*items.get(title, ()), *fact.items)))
    return values, items, lost


def take_back(
    before: Mapping[str, Sequence[int]],
    now: Mapping[str, Sequence[int]],
    ledger: Mapping[int, Sequence[Viewing]],
    side: str,
    told: Mapping[int, Plays],
) -> list[Offer]:
    """Plays that *we* told of titles which items no longer stand for: `told` is what we ever wrote to Trakt.

    Only where no other item stands for the title still, and only plays that this side gave.
    """
    left = {title for titles in now.values() for title in titles}
    return [
        Offer(item, title, viewing)
        for item, titles in before.items()
        for title in titles
        if item in now and title not in left and title in told
        for viewing in ledger.get(title, ())
        if viewing.told is Told.YES and viewing.minute in told[title].minutes and _gave(viewing, side)
    ]


def _titles(ref: Ref, known: Lookups) -> set[int]:
    """Where the ids of a claim lead: its own, and for an episode also the show it says it is of."""
    own = _by_ids(ref.kind, ref.ids, known)
    shows = _by_ids(Kind.SHOW, ref.show, known) if ref.show is not None else set()
    if own:
        at_home = {
            title for title in own if not shows or title not in known.places or known.places[title].show in shows
        }
        return own if own == at_home else own | shows
    if ref.kind is not Kind.EPISODE or ref.season is None or ref.number is None:
        return set()
    found = {known.episodes.get((show, ref.season, ref.number)) for show in shows}
    return {title for title in found if title is not None} if len(shows) < 2 else shows


def _by_ids(kind: Kind, ids: Ids, known: Lookups) -> set[int]:
    found = {known.titles.get((kind, name, value)) for name, value in ids.pairs() if name in CATALOGUES}
    return {title for title in found if title is not None}


def _shifted(item: Item, show: int, word: Word, known: Lookups) -> Matched:
    """The episodes of a show that a person named, by the server's numbers and what is to be added to them."""
    places = [(ref.season, ref.number) for ref in item.refs if ref.season is not None and ref.number is not None]
    titles = list[int]()
    for place in places or ([item.place] if item.place is not None else []):
        season, number = place[0] + word.seasons, place[1] + word.episodes
        if (title := known.episodes.get((show, season, number))) is None:
            return Matched(item.id, why=f"Trakt has no {known.names.get(show, 'show')} S{season:02}E{number:02}.")
        titles.append(title)
    return Matched(item.id, tuple(titles), why="" if titles else "The server does not know its number.")


def _other_numbering(item: Item, ref: Ref, title: int, known: Lookups) -> str:
    """Why an episode that was found by its numbers alone is not believed: name and length of the season both differ."""
    place = known.places.get(title)
    if place is None or _by_ids(ref.kind, ref.ids, known):
        return ""
    other_size = None not in (item.season_size, place.season_size) and item.season_size != place.season_size
    other_name = bool(item.name and place.name) and _plain(item.name) != _plain(place.name)
    if not (other_size and other_name):
        return ""
    label = f"S{place.season:02}E{place.number:02}"
    return f"The numbering seems to differ: Trakt's {label} is “{place.name}”, here it is “{item.name}”."


def together(one: Any, other: Any) -> Any:
    """Two facts of one title as one."""
    if isinstance(one, Watched):
        copies = {copy.item: copy for copy in (*one.copies, *other.copies)}
        return Watched(tuple(copies[item] for item in sorted(copies)), tuple(sorted({*one.plays, *other.plays})))
    if isinstance(one, Plays):
        return Plays((*one.minutes, *other.minutes), one.inexact or other.inexact)
    if isinstance(one, Rating):
        return max(one, other, key=lambda each: each.at.timestamp() if each.at is not None else 0.0)
    return one


def _gave(viewing: Viewing, side: str) -> bool:
    return side in viewing.times or viewing.ended is not None


def _ids(ref: Ref) -> str:
    return ", ".join(f"{name} {value}" for name, value in (ref.ids or ref.show or Ids()).pairs())


def _plain(text: str | None) -> str:
    return "".join(letter for letter in (text or "").casefold() if letter.isalnum())
