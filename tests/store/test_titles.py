from datetime import datetime

import pytest

from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.store.baseline import Agreed, Baseline, Seen
from sidecar.store.db import Store
from sidecar.store.items import Item, Items
from sidecar.store.ledger import Ledger
from sidecar.store.people import People
from sidecar.store.titles import Conflict, Titles
from sidecar.viewing import Sighting

HEAT = Ref(Kind.MOVIE, Ids(trakt=345, imdb="tt0113277", tmdb=949), name="Heat", year=1995, runtime=170)
DARK = Ids(trakt=118, tvdb=334824, tmdb=70523)
LIES = Ref(Kind.EPISODE, Ids(trakt=25, tvdb=640, tmdb=130), show=DARK, season=1, number=2, name="Lies", runtime=45)


def test_every_id_that_trakt_gave_leads_to_the_title(store: Store) -> None:
    with store.write() as db:
        titles = Titles(db)
        heat, conflict = titles.learn(HEAT)
        assert conflict is None
        for ids in (Ids(trakt=345), Ids(imdb="tt0113277"), Ids(tmdb=949), Ids(imdb="tt0113277", tmdb=949)):
            assert titles.find(Ref(Kind.MOVIE, ids)) == heat
        assert titles.find(Ref(Kind.MOVIE, Ids(tmdb=950))) is None


def test_the_same_number_means_another_title_for_another_kind(store: Store) -> None:
    with store.write() as db:
        titles = Titles(db)
        titles.learn(HEAT)
        assert titles.find(Ref(Kind.SHOW, Ids(tmdb=949))) is None


def test_ids_that_lead_to_two_titles_join_nothing_and_are_reported(store: Store) -> None:
    with store.write() as db:
        titles = Titles(db)
        heat, _ = titles.learn(HEAT)
        other, _ = titles.learn(Ref(Kind.MOVIE, Ids(trakt=9, tmdb=77)))
        claim = Ref(Kind.MOVIE, Ids(imdb="tt0113277", tmdb=77))
        assert titles.find(claim) == Conflict(claim.claim(), (heat, other))


def test_a_servers_wrong_id_never_joins_two_titles(store: Store) -> None:
    with store.write() as db:
        titles = Titles(db)
        first = titles.claimed(Ref(Kind.MOVIE, Ids(imdb="tt0000001", tmdb=1)))
        second = titles.claimed(Ref(Kind.MOVIE, Ids(imdb="tt0000001", tmdb=2)))
        assert first != second
        assert titles.claimed(Ref(Kind.MOVIE, Ids(imdb="tt0000001", tmdb=1))) == first
        assert titles.find(Ref(Kind.MOVIE, Ids(tmdb=1))) is None


def test_an_episode_is_found_by_show_and_numbers(store: Store) -> None:
    with store.write() as db:
        titles = Titles(db)
        lies, _ = titles.learn(LIES)
        assert titles.find(Ref(Kind.EPISODE, show=Ids(tvdb=334824), season=1, number=2)) == lies
        assert titles.find(Ref(Kind.EPISODE, show=Ids(tvdb=334824), season=1, number=3)) is None


def test_trakts_newest_word_moves_an_id_and_says_so(store: Store) -> None:
    with store.write() as db:
        titles = Titles(db)
        heat, _ = titles.learn(HEAT)
        other, conflict = titles.learn(Ref(Kind.MOVIE, Ids(trakt=9, tmdb=949)))
        assert conflict is not None
        assert conflict.titles == (other, heat)
        assert titles.find(Ref(Kind.MOVIE, Ids(tmdb=949))) == other
        assert titles.find(Ref(Kind.MOVIE, Ids(imdb="tt0113277"))) == heat


def test_a_claim_becomes_the_title_that_trakt_says_it_is(store: Store) -> None:
    with store.write() as db:
        titles = Titles(db)
        waiting = titles.claimed(Ref(Kind.MOVIE, Ids(imdb="tt0113277", tmdb=949), name="Heat"))
        assert titles.refs([waiting])[waiting].ids == Ids(imdb="tt0113277", tmdb=949)
        assert titles.learn(HEAT)[0] == waiting
        assert titles.refs([waiting])[waiting] == HEAT


def test_a_show_that_was_claimed_is_the_one_of_its_episodes(store: Store) -> None:
    with store.write() as db:
        titles = Titles(db)
        dark = titles.claimed(Ref(Kind.SHOW, Ids(tvdb=334824), name="Dark"))
        titles.learn(LIES)
        assert titles.find(Ref(Kind.SHOW, Ids(tmdb=70523))) == dark


def test_two_claims_that_agree_in_two_ids_are_one_title_and_in_one_id_only_rivals(store: Store) -> None:
    with store.write() as db:
        titles = Titles(db)
        first = titles.claimed(Ref(Kind.MOVIE, Ids(imdb="tt0113277", tmdb=949)))
        assert titles.claimed(Ref(Kind.MOVIE, Ids(imdb="tt0113277", tmdb=949, tvdb=5))) == first
        assert not titles.rivals(Ref(Kind.MOVIE, Ids(imdb="tt0113277", tmdb=949)))
        alone = Ref(Kind.MOVIE, Ids(tmdb=949))
        assert titles.claimed(alone) != first
        assert titles.rivals(alone)


def test_what_hung_on_several_claims_hangs_on_the_one_title_in_the_end(store: Store, now: datetime) -> None:
    with store.write() as db:
        titles, ledger = Titles(db), Ledger(db)
        one, other = (titles.claimed(Ref(Kind.MOVIE, ids)) for ids in (Ids(tmdb=949), Ids(imdb="tt0113277")))
        baseline, anna = Baseline(db), People(db).add("Anna", now)
        side = baseline.side("jellyfin:s:u")
        for title in (one, other):
            ledger.claim("uuid", title, Sighting("jellyfin:s:u", now), now, runtime=120)
            baseline.put_agreed(anna.id, Feature.HISTORY, {title: Agreed(True, now, side)})
            baseline.put_seen(side, Feature.HISTORY, {title: Seen(title)})
        heat, _ = titles.learn(HEAT)
        assert len(ledger.of_title("uuid", heat)) == 2
        assert set(baseline.agreed(anna.id, Feature.HISTORY)) == {heat}
        assert set(baseline.seen(side, Feature.HISTORY)) == {heat}
        assert not set(titles.refs([one, other])) - {heat}


def test_trakts_answer_to_a_claim_takes_over_what_hung_on_it(store: Store, now: datetime) -> None:
    claim = Ref(Kind.MOVIE, Ids(tvdb=5), name="Heat")
    with store.write() as db:
        titles, ledger = Titles(db), Ledger(db)
        waiting = titles.claimed(claim)
        made = ledger.claim("uuid", waiting, Sighting("jellyfin:s:u", now), now, runtime=120)
        assert made is not None
        Items(db).put([Item("s", "i1", "Movies", claim.claim(), titles=(waiting,))], now)
        heat, _ = titles.answer(claim, HEAT)
        assert heat != waiting
        assert [row.id for row in ledger.of_title("uuid", heat)] == [made.viewing.id]
        assert [item.remote for item in Items(db).of_title(heat)] == ["i1"]
        assert waiting not in titles.refs([waiting])


def test_an_answer_to_a_claim_nobody_made_just_teaches(store: Store) -> None:
    with store.write() as db:
        heat, _ = Titles(db).answer(Ref(Kind.MOVIE, Ids(tmdb=949)), HEAT)
        assert Titles(db).refs([heat])[heat] == HEAT


def test_titles_come_back_with_all_ids_and_those_of_their_show(store: Store) -> None:
    with store.write() as db:
        titles = Titles(db)
        numbers = [titles.learn(HEAT)[0], titles.learn(LIES)[0]]
        titles.learn(Ref(Kind.SHOW, DARK, name="Dark"))
        assert list(titles.refs(numbers).values()) == [HEAT, LIES]


def test_a_later_word_without_a_name_does_not_erase_it(store: Store) -> None:
    with store.write() as db:
        titles = Titles(db)
        heat, _ = titles.learn(HEAT)
        titles.learn(Ref(Kind.MOVIE, Ids(trakt=345)))
        assert titles.refs([heat])[heat] == HEAT


def test_the_usual_runtime_stands_in_for_an_unknown_one(store: Store) -> None:
    with store.write() as db:
        titles = Titles(db)
        assert titles.runtime(titles.learn(HEAT)[0]) == 170
        assert titles.runtime(titles.learn(Ref(Kind.MOVIE, Ids(trakt=1)))[0]) == 120
        assert titles.runtime(titles.learn(Ref(Kind.EPISODE, Ids(trakt=1)))[0]) == 60


def test_trakts_word_needs_a_trakt_id(store: Store) -> None:
    with store.write() as db, pytest.raises(ValueError, match="Trakt"):
        Titles(db).learn(Ref(Kind.MOVIE, Ids(tmdb=949)))


def test_more_titles_than_one_statement_takes_come_back(store: Store) -> None:
    with store.write() as db:
        titles = Titles(db)
        numbers = [titles.learn(Ref(Kind.MOVIE, Ids(trakt=number)))[0] for number in range(1, 1201)]
        assert len(titles.refs(numbers)) == 1200
