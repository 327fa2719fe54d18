"""What the forms of ids mean, and what is never made of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.model import Ids, Kind, Ref
from sidecar.servers.guids import HIGHEST, LONGEST_FILE, ids_of, ids_of_guids, of_guid, refs_of, same, words
from tests.test_model import named, refs

HEX = "5d776825880197001ec967c0"
M, S, E, SEASON = Kind.MOVIE, Kind.SHOW, Kind.EPISODE, Kind.SEASON
MATRIX, THRONES = Ids(imdb="tt0133093"), Ids(tvdb=121361)
LEGACY = "com.plexapp.agents."


@pytest.mark.parametrize(
    ("guid", "kind", "ids", "show", "season", "number"),
    [
        (f"plex://movie/{HEX}", M, Ids(plex=HEX), None, None, None),
        (f"plex://show/{HEX}", S, Ids(plex=HEX), None, None, None),
        (f"plex://season/{HEX}", SEASON, Ids(plex=HEX), None, None, None),
        (f"plex://episode/{HEX}", E, Ids(plex=HEX), None, None, None),
        (LEGACY + "imdb://tt0133093?lang=en", M, MATRIX, None, None, None),
        (LEGACY + "themoviedb://603?lang=en", M, Ids(tmdb=603), None, None, None),
        (LEGACY + "themoviedb://1399?lang=en", S, Ids(tmdb=1399), None, None, None),
        (LEGACY + "themoviedb://1399/1?lang=en", SEASON, Ids(), Ids(tmdb=1399), 1, None),
        (LEGACY + "themoviedb://1399/1/2?lang=en", E, Ids(), Ids(tmdb=1399), 1, 2),
        (LEGACY + "thetvdb://121361/1/2?lang=en", E, Ids(), THRONES, 1, 2),
        (LEGACY + "thetvdb://121361/0/7?lang=en", E, Ids(), THRONES, 0, 7),
        (LEGACY + "thetvdb://121361/1/2", E, Ids(), THRONES, 1, 2),
        (LEGACY + "thetvdb://121361?lang=en", S, THRONES, None, None, None),
        (LEGACY + "xbmcnfo://tt0133093?lang=en", M, MATRIX, None, None, None),
        (LEGACY + "xbmcnfotv://tt0944947/1/2?lang=en", E, Ids(), Ids(imdb="tt0944947"), 1, 2),
        (LEGACY + "hama://tvdb-121361/1/7?lang=en", E, Ids(), THRONES, 1, 7),
        (LEGACY + "hama://tmdb-603?lang=en", M, Ids(tmdb=603), None, None, None),
        (LEGACY + "hama://tsdb-1399/1/7?lang=en", E, Ids(), Ids(tmdb=1399), 1, 7),
        (LEGACY + "hama://imdb-tt0944947/1/7", E, Ids(), Ids(imdb="tt0944947"), 1, 7),
        (LEGACY + "hama://tvdb4-121361", S, THRONES, None, None, None),
        ("tv.plex.agents.nfo.movie://movie/tmdb_383498", M, Ids(tmdb=383498), None, None, None),
        ("tv.plex.agents.nfo.series://show/tvdb_121361", S, THRONES, None, None, None),
        ("tv.plex.agents.nfo.movie://movie/imdb_tt0133093", M, MATRIX, None, None, None),
        ("tv.plex.agents.custom.mine://movie/whatever", M, Ids(), None, None, None),
    ],
)
def test_a_guid_names_the_title_or_its_show_with_the_numbers(
    guid: str, kind: Kind, ids: Ids, show: Ids | None, season: int | None, number: int | None
) -> None:
    claimed = of_guid(guid, kind)
    assert (claimed.ids, claimed.show, claimed.season, claimed.number, claimed.why) == (ids, show, season, number, "")


@pytest.mark.parametrize(
    ("guid", "kind", "why"),
    [
        ("local://1234", M, "not matched"),
        (LEGACY + "none://d0f1", M, "not matched"),
        ("", M, "not matched"),
        (LEGACY + "thetvdb://121361/1/2/3", E, "not matched"),
        (LEGACY + "thetvdb://121361/123456789012345/2", E, "not matched"),
        (LEGACY + "xbmcnfo://603?lang=en", M, "“xbmcnfo” does not say whose id 603 is"),
        (LEGACY + "thetvdbdvdorder://121361/1/2", E, "“thetvdbdvdorder” does not say"),
        (LEGACY + "hama://anidb-17494/1/7?lang=en", E, "AniDB"),
        (LEGACY + "hama://tvdb2-121361/1/7", E, "order of its own"),
        (LEGACY + "hama://tvdb5-121361/1/7", E, "order of its own"),
        (LEGACY + "hama://nonsense", E, "AniDB"),
        (LEGACY + "ytinforeader://youtube|x", M, "no film"),
        ("tv.plex.xmltv://episode/1", E, "no film"),
        ("library://abc/item", M, "no film"),
    ],
)
def test_a_guid_that_names_nothing_for_certain_says_why(guid: str, kind: Kind, why: str) -> None:
    claimed = of_guid(guid, kind)
    assert why in claimed.why
    assert not claimed.ids
    assert claimed.show is None
    assert refs_of(kind, claimed.ids, why=claimed.why) == ((), claimed.why)


def test_an_id_in_a_guid_of_another_kind_is_not_taken_for_the_title() -> None:
    assert not of_guid("tv.plex.agents.nfo.series://show/tvdb_121361", E).ids


def test_ids_are_taken_whatever_the_case_of_their_names_and_junk_is_left_out() -> None:
    pairs = [
        ("IMDB", " TT0133093 "),
        ("Tmdb", "0"),
        ("tmdb", "603"),
        ("TMDB", "604"),
        ("tvdb", "the-matrix"),
        ("TmdbCollection", "2344"),
        ("AniDB", "1"),
        ("TvRage", "2"),
    ]
    assert ids_of(pairs) == Ids(imdb="tt0133093", tmdb=603)


@pytest.mark.parametrize(
    "value", ["", "0", "-5", "0133093", "tt", "tt12", "6 03", "６０３", "٦٠٣", "1e3", "603.0", "9" * 5000, str(2**31)]
)
def test_a_value_that_no_catalogue_gives_is_no_id(value: str) -> None:
    assert ids_of([("imdb", value), ("tmdb", value), ("tvdb", value)]) in (Ids(), Ids(tmdb=133093, tvdb=133093))


def test_guids_beside_a_plex_guid_are_read() -> None:
    guids = ["imdb://tt0133093", "tmdb://603", "tvdb://169", "tmdb://604", "plex://x", "nonsense", ""]
    assert ids_of_guids(guids, HEX) == Ids(imdb="tt0133093", tmdb=603, tvdb=169, plex=HEX)
    assert ids_of_guids(guids, "not hex") == Ids(imdb="tt0133093", tmdb=603, tvdb=169)


# Titles


@pytest.mark.parametrize(
    ("kind", "given", "claims"),
    [
        (M, {"ids": MATRIX}, ["movie imdb=tt0133093"]),
        (S, {"ids": THRONES}, ["show tvdb=121361"]),
        (SEASON, {"show": THRONES, "season": 0}, ["season show.tvdb=121361 s0"]),
        (SEASON, {"ids": Ids(tvdb=5)}, ["season tvdb=5"]),
        (E, {"ids": Ids(tvdb=5)}, ["episode tvdb=5"]),
        (E, {"show": THRONES, "season": 0, "number": 0}, ["episode show.tvdb=121361 s0 e0"]),
        (
            E,
            {"ids": Ids(plex=HEX), "show": THRONES, "season": 1, "number": 2},
            [f"episode plex={HEX} show.tvdb=121361 s1 e2"],
        ),
        (E, {"ids": Ids(tvdb=5), "show": THRONES, "season": None, "number": 2}, ["episode tvdb=5 show.tvdb=121361 e2"]),
        (E, {"ids": Ids(tvdb=5), "show": THRONES, "season": -1, "number": 10**12}, ["episode tvdb=5 show.tvdb=121361"]),
        (
            E,
            {"ids": Ids(tvdb=5), "show": THRONES, "season": 1, "number": 1, "last": 3},
            [
                "episode tvdb=5 show.tvdb=121361 s1 e1",
                "episode show.tvdb=121361 s1 e2",
                "episode show.tvdb=121361 s1 e3",
            ],
        ),
        (E, {"show": THRONES, "season": 0, "number": 3, "last": 3}, ["episode show.tvdb=121361 s0 e3"]),
    ],
)
def test_an_item_stands_for_its_titles(kind: Kind, given: dict[str, Any], claims: list[str]) -> None:
    found, why = refs_of(kind, given.pop("ids", Ids()), name="x", year=2011, runtime=50, **given)
    assert ([ref.claim() for ref in found], why) == (claims, "")
    assert {(ref.name, ref.year) for ref in found} == {("x", 2011)}


@pytest.mark.parametrize(
    ("kind", "given", "why"),
    [
        (M, {}, "no imdb, tmdb or tvdb id"),
        (M, {"ids": Ids(plex=HEX)}, "no imdb, tmdb or tvdb id"),
        (M, {"why": "it is a trailer"}, "it is a trailer"),
        (SEASON, {"season": 1}, "its show has no ids"),
        (SEASON, {"show": THRONES}, "it has no number"),
        (E, {"season": 1, "number": 2}, "neither it nor its show"),
        (E, {"show": Ids(plex=HEX), "season": 1, "number": 2}, "neither it nor its show"),
        (E, {"show": THRONES, "number": 2}, "season number"),
        (E, {"show": THRONES, "season": 1}, "episode number"),
        (E, {"show": THRONES, "season": 1, "number": -2}, "episode number"),
        (E, {"show": THRONES, "season": 1, "number": HIGHEST + 1}, "episode number"),
        (E, {"show": THRONES, "season": 1, "number": 5, "last": 3}, "episodes 5 to 3"),
        (E, {"show": THRONES, "season": 1, "number": 1, "last": LONGEST_FILE + 1}, "cannot all be named"),
        (E, {"ids": Ids(tvdb=5), "season": 1, "number": 1, "last": 2}, "cannot all be named"),
        (E, {"ids": Ids(tvdb=5), "show": THRONES, "number": 1, "last": 2}, "cannot all be named"),
    ],
)
def test_what_cannot_be_named_for_certain_says_why(kind: Kind, given: dict[str, Any], why: str) -> None:
    found, said = refs_of(kind, given.pop("ids", Ids()), **given)
    assert found == ()
    assert why in said


# Junk

SCHEMES = ["plex://movie/", LEGACY + "thetvdb://", LEGACY + "hama://tvdb-", LEGACY + "imdb://", "tmdb://", "local://"]
junk = st.builds(str.__add__, st.sampled_from([*SCHEMES, "", "tv.plex.agents.nfo.movie://movie/tmdb_"]), st.text())
numbers = st.none() | st.integers() | st.integers(0, 40)
pairs = st.lists(
    st.tuples(st.sampled_from(["Imdb", "tmdb", "TVDB", "x"]) | st.text(), st.text() | st.integers().map(str))
)


@given(junk, st.sampled_from(Kind), pairs, pairs, st.none() | st.text(), numbers, numbers, numbers)
def test_no_junk_fails_and_whatever_comes_of_it_can_be_stored(
    guid: str,
    kind: Kind,
    own: list[tuple[str, str]],
    above: list[tuple[str, str]],
    plex: str | None,
    season: int | None,
    number: int | None,
    last: int | None,
) -> None:
    claimed, ids, show = of_guid(guid, kind), ids_of(own, plex), ids_of(above)
    for found, why in (
        refs_of(kind, ids, show=show, season=season, number=number, last=last),
        refs_of(kind, claimed.ids, show=claimed.show, season=claimed.season, number=claimed.number, why=claimed.why),
    ):
        assert bool(found) is (why == "")
        assert len({ref.claim() for ref in found}) == len(found) <= LONGEST_FILE
        for ref in found:
            again = Ref.of_claim(ref.claim())
            assert named(again) == named(ref)
            assert again.ids == ref.ids
            assert same(ref, again)


# The same


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (Ref(M, MATRIX), Ref(M, Ids(imdb="tt0133093", tmdb=603)), True),
        (Ref(M, Ids(imdb="tt0133093", tmdb=603)), Ref(M, Ids(imdb="tt0133093", tmdb=604)), False),
        (Ref(M, MATRIX), Ref(M, Ids(tmdb=603)), False),
        (Ref(M, Ids(tmdb=603)), Ref(S, Ids(tmdb=603)), False),
        (Ref(M, Ids(trakt=1, slug="a")), Ref(M, Ids(tmdb=1, slug="a")), False),
        (Ref(M, Ids(tmdb=1, slug="a")), Ref(M, Ids(tmdb=1, slug="b")), True),
        (Ref(E, Ids(tvdb=5), THRONES, 1, 2), Ref(E, Ids(tmdb=7), THRONES, 1, 2), True),
        (Ref(E, Ids(tvdb=5), THRONES, 1, 2), Ref(E, Ids(tvdb=6), THRONES, 1, 2), False),
        (Ref(E, Ids(tvdb=5), THRONES, 1, 2), Ref(E, Ids(tvdb=5), THRONES, 2, 2), True),
        (Ref(E, show=THRONES, season=1, number=2), Ref(E, show=THRONES, season=1, number=3), False),
        (Ref(E, show=THRONES, season=1, number=2), Ref(E, show=Ids(tvdb=9), season=1, number=2), False),
        (Ref(E, show=THRONES, season=1, number=2), Ref(E, show=Ids(tmdb=9), season=1, number=2), False),
        (Ref(E, Ids(tvdb=5), THRONES), Ref(E, Ids(tmdb=7), THRONES), False),
        (Ref(E, Ids(tvdb=5), THRONES, 1), Ref(E, Ids(tmdb=7), THRONES, 1), False),
        (Ref(SEASON, Ids(tvdb=5), THRONES, 0), Ref(SEASON, Ids(tmdb=7), THRONES, 0), True),
        (Ref(SEASON, Ids(tvdb=5), THRONES), Ref(SEASON, Ids(tmdb=7), THRONES), False),
    ],
)
def test_two_refs_are_one_title_only_where_nothing_disagrees(one: Ref, other: Ref, is_same: bool) -> None:
    assert same(one, other) is same(other, one) is is_same


few = st.builds(
    Ids, tmdb=st.none() | st.integers(1, 3), tvdb=st.none() | st.integers(1, 3), slug=st.none() | st.just("a")
)
place = st.none() | st.integers(0, 2)


def made(kind: Kind, ids: Ids, show: Ids | None, season: int | None, number: int | None) -> Ref | None:
    try:
        return Ref(kind, ids, show, season, number)
    except ValueError:
        return None


close = st.builds(made, st.sampled_from(Kind), few, st.none() | few, place, place)


@given(close | refs, close | refs)
def test_what_is_the_same_shares_a_word(one: Ref | None, other: Ref | None) -> None:
    if one is not None and other is not None and same(one, other):
        assert set(words(one.claim())) & set(words(other.claim()))
