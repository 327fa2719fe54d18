"""What the admin sets: `sidetrakt.toml` and the environment. The program never writes the file.

The environment wins over the file, the file over what was chosen in the web page, that over the default. All
problems are found at once, each with a near miss where there is one, and every value knows where it came from.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from sidecar.errors import SettingsError
from sidecar.model import Secret
from sidecar.reading import Reading
from sidecar.words import duration_text

FILE = "sidetrakt.toml"
HOME = "SIDETRAKT_HOME"
OTHERS = (HOME, "SIDETRAKT_KEY", "SIDETRAKT_KEY_FILE")
NEXT_STEP = "Every key stands in docs/settings.md; nothing was started or changed."

_TIME = r"([01]\d|2[0-3]):[0-5]\d"
_ADDRESS = "an address such as http://jellyfin:8096"

Port = Annotated[int, msgspec.Meta(ge=1, le=65535, description="a whole number from 1 to 65535")]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=600, description="a number of seconds up to 600")]
Pace = Annotated[float, msgspec.Meta(ge=0, le=1000, description="a number up to 1000")]
Address = Annotated[str, msgspec.Meta(pattern=r"^https?://[^/\s@?#]+(/[^\s?#]*)?$", description=_ADDRESS)]
MaybeAddress = Annotated[
    str, msgspec.Meta(pattern=r"^(https?://[^/\s@?#]+(/[^\s?#]*)?)?$", description=f"{_ADDRESS}, or nothing")
]
TimeOfDay = Annotated[str, msgspec.Meta(pattern=rf"^({_TIME})?$", description="a time such as 03:30, or nothing")]
Span = Annotated[
    str, msgspec.Meta(pattern=rf"^({_TIME}-{_TIME})?$", description="a span such as 23:00-07:00, or nothing")
]
Few = Annotated[int, msgspec.Meta(ge=1, le=100, description="a whole number from 1 to 100")]
Sends = Annotated[int, msgspec.Meta(ge=1, le=3, description="1, 2 or 3")]
Host = Annotated[str, msgspec.Meta(pattern=r"^[^\s/]+$", description="a host name or address")]
Name = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", description="a short name of letters, digits, - and _")
]
Features = Literal["history", "ratings", "watchlist", "collection"]


class Web(msgspec.Struct, frozen=True):
    """Where the web page and the hooks are served."""

    host: Host = "127.0.0.1"
    port: Port = 8477
    public_url: MaybeAddress = ""


class Log(msgspec.Struct, frozen=True):
    """What is written down, how and where."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
    file: str = ""
    keep: Few = 5


class Trakt(msgspec.Struct, frozen=True):
    """Our app at Trakt, and how much we ask of it."""

    client_id: str = ""
    client_secret: Secret = Secret("")
    api_url: Address = "https://api.trakt.tv"
    auth_url: Address = "https://auth.trakt.tv"
    timeout: Seconds = 15.0
    bulk_timeout: Seconds = 90.0
    max_retries: Sends = 3
    get_per_second: Pace = 3.33
    write_per_second: Pace = 1.0
    history_number_fallback: bool = False
    history_collection: bool = False
    history_collection_types: tuple[Literal["movies", "episodes"], ...] = ("movies",)


class Plex(msgspec.Struct, frozen=True):
    """The addresses of plex.tv and its two services."""

    account_url: Address = "https://plex.tv"
    discover_url: Address = "https://discover.provider.plex.tv"
    metadata_url: Address = "https://metadata.provider.plex.tv"


class Sync(msgspec.Struct, frozen=True):
    """When and what is synced."""

    every: timedelta = timedelta(hours=1)
    read_all_every: timedelta = timedelta(days=1)
    at: TimeOfDay = ""
    quiet: Span = ""
    features: tuple[Features, ...] = ("history", "ratings", "watchlist")


class Server(msgspec.Struct, frozen=True):
    """One media server."""

    name: Name
    kind: Literal["jellyfin", "plex"]
    url: Address
    token: Secret = Secret("")
    hook_token: Secret = Secret("")
    admin: bool = True
    writes_per_second: Pace = 0.0  # 0 = what the kind of server bears

    def __post_init__(self) -> None:
        if not self.writes_per_second:
            msgspec.structs.force_setattr(self, "writes_per_second", 20.0 if self.kind == "jellyfin" else 4.0)


SECTIONS: dict[str, type[msgspec.Struct]] = {"web": Web, "log": Log, "trakt": Trakt, "plex": Plex, "sync": Sync}


class Settings(msgspec.Struct, frozen=True):
    """Everything, with the origin of each value under its dotted name such as `web.port`."""

    web: Web
    log: Log
    trakt: Trakt
    plex: Plex
    sync: Sync
    servers: tuple[Server, ...]
    origins: dict[str, str]

    def secrets(self) -> list[Secret]:
        """Every secret in the settings, for the redaction of logs."""
        found = [self.trakt.client_secret]
        for server in self.servers:
            found += [server.token, server.hook_token]
        return [secret for secret in found if secret]

    def dump(self) -> list[tuple[str, str, str]]:
        """Every key with its value as people write it, secrets hidden, and where it came from."""
        rows = []
        for name in SECTIONS:
            rows += self._dump_of(name, getattr(self, name))
        for server in self.servers:
            rows += self._dump_of(f"servers.{server.name}", server)
        return rows

    def _dump_of(self, name: str, section: msgspec.Struct) -> list[tuple[str, str, str]]:
        keys = [(key, f"{name}.{key}") for key in section.__struct_fields__]
        return [(full, written(getattr(section, key)), self.origins.get(full, "default")) for key, full in keys]


def home(environ: Mapping[str, str]) -> Path:
    """The data folder: SIDETRAKT_HOME, or the platform's place for a user's data."""
    if environ.get(HOME, "").strip():
        return Path(environ[HOME]).expanduser().absolute()
    user = Path(environ.get("HOME", "~")).expanduser()
    if sys.platform == "darwin":
        return user / "Library" / "Application Support" / "Sidetrakt"
    return Path(environ.get("XDG_DATA_HOME") or user / ".local" / "share").absolute() / "sidetrakt"


def load(environ: Mapping[str, str], folder: Path, chosen: Mapping[str, str] | None = None) -> Settings:
    """Read everything; raises SettingsError with all problems. `chosen` is what the web page stored, by dotted name."""
    reading = Reading(environ, folder / FILE, chosen or {}, sections=[*SECTIONS, "servers"])
    sections: dict[str, Any] = {name: reading.section(name, kind) for name, kind in SECTIONS.items()}
    servers = reading.several("servers", Server)
    reading.report_unknown(OTHERS)
    if reading.problems:
        raise SettingsError(reading.problems, NEXT_STEP)
    return Settings(**sections, servers=tuple(servers), origins=reading.origins)


def written(value: Any) -> str:
    """A value as people write it; a secret only says whether it is set."""
    if isinstance(value, Secret):
        return "(set)" if value else "(empty)"
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(str(part) for part in value) if isinstance(value, tuple) else str(value)
