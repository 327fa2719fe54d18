"""What people do at Trakt's website, and what the people of Trakt do to an account: the acts of the control."""

from collections.abc import Callable
from functools import partial
from typing import Any

from werkzeug.exceptions import HTTPException

from sidecar.demo.control import Control
from sidecar.demo.trakt.lists import made
from sidecar.demo.trakt.oauth import Desk
from sidecar.demo.trakt.sync import add, remove
from sidecar.demo.trakt.titles import iso
from sidecar.demo.trakt.world import Account, World

Said = dict[str, Any]
Act = Callable[[Desk, Account, Said], Any]
WRITES: dict[str, tuple[str, Callable[..., Said]]] = {  # the body is that of the API's own write, with user beside it
    "watch": ("history", add), "unwatch": ("history", remove), "rate": ("ratings", add), "unrate": ("ratings", remove),
    "list": ("watchlist", add), "unlist": ("watchlist", remove), "favorite": ("favorites", add),
    "unfavorite": ("favorites", remove), "collect": ("collection", add), "uncollect": ("collection", remove),
}  # fmt: skip
MARKS: dict[str, dict[str, bool]] = {
    "lock": {"locked": True}, "deactivate": {"deactivated": True}, "unlock": {"locked": False, "deactivated": False},
    "vip": {"vip": True}, "no_vip": {"vip": False}, "private": {"private": True}, "public": {"private": False},
}  # fmt: skip


def install(control: Control, world: World, desk: Desk) -> None:
    """Declares every act."""

    def declare(name: str, sentence: str, act: Act) -> None:
        def done(said: Said) -> Any:
            try:
                account = world.guest if name in NOBODY else world.account(said)
                with world.lock, account.lock:
                    return act(desk, account, said)
            except HTTPException as refused:
                raise ValueError(f"Trakt refuses this with {refused.get_response().status}") from refused

        done.__doc__, control.acts[name] = sentence, done

    for name, (feature, change) in WRITES.items():
        declare(name, f"{name} on the website: user, and the body of the API's write.", partial(write, feature, change))
    for name, marks in MARKS.items():
        declare(name, f"Marks the account of a user: {marks}.", partial(mark, marks))
    for name, (act, sentence) in ACTS.items():
        declare(name, sentence, act)
    control.state = lambda: state(world, desk)


def write(feature: str, change: Callable[..., Said], _: Desk, account: Account, said: Said) -> Said:
    """What the API's own write does, from the website."""
    return change(account, account.shelves[feature], feature, said)


def mark(marks: dict[str, bool], _: Desk, account: Account, _said: Said) -> None:
    """What the people of Trakt do to an account."""
    account.locked, account.deactivated, account.private, account.vip = (
        marks.get(name, getattr(account, name)) for name in ("locked", "deactivated", "private", "vip")
    )


def create(_: Desk, account: Account, said: Said) -> Said:
    """A personal list with its first entries."""
    listed = made(account, said)
    return {"id": listed.shown["ids"]["trakt"]} | add(account, listed, "watchlist", said)


def change(_: Desk, account: Account, said: Said) -> None:
    """Settings of the website."""
    account.browsing |= {name: value for name, value in said.items() if name not in ("do", "user")}
    account.touch("account", "account.settings_at")


def seed(_: Desk, account: Account, said: Said) -> int:
    """Plays backwards from now over everything there is, again and again; how many there are then."""
    leaves = [title for title in account.world.titles.all if title.kind in ("movie", "episode")]
    history, now, step = account.shelves["history"], account.world.now() // 60_000, said.get("minutes_apart", 60)
    for n in range(said.get("count", 1000)):
        account.put(history, leaves[n % len(leaves)], "watch", (now - (n + 1) * step) * 60_000)
    return len(history.rows)


def approve(desk: Desk, account: Account, said: Said) -> None:
    """Yes, unless a free user has another community app already and that is held against ours."""
    refused = account.other_app and not account.vip and account.world.on("second_app") == "refused"
    device = desk.device(said)
    device.status, device.user = 418 if refused else 200, account.name


def expire_tokens(desk: Desk, account: Account, _: Said) -> None:
    """Access tokens run out."""
    for token in desk.tokens.values():
        token.created = 0 if token.user == account.name else token.created


def connect_other(desk: Desk, account: Account, _: Said) -> None:
    """Another app of the same user, which may end ours."""
    account.other_app = True
    if not account.vip and account.world.on("second_app") == "first_revoked":
        desk.drop(account.name)


def state(world: World, desk: Desk) -> Said:
    """What is stored for each user: counts, the newest plays, valid tokens, what is being watched."""
    told: Said = {}
    for account in list(world.accounts.values()):
        with world.lock, account.lock:
            account.settle()
            history, now = account.shelves["history"], account.watching
            plays = [history.rows[key] for key in history.orders["all"].span().cut(0, 100)]
            told[account.name] = {name: len(shelf.rows) for name, shelf in account.shelves.items()} | {
                "plays": [{"id": p.id, "at": iso(p.at), "action": p.what, p.title.kind: p.title.trakt} for p in plays],
                "lists": {each.shown["ids"]["slug"]: len(each.rows) for each in account.lists.values()},
                "tokens": list(desk.alive().values()).count(account.name), "vip": account.vip, "locked": account.locked,
                "watching": now and {now[0].kind: now[0].trakt, "expires_at": iso(now[2])},
            }  # fmt: skip
    return told


NOBODY = ("deny", "expire", "remove_app", "restore_app")  # acts that are about no user
ACTS: dict[str, tuple[Act, str]] = {
    "hide": (lambda _, account, said: add(account, account.hidden(said["section"]), "hidden", said),
             "Hides titles: user, section, movies, shows, seasons."),
    "create_list": (create, "Makes a personal list: user, name, movies, shows, seasons, episodes."),
    "setting": (change, "Changes browsing settings (watch_after_rating, watch_only_once …): user."),
    "seed_history": (seed, "Adds many plays at once: user, count, minutes_apart."),
    "approve": (approve, "Types in a device code and says yes: user, user_code."),
    "deny": (lambda desk, _, said: setattr(desk.device(said), "status", 418),
             "Types in a device code and says no: user_code."),
    "expire": (lambda desk, _, said: setattr(desk.device(said), "status", 410),
               "Lets a device code run out: user_code."),
    "expire_tokens": (expire_tokens, "Lets the access tokens of a user run out; refresh tokens still work: user."),
    "revoke_tokens": (lambda desk, account, _: desk.drop(account.name), "Disconnects our app from an account: user."),
    "connect_other_app": (connect_other, "Connects another community app (switch second_app): user."),
    "remove_app": (lambda desk, *_: setattr(desk, "removed", True),
                   "Removes our app: 403 and invalid_client everywhere."),
    "restore_app": (lambda desk, *_: setattr(desk, "removed", False), "Brings our app back."),
}  # fmt: skip
