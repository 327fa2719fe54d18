"""docs/scrobbling.md says what the code does: its situations are played to `decide`, its outcomes name their tests."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from sidecar.events import PlayEvent, What
from sidecar.live.decide import Rules, Say, Session, Step, decide, pick, vanish
from sidecar.model import Ids, Kind, Ref
from sidecar.viewing import Source

ROOT = Path(__file__).resolve().parents[2]
LINES = (ROOT / "docs" / "scrobbling.md").read_text().splitlines()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES if re.match(r"\| [LM]-\d\d ", line)]
SITUATIONS = [row for row in ROWS if row[0].startswith("L")]
OUTCOMES = [row for row in ROWS if row[0].startswith("M")]
ZERO = datetime(2026, 1, 31, 20, tzinfo=UTC)
FILM = (Ref(Kind.MOVIE, Ids(trakt=1)),)
FILE = (Ref(Kind.EPISODE, Ids(trakt=1)), Ref(Kind.EPISODE, Ids(trakt=2)))


def minute(text: str) -> datetime:
    """`30` or `30:03` after the begin of the evening."""
    whole, _, seconds = text.partition(":")
    return ZERO + timedelta(minutes=int(whole), seconds=int(seconds or 0))


@dataclass
class Stage:
    """Plays a row: keeps the sessions, and tells what is not taken back in time."""

    rules: Rules = field(default_factory=Rules)
    length: float | None = 100.0
    refs: tuple[Ref, ...] = FILM
    sessions: list[Session] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    waiting: list[tuple[datetime, str]] = field(default_factory=list)
    viewings: list[str] = field(default_factory=list)

    def set(self, text: str) -> None:
        """What stands in braces."""
        name, _, value = text.partition(" ")
        rules: dict[str, Any] = {"threshold": 80.0, "min_play": 0.0, "quiet": False}
        if name in ("threshold", "min_play"):
            self.rules = Rules(**rules | {name: float(value) * (60 if name == "min_play" else 1)})
        elif name == "quiet":
            self.rules = Rules(**rules | {"quiet": True})
        elif name == "length":
            self.length = float(value)
        else:
            assert text in ("no length", "two titles")
            self.length = None if name == "no" else self.length
            self.refs = FILE if name == "two" else self.refs

    def hear(self, text: str) -> None:
        """One word of the row."""
        at_text, what, *more = text.split()
        at = minute(at_text)
        self.pass_until(at)
        if what == "gone":
            self.carry_out(at, vanish(next(each for each in self.sessions if each.ended is None), self.rules))
            return
        place = more.pop(0)
        flags = set(more)
        event = PlayEvent(
            service=Source.JELLYFIN,
            server="s",
            user="u",
            source="socket" if "socket" in flags else "plugin",
            session="other name" if "socket" in flags else "phone" if "phone" in flags else "tv",
            at=at,
            received=at,
            item="B" if "B" in flags else "A",
            refs=self.refs,
            what=What(what),
            runtime=self.length,
            position=None if place == "?" else float(place) * 60,
            paused="paused" in flags,
            completed=True if "played" in flags else None,
        )
        assert flags <= {"socket", "phone", "B", "paused", "played"}
        for step in decide(pick(self.sessions, event), event, self.rules):
            self.carry_out(at, step)

    def carry_out(self, at: datetime, step: Step) -> None:
        session = step.session
        if session.number:
            self.sessions[session.number - 1] = session
        else:
            self.sessions.append(replace(session, number=len(self.sessions) + 1))
        say = step.say
        if step.take_back:
            say = say or (step.too_late if not self.waiting else None)
            self.waiting.clear()
        if say is None:
            return
        if say is Say.WATCHED:
            assert session.ended is not None
            span = [round((each - ZERO).total_seconds() / 60) for each in (session.began, session.ended)]
            self.viewings.append(f"{span[0]}–{span[1]}{' mark' if session.tail else ''}")
        words = f"{say} {round(step.progress)}{' B' if session.item == 'B' else ''}"
        for _ in session.refs if say is Say.WATCHED else (1,):
            self.waiting.append((at + step.wait, words))
        self.pass_until(at)

    def pass_until(self, at: datetime) -> None:
        """What was not taken back in time is told."""
        self.told += [words for due, words in self.waiting if due <= at]
        self.waiting = [each for each in self.waiting if each[0] > at]


@pytest.mark.parametrize("row", SITUATIONS, ids=lambda row: f"{row[0]} {row[1]}")
def test_the_code_does_what_the_document_says(row: list[str]) -> None:
    stage, (_, _, heard, told, viewing, _) = Stage(), row
    for chosen in re.findall(r"\{(.*?)\}", heard):
        stage.set(chosen)
    for word in re.sub(r"\{.*?\}", "", heard).split(" · "):
        stage.hear(word)
    stage.pass_until(ZERO + timedelta(days=9))
    assert ", ".join(stage.told) == told
    assert ", ".join(stage.viewings) == ("" if viewing == "none" else viewing)


def test_every_outcome_has_its_test() -> None:
    for row in OUTCOMES:
        file, _, name = row[3].partition("::")
        assert re.search(rf"(def|class) {name}\b", (ROOT / "tests" / "live" / file).read_text()), row


def test_ids_are_given_once_and_in_order() -> None:
    assert [row[0] for row in SITUATIONS] == [f"L-{number:02}" for number in range(1, len(SITUATIONS) + 1)]
    assert [row[0] for row in OUTCOMES] == [f"M-{number:02}" for number in range(1, len(OUTCOMES) + 1)]
    assert len({tuple(row[2:3]) for row in SITUATIONS}) == len(SITUATIONS)
