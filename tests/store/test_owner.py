import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import SidetraktError, UserError
from sidecar.store import handover, owner
from sidecar.store.db import Store
from sidecar.store.handover import Desk, HandedError, ask
from sidecar.store.owner import Holder, Owner

HOLD = """
import sys
from pathlib import Path
from sidecar.store.owner import take
taken = take(Path(sys.argv[1]), "up")
print(type(taken).__name__, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def lock(folder: Path) -> Iterator[Owner]:
    taken = owner.take(folder, "up")
    assert isinstance(taken, Owner)
    yield taken
    taken.release()


def test_only_one_process_holds_a_folder_and_a_kill_frees_it(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "Owner\n"
        holder = owner.take(folder, "sync")
        assert isinstance(holder, Holder)
        assert (holder.pid, holder.purpose) == (first.pid, "up")
        first.kill()
    again = owner.take(folder, "sync")
    assert isinstance(again, Owner)
    again.release()


def test_a_second_up_is_refused_with_what_to_do(folder: Path, lock: Owner) -> None:
    lock.listens(1, "word")
    with pytest.raises(UserError, match="already runs") as caught:
        owner.take_or_refuse(folder, "up", 5)
    assert "SIDETRAKT_HOME" in caught.value.next_step
    with pytest.raises(UserError, match="already runs") as caught:
        owner.take_or_refuse(folder, "restore", 5)
    assert "Stop it" in caught.value.next_step


def test_a_command_that_holds_the_folder_is_waited_for(folder: Path) -> None:
    working = owner.take(folder, "sync")
    assert isinstance(working, Owner)
    with pytest.raises(SidetraktError, match="busy") as caught:
        owner.take_or_refuse(folder, "up")
    assert caught.value.exit_code == 1
    threading.Timer(0.1, working.release).start()
    taken = owner.take_or_refuse(folder, "up", wait=10)
    taken.release()


def test_the_lock_file_is_private(folder: Path, lock: Owner) -> None:
    lock.listens(4711, "word")
    assert (folder / owner.FILE).stat().st_mode & 0o777 == 0o600


def test_each_owner_counts_an_epoch(store: Store, now: Any) -> None:
    with store.write() as db:
        assert [owner.begin_epoch(db, now) for _ in range(3)] == [1, 2, 3]


def perform(command: str, arguments: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if command == "refuse":
        raise UserError("That cannot be.", "Do something else.")
    if command == "break":
        raise ZeroDivisionError("secret detail")
    for number in range(arguments["steps"]):
        yield {"step": number}
    yield {"result": arguments}


@pytest.fixture
def holder(folder: Path, lock: Owner) -> Iterator[Holder]:
    desk = Desk(lock, perform)
    found = owner.take(folder, "sync")
    assert isinstance(found, Holder)
    yield found
    desk.close()


def test_a_request_is_handed_over_with_its_progress(holder: Holder) -> None:
    events = list(ask(holder, "sync", {"steps": 3}))
    assert events == [{"step": 0}, {"step": 1}, {"step": 2}, {"result": {"steps": 3}}]


def test_an_error_of_the_owner_reaches_who_asked(holder: Holder) -> None:
    with pytest.raises(HandedError) as caught:
        list(ask(holder, "refuse", {}))
    assert (caught.value.what, caught.value.next_step, caught.value.exit_code) == (
        "That cannot be.",
        "Do something else.",
        2,
    )


def test_a_mistake_of_ours_is_said_without_its_details(holder: Holder, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(HandedError, match="unexpected") as caught:
        list(ask(holder, "break", {}))
    assert "secret detail" not in str(caught.value)
    assert "secret detail" in caplog.text


def test_who_may_not_read_the_lock_file_may_not_ask(holder: Holder) -> None:
    stranger = Holder(holder.pid, holder.purpose, holder.port, "guessed")
    with pytest.raises(HandedError, match="may read the data folder"):
        list(ask(stranger, "sync", {"steps": 1}))


@pytest.mark.parametrize("line", [b"", b"{", b"[]\n", b'{"word": 1}\n', b"\xff\xfe\n"])
def test_a_request_that_cannot_be_read_is_refused(line: bytes) -> None:
    answers: list[bytes] = []
    handover._answer(line, "word", perform, answers.append)
    assert b"cannot be read" in answers[0]


def test_an_owner_that_ends_in_the_middle_is_noticed(folder: Path, lock: Owner) -> None:
    def cut(command: str, arguments: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield {"step": 0}
        raise OSError("as if killed")

    desk = Desk(lock, cut)
    found = owner.take(folder, "sync")
    assert isinstance(found, Holder)
    with pytest.raises(SidetraktError, match="ended before"):
        list(ask(found, "sync", {}))
    desk.close()
    with pytest.raises(SidetraktError, match="does not answer"):
        list(ask(found, "sync", {}))
