import contextlib
import os
import socket
import sqlite3
import stat
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from sidecar.clock import SystemClock
from sidecar.model import Secret
from sidecar.store.db import FILE, open_store
from sidecar.store.keys import FILE as KEY
from sidecar.store.keys import find_keys
from sidecar.store.people import People
from sidecar.store.vault import open_vault
from tests.system.conftest import Running, Sidetrakt, free_port

Up = Callable[..., Running]
CANARY = "KEY-CANARY-123"


def fill_vault(folder: Path) -> None:
    store = open_store(folder)
    vault = open_vault(store, find_keys(folder, {}), SystemClock())
    with store.write() as db:
        vault.put(db, "trakt:ann", Secret(CANARY))
    store.close()


def add_anna(folder: Path) -> None:
    store = open_store(folder)
    with store.write() as db:
        People(db).add("Anna", datetime(2026, 11, 21, tzinfo=UTC))
    store.close()


def test_it_starts_says_where_answers_and_ends_on_request(sidetrakt: Sidetrakt, up: Up) -> None:
    running = up()
    assert running.url in running.first_line
    answer = running.get("/healthz")
    assert (answer.status_code, answer.json()["status"], answer.json()["problems"]) == (200, "ok", [])
    assert "sidetrakt_store_write_seconds_count" in running.get("/metrics").text
    assert running.get("/nowhere").status_code == 404
    assert running.stop() == 0
    assert sidetrakt.names() == [FILE, KEY, "sidetrakt.lock"]


def test_everything_in_the_folder_is_private(sidetrakt: Sidetrakt, up: Up) -> None:
    up()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in sidetrakt.folder.iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(sidetrakt.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via"])
def test_through_a_proxy_it_says_only_ok(up: Up, header: str) -> None:
    running = up()
    assert running.get("/healthz", **{header: "for=1.2.3.4"}).json() == {"status": "ok"}
    assert running.get("/metrics", **{header: "for=1.2.3.4"}).status_code == 403


def test_a_second_up_on_the_folder_is_refused(sidetrakt: Sidetrakt, up: Up) -> None:
    running = up()
    again = sidetrakt("up", "--port", str(free_port()))
    assert again.returncode == 2
    assert f"already runs on {sidetrakt.folder} (process {running.process.pid})" in again.stderr
    assert running.get("/healthz").status_code == 200


def test_a_port_that_is_taken_changes_nothing(sidetrakt: Sidetrakt) -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        done = sidetrakt("up", "--port", str(door.getsockname()[1]))
    assert done.returncode == 2
    assert "is taken by another program" in done.stderr
    assert "--port" in done.stderr
    assert sidetrakt.names() == ["sidetrakt.lock"]


def test_wrong_settings_are_all_listed_and_nothing_is_made(sidetrakt: Sidetrakt) -> None:
    done = sidetrakt("up", SIDETRAKT_WEB__PORT="x", SIDETRAKT_WEB__HOTS="y", SIDETRAKT_SYNC__EVERY="1y")
    assert done.returncode == 2
    for part in ("3 problems", "web.port", "SIDETRAKT_WEB__HOST", "sync.every"):
        assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert sidetrakt.names() == []


def test_without_its_key_it_runs_locked_and_overwrites_nothing(sidetrakt: Sidetrakt, up: Up) -> None:
    sidetrakt.folder.mkdir(mode=0o700)
    fill_vault(sidetrakt.folder)
    key = (sidetrakt.folder / KEY).read_bytes()
    (sidetrakt.folder / KEY).unlink()
    running = up()
    answer = running.get("/healthz")
    assert answer.status_code == 503
    assert "Secrets locked" in answer.json()["problems"][0]
    refused = sidetrakt("keys", "rotate")
    assert (refused.returncode, "Secrets locked" in refused.stderr) == (2, True)
    assert running.stop() == 0
    assert KEY not in sidetrakt.names()
    (sidetrakt.folder / KEY).write_bytes(key)
    (sidetrakt.folder / KEY).chmod(0o600)
    assert up().get("/healthz").status_code == 200


@pytest.mark.parametrize("command", [("up",), ("keys", "rotate")])
def test_a_key_that_others_can_read_stops_everything(sidetrakt: Sidetrakt, command: tuple[str, ...]) -> None:
    sidetrakt.folder.mkdir(mode=0o700)
    fill_vault(sidetrakt.folder)
    (sidetrakt.folder / KEY).chmod(0o644)
    done = sidetrakt(*command, SIDETRAKT_WEB__PORT=str(free_port()))
    assert done.returncode == 2
    assert "can be read by others" in done.stderr
    assert "chmod 600" in done.stderr


def test_commands_hand_their_request_to_the_one_that_runs(sidetrakt: Sidetrakt, up: Up) -> None:
    sidetrakt.folder.mkdir(mode=0o700)
    add_anna(sidetrakt.folder)
    fill_vault(sidetrakt.folder)
    before = (sidetrakt.folder / KEY).read_bytes()
    running = up()
    done = sidetrakt("set", "anna", "threshold=90", "scrobble=off")
    assert (done.returncode, "Anna: threshold is 90 now" in done.stdout) == (0, True)
    assert sidetrakt.json("set", "Anna")["threshold"] == {"value": "90", "chosen": True}
    wrong = sidetrakt("set", "Ana", "scrobble=on")
    assert (wrong.returncode, "did you mean “Anna”" in wrong.stderr) == (2, True)
    assert "2 secrets sealed" in sidetrakt("keys", "rotate").stdout
    assert (sidetrakt.folder / KEY).read_bytes() != before
    assert running.get("/healthz").status_code == 200


def test_commands_do_the_work_themselves_when_nothing_runs(sidetrakt: Sidetrakt) -> None:
    sidetrakt.folder.mkdir(mode=0o700)
    add_anna(sidetrakt.folder)
    assert sidetrakt("set", "Anna", "ratings.steps=strict").returncode == 0
    assert sidetrakt.json("set", "Anna")["ratings.steps"] == {"value": "strict", "chosen": True}
    assert sidetrakt.json("people") == [{"name": "Anna", "admin": False, "trakt": None, "accounts": []}]


@pytest.mark.parametrize("words", [("people",), ("doctor",), ("set", "Anna"), ("set", "Anna", "scrobble=on")])
def test_looking_into_nothing_makes_nothing(sidetrakt: Sidetrakt, words: tuple[str, ...]) -> None:
    done = sidetrakt(*words)
    assert done.returncode == (2 if words[0] == "set" else 0)
    assert "Traceback" not in done.stdout + done.stderr
    assert sidetrakt.names() == []


def test_backup_beside_a_running_one_and_restore_only_without(sidetrakt: Sidetrakt, up: Up, tmp_path: Path) -> None:
    sidetrakt.folder.mkdir(mode=0o700)
    add_anna(sidetrakt.folder)
    running = up()
    assert sidetrakt("backup", str(tmp_path / "copy.db")).returncode == 0
    refused = sidetrakt("restore", str(tmp_path / "copy.db"))
    assert (refused.returncode, "Stop it" in refused.stderr) == (2, True)
    running.stop()
    (sidetrakt.folder / FILE).unlink()
    assert sidetrakt("restore", str(tmp_path / "copy.db")).returncode == 0
    assert [person["name"] for person in sidetrakt.json("people")] == ["Anna"]


def test_doctor_finds_what_is_wrong_and_says_what_to_do(sidetrakt: Sidetrakt) -> None:
    sidetrakt.folder.mkdir(mode=0o700)
    fill_vault(sidetrakt.folder)
    well = sidetrakt("doctor")
    assert (well.returncode, "opens the stored secrets" in well.stdout) == (0, True)
    sidetrakt.folder.chmod(0o755)
    (sidetrakt.folder / KEY).write_bytes(Fernet.generate_key())
    (sidetrakt.folder / FILE).write_bytes(b"x" * 3000)
    ill = sidetrakt("doctor")
    assert ill.returncode == 2
    for part in ("is damaged", "sidetrakt restore", "chmod 700"):
        assert part in ill.stdout


def test_the_report_holds_no_secret_and_overwrites_nothing(sidetrakt: Sidetrakt, tmp_path: Path) -> None:
    sidetrakt.folder.mkdir(mode=0o700)
    log = tmp_path / "log.txt"
    fill_vault(sidetrakt.folder)
    key = (sidetrakt.folder / KEY).read_text().strip()
    log.write_text(f"a foreign program wrote {CANARY} and {key} here\n")
    report = tmp_path / "report.json"
    environ = {"SIDETRAKT_TRAKT__CLIENT_SECRET": "client-CANARY-456", "SIDETRAKT_LOG__FILE": str(log)}
    assert sidetrakt("doctor", "--bundle", str(report), **environ).returncode == 0
    text = report.read_text()
    assert "a foreign program wrote" in text
    for secret in (CANARY, key, "client-CANARY-456"):
        assert secret not in text
    again = sidetrakt("doctor", "--bundle", str(report), **environ)
    assert (again.returncode, "not overwritten" in again.stderr) == (2, True)


def test_help_shows_every_command_with_an_example(sidetrakt: Sidetrakt) -> None:
    listed = sidetrakt("--help").stdout
    assert "..." not in listed.split("Commands:")[1]
    commands = [line.split()[0] for line in listed.split("Commands:")[1].splitlines() if line.strip()]
    assert {"up", "doctor", "people", "set", "backup", "restore", "keys"} <= set(commands)
    for command in commands:
        words = ("keys", "rotate") if command == "keys" else (command,)
        assert f"Example: sidetrakt {' '.join(words)}" in sidetrakt(*words, "--help").stdout


@pytest.mark.parametrize("words", [("nonsense",), ("set",), ("up", "--port", "0"), ("up", "--once"), ("backup",)])
def test_wrong_use_is_exit_2_without_a_traceback(sidetrakt: Sidetrakt, words: tuple[str, ...]) -> None:
    done = sidetrakt(*words)
    assert done.returncode == 2
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_a_data_folder_that_cannot_be_made_is_said_so(sidetrakt: Sidetrakt, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = sidetrakt("up", SIDETRAKT_HOME=str(tmp_path / "file" / "data"))
    assert (done.returncode, "cannot be made" in done.stderr) == (2, True)


def foreign(folder: Path) -> None:
    connection = sqlite3.connect(folder / FILE)
    connection.execute("CREATE TABLE songs (id INTEGER)")
    connection.close()


def newer(folder: Path) -> None:
    open_store(folder).close()
    connection = sqlite3.connect(folder / FILE)
    connection.execute("INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('sidetrakt', 'm999_future')")
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda folder: (folder / FILE).write_bytes(b"x" * 9000), "is damaged"),
        (foreign, "another program"),
        (newer, "newer Sidetrakt"),
    ],
    ids=["damaged", "foreign", "newer"],
)
def test_a_database_that_cannot_be_used_is_left_as_it_is(
    sidetrakt: Sidetrakt, spoil: Callable[[Path], object], text: str
) -> None:
    sidetrakt.folder.mkdir(mode=0o700)
    spoil(sidetrakt.folder)
    before = (sidetrakt.folder / FILE).read_bytes()
    for words in (("up", "--port", str(free_port())), ("people",), ("set", "Anna", "scrobble=on")):
        done = sidetrakt(*words)
        assert (done.returncode, text in done.stderr, "→" in done.stderr) == (2, True, True), done.stderr
        assert "Traceback" not in done.stderr
    assert (sidetrakt.folder / FILE).read_bytes() == before
    assert KEY not in sidetrakt.names()


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/proc/mounts").exists(), reason="only root can make a small disk")
def test_a_full_disk_is_said_in_a_sentence_and_loses_nothing(sidetrakt: Sidetrakt, up: Up) -> None:
    sidetrakt.folder.mkdir(mode=0o700)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", sidetrakt.folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this place allows no mounts")
    try:
        add_anna(sidetrakt.folder)
        with (sidetrakt.folder / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(b"x" * 4096)
        done = sidetrakt("set", "Anna", "scrobble=off")
        assert (done.returncode, "no room left" in done.stderr) == (1, True), done.stderr
        (sidetrakt.folder / "filler").unlink()
        assert sidetrakt("set", "Anna", "scrobble=off").returncode == 0
        assert sidetrakt.json("set", "Anna")["scrobble"] == {"value": "off", "chosen": True}
    finally:
        subprocess.run(["umount", "-l", sidetrakt.folder], check=True)


def test_a_killed_owner_leaves_nothing_in_the_way(up: Up) -> None:
    first = up()
    os.kill(first.process.pid, 9)
    first.process.wait()
    assert up().get("/healthz").status_code == 200
