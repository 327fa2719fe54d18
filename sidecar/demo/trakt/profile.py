"""Who somebody is and what changed: settings with limits, and last_activities."""

from typing import Any

import flask

from sidecar.demo.trakt.gate import answer
from sidecar.demo.trakt.paging import extended
from sidecar.demo.trakt.titles import iso
from sidecar.demo.trakt.world import JOINED, LIMITS, Account

STAMPS = {
    "movies": "watched collected rated watchlisted favorited commented paused hidden",
    "episodes": "watched collected rated watchlisted commented paused",
    "shows": "rated watchlisted favorited commented hidden dropped",
    "seasons": "rated watchlisted commented hidden",
    "comments": "liked reacted blocked",
    "lists": "liked reacted updated commented",
    "account": "settings followed following pending requested",
} | dict.fromkeys(("watchlist", "favorites", "collaborations", "saved_filters", "notes"), "updated")
PROGRESS = {"refresh": False, "simple_progress": False, "sort": "activity", "sort_how": "desc", "only_favorites": False}
WATCHED = {"include_specials": False, "include_watchlisted": True, "include_collected": True, "use_last_activity": True}
OFF = ("hide_watching_now", "other_site_ratings", "release_date_ignore_runtime", "display_early_ratings",
       "hide_episode_type_tags", "hide_unsaved_filters_prompt")  # fmt: skip
BROWSING: dict[str, Any] = dict.fromkeys(OFF, False) | {
    "watch_popup_action": "ask", "spoilers": {}, "calendar": {"hide_specials": False, "autoscroll": True}, "genres": {},
    "progress": {"on_deck": PROGRESS, "watched": PROGRESS | WATCHED | {"grid_view": False}},
    "watchnow": {"country": "de", "favorites": [], "only_favorites": False}, "welcome": {"exit_step": None},
    "comments": {"blocked_uids": []}, "recommendations": {"ignore_collected": False, "ignore_watchlisted": False},
    "rewatching": {"adjust_percentage": False}, "profile": {"favorites": {"sort_by": "rank", "sort_how": "asc"}} |
    {f"most_watched_{kind}": {"sort_by": "plays", "tab": "all"} for kind in ("shows", "movies")},
}  # fmt: skip


def settings(account: Account) -> flask.Response:
    """GET /users/settings."""
    limit = {name: account.limit(name) for name in LIMITS}
    told = {
        "user": {"username": account.name, "name": account.name, "private": account.private, "vip": account.vip,
                 "vip_years": int(account.vip), "ids": {"slug": account.slug, "uuid": account.uuid},
                 "joined_at": iso(JOINED), "images": {"avatar": {"full": ""}}, "director": False,
                 "vip_ep": False, "vip_og": False},
        "permissions": {"commenting": True, "liking": True, "following": True},
        "account": {"timezone": "Europe/Berlin", "date_format": "dmy", "time_24hr": True, "cover_image": None},
        "connections": {"twitter": False, "mastodon": False, "tumblr": False},
        "sharing_text": {"watching": "I'm watching [item]", "watched": "I just watched [item]", "rated": None},
        "limits": {"list": {"count": limit["lists"], "item_count": limit["list"]},
                   "watchlist": {"item_count": limit["watchlist"]}, "favorites": {"item_count": limit["favorites"]}},
    }  # fmt: skip
    return answer(told | ({"browsing": BROWSING | account.browsing} if "browsing" in extended() else {}))


def last_activities(account: Account) -> flask.Response:
    """GET /sync/last_activities."""
    told: dict[str, Any] = {"all": iso(account.stamps.get("all", JOINED))}
    for group, fields in STAMPS.items():
        names = [f"{field}_at" for field in fields.split()]
        told[group] = {name: iso(account.stamps.get(f"{group}.{name}", JOINED)) for name in names}
    return answer(told)


ROUTES = [("GET", "/users/settings", settings), ("GET", "/sync/last_activities", last_activities)]
