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


@dataclass(frozen=True, slots=True)
class Library:
    """A library of films or series that somebody may see."""

    key: str
    name: str
    shows: bool | None = None  # None where it holds both
    scanning: bool = False
