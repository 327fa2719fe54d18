"""One linked Trakt account as a side: the nine members of the provider contract.

Made for one run. It asks for the stamps once, before anything is read, and decides by them what has to be read at all;
they are compared for inequality, because they move for removals and for our own writes, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sidecar.clock import Clock
from sidecar.contract import Fact, Health, Index, Outcome, Receipt, Scope, State
from sidecar.errors import AuthLost, NotLinked, Outage, RateLimited, RemoteError
from sidecar.model import Feature, Kind, Ref
from sidecar.settings import Trakt as TraktSettings
from sidecar.store.db import Store
from sidecar.store.people import People
from sidecar.store.titles import Titles
from sidecar.trakt.client import Trakt
from sidecar.trakt.lookup import Lookup
from sidecar.trakt.reads import Reading, Reads
from sidecar.trakt.statuses import AppRefused
from sidecar.trakt.wire import PLURAL
from sidecar.trakt.writes import Writes, bodies, prepare

STAMPS = {
    Feature.HISTORY: (("movies", "watched_at"), ("episodes", "watched_at")),
    Feature.RATINGS: tuple((plural, "rated_at") for plural in PLURAL.values()),
    Feature.WATCHLIST: (("watchlist", "updated_at"),),
    Feature.COLLECTION: (("movies", "collected_at"), ("episodes", "collected_at")),
}
FALLBACK_OFF = "no episode id; number fallback is off"


class TraktSide:
    """Trakt, for one account."""

    def __init__(self, account: str, trakt: Trakt, settings: TraktSettings, store: Store, clock: Clock) -> None:
        self._account, self._trakt, self._settings, self._store, self._clock = account, trakt, settings, store, clock
        self._reads = Reads(trakt, account, self._known)
        self._writes = Writes(trakt, account, self._reads, clock)
        self._lookup = Lookup(trakt, store, clock)
        self._stamps: dict[str, Any] | None = None

    def name(self) -> str:
        """The provider's id."""
        return "trakt"

    def label(self) -> str:
        """How a person would name it."""
        with self._store.read() as db:
            return f"Trakt ({People(db).trakt_account(self._account).name})"

    def features(self) -> frozenset[Feature]:
        """All of them."""
        return frozenset(Feature)

    def capabilities(self) -> dict[str, Any]:
        """What Trakt can do."""
        episodes = [Kind.MOVIE, Kind.EPISODE]
        return {
            "bidirectional": True,
            "provides_ids": True,
            "index_semantics": "present",
            "history": {"types": episodes, "plays": "all", "dates": "exact"},
            "ratings": {"types": list(Kind), "upsert": True, "unrate": True, "step": 1, "dates": "exact"},
            "watchlist": {"types": list(Kind), "dates": "set by server"},
            "collection": {"types": episodes, "dates": "exact"},
            "playlists": False,
        }

    def is_configured(self) -> bool:
        """Whether there is an app, and a link that is alive."""
        with self._store.read() as db:
            try:
                return bool(self._settings.client_id) and People(db).trakt_account(self._account).state == "connected"
            except KeyError:
                return False

    def health(self) -> Health:
        """How it is; one request for the stamps, none where we know already."""
        if not self.is_configured():
            return Health(State.NOT_SET_UP, "This Trakt account is not connected.", "Link it with `sidetrakt link`.")
        try:
            self._trakt.last_activities(self._account, once=True)
        except (AuthLost, NotLinked) as problem:
            return Health(State.AUTH, problem.what, problem.next_step)
        except RateLimited as problem:
            return Health(State.RATE_LIMITED, problem.what, problem.next_step, problem.retry_at)
        except AppRefused as problem:
            return Health(State.APP_REFUSED, problem.what, problem.next_step)
        except Outage as problem:
            return Health(State.OUTAGE, problem.what, problem.next_step, problem.retry_at)
        except RemoteError as problem:
            return Health(State.UNREACHABLE, problem.what, problem.next_step)
        return Health(State.OK)

    def build_index(self, feature: Feature, since: Any = None, only: Sequence[Ref] | None = None) -> Index:
        """Read one feature as far as its stamps say that it moved; the mark is the stamps from before the read."""
        now = self._clock.now()
        if only is not None:
            return self._only(feature, only)
        mark = self._mark(feature)
        moved = [name for name, stamp in mark.items() if not isinstance(since, dict) or since.get(name) != stamp]
        if not moved:
            return Index(feature, (), Scope.UNCHANGED, complete=True, read_at=now, mark=mark)
        kinds = [kind for kind, plural in PLURAL.items() if any(name.startswith(plural) for name in moved)]
        reading = self._read(feature, kinds)
        if not reading.why and reading.requests > 1 and self._mark(feature, fresh=True) != mark:
            reading.why = "it changed while it was read"
        covered = frozenset(kinds) if feature is Feature.RATINGS and len(kinds) < len(Kind) else None
        return Index(
            feature,
            reading.facts,
            Scope.FULL,
            complete=not reading.why,
            read_at=now,
            mark=mark,
            why=reading.why,
            requests=reading.requests,
            kinds=covered,
        )

    def add(self, facts: Sequence[Fact], feature: Feature, *, dry_run: bool = False) -> list[Receipt]:
        """Add or update exactly these facts."""
        checked = [self._numbers_agree(fact) if feature is Feature.HISTORY else "" for fact in facts]
        right = [fact for fact, why in zip(facts, checked, strict=True) if not why]
        done = iter(self._dry(right, feature) if dry_run else self._writes.add(right, feature))
        return [
            Receipt(fact, Outcome.REFUSED, why) if why else next(done) for fact, why in zip(facts, checked, strict=True)
        ]

    def remove(self, facts: Sequence[Fact], feature: Feature, *, dry_run: bool = False) -> list[Receipt]:
        """Remove exactly these facts; plays by their own ids only."""
        if dry_run:
            return self._dry(facts, feature, remove=True)
        if feature is Feature.HISTORY:
            return self._writes.remove_plays(facts)
        return self._writes.remove(facts, feature)

    def _read(self, feature: Feature, kinds: Iterable[Kind]) -> Reading:
        if feature is Feature.RATINGS:
            return self._reads.ratings(kinds)
        readers = {
            Feature.HISTORY: self._reads.history,
            Feature.WATCHLIST: self._reads.watchlist,
            Feature.COLLECTION: self._reads.collection,
        }
        return readers[feature]()

    def _only(self, feature: Feature, only: Sequence[Ref]) -> Index:
        now = self._clock.now()
        if feature is Feature.HISTORY:
            reading = self._reads.history_of(only)
        else:
            reading = self._read(feature, {ref.kind for ref in only})
            wanted = {(ref.kind, ref.ids.trakt) for ref in only}
            reading.facts = [fact for fact in reading.facts if (fact.ref.kind, fact.ref.ids.trakt) in wanted]
        return Index(
            feature,
            reading.facts,
            Scope.ONLY,
            complete=not reading.why,
            read_at=now,
            why=reading.why,
            requests=reading.requests,
        )

    def _mark(self, feature: Feature, *, fresh: bool = False) -> dict[str, Any]:
        """The stamps of one feature; asked for once a run."""
        stamps = self._stamps
        if stamps is None or fresh:
            stamps = self._trakt.last_activities(self._account)
            self._stamps = self._stamps or stamps
        return {f"{part}.{name}": (stamps.get(part) or {}).get(name) for part, name in STAMPS[feature]}

    def _known(self, kind: Kind, numbers: Iterable[int]) -> dict[int, Ref]:
        with self._store.read() as db:
            return Titles(db).known(kind, numbers)

    def _numbers_agree(self, fact: Fact) -> str:
        """Why an episode without ids of its own may not be told by numbers; nothing if it has ids, or may."""
        ref = fact.ref
        if ref.kind is not Kind.EPISODE or any(
            name in ("trakt", "imdb", "tmdb", "tvdb") for name, _ in ref.ids.pairs()
        ):
            return ""
        if not self._settings.history_number_fallback:
            return FALLBACK_OFF
        show = self._lookup.resolve(Ref(Kind.SHOW, ref.show)) if ref.show else None
        if show is None or show.ids.trakt is None:
            return "Trakt does not know the show"
        season = next((each for each in self._lookup.seasons(show.ids.trakt) if each.number == ref.season), None)
        episode = next((each for each in season.episodes if each.number == ref.number), None) if season else None
        if season is None or episode is None:
            return f"Trakt has no {ref.label()}"
        other_size = fact.season_size is not None and fact.season_size != len(season.episodes)
        other_title = bool(fact.title and episode.title) and _plain(fact.title) != _plain(episode.title)
        if other_size and other_title:
            return (
                f"the numbering seems to differ: Trakt's {ref.label()} is “{episode.title}”, here it is “{fact.title}”"
            )
        return ""

    def _dry(self, facts: Sequence[Fact], feature: Feature, *, remove: bool = False) -> list[Receipt]:
        """What would be sent, in place of sending it."""
        entries, receipts = prepare(facts, feature)
        path = f"POST /sync/{feature}/remove" if remove else f"POST /sync/{feature}"
        for index, fact in enumerate(facts):
            body = bodies([(fact.ref, entry.body) for entry in entries if entry.fact is fact])
            receipts.setdefault(index, Receipt(fact, Outcome.DONE, f"would send {path}", seen=body))
        return [receipts[index] for index in range(len(facts))]


def _plain(text: str | None) -> str:
    return "".join(letter for letter in (text or "").casefold() if letter.isalnum())
