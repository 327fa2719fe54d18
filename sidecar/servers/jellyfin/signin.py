"""How somebody proves which account is theirs: Quick Connect, or a token of their own.

Whoever typed the code in may be somebody else than was meant, so every token is verified before it is kept.
"""

from __future__ import annotations

from sidecar.errors import AuthLost, Refused, UserError
from sidecar.model import Secret
from sidecar.servers.jellyfin.client import Jellyfin
from sidecar.servers.known import Code

CODE_LIFE = 600  # seconds


class QuickConnect:
    """One sign-in by a code that is typed in elsewhere; the client has no token yet."""

    interval = 3.0

    def __init__(self, client: Jellyfin) -> None:
        self._client, self._secret = client, Secret("")

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
        """The token, once the code was typed in."""
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
        return Secret(str(said.get("AccessToken") or ""))


def verify(client: Jellyfin, user_id: str, name: str) -> None:
    """Raises UserError where the token of this client is not this user's own."""
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
        what = f"This token belongs to {said.get('Name')} on {client.label}, and not to {name}."
        raise UserError(what, f"Sign in there as {name}, or name the other account.")
