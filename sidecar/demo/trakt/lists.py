"""Watchlist, favorites and personal lists: reading in any order, reordering, notes, and lists of one's own."""

from typing import Any

import flask
import msgspec

from sidecar.demo.trakt.gate import Route, answer, asked, refuse
from sidecar.demo.trakt.paging import extended, paged
from sidecar.demo.trakt.reads import framed, one, twins
from sidecar.demo.trakt.shelf import Row, span_of
from sidecar.demo.trakt.sync import add, check_notes, full, listed, remove
from sidecar.demo.trakt.titles import iso, popularity
from sidecar.demo.trakt.world import Account, Listing

SORTS: dict[str, Any] = {
    "added": lambda ranked: ranked[1].at,
    "released": lambda ranked: ranked[1].title.released,
    "title": lambda ranked: ranked[1].title.name.casefold(),
    "runtime": lambda ranked: ranked[1].title.minutes,
} | dict.fromkeys(("popularity", "percentage", "votes"), lambda ranked: popularity(ranked[1].title))


def of(account: Account, name: str) -> Listing:
    """A list of this user by name, id or slug; without a user any list."""
    owners = [account] if account.name else account.world.accounts.values()
    known = {
        str(key): each for owner in owners for each in list(owner.lists.values()) for key in each.shown["ids"].values()
    }
    found = account.shelves.get(name) if name in ("watchlist", "favorites") else known.get(name)
    return found if isinstance(found, Listing) else refuse(404)


def items(account: Account, name: str, kind: str = "all", by: str = "rank", how: str = "asc") -> flask.Response:
    """The entries of a list."""
    shelf, full_rows = of(account, name), "full" in extended()
    kinds = {one(part) for part in kind.split(",")}
    rows = [(rank, shelf.rows[id]) for rank, id in enumerate(shelf.ranks, 1)]
    rows = [ranked for ranked in rows if "all" in kinds or ranked[1].title.kind in kinds]
    if by in SORTS:
        rows.sort(key=SORTS[by])
    rows = rows[::-1] if how == "desc" else rows

    def row(ranked: tuple[int, Row]) -> bytes:
        head = {"rank": ranked[0], "id": ranked[1].id, "listed_at": iso(ranked[1].at), "notes": ranked[1].what}
        return framed(head | {"type": ranked[1].title.kind}, ranked[1].title.row(full_rows))

    every = len(rows) + 1 if flask.request.args.get("limit") == "all" and shelf.shown else 0
    made = paged(account.world, span_of(rows).map(row), every or 100, every or 250)
    told = {"X-Sort-By": "rank", "X-Sort-How": "asc", "X-Applied-Sort-By": by if by in SORTS else "rank"}
    made.headers.update(told | {"X-Applied-Sort-How": how})
    return made


def reorder(account: Account, name: str) -> flask.Response:
    """POST …/reorder: those named come first, in this order."""
    shelf, wanted = of(account, name), [id for id in listed(asked(), "rank") if isinstance(id, int)]
    known = [id for id in wanted if id in shelf.rows]
    shelf.ranks = known + [id for id in shelf.ranks if id not in set(known)]
    account.touch(name)
    return answer({"updated": len(known), "skipped_ids": [id for id in wanted if id not in shelf.rows]})


def edit(account: Account, name: str, id: int) -> flask.Response:
    """PUT …/<id>: notes and rank of one entry."""
    shelf, said = of(account, name), asked()
    row = shelf.rows.get(id) or refuse(404)
    check_notes(account, said)
    row.what = said.get("notes", row.what)
    if isinstance(said.get("rank"), int):
        shelf.ranks.remove(id)
        shelf.ranks.insert(max(0, said["rank"] - 1), id)
    account.touch(name)
    return answer(None, 204)


def overview(account: Account) -> flask.Response:
    """The personal lists of a user."""
    return paged(account.world, span_of([msgspec.json.encode(described(each)) for each in account.lists.values()]))


def described(shelf: Listing) -> dict[str, Any]:
    """A personal list without its entries."""
    return shelf.shown | {"item_count": len(shelf.rows)}


def create(account: Account) -> flask.Response:
    """POST /users/<who>/lists."""
    if len(account.lists) >= account.limit("lists"):
        full(account, account.limit("lists"))
    return answer(described(made(account, asked())), 201)


def made(account: Account, said: dict[str, Any]) -> Listing:
    """A new personal list, private unless said otherwise."""
    id, name, now = next(account.world.numbers), str(said.get("name") or "List"), iso(account.world.now())
    ids = {"trakt": id, "slug": "-".join(name.casefold().split())}
    user = {"username": account.name, "private": account.private, "deleted": False}
    account.lists[id] = Listing(lambda _: account.touch("lists"), {
        "name": name, "description": said.get("description"), "privacy": said.get("privacy", "private"), "ids": ids,
        "share_link": f"https://trakt.tv/lists/{id}", "type": "personal", "display_numbers": False, "likes": 0,
        "allow_comments": True, "sort_by": "rank", "sort_how": "asc", "created_at": now, "updated_at": now,
        "comment_count": 0, "user": user | {"ids": {"slug": account.slug, "trakt": 1}},
    })  # fmt: skip
    account.touch("lists")
    return account.lists[id]


OWN, ONE = "<any(watchlist,favorites):name>", "/users/<who>/lists/<name>"
SORTED = "{0} {0}/<kind> {0}/<kind>/<by> {0}/<kind>/<by>/<how>"
ROUTES: list[Route] = [
    *twins(SORTED.format(f"/{OWN}"), items),
    ("POST", f"/sync/{OWN}/reorder", reorder),
    ("PUT", f"/sync/{OWN}/<int:id>", edit),
    ("get", "/users/<who>/lists", overview),
    ("POST", "/users/<who>/lists", create),
    ("get", ONE, lambda account, name: answer(described(of(account, name)))),
    ("get", "/lists/<name>", lambda account, name: answer(described(of(account.world.guest, name)))),
    ("get", SORTED.format(f"{ONE}/items"), items),
    ("get", SORTED.format("/lists/<name>/items"), lambda account, **path: items(account.world.guest, **path)),
    ("POST", f"{ONE}/items", lambda account, name: answer(add(account, of(account, name), "watchlist", asked()), 201)),
    ("POST", f"{ONE}/items/remove",
     lambda account, name: answer(remove(account, of(account, name), "watchlist", asked()))),
]  # fmt: skip
