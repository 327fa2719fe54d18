"""Items as the server shows them: the lean row of a page, what `fields` adds, and the whole item.

The part of a row that is the same for everybody is encoded once per item and set of fields and kept until the library
changes; the user's part is added for each page.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from sidecar.demo.jellyfin.shelf import Item
from sidecar.demo.jellyfin.wire import NEVER, hashed, lean

if TYPE_CHECKING:
    from sidecar.demo.jellyfin.server import Server

SIZES = {"4k": (3840, 2160), "1080": (1920, 1080), "720": (1280, 720), "sd": (720, 576)}
RANGES = {"": ("SDR", "SDR"), "hdr10": ("HDR", "HDR10"), "dovi": ("HDR", "DOVI"), "hlg": ("HDR", "HLG")}
AUDIO = {"dca-ma": ("dts", "DTS-HD MA"), "dca": ("dts", None), "aac": ("aac", "LC")}
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
OFF = "IsInterlaced IsDefault IsForced IsHearingImpaired IsExternal IsTextSubtitleStream SupportsExternalStream"
SOURCE_OFF = (
    "IsRemote ReadAtNativeFramerate IgnoreDts IgnoreIndex GenPtsInput IsInfiniteStream RequiresOpening RequiresClosing "
    "RequiresLooping UseMostCompatibleTranscodingProfile HasSegments"
)
SOURCE_ON = "SupportsTranscoding SupportsDirectStream SupportsDirectPlay SupportsProbing"
EMPTY = "Taglines Genres RemoteTrailers People Studios GenreItems Tags Chapters LockedFields ProductionLocations"
WHOLE = (
    "Etag DateCreated DateLastMediaAdded CanDelete CanDownload SortName ExternalUrls MediaSources Path ParentId "
    "EnableMediaSourceDisplay PlayAccess ProviderIds LocalTrailerCount SpecialFeatureCount DisplayPreferencesId "
    f"Trickplay MediaStreams MediaSourceCount LockData Width Height ChildCount {EMPTY}"
).split()
PLAYING = (
    "DateCreated ExternalUrls Path EnableMediaSourceDisplay Taglines Genres ProviderIds ParentId Studios GenreItems "
    "LocalTrailerCount SpecialFeatureCount MediaStreams SeriesStudio Chapters Trickplay Width Height"
)
KEPT = 3  # sets of fields whose rows are kept encoded


def urls(item: Item) -> list[dict[str, str]]:
    """The pages of an item on the sites whose ids it has."""
    if item.type in ("Season", "Episode"):
        show = item.series.ids.get("Tmdb") if item.series else None
        path = f"season/{item.number}" if item.type == "Season" else f"season/{item.season}/episode/{item.number}"
        return [{"Name": "TMDB", "Url": f"https://www.themoviedb.org/tv/{show}/{path}"}] if show else []
    kind = "tv" if item.type == "Series" else "movie"
    tmdb = ("TMDB", f"https://www.themoviedb.org/{kind}/")
    sites = {"Imdb": ("IMDb", "https://www.imdb.com/title/"), "Tmdb": tmdb}
    return [{"Name": name, "Url": url + item.ids[key]} for key, (name, url) in sites.items() if key in item.ids]


def streams(item: Item, modern: bool) -> list[dict[str, Any]]:
    """What the probe found in a file; nothing without a file or a runtime."""
    if item.file is None or item.ticks is None:
        return []
    media = item.file.media
    (width, height), (range_, range_type) = SIZES[media.resolution], RANGES[media.hdr]
    codec, profile = AUDIO.get(media.audio, (media.audio.removesuffix("-atmos"), None))
    common = dict.fromkeys(OFF.split(), False) | {"TimeBase": "1/1000"} | ({"IsOriginal": False} if modern else {})
    video = {
        "Codec": media.video, "Type": "Video", "Index": 0, "VideoRange": range_, "VideoRangeType": range_type,
        "AudioSpatialFormat": "None", "DisplayTitle": f"{height}p {media.video.upper()} {range_}", "NalLengthSize": "4",
        "IsAVC": media.video == "h264", "BitDepth": 10 if media.hdr else 8, "RefFrames": 1, "Height": height,
        "Width": width, "AverageFrameRate": 24, "RealFrameRate": 24, "ReferenceFrameRate": 24, "Profile": "Main",
        "AspectRatio": "16:9", "PixelFormat": "yuv420p", "Level": 40, "IsAnamorphic": False,
        "DvProfile": 8 if media.hdr == "dovi" else None, "BitRate": None if modern else 8_000_000,
    }  # fmt: skip
    layout = LAYOUTS.get(media.channels, f"{media.channels} channels")
    audio = {
        "Codec": codec, "Type": "Audio", "Index": 1, "VideoRange": "Unknown", "VideoRangeType": "Unknown",
        "AudioSpatialFormat": "DolbyAtmos" if "atmos" in media.audio else "None", "LocalizedDefault": "Default",
        "LocalizedExternal": "External", "DisplayTitle": f"{codec.upper()} - {layout.title()}", "ChannelLayout": layout,
        "BitRate": 192_000, "Channels": media.channels, "SampleRate": 48_000, "Profile": profile,
    }  # fmt: skip
    audio |= {"LocalizedOriginal": "Original"} if modern else {"IsAVC": False, "Level": 0}
    return [lean(common | video), lean(common | audio)]


def source(item: Item, modern: bool) -> dict[str, Any]:
    """One file of a film or episode."""
    stem = item.path.rpartition("/")[2].rpartition(".")[0]
    versioned = item.primary or item.versions
    off, on = dict.fromkeys(SOURCE_OFF.split(), False), dict.fromkeys(SOURCE_ON.split(), True)
    found = streams(item, modern)
    return off | on | lean({
        "Protocol": "File", "Id": item.id, "Path": item.path, "Type": "Default", "Container": container(item),
        "Size": item.file.media.size if item.file else None, "Name": stem.rpartition(" - ")[2] if versioned else stem,
        "ETag": hashed("etag", item.path), "RunTimeTicks": item.ticks, "VideoType": "VideoFile", "MediaStreams": found,
        "MediaAttachments": [], "Formats": [], "Bitrate": 8_192_000 if found else None, "RequiredHttpHeaders": {},
        "TranscodingSubProtocol": "http", "DefaultAudioStreamIndex": 1 if found else None,
    })  # fmt: skip


def sources(item: Item, modern: bool) -> list[dict[str, Any]]:
    """The files of a film or episode: one for each version, none when it is missing."""
    return [source(one, modern) for one in item.versions or [item] if one.file]


def container(item: Item) -> str | None:
    """The kind of file."""
    return item.path.rpartition(".")[2] if item.file else None


def size(item: Item, index: int) -> int | None:
    """Width or height of the picture."""
    return SIZES[item.file.media.resolution][index] if item.file and item.ticks is not None else None


def leaf(value: Any) -> Callable[[Item, bool], Any]:
    """A value that only films and episodes have."""
    return lambda item, _: None if item.folder else value


GETTERS: dict[str, Callable[[Item, bool], Any]] = {
    "Etag": lambda item, _: hashed("etag", item.id),
    "DateCreated": lambda item, _: item.created,
    "DateLastMediaAdded": lambda item, _: NEVER if item.type == "CollectionFolder" else None,
    "CanDelete": lambda *_: False,
    "CanDownload": lambda item, _: not item.folder,
    "SortName": lambda item, _: item.sort,
    "ExternalUrls": lambda item, _: urls(item),
    "Path": lambda item, _: item.path or None,
    "EnableMediaSourceDisplay": lambda *_: True,
    "PlayAccess": lambda *_: "Full",
    "ProviderIds": lambda item, _: item.ids,
    "ParentId": lambda item, _: item.parent.id if item.parent else None,
    "LocalTrailerCount": lambda *_: 0,
    "SpecialFeatureCount": lambda *_: 0,
    "DisplayPreferencesId": lambda item, _: item.id if item.type == "CollectionFolder" else hashed(item.type),
    "MediaSourceCount": lambda item, _: len(item.versions) if len(item.versions) > 1 else None,
    "MediaSources": lambda item, new: None if item.folder else sources(item, new),
    "MediaStreams": lambda item, new: None if item.folder else streams(item, new),
    "LockData": lambda item, _: not item.folder,
    "Trickplay": leaf({}),
    "Width": lambda item, _: size(item, 0),
    "Height": lambda item, _: size(item, 1),
    "SeriesStudio": lambda item, _: "" if item.type == "Episode" else None,
    "ChildCount": lambda item, _: len(item.children) if item.folder else None,
    "Chapters": lambda item, new: [] if new or not item.folder else None,
    "ProductionLocations": leaf([]),
}
GETTERS |= {name: lambda *_: [] for name in EMPTY.split() if name not in GETTERS}
ASKED = {name.lower(): name for name in GETTERS if name not in ("SeriesStudio", "DateLastMediaAdded", "LockData")}


class Rows:
    """Makes the rows of one server."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.kept: dict[tuple[frozenset[str], bool], dict[str, bytes]] = {}
        self.generation = -1

    def basics(self, item: Item, images: bool) -> dict[str, Any]:
        """What every row has."""
        season = item.parent if item.type == "Episode" else None
        row: dict[str, Any] = {
            "Name": item.name, "ServerId": self.server.id, "Id": item.id, "Container": container(item),
            "PremiereDate": item.premiere, "ChannelId": None, "RunTimeTicks": item.ticks, "ProductionYear": item.year,
            "IndexNumber": item.number, "IndexNumberEnd": item.number_end, "ParentIndexNumber": item.season,
            "IsFolder": item.folder, "Type": item.type, "SeriesName": item.series.name if item.series else None,
            "SeriesId": item.series.id if item.series else None, "SeasonId": season.id if season else None,
            "SeasonName": season.name if season else None, "VideoType": None if item.folder else "VideoFile",
            "ImageBlurHashes": {}, "LocationType": "Virtual" if item.virtual else "FileSystem",
            "MediaType": "Unknown" if item.folder else "Video",
            "AirDays": [] if item.type == "Series" else None, "CollectionType": item.extra.get("CollectionType"),
        }  # fmt: skip
        return lean(row | ({"ImageTags": {}, "BackdropImageTags": []} if images else {}))

    def some(self, item: Item, names: list[str] | frozenset[str]) -> dict[str, Any]:
        """The named fields of an item."""
        return lean({name: GETTERS[name](item, self.server.modern) for name in names})

    def fixed(self, item: Item, fields: frozenset[str], images: bool) -> bytes:
        """The encoded part of a row that is the same for all users, without the closing brace."""
        if self.generation != self.server.shelf.generation:
            self.kept, self.generation = {}, self.server.shelf.generation
        if (fields, images) not in self.kept:
            while len(self.kept) >= KEPT:
                self.kept.pop(next(iter(self.kept)))
            self.kept[fields, images] = {}
        kept = self.kept[fields, images]
        if item.id not in kept:
            encoded = msgspec.json.encode(self.basics(item, images) | self.some(item, fields))[:-1]
            if "MediaSources" in fields or "MediaStreams" in fields:
                return encoded
            kept[item.id] = encoded
        return kept[item.id]

    def row(self, item: Item, fields: frozenset[str], images: bool, user: str | None, extra: bytes = b"") -> bytes:
        """One row of a page; without a user there is no user data."""
        fixed = self.fixed(item, fields, images) + extra
        return fixed + b',"UserData":' + self.server.data.listed(user, item) + b"}" if user else fixed + b"}"

    def whole(self, item: Item, user: str | None) -> dict[str, Any]:
        """The item with all its fields, as its own route gives it."""
        row = self.basics(item, True) | self.some(item, WHOLE)
        return row | ({"UserData": self.server.data.single(user, item)} if user else {})

    def playing(self, item: Item) -> dict[str, Any]:
        """The item as a session shows it."""
        return self.basics(item, True) | self.some(item, PLAYING.split())
