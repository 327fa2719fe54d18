"""One Jellyfin server of the settings: an API key acts for everybody on it, else each account has its own token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sidecar.clock import Clock
from sidecar.errors import AuthLost, Refused
from sidecar.events import PlayedEvent
from sidecar.http import Count
from sidecar.model import Secret
from sidecar.servers.hands import Hands
from sidecar.servers.inventory import Inventory
from sidecar.servers.jellyfin.catchup import played_since
from sidecar.servers.jellyfin.client import Jellyfin
from sidecar.servers.jellyfin.hands import JellyfinHands
from sidecar.servers.jellyfin.live import JellyfinVoice
from sidecar.servers.jellyfin.signin import QuickConnect, verify
from sidecar.servers.known import Finding, Info, Library, Tokens, User
from sidecar.servers.listening import Ears, Listener, Listening
from sidecar.servers.media import SignIn
from sidecar.settings import Server
from sidecar.store.people import Account
from sidecar.words import count_of

ANOTHER_SCROBBLER = "Switch it off for everybody whom Sidetrakt serves, or plays may be told twice."


class JellyfinServer:
    """A Jellyfin server and the token in the settings, if there is one."""

    def __init__(self, settings: Server, *, clock: Clock, count: Count | None = None) -> None:
        self._settings, self._clock, self._count = settings, clock, count
        self._label, self._about = f"Jellyfin {settings.name}", Info("", "", "")

    def info(self) -> Info:
        """Who it is."""
        self._about = self._client(self._settings.token).info()
        return self._about

    def users(self) -> list[User]:
        """Everybody who has an account there."""
        return self._client(self._settings.token).users() if self._settings.token else []

    def libraries(self) -> list[Library]:
        """The libraries that the first admin sees; to the token of somebody plain, his own."""
        users, client = sorted(self.users(), key=lambda user: not user.admin), self._client(self._settings.token)
        try:
            return client.libraries(users[0].id) if users else []
        except Refused as problem:
            if problem.status != 403:
                raise
            return client.libraries()

    def hands(
        self,
        account: Account,
        tokens: Tokens,
        inventory: Inventory,
        *,
        libraries: frozenset[str] | None,
        favourites: bool,
    ) -> Hands | None:
        """Acting for one account: by its own token, else by the server's."""
        token = Secret(tokens.server) if tokens.server else self._settings.token
        if not token:
            return None
        client = self._client(token, account.user)
        kept = {"libraries": libraries, "favourites": favourites, "clock": self._clock}
        return JellyfinHands(client, account.user, inventory, **kept)  # type: ignore[arg-type]

    def sign_in(self, account: Account) -> SignIn:
        """Quick Connect."""
        return QuickConnect(self._client(Secret(""), account.user))

    def prove(self, account: Account, token: Secret) -> Tokens:
        """Keep a token that is this account's own."""
        verify(self._client(token, account.user), account.user, account.name)
        return Tokens(server=token.reveal())

    def hand_out(self, accounts: Sequence[Account]) -> dict[int, Tokens]:  # noqa: ARG002 - a key needs no others
        """Nothing: an API key acts for everybody."""
        return {}

    def check(self) -> Iterator[Finding]:
        """Version, what the token may do, libraries, and other programs that tell Trakt."""
        about, client = self._label, self._client(self._settings.token)
        info = client.info()
        yield Finding(about, "ok", f"{info.name}, version {info.version}")
        if not self._settings.token:
            step = "Put an API key into sidetrakt.toml, or run `sidetrakt account USER@SERVER --pin` for each account."
            yield Finding(about, "note", "no token is set for it", step)
            return
        users = client.users()
        try:
            plugins = client.plugins()
        except Refused as problem:
            if problem.status != 403:
                raise
            step = "An API key (dashboard, API keys) serves everybody."
            yield Finding(about, "warning", "the token is that of one user and serves nobody else", step)
            plugins = []
        else:
            yield Finding(about, "ok", f"the token acts for all {count_of(len(users), 'user')}")
        libraries = self.libraries()
        counted = [f"{each.name} ({count_of(client.total(each), 'title')})" for each in libraries]
        state, what = ("ok", ", ".join(counted)) if counted else ("warning", "it shows no library of films or series")
        yield Finding(about, state, what)
        if any(name.lower() == "trakt" for name, _ in plugins):
            yield Finding(about, "warning", "the plugin Trakt is installed there, too", ANOTHER_SCROBBLER)

    def listeners(self, ears: Ears, tokens: Mapping[str, Secret]) -> list[Listener]:
        """A socket of the key, which hears all plays; one of each user, because marks are told to nobody else."""
        name, found = self._settings.name, list[Listener]()
        if self._settings.token:  # a device of its own: calls about a user make a session, with its socket, theirs
            client = self._client(self._settings.token, "live")
            found.append(Listening(f"socket of {name}", JellyfinVoice(client, ears), ears))
        for user, token in tokens.items():
            if token:
                client = self._client(token, f"live-{user}")
                found.append(Listening(f"socket of {user} on {name}", JellyfinVoice(client, ears, user), ears))
        return found

    def plays_since(self, ears: Ears, tokens: Mapping[str, Secret], since: datetime) -> list[PlayedEvent]:
        """What each user played, by the user's own token, else by the server's."""
        found: list[PlayedEvent] = []
        for user, own in tokens.items():
            if token := own or self._settings.token:
                try:
                    found += played_since(self._client(token, user), user, ears, since)
                except (AuthLost, Refused):  # who was deleted, or whose token ended, keeps nobody else waiting
                    continue
        return found

    def _client(self, token: Secret, user: str = "server") -> Jellyfin:
        device = f"sidetrakt-{user}"  # one for each user: signing in ends the sessions of the same device
        made = Jellyfin(
            self._settings.url, token, label=self._label, device_id=device, clock=self._clock, count=self._count
        )
        made.about = self._about  # so that a side can say its server's version without asking
        return made
