"""What kind of copy a file is, in Trakt's words: from what Jellyfin's probe found in the best version.

Where nothing was probed nothing is said; a word that Trakt does not have is never invented.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from sidecar.contract import Media

WIDTHS = ((3800, "uhd_4k"), (1400, "hd_1080"), (950, "hd_720"))
AUDIO = {
    "ac3": "dolby_digital", "eac3": "dolby_digital_plus", "truehd": "dolby_truehd", "dts": "dts", "dca": "dts",
    "vorbis": "ogg", "opus": "ogg_opus", "aac": "aac", "flac": "flac", "mp2": "mp2", "mp3": "mp3",
}  # fmt: skip
ATMOS = {"eac3": "dolby_digital_plus_atmos", "truehd": "dolby_atmos"}
DTS = {"DTS-HD MA": "dts_ma", "DTS-HD HRA": "dts_hr"}
LAYOUTS = {"mono": "1.0", "stereo": "2.0"}
CHANNELS = {1: "1.0", 2: "2.0", 6: "5.1", 7: "6.1", 8: "7.1"}


class Stream(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """One stream of a file."""

    type: str = ""
    codec: str | None = None
    profile: str | None = None
    width: int | None = None
    height: int | None = None
    is_interlaced: bool = False
    is_default: bool = False
    index: int = -1
    video_range_type: str | None = None
    dv_profile: int | None = None
    hdr10_plus_present_flag: bool | None = None
    channels: int | None = None
    channel_layout: str | None = None
    audio_spatial_format: str | None = None


class Source(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """One version of a title."""

    media_streams: list[Stream] | None = None
    default_audio_stream_index: int | None = None

    def video(self) -> Stream | None:
        """The picture."""
        return next((each for each in self.media_streams or () if each.type == "Video" and each.width), None)

    def sound(self) -> Stream | None:
        """The sound that is heard if nobody chooses another."""
        found = [each for each in self.media_streams or () if each.type == "Audio"]
        return min(
            found, key=lambda each: (each.index != self.default_audio_stream_index, not each.is_default), default=None
        )


def media_of(sources: Sequence[Source]) -> Media | None:
    """The best version: the widest picture, then the wider range; None where nothing was probed."""
    probed = [(video, source) for source in sources if (video := source.video()) is not None]
    if not probed:
        return None
    video, best = max(probed, key=lambda pair: (pair[0].width or 0, _range(pair[0]) is not None))
    sound = best.sound()
    return Media(
        resolution=_resolution(video),
        hdr=_range(video),
        audio=_audio(sound) if sound else None,
        audio_channels=_channels(sound) if sound else None,
    )


def _resolution(video: Stream) -> str:
    width, scan = video.width or 0, "i" if video.is_interlaced else "p"
    name = next((name for least, name in WIDTHS if width >= least), "")
    if name in ("uhd_4k", "hd_720"):
        return name if name == "uhd_4k" else "hd_720p"  # Trakt has no interlaced ones of these
    return f"{name or ('sd_576' if width >= 630 and (video.height or 0) >= 500 else 'sd_480')}{scan}"


def _range(video: Stream) -> str | None:
    kind = video.video_range_type or ""
    if video.dv_profile is not None or (kind.startswith("DOVI") and kind != "DOVIInvalid"):
        return "dolby_vision"
    if kind == "HDR10Plus" or video.hdr10_plus_present_flag:
        return "hdr10_plus"
    return {"HDR10": "hdr10", "HLG": "hlg"}.get(kind)


def _audio(sound: Stream) -> str | None:
    codec, profile = (sound.codec or "").lower(), sound.profile or ""
    if sound.audio_spatial_format == "DolbyAtmos" and codec in ATMOS:
        return ATMOS[codec]
    if codec in ("dts", "dca"):
        return "dts_x" if sound.audio_spatial_format == "DTSX" else DTS.get(profile, "dts")
    if codec.startswith(("pcm_", "wma")):
        return "lpcm" if codec.startswith("pcm_") else "wma"
    return AUDIO.get(codec)


def _channels(sound: Stream) -> str | None:
    layout = sound.channel_layout or ""
    named = re.match(r"[0-9]\.[0-9](?:\.[0-9])?", layout)
    return named[0] if named else LAYOUTS.get(layout) or CHANNELS.get(sound.channels or 0)
