"""Linking, the questions that only a person can answer, and unlinking; nothing of a token is ever readable."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sidecar.errors import NotLinked, Outage, SecretsLocked, UserError
from sidecar.model import Ids, Kind, Ref, Secret
from sidecar.store.keys import make_key
from sidecar.store.outbox import Outbox, State, Topic
from sidecar.store.people import People, TraktAccount
from sidecar.store.titles import Titles
from sidecar.store.vault import Vault
from sidecar.trakt.links import Linked, Question, read_token_file
from sidecar.trakt.wire import Token
from tests.fakes import START
from tests.trakt.conftest import World

PAIR = {"access_token": "a" * 64, "refresh_token": "b" * 64}
NOW = int(START.timestamp())


def accounts(world: World) -> dict[str, TraktAccount | None]:
    """Who is linked to what."""
    with world.store.read() as db:
        people = People(db)
        return {person.name: people.linked(person) for person in people.all()}


def names(world: World) -> dict[str, str]:
    """The same by name alone."""
    return {person: account.name if account else "" for person, account in accounts(world).items()}


def secrets(world: World) -> list[str]:
    """What the vault holds, by name."""
    with world.store.read() as db:
        return [row["name"] for row in db.query("SELECT name FROM secret ORDER BY name") if row["name"] != "check"]


def by_code(world: World, user: str) -> Token:
    """A new pair, as somebody gets it who types a code in."""
    code = world.service.auth.device_code()
    world.act("approve", user, user_code=code.user_code)
    *_, token = world.service.auth.wait_for(code, world.rest)
    assert isinstance(token, Token)
    return token


def queue(world: World, uuid: str, *, sent: bool = False) -> int:
    """A row of the outbox, perhaps in hand."""
    with world.store.write() as db:
        title = Titles(db).learn(Ref(Kind.MOVIE, Ids(trakt=345)))[0]
        key = f"row {uuid} {sent}"
        number = Outbox(db).put(uuid, title, Topic.PLAY, key=key, body={}, at=world.clock.now())
        assert number is not None
        if sent:
            Outbox(db).begin(number, world.clock.now(), 1)
    return number


def row_state(world: World, number: int) -> State:
    with world.store.read() as db:
        return Outbox(db).get(number).state


# Adoption ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "created", "life"),
    [
        (PAIR | {"expires_in": 86400, "created_at": 1_700_000_000, "scope": "public"}, 1_700_000_000, 86400),
        (PAIR | {"expires_in": "86400", "created_at": "1700000000", "token_type": None}, 1_700_000_000, 86400),
        (PAIR, 0, 604800),
        (PAIR | {"expires_in": None, "created_at": None}, 0, 604800),
        ({"trakt": PAIR | {"client_id": "ours"}, "plex": {}}, 0, 604800),
        ({"trakt": {"client_id": "ours"}, "auth": {"trakt": PAIR}}, 0, 604800),
        ({"trakt": "", "auth": {"trakt": PAIR | {"expires_at": 1_700_604_800}}}, 1_700_000_000, 604800),
        ({"trakt": PAIR | {"expires_at": "soon"}}, 0, 604800),
    ],
)
def test_a_pair_is_found_wherever_it_may_stand(tmp_path: Path, content: Any, created: int, life: int) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(content))
    assert read_token_file(path, "ours") == Token("a" * 64, "b" * 64, life, created)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        (b"", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b'{"access_token": "\xff"}', "not JSON"),
        (b'{"trakt": {"access_token"', "not JSON"),
        (b"[]", "no token pair"),
        (b'"text"', "no token pair"),
        (b'{"auth": []}', "no token pair"),
        (b'{"access_token": "a"}', "no token pair"),
        (b'{"access_token": "a b", "refresh_token": "c"}', "wrong form"),
        (b'{"access_token": [1], "refresh_token": {"a": 1}}', "wrong form"),
        (b'{"trakt": {"access_token": "a", "refresh_token": "b", "client_id": "another"}}', "another Trakt app"),
    ],
)
def test_a_file_without_a_pair_is_refused_in_a_sentence(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "token.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=words) as caught:
        read_token_file(path, "ours")
    assert caught.value.next_step
    assert str(path) in caught.value.what


def test_an_adopted_pair_is_proved_by_exactly_one_request_and_dated_now(world: World) -> None:
    token = msgspec.structs.replace(world.token("ben"), created_at=0)
    assert world.service.links.link("Ben", token, adopted=True) == Linked("Ben", "ben", vip=False)
    assert world.asked() == ["GET /users/settings"]
    account = accounts(world)["Ben"]
    assert account is not None
    assert (account.state, account.proved_at) == ("connected", START)
    assert account.limits["watchlist"] == {"item_count": 250}
    world.later(seconds=604800 * 0.8)
    world.service.client.last_activities(account.uuid)
    assert world.asked()[1] == "POST /oauth/token"


def test_a_token_that_trakt_does_not_accept_links_and_stores_nothing(world: World) -> None:
    with pytest.raises(UserError, match="does not accept this token") as caught:
        world.service.links.link("Ben", Token("x" * 64, "y" * 64), adopted=True)
    assert (caught.value.exit_code, "sidetrakt link Ben" in caught.value.next_step) == (2, True)
    assert (accounts(world), secrets(world), world.asked()) == ({}, [], ["GET /users/settings"])


def test_an_outage_at_the_proof_costs_no_pair_that_somebody_typed_a_code_for(world: World) -> None:
    token = by_code(world, "ben")
    world.fault("status", status=502, path="/users/settings", times=2)
    assert isinstance(world.service.links.link("Ben", token), Linked)
    assert [row["status"] for row in world.log(path="/users/settings")] == [502, 502, 200]
    assert list(names(world)) == ["Ben"]


def test_a_longer_outage_at_the_proof_links_nothing(world: World) -> None:
    world.fault("status", status=502, path="/users/settings", times=None)
    with pytest.raises(Outage):
        world.service.links.link("Ben", world.token("ben"))
    assert (accounts(world), secrets(world)) == ({}, [])


def test_with_locked_secrets_nobody_is_asked(world: World) -> None:
    world.vault = Vault((), world.clock)
    with pytest.raises(SecretsLocked):
        world.service.links.link("Ben", world.token("ben"))
    assert world.asked() == []


def test_only_known_persons_can_be_linked_where_servers_name_them(world: World) -> None:
    with pytest.raises(UserError, match="no person named Ben"):
        world.service.links.link("Ben", world.token("ben"), may_make=False)
    assert (accounts(world), secrets(world)) == ({}, [])


# Questions -----------------------------------------------------------------------------------------------------------


def test_an_account_that_somebody_has_already_raises_a_question_that_is_answered_later(world: World) -> None:
    uuid = world.link("ben")
    question = world.service.links.link("Finn", by_code(world, "ben"))
    assert isinstance(question, Question)
    assert "ben is linked to Ben already. Do they share" in question.text
    assert question.answers == ("shared", "no")
    assert names(world) == {"Ben": "ben", "Finn": ""}
    world.restart()  # the answer comes from another process
    assert world.service.links.answer("finn", "shared") == Linked("Finn", "ben", vip=False)
    assert names(world) == {"Ben": "ben", "Finn": "ben"}
    assert secrets(world) == [f"trakt:{uuid}"]
    world.service.client.last_activities(uuid)
    with pytest.raises(UserError, match="Nothing waits"):
        world.service.links.answer("Finn", "shared")


def test_linking_again_those_who_share_asks_nothing(world: World) -> None:
    world.link("ben")
    world.service.links.link("Finn", by_code(world, "ben"))
    world.service.links.answer("Finn", "shared")
    assert isinstance(world.service.links.link("Finn", by_code(world, "ben")), Linked)
    assert isinstance(world.service.links.link("Ben", by_code(world, "ben")), Linked)


def test_no_ends_the_new_pair_and_leaves_the_old_link_alone(world: World) -> None:
    uuid = world.link("ben")
    world.service.links.link("Finn", by_code(world, "ben"))
    assert world.state("ben")["tokens"] == 2
    assert world.service.links.answer("Finn", "no") is None
    assert (world.state("ben")["tokens"], secrets(world)) == (1, [f"trakt:{uuid}"])
    world.service.client.last_activities(uuid)
    assert names(world) == {"Ben": "ben", "Finn": ""}


def test_no_to_an_adopted_pair_leaves_the_login_of_the_other_tool_alone(world: World) -> None:
    world.link("ben")
    world.service.links.link("Finn", by_code(world, "ben"), adopted=True)
    world.service.links.answer("Finn", "no")
    assert (world.state("ben")["tokens"], world.asked().count("POST /oauth/revoke")) == (2, 0)


def test_another_account_takes_the_place_of_the_former_one_only_when_a_person_says_so(world: World) -> None:
    former = world.link("anna", "Ann")
    waiting = queue(world, former)
    question = world.service.links.link("Ann", world.token("ben"))
    assert isinstance(question, Question)
    assert "Ann is linked to anna now. Replace it by ben?" in question.text
    assert "put aside" in question.text
    assert question.answers == ("replace", "no")
    assert names(world) == {"Ann": "anna"}
    assert row_state(world, waiting) is State.DUE
    with pytest.raises(UserError, match="does not answer this"):
        world.service.links.answer("Ann", "shared")
    assert world.service.links.answer("Ann", "replace") == Linked("Ann", "ben", vip=False)
    assert names(world) == {"Ann": "ben"}
    assert (row_state(world, waiting), world.state("anna")["tokens"]) == (State.GIVEN_UP, 0)
    assert len(secrets(world)) == 1


def test_two_questions_are_asked_one_after_the_other(world: World) -> None:
    world.link("anna")
    world.link("ben")
    first = world.service.links.link("Anna", by_code(world, "ben"))
    second = world.service.links.answer("Anna", "replace")
    assert isinstance(first, Question)
    assert isinstance(second, Question)
    assert (first.answers, second.answers) == (("replace", "no"), ("shared", "no"))
    assert names(world) == {"Anna": "anna", "Ben": "ben"}
    world.restart()
    assert world.service.links.answer("Anna", "shared") == Linked("Anna", "ben", vip=False)
    assert names(world) == {"Anna": "ben", "Ben": "ben"}


def test_a_question_whose_reason_is_gone_is_answered_by_any_yes(world: World) -> None:
    world.link("ben")
    world.service.links.link("Finn", by_code(world, "ben"))
    world.service.links.unlink("Ben")
    assert isinstance(world.service.links.answer("Finn", "shared"), Linked)
    assert names(world) == {"Ben": "", "Finn": "ben"}


def test_a_rename_on_trakt_is_noted_by_the_daily_check_in_the_same_row(world: World) -> None:
    uuid = world.link("anna", "Ann")
    settings = {"user": {"username": "anna-maria", "vip": False, "ids": {"slug": "anna-maria", "uuid": uuid}}}
    world.later(days=1)
    world.fault("empty", body=json.dumps(settings), path="/users/settings")
    world.service.check_links()
    account = accounts(world)["Ann"]
    assert account is not None
    assert (account.uuid, account.name, account.limits) == (uuid, "anna-maria", {"vip": False})
    assert account.proved_at == START + timedelta(days=1)
    with world.store.read() as db:
        assert db.execute("SELECT count(*) FROM trakt_account").fetchone()[0] == 1


def test_one_account_in_trouble_keeps_no_other_from_its_check(world: World) -> None:
    world.link("anna")
    world.link("ben")
    world.later(days=1)
    world.fault("status", status=503, path="/users/settings", user="anna", times=None)
    world.service.check_links()
    proved = {account.name: account.proved_at for account in accounts(world).values() if account}
    assert proved["anna"] == START
    assert proved["ben"] is not None
    assert proved["ben"] >= START + timedelta(days=1)


def test_told_to_stop_the_check_of_links_ends_without_an_error(world: World) -> None:
    world.link("anna")
    world.fault("status", status=503, path="/users/settings", times=None)
    world.stop = True
    world.service.check_links()


# Unlinking -----------------------------------------------------------------------------------------------------------


def test_unlinking_cancels_wipes_and_revokes_once_and_changes_nothing_on_trakt(world: World) -> None:
    uuid, ben = world.link("anna"), world.link("ben")
    due, sent, of_ben = queue(world, uuid), queue(world, uuid, sent=True), queue(world, ben)
    world.act("watch", movies=[{"ids": {"trakt": 345}}])
    before = world.state() | {"tokens": 0}
    side = world.service.side(uuid)
    world.forget_log()
    done = world.service.links.unlink("anna")
    assert (done.person, done.account, done.told, done.others) == ("Anna", "anna", True, ())
    assert world.asked() == ["POST /oauth/revoke"]
    assert world.state() == before
    assert names(world) == {"Anna": "", "Ben": "ben"}
    assert secrets(world) == [f"trakt:{ben}"]
    assert [row_state(world, number) for number in (due, sent, of_ben)] == [State.GIVEN_UP, State.GIVEN_UP, State.DUE]
    for call in (world.service.client.last_activities, lambda uuid: world.service.client.write(uuid, "ratings", {})):
        with pytest.raises(NotLinked):
            call(uuid)
    assert not side.is_configured()
    world.service.check_links()
    assert {row["user"] for row in world.log()[1:]} == {"ben"}
    with pytest.raises(UserError, match="Anna is not linked"):
        world.service.links.unlink("Anna")


@pytest.mark.parametrize(("name", "args"), [("status", {"status": 503}), ("reset", {}), ("html", {"status": 403})])
def test_the_pair_is_wiped_even_when_trakt_cannot_be_told(world: World, name: str, args: dict[str, Any]) -> None:
    world.link("anna")
    world.fault(name, **args, path="/oauth/revoke", times=None)
    assert world.service.links.unlink("Anna").told is False
    assert (secrets(world), names(world)) == ([], {"Anna": ""})
    assert world.asked().count("POST /oauth/revoke") == 1


def test_unlinking_one_of_two_who_share_keeps_the_link_of_the_other(world: World) -> None:
    uuid = world.link("ben")
    world.service.links.link("Finn", by_code(world, "ben"))
    world.service.links.answer("Finn", "shared")
    row = queue(world, uuid)
    world.forget_log()
    assert world.service.links.unlink("Ben").others == ("Finn",)
    assert world.asked() == []
    world.service.client.last_activities(uuid)
    assert row_state(world, row) is State.DUE
    assert names(world) == {"Ben": "", "Finn": "ben"}
    assert world.service.links.unlink("Finn").others == ()
    assert secrets(world) == []


def test_unlinking_closes_the_alert_and_a_dead_link_can_be_ended(world: World) -> None:
    world.link("anna")
    world.act("revoke_tokens")
    world.service.check_links()
    assert len(world.alerts()) == 1
    world.service.links.unlink("Anna")
    assert (world.alerts(), secrets(world)) == ([], [])


# Privacy -------------------------------------------------------------------------------------------------------------


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_no_token_and_no_code_is_readable_in_any_file_or_error(world: World) -> None:
    anna, ben = world.token("anna"), by_code(world, "ben")
    code = world.service.auth.device_code()
    uuid = world.link("anna")
    fresh = world.service.tokens.renew(uuid, Secret(anna.access_token))
    world.service.links.link("Anna", ben)  # waits for an answer
    world.act("revoke_tokens")
    problems = []
    calls: list[Callable[[], Any]] = [
        lambda: world.service.client.last_activities(uuid),
        lambda: world.service.links.link("Anna", Token("canary-access", "canary-refresh")),
    ]
    for call in calls:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is, it must not show a token
            call()
        problems.append(str(caught.value) + repr(caught.value))
    alerts = [alert.what + alert.next_step for alert in world.alerts()]
    written = everything(world.store.path.parent).decode("latin-1") + "".join(problems + alerts)
    assert "anna" in written
    told = (anna.access_token, anna.refresh_token, ben.access_token, ben.refresh_token, fresh.reveal())
    for secret in (*told, code.device_code, "canary-access", "canary-refresh"):
        assert secret not in written


def test_each_token_is_kept_out_of_the_log_as_soon_as_it_is_known(world: World) -> None:
    told: list[str] = []
    world.vault = Vault((make_key(),), world.clock, told.append)
    uuid, token, waits = world.link("anna"), world.token("anna"), by_code(world, "ben")
    fresh = world.service.tokens.renew(uuid, Secret(token.access_token))
    world.service.links.link("Anna", waits)
    kept = {token.access_token, token.refresh_token, waits.access_token, waits.refresh_token, fresh.reveal()}
    assert kept <= set(told)


def test_a_linking_asks_trakt_only_who_the_account_is(world: World) -> None:
    world.link("ben")
    world.service.links.link("Finn", by_code(world, "ben"))
    world.service.links.answer("Finn", "shared")
    world.service.check_links()
    world.service.links.unlink("Ben")
    world.service.links.unlink("Finn")
    who, code, poll = "GET /users/settings", "POST /oauth/device/code", "POST /oauth/device/token"
    assert set(world.asked()) == {who, code, poll, "POST /oauth/revoke"}


def test_sign_in_goes_to_the_auth_host_alone_and_needs_no_password(world: World) -> None:
    nowhere = "http://127.0.0.1:9"
    world.restart(auth_url=nowhere)
    uuid = world.link("anna")
    world.service.client.last_activities(uuid)
    assert not world.log(path="/oauth")
    world.restart(auth_url=world.simulator.url, api_url=nowhere)
    by_code(world, "anna")
    world.service.tokens.renew(uuid, Secret(world.token("anna").access_token))
    world.service.links.unlink("Anna")
    assert {row["path"].split("/")[1] for row in world.log() if row["method"] == "POST"} == {"oauth"}
    keys = {key for body in world.sent("/oauth/") for key in body}
    known = {"client_id", "client_secret", "code", "grant_type", "redirect_uri", "refresh_token", "token"}
    assert keys == known
    root = Path(__file__).resolve().parents[2] / "sidecar"
    for path in [*(root / "trakt").glob("*.py"), root / "cli" / "link.py", root / "commands" / "links.py"]:
        assert "password" not in path.read_text().lower()
