"""Start, pause and stop of one viewing, with the thresholds and the duplicate window of Trakt."""

from typing import Any

import flask

from sidecar.demo.trakt.gate import answer, asked, refuse
from sidecar.demo.trakt.titles import Title, iso
from sidecar.demo.trakt.world import Account

SHARING = {"twitter": False, "mastodon": False, "tumblr": False}


def scrobble(account: Account, call: str) -> flask.Response:
    """POST /scrobble/<call>."""
    body, now = asked(), account.world.now()
    title, progress = item(account, body), body.get("progress")
    if isinstance(progress, bool) or not isinstance(progress, int | float) or not 0 <= progress <= 100:
        refuse(422, "progress has to be between 0 and 100")
    action, number, account.watching = outcome(account, call, progress), 0, None
    if action == "scrobble":
        refuse_repeat(account, title)
    for row in account.shelves["playback"].about(title):
        account.shelves["playback"].remove(row)
    if action == "start":
        account.watching = (title, now, now + int(title.minutes * 600 * (100 - progress)))
    elif action == "pause":
        account.put(account.shelves["playback"], title, progress)
    else:
        number = account.watch(title, now, action)
    return answer({"id": number, "action": action, "progress": progress, "sharing": SHARING, **shown(title)}, 201)


def item(account: Account, body: dict[str, Any]) -> Title:
    """What the body is about: a movie, an episode by its ids, or a show with a number; 404 when it is unknown."""
    titles, episode = account.world.titles, body.get("episode")
    if isinstance(body.get("movie"), dict):
        return titles.find("movie", body["movie"]) or refuse(404)
    if not isinstance(episode, dict):
        refuse(422, "a movie or an episode is missing")
    if found := titles.find("episode", {"ids": episode.get("ids")}):
        return found
    show, wanted = titles.find("show", body.get("show")) or refuse(404), episode.get("number_abs")
    if wanted is not None:
        absolute = {getattr(leaf.item, "number_abs", None): leaf for leaf in show.leaves()}
        return absolute.get(wanted) or refuse(404)
    season = show.children.get(episode.get("season", -1)) or refuse(404)
    return season.children.get(episode.get("number", -1)) or refuse(404)


def outcome(account: Account, call: str, progress: float) -> str:
    """What a call at this progress does; 422 where Trakt refuses it."""
    on = account.world.on
    if call != "start" and (progress < 1 or (call == "pause" and progress >= 80 and on("pause_from_80") == "refuse")):
        refuse(422, "progress")
    if call == "stop" and (progress > 80 or (progress == 80 and on("stop_at_80") == "scrobble")):
        return "scrobble"
    return "start" if call == "start" else "pause"


def refuse_repeat(account: Account, title: Title) -> None:
    """409 while the last play of the same title is in the window."""
    on, now = account.world.on, account.world.now()
    window = title.minutes * 60_000 if on("duplicate_window") == "runtime" else 3_600_000
    for play in account.shelves["history"].about(title):
        if (play.what == "scrobble" or on("window_sees_history")) and play.at <= now < play.at + window:
            refuse(409, watched_at=iso(play.at), expires_at=iso(play.at + window))


def shown(title: Title) -> dict[str, Any]:
    """A title as it stands in an answer, with its show."""
    return {title.kind: title.plain()} | ({} if title.root is title else {"show": title.root.plain()})


def watching(account: Account) -> flask.Response:
    """GET /users/<who>/watching."""
    if account.watching is None:
        return answer(None, 204)
    title, since, until = account.watching
    head = {"expires_at": iso(until), "started_at": iso(since), "action": "scrobble", "type": title.kind}
    return answer(head | shown(title))


ROUTES = [("POST", "/scrobble/<any(start,pause,stop):call>", scrobble), ("get", "/users/<who>/watching", watching)]
