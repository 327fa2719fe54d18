"""Items and titles in whole runs: what is kept of Trakt, what a library gains, wrong and corrected ids."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.model import Ids, Kind, Ref
from sidecar.store.db import FILE, open_store
from sidecar.store.items import Items
from sidecar.store.matches import Matches, Word
from sidecar.store.titles import Titles
from tests.sync.home import Home, claimed, film


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    store = open_store(tmp_path)
    yield Home(store, servers=("jellyfin",))
    store.close()


def dump(home: Home) -> bytes:
    """The whole database as it lies on the disk."""
    home.store._writer.execute("PRAGMA wal_checkpoint(truncate)")
    return (home.store.path.parent / FILE).read_bytes()


def other(number: int) -> Ref:
    """A film that no server holds."""
    ids = Ids(trakt=900_000 + number, imdb=f"tt77{number:05}", tmdb=7_700_000 + number)
    return Ref(Kind.MOVIE, ids, name=f"Elsewhere {number}", year=1981)


def test_of_500_unmatched_plays_the_database_holds_neither_titles_nor_ids_nor_dates(home: Home) -> None:
    """A-043."""
    home.trakt.watch(film(1), home.at(-30))
    home.trakt.watch(other(1), home.at(-24 * 365 * 20))
    for number in range(2, 501):
        home.trakt.watch(other(number), home.at(-number - 1000))
    home.run()
    home.run()
    data = dump(home)
    assert home.jelly.items["j1"].copy.played
    for number in range(1, 501):
        for word in (f"Elsewhere {number}", f"tt77{number:05}", str(7_700_000 + number), str(900_000 + number)):
            assert word.encode() not in data
    assert home.at(-24 * 365 * 20).strftime("%Y-%m").encode() not in data
    assert b"Film 1" in data


def test_what_a_library_gains_and_trakt_had_already_is_marked(home: Home) -> None:
    """A-043: when a library gains titles, Trakt is read again."""
    home.trakt.catalogue.append(other(1))
    home.trakt.watch(other(1), home.at(-30))
    home.run()
    home.run()
    home.jelly.put("new", claimed(other(1)))
    home.jelly.put("unseen", claimed(other(2)))
    home.run()
    assert home.jelly.items["new"].copy.played
    assert not home.jelly.items["unseen"].copy.played
    assert home.trakt.told == []


def test_two_servers_that_name_a_film_by_different_ids_have_one_title(tmp_path: Path) -> None:
    """T-007: one id is enough, and Trakt says what belongs together."""
    home = Home(open_store(tmp_path))
    ids = film(1).ids
    home.jelly.put("j1", Ref(Kind.MOVIE, Ids(imdb=ids.imdb), name="Film 1"))
    home.plex.put("p1", Ref(Kind.MOVIE, Ids(imdb=ids.imdb, tmdb=ids.tmdb), name="Film 1"))
    home.jelly.play("j1", home.at(-5))
    home.run()
    assert home.watched(1) == (True, True, True)
    assert len(home.trakt.told) == 1
    home.store.close()


def test_claims_without_a_common_id_become_one_when_trakt_names_them(tmp_path: Path) -> None:
    home = Home(open_store(tmp_path))
    ids = film(1).ids
    home.jelly.put("j1", Ref(Kind.MOVIE, Ids(imdb=ids.imdb), name="Film 1"))
    home.plex.put("p1", Ref(Kind.MOVIE, Ids(tmdb=ids.tmdb), name="Film 1"))
    home.jelly.play("j1", home.at(-5))
    home.run()
    home.run()
    assert home.watched(1) == (True, True, True)
    home.run()
    assert (len(home.trakt.told), len(home.trakt.plays(film(1)))) == (1, 1)
    home.store.close()


def test_ids_of_two_titles_are_listed_and_nothing_is_sent(home: Home) -> None:
    """A conflict: one id is that of another film."""
    home.trakt.watch(film(1), home.at(-5))
    home.trakt.watch(film(2), home.at(-4))
    home.jelly.put("j1", Ref(Kind.MOVIE, Ids(imdb=film(1).ids.imdb, tmdb=film(2).ids.tmdb), name="Mixed"))
    home.jelly.play("j1", home.at(-1))
    result = home.run()
    home.run()
    assert home.trakt.told == []
    assert "unmatched" in {remark.kind for remark in result.remarks}
    assert home.jelly.writes == [("add", "j2")]


def test_a_corrected_id_moves_the_item_and_its_next_play(home: Home) -> None:
    """Walk 9."""
    home.jelly.play("j1", home.at(-5))
    home.run()
    home.run()
    home.jelly.items["j1"].refs = (claimed(film(4)),)
    home.jelly.items.pop("j4")
    home.jelly.play("j1", home.at())
    result = home.run()
    assert [(each.kind, each.first) for each in result.remarks] == [("offered", ("Film 1 (1990)",))]
    home.run()
    assert home.trakt.plays(film(4)) == [home.at(-2)]
    assert len(home.trakt.plays(film(1))) == 1


def test_what_is_ignored_by_choice_is_never_told(home: Home) -> None:
    home.choose(ignore="title:Film 1, title:Other")
    home.jelly.play("j1", home.at(-5))
    home.jelly.play("j2", home.at(-9))
    result = home.run()
    home.run()
    assert [label for label, _ in home.trakt.told] == ["Film 2 (1990)"]
    assert ("cannot", "It is ignored by title:Film 1.") in {(each.kind, each.why) for each in result.remarks}


def test_a_double_episode_is_told_as_two_and_marked_when_both_are_watched(home: Home) -> None:
    """Walk 17."""
    show = Ids(trakt=50, tvdb=5000, imdb="tt0500000")
    episodes = [
        Ref(Kind.EPISODE, Ids(trakt=500 + number, tvdb=9000 + number), show, 1, number, "Show", runtime=40)
        for number in (1, 2)
    ]
    home.trakt.catalogue += episodes
    above = Ids(tvdb=5000, imdb="tt0500000")
    both = [Ref(Kind.EPISODE, Ids(), above, 1, number, "Show", runtime=40) for number in (1, 2)]
    home.jelly.put("d", *both)
    home.trakt.watch(episodes[0], home.at(-40))
    result = home.run()
    assert home.jelly.writes == []
    assert "waits" in {remark.kind for remark in result.remarks}
    home.trakt.watch(episodes[1], home.at(-39))
    home.run()
    assert home.jelly.items["d"].copy.played
    home.run()
    home.jelly.play("d", home.at())
    home.run()
    assert [len(home.trakt.plays(each)) for each in episodes] == [2, 2]


def test_what_a_person_says_about_an_item_comes_before_its_ids(home: Home) -> None:
    """Part 1: match and ignore."""
    home.run()
    with home.store.write() as db:
        items, matches = Items(db), Matches(db)
        found = items.get("jellyfin-1", ["j1", "j2"])
        title = found["j2"].titles[0]
        matches.say(found["j1"], Word(title=title))
        matches.say(found["j2"], Word(ignored=True))
    home.jelly.play("j1", home.at(-5))
    home.jelly.play("j2", home.at(-50))
    home.run()
    assert home.trakt.plays(film(2)) == [home.at(-6)]
    assert not home.trakt.plays(film(1))
    with home.store.write() as db:
        matches = Matches(db)
        for item in Items(db).get("jellyfin-1", ["j1", "j2"]).values():
            matches.say(item, None)
    for _ in range(3):
        home.run()
    assert home.trakt.plays(film(1)) == [home.at(-9)]


def test_a_whole_show_is_matched_with_its_numbers_shifted(home: Home) -> None:
    """Part 1: also a whole show, also with an offset."""
    show = Ids(trakt=50, tvdb=5000)
    home.trakt.catalogue += [
        Ref(Kind.EPISODE, Ids(trakt=500 + number, tvdb=9000 + number), show, 2, number, "Show", runtime=40)
        for number in (1, 2, 3)
    ]
    with home.store.write() as db:
        for each in home.trakt.catalogue[-3:]:
            Titles(db).learn(each)
        number = Titles(db).find(Ref(Kind.SHOW, show))
    home.jelly.series("show", {"e13": (1, 13), "e14": (1, 14)})
    home.run()
    with home.store.write() as db:
        item = Items(db).get("jellyfin-1", ["show"])["show"]
        assert isinstance(number, int)
        Matches(db).say(item, Word(title=number, seasons=1, episodes=-12))
    home.jelly.play("e14", home.at(-3))
    home.run()
    home.run()
    assert [len(home.trakt.plays(each)) for each in home.trakt.catalogue[-3:]] == [0, 1, 0]
