"""What Trakt's statuses mean, translated in one place, after a look at whether it is Trakt that answers at all."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
import requests

from sidecar.clock import Clock
from sidecar.errors import AuthLost, BadAnswer, Refused
from sidecar.http import check as check_any

SERVICE = "Trakt"
Wanted = TypeVar("Wanted")


class AppRefused(Refused):
    """Our app key is unknown, removed or not approved."""


class AccountLimit(Refused):
    """The account holds as much of this as it may (420)."""


class AccountLocked(Refused):
    """The account is locked or deactivated (423); nobody may be called for it."""


class VipOnly(Refused):
    """Only VIP accounts may do this (426)."""


def check(answer: requests.Response, clock: Clock) -> requests.Response:
    """Let a 2xx with JSON (or nothing) pass; raise what every other answer means."""
    status = answer.status_code
    if 200 <= status < 300:
        if status != 204 and answer.content and not is_json(answer):
            raise unreadable(answer, "Something else than Trakt answered.")
        return answer
    if status == 401:
        raise AuthLost(SERVICE, "Trakt no longer accepts this link.", "Link the account again.", status=401)
    if status == 403:
        step = "Check trakt.client_id in the settings; apps of accounts without VIP were removed in July 2026."
        raise AppRefused(SERVICE, "Trakt refuses our app key.", step, status=403)
    if status == 420:
        most = answer.headers.get("X-Account-Limit", "")
        what = f"The Trakt account is full{f' (its limit is {most})' if most else ''}."
        raise AccountLimit(SERVICE, what, "Remove something there, or upgrade the account.", status=420)
    if status == 423:
        gone = answer.headers.get("X-Account-Deactivated", "").lower() == "true"
        what = "The Trakt account is deactivated." if gone else "The Trakt account is locked."
        raise AccountLocked(SERVICE, what, "Sign in at trakt.tv and follow what it says; then link again.", status=423)
    if status == 426:
        raise VipOnly(SERVICE, "Trakt allows this to VIP accounts only.", "Switch it off, or upgrade.", status=426)
    return check_any(SERVICE, answer, clock)


def decode(answer: requests.Response, kind: type[Wanted] | Any) -> Wanted:
    """The body in its type; raises BadAnswer for anything that is not what was agreed."""
    try:
        found: Wanted = msgspec.json.decode(answer.content, type=kind)
    except msgspec.MsgspecError as problem:
        raise unreadable(answer, "Trakt's answer cannot be read.") from problem
    return found


def unreadable(answer: requests.Response, what: str) -> BadAnswer:
    """The error for an answer that is no answer; a write behind it may have been carried out."""
    wrote = answer.request.method not in ("GET", "HEAD")
    return BadAnswer(SERVICE, what, "It is tried again later.", status=answer.status_code, maybe_done=wrote)


def is_json(answer: requests.Response) -> bool:
    """Whether Trakt itself answered, and not a page of something before it."""
    return "json" in answer.headers.get("Content-Type", "")
