"""How commands speak: sentences, tables, JSON; colours and bars in a terminal, plain lines in a pipe."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

log = logging.getLogger(__name__)

MARKS = {"ok": ("✓", "green"), "note": ("•", "cyan"), "warning": ("!", "yellow"), "bad": ("✗", "red")}


def line(text: str = "", *, errors: bool = False) -> None:
    """A sentence for the person at the keyboard."""
    console(errors=errors).print(Text(text), soft_wrap=True)


def marked(state: str, text: str, next_step: str = "", *, inside: bool = False) -> None:
    """A finding with its mark, and below it what to do; `inside` what was said before."""
    mark, colour = MARKS[state]
    margin = "  " if inside else ""
    console().print(Text.assemble(margin, (mark, colour), " ", text), soft_wrap=True)
    if next_step:
        console().print(Text(f"{margin}  → {next_step}", style="dim"), soft_wrap=True)


def problem(what: str, next_step: str) -> None:
    """What went wrong and what to do, to the error stream."""
    screen = console(errors=True)
    screen.print(Text.assemble(("✗ ", "red"), what), soft_wrap=True)
    if next_step:
        screen.print(Text(f"  → {next_step}"), soft_wrap=True)


def unexpected(error: Exception) -> None:
    """A mistake of ours: said in a sentence, the details go through the redacting log."""
    problem(
        f"Something unexpected went wrong ({type(error).__name__}).",
        "Please report it with the file that `sidetrakt doctor --bundle FILE` writes.",
    )
    if logging.getLogger().handlers:
        log.error("Unexpected error", exc_info=error)


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows with a heading; in a pipe every row is one line, whatever its length."""
    screen = console()
    if not screen.is_terminal:
        lines = [list(headers), *map(list, rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for cells in lines:
            padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
            sys.stdout.write("  ".join(padded).rstrip() + "\n")
        return
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for header in headers:
        shown.add_column(header, overflow="fold")
    for row in rows:
        shown.add_row(*map(Text, row))
    screen.print(shown)


class Countdown:
    """What is waited for and how long still: one line that changes in a terminal, a line now and then in a pipe."""

    def __init__(self, *, errors: bool = False) -> None:
        self._console = console(errors=errors)
        self._status = self._console.status("") if self._console.is_terminal else None
        self._last: tuple[str, int] = ("", 0)

    def __enter__(self) -> Countdown:
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def picture(self, code: Any) -> None:
        """A QR code, in a terminal only."""
        if self._console.is_terminal:
            code.terminal(compact=True)

    def show(self, what: str, seconds_left: int = 0, detail: str = "") -> None:
        """The present state; the detail, which changes all the time, in a terminal only."""
        left = f" {seconds_left // 60}:{seconds_left % 60:02} left" if seconds_left else ""
        text = f"{what}{detail if self._status else ''} …{left}"
        if self._status is not None:
            self._status.update(text)
            self._status.start()
        elif what != self._last[0] or seconds_left // 60 != self._last[1]:
            self._console.print(Text(text), soft_wrap=True)
        self._last = (what, seconds_left // 60)


def reading(countdown: Countdown, event: dict[str, Any]) -> None:
    """How far a command that asks a service has come."""
    waits = f", may go on in {event['waits']} s" if event["waits"] > 1 else ""
    countdown.show(f"Asking {event['whom']}", detail=f": {event['requests']} so far{waits}")


def is_terminal() -> bool:
    """Whether a person may be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def as_json(value: Any) -> None:
    """One JSON document for scripts."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def console(*, errors: bool = False) -> Console:
    """A console on the stream as it is now, so that tests and pipes see what they redirected."""
    return Console(stderr=errors, highlight=False, emoji=False, markup=False)
