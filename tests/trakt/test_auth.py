"""The device flow: every answer to a poll, outages while somebody types the code in, and who hears of it."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from sidecar.errors import Outage, Refused, RemoteError, Unreachable
from sidecar.model import Secret
from sidecar.trakt.auth import Waiting
from sidecar.trakt.limits import Stopped
from sidecar.trakt.statuses import AppRefused
from sidecar.trakt.wire import DeviceCode, Token
from tests.trakt.conftest import World

POLL = "/oauth/device/token"


def begin(world: World) -> DeviceCode:
    return world.service.auth.device_code()


def wait(world: World, code: DeviceCode) -> tuple[Token, list[Waiting]]:
    """The pair, and what was said while it was waited for."""
    said: list[Waiting] = []
    for heard in world.service.auth.wait_for(code, world.rest):
        if isinstance(heard, Token):
            return heard, said
        said.append(heard)
    raise AssertionError("it ended without a word")


def approve_at_poll(world: World, code: DeviceCode, number: int) -> None:
    """Type the code in shortly before that poll."""
    if number == 1:
        world.act("approve", user_code=code.user_code)
    else:

        def type_it_in() -> None:
            if len(world.log(path=POLL)) == number - 1:
                world.act("approve", user_code=code.user_code)

        world.on_rest = type_it_in


def gaps(world: World) -> list[float]:
    """The seconds between the polls."""
    at = [row["at"].timestamp() for row in world.log(path=POLL)]
    return [later - earlier for earlier, later in pairwise(at)]


def test_a_code_is_polled_at_its_interval_until_somebody_types_it_in(world: World) -> None:
    code = begin(world)
    approve_at_poll(world, code, 3)
    token, said = wait(world, code)
    assert [row["status"] for row in world.log(path=POLL)] == [400, 400, 200]
    assert gaps(world) == [5, 5]
    assert [each.seconds_left for each in said[::2]] == list(range(600, 585, -1))
    assert not any(each.trouble for each in said)
    assert (token.expires_in, token.created_at) == (604800, int(world.clock.now().timestamp()))


def test_asked_to_be_slower_it_stays_slower(world: World) -> None:
    code = begin(world)
    world.fault("status", status=429, path=POLL, after=2)
    approve_at_poll(world, code, 5)
    wait(world, code)
    assert [row["status"] for row in world.log(path=POLL)] == [400, 400, 429, 400, 200]
    assert gaps(world) == [5, 5, 10, 10]


def test_a_pause_that_trakt_names_is_kept(world: World) -> None:
    code = begin(world)
    world.fault("status", status=429, path=POLL, retry_after=60)
    approve_at_poll(world, code, 2)
    wait(world, code)
    assert gaps(world) == [60]


@pytest.mark.parametrize(
    ("status", "word"), [(404, "does not know"), (409, "used already"), (410, "ran out"), (418, "said no")]
)
def test_each_no_has_a_sentence_of_its_own(world: World, status: int, word: str) -> None:
    code = begin(world)
    if status == 404:
        world.control.reset()
    elif status == 409:
        world.fault("status", status=409, body="empty", path=POLL)
    else:
        world.act({410: "expire", 418: "deny"}[status], user_code=code.user_code)
    with pytest.raises(Refused, match=word) as caught:
        wait(world, code)
    assert (caught.value.status, caught.value.exit_code) == (status, 2)
    assert "again" in caught.value.next_step
    assert len(world.log(path=POLL)) == 1


@pytest.mark.parametrize("secret", ["", "wrong"])
def test_a_refused_app_is_explained(world: World, secret: str) -> None:
    """Gone (403) before the code is made, gone while it is waited for, and a wrong or missing secret (401)."""
    code = begin(world)
    world.act("remove_app")
    for call in (lambda: begin(world), lambda: wait(world, code)):
        with pytest.raises(AppRefused, match="refuses our app") as caught:
            call()
        assert "client_id" in caught.value.next_step
    world.act("restore_app")
    world.restart(client_secret=Secret(secret))
    with pytest.raises(AppRefused):
        wait(world, begin(world))


def test_without_a_secret_it_works_where_trakt_needs_none(world: World) -> None:
    world.switch(secret_required=False)
    world.restart(client_secret=Secret(""))
    code = begin(world)
    world.act("approve", user_code=code.user_code)
    token, _ = wait(world, code)
    assert token.access_token != world.service.auth.refresh(Secret(token.refresh_token)).access_token
    assert all("client_secret" not in body for body in world.sent("/oauth/"))


TROUBLES: list[tuple[str, dict[str, Any], str]] = [
    ("status", {"status": 502, "body": "html"}, "Trakt is not answering (HTTP 502)."),
    ("status", {"status": 522, "body": "json"}, "Trakt is not answering (HTTP 522)."),
    ("status", {"status": 403, "body": "html"}, "Trakt is not answering (HTTP 403)."),
    ("status", {"status": 404, "body": "html"}, "Trakt is not answering (HTTP 404)."),
    ("html", {}, "Trakt is not answering."),
    ("reset", {}, "Trakt is not answering."),
]


@pytest.mark.parametrize(("name", "args", "words"), TROUBLES)
def test_an_outage_only_makes_it_wait(world: World, name: str, args: dict[str, Any], words: str) -> None:
    code = begin(world)
    least, times = (300, 1) if args.get("status") in (403, 404) else (30, 2)  # a gate that is shut is left alone
    world.fault(name, **args, path=POLL, times=times)
    approve_at_poll(world, code, times + 1)
    token, said = wait(world, code)
    assert token.access_token
    assert {each.trouble for each in said} == {"", words}
    assert gaps(world) == [least] * times
    counted = [each.again_in for each in said if each.trouble]
    assert counted[0] == least
    assert counted[-1] == 1


def test_an_outage_that_does_not_end_lasts_until_the_code_runs_out(world: World) -> None:
    code, began = begin(world), world.clock.now()
    world.fault("status", status=503, path=POLL, times=None)
    with pytest.raises(Refused, match="ran out"):
        wait(world, code)
    assert 590 <= (world.clock.now() - began).total_seconds() <= 600
    assert set(gaps(world)[:-1]) == {30}


@pytest.mark.parametrize(("name", "args"), [("lost", {}), ("truncated", {"length": "cut"}), ("truncated", {})])
def test_a_pair_that_is_lost_on_the_way_is_called_lost(world: World, name: str, args: dict[str, Any]) -> None:
    code = begin(world)
    approve_at_poll(world, code, 1)
    world.fault(name, **args, path=POLL)
    with pytest.raises(Refused, match="lost on the way"):
        wait(world, code)


def test_numbers_that_come_as_text_lose_no_pair(world: World) -> None:
    world.fault("wrong_types", path="^/oauth/", times=None)
    code = begin(world)
    approve_at_poll(world, code, 1)
    token, _ = wait(world, code)
    assert token.expires_in == 604800


def test_polls_are_never_closer_than_the_interval_not_even_the_last(world: World) -> None:
    code = begin(world)
    code.expires_in = 23
    with pytest.raises(Refused, match="ran out"):
        wait(world, code)
    assert gaps(world) == [5, 5, 5]


def test_told_to_stop_it_stops_at_once(world: World) -> None:
    code = begin(world)
    heard = world.service.auth.wait_for(code, world.rest)
    next(heard)
    world.stop = True
    with pytest.raises(Stopped, match="nothing was linked"):
        next(heard)
    assert world.log(path=POLL) == []


def test_whoever_leaves_ends_the_polling(world: World) -> None:
    code = begin(world)
    heard = world.service.auth.wait_for(code, world.rest)
    assert isinstance(heard, Iterator)
    for _ in range(24):
        next(heard)
    del heard
    world.later(minutes=5)
    assert len(world.log(path=POLL)) == 2


@pytest.mark.parametrize(
    ("name", "args", "kind"),
    [
        ("status", {"status": 502}, Outage),
        ("status", {"status": 403, "body": "html"}, Outage),
        ("status", {"status": 429}, RemoteError),
        ("html", {}, RemoteError),
        ("truncated", {}, RemoteError),
        ("truncated", {"length": "cut"}, RemoteError),
        ("empty", {}, RemoteError),
        ("reset", {}, Unreachable),
    ],
)
def test_without_a_code_a_person_is_told_to_come_back(
    world: World, name: str, args: dict[str, Any], kind: type[RemoteError]
) -> None:
    world.fault(name, **args, path="/oauth/device/code")
    with pytest.raises(kind) as caught:
        begin(world)
    assert "again in a few minutes" in caught.value.next_step
    assert caught.value.exit_code == 1
    assert math.isclose(world.rested, 0)


@pytest.mark.parametrize("name", ["reset", "html"])
def test_a_revocation_that_trakt_did_not_hear_is_said(world: World, name: str) -> None:
    world.fault(name, path="/oauth/revoke")
    assert world.service.auth.revoke(Secret("whatever")) is False
    assert world.service.auth.revoke(Secret("whatever")) is True
