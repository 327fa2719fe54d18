"""The nouns that every part shares."""

from __future__ import annotations

import copy
import dataclasses
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.model import Direction, Feature, Ids, Kind, Ref, Secret

PLEX = "5d776825880197001ec967c0"

numbers = st.none() | st.integers(1, 10**9)
some_ids = st.builds(
    Ids,
    trakt=numbers,
    imdb=st.none() | st.from_regex(r"(tt|ev)[0-9]{5,9}", fullmatch=True),
    tmdb=numbers,
    tvdb=numbers,
    slug=st.none() | st.from_regex(r"[a-z0-9]+(-[a-z0-9]+){0,2}", fullmatch=True),
    plex=st.none() | st.from_regex(r"[0-9a-f]{24}", fullmatch=True),
)


def names_a_title(kind: Kind, ids: Ids, show: Ids | None, season: int | None, number: int | None) -> Ref | None:
    try:
        return Ref(kind, ids, show, season, number)
    except ValueError:
        return None


refs = st.builds(
    names_a_title,
    st.sampled_from(Kind),
    some_ids,
    st.none() | some_ids,
    st.none() | st.integers(0, 99),
    st.none() | st.integers(0, 999),
)


@pytest.mark.parametrize(
    "wrong",
    [
        {"trakt": 0},
        {"tmdb": -1},
        {"tvdb": "81189"},
        {"trakt": True},
        {"tmdb": 1.0},
        {"imdb": "0113277"},
        {"imdb": "tt113"},
        {"imdb": "tt0113277 "},
        {"imdb": "tt٠١١٣٢٧٧"},
        {"imdb": ""},
        {"plex": PLEX.upper()},
        {"plex": PLEX[1:]},
    ],
)
def test_ids_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="id "):
        Ids(**wrong)  # type: ignore[arg-type]


def test_ids_come_in_the_order_in_which_trakt_trusts_them() -> None:
    ids = Ids(plex=PLEX, slug="heat-1995", tvdb=4, tmdb=949, imdb="tt0113277", trakt=1)
    assert list(ids.pairs()) == [
        ("trakt", "1"),
        ("imdb", "tt0113277"),
        ("tmdb", "949"),
        ("tvdb", "4"),
        ("slug", "heat-1995"),
        ("plex", PLEX),
    ]


def test_no_ids_are_false() -> None:
    assert not Ids()
    assert not Ids(slug="")
    assert Ids(plex=PLEX)


@pytest.mark.parametrize(
    ("kind", "rest"),
    [
        (Kind.MOVIE, {}),
        (Kind.SHOW, {}),
        (Kind.MOVIE, {"show": Ids(trakt=1), "season": 1, "number": 1}),
        (Kind.SEASON, {}),
        (Kind.SEASON, {"show": Ids(trakt=1)}),
        (Kind.SEASON, {"show": Ids(), "season": 1}),
        (Kind.EPISODE, {}),
        (Kind.EPISODE, {"show": Ids(trakt=1), "season": 1}),
        (Kind.EPISODE, {"show": Ids(trakt=1), "number": 1}),
        (Kind.EPISODE, {"season": 1, "number": 1}),
        (Kind.EPISODE, {"show": Ids(), "season": 1, "number": 1}),
    ],
)
def test_a_ref_that_names_nothing_is_refused(kind: Kind, rest: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="needs"):
        Ref(kind, **rest)  # type: ignore[arg-type]


def test_specials_and_first_numbers_may_be_zero() -> None:
    assert Ref(Kind.EPISODE, show=Ids(trakt=1), season=0, number=0).claim() == "episode show.trakt=1 s0 e0"
    assert Ref(Kind.SEASON, show=Ids(trakt=1), season=0).claim() == "season show.trakt=1 s0"


@given(refs, refs)
def test_two_refs_are_one_claim_only_if_they_name_the_same(one: Ref | None, other: Ref | None) -> None:
    if one is not None and other is not None:
        assert (one.claim() == other.claim()) == (named(one) == named(other))


def named(ref: Ref) -> tuple[object, ...]:
    return ref.kind, tuple(ref.ids.pairs()), tuple(ref.show.pairs()) if ref.show else (), ref.season, ref.number


@given(refs)
def test_a_claim_tells_the_ids_and_numbers_again(ref: Ref | None) -> None:
    if ref is not None:
        again = Ref.of_claim(ref.claim(), "Heat", 1995)
        assert named(again) == named(ref)
        assert (again.name, again.year, again.claim()) == ("Heat", 1995, ref.claim())


@given(some_ids)
def test_ids_are_the_same_after_they_were_told_as_pairs(ids: Ids) -> None:
    assert Ids.of_pairs(dict(ids.pairs())) == ids


@pytest.mark.parametrize(
    "claim",
    ["", "film tmdb=1", "movie", "movie tmdb=0", "movie tmdb=x", "episode show.tvdb=1 s1", "movie imdb=1", "movie sx"],
)
def test_what_no_ref_claims_is_not_read_as_one(claim: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Ref.of_claim(claim)


def test_what_a_title_is_called_does_not_belong_to_its_claim() -> None:
    heat = Ref(Kind.MOVIE, Ids(trakt=1), name="Heat", year=1995, runtime=170)
    assert heat.claim() == Ref(Kind.MOVIE, Ids(trakt=1)).claim()


@pytest.mark.parametrize(
    ("ref", "label"),
    [
        (Ref(Kind.MOVIE, Ids(trakt=1), name="Heat", year=1995), "Heat (1995)"),
        (Ref(Kind.MOVIE, Ids(trakt=1), name="Heat"), "Heat"),
        (Ref(Kind.MOVIE, Ids(trakt=1)), "(no title)"),
        (Ref(Kind.SHOW, Ids(trakt=1), name="Dark", year=2017), "Dark (2017)"),
        (Ref(Kind.SEASON, Ids(trakt=1), season=1, name="Dark", year=2017), "Dark season 1"),
        (Ref(Kind.EPISODE, Ids(trakt=1), season=1, number=2, name="Dark"), "Dark S01E02"),
        (Ref(Kind.EPISODE, Ids(trakt=1), season=0, number=120, name="Dark"), "Dark S00E120"),
        (Ref(Kind.EPISODE, Ids(trakt=1), name="Lies", year=2017), "Lies (2017)"),
    ],
)
def test_a_title_is_named_as_a_person_would(ref: Ref, label: str) -> None:
    assert ref.label() == label


def test_values_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Ids(trakt=1).trakt = 2  # type: ignore[misc]


def test_the_words_are_those_of_the_promised_interfaces() -> None:
    assert [*Kind] == ["movie", "show", "season", "episode"]
    assert [*Feature] == ["history", "ratings", "watchlist", "collection"]
    assert [*Direction] == ["off", "both", "to-trakt", "from-trakt"]


def test_a_secret_shows_itself_only_when_asked_by_name() -> None:
    secret = Secret("canary-77")
    assert secret.reveal() == "canary-77"
    shown = [str(secret), repr(secret), f"{secret}", f"{[secret]!r}", "%s" % secret, repr(copy.copy(secret))]  # noqa: UP031
    assert "canary" not in " ".join(shown)
    assert not hasattr(secret, "__dict__")


def test_a_secret_does_not_show_in_a_traceback() -> None:
    secret = Secret("-".join(["canary", "77"]))
    try:
        raise ValueError(secret)
    except ValueError:
        assert "canary-77" not in traceback.format_exc()


def test_secrets_compare_by_value_and_tell_whether_they_are_set() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a")
    assert not Secret("")
    assert repr(Secret("")) == "Secret(empty)"
