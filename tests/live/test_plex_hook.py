"""Plex webhooks: the examples of the contract, whose they are, and what a body may lack."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import UserError
from sidecar.events import Event, PlayEvent, RatingEvent, What
from sidecar.live.known import filled
from sidecar.live.plex_hook import event_of
from sidecar.model import Ids, Kind, Ref
from sidecar.store.db import open_store
from sidecar.store.items import Item, Items
from sidecar.store.servers import KnownServer, KnownServers
from sidecar.viewing import Source

DEN = KnownServer("5a1b2c3d4e5f60718293a4b5c6d7e8f901234567", "den", "plex", owner="4100001")
NOW = datetime(2026, 8, 21, 12, tzinfo=UTC)
LAMP = Ref(Kind.MOVIE, Ids(None, "tt9900001", 990001, 990101, None, "5d7768313c3c2a001fbca001"), name="The Salt Lamp",
           year=2019, runtime=90)  # fmt: skip
TIDE = Ref(Kind.EPISODE, Ids(None, "tt9910003", 9910003, 9920003, None, "5d9c1276e9d5a1001f4ee003"), None, 1, 3,
           "Harbour Lights", runtime=45)  # fmt: skip
OLD_TIDE = Ref(Kind.EPISODE, Ids(), Ids(tvdb=9920000), 1, 3, "Harbour Lights", runtime=45)
LIGHTS = Ref(Kind.SHOW, Ids(None, "tt9910000", 9910000, 9920000, None, "5d9c086fe9d5a1001f4d9f01"),
             name="Harbour Lights", year=2022)  # fmt: skip
FILES: dict[str, Any] = {
    "media.play.movie.owner": (What.START, 0.0, "1", (LAMP,)),
    "media.pause.movie.owner": (What.PAUSE, 1200.0, "1", (LAMP,)),
    "media.resume.movie.owner": (What.RESUME, 1200.0, "1", (LAMP,)),
    "media.stop.movie.owner": (What.STOP, 1230.0, "1", (LAMP,)),
    "media.scrobble.movie.owner": (What.PROGRESS, 4862.0, "1", (LAMP,)),
    "media.play.episode.friend-on-my-server": (What.START, 0.0, "4100333", (TIDE,)),
    "media.scrobble.episode.homeuser": (What.PROGRESS, 2460.0, "4100022", (TIDE,)),
    "media.scrobble.episode.legacy-agent": (What.PROGRESS, 2460.0, "1", (OLD_TIDE,)),
    "media.scrobble.episode.hama": (What.PROGRESS, 2460.0, "1", ()),  # AniDB's numbers name nothing on Trakt
    "media.rate.movie.owner": (8.0, None, "1", (LAMP,)),
    "media.rate.show.owner": (7.0, None, "1", (LIGHTS,)),
    "media.rate.season.owner": (7.0, None, "1", ()),  # the ids of its show are not sent
    "media.rate.episode.owner": (9.0, None, "1", (TIDE,)),
    "media.play.movie.me-on-foreign-server": None,
    "media.play.livetv.ignore-me": None,
    "media.play.track.ignore-me": None,
    "library.new.movie": None,
}

OURS = {"event": "media.rate", "Server": {"uuid": DEN.id}, "Account": {"id": 1}}


def read(body: Any, server: KnownServer = DEN) -> Event | None:
    return event_of(body if isinstance(body, bytes) else json.dumps(body).encode(), server, NOW)


@pytest.fixture(scope="module")
def bodies(contracts: Path) -> dict[str, Any]:
    files = (contracts / "plex" / "handwritten" / "webhooks").glob("*.json")
    return {file.stem: json.loads(file.read_text()) for file in files}


def test_every_example_is_expected(bodies: dict[str, Any]) -> None:
    assert bodies.keys() == FILES.keys()


@pytest.mark.parametrize("name", FILES)
def test_every_example_is_read_value_by_value(name: str, bodies: dict[str, Any]) -> None:
    heard, meta = read(bodies[name]), bodies[name]["Metadata"]
    if FILES[name] is None:
        assert heard is None
        return
    first, position, user, refs = FILES[name]
    assert heard is not None
    assert (heard.user, heard.refs) == (user, refs)
    assert (heard.service, heard.server, heard.source) == (Source.PLEX, DEN.id, "webhook")
    assert heard.at == heard.sent == heard.received == NOW
    assert heard.item == f"{meta['ratingKey']}~{meta['guid']}"
    assert heard.library == meta.get("librarySectionTitle", "")
    if isinstance(heard, RatingEvent):
        assert heard.value == first
        return
    assert isinstance(heard, PlayEvent)
    assert (heard.what, heard.position, heard.runtime) == (first, position, meta["duration"] / 60000)
    assert (heard.session, heard.device) == ("a1b2c3d4e5f6-com-plexapp-android", "Living Room TV")
    assert heard.completed is (True if name.startswith("media.scrobble") else None)
    assert heard.paused is (first is What.PAUSE)


def test_music_as_plex_itself_shows_it_is_ignored(contracts: Path) -> None:
    text = (contracts / "plex" / "recorded" / "telegraf" / "webhook_media_play.json").read_bytes()
    assert read(text, KnownServer(json.loads(text)["Server"]["uuid"], "den", "plex")) is None


@pytest.mark.parametrize(
    ("number", "owner", "user"),
    [
        (1, "4100001", "1"),
        (4100001, "4100001", "1"),
        ("4100001", "4100001", "1"),
        (4100001, "", "4100001"),  # nobody is taken to be the owner where that is not known
        (1, "", "1"),
        (4100333, "4100001", "4100333"),
    ],
)
def test_the_owner_has_two_numbers_and_everybody_else_one(
    number: int | str, owner: str, user: str, bodies: dict[str, Any]
) -> None:
    heard = read(
        bodies["media.play.movie.owner"] | {"Account": {"id": number}}, KnownServer(DEN.id, "den", "plex", owner=owner)
    )
    assert heard is not None
    assert heard.user == user


@pytest.mark.parametrize("number", [0, "0", ""])
def test_the_nameless_account_is_nobody(number: int | str, bodies: dict[str, Any]) -> None:
    unmet = KnownServer(DEN.id, "den", "plex")  # without an owner, who could be taken for nobody
    assert read(bodies["media.play.movie.owner"] | {"Account": {"id": number}}, unmet) is None


def changed(body: Any, **meta: Any) -> Any:
    """A body with other metadata; None takes a key away."""
    mixed = body["Metadata"] | meta
    return body | {"Metadata": {name: value for name, value in mixed.items() if value is not None}}


def test_a_scrobble_without_a_place_is_where_it_counts(bodies: dict[str, Any]) -> None:
    body = bodies["media.scrobble.movie.owner"]
    placeless, lengthless = read(changed(body, viewOffset=None)), read(changed(body, viewOffset=None, duration=None))
    assert isinstance(placeless, PlayEvent)
    assert isinstance(lengthless, PlayEvent)
    assert (placeless.position, placeless.completed) == (4860.0, True)
    assert (lengthless.position, lengthless.runtime, lengthless.completed) == (None, None, True)


@pytest.mark.parametrize(("told", "value"), [(-1, None), (0, None), ("8", 8.0), (7.5, 7.5)])
def test_a_rating_that_is_taken_away_is_none(told: Any, value: float | None, bodies: dict[str, Any]) -> None:
    heard = read(bodies["media.rate.movie.owner"] | {"rating": told})
    assert isinstance(heard, RatingEvent)
    assert heard.value == value


@pytest.mark.parametrize("kind", ["clip", "photo", "artist", "album", "playlist", ""])
def test_other_kinds_are_ignored(kind: str, bodies: dict[str, Any]) -> None:
    assert read(changed(bodies["media.play.movie.owner"], type=kind)) is None


def test_an_agent_with_its_own_order_is_not_named_by_its_show(bodies: dict[str, Any]) -> None:
    own_order = {"guid": "com.plexapp.agents.hama://tvdb4-99001/1/3?lang=en"}
    show = {"grandparentGuid": "com.plexapp.agents.hama://tvdb4-99001?lang=en"}
    heard = read(changed(bodies["media.scrobble.episode.hama"], **own_order, **show))
    assert heard is not None
    assert heard.refs == ()


def test_what_a_body_lacks_is_filled_in_from_what_was_read(bodies: dict[str, Any], tmp_path: Path) -> None:
    store = open_store(tmp_path)
    heard = read(bodies["media.rate.season.owner"])
    lengthless = read(changed(bodies["media.play.movie.owner"], duration=None, librarySectionTitle=None))
    assert heard is not None
    assert lengthless is not None
    season = Ref(Kind.SEASON, Ids(), Ids(tvdb=9920000), 1)
    with store.write() as db:
        KnownServers(db).met(DEN, NOW)
        KnownServers(db).keep_libraries(DEN.id, {"1": "Movies"})
        items = [
            Item(DEN.id, heard.item, "2", season.claim(), "Harbour Lights"),
            Item(DEN.id, lengthless.item, "1", LAMP.claim(), "The Salt Lamp", year=2019, runtime=91),
        ]
        Items(db).put(items, NOW)
        told, timed = filled(db, heard), filled(db, lengthless)
        assert filled(db, read(bodies["media.scrobble.episode.hama"]) or heard).refs == ()
    assert isinstance(timed, PlayEvent)
    assert ([ref.claim() for ref in told.refs], told.title, told.library) == (
        [season.claim()], "Harbour Lights season 1", "TV",
    )  # fmt: skip
    assert (timed.runtime, timed.library, timed.refs) == (91.0, "Movies", lengthless.refs)
    store.close()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "truncated"),
        (b"[]", "Expected `object`"),
        ({"event": "media.play"}, "Server, Account or Metadata is missing"),
        ({"event": 5}, "Expected `str`"),
        (OURS | {"Metadata": []}, "Expected `object`"),
        (OURS | {"Account": {"id": 10**30}, "Metadata": {}}, "int"),
        (b'{"event": "media.play", "Metadata": ' + b"[" * 400_000, "too deeply"),
        (OURS | {"rating": 40, "Metadata": {"type": "movie"}}, "40 is no rating from 0 to 10"),
    ],
    ids=range(8),
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_the_reason(body: Any, reason: str) -> None:
    with pytest.raises(UserError, match=r"^This cannot be read: ") as refused:
        read(body)
    assert reason in refused.value.what


JUNK = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.lists(st.integers())
NAMES = st.sampled_from(
    ["type", "ratingKey", "guid", "parentGuid", "grandparentGuid", "live", "index", "duration", "viewOffset", "Guid"]
)


@given(st.sampled_from(["media.play", "media.rate", "media.scrobble"]), JUNK, st.dictionaries(NAMES, JUNK))
def test_any_metadata_is_an_event_or_a_reason(event: str, rating: Any, meta: dict[str, Any]) -> None:
    body = OURS | {"event": event, "rating": rating}
    with suppress(UserError):  # and nothing else
        heard = read(body | {"Metadata": {"type": "episode", "guid": "plex://episode/" + "a" * 24} | meta})
        assert heard is None or len(heard.item.encode()) < 4200
