"""Who may act for whom: codes, Home users, shared servers, and sentences where Plex forbids it."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.errors import AuthLost, BadAnswer, Outage, RateLimited, Refused, UserError
from sidecar.model import Feature, Secret
from sidecar.servers.known import Tokens
from sidecar.servers.plex.account import Handing, PlexSignIn, handed_out
from sidecar.servers.plex.server import PlexMedia
from sidecar.settings import Server
from sidecar.store.people import Account
from tests.servers.plex.conftest import CLIENT_ID, Home

URL = "http://127.0.0.1:8477/hooks/plex/den/secret"


def token(home: Home, person: str, kind: str = "account_token") -> Secret:
    return Secret(home.house.people[person][kind])


@pytest.fixture
def media(home: Home) -> PlexMedia:
    return PlexMedia(home.settings_of("account_token"), home.tv, CLIENT_ID, clock=home.clock)


@pytest.fixture
def handing(home: Home) -> Handing:
    return Handing(home.tv, token(home, "Anna"), home.machine, lambda each: home.client_of(each).is_owner())


def opens_the_server_only(home: Home) -> PlexMedia:
    """A server whose token in the settings does not count at plex.tv."""
    home.house.fault("plextv_error", status=401, path="/api/v2/user", times=None)
    return PlexMedia(home.settings_of("server_token"), home.tv, CLIENT_ID, clock=home.clock)


def test_a_code_of_four_letters_and_a_token_once_it_was_typed_in(home: Home) -> None:
    sign_in = PlexSignIn(home.tv)
    code = sign_in.begin()
    assert (len(code.code), code.where, code.seconds) == (4, "https://plex.tv/link", 900)
    assert sign_in.poll() is None
    home.house.act("sign_in", person="Ben", code=code.code)
    assert sign_in.poll() == token(home, "Ben")
    assert all("strong" not in row["query"] for row in home.rows())


def test_trouble_on_the_way_does_not_end_a_sign_in(home: Home) -> None:
    sign_in = PlexSignIn(home.tv)
    code = sign_in.begin()
    home.house.act("sign_in", person="Ben", code=code.code)
    for fault in (
        {"name": "plextv_error", "status": 429},
        {"name": "reset"},
        {"name": "html"},
        {"name": "status", "status": 500},
    ):
        home.house.fault(**fault, times=3)
        assert sign_in.poll() is None, fault
        home.house.tell("faults", clear=True)
    assert sign_in.interval > 2
    assert sign_in.poll() == token(home, "Ben")


def test_a_code_that_ran_out_says_so(home: Home) -> None:
    sign_in = PlexSignIn(home.tv)
    sign_in.begin()
    home.house.tell("clock", shift=901)
    with pytest.raises(UserError, match="The code ran out"):
        sign_in.poll()


def test_a_home_user_without_a_pin_gets_tokens_of_both_kinds(home: Home, handing: Handing) -> None:
    found = handing.tokens(home.number("Ben"))
    assert found.server == token(home, "Ben", "server_token").reveal()
    assert home.tv.who(Secret(found.account)).name == "Ben"
    assert handing.tokens(home.number("Greta")).server == token(home, "Greta", "server_token").reveal()


def test_a_pin_opens_who_is_protected_by_it(home: Home, handing: Handing) -> None:
    home.house.tell("switches", shared_servers=403)
    found = handing.tokens(home.number("Carla"), pin="1357")
    assert found.server == token(home, "Carla", "server_token").reveal()
    with pytest.raises(UserError, match="Carla is protected by a PIN"):
        handing.tokens(home.number("Carla"))
    with pytest.raises(UserError, match="Carla is protected by a PIN"):
        handing.tokens(home.number("Carla"), pin="0000")


def test_a_friend_gets_a_token_by_the_last_resort_as_long_as_plex_gives_it(home: Home, handing: Handing) -> None:
    assert handing.tokens(home.number("David")) == Tokens(token(home, "David", "server_token").reveal())
    home.house.tell("switches", shared_servers=403)
    closed = Handing(home.tv, token(home, "Anna"), home.machine, lambda each: False)
    with pytest.raises(UserError, match="does not hand out tokens of friends") as met:
        closed.tokens(home.number("David"))
    assert "--pin" in met.value.next_step


def test_the_owners_token_is_never_taken_for_a_friends(home: Home) -> None:
    trusting = Handing(home.tv, token(home, "Anna"), home.machine, lambda each: True)
    with pytest.raises(UserError):
        trusting.tokens(home.number("David"))


def test_an_age_profile_is_named_where_plex_gives_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.house.tell("switches", managed_profile="little_kid", shared_servers=403)
    handing = Handing(home.tv, token(home, "Anna"), home.machine, lambda each: False)
    home.house.fault("status", status=403, path="switch")
    with pytest.raises(UserError, match="age profile “little_kid”"):
        handing.tokens(home.number("Greta"))


def test_a_managed_user_whom_only_the_newer_switch_knows(home: Home, handing: Handing) -> None:
    home.house.fault("status", status=404, path="^/api/home/users/")
    assert handing.tokens(home.number("Greta")).server == token(home, "Greta", "server_token").reveal()
    assert [row["path"].split("/")[2] for row in home.sent()] == ["home", "v2"]


def test_a_pause_that_plex_tv_asks_for_ends_the_round(home: Home, handing: Handing) -> None:
    home.house.fault("plextv_error", status=429, after=2)
    found = handed_out(handing, {1: home.number("Ben"), 2: home.number("Finn"), 3: home.number("Greta")})
    assert list(found) == [1]


def test_a_sign_in_that_is_over_is_told_from_one_request_that_was_refused(home: Home) -> None:
    anna = token(home, "Anna")
    home.house.fault("plextv_error", status=498, path="resources")
    with pytest.raises(Refused, match="though it is signed in"):
        home.tv.server_token(anna, home.machine)
    home.house.act("revoke", person="Anna", kind="account")
    with pytest.raises(AuthLost, match="does not accept this sign-in any more") as met:
        home.tv.server_token(anna, home.machine)
    assert "--pin" in met.value.next_step


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"name": "plextv_error", "status": 429, "retry_after": 30}, RateLimited),
        ({"name": "plextv_error", "status": 520, "retry_after": 0}, Outage),
        ({"name": "html"}, BadAnswer),
        ({"name": "empty"}, BadAnswer),
        ({"name": "empty", "body": "{}"}, BadAnswer),
    ],
)
def test_trouble_of_plex_tv_never_asks_anybody_to_sign_in(
    home: Home, fault: dict[str, Any], error: type[Exception]
) -> None:
    home.house.fault(**fault, times=3)
    with pytest.raises(error) as met:
        home.tv.who(token(home, "Anna"))
    assert "ign in" not in str(met.value)


def test_webhooks_are_added_and_none_is_lost(home: Home) -> None:
    for url in ("https://other.example/a", "https://other.example/b"):
        home.house.act("webhook", person="Anna", url=url)
    anna = token(home, "Anna")
    home.tv.add_webhook(anna, URL)
    home.tv.add_webhook(anna, URL)
    assert home.tv.webhooks(anna) == ["https://other.example/a", "https://other.example/b", URL]
    assert len(home.sent()) == 1
    home.house.tell("switches", plex_pass=False)
    with pytest.raises(Refused):
        home.tv.add_webhook(anna, URL + "2")


def test_who_lives_there(home: Home, media: PlexMedia) -> None:
    users = {user.name: user for user in media.users()}
    assert users.keys() >= {"anna", "ben", "Carla", "david"}
    assert (users["anna"].id, users["anna"].admin) == ("1", True)
    assert users["anna"].plex == str(home.house.people["Anna"]["id"])
    assert users["ben"].plex == ""
    assert media.info().id == home.machine
    assert [library.name for library in media.libraries()] == [each.name for each in home.house.catalogue.libraries]


def test_plex_tv_is_not_needed_to_know_who_is_here(home: Home, media: PlexMedia) -> None:
    home.house.fault("plextv_error", status=500, times=None)
    assert len(media.users()) == 8
    assert media.hand_out([home.account("Ben"), home.account("Anna")]) == {}


def test_a_token_that_is_not_the_owners_is_said_to_be_that(home: Home) -> None:
    settings = Server("den", "plex", home.house.url, token(home, "Ben", "server_token"))
    media = PlexMedia(settings, home.tv, CLIENT_ID, clock=home.clock)
    with pytest.raises(UserError, match="not that of the server's owner"):
        media.users()
    assert any(finding.state == "warning" and "owner" in finding.what for finding in media.check())


def test_what_the_owner_may_give_is_given(home: Home, media: PlexMedia) -> None:
    names = ("Anna", "Ben", "Carla", "David", "Emma", "Finn", "Greta")
    accounts = {name: home.account(name) for name in names}
    home.house.tell("switches", shared_servers=403)
    found = media.hand_out(list(accounts.values()))
    given = {name for name, account in accounts.items() if account.id in found}
    assert given == {"Anna", "Ben", "Greta"}  # PINs of two, a friend, and somebody who sees nothing
    assert found[accounts["Anna"].id].account
    server_only = opens_the_server_only(home)
    assert server_only.hand_out([accounts["Anna"], accounts["Ben"]]) == {
        accounts["Anna"].id: Tokens(home.house.people["Anna"]["server_token"])
    }


def test_a_token_is_proved_to_be_of_the_right_account(home: Home, media: PlexMedia) -> None:
    ben, anna = home.account("Ben"), home.account("Anna")
    own = home.house.people["Ben"]
    assert media.prove(ben, token(home, "Ben")) == Tokens(own["server_token"], own["account_token"])
    assert media.prove(anna, token(home, "Anna")).account == home.house.people["Anna"]["account_token"]
    for account, person in ((ben, "Finn"), (anna, "Ben"), (ben, "Anna")):
        with pytest.raises(UserError, match=f"the sign-in of {person}, not of {account.name}"):
            media.prove(account, token(home, person))
    with pytest.raises(UserError, match="is not shared with the plex"):
        media.prove(home.account("Emma"), token(home, "Emma"))


def test_a_server_token_is_believed_where_plex_knows_whose_it_is(home: Home, media: PlexMedia) -> None:
    own = token(home, "Ben", "server_token")
    assert media.prove(home.account("Ben"), own) == Tokens(own.reveal())
    home.house.fault("plextv_error", status=401, path="/api/v2/user", times=1)
    own = token(home, "Anna", "server_token")
    assert media.prove(home.account("Anna"), own) == Tokens(own.reveal())
    for account, person in (("Ben", "Finn"), ("Anna", "Ben")):
        with pytest.raises(UserError, match="cannot be proved"):
            media.prove(home.account(account), token(home, person, "server_token"))


def test_hands_are_for_those_who_have_a_token(home: Home, media: PlexMedia) -> None:
    def hands(person: str, tokens: Tokens) -> object:
        return media.hands(home.account(person), tokens, home.inventory, libraries=None, favourites=False)

    assert hands("Ben", Tokens()) is None
    assert hands("Anna", Tokens()) is not None
    other = Account(9, "another machine", "1", "Anna", 1)
    reading = media.hands(other, Tokens(), home.inventory, libraries=None, favourites=False)
    assert reading is not None
    assert "Another server answers" in reading.complete(Feature.HISTORY).why
    assert hands("Ben", Tokens(home.house.people["Ben"]["server_token"])) is not None


def test_the_doctor_is_told_what_else_feeds_trakt(home: Home, media: PlexMedia) -> None:
    found = list(media.check())
    assert {finding.state for finding in found} == {"ok"}
    assert any("Library “Movies”:" in finding.what and "movies" in finding.what for finding in found)
    home.house.act("webhook", person="Anna", url="https://scrobbler.example/secret/path")
    home.tv._session.put(
        f"{home.house.url}/api/v2/user/view_state_sync?consent=true",
        headers={"X-Plex-Token": token(home, "Anna").reveal()},
    )
    said = " ".join(finding.what for finding in media.check() if finding.state != "ok")
    assert "scrobbler.example" in said
    assert "secret" not in said
    assert "carries watched states" in said
    server_only = opens_the_server_only(home)
    assert any("watchlist is out of reach" in finding.what for finding in server_only.check())


def test_signing_in_is_offered_by_the_server(home: Home, media: PlexMedia) -> None:
    assert media.sign_in(home.account("Ben")).begin().where == "https://plex.tv/link"
