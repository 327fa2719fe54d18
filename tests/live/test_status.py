"""`sidetrakt status`: the picture of live, in words."""

from __future__ import annotations

import json

import pytest

from sidecar.cli import main
from sidecar.events import What
from tests.live.conftest import Live


def shown(live: Live, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    """What the command prints."""
    monkeypatch.setenv("SIDETRAKT_HOME", str(live.world.store.path.parent))
    monkeypatch.setattr("sidecar.cli.here.set_up", lambda *_, **__: None)
    with pytest.raises(SystemExit) as ended:
        main(["status", *words])
    assert not ended.value.code
    return capsys.readouterr().out


def test_it_says_what_plays_what_waits_and_what_was_told(
    live: Live, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    live.hear(What.START)
    waiting = shown(live, capsys, monkeypatch)
    assert "1 thing to tell" in waiting
    assert "Nothing plays" not in waiting
    live.send()
    live.rate(9)
    text = shown(live, capsys, monkeypatch)
    playing, told = text.split("What ", 2)[1:] if text.count("What ") > 1 else (text, text)
    assert "Anna" in playing
    assert "0 %" in playing
    assert "UTC" in told
    assert "start" in told
    found = json.loads(shown(live, capsys, monkeypatch, "--json"))
    assert found["playing"][0]["person"] == "Anna"
    assert [row["topic"] for row in found["waiting"]] == ["rating"]
    assert [row["say"] for row in found["told"]] == ["start"]


def test_on_a_quiet_evening_it_says_so(
    live: Live, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown(live, capsys, monkeypatch)
    assert "Nothing plays now" in text
    assert "Nothing waits to be told" in text
