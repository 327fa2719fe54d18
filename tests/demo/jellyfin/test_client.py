"""The real jellyfin-apiclient-python works with ours, and what it sends is what is stored in requests.txt."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.demo.jellyfin.conftest import Desk

STORED = Path(__file__).with_name("requests.txt")
Do = Callable[[Any, dict[str, str]], Any]
METHODS: list[tuple[str, Do, Callable[[Any], bool]]] = [
    ("try_server", lambda api, _: api.try_server(), lambda got: got["Version"] == "12.4.0"),
    ("get_system_info_new", lambda api, _: api.get_system_info_new(), lambda got: got["Id"] != ""),
    ("get_users", lambda api, _: api.get_users(), lambda got: len(got) == 8),
    ("get_public_users", lambda api, _: api.get_public_users(), lambda got: got == []),
    ("get_user", lambda api, ids: api.get_user(ids["user"]), lambda got: got["Name"] == "Anna"),
    ("get_views", lambda api, _: api.get_views(), lambda got: len(got["Items"]) == 4),
    ("virtual_folders", lambda api, _: api.virtual_folders(), lambda got: len(got) == 4),
    (
        "get_user_items",
        lambda api, _: api.get_user_items(limit=2, recursive=True, include_item_types="Movie"),
        lambda got: len(got["Items"]) == 2,
    ),
    ("user_items", lambda api, _: api.user_items(params={"Limit": 1}), lambda got: len(got["Items"]) == 1),
    (
        "items",
        lambda api, ids: api.items(params={"userId": ids["user"], "ids": ids["film"]}),
        lambda got: len(got["Items"]) == 1,
    ),
    (
        "get_items",
        lambda api, ids: api.get_items([ids["film"], ids["episode"]], fields="Path"),
        lambda got: len(got["Items"]) == 2,
    ),
    ("get_item", lambda api, ids: api.get_item(ids["film"], fields="Path"), lambda got: got["Type"] == "Movie"),
    ("get_ancestors", lambda api, ids: api.get_ancestors(ids["film"]), lambda got: got[-1]["Type"] == "UserRootFolder"),
    ("get_seasons", lambda api, ids: api.get_seasons(ids["series"]), lambda got: got["Items"][0]["Type"] == "Season"),
    (
        "get_episodes",
        lambda api, ids: api.get_episodes(ids["series"], fields="Path"),
        lambda got: got["TotalRecordCount"] > 1,
    ),
    (
        "get_userdata_for_item",
        lambda api, ids: api.get_userdata_for_item(ids["film"]),
        lambda got: got["Played"] is False,
    ),
    (
        "update_userdata_for_item",
        lambda api, ids: api.update_userdata_for_item(ids["film"], {"Rating": 8}),
        lambda got: got["Rating"] == 8,
    ),
    (
        "item_played",
        lambda api, ids: api.item_played(ids["film"], True, "2026-01-02T03:04:05Z"),
        lambda got: got["PlayCount"] == 1,
    ),
    ("item_played, not", lambda api, ids: api.item_played(ids["film"], False), lambda got: got["PlayCount"] == 0),
    ("favorite", lambda api, ids: api.favorite(ids["film"], True), lambda got: got["IsFavorite"] is True),
    ("favorite, not", lambda api, ids: api.favorite(ids["film"], False), lambda got: got["IsFavorite"] is False),
    (
        "session_playing",
        lambda api, ids: api.session_playing({"ItemId": ids["film"], "PositionTicks": 0}),
        lambda got: got is None,
    ),
    (
        "session_progress",
        lambda api, ids: api.session_progress({"ItemId": ids["film"], "PositionTicks": 10}),
        lambda got: got is None,
    ),
    ("sessions", lambda api, _: api.sessions(), lambda got: got[0]["NowPlayingItem"]["Type"] == "Movie"),
    (
        "session_stop",
        lambda api, ids: api.session_stop({"ItemId": ids["film"], "PositionTicks": 10}),
        lambda got: got is None,
    ),
    (
        "new_playlist",
        lambda api, ids: api.new_playlist("Mine", [ids["film"]], is_public=False),
        lambda got: len(got["Id"]) == 32,
    ),
    (
        "add_playlist_items",
        lambda api, ids: api.add_playlist_items(ids["list"], [ids["episode"]]),
        lambda got: got is None,
    ),
    (
        "get_playlist_items",
        lambda api, ids: api.get_playlist_items(ids["list"]),
        lambda got: got["TotalRecordCount"] == 2,
    ),
    (
        "remove_playlist_items",
        lambda api, ids: api.remove_playlist_items(ids["list"], [ids["film"]]),
        lambda got: got is None,
    ),
    ("delete_item", lambda api, ids: api.delete_item(ids["list"]), lambda got: got is None),
    ("new_collection", lambda api, ids: api.new_collection("All", [ids["film"]]), lambda got: len(got["Id"]) == 32),
    (
        "add_collection_items",
        lambda api, ids: api.add_collection_items(ids["list"], [ids["series"]]),
        lambda got: got is None,
    ),
    (
        "remove_collection_items",
        lambda api, ids: api.remove_collection_items(ids["list"], [ids["film"]]),
        lambda got: got is None,
    ),
    ("refresh_library", lambda api, _: api.refresh_library(), lambda got: got is None),
    ("get_plugins", lambda api, _: api.get_plugins(), lambda got: got == []),
    ("new_user", lambda api, _: api.new_user("Nora", "secret"), lambda got: got["Name"] == "Nora"),
]


def test_every_method_works_and_sends_the_stored_lines(desk: Desk) -> None:
    """Ids are replaced by words, so that the list stays true for any catalogue."""
    series, client = desk.film("Lanterns of Varnick"), desk.client()
    ids = {"user": desk.user(), "film": desk.film("Kettle and Crane")["Id"], "series": series["Id"], "list": ""}
    ids["episode"] = desk.episodes("Lanterns of Varnick")[0]["Id"]
    since, lines = desk.control.count, []
    for name, do, good in METHODS:
        got = do(client.jellyfin, ids)
        assert good(got), name
        row = desk.control.rows(since)["rows"][-1]
        since, line = row["n"], f"{row['method']} {row['path']}" + (f"?{row['query']}" if row["query"] else "")
        for word, known in ids.items():
            line = line.replace(known, f"<{word}>") if known else line
        lines.append(f"{name}: {line}")
        ids["list"] = got["Id"] if name.startswith("new_") else ids["list"]
    assert lines == STORED.read_text().splitlines()


def test_password_and_quick_connect_sign_in(desk: Desk) -> None:
    """As f.1 of the facts sets the client up."""
    client = desk.client()
    client.config.auth(None, None, None, True)
    client.auth.connect_to_address(desk.url)
    assert client.auth.login(desk.url, "Ben", "ben-enters")["User"]["Name"] == "Ben"
    assert client.auth.login(desk.url, "Ben", "wrong") == {}
    assert client.jellyfin.quick_connect_enabled(desk.url) is True
    begun = client.jellyfin.quick_connect_initiate(desk.url)
    assert client.jellyfin.quick_connect_state(desk.url, begun["Secret"])["Authenticated"] is False
    desk.act("allow_code", person="Carla", code=begun["Code"])
    assert client.jellyfin.quick_connect_state(desk.url, begun["Secret"])["Authenticated"] is True
    assert client.auth.login_with_quick_connect(desk.url, begun["Secret"])["User"]["Name"] == "Carla"


def test_its_websocket_hears_who_plays(desk: Desk) -> None:
    """Subscribed, it gets `Sessions` as soon as somebody starts."""
    client, came, heard = desk.client(), threading.Event(), list[Any]()
    ready = threading.Event()

    def callback(kind: str, data: Any) -> None:
        if kind == "WebSocketConnect":
            ready.set()
        if kind == "Sessions" and any("NowPlayingItem" in one for one in data["value"]):
            heard.append(data)
            came.set()

    client.callback = client.callback_ws = callback
    client.start_wsc()
    assert ready.wait(10)
    client.wsc.send("SessionsStart", "0,1500")
    line_ready(desk)
    desk.play("start", file=desk.film("Kettle and Crane")["Path"])
    assert came.wait(10)
    assert heard[0]["value"][0]["UserName"] == "Anna"
    client.wsc.stop, left_open = True, client.wsc.wsc.sock.sock
    desk.act("drop_sockets")
    client.wsc.join(10)
    client.wsc.stop_client()
    left_open.close()  # the library forgets it


def line_ready(desk: Desk) -> None:
    """Blocks until the last message of a client has been taken."""
    with desk.server.sockets.moved:
        assert desk.server.sockets.moved.wait_for(lambda: any(line.period for line in desk.server.sockets.lines), 10)


@pytest.mark.parametrize("status", [500, 502])
def test_a_lost_answer_shows_the_clients_retry_as_get(desk: Desk, status: int) -> None:
    """Defect 1 of the client: what it repeats after a 502 goes out as GET, after a 500 it says None."""
    film, client = desk.film("Kettle and Crane")["Id"], desk.client()
    desk.tell("faults", name="status", status=status, method="POST", path="UserData", when="after")
    request = {"params": {"userId": desk.user()}, "json": {"Rating": 7}, "retry": 1}
    client.jellyfin._http("POST", f"UserItems/{film}/UserData", request)
    rows = [row["method"] for row in desk.control.rows()["rows"] if "UserData" in row["path"]]
    assert rows == (["POST", "GET"] if status == 502 else ["POST"])
    assert desk.truth(film)["Rating"] == 7
