"""The secret with which a server's plugin or webhook proves itself: from the settings, else one of our own making."""

from __future__ import annotations

import secrets

from sidecar.model import Secret
from sidecar.settings import Server
from sidecar.store.db import Transaction
from sidecar.store.vault import Vault


def hook_token(db: Transaction, vault: Vault, server: Server) -> Secret | None:
    """The secret of a server; None if none was set or made yet."""
    return server.hook_token or vault.get(db, _name(server))


def make_hook_token(db: Transaction, vault: Vault, server: Server) -> Secret:
    """Make a new one, which ends the one before; what the settings hold goes before it all the same."""
    made = Secret(secrets.token_urlsafe(32))
    vault.put(db, _name(server), made)
    return made


def _name(server: Server) -> str:
    return f"hook:{server.name.lower()}"
