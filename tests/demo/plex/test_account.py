"""plex.tv: sign-in, PINs, users, Home, resources, shared servers and webhooks, with the real plexapi."""

from typing import Any

import pytest
import requests
from plexapi.exceptions import BadRequest, NotFound, Unauthorized

from tests.demo.plex.client import MyPlexAccount, MyPlexPinLogin, PlexServer
from tests.demo.plex.conftest import House


def test_the_account_behind_a_token(house: House) -> None:
    account = house.account()
    assert (account.username, account.id, account.subscriptionActive) == ("anna", house.people["Anna"]["id"], True)
    assert "webhooks" in account.subscriptionFeatures
    assert account.authToken == house.people["Anna"]["account_token"]
    shown = house.ask("/api/v2/user").json()
    assert (shown["home"], shown["homeAdmin"], shown["subscription"]["features"]) == (True, True, ["webhooks", "home"])
    managed = house.ask("/api/v2/user", "Carla").json()
    assert (managed["username"], managed["email"], managed["restricted"]) == ("", "", True)


def test_a_bad_token_is_401_in_xml(house: House) -> None:
    answer = requests.get(f"{house.url}/api/v2/user", headers={"X-Plex-Token": "x"}, timeout=5)
    assert (answer.status_code, "1001" in answer.text, answer.text[:5]) == (401, True, "<?xml")
    with pytest.raises(Unauthorized):
        MyPlexAccount(token="x", session=house.session)


def test_server_tokens_name_the_account_for_the_owner_only(house: House) -> None:
    assert house.server().myPlexAccount().id == house.people["Anna"]["id"]
    with pytest.raises(Unauthorized):
        house.server("Ben").myPlexAccount()


@pytest.mark.parametrize("oauth", [True, False])
def test_pin_sign_in(house: House, oauth: bool) -> None:
    login = MyPlexPinLogin(session=house.session, oauth=oauth)
    code = login.oauthUrl() if oauth else login.pin
    assert ("context" in code) if oauth else len(code) == 4
    assert login.checkLogin() is False
    house.act("sign_in", person="Ben")
    assert login._checkLogin() is True
    assert login.token == house.people["Ben"]["account_token"]
    line = "POST plex.tv/api/v2/pins" + ("?strong=True" if oauth else "")
    assert house.lines[:2] == [line, "GET plex.tv/api/v2/pins/77000001"]


@pytest.mark.parametrize(("strong", "life"), [("?strong=true", 1800), ("", 900)])
def test_pins_end(house: House, strong: str, life: int) -> None:
    pin = house.ask(f"/api/v2/pins{strong}", None, "POST").json()
    assert (pin["expiresIn"], pin["authToken"]) == (life, None)
    house.tell("clock", shift=life - 1)
    assert house.ask(f"/api/v2/pins/{pin['id']}", None).json()["expiresIn"] == 1
    house.tell("clock", shift=1)
    assert house.ask(f"/api/v2/pins/{pin['id']}", None).status_code == 404
    assert house.ask("/api/v2/pins/1", None).status_code == 404


def test_a_pin_can_be_linked_with_its_code(house: House) -> None:
    pin = house.ask("/api/v2/pins", None, "POST").json()
    house.account("Ben").link(pin["code"].lower())
    assert house.ask(f"/api/v2/pins/{pin['id']}", None).json()["authToken"] == house.people["Ben"]["account_token"]
    with pytest.raises(NotFound):
        house.account("Ben").link("WXYZ")


def test_users_without_the_owner(house: House) -> None:
    users = {user.title: user for user in house.account().users()}
    assert set(users) == {"Ben", "Carla", "David", "Emma", "Finn", "Greta", "Zoë Åkesson"}
    assert (users["Carla"].home, users["Carla"].restricted, users["Carla"].protected) == (True, "1", True)
    assert (users["David"].home, users["David"].restricted, users["David"].servers[0].name) == (False, "0", "Loft")
    assert users["Emma"].servers == []
    assert house.account("Ben").users() == []


def test_home_users_in_both_versions(house: House) -> None:
    account = house.account()
    rows = {e.attrib["title"]: e.attrib for e in account.query("https://plex.tv/api/home/users")}
    assert set(rows) == {"Anna", "Ben", "Carla", "Finn", "Greta"}
    assert (rows["Anna"]["admin"], rows["Finn"]["protected"], rows["Greta"]["restricted"]) == ("1", "1", "1")
    assert "restrictionProfile" not in rows["Carla"]
    house.tell("switches", managed_profile="little_kid")
    second = {user["title"]: user for user in house.ask("/api/v2/home/users").json()["users"]}
    assert (second["Carla"]["restrictionProfile"], second["Ben"].get("restrictionProfile")) == ("little_kid", None)
    assert house.ask("/api/home/users", "David").json()["MediaContainer"]["size"] == 0


@pytest.mark.parametrize(("name", "pin"), [("Carla", "1357"), ("Greta", None), ("Finn", "0042")])
def test_home_switch_leads_to_a_server_token(house: House, name: str, pin: str | None) -> None:
    switched = house.account().switchHomeUser(name, pin)
    assert switched.title == name
    with pytest.raises(Unauthorized):
        PlexServer(house.url, switched.authToken, session=house.session)
    resource = switched.resource("Loft")
    assert resource.accessToken == house.people[name]["server_token"]
    assert PlexServer(house.url, resource.accessToken, session=house.session).library.sections()


@pytest.mark.parametrize(("who", "pin", "status"), [("Carla", "", 401), ("Carla", "0000", 401), ("David", "", 404)])
def test_home_switch_is_refused(house: House, who: str, pin: str, status: int) -> None:
    for path in (f"/api/home/users/{house.people[who]['id']}", f"/api/v2/home/users/{house.people[who]['uuid']}"):
        assert house.ask(f"{path}/switch?pin={pin}", method="POST").status_code == status
    assert house.ask(f"/api/home/users/{house.people['Ben']['id']}/switch", "David", "POST").status_code == 404


def test_home_switch_of_the_second_version(house: House) -> None:
    path = f"/api/v2/home/users/{house.people['Carla']['uuid']}/switch?pin=1357"
    answer = house.ask(path, method="POST")
    assert answer.status_code == 201
    token = answer.json()["authToken"]
    assert house.ask("/api/v2/user", None, headers={"X-Plex-Token": token}).json()["title"] == "Carla"


def test_resources_give_everybody_their_own_token_and_connect(house: House) -> None:
    resources = house.account().resources()
    assert [(r.name, r.provides, r.owned) for r in resources] == [
        ("Loft", "server", True), ("Tablet", "client,player,pubsub-player", True)]  # fmt: skip
    assert resources[0].connect().machineIdentifier == house.signins["machine_identifier"]
    friend = house.account("David").resource("Loft")
    assert (friend.owned, friend.accessToken) == (False, house.people["David"]["server_token"])
    assert [r.name for r in house.account("Emma").resources()] == ["Tablet"]
    (server, _) = house.ask("/api/v2/resources").json()
    assert (server["owned"], server["ownerId"], server["connections"][0]["local"]) == (True, None, True)


def test_shared_servers_until_they_are_closed(house: House) -> None:
    machine = house.signins["machine_identifier"]
    users = {user.title: user for user in house.account().users()}
    assert users["David"].get_token(machine) == house.people["David"]["server_token"]
    assert house.ask(f"/api/servers/{machine}/shared_servers", "Ben").status_code == 404
    for status in (403, 404):
        house.tell("switches", shared_servers=status)
        assert users["David"].get_token(machine) is None
        assert house.ask(f"/api/servers/{machine}/shared_servers").status_code == status


def test_webhooks_are_replaced_as_a_whole(house: House) -> None:
    first, fresh = house.account(), house.account()
    assert first.setWebhooks(["http://127.0.0.1:1/a", "http://127.0.0.1:1/b"]) == first.webhooks()
    fresh.addWebhook("http://127.0.0.1:1/c")  # a fresh object wipes the others
    assert first.webhooks() == ["http://127.0.0.1:1/c"]
    first.deleteWebhook("http://127.0.0.1:1/c")
    assert house.account().webhooks() == []


def test_without_plex_pass_there_are_no_webhooks(house: House) -> None:
    house.tell("switches", plex_pass=False)
    account = house.account()
    assert (account.subscriptionActive, account.subscriptionFeatures) == (False, [])
    with pytest.raises(BadRequest, match="403"):
        account.addWebhook("http://127.0.0.1:1/a")
    house.tell("switches", plex_pass=True)
    assert house.ask("/api/v2/user/webhooks", "Carla").status_code == 403


def test_ping_and_view_state_sync(house: House) -> None:
    account = house.account()
    assert account.ping() is True
    seen = [account.viewStateSync]
    for change in (account.enableViewStateSync, account.disableViewStateSync):
        change()
        seen.append(account.viewStateSync)
    assert seen == [False, True, False]


@pytest.mark.parametrize("kind", ["account", "server"])
def test_a_revoked_token_is_401_and_the_next_sign_in_gives_another(house: House, kind: str) -> None:
    house.act("revoke", person="Ben", kind=kind)
    path = {"account": "/api/v2/user", "server": "/library/sections"}[kind]
    assert house.ask(path, "Ben").status_code == 401
    assert house.ask(path, "Anna").status_code == 200
    pin = house.ask("/api/v2/pins?strong=true", None, "POST").json()
    house.act("sign_in", person="Ben", code=pin["code"])
    token = house.ask(f"/api/v2/pins/{pin['id']}", None).json()["authToken"]
    found: list[Any] = house.ask("/api/v2/resources", None, headers={"X-Plex-Token": token}).json()
    assert house.ask("/library/sections", None, headers={"X-Plex-Token": found[0]["accessToken"]}).status_code == 200
