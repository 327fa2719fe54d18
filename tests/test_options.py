"""What each person may choose."""

from __future__ import annotations

import pytest

from sidecar.errors import SettingsError, UserError
from sidecar.options import all_options, parse_choices

PROMISED = {
    "scrobble": "on",
    "history": "both",
    "ratings": "both",
    "watchlist": "both",
    "collection": "off",
    "remove.history.to-trakt": "off",
    "remove.history.from-trakt": "off",
    "remove.ratings.to-trakt": "off",
    "remove.ratings.from-trakt": "off",
    "remove.watchlist.to-trakt": "off",
    "remove.watchlist.from-trakt": "off",
    "remove.collection.to-trakt": "off",
    "remove.collection.from-trakt": "off",
    "rewatches": "on",
    "threshold": "80",
    "min_play": "0s",
    "prefer": "trakt",
    "ratings.steps": "nearest",
    "watchlist_place.jellyfin": "off",
    "libraries": "all",
    "ignore": "none",
    "every": "",
    "quiet": "",
    "mirror": "off",
}
SWITCHES = [key for key in PROMISED if key.startswith("remove.")] + ["scrobble", "rewatches", "mirror"]
FEATURES = ["history", "ratings", "watchlist", "collection"]


def test_every_promised_option_has_its_default_and_there_are_no_others() -> None:
    assert {key: option.default for key, option in all_options().items()} == PROMISED


def test_every_option_says_what_it_means() -> None:
    assert all(option.key == key and option.meaning for key, option in all_options().items())


@pytest.mark.parametrize("key", PROMISED)
def test_every_default_may_also_be_chosen(key: str) -> None:
    assert parse_choices([f"{key}={PROMISED[key]}"]) == {key: PROMISED[key]}


@pytest.mark.parametrize("key", SWITCHES)
def test_a_switch_is_stored_as_on_or_off(key: str) -> None:
    assert [parse_choices([f"{key}={text}"])[key] for text in ("yes", "OFF", "1")] == ["on", "off", "on"]


@pytest.mark.parametrize("key", FEATURES)
@pytest.mark.parametrize("direction", ["off", "both", "to-trakt", "from-trakt"])
def test_a_feature_takes_every_direction(key: str, direction: str) -> None:
    assert parse_choices([f"{key}={direction.upper()}"]) == {key: direction}


@pytest.mark.parametrize(
    ("word", "stored"),
    [
        ("threshold=100", "100"),
        ("threshold= 085 ", "85"),
        ("min_play=120s", "2m"),
        ("prefer=Server", "server"),
        ("ratings.steps=strict", "strict"),
        ("watchlist_place.jellyfin=favourites", "favourites"),
        ("libraries=Films , Shows,", "Films, Shows"),
        ("libraries=", "all"),
        ("libraries=ALL", "all"),
        ("ignore=client:Kodi,path:/tmp=x", "client:Kodi, path:/tmp=x"),
        ("ignore=kind:movie, title:The Room", "kind:movie, title:The Room"),
        ("ignore=", "none"),
        ("every=90m", "90m"),
        ("every=", ""),
        ("quiet=23:00-7:00", "23:00-07:00"),
        ("quiet=", ""),
    ],
)
def test_a_choice_is_stored_in_one_form(word: str, stored: str) -> None:
    assert list(parse_choices([word]).values()) == [stored]


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("scrobble=maybe", "scrobble: expected on or off, not 'maybe'"),
        ("history=up", "history: expected off, both, to-trakt or from-trakt, not 'up'"),
        ("remove.history.to-trakt=", "remove.history.to-trakt: expected on or off, not ''"),
        ("threshold=79", "threshold: expected a whole number from 80 to 100, not '79'"),
        ("threshold=101", "threshold: expected a whole number from 80 to 100, not '101'"),
        ("threshold=80%", "threshold: expected a whole number from 80 to 100, not '80%'"),
        ("threshold=8²", "threshold: expected a whole number from 80 to 100, not '8²'"),
        ("min_play=5", "min_play: expected a duration such as 90s, 15m, 1h or 1d, not '5'"),
        ("prefer=newest", "prefer: expected trakt or server, not 'newest'"),
        ("ratings.steps=nearst", "ratings.steps: expected nearest or strict, not 'nearst', did you mean “nearest”?"),
        ("watchlist_place.jellyfin=on", "watchlist_place.jellyfin: expected off or favourites, not 'on'"),
        ("ignore=Kodi", "ignore: 'Kodi' does not begin with client:, path:, kind: or title:"),
        ("ignore=client:", "ignore: 'client:' does not begin with client:, path:, kind: or title:"),
        ("every=10s", "every: must be at least 1m"),
        ("every=soon", "every: expected a duration such as 90s, 15m, 1h or 1d, not 'soon'"),
        ("quiet=23:00", "quiet: expected a span such as 23:00-07:00, not '23:00'"),
        ("quiet=24:00-07:00", "quiet: expected a span such as 23:00-07:00, not '24:00-07:00'"),
        ("quiet=1²:00-07:00", "quiet: expected a span such as 23:00-07:00, not '1²:00-07:00'"),
        ("quiet=-", "quiet: expected a span such as 23:00-07:00, not '-'"),
        ("mirror", "'mirror' is not KEY=VALUE"),
        ("scroble=on", "unknown option scroble, did you mean “scrobble”?"),
        ("remove.history=on", "unknown option remove.history, did you mean “remove.history.to-trakt”?"),
        ("zebra=on", "unknown option zebra"),
    ],
)  # fmt: skip
def test_a_wrong_choice_is_explained(word: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_choices([word])
    assert caught.value.problems == [problem]
    assert "sidetrakt set" in caught.value.next_step


def test_all_problems_come_at_once_and_nothing_is_chosen_then() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_choices(["history=off", "threshold=7", "nonsense", "prefer=x"])
    assert [problem.split()[0] for problem in caught.value.problems] == ["threshold:", "'nonsense'", "prefer:"]


def test_several_choices_are_read_together() -> None:
    assert parse_choices(iter(["history=off", "every=2h"])) == {"history": "off", "every": "2h"}


def test_no_choice_at_all_is_explained() -> None:
    with pytest.raises(UserError, match="nothing to set"):
        parse_choices([])
