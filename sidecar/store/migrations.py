"""The shape of the database, step by step; a released step is never edited, only followed by another.

Moments are text as `clock.to_text` writes them, values are JSON. Rows exist only for what somebody said:
an unwatched title has none.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

APPLICATION_ID = 0x51DE7A17  # marks the file as ours, so that no foreign database is ever restored over it

_FIRST = """
CREATE TABLE owner (
    id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL, started_at TEXT NOT NULL
) STRICT;

CREATE TABLE person (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, admin INTEGER NOT NULL DEFAULT 0,
    made_at TEXT NOT NULL
) STRICT;
CREATE TABLE account (
    id INTEGER PRIMARY KEY, server TEXT NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL,
    person INTEGER NOT NULL REFERENCES person, made_at TEXT NOT NULL, UNIQUE (server, user)
) STRICT;
CREATE INDEX account_person ON account (person);
CREATE TABLE trakt_account (
    uuid TEXT PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
    limits TEXT NOT NULL DEFAULT '{}', made_at TEXT NOT NULL, proved_at TEXT
) STRICT;
CREATE TABLE link (
    person INTEGER PRIMARY KEY REFERENCES person ON DELETE CASCADE,
    trakt TEXT NOT NULL REFERENCES trakt_account, made_at TEXT NOT NULL
) STRICT;
CREATE INDEX link_trakt ON link (trakt);
CREATE TABLE option (
    person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,
    changed_at TEXT NOT NULL, PRIMARY KEY (person, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE secret (name TEXT PRIMARY KEY, sealed BLOB NOT NULL, changed_at TEXT NOT NULL) STRICT;

CREATE TABLE title (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, trakt INTEGER, claim TEXT UNIQUE,
    show INTEGER REFERENCES title, season INTEGER, number INTEGER, name TEXT, year INTEGER, runtime INTEGER,
    UNIQUE (kind, trakt), CHECK (trakt IS NOT NULL OR claim IS NOT NULL)
) STRICT;
CREATE INDEX title_show ON title (show, season, number) WHERE show IS NOT NULL;
CREATE TABLE title_id (
    kind TEXT NOT NULL, catalogue TEXT NOT NULL, value TEXT NOT NULL,
    title INTEGER NOT NULL REFERENCES title ON DELETE CASCADE, PRIMARY KEY (kind, catalogue, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX title_id_title ON title_id (title);
CREATE TABLE item (
    id INTEGER PRIMARY KEY, server TEXT NOT NULL, remote TEXT NOT NULL, library TEXT NOT NULL, claim TEXT NOT NULL,
    name TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '', met_at TEXT NOT NULL, gone_at TEXT,
    UNIQUE (server, remote)
) STRICT;
CREATE TABLE item_title (
    item INTEGER NOT NULL REFERENCES item ON DELETE CASCADE, place INTEGER NOT NULL,
    title INTEGER NOT NULL REFERENCES title, PRIMARY KEY (item, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX item_title_title ON item_title (title);

CREATE TABLE lookup (key TEXT PRIMARY KEY, answer BLOB NOT NULL, at TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE side (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE side_feature (
    side INTEGER NOT NULL REFERENCES side ON DELETE CASCADE, feature TEXT NOT NULL, joined_at TEXT,
    mark TEXT, read_at TEXT, PRIMARY KEY (side, feature)
) STRICT, WITHOUT ROWID;
CREATE TABLE agreed (
    person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE, feature TEXT NOT NULL,
    title INTEGER NOT NULL REFERENCES title, value TEXT NOT NULL, at TEXT,
    by INTEGER REFERENCES side ON DELETE SET NULL,
    PRIMARY KEY (person, feature, title)
) STRICT, WITHOUT ROWID;
CREATE INDEX agreed_title ON agreed (title);
CREATE TABLE seen (
    side INTEGER NOT NULL REFERENCES side ON DELETE CASCADE, feature TEXT NOT NULL,
    title INTEGER NOT NULL REFERENCES title, value TEXT NOT NULL, items TEXT NOT NULL DEFAULT '[]', kept_since TEXT,
    expected TEXT, ours TEXT, PRIMARY KEY (side, feature, title)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_title ON seen (title);

CREATE TABLE viewing (
    id INTEGER PRIMARY KEY, trakt TEXT NOT NULL, title INTEGER NOT NULL REFERENCES title, began TEXT, ended TEXT,
    minute TEXT, history_id INTEGER, told TEXT NOT NULL, times TEXT NOT NULL DEFAULT '{}', made_at TEXT NOT NULL,
    settled_at TEXT
) STRICT;
CREATE INDEX viewing_title ON viewing (trakt, title);
CREATE INDEX viewing_told ON viewing (trakt, told) WHERE told IN ('no', 'sent');
CREATE UNIQUE INDEX viewing_history ON viewing (trakt, history_id) WHERE history_id IS NOT NULL;

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY, trakt TEXT NOT NULL, title INTEGER NOT NULL REFERENCES title, topic TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE, body TEXT NOT NULL, viewing INTEGER REFERENCES viewing ON DELETE SET NULL,
    state TEXT NOT NULL, due_at TEXT NOT NULL, sent_at TEXT, epoch INTEGER, tries INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '', made_at TEXT NOT NULL, ended_at TEXT
) STRICT;
CREATE INDEX outbox_open ON outbox (trakt, title, id) WHERE state IN ('due', 'sent', 'doubtful');
CREATE INDEX outbox_ended ON outbox (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE run (
    id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE, kind TEXT NOT NULL,
    asked_by TEXT NOT NULL, state TEXT NOT NULL, asked_at TEXT NOT NULL, began_at TEXT, ended_at TEXT, epoch INTEGER,
    undoes INTEGER REFERENCES run ON DELETE SET NULL, summary TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX run_person ON run (person, id);
CREATE UNIQUE INDEX run_going ON run (person) WHERE state = 'going';
CREATE TABLE change (
    run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE, number INTEGER NOT NULL,
    side INTEGER NOT NULL REFERENCES side ON DELETE CASCADE,
    feature TEXT NOT NULL, title INTEGER NOT NULL REFERENCES title, action TEXT NOT NULL, value TEXT NOT NULL,
    before TEXT,
    why TEXT NOT NULL, made_from TEXT NOT NULL DEFAULT '{}', state TEXT NOT NULL, outcome TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE held (
    id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE, feature TEXT NOT NULL,
    side INTEGER NOT NULL REFERENCES side ON DELETE CASCADE, rule TEXT NOT NULL,
    run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    titles TEXT NOT NULL, why TEXT NOT NULL, decision TEXT, made_at TEXT NOT NULL, UNIQUE (person, feature, side, rule)
) STRICT;

CREATE TABLE alert (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, kind TEXT NOT NULL, person INTEGER REFERENCES person ON DELETE CASCADE,
    what TEXT NOT NULL, next_step TEXT NOT NULL, count INTEGER NOT NULL DEFAULT 1, opened_at TEXT NOT NULL,
    again_at TEXT NOT NULL, closed_at TEXT
) STRICT;
CREATE UNIQUE INDEX alert_open ON alert (key) WHERE closed_at IS NULL;
"""

_SERVERS = """
CREATE TABLE server (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, version TEXT NOT NULL, owner TEXT NOT NULL DEFAULT '',
    met_at TEXT NOT NULL
) STRICT;
CREATE TABLE library (
    server TEXT NOT NULL REFERENCES server ON DELETE CASCADE, key TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (server, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE stuck (
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE, feature TEXT NOT NULL, item TEXT NOT NULL,
    wanted TEXT NOT NULL, held TEXT NOT NULL, tries INTEGER NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (account, feature, item)
) STRICT, WITHOUT ROWID;
ALTER TABLE item ADD COLUMN year INTEGER;
ALTER TABLE item ADD COLUMN runtime INTEGER;
ALTER TABLE item ADD COLUMN file TEXT NOT NULL DEFAULT '';
"""

_LIVE = """
CREATE TABLE session (
    id INTEGER PRIMARY KEY, server TEXT NOT NULL, user TEXT NOT NULL, player TEXT NOT NULL, item TEXT NOT NULL,
    person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE, trakt TEXT NOT NULL, began TEXT NOT NULL,
    heard_at TEXT NOT NULL, ended_at TEXT, finished INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX session_user ON session (server, user, ended_at);
CREATE INDEX session_open ON session (trakt) WHERE ended_at IS NULL;
CREATE TABLE toggle (server TEXT NOT NULL, user TEXT NOT NULL, item TEXT NOT NULL, at TEXT NOT NULL) STRICT;
CREATE INDEX toggle_item ON toggle (server, user, item);
CREATE TABLE replay (event TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE sender (install TEXT PRIMARY KEY, server TEXT NOT NULL, seq INTEGER NOT NULL, at TEXT NOT NULL) STRICT;
CREATE TABLE wish (
    id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE,
    title INTEGER NOT NULL REFERENCES title, feature TEXT NOT NULL, side TEXT NOT NULL, why TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX wish_person ON wish (person, title);
CREATE TABLE gap (server TEXT PRIMARY KEY, since TEXT NOT NULL, why TEXT NOT NULL) STRICT;
"""

_SYNC = """
ALTER TABLE item ADD COLUMN matched_at TEXT;
ALTER TABLE item ADD COLUMN moved_at TEXT;
ALTER TABLE item ADD COLUMN changed_at TEXT;
ALTER TABLE item ADD COLUMN former TEXT NOT NULL DEFAULT '';
ALTER TABLE item ADD COLUMN verdict TEXT NOT NULL DEFAULT '';
ALTER TABLE item ADD COLUMN show TEXT NOT NULL DEFAULT '';
ALTER TABLE item ADD COLUMN season INTEGER;
ALTER TABLE item ADD COLUMN number INTEGER;
CREATE INDEX item_waiting ON item (server) WHERE matched_at IS NULL AND gone_at IS NULL;
CREATE INDEX item_moved ON item (server, moved_at) WHERE moved_at IS NOT NULL;
CREATE INDEX item_changed ON item (server, changed_at) WHERE changed_at IS NOT NULL;
CREATE INDEX item_met ON item (server, met_at);
CREATE TABLE claim (
    word TEXT NOT NULL, title INTEGER NOT NULL REFERENCES title ON DELETE CASCADE, PRIMARY KEY (word, title)
) STRICT, WITHOUT ROWID;
CREATE INDEX claim_title ON claim (title);
CREATE TABLE word (
    item INTEGER PRIMARY KEY REFERENCES item ON DELETE CASCADE, ignored INTEGER NOT NULL,
    title INTEGER REFERENCES title, seasons INTEGER NOT NULL DEFAULT 0, episodes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE elsewhere (trakt TEXT NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (trakt, hash)) STRICT, WITHOUT ROWID;
CREATE INDEX elsewhere_hash ON elsewhere (hash);
ALTER TABLE side_feature ADD COLUMN whole_at TEXT;
ALTER TABLE side_feature ADD COLUMN libraries TEXT;
ALTER TABLE side_feature ADD COLUMN known_at TEXT;
CREATE TABLE counted (
    person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE, feature TEXT NOT NULL,
    side INTEGER NOT NULL REFERENCES side ON DELETE CASCADE, rule TEXT NOT NULL, count INTEGER NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX counted_person ON counted (person, feature, at);
CREATE TABLE put_off (
    side INTEGER NOT NULL REFERENCES side ON DELETE CASCADE, feature TEXT NOT NULL,
    title INTEGER NOT NULL REFERENCES title, until TEXT NOT NULL, why TEXT NOT NULL,
    PRIMARY KEY (side, feature, title)
) STRICT, WITHOUT ROWID;
CREATE TABLE settled (
    person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE, feature TEXT NOT NULL, choices TEXT NOT NULL,
    PRIMARY KEY (person, feature)
) STRICT, WITHOUT ROWID;
CREATE TABLE began (
    person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE, trakt TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (person, trakt)
) STRICT, WITHOUT ROWID;
CREATE INDEX change_doubt ON change (side) WHERE state = 'sent';
"""


def all_migrations() -> Migrations:
    """Every step in order; built when asked for, so that importing does nothing."""
    steps = Migrations("sidetrakt")

    @steps()
    def m001_first(db: Database) -> None:
        _run(db, _FIRST)

    @steps()
    def m002_servers(db: Database) -> None:
        _run(db, _SERVERS)

    @steps()
    def m003_live(db: Database) -> None:
        _run(db, _LIVE)

    @steps()
    def m004_sync(db: Database) -> None:
        _run(db, _SYNC)

    return steps


def _run(db: Database, script: str) -> None:
    """One statement at a time: executescript() would commit the transaction this runs in."""
    for statement in script.split(";\n"):
        if statement.strip():
            db.execute(statement)
