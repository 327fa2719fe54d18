"""What happens to a whole process that hears too much at once, cannot store, or is told wrong times."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import sqlite3
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sidecar.demo.catalogue import File
from sidecar.store.db import FILE
from tests.system.evening import TOKEN, Evening, user_of
from tests.system.forking import Sidetrakt, forking, settle_in

PEOPLE = ("Anna", "Ben")
EVENTS, PLAYS, SENDERS = 10_000, 40, 16
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
MORE = 12.0  # MB that the process may hold more after so many events


@pytest.fixture(scope="module")
def settled(evening: Evening) -> Iterator[Sidetrakt]:
    """Two persons are linked; nobody but the plugin tells of them. What is stored lies in memory where that can be."""
    evening.deafen()
    place = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
    with place as folder, forking(evening, Path(folder) / "data") as made:
        settle_in(evening, made, PEOPLE)
        yield made


@pytest.fixture
def sidetrakt(evening: Evening, settled: Sidetrakt) -> Iterator[Sidetrakt]:
    settled.up()
    yield settled
    if settled.pid:
        settled.end()
    assert evening.unhandled() == []


def body(evening: Evening, person: str, event: str, file: File, *, at: datetime, place: float) -> dict[str, Any]:
    """What our plugin posts of a film."""
    known = next(each for each in evening.signins["jellyfin"]["people"] if each["name"] == person)
    ids = {name: str(value) for name in ("imdb", "tmdb") if (value := getattr(file.claims, name))}
    ticks = (file.runtime_ms or 0) * 10_000
    return {
        "install": str(uuid.uuid4()), "seq": 1, "id": str(uuid.uuid4()), "event": event, "at": at.isoformat(),
        "sent": datetime.now(UTC).isoformat(), "server": {"id": evening.apps["jellyfin"].server.id},
        "user": {"id": known["id"]}, "session": {"id": f"the TV of {person}"},
        "item": {"id": uuid.uuid5(uuid.NAMESPACE_URL, file.path).hex, "type": "Movie", "name": file.name,
                 "year": file.year, "ids": ids, "runtime_ticks": ticks},
        "position_ticks": int(ticks * place),
    }  # fmt: skip


def post(sidetrakt: Sidetrakt, said: dict[str, Any], line: http.client.HTTPConnection | None = None) -> int:
    """The status of one event."""
    own = line or http.client.HTTPConnection("127.0.0.1", sidetrakt.port, timeout=30)
    own.request("POST", "/hooks/jellyfin/home", json.dumps(said).encode(), {"Authorization": f"Bearer {TOKEN}"})
    answer = own.getresponse()
    answer.read()
    if line is None:
        own.close()
    return answer.status


def memory(pid: int) -> float:
    """MB that a process holds."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells how much memory a process holds")
def test_ten_thousand_events_at_once_are_taken_and_none_is_lost(evening: Evening, sidetrakt: Sidetrakt) -> None:
    films, now = evening.files("movies"), datetime.now(UTC)
    ended = {(user_of(PEOPLE[n % 2]), films[n // 2].titles[0].ids.trakt): n for n in range(PLAYS)}

    def told(number: int) -> dict[str, Any]:
        if number % (EVENTS // PLAYS) == 0:
            n = number // (EVENTS // PLAYS)
            at = now - timedelta(hours=3 * n + 3)
            return body(evening, PEOPLE[n % 2], "stop", films[n // 2], at=at, place=0.97)
        return body(evening, PEOPLE[number % 2], "progress", films[-1], at=now, place=0.2)

    def send(part: int) -> set[int]:
        line = http.client.HTTPConnection("127.0.0.1", sidetrakt.port, timeout=30)
        with contextlib.closing(line):
            return {post(sidetrakt, told(number), line) for number in range(part, EVENTS, SENDERS)}

    for number in range(1, 100):
        assert post(sidetrakt, told(number)) == 202
    before, earlier = memory(sidetrakt.pid), {name: evening.plays(user_of(name)).keys() for name in PEOPLE}
    with ThreadPoolExecutor(SENDERS) as senders:
        assert set().union(*senders.map(send, range(SENDERS))) == {202}
    assert memory(sidetrakt.pid) - before < MORE
    evening.until(lambda: not sidetrakt.waiting())
    for name in PEOPLE:
        told_before = earlier[name]  # by the other tests, whatever their order
        plays = {title: at for title, at in evening.plays(user_of(name)).items() if title not in told_before}
        assert plays.keys() == {title for user, title in ended if user == user_of(name)}
        for title, (at,) in plays.items():
            assert abs(at - (now - timedelta(hours=3 * ended[user_of(name), title] + 3))) <= timedelta(minutes=1)


def test_while_the_database_is_busy_nothing_is_acknowledged_and_it_may_come_again(
    evening: Evening, sidetrakt: Sidetrakt
) -> None:
    film = evening.files("movies")[20]
    said = body(evening, "Anna", "stop", film, at=datetime.now(UTC), place=0.97)
    with contextlib.closing(sqlite3.connect(sidetrakt.folder / FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert post(sidetrakt, said) == 503
        other.execute("ROLLBACK")
    assert post(sidetrakt, said) == 202
    evening.hears("anna", "scrobble", film.titles[0].ids.trakt)
    assert len(evening.plays("anna")[film.titles[0].ids.trakt]) == 1


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/proc/mounts").exists(), reason="only root can make a small disk")
def test_on_a_full_disk_nothing_is_acknowledged_and_later_it_arrives(evening: Evening, sidetrakt: Sidetrakt) -> None:
    film, small = evening.files("movies")[21], sidetrakt.folder
    sidetrakt.end()
    said = body(evening, "Ben", "stop", film, at=datetime.now(UTC), place=0.97)
    kept = {path.name: path.read_bytes() for path in small.iterdir() if path.is_file()}
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(small)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this place allows no mounts")
    try:
        for name, content in kept.items():
            (small / name).write_bytes(content)
            (small / name).chmod(0o600)
        sidetrakt.up()
        with (small / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(b"x" * 4096)
        assert post(sidetrakt, said) == 503
        assert "scrobble" not in evening.told("ben")
        (small / "filler").unlink()
        assert post(sidetrakt, said) == 202
        evening.hears("ben", "scrobble", film.titles[0].ids.trakt)
        sidetrakt.end()
    finally:
        subprocess.run(["umount", "-l", small], check=True)
    assert len(evening.plays("ben")[film.titles[0].ids.trakt]) == 1


@pytest.mark.parametrize("hours", [-5, 3])
def test_a_server_whose_clock_is_hours_off_is_told_with_the_right_time(
    evening: Evening, sidetrakt: Sidetrakt, hours: int
) -> None:
    film = evening.files("movies")[22 if hours > 0 else 23]
    evening.controls["jellyfin"].clock.shift(hours * 3600)
    evening.act("jellyfin", "plugin", url=f"{sidetrakt.url}/hooks/jellyfin/home", token=TOKEN)
    evening.play("jellyfin", "start", "Anna", file=film.path, position_s=0)
    evening.hears("anna", "start", film.titles[0].ids.trakt)
    evening.play("jellyfin", "stop", "Anna", position_s=(film.runtime_ms or 0) / 1000 * 0.97)
    evening.hears("anna", "scrobble", film.titles[0].ids.trakt)
    (at,) = evening.plays("anna")[film.titles[0].ids.trakt]
    assert abs(at - datetime.now(UTC)) < timedelta(minutes=1)
    evening.controls["jellyfin"].clock.shift(-hours * 3600)
    assert [what for what in sidetrakt.alerts() if f"differs from ours by {abs(hours) * 60} minutes" in what]
