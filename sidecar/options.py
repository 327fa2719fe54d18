"""What each person may choose with `sidetrakt set PERSON KEY=VALUE`: one plain list of keys with defaults.

A switch acts on what happens after it was turned, so the store keeps the moment of each choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sidecar.errors import SettingsError, UserError
from sidecar.model import Direction, Feature
from sidecar.words import any_of, did_you_mean, duration_text, parse_duration, parse_interval, parse_list, parse_switch

FILTERS = ("client:", "path:", "kind:", "title:")


@dataclass(frozen=True, slots=True)
class Option:
    """One thing a person may choose."""

    key: str
    default: str
    meaning: str
    read: Callable[[str], str]  # returns the value as it is stored; raises ValueError with half a sentence


def all_options() -> dict[str, Option]:
    """Every option by key, in the order in which they are shown."""
    directions = one_of(*Direction)
    options = [Option("scrobble", "on", "tell Trakt live what is played", switch)]
    for feature in Feature:
        default = Direction.OFF if feature is Feature.COLLECTION else Direction.BOTH
        options.append(Option(feature, default, f"which way {feature} is written; all sides are read", directions))
    for feature in Feature:
        for direction in (Direction.TO_TRAKT, Direction.FROM_TRAKT):
            meaning = f"also remove {feature} {'at Trakt' if direction is Direction.TO_TRAKT else 'on the servers'}"
            options.append(Option(f"remove.{feature}.{direction}", "off", meaning, switch))
    return {option.key: option for option in [*options, *_rest()]}


def _rest() -> list[Option]:
    return [
        Option("rewatches", "on", "tell Trakt every viewing, not only the first", switch),
        Option("threshold", "80", "percent after which something counts as watched", percent),
        Option("min_play", "0s", "shorter plays are not told", duration),
        Option("prefer", "trakt", "who is right where times cannot tell", one_of("trakt", "server")),
        Option("ratings.steps", "nearest", "half steps: tell the nearest, or list them", one_of("nearest", "strict")),
        Option("watchlist_place.jellyfin", "off", "where Jellyfin keeps the watchlist", one_of("off", "favourites")),
        Option("libraries", "all", "the libraries that take part", names),
        Option("ignore", "none", f"what is never told, by {any_of(FILTERS)} prefix", filters),
        Option("every", "", "how often to sync; empty = as in [sync]", maybe(interval)),
        Option("quiet", "", "no scheduled runs between, such as 23:00-07:00; empty = as in [sync]", maybe(span)),
        Option("mirror", "off", "keep a collection on the server equal to Trakt's; everybody sees it", switch),
    ]


def parse_choices(words: Iterable[str]) -> dict[str, str]:
    """Read KEY=VALUE words; raises SettingsError with all problems at once."""
    options, chosen, problems = all_options(), dict[str, str](), list[str]()
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            problems.append(f"{word!r} is not KEY=VALUE")
        elif key not in options:
            problems.append(f"unknown option {key}{did_you_mean(key, options)}")
        else:
            try:
                chosen[key] = options[key].read(value.strip())
            except ValueError as problem:
                problems.append(f"{key}: {problem}")
    if problems:
        raise SettingsError(problems, "`sidetrakt set PERSON` lists every option; nothing was changed.")
    if not chosen:
        raise UserError("There is nothing to set.", "Write it as KEY=VALUE.")
    return chosen


def switch(text: str) -> str:
    """On or off."""
    return "on" if parse_switch(text) else "off"


def duration(text: str) -> str:
    """A duration, in its shortest form."""
    return duration_text(parse_duration(text))


def interval(text: str) -> str:
    """How often, in its shortest form."""
    return duration_text(parse_interval(text))


def percent(text: str) -> str:
    """A threshold: Trakt counts from 80 on, so lower ones cannot be told."""
    if not text.isdecimal() or not 80 <= int(text) <= 100:
        raise ValueError(f"expected a whole number from 80 to 100, not {text!r}")
    return str(int(text))


def names(text: str) -> str:
    """All, or a comma separated list."""
    return "all" if text.lower() in ("", "all") else ", ".join(parse_list(text))


def filters(text: str) -> str:
    """None, or a comma separated list of plain prefixes."""
    parts = [] if text.lower() in ("", "none") else parse_list(text)
    for part in parts:
        if not part.startswith(FILTERS) or part in FILTERS:
            raise ValueError(f"{part!r} does not begin with {any_of(FILTERS)}")
    return ", ".join(parts) or "none"


def span(text: str) -> str:
    """Two times of the day."""
    parts = [part.strip().partition(":") for part in text.split("-")]
    right = all(
        hour.isdecimal() and minute.isdecimal() and int(hour) < 24 and int(minute) < 60 for hour, _, minute in parts
    )
    if len(parts) != 2 or not right:
        raise ValueError(f"expected a span such as 23:00-07:00, not {text!r}")
    return "-".join(f"{int(hour):02}:{int(minute):02}" for hour, _, minute in parts)


def one_of(*words: str) -> Callable[[str], str]:
    """Exactly one of these words."""

    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"expected {any_of(words)}, not {text!r}{did_you_mean(text, words)}")
        return text.lower()

    return read


def maybe(read: Callable[[str], str]) -> Callable[[str], str]:
    """Nothing, or what `read` takes."""
    return lambda text: read(text) if text else ""
