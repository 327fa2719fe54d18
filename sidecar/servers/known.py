"""What a server says about itself, its users and its libraries; the same for both kinds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Info:
    """A server as it introduces itself."""

    id: str  # its own machine id
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who has an account there."""

    id: str
    name: str
    admin: bool = False
    disabled: bool = False
    plex: str = ""  # plex.tv's number of the owner, whom the server itself calls 1


@dataclass(frozen=True, slots=True)
class Library:
    """A library of films or series that somebody may see."""

    key: str
    name: str
    shows: bool | None = None  # None where it holds both
    scanning: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """What somebody types in to prove who they are, and where."""

    code: str
    where: str
    seconds: int  # how long it may be typed in


@dataclass(frozen=True, slots=True)
class Tokens:
    """What acts for one account: at the server itself, and, for Plex, at plex.tv."""

    server: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at on a server: ok, note, warning or bad."""

    about: str
    state: str
    what: str
    next_step: str = ""
