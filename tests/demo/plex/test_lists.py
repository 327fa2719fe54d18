"""Playlists and collections, as the real plexapi makes and changes them."""

import pytest
from plexapi.exceptions import BadRequest, NotFound

from tests.demo.plex.conftest import House


def test_playlists(house: House) -> None:
    server = house.server()
    one, two, three = server.library.section("Movies").all()[:3]
    made = server.createPlaylist("Trakt: Evening", items=[one, two])
    assert [item.ratingKey for item in server.playlist("Trakt: Evening").items()] == [one.ratingKey, two.ratingKey]
    made.addItems(three)
    made.reload()
    assert (made.leafCount, made.playlistType, made.smart) == (3, "video", False)
    made.moveItem(three, after=one)
    assert [item.ratingKey for item in made.reload().items()] == [one.ratingKey, three.ratingKey, two.ratingKey]
    made.moveItem(two)
    assert made.reload().items()[0].ratingKey == two.ratingKey
    made.removeItems([two])
    made.editTitle("Trakt: Night").editSummary("Late")
    found = server.playlist("Trakt: Night")
    assert ([item.ratingKey for item in found.items()], found.summary) == ([one.ratingKey, three.ratingKey], "Late")
    assert house.server("Ben").playlists() == []
    assert house.ask(f"/playlists/{made.ratingKey}", "Ben").status_code == 404
    found.delete()
    assert server.playlists() == []


def test_the_same_film_may_be_on_a_playlist_twice(house: House) -> None:
    one = house.server().library.section("Movies").all()[0]
    made = house.server().createPlaylist("Twice", items=[one])
    made.addItems(one)
    assert len(made.reload().items()) == 2


def test_collections(house: House) -> None:
    section = house.server().library.section("Movies")
    one, two, three = section.all()[:3]
    made = section.createCollection("Trakt: Anna", items=[one, two])
    made.addItems([three, one])
    found = section.collection("Trakt: Anna")
    assert (found.childCount, found.subtype) == (3, "movie")
    found.removeItems(two)
    found.moveItem(three)
    assert [item.ratingKey for item in found.reload().items()] == [three.ratingKey, one.ratingKey]
    found.editTitle("Trakt: Ben")
    assert [c.title for c in house.server("Ben").library.section("Movies").collections()] == ["Trakt: Ben"]
    with pytest.raises(NotFound):
        section.collection("Trakt: Anna")
    found.delete()
    assert section.collections() == []


def test_collections_are_changed_by_the_owner_only(house: House) -> None:
    movies = house.server().library.section("Movies")
    made = movies.createCollection("Ours", items=movies.all()[:1])
    theirs = house.server("Ben").library.section("Movies")
    with pytest.raises(BadRequest, match="403"):
        theirs.createCollection("Mine", items=theirs.all()[:1])
    with pytest.raises(BadRequest, match="403"):
        theirs.collection("Ours").addItems(theirs.all()[:1])
    assert house.ask(f"/library/collections/{made.ratingKey}", "Ben", "DELETE").status_code == 403


def test_items_can_be_renamed(house: House) -> None:
    movie = house.server().library.section("Movies").all()[0]
    movie.editTitle("A New Name")
    assert house.server().fetchItem(movie.ratingKey).title == "A New Name"


@pytest.mark.parametrize("uri", ["", "server://elsewhere/com.plexapp.plugins.library/library/metadata/1001"])
def test_items_of_another_server_are_refused(house: House, uri: str) -> None:
    answer = house.ask("/playlists", method="POST", params={"uri": uri, "title": "x", "type": "video"})
    assert answer.status_code == 400
    assert house.ask("/playlists/1/items/1", method="DELETE").status_code == 404
