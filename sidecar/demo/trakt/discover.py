"""Finding titles: search by id and by words, summaries, seasons, the charts, recommendations."""

from itertools import islice

import flask

from sidecar.demo.trakt.gate import answer, refuse
from sidecar.demo.trakt.paging import extended, number, paged
from sidecar.demo.trakt.reads import framed
from sidecar.demo.trakt.shelf import span_of
from sidecar.demo.trakt.titles import KINDS, Title
from sidecar.demo.trakt.world import Account

COUNTS = {"trending": "watchers", "anticipated": "list_count", "favorited": "user_count"}  # others have all of these:
PLAYED = ("watcher_count", "play_count", "collected_count", "collector_count")


def fits(title: Title) -> bool:
    """Whether a title passes the filters of the query."""
    args, year = flask.request.args, getattr(title.item, "year", 0) or 0
    low, _, high = args.get("years", "").partition("-")
    genres = set(args.get("genres", "").split(",")) - {""}
    in_years = not low.isdecimal() or int(low) <= year <= int(high if high.isdecimal() else low)
    return in_years and (not genres or bool(genres & set(getattr(title.item, "genres", ()))))


def hit(title: Title, score: float | None) -> bytes:
    """One result of a search."""
    return framed({"type": title.kind, "score": score}, title.row("full" in extended()))


def by_id(account: Account, id_type: str, id: str) -> flask.Response:
    """GET /search/<id type>/<id>: no seasons; imdb does not look at `type`."""
    wanted, value = flask.request.args.get("type", ""), int(id) if id.isdecimal() else id
    kinds = set(wanted.split(",")) if wanted and id_type != "imdb" else {"movie", "show", "episode"}
    kinds -= {"season", "episode"} if id_type == "imdb" and account.world.on("search_gaps") else {"season"}
    found = [account.world.titles.by[kind, id_type].get(value) for kind in KINDS if kind in kinds]
    return answer(b"[" + b",".join(hit(title, None) for title in found if title) + b"]")


def by_words(account: Account, kinds: str) -> flask.Response:
    """GET /search/<types>?query=…"""
    found = account.world.titles.search(set(kinds.split(",")), flask.request.args.get("query", ""))
    rows = span_of([(score, title) for score, title in found if fits(title)])
    return paged(account.world, rows.map(lambda scored: hit(scored[1], scored[0])), 50)


def exact(account: Account, kind: str) -> flask.Response:
    """GET /search/<type>/exact?query=…: at most three."""
    query = flask.request.args.get("query", "").casefold()
    found = [title for _, title in account.world.titles.search({kind}, query) if title.name.casefold() == query]
    return answer(b"[" + b",".join(hit(title, 1000) for title in found[:3]) + b"]")


def summary(account: Account, kind: str, id: str) -> flask.Response:
    """GET /movies/<id> and /shows/<id>."""
    title = account.world.titles.named(kind[:-1], id) or refuse(404)
    return answer(title.json("full" in extended()))


def seasons(account: Account, id: str) -> flask.Response:
    """GET /shows/<id>/seasons: everything at once, with `episodes` also their ids."""
    show, full = account.world.titles.named("show", id) or refuse(404), "full" in extended()

    def told(season: Title) -> dict[str, object]:
        own = season.plain(full)
        return own | (
            {"episodes": [e.plain(full) for e in season.children.values()]} if "episodes" in extended() else {}
        )

    return answer([told(season) for season in show.children.values()])


def chart(account: Account, kind: str, name: str, period: str = "weekly") -> flask.Response:
    """Trending, popular, anticipated, and the most watched, played, collected or favorited of a period."""
    full, rows = "full" in extended(), account.world.titles.popular[kind[:-1]]
    rows = [title for title in rows if fits(title)] if {"years", "genres"} & flask.request.args.keys() else rows
    shift = len(name) + len(period)  # each chart begins at another place of the same order

    def row(title: Title) -> bytes:
        counts = (COUNTS[name],) if name in COUNTS else PLAYED if kind == "shows" else PLAYED[:3]
        return title.json(full) if name == "popular" else framed(dict.fromkeys(counts, 100), title.row(full))

    return paged(account.world, span_of(rows[shift:] + rows[:shift]).map(row), 10)


def recommended(account: Account, kind: str) -> flask.Response:
    """GET /recommendations/<type>: not what was watched or dismissed; ignore_collected has no effect."""
    titles, listed = account.world.titles.popular[kind[:-1]], account.shelves["watchlist"].of
    ignored = listed if flask.request.args.get("ignore_watchlisted") == "true" else {}
    seen, full = account.shelves["history"].latest[kind[:-1]].value, "full" in extended()
    known = seen.keys() | ignored.keys() | account.dismissed
    left = (title.json(full) for title in titles if title.n not in known)
    return answer(b"[" + b",".join(islice(left, min(number("limit", 10), 100))) + b"]")


def dismiss(account: Account, kind: str, id: str) -> flask.Response:
    """DELETE /recommendations/<type>/<id>."""
    account.dismissed.add((account.world.titles.named(kind[:-1], id) or refuse(404)).n)
    return answer(None, 204)


BOTH, PERIOD = "<any(movies,shows):kind>", "<any(daily,weekly,monthly,yearly,all):period>"
MOST = f"/{BOTH}/<any(watched,played,collected,favorited):name>"
ROUTES = [  # the charts stand before the summaries, whose ids could be their names
    ("get", "/search/<any(trakt,imdb,tmdb,tvdb):id_type>/<id>", by_id),
    ("get", "/search/<kinds>", by_words),
    ("get", "/search/<any(movie,show):kind>/exact", exact),
    ("get", "/shows/<id>/seasons", seasons),
    ("get", f"/{BOTH}/<any(trending,popular,anticipated):name> {MOST} {MOST}/{PERIOD}", chart),
    ("get", f"/{BOTH}/<id>", summary),
    ("GET", f"/recommendations/{BOTH}", recommended),
    ("DELETE", f"/recommendations/{BOTH}/<id>", dismiss),
]
