"""plex.tv: who somebody is, PIN sign-in, Home users, resources, shared servers and account webhooks.

Each method answers the requests its docstring begins with.
"""

from datetime import timedelta
from typing import Any

import flask
import msgspec

from sidecar.demo.plex.accounts import Account
from sidecar.demo.plex.encode import Attrs, Node, container, reply, send, words
from sidecar.demo.plex.inventory import digest
from sidecar.demo.plex.pms import me
from sidecar.demo.plex.world import World

USER = ("friendlyName= locale= confirmed=true joinedAt=1400000000 emailOnlyAuth=false hasPassword=true protected=false "
        "mailingListStatus=unsubscribed mailingListActive=false scrobbleTypes= country=NO subscriptionDescription= "
        "anonymous= guest=false maxHomeSize=15 rememberExpiresAt=1788000000 adsConsent= adsConsentSetAt= "
        "adsConsentReminderAt= experimentalFeatures=false twoFactorEnabled=false backupCodesCreated=false")  # fmt: skip
PROFILE = ("autoSelectAudio=true defaultAudioLanguage=en defaultSubtitleLanguage=en autoSelectSubtitle=false "
           "defaultSubtitleAccessibility=false defaultSubtitleForced=false")  # fmt: skip
PLAN = "subscribedAt=2023-03-24_00:00:00_UTC paymentService="
FRIEND = ("recommendationsPlaylistId= allowTuners=0 allowSync=0 allowCameraUpload=0 allowChannels=0 "
          "allowSubtitleAdmin=0 filterAll= filterMovies= filterMusic= filterPhotos= filterTelevision=")  # fmt: skip
SERVER = ("product=Plex_Media_Server platform=Linux platformVersion=22 device=PC provides=server presence=true "
          "searchEnabled=true synced=false relay=false httpsRequired=false publicAddressMatches=true "
          "dnsRebindingProtection=false natLoopbackSupported=false createdAt=2020-01-01T00:00:00Z")  # fmt: skip
TABLET = ("name=Tablet product=Plex_for_iOS productVersion=8 platform=iOS platformVersion=18 device=iPad "
          "clientIdentifier=F0F0F0 provides=client,player,pubsub-player owned=true presence=false")  # fmt: skip
CODES = {401: (1001, "User could not be authenticated"), 403: (1002, "Forbidden"), 404: (1020, "Not found"),
         429: (1003, "API rate limit exceeded"), 498: (1040, "Token expired")}  # fmt: skip
MYPLEX = "com.plexapp.plugins.myplex"


def refuse(status: int, headers: dict[str, str] | None = None) -> flask.Response:
    """An error of plex.tv: JSON for limits, else XML."""
    code, message = CODES.get(status, (1000, "Something went wrong"))
    error = words(code=code, message=message, status=status)
    if status in (429, 498):
        answer = send(msgspec.json.encode({"errors": [error]}), True, status)
    else:
        answer = reply(Node("errors", {}, [Node("error", error)]), status)
    answer.headers.update(headers or {})
    return answer


class PlexTv:
    """All of plex.tv."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _user(self, account: Account, token: str, **more: Any) -> Node:
        paying = self.world.control.switches["plex_pass"] and not account.managed
        attrs = words(USER, id=account.id, uuid=account.uuid, username=account.username, title=account.person.name)
        attrs |= words(
            email=account.email, thumb=account.thumb, authToken=token, restricted=account.managed, home=account.home
        )
        attrs |= words(homeAdmin=account.owner, homeSize=sum(a.home for a in self.world.accounts.known), **more)
        plan = words(PLAN, active=paying, status="Active" if paying else "Inactive", plan="lifetime" if paying else "")
        features = [Node("feature", {"id": name}) for name in (("webhooks", "home") if paying else ())]
        roles = [Node("role", {"id": "plexpass"})] if paying else []
        kids = [Node("subscription", plan, [Node("features", {}, features)]), Node("profile", words(PROFILE))]
        return Node(
            "user",
            attrs,
            [*kids, Node("entitlements", {}, [Node("entitlement", {"id": "all"})] * paying), Node("roles", {}, roles)],
        )

    def _stamp(self, seconds: float = 0) -> str:
        return (self.world.clock() + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def whoami(self) -> flask.Response:
        """GET /api/v2/user: the account behind the token."""
        return reply(self._user(me(), me().token("switch" if flask.g.kind == "switch" else "account")), bare="object")

    def _pin(self, pin: Attrs, status: int = 200) -> flask.Response:
        left = int((pin["until"] - self.world.clock()).total_seconds())
        shown = {name: value for name, value in pin.items() if name != "until"} | {"expiresIn": left}
        return reply(
            Node("pin", shown, [Node("location", words("code=NO country=Norway city=Oslo"))]), status, "object"
        )

    def open_pin(self) -> flask.Response:
        """POST /api/v2/pins: a PIN that somebody confirms in a browser, long with `strong`."""
        number, strong, headers = (
            77_000_001 + len(self.world.pins),
            "strong" in flask.request.values,
            flask.request.headers,
        )
        code, life = (digest("pin", number) + "z", 1800) if strong else (digest("pin", number)[:4].upper(), 900)
        pin = words("trusted=false", id=number, code=code, qr=f"https://plex.tv/api/v2/pins/qr/{code}", authToken=None)
        pin |= words(product=headers.get("X-Plex-Product"), clientIdentifier=headers.get("X-Plex-Client-Identifier"))
        pin |= words(createdAt=self._stamp(), expiresAt=self._stamp(life), newRegistration=None)
        self.world.pins[number] = pin | {"until": self.world.clock() + timedelta(seconds=life)}
        return self._pin(self.world.pins[number], 201)

    def read_pin(self, number: int) -> flask.Response:
        """GET /api/v2/pins/<int:number>: with the token once it was confirmed; 404 when it is too old."""
        pin = self.world.pins.get(number)
        return self._pin(pin) if pin and self.world.clock() < pin["until"] else refuse(404)

    def link_pin(self) -> flask.Response:
        """PUT /api/v2/pins/link: confirms a PIN by its code."""
        for pin in self.world.pins.values():
            if (
                pin["code"].upper() == flask.request.values.get("code", "").upper()
                and self.world.clock() < pin["until"]
            ):
                pin["authToken"] = me().token("account")
                return flask.Response(status=204)
        return refuse(404)

    def ping(self) -> flask.Response:
        """GET /api/v2/ping: keeps a token alive."""
        return send(b'<?xml version="1.0" encoding="UTF-8"?>\n<pong>1</pong>', False)

    def users(self) -> flask.Response:
        """GET /api/users, GET /api/users/: whom the owner shares with, without the owner."""
        rows, world = [], self.world
        for account in world.accounts.known if me().owner else ():
            libraries, pin = len(account.person.libraries), account.person.pin
            server = words("serverId=60001 owned=1 pending=0", id=account.id - 4_050_000, name=world.name)
            server |= words(machineIdentifier=world.machine, lastSeenAt=world.now(), numLibraries=libraries)
            server |= words(allLibraries=int(libraries == len(world.catalogue.libraries)))
            attrs = words(
                FRIEND, id=account.id, title=account.person.name, username=account.username, email=account.email
            )
            attrs |= words(
                thumb=account.thumb, protected=int(bool(pin)), home=int(account.home), restricted=int(account.managed)
            )
            if not account.owner:
                rows.append(Node("User", attrs, [Node("Server", server)] if libraries else []))
        return container(rows, friendlyName="myPlex", identifier=MYPLEX, machineIdentifier=0, totalSize=len(rows))

    def home_users(self) -> flask.Response:
        """GET /api/home/users, GET /api/v2/home/users: who lives in the Home, for those who do."""
        rows, profile = [], self.world.control.switches["managed_profile"]
        for account in [a for a in self.world.accounts.known if a.home and me().home]:
            attrs = words(
                "guest=false", id=account.id, uuid=account.uuid, admin=account.owner, restricted=account.managed
            )
            attrs |= words(protected=bool(account.person.pin), title=account.person.name, username=account.username)
            attrs |= words(email=account.email, thumb=account.thumb, hasPassword=not account.managed)
            rows.append(
                Node(
                    "User",
                    attrs | ({"restrictionProfile": profile} if profile and account.managed else {}),
                    (),
                    "users",
                )
            )
        whole = words(size=len(rows), friendlyName="Loft Home", identifier=MYPLEX)
        return reply(Node("MediaContainer", whole, rows), bare="object" if "v2" in flask.request.path else "")

    def switch(self, who: str) -> flask.Response:
        """POST /api/home/users/<who>/switch, POST /api/v2/home/users/<who>/switch: another one's token."""
        found = [a for a in self.world.accounts.known if who in (str(a.id), a.uuid) and a.home and me().home]
        if not found:
            return refuse(404)
        if found[0].person.pin not in (None, flask.request.values.get("pin")):
            return refuse(401)
        token = found[0].token("switch")
        return reply(self._user(found[0], token, authenticationToken=token), 201, "object")

    def shared_servers(self, machine: str) -> flask.Response:
        """GET /api/servers/<machine>/shared_servers: tokens of everybody else, as long as plex.tv gives them away."""
        if closed := self.world.control.switches["shared_servers"]:
            return refuse(closed)
        if not me().owner or machine != self.world.machine:
            return refuse(404)
        rows, every = [], len(self.world.catalogue.libraries)
        for account in self.world.accounts.known:
            if not account.owner and account.person.libraries:
                attrs = words(
                    "acceptedAt=1600000000 invitedAt=1600000000 allowSync=0 owned=0", id=account.id - 4_050_000
                )
                attrs |= words(userID=account.id, username=account.username, email=account.email, name=self.world.name)
                attrs |= words(
                    accessToken=account.token("server"), allLibraries=int(len(account.person.libraries) == every)
                )
                rows.append(Node("SharedServer", attrs))
        return container(rows, friendlyName="myPlex", identifier=MYPLEX, machineIdentifier=machine)

    def resources(self) -> flask.Response:
        """GET /api/v2/resources: the server with the person's own token, and a player."""
        account, world, (host, _, port) = me(), self.world, flask.request.host.partition(":")
        link = words("protocol=http local=true relay=false IPv6=false", address=host, port=int(port or 80))
        link |= words(uri=flask.request.host_url.rstrip("/"))
        attrs = words(SERVER, name=world.name, productVersion=world.version, clientIdentifier=world.machine)
        attrs |= words(
            accessToken=account.token("server"), owned=account.owner, home=account.home and not account.owner
        )
        attrs |= words(lastSeenAt=self._stamp(), publicAddress="203.0.113.7")
        attrs |= words(ownerId=None if account.owner else world.accounts.owner.id)
        attrs |= words(sourceTitle=None if account.owner else world.accounts.owner.username)
        server = Node("resource", attrs, [Node("connections", {}, [Node("connection", link)])])
        tablet = Node("resource", words(TABLET), [Node("connections", {})])
        return reply(Node("resources", {}, [server, tablet] if account.person.libraries else [tablet]), bare="list")

    def webhooks(self) -> flask.Response:
        """GET|POST /api/v2/user/webhooks: a post replaces the whole list."""
        if not self.world.control.switches["plex_pass"] or me().managed:
            return refuse(403)
        if flask.request.method == "POST":
            me().webhooks = list(dict.fromkeys(flask.request.form.getlist("urls[]")))
        return reply(Node("webhooks", {}, [Node("webhook", {"url": url}) for url in me().webhooks]), bare="list")

    def view_state_sync(self) -> flask.Response:
        """GET|PUT /api/v2/user/view_state_sync: whether states travel between servers."""
        if flask.request.method == "PUT":
            me().consent = flask.request.values.get("consent", "").lower() in ("true", "1")
        return send(msgspec.json.encode({"consent": me().consent}), True)
