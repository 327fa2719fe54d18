"""All media servers of the settings in one process: who lives there, and the sides of each person."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from sidecar.clock import Clock
from sidecar.contract import Provider
from sidecar.errors import SidetraktError, UserError
from sidecar.http import Count
from sidecar.model import Secret
from sidecar.options import all_options
from sidecar.servers.inventory import Inventory
from sidecar.servers.known import Finding, Info, Tokens, User
from sidecar.servers.media import MediaServer, SignIn
from sidecar.servers.pace import Pace, Rest
from sidecar.servers.side import ServerSide
from sidecar.servers.writing import Writing
from sidecar.settings import Plex as PlexSettings
from sidecar.settings import Server
from sidecar.store.alerts import Alerts
from sidecar.store.db import Store
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
        self._clock, self._count, self.taken = clock, count, 0
        self.paces = {each.name: Pace(each.writes_per_second, clock, rest) for each in settings}
        self._open: dict[str, MediaServer] = {}

    def meet(self) -> list[Met]:
        """Reach every server, note who lives there, and have tokens handed out where that is possible."""
        return [self._meet(settings) for settings in self._settings]

    def sides(self, person: Person) -> list[tuple[str, Provider]]:
        """Every side of a person beside Trakt, with the lower-case name by which it is asked for."""
        with self._store.read() as db:
            people, known = People(db), {server.id: server for server in KnownServers(db).all()}
            accounts, chosen = people.accounts(person), people.options(person)
        options = {key: chosen[key][0] if key in chosen else option.default for key, option in all_options().items()}
        found: list[tuple[str, Provider]] = []
        for account in accounts:
            settings = self._settings_of(known.get(account.server))
            if settings is not None:
                found += [(settings.name.lower(), side) for side in self._sides_of(account, settings, options)]
        return found

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

    def library_names(self) -> dict[str, str]:
        """How the libraries of all servers are called, by key."""
        with self._store.read() as db:
            servers = KnownServers(db)
            return {key: name for server in servers.all() for key, name in servers.libraries(server.id).items()}

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
        """Give accounts that have no token what the owner may give them."""
        with self._store.read() as db:
            people = People(db)
            accounts = [each for person in people.all() for each in people.accounts(person) if each.server == machine]
        bare = [account for account in accounts if not self.tokens(account).server]
        for number, tokens in server.hand_out(bare).items():
            self._keep(next(account for account in bare if account.id == number), tokens)

    def _keep(self, account: Account, tokens: Tokens) -> None:
        named = {f"{name}_token": value for name, value in asdict(tokens).items() if value}
        with self._store.write() as db:
            self._vault().put(db, account.secret, Secret(json.dumps(named)))

    def _sides_of(self, account: Account, settings: Server, options: dict[str, str]) -> Iterator[Provider]:
        server, inventory = self._server(settings), Inventory(self._store, account.server, self._clock)
        tokens, chosen = self.tokens(account), options["libraries"]
        libraries = None if chosen == "all" else frozenset(name.lower() for name in parse_list(chosen))
        favourites = options["watchlist_place.jellyfin"] == "favourites"
        hands = server.hands(account, tokens, inventory, libraries=libraries, favourites=favourites)
        label, pace = f"{account.name}@{settings.name}", self.paces[settings.name]
        writing = Writing(account.id, hands, pace, self._store, self._clock) if hands else None
        yield ServerSide(label, hands, inventory, writing, clock=self._clock)

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

    def _counted(self, service: str, method: str, status: str) -> None:
        self.taken += 1
        if self._count is not None:
            self._count(service, method, status)
