"""What a person chose, as far as live events are concerned: the numbers, and what is never told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.events import Event, PlayEvent
from sidecar.live.decide import Rules
from sidecar.model import Direction, Feature
from sidecar.options import all_options
from sidecar.words import parse_duration, parse_list

OUT = (Direction.BOTH, Direction.TO_TRAKT)


@dataclass(frozen=True, slots=True)
class Choices:
    """The options of one person."""

    chosen: Mapping[str, str]

    @classmethod
    def of(cls, options: Mapping[str, tuple[str, Any]]) -> Choices:
        """What was chosen, and the defaults for the rest."""
        return cls({key: options[key][0] if key in options else each.default for key, each in all_options().items()})

    @property
    def ratings(self) -> bool:
        """Whether ratings go to Trakt."""
        return self.chosen[Feature.RATINGS] in OUT

    @property
    def rewatches(self) -> bool:
        """Whether every viewing counts, and not only the first."""
        return self.chosen["rewatches"] == "on"

    def rules(self, *, quiet: bool) -> Rules:
        """The numbers to decide by."""
        shortest = parse_duration(self.chosen["min_play"]).total_seconds()
        return Rules(float(self.chosen["threshold"]), shortest, quiet)

    def stars(self, value: float) -> int | None:
        """A rating in whole steps as Trakt takes them, half rounded up; None where half ones are to be listed."""
        if self.chosen["ratings.steps"] == "strict" and value != int(value):
            return None
        return min(10, max(1, int(value + 0.5)))

    def refuses(self, event: Event) -> str:
        """Why this person does not want it told; nothing if it is welcome."""
        if isinstance(event, PlayEvent) and self.chosen["scrobble"] != "on":
            return "scrobbling is off"
        libraries = self.chosen["libraries"]
        if libraries != "all" and event.library.casefold() not in (name.casefold() for name in parse_list(libraries)):
            return "its library does not take part"
        ignored = self.chosen["ignore"]
        for each in parse_list(ignored) if ignored != "none" else ():
            if any(
                text.casefold().startswith(each.partition(":")[2].strip().casefold()) for text in _said(event, each)
            ):
                return f"it is ignored by {each}"
        return ""


def _said(event: Event, rule: str) -> list[str]:
    """What of an event a rule of this kind looks at."""
    play = event if isinstance(event, PlayEvent) else None
    texts = {
        "client": [play.client, play.device] if play else [],
        "path": [play.path] if play else [],
        "kind": [str(ref.kind) for ref in event.refs],
        "title": [event.title],
    }
    return [text for text in texts[rule.partition(":")[0]] if text]
