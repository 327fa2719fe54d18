"""How the side of a Trakt account is, and what it does with episodes that have no ids of their own."""

from datetime import timedelta
from typing import Any

import pytest

from sidecar.contract import Fact, Outcome, Rating, State
from sidecar.model import Feature, Ids, Kind, Ref
from tests.fakes import START
from tests.trakt.conftest import DARK, HEAT, World, play

BY_NUMBER = Ref(Kind.EPISODE, Ids(), Ids(tvdb=334824), 2, 1, "Dark")
AT = START - timedelta(days=2)


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (None, State.OK),
        ({"name": "status", "status": 401}, State.AUTH),
        ({"name": "status", "status": 423}, State.AUTH),
        ({"name": "rate_limited"}, State.RATE_LIMITED),
        ({"name": "rate_limited", "shape": "no_x_ratelimit"}, State.RATE_LIMITED),
        ({"name": "rate_limited", "shape": "no_retry_after"}, State.RATE_LIMITED),
        ({"name": "rate_limited", "shape": "edge"}, State.RATE_LIMITED),
        ({"name": "status", "status": 403, "body": "html"}, State.RATE_LIMITED),
        ({"name": "status", "status": 403}, State.APP_REFUSED),
        ({"name": "status", "status": 500}, State.OUTAGE),
        ({"name": "status", "status": 503, "body": "html"}, State.OUTAGE),
        ({"name": "status", "status": 521, "body": "empty"}, State.OUTAGE),
        ({"name": "html"}, State.OUTAGE),
        ({"name": "truncated", "length": "cut"}, State.OUTAGE),
        ({"name": "reset"}, State.UNREACHABLE),
        ({"name": "lost"}, State.UNREACHABLE),
        ({"name": "truncated"}, State.UNREACHABLE),
    ],
    ids=str,
)
def test_health_costs_one_request_and_tells_what_is_wrong(
    world: World, fault: dict[str, Any] | None, state: State
) -> None:
    side = world.side()
    if fault:
        world.fault(**fault, times=None)
    health = side.health()
    assert health.state is state
    assert len(world.asked()) == 1
    assert (health.until is not None) == (state is State.RATE_LIMITED)
    assert (health.what == "") == (state is State.OK)
    if state is State.RATE_LIMITED:
        assert health.until is not None
        assert health.until > world.clock.now()
        assert side.health().state is State.RATE_LIMITED
        assert len(world.asked()) == 1  # we know already
    assert state in (State.OK, State.RATE_LIMITED, State.UNREACHABLE) or health.next_step


def test_health_of_a_trakt_that_is_not_there_or_too_slow(world: World) -> None:
    world.restart(timeout=0.2)
    side = world.side()
    world.fault("slow", seconds=30.0)
    assert side.health().state is State.UNREACHABLE
    world.restart(api_url="http://127.0.0.1:9")
    assert world.side().health().state is State.UNREACHABLE


def test_where_a_token_is_due_its_renewal_is_the_one_request(world: World) -> None:
    world.side()
    world.later(days=6.5)
    assert world.side().health().state is State.OK
    assert world.asked() == ["POST /oauth/token"]
    assert world.side().health().state is State.OK
    assert world.asked() == ["POST /oauth/token", "GET /sync/last_activities"]


def test_a_dead_link_is_known_without_a_request_and_nothing_is_sent(world: World) -> None:
    side = world.side()
    world.act("revoke_tokens")
    receipts = side.add([play(HEAT, AT)], Feature.HISTORY)
    assert receipts[0].outcome is Outcome.REFUSED
    world.forget_log()
    assert side.is_configured() is False
    health = side.health()
    assert health.state is State.AUTH
    assert "sidetrakt link" in health.next_step
    assert side.add([play(HEAT, AT)], Feature.HISTORY)[0].outcome is Outcome.REFUSED
    assert world.asked() == []
    assert len(world.alerts()) == 1


def test_it_is_configured_only_with_app_and_token(world: World) -> None:
    uuid = world.link()
    world.forget_log()
    assert world.service.side(uuid).is_configured()
    world.service.links.unlink("Anna")
    world.forget_log()
    side = world.service.side(uuid)
    assert side.is_configured() is False
    assert side.health().state is State.NOT_SET_UP
    assert world.service.side("nobody").is_configured() is False
    other = world.link("ben")
    world.restart(client_id="")
    world.forget_log()
    assert world.service.side(other).is_configured() is False
    assert world.service.side(other).health().state is State.NOT_SET_UP
    assert world.asked() == []


def test_locked_secrets_are_no_token(world: World) -> None:
    uuid = world.link()
    world.forget_log()
    world.vault.locked = "The stored secrets were sealed with another key."
    assert world.service.side(uuid).is_configured() is False
    assert world.service.side(uuid).health().state is State.NOT_SET_UP
    assert world.asked() == []


def test_the_number_fallback_is_off_unless_somebody_chose_it(world: World) -> None:
    (receipt,) = world.side().add([play(BY_NUMBER, AT)], Feature.HISTORY)
    assert (receipt.outcome, receipt.why) == (Outcome.REFUSED, "no episode id; number fallback is off")
    assert world.asked() == []
    world.restart(history_number_fallback=True)
    (receipt,) = world.side().add([play(BY_NUMBER, AT)], Feature.HISTORY)
    assert receipt.outcome is Outcome.DONE
    episode = {"number": 1, "watched_at": "2026-01-29T20:15:00.000Z"}
    assert world.sent("/sync/history") == [
        {"shows": [{"ids": {"tvdb": 334824}, "seasons": [{"number": 2, "episodes": [episode]}]}]}
    ]
    assert world.state()["plays"][0]["episode"] == 118201


@pytest.mark.parametrize(
    ("title", "size", "goes"),
    [
        (None, None, True),
        ("Part 1", 2, True),
        ("part—1!", 5, True),
        ("Other", 2, True),
        ("Other", None, True),
        ("Other", 5, False),
    ],
)
def test_numbers_are_held_back_where_title_and_size_of_the_season_differ(
    world: World, title: str | None, size: int | None, goes: bool
) -> None:
    world.restart(history_number_fallback=True)
    fact = Fact(BY_NUMBER, play(BY_NUMBER, AT).value, title=title, season_size=size)
    (receipt,) = world.side().add([fact], Feature.HISTORY)
    assert receipt.outcome is (Outcome.DONE if goes else Outcome.REFUSED)
    assert len(world.sent("/sync/history")) == goes
    assert goes or ("Part 1" in receipt.why and "Other" in receipt.why)
    assert world.side().add([fact], Feature.HISTORY)[0].outcome is receipt.outcome
    assert len(world.log("GET", "/shows")) == 1  # the season is remembered


@pytest.mark.parametrize("ref", [Ref(Kind.EPISODE, Ids(), DARK, 9, 1), Ref(Kind.EPISODE, Ids(), Ids(tvdb=1), 1, 1)])
def test_numbers_that_trakt_does_not_have_are_refused_with_the_reason(world: World, ref: Ref) -> None:
    world.restart(history_number_fallback=True)
    (receipt,) = world.side().add([play(ref, AT)], Feature.HISTORY)
    assert receipt.outcome is Outcome.REFUSED
    assert receipt.why.startswith("Trakt")
    assert world.asked("POST") == []


def test_a_look_up_that_fails_costs_only_its_own_fact(world: World) -> None:
    world.restart(history_number_fallback=True)
    side = world.side()
    world.fault("status", status=500, path="^/(search|shows)", times=None)
    receipts = side.add([play(BY_NUMBER, AT), play(HEAT, AT)], Feature.HISTORY)
    assert [receipt.outcome for receipt in receipts] == [Outcome.REFUSED, Outcome.DONE]


def test_the_label_names_the_account(world: World) -> None:
    side = world.side("ben")
    assert (side.name(), side.label()) == ("trakt", "Trakt (ben)")
    assert side.add([Fact(HEAT, Rating(8))], Feature.RATINGS)[0].outcome is Outcome.DONE
    assert world.state("ben")["ratings"] == 1
    assert world.state("anna")["ratings"] == 0


@pytest.mark.parametrize(("feature", "act"), [(Feature.HISTORY, "watch"), (Feature.RATINGS, "rate")])
def test_what_is_held_of_a_title_is_found_by_any_id_that_trakt_knows(world: World, feature: Feature, act: str) -> None:
    side = world.side()
    world.act(act, movies=[{"ids": {"trakt": 345}, "rating": 7}, {"ids": {"trakt": 12}, "rating": 3}])
    bare = Ref(Kind.MOVIE, Ids(imdb="tt0113277"), name="Heat")
    unknown = Ref(Kind.MOVIE, Ids(tmdb=7_777_777), name="Nobody knows")
    index = side.build_index(feature, only=[bare, HEAT])
    assert ([fact.ref for fact in index.facts], index.complete) == ([bare, HEAT], True)
    index = world.side().build_index(feature, only=[bare, unknown])
    assert [fact.ref for fact in index.facts] == [bare]
    assert not index.complete
    assert "Nobody knows" in index.why
