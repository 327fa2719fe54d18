"""A sync that only says what the test tells it to say, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from sidecar.errors import SidetraktError, UserError
from sidecar.model import Feature
from sidecar.store.people import Person
from sidecar.store.runs import Change, Run
from sidecar.sync.request import Due, Group, HeldPart, Progress, Request, Result
from tests.fakes import START

Steps = Iterator[Progress | Result]
WRITES = Progress(step="writes", what="Trakt", done=1, total=4, requests=2)
PLAN = (
    Group(
        side="Trakt", feature=Feature.HISTORY, action="add", why="anna@home said so.", count=12,
        first=("Heat (1995)", "Dark S01E02"), requests=1, minutes=0.1,
    ),
    Group(
        side="anna@den", feature=Feature.RATINGS, action="remove", why="Trakt said so.", count=1,
        first=("Up (2009)",), requests=1, minutes=2.4,
    ),
)  # fmt: skip
PART = HeldPart(
    id=3, person="Anna", side="anna@home", feature=Feature.HISTORY, rule="removals",
    why="We wanted to remove 214 of 300 titles.", titles=("Heat (1995)", "Dark S01E02"), at=START,
)  # fmt: skip


@dataclass
class FakeSync:
    """Stands in for `SyncService`."""

    asked: list[tuple[str, Any]] = field(default_factory=list)
    newcomers: set[str] = field(default_factory=set)
    answers: dict[str, Result | SidetraktError] = field(default_factory=dict)  # by person
    parts: list[HeldPart] = field(default_factory=list)
    journal: dict[int, list[Change]] = field(default_factory=dict)
    past: list[Run] = field(default_factory=list)
    dues: list[Due] = field(default_factory=list)
    stopped: bool = False

    def run(self, person: Person, request: Request) -> Steps:
        self.asked.append((person.name, request))
        yield WRITES
        answer = self.answers.get(person.name)
        if isinstance(answer, SidetraktError):
            raise answer
        made = answer or Result(run=7, person=person.name, kind=request.kind, state="done", requests=2)
        if request.preview:
            made = replace(made, run=None, state="preview", planned=PLAN, minutes=0.0)
        else:
            self.newcomers.discard(person.name)
        yield made

    def start(self, person: Person, *, only_new: bool = False) -> Steps:
        self.asked.append((person.name, "only new" if only_new else "start"))
        self.newcomers.discard(person.name)
        yield Result(run=8, person=person.name, kind="baseline" if only_new else "sync", state="done")

    def undo(self, run: int, *, preview: bool = False) -> Steps:
        if run not in self.journal:
            raise UserError(f"There is no run {run}.", "`sidetrakt runs` shows them.")
        self.asked.append(("undo", (run, preview)))
        yield Result(run=9, person="Anna", kind="undo", state="done", counts={"Trakt": {"removed": 2}})

    def runs(self, most: int = 20) -> list[Run]:
        return self.past[:most]

    def changes(self, run: int) -> list[Change]:
        if run not in self.journal:
            raise UserError(f"There is no run {run}.", "`sidetrakt runs` shows them.")
        return self.journal[run]

    def held(self, person: Person | None = None) -> list[HeldPart]:
        return [part for part in self.parts if person is None or part.person == person.name]

    def decide(self, part: int, *, apply: bool) -> HeldPart:
        for each in self.parts:
            if each.id == part:
                self.parts.remove(each)
                self.asked.append(("decide", (part, apply)))
                return replace(each, decision="apply" if apply else "keep")
        raise UserError(f"Nothing is held under number {part}.", "")

    def waits_for_preview(self, person: Person) -> bool:
        return person.name in self.newcomers

    def due(self, now: datetime) -> list[Due]:
        return list(self.dues)

    def stop(self) -> None:
        self.stopped = True
