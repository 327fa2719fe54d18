"""Items and titles: Trakt's word, a person's word, and a reason for everything that is left."""

from dataclasses import replace
from typing import Any

import pytest

from sidecar.contract import Copy, Fact, Plays, Rating, Watched
from sidecar.model import Ids, Kind, Ref
from sidecar.sync.match import Item, Lookups, Place, Word, by_title, match, take_back
from sidecar.viewing import Told, Viewing
from tests.sync.life import LONG_AGO, at

HEAT, TENET, DARK, LOST = 1, 2, 10, 20
E1, E2, OTHER_E1 = 11, 12, 21
MOVIE, SHOW, EPISODE = Kind.MOVIE, Kind.SHOW, Kind.EPISODE
KNOWN = Lookups(
    titles={
        (MOVIE, "imdb", "tt0113277"): HEAT,
        (MOVIE, "tmdb", "949"): HEAT,
        (MOVIE, "tmdb", "577922"): TENET,
        (SHOW, "tvdb", "334824"): DARK,
        (SHOW, "tmdb", "70523"): DARK,
        (SHOW, "tvdb", "73739"): LOST,
        (EPISODE, "tvdb", "501"): E1,
        (EPISODE, "tvdb", "502"): E2,
        (EPISODE, "tvdb", "601"): OTHER_E1,
    },
    episodes={(DARK, 1, 1): E1, (DARK, 1, 2): E2, (LOST, 1, 1): OTHER_E1},
    places={
        E1: Place(DARK, 1, 1, "Secrets", 10),
        E2: Place(DARK, 1, 2, "Lies", 10),
        OTHER_E1: Place(LOST, 1, 1, "Pilot", 25),
    },
    names={HEAT: "Heat (1995)", TENET: "Tenet (2020)", DARK: "Dark", LOST: "Lost"},
)


def movie(**ids: Any) -> Item:
    """A film that claims these ids."""
    return Item(id="a", refs=(Ref(MOVIE, Ids(**ids), name="Heat", year=1995),))


def episode(season: int = 1, number: int = 1, show: Ids | None = None, *, last: int = 0, **ids: Any) -> Item:
    """An episode, or a file of several."""
    show = show or Ids(tvdb=334824)
    refs = [Ref(EPISODE, Ids(**ids), show, season, number, name="Dark")]
    refs += [Ref(EPISODE, Ids(), show, season, more, name="Dark") for more in range(number + 1, last + 1)]
    return Item(id="e", show="s", refs=tuple(refs), place=(season, number))


def words(**more: Word) -> Lookups:
    """The same with what a person said."""
    return Lookups(titles=KNOWN.titles, episodes=KNOWN.episodes, places=KNOWN.places, names=KNOWN.names, words=more)


@pytest.mark.parametrize(
    "item", [movie(imdb="tt0113277"), movie(tmdb=949), movie(imdb="tt0113277", tmdb=949), movie(tmdb=949, tvdb=7)]
)
def test_any_id_that_trakt_gave_leads_to_the_title(item: Item) -> None:
    assert match(item, KNOWN).titles == (HEAT,)


def test_ids_that_lead_to_two_titles_are_listed_and_join_nothing() -> None:
    found = match(movie(imdb="tt0113277", tmdb=577922), KNOWN)
    assert (found.titles, found.conflict) == ((), (HEAT, TENET))
    assert found.why == "Its ids lead to Heat (1995) and Tenet (2020); correct it on the server."


def test_what_trakt_was_not_asked_yet_is_asked_and_what_it_does_not_know_is_said() -> None:
    item = movie(tmdb=5)
    assert match(item, KNOWN).ask == item.refs
    known = Lookups(titles=KNOWN.titles, unknown={item.refs[0].claim()})
    assert match(item, known).why == "Trakt knows nothing of Heat (1995) (tmdb 5)."
    assert not match(item, known).ask


def test_an_item_without_ids_keeps_the_servers_reason() -> None:
    assert match(Item(id="a", why="the server has not matched it"), KNOWN).why == "the server has not matched it"
    assert match(Item(id="a"), KNOWN).why == "It has no id that Trakt knows."


@pytest.mark.parametrize(
    "item", [episode(tvdb=501), episode(), episode(show=Ids(tmdb=70523)), episode(show=Ids(tvdb=334824, tmdb=70523))]
)
def test_an_episode_is_found_by_its_own_id_or_by_show_and_numbers(item: Item) -> None:
    assert match(item, KNOWN).titles == (E1,)


def test_an_own_id_counts_more_than_the_servers_number() -> None:
    assert match(episode(1, 2, tvdb=501), KNOWN).titles == (E1,)


def test_an_own_id_of_another_show_is_a_conflict() -> None:
    found = match(episode(show=Ids(tvdb=73739), tvdb=501), KNOWN)
    assert not found.titles
    assert "Lost" in found.why


def test_a_show_whose_ids_disagree_names_no_episode() -> None:
    found = match(episode(show=Ids(tvdb=73739, tmdb=70523)), KNOWN)
    assert not found.titles
    assert found.why.startswith("Its ids lead to Dark and Lost")


def test_a_file_of_two_episodes_stands_for_both_or_for_none() -> None:
    assert match(episode(last=2), KNOWN).titles == (E1, E2)
    found = match(episode(1, 2, last=3), KNOWN)
    assert (found.titles, [ref.number for ref in found.ask]) == ((), [3])


@pytest.mark.parametrize(
    ("name", "size", "believed"),
    [("Secrets", 10, True), ("Lies", 10, True), ("secrets!", 12, True), ("Lies", 12, False), (None, 12, True)],
)
def test_numbers_alone_are_not_believed_where_name_and_season_differ(
    name: str | None, size: int, *, believed: bool
) -> None:
    item = Item(id="e", refs=episode().refs, name=name, season_size=size)
    found = match(item, KNOWN)
    assert found.titles == ((E1,) if believed else ())
    assert believed or found.why == "The numbering seems to differ: Trakt's S01E01 is “Secrets”, here it is “Lies”."
    by_id = Item(id="e", refs=episode(tvdb=501).refs, name=name, season_size=size)
    assert match(by_id, KNOWN).titles == (E1,)


def test_a_persons_word_comes_first() -> None:
    wrong = movie(tmdb=577922)
    assert match(wrong, words(a=Word(title=HEAT))).titles == (HEAT,)
    assert match(wrong, words(a=Word(ignore=True))).why == "It is ignored by choice."
    assert match(Item(id="a"), words(a=Word(title=HEAT))).titles == (HEAT,)


def test_a_whole_show_is_ignored_or_matched_with_its_numbers_shifted() -> None:
    item = episode(2, 14, show=Ids(tvdb=73739))
    assert match(item, words(s=Word(ignore=True))).why == "Its show is ignored by choice."
    assert match(item, words(s=Word(title=DARK, seasons=-1, episodes=-13))).titles == (E1,)
    assert match(item, words(s=Word(title=DARK, seasons=-1))).why == "Trakt has no Dark S01E14."
    assert match(item, words(s=Word(ignore=True), e=Word(title=E2))).titles == (E2,), "the nearer word counts"
    assert match(Item(id="e", show="s", place=(1, 2)), words(s=Word(title=DARK))).titles == (E2,)
    assert match(Item(id="e", show="s"), words(s=Word(title=DARK))).why == "The server does not know its number."


def test_facts_of_one_title_become_one() -> None:
    ref, same = Ref(MOVIE, Ids(tmdb=949)), Ref(MOVIE, Ids(imdb="tt0113277"))
    copies = [Watched((Copy(item, played=item == "a"),)) for item in ("a", "b")]
    facts = [Fact(ref, copies[0], ("a",)), Fact(same, copies[1], ("b",)), Fact(Ref(MOVIE, Ids(tmdb=5)), copies[0])]

    def title_of(ref: Ref) -> int | None:
        found = match(Item(id="", refs=(ref,)), KNOWN)
        return found.titles[0] if found.titles else None

    values, items, lost = by_title(facts, title_of)
    assert values == {HEAT: Watched((*copies[0].copies, *copies[1].copies))}
    assert items == {HEAT: ("a", "b")}
    assert lost == facts[2:]
    rated = [Fact(ref, Rating(6, LONG_AGO)), Fact(same, Rating(9, at()))]
    assert by_title(rated, title_of)[0] == {HEAT: Rating(9, at())}
    played = [Fact(ref, Plays((LONG_AGO,))), Fact(same, Plays((at(),)))]
    assert by_title(played, title_of)[0] == {HEAT: Plays((LONG_AGO, at()))}


@pytest.mark.parametrize("how", ["ours", "not ours", "another side gave it", "gone", "still another copy", "item left"])
def test_walk_9_only_plays_that_we_told_for_this_side_are_offered_for_taking_back(how: str) -> None:
    row = Viewing(1, minute=at(), told=Told.YES, history_id=7, times={"jellyfin:s:a": at()})
    if how == "another side gave it":
        row = replace(row, times={"plex:p:a": at()})
    if how == "gone":
        row = replace(row, told=Told.GONE)
    now = {"x": (TENET,)} if how != "item left" else {}
    now |= {"y": (HEAT,)} if how == "still another copy" else {}
    told = {HEAT: Plays((at(),) if how != "not ours" else (LONG_AGO,))}
    offers = take_back({"x": (HEAT,)}, now, {HEAT: [row]}, "jellyfin:s:a", told)
    assert [offer.viewing.history_id for offer in offers] == ([7] if how == "ours" else [])
