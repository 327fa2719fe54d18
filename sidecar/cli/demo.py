"""`sidetrakt up --demo`: what there is to see already."""

from __future__ import annotations

from sidecar import __version__
from sidecar.cli import say


def show() -> None:
    """Say what works and what is not there yet."""
    say.line(f"Sidetrakt {__version__}: the demo household is not there yet.")
    say.line("What works: sidetrakt up, doctor, people, set, backup, restore, keys rotate.")
    say.line("What comes next: simulated Trakt, Jellyfin and Plex servers with people watching, then linking and sync.")
