"""The watchlist, search and states of plex.tv's providers, with the real plexapi."""

import pytest
from plexapi.exceptions import BadRequest, NotFound

from tests.demo.plex.conftest import House


def test_the_watchlist_by_plexapi(house: House) -> None:
    account, server = house.account(), house.server()
    movie = server.fetchItem(int(house.key(house.file())))
    show = server.library.section("Shows").get("Lanterns of Varnick")
    account.addToWatchlist([movie])
    house.tell("clock", shift=60)
    account.addToWatchlist(show)
    assert [item.guid for item in account.watchlist()] == [show.guid, movie.guid]
    assert [item.guid for item in account.watchlist(libtype="movie")] == [movie.guid]
    assert [item.title for item in account.watchlist(sort="titleSort:asc")] == sorted([movie.title, show.title])
    assert account.onWatchlist(movie)
    assert house.account("Ben").watchlist() == []
    with pytest.raises(BadRequest):
        account.addToWatchlist(movie)
    account.removeFromWatchlist(movie)
    assert not account.onWatchlist(movie)
    details = account.watchlist()[0]
    assert f"tmdb://{house.file('shows', name=show.episodes()[0].title).show_claims.tmdb}" in {
        g.id for g in details.guids
    }


def test_filters_and_pages_of_the_watchlist(house: House) -> None:
    unreleased = next(movie for movie in house.catalogue.movies if movie.title == "The Unreleased Orchard")
    for movie in [movie for movie in house.catalogue.movies if movie.ids.plex and movie != unreleased][:25]:
        house.ask(f"/actions/addToWatchlist?ratingKey={movie.ids.plex}", method="PUT")
    house.ask(f"/actions/addToWatchlist?ratingKey={unreleased.ids.plex}", method="PUT")
    base = "/library/sections/watchlist"
    box = house.ask(f"{base}/all").json()["MediaContainer"]
    assert (box["size"], box["totalSize"], box["librarySectionID"]) == (20, 26, "watchlist")
    assert len(house.rows(f"{base}/all", headers={"X-Plex-Container-Start": "20", "X-Plex-Container-Size": "20"})) == 6
    assert all("Guid" not in row for row in box["Metadata"])
    assert len(house.account().watchlist("released")) == 25
    available = {item.guid.rsplit("/", 1)[-1] for item in house.account().watchlist("available")}
    assert unreleased.ids.plex not in available
    assert 5 < len(available) < 26


def test_titles_that_do_not_exist_or_are_not_listed(house: House) -> None:
    known = house.catalogue.movies[0].ids.plex
    assert house.ask(f"/actions/addToWatchlist?ratingKey={'0' * 24}", method="PUT").status_code == 404
    assert house.ask(f"/actions/removeFromWatchlist?ratingKey={known}", method="PUT").status_code == 404
    assert house.ask(f"/library/metadata/{'0' * 24}/userState", headers=token(house)).status_code == 404
    assert house.ask("/actions/addToWatchlist?ratingKey=1", None, "PUT").status_code == 401


def token(house: House) -> dict[str, str]:
    return {"X-Plex-Token": house.people["Anna"]["account_token"]}


def test_a_legacy_guid_is_nonsense_at_plex_tv(house: House) -> None:
    anime = house.server().library.section("Anime").searchEpisodes()
    legacy = next(item for item in anime if "hama" in item.guid)
    with pytest.raises(NotFound):
        house.account().onWatchlist(legacy)


def test_search_and_details(house: House) -> None:
    found = house.account().searchDiscover("long causeway", libtype="movie")
    assert {item.year for item in found} == {1961, 2019}
    assert house.account().searchDiscover("lanterns of", libtype="show")[0].type == "show"
    assert house.account().searchDiscover("lanterns of", libtype="movie") == []
    assert len(house.account().searchDiscover("a", limit=3)) == 3


@pytest.mark.parametrize("kind", ["movie", "show"])
@pytest.mark.parametrize("source", ["imdb", "tmdb", "tvdb"])
def test_matches_by_an_external_id(house: House, kind: str, source: str) -> None:
    titles = house.catalogue.movies if kind == "movie" else house.catalogue.shows
    title = next(title for title in titles if getattr(title.ids, source))
    path = f"/library/metadata/matches?type={kind}&title={source}-{getattr(title.ids, source)}"
    assert title.ids.plex in {row["ratingKey"] for row in house.rows(path, headers=token(house))}
    assert house.rows(f"/library/metadata/matches?type={kind}&title={source}-0", headers=token(house)) == []


def test_marks_at_plex_tv_and_view_state_sync(house: House) -> None:
    account, movie = house.account(), house.server().fetchItem(int(house.key(house.file())))
    account.markPlayed(movie)
    assert account.isPlayed(movie)
    assert house.server().fetchItem(movie.ratingKey).viewCount == 0
    account.enableViewStateSync()
    house.act("echo", person="Anna", file=movie.ratingKey)
    assert house.server().fetchItem(movie.ratingKey).viewCount == 1
    assert house.server().history() == []
    account.markUnplayed(movie)
    assert not account.isPlayed(movie)
    assert house.server().fetchItem(movie.ratingKey).viewCount == 0


def test_what_people_list_on_the_website(house: House) -> None:
    path = house.file().path
    house.act("list", person="Ben", file=path)
    assert len(house.account("Ben").watchlist()) == 1
    house.act("unlist", person="Ben", file=path)
    assert house.account("Ben").watchlist() == []


def test_the_list_may_be_gone(house: House) -> None:
    house.fault("watchlist_gone")
    with pytest.raises(NotFound):
        house.account().watchlist()
    assert house.account().watchlist() == []
