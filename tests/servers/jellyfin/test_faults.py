"""Things are wrong: the index is incomplete and says why, or the item is listed; nothing is taken for gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import NoneType
from typing import Any

import pytest

from sidecar.contract import Index, State
from sidecar.errors import Outage, Unreachable
from sidecar.model import Feature, Kind
from sidecar.servers.jellyfin import client, listing, reads
from sidecar.servers.jellyfin.wire import UNREADABLE, decode
from sidecar.store.items import Items
from tests.servers.jellyfin.conftest import KETTLE, LABEL, LONE, SERIES, Home

ITEMS = "^/Items$"
Change = Callable[[dict[str, Any], dict[str, str]], None]


@pytest.fixture
def watched(home: Home, small_pages: None) -> Home:
    """Two watched titles, and a first read by somebody who sees everything."""
    for name in (LONE, "Premiere at Midnight"):
        home.desk.act("watch", person="Anna", item=home.desk.film(name)["Id"])
    assert home.read().complete
    home.forget_log()
    return home


@pytest.fixture
def tampered(home: Home, monkeypatch: pytest.MonkeyPatch) -> list[Change]:
    """What is done to each page on its way: its JSON, and the query that it answers."""
    changes, page = list[Change](), home.desk.server.finder.page

    def spoilt(query: Any, user: Any) -> bytes:
        body = page(query, user)
        if not changes:
            return body
        said, asked = json.loads(body), {name: values[-1] for name, values in query.values.items()}
        for change in changes:
            change(said, asked)
        return json.dumps(said).encode()

    monkeypatch.setattr(home.desk.server.finder, "page", spoilt)
    return changes


def gone(home: Home) -> list[str]:
    """What is known to have left."""
    with home.store.read() as db:
        return [row[0] for row in db.execute("SELECT remote FROM item WHERE gone_at IS NOT NULL")]


def incomplete(home: Home, *words: str, name: str = "Anna") -> Index:
    """A read that says why it is not whole."""
    index = home.read(name)
    assert not index.complete
    assert index.mark is None, "it is read again, whether or not anything moves"
    assert [word for word in (LABEL, *words) if word not in index.why] == []
    assert gone(home) == []
    return index


def names_of(home: Home, index: Index) -> set[str]:
    """The libraries that were listed wholly, by name."""
    names = {each.key: each.name for each in home.client().libraries(home.desk.user())}
    return {names[key] for key in index.libraries or ()}


def test_pages_that_are_cut_short_are_gone_on_from_where_they_end(watched: Home) -> None:
    watched.fault("half_listing", times=3, path=ITEMS)
    index = watched.read()
    assert index.complete
    assert len(index.facts) == 2


def test_a_page_that_stays_short_makes_its_library_incomplete_and_no_other(
    watched: Home, tampered: list[Change]
) -> None:
    movies = next(each.key for each in watched.client().libraries(watched.desk.user()) if each.name == "Movies")

    def cut(said: dict[str, Any], asked: dict[str, str]) -> None:
        if asked.get("parentid") == movies:
            said["Items"] = said["Items"][:5] if asked.get("startindex") == "0" else []

    tampered.append(cut)
    index = incomplete(watched, "Movies", "lists 5")
    assert names_of(watched, index) == {"Kids' Movies", "Shows", "Anime"}


def test_a_total_that_is_only_the_pages_proves_nothing(watched: Home, tampered: list[Change]) -> None:
    tampered.append(lambda said, asked: said.update(TotalRecordCount=len(said["Items"])))
    incomplete(watched, "at first and")


def test_the_same_page_again_and_again_comes_to_an_end(watched: Home, tampered: list[Change]) -> None:
    page = list[Any]()

    def again(said: dict[str, Any], asked: dict[str, str]) -> None:
        if "parentid" in asked:
            page[:] = page or said["Items"]
            said.update(Items=page, TotalRecordCount=5000)

    tampered.append(again)
    incomplete(watched, "the same page came again")
    assert len(watched.log()) < 40


def test_rows_that_change_places_between_pages_are_found_in_the_second_round(old: Home, small_pages: None) -> None:
    like = old.desk.film(LONE)["Path"]
    for number in range(90):  # all of one name: wherever a page begins, two neighbours tie
        old.desk.act("add_file", like=like, path=f"/media/movies/A{number}/A.mkv", name="The same name")
    old.desk.act("scan")
    old.control.switches["unstable_ties"] = False
    calm = old.read().requests
    old.control.switches["unstable_ties"] = True
    index = old.read()
    assert index.requests > calm, "one round was not enough"
    assert index.complete
    assert gone(old) == []


@pytest.mark.parametrize("when", ["before", "in the middle"])
def test_while_a_scan_runs_nothing_is_whole(watched: Home, tampered: list[Change], when: str) -> None:
    def begin(_: Any, asked: dict[str, str]) -> None:
        if "parentid" in asked:
            watched.desk.server.running["RefreshLibrary"] = 42.0

    if when == "before":
        watched.control.switches["scan_running"] = True
        watched.client().call("POST", "Library/Refresh", due=NoneType)
    else:
        tampered.append(begin)
    index = incomplete(watched, "is scanning its libraries")
    assert len(index.facts) == 2, "what was read is true all the same"


def test_a_library_that_lists_nothing_any_more_is_more_likely_away(watched: Home, tampered: list[Change]) -> None:
    shows = next(each.key for each in watched.client().libraries(watched.desk.user()) if each.name == "Shows")

    def emptied(said: dict[str, Any], asked: dict[str, str]) -> None:
        if asked.get("parentid") == shows:
            said.update(Items=[], TotalRecordCount=0)

    tampered.append(emptied)
    index = incomplete(watched, "library Shows", "is its drive there?")
    assert "Shows" not in names_of(watched, index)


def test_a_library_of_which_somebody_may_see_nothing_is_left_out_without_alarm(
    watched: Home, tampered: list[Change]
) -> None:
    shows = next(each.key for each in watched.client().libraries(watched.desk.user()) if each.name == "Shows")

    def hidden(said: dict[str, Any], asked: dict[str, str]) -> None:
        if asked.get("parentid") == shows and "userid" in asked:
            said.update(Items=[], TotalRecordCount=0)

    tampered.append(hidden)
    for feature in (Feature.HISTORY, Feature.COLLECTION):
        index = watched.read(feature=feature)
        assert index.complete
        assert names_of(watched, index) == {"Movies", "Kids' Movies", "Anime"}
    assert gone(watched) == []


def test_a_small_library_that_lists_nothing_to_somebody_has_not_lost_everything(
    watched: Home, tampered: list[Change]
) -> None:
    kids = next(each.key for each in watched.client().libraries(watched.desk.user()) if each.name == "Kids' Movies")

    def hidden(said: dict[str, Any], asked: dict[str, str]) -> None:
        if asked.get("parentid") == kids:
            said.update(Items=[], TotalRecordCount=0)

    tampered.append(hidden)
    watched.read(token=watched.desk.sign_in("Anna"))
    assert gone(watched) == []


def test_a_library_that_is_not_shown_any_more_is_left_out(watched: Home) -> None:
    watched.desk.act("rights", person="Anna", libraries=["shows", "anime"])
    index = watched.read()
    assert index.complete
    assert names_of(watched, index) == {"Shows", "Anime"}
    assert gone(watched) == [], "somebody who does not see it cannot tell that it is gone"


def test_all_rights_taken_away_is_no_empty_library(watched: Home) -> None:
    facts = watched.read().facts[:1]
    watched.desk.act("rights", person="Anna", libraries=[])
    index = incomplete(watched, "its rights may have been taken away")
    assert index.libraries == frozenset()
    (receipt,) = watched.side().remove(facts, Feature.HISTORY)
    assert receipt.outcome == "not found"


def test_what_left_is_believed_only_of_a_listing_that_is_all_there_is(watched: Home, tampered: list[Change]) -> None:
    film = watched.desk.film(LONE)
    watched.desk.act("remove_file", file=film["Path"])
    watched.desk.act("scan")
    assert watched.read(token=watched.desk.sign_in("Anna")).complete
    assert gone(watched) == [], "who is somebody cannot know what nobody sees"

    def more(said: dict[str, Any], asked: dict[str, str]) -> None:
        said["TotalRecordCount"] += "userid" not in asked

    tampered.append(more)
    assert watched.read().complete
    assert gone(watched) == [], "this account sees less than there is"
    tampered.clear()
    assert watched.read("David").complete
    assert gone(watched) == [film["Id"]], "of the one library that he sees, David sees everything"
    watched.desk.act("add_file", like=film["Path"], path=film["Path"])
    watched.desk.act("scan")
    index = watched.read()
    assert gone(watched) == [], "it is back under its old id"
    assert film["Id"] in {fact.items[0] for fact in index.facts}, "with what was done to it"


def test_another_file_is_another_item_and_the_old_one_is_gone(watched: Home) -> None:
    film = watched.desk.film(LONE)
    watched.desk.act("rename_file", file=film["Path"], path=film["Path"].replace(".mkv", " again.mkv"))
    watched.desk.act("scan")
    index = watched.read()
    assert index.complete
    assert film["Id"] in gone(watched)
    assert watched.hands().look([film["Id"]]) == []


@pytest.mark.parametrize("fault", ["html", "truncated", "empty", "wrong_types", "lost", "reset"])
def test_nonsense_on_the_way_is_no_listing(watched: Home, fault: str) -> None:
    watched.fault(fault, path=ITEMS, after=3, times=None)
    index = incomplete(watched)
    assert len(index.facts) <= 2


@pytest.mark.parametrize(("status", "word"), [(500, "500"), (520, "520"), (498, "498"), (401, "does not accept")])
def test_a_refusal_in_the_middle_is_said(watched: Home, status: int, word: str) -> None:
    watched.fault("status", status=status, body="html", path=ITEMS, after=3, times=None)
    incomplete(watched, word)


def test_a_failed_pass_is_not_made_again_for_the_next_feature(watched: Home) -> None:
    watched.fault("status", status=500, path=ITEMS, after=3, times=None)
    side = watched.side()
    assert not side.build_index(Feature.HISTORY).complete
    watched.control.faults.clear()
    again = side.build_index(Feature.RATINGS)
    assert (again.complete, again.requests) == (False, 0)


def test_a_revoked_token_a_deleted_user_and_a_disabled_one(watched: Home) -> None:
    token = watched.desk.sign_in("Anna")
    watched.desk.act("revoke", person="Anna")
    assert "does not accept the token" in watched.read(token=token).why
    token = watched.desk.sign_in("Ben")
    watched.desk.act("disable_user", person="Ben")
    assert "does not accept the token" in watched.read("Ben", token=token).why
    assert watched.read("Ben").complete, "the key may still ask for somebody who is disabled"
    assert watched.hands("Ben").prove()["disabled"] == "yes"
    side = watched.side("Ben")
    watched.desk.act("delete_user", person="Ben")
    index = side.build_index(Feature.HISTORY)
    assert (index.complete, list(index.facts), gone(watched)) == (False, [], [])
    assert side.health().state is not State.OK


@pytest.mark.parametrize("what", ["restart", "upgrade", "another server"])
def test_a_server_that_is_not_the_same_in_the_end(watched: Home, tampered: list[Change], what: str) -> None:
    server = watched.desk.server
    version, known = server.version, server.id

    def happen(said: dict[str, Any], asked: dict[str, str]) -> None:
        if asked.get("startindex", "0") == "0":
            return
        tampered.clear()
        if what == "restart":
            watched.control.clock.freeze()
            server.halt(again=True)
        elif what == "upgrade":
            server.version = "13.0.0"
        else:
            server.id = "0" * 32

    tampered.append(happen)
    try:
        incomplete(watched, "replaced or updated" if what != "restart" else "")
    finally:
        server.version, server.id = version, known


def test_an_old_server_is_refused_before_anything_is_read(watched: Home) -> None:
    server = watched.desk.server
    version, server.version = server.version, "10.10.7"
    try:
        incomplete(watched, "needs Jellyfin 10.11 or newer")
    finally:
        server.version = version


def test_garbage_among_the_rows_costs_no_other_row(watched: Home, tampered: list[Change]) -> None:
    spoilt = dict[str, dict[str, Any]]()
    nonsense: list[dict[str, Any]] = [
        {"ProviderIds": {"Tmdb": 5}}, {"ProviderIds": []}, {"RunTimeTicks": 10**30}, {"ProductionYear": -5},
        {"IndexNumber": "one"}, {"UserData": {"PlayCount": -1}}, {"UserData": {"Rating": 11}}, {"UserData": 7},
        {"UserData": {"LastPlayedDate": "yesterday"}}, {"Type": None}, {"Name": 5},
    ]  # fmt: skip
    before = watched.read()

    def spoil(said: dict[str, Any], asked: dict[str, str]) -> None:
        for row in said["Items"]:
            if row["Type"] == "Movie" and len(spoilt) < len(nonsense):
                spoilt.setdefault(row["Id"], nonsense[len(spoilt)])
            row.update(spoilt.get(row["Id"], {}))

    with watched.store.write() as db:
        db.execute("DELETE FROM item")  # as if it was met for the first time
    tampered.append(spoil)
    index = watched.read()
    assert index.complete
    with watched.store.read() as db:
        broken = {item.remote for item in Items(db).unmatched() if item.reason == UNREADABLE}
    assert broken == set(spoilt)
    assert {f.items for f in before.facts} - {f.items for f in index.facts} <= {(item,) for item in spoilt}
    tampered.clear()
    watched.read()
    tampered.append(spoil)
    watched.read()
    with watched.store.read() as db:
        unreadable = [item for item in Items(db).unmatched() if item.reason == UNREADABLE]
    assert unreadable == [], "a title that is known does not become unknown by one bad answer"
    assert watched.hands().look(sorted(spoilt)) == []


def test_absurd_numbers_that_can_be_read_are_listed_with_the_reason(watched: Home, tampered: list[Change]) -> None:
    episode = watched.desk.episodes("Twice Round the Quarry")[1]["Id"]

    def absurd(said: dict[str, Any], asked: dict[str, str]) -> None:
        for row in said["Items"]:
            row.update({"IndexNumberEnd": 900_000} if row["Id"] == episode else {})

    tampered.append(absurd)
    assert watched.read().complete
    assert watched.inventory().get([episode])[episode].reason


def test_a_row_without_an_id_can_be_no_title_and_so_not_all_is_known(watched: Home, tampered: list[Change]) -> None:
    def bare(said: dict[str, Any], asked: dict[str, str]) -> None:
        if asked.get("includeitemtypes") == "Movie,Episode" and said["Items"] and asked.get("startindex") == "0":
            said["Items"][0].pop("Id")

    tampered.append(bare)
    incomplete(watched, "without an id")


def test_a_server_that_is_too_slow_is_asked_for_less(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "PAGE", 40)
    monkeypatch.setattr(listing, "SMALLEST", 10)
    home.fault("status", status=504, path=ITEMS, after=1, times=6)  # each page is asked for three times
    index = home.read()
    assert index.complete
    limits = [part for row in home.log() for part in row["query"].split("&") if part.startswith("limit=")]
    assert {"limit=40", "limit=20", "limit=10"} <= set(limits)


def test_a_time_out_is_too_slow_and_a_server_that_is_away_is_not(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "BULK_TIMEOUT", 0.05)
    home.fault("slow", seconds=30.0, path=ITEMS, times=3)
    with pytest.raises(Unreachable) as met:
        home.client().page({"limit": 1}, decode)
    assert client.too_slow(met.value)
    with pytest.raises(Unreachable) as met:
        home.client(url="http://127.0.0.1:1").page({"limit": 1}, decode)
    assert not client.too_slow(met.value)


def test_one_id_that_breaks_the_server_hides_no_other(old: Home) -> None:
    films = [row["Id"] for row in old.desk.items("includeItemTypes=Movie")][:9]
    old.read()
    bad = "0" * 31 + "1"
    for place in range(10):
        asked = [*films[:place], bad, *films[place:]]
        assert sorted(row.item for row in old.hands().look(asked)) == sorted(films)


def test_a_server_that_goes_down_while_a_bad_id_is_looked_for_hides_nothing(home: Home) -> None:
    films = [row["Id"] for row in home.desk.items("includeItemTypes=Movie")][:8]
    home.fault("status", status=500, path=ITEMS, times=3)
    home.fault("status", status=503, path=ITEMS, times=3)
    with pytest.raises(Outage):
        home.hands().look(films)


def test_a_server_that_breaks_on_everything_is_not_asked_for_each_id(home: Home) -> None:
    films = [row["Id"] for row in home.desk.items("includeItemTypes=Movie")][:64]
    home.forget_log()
    home.fault("status", status=500, path=ITEMS, times=None)
    with pytest.raises(Outage):
        home.hands().look(films * 2)
    assert len(home.log()) <= 3 * 16


def test_missing_episodes_and_extras_are_no_titles(home: Home, tampered: list[Change]) -> None:
    missing = home.desk.act("missing_episode", file=home.desk.episodes(SERIES)[0]["Path"], number=40)
    film = home.desk.film(KETTLE)["Id"]

    def extra(said: dict[str, Any], asked: dict[str, str]) -> None:
        for row in said["Items"]:
            row.update({"ExtraType": "Trailer"} if row["Id"] == film else {})

    tampered.append(extra)
    assert home.read().complete
    assert home.inventory().get([missing, film]) == {}
    assert Kind.EPISODE in {fact.ref.kind for fact in home.read(feature=Feature.COLLECTION).facts}
