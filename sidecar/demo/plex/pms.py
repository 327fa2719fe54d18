"""The media server itself: libraries, items, marks and ratings, sessions and history.

Each method answers the requests its docstring begins with.
"""

import flask
from werkzeug.exceptions import BadRequest, Forbidden, NotFound

from sidecar.demo.plex import describe
from sidecar.demo.plex.accounts import Account
from sidecar.demo.plex.encode import Node, container, words
from sidecar.demo.plex.inventory import Item, Section
from sidecar.demo.plex.listing import KINDS, about, listing, meta, select, window
from sidecar.demo.plex.stage import Device, Play
from sidecar.demo.plex.world import World

ROOT = ("allowSync=false backgroundProcessing=true companionProxy=true eventStream=true livetv=7 multiuser=true "
        "myPlex=true myPlexMappingState=mapped myPlexSigninState=ok ownerFeatures=webhooks,pass platform=Linux "
        "platformVersion=22 allowCameraUpload=false allowChannelAccess=false allowMediaDeletion=false sync=true "
        "allowSharing=true allowTuners=false certificate=true pluginHost=false updater=true voiceSearch=true "
        "transcoderActiveVideoSessions=0 myPlexSubscription=true")  # fmt: skip
LIBRARY = (
    "allowSync=false art=/:/resources/library-art.png content= identifier=com.plexapp.plugins.library "
    "mediaTagPrefix=/system/bundle/media/flags/ mediaTagVersion=1786540085 title1=Plex_Library title2="
)
ACCOUNT = "defaultAudioLanguage=en autoSelectAudio=true defaultSubtitleLanguage=en subtitleMode=1 thumb="
THRESHOLD = ("id=LibraryVideoPlayedThreshold label=Video_played_threshold summary= type=int default=90 hidden=false "
             "advanced=true group=library")  # fmt: skip
PLAIN = ("title", "grandparentTitle", "grandparentArt", "type", "index", "parentIndex", "originallyAvailableAt")


def me() -> Account:
    """Whose token the current request has."""
    account: Account = flask.g.account
    return account


def owner_only() -> None:
    """Refuses everybody but the owner."""
    if not me().owner:
        raise Forbidden


def item_of(world: World, key: str) -> Item:
    """The item with this rating key, if the person may see it."""
    item = world.inventory.items.get(int(key)) if key.isdecimal() else None
    if item is None or not world.shared(me(), item.section):
        raise NotFound
    return item


def section_of(world: World, key: int) -> Section:
    """The section with this number, if the person may see it."""
    section = world.inventory.sections.get(key)
    if section is None or not world.shared(me(), section):
        raise NotFound
    return section


class Library:
    """The server, its sections and items."""

    def __init__(self, world: World) -> None:
        self.world = world

    def identity(self) -> flask.Response:
        """GET /identity: which server this is, for anybody."""
        return container(
            apiVersion="1.2.0", claimed=True, machineIdentifier=self.world.machine, version=self.world.version
        )

    def root(self) -> flask.Response:
        """GET /: the server."""
        attrs = words(
            ROOT, friendlyName=self.world.name, machineIdentifier=self.world.machine, version=self.world.version
        )
        attrs |= words(myPlexUsername=self.world.accounts.owner.email, updatedAt=self.world.now())
        return container((), **attrs)

    def accounts(self) -> flask.Response:
        """GET /accounts: everybody the server knows, number 0 for nobody in particular."""
        owner_only()
        names = {0: ""} | {a.local: a.username or a.person.name for a in self.world.accounts.known}
        rows = [words(ACCOUNT, id=key, key=f"/accounts/{key}", name=name) for key, name in sorted(names.items())]
        return container([Node("Account", row) for row in rows], identifier="com.plexapp.system.accounts")

    def prefs(self) -> flask.Response:
        """GET|PUT /:/prefs: the one setting that matters here."""
        owner_only()
        switches = self.world.control.switches
        if flask.request.method == "PUT":
            switches["played_threshold"] = flask.request.args.get("LibraryVideoPlayedThreshold", 90, int)
            self.world.news.frame("preference", [(None, words(THRESHOLD, value=switches["played_threshold"]))])
        return container([Node("Setting", words(THRESHOLD, value=switches["played_threshold"]))])

    def notifications(self) -> flask.Response:
        """WS /:/websockets/notifications, WS /:/websocket/notifications: the frames of everything that happens."""
        self.world.news.listen(me())
        return flask.Response()

    def library(self) -> flask.Response:
        """GET /library: for the owner only."""
        owner_only()
        return container([Node("Directory", words(key="sections", title="Library Sections"))], **words(LIBRARY))

    def sections(self) -> flask.Response:
        """GET /library/sections, GET /library/sections/: those that are shared with the person."""
        out, scanning = [], self.world.control.switches["scanning"]
        for section in self.world.inventory.sections.values():
            if self.world.shared(me(), section):
                key, kind, at = section.key, section.kind, section.scanned
                attrs = words("allowSync=true filters=true content=true directory=true hidden=0 language=en-US")
                attrs |= {name: getattr(section, name) for name in ("agent", "scanner", "uuid")}
                attrs |= words(key=str(key), type=kind, title=section.library.name, refreshing=scanning)
                attrs |= words(art=f"/:/resources/{kind}-fanart.jpg", thumb=f"/:/resources/{kind}.png")
                attrs |= words(
                    composite=f"/library/sections/{key}/composite/{at}", createdAt=1_600_000_000, updatedAt=at
                )
                attrs |= words(scannedAt=at, contentChangedAt=self.world.inventory.version)
                out.append(Node("Directory", attrs, [Node("Location", words(id=key, path=section.library.folder))]))
        return container(out, allowSync=False, title1="Plex Library")

    def all(self, key: int) -> flask.Response:
        """GET /library/sections/<int:key>/all: a listing, or with includeMeta what can be asked of it."""
        section, query, world = section_of(self.world, key), flask.request.args, self.world
        kind = KINDS.get(query.get("type", ""), section.kind)
        if query.get("type") == "18":
            return flask.make_response(flask.current_app.view_functions["pms.collections"](key))
        if query.get("includeMeta") == "1":
            total = words(totalSize=len(section.items.get(kind, ())), offset=0)
            return container([meta(section, list(section.items))], **words(size=0) | total | about(section))
        if window()[0] and world.control.take("insert_row") is not None:
            world.control.acts["add"]({"path": f"{section.library.folder}/0/{world.number()}.mkv", "name": "000 New"})
        return listing(world, me(), select(world, me(), section, kind), about(section))

    def genres(self, key: int) -> flask.Response:
        """GET /library/sections/<int:key>/genre: what the filter of that name can be."""
        section = section_of(self.world, key)
        found = {genre for item in section.items[section.kind] for genre in getattr(item.known, "genres", ())}
        return container([Node("Directory", words(key=g, title=g.capitalize(), type="genre")) for g in sorted(found)])

    def anywhere(self) -> flask.Response:
        """GET /library/all: a listing over all sections."""
        found = select(self.world, me(), None, KINDS.get(flask.request.args.get("type", ""), ""))
        return listing(self.world, me(), found, words("identifier=com.plexapp.plugins.library"))

    def metadata(self, ids: str) -> flask.Response:
        """GET /library/metadata/<ids>: details of those that are found."""
        items = self.world.inventory.items
        found = [items[int(key)] for key in ids.split(",") if key.isdecimal() and int(key) in items]
        if not (found := [item for item in found if self.world.shared(me(), item.section)]):
            raise NotFound
        return container([self.world.details(me(), item) for item in found], **words(LIBRARY) | about(found[0].section))

    def below(self, key: str, what: str) -> flask.Response:
        """GET /library/metadata/<key>/<any(children,allLeaves):what>: no filters, a total only with a size."""
        item = item_of(self.world, key)
        attrs = about(item.section) | words(key=key, parentTitle=item.title, viewGroup="episode", parentYear=item.year)
        attrs |= words(parentIndex=item.index or 1, mixedParents=what == "allLeaves")
        return listing(self.world, me(), item.kids if what == "children" else item.leaves, attrs, always=False)


class States:
    """Marks, ratings, sessions and history."""

    def __init__(self, world: World) -> None:
        self.world = world

    def mark(self, what: str) -> flask.Response:
        """GET|PUT /:/<any(scrobble,unscrobble):what>: a mark, without a date, a frame or a history row."""
        self.world.mark(me(), item_of(self.world, flask.request.args.get("key", "")), what == "scrobble")
        return flask.Response()

    def rate(self) -> flask.Response:
        """GET|PUT /:/rate: a rating from 0 to 10, or -1 to take it away."""
        args, now = flask.request.args, self.world.now()
        rating, at = args.get("rating", type=float), args.get("ratedAt", now, int)
        if rating is None or not (rating == -1 or 0 <= rating <= 10) or at > now:
            raise BadRequest
        self.world.rate(me(), item_of(self.world, args.get("key", "")), rating, at)
        return flask.Response()

    def timeline(self) -> flask.Response:
        """GET|POST /:/timeline: what a player reports."""
        args, headers = flask.request.args, flask.request.headers
        names = [f"X-Plex-{name}" for name in ("Client-Identifier", "Device-Name")]
        device = Device(*(args.get(name, headers.get(name, "")) for name in names))
        item, state = (
            item_of(self.world, args.get("ratingKey", args.get("key", "").rsplit("/", 1)[-1])),
            args.get("state", ""),
        )
        if state not in ("playing", "paused", "buffering", "stopped"):
            raise BadRequest
        self.world.stage.report((me(), device), item, state, args.get("time", 0, int))
        return container()

    def progress(self) -> flask.Response:
        """GET /:/progress: a position without a session, which has no effect for anybody but the owner."""
        item = item_of(self.world, flask.request.args.get("key", ""))
        if me().owner:
            self.world.stage.settle(me(), item, flask.request.args.get("time", 0, int))
        return flask.Response()

    def sessions(self) -> flask.Response:
        """GET /status/sessions: who plays what now."""
        owner_only()
        self.world.stage.advance()
        return container(self.world.stage.rows())

    def row(self, play: Play) -> Node:
        """A row of the history; what has been deleted keeps its title only."""
        item, attrs = play.item, words(historyKey=f"/status/sessions/history/{play.number}")
        shown = describe.attributes(item)
        if item.key in self.world.inventory.items:
            attrs |= words(key=describe.path_of(item), ratingKey=str(item.key), thumb=shown["thumb"])
            for name, elder in zip(("parent", "grandparent"), item.elders, strict=False):
                attrs |= {f"{name}Key": describe.path_of(elder), f"{name}Thumb": shown[f"{name}Thumb"]}
        attrs |= {name: shown[name] for name in PLAIN if name in shown}
        attrs |= words(librarySectionID=str(item.section.key), viewedAt=play.viewed)
        return Node("Video", attrs | words(accountID=play.account, deviceID=play.device))

    def history(self) -> flask.Response:
        """GET /status/sessions/history/all: plays, those of others for the owner only."""
        args, (start, size) = flask.request.args, window()
        if not me().owner and self.world.control.switches["own_history"] == "refused":
            raise Forbidden
        number = {
            name: args.get(name, type=int) for name in ("accountID", "viewedAt>", "librarySectionID", "metadataItemID")
        }
        whose, since, section, key = number["accountID"] if me().owner else me().local, *list(number.values())[1:]
        found = [
            play
            for play in list(self.world.stage.history)
            if whose in (None, play.account)
            and (since is None or play.viewed >= since)
            and section in (None, play.item.section.key)
            and key in (None, play.item.key, *(elder.key for elder in play.item.elders))
            and play.viewed > args.get("viewedAt>>", -1, int)
        ]
        found.sort(key=lambda play: (play.viewed, play.number), reverse=args.get("sort", "").endswith(":desc"))
        shown = found[start:] if size is None else found[start : start + size]
        return container(map(self.row, shown), totalSize=len(found), offset=start)

    def forget(self, number: int) -> flask.Response:
        """DELETE /status/sessions/history/<int:number>: takes a play out of the history, not out of viewCount."""
        owner_only()
        self.world.stage.history = [play for play in self.world.stage.history if play.number != number]
        return container()
