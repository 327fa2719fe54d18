"""What every write of a list of titles shares: walking the body, not_found, counts, account limits.

The features differ in one row of `FEATURES`; views and acts of the website use the same two functions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flask

from sidecar.demo.trakt.gate import Route, answer, asked, refuse
from sidecar.demo.trakt.shelf import Shelf
from sidecar.demo.trakt.titles import KINDS, Title, Titles, iso, moment
from sidecar.demo.trakt.world import Account, Listing

Said = dict[str, Any]
OWN = {"ids", "title", "year", "seasons", "episodes", "number", "rating", "rated_at", "notes"}  # not handed down
WORDS = {
    "media_type": "digital bluray hddvd dvd vcd vhs betamax laserdisc",
    "resolution": "uhd_4k hd_1080p hd_1080i hd_720p sd_480p sd_480i sd_576p sd_576i",
    "hdr": "dolby_vision hdr10 hdr10_plus hlg",
    "audio": "dolby_digital dolby_digital_plus dolby_digital_plus_atmos dolby_truehd dolby_atmos dolby_prologic "
    "dts dts_ma dts_hr dts_x auro_3d mp3 mp2 aac lpcm ogg ogg_opus wma flac",
    "audio_channels": "1.0 2.0 2.1 3.0 3.1 4.0 4.1 5.0 5.1 5.1.2 5.1.4 6.1 7.1 7.1.2 7.1.4 9.1 10.1",
}


@dataclass(frozen=True, slots=True)
class Feature:
    """How one feature takes titles: `leaves` means episodes for a show, `repeats` the same title more than once."""

    put: Callable[[Account, Shelf, Title, Said], str]
    check: Callable[[Account, Said], object] = lambda _account, _said: None
    outcomes: tuple[str, ...] = ("added",)
    kinds: tuple[str, ...] = KINDS
    leaves: bool = False
    repeats: bool = False


def listed(said: Said, key: str) -> list[Any]:
    """A list in a body; anything else is 400."""
    given = said.get(key) or []
    return given if isinstance(given, list) else refuse(400, f"{key} has to be a list")


def objects(said: Said, key: str) -> list[Said]:
    """A list of objects in a body; anything else is 400."""
    given = listed(said, key)
    return given if all(isinstance(entry, dict) for entry in given) else refuse(400, f"{key} has to hold objects")


def walk(titles: Titles, said: Said, feature: Feature) -> tuple[list[tuple[Title, Said]], Said]:
    """The titles a body means with what it says of each, and what was not found, as it was sent.

    An unknown number in a known show is in neither: it only shows as a shortfall in the counts.
    """
    found: list[tuple[Title, Said]] = []
    missing: Said = {f"{kind}s": [] for kind in (KINDS if feature.leaves else feature.kinds)}
    for key in missing:
        for entry in objects(said, key):
            title = titles.find(key[:-1], entry)
            if title is None:
                missing[key].append(entry)
            else:
                found += nested(title, entry) if key == "shows" and entry.get("seasons") else [(title, entry)]
    if feature.leaves:
        found = [(leaf, entry) for title, entry in found for leaf in title.leaves()]
    return found, missing


def nested(show: Title, entry: Said) -> list[tuple[Title, Said]]:
    """Seasons and episodes by number; a rating beside children is the parent's own."""
    found = [(show, entry)] if "rating" in entry else []
    for said in objects(entry, "seasons"):
        if season := show.children.get(said.get("number", -1)):
            handed = {k: v for k, v in (entry | said).items() if k not in OWN}
            episodes = objects(said, "episodes")
            found += [(season, handed | said)] if not episodes or "rating" in said else []
            known = [(season.children.get(e.get("number", -1)), handed | e) for e in episodes]
            found += [(episode, one) for episode, one in known if episode]
    return found


def add(account: Account, shelf: Shelf, name: str, said: Said) -> Said:
    """Puts every title of the body; 420 when that would be more than the account may have."""
    feature = FEATURES[name]
    found, missing = walk(account.world.titles, said, feature)
    for _, entry in found:
        feature.check(account, entry)
    counts: Said = {word: {f"{kind}s": 0 for kind in feature.kinds} for word in feature.outcomes}
    most = account.limit(name)
    if isinstance(shelf, Listing) and shelf.shown:
        others = sum(len(each.rows) for each in account.lists.values() if each is not shelf)
        most = min(account.limit("list"), account.limit("listed") - others)
    new = len(found) if feature.repeats else len({title.n for title, _ in found} - shelf.of.keys())
    over = new > 0 and len(shelf.rows) + new > most
    if over and account.world.on("limit_batch") == "atomic":
        full(account, most)
    for title, entry in found:
        if len(shelf.rows) < most or (not feature.repeats and title.n in shelf.of):
            counts[feature.put(account, shelf, title, entry)][f"{title.kind}s"] += 1
    if over:
        full(account, most)
    return counts | {"not_found": missing} | about(account, shelf)


def full(account: Account, most: int) -> None:
    """420, with headers or bare."""
    told = {"X_Upgrade_URL": "https://trakt.tv/vip", "X_VIP_User": str(account.vip).lower(), "X_Account_Limit": most}
    refuse(420, headers=told if account.world.on("account_limit_answer") == "headers" else None)


def remove(account: Account, shelf: Shelf, name: str, said: Said) -> Said:
    """Removes every row of the titles of the body, and of the history those it names by id."""
    feature = FEATURES[name]
    found, missing = walk(account.world.titles, said, feature)
    rows = {row.id: row for title, _ in found for row in shelf.about(title)}
    if feature.repeats:
        wanted = [id for id in listed(said, "ids") if isinstance(id, int)]
        missing["ids"] = [id for id in wanted if id not in shelf.rows]
        rows |= {id: shelf.rows[id] for id in wanted if id in shelf.rows}
    deleted = {f"{kind}s": 0 for kind in feature.kinds}
    for row in rows.values():
        shelf.remove(row)
        deleted[f"{row.title.kind}s"] += 1
    return {"deleted": deleted, "not_found": missing} | about(account, shelf)


def about(account: Account, shelf: Shelf) -> Said:
    """What answers of list writes say of the list."""
    told = {"updated_at": iso(account.stamps.get("all", account.world.now())), "item_count": len(shelf.rows)}
    return {"list": told} if isinstance(shelf, Listing) else {}


def when(account: Account, title: Title, said: Any) -> int:
    """The moment a field means: ISO, `released`, `unknown`; anything else is silently now."""
    given = {"released": title.released, "unknown": 0}.get(str(said), moment(said))
    return account.world.now() if given is None else given


def put_play(account: Account, _: Shelf, title: Title, said: Said) -> str:
    """A play, whether or not there is one already."""
    account.watch(title, when(account, title, said.get("watched_at")))
    return "added"


def put_rating(account: Account, shelf: Shelf, title: Title, said: Said) -> str:
    """A rating in place of the former one; the user's settings may make it a play."""
    for row in shelf.about(title):
        shelf.remove(row)
    account.put(shelf, title, said["rating"], when(account, title, said.get("rated_at")))
    mode = account.browsing["watch_after_rating"]
    if mode and title.kind in ("movie", "episode") and not account.shelves["history"].about(title):
        account.watch(title, title.released if mode == "released" else account.world.now())
    return "added"


def put_once(account: Account, shelf: Shelf, title: Title, said: Said) -> str:
    """An entry at the end of a list or among the hidden, once."""
    if shelf.about(title):
        return "existing" if isinstance(shelf, Listing) else "added"
    account.put(shelf, title, said.get("notes"))
    return "added"


def put_copy(account: Account, shelf: Shelf, title: Title, said: Said) -> str:
    """A copy, or new facts about the copy that is there; words that are not Trakt's are ignored."""
    facts = {key: said.get(key) if said.get(key) in words.split() else None for key, words in WORDS.items()}
    facts["3d"] = said.get("3d")
    known = next(iter(shelf.about(title)), None)
    at = known.at if known and "collected_at" not in said else when(account, title, said.get("collected_at"))
    if known and (known.what, known.at) == (facts, at):
        return "existing"
    if known:
        shelf.remove(known)
    account.put(shelf, title, facts, at)
    return "updated" if known else "added"


def check_rating(_: Account, said: Said) -> None:
    """A whole number from 1 to 10, else 422."""
    if type(said.get("rating")) is not int or not 1 <= said["rating"] <= 10:
        refuse(422, "rating has to be a whole number from 1 to 10")


def check_notes(account: Account, said: Said) -> None:
    """Notes are for VIPs (426) and not endless (422)."""
    if said.get("notes") and not account.vip:
        refuse(426, headers={"X_Upgrade_URL": "https://app.trakt.tv/vip"})
    if len(str(said.get("notes"))) > 500:
        refuse(422, "notes are too long")


def check_copy(account: Account, said: Said) -> None:
    """Words that are not Trakt's are 422 where the switch says so."""
    unknown = [key for key, words in WORDS.items() if said.get(key) and said[key] not in words.split()]
    if unknown and account.world.on("unknown_metadata") == "refuse":
        refuse(422, f"unknown {unknown[0]}")


LEAVES, ONCE = ("movie", "episode"), ("added", "existing")
FEATURES = {
    "history": Feature(put_play, outcomes=("added", "updated"), kinds=LEAVES, leaves=True, repeats=True),
    "ratings": Feature(put_rating, check_rating),
    "watchlist": Feature(put_once, check_notes, ONCE),
    "favorites": Feature(put_once, check_notes, ONCE, ("movie", "show")),
    "collection": Feature(put_copy, check_copy, ("added", "updated", "existing"), LEAVES, leaves=True),
    "hidden": Feature(put_once, kinds=("movie", "show", "season")),
}


def hide(account: Account, section: str) -> flask.Response:
    """POST /users/hidden/<section>."""
    made = add(account, account.hidden(section), "hidden", asked())
    made["added"]["season"] = made["added"].pop("seasons")  # the one count that Trakt names in the singular
    return answer(made, 201)


FIVE = "<any(history,ratings,collection,watchlist,favorites):name>"
ROUTES: list[Route] = [
    ("POST", f"/sync/{FIVE}", lambda account, name: answer(add(account, account.shelves[name], name, asked()), 201)),
    ("POST", f"/sync/{FIVE}/remove",
     lambda account, name: answer(remove(account, account.shelves[name], name, asked()))),
    ("POST", "/users/hidden/<section>", hide),
    ("POST", "/users/hidden/<section>/remove",
     lambda account, section: answer(remove(account, account.hidden(section), "hidden", asked()))),
]  # fmt: skip
