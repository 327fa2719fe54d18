"""The numbered lines of the specification of history, as far as they are decided by the merge."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from sidecar.contract import Copy, Plays, Scope, Watched
from sidecar.model import Direction
from sidecar.sync.merge import merge
from sidecar.sync.plan import Agreed, Seen
from sidecar.viewing import Told, Viewing
from tests.sync.life import FILM, J2, KEYS, LONG_AGO, OTHER, REMOVE, J, Life, P, T, at, jelly, written


def agreed(*sides: int, **more: Any) -> Life:
    """A film that was watched long ago on all sides."""
    life = Life(sides=sides or (T, J, P), **more)
    if T in life.sides:
        life.put(T, Plays((LONG_AGO,)))
    for side in set(life.sides) - {T}:
        rows = (LONG_AGO,) if side == P else ()
        life.put(side, Watched((Copy("a", played=True, count=1, at=LONG_AGO),), rows))
    life.agree()
    return life


def unwatched(life: Life, side: int) -> Life:
    """A person takes the mark away there."""
    life.put(side, None)
    return life


def said(life: Life) -> list[tuple[datetime | None, bool]]:
    """What the next plan claims: times, and whether they are marks."""
    return [(claim.sighting.at, claim.sighting.mark) for claim in life.merged().claims]


def test_line_1_watched_is_what_every_side_holds_and_viewings_are_told_to_trakt_alone() -> None:
    life = agreed()
    life.play(J, at())
    plan = life.run()
    assert written(plan) == {(T, "add"): 1}
    assert life.held[T][FILM].minutes == (LONG_AGO, at())
    assert life.held[P][FILM].copies[0].count == 1


def test_line_2_a_viewing_makes_watched_yes_and_a_mark_does_too() -> None:
    for date in (at(), None):
        life = Life(joined={T, J, P})
        life.put(J, Watched((jelly("a", date),)))
        plan = life.run()
        assert life.agreed[FILM].value is True
        assert [claim.sighting.mark for claim in plan.claims] == [date is None]


def test_line_3_units_are_those_of_the_title() -> None:
    life = Life()
    assert life.policy().runtime(FILM) == 120
    assert life.policy(runtimes={FILM: 95}).runtime(FILM) == 95


def test_line_4_undated_plays_count_and_pair_with_nothing() -> None:
    life = Life(joined={T, J, P})
    life.put(T, Plays((None,)))
    plan = life.run()
    assert life.agreed[FILM].value is True
    assert plan.claims == []
    assert life.held[J][FILM].copies[0].at is None, "and nobody is given a date that nobody knows"


def test_line_5_a_count_without_a_play_says_nothing() -> None:
    life = Life(joined={T, J, P})
    life.put(J, Watched((Copy("a", played=False, count=2, at=at(), begun=True),)))
    assert not life.run()
    assert FILM not in life.seen[J]


def test_line_6_plex_speaks_by_new_rows_of_its_history() -> None:
    life = agreed()
    life.play(P, at())
    assert said(life) == [(at(), False)]
    life = agreed()
    life.put(P, Watched((Copy("a", played=True, count=2, at=at()),), (LONG_AGO,)))
    assert said(life) == []


def test_line_6_without_a_history_a_risen_count_is_a_viewing() -> None:
    life = agreed()
    life.put(P, Watched((Copy("a", played=True, count=2, at=at()),)))
    life.seen[P][FILM] = Seen(Watched((Copy("a", played=True, count=1, at=LONG_AGO),)), ("a",))
    assert said(life) == []
    last = [life.side(side) for side in life.sides[:2]]
    sides = (*last, type(last[0])(P, KEYS[P], "Plex", plays="last"))
    assert [claim.sighting.at for claim in life.merged(sides=sides).claims] == [at()]


def test_line_7_a_title_is_watched_if_any_copy_is_and_an_item_of_several_titles_speaks_for_each() -> None:
    life = Life(joined={T, J, P})
    both = Watched((Copy("a", played=False, at=at(), begun=True), jelly("b", at())))
    life.put(J, both)
    life.put(J, both, OTHER)
    life.run()
    assert {title for title, row in life.agreed.items() if row.value} == {FILM, OTHER}


def test_line_8_a_row_of_what_was_seen_holds_fact_items_kept_and_what_we_wrote() -> None:
    life = Life(joined={T, J, P})
    life.play(T, at())
    life.run()
    row = life.seen[J][FILM]
    assert (row.kept_since, row.expected) == (None, None)
    assert row.value == life.held[J][FILM]
    assert row.ours == Plays((at(),))


@pytest.mark.parametrize(
    ("side", "value"),
    [
        (T, Plays((LONG_AGO,))),
        (J, Watched((Copy("a", played=True, count=9, at=LONG_AGO),))),
        (P, Watched((Copy("a", played=True, count=1, at=at()),), (LONG_AGO,))),
    ],
)
def test_line_11_equal_is_what_the_side_is_compared_by(side: int, value: Any) -> None:
    life = agreed()
    life.put(side, value)
    plan = life.run()
    assert not plan.claims
    assert not plan.changes
    assert not plan.agreed


def test_line_12_dates_and_counts_put_no_side_out_of_step() -> None:
    life = agreed()
    life.put(T, Plays((LONG_AGO, at(-900))))
    life.put(P, Watched((Copy("a", played=True, count=7, at=at()),), (LONG_AGO,)))
    life.seen[T][FILM], life.seen[P][FILM] = Seen(life.held[T][FILM]), Seen(life.held[P][FILM], ("a",))
    assert not life.run()


@pytest.mark.parametrize("how", ["not joined", "first met", "full"])
def test_line_13_what_is_read_for_the_first_time_claims_as_such_and_removes_nothing(how: str) -> None:
    life = agreed()
    life.put(T, None)
    life.play(J, at())
    if how == "not joined":
        life.joined, life.seen = set(), {T: {}, J: {}, P: {}}
    if how == "first met":
        life.facts[J] = {"met": frozenset({"a"})}
    plan = life.merged(full=how == "full")
    assert {claim.first for claim in plan.claims if claim.sighting.side == KEYS[J]} == {True}
    if how != "first met":
        assert not [change for change in plan.changes if change.action == "remove"]


def test_line_13_a_full_sync_forgets_what_was_seen_but_not_what_is_kept() -> None:
    life = agreed()
    unwatched(life, J).run()
    assert life.seen[J][FILM].kept_since
    plan = life.run(full=True)
    assert not life.watched(J)
    assert [note.kind for note in plan.notes] == ["kept"]


def test_line_15_what_fits_the_expected_value_is_our_echo() -> None:
    life = Life(joined={T, J, P})
    life.play(T, at())
    life.run(killed_after=0)  # Jellyfin was written, and we died before we noted it
    assert life.seen[J][FILM].expected == Plays((at(),))
    plan = life.run()
    assert not plan.claims
    assert life.seen[J][FILM].expected is None
    assert written(plan) == {(P, "add"): 1}


def test_line_15_an_expectation_that_came_to_nothing_is_dropped() -> None:
    life = agreed()
    life.seen[J][FILM] = Seen(life.held[J][FILM], ("a",), expected=Plays((at(),)))
    life.run()
    assert life.seen[J][FILM].expected is None


def test_line_15_a_rewatch_that_began_is_no_statement_and_seen_stays() -> None:
    life = agreed()
    before = life.seen[J][FILM]
    life.put(J, Watched((Copy("a", played=False, count=2, at=at(), begun=True),)))
    plan = life.run()
    assert not plan.changes
    assert not plan.agreed
    assert life.seen[J][FILM] == before


def test_line_15_a_begun_item_whose_date_moved_says_nothing_until_it_ends() -> None:
    life = agreed()
    life.put(J, Watched((Copy("a", played=True, count=2, at=at(), begun=True),)))
    assert said(life) == []
    life.run()
    life.put(J, Watched((Copy("a", played=True, count=2, at=at()),)))
    assert said(life) == [(at(), False)]


@pytest.mark.parametrize(
    ("rating", "toggled", "removal"), [(4.0, False, False), (None, False, True), (4.0, True, True)]
)
def test_line_15_blank_while_the_rating_moved_is_a_fault_of_the_server(
    rating: float | None, *, toggled: bool, removal: bool
) -> None:
    life = unwatched(agreed(), J)
    life.blank[J] = {"a": Copy("a", played=False, rating=rating)}
    life.facts[J] = {"toggled": {"a"} if toggled else set()}
    plan = life.run()
    assert bool(life.seen[J].get(FILM, Seen(None)).kept_since) is removal
    assert life.watched(J) is not removal, "what the server forgot is marked again"
    assert not plan.agreed


def test_line_16_fewer_plays_make_rows_gone_and_state_nothing() -> None:
    life = agreed()
    life.put(T, Plays((LONG_AGO, at(-500))))
    life.agree()
    life.put(T, Plays((LONG_AGO,)))
    plan = life.run()
    assert list(plan.gone) == [(FILM, at(-500))]
    assert not plan.changes
    assert not plan.agreed


@pytest.mark.parametrize("how", ["part", "incomplete", "another library", "left", "another id", "other kinds"])
def test_line_16_what_is_not_in_the_read_says_nothing(how: str) -> None:
    life = unwatched(agreed(), J)
    life.choices = REMOVE
    more: dict[str, dict[str, Any]] = {
        "part": {"scope": Scope.PART},
        "incomplete": {"complete": False},
        "another library": {"covers": frozenset({OTHER})},
        "other kinds": {"kinds": frozenset()},
    }
    life.facts[J] = more.get(how, {})
    if how == "left":
        life.items[J] = {}
    if how == "another id":
        life.items[J] = {FILM: ("b",)}
    before = life.seen[J][FILM]
    plan = life.run(write=False)
    assert not plan.agreed
    assert life.seen[J][FILM] == before
    assert life.watched(T)


def test_line_17_each_new_minute_on_trakt_is_a_viewing() -> None:
    life = agreed()
    life.ledger[FILM] = [Viewing(1, minute=at(), told=Told.SENT)]
    life.put(T, Plays((LONG_AGO, at(), at(300))))
    assert said(life) == [(at(), False), (at(300), False)]


def test_line_17_plays_on_trakt_need_no_row_unless_one_waits_for_them() -> None:
    life = agreed()
    life.put(T, Plays((LONG_AGO, at())))
    plan = life.run()
    assert plan.claims == []
    assert life.seen[T][FILM].value.count == 2


@pytest.mark.parametrize(
    ("explained", "viewing"), [([], True), ([at(minutes=5)], False), ([at(minutes=6)], True), ([at(minutes=-5)], False)]
)
def test_line_18_a_date_that_moved_is_a_viewing_unless_it_is_explained(
    explained: list[datetime], *, viewing: bool
) -> None:
    life = agreed()
    life.put(J, Watched((Copy("a", played=True, count=2, at=at()),)))
    life.facts[J] = {"explained": {"a": tuple(explained)}}
    assert said(life) == ([(at(), False)] if viewing else [])


@pytest.mark.parametrize(("spread", "mark"), [(2, True), (3, False)])
def test_line_19_three_items_with_one_date_were_marked(spread: int, *, mark: bool) -> None:
    life = Life(joined={T, J, P}, items={J: {title: (f"i{title}",) for title in range(3)}, P: {}})
    for title, minutes in enumerate((0, -spread, 0)):
        life.put(J, Watched((jelly(f"i{title}", at(minutes=minutes)),)), title)
    marks = {claim.title: claim.sighting.mark for claim in life.merged().claims}
    assert marks == {0: mark, 1: mark, 2: mark}


@pytest.mark.parametrize("how", ["explained", "no date", "plex without a row"])
def test_line_20_watched_without_a_viewing_is_a_mark(how: str) -> None:
    life = Life(joined={T, J, P})
    if how == "plex without a row":
        life.put(P, Watched((Copy("a", played=True, count=1, at=at()),)))
    else:
        life.put(J, Watched((jelly("a", at() if how == "explained" else None),)))
        life.facts[J] = {"explained": {"a": (at(),)}}
    assert said(life) == [(None if how == "no date" else at(), True)]


def test_line_21_an_unwatch_is_asked_again_by_title() -> None:
    life = unwatched(agreed(), J)
    reads = {side: life.read(side) for side in life.sides}
    plan = merge(life.agreed, life.seen, reads, life.policy())
    assert dict(plan.looks) == {J: [FILM]}
    assert not plan
    assert life.run().seen[J][FILM].kept_since


def test_line_21_an_unwatch_on_trakt_is_one_too_and_a_lost_answer_is_none() -> None:
    life = unwatched(agreed(), T)
    life.facts[T] = {"complete": False}
    assert not life.run()
    assert life.run().seen[T][FILM].kept_since


def test_line_21_a_viewing_that_was_heard_and_not_read_yet_can_be_taken_back() -> None:
    life = Life(joined={T, J, P})
    life.put(T, Plays((at(2),)))
    life.ledger[FILM] = [Viewing(1, began=at(), ended=at(2), minute=at(2), told=Told.YES)]
    life.now = at(2.5)
    life.facts[J] = {"heard": {FILM: at(2)}, "heard_on": {FILM: ("a",)}, "scope": Scope.UNCHANGED, "facts": {}}
    plan = life.run()
    assert not life.watched(J), "it is not filled again"
    assert plan.seen[J][FILM].kept_since


def test_line_21_what_was_heard_on_a_file_that_went_proves_nothing() -> None:
    life = Life(joined={T, J, P}, ledger={FILM: [Viewing(1, began=at(), ended=at(2), minute=at(2), told=Told.YES)]})
    life.put(T, Plays((at(2),)))
    life.items[J][FILM] = ("better",)
    life.facts[J] = {"heard": {FILM: at(2)}, "heard_on": {FILM: ("a",)}}
    life.choices = REMOVE
    life.run()
    assert life.agreed[FILM].value is True
    assert life.held[T]


def test_line_21_one_copy_that_is_watched_still_is_enough() -> None:
    life = agreed()
    life.put(J, Watched((jelly("a", LONG_AGO), jelly("b", LONG_AGO))))
    life.agree()
    life.put(J, Watched((jelly("b", LONG_AGO),)))
    plan = life.run()
    assert not plan.changes, "and the copy that a person took it from is left alone"
    assert not life.run()


def test_line_32_a_newer_viewing_ends_what_was_kept_and_an_older_one_does_not() -> None:
    for when, ends in ((at(-30), False), (at(30), True)):
        life = unwatched(agreed(), J)
        life.run()
        life.now = at(40)
        life.play(T, when)
        life.run()
        assert life.watched(J) is ends


def test_line_32_a_mark_ends_what_is_kept_on_its_own_side_only() -> None:
    life = unwatched(unwatched(agreed(), J), P)
    life.run()
    life.put(P, Watched((Copy("a", played=True, count=1, at=at(50)),)))
    life.run()
    assert life.watched(P)
    assert not life.watched(J)


def test_line_33_without_remove_too_agreed_stays_and_the_side_is_kept_from_now_on() -> None:
    life = unwatched(agreed(), J)
    moment = life.now
    plan = life.run()
    assert not plan.changes
    assert not plan.agreed
    assert life.seen[J][FILM].kept_since == moment
    assert not life.run()


def test_line_34_with_remove_too_it_goes_everywhere_and_states_nothing_later() -> None:
    life = unwatched(agreed(), J)
    life.choices = REMOVE
    life.ledger[FILM] = [
        Viewing(1, minute=at(-40), told=Told.NO),
        Viewing(2, began=at(-72), ended=at(-70), minute=at(-70), told=Told.SENT),
    ]
    plan = life.run()
    assert life.agreed[FILM].value is None
    assert list(plan.never) == [FILM]
    assert written(plan) == {(T, "remove"): 1, (P, "remove"): 1}
    assert [row.told for row in life.ledger[FILM]] == [Told.NEVER, Told.SENT]
    life.put(T, Plays((at(-70),)))  # the scrobble that was under way is settled afterwards
    plan = life.run()
    assert written(plan) == {(T, "remove"): 1}
    assert life.agreed[FILM].value is None


def test_line_29_what_was_taken_back_everywhere_and_is_marked_again_is_told_again() -> None:
    life = unwatched(agreed(), J)
    life.choices = REMOVE
    life.run()
    life.run()
    assert not life.held[T]
    life.put(J, Watched((jelly(when=None),)))
    plan = life.run()
    assert [change.value for change in plan.changes if change.side == T] == [Plays((None,))]
    assert (life.agreed[FILM].value, life.watched(P)) == (True, True)
    assert not life.run()


def test_line_29_a_mark_is_no_news_for_a_trakt_that_is_kept_different() -> None:
    life = unwatched(agreed(), T)
    life.run()
    assert life.seen[T][FILM].kept_since
    unwatched(life, J).run()
    life.now = at(10)
    life.put(J, Watched((jelly(when=None),)))
    assert not life.run().claims
    life.now = at(40)
    life.play(P, at(38))
    plan = life.run()
    assert [change.value for change in plan.changes if change.side == T] == [Plays((at(38),))]


def test_line_35_the_value_wins_but_for_what_the_unwatching_side_itself_gave() -> None:
    life = unwatched(agreed(), J)
    life.play(T, at())
    life.run()
    assert life.agreed[FILM].value is True
    assert life.watched(J)
    life = unwatched(agreed(), J)
    life.play(T, at(2))  # told for Jellyfin's own viewing, which was taken back right after
    life.ledger[FILM] = [Viewing(1, minute=at(2), told=Told.YES, times={KEYS[J]: at()})]
    plan = life.run()
    assert not life.watched(J)
    assert plan.seen[J][FILM].kept_since


def test_line_36_what_is_held_moves_neither_agreed_nor_seen() -> None:
    life = Life(sides=(T, J), joined={T, J}, items={J: {title: (f"i{title}",) for title in range(250)}})
    for title in range(250):
        life.put(J, Watched((jelly(f"i{title}", at(-title * 3)),)), title)
    plan = life.run()
    assert [(part.side, part.rule, len(part.titles)) for part in plan.held] == [(J, "new values", 250)]
    assert (life.agreed, life.seen[J], plan.claims, plan.changes) == ({}, {}, [], [])


@pytest.mark.parametrize("why", ["direction", "away", "kept", "playing", "not in the library", "resumed", "incomplete"])
def test_line_37_who_is_not_written(why: str) -> None:
    life = Life(joined={T, J, P})
    life.play(T, at())
    choices: dict[str, Any] = {}
    if why == "direction":
        choices["direction"] = Direction.TO_TRAKT
    if why == "away":
        life.away = {J, P}
    if why == "kept":
        life.seen[J][FILM] = life.seen[P][FILM] = Seen(None, kept_since=at(500))
    if why == "playing":
        choices["playing"] = {FILM}
    if why == "not in the library":
        life.items = {J: {}, P: {}}
    if why == "resumed":
        for side in (J, P):
            life.put(side, Watched((Copy("a", played=False, at=at(1), begun=True),)))
    if why == "incomplete":
        life.facts = {side: {"complete": False} for side in (J, P)}
    plan = life.run(**choices)
    assert not plan.changes
    assert life.agreed[FILM].value is True
    if why in ("away", "incomplete"):
        life.away = set()
        assert written(life.run()) == {(J, "add"): 1, (P, "add"): 1}, "it simply still looks different"


def test_line_38_trakt_is_told_row_by_row_in_order_of_time() -> None:
    life = Life(joined={T, J, P})
    life.play(J, at(-50), OTHER)
    life.play(P, at(-90))
    life.play(P, at())
    plan = life.run()
    assert [(change.title, change.value.minutes) for change in plan.changes if change.side == T] == [
        (FILM, (at(-90), at())),
        (OTHER, (at(-50),)),
    ]


def test_line_38_what_is_sent_and_not_settled_is_not_sent_again() -> None:
    life = Life(joined={T, J, P})
    life.play(J, at())
    life.ledger[FILM] = [Viewing(1, minute=at(2), told=Told.SENT, times={KEYS[J]: at()})]
    plan = life.run()
    assert not [change for change in plan.changes if change.side == T]


def test_line_39_where_nobody_knows_a_viewing_trakt_gets_one_play_without_a_date() -> None:
    life = Life(joined={T, J, P})
    life.agreed[FILM] = Agreed(True, LONG_AGO)
    plan = life.run()
    assert [change.value for change in plan.changes if change.side == T] == [Plays((None,))]
    life = Life(joined={T, J, P}, ledger={FILM: [Viewing(1, minute=at(), told=Told.GONE)]})
    life.agreed[FILM] = Agreed(True, LONG_AGO)
    assert not [change for change in life.run().changes if change.side == T], "what went from Trakt stays away"


def test_line_39_only_plays_that_were_seen_are_removed() -> None:
    life = unwatched(agreed(), J)
    life.choices = {"remove_at_trakt": LONG_AGO}
    plan = life.merged()
    assert [change.value for change in plan.changes if change.side == T] == [Plays((LONG_AGO,))]


def test_line_41_a_server_gets_the_newest_dated_viewing() -> None:
    life = Life(sides=(T, J, P), joined={T, J, P})
    life.put(T, Plays((LONG_AGO, None, at())))
    plan = life.run()
    assert {change.value for change in plan.changes} == {Plays((at(),))}


@pytest.mark.parametrize(("hours", "dated"), [(4, False), (5, True)])
def test_line_42_a_watched_copy_gets_a_newer_date_only(hours: float, *, dated: bool) -> None:
    life = agreed(T, J)
    life.play(T, LONG_AGO + timedelta(hours=hours))
    plan = life.run()
    dates = [change.value.minutes for change in plan.changes if change.side == J]
    assert dates == ([(LONG_AGO + timedelta(hours=hours),)] if dated else [])
    life = agreed(T, J)
    life.play(T, LONG_AGO + timedelta(hours=hours))
    assert not life.run(rewatches=False).changes


def test_line_43_a_file_of_several_titles_is_written_when_all_agree() -> None:
    life = Life(sides=(T, J), joined={T, J}, items={J: {FILM: ("ab",), OTHER: ("ab",)}})
    life.play(T, at())
    life.choices = {"several": {"ab": (FILM, OTHER)}}
    plan = life.run()
    assert not plan.changes
    assert [note.kind for note in plan.notes] == ["waits"]
    life.play(T, at(), OTHER)
    assert written(life.run()) == {(J, "add"): 2}


def test_line_44_a_watched_copy_of_plex_is_never_written() -> None:
    life = agreed(T, P)
    life.play(T, at())
    assert not life.run().changes


def test_without_rewatches_only_the_first_viewing_is_told() -> None:
    life = agreed()
    life.play(J, at())
    assert not life.run(rewatches=False).changes
    life = Life(joined={T, J, P})
    life.play(P, at(-90))
    life.play(P, at())
    plan = life.run(rewatches=False)
    assert [change.value.minutes for change in plan.changes if change.side == T] == [(at(-90),)]


def test_a_person_without_trakt_has_no_viewings_to_claim() -> None:
    life = Life(sides=(J, J2), joined={J, J2})
    life.play(J, at())
    plan = life.run()
    assert not plan.claims
    assert life.watched(J2)


def test_a_value_of_which_nothing_was_agreed_yet_speaks() -> None:
    life = Life(joined={T, J, P})
    life.play(T, at())
    life.seen[T][FILM] = Seen(life.held[T][FILM])  # somebody else's run read the account that both share
    life.run()
    assert life.watched(J)
    assert life.watched(P)


def test_line_15_our_own_removal_is_no_statement() -> None:
    life = unwatched(agreed(T, J), T)
    life.choices = {"remove_on_servers": LONG_AGO}
    life.run(killed_after=0)
    assert not life.watched(J)
    plan = life.run()
    assert not plan.agreed
    assert not plan.never
    assert FILM not in life.seen[J]


def test_line_15_our_own_play_on_trakt_settles_its_row_and_says_nothing() -> None:
    life = Life(sides=(T, J), joined={T, J})
    life.play(J, at())
    life.run(killed_after=0)
    assert [row.told for row in life.ledger[FILM]] == [Told.SENT]
    life.put(J, None)
    life.run(remove_at_trakt=LONG_AGO)
    assert [row.told for row in life.ledger[FILM]] == [Told.GONE]
    assert not life.watched(T), "a play that we told ourselves does not speak against an un-watch"
    life = Life(sides=(T, J), joined={T, J})
    life.play(J, at())
    life.run(killed_after=0)
    life.run()
    assert [row.told for row in life.ledger[FILM]] == [Told.YES]


def test_line_15_our_own_play_on_trakt_does_not_speak_against_an_unwatch() -> None:
    life = unwatched(agreed(), P)
    life.put(T, Plays((LONG_AGO, at())))
    life.seen[T][FILM] = Seen(Plays((LONG_AGO,)), expected=Plays((at(),)))
    life.ledger[FILM] = [Viewing(1, minute=at(), told=Told.SENT)]
    life.run(**REMOVE)
    assert life.agreed[FILM].value is None
    assert not life.watched(T)


def test_line_18_a_date_that_is_gone_is_no_viewing() -> None:
    life = agreed()
    life.put(J, Watched((Copy("a", played=True, count=1),)))
    assert said(life) == []


def test_line_20_a_copy_that_is_watched_and_begun_when_first_met_is_a_mark_without_a_date() -> None:
    life = Life()
    life.put(J, Watched((Copy("a", played=True, count=2, at=at(), begun=True),)))
    assert said(life) == [(None, True)]


def test_line_21_a_copy_that_vanished_between_listing_and_look_proves_nothing() -> None:
    life = unwatched(agreed(), J)
    reads = {side: life.read(side) for side in life.sides}
    reads[J] = reads[J].looked({}, frozenset({FILM}), there={})
    plan = merge(life.agreed, life.seen, reads, life.policy())
    assert FILM not in plan.seen[J]


def test_line_21_a_copy_that_was_unwatched_before_is_not_asked_for_again() -> None:
    life = agreed(T, J)
    life.put(J, Watched((jelly("a", LONG_AGO), jelly("b", LONG_AGO))))
    life.agree()
    life.put(J, Watched((jelly("b", LONG_AGO),)))
    life.run()
    life.items[J] = {FILM: ("b",)}
    unwatched(life, J).run()
    assert life.seen[J][FILM].kept_since


def test_line_4_an_incomplete_read_of_plays_is_not_believed_at_all() -> None:
    life = agreed(T, J)
    life.put(T, Plays((at(),)))
    life.facts[T] = {"complete": False}
    before = life.seen[T][FILM]
    assert not life.run()
    assert life.seen[T][FILM] == before


def test_line_36_what_is_held_is_not_told_either() -> None:
    life = Life(sides=(T, J), joined={T, J}, items={J: {title: (f"i{title}",) for title in range(250)}})
    for title in range(250):
        life.put(J, Watched((jelly(f"i{title}", at(-title * 3)),)), title)
        life.agreed[title] = Agreed(True, LONG_AGO)
        life.ledger[title] = [Viewing(title, minute=at(-title * 3), told=Told.NO)]
    assert not life.run().changes


def test_line_41_dates_are_of_viewings_and_not_of_marks() -> None:
    life = agreed(T, J, P, J2)
    life.put(J, Watched((jelly("a", at()),)))  # marked again by hand
    life.put(P, Watched((Copy("a", played=True, count=1, at=at(1)),), (LONG_AGO,)))
    life.agree(sides=(J, P))
    life.ledger[FILM] = [Viewing(1, minute=at(2), told=Told.GONE)]
    life.items[J2] = {FILM: ("new",)}
    unwatched(life, J2)
    (change,) = life.run().changes
    assert (change.side, change.value) == (J2, Plays((LONG_AGO,)))


def test_line_41_without_trakt_a_begin_on_another_jellyfin_is_the_date() -> None:
    life = Life(sides=(J, J2, P), joined={J, J2, P})
    life.put(P, Watched((Copy("a", played=True, count=1, at=at(5)),), (at(1),)))
    life.put(J, Watched((jelly("a", at()),)))
    life.agree()
    (change,) = life.run().changes
    assert (change.side, change.value) == (J2, Plays((at(1),)))


def test_line_42_a_first_run_writes_no_dates() -> None:
    life = agreed(T, J)
    life.joined = {J}
    life.put(T, Plays((at(),)))
    life.seen[T] = {}
    assert not life.run().changes


def test_what_is_kept_ends_when_it_is_in_step_again() -> None:
    life = unwatched(agreed(T, J), J)
    life.run()
    assert life.seen[J][FILM].kept_since
    unwatched(life, T).run()
    assert life.agreed[FILM].value is None
    assert FILM not in life.seen[J]
    life.seen[J][FILM] = Seen(Watched((jelly("a", LONG_AGO),)), kept_since=at())
    life.put(J, Watched((jelly("a", LONG_AGO),)))
    life.run()
    assert life.seen[J][FILM].kept_since, "kept as watched, and nobody else is told"
    unwatched(life, J).run(full=True)
    assert FILM not in life.seen[J]
