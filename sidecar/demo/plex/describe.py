"""Attributes and children of items, one description for listings, details, sessions and webhooks."""

from pathlib import PurePosixPath

from sidecar.demo.catalogue import File, Season
from sidecar.demo.plex.accounts import View
from sidecar.demo.plex.encode import Attrs, Node, words
from sidecar.demo.plex.inventory import SOURCES, Item

SIZES = {"4k": (3840, 2160), "1080": (1920, 1080), "720": (1280, 720), "sd": (720, 404)}
HDR = {
    "hdr10": ("smpte2084", " HDR10"),
    "dovi": ("smpte2084", " DoVi/HDR10"),
    "hlg": ("arib-std-b67", " HLG"),
    "": ("", ""),
}
LAYOUTS = {1: "Mono", 2: "Stereo", 6: "5.1", 8: "7.1"}
AGENT = "contentRating=PG-13 audienceRatingImage=themoviedb://image.rating chapterSource=media"
FILM = "studio=Invented_Pictures contentRatingAge=13 tagline=Made_up. ratingImage=imdb://image.rating"
BLUR = Node("UltraBlurColors", words("topLeft=a01010 topRight=b02020 bottomRight=c03030 bottomLeft=d04040"))
TAGS = (
    ("Country", "Norway"),
    ("Collection", "Invented"),
    ("Director", "N. Body"),
    ("Writer", "N. Writer"),
    ("Role", "A. Actor"),
)
VIDEO = "streamType=1 default=true index=0 frameRate=24 bitrate=6000 level=150 bitDepth=8 chromaSubsampling=4:2:0"
WIDE = "bitDepth=10 colorPrimaries=bt2020 colorRange=tv colorSpace=bt2020nc"
DOVI = "DOVIPresent=true DOVIBLPresent=true DOVIELPresent=false DOVIRPUPresent=true DOVIProfile=8 DOVILevel=6"
AUDIO = ("bitrate=640 samplingRate=48000 streamType=2 default=true selected=true index=1 language=English "
         "languageTag=en languageCode=eng")  # fmt: skip


def path_of(item: Item) -> str:
    """Where the item itself is; shows and seasons name their children as `key`."""
    return f"/library/metadata/{item.key}"


def attributes(item: Item) -> Attrs:
    """What is the same for everybody, absent where the server does not know it."""
    path, stamp, kind, top = path_of(item), item.added + 100, item.kind, (item, *item.elders)[-1]
    out = words(ratingKey=str(item.key), key=path if kind in ("movie", "episode") else f"{path}/children")
    out |= words(guid=item.guid, type=kind, title=item.title, summary="", year=item.year, addedAt=item.added)
    for name, elder in zip(("parent", "grandparent"), item.elders, strict=False):
        out |= {f"{name}RatingKey": str(elder.key), f"{name}Guid": elder.guid, f"{name}Key": path_of(elder)}
        out |= {f"{name}Title": elder.title, f"{name}Thumb": f"{path_of(elder)}/thumb/{stamp}"}
    if kind == "episode":
        out |= {f"grandparent{name}": f"{path_of(top)}/{name.lower()}/{stamp}" for name in ("Art", "Theme")}
        out |= words(grandparentSlug=slug(top), parentIndex=item.elders[0].index, parentYear=top.year)
    elif kind != "movie":
        out |= words(leafCount=len(item.leaves), childCount=len(item.kids), skipChildren=len(item.kids) == 1 or None)
    if item.matched and kind != "season":
        out |= words(AGENT, audienceRating=7.4, slug=slug(item)) | words("studio=Invented_TV" if kind == "show" else "")
    if item.matched and kind == "movie":
        out |= words(FILM, rating=6.9, primaryExtraKey=f"/library/metadata/{item.key + 900_000}")
    out |= words(index=1 if kind == "show" else item.index, duration=None if kind == "season" else item.duration)
    out |= words(titleSort=item.title[4:] if item.title.startswith("The ") else None, updatedAt=stamp)
    out |= words(thumb=f"{path}/thumb/{stamp}", art=f"{path_of(top)}/art/{stamp}")
    out |= words(editionTitle=item.files[0].edition if item.files else None)
    out |= words(originallyAvailableAt=item.released.isoformat() if item.released else None)
    return {name: value for name, value in out.items() if value is not None}


def slug(item: Item) -> str | None:
    """The name of a film or series in addresses of plex.tv."""
    return item.known.ids.slug if item.matched and item.known and item.kind in ("movie", "show") else None


def personal(item: Item, view: View, seen: int) -> Attrs:
    """What depends on who asks: `seen` leaves of a show or season have been watched."""
    return ({"viewedLeafCount": seen} if item.kind in ("show", "season") else {}) | view.attributes()


def guids(item: Item) -> list[Node]:
    """The external ids, which only items of Plex's own agents have."""
    ids = [(name, getattr(item.claims, name)) for name in SOURCES] if item.matched else []
    return [Node("Guid", {"id": f"{name}://{value}"}) for name, value in ids if value]


def children(item: Item, details: bool = False, playing: bool = False) -> list[Node]:
    """Media and the first few tags; details have streams, ids of tags, labels and pictures too."""
    found = [media(item, number, file, details, playing) for number, file in enumerate(item.files)]
    if not item.matched or isinstance(item.known, Season) or item.kind == "season":
        return found
    genres = [("Genre", genre.capitalize()) for genre in getattr(item.known, "genres", ())]
    for name, tag in [*genres, *TAGS] if item.kind != "episode" else TAGS[2:]:
        number = sum(map(ord, tag))
        more = words(id=number, filter=f"{name.lower()}={number}", count=2) if details else {}
        found.append(Node(name, {"tag": tag} | more))
    if details:
        found.append(Node("Image", words("type=coverPoster", alt=item.title, url=attributes(item)["thumb"])))
        found.append(Node("Rating", words("image=themoviedb://image.rating type=audience", value=7.4)))
        found.append(Node("Label", words("id=77 tag=Invented")))
    return [*found, BLUR]


def media(item: Item, number: int, file: File, details: bool, playing: bool) -> Node:
    """One version with its part."""
    about, length, kind = file.media, file.runtime_ms or 0, PurePosixPath(file.path).suffix[1:] or "mkv"
    width, height = SIZES[about.resolution]
    codec, _, profile = about.audio.partition("-")
    key = item.key * 10 + number
    both = words(id=key, duration=length, container=kind, videoProfile="main 10" if about.video == "hevc" else "high")
    both |= words(audioProfile=profile or "lc") if profile or codec == "aac" else {}
    both |= words("has64bitOffsets=false optimizedForStreaming=false") if kind == "mp4" else {}
    part = both | words(
        "indexes=sd", key=f"/library/parts/{key}/{item.added}/file.{kind}", file=file.path, size=about.size
    )
    both |= {"optimizedForStreaming": 0} if kind == "mp4" else {}
    if playing:
        both, part = words("selected=true") | both, words("selected=true decision=directplay") | part
    both |= words("videoFrameRate=24p hasVoiceActivity=false", bitrate=about.size * 8 // (length or 1), width=width)
    both |= words(
        height=height, aspectRatio=1.78, audioChannels=about.channels, audioCodec=codec, videoCodec=about.video
    )
    both["videoResolution"] = about.resolution
    return Node("Media", both, [Node("Part", part, streams(key, file) if details else ())])


def streams(number: int, file: File) -> list[Node]:
    """Picture and sound, the only place where HDR and Atmos can be seen."""
    about, (width, height) = file.media, SIZES[file.media.resolution]
    trc, hdr = HDR[about.hdr]
    title = f"{about.resolution.upper()}{hdr} ({about.video.upper()}{' Main 10' if about.video == 'hevc' else ''})"
    picture = words(VIDEO, id=number * 10, codec=about.video, width=width, height=height, displayTitle=title)
    picture |= words(extendedDisplayTitle=title, profile="main 10" if about.video == "hevc" else "high") | (
        words(WIDE, colorTrc=trc) if trc else {}
    )
    picture |= words(DOVI, DOVIVersion="1.0") if about.hdr == "dovi" else {}
    layout, name = LAYOUTS.get(about.channels, str(about.channels)), about.audio.upper()
    sound = words(AUDIO, id=number * 10 + 1, codec=about.audio.split("-")[0], channels=about.channels)
    atmos = " Atmos" if about.audio in ("truehd", "eac3") and about.channels >= 8 else ""
    sound |= words(audioChannelLayout=layout, displayTitle=f"English ({name} {layout})")
    return [
        Node("Stream", picture),
        Node("Stream", sound | words(extendedDisplayTitle=f"{name}{atmos} {layout} (English)")),
    ]


def element(item: Item, attrs: Attrs, kids: list[Node]) -> Node:
    """The element of an item: Video for what plays, Directory for what contains."""
    return Node("Directory" if item.kind in ("show", "season") else "Video", attrs, kids, "Metadata")


def details(item: Item, own: Attrs, more: list[Node], playing: bool = False) -> Node:
    """Everything about an item, with attributes and children of the occasion."""
    name, key = item.section.library.name, item.section.key
    where = words(librarySectionTitle=name, librarySectionID=key, librarySectionKey=f"/library/sections/{key}")
    return element(item, attributes(item) | where | own, [*children(item, True, playing), *guids(item), *more])
