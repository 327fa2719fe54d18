"""The calls of Trakt's sign-in: device code, refresh, revoke. They go to the auth host and need no token.

Eight answers to a poll, each with its meaning; an outage is none of them and only makes us wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import requests

from sidecar.clock import Clock
from sidecar.errors import AuthLost, Outage, Refused, RemoteError, Unreachable
from sidecar.http import Session
from sidecar.model import Secret
from sidecar.settings import Trakt as TraktSettings
from sidecar.trakt.limits import Rest, Stopped
from sidecar.trakt.statuses import SERVICE, AppRefused, check, decode, is_json
from sidecar.trakt.wire import DeviceCode, Token

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
SLOWER = 5  # seconds added to the interval when Trakt says that we ask too fast
AFTER_TROUBLE = 30.0  # seconds to the next try while Trakt is not answering
AGAIN = "Run the command again for a new code."
NO = {
    404: ("Trakt does not know this code any more.", AGAIN),
    409: ("This code was used already.", AGAIN),
    410: ("The code ran out before somebody typed it in.", AGAIN),
    418: ("Somebody said no on Trakt's page.", "If that was a mistake, run the command again."),
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """The person has not answered yet; `trouble` says so if Trakt does not answer either."""

    seconds_left: int
    trouble: str = ""


class Auth:
    """Sign-in with one app."""

    def __init__(self, settings: TraktSettings, session: Callable[[], Session], clock: Clock) -> None:
        self._settings, self._session, self._clock = settings, session, clock

    def is_configured(self) -> bool:
        """Whether there is an app to sign in with."""
        return bool(self._settings.client_id)

    def device_code(self) -> DeviceCode:
        """Ask for a code that a person can type in."""
        return decode(self._post("device/code", {"client_id": self._settings.client_id}), DeviceCode)

    def wait_for(self, code: DeviceCode, rest: Rest) -> Iterator[Waiting | Token]:
        """Poll until the person answered; yields what it waits for and, as the last thing, the token pair."""
        until, interval = self._clock.now() + timedelta(seconds=code.expires_in), float(max(code.interval, 1))
        pause = interval
        while (left := int((until - self._clock.now()).total_seconds())) > 0:
            if rest(min(pause, left)):
                raise Stopped("Linking was interrupted; nothing was linked.")
            pause, trouble = interval, ""
            try:
                answer = self._send("device/token", {"code": code.device_code, **self._app()})
            except Unreachable as problem:
                pause, trouble = AFTER_TROUBLE, problem.what
            else:
                status = answer.status_code
                if status == 200 and is_json(answer):
                    yield decode(answer, Token)
                    return
                if status == 429:
                    interval += SLOWER
                    pause = interval
                elif status in NO:
                    raise Refused(SERVICE, *NO[status], status=status)
                elif status in (401, 403) and is_json(answer):
                    raise AppRefused(SERVICE, "Trakt refuses our app.", "Check trakt.client_id.", status=status)
                elif status != 400:
                    pause, trouble = AFTER_TROUBLE, f"Trakt is not answering (HTTP {status})."
            yield Waiting(max(0, int((until - self._clock.now()).total_seconds())), trouble)
        raise Refused(SERVICE, *NO[410], status=410)

    def refresh(self, refresh_token: Secret) -> Token:
        """Exchange a pair for a new one; the old one is dead from then on. AuthLost means that it was dead before."""
        body = {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal(), "redirect_uri": OUT_OF_BAND}
        answer = self._send("token", {**body, **self._app()})
        if answer.status_code in (400, 401) and is_json(answer):
            what = "Trakt no longer accepts this link."
            raise AuthLost(SERVICE, what, "Link the account again.", status=answer.status_code)
        if answer.status_code in (401, 403):  # a page of the edge, or the app: says nothing about the token
            raise Outage(
                SERVICE, "Trakt's gate refused the refresh.", "It is tried again later.", status=answer.status_code
            )
        return decode(check(answer, self._clock), Token)

    def revoke(self, token: Secret) -> bool:
        """End a token at Trakt; False if Trakt could not be told."""
        try:
            check(self._send("revoke", {"token": token.reveal(), **self._app()}), self._clock)
        except RemoteError:
            return False
        return True

    def _app(self) -> dict[str, str]:
        secret = self._settings.client_secret
        return {"client_id": self._settings.client_id, **({"client_secret": secret.reveal()} if secret else {})}

    def _post(self, path: str, body: dict[str, str]) -> requests.Response:
        return check(self._send(path, body), self._clock)

    def _send(self, path: str, body: dict[str, str]) -> requests.Response:
        return self._session().post(f"{self._settings.auth_url.rstrip('/')}/oauth/{path}", json=body)
