"""Connecting, sections, listings, filters, pages and details, with the real plexapi where it has a method."""

from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import requests
from plexapi.exceptions import NotFound, Unauthorized

from tests.demo.plex.client import PlexServer
from tests.demo.plex.conftest import House

ALL = "/library/sections/1/all"


def test_connect_tells_who_the_server_is(house: House) -> None:
    server = house.server()
    assert server.machineIdentifier == house.signins["machine_identifier"]
    assert (server.friendlyName, server.version) == ("Loft", "1.43.3.10828-00f62d37d")
    assert house.lines == ["GET server/"]


@pytest.mark.parametrize("token", [None, "nonsense"])
def test_a_bad_token_is_401_in_html(house: House, token: str | None) -> None:
    answer = requests.get(f"{house.url}/", headers={"X-Plex-Token": token} if token else {}, timeout=5)
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (401, "text/html")
    assert "<h1>401 Unauthorized</h1>" in answer.text
    with pytest.raises(Unauthorized):
        PlexServer(house.url, token or "none at all")


def test_identity_needs_no_token_and_the_token_may_stand_in_the_query(house: House) -> None:
    answer = house.ask("/identity", None).json()["MediaContainer"]
    assert answer["machineIdentifier"] == house.signins["machine_identifier"]
    assert answer["claimed"] is True
    token = house.people["Ben"]["server_token"]
    assert house.ask(f"/library/sections?X-Plex-Token={token}", None).status_code == 200


def test_account_tokens_open_the_server_for_its_owner_only(house: House) -> None:
    codes = {name: house.ask("/", None, headers={"X-Plex-Token": house.people[name]["account_token"]}).status_code
             for name in ("Anna", "Ben", "David", "stranger")}  # fmt: skip
    assert codes == {"Anna": 200, "Ben": 401, "David": 401, "stranger": 401}


def test_library_is_for_the_owner_and_plexapi_falls_back(house: House) -> None:
    assert house.ask("/library").status_code == 200
    assert house.ask("/library", "Ben").status_code == 403
    house.lines.clear()
    assert [section.title for section in house.server("David").library.sections()] == ["Movies"]
    assert "GET server/library/sections/" in house.lines


def test_sections_are_those_shared_with_the_token(house: House) -> None:
    found = {
        name: [s.key for s in house.server(name).library.sections()] for name in ("Anna", "Carla", "David", "Emma")
    }
    assert found == {"Anna": [1, 2, 3, 4], "Carla": [2], "David": [1], "Emma": []}
    section = house.server().library.sectionByID(4)
    assert (section.agent, section.scanner) == ("com.plexapp.agents.hama", "Absolute Series Scanner")
    assert house.ask("/library/sections/3/all", "David").status_code == 404


def test_rows_are_the_same_in_xml_and_json(house: House) -> None:
    house.act("rate", person="Anna", file="*", rating=7)
    for path in (f"{ALL}?includeGuids=1", "/library/sections/3/all?type=4&includeGuids=1", "/library/sections/3/all"):
        rows = house.rows(path)
        xml = ET.fromstring(house.ask(path, headers={"Accept": "*/*"}).text)  # noqa: S314
        assert len(rows) == len(xml) >= 10
        for row, element in zip(rows, xml, strict=True):
            plain = {name: value for name, value in row.items() if not isinstance(value, list | dict)}
            shown = {k: str(int(v)) if isinstance(v, bool) else str(v) for k, v in plain.items()}
            assert shown == element.attrib
            assert [guid["id"] for guid in row.get("Guid", [])] == [e.attrib["id"] for e in element.iter("Guid")]


def test_guids_of_new_agents_legacy_agents_and_hama(house: House) -> None:
    movie = house.file()
    row = house.server().fetchItem(int(house.key(movie)))
    assert row.guid == f"plex://movie/{movie.titles[0].ids.plex}"
    assert {guid.id for guid in row.guids} >= {f"tmdb://{movie.claims.tmdb}", f"imdb://{movie.claims.imdb}"}
    anime = [r for r in house.rows("/library/sections/4/all?type=4&includeGuids=1") if "hama" in r["guid"]]
    assert anime[0]["guid"].startswith("com.plexapp.agents.hama://anidb-")
    assert anime[0]["guid"].endswith("/1/1?lang=en")
    assert anime[0]["grandparentGuid"].count("/") == 2
    assert all("Guid" not in row for row in anime)
    nobody = [r for r in house.rows(f"{ALL}?includeGuids=1") if r["title"] == "Birthday 2020"]
    assert nobody[0]["guid"] == f"local://{nobody[0]['ratingKey']}"


def test_editions_are_items_versions_are_media_and_a_double_episode_is_two_items(house: House) -> None:
    rows = house.rows(ALL)
    editions = [row for row in rows if row["title"] == "The Cartographer's Debt"]
    assert len({row["guid"] for row in editions}) == 1
    assert {row["editionTitle"] for row in editions} == {"Theatrical", "Director's Cut"}
    versions = [row for row in rows if row["title"] == "Nine Ferries North"]
    assert [len(row["Media"]) for row in versions] == [2]
    shared = [
        row for row in house.rows("/library/sections/3/all?type=4") if row["grandparentTitle"].startswith("Twice")
    ]
    first, second = shared[:2]
    assert (first["index"], second["index"]) == (1, 2)
    assert first["Media"][0]["Part"][0]["file"] == second["Media"][0]["Part"][0]["file"]


def test_guid_children_come_with_include_guids_only(house: House) -> None:
    assert all("Guid" not in row for row in house.rows(ALL))
    assert sum("Guid" in row for row in house.rows(f"{ALL}?includeGuids=1")) > 30


@pytest.mark.parametrize("way", ["headers", "query"])
def test_pages_by_headers_and_by_query(house: House, way: str) -> None:
    window = {"X-Plex-Container-Start": "10", "X-Plex-Container-Size": "7"}
    answer = house.ask(ALL, headers=window) if way == "headers" else house.ask(ALL, params=window)
    box, whole = answer.json()["MediaContainer"], house.rows(ALL)
    assert (box["size"], box["offset"], box["totalSize"]) == (7, 10, len(whole))
    assert [row["ratingKey"] for row in box["Metadata"]] == [row["ratingKey"] for row in whole[10:17]]
    assert answer.headers["X-Plex-Container-Total-Size"] == str(len(whole))
    head = house.ask(ALL, method="HEAD", headers=window)
    assert (head.headers["X-Plex-Container-Total-Size"], head.text) == (str(len(whole)), "")


def test_plexapi_pages_through_everything(house: House) -> None:
    section = house.server().library.section("Movies")
    assert len(section.search(container_size=9)) == section.totalViewSize() == len(house.rows(ALL))


def test_leaves_have_a_total_only_when_a_size_was_asked_for(house: House) -> None:
    show = house.rows("/library/sections/3/all")[0]
    path = f"/library/metadata/{show['ratingKey']}/allLeaves"
    assert "totalSize" not in house.ask(path).json()["MediaContainer"]
    assert "totalSize" in house.ask(path, headers={"X-Plex-Container-Size": "2"}).json()["MediaContainer"]
    assert len(house.rows(f"{path}?unwatched=0")) == show["leafCount"]


def test_seasons_and_episodes_of_a_show(house: House) -> None:
    show = house.server().library.section("Shows").get("Lanterns of Varnick")
    assert [(s.index, s.title) for s in show.seasons()] == [(0, "Specials"), (1, "Season 1")]
    assert [(e.seasonNumber, e.index) for e in show.episodes()] == [(0, 1), (0, 2), *((1, n) for n in range(1, 6))]


def keys(rows: list[dict[str, Any]]) -> set[str]:
    return {row["ratingKey"] for row in rows}


@pytest.mark.parametrize(
    ("query", "of"),
    [
        ("type=1&unwatched=0", {"a", "b"}),
        ("type=1&movie.unwatched=0", {"a", "b"}),
        ("movie.unwatched=0", {"a", "b"}),
        ("type=1&inProgress=1", {"c"}),
        ("type=1&movie.userRating>>=8", {"a"}),
        ("type=1&movie.userRating>>=-1", {"a", "b"}),
        ("type=1&movie.lastViewedAt>>=1700000000", {"a", "c"}),
        ("type=1&movie.lastRatedAt>>=1785578400", set()),
        ("type=1&movie.viewCount=2", {"b"}),
        ("type=1&lastViewedAt=", set()),
    ],
)
def test_filters_on_the_own_state(house: House, query: str, of: set[str]) -> None:
    files = {name: house.key(file) for name, file in zip("abc", house.catalogue.files[1:4], strict=True)}
    house.act("watch", person="Anna", file=int(files["a"]))
    for at in ("2020-01-01T00:00:00+00:00", "2021-01-01T00:00:00+00:00"):
        house.act("watch", person="Anna", file=int(files["b"]), at=at)
    house.act("rate", person="Anna", file=int(files["a"]), rating=9)
    house.act("rate", person="Anna", file=int(files["b"]), rating=4)
    house.play("start", file=int(files["c"]))
    house.play("stop", position_s=600)
    assert keys(house.rows(f"{ALL}?{query}")) == {files[name] for name in of}
    assert house.rows(f"{ALL}?type=1&unwatched=0", "Ben") == []


@pytest.mark.parametrize("query", ["lastViewedAt>=1", "lastViewedAt>>=1", "year>>=2020", "lastRatedAt>>=1"])
def test_comparisons_without_the_type_are_ignored_as_recorded(house: House, query: str) -> None:
    everything = len(house.rows(ALL))
    assert len(house.rows(f"{ALL}?type=1&{query}")) == everything
    house.tell("switches", comparisons="all")
    assert len(house.rows(f"{ALL}?type=1&{query}")) < everything or query == "lastViewedAt>=1"


def test_comparisons_with_the_type_count_unless_switched_off(house: House) -> None:
    assert 0 < len(house.rows(f"{ALL}?movie.year>>=2015")) < len(house.rows(ALL))
    assert 0 < len(house.rows(f"{ALL}?movie.addedAt>>=1&movie.updatedAt>>=1")) == len(house.rows(ALL))
    house.tell("switches", comparisons="none")
    assert len(house.rows(f"{ALL}?movie.year>>=2015")) == len(house.rows(ALL))


@pytest.mark.parametrize(
    ("name", "value", "count"),
    [
        ("title", "long causeway", 2),
        ("title=", "the long causeway", 2),
        ("title<", "the long", 2),
        ("title>", "zzz", 0),
    ],
)
def test_title_filters(house: House, name: str, value: str, count: int) -> None:
    assert len(house.rows(ALL, params={name: value})) == count


def test_watched_shows_are_those_that_were_begun(house: House) -> None:
    shows = house.rows("/library/sections/3/all")
    one = house.rows(f"/library/metadata/{shows[0]['ratingKey']}/allLeaves")[0]["ratingKey"]
    house.act("watch", person="Anna", file=int(one))
    (found,) = house.rows("/library/sections/3/all?type=2&unwatched=0")
    assert (found["ratingKey"], found["viewedLeafCount"]) == (shows[0]["ratingKey"], 1)
    assert "viewCount" not in found
    assert len(house.rows("/library/sections/3/all?type=2&unwatchedLeaves=0")) == 0


def test_sorts(house: House) -> None:
    keys = [int(house.key(file)) for file in house.catalogue.files[1:4]]
    for year, key in zip((2023, 2021, 2022), keys, strict=True):
        house.act("watch", person="Anna", file=key, at=f"{year}-05-05T05:05:05+00:00")
    rows = house.rows(f"{ALL}?type=1&unwatched=0&sort=lastViewedAt:desc")
    assert [int(row["ratingKey"]) for row in rows] == [keys[0], keys[2], keys[1]]
    found = house.server().library.section("Movies").search(sort="addedAt:desc")
    assert [item.addedAt for item in found] == sorted((item.addedAt for item in found), reverse=True)
    titles = [row["title"].lower().removeprefix("the ") for row in house.rows(ALL)]
    assert titles == sorted(titles)


def test_plexapi_filters_through_the_meta_block(house: House) -> None:
    section = house.server().library.section("Movies")
    watched = int(house.key(house.file()))
    house.act("watch", person="Anna", file=watched)
    house.act("rate", person="Anna", file=watched, rating=8)
    since = datetime(2026, 7, 1, tzinfo=UTC)
    assert [m.ratingKey for m in section.search(unwatched=False)] == [watched]
    assert [m.ratingKey for m in section.search(filters={"lastViewedAt>>": since})] == [watched]
    assert [m.ratingKey for m in section.search(**{"userRating>>": -1})] == [watched]
    assert [m.ratingKey for m in section.search(filters={"lastRatedAt>>": since})] != [watched]  # ignored as recorded
    assert section.search(title="Long Causeway", year=1961)[0].year == 1961
    assert [choice.key for choice in section.listFilterChoices("genre")] != []
    shows = house.server().library.section("Shows")
    assert {kind.type for kind in shows.filterTypes()} >= {"show", "season", "episode", "collection"}
    assert shows.searchEpisodes(unwatched=False) == []
    with pytest.raises(NotFound):
        section.search(nonsense=1)


def test_library_all_matches_the_primary_guid_only(house: House) -> None:
    movie = house.file()
    (found,) = house.server().library.search(guid=f"plex://movie/{movie.titles[0].ids.plex}")
    assert found.ratingKey == int(house.key(movie))
    assert house.server().library.search(guid=f"imdb://{movie.claims.imdb}") == []


def test_details_have_streams_labels_and_guids(house: House) -> None:
    movie = house.server().fetchItem(int(house.key(house.file())))
    movie.reload()
    assert {stream.streamType for stream in movie.media[0].parts[0].streams} == {1, 2}
    assert movie.labels
    assert movie.guids


def test_a_batch_answers_the_found_subset_and_404_for_none(house: House) -> None:
    key = house.key(house.file())
    assert [row["ratingKey"] for row in house.rows(f"/library/metadata/{key},999999")] == [key]
    assert len(house.server().fetchItems([int(key), int(key) + 1])) == 2
    missing = house.ask("/library/metadata/999999")
    assert (missing.status_code, missing.headers["Content-Type"].split(";")[0]) == (404, "text/html")
    assert house.ask(f"/library/metadata/{key}", "Carla").status_code == 404


def test_accounts_and_preferences_are_the_owners(house: House) -> None:
    found = {account.id: account.name for account in house.server().systemAccounts()}
    ids = {name: person["id"] for name, person in house.people.items()}
    assert found == {0: "", 1: "anna", ids["Ben"]: "ben", ids["Carla"]: "Carla", ids["David"]: "david",
                     ids["Emma"]: "emma", ids["Finn"]: "finn", ids["Greta"]: "Greta",
                     ids["Zoë Åkesson"]: "zoë_åkesson"}  # fmt: skip
    (setting,) = house.ask("/:/prefs").json()["MediaContainer"]["Setting"]
    assert (setting["id"], setting["value"]) == ("LibraryVideoPlayedThreshold", 90)
    assert [house.ask(path, "Ben").status_code for path in ("/accounts", "/:/prefs", "/status/sessions")] == [403] * 3


def test_an_unknown_path_is_404_and_logged_as_unhandled(house: House) -> None:
    answer = house.ask("/library/onDeck/of/nobody")
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (404, "text/html")
    assert house.control.rows()["rows"][-1]["unhandled"] is True
    house.tell("reset")


def test_rows_can_be_as_long_as_those_of_a_large_server(house: House) -> None:
    lengths = []
    for more in (0, 2000):
        house.tell("switches", padding=more)
        lengths.append(len(house.ask("/library/sections/1/all?type=1").content))
    count = len(house.rows("/library/sections/1/all?type=1"))
    assert lengths[1] - lengths[0] >= 2000 * count
