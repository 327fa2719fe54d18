"""What the Webhook plugin sends ("send all properties"): one flat object per event and user, with no second try.

It is sent while the player waits for its answer, as the plugin does.
"""

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import requests

from sidecar.demo.jellyfin.rows import streams
from sidecar.demo.jellyfin.sessions import Play, Session
from sidecar.demo.jellyfin.shelf import Item
from sidecar.demo.jellyfin.userdata import Row
from sidecar.demo.jellyfin.wire import NEVER, TICKS, loopback, moment

if TYPE_CHECKING:
    from sidecar.demo.jellyfin.server import Server

VIDEO = (
    "Title=DisplayTitle Type Codec Profile Level Height Width AspectRatio Interlaced=IsInterlaced "
    "FrameRate=AverageFrameRate VideoRange ColorSpace ColorTransfer ColorPrimaries PixelFormat RefFrames"
)
KINDS = ("Movie", "Episode", "Season", "Series")
FIRST, TASK, TRIES = timedelta(hours=1), timedelta(seconds=30), timedelta(minutes=5)
SOUND = "Title=DisplayTitle Type Language Codec Channels Bitrate=BitRate SampleRate Default=IsDefault"


def clock(ticks: int | None) -> str:
    """A length as hours, minutes and seconds."""
    minutes, seconds = divmod((ticks or 0) // TICKS, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


class Webhooks:
    """The destinations of one server's plugin."""

    def __init__(self, server: "Server") -> None:
        self.server, self.destinations = server, list[dict[str, Any]]()
        self.first = server.now()

    def add(self, destination: dict[str, Any]) -> None:
        """One more destination; the tasks of a new plugin first run an hour later."""
        loopback(destination["url"])
        self.first = self.first if self.destinations else self.server.now() + FIRST
        self.destinations.append(destination)

    def send(self, kind: str, user: str | None, item: Item, body: dict[str, Any]) -> None:
        """One event to every destination that wants it."""
        for to in self.destinations:
            wanted = kind in to.get("types", [kind]) and user in (None, *to.get("users", [user]))
            if wanted and item.type in (KINDS if to.get("folders") else KINDS[:2]):
                server = {"ServerId": self.server.id, "ServerName": "test", "ServerVersion": self.server.version}
                about = {"ServerUrl": to.get("server_url", ""), "NotificationType": kind}
                headers = {"Content-Type": "text/plain; charset=utf-8"}
                headers |= {"User-Agent": f"Jellyfin-Server/{self.server.version}"}
                try:
                    text = msgspec.json.encode(server | about | body)
                    requests.post(to["url"], text, headers=headers | to.get("headers", {}), timeout=10)
                except requests.RequestException:
                    pass  # it is lost, as with the plugin

    def about(self, item: Item, gone: bool = False) -> dict[str, Any]:
        """The properties of an item; an episode's year is its series' while it has one, whose ids are missing."""
        now, series = self.server.now(), None if gone else item.series
        body: dict[str, Any] = {
            "Timestamp": f"{now:%Y-%m-%dT%H:%M:%S.%f}+00:00", "UtcTimestamp": moment(now), "Name": item.name,
            "Overview": "", "Tagline": "", "ItemId": item.id, "ItemType": item.type, "RunTimeTicks": item.ticks or 0,
            "RunTime": clock(item.ticks),
        }  # fmt: skip
        if year := series.year if series else item.year:
            body["Year"] = year
        if item.premiere:
            body["PremiereDate"] = item.premiere[:10]
        body |= {"SeriesName": series.name, "SeriesId": series.id} if series else {}
        numbers: dict[str, int | None] = {"SeasonNumber": item.number} if item.type == "Season" else {}
        if item.type == "Episode" and item.parent:
            body["SeasonId"] = item.parent.id
            numbers = {"EpisodeNumber": item.number, "EpisodeNumberEnd": item.number_end}
            numbers |= {"SeasonNumber": item.season} if series else {}
        for name, number in numbers.items():
            if number is not None:
                body |= {name: number, f"{name}00": f"{number:02}", f"{name}000": f"{number:03}"}
        body |= {f"Provider_{kind.lower()}": value for kind, value in item.ids.items()}
        found = [] if gone else streams(item, modern=True)
        for stream, prefix, names in zip(found, ("Video_0_", "Audio_0_"), (VIDEO, SOUND), strict=False):
            for name in names.split():
                label, _, source = name.partition("=")
                body[prefix + label] = stream.get(source or label)
        return body

    def saved(self, user: str, item: Item, reason: str, row: Row) -> None:
        """User data was stored; no rating is sent as 0."""
        if not self.destinations:
            return
        body = self.about(item) | {
            "Likes": (row.rating or 0) >= 6.5, "Rating": row.rating or 0, "PlaybackPositionTicks": row.position,
            "PlaybackPosition": clock(row.position), "PlayCount": row.count, "Favorite": row.favorite,
            "Played": row.played, "AudioStreamIndex": -1, "SubtitleStreamIndex": -1, "SaveReason": reason,
            "NotificationUsername": self.server.people.users[user].name, "UserId": user,
        }  # fmt: skip
        self.send("UserDataSaved", user, item, body | ({"LastPlayedDate": moment(row.last)} if row.last else {}))

    def library(self, kind: str, items: list[Item]) -> None:
        """What a scan found, when a task of the plugin runs; what has no ids is told after ten tries."""
        for item in items if self.destinations else []:
            due = max(self.first, self.server.now()) + (TRIES if kind == "ItemAdded" and not item.ids else TASK)
            self.server.timers.at(due, partial(self.task, kind, item))

    def task(self, kind: str, item: Item) -> None:
        """One item is told of, as it is then."""
        self.send(kind, None, item, self.about(item, kind == "ItemDeleted"))

    def played(self, kind: str, session: Session, play: Play, **more: Any) -> None:
        """Something played, paused or stopped."""
        if not self.destinations:
            return
        ticks = session.position(self.server.now()) if more.get("IsAutomated") else play.ticks
        for user in self.server.sessions.users(session):
            body = self.about(play.item) | {
                "PlaybackPositionTicks": ticks or 0, "PlaybackPosition": clock(ticks), "MediaSourceId": play.version.id,
                "IsPaused": play.paused, "IsAutomated": False, "DeviceId": session.parts["deviceid"],
                "DeviceName": session.parts.get("device"), "ClientName": session.parts["client"],
            } | more | self.session(session) | {"NotificationUsername": user.name, "UserId": user.id}  # fmt: skip
            method = {} if kind == "PlaybackStop" else {"PlayMethod": play.report.get("PlayMethod", "DirectPlay")}
            self.send(kind, user.id, play.item, body | method)

    def session(self, session: Session) -> dict[str, Any]:
        """The properties of a session."""
        return {
            "Id": session.id, "Client": session.parts["client"], "LastActivityDate": moment(session.active),
            "LastPlaybackCheckIn": moment(session.check_in) or NEVER, "RemoteEndPoint": "127.0.0.1",
        }  # fmt: skip
