"""How somebody proves which account is theirs: Quick Connect, or a token of their own.

A token that belongs to somebody else is never kept, whoever typed the code in.
"""

from __future__ import annotations

from collections.abc import Callable

from sidecar.errors import AuthLost, Refused, UserError
from sidecar.model import Secret
from sidecar.servers.jellyfin.client import Jellyfin
from sidecar.servers.known import Code

CODE_LIFE = 600  # seconds
Open = Callable[[Secret], Jellyfin]
"""The server for a token, or for none yet."""


class QuickConnect:
    """One sign-in by a code that is typed in elsewhere."""

    interval = 3.0

    def __init__(self, open_: Open, user_id: str) -> None:
        self._open, self._user = open_, user_id
        self._client, self._secret = open_(Secret("")), Secret("")

    def begin(self) -> Code:
        """Get a code to show."""
        label = self._client.label
        self._client.info()
        try:
            said = self._client.call("POST", "QuickConnect/Initiate")
        except AuthLost as problem:
            what = f"Quick Connect is switched off on {label}."
            raise UserError(what, "Switch it on in its dashboard, or give a token with --token-file.") from problem
        self._secret = Secret(str(said.get("Secret")))
        return Code(str(said.get("Code")), f"any app that is signed in to {label}, under Quick Connect", CODE_LIFE)

    def poll(self) -> Secret | None:
        """The token, once the code was typed in by whoever owns the account."""
        params = {"secret": self._secret.reveal()}
        try:
            if self._client.call("GET", "QuickConnect/Connect", params).get("Authenticated") is not True:
                return None
        except Refused as problem:
            if problem.status != 404:
                raise
            raise UserError("The code ran out before it was typed in.", "Begin again for another one.") from problem
        body = {"Secret": self._secret.reveal()}
        said = self._client.call("POST", "Users/AuthenticateWithQuickConnect", body=body)
        token = Secret(str(said.get("AccessToken") or ""))
        verify(self._open, token, self._user)
        return token


def verify(open_: Open, token: Secret, user_id: str) -> None:
    """Raises UserError where a token is not this user's own."""
    client = open_(token)
    try:
        said = client.call("GET", "Users/Me")
    except AuthLost as problem:
        raise UserError(f"{client.label} does not accept this token.", "Check that it was copied whole.") from problem
    except Refused as problem:
        if problem.status != 400:
            raise
        what = f"This is an API key of {client.label}, which is nobody's own."
        raise UserError(what, "It belongs into sidetrakt.toml as the server's token.") from problem
    if said.get("Id") != user_id:
        what = f"This token belongs to {said.get('Name')} on {client.label}, and not to the account it was given for."
        raise UserError(what, "Name that account instead, or sign in as the right one.")
