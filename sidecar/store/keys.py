"""Where the key that opens the stored tokens comes from, and how it is changed.

Order: SIDETRAKT_KEY, SIDETRAKT_KEY_FILE, `sidetrakt.key` beside the database. A key is made only while the vault is
empty: a new key beside a full vault would orphan every token in it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from sidecar.errors import UserError
from sidecar.model import Secret

FILE = "sidetrakt.key"
VARIABLE = "SIDETRAKT_KEY"
FILE_VARIABLE = "SIDETRAKT_KEY_FILE"
MADE_WITH = "A key is 32 random bytes in URL-safe base64, one per line; the first encrypts, all of them decrypt."


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys at hand, newest first, and where they came from; none if there is none yet."""

    keys: tuple[Secret, ...]
    origin: str
    path: Path | None  # None if they came from the environment

    def __bool__(self) -> bool:
        return bool(self.keys)


def find_keys(folder: Path, environ: Mapping[str, str]) -> Keys:
    """Read the keys; raises UserError for a key that cannot be read, used, or that others could read."""
    if environ.get(VARIABLE, "").strip():
        return Keys(_parse(environ[VARIABLE].replace(",", "\n"), VARIABLE), f"environment {VARIABLE}", None)
    named = environ.get(FILE_VARIABLE, "").strip()
    path = Path(named) if named else folder / FILE
    if not path.exists():
        if named:
            raise UserError(
                f"The key file {path} named by {FILE_VARIABLE} is not there.", "Put it back, or correct the name."
            )
        return Keys((), "none", path)
    _check_private(path)
    try:
        text = path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as problem:
        raise UserError(
            f"The key file {path} cannot be read.",
            "Make it a readable file that belongs to the user who runs Sidetrakt.",
        ) from problem
    return Keys(_parse(text, str(path)), f"file {path}", path)


def make_key() -> Secret:
    """A new random key."""
    return Secret(Fernet.generate_key().decode("ascii"))


def write_keys(path: Path, keys: tuple[Secret, ...]) -> None:
    """Replace the key file as a whole, readable by its owner only; survives a power cut at any moment."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.writelines(key.reveal() + "\n" for key in keys)
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _parse(text: str, origin: str) -> tuple[Secret, ...]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines, 1):
        try:
            Fernet(line)
        except ValueError as problem:
            raise UserError(f"Key {number} in {origin} is not a key.", MADE_WITH) from problem
    if not lines:
        raise UserError(
            f"{origin} holds no key.", "Put the right key there; an empty key file is never filled by itself."
        )
    return tuple(Secret(line) for line in lines)


def _check_private(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as problem:
        raise UserError(f"The key file {path} cannot be read.", "Check who owns it and its folder.") from problem
    if not stat.S_ISREG(mode):
        raise UserError(f"The key file {path} is not a file.", "Put the key into a plain file.")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UserError(f"The key file {path} can be read by others.", f"Run `chmod 600 {path}` and start again.")
