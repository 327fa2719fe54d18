"""The watchlist of one plex.tv account, as a side of its own: it belongs to no server and holds what none has.

Rows have ids of Plex's own database only. One whose title nobody knows makes the index incomplete.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import Element

from sidecar.clock import Clock
from sidecar.contract import Fact, Health, Index, Listed, Outcome, Receipt, Scope, State, failed, state_of
from sidecar.errors import Refused, RemoteError, SidetraktError, UserError
from sidecar.model import Feature, Kind, Ref, Secret
from sidecar.servers.guids import same
from sidecar.servers.plex.pages import Listing
from sidecar.servers.plex.titles import Titles
from sidecar.servers.plex.tv import PlexTv

PAGE = 100
KINDS = (Kind.MOVIE, Kind.SHOW)
QUERY = {"includeCollections": 1, "includeExternalMedia": 1, "sort": "watchlistedAt:desc"}
MOVED = "The watchlist is not where it was at plex.tv; a newer Sidetrakt may know where."
SIGN_IN = "Run `sidetrakt account {label} --pin`; a server's own token does not open the watchlist."


class PlexWatchlist:
    """One account's watchlist."""

    def __init__(self, label: str, token: Secret | None, tv: PlexTv, titles: Titles, *, clock: Clock) -> None:
        self._label, self._token_kept, self._tv, self._titles, self._clock = label, token, tv, titles, clock

    def name(self) -> str:
        """The provider's id."""
        return "plex-watchlist"

    def label(self) -> str:
        """How a person would name it."""
        return self._label

    def features(self) -> frozenset[Feature]:
        """The watchlist alone."""
        return frozenset({Feature.WATCHLIST})

    def capabilities(self) -> dict[str, Any]:
        """What it can do; since when something is on it, it does not tell."""
        can = {"types": list(KINDS), "dates": "none", "writable": True, "changes": True}
        return {"bidirectional": True, "provides_ids": True, "index_semantics": "present", "watchlist": can}

    def is_configured(self) -> bool:
        """Whether there is a sign-in at plex.tv."""
        return bool(self._token_kept)

    def health(self) -> Health:
        """How it is, with one request."""
        try:
            return Health(State.OK, facts={"account": self._tv.who(self._token).name})
        except SidetraktError as problem:
            until = problem.retry_at if isinstance(problem, RemoteError) else None
            return Health(state_of(problem), problem.what, problem.next_step, until)

    def build_index(self, feature: Feature, since: Any = None, only: Sequence[Ref] | None = None) -> Index:
        """What is on it; its first page and the number of rows tell whether anything moved."""
        token, now, before = self._token, self._clock.now(), self._tv.asked
        facts, mark, why = list[Fact](), None, ""
        try:
            rows, mark, why = self._read(since if only is None else None)
            if rows is not None:
                titles = self._titles.of([each for each in rows.values() if each[0] in KINDS], token)
                facts = [Fact(titles[plex], Listed()) for plex in rows if plex in titles]
                unknown = len(rows) - len(facts)
                why = why or (f"plex.tv does not say which titles {unknown} of its rows are" if unknown else "")
        except (RemoteError, UserError) as problem:
            gone = isinstance(problem, Refused) and problem.status == 404
            rows, why = {}, MOVED if gone else problem.what
        scope = Scope.FULL if rows is not None else Scope.UNCHANGED
        if only is not None:
            scope, facts = Scope.ONLY, [replace(f, ref=ref) for ref in only for f in facts if same(f.ref, ref)]
        return Index(
            feature,
            facts,
            scope,
            complete=not why,
            read_at=now,
            mark=None if why or only is not None else mark,
            why=why,
            requests=self._tv.asked - before,
        )

    def add(self, facts: Sequence[Fact], feature: Feature, *, dry_run: bool = False) -> list[Receipt]:  # noqa: ARG002
        """Put titles on it."""
        return self._write(facts, "addToWatchlist", dry_run)

    def remove(self, facts: Sequence[Fact], feature: Feature, *, dry_run: bool = False) -> list[Receipt]:  # noqa: ARG002
        """Take titles off it."""
        return self._write(facts, "removeFromWatchlist", dry_run)

    def _read(self, since: Any) -> tuple[dict[str, tuple[Kind, str]] | None, Any, str]:
        """Its rows by id, None where nothing moved; the mark, and why they are not all."""
        why, mark, rows = "", None, dict[str, tuple[Kind, str]]()
        for _ in (1, 2):
            listing, rows = Listing(self._page, PAGE, lambda row, place: row.get("guid") or f"?{place}"), {}
            for number, page in enumerate(listing.pages()):
                if number == 0:
                    names = " ".join(name for name, _ in page)
                    mark = [listing.total, hashlib.blake2b(names.encode(), digest_size=8).hexdigest()]
                    if mark == since:
                        return None, since, ""
                for name, row in page:
                    kind, plex = row.get("type", ""), name.rpartition("/")[2]
                    rows[plex] = (Kind(kind) if kind in set(Kind) else Kind.EPISODE, plex)
            if not (why := listing.why(listing.total)):
                break
        return rows, mark, why

    def _page(self, start: int, size: int) -> Element:
        place = {"X-Plex-Container-Start": str(start), "X-Plex-Container-Size": str(size)}
        url = f"{self._tv.settings.discover_url}/library/sections/watchlist/all"
        return self._tv.ask(url, self._token, params=QUERY, more=place)

    def _write(self, facts: Sequence[Fact], action: str, dry_run: bool) -> list[Receipt]:
        """Each title once, in the order given; what is so already is not sent."""
        if dry_run:
            would = {"would": action}
            return [Receipt(fact, Outcome.DONE, f"would send PUT /actions/{action}", seen=would) for fact in facts]
        receipts: dict[str, Receipt] = {}
        adding, trouble = action.startswith("add"), None
        try:
            rows = self._read(None)[0] or {}
            titles = self._titles.of([each for each in rows.values() if each[0] in KINDS], self._token)
            listed = {plex: titles.get(plex) for plex in rows}
        except RemoteError as problem:
            return [failed(fact, problem) for fact in facts]
        for fact in facts:
            key = fact.ref.claim()
            if key in receipts:
                continue
            if trouble is not None:
                receipts[key] = Receipt(fact, Outcome.REFUSED, trouble.what, trouble.retry_at)
                continue
            try:
                receipts[key] = self._put(fact, action, listed, adding)
            except RemoteError as problem:
                receipts[key] = failed(fact, problem)
                trouble = None if isinstance(problem, Refused) else problem
            except UserError as problem:
                receipts[key] = Receipt(fact, Outcome.REFUSED, problem.what)
        return [replace(receipts[fact.ref.claim()], fact=fact) for fact in facts]

    def _put(self, fact: Fact, action: str, listed: dict[str, Ref | None], adding: bool) -> Receipt:
        """One title."""
        value = Listed() if adding else None
        if fact.ref.kind not in KINDS:
            return Receipt(fact, Outcome.REFUSED, f"Plex keeps no watchlist of a {fact.ref.kind}.")
        on_it = (plex for plex, title in listed.items() if title is not None and same(title, fact.ref))
        plex = fact.ref.ids.plex or next(on_it, None) or self._titles.id_of(fact.ref, self._token)
        if plex is None:
            return Receipt(fact, Outcome.NOT_FOUND, "plex.tv does not know it.")
        if (plex in listed) is adding:
            return Receipt(fact, Outcome.ALREADY, remote=plex, seen=value)
        url = f"{self._tv.settings.discover_url}/actions/{action}"
        try:
            self._tv.ask(url, self._token, method="PUT", params={"ratingKey": plex})
        except Refused as problem:
            if problem.status == 404 and adding:
                return Receipt(fact, Outcome.NOT_FOUND, "plex.tv does not know it.")
            if problem.status != (409 if adding else 404):  # it was so already
                raise
        return Receipt(fact, Outcome.DONE, remote=plex, seen=value)

    @property
    def _token(self) -> Secret:
        if not self._token_kept:
            raise UserError(f"There is no sign-in at plex.tv for {self._label}.", SIGN_IN.format(label=self._label))
        return self._token_kept
