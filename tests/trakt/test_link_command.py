"""What a person sees while a code is waited for: in a pipe a line for what is new, never one for each second."""

from typing import Any

import pytest

from sidecar.cli.link import progress
from sidecar.cli.say import Countdown

TROUBLE = "Trakt is not answering (HTTP 502)."


def test_in_a_pipe_there_is_a_line_for_each_change_and_minute(capsys: pytest.CaptureFixture[str]) -> None:
    events: list[dict[str, Any]] = [{"code": "ABCD1234", "url": "https://trakt.tv/activate", "seconds_left": 600}]
    events += [{"seconds_left": left, "trouble": ""} for left in range(600, 570, -1)]
    events += [{"seconds_left": left, "trouble": TROUBLE, "again_in": left - 540} for left in range(570, 540, -1)]
    events += [{"seconds_left": left, "trouble": ""} for left in range(540, 530, -1)]
    with Countdown() as countdown:
        for event in events:
            progress(countdown, event)
    assert capsys.readouterr().out.splitlines() == [
        "Open https://trakt.tv/activate on any device and type in:",
        "",
        "      ABCD1234",
        "",
        "Waiting for you … 10:00 left",
        "Waiting for you … 9:59 left",
        f"{TROUBLE} Leave this open … 9:30 left",
        "Waiting for you … 9:00 left",
        "Waiting for you … 8:59 left",
    ]


def test_in_a_terminal_there_is_a_picture_and_one_line_that_counts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with Countdown() as countdown:
        progress(countdown, {"code": "ABCD1234", "url": "https://trakt.tv/activate", "seconds_left": 600})
        progress(countdown, {"seconds_left": 563, "trouble": TROUBLE, "again_in": 27})
    out = capsys.readouterr().out
    assert "█" in out
    assert f"{TROUBLE} Leave this open; again in 27 s … 9:23 left" in out
