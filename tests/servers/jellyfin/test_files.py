"""What a probe found, in Trakt's words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sidecar.contract import Media
from sidecar.servers.jellyfin.files import Source, media_of
from sidecar.trakt.collected import WORDS

ATMOS = {"AudioSpatialFormat": "DolbyAtmos"}


def media(video: dict[str, Any], sound: dict[str, Any] | None = None) -> Media | None:
    """One file with these streams."""
    streams = [{"Type": "Video", "Index": 0, **video}, *([{"Type": "Audio", "Index": 1, **sound}] if sound else [])]
    return media_of([msgspec.convert({"MediaStreams": streams}, Source)])


@pytest.mark.parametrize(
    ("video", "resolution", "hdr"),
    [
        ({"Width": 3840, "Height": 1600, "VideoRangeType": "DOVIWithHDR10"}, "uhd_4k", "dolby_vision"),
        ({"Width": 3840, "IsInterlaced": True, "VideoRangeType": "HDR10Plus"}, "uhd_4k", "hdr10_plus"),
        ({"Width": 1920, "VideoRangeType": "HDR10", "Hdr10PlusPresentFlag": True}, "hd_1080p", "hdr10_plus"),
        ({"Width": 1920, "VideoRangeType": "HDR10"}, "hd_1080p", "hdr10"),
        ({"Width": 1440, "IsInterlaced": True, "VideoRangeType": "SDR"}, "hd_1080i", None),
        ({"Width": 1280, "IsInterlaced": True, "VideoRangeType": "HLG"}, "hd_720p", "hlg"),
        ({"Width": 720, "Height": 576, "IsInterlaced": True}, "sd_576i", None),
        ({"Width": 720, "Height": 480, "VideoRangeType": "DOVIInvalid"}, "sd_480p", None),
        ({"Width": 1920, "DvProfile": 5, "VideoRangeType": "DOVI"}, "hd_1080p", "dolby_vision"),
    ],
)
def test_pictures(video: dict[str, Any], resolution: str, hdr: str | None) -> None:
    assert media(video) == Media(resolution=resolution, hdr=hdr)


@pytest.mark.parametrize(
    ("sound", "audio", "channels"),
    [
        ({"Codec": "eac3", "Channels": 6, **ATMOS}, "dolby_digital_plus_atmos", "5.1"),
        ({"Codec": "truehd", "Channels": 8, **ATMOS}, "dolby_atmos", "7.1"),
        ({"Codec": "truehd", "ChannelLayout": "7.1"}, "dolby_truehd", "7.1"),
        ({"Codec": "dts", "Profile": "DTS-HD MA", "ChannelLayout": "5.1(side)"}, "dts_ma", "5.1"),
        ({"Codec": "dca", "Profile": "DTS-HD HRA"}, "dts_hr", None),
        ({"Codec": "DTS", "AudioSpatialFormat": "DTSX", "Profile": "DTS-HD MA"}, "dts_x", None),
        ({"Codec": "ac3", "ChannelLayout": "stereo"}, "dolby_digital", "2.0"),
        ({"Codec": "pcm_s24le", "ChannelLayout": "mono"}, "lpcm", "1.0"),
        ({"Codec": "wmav2", "Channels": 2}, "wma", "2.0"),
        ({"Codec": "opus", "Channels": 3}, "ogg_opus", None),
        ({"Codec": "never heard of"}, None, None),
    ],
)  # fmt: skip
def test_sounds(sound: dict[str, Any], audio: str | None, channels: str | None) -> None:
    found = media({"Width": 1920}, sound)
    assert found is not None
    assert (found.audio, found.audio_channels) == (audio, channels)
    for name, word in (("audio", audio), ("audio_channels", channels)):
        assert word is None or word in WORDS[name].split()


def test_the_best_of_several_versions_and_the_sound_that_is_heard_by_default() -> None:
    def version(width: int, kind: str, default: int) -> dict[str, Any]:
        sounds = [{"Type": "Audio", "Index": 1, "Codec": "aac"}, {"Type": "Audio", "Index": 2, "Codec": "flac"}]
        video = {"Type": "Video", "Index": 0, "Width": width, "VideoRangeType": kind}
        return {"DefaultAudioStreamIndex": default, "MediaStreams": [*sounds, video]}

    versions = [version(1920, "HDR10", 1), version(3840, "SDR", 1), version(3840, "HLG", 2), {"MediaStreams": []}, {}]
    assert media_of(msgspec.convert(versions, list[Source])) == Media(resolution="uhd_4k", hdr="hlg", audio="flac")


def test_nothing_is_said_where_nothing_was_probed() -> None:
    assert media_of([]) is None
    assert media_of(msgspec.convert([{}, {"MediaStreams": [{"Type": "Audio", "Codec": "aac"}]}], list[Source])) is None
