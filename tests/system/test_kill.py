"""A process that really writes is really killed, thirty times: nothing that it acknowledged may be missing."""

import random
import subprocess
import sys
from pathlib import Path

from sidecar.store.db import open_store, whole
from sidecar.store.ledger import Ledger
from sidecar.store.outbox import Outbox

KILLS = 30
WRITER = """
import sys, threading
from datetime import datetime, timedelta, UTC
from pathlib import Path
from sidecar.model import Ids, Kind, Ref
from sidecar.store.db import open_store
from sidecar.store.ledger import Ledger
from sidecar.store.outbox import Outbox, Topic
from sidecar.store.titles import Titles
from sidecar.viewing import Sighting

life, now = sys.argv[2], datetime(2026, 11, 21, tzinfo=UTC)
store, say = open_store(Path(sys.argv[1])), threading.Lock()

def write(thread: int) -> None:
    for number in range(100_000):
        key = f"{life}-{thread}-{number}"
        with store.write() as db:
            movie = Titles(db).learn(Ref(Kind.MOVIE, Ids(trakt=thread + 1)))[0]
            began = now + timedelta(days=number, hours=int(life))
            sighting = Sighting("jellyfin:s:u", began, began=began, ended=began + timedelta(minutes=30))
            claim = Ledger(db).claim(f"account-{life}-{thread}", movie, sighting, now, runtime=30)
            row = dict(key=key, body={}, at=now, viewing=claim.viewing.id)
            Outbox(db).put(f"account-{life}-{thread}", movie, Topic.PLAY, **row)
        with say:
            print(key, flush=True)  # only now is it acknowledged

for thread in range(3):
    threading.Thread(target=write, args=(thread,)).start()
"""


def test_thirty_kills_lose_no_acknowledged_row(tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    chance = random.Random(7)  # noqa: S311 - when to kill is no secret
    for life in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(life)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            for _ in range(chance.randrange(1, 60)):
                acknowledged.add(writer.stdout.readline().strip())
            writer.kill()
            acknowledged |= {
                line.strip() for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")
            }
    store = open_store(tmp_path)
    with store.read() as db:
        assert whole(db)
        rows = Outbox(db).open()
        assert acknowledged - {row.key for row in rows} == set()
        assert len(acknowledged) > KILLS
        viewings = {row.viewing for row in rows}
        assert None not in viewings  # session, ledger and outbox came in one transaction or not at all
        assert len(viewings) == db.execute("SELECT count(*) FROM viewing").fetchone()[0] == len(rows)
        assert len(Ledger(db).to_tell("account-0-0")) == len([row for row in rows if row.trakt == "account-0-0"])
    store.close()
