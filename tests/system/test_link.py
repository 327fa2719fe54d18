"""Linking with whole processes: who leaves, who races, who is killed between Trakt's answer and our commit."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flask
import pytest

from sidecar.demo.control import Control
from sidecar.demo.listen import Listener
from sidecar.demo.trakt import make_app, signins
from sidecar.store.alerts import Alerts
from sidecar.store.db import look_into
from sidecar.store.people import People
from tests.demo.trakt.conftest import catalogue
from tests.system.conftest import Running, Sidetrakt
from tests.trakt.asked import contract_here, listen_to

Up = Callable[..., Running]
POLL, TOKEN = "/oauth/device/token", "/oauth/token"
KILLED_BEFORE_COMMIT = """
import os, signal, sys
from sidecar.cli import main
from sidecar.trakt.tokens import Tokens
Tokens.put = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
main(sys.argv[1:])
"""


@dataclass
class Trakt:
    """The simulated Trakt of a test, in a hurry: codes are polled every second, which it takes for five."""

    url: str
    control: Control
    told: list[dict[str, Any]] = field(default_factory=list)  # what it answered to calls of the sign-in

    def act(self, do: str, user: str = "anna", **said: Any) -> Any:
        return self.control.acts[do]({"do": do, "user": user, **said})

    def rows(self, path: str) -> list[dict[str, Any]]:
        return [row for row in self.control.log if row["path"] == path]

    def next_row(self, path: str, wait: float = 15) -> bool:
        """Whether such a request comes within that many seconds."""
        since = self.control.count
        while rows := self.control.rows(since, wait)["rows"]:
            if any(row["path"] == path for row in rows):
                return True
            since = rows[-1]["n"]
        return False


@pytest.fixture
def trakt() -> Iterator[Trakt]:
    control = Control("trakt")
    app = make_app(catalogue(), control)

    @app.before_request
    def hurry() -> None:
        if flask.request.path == POLL:
            control.clock.shift(5)

    @app.after_request
    def often(answer: flask.Response) -> flask.Response:
        if flask.request.path == "/oauth/device/code":
            answer.set_data(answer.get_data().replace(b'"interval":5', b'"interval":1'))
        if flask.request.path.startswith("/oauth/") and answer.status_code == 200:
            made.told.append(answer.get_json())
        return answer

    heard = listen_to(app, contract_here())
    listener = Listener(app).start()
    made = Trakt(listener.url, control)
    yield made
    control.faults.clear()
    listener.close()
    assert heard.wrong == []


@pytest.fixture
def linked_to(sidetrakt: Sidetrakt, trakt: Trakt) -> Sidetrakt:
    """The command, with settings that lead to the simulated Trakt."""
    signin = signins(catalogue())
    sidetrakt.environ |= {
        "SIDETRAKT_TRAKT__CLIENT_ID": signin["client_id"],
        "SIDETRAKT_TRAKT__CLIENT_SECRET": signin["client_secret"],
        "SIDETRAKT_TRAKT__GET_PER_SECOND": "50",
        "SIDETRAKT_TRAKT__API_URL": trakt.url,
        "SIDETRAKT_TRAKT__AUTH_URL": trakt.url,
    }
    return sidetrakt


def adopt(sidetrakt: Sidetrakt, user: str = "anna", **more: Any) -> subprocess.CompletedProcess[str]:
    """Link a person with the pair that is valid from the start."""
    path = sidetrakt.folder.parent / f"{user}.json"
    path.write_text(json.dumps(signins(catalogue())["users"][user] | more))
    before = path.read_bytes()
    done = sidetrakt("link", user.capitalize(), "--token-file", str(path))
    assert path.read_bytes() == before
    return done


def begin(sidetrakt: Sidetrakt, *words: str) -> subprocess.Popen[str]:
    """A command that goes on."""
    return subprocess.Popen(
        [sys.executable, "-m", "sidecar", *words],
        env=sidetrakt.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def code_of(process: subprocess.Popen[str]) -> str:
    """The code that it shows."""
    assert process.stdout is not None
    for line in process.stdout:
        if len(line.strip()) == 8 and line.strip().isalnum():
            return line.strip()
    raise AssertionError("no code was shown")


def link_state(sidetrakt: Sidetrakt) -> tuple[str, int]:
    """The state of the one account, and how many alerts are open."""
    with look_into(sidetrakt.folder) as db:
        assert db is not None
        (account,) = People(db).trakt_accounts()
        return account.state, len(Alerts(db).open_ones())


@pytest.mark.parametrize("running", [True, False], ids=["handed over", "by itself"])
def test_a_code_links_and_is_polled_no_longer_than_somebody_waits(
    linked_to: Sidetrakt, trakt: Trakt, up: Up, running: bool
) -> None:
    if running:
        up()
    with begin(linked_to, "link", "Anna") as process:
        code_of(process)
        assert trakt.next_row(POLL)
        process.send_signal(signal.SIGKILL if running else signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert (process.returncode, err.strip()) == ((-signal.SIGKILL, "") if running else (130, "✗ Stopped."))
    if running:
        trakt.next_row(POLL, 1.2)  # the one that was due within the interval
        assert not trakt.next_row(POLL, 1.6)
    with begin(linked_to, "link", "Anna") as process:
        trakt.act("approve", user_code=code_of(process))
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert "✓ Anna is linked to the Trakt VIP account anna." in out
    assert linked_to.json("people")[0]["trakt"]["state"] == "connected"


@pytest.mark.parametrize("running", [True, False], ids=["handed over", "by itself"])
def test_five_commands_at_once_with_an_expired_token_renew_it_once(
    linked_to: Sidetrakt, trakt: Trakt, up: Up, running: bool
) -> None:
    assert adopt(linked_to, created_at=1_700_000_000).returncode == 0
    trakt.act("expire_tokens")
    trakt.control.faults.arm({"name": "slow", "seconds": 0.5, "path": f"^{TOKEN}$"})
    if running:
        up()
    processes = [begin(linked_to, "look", "Anna", "watchlist", "--json") for _ in range(5)]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, ""), err
        assert json.loads(out)["complete"] is True
    assert [row["status"] for row in trakt.rows(TOKEN)] == [200]


def test_killed_between_the_answer_and_the_commit_there_is_no_half_pair_and_one_alert(
    linked_to: Sidetrakt, trakt: Trakt, up: Up
) -> None:
    adopt(linked_to)
    trakt.act("expire_tokens")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_BEFORE_COMMIT, "look", "Anna", "watchlist"],
        env=linked_to.environ,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert [row["status"] for row in trakt.rows(TOKEN)] == [200]
    assert link_state(linked_to) == ("connected", 0)  # the old pair, whole; that it is dead nobody can know yet
    running = up()  # which checks the links when it starts
    assert trakt.next_row(TOKEN) or trakt.rows(TOKEN)[1:]
    for _ in range(2):
        found = linked_to("look", "Anna", "watchlist")
        assert found.returncode == 2
        assert "Trakt no longer accepts this link." in found.stderr
        assert "sidetrakt link Anna" in found.stderr
    assert [row["status"] for row in trakt.rows(TOKEN)] == [200, 400]
    assert link_state(linked_to) == ("attention", 1)
    assert "needs attention: Trakt no longer accepts this link." in linked_to("people").stdout
    with begin(linked_to, "link", "Anna") as process:
        trakt.act("approve", user_code=code_of(process))
        process.communicate(timeout=20)
    assert process.returncode == 0
    assert linked_to("look", "Anna", "watchlist").returncode == 0
    assert link_state(linked_to) == ("connected", 0)
    assert running.stop() == 0


def test_an_outage_or_a_refused_app_before_there_is_a_code_is_told(linked_to: Sidetrakt, trakt: Trakt) -> None:
    trakt.control.faults.arm({"name": "status", "status": 502, "body": "html", "path": "code$"})
    done = linked_to("link", "Anna")
    assert done.returncode == 1
    assert "Run the command again in a few minutes." in done.stderr
    trakt.act("remove_app")
    done = linked_to("link", "Anna")
    assert (done.returncode, "client_id" in done.stderr) == (2, True)
    assert linked_to.json("people") == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("{}", "no token pair"),
        ('{"access_token": "wrong", "refresh_token": "dead"}', "does not accept this token"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_sentence_and_stores_nothing(
    linked_to: Sidetrakt, tmp_path: Path, content: str | None, words: str
) -> None:
    path = tmp_path / "token.json"
    if content is not None:
        path.write_text(content)
    done = linked_to("link", "Anna", "--token-file", str(path))
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr
    assert linked_to.json("people") == []


def test_two_persons_share_an_account_and_part_again(linked_to: Sidetrakt, trakt: Trakt, tmp_path: Path) -> None:
    assert adopt(linked_to, "ben").returncode == 0
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"auth": {"trakt": signins(catalogue())["users"]["ben"]}}))
    asked = linked_to("link", "Finn", "--token-file", str(config))
    assert asked.returncode == 7
    assert "ben is linked to Ben already" in asked.stdout
    assert "sidetrakt link Finn --answer shared" in asked.stdout
    assert linked_to("link", "Finn", "--answer", "replace").returncode == 2
    done = linked_to("link", "Finn", "--answer", "shared")
    assert (done.returncode, done.stdout) == (0, "✓ Finn is linked to the Trakt account ben.\n")
    people = linked_to("people").stdout
    assert people.count("ben, connected (proved ") == 2
    done = linked_to("unlink", "Ben", "--yes")
    assert "Finn uses the account on" in done.stdout
    assert not trakt.rows("/oauth/revoke")
    done = linked_to("unlink", "Finn", "--yes")
    assert done.stdout == "✓ Finn is not linked to ben any more; the tokens are wiped.\n"
    assert len(trakt.rows("/oauth/revoke")) == 1
    assert linked_to("people").stdout.count("not set up") == 2


def test_the_doctor_tells_a_token_that_ran_out_from_a_link_that_ended(linked_to: Sidetrakt, trakt: Trakt) -> None:
    adopt(linked_to)
    trakt.act("expire_tokens")
    assert "✓ Trakt: anna is connected" in linked_to("doctor").stdout
    trakt.act("revoke_tokens")
    done = linked_to("doctor")
    assert done.returncode == 2
    assert "✗ Trakt: anna: Trakt no longer accepts this link." in done.stdout
    assert "`sidetrakt link Anna`" in done.stdout
    assert link_state(linked_to) == ("attention", 1)


def test_no_token_is_readable_in_the_folder_or_in_what_commands_print(
    linked_to: Sidetrakt, trakt: Trakt, tmp_path: Path
) -> None:
    pairs = signins(catalogue())["users"]["anna"]
    log = tmp_path / "log.txt"
    linked_to.environ |= {"SIDETRAKT_LOG__LEVEL": "debug", "SIDETRAKT_LOG__FILE": str(log)}
    printed = adopt(linked_to)
    trakt.act("expire_tokens")
    with begin(linked_to, "link", "Ben") as process:
        code = code_of(process)
        trakt.act("approve", user_code=code)
        out, err = process.communicate(timeout=20)
    texts = [printed.stdout, printed.stderr, out, err]
    for words in (
        ("look", "Anna", "watchlist"),
        ("people", "--json"),
        ("doctor", "--bundle", str(tmp_path / "b.json")),
    ):
        done = linked_to(*words)
        texts += [done.stdout, done.stderr]
    files = [path for path in [*linked_to.folder.rglob("*"), log, tmp_path / "b.json"] if path.is_file()]
    written = "".join(texts) + b"".join(path.read_bytes() for path in files).decode("latin-1")
    assert "is linked to the Trakt VIP account anna" in written
    assert "GET /sync/last_activities" in written or "/sync/last_activities" in log.read_text()
    kinds = ("access_token", "refresh_token", "device_code")
    given = {said[name] for said in trakt.told for name in kinds if name in said}
    assert len(given) == 5  # a renewed pair, a linked pair, a device code
    for secret in {*pairs.values(), *given, linked_to.environ["SIDETRAKT_TRAKT__CLIENT_SECRET"]}:
        assert secret not in written
