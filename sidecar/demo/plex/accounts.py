"""Who there is at plex.tv and on the server, their tokens, and what each has seen, rated and listed.

A token is the person: the account token counts at plex.tv, the server token at the server, the token of a Home
switch at plex.tv only. The owner's account token opens the server as well.
"""

from dataclasses import dataclass, field

from sidecar.demo.catalogue import Catalogue, Person
from sidecar.demo.plex.encode import Attrs
from sidecar.demo.plex.inventory import Item, Section, digest

STRANGER = Person("stranger", admin=False, password="stranger", libraries=(), role="friend")  # noqa: S106


@dataclass(slots=True)
class View:
    """What one person did with one item: times in epoch seconds, offset in milliseconds."""

    count: int = 0
    offset: int = 0
    viewed: int | None = None
    rating: float | None = None
    rated: int | None = None
    uncounted: bool = False

    def attributes(self) -> Attrs:
        """As a listing shows it; what is not there is absent."""
        shown: Attrs = {"viewCount": 0 if self.uncounted else self.count, "viewOffset": self.offset}
        shown |= {"lastViewedAt": self.viewed, "userRating": self.rating, "lastRatedAt": self.rated}
        return {name: value for name, value in shown.items() if value or (name == "userRating" and value is not None)}


@dataclass(slots=True, eq=False)
class Account:
    """One plex.tv account; `local` is its number on the server, where the owner is 1; managed users have no name."""

    person: Person
    id: int
    uuid: str
    seed: int
    owner: bool
    home: bool
    managed: bool
    local: int
    username: str
    email: str
    thumb: str
    tokens: dict[str, str] = field(default_factory=dict)
    revoked: int = 0
    views: dict[int, View] = field(default_factory=dict)
    cloud: dict[str, int] = field(default_factory=dict)
    watchlist: dict[str, int] = field(default_factory=dict)
    webhooks: list[str] = field(default_factory=list)
    consent: bool = False
    version: int = 0

    def token(self, kind: str) -> str:
        """Their present token of a kind: account, server or switch."""
        if kind not in self.tokens:
            self.tokens[kind] = digest(self.seed, self.person.name, kind, self.revoked)[:20]
        return self.tokens[kind]

    def revoke(self, kind: str) -> None:
        """Ends a token; the next sign-in gives another."""
        self.revoked += 1
        self.tokens.pop(kind, None)

    def sees(self, section: Section) -> bool:
        """Whether a library is shared with them."""
        return section.library.key in self.person.libraries

    def view(self, item: Item) -> View:
        """Their view of an item, to be changed."""
        self.version += 1
        return self.views.setdefault(item.key, View())


class Accounts:
    """All accounts, found by token, number or name; `known` are those the server knows."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.all = [account_of(person, n, catalogue.seed) for n, person in enumerate((*catalogue.people, STRANGER))]
        self.known = self.all[:-1]
        self.owner = next((account for account in self.known if account.owner), self.all[0])

    def of(self, token: str | None, *kinds: str) -> tuple[Account | None, str]:
        """Whose token it is and of which of these kinds."""
        return next(((a, kind) for a in self.all for kind in kinds if token == a.token(kind)), (None, ""))

    def named(self, name: object) -> Account:
        """By name or number; raises ValueError for nobody."""
        for account in self.all:
            if str(name) in (account.person.name, str(account.id), account.uuid):
                return account
        raise ValueError(f"nobody is called {name!r}; known: {', '.join(a.person.name for a in self.all)}")


def account_of(person: Person, place: int, seed: int) -> Account:
    """The account of a person in this place of the household."""
    number, uuid, owner, managed = (
        4_100_001 + 37 * place,
        digest("uuid", seed, place)[:16],
        person.role == "owner",
        person.role == "managed",
    )
    name = "" if managed else person.name.lower().replace(" ", "_")
    thumb = f"https://plex.tv/users/{uuid}/avatar?c=1780000000"
    return Account(person, number, uuid, seed, owner, person.role != "friend", managed, 1 if owner else number, name,
                   f"{name}@example.org" if name else "", thumb)  # fmt: skip
