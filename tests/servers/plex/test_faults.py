"""Whatever a server does wrong makes the index incomplete or lists the item; nothing is raised, nothing removed."""

from __future__ import annotations

import dataclasses
from typing import Any
from xml.etree.ElementTree import Element

import pytest

from sidecar.contract import Index, Scope, State
from sidecar.model import Feature, Kind
from sidecar.servers.plex.client import Plex
from tests.servers.plex.conftest import START, Home
from tests.servers.plex.recorded import saying, server

READ = (Feature.HISTORY, Feature.RATINGS, Feature.COLLECTION)
SHOWS = r"/library/sections/3/all"


@pytest.fixture
def full(home: Home) -> Home:
    """A household in which Anna watched and rated everything."""
    home.house.act("mark", person="Anna", file="*")
    home.house.act("rate", person="Anna", file="*", rating=7)
    home.read(Feature.HISTORY)
    return home


def lacking(index: Index, why: str) -> None:
    assert not index.complete
    assert why in index.why, index.why
    assert index.mark is None


def forget(home: Home) -> None:
    """Another process: nothing is remembered but what is stored."""
    home.memory.listed.clear()


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"name": "html"}, "cannot be read"),
    ({"name": "empty"}, "cannot be read"),
    ({"name": "empty", "body": "<MediaContainer"}, "cannot be read"),
    ({"name": "empty", "body": "<html><body>Sign in</body></html>"}, "cannot be read"),
    ({"name": "empty", "body": '{"MediaContainer": {}}'}, "cannot be read"),
    ({"name": "truncated"}, "ended the connection"),
    ({"name": "truncated", "length": "cut"}, "cannot be read"),
    ({"name": "lost"}, "ended the connection"),
    ({"name": "reset"}, "ended the connection"),
    ({"name": "status", "status": 500}, "problem of its own (answer 500)"),
    ({"name": "status", "status": 503}, "problem of its own (answer 503)"),
    ({"name": "status", "status": 498}, "refused the request (answer 498)"),
    ({"name": "status", "status": 520}, "problem of its own (answer 520)"),
    ({"name": "status", "status": 525}, "problem of its own (answer 525)"),
    ({"name": "status", "status": 429, "retry_after": 30}, "asks for a pause"),
    ({"name": "status", "status": 403}, "refused the request (answer 403)"),
    ({"name": "status", "status": 401}, "does not accept the token of this account"),
    ({"name": "no_total"}, "the server does not say how many titles there are"),
]


@pytest.mark.parametrize("feature", READ)
def test_an_answer_that_is_none_makes_the_index_incomplete(full: Home, feature: Feature) -> None:
    for fault, why in FAULTS:
        forget(full)
        full.house.fault(**fault, times=None, path=SHOWS)
        index = full.read(feature)
        lacking(index, why)
        assert index.libraries in (frozenset("12"), frozenset("124")), fault
        assert {fact.ref.kind for fact in index.facts} >= {Kind.MOVIE}, fault
        full.house.tell("faults", clear=True)
    assert len(full.items()) == len(full.world.inventory.items)


def test_a_short_trouble_is_no_trouble(full: Home) -> None:
    forget(full)
    full.house.fault("status", status=503, times=2, path=SHOWS)
    assert full.read(Feature.HISTORY).complete


@pytest.mark.parametrize("feature", READ)
def test_a_listing_of_half_that_says_it_is_all_is_counted_and_read_again(full: Home, feature: Feature) -> None:
    forget(full)
    whole = {item for fact in full.read(feature).facts for item in fact.items}
    forget(full)
    full.house.fault("half_listing", after=1, path=SHOWS)
    index = full.read(feature)
    assert index.complete
    assert {item for fact in index.facts for item in fact.items} == whole
    assert not [item for item in full.items().values() if item.gone_at]


def test_a_listing_that_goes_on_lying_is_never_taken_for_the_whole(full: Home) -> None:
    for feature in READ:
        forget(full)
        for after in (1, 2):  # every page, and never the counting before it
            full.house.fault("half_listing", times=1, after=after, path=SHOWS)
        lacking(full.read(feature), "it changed while it was read")
        full.house.tell("faults", clear=True)
    assert len(full.items()) == len(full.world.inventory.items)


@pytest.mark.parametrize(("feature", "size"), [(Feature.HISTORY, 7), (Feature.RATINGS, 50), (Feature.COLLECTION, 13)])
def test_a_server_that_gives_less_than_was_asked_for_loses_nothing(full: Home, feature: Feature, size: int) -> None:
    forget(full)
    before = {item for fact in full.read(feature).facts for item in fact.items}
    full.house.fault("page_cap", size=size, times=None)
    forget(full)
    index = full.read(feature)
    assert index.complete, index.why
    assert {item for fact in index.facts for item in fact.items} == before


def test_an_item_that_appears_while_pages_are_read_is_neither_lost_nor_read_twice(
    full: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sidecar.servers.plex.pages.PAGE", 10)
    forget(full)
    full.house.fault("insert_row")
    index = full.read(Feature.COLLECTION)
    assert index.complete
    assert len(full.items()) == len(full.world.inventory.items)


def test_rows_that_never_stop_coming_in_make_it_incomplete(full: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sidecar.servers.plex.pages.PAGE", 10)
    forget(full)
    full.house.fault("insert_row", times=None)
    lacking(full.read(Feature.COLLECTION), "while it was read")


@pytest.mark.parametrize("feature", READ)
def test_a_library_that_is_being_scanned_is_left_out(full: Home, feature: Feature) -> None:
    full.house.tell("switches", scanning=True)
    index = full.read(feature)
    lacking(index, "The library “Movies” is being scanned.")
    assert (index.libraries, index.facts) == (frozenset(), [])


def test_a_scan_that_begins_while_it_is_read_counts_as_well(full: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    ask, asked = Plex.sections, list[int]()

    def sections(plex: Plex) -> list[Any]:
        asked.append(1)
        return [dataclasses.replace(one, scanning=len(asked) > 1) for one in ask(plex)]

    monkeypatch.setattr(Plex, "sections", sections)
    lacking(full.read(Feature.HISTORY), "is being scanned")


def test_a_scan_of_one_library_does_not_hold_up_the_others(full: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    full.house.tell("clock", shift=1)
    mark, ask = full.read(Feature.RATINGS).mark, Plex.sections
    full.house.act("unrate", person="Anna", file=full.house.file().path)

    def sections(plex: Plex) -> list[Any]:
        return [dataclasses.replace(one, scanning=one.key == "3") for one in ask(plex)]

    monkeypatch.setattr(Plex, "sections", sections)
    index = full.read(Feature.RATINGS, since=mark)
    assert (index.complete, index.libraries) == (True, frozenset("1"))


@pytest.mark.parametrize("feature", READ)
def test_a_library_that_is_missing_says_nothing_about_its_titles(full: Home, feature: Feature) -> None:
    mark = full.read(feature).mark
    full.house.tell("switches", library_missing="movies")
    for since in (None, mark):
        index = full.read(feature, since=since)
        assert (index.complete, index.libraries, index.scope) == (True, frozenset("234"), Scope.FULL)
    assert len(full.items()) == len(full.world.inventory.items)


def test_a_library_that_goes_away_while_it_is_read_makes_it_incomplete(full: Home) -> None:
    hands = full.hands()
    hands.changes(Feature.COLLECTION, {"of": None, "sections": {"1": ""}})  # the libraries are known now
    full.house.tell("switches", library_missing="movies")
    reading = hands.complete(Feature.HISTORY)
    assert "refused the request (answer 404)" in reading.why


@pytest.mark.parametrize("feature", READ)
def test_an_emptied_library_is_more_likely_a_drive_that_is_away(full: Home, feature: Feature) -> None:
    before = len([item for item in full.items().values() if item.library == "3"])
    full.house.act("empty", library="shows")
    index = full.read(feature)
    lacking(index, "it lists nothing now and had")
    assert index.libraries == frozenset("124")
    assert len([item for item in full.items().values() if item.library == "3" and not item.gone_at]) == before


def test_an_emptied_library_that_the_server_does_not_stamp_is_noticed_too(
    full: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamps, ask = dict(full.memory.listed), Plex.sections
    monkeypatch.setattr(
        Plex, "sections", lambda plex: [dataclasses.replace(one, stamps=stamps[one.key][0]) for one in ask(plex)]
    )
    full.house.act("empty", library="shows")
    for feature in (Feature.HISTORY, Feature.RATINGS):
        lacking(full.read(feature), "it lists nothing now and had")


@pytest.mark.parametrize("feature", READ)
def test_rights_that_were_taken_away_are_no_removal(
    full: Home, feature: Feature, monkeypatch: pytest.MonkeyPatch
) -> None:
    full.house.act("mark", person="Ben", file="*")
    mark = full.read(feature, "Ben").mark
    ben = full.world.accounts.named("Ben")
    monkeypatch.setattr(type(ben), "sees", lambda account, section: account is not ben)
    for since in (None, mark):
        index = full.read(feature, "Ben", since=since)
        assert (list(index.facts), index.libraries) == ([], frozenset())
    assert not [item for item in full.items().values() if item.gone_at]


def test_a_number_that_was_given_to_another_film_is_another_item(full: Home) -> None:
    film = full.house.file()
    key = next(iter(full.world.inventory.by_path[film.path])).key
    (fact,) = [fact for fact in full.read(Feature.HISTORY).facts if full.item(film.path) in fact.items]
    before = full.item(film.path)
    item = full.world.inventory.items[key]
    item.guid, item.known = "plex://movie/" + "0" * 24, None
    item.rows.clear()
    full.world.inventory.version += 1
    try:
        index = full.read(Feature.HISTORY, only=[fact.ref])
        assert (index.facts, index.there) == ([], frozenset())
        assert full.hands().look([before]) == []
        full.read(Feature.HISTORY)
        assert before not in full.items()
        assert f"{key}~plex://movie/{'0' * 24}" in full.items()
    finally:
        full.world.reset()


def test_an_item_that_was_added_again_is_another_item_of_the_same_title(full: Home) -> None:
    film = full.house.file()
    before = full.item(film.path)
    full.house.act("replace", path=film.path)
    after = full.item(film.path)
    assert before != after
    index = full.read(Feature.HISTORY)
    assert after in {item for fact in index.facts for item in fact.items}
    items = full.items()
    assert before not in items
    assert after in items


def test_a_server_that_was_upgraded_while_it_was_read(full: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    ask, asked = Plex.info, list[int]()

    def info(plex: Plex) -> Any:
        asked.append(1)
        return dataclasses.replace(ask(plex), version="1.44.0" if len(asked) > 1 else "1.43.3")

    monkeypatch.setattr(Plex, "info", info)
    lacking(full.read(Feature.HISTORY), "upgraded while it was read")


def test_a_server_that_is_starting_says_so_and_nobody_has_to_sign_in(full: Home) -> None:
    full.house.act("restart", seconds=60)
    lacking(full.read(Feature.HISTORY), "problem of its own (answer 503)")
    health = full.side().health()
    assert (health.state, "sign" in health.next_step.lower()) == (State.OUTAGE, False)


def test_another_server_at_the_same_address_is_not_taken_for_it() -> None:
    with server(saying('<MediaContainer machineIdentifier="other" version="1"/>')) as (plex, _):
        plex.machine = "m"
        assert plex.info().id == "m"
        with pytest.raises(Exception, match="Another server answers at the address of Plex den"):
            plex.info()


def test_a_token_that_was_revoked_is_told_from_a_server_that_is_down(full: Home) -> None:
    full.house.act("revoke", person="Anna", kind="server")
    index = full.read(Feature.HISTORY)
    lacking(index, "Plex den does not accept the token of this account.")
    health = full.side().health()
    assert (health.state, "--pin" in health.next_step) == (State.AUTH, True)


def test_a_garbled_row_is_listed_and_the_rest_goes_on(full: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    garbage = [
        {"type": "movie", "title": "No number", "guid": "plex://movie/" + "1" * 24},
        {"type": "movie", "ratingKey": "99999999", "title": "No guid", "viewCount": "x", "year": "10" * 9},
        {"type": "movie", "ratingKey": "99999998", "guid": "plex://movie/zz", "userRating": "nan", "viewCount": "-1"},
        {"ratingKey": "99999997", "guid": "nothing"},
    ]
    ask = Plex.ask

    def garbled(plex: Plex, path: str, params: Any = None, *, start: int | None = None, size: int = 0) -> Element:
        page = ask(plex, path, params, start=start, size=size)
        if path == "/library/sections/1/all":
            total = int(page.get("totalSize", "0"))
            page.set("totalSize", str(total + len(garbage)))
            if size > 1 and start == 0:
                page.extend(Element("Video", row) for row in garbage)
        return page

    whole = len(full.read(Feature.COLLECTION).facts)
    monkeypatch.setattr(Plex, "ask", garbled)
    forget(full)
    index = full.read(Feature.COLLECTION)
    assert (index.complete, len(index.facts)) == (True, whole)
    reasons = {item.name: item.reason for item in full.items().values() if item.library == "1" and item.reason}
    assert reasons["No number"] == "the server gives it no usable number"
    assert reasons["No guid"]
    assert reasons["(no title)"]
    history = full.read(Feature.HISTORY)
    assert not {"No guid", "No number"} & {fact.ref.name for fact in history.facts}


def test_history_that_is_refused_leaves_the_last_view(home: Home) -> None:
    home.house.act("watch", person="Ben", file=home.house.file().path)
    home.house.tell("switches", own_history="refused")
    side = home.side("Ben", owner=False)
    assert side.capabilities()["history"]["plays"] == "all"
    (fact,) = side.build_index(Feature.HISTORY).facts
    assert (fact.value.plays, fact.value.copies[0].count, fact.value.copies[0].at) == ((), 1, START)
    assert side.capabilities()["history"]["plays"] == "last"
    before = home.asked()
    assert home.side("Ben", owner=False).build_index(Feature.HISTORY).complete
    assert not [row for row in home.rows()[before:] if "history" in row["path"]]


def test_history_that_the_owner_cannot_read_for_the_moment_makes_it_incomplete(full: Home) -> None:
    full.house.fault("status", status=403, path="history")
    lacking(full.read(Feature.HISTORY), "refused the request (answer 403)")


def test_a_nonsense_mark_is_no_mark(full: Home) -> None:
    marks: list[Any] = ["x", {}, {"of": None, "sections": {}}, {"of": ["tv"], "sections": {"1/movie": [1, 2]}}]
    for since in marks:
        index = full.read(Feature.HISTORY, since=since)
        assert (index.scope, index.complete, index.libraries) == (Scope.FULL, True, frozenset("1234"))
