"""The command that looks closely at one title of one person: every side now and as last seen, and why it is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import msgspec

from sidecar.app import App
from sidecar.commands.meanwhile import Arguments, meanwhile
from sidecar.contract import Index, Provider
from sidecar.errors import SidetraktError, UserError
from sidecar.model import Feature, Kind, Ref
from sidecar.store.handover import Event
from sidecar.store.inspection import Inspection
from sidecar.store.ledger import Ledger
from sidecar.store.people import People, Person, TraktAccount
from sidecar.store.titles import Titles
from sidecar.sync.linked import Household, Linked
from sidecar.sync.request import Request, Result

_PLACE = re.compile(r" (S\d+E\d+|season \d+|\(\d{4}\))$", re.IGNORECASE)
MOST = 10  # titles that are listed where one must be chosen


def inspect(app: App, arguments: Arguments) -> Iterator[Event]:
    """What each side has of a title, what was last seen there, what is agreed, what was told, and what comes next."""
    with app.store.read() as db:
        person = People(db).get(arguments["person"])
        account = People(db).linked(person)
        title = _title(Titles(db), arguments["title"])
        ref = Titles(db).refs([title])[title]
    sides = Household(app.store, app.trakt, app.servers)(person)
    now = yield from meanwhile(app, lambda: _now(app, sides, ref), "every side")
    coming = yield from meanwhile(app, lambda: _coming(app, person, title), "sync")
    yield {"result": {"person": person.name, "title": ref.label()} | _kept(app, person, account, title, now) | coming}


def _title(titles: Titles, text: str) -> int:
    """The one title that is meant by a name, a name with numbers or year, or an id; raises UserError."""
    found = titles.named(text) | titles.named(_PLACE.sub("", text))
    labels = titles.labels(found)
    kinds = {title: kind for title, (kind, _) in titles.kinds(found).items()}
    wholes = {title for title in found if kinds[title] in (Kind.MOVIE, Kind.SHOW)}
    exact = {title for title in found if labels[title].casefold() == text.strip().casefold()}
    for some in (exact, wholes, found):
        if len(some) == 1:
            return next(iter(some))
    if not found:
        raise UserError(f"No title “{text}” is known.", "Write its name as a server shows it, or an id as tt0113277.")
    near = sorted(labels[title] for title in exact or wholes or found)
    listed = ", ".join(near[:MOST]) + (f" and {len(near) - MOST:,} more" if len(near) > MOST else "")
    raise UserError(f"“{text}” may be several titles: {listed}.", "Name one of them, or give its id.")


def _now(app: App, sides: list[Linked], ref: Ref) -> list[dict[str, Any]]:
    """What each side shows at this moment, by feature."""
    features = [Feature(name) for name in app.settings.sync.features]
    return [
        {"key": each.key, "side": each.side.label(), "feature": feature} | _read(each.side, feature, ref)
        for each in sorted(sides, key=lambda each: not each.trakt)
        for feature in features
        if feature in each.side.features()
    ]


def _read(side: Provider, feature: Feature, ref: Ref) -> dict[str, Any]:
    if not side.is_configured():
        return {"now": None, "problem": side.health().what}
    try:
        index: Index = side.build_index(feature, only=[ref])
    except SidetraktError as problem:
        return {"now": None, "problem": problem.what}
    values = [msgspec.to_builtins(fact.value) for fact in index.facts]
    return {"now": values[0] if values else None, "problem": "" if index.complete else index.why}


def _coming(app: App, person: Person, title: int) -> dict[str, Any]:
    """What the next run would do with it, and why."""
    try:
        steps = list(app.sync.run(person, Request(titles=(title,), preview=True)))
    except SidetraktError as problem:
        return {"next": [], "remarks": [], "problem": problem.what}
    results = [step for step in steps if isinstance(step, Result)]
    return {
        "next": [msgspec.to_builtins(group) for result in results for group in result.planned],
        "remarks": [msgspec.to_builtins(remark) for result in results for remark in result.remarks],
        "problem": "".join(result.problem for result in results),
    }


def _kept(
    app: App, person: Person, account: TraktAccount | None, title: int, now: list[dict[str, Any]]
) -> dict[str, Any]:
    """What the store knows beside what was just read."""
    with app.store.read() as db:
        look = Inspection(db)
        keys, names = {key: number for number, key in look.sides().items()}, look.side_names()
        seen, agreed = look.seen(title), look.agreed(person.id, title)
        viewings = Ledger(db).of_title(account.uuid, title) if account else []
        told = look.told(person.id, title)
    for row in now:
        last = seen.get((keys.get(row["key"], 0), row["feature"]))
        row |= {"seen": last.value if last else None, "kept_since": last.kept_since if last else None}
        row["expected"] = last.expected if last else None
        row["items"] = list(last.items) if last else []
    return {
        "sides": now,
        "agreed": {
            feature: {"value": one.value, "at": one.at, "by": names.get(one.by or 0, "")}
            for feature, one in agreed.items()
        },
        "viewings": [asdict(viewing) for viewing in viewings],
        "changes": [asdict(change) | {"side": names.get(change.side, "")} for change in told],
    }
