"""Rules 1 and 2: what is refused before anything is looked at, and the buckets."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.demo.trakt.conftest import NOON, Caller

WATCHED = "/sync/watched/movies"


@pytest.mark.parametrize(
    ("headers", "method", "url", "status", "html"),
    [
        ({"User-Agent": None}, "GET", WATCHED, 403, True),
        ({"User-Agent": "python-requests/2.34"}, "GET", WATCHED, 403, True),
        ({"trakt-api-key": None}, "GET", WATCHED, 403, False),
        ({"trakt-api-key": "another"}, "GET", WATCHED, 403, False),
        ({"trakt-api-version": None}, "GET", WATCHED, 412, False),
        ({"trakt-api-version": "1"}, "GET", WATCHED, 412, False),
        ({"Authorization": None}, "GET", WATCHED, 401, False),
        ({"Authorization": "Bearer nonsense"}, "GET", WATCHED, 401, False),
        ({"Authorization": "Bearer nonsense"}, "GET", "/movies/trending", 401, False),
        ({"Authorization": None}, "POST", "/sync/history", 401, False),
        ({"Authorization": None}, "DELETE", "/recommendations/movies/345", 401, False),
        ({"Authorization": None}, "GET", "/users/me/watching", 401, False),
    ],
)
def test_what_a_request_lacks_is_refused(
    anna: Caller, *, headers: dict[str, str | None], method: str, url: str, status: int, html: bool
) -> None:
    answer = anna.send(method, url, headers=headers)
    assert answer.status_code == status
    assert (answer.mimetype == "text/html") is html
    assert ("X-Request-Id" in answer.headers) is False
    assert answer.headers.get("Server") == ("cloudflare" if html else None)


@pytest.mark.parametrize(
    "url", ["/movies/popular", "/search/imdb/tt0113277", "/users/ben/history", "/shows/118/seasons"]
)
def test_public_data_needs_no_token(anna: Caller, url: str) -> None:
    assert anna.send("GET", url, headers={"Authorization": None}).status_code == 200


def test_a_write_without_a_content_type_is_412(anna: Caller) -> None:
    client = anna.app.test_client()
    headers = {name: text for name, text in anna.headers.items() if text}
    answer = client.post("/sync/history", data=b"{}", headers=headers, content_type="text/plain")
    assert answer.status_code == 412


def test_bad_json_is_400(anna: Caller) -> None:
    headers = {name: text for name, text in anna.headers.items() if text}
    client = anna.app.test_client()
    for body in (b"{", b"[]", b'{"movies": 3}', b'{"movies": [3]}'):
        answer = client.post("/sync/history", data=body, headers=headers, content_type="application/json")
        anna.later(seconds=1)
        assert answer.status_code == 400, body


@pytest.mark.parametrize(
    ("switch", "value", "headers"),
    [
        ("version_required", False, {"trakt-api-version": None}),
        ("generic_agents_refused", False, {"User-Agent": "python-requests/2.34"}),
    ],
)
def test_what_is_uncertain_can_be_switched(
    anna: Caller, switch: str, value: Any, headers: dict[str, str | None]
) -> None:
    anna.switch(**{switch: value})
    assert anna.send("GET", WATCHED, headers=headers).status_code == 200


def test_writes_fit_once_a_second_and_user(anna: Caller, ben: Caller) -> None:
    body = {"movies": [{"ids": {"trakt": 345}}]}
    assert anna.send("POST", "/sync/ratings/remove", body).status_code == 200
    refused = anna.send("POST", "/sync/ratings/remove", body)
    told = json.loads(refused.headers["X-Ratelimit"])
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert (told["name"], told["period"], told["limit"], told["remaining"]) == ("AUTHED_API_POST_LIMIT", 1, 1, 0)
    assert datetime.fromisoformat(told["until"]) == NOON + timedelta(seconds=1)
    assert ben.send("POST", "/sync/ratings/remove", body).status_code == 200
    anna.later(seconds=0.99)
    assert anna.send("POST", "/sync/ratings/remove", body).status_code == 429
    anna.later(seconds=0.01)
    assert anna.send("POST", "/sync/ratings/remove", body).status_code == 200


def test_a_refused_write_was_not_carried_out(anna: Caller) -> None:
    body = {"movies": [{"ids": {"trakt": 345}}]}
    assert [anna.send("POST", "/sync/history", body).status_code for _ in range(3)] == [201, 429, 429]
    assert anna.state()["history"] == 1


def test_reads_fit_five_hundred_times_in_five_minutes(anna: Caller, ben: Caller) -> None:
    assert {anna.send("GET", "/sync/playback").status_code for _ in range(500)} == {200}
    refused = anna.send("GET", "/movies/popular")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "300")
    assert anna.send("POST", "/sync/ratings/remove", {"movies": []}).status_code == 200  # the other bucket
    assert ben.send("GET", "/sync/playback").status_code == 200
    assert anna.send("GET", "/movies/popular", headers={"Authorization": None}).status_code == 200  # by key and address
    anna.later(seconds=299)
    assert anna.send("GET", "/sync/playback").status_code == 429
    anna.later(seconds=1)
    assert anna.send("GET", "/sync/playback").status_code == 200


def test_reads_without_a_token_share_a_bucket_by_key_and_address(anna: Caller) -> None:
    nobody = {"Authorization": None}
    assert {anna.send("GET", "/movies/popular?limit=1", headers=nobody).status_code for _ in range(500)} == {200}
    refused = anna.send("GET", "/movies/popular", headers=nobody)
    assert (refused.status_code, json.loads(refused.headers["X-Ratelimit"])["name"]) == (429, "UNAUTHED_API_GET_LIMIT")
    elsewhere = {"environ_overrides": {"REMOTE_ADDR": "127.0.0.2"}}
    assert anna.send("GET", "/movies/popular", headers=nobody, **elsewhere).status_code == 200


@pytest.mark.parametrize(
    ("shape", "html", "retry", "told"),
    [
        ("full", False, "1", True),
        ("no_x_ratelimit", False, "1", False),
        ("no_retry_after", False, None, True),
        ("edge", True, "300", False),
        ("edge_bare", True, None, False),
    ],
)
@pytest.mark.parametrize("by", ["switch", "fault"])
def test_429_comes_in_these_shapes(
    anna: Caller, *, by: str, shape: str, html: bool, retry: str | None, told: bool
) -> None:
    body = {"movies": [{"ids": {"trakt": 345}}]}
    if by == "switch":
        anna.switch(rate_limit_shape=shape)
        anna.send("POST", "/sync/history", body)
    else:
        anna.fault("rate_limited", shape=shape)
    refused = anna.send("POST", "/sync/history", body)
    assert refused.status_code == 429
    assert (refused.mimetype == "text/html") is html
    assert refused.headers.get("Retry-After") == retry
    assert ("X-Ratelimit" in refused.headers) is told


def test_buckets_can_be_switched_off(anna: Caller) -> None:
    anna.switch(limits=False)
    assert {anna.send("POST", "/sync/ratings/remove", {"movies": []}).status_code for _ in range(5)} == {200}


@pytest.mark.parametrize(("act", "locked", "deactivated"), [("lock", "true", "false"), ("deactivate", "false", "true")])
def test_a_locked_account_is_423_with_headers(
    anna: Caller, ben: Caller, act: str, locked: str, deactivated: str
) -> None:
    anna.act(act)
    for method, url in (("GET", "/sync/last_activities"), ("POST", "/sync/history")):
        answer = anna.send(method, url)
        assert answer.status_code == 423
        assert (answer.headers["X-Account-Locked"], answer.headers["X-Account-Deactivated"]) == (locked, deactivated)
    assert ben.send("GET", "/sync/last_activities").status_code == 200
    anna.act("unlock")
    assert anna.send("GET", "/sync/last_activities").status_code == 200


def test_a_removed_app_is_403_for_everybody(anna: Caller, ben: Caller) -> None:
    anna.act("remove_app")
    for caller in (anna, ben):
        refused = caller.send("GET", "/sync/last_activities")
        assert (refused.status_code, refused.mimetype) == (403, "application/json")
    anna.act("restore_app")
    assert anna.send("GET", "/sync/last_activities").status_code == 200


def test_an_edge_403_is_a_page(anna: Caller) -> None:
    anna.fault("status", status=403, body="html")
    refused = anna.send("GET", "/sync/last_activities")
    assert (refused.status_code, refused.mimetype) == (403, "text/html")


def test_private_users_show_nothing_and_nobody_writes_for_another(anna: Caller, ben: Caller) -> None:
    assert anna.send("GET", "/users/ben/history").status_code == 200
    assert anna.send("GET", "/users/nobody/history").status_code == 404
    ben.act("private")
    assert anna.send("GET", "/users/ben/history").status_code == 403
    assert ben.send("GET", "/users/ben/history").status_code == 200
    assert anna.send("POST", "/users/ben/lists", {"name": "Mine"}).status_code == 403


def test_two_persons_may_share_an_account(ben: Caller) -> None:
    assert list(ben.signin["users"]) == ["anna", "ben"]


SEASONS: list[Any] = [3, [3], [{"number": []}], [{"number": "1"}], [{"episodes": 3}]]
FIELDS: list[Any] = [3, [], {}, "9999"]
WEIRD: list[Any] = [None, 3, "x", [], [3], {}, [[]], {"a": 1}, [{"ids": 3}], [{"ids": {"trakt": []}}]]
WEIRD += [[{"title": 3, "year": "x"}], *([{"ids": {"trakt": 118}, "seasons": each}] for each in SEASONS)]
WEIRD += [[{"ids": {"trakt": 345}, "watched_at": each, "notes": each, "media_type": each}] for each in FIELDS]


@pytest.mark.parametrize("feature", ["history", "ratings", "watchlist", "favorites", "collection"])
@pytest.mark.parametrize("way", ["", "/remove"])
def test_odd_bodies_get_an_answer_of_the_service(anna: Caller, feature: str, way: str) -> None:
    anna.contract = None
    anna.switch(limits=False)
    for odd in WEIRD:
        for key in ("movies", "shows", "episodes", "ids", "rank"):
            assert anna.send("POST", f"/sync/{feature}{way}", {key: odd}).status_code in (200, 201, 400, 422)


def test_odd_bodies_elsewhere_too(anna: Caller) -> None:
    anna.contract = None
    anna.switch(limits=False)
    for odd in WEIRD:
        for path in ("/sync/watchlist/reorder", "/users/me/lists", "/users/hidden/dropped"):
            key = {"/sync/watchlist/reorder": "rank", "/users/me/lists": "name"}.get(path, "shows")
            assert anna.send("POST", path, {key: odd}).status_code in (200, 201, 400, 420, 422)
        for body in (
            {"progress": odd, "movie": {"ids": {"tmdb": 949}}},
            {"progress": 5, "movie": odd},
            {"progress": 5, "episode": odd},
        ):
            assert anna.send("POST", "/scrobble/start", body).status_code in (201, 400, 404, 422)
        for path in ("device/code", "device/token", "token", "revoke"):
            assert anna.send("POST", f"/oauth/{path}", {"client_id": odd, "code": odd}).status_code in (
                200,
                400,
                401,
                403,
            )


@pytest.mark.parametrize(
    "path",
    [
        "/sync/history/people",
        "/sync/history/all/345",
        "/sync/ratings/people",
        "/sync/playback/shows/1",
        "/users/hidden/dropped?type=user",
    ],
)
def test_odd_types_are_not_found(anna: Caller, path: str) -> None:
    answer = anna.app.test_client().get(path, headers={name: text for name, text in anna.headers.items() if text})
    assert answer.status_code == 404
    anna.control.log.clear()


@pytest.mark.parametrize("query", ["page=0", "page=-1", "limit=0", "page=x", "start_at=x", "end_at=3", "extended=,,"])
def test_odd_queries_are_passed_by(anna: Caller, query: str) -> None:
    assert anna.send("GET", f"/sync/history?{query}").status_code == 200
    assert anna.send("GET", f"/movies/popular?{query}&years=x-y&genres=,").status_code == 200
