import sqlite3
import threading
from pathlib import Path

import pytest
from sqlite_utils import Database, Migrations

from sidecar.errors import DiskFull, StoreError
from sidecar.http import build_session
from sidecar.store.db import BACKUPS, FILE, Store, connect, look_into, open_store
from sidecar.store.migrations import APPLICATION_ID, all_migrations


def put_person(db: Database, name: str) -> None:
    db.execute("INSERT INTO person (name, made_at) VALUES (?, '2026-01-01T00:00:00.000Z')", [name])


def names(store: Store) -> list[str]:
    with store.read() as db:
        return [row[0] for row in db.execute("SELECT name FROM person ORDER BY name")]


def test_a_transaction_is_stored_when_its_block_ends(store: Store) -> None:
    with store.write() as db:
        put_person(db, "Anna")
    assert names(store) == ["Anna"]


def test_a_transaction_that_raises_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.write() as db:
            put_person(db, "Anna")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert names(store) == []
    with store.write() as db:
        put_person(db, "Ben")
    assert names(store) == ["Ben"]


def test_a_reader_sees_one_moment_and_never_waits_for_the_writer(store: Store) -> None:
    with store.write() as db:
        put_person(db, "Anna")
        assert names(store) == []
    with store.read() as before:
        assert before.execute("SELECT count(*) FROM person").fetchone()[0] == 1
        with store.write() as db:
            put_person(db, "Ben")
        assert before.execute("SELECT count(*) FROM person").fetchone()[0] == 1


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(StoreError), store.read() as db:
        put_person(db, "Anna")


def test_no_request_can_be_made_inside_a_transaction(store: Store) -> None:
    with store.write(), build_session("trakt") as session, pytest.raises(RuntimeError, match="inside a transaction"):
        session.get("http://127.0.0.1:9/")


def test_a_thread_that_would_wait_for_itself_is_told_so(store: Store) -> None:
    with store.write(), pytest.raises(RuntimeError, match="already in a transaction"), store.write():
        pass


def test_writers_of_many_threads_wait_for_each_other_and_lose_nothing(store: Store) -> None:
    with store.write() as db:
        db.execute("INSERT INTO owner VALUES (1, 0, '2026-01-01T00:00:00.000Z')")

    def count() -> None:
        for _ in range(50):
            with store.write() as db:
                number = db.execute("SELECT epoch FROM owner").fetchone()[0]
                db.execute("UPDATE owner SET epoch = ?", [number + 1])

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as db:
        assert db.execute("SELECT epoch FROM owner").fetchone()[0] == 400


def test_the_pragmas_that_keep_rows_safe_are_on(store: Store) -> None:
    with store.write() as db:
        pragmas = {name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "foreign_keys")}
    assert pragmas == {"synchronous": 2, "foreign_keys": 1}
    with store.read() as db:
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_the_files_are_readable_by_their_owner_only(store: Store) -> None:
    with store.write() as db:
        put_person(db, "Anna")
    modes = {path.name: path.stat().st_mode & 0o777 for path in store.path.parent.iterdir()}
    assert set(modes) == {FILE, f"{FILE}-wal", f"{FILE}-shm"}
    assert set(modes.values()) == {0o600}


def test_closing_folds_the_log_into_the_file_and_leaks_no_file(folder: Path) -> None:
    for _ in range(20):
        store = open_store(folder)
        with store.read(), store.read():
            pass
        store.close()
        store.close()
    assert [path.name for path in folder.iterdir()] == [FILE]
    handles = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    assert [path for path in handles if path.is_relative_to(folder)] == []


def two_steps() -> Migrations:
    steps = all_migrations()

    @steps()
    def m002_more(db: Database) -> None:
        db.execute("CREATE TABLE more (id INTEGER PRIMARY KEY)")

    return steps


def test_a_copy_is_made_before_each_later_step(folder: Path) -> None:
    store = open_store(folder)
    with store.write() as db:
        put_person(db, "Anna")
    store.close()
    open_store(folder, steps=two_steps()).close()
    copy = sqlite3.connect(folder / BACKUPS / "before-m002_more.db")
    assert copy.execute("SELECT name FROM person").fetchall() == [("Anna",)]
    assert copy.execute("SELECT count(*) FROM sqlite_master WHERE name = 'more'").fetchone() == (0,)
    copy.close()


def test_a_step_that_fails_leaves_the_database_as_it_was(folder: Path) -> None:
    open_store(folder).close()
    steps = all_migrations()

    @steps()
    def m002_breaks(db: Database) -> None:
        db.execute("CREATE TABLE half (id INTEGER PRIMARY KEY)")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        open_store(folder, steps=steps)
    store = open_store(folder)
    with store.read() as db:
        assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone()[0] == 0
    store.close()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(folder: Path) -> None:
    open_store(folder, steps=two_steps()).close()
    before = (folder / FILE).read_bytes()
    with pytest.raises(StoreError, match="newer Sidetrakt") as caught:
        open_store(folder)
    assert "m002_more" in caught.value.what
    assert caught.value.next_step
    assert (folder / FILE).read_bytes() == before


def test_a_database_of_another_program_is_refused_and_left_alone(folder: Path) -> None:
    foreign = sqlite3.connect(folder / FILE)
    foreign.execute("CREATE TABLE songs (id INTEGER)")
    foreign.close()
    before = (folder / FILE).read_bytes()
    with pytest.raises(StoreError, match="another program"):
        open_store(folder)
    assert (folder / FILE).read_bytes() == before


@pytest.mark.parametrize("damage", [b"this is not a database at all" * 40, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_damaged_database_is_said_to_be_damaged(folder: Path, damage: bytes) -> None:
    (folder / FILE).write_bytes(damage)
    with pytest.raises(StoreError, match="damaged") as caught:
        open_store(folder)
    assert "restore" in caught.value.next_step
    assert (folder / FILE).read_bytes() == damage


def test_damage_in_the_middle_is_found_when_it_is_read(folder: Path) -> None:
    store = open_store(folder)
    with store.write() as db:
        for number in range(1500):
            put_person(db, f"Person {number} " + "x" * 200)
    store.close()
    with (folder / FILE).open("r+b") as file:
        file.seek((folder / FILE).stat().st_size // 2)
        file.write(b"\xde\xad" * 20000)
    store = open_store(folder)
    with pytest.raises(StoreError, match="damaged"):
        names(store)
    store.close()


def test_a_full_disk_loses_the_one_write_and_nothing_else(store: Store) -> None:
    with store.write() as db:
        put_person(db, "Anna")
        pages = db.execute("PRAGMA page_count").fetchone()[0]
    store._writer.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(DiskFull, match="no room left") as caught, store.write() as db:
        db.conn.executemany(
            "INSERT INTO person (name, made_at) VALUES (?, '2026')",
            [(str(number) + "x" * 500,) for number in range(1000)],
        )
    assert caught.value.exit_code == 1
    assert names(store) == ["Anna"]
    store._writer.execute("PRAGMA max_page_count = 1000000")
    with store.write() as db:
        put_person(db, "Ben")
    assert names(store) == ["Anna", "Ben"]


def test_a_database_that_another_program_holds_is_said_to_be_held(store: Store) -> None:
    other = connect(store.path)
    other.execute("BEGIN IMMEDIATE")
    store._writer.execute("PRAGMA busy_timeout = 1")
    with pytest.raises(StoreError, match="keeps the database"), store.write():
        pass
    other.close()


def test_looking_into_an_empty_folder_creates_nothing(folder: Path) -> None:
    with look_into(folder) as db:
        assert db is None
    assert list(folder.iterdir()) == []


def test_looking_changes_nothing_and_works_beside_the_owner(store: Store) -> None:
    with store.write() as db:
        put_person(db, "Anna")
    with look_into(store.path.parent) as db:
        assert db is not None
        assert db.execute("SELECT name FROM person").fetchall() == [("Anna",)]
        with pytest.raises(sqlite3.OperationalError):
            put_person(db, "Ben")


def test_every_database_carries_our_mark(store: Store) -> None:
    with store.read() as db:
        assert db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
