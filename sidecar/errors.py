"""Every error a caller may want to tell apart.

    SidetraktError
    ├─ UserError            somebody here can mend it; exit 2, no traceback
    │  ├─ SettingsError     lists every problem at once
    │  ├─ NotLinked         the person has no Trakt link, or it was revoked
    │  └─ SecretsLocked     the key that opens the stored tokens is missing or another one
    ├─ StoreError           the database cannot be used as it is
    │  └─ DiskFull          nothing was stored; room helps
    ├─ RemoteError          a service: which, its status, when to try again, whether it may have been done
    │  ├─ Unreachable       no answer came
    │  ├─ Outage            5xx: the service is there but broken
    │  ├─ RateLimited       asked too often; not carried out
    │  ├─ AuthLost          401, invalid_grant: a person has to sign in again
    │  ├─ Refused           final 4xx: asking again gives the same answer
    │  └─ BadAnswer         2xx that breaks the contract: not JSON, a missing page, a wrong type
    └─ SafetyStop           held back until a person decides; exit 7
       ├─ IncompleteRead    not all of it was read, so nothing may be concluded from what is absent
       └─ TooManyRemovals   more would be removed than is plausible

Every text says what happened; `next_step` says what to do.
"""

from __future__ import annotations

from datetime import datetime
from typing import Self


class SidetraktError(Exception):
    """Anything that goes wrong in a way we know."""

    exit_code = 1

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.what} {self.next_step}".rstrip()

    def again(self) -> Self:
        """The same error as a new one, for another thread or a later moment."""
        fresh = type(self).__new__(type(self), *self.args)
        fresh.__dict__.update(self.__dict__)
        return fresh


class UserError(SidetraktError):
    """Something that the person at the keyboard can mend."""

    exit_code = 2


class SettingsError(UserError):
    """One or more settings cannot be used; `problems` has a line for each."""

    def __init__(self, problems: list[str], next_step: str) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{count} in the settings:\n" + "\n".join(f"  {problem}" for problem in problems), next_step)
        self.problems = problems

    def __str__(self) -> str:
        return f"{self.what}\n{self.next_step}"


class NotLinked(UserError):
    """The person has no working Trakt link."""


class SecretsLocked(UserError):
    """Stored tokens cannot be opened with the key at hand."""


class StoreError(SidetraktError):
    """The database is damaged, foreign, from a newer version or otherwise out of use."""

    exit_code = 2


class DiskFull(StoreError):
    """There is no room left; what was being written was not stored."""

    exit_code = 1


class RemoteError(SidetraktError):
    """A service did not do what was asked."""

    def __init__(
        self,
        service: str,
        what: str,
        next_step: str = "",
        *,
        status: int | None = None,
        retry_at: datetime | None = None,
        maybe_done: bool = False,
    ) -> None:
        super().__init__(what, next_step)
        self.service = service
        self.status = status
        self.retry_at = retry_at
        self.maybe_done = maybe_done


class Unreachable(RemoteError):
    """No answer came: not connected, cut off, or too slow."""


class Outage(RemoteError):
    """The service answered that it is broken (5xx)."""


class RateLimited(RemoteError):
    """The service asks us to wait; the request was not carried out."""


class AuthLost(RemoteError):
    """The token is not accepted any more."""

    exit_code = 2


class Refused(RemoteError):
    """A final no; the same request would get the same answer."""

    exit_code = 2


class BadAnswer(RemoteError):
    """An answer that says it succeeded and yet is not what was agreed."""


class SafetyStop(SidetraktError):
    """Nothing was written; a person has to look first."""

    exit_code = 7


class IncompleteRead(SafetyStop):
    """A listing was cut short, so absence proves nothing."""


class TooManyRemovals(SafetyStop):
    """More would be removed than a person is likely to have meant."""
