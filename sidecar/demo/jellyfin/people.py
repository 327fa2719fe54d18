"""Who may do what: users, their tokens, API keys, Quick Connect, and the forms a request may name its token in."""

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import flask

from sidecar.demo.jellyfin.wire import NOBODY, Query, Refused, hashed, lean, moment, named, problem

if TYPE_CHECKING:
    from sidecar.demo.jellyfin.server import Server

PROVIDERS = "Jellyfin.Server.Implementations.Users.Default"
POLICY = (
    named(
        "IsAdministrator IsDisabled EnableCollectionManagement EnableSubtitleManagement EnableLyricManagement "
        "EnableRemoteControlOfOtherUsers EnableLiveTvManagement ForceRemoteSourceTranscoding EnableContentDeletion",
        False,
    )
    | named(
        "IsHidden EnableUserPreferenceAccess EnableSharedDeviceControl EnableRemoteAccess EnableLiveTvAccess "
        "EnableMediaPlayback EnableAudioPlaybackTranscoding EnableVideoPlaybackTranscoding EnablePlaybackRemuxing "
        "EnableContentDownloading EnableSyncTranscoding EnableMediaConversion EnableAllDevices EnableAllChannels "
        "EnableAllFolders EnablePublicSharing",
        True,
    )
    | named("InvalidLoginAttemptCount MaxActiveSessions RemoteClientBitrateLimit", 0)
    | named(
        "BlockedTags AllowedTags AccessSchedules BlockUnratedItems EnableContentDeletionFromFolders EnabledDevices "
        "EnabledChannels EnabledFolders BlockedMediaFolders BlockedChannels",
        (),
    )
    | {"LoginAttemptsBeforeLockout": -1, "SyncPlayAccess": "CreateAndJoinGroups"}
    | {f"{kind}ProviderId": f"{PROVIDERS}{kind}Provider" for kind in ("Authentication", "PasswordReset")}
)
OWNER = ("IsAdministrator", "EnableRemoteControlOfOtherUsers", "EnableContentDeletion")
CONFIGURATION = (
    named("DisplayMissingEpisodes DisplayCollectionsView EnableLocalPassword", False)
    | named("PlayDefaultAudioTrack HidePlayedInLatest RememberAudioSelections RememberSubtitleSelections", True)
    | named("GroupedFolders OrderedViews LatestItemsExcludes MyMediaExcludes", ())
    | {"EnableNextEpisodeAutoPlay": True, "SubtitleLanguagePreference": "", "SubtitleMode": "Default"}
    | {"CastReceiverId": "F007D354"}
)
CODE_LIFE = timedelta(minutes=10)


@dataclass(slots=True, eq=False)
class User:
    """Somebody with an account."""

    id: str
    name: str
    password: str
    policy: dict[str, Any]
    login: datetime | None = None
    active: datetime | None = None


@dataclass(slots=True)
class Caller:
    """Who sends a request: the token's user, or an API key, which is an administrator and nobody."""

    token: str = ""
    user: User | None = None
    app: str | None = None
    parts: dict[str, str] = field(default_factory=dict)

    @property
    def admin(self) -> bool:
        """Whether administrators' routes are open."""
        return self.app is not None or bool(self.user and self.user.policy["IsAdministrator"])

    @property
    def name(self) -> str | None:
        """How the log calls the caller."""
        return self.user.name if self.user else self.app and f"key:{self.app}"


@dataclass(slots=True)
class Token:
    """One token: of a user on a device, or (without user) of an API key."""

    user: User | None
    made: datetime
    app: str = ""
    device: str = ""


class People:
    """The accounts of one server and the tokens that stand for them."""

    def __init__(self, server: "Server") -> None:
        self.server, self.tokens, self.connecting = server, dict[str, Token](), dict[str, dict[str, Any]]()
        self.named_ids = {row["name"]: row["id"] for row in (server.catalogue.raw or {}).get("users", [])}
        self.users: dict[str, User] = {}
        libraries = {library.key for library in server.catalogue.libraries}
        for person in server.catalogue.people:
            user = self.add(person.name, person.password, person.admin)
            if set(person.libraries) != libraries:
                shown = [item.id for item in server.shelf.libraries() if item.library in person.libraries]
                user.policy |= {"EnableAllFolders": False, "EnabledFolders": shown}
        if self.users:
            self.tokens[admin_key(server.catalogue.seed)] = Token(None, server.now(), "household")

    def add(self, name: str, password: str, admin: bool = False) -> User:
        """A new account."""
        known = self.named_ids.get(name) or hashed("user", name)
        user = User(known, name, password, POLICY | dict.fromkeys(OWNER, admin))
        self.users[user.id] = user
        return user

    def delete(self, known: str) -> None:
        """An account goes, with its tokens and sessions."""
        user, sessions = self.users.pop(known), self.server.sessions
        self.tokens = {token: one for token, one in list(self.tokens.items()) if one.user is not user}
        sessions.all = {key: one for key, one in list(sessions.all.items()) if one.user is not user}

    def called(self, name: str) -> User | None:
        """The account of a name, in any case."""
        return next((user for user in list(self.users.values()) if user.name.lower() == name.lower()), None)

    def may_see(self, user: str | None) -> frozenset[str]:
        """The libraries (by key) a user may see; without a user all of them."""
        all_ = {item.library: item.id for item in self.server.shelf.libraries()} | {"": ""}
        policy = self.users[user].policy if user else POLICY
        some = policy["EnabledFolders"]
        return frozenset(all_ if policy["EnableAllFolders"] else [key for key, known in all_.items() if known in some])

    def shown(self, user: User) -> dict[str, Any]:
        """An account as the server shows it."""
        has, modern = bool(user.password), self.server.modern
        return lean({
            "Name": user.name, "ServerId": self.server.id, "Id": user.id, "HasPassword": has,
            "HasConfiguredPassword": has, "HasConfiguredEasyPassword": False, "EnableAutoLogin": False,
            "LastLoginDate": moment(user.login) if modern else None, "LastActivityDate": moment(user.active),
            "Configuration": CONFIGURATION, "Policy": dict(user.policy),
        })  # fmt: skip

    def caller(self, request: flask.Request) -> Caller:
        """Who sends a request; an unknown token is nobody's."""
        legacy = self.server.control.switches["legacy_authorization"]
        query = Query(list(request.args.items(multi=True)))
        header = request.headers.get("Authorization", "")
        parts = parse(header, ("mediabrowser", "emby") if legacy else ("mediabrowser",))
        forms = [parts.get("token"), query.text("ApiKey")]
        if legacy:
            old = parse(request.headers.get("X-Emby-Authorization", ""), ("mediabrowser", "emby"))
            parts = parts or old
            names = ("X-Emby-Token", "X-MediaBrowser-Token")
            forms += [old.get("token"), *(request.headers.get(name) for name in names), query.text("api_key")]
        token = next((form for form in forms if form), "")
        known = self.tokens.get(token)
        if known is None or (known.user and known.user.policy["IsDisabled"]):
            return Caller(token, None, None, parts)
        return Caller(token, known.user, None if known.user else known.app, {"deviceid": known.device} | parts)

    def sign_in(self, user: User, caller: Caller) -> dict[str, Any]:
        """A token for a user on the caller's device; the one before it is void."""
        now, parts = self.server.now(), caller.parts
        complete(parts)
        if user.policy["IsDisabled"]:
            raise Refused(403)
        device = parts["deviceid"]
        for token in [t for t, known in list(self.tokens.items()) if known.user is user and known.device == device]:
            del self.tokens[token]
        token = secrets.token_hex(16)
        self.tokens[token] = Token(user, now, parts["client"], device)
        session = self.server.sessions.touch(Caller(token, user, None, parts))
        shown = self.server.sessions.shown(session) | {"ServerId": self.server.id}
        return {"User": self.shown(user), "SessionInfo": shown, "AccessToken": token, "ServerId": self.server.id}

    def by_password(self, name: str, password: str, caller: Caller) -> dict[str, Any]:
        """A sign-in with name and password."""
        user = self.called(name)
        complete(caller.parts)
        if user is None or user.password != password:
            if user:
                user.policy["InvalidLoginAttemptCount"] += 1
            raise Refused(401)
        user.login = self.server.now()
        if self.server.modern or user.active is None or user.login - user.active > timedelta(minutes=1):
            user.active = user.login
        signed_in = self.sign_in(user, caller)
        if self.server.modern:
            user.policy["InvalidLoginAttemptCount"] = 0
        return signed_in

    def connect(self, caller: Caller) -> dict[str, Any]:
        """Begins a Quick Connect."""
        if not self.server.control.switches["quick_connect"]:
            raise Refused(401)
        complete(caller.parts)
        parts, now = caller.parts, self.server.now()
        begun: dict[str, Any] = {
            "Authenticated": False, "Secret": secrets.token_hex(32).upper(), "Code": f"{secrets.randbelow(10**6):06d}",
            "DeviceId": parts["deviceid"], "DeviceName": parts["device"], "AppName": parts["client"],
            "AppVersion": parts["version"], "DateAdded": moment(now), "until": now + CODE_LIFE,
        }  # fmt: skip
        self.connecting[begun["Secret"]] = begun
        return self.connected(begun["Secret"])

    def connected(self, secret: str) -> dict[str, Any]:
        """How far a Quick Connect is."""
        begun = self.connecting.get(secret)
        if begun is None or begun["until"] < self.server.now():
            raise Refused(404, "Unknown secret")
        return {name: value for name, value in begun.items() if name not in ("until", "result")}

    def allow(self, code: str, user: User) -> bool:
        """A user types the code."""
        begun = next((one for one in list(self.connecting.values()) if one["Code"] == code), None)
        if begun is None or begun["until"] < self.server.now():
            raise Refused(404)
        parts = {"deviceid": "DeviceId", "device": "DeviceName", "client": "AppName", "version": "AppVersion"}
        device = {part: begun[name] for part, name in parts.items()} | {"remote": ""}
        later = moment(self.server.now() + timedelta(minutes=1))
        signed_in = self.sign_in(user, Caller("", None, None, device))
        begun |= {"Authenticated": True, "DateAdded": later, "result": signed_in}
        return True

    def by_secret(self, secret: str) -> dict[str, Any]:
        """A sign-in by Quick Connect; the secret stays good."""
        result: dict[str, Any] | None = self.connecting.get(secret, {}).get("result")
        if result is None:
            raise Refused(404)
        return result

    def everybody(self, *, hidden: bool) -> Any:
        """The accounts; strangers do not see those that hide."""
        return [self.shown(user) for user in [*self.users.values()] if hidden or not user.policy["IsHidden"]]

    def drop_key(self, key: str) -> None:
        """An API key is void."""
        self.tokens.pop(key, None)

    def new_key(self, app: str) -> None:
        """One more API key."""
        self.tokens[secrets.token_hex(16)] = Token(None, self.server.now(), app)

    def keys(self) -> dict[str, Any]:
        """The API keys."""
        rows = [
            {
                "Id": 0, "AccessToken": token, "DeviceId": "", "AppName": known.app, "AppVersion": "", "DeviceName": "",
                "UserId": NOBODY, "IsActive": False, "DateCreated": moment(known.made),
                "DateLastActivity": "0001-01-01T00:00:00.0000000Z",
            }
            for token, known in list(self.tokens.items()) if known.user is None
        ]  # fmt: skip
        return {"Items": rows, "TotalRecordCount": len(rows), "StartIndex": 0}

    def target(self, caller: Caller, asked: str | None, missing: str = "text") -> str | None:
        """The user a request is about: the caller, or for administrators the one that is named."""
        own = caller.user.id if caller.user else None
        if asked and asked != own:
            if not caller.admin:
                raise Refused(403)
            if asked not in self.users:
                raise Refused(404) if missing == "text" else problem(404)
        return asked or own


def complete(parts: dict[str, str]) -> None:
    """A session needs a whole header."""
    if not all(parts.get(name) for name in ("client", "device", "deviceid", "version")):
        raise Refused(400)


def parse(header: str, schemes: tuple[str, ...]) -> dict[str, str]:
    """The parts of an authorization header by lower-case name; commas inside quotes do not split."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() not in schemes:
        return {}
    found = re.findall(r'\s*([^=,\s]+)\s*=\s*("[^"]*"|[^,]*)', rest)
    return {name.lower(): unquote(value.strip().strip('"')) for name, value in found}


def admin_key(seed: int) -> str:
    """The API key every household of this seed begins with."""
    return hashed("api key", str(seed))
