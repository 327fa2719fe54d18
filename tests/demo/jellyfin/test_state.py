"""What is stored for people, and what reads and writes make of it: h 2 to 7 of the checklist."""

import re
from typing import Any

import pytest

from tests.demo.jellyfin.conftest import Desk

FILM, SERIES = "Kettle and Crane", "Lanterns of Varnick"
WATCHED = {"Played": True, "PlayCount": 1, "LastPlayedDate": "2026-01-02T03:04:05Z"}


def test_answers_follow_the_wire_conventions(desk: Desk) -> None:
    """Date always, no nulls but the channel's, ids without dashes, seven decimals, dashed ids taken, 204 is empty."""
    film = desk.film(FILM)
    assert re.fullmatch("[0-9a-f]{32}", film["Id"])
    assert [key for key, value in film.items() if value is None] == ["ChannelId"]
    dashed = f"{film['Id'][:8]}-{film['Id'][8:12]}-{film['Id'][12:16]}-{film['Id'][16:20]}-{film['Id'][20:]}"
    assert [row["Id"] for row in desk.items(f"ids={dashed}")] == [film["Id"]]
    assert desk.data(film["Id"], "POST", WATCHED)["LastPlayedDate"] == "2026-01-02T03:04:05.0000000Z"
    answer = desk.ask("/Library/Refresh", "POST")
    assert (answer.status_code, answer.content, "Content-Type" in answer.headers) == (204, b"", False)
    assert "Date" in answer.headers
    assert "Date" in desk.ask("/Nothing/at/all").headers
    desk.tell("reset")  # the request just made is unknown on purpose


@pytest.mark.parametrize("path", ["/items?USERID={}&Recursive=TRUE&LIMIT=1", "/Users/{}/Items?recursive=true&limit=1"])
def test_paths_and_names_in_any_case_and_older_twins(desk: Desk, path: str) -> None:
    """They answer as the documented route does."""
    wanted = desk.ask(f"/Items?userId={desk.user()}&recursive=true&limit=1").json()
    assert desk.ask(path.format(desk.user())).json() == wanted


@pytest.mark.parametrize(
    ("method", "new", "twin"),
    [
        ("GET", "/Items?userId={user}&recursive=true&limit=3", "/Users/{user}/Items?recursive=true&limit=3"),
        ("GET", "/Items/{film}?userId={user}", "/Users/{user}/Items/{film}"),
        ("GET", "/UserViews?userId={user}", "/Users/{user}/Views"),
        ("GET", "/UserItems/Resume?userId={user}", "/Users/{user}/Items/Resume"),
        ("GET", "/UserItems/{film}/UserData?userId={user}", "/Users/{user}/Items/{film}/UserData"),
        ("POST", "/UserItems/{film}/UserData?userId={user}", "/Users/{user}/Items/{film}/UserData"),
        ("POST", "/UserItems/{film}/Rating?userId={user}&likes=true", "/Users/{user}/Items/{film}/Rating?likes=true"),
        ("DELETE", "/UserItems/{film}/Rating?userId={user}", "/Users/{user}/Items/{film}/Rating"),
        ("POST", "/UserFavoriteItems/{film}?userId={user}", "/Users/{user}/FavoriteItems/{film}"),
        ("DELETE", "/UserFavoriteItems/{film}?userId={user}", "/Users/{user}/FavoriteItems/{film}"),
        ("POST", "/UserPlayedItems/{film}?userId={user}", "/Users/{user}/PlayedItems/{film}"),
        ("DELETE", "/UserPlayedItems/{film}?userId={user}", "/Users/{user}/PlayedItems/{film}"),
    ],
)
def test_older_twins_do_the_same(desk: Desk, method: str, new: str, twin: str) -> None:
    """From the same state on they answer alike and leave the same behind, in any case."""
    got: list[Any] = []
    desk.tell("clock", freeze=True, set="2026-11-21T12:00:00Z")
    for path in (new, twin, twin.lower()):
        film = desk.film(FILM)["Id"]
        desk.server.data.rows.clear()
        desk.data(film, "POST", WATCHED | {"Rating": 5, "PlaybackPositionTicks": 6_000_000_000, "IsFavorite": True})
        body = {"Rating": 8} if method == "POST" and "UserData" in new else None
        answer = desk.ask(path.format(user=desk.user(), film=film), method, json=body)
        got.append((answer.status_code, answer.json(), desk.truth(film)))
    assert got[0][0] == 200
    assert got[0] == got[1] == got[2]


def test_a_base_path_goes_before_every_route() -> None:
    """Without it there is nothing."""
    from sidecar.demo.control import Control
    from sidecar.demo.invent import invent
    from sidecar.demo.jellyfin import make_app

    with make_app(invent(), Control("jellyfin", {"base_path": "/Jelly"})).test_client() as client:
        assert client.get("/jelly/System/Ping").json == "Jellyfin Server"
        assert client.get("/System/Ping").status_code == 404


def test_pages_cover_everything_once(desk: Desk) -> None:
    """Pages of seven, with the total, add up; beyond the end there is nothing; without the count the total lies."""
    query = f"/Items?userId={desk.user()}&recursive=true&includeItemTypes=Movie,Episode&sortBy=SortName"
    total = desk.ask(f"{query}&limit=0").json()["TotalRecordCount"]
    seen = [
        row["Id"]
        for start in range(0, total, 7)
        for row in desk.ask(f"{query}&startIndex={start}&limit=7").json()["Items"]
    ]
    assert len(seen) == len(set(seen)) == total > 150
    assert desk.ask(f"{query}&startIndex={total}&limit=7").json()["Items"] == []
    assert desk.ask(f"{query}&limit=7&enableTotalRecordCount=false").json()["TotalRecordCount"] == 7


def test_fields_come_only_when_asked_for(desk: Desk) -> None:
    """As in b.2 of the facts."""
    plain, full = (
        desk.items("includeItemTypes=Movie&limit=1")[0],
        desk.items("includeItemTypes=Movie&limit=1&fields=Path,providerids,Junk")[0],
    )
    assert full.keys() - plain.keys() == {"Path", "ProviderIds"}
    assert "UserData" not in desk.items("includeItemTypes=Movie&limit=1&enableUserData=false")[0]
    assert "ImageTags" not in desk.items("includeItemTypes=Movie&limit=1&enableImages=false")[0]


def given(desk: Desk) -> dict[str, str]:
    """Four films in four states."""
    films = [row["Id"] for row in desk.items("includeItemTypes=Movie&limit=4")]
    states: list[dict[str, Any]] = [
        WATCHED,
        {"Rating": 8, "IsFavorite": True},
        {"Rating": 3},
        {"PlaybackPositionTicks": 6_000_000_000},
    ]
    for film, state in zip(films, states, strict=True):
        desk.data(film, "POST", state)
    return dict(zip(("watched", "liked", "disliked", "begun"), films, strict=True))


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("isPlayed=true", {"watched"}),
        ("filters=IsPlayed", {"watched"}),
        ("isFavorite=true", {"liked"}),
        ("filters=IsResumable", {"begun"}),
        ("filters=Likes", {"liked"}),
        ("filters=IsFavoriteOrLikes", {"liked"}),
        ("hasTmdbId=true&isPlayed=true&minDateLastSavedForUser=2030-01-01T00:00:00Z", set()),
        ("isPlayed=true&minDateLastSavedForUser=2000-01-01T00:00:00Z", {"watched"}),
        ("isPlayed=true&minDateLastSaved=2000-01-01T00:00:00Z", {"watched"}),
        ("isPlayed=true&minDateLastSaved=2030-01-01T00:00:00Z", set()),
        ("isPlayed=true&parentId=library", {"watched"}),
        ("isPlayed=true&parentId=other", set()),
        ("isPlayed=true&excludeLocationTypes=Virtual&isMissing=false", {"watched"}),
        ("isPlayed=true&isMissing=true", set()),
    ],
)
def test_filters(desk: Desk, query: str, wanted: set[str]) -> None:
    """Each finds exactly its films."""
    films = given(desk)
    folders = {row["Name"]: row["ItemId"] for row in desk.ask("/Library/VirtualFolders").json()}
    query = query.replace("=library", f"={folders['Movies']}").replace("=other", f"={folders['Shows']}")
    assert {row["Id"] for row in desk.items(f"includeItemTypes=Movie&{query}")} == {films[one] for one in wanted}


def test_without_recursive_there_are_libraries(desk: Desk) -> None:
    """At the root; inside a library its films, and with types 12 goes deeper by itself."""
    root = desk.ask(f"/Items?userId={desk.user()}").json()["Items"]
    assert {row["Type"] for row in root} == {"CollectionFolder", "ManualPlaylistsFolder"}
    shows = next(row["Id"] for row in root if row["Name"] == "Shows")
    inside = desk.ask(f"/Items?userId={desk.user()}&parentId={shows}").json()["Items"]
    assert {row["Type"] for row in inside} == {"Series"}
    deeper = desk.ask(f"/Items?userId={desk.user()}&parentId={shows}&includeItemTypes=Episode").json()["Items"]
    assert {row["Type"] for row in deeper} == {"Episode"}


def test_a_page_is_sorted(desk: Desk) -> None:
    """By one or more names, each in its direction."""
    query = "includeItemTypes=Movie,Episode&fields=SortName,DateCreated&sortBy="
    names = [row["SortName"] for row in desk.items(query + "SortName")]
    assert names == sorted(names)
    assert [row["SortName"] for row in desk.items(query + "SortName&sortOrder=Descending")] == names[::-1]
    rows = desk.items(query + "ProductionYear,SortName&sortOrder=Descending,Ascending")
    keys = [(-row.get("ProductionYear", 0), row["SortName"]) for row in rows]
    assert keys == sorted(keys)
    made = [row["DateCreated"] for row in desk.items(query + "DateCreated&sortOrder=Descending")]
    assert made == sorted(made, reverse=True)


def test_unplayed_and_disliked_hold_everything_else(desk: Desk) -> None:
    """`Dislikes` includes all that was never rated."""
    films, total = given(desk), len(desk.items("includeItemTypes=Movie"))
    assert films["watched"] not in {row["Id"] for row in desk.items("includeItemTypes=Movie&isPlayed=false")}
    assert len(desk.items("includeItemTypes=Movie&filters=IsUnplayed")) == total - 1
    assert len(desk.items("includeItemTypes=Movie&filters=Dislikes")) == total - 1
    newest = desk.items("includeItemTypes=Movie&sortBy=DatePlayed&sortOrder=Descending&limit=1")
    assert [row["Id"] for row in newest] == [films["watched"]]


def test_filters_that_contradict_each_other(desk: Desk, old: Desk) -> None:
    """12 refuses them, in 10.11 the last one wins; without a user either is a 500."""
    query = "recursive=true&includeItemTypes=Movie&filters=IsPlayed,IsUnplayed"
    assert desk.ask(f"/Items?userId={desk.user()}&{query}").status_code == 400
    assert old.ask(f"/Items?userId={old.user()}&{query}").json()["TotalRecordCount"] > 20
    for one in (desk, old):
        answer = one.ask("/Items?recursive=true&isPlayed=true")
        assert (answer.status_code, answer.text) == (500, "Error processing request.")


def test_the_two_profiles_differ(desk: Desk, old: Desk) -> None:
    """Versions, and what 10.11 does otherwise."""
    assert [one.ask("/System/Info/Public").json()["Version"] for one in (desk, old)] == ["12.4.0", "10.11.11"]
    placeholder = "0" * 31 + "1"
    film = desk.film(FILM)["Id"]
    assert [row["Id"] for row in desk.items(f"ids={film},{placeholder}")] == [film]
    assert old.ask(f"/Items?userId={old.user()}&ids={film},{placeholder}").status_code == 500
    for one, count in ((desk, 3), (old, 1)):
        body = {"Name": "p", "Ids": [film], "UserId": one.user()}
        made = one.ask("/Playlists", "POST", json=body).json()["Id"]
        url = f"/Playlists/{made}/Items?userId={one.user()}"
        one.ask(url)
        for _ in range(2):
            assert one.ask(f"{url}&ids={film}", "POST").status_code == 204
        assert one.ask(url).json()["TotalRecordCount"] == count


def test_ties_move_between_pages_of_10_11(old: Desk) -> None:
    """With the switch, a page sorted by something else than names may repeat a row; off, it does not."""
    query = "includeItemTypes=Season&sortBy=IndexNumber"
    pages = [row["Id"] for n in range(12) for row in old.items(f"{query}&startIndex={n}&limit=1")]
    assert len(set(pages)) < 12
    old.tell("switches", unstable_ties=False)
    assert len({row["Id"] for n in range(12) for row in old.items(f"{query}&startIndex={n}&limit=1")}) == 12


def test_the_tick_counts_and_user_data_does_not(desk: Desk) -> None:
    """h 6: a date counts up each time, user data is idempotent, un-ticking clears date and count."""
    film = desk.film(FILM)["Id"]
    url = f"/UserPlayedItems/{film}?userId={desk.user()}"
    counts = [desk.ask(f"{url}&datePlayed=2026-02-03T04:05:06Z", "POST").json()["PlayCount"] for _ in range(3)]
    assert counts == [1, 2, 3]
    assert [desk.data(film, "POST", WATCHED)["PlayCount"] for _ in range(2)] == [1, 1]
    gone = desk.ask(url, "DELETE").json()
    assert (gone["Played"], gone["PlayCount"], "LastPlayedDate" in gone) == (False, 0, False)


@pytest.mark.parametrize(
    ("body", "rating"), [({"Rating": None}, 7), ({"Likes": True}, 10), ({"Likes": False}, 1), ({"Rating": 8.5}, 8.5)]
)
def test_ratings(desk: Desk, body: dict[str, Any], rating: float) -> None:
    """Null changes nothing, likes are 10 and 1."""
    film = desk.film(FILM)["Id"]
    desk.data(film, "POST", {"Rating": 7})
    assert desk.data(film, "POST", body)["Rating"] == rating


def test_ratings_out_of_range_and_cleared(desk: Desk) -> None:
    """11 and -1 are refused and store nothing; only DELETE clears."""
    film = desk.film(FILM)["Id"]
    for value in (11, -1):
        assert (
            desk.ask(f"/UserItems/{film}/UserData?userId={desk.user()}", "POST", json={"Rating": value}).status_code
            == 400
        )
    assert "Rating" not in desk.data(film)
    desk.data(film, "POST", {"Rating": 9})
    assert "Rating" not in desk.ask(f"/UserItems/{film}/Rating?userId={desk.user()}", "DELETE").json()


def test_ticking_a_series_fans_out_and_leaves_old_reads(desk: Desk, old: Desk) -> None:
    """0.1 of the facts: in 12 single reads stay old and a partial write destroys, a full one does not."""
    for one in (desk, old):
        series, episode = one.film(SERIES)["Id"], one.episodes(SERIES)[0]["Id"]
        one.ask(f"/UserPlayedItems/{series}?userId={one.user()}&datePlayed=2026-02-03T04:05:06Z", "POST")
        assert all(row["UserData"]["Played"] for row in one.episodes(SERIES))
        assert one.data(episode)["Played"] is (one is old)
        one.data(episode, "POST", {"Rating": 4})
        assert one.truth(episode)["Played"] is (one is old)
        one.data(episode, "POST", WATCHED | {"Rating": 4})
        assert one.truth(episode)["Played"]
    desk.tell("reset")
    desk.tell("switches", stale_reads=False)
    desk.ask(f"/UserPlayedItems/{desk.film(SERIES)['Id']}?userId={desk.user()}", "POST")
    assert desk.data(desk.episodes(SERIES)[0]["Id"])["Played"]


def test_copies_are_independent_and_versions_are_not(desk: Desk, old: Desk) -> None:
    """h 7: the same film in two libraries; two versions of one film, of which 12 hides one and ticks both."""
    one, two = (row for row in desk.items("includeItemTypes=Movie") if row["Name"] == FILM)
    desk.data(one["Id"], "POST", WATCHED)
    assert not desk.truth(two["Id"])["Played"]
    for version, both in ((desk, True), (old, False)):
        film = version.film("Nine Ferries North")
        assert film["MediaSourceCount"] == 2
        other = next(source["Id"] for source in film["MediaSources"] if source["Id"] != film["Id"])
        version.ask(f"/UserPlayedItems/{film['Id']}?userId={version.user()}", "POST")
        data = version.data(other)
        assert (data["Played"], data["PlayCount"]) == (both, 0)


def test_the_nasty_items_are_there(desk: Desk) -> None:
    """h 7: two in one file, specials, no ids, wrong ids, no runtime, no number, two series of one name, unicode."""
    rows = desk.items("includeItemTypes=Movie,Episode,Series&fields=ProviderIds,Path")
    assert [row["IndexNumberEnd"] for row in rows if "IndexNumberEnd" in row] == [2]
    assert any(row.get("ParentIndexNumber") == 0 for row in rows)
    assert any(row["Type"] == "Movie" and row["ProviderIds"] == {} for row in rows)
    assert any(row["Type"] == "Movie" and "RunTimeTicks" not in row for row in rows)
    assert len([row for row in rows if row["Name"] == "Harbour Patrol"]) == 2
    assert any(row["Name"] == "名もなき灯台" for row in rows)
    assert {row["Name"] for row in rows if row["Type"] == "Series"} >= {"Meadow Street", "Yard Without Numbers"}
    assert len([row for row in rows if row["Name"] == "Meadow Street"]) == 2  # in two libraries
    assert len([row for row in rows if row["Name"] == "The Cartographer's Debt"]) == 2  # two editions


def test_collections_and_playlists_keep_their_owners(desk: Desk) -> None:
    """A playlist is its user's, a collection everybody's; a collection needs rights."""
    ben, film = desk.sign_in("Ben"), desk.film(FILM)["Id"]
    playlist = desk.ask("/Playlists", "POST", json={"Name": "p", "Ids": [film], "UserId": desk.user()}).json()["Id"]
    assert desk.ask(f"/Playlists/{playlist}/Items", token=ben).status_code == 404
    assert desk.ask(f"/Collections?name=c&ids={film}", "POST", token=ben).status_code == 403
    made = desk.ask(f"/Collections?name=c&ids={film}", "POST").json()["Id"]
    assert [row["Id"] for row in desk.items(f"parentId={made}", "Ben")] == [film]
    assert desk.ask(f"/Items/{film}", "DELETE").status_code == 401
