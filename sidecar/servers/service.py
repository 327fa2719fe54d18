"""All media servers of the settings in one process: who lives there, and the sides of each person."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import uuid4

from sidecar.clock import Clock
from sidecar.contract import Provider
from sidecar.errors import AuthLost, SidetraktError, UserError
from sidecar.events import PlayedEvent
from sidecar.http import Count
from sidecar.model import Secret
from sidecar.options import all_options
from sidecar.servers.inventory import Inventory
from sidecar.servers.jellyfin.server import JellyfinServer
from sidecar.servers.known import Finding, Info, Tokens, User
from sidecar.servers.listening import Ears, Listener
from sidecar.servers.media import MediaServer, SignIn
from sidecar.servers.pace import Pace, Rest
from sidecar.servers.plex.server import PlexMedia
from sidecar.servers.plex.titles import Titles
from sidecar.servers.plex.tv import PlexTv
from sidecar.servers.plex.watchlist import PlexWatchlist
from sidecar.servers.side import ServerSide
from sidecar.servers.writing import Writing
from sidecar.settings import Plex as PlexSettings
from sidecar.settings import Server
from sidecar.store.alerts import Alerts
from sidecar.store.db import Store
from sidecar.store.lookups import FOR_EVER, Lookups
from sidecar.store.people import Account, People, Person
from sidecar.store.servers import KnownServer, KnownServers
from sidecar.store.vault import Vault
from sidecar.words import parse_list

CHECK_IT = "Check its address and token in sidetrakt.toml; `sidetrakt doctor` says more."


@dataclass(frozen=True, slots=True)
class Met:
    """What came of reaching one server."""

    server: str
    what: str
    users: tuple[str, ...] = ()
    new: tuple[str, ...] = ()  # persons that were made for it
    problem: str = ""
    next_step: str = ""


class SideOf(NamedTuple):
    """A side, with what it is known by."""

    key: str  # in the baseline
    name: str  # of the server in the settings
    server: str  # its machine id
    account: Account
    side: Provider


class Servers:
    """The servers of the household."""

    def __init__(
        self,
        settings: tuple[Server, ...],
        plex: PlexSettings,
        store: Store,
        vault: Callable[[], Vault],
        *,
        clock: Clock,
        rest: Rest,
        count: Count | None = None,
    ) -> None:
        self._settings, self._plex, self._store, self._vault = settings, plex, store, vault
        self._clock, self._rest, self._count, self.taken = clock, rest, count, 0
        self.paces = {each.name: Pace(each.writes_per_second, clock, rest) for each in settings}
        self._open: dict[str, MediaServer] = {}
        self._plex_tv: PlexTv | None = None

    def meet(self) -> list[Met]:
        """Reach every server, note who lives there, and have tokens handed out where that is possible."""
        return [self._meet(settings) for settings in self._settings]

    def sides(self, person: Person) -> list[SideOf]:
        """Every side of a person beside Trakt; a plex.tv account has one watchlist, however many servers it is on."""
        with self._store.read() as db:
            people, known = People(db), {server.id: server for server in KnownServers(db).all()}
            accounts, chosen = people.accounts(person), people.options(person)
        options = {key: chosen[key][0] if key in chosen else option.default for key, option in all_options().items()}
        found: list[SideOf] = []
        lists: dict[str, SideOf] = {}
        for account in accounts:
            server = known.get(account.server)
            settings = self._settings_of(server)
            if server is not None and settings is not None:
                tokens = self.tokens(account)
                key = f"{server.kind}:{server.id}:{account.user}"
                side = self._side(account, settings, tokens, options)
                found.append(SideOf(key, settings.name, server.id, account, side))
                if server.kind == "plex" and tokens.account:
                    who = server.owner if account.user == "1" else account.user
                    watchlist = self._watchlist(account, tokens, [each for each in known if known[each].kind == "plex"])
                    lists.setdefault(who, SideOf(f"plex.tv:{who}", settings.name, server.id, account, watchlist))
        return [*found, *lists.values()]

    def adopt(self, account: Account, token: Secret) -> list[str]:
        """Keep a token for an account after proving that it is its own; says what it is good for."""
        tokens = self._server(self._of(account)).prove(account, token)
        self._keep(account, tokens)
        return [word for word, held in (("server", tokens.server), ("plex.tv", tokens.account)) if held]

    def sign_in(self, account: Account) -> SignIn:
        """Let the owner of an account prove it by a code."""
        return self._server(self._of(account)).sign_in(account)

    def check(self) -> Iterator[Finding]:
        """What a person should know about each server."""
        for settings in self._settings:
            try:
                yield from self._server(settings).check()
            except SidetraktError as problem:
                yield Finding(settings.name, "bad", problem.what, problem.next_step or CHECK_IT)

    def library_names(self, server: str) -> dict[str, str]:
        """How the libraries of a server are called, by key."""
        with self._store.read() as db:
            return KnownServers(db).libraries(server)

    def listeners(self, server: KnownServer, ears: Ears, tokens: Mapping[str, Secret]) -> list[Listener]:
        """All that can hear a server that was met; nothing where it is not in the settings any more."""
        settings = self._settings_of(server)
        return self._server(settings).listeners(ears, tokens) if settings else []

    def plays_since(
        self, server: KnownServer, ears: Ears, tokens: Mapping[str, Secret], since: datetime
    ) -> list[PlayedEvent]:
        """What was played on a server since a moment."""
        settings = self._settings_of(server)
        return self._server(settings).plays_since(ears, tokens, since) if settings else []

    def tokens(self, account: Account) -> Tokens:
        """What acts for an account."""
        with self._store.read() as db:
            secret = self._vault().get(db, account.secret)
        kept = json.loads(secret.reveal()) if secret else {}
        return Tokens(kept.get("server_token", ""), kept.get("account_token", ""))

    def _meet(self, settings: Server) -> Met:
        key, now = f"server:{settings.name}", self._clock.now()
        try:
            server = self._server(settings)
            info, users, libraries = server.info(), server.users(), server.libraries()
            new = self._note(settings, info, users)
            with self._store.write() as db:
                KnownServers(db).keep_libraries(info.id, {each.key: each.name for each in libraries})
            self._hand_out(server, info.id)
        except SidetraktError as problem:
            step = problem.next_step or CHECK_IT
            with self._store.write() as db:
                Alerts(db).open(key, "server", now, what=problem.what, next_step=step)
            return Met(settings.name, "", problem=problem.what, next_step=step)
        with self._store.write() as db:
            Alerts(db).close(key, now)
        return Met(settings.name, f"{info.name}, {settings.kind} {info.version}", tuple(u.name for u in users), new)

    def _note(self, settings: Server, info: Info, users: list[User]) -> tuple[str, ...]:
        """Note the server and everybody on it; gives the names of persons who are new."""
        now, made = self._clock.now(), []
        with self._store.write() as db:
            people, owner = People(db), next((user.plex for user in users if user.plex), "")
            before = {person.name for person in people.all()}
            KnownServers(db).met(KnownServer(info.id, settings.name, settings.kind, info.version, owner), now)
            known = KnownServer(info.id, settings.name, settings.kind)
            for user in users:
                if not user.disabled or people.account(info.id, user.id):
                    people.meet(known, user.id, user.name, now, admin=user.admin and settings.admin)
            made = [person.name for person in people.all() if person.name not in before]
        return tuple(made)

    def _hand_out(self, server: MediaServer, machine: str) -> None:
        """Give accounts what the owner may give them; somebody whose token ended otherwise has to sign in again."""
        with self._store.read() as db:
            people = People(db)
            accounts = [each for person in people.all() for each in people.accounts(person) if each.server == machine]
        tokens = {account.id: self.tokens(account) for account in accounts}
        ended = {
            each.id for each in accounts if tokens[each.id].server and self._is_over(server, each, tokens[each.id])
        }
        # The owner's is that of the settings, which may have changed.
        bare = [each for each in accounts if each.user == "1" or not tokens[each.id].server or each.id in ended]
        given = server.hand_out(bare)
        for account in bare:
            if account.id in given:
                self._keep(account, given[account.id])
        with self._store.write() as db:
            alerts, now = Alerts(db), self._clock.now()
            for account in accounts:
                key = f"account:{account.id}"
                if account.id in ended - given.keys():
                    name = next(each.name for each in KnownServers(db).all() if each.id == machine)
                    what = f"The token of {account.name}@{name} is not accepted any more."
                    step = f"Run `sidetrakt account “{account.name}@{name}” --pin`."
                    alerts.open(key, "auth", now, what=what, next_step=step, person=account.person)
                else:
                    alerts.close(key, now)

    def _is_over(self, server: MediaServer, account: Account, tokens: Tokens) -> bool:
        """Whether the server refuses an account's own token; trouble of any other kind proves nothing."""
        inventory = Inventory(self._store, account.server, self._clock)
        hands = server.hands(account, tokens, inventory, libraries=None, favourites=False)
        try:
            if hands is not None:
                hands.prove()
        except AuthLost:
            return True
        except SidetraktError:
            return False
        return False

    def _keep(self, account: Account, tokens: Tokens) -> None:
        named = {f"{name}_token": value for name, value in asdict(tokens).items() if value}
        with self._store.write() as db:
            self._vault().put(db, account.secret, Secret(json.dumps(named)))

    def _side(self, account: Account, settings: Server, tokens: Tokens, options: dict[str, str]) -> ServerSide:
        server, inventory = self._server(settings), Inventory(self._store, account.server, self._clock)
        chosen = options["libraries"]
        libraries = None if chosen == "all" else frozenset(name.lower() for name in parse_list(chosen))
        favourites = options["watchlist_place.jellyfin"] == "favourites"
        hands = server.hands(account, tokens, inventory, libraries=libraries, favourites=favourites)
        label, pace = f"{account.name}@{settings.name}", self.paces[settings.name]
        writing = Writing(account.id, hands, pace, self._store, self._clock) if hands else None
        return ServerSide(label, hands, inventory, writing, clock=self._clock, kind=settings.kind)

    def _watchlist(self, account: Account, tokens: Tokens, servers: list[str]) -> PlexWatchlist:
        inventories = [Inventory(self._store, server, self._clock) for server in servers]
        titles = Titles(self._tv(), self._store, inventories, self._clock, self._rest)
        label = f"the Plex watchlist of {account.name}"
        return PlexWatchlist(label, Secret(tokens.account), self._tv(), titles, clock=self._clock)

    def _settings_of(self, server: KnownServer | None) -> Server | None:
        return next((each for each in self._settings if server is not None and each.name == server.name), None)

    def _of(self, account: Account) -> Server:
        with self._store.read() as db:
            known = next((server for server in KnownServers(db).all() if server.id == account.server), None)
        settings = self._settings_of(known)
        if settings is None:
            raise UserError("That server is not in sidetrakt.toml any more.", "Add it again, or forget it.")
        return settings

    def _server(self, settings: Server) -> MediaServer:
        """The server itself, built when it is first needed."""
        if settings.name not in self._open:
            self._open[settings.name] = self._build(settings)
        return self._open[settings.name]

    def _build(self, settings: Server) -> MediaServer:
        if settings.kind == "jellyfin":
            return JellyfinServer(settings, clock=self._clock, count=self._counted)
        return PlexMedia(settings, self._tv(), self._client_id(), clock=self._clock, count=self._counted)

    def _tv(self) -> PlexTv:
        if self._plex_tv is None:
            self._plex_tv = PlexTv(self._plex, self._client_id(), clock=self._clock, count=self._counted)
        return self._plex_tv

    def _client_id(self) -> str:
        """Who we are for Plex: made once for each installation, because a token belongs to it."""
        key = f"{FOR_EVER}plex client"
        with self._store.write() as db:
            lookups, now = Lookups(db), self._clock.now()
            kept = lookups.get(key, datetime.min.replace(tzinfo=UTC))
            if kept is None:
                kept = f"sidetrakt-{uuid4()}".encode()
                lookups.put(key, kept, now)
            return kept.decode()

    def _counted(self, service: str, method: str, status: str) -> None:
        self.taken += 1
        if self._count is not None:
            self._count(service, method, status)
