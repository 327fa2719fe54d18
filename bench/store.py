"""The store under load: 8 writers beside 4 readers, and a baseline written and read as a whole."""

import sqlite3
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.figure import Figure, Size
from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.store.baseline import Agreed, Baseline, Seen
from sidecar.store.db import Store, open_store
from sidecar.store.ledger import Ledger
from sidecar.store.outbox import Outbox, Topic
from sidecar.store.people import People
from sidecar.store.titles import Titles
from sidecar.viewing import Sighting

WRITERS, READERS = 8, 4
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def measure(size: Size) -> list[Figure]:
    """Everything in folders of its own, thrown away afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        floor = _plain_commits(Path(folder), size.writes // 4)
        slowest: list[float] = []
        store = open_store(Path(folder), on_write=slowest.append)
        try:
            rate, reads, errors = _load(store, size.writes)
            figures = [
                Figure("store: transactions, 8 writers, 4 readers", rate, "1/s", floor=floor),
                Figure("store: slowest of them, waiting included", max(slowest) * 1000, "ms"),
                Figure("store: reads beside them", reads, "1/s"),
                Figure("store: errors (database is locked and others)", float(errors), "", budget="0"),
            ]
            return figures + _baseline(store, Path(folder), size.rows)
        finally:
            store.close()


def _plain_commits(folder: Path, count: int) -> float:
    """The floor: one connection that inserts and commits one row at a time, equally safe."""
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("PRAGMA synchronous = full")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)")
    began = time.perf_counter()
    for number in range(count):
        connection.execute("INSERT INTO t VALUES (?, 'body')", [number])
    rate = count / (time.perf_counter() - began)
    connection.close()
    return rate


def _load(store: Store, writes: int) -> tuple[float, float, int]:
    """Live's transaction (claim and outbox row) from many threads: commits a second, reads a second, errors."""
    with store.write() as db:
        movie = Titles(db).learn(Ref(Kind.MOVIE, Ids(trakt=1)))[0]
    errors: list[Exception] = []
    reads = [0] * READERS
    stop = threading.Event()

    def write(writer: int) -> None:
        for number in range(writes // WRITERS):
            account, key = f"account-{writer}-{number}", f"{writer}-{number}"
            with store.write() as db:
                claim = Ledger(db).claim(account, movie, Sighting("plex:p:u", NOW), NOW, runtime=120)
                assert claim is not None
                Outbox(db).put(
                    account, movie, Topic.PLAY, key=key, body={"n": number}, at=NOW, viewing=claim.viewing.id
                )

    def read(reader: int) -> None:
        while not stop.is_set():
            with store.read() as db:
                Outbox(db).next_due(NOW)
            reads[reader] += 1

    def guarded(work: Callable[[int], None], number: int) -> None:
        try:
            work(number)
        except Exception as problem:
            errors.append(problem)

    readers = [threading.Thread(target=guarded, args=(read, number)) for number in range(READERS)]
    writers = [threading.Thread(target=guarded, args=(write, number)) for number in range(WRITERS)]
    began = time.perf_counter()
    for thread in [*readers, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    seconds = time.perf_counter() - began
    stop.set()
    for thread in readers:
        thread.join()
    return writes / seconds, sum(reads) / seconds, len(errors)


def _baseline(store: Store, folder: Path, rows: int) -> list[Figure]:
    with store.write() as db:
        person = People(db).add("Anna", NOW).id
        side = Baseline(db).side("jellyfin:s:anna")
        titles = [Titles(db).learn(Ref(Kind.EPISODE, Ids(trakt=number)))[0] for number in range(1, rows + 1)]
    agreed = {title: Agreed(True, NOW, side) for title in titles}
    seen = {title: Seen({"played": True, "date": "2026-01-01T20:15:00.000Z"}, (f"{title:032x}",)) for title in titles}
    floor = _plain_rows(folder, rows)
    began = time.perf_counter()
    with store.write() as db:
        Baseline(db).put_agreed(person, Feature.HISTORY, agreed)
        Baseline(db).put_seen(side, Feature.HISTORY, seen)
    written = time.perf_counter() - began
    began = time.perf_counter()
    with store.read() as db:
        Baseline(db).agreed(person, Feature.HISTORY)
        Baseline(db).seen(side, Feature.HISTORY)
    read = time.perf_counter() - began
    tracemalloc.start()
    with store.read() as db:
        held = (Baseline(db).agreed(person, Feature.HISTORY), Baseline(db).seen(side, Feature.HISTORY))
        memory = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    del held
    return [
        Figure(f"baseline: {rows:,} rows agreed and seen, written", written, "s", floor=2 * floor),
        Figure(f"baseline: {rows:,} rows agreed and seen, read", read, "s", floor=2 * floor),
        Figure(f"baseline: {rows:,} rows agreed and seen, in memory", memory, "MB"),
    ]


def _plain_rows(folder: Path, rows: int) -> float:
    """The floor: as many rows of the same size by one executemany in one transaction."""
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    connection.execute("CREATE TABLE r (a INTEGER, b TEXT, c TEXT, d TEXT, PRIMARY KEY (b, a)) WITHOUT ROWID")
    body = '{"played":true,"date":"2026-01-01T20:15:00.000Z"}'
    began = time.perf_counter()
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO r VALUES (?, 'history', ?, ?)", ((number, body, body) for number in range(rows))
    )
    connection.execute("COMMIT")
    seconds = time.perf_counter() - began
    connection.close()
    return seconds
