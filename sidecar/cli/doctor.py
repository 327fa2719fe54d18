"""`sidetrakt doctor`: is everything in order, and what to do where it is not."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from sidecar import __version__
from sidecar.cli import say
from sidecar.cli.here import Here, look_around
from sidecar.errors import SidetraktError
from sidecar.words import count_of, size_of


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: ok, note, warning or bad."""

    about: str
    state: str
    what: str
    next_step: str = ""


@click.command(short_help="Is everything in order?", epilog="Example: sidetrakt doctor --bundle report.json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--bundle", type=click.Path(path_type=Path), help="Write all of it to a file for a report; no secrets.")
@click.pass_context
def doctor(context: click.Context, *, as_json: bool, bundle: Path | None) -> None:
    """Look at the environment, settings, database, key and permissions; changes nothing."""
    here = look_around()
    findings = list(examine(here))
    settings = here.settings.dump()
    if bundle is not None:
        from sidecar.cli.bundle import write

        write(bundle, here, [asdict(finding) for finding in findings])
        say.marked("ok", f"The report is in {bundle}. It holds no tokens; read it before you send it.")
    elif as_json:
        rows = [{"key": key, "value": value, "origin": origin} for key, value, origin in settings]
        say.as_json({"findings": [asdict(finding) for finding in findings], "settings": rows})
    else:
        for finding in findings:
            say.marked(finding.state, f"{finding.about}: {finding.what}", finding.next_step)
        say.line()
        say.table(["Setting", "Value", "From"], settings)
    if any(finding.state == "bad" for finding in findings):
        context.exit(2)


def examine(here: Here) -> Iterator[Finding]:
    """Every finding, in the order in which a person would look."""
    from sidecar.store.db import SQLITE

    yield Finding("Sidetrakt", "ok", f"{__version__}, Python {platform.python_version()}, SQLite {SQLITE}")
    yield Finding("System", "ok", f"{platform.system()} {platform.release()} ({platform.machine()}), {sys.executable}")
    for about, look in (
        ("Folder", _folder),
        ("Process", _process),
        ("Database", _database),
        ("Key", _key),
        ("Trakt", _trakt),
        ("Servers", _servers),
    ):
        yield from _guarded(about, look, here)


def _guarded(about: str, look: Callable[[Here], Iterator[Finding]], here: Here) -> Iterator[Finding]:
    """What a look finds; a known error is a finding, too."""
    try:
        yield from look(here)
    except SidetraktError as problem:
        yield Finding(about, "bad", problem.what, problem.next_step)


def _folder(here: Here) -> Iterator[Finding]:
    from sidecar.store.folder import network_kind

    folder = here.folder
    if kind := network_kind(folder):
        yield Finding("Folder", "bad", f"{folder} lies on a network drive ({kind})", "Use a folder on a local disk.")
    elif not folder.is_dir():
        yield Finding("Folder", "note", f"{folder} is not there yet; `sidetrakt up` makes it")
    elif not os.access(folder, os.W_OK | os.X_OK):
        step = "Give it to the user who runs Sidetrakt."
        yield Finding("Folder", "bad", f"{folder} cannot be written", step)
    elif folder.stat().st_mode & 0o077:
        yield Finding("Folder", "warning", f"{folder} is open to others", f"Run `chmod 700 {folder}`.")
    else:
        yield Finding("Folder", "ok", f"{folder} is private")


def _process(here: Here) -> Iterator[Finding]:
    from sidecar.store import owner

    if not (here.folder / owner.FILE).exists():
        yield Finding("Process", "note", "Sidetrakt does not run here")
        return
    taken = owner.take(here.folder, "doctor")
    if isinstance(taken, owner.Owner):
        taken.release()
        yield Finding("Process", "note", "Sidetrakt does not run here now")
    else:
        yield Finding("Process", "ok", f"Sidetrakt runs here (process {taken.pid}, {taken.purpose})")


def _database(here: Here) -> Iterator[Finding]:
    from sidecar.store import copies
    from sidecar.store.db import BACKUPS, FILE, look_into, whole

    copied = copies.copies(here.folder)
    newest = f", newest {copied[0].name}" if copied else ""
    there_are = f"{count_of(len(copied), 'copy', 'copies')} in {BACKUPS}{newest}"
    with look_into(here.folder) as db:
        if db is None:
            yield Finding("Database", "note", "not there yet; `sidetrakt up` makes it")
            return
        size = size_of((here.folder / FILE).stat().st_size)
        if whole(db):
            yield Finding("Database", "ok", f"whole, {size}; {there_are}")
        else:
            yield Finding("Database", "bad", f"damaged, {size}", f"Restore a copy: {there_are}.")


def _trakt(here: Here) -> Iterator[Finding]:
    from sidecar.cli.here import perform
    from sidecar.store.db import look_into
    from sidecar.store.people import People

    if not here.settings.trakt.client_id:
        yield Finding("Trakt", "note", "no app is set up", "Put trakt.client_id into sidetrakt.toml.")
        return
    with look_into(here.folder) as db:
        linked = [] if db is None else People(db).trakt_accounts()
    if not linked:
        yield Finding("Trakt", "note", "nobody is linked yet", "Run `sidetrakt link PERSON`.")
        return
    with say.Countdown(errors=True) as countdown:
        answers = perform(here, "health", {}, on_event=lambda event: say.reading(countdown, event))
    for found in answers:
        if found["state"] == "ok":
            yield Finding("Trakt", "ok", f"{found['account']} is connected")
        else:
            state = "bad" if found["state"] in ("auth", "refused app key") else "warning"
            yield Finding("Trakt", state, f"{found['account']}: {found['what']}", found["next_step"])


def _servers(here: Here) -> Iterator[Finding]:
    from sidecar.cli.here import perform
    from sidecar.store.db import FILE

    if not here.settings.servers:
        yield Finding("Servers", "note", "none is set up", "Put a [[servers]] block into sidetrakt.toml.")
        return
    if not (here.folder / FILE).exists():
        yield Finding("Servers", "note", "not reached yet; `sidetrakt up` does it")
        return
    with say.Countdown(errors=True) as countdown:
        found = perform(here, "check", {}, on_event=lambda event: say.reading(countdown, event))
    for each in found:
        yield Finding(**each)


def _key(here: Here) -> Iterator[Finding]:
    from sidecar.store.db import look_into
    from sidecar.store.keys import find_keys
    from sidecar.store.vault import MISSING, Vault, is_empty

    keys = find_keys(here.folder, here.environ)
    with look_into(here.folder) as db:
        if db is None or is_empty(db):
            text = f"from {keys.origin}; nothing is sealed with it yet" if keys.keys else "made when it is first needed"
            yield Finding("Key", "ok" if keys.keys else "note", text)
            return
        vault = Vault(keys.keys, here.clock)
        vault.check(db)
    if vault.locked:
        yield Finding("Key", "bad", f"Secrets locked. {vault.locked}", MISSING)
    else:
        yield Finding("Key", "ok", f"from {keys.origin}, opens the stored secrets")
