"""Trakt and media servers in memory, with titles and items; whatever goes wrong is set from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from sidecar.contract import Copy, Fact, Health, Index, Outcome, Plays, Rating, Receipt, Scope, State, Watched
from sidecar.errors import SidetraktError
from sidecar.model import Feature, Kind, Ref
from sidecar.store.db import Store
from sidecar.store.items import Item, Items
from sidecar.store.titles import Titles
from tests.ram import LEAVES, Key, RamSide, key_of


@dataclass
class RamTrakt(RamSide):
    """Trakt in memory: it knows titles by any of their ids, and never recognises a play that it has."""

    service: str = "trakt"
    catalogue: list[Ref] = field(default_factory=list)
    told: list[tuple[str, datetime | None]] = field(default_factory=list)  # every play that came by a write
    cut: str = ""  # why writes are not carried out, and nobody knows
    before: Callable[[str], None] = lambda what: None  # called before every request
    after: Callable[[str], None] = lambda what: None  # and when it was carried out, before its answer is known

    def known(self, ref: Ref) -> Ref | None:
        """The title with all its ids."""
        mine = set(ref.ids.pairs())
        found = [each for each in self.catalogue if each.kind is ref.kind and mine & set(each.ids.pairs())]
        if not found and ref.show is not None:
            shows = set(ref.show.pairs())
            place = (ref.season, ref.number)
            found = [
                each
                for each in self.catalogue
                if each.show is not None and shows & set(each.show.pairs()) and (each.season, each.number) == place
            ]
        return found[0] if len(found) == 1 else None

    def watch(self, ref: Ref, *at: datetime | None) -> None:
        """Somebody watches it there, or with something else that tells Trakt."""
        there = self.held[Feature.HISTORY].get(key_of(ref))
        minutes = there.value.minutes if there is not None else ()
        self.put(Feature.HISTORY, Fact(ref, Plays((*minutes, *at))))

    def plays(self, ref: Ref) -> list[datetime | None]:
        """What it has of a title, oldest first."""
        there = self.held[Feature.HISTORY].get(key_of(ref))
        return sorted(there.value.minutes, key=lambda at: (at is None, at)) if there is not None else []

    def build_index(self, feature: Feature, since: Any = None, only: Sequence[Ref] | None = None) -> Index:
        """What is held, under the title's own name."""
        self.before(f"read {feature}")
        return super().build_index(feature, since, only)

    def _write(self, what: str, facts: Sequence[Fact], feature: Feature, dry_run: bool) -> list[Receipt]:
        self.before(f"{what} {feature}")
        if self.cut:
            return [Receipt(fact, Outcome.UNKNOWN, self.cut) for fact in facts]
        named = [self.known(fact.ref) for fact in facts]
        sent = [Fact(title or fact.ref, fact.value, fact.items) for fact, title in zip(facts, named, strict=True)]
        self.unknown |= {key_of(fact.ref) for fact, title in zip(sent, named, strict=True) if title is None}
        receipts = super()._write(what, sent, feature, dry_run)
        self.after(f"{what} {feature}")
        return [
            Receipt(fact, each.outcome, each.why, each.until, each.remote, each.seen)
            for fact, each in zip(facts, receipts, strict=True)
        ]

    def _add(self, fact: Fact, held: dict[Key, Fact]) -> Receipt:
        key = key_of(fact.ref)
        if key in self.unknown or not isinstance(fact.value, Plays):
            return super()._add(fact, held)
        before = held[key].value.minutes if key in held else ()
        self.told += [(fact.ref.label(), at) for at in fact.value.minutes]
        held[key] = Fact(fact.ref, Plays((*before, *fact.value.minutes)))
        return Receipt(fact, Outcome.DONE, seen=fact.value)


@dataclass
class RamItem:
    """One item of a server for one person."""

    refs: tuple[Ref, ...]
    copy: Copy
    library: str = "Films"
    plays: tuple[datetime, ...] = ()
    rated_at: datetime | None = None
    kind: Kind = Kind.MOVIE
    show: str = ""
    place: tuple[int | None, int | None] = (None, None)

    def listed(self, server: str, item: str) -> Item:
        """As the inventory has it."""
        claim, first = "\n".join(ref.claim() for ref in self.refs), self.refs[0] if self.refs else None
        return Item(
            server,
            item,
            self.library,
            claim,
            (first.name or "") if first else item,
            "" if first else "it has no id",
            year=first.year if first else None,
            show=self.show,
            season=self.place[0],
            number=self.place[1],
        )


@dataclass
class RamServer:
    """One account of a media server in memory: items with their states, and an inventory in the store."""

    store: Store
    kind: str = "jellyfin"
    server: str = "s"
    user: str = "anna"
    clock: Callable[[], datetime] = lambda: datetime(2026, 1, 31, 20, 15, tzinfo=UTC)
    items: dict[str, RamItem] = field(default_factory=dict)
    configured: bool = True
    problem: SidetraktError | None = None
    incomplete: str = ""
    refuses: str = ""
    loses_answers: int = 0
    writes: list[tuple[str, str]] = field(default_factory=list)  # what, and which item
    reads: int = 0
    before: Callable[[str], None] = lambda what: None
    after: Callable[[str], None] = lambda what: None
    hidden: frozenset[str] = frozenset()  # libraries that the account may not see any more
    moved: int = 0

    def put(self, item: str, *refs: Ref, **copy: Any) -> None:
        """It is there now, and this is what the person did with it."""
        self.items[item] = RamItem(refs, Copy(item, **{"played": False, **copy}))
        self.moved += 1

    def series(self, show: str, episodes: dict[str, tuple[int, int]]) -> None:
        """A series of which nobody knows any id."""
        self.put(show)
        self.items[show].kind = Kind.SHOW
        for item, place in episodes.items():
            self.put(item)
            self.items[item].show, self.items[item].place = show, place

    def play(self, item: str, at: datetime) -> None:
        """Watched to the end: Jellyfin keeps the begin, Plex the end and a row."""
        there = self.items[item]
        there.copy = replace(there.copy, played=True, count=there.copy.count + 1, at=at, begun=False)
        there.plays = (*there.plays, at) if self.kind == "plex" else ()
        self.moved += 1

    def unwatch(self, item: str) -> None:
        """Taken back by hand."""
        there = self.items[item]
        there.copy = replace(there.copy, played=False, count=0, at=None, begun=False)
        there.plays = ()
        self.moved += 1

    def rate(self, item: str, value: float | None) -> None:
        """Rated by hand, or not any more."""
        self.items[item].copy = replace(self.items[item].copy, rating=value)
        self.items[item].rated_at = self.clock() if value is not None and self.kind == "plex" else None
        self.moved += 1

    def name(self) -> str:
        """The kind of server."""
        return self.kind

    def label(self) -> str:
        """How a person would name it."""
        return f"{self.user}@{self.kind}"

    def features(self) -> frozenset[Feature]:
        """History and ratings."""
        return frozenset({Feature.HISTORY, Feature.RATINGS})

    def capabilities(self) -> dict[str, Any]:
        """As the real ones say it."""
        jellyfin, leaves, kinds = self.kind == "jellyfin", [str(kind) for kind in LEAVES], [str(kind) for kind in Kind]
        dates = "exact" if jellyfin else "set by server"
        return {
            "history": {"types": leaves, "plays": "last" if jellyfin else "all", "dates": dates, "writable": True},
            "ratings": {"types": kinds, "step": 0.1, "dates": "none" if jellyfin else "set by server"},
        }

    def is_configured(self) -> bool:
        """Whether there is a token."""
        return self.configured

    def health(self) -> Health:
        """Well, unless it is away."""
        return Health(State.UNREACHABLE if self.problem is not None else State.OK)

    def build_index(self, feature: Feature, since: Any = None, only: Sequence[Ref] | None = None) -> Index:
        """What is held; a complete read tells the store what there is."""
        self.before(f"read {feature}")
        if self.problem is not None:
            raise self.problem
        self.reads += 1
        now, there = self.clock(), {i: e for i, e in self.items.items() if e.library not in self.hidden}
        if only is not None:
            wanted = {ref.claim() for ref in only}
            asked = {item: each for item, each in there.items() if wanted & {ref.claim() for ref in each.refs}}
            facts, copies = self._facts(feature, asked), {item: each.copy for item, each in asked.items()}
            found = frozenset(copies)
            return Index(feature, facts, Scope.ONLY, True, now, there=found, copies=copies, requests=1)
        if since == self.moved:
            return Index(feature, (), Scope.UNCHANGED, complete=True, read_at=now, mark=since, requests=1)
        with self.store.write() as db:
            Items(db).put([each.listed(self.server, item) for item, each in there.items()], now)
            gone = {each.remote for each in Items(db).of_server(self.server)} - self.items.keys()
            Items(db).gone(self.server, gone, now)
        libraries = frozenset({"Films", *(each.library for each in there.values())}) - self.hidden  # one may be empty
        facts = self._facts(feature, there)
        if self.incomplete:
            facts = facts[: len(facts) // 2]
            return Index(feature, facts, Scope.FULL, False, now, why=self.incomplete, libraries=libraries, requests=1)
        return Index(feature, facts, Scope.FULL, True, now, mark=self.moved, libraries=libraries, requests=1)

    def add(self, facts: Sequence[Fact], feature: Feature, *, dry_run: bool = False) -> list[Receipt]:
        """Mark or rate every copy that is not so yet."""
        assert not dry_run
        return self._write("add", facts, feature)

    def remove(self, facts: Sequence[Fact], feature: Feature, *, dry_run: bool = False) -> list[Receipt]:
        """Take a mark or a rating away."""
        assert not dry_run
        return self._write("remove", facts, feature)

    def _facts(self, feature: Feature, items: dict[str, RamItem]) -> list[Fact]:
        with self.store.read() as db:
            said = {each.remote: each.titles for each in Items(db).get(self.server, list(items)).values()}
            known = Titles(db).refs(title for titles in said.values() for title in titles)
        by_claim: dict[str, tuple[Ref, list[str]]] = {}
        for item, each in sorted(items.items()):
            for ref in each.refs or [known[title] for title in said.get(item, ())]:
                by_claim.setdefault(ref.claim(), (ref, []))[1].append(item)
        found = [(ref, self._value(feature, same), tuple(same)) for ref, same in by_claim.values()]
        return [Fact(ref, value, same) for ref, value, same in found if value is not None]

    def _value(self, feature: Feature, same: Sequence[str]) -> Any:
        rows = [self.items[item] for item in same]
        if feature is Feature.RATINGS:
            rated = [Rating(row.copy.rating, row.rated_at) for row in rows if row.copy.rating]
            return rated[0] if rated else None
        copies, plays = tuple(row.copy for row in rows), sorted({at for row in rows for at in row.plays})
        return Watched(copies, tuple(plays)) if plays or not all(copy.blank for copy in copies) else None

    def _write(self, what: str, facts: Sequence[Fact], feature: Feature) -> list[Receipt]:
        self.before(f"{what} {feature}")
        if self.problem is not None:
            raise self.problem
        if self.refuses:
            return [Receipt(fact, Outcome.REFUSED, self.refuses) for fact in facts]
        written: set[str] = set()
        for fact in facts:
            for item in set(fact.items) & self.items.keys() - written:
                self._change(what, item, fact, feature)
            written.update(fact.items)
        receipts = [self._receipt(fact, feature) for fact in facts]
        self.after(f"{what} {feature}")
        if self.loses_answers:
            self.loses_answers -= 1
            return [Receipt(fact, Outcome.UNKNOWN, "the answer was lost") for fact in facts]
        return receipts

    def _receipt(self, fact: Fact, feature: Feature) -> Receipt:
        mine = [item for item in fact.items if item in self.items]
        if not mine:
            return Receipt(fact, Outcome.NOT_FOUND, "it is not there")
        return Receipt(fact, Outcome.DONE, seen=self._value(feature, mine))

    def _change(self, what: str, item: str, fact: Fact, feature: Feature) -> None:
        copy, jellyfin = self.items[item].copy, self.kind == "jellyfin"
        if feature is Feature.RATINGS:
            new = replace(copy, rating=fact.value.value if what == "add" else None)
        elif what == "remove":
            new = replace(copy, played=False, count=0, at=None, begun=False)
        elif copy.played and not jellyfin:
            new = copy
        else:
            dated = [at for at in fact.value.minutes if at is not None]
            at = (max(dated) if dated else copy.at) if jellyfin else self.clock()
            new = replace(copy, played=True, count=max(1, copy.count), at=at, begun=False)
        if new != copy:
            self.items[item].copy = new
            self.writes.append((what, item))
            self.moved += 1
