"""How a Jellyfin server reads and writes: ids, moments, query lists, answers and refusals.

Names in a query are case-insensitive, lists are split at commas, ids go out as 32 hex digits and come in either way,
nulls are left out of answers (but for `ChannelId`), and each kind of refusal has a body of its own.
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import flask
import msgspec

T = TypeVar("T")
NEVER = "0001-01-01T00:00:00.0000000Z"
NOBODY = "0" * 32
TEXT = "Error processing request."
TICKS = 10_000_000
TITLES = {
    400: ("15.5.1", "Bad Request"),
    404: ("15.5.5", "Not Found"),
    415: ("15.5.16", "Unsupported Media Type"),
}


class Refused(Exception):
    """A request is answered with this status; body None is an empty one, a text goes out as plain text."""

    def __init__(self, status: int, body: Any = TEXT) -> None:
        super().__init__(status)
        self.status, self.body = status, body


def problem(status: int, **errors: list[str]) -> Refused:
    """The problem body of the framework, with the fields that could not be read."""
    section, title = TITLES[status]
    trace = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
    body: dict[str, Any] = {"type": f"https://tools.ietf.org/html/rfc9110#section-{section}", "title": title}
    if errors:
        body |= {"title": "One or more validation errors occurred.", "errors": errors}
    return Refused(status, body | {"status": status, "traceId": trace})


def hashed(*parts: str) -> str:
    """A stable id from words, as the server makes its ids from paths."""
    return hashlib.md5("|".join(parts).encode(), usedforsecurity=False).hexdigest()


def dashed(plain: str) -> str:
    """An id in the form with dashes."""
    return f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"


def guid(text: str) -> str | None:
    """An id in the plain form, whichever way it was written, or None."""
    plain = text.strip("{}").replace("-", "").lower()
    return plain if re.fullmatch("[0-9a-f]{32}", plain) else None


def moment(at: datetime | None) -> str | None:
    """A moment with seven decimals, trimmed when the milliseconds are not zero."""
    if at is None:
        return None
    decimals = f"{at.microsecond:06d}"
    return f"{at:%Y-%m-%dT%H:%M:%S}.{decimals + '0' if at.microsecond < 1000 else decimals.rstrip('0')}Z"


def read_moment(text: str) -> datetime:
    """A moment as clients write it; without a zone it is UTC, the zone the server runs in."""
    at = datetime.strptime(text + "+0000", "%Y%m%d%H%M%S%z") if re.fullmatch(r"\d{14}", text) else None
    at = at or datetime.fromisoformat(text)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def loopback(url: str) -> str:
    """An address on this machine; anything else is refused."""
    if urlsplit(url).scheme != "http" or urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError("only addresses on loopback are called")
    return url


def named(names: str, value: Any) -> dict[str, Any]:
    """The same value for several names."""
    return dict.fromkeys(names.split(), value)


def lean(row: dict[str, Any]) -> dict[str, Any]:
    """A row without its nulls; the channel's stays, as on the real server."""
    return {name: value for name, value in row.items() if value is not None or name == "ChannelId"}


def reply(value: Any, status: int = 200) -> flask.Response:
    """A JSON answer; bytes are JSON already."""
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return flask.Response(body, status, content_type="application/json; charset=utf-8")


def refusal(refused: Refused) -> flask.Response:
    """The answer of a refusal."""
    if refused.body == TEXT or refused.body is None:
        answer = flask.Response(refused.body, refused.status, content_type="text/plain")
        if not refused.body:
            del answer.headers["Content-Type"]
        return answer
    return reply(refused.body, refused.status)


class Query:
    """The query of a request, by names in any case."""

    def __init__(self, given: list[tuple[str, str]]) -> None:
        self.values: dict[str, list[str]] = {}
        for name, value in given:
            self.values.setdefault(name.lower(), []).append(value)

    def text(self, name: str) -> str | None:
        """The last value of a name, or None."""
        return (self.values.get(name.lower()) or [None])[-1]  # type: ignore[list-item]

    def names(self, name: str, separator: str = ",") -> list[str]:
        """All values of a list."""
        return [part for value in self.values.get(name.lower(), []) for part in value.split(separator) if part]

    def read(self, name: str, convert: Callable[[str], T]) -> T | None:
        """A value as something else than text, or None; what cannot be read is refused as the framework does."""
        text = self.text(name)
        try:
            return convert(text) if text else None
        except (ValueError, KeyError):
            raise problem(400, **{name: [f"The value '{text}' is not valid."]}) from None

    def flag(self, name: str) -> bool | None:
        """True, False or not said."""
        return self.read(name, lambda text: {"true": True, "false": False}[text.lower()])

    def number(self, name: str) -> int | None:
        """A whole number, or None."""
        return self.read(name, int)

    def guid(self, name: str) -> str | None:
        """An id, or None."""
        return self.read(name, lambda text: read_guid(name, text))

    def at(self, name: str) -> datetime | None:
        """A moment, or None."""
        return self.read(name, lambda text: read_moment(text.replace(" ", "+")))


def read_guid(name: str, text: str) -> str:
    """The id in a path or query; anything else is refused as the framework does."""
    plain = guid(text)
    if plain is None:
        raise problem(400, **{name: [f"The value '{text}' is not valid."]})
    return plain


def read_body(name: str, kinds: dict[str, type] | None = None) -> dict[str, Any]:
    """The JSON object of the current request's body with the types of `kinds`; numbers may come as strings."""
    request = flask.request
    if not request.is_json or not request.get_data():
        raise problem(415)
    try:
        given = msgspec.json.decode(request.get_data(), type=dict[str, Any])
        spelt = {key[:1].upper() + key[1:]: value for key, value in given.items()}
        return {key: converted(value, (kinds or {}).get(key)) for key, value in spelt.items()}
    except (ValueError, TypeError) as error:
        texts = [f"The JSON value could not be converted. Path: $ ({error})"]
        raise problem(400, **{"$": texts, name: [f"The {name} field is required."]}) from None


def converted(value: Any, kind: type | None) -> Any:
    """One value of a body as the type it has to have; null stays null."""
    if value is None or kind is None:
        return value
    if kind is bool and not isinstance(value, bool):
        raise TypeError("no boolean")
    if kind is datetime:
        return read_moment(value)
    if kind in (int, float) and isinstance(value, bool):
        raise TypeError("no number")
    return kind(value)
