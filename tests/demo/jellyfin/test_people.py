"""Who may do what, by which form of authorization, and what happens while the server comes and goes: h 1 and 10."""

from datetime import UTC, datetime, timedelta

import pytest
import requests

from tests.demo.jellyfin.conftest import Desk

FILM = "Kettle and Crane"


def forms(key: str) -> dict[str, tuple[str, dict[str, str]]]:
    """The ways to name a token: query and headers; the last five are the old ones."""
    return {
        "full": (
            "",
            {"Authorization": f'MediaBrowser Client="a, b", Device="%C3%A4", DeviceId="d", Version="1", Token="{key}"'},
        ),
        "token alone": ("", {"Authorization": f'MediaBrowser Token="{key}"'}),
        "no quotes": ("", {"Authorization": f"mediabrowser Token={key}"}),
        "query": (f"?ApiKey={key}", {}),
        "query in another case": (f"?apikey={key}", {}),
        "old query": (f"?api_key={key}", {}),
        "X-Emby-Token": ("", {"X-Emby-Token": key}),
        "X-MediaBrowser-Token": ("", {"X-MediaBrowser-Token": key}),
        "X-Emby-Authorization": ("", {"X-Emby-Authorization": f'MediaBrowser Token="{key}"'}),
        "scheme Emby": ("", {"Authorization": f'Emby Token="{key}"'}),
    }


@pytest.mark.parametrize("form", list(forms("")))
def test_forms_of_authorization(desk: Desk, old: Desk, form: str) -> None:
    """The new ones are taken by both, the old ones by 10.11 and with the switch."""
    legacy = list(forms("")).index(form) > 4
    for one, taken in ((desk, not legacy), (old, True)):
        query, headers = forms(one.key)[form]
        assert requests.get(f"{one.url}/Users{query}", headers=headers, timeout=5).status_code == (
            200 if taken else 401
        )
    desk.tell("switches", legacy_authorization=True)
    query, headers = forms(desk.key)[form]
    assert requests.get(f"{desk.url}/Users{query}", headers=headers, timeout=5).status_code == 200


def test_a_header_is_read_to_the_letter(desk: Desk) -> None:
    """Commas inside quotes do not split it, its values are decoded, names come in any case."""
    parts = f'CLIENT="a, b=c", device="%C3%A4 %22x%22", DeviceId="d-1", Version="1", Token="{desk.key}"'
    answer = desk.session.post(
        f"{desk.url}/Sessions/Capabilities", headers={"Authorization": f"MediaBrowser {parts}"}, timeout=10
    )
    assert answer.status_code == 204
    shown = next(row for row in desk.ask("/Sessions").json() if row["DeviceId"] == "d-1")
    assert (shown["DeviceName"], shown["ApplicationVersion"]) == ('ä "x"', "1")
    ben = desk.session.post(
        f"{desk.url}/Users/AuthenticateByName", json={"Username": "Ben", "Pw": "ben-enters"}, timeout=10,
        headers={"Authorization": f"MediaBrowser {parts.rpartition(',')[0]}"},
    ).json()["SessionInfo"]  # fmt: skip
    assert (ben["Client"], ben["DeviceName"]) == ("a, b=c", 'ä "x"')


@pytest.mark.parametrize(
    ("method", "path", "token", "status"),
    [
        ("GET", "/Users", "", 401),
        ("GET", "/Users", "junk", 401),
        ("GET", "/Auth/Keys", "Ben", 403),
        ("GET", "/Items?userId={Anna}", "Ben", 403),
        ("GET", "/Items?userId={Ben}", "Ben", 200),
        ("GET", "/Items?userId={Anna}", "Anna", 200),
        ("GET", "/Users/Me", "Ben", 200),
        ("GET", "/Users/Me", "key", 400),
        ("GET", "/Items?userId=abcdef00abcdef00abcdef00abcdef00", "key", 404),
        ("POST", "/UserPlayedItems/{film}?userId={Anna}", "Ben", 403),
        ("POST", "/UserPlayedItems/{film}", "key", 404),
        ("POST", "/UserPlayedItems/{film}?userId={Emma}", "key", 404),
        ("GET", "/ScheduledTasks", "Ben", 403),
        ("POST", "/UserPlayedItems/{film}?userId={Ben}", "Anna", 200),
        ("DELETE", "/Users/{Ben}", "Ben", 403),
    ],
)
def test_who_may(desk: Desk, method: str, path: str, token: str, status: int) -> None:
    """401 without a good token, 403 for other people's data, 404 for what is unknown or not to be seen."""
    path = path.replace("{film}", desk.film(FILM)["Id"])
    for name in ("Anna", "Ben", "Emma"):
        path = path.replace("{" + name + "}", desk.user(name))
    token = desk.key if token == "key" else desk.sign_in(token) if token in ("Anna", "Ben") else token
    assert desk.ask(path, method, token).status_code == status


def test_rights_are_the_persons_own(desk: Desk) -> None:
    """Carla sees the kids' films only, Emma nothing; nothing is an empty 200."""
    assert desk.ask(f"/UserViews?userId={desk.user('Emma')}").json()["TotalRecordCount"] == 0
    assert desk.items("includeItemTypes=Movie", "Emma") == []
    assert {row["Path"].split("/")[2] for row in desk.items("includeItemTypes=Movie,Episode&fields=Path", "Carla")} == {
        "kids"
    }
    desk.act("rights", person="Ben", libraries=[])
    assert desk.items("includeItemTypes=Movie", "Ben") == []


def test_a_token_ends(desk: Desk) -> None:
    """By signing in again on the same device, by signing out, by revoking, by being disabled or deleted."""
    first, second, elsewhere = desk.sign_in("Ben"), desk.sign_in("Ben"), desk.sign_in("Ben", "kitchen")
    assert [desk.ask("/Users/Me", token=one).status_code for one in (first, second, elsewhere)] == [401, 200, 200]
    desk.ask("/Sessions/Logout", "POST", second)
    desk.act("disable_user", person="Ben")
    assert [desk.ask("/Users/Me", token=one).status_code for one in (second, elsewhere)] == [401, 401]
    assert desk.items("limit=1", "Ben") != []
    desk.act("disable_user", person="Ben", on=False)
    assert desk.ask("/Users/Me", token=elsewhere).status_code == 200
    desk.act("delete_user", person="Ben")
    assert desk.ask("/Users/Me", token=elsewhere).status_code == 401
    assert desk.ask(f"/Items?userId={desk.user('Ben')}").status_code == 404
    anna = desk.sign_in()
    desk.act("revoke", person="Anna")
    desk.act("revoke")
    assert [desk.ask("/Users", token=one).status_code for one in (anna, desk.key)] == [401, 401]


def test_api_keys_come_and_go(desk: Desk) -> None:
    """Made, listed, used, deleted."""
    assert desk.ask("/Auth/Keys?app=other", "POST").status_code == 204
    made = next(row["AccessToken"] for row in desk.ask("/Auth/Keys").json()["Items"] if row["AppName"] == "other")
    assert desk.ask("/Users", token=made).status_code == 200
    assert desk.ask(f"/Auth/Keys/{made}", "DELETE").status_code == 204
    assert desk.ask("/Users", token=made).status_code == 401


def test_quick_connect(desk: Desk) -> None:
    """Not yet and unknown are both 404 at the end; a code lives ten minutes; it can be switched off."""
    begun = desk.ask("/QuickConnect/Initiate", "POST", "").json()
    body = {"Secret": begun["Secret"]}
    assert desk.ask("/Users/AuthenticateWithQuickConnect", "POST", "", json=body).status_code == 404
    assert (
        desk.ask("/QuickConnect/Authorize?code=" + begun["Code"] + f"&userId={desk.user('Ben')}", "POST").json() is True
    )
    tokens = [
        desk.ask("/Users/AuthenticateWithQuickConnect", "POST", "", json=body).json()["AccessToken"] for _ in range(2)
    ]
    assert tokens[0] == tokens[1]
    assert desk.ask("/Users/Me", token=tokens[0]).json()["Name"] == "Ben"
    later = desk.ask("/QuickConnect/Initiate", "POST", "").json()
    desk.shift(601)
    assert desk.ask(f"/QuickConnect/Connect?secret={later['Secret']}").json() == "Unknown secret"
    desk.tell("switches", quick_connect=False)
    assert desk.ask("/QuickConnect/Enabled").json() is False
    assert desk.ask("/QuickConnect/Initiate", "POST", "").status_code == 401


def test_a_restart_goes_through_its_phases(desk: Desk) -> None:
    """Refused, setup server, refused, ready; tokens stay, sessions do not, and reads are true again."""
    token, series = desk.sign_in(), desk.film("Lanterns of Varnick")["Id"]
    desk.ask(f"/UserPlayedItems/{series}?userId={desk.user()}", "POST")
    episode = desk.episodes("Lanterns of Varnick")[0]["Id"]
    assert not desk.data(episode)["Played"]
    desk.tell("clock", freeze=True)
    desk.act("restart")
    with pytest.raises(requests.ConnectionError):
        desk.ask("/health")
    desk.shift(3)
    assert desk.ask("/health").text == "Degraded"
    starting = desk.ask("/Users")
    assert (starting.status_code, starting.headers["Retry-After"]) == (503, "005")
    desk.shift(1)
    with pytest.raises(requests.ConnectionError):
        desk.ask("/Users")
    desk.shift(2)
    assert desk.ask("/health").text == "Healthy"
    assert desk.ask("/Sessions").json() == []
    assert desk.ask("/Users/Me", token=token).status_code == 200
    assert desk.data(episode)["Played"]
    desk.act("restart", stay_down=True)
    with pytest.raises(requests.ConnectionError):
        desk.ask("/health")
    desk.act("start")
    assert desk.ask("/health").text == "Healthy"


@pytest.mark.parametrize(
    ("fault", "after"),
    [
        ({"name": "status", "status": 500, "body": "text", "when": "before"}, False),
        ({"name": "status", "status": 502, "when": "after"}, True),
        ({"name": "status", "status": 503, "retry_after": 5}, False),
        ({"name": "save_error"}, True),
    ],
)
def test_errors_before_and_after_a_write(desk: Desk, fault: dict[str, object], after: bool) -> None:
    """What was answered with an error may have been stored."""
    film = desk.film(FILM)["Id"]
    desk.tell("faults", method="POST", path="UserData", **fault)
    assert desk.ask(f"/UserItems/{film}/UserData?userId={desk.user()}", "POST", json={"Rating": 8}).status_code >= 500
    assert ("Rating" in desk.truth(film)) is after


def test_a_write_whose_answer_is_lost_is_stored(desk: Desk) -> None:
    """The connection is cut, or the client does not wait any longer; a reset lets the slow one go."""
    one, two = (row["Id"] for row in desk.items("includeItemTypes=Movie&limit=2"))
    desk.tell("faults", name="lost", method="POST", path="UserData")
    with pytest.raises(requests.ConnectionError):
        desk.data(one, "POST", {"Rating": 8})
    assert desk.truth(one)["Rating"] == 8
    desk.tell("faults", name="slow", path="^/Items", seconds=30)
    slow = f"{desk.url}/Items?userId={desk.user()}&recursive=true"
    with pytest.raises(requests.ReadTimeout):
        requests.get(slow, headers=desk.header(desk.key), timeout=0.2)
    assert requests.get(slow, headers=desk.header(desk.key), timeout=5).json()["TotalRecordCount"] > 150
    assert desk.data(two, "POST", {"Rating": 7})["Rating"] == 7


def test_half_a_listing_and_an_item_that_vanishes_between_pages(desk: Desk) -> None:
    """The total says what is missing; an item that goes makes the last page one shorter."""
    query = f"/Items?userId={desk.user()}&recursive=true&includeItemTypes=Movie&fields=Path"
    whole = desk.ask(query).json()
    desk.tell("faults", name="half_listing", share=0.5)
    half = desk.ask(query).json()
    assert (len(half["Items"]), half["TotalRecordCount"]) == (whole["TotalRecordCount"] // 2, whole["TotalRecordCount"])
    first = desk.ask(f"{query}&limit=5").json()["Items"]
    desk.act("remove_file", file=first[0]["Path"])
    desk.act("scan")
    rest = desk.ask(f"{query}&startIndex=5").json()["Items"]
    assert len(first) + len(rest) == whole["TotalRecordCount"] - 1


def test_a_migration_storm(desk: Desk) -> None:
    """#17877: many false Played, without a date, and no event."""
    hit = desk.act("migration_storm", person="Anna", every=2)
    played = desk.items("includeItemTypes=Episode&isPlayed=true")
    assert len(played) == hit > 20
    assert not any("LastPlayedDate" in row["UserData"] or row["UserData"]["PlayCount"] for row in played)


def test_the_date_follows_the_clock(desk: Desk) -> None:
    """A clock skew shows in the header and in what is stored."""
    desk.tell("clock", set="2030-01-01T00:00:00Z")
    film = desk.film(FILM)["Id"]
    answer = desk.ask(f"/UserPlayedItems/{film}?userId={desk.user()}", "POST")
    assert "2030" in answer.headers["Date"]
    assert datetime.fromisoformat(answer.json()["LastPlayedDate"]) - datetime(2030, 1, 1, tzinfo=UTC) < timedelta(
        minutes=1
    )
