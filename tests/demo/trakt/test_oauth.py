"""Rules 3 and 4: the eight answers of the device flow, tokens that rotate, and apps that vanish."""

from collections.abc import Callable
from typing import Any

import flask
import pytest
import requests

from tests.demo.trakt.conftest import Caller


def ask(caller: Caller, call: str, **body: Any) -> Any:
    """One call of the desk with the app's id and secret."""
    signin = {name: caller.signin[name] for name in ("client_id", "client_secret")}
    headers = dict.fromkeys(("Authorization", "trakt-api-key", "trakt-api-version"))
    return caller.send("POST", f"/oauth/{call}", signin | body, headers=headers)


def refresh(caller: Caller, token: str, **body: Any) -> Any:
    """The exchange of a refresh token."""
    return ask(caller, "token", grant_type="refresh_token", refresh_token=token, redirect_uri="urn:x", **body)


def begin(caller: Caller) -> dict[str, Any]:
    """A fresh device code."""
    answer = ask(caller, "device/code")
    assert answer.status_code == 200
    code: dict[str, Any] = answer.json
    assert (code["expires_in"], code["interval"], len(code["user_code"])) == (600, 5, 8)
    return code


def approve(caller: Caller, code: dict[str, Any]) -> None:
    """Ben types the code in."""
    caller.act("approve", user_code=code["user_code"])


def approved_twice(caller: Caller, code: dict[str, Any]) -> None:
    """The code has given its tokens already."""
    approve(caller, code)
    assert ask(caller, "device/token", code=code["device_code"]).status_code == 200
    caller.later(seconds=5)


def polled(caller: Caller, code: dict[str, Any]) -> None:
    """Somebody has asked four seconds ago."""
    ask(caller, "device/token", code=code["device_code"])
    caller.later(seconds=4)


EIGHT: list[tuple[int, Callable[[Caller, dict[str, Any]], None]]] = [
    (200, approve),
    (400, lambda caller, code: None),
    (404, lambda caller, code: code.update(device_code="unknown")),
    (409, approved_twice),
    (410, lambda caller, code: caller.act("expire", user_code=code["user_code"])),
    (410, lambda caller, code: caller.later(seconds=600)),
    (418, lambda caller, code: caller.act("deny", user_code=code["user_code"])),
    (429, polled),
    (403, lambda caller, code: caller.act("remove_app")),
]


@pytest.mark.parametrize(("status", "before"), EIGHT)
def test_the_device_flow_has_these_answers(
    ben: Caller, status: int, before: Callable[[Caller, dict[str, Any]], None]
) -> None:
    code = begin(ben)
    before(ben, code)
    answer = ask(ben, "device/token", code=code["device_code"])
    assert answer.status_code == status
    if status == 200:
        assert (answer.json["expires_in"], answer.json["token_type"]) == (604_800, "bearer")
        assert ben.get("/users/settings", headers=bearer(answer.json))["user"]["username"] == "ben"
    elif status == 403:
        assert answer.json["error"] == "invalid_client"
    else:
        assert answer.data == b""


def bearer(token: dict[str, Any]) -> dict[str, str]:
    """The header of a token object."""
    return {"Authorization": f"Bearer {token['access_token']}"}


def test_polling_at_the_interval_is_fine_and_an_approved_code_runs_out_too(ben: Caller) -> None:
    code = begin(ben)
    for _ in range(3):
        assert ask(ben, "device/token", code=code["device_code"]).status_code == 400
        ben.later(seconds=5)
    approve(ben, code)
    ben.later(seconds=600)
    assert ask(ben, "device/token", code=code["device_code"]).status_code == 410


def test_a_refresh_gives_a_new_pair_and_ends_the_old_one(ben: Caller) -> None:
    old = ben.signin["users"]["ben"]
    answer = refresh(ben, old["refresh_token"])
    assert answer.status_code == 200
    assert ben.send("GET", "/sync/last_activities").status_code == 401
    assert ben.send("GET", "/sync/last_activities", headers=bearer(answer.json)).status_code == 200
    again = refresh(ben, old["refresh_token"])
    assert (again.status_code, again.json) == (
        400,
        {"error": "invalid_grant", "error_description": "session not found"},
    )
    assert refresh(ben, answer.json["refresh_token"]).status_code == 200


def test_older_servers_said_401(ben: Caller) -> None:
    ben.switch(invalid_grant_status=401)
    assert refresh(ben, "used").status_code == 401


@pytest.mark.parametrize("life", [604_800, 86_400])
def test_an_access_token_lives_as_long_as_it_says(ben: Caller, life: int) -> None:
    ben.switch(token_life=life)
    token = refresh(ben, ben.signin["users"]["ben"]["refresh_token"]).json
    assert token["expires_in"] == life
    ben.later(seconds=life - 1)
    assert ben.send("GET", "/sync/last_activities", headers=bearer(token)).status_code == 200
    ben.later(seconds=1)
    assert ben.send("GET", "/sync/last_activities", headers=bearer(token)).status_code == 401
    assert refresh(ben, token["refresh_token"]).status_code == 200


def test_the_answer_of_a_refresh_may_be_lost_after_the_rotation(
    ben: Caller, serve: Callable[[flask.Flask], str]
) -> None:
    base, old = serve(ben.app), ben.signin["users"]["ben"]["refresh_token"]
    body = {"grant_type": "refresh_token", "refresh_token": old, "redirect_uri": "urn:x"}
    body |= {name: ben.signin[name] for name in ("client_id", "client_secret")}
    ben.fault("lost", path="^/oauth/token$")
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{base}/oauth/token", json=body, headers={"User-Agent": "Sidetrakt/1.0"}, timeout=10)
    assert refresh(ben, old).json["error"] == "invalid_grant"
    assert ben.state()["tokens"] == 1  # a new pair is there, only nobody knows it


def test_revoking_ends_a_token_and_always_says_200(ben: Caller) -> None:
    assert ask(ben, "revoke", token="unknown").status_code == 200
    assert ask(ben, "revoke", token=ben.signin["users"]["ben"]["access_token"]).status_code == 200
    assert ben.send("GET", "/sync/last_activities").status_code == 401
    assert ben.state()["tokens"] == 0


@pytest.mark.parametrize("act", ["revoke_tokens", "expire_tokens"])
def test_tokens_may_die_by_themselves(ben: Caller, act: str) -> None:
    ben.act(act)
    assert ben.send("GET", "/sync/last_activities").status_code == 401
    works = refresh(ben, ben.signin["users"]["ben"]["refresh_token"]).status_code == 200
    assert works is (act == "expire_tokens")


@pytest.mark.parametrize("body", [{"client_id": "another"}, {"client_secret": "wrong"}, {"client_secret": ""}])
def test_the_app_has_to_be_known(ben: Caller, body: dict[str, str]) -> None:
    answer = refresh(ben, ben.signin["users"]["ben"]["refresh_token"], **body)
    assert (answer.status_code, answer.json["error"]) == (403 if "client_id" in body else 401, "invalid_client")


def test_the_secret_may_be_left_out_when_the_switch_says_so(ben: Caller) -> None:
    ben.switch(secret_required=False)
    old = ben.signin["users"]["ben"]["refresh_token"]
    assert refresh(ben, old, client_secret="wrong").status_code == 401
    assert refresh(ben, old, client_secret="").status_code == 200


@pytest.mark.parametrize(("mode", "linked", "kept"), [("refused", False, True), ("first_revoked", True, False)])
def test_a_free_user_has_room_for_one_community_app(ben: Caller, mode: str, linked: bool, kept: bool) -> None:
    ben.switch(second_app=mode)
    ben.act("connect_other_app")
    assert (ben.send("GET", "/sync/last_activities").status_code == 200) is kept
    code = begin(ben)
    approve(ben, code)
    assert (ask(ben, "device/token", code=code["device_code"]).status_code == 200) is linked


def test_a_vip_has_room_for_more(anna: Caller) -> None:
    anna.switch(second_app="first_revoked")
    anna.act("connect_other_app")
    assert anna.send("GET", "/sync/last_activities").status_code == 200


def test_there_is_no_authorization_page(anna: Caller) -> None:
    answer = anna.app.test_client().get("/oauth/authorize")
    assert answer.status_code == 404
    assert anna.control.log.pop()["unhandled"]


def test_the_desk_is_behind_the_edge(anna: Caller) -> None:
    answer = anna.send(
        "POST", "/oauth/device/code", {"client_id": anna.signin["client_id"]}, headers={"User-Agent": None}
    )
    assert (answer.status_code, answer.mimetype) == (403, "text/html")
