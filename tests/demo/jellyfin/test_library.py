"""What a library can hold that is not one file with good ids in one place: h 5 and 7 of the checklist."""

from dataclasses import replace
from typing import Any

import pytest

from tests.demo.jellyfin.conftest import Desk

FILM, SERIES, SPREAD, VERSIONS = "Kettle and Crane", "Lanterns of Varnick", "Meadow Street", "Nine Ferries North"
WATCHED = {"Played": True, "PlayCount": 1, "LastPlayedDate": "2026-01-02T03:04:05Z"}


def missing(desk: Desk, number: int = 77) -> str:
    """An episode of the series that has no file."""
    return str(desk.act("missing_episode", file=desk.episodes(SERIES)[-1]["Path"], number=number, name="Lost"))


def test_a_missing_episode_is_virtual(desk: Desk) -> None:
    """It has a place in its show and user data, no path and no file, and does not play."""
    ghost = missing(desk)
    row = desk.items(f"ids={ghost}&fields=Path,MediaSources,ParentId")[0]
    beside = desk.episodes(SERIES)[-2]
    assert (row["Name"], row["Type"], row["LocationType"], row["IndexNumber"]) == ("Lost", "Episode", "Virtual", 77)
    assert [row[name] for name in ("SeriesId", "SeasonId", "ParentIndexNumber")] == [
        beside[name] for name in ("SeriesId", "SeasonId", "ParentIndexNumber")
    ]
    assert row["MediaSources"] == []
    assert row.keys().isdisjoint({"Path", "Container", "RunTimeTicks", "MediaSourceCount"})
    assert "Path" not in desk.ask(f"/Items/{ghost}?userId={desk.user()}").json()
    assert {one["LocationType"] for one in desk.episodes(SERIES)} == {"Virtual", "FileSystem"}
    body = {"person": "Anna", "do": "start", "file": ghost}
    assert desk.session.post(f"{desk.url}/_control/play", json=body, timeout=10).status_code == 400
    assert desk.data(ghost, "POST", WATCHED)["Played"]
    assert desk.truth(ghost)["Played"]


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("", True),
        ("&isMissing=true", True),
        ("&isMissing=false", False),
        ("&excludeLocationTypes=Virtual", False),
        ("&excludeLocationTypes=Remote,virtual", False),
        ("&excludeLocationTypes=FileSystem", True),
        ("&isMissing=false&excludeLocationTypes=Virtual&isPlayed=true", False),
        ("&isPlayed=true", True),
    ],
)
def test_where_a_missing_episode_is_listed(desk: Desk, query: str, listed: bool) -> None:
    """Everywhere, unless the query says otherwise."""
    ghost = missing(desk)
    desk.data(ghost, "POST", WATCHED)
    found = desk.items(f"includeItemTypes=Movie,Episode{query}")
    assert (ghost in {row["Id"] for row in found}) is listed
    if "isMissing=true" in query:
        assert len(found) == 1


def test_a_show_is_watched_without_its_missing_episodes(desk: Desk) -> None:
    """They do not count, a whole show passes them by, and only API keys find them below it."""
    series, ghost, anna = desk.film(SERIES)["Id"], missing(desk), desk.sign_in()
    before = desk.truth(series)["UnplayedItemCount"]
    assert before == len(desk.episodes(SERIES)) - 1 == 7
    desk.ask(f"/UserPlayedItems/{series}?userId={desk.user()}", "POST")
    assert not desk.truth(ghost)["Played"]
    assert (desk.truth(series)["Played"], desk.truth(series)["UnplayedItemCount"]) == (True, 0)
    url = f"/Shows/{series}/Episodes?userId={desk.user()}"
    counts = [desk.ask(url + more, token=token).json()["TotalRecordCount"] for more, token in (
        ("", None), ("", anna), ("&isMissing=false", None), ("&isMissing=true", None), ("&isMissing=true", anna),
    )]  # fmt: skip
    assert counts == [8, 7, 7, 1, 0]


def test_a_missing_episode_comes(desk: Desk) -> None:
    """With its file there is an ordinary one in its place."""
    ghost, beside = missing(desk, 6), desk.episodes(SERIES)[-2]["Path"]
    path = beside.rpartition("/")[0] + "/new.mkv"
    desk.act("add_file", like=beside, path=path)
    desk.server.shelf.disk[path] = replace(desk.server.shelf.disk[path], number=6)
    desk.act("scan")
    assert desk.items(f"ids={ghost}") == []
    assert [row["LocationType"] for row in desk.episodes(SERIES) if row.get("IndexNumber") == 6] == ["FileSystem"]


def test_a_series_in_two_libraries_is_two(desk: Desk) -> None:
    """Each with its own seasons, state and id, though their ids elsewhere are the same and grouping is on."""
    folders = {row["Name"]: row for row in desk.ask("/Library/VirtualFolders").json()}
    assert all(row["LibraryOptions"]["EnableAutomaticSeriesGrouping"] for row in folders.values())
    two = [row for row in desk.items("includeItemTypes=Series&fields=ProviderIds,Path") if row["Name"] == SPREAD]
    assert len({row["Id"] for row in two}) == len({row["Path"] for row in two}) == 2
    assert two[0]["ProviderIds"] == two[1]["ProviderIds"] != {}
    found: dict[str, list[Any]] = {}
    for name in ("Shows", "Anime"):
        rows = desk.items(f"includeItemTypes=Episode&parentId={folders[name]['ItemId']}")
        rows = [row for row in rows if row["SeriesName"] == SPREAD]
        assert len({row["SeriesId"] for row in rows}) == 1
        found[name] = [(row["ParentIndexNumber"], row["IndexNumber"]) for row in rows]
        assert found[name] == [
            (row["ParentIndexNumber"], row["IndexNumber"])
            for row in desk.ask(f"/Shows/{rows[0]['SeriesId']}/Episodes?userId={desk.user()}").json()["Items"]
        ]
    assert found == {"Shows": [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1)], "Anime": [(2, 1), (2, 2), (2, 3), (2, 4)]}
    desk.data(two[0]["Id"], "POST", {"Rating": 9})
    desk.ask(f"/UserPlayedItems/{two[0]['Id']}?userId={desk.user()}", "POST")
    assert [(desk.truth(row["Id"]).get("Rating"), desk.truth(row["Id"])["Played"]) for row in two] == [
        (9, True),
        (None, False),
    ]


@pytest.mark.parametrize("name", ["desk", "old"])
def test_a_version_plays(name: str, request: pytest.FixtureRequest) -> None:
    """The session shows the film and names the version; 12 writes to the version, 10.11 to the film."""
    one: Desk = request.getfixturevalue(name)
    film = one.film(VERSIONS)
    assert (film["MediaSourceCount"], len({source["Id"] for source in film["MediaSources"]})) == (2, 2)
    other = next(source for source in film["MediaSources"] if source["Id"] != film["Id"])
    assert other["Id"] not in {row["Id"] for row in one.items("includeItemTypes=Movie")}
    ben = one.sign_in("Ben")
    body = {"ItemId": film["Id"], "MediaSourceId": other["Id"], "PositionTicks": other["RunTimeTicks"] // 2}
    one.ask("/Sessions/Playing", "POST", ben, json=body)
    session = one.ask("/Sessions", token=ben).json()[0]
    assert (session["NowPlayingItem"]["Id"], session["PlayState"]["MediaSourceId"]) == (film["Id"], other["Id"])
    one.ask("/Sessions/Playing/Stopped", "POST", ben, json=body)
    written = {known: one.data(known, name="Ben")["PlaybackPositionTicks"] > 0 for known in (film["Id"], other["Id"])}
    assert written == {film["Id"]: name == "old", other["Id"]: name == "desk"}


def test_junk_ids_are_shown_as_they_are(desk: Desk) -> None:
    """Zero, empty, a slug, no `tt`, a name in another case, kinds of plugins: the server checks nothing."""
    junk = {"Imdb": "0123456", "tmdb": "0", "Tvdb": "", "AniDB": "some-slug", "Zap2It": "EP0123", "TmdbCollection": "1"}
    film = desk.film(FILM)
    desk.act("identify", file=film["Path"], ids=junk)
    rows = desk.items(f"ids={film['Id']}&fields=ProviderIds,ExternalUrls")
    assert [row["ProviderIds"] for row in rows] == [junk]
    assert desk.data(film["Id"], "POST", WATCHED)["Played"]
    assert film["Id"] in {row["Id"] for row in desk.items("includeItemTypes=Movie&hasTmdbId=false")}


@pytest.mark.parametrize(
    ("switch", "profile", "heard"), [(True, "old", False), (False, "old", True), (True, "desk", True)]
)
def test_the_row_of_a_former_name_decides(
    switch: bool, profile: str, heard: bool, request: pytest.FixtureRequest
) -> None:
    """With the switch 10.11 answers 200 to writes for an item that got other ids, and goes on as before."""
    one: Desk = request.getfixturevalue(profile)
    assert one.control.switches["stale_rows"] is False
    one.tell("switches", stale_rows=switch)
    film, fresh, tick = one.film(FILM), one.film(VERSIONS), f"?userId={one.user()}"
    one.data(film["Id"], "POST", {"Rating": 6})
    for item in (film, fresh):
        one.act("identify", item=item["Id"], ids={"Imdb": "tt0000042"})
    answer = one.ask(f"/UserPlayedItems/{film['Id']}{tick}", "POST")
    assert (answer.status_code, answer.json()["Played"]) == (200, heard)
    assert one.data(film["Id"], "POST", {"Rating": 9})["Rating"] == (9 if heard else 6)
    assert one.truth(film["Id"])["Played"] is heard
    assert (film["Id"] in {row["Id"] for row in one.items("isPlayed=true")}) is heard
    assert one.data(fresh["Id"], "POST", WATCHED)["Played"]  # it had no row, so there is only one
    assert not one.data(fresh["Id"], "POST", {"Played": False})["Played"]
    assert one.data(film["Id"], "POST", {"Rating": 3}, name="Ben")["Rating"] == 3
    one.tell("switches", stale_rows=False)
    assert one.data(film["Id"], "POST", WATCHED)["Played"]


def test_a_show_that_got_other_ids_keeps_the_rows_of_its_episodes(old: Desk) -> None:
    """What was stored for one of them decides; the others have one row only."""
    old.tell("switches", stale_rows=True)
    episodes = old.episodes(SERIES)
    old.data(episodes[0]["Id"], "POST", {"Rating": 5})
    old.act("identify", item=old.film(SERIES)["Id"], ids={"Tvdb": "424242"})
    assert old.episodes(SERIES)[2]["UserData"]["Key"] == "424242001001"
    old.ask(f"/UserPlayedItems/{old.film(SERIES)['Id']}?userId={old.user()}", "POST")
    rows = old.episodes(SERIES)
    assert [row["UserData"]["Played"] for row in rows] == [False] + [True] * (len(rows) - 1)
