"""Every call under every fault: one of our errors, a write never twice, and everything works again afterwards."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from sidecar.contract import State
from sidecar.errors import (
    AuthLost,
    BadAnswer,
    NotLinked,
    Outage,
    RateLimited,
    Refused,
    RemoteError,
    SidetraktError,
    Unreachable,
)
from sidecar.settings import Trakt as TraktSettings
from sidecar.trakt.client import Trakt
from sidecar.trakt.limits import Stopped
from sidecar.trakt.pages import read_map
from sidecar.trakt.statuses import AccountLimit, AccountLocked, AppRefused, VipOnly, decode
from sidecar.trakt.wire import Row
from tests.trakt.conftest import World

HEAT = {"movies": [{"ids": {"trakt": 345}}]}
PLAY = {"movies": [{"ids": {"trakt": 345}, "watched_at": "2026-01-30T20:15:00.000Z"}]}
RATING = {"movies": [{"ids": {"trakt": 345}, "rating": 8}]}
PAGE: dict[str, str | int] = {"page": 1, "limit": 250}
MIN: dict[str, str | int] = {"extended": "min"}
Call = Callable[[Trakt, str], Any]


def rows(answer: Any) -> Any:
    """A page, read."""
    return decode(answer, list[Row])


CALLS: dict[str, Call] = {
    "last_activities": lambda trakt, who: trakt.last_activities(who),
    "prove": lambda trakt, who: trakt.prove(who),
    "settings": lambda trakt, who: trakt.settings(who),
    "history": lambda trakt, who: rows(trakt.history_page(who, "", PAGE)),
    "history of a type": lambda trakt, who: rows(trakt.history_page(who, "movies", PAGE)),
    "history of a title": lambda trakt, who: rows(trakt.history_of(who, "movies", 345, PAGE)),
    "watched": lambda trakt, who: read_map(lambda page: trakt.watched(who, "movies", page), MIN, 10_000),
    "ratings": lambda trakt, who: rows(trakt.ratings_page(who, "movies", PAGE)),
    "watchlist": lambda trakt, who: rows(trakt.watchlist_page(who, PAGE)),
    "collection": lambda trakt, who: rows(trakt.collection_page(who, "movies", PAGE | {"extended": "metadata"})),
    "look up": lambda trakt, _: trakt.look_up("tmdb", "949", "movie"),
    "seasons": lambda trakt, _: trakt.seasons(118),
    "add plays": lambda trakt, who: trakt.write(who, "history", PLAY),
    "remove plays": lambda trakt, who: trakt.write(who, "history", {"ids": [12345]}, remove=True),
    "add ratings": lambda trakt, who: trakt.write(who, "ratings", RATING),
    "remove ratings": lambda trakt, who: trakt.write(who, "ratings", HEAT, remove=True),
    "add to the watchlist": lambda trakt, who: trakt.write(who, "watchlist", HEAT, urgent=True),
    "remove from the watchlist": lambda trakt, who: trakt.write(who, "watchlist", HEAT, remove=True),
    "collect": lambda trakt, who: trakt.write(who, "collection", HEAT),
    "uncollect": lambda trakt, who: trakt.write(who, "collection", HEAT, remove=True),
    "scrobble": lambda trakt, who: trakt.scrobble(who, "start", {"progress": 12.5, "movie": {"ids": {"trakt": 345}}}),
}
WRITES = ("add", "remove", "collect", "uncollect", "scrobble")
SHAPES = ("full", "no_x_ratelimit", "no_retry_after", "edge", "edge_bare")
BODIES = ["", "null", "[]", "{}", "0", '"\\ud800"', "[" * 5000, '{"a":' * 5000, "[null]", "[[]]", '{"x": 1}', "[{}]"]
STATUSES = (301, 304, 400, 401, 403, 404, 405, 409, 412, 418, 420, 422, 423, 426, 429, 451, 500, 502, 503, 504)
FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"{code} {body}": ("status", {"status": code, "body": body}) for code in STATUSES for body in ("json", "html")},
    **{f"{code} empty": ("status", {"status": code, "body": "empty"}) for code in (401, 403, 404, 409, 429, 503)},
    **{f"{code} after": ("status", {"status": code, "when": "after"}) for code in (500, 502, 503, 504, 520, 521, 522)},
    **{f"answers {body[:8]}": ("empty", {"body": body}) for body in BODIES},
    **{f"429 {shape}": ("rate_limited", {"shape": shape}) for shape in SHAPES},
    **{f"truncated {length}": ("truncated", {"length": length}) for length in ("full", "cut")},
    **{name: (name, {}) for name in ("lost", "reset", "html", "wrong_types")},
}
FOREIGN = (
    "Traceback",
    "msgspec",
    "requests.",
    "urllib3",
    "Expected `",
    "HTTPConnection",
    "malformed",
    "Errno",
    "0x",
    "<",
)


def is_write(name: str) -> bool:
    """Whether a call writes."""
    return name != "collection" and name.startswith(WRITES)


def outcome(world: World, name: str, account: str) -> SidetraktError | None:
    """The error of a call; anything but ours fails the test."""
    try:
        CALLS[name](world.service.client, account)
    except SidetraktError as problem:
        return problem
    return None


@pytest.mark.parametrize("fault", FAULTS)
def test_every_call_survives_every_fault(world: World, fault: str) -> None:
    kind, args = FAULTS[fault]
    account = world.link()
    for name in CALLS:
        world.forget_log()
        before = world.state()
        world.fault(kind, times=None, path="^/(sync|users|search|shows|scrobble)", **args)
        problem = outcome(world, name, account)
        world.calm()
        about = f"{name}: {problem!r}"
        sent = [row["status"] for row in world.log()]
        if problem is not None:
            text = str(problem)
            assert problem.what, about
            assert problem.next_step, about
            assert not [word for word in FOREIGN if word in text], about
            assert isinstance(problem, RemoteError | Stopped), about
        if is_write(name):
            assert len([status for status in sent if status not in (401, 429)]) <= 1, f"{about} sent {sent}"
            after = world.state()
            changed = any(before[feature] != after[feature] for feature in before if feature != "tokens")
            if problem is not None and changed:
                assert isinstance(problem, RemoteError), about
                assert problem.maybe_done, f"{about}: it was done, and nobody knows"
        else:
            assert len(sent) <= 4 or "401" in fault, f"{about} sent {sent}"
            assert not getattr(problem, "maybe_done", False), about
        world.later(minutes=20)
        if isinstance(problem, AccountLocked):
            world.link()
        world.service.check_links()
        assert outcome(world, name, account) is None, f"{name} does not work again after {problem!r}"
        assert world.alerts() == [], about


def test_a_page_that_says_200_is_no_answer(world: World) -> None:
    account = world.link()
    for name in CALLS:
        world.fault("html")
        problem = outcome(world, name, account)
        assert isinstance(problem, BadAnswer), name
        assert problem.maybe_done is is_write(name)


MEANINGS = [
    (400, {}, Refused, "could not read"),
    (403, {}, AppRefused, "client_id"),
    (404, {}, Refused, "does not know"),
    (405, {}, Refused, "kind of request"),
    (412, {}, Refused, "form"),
    (420, {"X-Account-Limit": "250", "X-VIP-User": "false"}, AccountLimit, "its limit is 250"),
    (420, {"X-VIP-User": "true", "X-Account-Limit": "<b>"}, AccountLimit, "is full."),
    (420, {}, AccountLimit, "https://app.trakt.tv/vip"),
    (420, {"X-Upgrade-URL": "https://trakt.tv/vip?x=1"}, AccountLimit, "https://trakt.tv/vip?x=1"),
    (420, {"X-Upgrade-URL": "https://evil.example/"}, AccountLimit, "https://app.trakt.tv/vip"),
    (422, {}, Refused, "a value"),
    (423, {"X-Account-Locked": "true"}, AccountLocked, "is locked"),
    (423, {"X-Account-Deactivated": "true"}, AccountLocked, "is deactivated"),
    (426, {}, VipOnly, "https://app.trakt.tv/vip"),
    (426, {"X-Upgrade-URL": "javascript:alert(1)"}, VipOnly, "https://app.trakt.tv/vip"),
    (451, {}, Refused, "451"),
    (500, {}, Outage, "500"),
    (522, {}, Outage, "522"),
]


@pytest.mark.parametrize(("status", "headers", "kind", "says"), MEANINGS)
@pytest.mark.parametrize("name", ["watchlist", "add to the watchlist"])
def test_each_status_has_one_meaning_and_a_next_step(
    world: World, name: str, status: int, headers: dict[str, str], kind: type[RemoteError], says: str
) -> None:
    account = world.link()
    world.fault("status", times=None, status=status, headers=headers)
    problem = outcome(world, name, account)
    assert type(problem) is kind
    assert says in str(problem)
    assert problem.next_step
    assert problem.status == status
    assert problem.maybe_done is (status >= 500 and is_write(name))


def test_a_409_on_plays_may_have_been_done_and_one_on_a_scrobble_was(world: World) -> None:
    account = world.link()
    world.fault("status", status=409)
    problem = outcome(world, "add plays", account)
    assert isinstance(problem, Refused)
    assert problem.maybe_done
    for body in ("json", "empty", "text"):
        world.fault("status", status=409, body=body, headers={"Content-Type": "application/json"})
        told = CALLS["scrobble"](world.service.client, account)
        assert (told.action, told.id) == (None, None)


def test_a_201_without_a_word_about_what_became_of_it_is_no_scrobble(world: World) -> None:
    account = world.link()
    world.fault("empty", body="{}")
    problem = outcome(world, "scrobble", account)
    assert isinstance(problem, BadAnswer)
    assert problem.maybe_done


@pytest.mark.parametrize("name", [name for name in CALLS if not is_write(name) and name != "prove"])
def test_a_read_is_sent_three_times_with_growing_gaps(world: World, name: str) -> None:
    account = world.link()
    world.fault("status", status=503, times=None)
    world.forget_log()
    problem = outcome(world, name, account)
    assert isinstance(problem, Outage)
    times = [row["at"] for row in world.log()]
    assert len(times) == 3
    gaps = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(times)]
    assert 1 <= gaps[0] <= 1.26
    assert 2 <= gaps[1] <= 2.51


def test_gaps_differ_from_each_other(world: World) -> None:
    account, gaps = world.link(), set()
    for _ in range(4):
        world.forget_log()
        world.fault("status", status=503, times=2)
        world.service.client.last_activities(account)
        first, second, _ = (row["at"] for row in world.log())
        gaps.add(second - first)
    assert len(gaps) > 1


@pytest.mark.parametrize("fault", ["reset", "lost"])
def test_a_read_whose_answer_never_came_is_asked_again(world: World, fault: str) -> None:
    account = world.link()
    world.fault(fault, times=2)
    world.forget_log()
    assert outcome(world, "watchlist", account) is None


def test_an_outage_that_names_its_end_is_waited_for_by_bulk_reads_only(world: World) -> None:
    account = world.link()
    world.forget_log()
    world.fault("status", status=503, retry_after=120, times=1)
    assert outcome(world, "watchlist", account) is None
    first, second = (row["at"] for row in world.log())
    assert second - first >= timedelta(seconds=120)
    world.fault("status", status=503, retry_after=120, times=1)
    with pytest.raises(Outage) as caught:
        world.service.client.history_page(account, "", PAGE, urgent=True)
    assert caught.value.retry_at == world.clock.now() + timedelta(seconds=120)


@pytest.mark.parametrize("sends", [1, 2, 3])
def test_how_often_a_read_is_sent_is_a_setting(world: World, sends: int) -> None:
    account = world.link()
    world.restart(max_retries=sends)
    world.fault("status", status=503, times=None)
    world.forget_log()
    assert isinstance(outcome(world, "ratings", account), Outage)
    assert len(world.log()) == sends


def test_the_pause_between_two_sendings_can_be_seen_and_interrupted(world: World) -> None:
    account = world.link()
    world.fault("status", status=503, times=None)
    shown: list[Any] = []

    def look() -> None:
        shown.extend(world.service.limits.waiting())
        world.stop = bool(world.log("GET", "/sync/watchlist"))

    world.on_rest = look
    world.forget_log()
    assert isinstance(outcome(world, "watchlist", account), Stopped)
    assert len(world.log()) == 1
    assert [(wait.account, wait.bucket) for wait in shown][-1] == (account, "read")


@pytest.mark.parametrize(
    ("fault", "args"),
    [
        ("status", {"status": 500}),
        ("status", {"status": 502, "when": "after"}),
        ("status", {"status": 404}),
        ("lost", {}),
        ("reset", {}),
        ("html", {}),
        ("truncated", {}),
        ("wrong_types", {}),
        ("empty", {}),
    ],
)
def test_a_write_is_sent_exactly_once(world: World, fault: str, args: dict[str, Any]) -> None:
    account = world.link()
    world.fault(fault, times=None, **args)
    for name in filter(is_write, CALLS):
        world.forget_log()
        assert outcome(world, name, account) is not None
        assert len(world.log("POST")) == 1, name


def test_a_write_that_was_refused_for_its_pace_is_sent_again_after_the_pause(world: World) -> None:
    account = world.link()
    world.forget_log()
    world.fault("rate_limited", shape="no_x_ratelimit", times=1, method="POST")
    assert outcome(world, "add plays", account) is None
    assert [row["status"] for row in world.log("POST")] == [429, 201]
    assert world.state()["history"] == 1


def test_a_live_write_that_was_refused_for_its_pace_is_given_back_with_the_moment(world: World) -> None:
    account = world.link()
    world.fault("status", status=429, retry_after=30)
    problem = outcome(world, "scrobble", account)
    assert isinstance(problem, RateLimited)
    assert not problem.maybe_done
    assert problem.retry_at is not None
    assert timedelta(seconds=30) <= problem.retry_at - world.clock.now() <= timedelta(seconds=38)


@pytest.mark.parametrize("name", ["watchlist", "add plays", "scrobble"])
def test_a_refused_token_is_renewed_once_and_the_call_repeated_once(world: World, name: str) -> None:
    account = world.link()
    world.forget_log()
    world.act("expire_tokens")
    assert outcome(world, name, account) is None
    assert [row["status"] for row in world.log()] == [401, 200, 201 if is_write(name) else 200]
    assert [row["path"] for row in world.log()][1] == "/oauth/token"


def test_a_token_that_was_just_given_and_is_refused_ends_all_calls_until_it_is_tried_again(world: World) -> None:
    account = world.link()
    world.forget_log()
    world.fault("status", status=401, path="^/sync", times=None)
    problem = outcome(world, "watchlist", account)
    assert isinstance(problem, AuthLost)
    assert len(world.log("GET")) == 2
    assert len(world.log("POST", "/oauth/token")) == 1
    world.calm()
    assert isinstance(outcome(world, "scrobble", account), NotLinked), "until then nothing is sent at all"
    assert len(world.log()) == 3
    assert len(world.alerts()) == 1
    world.service.check_links()
    assert outcome(world, "watchlist", account) is None
    assert world.alerts() == []


def test_a_revoked_link_ends_with_one_question_to_trakt_and_one_alert(world: World) -> None:
    account = world.link()
    world.forget_log()
    world.act("revoke_tokens")
    assert isinstance(outcome(world, "watchlist", account), AuthLost)
    assert world.asked() == ["GET /sync/watchlist/all", "POST /oauth/token"]
    for name in CALLS:
        if name not in ("look up", "seasons"):
            assert isinstance(outcome(world, name, account), NotLinked), name
    assert len(world.log()) == 2
    assert len(world.alerts()) == 1


def test_a_locked_account_is_called_no_more_and_others_are(world: World) -> None:
    anna, ben = world.link(), world.link("ben")
    world.act("lock")
    assert isinstance(outcome(world, "watchlist", anna), AccountLocked)
    world.forget_log()
    assert isinstance(outcome(world, "add plays", anna), NotLinked)
    assert world.log() == []
    assert outcome(world, "watchlist", ben) is None
    assert len(world.alerts()) == 1


def test_a_call_without_a_token_that_is_refused_ends_nobodys_link(world: World) -> None:
    account = world.link()
    for status, kind in ((401, AppRefused), (423, AccountLocked)):
        world.fault("status", status=status, path="^/search")
        assert type(outcome(world, "look up", account)) is kind
    assert outcome(world, "watchlist", account) is None
    assert world.alerts() == []


def test_calls_about_titles_carry_no_token_and_all_others_do(world: World) -> None:
    account = world.link()
    world.forget_log()
    for name in CALLS:
        assert outcome(world, name, account) is None
    users = {row["path"]: row["user"] for row in world.log()}
    assert {path for path, user in users.items() if user is None} == {"/search/tmdb/949", "/shows/118/seasons"}


def test_a_ban_at_the_edge_stops_reads_writes_and_renewals_of_everybody(world: World) -> None:
    anna, ben = world.link(), world.link("ben")
    world.fault("status", status=403, body="html", path="^/sync")
    assert isinstance(outcome(world, "watchlist", anna), RateLimited)
    world.act("expire_tokens")
    world.act("expire_tokens", "ben")
    world.forget_log()
    world.later(seconds=290)
    for account in (anna, ben):
        assert isinstance(outcome(world, "scrobble", account), RateLimited)
    with pytest.raises(RateLimited):
        world.service.client.look_up("tmdb", "949", "movie", urgent=True)
    assert world.log() == []
    world.later(seconds=10)
    assert outcome(world, "scrobble", anna) is outcome(world, "scrobble", ben) is None
    assert world.alerts() == []


def test_the_numbers_of_the_settings_are_what_was_promised() -> None:
    settings = TraktSettings()
    assert (settings.timeout, settings.bulk_timeout, settings.max_retries) == (15.0, 90.0, 3)
    assert (settings.get_per_second, settings.write_per_second) == (3.33, 1.0)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"timeout": 0}, TraktSettings)
    for seconds in (1, 120):
        assert msgspec.convert({"timeout": seconds}, TraktSettings).timeout == seconds


@pytest.mark.parametrize(("name", "sends"), [("watchlist", 3), ("add plays", 1)])
def test_an_answer_that_takes_too_long_is_none_once_for_every_sending(world: World, name: str, sends: int) -> None:
    account = world.link()
    world.restart(timeout=0.1, bulk_timeout=0.1)
    world.fault("slow", seconds=30.0, times=None)
    problem = outcome(world, name, account)
    assert isinstance(problem, Unreachable)
    assert "too long" in problem.what
    assert problem.maybe_done is is_write(name)
    world.calm()
    world.restart(timeout=5.0, bulk_timeout=5.0)
    assert outcome(world, name, account) is None


def test_timeouts_are_those_of_the_settings(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    account, given = world.link(), dict[str, float]()
    world.restart(timeout=15.0, bulk_timeout=90.0)
    session = world.service.client._sessions()
    real = session.request

    def note(method: str, url: str, **more: Any) -> Any:
        given[name] = more["timeout"]
        return real(method, url, **more)

    monkeypatch.setattr(session, "request", note)
    for name in CALLS:
        assert outcome(world, name, account) is None
    long = {name for name, seconds in given.items() if seconds == 90.0}
    assert long == {name for name in CALLS if is_write(name)} - {"scrobble", "add to the watchlist"} | {"watched"}
    assert set(given.values()) == {15.0, 90.0}


def test_with_nothing_but_trakt_it_starts_and_is_well(world: World) -> None:
    side = world.side()
    world.forget_log()
    assert side.health().state is State.OK
    assert len(world.log()) == 1
    assert side.is_configured()
    assert "requires" not in side.capabilities() or side.capabilities()["requires"] == []


def test_only_what_is_on_the_list_can_be_asked(world: World) -> None:
    account = world.link()
    world.forget_log()
    with pytest.raises(ValueError, match="nothing that Trakt may be asked"):
        world.service.client.write(account, "favorites", HEAT)
    assert world.log() == []
