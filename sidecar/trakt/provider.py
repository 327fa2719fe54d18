"""One linked Trakt account as a side: the nine members of the provider contract.

Made for one run. It asks for the stamps once, before anything is read, and decides by them what has to be read at all;
they are compared for inequality, because they move for removals and for our own writes, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sidecar.clock import Clock
from sidecar.contract import Fact, Health, Index, Outcome, Receipt, Scope, State, failed, state_of
from sidecar.errors import BadAnswer, NotLinked, RemoteError, SidetraktError
from sidecar.model import Feature, Kind, Ref
from sidecar.settings import Trakt as TraktSettings
from sidecar.store.db import Store
from sidecar.store.elsewhere import Elsewhere
from sidecar.store.people import People
from sidecar.store.titles import Titles
from sidecar.trakt.bodies import body_of, prepare
from sidecar.trakt.client import Trakt
from sidecar.trakt.log import told
from sidecar.trakt.lookup import Lookup
from sidecar.trakt.reads import Known, Reading, Reads, same_title
from sidecar.trakt.statuses import SERVICE, AccountLocked, AppRefused
from sidecar.trakt.tokens import Tokens
from sidecar.trakt.wire import PLURAL
from sidecar.trakt.writes import Writes

LEAVES = (Kind.MOVIE, Kind.EPISODE)
STAMPS = {
    Feature.HISTORY: {kind: (PLURAL[kind], "watched_at") for kind in LEAVES},
    Feature.RATINGS: {kind: (plural, "rated_at") for kind, plural in PLURAL.items()},
    Feature.WATCHLIST: dict.fromkeys(Kind, ("watchlist", "updated_at")),
    Feature.COLLECTION: {kind: (PLURAL[kind], "collected_at") for kind in LEAVES},
}
SPECIAL: dict[type[SidetraktError], State] = {AccountLocked: State.AUTH, AppRefused: State.APP_REFUSED}
FALLBACK_OFF = "no episode id; number fallback is off"


class TraktSide:
    """Trakt, for one account."""

    def __init__(
        self,
        account: str,
        trakt: Trakt,
        tokens: Tokens,
        *,
        settings: TraktSettings,
        store: Store,
        clock: Clock,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._account, self._trakt, self._tokens = account, trakt, tokens
        self._settings, self._store, self._clock, self._elsewhere = settings, store, clock, elsewhere
        self._reads = Reads(trakt, account, Known(self._known, self._nothing_known))
        self._writes = Writes(trakt, account, self._reads)
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
        return bool(self._settings.client_id) and self._tokens.works(self._account)

    def health(self) -> Health:
        """How it is; one request, none where we know already."""
        if not self._settings.client_id:
            return Health(State.NOT_SET_UP, "Sidetrakt does not know its Trakt app.", "Set trakt.client_id.")
        try:
            self._trakt.prove(self._account)
        except NotLinked as problem:
            state = State.AUTH if self._is_kept() else State.NOT_SET_UP
            return Health(state, problem.what, problem.next_step)
        except SidetraktError as problem:
            until = problem.retry_at if isinstance(problem, RemoteError) else None
            return Health(state_of(problem, special=SPECIAL), problem.what, problem.next_step, until)
        return Health(State.OK)

    @told
    def build_index(self, feature: Feature, since: Any = None, only: Sequence[Ref] | None = None) -> Index:
        """Read one feature as far as its stamps say that it moved; the mark is the stamps from before the read."""
        now = self._clock.now()
        if only is not None:
            reading = self._only(feature, only)
            return Index(
                feature,
                reading.facts,
                Scope.ONLY,
                complete=not reading.why,
                read_at=now,
                why=reading.why,
                requests=reading.requests,
            )
        asked, before = self._stamps is None, since if isinstance(since, dict) else {}
        mark = self._mark(feature)
        stamps = {kind: ".".join(place) for kind, place in STAMPS[feature].items()}
        kinds = [kind for kind, name in stamps.items() if name not in mark or before.get(name, "") != mark[name]]
        if not kinds:
            return Index(feature, (), Scope.UNCHANGED, complete=True, read_at=now, mark=since, requests=int(asked))
        reading = self._reads.read(feature, kinds)
        sizes = Counter(f"{stamps[fact.ref.kind]} rows" for fact in reading.facts)
        if any(_shrunk(before.get(name), sizes[name]) for name in {f"{stamps[kind]} rows" for kind in kinds}):
            self._agree(reading, self._reads.read(feature, kinds))
        if not reading.why and reading.requests > 1:  # a single answer is of one moment
            reading.requests += 1
            if self._mark(feature, fresh=True) != mark:
                reading.lacks("it changed while it was read")
        return Index(
            feature,
            reading.facts,
            Scope.FULL,
            complete=not reading.why,
            read_at=now,
            # What was not whole is read again, whether or not it moves.
            mark=None if reading.why else before | mark | {f"{stamps[kind]} rows": 0 for kind in kinds} | sizes,
            why=reading.why,
            requests=reading.requests + asked,
            kinds=frozenset(kinds) if len(kinds) < len(stamps) else None,
        )

    @told
    def add(self, facts: Sequence[Fact], feature: Feature, *, dry_run: bool = False) -> list[Receipt]:
        """Add or update exactly these facts."""
        held: dict[int, Receipt] = {}
        for index, fact in enumerate(facts if feature is Feature.HISTORY else ()):
            try:
                why = self._numbers_agree(fact)
            except SidetraktError as problem:
                held[index] = failed(fact, problem)
            else:
                held |= {index: Receipt(fact, Outcome.REFUSED, why)} if why else {}
        right = [fact for index, fact in enumerate(facts) if index not in held]
        done = iter(self._dry(right, feature) if dry_run else self._writes.add(right, feature))
        return [held[index] if index in held else next(done) for index in range(len(facts))]

    @told
    def remove(self, facts: Sequence[Fact], feature: Feature, *, dry_run: bool = False) -> list[Receipt]:
        """Remove exactly these facts; plays by their own ids only."""
        return self._dry(facts, feature, remove=True) if dry_run else self._writes.remove(facts, feature)

    @staticmethod
    def _agree(first: Reading, second: Reading) -> None:
        """A list that lost much is only believed where it says the same twice."""
        first.requests += second.requests
        first.lacks(second.why)
        if len(second.facts) != len(first.facts):
            first.lacks(f"it had {len(first.facts)} rows first and {len(second.facts)} a moment later")

    def _only(self, feature: Feature, only: Sequence[Ref]) -> Reading:
        """What is held of these titles, named as they were asked; an id of Trakt that nobody knows is looked up."""
        asked, unknown = dict[tuple[Kind, int | None], tuple[Ref, list[Ref]]](), list[Ref]()
        for ref in only:
            real = ref if ref.ids.trakt is not None else self._lookup.resolve(ref)
            if real is None:
                unknown.append(ref)
            else:
                asked.setdefault((real.kind, real.ids.trakt), (real, []))[1].append(ref)
        if feature is Feature.HISTORY:
            reading = self._reads.history_of(real for real, _ in asked.values())
        else:
            reading = self._reads.read(feature, {kind for kind, _ in asked})
        reading.facts = [replace(fact, ref=ref) for fact in reading.facts for ref in _names(fact.ref, asked)]
        for ref in unknown:
            reading.lacks(f"Trakt cannot say which title {ref.label()} is")
        return reading

    def _mark(self, feature: Feature, *, fresh: bool = False) -> dict[str, Any]:
        """The stamps of one feature, as far as Trakt has them; asked for once a run."""
        stamps = self._stamps
        if stamps is None or fresh:
            stamps = self._trakt.last_activities(self._account)
            if not any(isinstance(part, dict) for part in stamps.values()):
                raise BadAnswer(SERVICE, "Trakt did not say what changed when.", "It is tried again later.")
            self._stamps = self._stamps or stamps
        found = {}
        for part, name in STAMPS[feature].values():
            inner = stamps.get(part)
            if isinstance(inner, dict) and name in inner:
                found[f"{part}.{name}"] = inner[name]
        return found

    def _is_kept(self) -> bool:
        """Whether the account is linked to somebody, be the link alive or dead."""
        with self._store.read() as db:
            return any(account.uuid == self._account for account in People(db).trakt_accounts())

    def _known(self, kind: Kind, numbers: Iterable[int]) -> dict[int, Ref]:
        with self._store.read() as db:
            known, wanted = Titles(db).known(kind, numbers), set(numbers)
            bare = self._elsewhere.bare(db, self._account, kind, wanted - known.keys()) if self._elsewhere else {}
            return known | bare

    def _nothing_known(self) -> bool:
        with self._store.read() as db:
            return Titles(db).none_from_trakt()

    def _numbers_agree(self, fact: Fact) -> str:
        """Why an episode without ids of its own may not be told by numbers; nothing if it has ids, or may."""
        ref = fact.ref
        if ref.kind is not Kind.EPISODE or any(
            name in ("trakt", "imdb", "tmdb", "tvdb") for name, _ in ref.ids.pairs()
        ):
            return ""
        if not self._settings.history_number_fallback:
            return FALLBACK_OFF
        number = ref.show.trakt if ref.show else None
        if number is None and ref.show:
            show = self._lookup.resolve(Ref(Kind.SHOW, ref.show))
            number = show.ids.trakt if show else None
        if number is None:
            return "Trakt does not know the show"
        season = next((each for each in self._lookup.seasons(number) if each.number == ref.season), None)
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
        """What would be sent for each, in place of sending it; the ids of plays are looked up for that."""
        prepared = prepare(facts, feature, remove=remove)
        path = f"POST /sync/{feature}/remove" if remove else f"POST /sync/{feature}"
        receipts: list[Receipt] = []
        for index, fact in enumerate(facts):
            body: dict[str, Any] = body_of(prepared.of[index])
            if remove and feature is Feature.HISTORY and index not in prepared.refused:
                body = {"ids": [row.id for row in self._writes.history_ids(fact)[0]]}
            would = Receipt(fact, Outcome.DONE, f"would send {path}", seen=body)
            receipts.append(prepared.refused.get(index) or would)
        return receipts


def _names(of: Ref, asked: Mapping[tuple[Kind, int | None], tuple[Ref, list[Ref]]]) -> list[Ref]:
    """As what a row was asked for; of what was collected Trakt tells episodes by their numbers alone."""
    if of.ids.trakt is not None:
        return asked.get((of.kind, of.ids.trakt), (of, []))[1]
    return [ref for real, refs in asked.values() if same_title(of, real) for ref in refs]


def _shrunk(before: Any, now: int) -> bool:
    """Whether so much is missing that the answer is to be doubted: Trakt is known to give half and empty ones."""
    return isinstance(before, int) and now < before and (now == 0 or now <= before * 0.7)


def _plain(text: str | None) -> str:
    return "".join(letter for letter in (text or "").casefold() if letter.isalnum())
