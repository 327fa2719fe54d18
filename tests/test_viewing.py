"""The pairing rule, by the lines of the specification of history (3, 24 to 29)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.viewing import Sighting, Source, Told, Verdict, Viewing, far, gap, judge, source_of, tolerance

JELLYFIN, JELLYFIN_2, PLEX, TRAKT = "jellyfin:s:anna", "jellyfin:s:ben", "plex:p:anna", "trakt:uuid"
EVENING = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """Minutes after eight in the evening."""
    return EVENING + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("runtime", "expected"), [(20, (30, 70)), (60, (30, 150)), (120, (60, 270)), (200, (100, 430))]
)
def test_line_3_units(runtime: int, expected: tuple[int, int]) -> None:
    assert (tolerance(runtime), far(runtime)) == expected


def test_line_3_minutes_are_floored() -> None:
    heard = Viewing(began=at(0), ended=at(120))
    assert gap(Sighting(JELLYFIN, at(5) + timedelta(seconds=59)), heard, 120) == 5
    assert gap(Sighting(JELLYFIN, at(6)), heard, 120) is None


@pytest.mark.parametrize(
    ("side", "minutes", "pairs"),
    [
        (JELLYFIN, -6, False),
        (JELLYFIN, -5, True),
        (JELLYFIN, 5, True),
        (JELLYFIN, 6, False),
        (PLEX, -6, False),
        (PLEX, -5, True),
        (PLEX, 60, True),
        (PLEX, 150, True),
        (PLEX, 151, False),
        (TRAKT, 114, False),
        (TRAKT, 115, True),
        (TRAKT, 125, True),
        (TRAKT, 126, False),
    ],
)
def test_line_25_what_was_heard_live_pairs_sharply(side: str, minutes: int, *, pairs: bool) -> None:
    heard = Viewing(began=at(0), ended=at(120))
    assert (gap(Sighting(side, at(minutes)), heard, 120) is not None) is pairs


@pytest.mark.parametrize(("minutes", "pairs"), [(117, False), (118, True), (120, True), (122, True), (123, False)])
def test_line_25_our_own_minute_pairs_within_two(minutes: int, *, pairs: bool) -> None:
    ours = Viewing(began=at(0), ended=at(120), minute=at(120), told=Told.SENT)
    assert (gap(Sighting(TRAKT, at(minutes)), ours, 120) is not None) is pairs


def test_line_25_the_history_id_decides_whatever_the_times() -> None:
    told = Viewing(minute=at(0), history_id=7, told=Told.YES, times={TRAKT: at(0)})
    nearer = Viewing(minute=at(500), history_id=8, told=Told.YES)
    verdict = judge(Sighting(TRAKT, at(500), history_id=7), [nearer, told], 120)
    assert verdict.pairs_with == told


@pytest.mark.parametrize(("minutes", "pairs"), [(-61, False), (-60, True), (120, True), (270, True), (271, False)])
def test_line_26_a_server_date_and_a_trakt_minute_pair_asymmetrically(minutes: int, *, pairs: bool) -> None:
    row = Viewing(told=Told.NO, times={JELLYFIN: at(0)})
    assert (gap(Sighting(TRAKT, at(minutes)), row, 120) is not None) is pairs
    play = Viewing(minute=at(minutes), told=Told.YES, times={TRAKT: at(minutes)})
    assert (gap(Sighting(JELLYFIN, at(0)), play, 120) is not None) is pairs


@pytest.mark.parametrize(("minutes", "pairs"), [(-271, False), (-270, True), (270, True), (271, False)])
def test_line_26_two_servers_pair_within_far(minutes: int, *, pairs: bool) -> None:
    row = Viewing(told=Told.NO, times={JELLYFIN: at(0)})
    assert (gap(Sighting(PLEX, at(minutes)), row, 120) is not None) is pairs


def test_line_24_a_row_takes_one_time_of_each_side() -> None:
    row = Viewing(told=Told.YES, minute=at(120), times={JELLYFIN: at(0)})
    assert gap(Sighting(JELLYFIN, at(3)), row, 120) is None
    assert gap(Sighting(JELLYFIN, at(0)), row, 120) == 0
    assert gap(Sighting(JELLYFIN_2, at(3)), row, 120) is not None


def test_line_24_the_nearest_is_taken() -> None:
    early = Viewing(id=1, told=Told.NO, times={JELLYFIN: at(0)})
    late = Viewing(id=2, told=Told.NO, times={JELLYFIN: at(125)})
    assert judge(Sighting(TRAKT, at(120)), [late, early], 120).pairs_with == early
    assert judge(Sighting(TRAKT, at(245)), [early, late], 120).pairs_with == late


def test_line_4_undated_plays_pair_with_nothing() -> None:
    assert gap(Sighting(TRAKT, None), Viewing(began=at(0), ended=at(1), times={JELLYFIN: at(0)}), 120) is None
    assert gap(Sighting(JELLYFIN, at(0)), Viewing(told=Told.YES), 120) is None


def test_line_24_two_plays_on_trakt_are_two_plays() -> None:
    play = Viewing(minute=at(0), told=Told.YES, times={TRAKT: at(0)})
    assert judge(Sighting(TRAKT, at(30)), [play], 120) == Verdict(told=Told.YES)


@pytest.mark.parametrize("told", [Told.SENT, Told.YES, Told.GONE])
def test_line_27_what_trakt_has_or_had_pairs_by_its_minute(told: Told) -> None:
    row = Viewing(minute=at(120), told=told)
    assert judge(Sighting(JELLYFIN, at(0)), [row], 120).pairs_with == row


def test_line_28_what_pairs_with_nothing_is_told() -> None:
    assert judge(Sighting(JELLYFIN, at(0)), [], 120) == Verdict(told=Told.NO)


@pytest.mark.parametrize("state", ["first", "inexact"])
@pytest.mark.parametrize(("minutes", "told"), [(-600, Told.NEVER), (60, Told.NO), (59, Told.NEVER)])
def test_line_28_on_first_or_inexact_only_what_is_clearly_newer_is_told(state: str, minutes: int, told: Told) -> None:
    last = Viewing(minute=at(-1), told=Told.YES, history_id=1, times={TRAKT: at(-1), JELLYFIN: at(-120)})
    verdict = judge(Sighting(JELLYFIN, at(minutes)), [last], 120, first=state == "first", inexact=state == "inexact")
    assert verdict == Verdict(told=told)


def test_line_28_on_first_with_nothing_on_trakt_everything_is_told() -> None:
    assert judge(Sighting(JELLYFIN, at(0)), [], 120, first=True) == Verdict(told=Told.NO)


def test_line_29_a_mark_makes_a_row_only_where_nothing_is() -> None:
    assert judge(Sighting(JELLYFIN, at(0), mark=True), [], 120) == Verdict(told=Told.NO)
    mark = Sighting(JELLYFIN, at(0), mark=True)
    for told in (Told.NO, Told.SENT, Told.YES):
        assert judge(mark, [Viewing(told=told), Viewing(told=Told.GONE)], 120) == Verdict()
    assert judge(mark, [Viewing(told=Told.GONE), Viewing(told=Told.NEVER)], 120) == Verdict(told=Told.NO)


def test_walk_3_the_echo_of_a_live_play_is_one_viewing() -> None:
    heard = Viewing(id=1, began=at(0), ended=at(120), minute=at(120), history_id=7, told=Told.YES)
    assert judge(Sighting(TRAKT, at(120), history_id=7), [heard], 120).pairs_with == heard
    assert judge(Sighting(JELLYFIN, at(0)), [heard], 120).pairs_with == heard


def test_walk_5_start_against_stop_of_a_long_film_is_one_viewing() -> None:
    play = Viewing(minute=at(120), told=Told.YES, times={TRAKT: at(120)})
    assert judge(Sighting(JELLYFIN, at(0)), [play], 120).pairs_with == play


def test_walk_5_two_viewings_back_to_back_stay_two() -> None:
    first = Viewing(id=1, began=at(0), ended=at(120), minute=at(120), told=Told.YES)
    second = Sighting(JELLYFIN, at(123), began=at(123), ended=at(243))
    assert judge(second, [first], 120) == Verdict(told=Told.NO)


def test_walk_6_catch_up_finds_what_was_heard() -> None:
    heard = Viewing(id=1, began=at(30), ended=at(120), told=Told.NO)
    assert judge(Sighting(JELLYFIN, at(30)), [heard], 90).pairs_with == heard


def test_walk_6_a_live_report_finds_what_a_catch_up_read_before() -> None:
    read = Viewing(id=1, told=Told.NO, times={JELLYFIN: at(30)})
    assert judge(Sighting(JELLYFIN, at(30), began=at(30), ended=at(120)), [read], 90).pairs_with == read


def test_walk_12_two_people_in_one_session_are_one_viewing() -> None:
    anna = Viewing(id=1, began=at(0), ended=at(120), told=Told.NO)
    assert judge(Sighting(JELLYFIN_2, at(1), began=at(1), ended=at(119)), [anna], 120).pairs_with == anna


def test_a_side_knows_its_source() -> None:
    assert [source_of(side) for side in (JELLYFIN, PLEX, TRAKT)] == [Source.JELLYFIN, Source.PLEX, Source.TRAKT]
    with pytest.raises(ValueError, match="emby"):
        source_of("emby:x")


@given(
    begins=st.lists(st.integers(0, 20_000), min_size=1, max_size=6, unique=True),
    runtime=st.integers(5, 240),
)
def test_viewings_that_do_not_overlap_are_never_joined_nor_doubled(begins: list[int], runtime: int) -> None:
    """Heard live one after the other, then read from Jellyfin and from Trakt: every report finds its own viewing."""
    step = runtime + 12
    starts = [number * step + begin % 3 for number, begin in enumerate(sorted(begins))]
    rows = [
        Viewing(id=number, began=at(start), ended=at(start + runtime), minute=at(start + runtime), told=Told.YES)
        for number, start in enumerate(starts)
    ]
    for row, start in zip(rows, starts, strict=True):
        assert judge(Sighting(JELLYFIN, at(start + 1)), rows, runtime).pairs_with == row
        assert judge(Sighting(TRAKT, at(start + runtime + 1)), rows, runtime).pairs_with == row
