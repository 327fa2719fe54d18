"""What Jellyfin says, and the rows that it means.

A page is decoded at once; only where that fails, row by row, so that one broken row costs no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from sidecar.contract import Collected, Copy
from sidecar.model import Ids, Kind
from sidecar.servers.guids import ids_of, refs_of
from sidecar.servers.jellyfin.files import Source, media_of
from sidecar.servers.known import Library, User
from sidecar.servers.rows import LEAVES, Row

KINDS = {"Movie": Kind.MOVIE, "Series": Kind.SHOW, "Season": Kind.SEASON, "Episode": Kind.EPISODE}
TICKS_A_MINUTE = 600_000_000
TITLES = {"movies": False, "tvshows": True, "mixed": None, "folders": None, None: None}
UNREADABLE = "what the server says about it makes no sense"
NOBODY = "0" * 32
Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
Ticks = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Number = Annotated[int, msgspec.Meta(ge=-1, le=10**9)]


class UserData(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """What one person did with one item: all that a write of it may change."""

    played: bool = False
    play_count: Count = 0
    last_played_date: datetime | None = None
    playback_position_ticks: Ticks = 0
    is_favorite: bool = False
    rating: Annotated[float, msgspec.Meta(ge=0, le=10)] | None = None

    @property
    def at(self) -> datetime | None:
        """When the last play began; the year 1 means never."""
        at = self.last_played_date
        return None if at is None or at.year < 1900 else at if at.tzinfo else at.replace(tzinfo=UTC)

    def body(self) -> dict[str, Any]:
        """For a write: null is left out, because it would mean unchanged."""
        said = msgspec.to_builtins(msgspec.structs.replace(self, last_played_date=self.at))
        return {name: value for name, value in said.items() if value is not None}

    def copy(self, item: str, kind: Kind) -> Copy:
        """As every server's state is held; of a series or season only what is its own and not counted together."""
        if kind not in LEAVES:
            return Copy(item, played=False, rating=self.rating, favourite=self.is_favorite)
        begun = self.playback_position_ticks > 0
        return Copy(item, self.played, self.play_count, self.at, begun, self.rating, self.is_favorite)


class Item(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """One row of a listing."""

    id: Annotated[str, msgspec.Meta(min_length=1)]
    type: str
    name: str | None = None
    provider_ids: dict[str, str | None] | None = None
    production_year: Number | None = None
    run_time_ticks: Ticks | None = None
    index_number: Number | None = None
    index_number_end: Number | None = None
    parent_index_number: Number | None = None
    series_id: str | None = None
    series_name: str | None = None
    location_type: str | None = None
    extra_type: str | None = None
    user_data: UserData | None = None
    date_created: datetime | None = None
    media_sources: list[Source] | None = None

    @property
    def kind(self) -> Kind | None:
        """What it is; None where it is nothing of ours: trailers, missing episodes, collections."""
        return None if self.location_type == "Virtual" or self.extra_type else KINDS.get(self.type)

    def ids(self) -> Ids:
        """Its own ids."""
        return ids_of((name, value) for name, value in (self.provider_ids or {}).items() if value)

    def row(self, library: str, shows: Mapping[str, Ids]) -> Row | None:
        """The item as one person sees it; `shows` has the ids of all series that matter."""
        kind = self.kind
        if kind is None:
            return None
        part = kind in (Kind.SEASON, Kind.EPISODE)
        minutes = round((self.run_time_ticks or 0) / TICKS_A_MINUTE) or None if kind in LEAVES else None
        refs, why = refs_of(
            kind,
            self.ids(),
            name=self.series_name if part else self.name,
            year=None if part else self.production_year,  # it would be the episode's own
            runtime=minutes,
            show=(shows.get(self.series_id or "") or None) if part else None,
            season=self.index_number if kind is Kind.SEASON else self.parent_index_number,
            number=self.index_number,
            last=self.index_number_end,
        )
        data = self.user_data or UserData()
        return Row(
            kind,
            library,
            self._named(),
            refs,
            data.copy(self.id, kind),
            why,
            year=self.production_year,
            runtime=minutes,
            collected=self._collected() if self.media_sources is not None else None,
            show=self.series_id or "",
            place=(self.parent_index_number, self.index_number) if kind is Kind.EPISODE else (None, None),
        )

    def _named(self) -> str:
        """How a person finds it: an episode by its series and number."""
        if self.series_name is None:
            return self.name or ""
        known = self.type == "Episode" and None not in (self.parent_index_number, self.index_number)
        place = f"S{self.parent_index_number:02}E{self.index_number:02}" if known else self.name or ""
        return f"{self.series_name} {place}".strip()

    def _collected(self) -> Collected:
        at = self.date_created
        return Collected(at if at is None or at.tzinfo else at.replace(tzinfo=UTC), media_of(self.media_sources or []))


@dataclass(slots=True)
class Page:
    """A page of a listing: its rows, and how many there are in all."""

    items: list[Item]
    total: int
    broken: list[Row] = field(default_factory=list)  # what cannot be read, with the reason
    nameless: int = 0  # rows without an id

    def ids(self) -> list[str]:
        """The ids of its rows, as they came."""
        return [item.id for item in self.items] + [row.item for row in self.broken]

    @property
    def count(self) -> int:
        """How many rows it has."""
        return len(self.items) + len(self.broken) + self.nameless


class _Whole(msgspec.Struct, rename="pascal"):
    items: list[Item]
    total_record_count: Count


class _Raw(msgspec.Struct, rename="pascal"):
    items: list[msgspec.Raw]
    total_record_count: Count


class _Stub(msgspec.Struct, rename="pascal"):
    id: Annotated[str, msgspec.Meta(min_length=1)]
    type: Any = None
    name: Any = None


def decode(content: bytes) -> Page:
    """A page; raises where it is none."""
    try:
        whole = msgspec.json.decode(content, type=_Whole)
        return Page(whole.items, whole.total_record_count)
    except msgspec.ValidationError:
        raw = msgspec.json.decode(content, type=_Raw)
    page = Page([], raw.total_record_count)
    for each in raw.items:
        try:
            page.items.append(msgspec.json.decode(each, type=Item))
        except msgspec.ValidationError:
            _broken(page, each)
    return page


def _broken(page: Page, raw: msgspec.Raw) -> None:
    """Keep of a row what can be listed."""
    try:
        stub = msgspec.json.decode(raw, type=_Stub)
    except msgspec.ValidationError:
        page.nameless += 1
        return
    kind = KINDS.get(str(stub.type), Kind.MOVIE)
    page.broken.append(Row(kind, "", str(stub.name or ""), (), Copy(stub.id, played=False), UNREADABLE))


class _Policy(msgspec.Struct, rename="pascal"):
    is_administrator: bool = False
    is_disabled: bool = False


class WireUser(msgspec.Struct, rename="pascal"):
    """An account."""

    id: str
    name: str
    policy: _Policy = msgspec.field(default_factory=_Policy)

    def user(self) -> User:
        """As every server's accounts are known."""
        return User(self.id, self.name, self.policy.is_administrator, self.policy.is_disabled)


class View(msgspec.Struct, rename="pascal"):
    """A library as somebody sees it."""

    id: str
    name: str
    collection_type: str | None = None

    @property
    def holds_titles(self) -> bool:
        """Whether films or series may be in it."""
        return self.collection_type in TITLES

    def library(self) -> Library:
        """As every server's libraries are known."""
        return Library(self.id, self.name, TITLES[self.collection_type])


class _Named(msgspec.Struct, rename="pascal"):
    id: str = ""
    user_id: str = ""
    media_source_id: str | None = None


class Session(msgspec.Struct, rename="pascal"):
    """A device, who sits before it, and what it plays."""

    user_id: str = NOBODY
    additional_users: list[_Named] | None = None
    now_playing_item: _Named | None = None
    play_state: _Named | None = None

    def items_of(self, user: str) -> set[str]:
        """What this user plays on it: the film, and which of its versions."""
        here = {self.user_id, *(other.user_id for other in self.additional_users or ())}
        if user not in here or self.now_playing_item is None:
            return set()
        version = self.play_state.media_source_id if self.play_state else None
        return {self.now_playing_item.id, version or self.now_playing_item.id}
