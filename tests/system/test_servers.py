"""The commands about media servers, as whole processes against simulated ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.household import Household, living
from tests.system.conftest import Sidetrakt


@pytest.fixture(scope="module")
def household() -> Iterator[Household]:
    with living() as made:
        yield made


@pytest.fixture
def here(sidetrakt: Sidetrakt, household: Household) -> Sidetrakt:
    household.reset()
    sidetrakt.folder.mkdir(mode=0o700)
    (sidetrakt.folder / "sidetrakt.toml").write_text(household.toml())
    return sidetrakt


def test_a_newcomer_sees_who_is_there_joins_two_and_looks(here: Sidetrakt) -> None:
    first = here("people")
    assert first.returncode == 0, first.stderr
    assert "anna@den" in first.stdout
    joined = here("people", "join", "Anna", "anna@den")
    assert "anna@den is Anna now, with 2 accounts" in joined.stdout
    anna = next(each for each in here.json("people") if each["name"] == "Anna")
    assert {(each["server"], each["token"]) for each in anna["accounts"]} == {("home", True), ("den", True)}
    for server in ("home", "den"):
        looked = here("look", "Anna", "collection", "--side", server)
        assert looked.returncode == 0, looked.stderr
        assert "all of it was read" in looked.stdout
        assert "Movies" in looked.stdout
    history = here.json("look", "Anna", "history", "--side", "home")
    assert (history["complete"], history["scope"]) == (True, "full")
    unmatched = here.json("unmatched")
    assert {each["server"] for each in unmatched} == {"home", "den"}
    assert all(each["reason"] and each["library"] for each in unmatched)
    assert "could not be matched" in here("unmatched").stdout


def test_asking_for_a_side_that_is_not_there_says_what_there_is(here: Sidetrakt) -> None:
    here("people")
    for words, said in (
        (("look", "Anna", "history", "--side", "attic"), "There are accounts on: home"),
        (("look", "Anna", "watchlist", "--side", "home"), "watchlist_place.jellyfin=favourites"),
        (("look", "Anna", "history"), "not linked to Trakt"),
        (("account", "Anna@attic", "--token-file", "/dev/null"), "does not hold one token"),
        (("account", "Anna@home"), "either --pin or --token-file"),
    ):
        done = here(*words)
        assert done.returncode == 2
        assert said in done.stdout + done.stderr


def test_a_token_is_brought_in_a_file_and_proved(here: Sidetrakt, household: Household, tmp_path: Path) -> None:
    household.controls["plex"].switches["shared_servers"] = 403
    assert "no token" in here("people").stdout
    token = tmp_path / "token"
    token.write_text(household.people["Ben"]["account_token"] + "\n")
    wrong = here("account", "david@den", "--token-file", str(token))
    assert wrong.returncode == 2
    assert "not of david" in wrong.stderr
    token.write_text(household.people["David"]["account_token"])
    right = here("account", "david@den", "--token-file", str(token))
    assert "is proved; the token is good for server and plex.tv" in right.stdout
    assert here.json("look", "david@den", "watchlist", "--side", "den")["complete"]


def test_a_code_is_typed_in_at_plex_or_in_jellyfin(here: Sidetrakt, household: Household) -> None:
    household.controls["plex"].switches["shared_servers"] = 403
    here("people")

    for service, account, person in (("plex", "david@den", "David"), ("jellyfin", "Ben@home", "Ben")):
        process = here.start("account", account, "--pin")
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        assert any("type in" in line for line in lines)
        code = next(line.strip() for line in lines if line.strip())
        household.act(service, "sign_in" if service == "plex" else "allow_code", person=person, code=code)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0, err
        assert "is proved" in out


def test_the_doctor_looks_at_every_server_and_says_what_to_do(here: Sidetrakt, household: Household) -> None:
    assert "not reached yet" in here("doctor").stdout
    here("people")
    text = here("doctor").stdout
    for words in ("Jellyfin home: the token acts for all 4 users", "Movies (", "The token is the owner's"):
        assert words in text
    household.fault("jellyfin", "status", status=401, times=20)
    broken = here("doctor")
    assert broken.returncode == 2
    assert "Give a new one" in broken.stdout


def test_a_server_that_is_away_leaves_the_other_usable(here: Sidetrakt, household: Household) -> None:
    household.fault("plex", "status", status=503, times=100)
    said = here("people")
    assert "den:" in said.stdout
    assert "Anna@home" in said.stdout
    assert here("look", "Anna", "history", "--side", "home").returncode == 0
