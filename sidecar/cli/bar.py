"""How far a run has come: a bar with the time that is left in a terminal, a line now and then in a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sidecar.cli import say

if TYPE_CHECKING:
    from rich.progress import TaskID

WORDS = {
    "waits": "waits for {what}",
    "reads": "reads {what}",
    "looks": "looks again at {what}",
    "compares": "compares {what}",
    "writes": "writes to {what}",
}
QUARTERS = 4  # lines that a long step gets in a pipe


class Bar:
    """Shows the steps of runs, one after the other, on the error stream."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = say.console(errors=True)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        self._progress = Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
        self._lively = console.is_terminal
        self._task: TaskID | None = None
        self._last: tuple[str, int] = ("", 0)

    def __enter__(self) -> Bar:
        if self._lively:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._lively:
            self._progress.stop()

    def show(self, event: dict[str, Any]) -> None:
        """The present state, as a command tells it."""
        if "progress" not in event:
            return
        step, person = event["progress"], event["person"]
        what = WORDS.get(step["step"], "{what}").format(what=step["what"]) if step["what"] else step["step"]
        text = f"{person}: {what}" if person else what
        done, total = step["done"], step["total"]
        if self._lively:
            if self._task is None or text != self._last[0]:
                if self._task is not None:
                    self._progress.remove_task(self._task)
                self._task = self._progress.add_task(text, total=total or None)
            self._progress.update(self._task, completed=done, total=total or None)
        quarter = QUARTERS * done // total if total else 0
        if not self._lively and (text, quarter) != self._last:
            say.line(f"{text} …" + (f" {done:,} of {total:,}" if total else ""), errors=True)
        self._last = (text, quarter)
