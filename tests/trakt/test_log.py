"""What Trakt's part writes into the log: whose line it is, and about what."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from sidecar.contract import Fact, Listed, Rating
from sidecar.errors import Outage
from sidecar.logs import RUN, JsonLines, Redaction, TextLines
from sidecar.model import Feature
from tests.trakt.conftest import HEAT, World, play

SOURCES = sorted((Path(__file__).parents[2] / "sidecar" / "trakt").glob("*.py"))


class Kept(logging.Handler):
    """Keeps every record of Trakt's part as text and as JSON."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text, self.json = list[str](), list[dict[str, str]]()
        self._forms = TextLines(Redaction()), JsonLines(Redaction())

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.text.append(record.getMessage())
        self.json.append(json.loads(self._forms[1].format(record)))


@pytest.fixture
def kept() -> Iterator[Kept]:
    """Everything that is written, down to the last detail."""
    handler, log = Kept(), logging.getLogger("sidecar.trakt")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    yield handler
    log.removeHandler(handler)
    log.setLevel(level)


def test_every_line_says_the_feature_first_and_in_json_provider_feature_and_run(world: World, kept: Kept) -> None:
    side = world.side()
    token = RUN.set("17")
    at: datetime = world.clock.now()
    facts = {
        Feature.HISTORY: play(HEAT, at),
        Feature.RATINGS: Fact(HEAT, Rating(8, at)),
        Feature.WATCHLIST: Fact(HEAT, Listed()),
    }
    for feature, fact in facts.items():
        kept.json.clear()
        kept.text.clear()
        world.fault("status", status=503, times=1, method="GET")
        side.build_index(feature)
        side.add([fact], feature)
        side.remove([fact], feature)
        assert len(kept.text) > 5
        assert all(line.startswith(f"[TRAKT:{feature}] ") for line in kept.text), kept.text
        assert {(each["provider"], each["feature"], each["run"]) for each in kept.json} == {("trakt", feature, "17")}
        for word in ("build_index: full", "add: 1 done", "remove: 1 done"):
            assert any(word in line for line in kept.text), kept.text
        assert not any("Heat" in line for line in kept.text)
    RUN.reset(token)


def test_lines_of_nothing_in_particular_and_of_live_have_a_name_as_well(world: World, kept: Kept) -> None:
    account = world.link()
    world.service.scrobbler.start(account, HEAT, 10)
    world.service.lookup.resolve(HEAT)
    heads = {line.partition("]")[0] for line in kept.text}
    assert heads == {"[TRAKT:general", "[TRAKT:scrobble"}
    assert all(each["provider"] == "trakt" for each in kept.json)


def test_a_failure_is_told_with_its_feature_and_the_next_line_is_of_another(world: World, kept: Kept) -> None:
    side = world.side()
    kept.text.clear()
    world.fault("status", status=503, times=None)
    with pytest.raises(Outage):
        side.build_index(Feature.RATINGS)
    assert kept.text[-1] == "[TRAKT:ratings] build_index: Trakt has a problem of its own (answer 503)."
    world.calm()
    world.service.lookup.resolve(HEAT)
    assert kept.text[-1].startswith("[TRAKT:general] ")


def test_no_token_is_ever_written(world: World, kept: Kept) -> None:
    account = world.link()
    pair = world.token()
    world.act("expire_tokens")
    world.service.client.settings(account)
    written = "\n".join([*kept.text, *map(str, kept.json)])
    assert pair.access_token not in written
    assert pair.refresh_token not in written


def test_nobody_in_trakts_part_writes_in_another_way() -> None:
    other = re.compile(r"logging\.getLogger|\bprint\(|warnings\.warn")
    assert [path.name for path in SOURCES if path.name != "log.py" and other.search(path.read_text())] == []
