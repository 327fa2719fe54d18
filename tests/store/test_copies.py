import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sidecar.clock import SystemClock
from sidecar.errors import SidetraktError, StoreError, UserError
from sidecar.model import Feature, Ids, Kind, Ref, Secret
from sidecar.store import copies
from sidecar.store.baseline import Baseline, SideState
from sidecar.store.db import FILE, Store, open_store
from sidecar.store.keys import find_keys
from sidecar.store.ledger import Ledger
from sidecar.store.outbox import Outbox, State, Topic
from sidecar.store.people import People
from sidecar.store.titles import Titles
from sidecar.store.vault import open_vault
from sidecar.viewing import Sighting, Told


def add_person(store: Store, name: str, now: datetime) -> None:
    with store.write() as db:
        People(db).add(name, now)


def names(folder: Path) -> list[str]:
    store = open_store(folder)
    with store.read() as db:
        found = [person.name for person in People(db).all()]
    store.close()
    return found


def test_a_copy_brings_back_what_was(store: Store, folder: Path, tmp_path: Path, now: datetime) -> None:
    add_person(store, "Anna", now)
    assert copies.backup(folder, tmp_path / "copy.db") > 0
    add_person(store, "Ben", now)
    store.close()
    kept = copies.restore(folder, tmp_path / "copy.db", now)
    assert names(folder) == ["Anna"]
    assert kept is not None
    assert copies.copies(folder) == [kept]
    copies.restore(folder, kept, now + timedelta(seconds=1))
    assert names(folder) == ["Anna", "Ben"]


def test_a_copy_is_taken_beside_a_writer_and_is_private(
    store: Store, folder: Path, tmp_path: Path, now: datetime
) -> None:
    add_person(store, "Anna", now)
    with store.write() as db:
        People(db).add("Ben", now)
        copies.backup(folder, tmp_path / "copy.db")
    copy = sqlite3.connect(tmp_path / "copy.db")
    assert copy.execute("SELECT name FROM person").fetchall() == [("Anna",)]
    copy.close()
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600


def test_a_copy_never_overwrites(store: Store, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UserError, match="not overwritten"):
        copies.backup(folder, tmp_path / "mine.txt")
    assert (tmp_path / "mine.txt").read_text() == "precious"
    with pytest.raises(UserError, match="is not there"):
        copies.backup(folder, tmp_path / "no" / "where.db")


def test_there_is_nothing_to_copy_yet(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no database"):
        copies.backup(folder, tmp_path / "copy.db")


def foreign(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (id INTEGER)")
    connection.close()


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda path: None, UserError),
        (lambda path: path.write_bytes(b""), UserError),
        (lambda path: path.write_text("hello, this is no database at all"), StoreError),
        (foreign, UserError),
    ],
    ids=["missing", "empty", "text", "foreign"],
)
def test_what_is_no_copy_of_ours_is_refused_and_changes_nothing(
    store: Store, folder: Path, tmp_path: Path, now: datetime, make: Callable[[Path], object], error: type[Exception]
) -> None:
    add_person(store, "Anna", now)
    store.close()
    make(tmp_path / "wrong.db")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(error) as caught:
        copies.restore(folder, tmp_path / "wrong.db", now)
    assert isinstance(caught.value, SidetraktError)
    assert caught.value.next_step
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_damaged_copy_is_refused(store: Store, folder: Path, tmp_path: Path, now: datetime) -> None:
    copies.backup(folder, tmp_path / "copy.db")
    with (tmp_path / "copy.db").open("r+b") as file:
        file.seek(9000)
        file.write(b"\xff" * 30000)
    with pytest.raises(StoreError, match=r"damaged|not a whole database"):
        copies.restore(folder, tmp_path / "copy.db", now)


@pytest.mark.parametrize("step", ["copy_to", "_keep", "_settle"])
def test_a_crash_during_a_restore_leaves_the_old_database(
    store: Store, folder: Path, tmp_path: Path, now: datetime, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies.backup(folder, tmp_path / "copy.db")
    add_person(store, "Anna", now)
    store.close()
    real = getattr(copies, step)

    def crash(*arguments: object) -> None:
        real(*arguments)
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(copies, step, crash)
        with pytest.raises(SystemExit):
            copies.restore(folder, tmp_path / "copy.db", now)
    assert names(folder) == ["Anna"]


def test_a_damaged_database_is_kept_whole_and_replaced(
    store: Store, folder: Path, tmp_path: Path, now: datetime
) -> None:
    add_person(store, "Anna", now)
    copies.backup(folder, tmp_path / "copy.db")
    store.close()
    (folder / FILE).write_bytes(b"x" * 5000)
    (folder / f"{FILE}-wal").write_bytes(b"stale log")
    kept = copies.restore(folder, tmp_path / "copy.db", now)
    assert kept is not None
    assert kept.read_bytes() == b"x" * 5000
    assert kept.with_name(kept.name + "-wal").read_bytes() == b"stale log"
    assert names(folder) == ["Anna"]


def test_what_a_copy_still_wanted_to_tell_is_looked_up_first(
    store: Store, folder: Path, tmp_path: Path, now: datetime
) -> None:
    with store.write() as db:
        movie = Titles(db).learn(Ref(Kind.MOVIE, Ids(trakt=1)))[0]
        claim = Ledger(db).claim("uuid", movie, Sighting("plex:p:a", now), now, runtime=120)
        assert claim is not None
        Outbox(db).put("uuid", movie, Topic.PLAY, key="k", body={}, at=now)
        Baseline(db).set_state(Baseline(db).side("trakt:uuid"), Feature.HISTORY, SideState(now, "mark", now))
    copies.backup(folder, tmp_path / "copy.db")
    store.close()
    copies.restore(folder, tmp_path / "copy.db", now)
    again = open_store(folder)
    with again.read() as db:
        assert [row.state for row in Outbox(db).open()] == [State.DOUBTFUL]
        assert Ledger(db).get(claim.viewing.id or 0).told is Told.SENT
        assert Baseline(db).state(1, Feature.HISTORY) == SideState(now, None, now)
    again.close()


def test_a_token_that_is_newer_than_the_copy_is_kept(store: Store, folder: Path, tmp_path: Path, now: datetime) -> None:
    vault = open_vault(store, find_keys(folder, {}), SystemClock())
    with store.write() as db:
        vault.put(db, "trakt:ann", Secret("old pair"))
        vault.put(db, "trakt:gone", Secret("as it was"))
    copies.backup(folder, tmp_path / "copy.db")
    with store.write() as db:
        vault.put(db, "trakt:ann", Secret("rotated pair"))
        vault.drop(db, "trakt:gone")
        vault.put(db, "trakt:new", Secret("not in the copy"))
    store.close()
    copies.restore(folder, tmp_path / "copy.db", now)
    again = open_store(folder)
    vault = open_vault(again, find_keys(folder, {}), SystemClock())
    with again.read() as db:
        found = [vault.get(db, name) for name in ("trakt:ann", "trakt:gone", "trakt:new")]
    again.close()
    assert found == [Secret("rotated pair"), Secret("as it was"), None]
