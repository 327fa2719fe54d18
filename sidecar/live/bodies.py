"""What hooks are sent, taken with care: whoever knows the secret may still send anything.

Nothing in a body may do more than be refused with a reason: no text without an end, no number and no moment that
could not be stored or reckoned with later.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec

from sidecar.errors import UserError
from sidecar.model import Kind, Ref

Word = Annotated[str, msgspec.Meta(max_length=200)]  # an id, a state
Text = Annotated[str, msgspec.Meta(max_length=2000)]  # a name, a path
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Number = float | Word | None  # templates write numbers as text
Flag = bool | Word | None

LEAVES = (Kind.MOVIE, Kind.EPISODE)
LONGEST = 10 * 24 * 3600.0  # seconds: whoever tells a longer film or a later place knows neither
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

Shape = TypeVar("Shape")


def unreadable(why: str) -> UserError:
    """The error for a body that cannot be read; a sender gains nothing by sending it again."""
    step = "Nothing was stored; `sidetrakt hooks` shows what to send, and from where."
    return UserError(f"This cannot be read: {why.rstrip('.')}.", step)


def decode(body: bytes | msgspec.Raw, shape: type[Shape]) -> Shape:
    """JSON in this shape."""
    try:
        return msgspec.json.decode(body, type=shape)
    except RecursionError as problem:
        raise unreadable("it is nested too deeply") from problem
    except msgspec.MsgspecError as problem:
        raise unreadable(str(problem)) from problem


def moment(at: datetime) -> datetime:
    """A moment that can be reckoned with, however wrong the sender's clock is."""
    if not FIRST <= at < LAST:
        raise unreadable(f"the year {at.year} is none that a server can be in")
    return at


def number(value: Number) -> float | None:
    """A number, be it written as text; nothing where there is none."""
    if isinstance(value, str):
        try:
            value = float(value.replace(",", ".")) if value.strip() else None  # some servers write 8,5
        except ValueError as problem:
            raise unreadable(f"{value!r} is no number") from problem
    return value  # infinite or none at all it fails every comparison with what can be


def whole(value: Number, most: int = 100_000) -> int | None:
    """A number of a season, an episode or a year; nothing where it cannot be one."""
    found = number(value)
    return int(found) if found is not None and 0 <= found <= most else None


def flag(value: Flag) -> bool:
    """Yes or no, be it written as text."""
    return value.strip().lower() == "true" if isinstance(value, str) else bool(value)


def seconds(value: Number, unit: float) -> float | None:
    """A place or a length in seconds; nothing where it cannot be one."""
    found = number(value)
    return found / unit if found is not None and 0 <= found / unit <= LONGEST else None


def minutes(value: Number, unit: float) -> float | None:
    """A runtime; 0 is none."""
    found = seconds(value, unit)
    return found / 60 if found else None


def rating(value: Number) -> float | None:
    """A rating from above 0 to 10; what servers say where there is none is none."""
    found = number(value)
    if found is not None and found > 10:
        raise unreadable(f"{found:g} is no rating from 0 to 10")
    return found if found is not None and found > 0 else None


def title(refs: tuple[Ref, ...], name: str | None) -> str:
    """How people call it."""
    return refs[0].label() if refs and refs[0].name else name or ""
