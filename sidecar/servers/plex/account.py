"""How somebody's token is got: by a code typed in at plex.tv/link, or from what the owner's account may hand out."""

from __future__ import annotations

from collections.abc import Callable

from sidecar.errors import AuthLost, BadAnswer, Outage, RateLimited, Refused, RemoteError, Unreachable, UserError
from sidecar.model import Secret
from sidecar.servers.known import Code, Tokens
from sidecar.servers.plex.tv import PlexTv

LINK = "https://plex.tv/link"
OVER = "The code ran out before somebody typed it in."


class PlexSignIn:
    """A code for plex.tv/link; trouble on the way only makes us ask again."""

    def __init__(self, tv: PlexTv) -> None:
        self._tv, self._number = tv, ""
        self.interval = 2.0

    def begin(self) -> Code:
        """Get a code of four letters."""
        pin = self._tv.ask("/api/v2/pins", None, method="POST")
        self._number, code, left = pin.get("id", ""), pin.get("code", ""), pin.get("expiresIn", "")
        if not self._number or not code:
            raise BadAnswer("plex.tv", "plex.tv gave no code.", "Run the command again.")
        return Code(code, LINK, int(left) if left.isdecimal() else 900)

    def poll(self) -> Secret | None:
        """The token, once the code was typed in."""
        try:
            pin = self._tv.ask(f"/api/v2/pins/{self._number}", None)
        except RateLimited:
            self.interval = min(self.interval * 2, 30.0)
            return None
        except (Outage, Unreachable, BadAnswer):
            return None
        except Refused as problem:
            if problem.status != 404:
                raise
            raise UserError(OVER, "Run the command again for a new code.") from problem
        given = pin.get("authToken")
        return Secret(given) if given else None


class Handing:
    """What the owner's account can give to the others of one server; asked for once, used for all of them."""

    def __init__(self, tv: PlexTv, owner: Secret, machine: str, is_owner: Callable[[Secret], bool]) -> None:
        self._tv, self._owner, self._machine, self._is_owner = tv, owner, machine, is_owner
        self._members = {each.id: each for each in tv.members(owner)}
        self._shared: dict[str, Secret] | None = None

    def tokens(self, user: str, pin: str = "") -> Tokens:
        """Tokens for a user by number; raises UserError with a plain sentence where Plex gives none."""
        member = self._members.get(user)
        if member is not None and (pin or not member.protected):
            try:
                account = self._tv.switch(self._owner, member, pin)
                server = self._tv.server_token(account, self._machine)
            except (AuthLost, Refused):
                account, server = Secret(""), None
            if server is not None:
                return Tokens(server.reveal(), account.reveal())
        if (server := self.given(user)) is not None:
            return Tokens(server.reveal())
        raise UserError(*self._why(user))

    def given(self, user: str) -> Secret | None:
        """What plex.tv says is somebody's token: the last resort, and only if it surely is not the owner's."""
        if self._shared is None:
            try:
                self._shared = self._tv.shared(self._owner, self._machine)
            except (AuthLost, Refused):
                self._shared = {}
        found = self._shared.get(user)
        return found if found and not self._is_owner(found) else None

    def _why(self, user: str) -> tuple[str, str]:
        member = self._members.get(user)
        if member is None:
            step = "Let them sign in: `sidetrakt account PERSON@SERVER --pin`."
            return "Plex does not hand out tokens of friends at the moment.", step
        if member.protected:
            return f"{member.name} is protected by a PIN.", "Let them sign in, or take the PIN away for a moment."
        profile = f" (it has the age profile “{member.limited}”)" if member.limited else ""
        return f"Plex gives no token for {member.name}{profile}.", "Their own sign-in is the only way there is."


def handed_out(handing: Handing, users: dict[int, str]) -> dict[int, Tokens]:
    """Tokens by account, without those that there is none for; a pause that plex.tv asks for ends it."""
    found: dict[int, Tokens] = {}
    for account, user in users.items():
        try:
            found[account] = handing.tokens(user)
        except UserError:
            continue
        except RemoteError:
            break
    return found
