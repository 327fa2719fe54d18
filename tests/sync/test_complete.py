"""No numbered line and no walk of the specification of history is without a test: here, or where it belongs."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ELSEWHERE = {
    "line": {
        3: "tests/test_viewing.py::test_line_3_units",
        9: "tests/store/test_ledger.py::test_a_viewing_only_goes_the_steps_that_are_allowed",
        10: "tests/sync/test_several.py::test_a_sample_that_was_heard_is_no_play_whatever_date_the_server_shows",
        22: "tests/sync/test_history.py::test_line_21_an_unwatch_is_asked_again_by_title",  # its second half
        23: "tests/store/test_ledger.py::test_a_viewing_is_told_once_whoever_reports_it",
        24: "tests/test_viewing.py::test_line_24_the_nearest_is_taken",
        25: "tests/test_viewing.py::test_line_25_our_own_minute_pairs_within_two",
        26: "tests/test_viewing.py::test_line_26_a_server_date_and_a_trakt_minute_pair_asymmetrically",
        27: "tests/test_viewing.py::test_line_27_what_trakt_has_or_had_pairs_by_its_minute",
        28: "tests/test_viewing.py::test_line_28_what_pairs_with_nothing_is_told",
        29: "tests/test_viewing.py::test_line_29_a_mark_makes_a_row_only_where_nothing_is",
        30: "tests/store/test_ledger.py::test_a_mark_without_a_date_is_told_as_unknown",
        31: "tests/test_sync_history.py::test_a_server_whose_clock_is_wrong_makes_no_play_of_its_own",
        14: "tests/sync/test_history.py",  # a heading
        40: "tests/trakt/test_never_twice.py",
        45: "tests/servers/plex/test_writes.py::test_a_hundred_marks_are_read_back_with_one_request",
        46: "tests/live/test_intake.py::test_a_toggle_asks_for_a_run_and_explains_its_date",
        47: "tests/store/test_ledger.py::test_settled_rows_shrink_away_and_gone_ones_stay",
    },
    "walk": {
        4: "tests/trakt/test_never_twice.py",
        13: "owed",  # cleaning a collection comes with the collection
        11: "none",  # there is no walk of this number
    },
}


@pytest.mark.parametrize(("what", "last"), [("line", 47), ("walk", 20)])
def test_every_line_and_walk_has_a_test(what: str, last: int) -> None:
    text = "".join(path.read_text() for path in HERE.glob("test_*.py"))
    found = {int(number) for number in re.findall(rf"def test_{what}_(\d+)", text)}
    named = ELSEWHERE[what]
    missing = set(range(1, last + 1)) - found - named.keys()
    assert not missing
    for place in named.values():
        file, _, name = place.partition("::")
        if file not in ("owed", "none"):
            assert (ROOT / file).is_file(), place
            assert not name or f"def {name}(" in (ROOT / file).read_text(), place
