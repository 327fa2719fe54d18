"""What a person chose, as far as a run is concerned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sidecar.model import Direction, Feature
from sidecar.options import all_options
from sidecar.store.db import Transaction
from sidecar.store.people import People, Person
from sidecar.store.titles import Titles
from sidecar.words import parse_list

READY = (Feature.HISTORY, Feature.RATINGS)
"""The features that runs bring into agreement."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The options of one person, with the moments of those that were chosen."""

    options: Mapping[str, str]
    since: Mapping[str, datetime]

    @classmethod
    def of(cls, db: Transaction, person: Person) -> Chosen:
        """What was chosen, and the defaults for the rest."""
        said = People(db).options(person)
        options = {key: said[key][0] if key in said else each.default for key, each in all_options().items()}
        return cls(options, {key: at for key, (_, at) in said.items()})

    def direction(self, feature: Feature) -> Direction:
        """Which way a feature goes."""
        return Direction(self.options[feature])

    def removes(self, feature: Feature, direction: Direction) -> datetime | None:
        """Since when removals are carried over that way; None if they are not."""
        key = f"remove.{feature}.{direction}"
        return self.since.get(key) if self.options[key] == "on" else None

    def features(self, wanted: tuple[Feature, ...], possible: tuple[str, ...]) -> list[Feature]:
        """What a run is about: what was asked for, or all that is switched on."""
        on = [each for each in READY if each in possible and self.direction(each) is not Direction.OFF]
        return [each for each in READY if each in wanted] if wanted else on

    def ignored(self, known: Titles, titles: Iterable[int]) -> dict[int, str]:
        """Those of some titles that shall never be told, with the reason; paths and clients only live knows."""
        rules = [rule.partition(":") for rule in parse_list(self.options["ignore"]) if ":" in rule]
        if not rules:
            return {}
        labels, kinds = known.labels(titles), known.kinds(titles)
        found: dict[int, str] = {}
        for kind, _, begin in rules:
            for title, label in labels.items():
                text = label if kind == "title" else str(kinds[title][0]) if kind == "kind" else ""
                if text and text.casefold().startswith(begin.strip().casefold()):
                    found[title] = f"It is ignored by {kind}:{begin}."
        return found

    def print(self, feature: Feature) -> str:
        """All choices that a run of a feature depends on, as one text."""
        keys = (feature, "rewatches", "prefer", "ratings.steps", "libraries", "watchlist_place.jellyfin")
        said = [self.options[key] for key in keys]
        return " ".join(
            [*said, *(str(self.removes(feature, way)) for way in (Direction.TO_TRAKT, Direction.FROM_TRAKT))]
        )
