"""The desk for tokens: device codes with all their answers, refresh tokens that work once, revocation.

`/oauth/*` answers on the same address as the API; there is no authorization page, a sidecar has no browser.
"""

from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from typing import Any

import flask

from sidecar.demo.catalogue import Catalogue
from sidecar.demo.control import Control

Said = dict[str, Any]
Answer = tuple[int, Said | None]


@dataclass(slots=True)
class Token:
    """A pair of tokens of one user."""

    user: str
    access: str
    refresh: str
    created: float
    expires_in: int


@dataclass(slots=True)
class Device:
    """A code somebody was asked to type in; `status` is what the next poll is answered."""

    user_code: str
    until: float
    status: int = 400
    user: str = ""
    polled: float = 0.0


def secret(catalogue: Catalogue, *of: object) -> str:
    """A text that looks random and is the same for the same catalogue."""
    return sha256(":".join(map(str, (catalogue.seed, *of))).encode()).hexdigest()


def signins(catalogue: Catalogue) -> Said:
    """The app's client id and secret, and for each Trakt user a pair of tokens that is valid from the start."""
    users = sorted({person.trakt for person in catalogue.people if person.trakt})
    pairs = {u: {f"{kind}_token": secret(catalogue, u, kind) for kind in ("access", "refresh")} for u in users}
    return {"client_id": secret(catalogue, "id"), "client_secret": secret(catalogue, "secret"), "users": pairs}


class Desk:
    """The tokens and device codes of one app."""

    def __init__(self, catalogue: Catalogue, control: Control) -> None:
        self.catalogue, self.control = catalogue, control
        self.client_id, self.client_secret = secret(catalogue, "id"), secret(catalogue, "secret")
        self.calls = {
            "device/code": self._code,
            "device/token": self._poll,
            "token": self._refresh,
            "revoke": self._revoke,
        }
        self.reset()
        control.on_reset(self.reset)

    def reset(self) -> None:
        """Everything as after the start: one valid pair for each user, no codes."""
        self.removed, self._made, self.devices = False, count(1), dict[str, Device]()
        self.tokens: dict[str, Token] = {}
        for user, pair in signins(self.catalogue)["users"].items():
            self._issue(user, *pair.values())

    def _now(self) -> float:
        return self.control.clock.now().timestamp()

    def _issue(self, user: str, *pair: str) -> Said:
        access, refresh = pair or [secret(self.catalogue, next(self._made)) for _ in "ar"]
        life: int = self.control.switches["token_life"]
        self.tokens[access] = Token(user, access, refresh, self._now(), life)
        told = {"access_token": access, "token_type": "bearer", "expires_in": life, "refresh_token": refresh}
        return told | {"scope": "public", "created_at": int(self._now())}

    def alive(self) -> dict[str, str]:
        """The valid access tokens and whose they are."""
        return {t.access: t.user for t in self.tokens.values() if self._now() < t.created + t.expires_in}

    def user(self) -> str | None:
        """Whose valid token came with the current request, None without one."""
        kind, _, access = flask.request.headers.get("Authorization", "").partition(" ")
        token = self.tokens.get(access.strip()) if kind.casefold() == "bearer" else None
        return token.user if token and self._now() < token.created + token.expires_in else None

    def drop(self, user: str) -> None:
        """Ends all tokens of a user."""
        self.tokens = {access: token for access, token in self.tokens.items() if token.user != user}

    def device(self, said: Said) -> Device:
        """The code somebody types in; ValueError when it is unknown."""
        known = {device.user_code: device for device in self.devices.values()}
        if said.get("user_code") not in known:
            raise ValueError(f"no device code {said.get('user_code')!r}; known: {', '.join(known)}")
        return known[said["user_code"]]

    def answer(self, call: str, said: Said) -> Answer:
        """POST /oauth/<call>: refuses an app that is unknown or gone, or whose secret is wrong."""
        if call != "revoke" and (said.get("client_id") != self.client_id or self.removed):
            return 403, {"error": "invalid_client", "error_description": "unknown client"}
        given, needed = said.get("client_secret"), self.control.switches["secret_required"]
        if call.endswith("token") and given != self.client_secret and (given or needed):
            return 401, {"error": "invalid_client", "error_description": "wrong client secret"}
        return self.calls[call](said)

    def _code(self, _: Said) -> Answer:
        code = secret(self.catalogue, "device", next(self._made))
        self.devices[code] = Device(code[:8].upper(), self._now() + 600)
        told = {"device_code": code, "user_code": code[:8].upper(), "verification_url": "https://trakt.tv/activate"}
        return 200, told | {"expires_in": 600, "interval": 5}

    def _poll(self, said: Said) -> Answer:
        device, now = self.devices.get(str(said.get("code"))), self._now()
        if device is None:
            return 404, None
        early, device.polled = now - device.polled < 5, now
        if early:
            return 429, None
        if now >= device.until and device.status in (200, 400):
            device.status = 410
        if device.status != 200:
            return device.status, None
        device.status = 409
        return 200, self._issue(device.user)

    def _refresh(self, said: Said) -> Answer:
        old = next((t for t in self.tokens.values() if t.refresh == said.get("refresh_token")), None)
        if said.get("grant_type") != "refresh_token" or old is None:
            told = {"error": "invalid_grant", "error_description": "session not found"}
            return self.control.switches["invalid_grant_status"], told
        del self.tokens[old.access]
        return 200, self._issue(old.user)

    def _revoke(self, said: Said) -> Answer:
        self.tokens = {a: t for a, t in self.tokens.items() if said.get("token") not in (a, t.refresh)}
        return 200, {}
