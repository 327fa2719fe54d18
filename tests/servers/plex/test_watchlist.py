"""The watchlist of a plex.tv account: read by pages, titles learnt once, written to directly."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from sidecar.contract import Fact, Listed, Outcome, Scope, State
from sidecar.demo.plex.inventory import hex_of
from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.servers.plex.watchlist import PlexWatchlist
from sidecar.store.lookups import FOR_EVER, Lookups
from tests.servers.plex.conftest import Home

WATCHLIST = Feature.WATCHLIST


@pytest.fixture
def listed(home: Home, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Anna has everything that has ids on her list, which comes by twenties."""
    monkeypatch.setattr("sidecar.servers.plex.watchlist.PAGE", 20)
    catalogue = home.house.catalogue
    films = [hex_of("movie", film.ids) for film in catalogue.movies if film.ids.tmdb]
    shows = [hex_of("show", show.ids) for show in catalogue.shows if show.ids.tmdb]
    mine = home.world.accounts.named("Anna").watchlist
    mine.update({number: 1_785_000_000 + place for place, number in enumerate([*films, *shows])})
    return [*films, *shows]


def details(home: Home) -> list[str]:
    return [row["path"] for row in home.rows() if row["path"].startswith("/library/metadata/") and row["status"] == 200]


def of_catalogue(home: Home, place: int, *, plex: bool = False) -> Ref:
    film = home.house.catalogue.movies[place]
    return Ref(
        Kind.MOVIE, Ids(imdb=film.ids.imdb, tmdb=film.ids.tmdb, plex=hex_of("movie", film.ids) if plex else None)
    )


def test_it_is_read_page_by_page_and_titles_are_learnt_once_for_ever(home: Home, listed: list[str]) -> None:
    home.read(Feature.HISTORY)  # what is in the libraries is known from there
    before = home.asked()
    index = home.watchlist().build_index(WATCHLIST)
    assert (index.complete, index.scope, len(index.facts)) == (True, Scope.FULL, len(listed)), index.why
    assert [fact.ref.ids.plex for fact in index.facts] == list(reversed(listed))
    rows = home.rows()[before:]
    assert len([row for row in rows if "watchlist" in row["path"]]) == -(-len(listed) // 20)
    old, learnt = 1, len(details(home)) - 1  # one of a library
    assert 0 < learnt < len(listed)
    assert sum(home.rested) == pytest.approx((learnt - 1) / 2)
    home.clock.advance(timedelta(days=400).total_seconds())
    with home.store.write() as db:
        Lookups(db).forget(home.clock.now())
    again = home.watchlist().build_index(WATCHLIST)
    assert (again.complete, len(again.facts), len(details(home))) == (True, len(listed), old + learnt)
    assert [fact.ref.claim() for fact in again.facts] == [fact.ref.claim() for fact in index.facts]


def test_a_page_that_is_shorter_than_asked_for_loses_nothing(home: Home, listed: list[str]) -> None:
    ask = home.tv.ask

    def short(address: str, *args: object, **kwargs: object) -> object:
        page = ask(address, *args, **kwargs)  # type: ignore[arg-type]
        for row in list(page)[30:]:
            page.remove(row)
        return page

    home.tv.ask = short  # type: ignore[assignment,method-assign]
    rows, _, why = home.watchlist()._read(None)
    assert (len(rows or ()), why) == (len(listed), "")


def test_a_moved_service_is_never_an_empty_list(home: Home, listed: list[str]) -> None:
    home.house.fault("watchlist_gone")
    index = home.watchlist().build_index(WATCHLIST)
    assert (index.complete, index.facts, index.mark) == (False, [], None)
    assert "not where it was" in index.why


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"name": "plextv_error", "status": 429, "retry_after": 30}, "asks for a pause"),
        ({"name": "plextv_error", "status": 520}, "problem of its own"),
        ({"name": "plextv_error", "status": 498, "times": 1}, "refuses this to the account"),
        ({"name": "plextv_error", "status": 403}, "refused the request"),
        ({"name": "html"}, "does not say how many titles"),
        ({"name": "truncated", "length": "cut"}, "cannot be read"),
        ({"name": "empty"}, "does not say how many titles"),
        ({"name": "reset"}, "ended the connection"),
    ],
)
def test_trouble_makes_it_incomplete(home: Home, listed: list[str], fault: dict[str, object], why: str) -> None:
    home.house.fault(**{"times": None, **fault}, path="watchlist")  # type: ignore[arg-type]
    index = home.watchlist().build_index(WATCHLIST)
    assert (index.complete, index.facts, index.mark) == (False, [], None)
    assert why in index.why


def test_a_pause_while_titles_are_learnt_is_waited_for_and_nothing_learnt_is_lost(home: Home) -> None:
    mine = home.world.accounts.named("Anna").watchlist
    mine.update({hex_of("movie", film.ids): 1 for film in home.house.catalogue.movies[:6]})
    home.house.fault("plextv_error", status=429, retry_after=30, after=4)
    index = home.watchlist().build_index(WATCHLIST)
    assert (index.complete, index.mark) == (False, None)
    assert len(details(home)) == 3
    index = home.watchlist().build_index(WATCHLIST)
    assert (index.complete, len(index.facts), len(details(home))) == (True, 6, 6)


def test_a_row_that_nobody_knows_makes_it_incomplete_and_is_asked_for_again_the_next_day(home: Home) -> None:
    film = home.house.catalogue.movies[0]
    home.world.accounts.named("Anna").watchlist[hex_of("movie", film.ids)] = 1
    home.house.fault("status", status=404, path="^/library/metadata/")
    for _ in (1, 2):
        index = home.watchlist().build_index(WATCHLIST)
        assert (index.complete, index.facts, index.scope) == (False, [], Scope.FULL)
        assert "1 of its rows" in index.why
    home.clock.advance(86_401)
    assert home.watchlist().build_index(WATCHLIST).complete


def test_what_did_not_move_is_one_request_even_of_many_pages(home: Home, listed: list[str]) -> None:
    mark = home.watchlist().build_index(WATCHLIST).mark
    before = home.asked()
    index = home.watchlist().build_index(WATCHLIST, since=mark)
    assert (index.scope, index.complete, index.mark, home.asked() - before) == (Scope.UNCHANGED, True, mark, 1)
    mine = home.world.accounts.named("Anna").watchlist
    del mine[listed[0]]  # the oldest, on the last page
    index = home.watchlist().build_index(WATCHLIST, since=mark)
    assert (index.scope, len(index.facts)) == (Scope.FULL, len(listed) - 1)


def test_two_persons_have_two_watchlists(home: Home) -> None:
    (receipt,) = home.watchlist("Ben").add([Fact(of_catalogue(home, 0), Listed())], WATCHLIST)
    assert receipt.outcome is Outcome.DONE
    assert home.watchlist("Anna").build_index(WATCHLIST).facts == []
    assert len(home.watchlist("Ben").build_index(WATCHLIST).facts) == 1
    assert {row["user"] for row in home.sent()} == {"Ben"}


def test_a_title_is_found_by_its_ids_and_only_if_it_proves_to_be_it(home: Home) -> None:
    (receipt,) = home.watchlist().add([Fact(of_catalogue(home, 0), Listed())], WATCHLIST)
    number = hex_of("movie", home.house.catalogue.movies[0].ids)
    assert (receipt.outcome, receipt.remote) == (Outcome.DONE, number)
    (sent,) = home.sent()
    assert (sent["method"], sent["path"]) == ("PUT", "/actions/addToWatchlist")
    assert parse_qs(sent["query"]) == {"ratingKey": [number]}
    assert any(row["path"].endswith("/matches") for row in home.rows())
    film, other = home.house.catalogue.movies[1], home.house.catalogue.movies[2]
    wrong = Ref(Kind.MOVIE, Ids(imdb=film.ids.imdb, tmdb=other.ids.tmdb))
    (receipt,) = home.watchlist().add([Fact(wrong, Listed())], WATCHLIST)
    assert (receipt.outcome, len(home.sent())) == (Outcome.NOT_FOUND, 1)
    before = home.asked()
    assert home.watchlist().add([Fact(wrong, Listed())], WATCHLIST)[0].outcome is Outcome.NOT_FOUND
    assert home.asked() - before == 1  # the list itself; what was in vain is not asked again today


def test_a_title_in_a_library_is_added_without_a_search(home: Home) -> None:
    home.read(Feature.HISTORY)
    film = home.house.file()
    ids = home.items()[home.item(film.path)].refs()[0].ids
    (receipt,) = home.watchlist().add([Fact(Ref(Kind.MOVIE, Ids(imdb=ids.imdb, tmdb=ids.tmdb)), Listed())], WATCHLIST)
    assert (receipt.outcome, receipt.remote) == (Outcome.DONE, ids.plex)
    assert not [row for row in home.rows() if "matches" in row["path"]]


def test_what_is_so_already_is_not_sent(home: Home) -> None:
    wanted = [Fact(of_catalogue(home, place, plex=True), Listed()) for place in (0, 1)]
    assert [each.outcome for each in home.watchlist().add(wanted, WATCHLIST)] == [Outcome.DONE] * 2
    assert [each.outcome for each in home.watchlist().add(wanted, WATCHLIST)] == [Outcome.ALREADY] * 2
    assert [each.outcome for each in home.watchlist().remove(wanted, WATCHLIST)] == [Outcome.DONE] * 2
    assert [each.outcome for each in home.watchlist().remove(wanted, WATCHLIST)] == [Outcome.ALREADY] * 2
    assert len(home.sent()) == 4


def test_what_became_so_in_the_meantime_is_done(home: Home) -> None:
    fact = Fact(of_catalogue(home, 0, plex=True), Listed())
    home.house.fault("status", status=409, path="addToWatchlist")
    assert home.watchlist().add([fact], WATCHLIST)[0].outcome is Outcome.DONE
    home.watchlist().add([fact], WATCHLIST)
    home.house.fault("status", status=404, path="removeFromWatchlist")
    assert home.watchlist().remove([fact], WATCHLIST)[0].outcome is Outcome.DONE


def test_a_lost_answer_is_unknown_and_a_pause_refuses_the_rest(home: Home) -> None:
    facts = [Fact(of_catalogue(home, place, plex=True), Listed()) for place in range(3)]
    home.house.fault("lost", path="addToWatchlist")
    receipts = home.watchlist().add(facts, WATCHLIST)
    assert [each.outcome for each in receipts] == [Outcome.UNKNOWN, Outcome.REFUSED, Outcome.REFUSED]
    assert len(home.sent()) == 1
    home.house.fault("plextv_error", status=429, retry_after=60, path="addToWatchlist")
    receipts = home.watchlist().add(facts, WATCHLIST)
    assert [each.outcome for each in receipts] == [Outcome.ALREADY, Outcome.REFUSED, Outcome.REFUSED]
    assert receipts[2].until == home.clock.now() + timedelta(seconds=60)


def test_seasons_and_episodes_have_no_place_on_it(home: Home) -> None:
    ref = Ref(Kind.EPISODE, Ids(), Ids(tvdb=1), 1, 1)
    (receipt,) = home.watchlist().add([Fact(ref, Listed())], WATCHLIST)
    assert (receipt.outcome, home.sent()) == (Outcome.REFUSED, [])


def test_without_a_sign_in_it_says_what_to_do(home: Home) -> None:
    side = PlexWatchlist("Anna", None, home.tv, home.titles, clock=home.clock)
    assert not side.is_configured()
    health = side.health()
    assert (health.state, "--pin" in health.next_step) == (State.NOT_SET_UP, True)
    home.house.act("revoke", person="Anna", kind="account")
    assert home.watchlist().health().state is State.AUTH
    home.house.fault("plextv_error", status=500, times=None)
    assert home.watchlist("Ben").health().state is State.OUTAGE


def test_what_is_kept_for_ever_is_not_forgotten(home: Home) -> None:
    with home.store.write() as db:
        lookups = Lookups(db)
        lookups.put(FOR_EVER + "x", b"1", home.clock.now())
        lookups.put("x", b"1", home.clock.now())
        assert lookups.forget(home.clock.now() + timedelta(days=1)) == 1
        assert lookups.get(FOR_EVER + "x", home.clock.now()) == b"1"
