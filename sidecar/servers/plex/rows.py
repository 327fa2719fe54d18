"""What an element of a listing says: the item, the titles it stands for, and what one person did with it.

Pure, and patient with whatever a server may write into an attribute: what makes no sense is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from sidecar.contract import Collected, Copy, Media
from sidecar.model import Ids, Kind, Ref
from sidecar.servers.guids import UNMATCHED, Claimed, ids_of_guids, of_guid, refs_of
from sidecar.servers.rows import LEAVES, Row

TYPES = {Kind.MOVIE: "1", Kind.SHOW: "2", Kind.SEASON: "3", Kind.EPISODE: "4"}
"""How a listing is asked for one kind."""
_KINDS = {str(kind): kind for kind in Kind}
NO_NUMBER = "the server gives it no usable number"
LATEST = 4_102_444_800  # the year 2100
WIDTHS = ((3840, "uhd_4k"), (1920, "hd_1080p"), (1280, "hd_720p"), (768, "sd_576p"), (1, "sd_480p"))
AUDIO = {
    "ac3": "dolby_digital", "eac3": "dolby_digital_plus", "truehd": "dolby_truehd", "dca": "dts", "dta": "dts",
    "dtsma": "dts_ma", "dca-ma": "dts_ma", "pcm": "lpcm", "vorbis": "ogg", "opus": "ogg_opus", "aac": "aac",
    "mp3": "mp3", "wma": "wma", "flac": "flac",
}  # fmt: skip
RANGES = {"smpte2084": "hdr10", "arib-std-b67": "hlg"}
WIDE = ("hevc", "av1", "vp9")  # codecs whose range stands in the details only


def number(text: str | None, low: int = 0, high: int = LATEST) -> int | None:
    """A whole number within reason; None for anything else."""
    if text is None or not text.isascii() or not text.isdecimal() or len(text) > 12:
        return None
    return value if low <= (value := int(text)) <= high else None


def moment(text: str | None) -> datetime | None:
    """A moment in epoch seconds."""
    seconds = number(text, 1)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def item_of(row: Element, above: str = "") -> str:
    """The id of an item, or of what stands `above` it: parent or grandparent."""
    key, guid = (f"{above}RatingKey", f"{above}Guid") if above else ("ratingKey", "guid")
    return f"{row.get(key, '')}~{row.get(guid, '')}"


def show_of(row: Element) -> str:
    """The item id of the show that a season or an episode belongs to; nothing for others."""
    above = {"season": "parent", "episode": "grandparent"}.get(row.get("type", ""))
    return item_of(row, above) if above else ""


def key_of(item: str) -> str:
    """The number by which the server is asked for an item; nothing where it has none that can be used."""
    key = item.partition("~")[0]
    return key if key.isascii() and key.isdecimal() else ""


def file_of(row: Element) -> str:
    """The file behind a row."""
    part = row.find("Media/Part")
    return "" if part is None else part.get("file", "")


def row_of(
    element: Element,
    library: str,
    shows: Mapping[str, Ids],
    *,
    item: str = "",
    watched: bool = False,
    plays: Sequence[datetime] = (),
    file: str = "",
    ranges: Mapping[str, str | None] | None = None,
) -> Row | None:
    """One item; None for what is neither film nor part of a series. `watched` where the server lists it as that.

    What it is collected as is said only where the `ranges` of light of its versions are given.
    """
    kind, item = _KINDS.get(element.get("type", "")), item or item_of(element)
    if kind is None:
        return None
    length = number(element.get("duration"), 30_000, 10**8)
    year = number(element.get("year" if kind in (Kind.MOVIE, Kind.SHOW) else "parentYear"), 1850, 2200)
    runtime = round(length / 60_000) if length else None
    refs, why = _refs(element, kind, shows, year, runtime)
    if not key_of(item):
        refs, why = (), NO_NUMBER
    copy = _copy(element, item, watched and kind in LEAVES)
    return Row(
        kind,
        library,
        _full_name(element, kind),
        refs,
        copy,
        why,
        year,
        runtime,
        file,
        moment(element.get("lastRatedAt")) if copy.rating else None,
        Collected(moment(element.get("addedAt")), media_of(element, ranges))
        if ranges is not None and kind in LEAVES
        else None,
        tuple(plays),
        show_of(element),
        (number(element.get("parentIndex")), number(element.get("index"))) if kind is Kind.EPISODE else (None, None),
    )


def needs_details(element: Element) -> list[str]:
    """The versions of an item whose range of light a listing does not say."""
    media = (each for each in element.iter("Media") if each.get("videoCodec") in WIDE)
    return [each.get("id", "") for each in media if each.get("videoProfile") != "main"]  # 8 bits hold no wide range


def range_of(media: Element) -> str | None:
    """The range of light, as the streams in the details say it."""
    for stream in media.iter("Stream"):
        if stream.get("streamType") == "1":
            return "dolby_vision" if stream.get("DOVIPresent") == "1" else RANGES.get(stream.get("colorTrc", ""))
    return None


def media_of(element: Element, ranges: Mapping[str, str | None]) -> Media | None:
    """The best version of an item in Trakt's words."""
    best = max(element.iter("Media"), key=lambda each: number(each.get("width")) or 0, default=None)
    if best is None:
        return None
    width, channels = number(best.get("width"), 1), number(best.get("audioChannels"), 1, 11)
    codec = best.get("audioCodec", "")
    audio = "dts_ma" if codec == "dca" and best.get("audioProfile") == "ma" else AUDIO.get(codec)
    return Media(
        resolution=next((word for least, word in WIDTHS if width and width >= least), None),
        hdr=ranges.get(best.get("id", "")) or range_of(best),
        audio=audio,
        audio_channels=None if channels is None else f"{channels - 1}.1" if channels >= 3 else f"{channels}.0",
    )


def _refs(
    element: Element, kind: Kind, shows: Mapping[str, Ids], year: int | None, runtime: int | None
) -> tuple[tuple[Ref, ...], str]:
    claimed = of_guid(element.get("guid", ""), kind)
    ids = ids_of_guids((guid.get("id", "") for guid in element.iter("Guid")), claimed.ids.plex)
    bare = not any((ids.imdb, ids.tmdb, ids.tvdb))
    if bare and claimed.why not in ("", UNMATCHED):  # its numbers may be another count than the show's
        return (), claimed.why
    if bare and (claimed.ids or claimed.show):
        ids = claimed.ids if not claimed.ids.plex else ids
    season, place = _numbers(element, kind, claimed)
    name = element.get("title")
    if kind in (Kind.SEASON, Kind.EPISODE):
        name = element.get("grandparentTitle" if kind is Kind.EPISODE else "parentTitle")
    show = claimed.show or shows.get(show_of(element))
    return refs_of(
        kind, ids, name=name, year=year, runtime=runtime, show=show, season=season, number=place, why=claimed.why
    )


def _numbers(element: Element, kind: Kind, claimed: Claimed) -> tuple[int | None, int | None]:
    """Season and episode: those of an old guid where it carries the show, because they belong to its catalogue."""
    if kind is Kind.SEASON:
        return claimed.season if claimed.season is not None else number(element.get("index")), None
    if kind is not Kind.EPISODE:
        return None, None
    if claimed.show is not None and claimed.season is not None and claimed.number is not None:
        return claimed.season, claimed.number
    return number(element.get("parentIndex")), number(element.get("index"))


def _copy(element: Element, item: str, listed: bool) -> Copy:
    count = number(element.get("viewCount"), high=10**9) or int(listed)  # marked items may come without a count
    return Copy(
        item,
        played=count > 0,
        count=count,
        at=moment(element.get("lastViewedAt")),
        begun=bool(number(element.get("viewOffset"), 1, 10**9)),
        rating=_rating(element.get("userRating")),
    )


def _rating(text: str | None) -> float | None:
    """A rating above 0, which some servers write for none."""
    try:
        value = float(text or 0)
    except ValueError:
        return None
    return value if 0 < value <= 10 else None


def _full_name(element: Element, kind: Kind) -> str:
    above = {Kind.SEASON: "parentTitle", Kind.EPISODE: "grandparentTitle"}.get(kind)
    parts = (element.get(above, "") if above else "", element.get("title", ""))
    name = " – ".join(part for part in parts if part) or "(no title)"
    edition = element.get("editionTitle")
    return f"{name} ({edition})" if edition else name
