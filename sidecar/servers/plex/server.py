"""A Plex server of the settings as a whole: who lives there, who may act, and what a person should know about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from sidecar.clock import Clock
from sidecar.errors import AuthLost, Refused, RemoteError, UserError
from sidecar.events import PlayedEvent
from sidecar.http import Count
from sidecar.model import Secret
from sidecar.servers.inventory import Inventory
from sidecar.servers.known import Finding, Info, Library, Tokens, User
from sidecar.servers.listening import Ears, Listener, Listening
from sidecar.servers.media import SignIn
from sidecar.servers.plex.account import Handing, PlexSignIn, handed_out
from sidecar.servers.plex.catchup import NewestRatings, played_since
from sidecar.servers.plex.client import OWNER, Plex
from sidecar.servers.plex.hands import PlexHands
from sidecar.servers.plex.live import PlexVoice
from sidecar.servers.plex.rows import TYPES
from sidecar.servers.plex.shelves import OF_FILMS, OF_SHOWS, Memory
from sidecar.servers.plex.tv import PlexTv, Who
from sidecar.settings import Server
from sidecar.store.people import Account

NOT_OWNER = "The token in sidetrakt.toml is not that of the server's owner."
OWNER_STEP = "Put the owner's token there; without it Sidetrakt sees neither users, nor plays, nor what is playing."


class PlexMedia:
    """One Plex server."""

    def __init__(
        self, settings: Server, tv: PlexTv, client_id: str, *, clock: Clock, count: Count | None = None
    ) -> None:
        self._settings, self._tv, self._client_id, self._clock, self._count = settings, tv, client_id, clock, count
        self._clients: dict[Secret, Plex] = {}
        self._memory = Memory()
        self._machine = ""

    def info(self) -> Info:
        """Who it is."""
        found = self._owner.info()
        self._machine = found.id
        return found

    def users(self) -> list[User]:
        """Everybody the server knows; whom it calls 1 has a number of their own at plex.tv."""
        try:
            found = self._owner.users()
        except Refused as problem:
            raise UserError(NOT_OWNER, OWNER_STEP) from problem
        try:
            who = self._signed_in()
        except RemoteError:  # plex.tv is not needed to know who is here
            who = None
        plex = who.id if who else ""
        return [User(user.id, user.name, user.admin, plex=plex if user.admin else "") for user in found]

    def libraries(self) -> list[Library]:
        """The libraries of films and series."""
        return list(self._owner.sections())

    def hands(
        self,
        account: Account,
        tokens: Tokens,
        inventory: Inventory,
        *,
        libraries: frozenset[str] | None,
        favourites: bool,  # noqa: ARG002 - Plex has a watchlist of its own
    ) -> PlexHands | None:
        """Acting for one account; everybody but the owner needs a token of their own."""
        own = Secret(tokens.server) or (self._settings.token if account.user == OWNER else Secret(""))
        if not own:
            return None
        owner = self._owner if self._settings.token else None
        plex = owner if owner and account.user == OWNER else self._client(own)
        plex.machine = account.server
        return PlexHands(plex, inventory, account.user, owner, self._memory, libraries=libraries, clock=self._clock)

    def sign_in(self, account: Account) -> SignIn:  # noqa: ARG002 - whose code it was is proved afterwards
        """A code for plex.tv/link."""
        return PlexSignIn(self._tv)

    def prove(self, account: Account, token: Secret) -> Tokens:
        """What a token is good for: one of plex.tv opens the server, too; one of a server has to be known to Plex."""
        try:
            who = self._tv.who(token)
        except AuthLost as problem:
            if account.user == OWNER and self._client(token).is_owner():
                return Tokens(token.reveal())
            if self._handing().given(account.user) == token:
                return Tokens(token.reveal())
            step = "Give the token of their plex.tv account, or use --pin."
            raise UserError(f"It cannot be proved that this is the token of {account.name}.", step) from problem
        server = self._tv.server_token(token, account.server)
        owner = account.user == OWNER  # whom the server knows by another number than plex.tv does
        if not (server and self._client(server).is_owner() if owner else who.id == account.user):
            raise UserError(f"That is the sign-in of {who.name}, not of {account.name}.", "Let the right one sign in.")
        if server is None:
            step = "Let the owner share a library with them."
            raise UserError(f"{self._settings.name} is not shared with the plex.tv account {who.name}.", step)
        return Tokens(server.reveal(), token.reveal())

    def hand_out(self, accounts: Sequence[Account]) -> dict[int, Tokens]:
        """What the owner's sign-in gives to the others; nothing where only a server token is known."""
        try:
            owner = self._signed_in()
            token = self._settings.token.reveal()
            found = {each.id: Tokens(token, token if owner else "") for each in accounts if each.user == OWNER}
            others = {each.id: each.user for each in accounts if each.user != OWNER}
            return found | (handed_out(self._handing(), others) if owner and others else {})
        except RemoteError:  # the next time, then
            return {}

    def check(self) -> Iterator[Finding]:
        """Version, rights, libraries, and what else feeds Trakt."""
        name, info = self._settings.name, self.info()
        yield Finding(name, "ok", f"{info.name}, Plex {info.version}")
        owner = self._owner.is_owner()
        yield (
            Finding(name, "ok", "The token is the owner's.")
            if owner
            else Finding(name, "warning", NOT_OWNER, OWNER_STEP)
        )
        for section in self._owner.sections():
            kinds = OF_SHOWS[::2] if section.shows else OF_FILMS
            path = f"/library/sections/{section.key}/all"
            sizes = [f"{self._owner.count(path, {'type': TYPES[kind]}) or 0:,} {kind}s" for kind in kinds]
            busy = ", being scanned" if section.scanning else ""
            yield Finding(name, "ok", f"Library “{section.name}”: {', '.join(sizes)}{busy}")
        yield from self._online(name)

    def _online(self, name: str) -> Iterator[Finding]:
        who = self._signed_in()
        if who is None:
            step = "Run `sidetrakt account PERSON@SERVER --pin` for whoever wants it."
            yield Finding(name, "note", "The token opens the server only, so the watchlist is out of reach.", step)
            return
        for url in self._tv.webhooks(self._settings.token) if who.plex_pass else ():
            what = f"Plex also sends events of {who.name} to {urlsplit(url).hostname or 'another place'}."
            step = "If that tells Trakt, too, plays are told twice: take it off in the Plex account's settings."
            yield Finding(name, "warning", what, step)
        if self._tv.travels(self._settings.token):
            what = f"plex.tv carries watched states and ratings of {who.name} between servers."
            yield Finding(name, "note", what, "What is marked on one server appears on the others by itself.")

    def listeners(self, ears: Ears, tokens: Mapping[str, Secret]) -> list[Listener]:
        """The owner's socket, which hears everybody's plays, and a look at the ratings of whom we have a token of."""
        name, found = self._settings.name, list[Listener]()
        if self._settings.token:
            found.append(Listening(f"socket of {name}", PlexVoice(self._connect(self._settings.token), ears), ears))
        plexes = {user: self._connect(token) for user, token in tokens.items() if token}
        return [*found, NewestRatings(f"newest ratings on {name}", plexes, ears)] if plexes else found

    def plays_since(self, ears: Ears, tokens: Mapping[str, Secret], since: datetime) -> list[PlayedEvent]:  # noqa: ARG002
        """Everybody's plays; the history tells them to the owner."""
        return played_since(self._owner, ears, since) if self._settings.token else []

    @property
    def _owner(self) -> Plex:
        return self._client(self._settings.token)

    def _client(self, token: Secret) -> Plex:
        """One connection for each token, for as long as this process lives."""
        if token not in self._clients:
            self._clients[token] = self._connect(token)
        return self._clients[token]

    def _connect(self, token: Secret) -> Plex:
        label = f"Plex {self._settings.name}"
        return Plex(
            self._settings.url, token, label=label, client_id=self._client_id, clock=self._clock, count=self._count
        )

    def _signed_in(self) -> Who | None:
        """The owner at plex.tv; None where the token in the settings opens the server only."""
        try:
            return self._tv.who(self._settings.token)
        except AuthLost:
            return None

    def _handing(self) -> Handing:
        machine = self._machine or self.info().id
        return Handing(self._tv, self._settings.token, machine, lambda token: self._client(token).is_owner())
