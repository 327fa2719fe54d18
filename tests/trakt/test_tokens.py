"""Pairs are renewed in time, by one refresher, stored before they are used; and only Trakt's own no ends a link."""

import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from sidecar.contract import State as Health
from sidecar.errors import AuthLost, DiskFull, NotLinked, Outage, RemoteError, SidetraktError, Unreachable
from sidecar.model import Secret
from sidecar.store.people import People, TraktAccount
from sidecar.trakt.links import Linked
from sidecar.trakt.statuses import AccountLocked, AppRefused
from sidecar.trakt.wire import Token, token_of
from tests.fakes import START
from tests.trakt.conftest import World

REFRESH = "POST /oauth/token"
WEEK = 604800


def linked_pair(world: World, user: str = "anna") -> Token:
    """The pair that the simulator knows from its start, as it was when the account was linked."""
    token = world.token(user)
    return msgspec.structs.replace(token, created_at=int(START.timestamp()))


def ask(world: World, uuid: str) -> None:
    """Any call for an account."""
    world.service.client.last_activities(uuid)


def account(world: World, uuid: str) -> TraktAccount:
    with world.store.read() as db:
        return People(db).trakt_account(uuid)


def kept(world: World, uuid: str) -> Token | None:
    with world.store.read() as db:
        return world.service.tokens._kept(db, uuid)


def expired(world: World, user: str = "anna") -> str:
    """A linked account whose pair ran out on both sides; the log begins here."""
    uuid = world.link(user)
    world.later(days=8)
    world.forget_log()
    return uuid


def together(calls: list[Callable[[], Any]]) -> list[Any]:
    """What calls of as many threads, begun at once, return or raise."""
    found: list[Any] = [None] * len(calls)
    gate = threading.Barrier(len(calls))

    def run(number: int) -> None:
        gate.wait()
        try:
            found[number] = calls[number]()
        except BaseException as problem:
            found[number] = problem

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.parametrize(
    ("life", "renewed_after"), [(WEEK, WEEK * 0.8), (86400, 86400 * 0.8), (7200, 3600), (600, 300)]
)
def test_a_pair_is_renewed_after_four_fifths_of_its_life_and_an_hour_before_its_end(
    world: World, life: int, renewed_after: float
) -> None:
    world.switch(token_life=life)
    uuid = world.link()
    world.service.tokens.renew(uuid, Secret(world.token().access_token))  # from here on Trakt says how long
    world.forget_log()
    world.later(seconds=renewed_after - 1)
    ask(world, uuid)
    assert world.asked() == ["GET /sync/last_activities"]
    world.later(seconds=2)
    ask(world, uuid)
    assert world.asked() == ["GET /sync/last_activities", REFRESH, "GET /sync/last_activities"]


def test_a_token_with_an_hour_left_is_renewed_before_it_is_used(world: World) -> None:
    uuid = world.link()
    world.later(seconds=WEEK - 3600)
    world.forget_log()
    ask(world, uuid)
    assert world.asked() == [REFRESH, "GET /sync/last_activities"]


def test_a_token_that_trakt_refuses_is_renewed_once_and_the_call_repeated(world: World) -> None:
    uuid = world.link()
    world.act("expire_tokens")
    world.forget_log()
    ask(world, uuid)
    assert world.asked() == ["GET /sync/last_activities", REFRESH, "GET /sync/last_activities"]
    ask(world, uuid)
    assert world.asked()[3:] == ["GET /sync/last_activities"]


def test_twenty_callers_with_an_expired_token_make_one_request_and_all_succeed(world: World) -> None:
    uuid = expired(world)
    world.fault("slow", seconds=0.2, path="/oauth/token")
    assert together([lambda: world.service.client.settings(uuid).uuid] * 20) == [uuid] * 20
    assert world.asked("POST") == [REFRESH]


def test_twenty_callers_that_are_refused_make_one_request(world: World) -> None:
    """Each of them holds a token that was good when it was taken."""
    uuid = world.link()
    world.act("expire_tokens")
    world.forget_log()
    world.fault("slow", seconds=0.1, path="/oauth/token")
    assert together([lambda: world.service.client.settings(uuid).uuid] * 20) == [uuid] * 20
    assert world.asked("POST") == [REFRESH]


def test_a_pair_that_cannot_be_stored_is_not_used_and_not_lost(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    uuid = expired(world)
    tokens, put = world.service.tokens, world.service.tokens.put
    full = [DiskFull("There is no room left.", "Make room.")]

    def sometimes(*given: Any) -> None:
        if full:
            raise full.pop()
        put(*given)

    monkeypatch.setattr(tokens, "put", sometimes)
    with pytest.raises(DiskFull):
        ask(world, uuid)
    assert world.asked() == [REFRESH]
    ask(world, uuid)
    assert world.asked() == [REFRESH, "GET /sync/last_activities"]
    assert world.alerts() == []


OUTAGES: list[tuple[str, dict[str, Any]]] = [
    ("status", {"status": 500}),
    ("status", {"status": 503, "retry_after": 20}),
    ("status", {"status": 520, "body": "html"}),
    ("status", {"status": 429, "retry_after": 20}),
    ("status", {"status": 429, "body": "html"}),
    ("status", {"status": 403, "body": "html"}),
    ("status", {"status": 401, "body": "html"}),
    ("html", {}),
    ("empty", {}),
    ("reset", {}),
]


@pytest.mark.parametrize(("name", "args"), OUTAGES)
def test_an_outage_at_the_renewal_ends_no_link(world: World, name: str, args: dict[str, Any]) -> None:
    uuid = world.link()
    world.later(seconds=WEEK - 3600)
    world.fault(name, **args, path="/oauth/token", times=None)
    ask(world, uuid)  # the old token is good for another hour
    world.later(hours=2)
    world.forget_log()
    with pytest.raises(RemoteError):
        ask(world, uuid)
    assert {row["path"] for row in world.log()} == {"/oauth/token"}
    assert kept(world, uuid) == linked_pair(world)
    assert (account(world, uuid).state, world.alerts()) == ("connected", [])
    world.calm()
    world.later(minutes=16)
    ask(world, uuid)
    assert len({body["refresh_token"] for body in world.sent("/oauth/token")}) == 1


def test_while_trakt_is_out_it_is_not_asked_at_every_call(world: World) -> None:
    uuid = expired(world)
    world.fault("status", status=503, path="/oauth/token", times=None)
    for _ in range(360):
        with pytest.raises(Outage):
            ask(world, uuid)
        world.later(seconds=10)
    assert len(world.log(path="/oauth/token")) <= 25  # in an hour
    world.calm()
    world.later(minutes=5)
    ask(world, uuid)


def test_a_short_trouble_costs_one_call_nothing(world: World) -> None:
    uuid = expired(world)
    world.fault("status", status=502, path="/oauth/token", times=1)
    ask(world, uuid)
    assert world.asked() == [REFRESH, REFRESH, "GET /sync/last_activities"]


@pytest.mark.parametrize("status", [400, 401])
def test_a_link_that_was_ended_on_trakt_stops_all_calls_and_tells_once(world: World, status: int) -> None:
    world.switch(invalid_grant_status=status)
    anna, ben = world.link("anna"), world.link("ben")
    world.act("revoke_tokens")
    world.forget_log()
    with pytest.raises(AuthLost, match="no longer accepts this link"):
        ask(world, anna)
    assert world.asked() == ["GET /sync/last_activities", REFRESH]
    for _ in range(5):
        with pytest.raises(NotLinked, match="no longer accepts"):
            ask(world, anna)
        world.service.check_links()
    assert [row["user"] for row in world.log()[2:]] == ["ben"] * 5
    assert (account(world, anna).state, account(world, anna).reason) == (
        "attention",
        "Trakt no longer accepts this link.",
    )
    (alert,) = world.alerts()
    assert (alert.what, alert.count) == ("Anna: Trakt no longer accepts this link.", 1)
    assert "`sidetrakt link Anna`" in alert.next_step
    ask(world, ben)


def test_the_daily_check_notices_a_dead_link(world: World) -> None:
    uuid = world.link()
    world.act("revoke_tokens")
    world.service.check_links()
    assert account(world, uuid).state == "attention"
    assert len(world.alerts()) == 1


def test_linking_again_heals_a_dead_link_without_a_restart(world: World) -> None:
    uuid = world.link()
    world.act("revoke_tokens")
    with pytest.raises(AuthLost):
        ask(world, uuid)
    code = world.service.auth.device_code()
    world.act("approve", user_code=code.user_code)
    *_, pair = world.service.auth.wait_for(code, world.rest)
    assert isinstance(pair, Token)
    assert world.service.links.link("anna", pair) == Linked("Anna", "anna", vip=True)
    ask(world, uuid)
    assert (account(world, uuid).state, world.alerts()) == ("connected", [])


def test_a_lost_answer_is_asked_again_and_then_final(world: World) -> None:
    uuid = expired(world)
    world.fault("lost", path="/oauth/token")
    with pytest.raises(AuthLost):
        ask(world, uuid)
    assert [row["status"] for row in world.log(path="/oauth/token")] == [200, 400]
    assert kept(world, uuid) == linked_pair(world)
    assert len(world.alerts()) == 1


def test_a_second_refusal_right_after_a_renewal_ends_the_link(world: World) -> None:
    uuid = world.link()
    world.forget_log()
    world.fault("status", status=401, path="/sync/", times=None)
    with pytest.raises(AuthLost):
        ask(world, uuid)
    assert world.asked() == ["GET /sync/last_activities", REFRESH, "GET /sync/last_activities"]
    assert (account(world, uuid).state, len(world.alerts())) == ("attention", 1)
    with pytest.raises(NotLinked):
        ask(world, uuid)
    world.fault("status", status=401, path="/users/settings", times=2)
    world.service.check_links()
    assert (account(world, uuid).state, len(world.alerts())) == ("attention", 1)
    world.calm()
    world.service.check_links()  # Trakt never said that the link is dead: it heals without a person
    assert (account(world, uuid).state, world.alerts()) == ("connected", [])


def test_a_removed_app_ends_no_link_and_is_told_once(world: World) -> None:
    uuid = expired(world)
    world.act("remove_app")
    for _ in range(2):
        with pytest.raises(AppRefused):
            ask(world, uuid)
        world.service.check_links()
    assert account(world, uuid).state == "connected"
    (alert,) = world.alerts()
    assert alert.key == "trakt:app"
    assert "client_id" in alert.next_step
    world.act("restore_app")
    world.later(minutes=6)
    world.service.check_links()
    assert world.alerts() == []


def test_a_wrong_secret_ends_no_link(world: World) -> None:
    uuid = expired(world)
    world.restart(client_secret=Secret("wrong"))
    with pytest.raises(AppRefused):
        ask(world, uuid)
    assert (account(world, uuid).state, kept(world, uuid)) == ("connected", linked_pair(world))


def test_those_who_wait_for_a_renewal_that_fails_each_get_an_error_of_their_own(world: World) -> None:
    uuid = expired(world)
    world.fault("slow", seconds=0.3, path="/oauth/token")
    world.fault("status", status=503, path="/oauth/token")
    stale = Secret(linked_pair(world).access_token)
    found = together([lambda: world.service.tokens.renew(uuid, stale)] * 5)
    assert [(type(each), each.status) for each in found] == [(Outage, 503)] * 5
    assert len(set(map(id, found))) == 5
    assert world.asked("POST") == [REFRESH]


class Killed(BaseException):
    """The thread of the refresher is interrupted."""


def test_an_interrupted_renewal_interrupts_nobody_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    uuid = expired(world)
    inside, refresh = threading.Event(), world.service.auth.refresh

    def interrupted(_: Secret) -> Token:
        inside.set()
        waiting.wait(5)
        raise Killed

    waiting = threading.Event()
    monkeypatch.setattr(world.service.auth, "refresh", interrupted)
    stale = Secret(linked_pair(world).access_token)
    results: list[Any] = []

    def renew() -> None:
        try:
            results.append(world.service.tokens.renew(uuid, stale))
        except BaseException as problem:
            results.append(problem)

    first = threading.Thread(target=renew)
    first.start()
    assert inside.wait(5)
    going = world.service.tokens._going[uuid]
    going_exception = going.exception

    def heard(timeout: float | None = None) -> BaseException | None:
        waiting.set()
        return going_exception(timeout)

    monkeypatch.setattr(going, "exception", heard)
    with pytest.raises(Unreachable, match="interrupted"):
        world.service.tokens.renew(uuid, stale)
    first.join()
    assert [type(each) for each in results] == [Killed]
    monkeypatch.setattr(world.service.auth, "refresh", refresh)
    ask(world, uuid)


def test_a_link_that_is_made_during_a_renewal_is_not_called_dead(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    uuid = expired(world)
    fresh = world.service.auth.refresh(Secret(linked_pair(world).refresh_token))

    def meanwhile(_: Secret) -> Token:
        world.service.links.link("Anna", fresh)
        raise AuthLost("Trakt", "Trakt no longer accepts this link.")

    monkeypatch.setattr(world.service.auth, "refresh", meanwhile)
    with pytest.raises(AuthLost):
        ask(world, uuid)
    assert (account(world, uuid).state, world.alerts(), kept(world, uuid)) == ("connected", [], fresh)
    ask(world, uuid)


def test_a_link_that_is_ended_during_a_renewal_stays_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    uuid = expired(world)
    refresh = world.service.auth.refresh

    def meanwhile(token: Secret) -> Token:
        fresh = refresh(token)
        world.service.links.unlink("Anna")
        return fresh

    monkeypatch.setattr(world.service.auth, "refresh", meanwhile)
    with pytest.raises(NotLinked):
        ask(world, uuid)
    assert (kept(world, uuid), world.alerts(), world.state()["tokens"]) == (None, [], 0)


@pytest.mark.parametrize(("do", "words"), [("lock", "is locked"), ("deactivate", "is deactivated")])
def test_a_locked_account_stops_all_calls_and_tells_once(world: World, do: str, words: str) -> None:
    uuid, ben = world.link("anna"), world.link("ben")
    world.act(do)
    world.forget_log()
    with pytest.raises(AccountLocked, match=words):
        ask(world, uuid)
    for _ in range(3):
        with pytest.raises(NotLinked, match=words):
            ask(world, uuid)
    assert world.asked() == ["GET /sync/last_activities"]
    (alert,) = world.alerts()
    assert words in alert.what
    assert "trakt.tv" in alert.next_step
    ask(world, ben)
    world.act("unlock")
    assert isinstance(world.service.links.link("Anna", linked_pair(world)), Linked)
    ask(world, uuid)
    assert world.alerts() == []


def test_a_side_without_app_link_or_token_is_not_configured_and_asks_nobody(world: World) -> None:
    side = world.side("anna")
    assert side.is_configured()
    world.restart(client_id="")
    assert not world.side("anna").is_configured()
    world.restart(client_id=side._settings.client_id)
    world.service.links.unlink("Anna")
    world.forget_log()
    assert not side.is_configured()
    assert (side.health().state, "not linked" in side.health().what) == (Health.NOT_SET_UP, True)
    assert world.asked() == []
    assert not world.service.side("nobody").is_configured()


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        {},
        {"access_token": "a"},
        {"access_token": "a", "refresh_token": ""},
        {"access_token": 1, "refresh_token": "b"},
        {"access_token": "a\r\nX: y", "refresh_token": "b"},
        {"access_token": "é", "refresh_token": "b"},
    ],
)
def test_what_is_no_pair_is_refused(said: Any) -> None:
    with pytest.raises(ValueError, match="token"):
        token_of(said)


def test_every_error_can_be_raised_anew() -> None:
    for problem in (
        Outage("Trakt", "It is out.", "Wait.", status=502, maybe_done=True),
        NotLinked("Not linked.", "Link it."),
    ):
        again: SidetraktError = problem.again()
        assert again is not problem
        assert (type(again), again.__dict__, str(again)) == (type(problem), problem.__dict__, str(problem))
