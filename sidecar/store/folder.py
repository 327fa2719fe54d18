"""The data folder: private, on a local disk.

SQLite's write-ahead log and our lock need a file system of this machine; over a network both fail silently.
"""

from __future__ import annotations

import os
from pathlib import Path

from sidecar.errors import UserError

NETWORK = (
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "afs",
    "9p",
    "ceph",
    "glusterfs",
    "fuse.sshfs",
    "fuse.rclone",
    "ncpfs",
)
MOUNTS = Path("/proc/self/mounts")


def prepare(folder: Path, mounts: Path = MOUNTS) -> None:
    """Make the folder, readable by its owner only, or say why it cannot be used."""
    if kind := network_kind(folder, mounts):
        raise UserError(
            f"{folder} lies on a network drive ({kind}).", "Use a folder on a local disk: set SIDETRAKT_HOME."
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as problem:
        raise UserError(f"{folder} is a file, not a folder.", "Move it away, or set SIDETRAKT_HOME.") from problem
    except OSError as problem:
        step = "Make it yourself and give it to the user who runs Sidetrakt, or set SIDETRAKT_HOME."
        raise UserError(f"The data folder {folder} cannot be made ({problem.strerror}).", step) from problem
    if not os.access(folder, os.W_OK | os.X_OK):
        step = "Give it to the user who runs Sidetrakt, or set SIDETRAKT_HOME."
        raise UserError(f"Nothing can be written into the data folder {folder}.", step)


def network_kind(folder: Path, mounts: Path = MOUNTS) -> str:
    """The network file system a folder lies on, or nothing; only Linux tells."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    place = folder.absolute()
    best, found = -1, ""
    for line in lines:
        parts = line.split()
        if len(parts) < 3:
            continue
        point = Path(parts[1].encode().decode("unicode_escape"))  # blanks are written as \040
        if place.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), parts[2]
    return found if found in NETWORK else ""
