"""How values are written for people and read from them: durations, switches, near misses, counts.

Raises ValueError with half a sentence; who calls knows which setting or command it was about.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from datetime import timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_ON = {"on", "true", "yes", "1"}
_OFF = {"off", "false", "no", "0"}


def parse_duration(text: str) -> timedelta:
    """Read 90s, 15m, 1h or 1d; at most five digits, so that every date it leads to exists."""
    found = re.fullmatch(r"([0-9]{1,5})([smhd])", text.strip())
    if not found:
        raise ValueError(f"expected a duration such as 90s, 15m, 1h or 1d, not {text!r}")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def parse_interval(text: str) -> timedelta:
    """Read how often something is done: a duration of at least a minute."""
    interval = parse_duration(text)
    if interval < timedelta(minutes=1):
        raise ValueError("must be at least 1m")
    return interval


def duration_text(duration: timedelta) -> str:
    """Write a duration in the largest unit that holds it exactly, as `parse_duration` reads it."""
    seconds = int(duration.total_seconds())
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"


def parse_switch(text: str) -> bool:
    """Read on or off and what people write instead of it."""
    word = text.strip().lower()
    if word in _ON or word in _OFF:
        return word in _ON
    raise ValueError(f"expected on or off, not {text!r}")


def parse_list(text: str) -> list[str]:
    """Read a comma separated list; empty parts fall out."""
    return [part.strip() for part in text.split(",") if part.strip()]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`, did you mean “port”?` where a known word is close, else nothing."""
    names = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return f", did you mean “{names[close[0]]}”?" if close else ""


def any_of(known: Iterable[str]) -> str:
    """`a, b or c`."""
    words = list(known)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def count_of(number: int, one: str, many: str = "") -> str:
    """`1 person`, `2 persons`, `1,200 titles`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size_of(count: int) -> str:
    """Bytes as people read them: 812 bytes, 4.1 kB, 61 MB."""
    if count < 1000:
        return count_of(count, "byte")
    power = 3 if count >= 10**9 else 2 if count >= 10**6 else 1
    size = count / 1000**power
    unit = ("kB", "MB", "GB")[power - 1]
    return f"{size:.1f} {unit}" if size < 10 else f"{size:.0f} {unit}"
