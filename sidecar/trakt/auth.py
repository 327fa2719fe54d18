"""The calls of Trakt's sign-in: device code, refresh, revoke. They go to the auth host and need no token.

Eight answers to a poll, each with its meaning; an outage is none of them and only makes us wait. Whether a pair is
dead, our app is gone or something before Trakt answered is told apart here and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import msgspec
import requests

from sidecar.clock import Clock
from sidecar.errors import AuthLost, BadAnswer, Outage, RateLimited, Refused, RemoteError, Unreachable
from sidecar.http import Session, retry_after
from sidecar.http import check as check_any
from sidecar.model import Secret
from sidecar.settings import Trakt as TraktSettings
from sidecar.trakt.limits import Rest, Stopped
from sidecar.trakt.statuses import SERVICE, AppRefused, is_json, unreadable
from sidecar.trakt.wire import DeviceCode, Token, token_of

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
TICK = 0.5  # seconds between two words about how long still; also how soon we notice that nobody waits any more
SLOWER = 5.0  # seconds added to the interval when Trakt says that we ask too fast
AFTER_TROUBLE = 30.0  # seconds to the next try while Trakt is not answering
AT_THE_GATE = timedelta(minutes=5)  # how long nothing is sent after a page of something that stands before Trakt
AGAIN = "Run the command again for a new code."
APP_STEP = "Check trakt.client_id and trakt.client_secret; apps of accounts without VIP were removed in July 2026."
NO = {
    404: ("Trakt does not know this code any more.", AGAIN),
    409: ("This code was used already.", AGAIN),
    410: ("The code ran out before somebody typed it in.", AGAIN),
    418: ("Somebody said no on Trakt's page.", "If that was a mistake, run the command again."),
}
LOST = ("The code was typed in, but Trakt's answer was lost on the way.", AGAIN)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The person has not answered yet; `trouble` says so if Trakt does not answer either."""

    seconds_left: int
    trouble: str = ""
    again_in: int = 0


class Auth:
    """Sign-in with one app."""

    def __init__(self, settings: TraktSettings, session: Callable[[], Session], clock: Clock) -> None:
        self._settings, self._session, self._clock = settings, session, clock

    def is_configured(self) -> bool:
        """Whether there is an app to sign in with."""
        return bool(self._settings.client_id)

    def device_code(self) -> DeviceCode:
        """Ask for a code that a person can type in."""
        try:
            answer = self._send("device/code", {"client_id": self._settings.client_id})
            return msgspec.json.decode(answer.content, type=DeviceCode, strict=False)
        except msgspec.MsgspecError as problem:
            step = "Run the command again in a few minutes."
            raise BadAnswer(SERVICE, "Trakt's answer cannot be read.", step) from problem
        except (Outage, Unreachable, RateLimited, BadAnswer) as problem:
            problem.next_step = "Run the command again in a few minutes."
            raise

    def wait_for(self, code: DeviceCode, rest: Rest) -> Iterator[Waiting | Token]:
        """Poll until the person answered; yields what it waits for and, as the last thing, the token pair."""
        interval, end = float(max(code.interval, 1)), self._clock.monotonic() + code.expires_in
        pause, trouble, doubtful = interval, "", False
        while (left := end - self._clock.monotonic()) > interval:
            yield from self._count_down(min(pause, left), end, trouble, rest)
            pause, trouble = interval, ""
            try:
                if (token := self._poll(code)) is not None:
                    yield token
                    return
            except RateLimited as problem:
                interval += SLOWER
                pause = self._pause(problem, interval)
            except Refused as problem:
                if problem.status == 409 and doubtful:  # it was we who used it
                    raise Refused(SERVICE, *LOST, status=409) from problem
                raise
            except RemoteError as problem:
                pause, doubtful = self._pause(problem, AFTER_TROUBLE), doubtful or problem.maybe_done
                shown = f" (HTTP {problem.status})" if problem.status and problem.status >= 400 else ""
                trouble = f"Trakt is not answering{shown}."
        raise Refused(SERVICE, *NO[410], status=410)

    def refresh(self, refresh_token: Secret) -> Token:
        """Exchange a pair for a new one; the old one is dead from then on. AuthLost means that it was dead before."""
        body = {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal(), "redirect_uri": OUT_OF_BAND}
        return self._token(self._send("token", {**body, **self._app()}))

    def revoke(self, token: Secret) -> bool:
        """End a token at Trakt; False if Trakt could not be told."""
        try:
            self._send("revoke", {"token": token.reveal(), **self._app()})
        except RemoteError:
            return False
        return True

    def _poll(self, code: DeviceCode) -> Token | None:
        """Ask once whether the person answered; None if not yet."""
        answer = self._send("device/token", {"code": code.device_code, **self._app()}, fine=(400, *NO))
        if answer.status_code == 400:
            return None
        if answer.status_code in NO:
            raise Refused(SERVICE, *NO[answer.status_code], status=answer.status_code)
        return self._token(answer)

    def _count_down(self, seconds: float, end: float, trouble: str, rest: Rest) -> Iterator[Waiting]:
        """Let that much time pass, saying so at every tick."""
        until = self._clock.monotonic() + seconds
        while (pause := until - self._clock.monotonic()) > 0:
            yield Waiting(int(end - self._clock.monotonic()), trouble, math.ceil(pause))
            if rest(min(pause, TICK)):
                raise Stopped("Linking was interrupted; nothing was linked.")

    def _pause(self, problem: RemoteError, least: float) -> float:
        """How long to wait after a failure: what Trakt says, but never shorter than we would."""
        return max(least, (problem.retry_at - self._clock.now()).total_seconds() if problem.retry_at else 0.0)

    def _token(self, answer: requests.Response) -> Token:
        """The pair in an answer, which was made just now: its life is measured with our own clock from here on."""
        try:
            token = token_of(msgspec.json.decode(answer.content))
        except (msgspec.MsgspecError, ValueError) as problem:
            raise unreadable(answer, "Trakt's answer cannot be read.") from problem
        return msgspec.structs.replace(token, created_at=int(self._clock.now().timestamp()))

    def _app(self) -> dict[str, str]:
        secret = self._settings.client_secret
        return {"client_id": self._settings.client_id, **({"client_secret": secret.reveal()} if secret else {})}

    def _send(self, path: str, body: dict[str, str], fine: tuple[int, ...] = ()) -> requests.Response:
        """One call; raises what its answer means, unless that is for the caller to say."""
        answer = self._session().post(f"{self._settings.auth_url.rstrip('/')}/oauth/{path}", json=body)
        status, said = answer.status_code, _error(answer)
        if answer.content and not is_json(answer) and status < 500:
            if status < 400:
                raise unreadable(answer, "Something else than Trakt answered.")
            until = self._clock.now() + max(retry_after(answer, self._clock) or AT_THE_GATE, AT_THE_GATE)
            what, step = "Trakt's gate keeps us out for a while.", "It is tried again later."
            raise Outage(SERVICE, what, step, status=status, retry_at=until)
        if said == "invalid_client" or status == 403 or (status == 401 and path != "token"):
            raise AppRefused(SERVICE, "Trakt refuses our app.", APP_STEP, status=status)
        if status == 401 or said == "invalid_grant":
            raise AuthLost(SERVICE, "Trakt no longer accepts this link.", "Link the account again.", status=status)
        if status in fine:
            return answer
        return check_any(SERVICE, answer, self._clock)


def _error(answer: requests.Response) -> str:
    """The error that an answer names in the way of OAuth."""
    try:
        said = msgspec.json.decode(answer.content) if answer.status_code >= 400 and answer.content else {}
    except msgspec.MsgspecError:
        return ""
    return str(said.get("error", "")) if isinstance(said, dict) else ""
