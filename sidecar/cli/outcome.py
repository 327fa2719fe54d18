"""What a run came to, or would come to, in sentences and as an exit code."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from sidecar.cli import say
from sidecar.words import count_of

AGAIN, HELD = 1, 7
FAILED = ("failed", "stopped")
TROUBLED = (*FAILED, "partial")
ACTIONS = {"add": "add", "remove": "remove"}
REMARKS = {
    "conflict": "both sides changed",
    "kept": "kept different",
    "waits": "waits",
    "cannot": "cannot be written",
    "rounded": "half steps",
    "offered": "may be taken back",
    "changed": "changed since",
    "lost": "cannot be given back",
    "unmatched": "could not be matched",
}


def code(results: Iterable[dict[str, Any]]) -> int:
    """The exit code of runs: trying again may help, before something is held."""
    results = list(results)
    if any(result["state"] in TROUBLED for result in results):
        return AGAIN
    return HELD if any(undecided(result["held"]) for result in results) else 0


def undecided(parts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The held parts that a person has not decided about."""
    return [part for part in parts if not part["decision"]]


def counted(result: dict[str, Any]) -> str:
    """What became of the changes, side by side, in one line."""
    return "; ".join(f"{side}: {words(counts)}" for side, counts in result.get("counts", {}).items() if words(counts))


def words(counts: dict[str, int]) -> str:
    """`3 added, 1 refused`."""
    return ", ".join(f"{number:,} {word}" for word, number in counts.items() if number)


def is_preview(result: dict[str, Any]) -> bool:
    """Whether it says what would be done."""
    return result["run"] is None and result["state"] not in FAILED


def show(result: dict[str, Any]) -> None:
    """Say what one run came to."""
    if is_preview(result):
        _plan(result)
    else:
        _done(result)
    troubled = result["state"] == "partial"
    for side, why in result["stale"].items():
        step = "What is missing is made up for when it can be read again." if troubled else ""
        say.marked("warning" if troubled else "note", f"{side}: {why}", step)
    for remark in result["remarks"]:
        word = REMARKS.get(remark["kind"], remark["kind"])
        first = _some(remark["first"], remark["count"])
        say.marked("note", f"{count_of(remark['count'], 'title')} {word}: {remark['why']}{first}")
    for part in undecided(result["held"]):
        titles = f" ({count_of(len(part['titles']), 'title')})"
        say.marked("warning", f"Held: {part['why']}{titles}", _decide(part))


def _done(result: dict[str, Any]) -> None:
    cost, whose = _cost(result), f"{result['person']}: " if result["person"] else ""
    number = f", run {result['run']}" if result["run"] is not None else ""
    if result["state"] in FAILED:
        what = result["problem"] or ("It was stopped." if result["state"] == "stopped" else "It failed.")
        say.marked("bad", f"{whose}{what} ({cost}{number})", result["next_step"])
    elif result["kind"] == "baseline":
        say.marked("ok", f"{whose}What all sides hold now is agreed, and nothing was written. ({cost}{number})")
    elif result["state"] == "partial":
        say.marked("warning", f"{whose}Done as far as it could be. ({cost}{number})")
    elif not any(result["counts"].values()):
        say.marked("ok", f"{whose}Nothing had to be written. ({cost}{number})")
    else:
        say.marked("ok", f"{whose}Done. ({cost}{number})")
    for side, counts in result["counts"].items():
        if any(counts.values()):
            say.line(f"  {side}: {words(counts)}")


def _plan(result: dict[str, Any]) -> None:
    """What would be done, by side and feature, each with its reason and some of its titles."""
    whose = f"{result['person']}: " if result["person"] else ""
    if not result["planned"]:
        say.marked("ok", f"{whose}Nothing would be written. ({count_of(result['requests'], 'request')} to see that)")
        return
    say.line(f"{whose}This would be done; nothing is written now.")
    for (side, feature), groups in groupby(result["planned"], lambda group: (group["side"], group["feature"])):
        say.line(f"  {side}, {feature}")
        for group in groups:
            what = f"{ACTIONS.get(group['action'], group['action'])} {count_of(group['count'], 'title')}"
            say.line(f"    {what}: {group['why']}{_some(group['first'], group['count'])}")
    say.line(f"  It takes {_cost(result, planned=True)}.")


def _cost(result: dict[str, Any], *, planned: bool = False) -> str:
    """Requests and minutes, of a preview those that its changes take."""
    requests, minutes = result["requests"], result["minutes"]
    if planned:
        requests = sum(group["requests"] for group in result["planned"])
        minutes = sum(group["minutes"] for group in result["planned"])
    took = "under a minute" if minutes < 1 else f"about {count_of(round(minutes), 'minute')}"
    return f"{count_of(requests, 'request')}, {took}"


def _some(first: list[str], count: int) -> str:
    more = f" and {count - len(first):,} more" if count > len(first) else ""
    return f" – {', '.join(first)}{more}" if first else ""


def _decide(part: dict[str, Any]) -> str:
    if not part["id"]:
        return "It will be held until somebody decides."
    return f"`sidetrakt held {part['id']}` shows them; then --apply or --keep."
