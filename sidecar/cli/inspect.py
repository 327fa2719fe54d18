"""`sidetrakt inspect`: one title of one person, on every side, and why it is so."""

from __future__ import annotations

from typing import Any

import click

from sidecar.cli import say
from sidecar.cli.here import look_around, perform
from sidecar.words import count_of

TOLD = {
    "no": "Trakt is told next",
    "sent": "sent, the answer is being looked up",
    "yes": "Trakt has it",
    "gone": "taken away at Trakt",
    "never": "not told, by choice",
}


@click.command(short_help="One title on every side.", epilog="Example: sidetrakt inspect Anna “Dark S01E02”")
@click.argument("person")
@click.argument("title")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def inspect(person: str, title: str, *, as_json: bool) -> None:
    """Show TITLE (a name, `Dark S01E02`, or an id) of PERSON: every side now and as last seen, and what comes next."""
    arguments = {"person": person, "title": title}
    with say.Countdown(errors=True) as countdown:
        found = perform(look_around(), "inspect", arguments, on_event=lambda event: say.reading(countdown, event))
    if as_json:
        say.as_json(found)
        return
    say.line(f"{found['title']}, {found['person']}")
    for feature in dict.fromkeys([*(row["feature"] for row in found["sides"]), *found["agreed"]]):
        rows = [row for row in found["sides"] if row["feature"] == feature]
        say.line()
        shown = [[row["side"], *(value(feature, row[when]) for when in ("now", "seen")), _note(row)] for row in rows]
        if rows:
            say.table([feature.capitalize(), "Now", "Last seen", ""], shown)
        say.line(f"Agreed on {feature}: {_agreed(found['agreed'].get(feature), feature)}")
    _past(found)
    _future(found)


def value(feature: str, held: Any) -> str:
    """A value of a side in words."""
    if feature == "history":
        return _history(held)
    if held is None:
        return "–"
    return f"{held['value']:g}" if isinstance(held, dict) and "value" in held else "yes"


def _history(held: Any) -> str:
    if not isinstance(held, dict):
        return "watched" if held else "not watched"
    plays = held.get("minutes")
    if plays is not None:
        last = max((at for at in plays if at), default="")
        return f"{count_of(len(plays), 'play')}{f', last {_moment(last)}' if last else ''}" if plays else "not watched"
    copies = [copy for copy in held.get("copies", ()) if copy.get("played")]
    last = max((copy["at"] for copy in copies if copy.get("at")), default="")
    return ("watched" if copies else "not watched") + (f", last {_moment(last)}" if last else "")


def _agreed(agreed: dict[str, Any] | None, feature: str) -> str:
    if agreed is None:
        return "nothing yet"
    said = agreed["value"]
    what = "removed" if said is None else f"{said:g}" if isinstance(said, int | float) and said is not True else "yes"
    since = f", since {_moment(agreed['at'])}" if agreed["at"] else ""
    what = {"yes": "watched", "removed": "not watched"}[what] if feature == "history" else what
    return f"{what}{since}" + (f", because {agreed['by']} said so" if agreed["by"] else "")


def _note(row: dict[str, Any]) -> str:
    notes = [row["problem"]] if row["problem"] else []
    notes += ["kept different since " + _moment(row["kept_since"])] if row["kept_since"] else []
    notes += ["a write is under way"] if row["expected"] is not None else []
    return "; ".join(notes)


def _past(found: dict[str, Any]) -> None:
    if found["viewings"]:
        say.line()
        rows = [
            [_moment(one["began"]), _moment(one["ended"]), TOLD.get(one["told"], one["told"])]
            for one in found["viewings"]
        ]
        say.table(["Viewing began", "Ended", ""], rows)
    if found["changes"]:
        say.line()
        rows = [
            [str(one["run"]), one["side"], f"{one['action']} {one['feature']}", one["state"], one["why"]]
            for one in found["changes"]
        ]
        say.table(["Run", "Side", "What", "State", "Why"], rows)


def _future(found: dict[str, Any]) -> None:
    say.line()
    for group in found["next"]:
        say.marked(
            "note", f"The next sync will {group['action']} {group['feature']} on {group['side']}: {group['why']}"
        )
    for remark in found["remarks"]:
        say.marked("note", remark["why"])
    if found["problem"]:
        say.marked("warning", found["problem"])
    elif not found["next"]:
        say.marked("ok", "The next sync has nothing to write here.")


def _moment(at: Any) -> str:
    return str(at)[:16].replace("T", " ") if at else ""
