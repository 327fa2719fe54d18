"""One page of rows with its headers, and the ways in which real pages lie."""

from math import ceil

import flask

from sidecar.demo.trakt.gate import answer
from sidecar.demo.trakt.shelf import Span
from sidecar.demo.trakt.titles import moment
from sidecar.demo.trakt.world import World


def number(name: str, default: int) -> int:
    """A positive number from the query, the default for anything else."""
    text = flask.request.args.get(name, "")
    return max(1, int(text)) if text.isdecimal() else default


def extended() -> set[str]:
    """The words of `extended`."""
    return set(flask.request.args.get("extended", "").split(","))


def between() -> tuple[int | None, int | None]:
    """start_at and end_at of the query."""
    return moment(flask.request.args.get("start_at")), moment(flask.request.args.get("end_at"))


def paged(world: World, rows: Span[bytes], default: int = 100, most: int = 250, frame: bytes = b"[]") -> flask.Response:
    """A page as asked for; a limit above the highest is lowered, not refused. Empty rows are left out."""
    page, limit = number("page", 1), min(number("limit", default), most)
    fault = world.control.take("paging")
    mode = fault["mode"] if fault else ""
    total = rows.total // 2 if mode == "half" else rows.total
    first = (page - 1) * limit - (mode == "duplicate" and page > 1)
    cut = [row for row in rows.cut(first, min(first + limit, total)) if row]
    cut = cut[: {"empty": 0, "short": len(cut) // 2}.get(mode, len(cut))]
    told = {"X_Pagination_Page": page, "X_Pagination_Limit": limit, "X_Pagination_Item_Count": total}
    told["X_Pagination_Page_Count"] = max(0, ceil(total / limit) - (mode == "page_count"))
    if mode == "no_item_count":
        del told["X_Pagination_Item_Count"]
    if mode == "wrong_item_count":
        told |= {"X_Pagination_Item_Count": 1337, "X_Trakt_Server": "rails"}  # type: ignore[dict-item]
    return answer(frame[:1] + b",".join(cut) + frame[1:], **told)
