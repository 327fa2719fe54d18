"""What Trakt's statuses mean, translated in one place, after a look at whether it is Trakt that answers at all."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
import requests

from sidecar.clock import Clock
from sidecar.errors import AuthLost, BadAnswer, Refused
from sidecar.http import READS
from sidecar.http import check as check_any

SERVICE = "Trakt"
VIP_PAGE = "https://app.trakt.tv/vip"
REPORT = "If it goes on, report it."
Wanted = TypeVar("Wanted")
NO = {
    400: ("Trakt could not read our request.", REPORT),
    404: ("Trakt does not know this title.", "Check its ids; `sidetrakt match` gives it others."),
    405: ("Trakt does not know this kind of request.", REPORT),
    409: ("Trakt has this already.", "It is looked up before anything is sent again."),
    412: ("Trakt did not accept the form of our request.", REPORT),
    422: ("Trakt did not accept a value that we sent.", REPORT),
}


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
        raise AuthLost(SERVICE, "Trakt no longer accepts this link.", "Link the account again.", status=status)
    if status == 403:
        raise app_refused(status)
    if status == 420:
        raise _full(answer)
    if status == 423:
        gone = answer.headers.get("X-Account-Deactivated", "").lower() == "true"
        what = "The Trakt account is deactivated." if gone else "The Trakt account is locked."
        step = "Sign in at trakt.tv and follow what it says; then link again."
        raise AccountLocked(SERVICE, what, step, status=status)
    if status == 426:
        step = f"Switch it off, or upgrade at {_upgrade(answer)}."
        raise VipOnly(SERVICE, "Trakt allows this to VIP accounts only.", step, status=status)
    if status >= 500 or status == 429:
        return check_any(SERVICE, answer, clock)
    what, step = NO.get(status, (f"Trakt refused the request (answer {status}).", REPORT))
    raise Refused(SERVICE, what, step, status=status, maybe_done=status == 409 and is_write(answer))


def app_refused(status: int) -> AppRefused:
    """The error for a key that Trakt does not take."""
    step = "Check trakt.client_id in the settings; apps of accounts without VIP were removed in July 2026."
    return AppRefused(SERVICE, "Trakt refuses our app key.", step, status=status)


def decode(answer: requests.Response, kind: type[Wanted] | Any) -> Wanted:
    """The body in its type; raises BadAnswer for anything that is not what was agreed."""
    try:
        found: Wanted = msgspec.json.decode(answer.content, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as problem:  # also broken UTF-8, and endless brackets
        raise unreadable(answer, "Trakt's answer cannot be read.") from problem
    return found


def unreadable(answer: requests.Response, what: str) -> BadAnswer:
    """The error for an answer that is no answer; a write behind it may have been carried out."""
    step = "It is tried again later."
    return BadAnswer(SERVICE, what, step, status=answer.status_code, maybe_done=is_write(answer))


def is_json(answer: requests.Response) -> bool:
    """Whether Trakt itself answered, and not a page of something before it."""
    return "json" in answer.headers.get("Content-Type", "")


def from_edge(answer: requests.Response) -> bool:
    """Whether a page of the edge came instead of an answer of the API, which says nothing about token or key."""
    typed = "Content-Type" in answer.headers and not is_json(answer)
    return typed and not answer.headers.keys() & {"X-Request-Id", "X-Runtime"}


def is_write(answer: requests.Response) -> bool:
    """Whether the request behind an answer may have changed something."""
    return (answer.request.method or "GET").upper() not in READS


def _full(answer: requests.Response) -> AccountLimit:
    most = answer.headers.get("X-Account-Limit", "")
    what = f"The Trakt account is full{f' (its limit is {most})' if re.fullmatch('[0-9]{1,9}', most) else ''}."
    vip = answer.headers.get("X-VIP-User", "").lower() == "true"
    step = "Remove something there." if vip else f"Remove something there, or upgrade at {_upgrade(answer)}."
    return AccountLimit(SERVICE, what, step, status=420)


def _upgrade(answer: requests.Response) -> str:
    """Where Trakt sends people to upgrade, if it is a page of Trakt."""
    said = answer.headers.get("X-Upgrade-URL", "")
    return said if re.fullmatch(r"https://([a-z]+\.)?trakt\.tv/[\w/?=&.-]*", said) else VIP_PAGE
