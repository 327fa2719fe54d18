"""What Trakt says of collected copies, and what may be said to it: words about a copy from its own list only."""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.contract import Collected, Fact, Media
from sidecar.model import Ids, Kind, Ref
from sidecar.trakt.wire import Moment, Title, WireIds

WORDS = {
    "media_type": "digital bluray hddvd dvd vcd vhs betamax laserdisc",
    "resolution": "uhd_4k hd_1080p hd_1080i hd_720p sd_480p sd_480i sd_576p sd_576i",
    "hdr": "dolby_vision hdr10 hdr10_plus hlg",
    "audio": "dolby_digital dolby_digital_plus dolby_digital_plus_atmos dolby_truehd dolby_atmos dolby_prologic "
    "dts dts_ma dts_hr dts_x auro_3d mp3 mp2 aac lpcm ogg ogg_opus wma flac",
    "audio_channels": "1.0 2.0 2.1 3.0 3.1 4.0 4.1 5.0 5.1 5.1.2 5.1.4 6.1 7.1 7.1.2 7.1.4 9.1 10.1",
}
"""Every word that Trakt has for a copy; what it makes of others is not known, so they are never sent."""


class _Episode(msgspec.Struct):
    number: int | None = None
    collected_at: Moment | None = None
    metadata: dict[str, Any] | None = None


class _Season(msgspec.Struct):
    number: int | None = None
    episodes: list[_Episode] = []


class CollectedShow(msgspec.Struct):
    """A show with the episodes that somebody has."""

    show: Title = msgspec.field(default_factory=lambda: Title(ids=WireIds()))
    seasons: list[_Season] = []

    def facts(self) -> list[Fact]:
        """Its episodes by show and numbers, which is all that Trakt says; none if something is missing."""
        show = self.show.ids.ids()
        numbered = [(season.number, episode) for season in self.seasons for episode in season.episodes]
        if not show or any(season is None or episode.number is None for season, episode in numbered):
            return []
        return [
            Fact(
                Ref(Kind.EPISODE, Ids(), show, season, episode.number, self.show.title, self.show.year),
                Collected(episode.collected_at, media_of(episode.metadata)),
            )
            for season, episode in numbered
        ]


def media_of(metadata: dict[str, Any] | None) -> Media | None:
    """What Trakt says of a copy, without what we do not know."""
    if not metadata:
        return None
    known = {name: str(metadata[name]) for name in WORDS if metadata.get(name)}
    return Media(**{"media_type": "digital", **known})


def said_of(media: Media | None) -> dict[str, str]:
    """What a body says of a copy; `digital` in any case, because Trakt keeps discs apart."""
    said = {name: getattr(media, name) for name in WORDS} if media else {}
    known = {name: word for name, word in said.items() if word in WORDS[name].split()}
    return {"media_type": "digital", **known}
