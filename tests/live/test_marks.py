"""Ratings and what is marked by hand: what goes out at once, what only asks for a run, what is no news."""

from typing import Any

import pytest

from sidecar.events import What
from sidecar.live.intake import Outcome
from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.store.baseline import Baseline, Seen, SideState
from sidecar.store.outbox import State
from sidecar.store.titles import Titles
from sidecar.store.wishes import Wish, Wishes
from sidecar.viewing import Source
from tests.live.conftest import JELLYFIN, PLEX, Live
from tests.trakt.conftest import DARK, HEAT, part


def stars(live: Live) -> list[int]:
    """The ratings that were sent, in order."""
    return [entry["rating"] for body in live.world.sent("/sync/ratings") for rows in body.values() for entry in rows]


def wishes(live: Live) -> list[Wish]:
    with live.world.store.read() as db:
        return Wishes(db).runs()


def see(live: Live, value: Any, expected: Any = None, user: str = "anna") -> None:
    """Anna's side on Jellyfin as a run left it."""
    with live.world.store.write() as db:
        baseline, title = Baseline(db), Titles(db).find(HEAT)
        assert isinstance(title, int)
        side = baseline.side(f"jellyfin:{JELLYFIN}:{user}")
        baseline.put_seen(side, Feature.RATINGS, {title: Seen(value, expected=expected)})
        baseline.set_state(side, Feature.RATINGS, SideState(live.now, read_at=live.now))
    live.world.later(minutes=1)


def test_the_newest_rating_is_told(live: Live) -> None:
    for value in (6, 7, 8):
        live.rate(value)
    at = live.now
    live.send()
    assert live.world.sent("/sync/ratings") == [
        {"movies": [{"ids": {"trakt": 345}, "rating": 8, "rated_at": at.strftime("%Y-%m-%dT%H:%M:00.000Z")}]}
    ]
    assert [row.state for row in live.ended()] == [State.REPLACED, State.REPLACED, State.DONE]
    live.rate(9)
    live.send()
    assert stars(live) == [8, 9]


@pytest.mark.parametrize("ref", [part(1), Ref(Kind.SHOW, DARK), Ref(Kind.SEASON, Ids(), DARK, 1)], ids=str)
def test_episodes_seasons_and_shows_are_rated_too(live: Live, ref: Ref) -> None:
    live.rate(7, ref)
    live.send()
    assert live.world.state()["ratings"] == 1
    assert live.rows() == []


@pytest.mark.parametrize(("value", "told"), [(7.4, 7), (7.5, 8), (0.5, 1), (0.2, 1), (10.0, 10), (9.6, 10), (1, 1)])
def test_half_steps_are_told_as_the_nearest_half_up(live: Live, value: float, told: int) -> None:
    live.rate(value)
    live.send()
    assert stars(live) == [told]


def test_strict_lists_half_steps_and_tells_whole_ones(live: Live) -> None:
    live.choose("Anna", ratings__steps="strict")
    live.rate(7.5)
    live.send()
    assert stars(live) == []
    assert [wish.why for wish in wishes(live)] == ["a half step"]
    live.rate(8)
    live.send()
    assert stars(live) == [8]


@pytest.mark.parametrize("direction", ["off", "from-trakt"])
def test_where_ratings_do_not_go_to_trakt_nothing_is_told(live: Live, direction: str) -> None:
    live.choose("Anna", ratings=direction)
    assert live.rate(8).outcome is Outcome.UNWANTED
    assert live.rows() == []


def test_ratings_go_out_although_scrobbling_is_off(live: Live) -> None:
    live.choose("Anna", scrobble="off")
    live.rate(8)
    live.send()
    assert stars(live) == [8]


@pytest.mark.parametrize("value", [None, 0])
def test_an_unrating_takes_back_what_is_unsent_and_asks_for_a_run(live: Live, value: float | None) -> None:
    live.rate(8)
    live.rate(value)
    live.send()
    assert stars(live) == []
    (wish,) = wishes(live)
    assert (wish.feature, wish.side, wish.why) == (Feature.RATINGS, f"jellyfin:{JELLYFIN}:anna", "not rated any more")
    live.rate(8)
    live.send()
    assert stars(live) == [8], "the same again after it was taken away is news"


@pytest.mark.parametrize("expected", [8, 8.0, {"value": 8.0}])
def test_what_we_wrote_ourselves_is_no_news(live: Live, expected: Any) -> None:
    see(live, 6, expected)
    assert live.rate(8.0).outcome is Outcome.UNWANTED
    live.rate(7)
    live.send()
    assert stars(live) == [7]


def test_the_value_that_is_known_is_no_news_until_something_else_was_said(live: Live) -> None:
    see(live, 8)
    assert live.rate(8).outcome is Outcome.UNWANTED
    for value in (9, 9, 8):
        live.rate(value)
        live.send()
    assert stars(live) == [9, 8]


def test_what_a_run_read_since_is_what_counts(live: Live) -> None:
    live.rate(9)
    live.send()
    live.world.later(minutes=1)
    see(live, 7)  # it was changed and read meanwhile
    live.rate(9)
    live.send()
    assert stars(live) == [9, 9]


def test_somebody_elses_value_says_nothing(live: Live) -> None:
    see(live, 6, 8, user="ben")
    live.rate(8)
    live.send()
    assert stars(live) == [8]


def test_the_same_from_another_server_does_no_harm(live: Live) -> None:
    live.rate(8)
    live.send()
    live.rate(8, service=Source.PLEX, server=PLEX)
    live.send()
    assert live.world.state()["ratings"] == 1


def test_a_rating_that_would_make_a_play_is_held_back(live: Live) -> None:
    live.world.act("setting", watch_after_rating="now")
    live.world.service.check_links()
    live.rate(8)
    live.send()
    assert stars(live) == []
    (alert,) = live.world.alerts()
    assert "Heat was not told to Trakt" in alert.what
    live.watch()
    live.catch_up()
    assert stars(live) == [8]
    assert len(live.plays()) == 1
    assert live.world.alerts() == []


def test_a_show_is_rated_whatever_trakt_does_with_films(live: Live) -> None:
    live.world.act("setting", watch_after_rating="now")
    live.world.service.check_links()
    live.rate(8, Ref(Kind.SHOW, DARK))
    live.send()
    assert live.world.state()["ratings"] == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"name": "lost"},
        {"name": "status", "status": 503},
        {"name": "status", "status": 429},
        {"name": "status", "status": 502, "when": "after"},
    ],
    ids=str,
)
def test_a_rating_survives_every_answer(live: Live, fault: dict[str, Any]) -> None:
    live.world.fault(**fault, path="/sync/ratings")
    live.rate(8)
    live.catch_up()
    assert live.world.state()["ratings"] == 1
    assert live.rows() == []


def test_after_ten_minutes_of_outage_and_a_restart_it_is_told_once(live: Live) -> None:
    live.world.fault("status", status=503, times=None)
    live.rate(8)
    for _ in range(10):
        live.send()
        live.world.later(minutes=1)
    assert len(live.rows()) == 1
    live.world.calm()
    live.start()
    live.world.simulator.bodies.clear()
    live.catch_up()
    assert stars(live) == [8]
    assert live.rows() == []


def test_an_older_rating_that_comes_later_is_no_news(live: Live) -> None:
    before = live.now
    live.world.later(minutes=1)
    live.rate(9)
    assert live.rate(5, at=before).outcome is Outcome.UNWANTED
    live.send()
    assert stars(live) == [9]


def test_a_rating_of_an_unknown_title_is_given_up_with_an_alert(live: Live) -> None:
    live.rate(8, Ref(Kind.EPISODE, Ids(), DARK, 9, 9, name="Dark"), title="")
    live.send()
    assert [alert.what for alert in live.world.alerts()] == [
        "Anna: Dark S09E09 was not told to Trakt. Trakt does not know this title."
    ]
    assert live.rows() == []


def test_playing_and_rating_do_not_wait_for_each_other(live: Live) -> None:
    live.hear(What.START)
    live.rate(8)
    live.send()
    assert [path for _, path, _ in live.world.simulator.bodies] == ["/scrobble/start", "/sync/ratings"]
