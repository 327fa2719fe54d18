"""A simulated Jellyfin and a simulated Plex of one household, in this process, with the settings that lead to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sidecar.demo import jellyfin, plex
from sidecar.demo.catalogue import Catalogue
from sidecar.demo.control import Control
from sidecar.demo.invent import invent
from sidecar.demo.listen import Listener
from sidecar.model import Secret
from sidecar.settings import Plex as PlexSettings
from sidecar.settings import Server


@dataclass
class Household:
    """Two servers with the same people and files."""

    catalogue: Catalogue
    urls: dict[str, str]
    controls: dict[str, Control] = field(default_factory=dict)

    @property
    def api_key(self) -> str:
        """Jellyfin's."""
        return str(jellyfin.signins(self.catalogue)["api_key"])

    @property
    def people(self) -> dict[str, Any]:
        """The people of Plex with their tokens."""
        found: dict[str, Any] = plex.signins(self.catalogue)["people"]
        return found

    def settings(self, *, key: str | None = None, token: str | None = None) -> tuple[Server, ...]:
        """Both servers, with the tokens that serve everybody unless others are given."""
        account = self.people["Anna"]["account_token"]
        return (
            Server("home", "jellyfin", self.urls["jellyfin"], Secret(self.api_key if key is None else key)),
            Server("den", "plex", self.urls["plex"], Secret(account if token is None else token)),
        )

    @property
    def plex_settings(self) -> PlexSettings:
        """plex.tv, as simulated."""
        return PlexSettings(*[self.urls["plex"]] * 3)

    def toml(self) -> str:
        """The settings as the admin would write them."""
        url = self.urls["plex"]
        lines = [f'[plex]\naccount_url = "{url}"\ndiscover_url = "{url}"\nmetadata_url = "{url}"']
        lines += [
            f'[[servers]]\nname = "{each.name}"\nkind = "{each.kind}"\nurl = "{each.url}"\n'
            f'token = "{each.token.reveal()}"'
            for each in self.settings()
        ]
        return "\n".join(lines) + "\n"

    def act(self, service: str, do: str, **said: Any) -> Any:
        """What somebody does in another client."""
        return self.controls[service].acts[do]({"do": do, **said})

    def fault(self, service: str, name: str, **args: Any) -> None:
        """Arm a fault."""
        self.controls[service].faults.arm({"name": name, **args})

    def reset(self) -> None:
        """As after the start."""
        for control in self.controls.values():
            control.reset()

    def unhandled(self) -> list[Any]:
        """What was asked and no simulator knows."""
        return [row for control in self.controls.values() for row in control.log if row["unhandled"]]


@contextmanager
def living() -> Iterator[Household]:
    """A household for the length of a block."""
    catalogue = invent(200, 4, 1)
    controls = {name: Control(name) for name in ("jellyfin", "plex")}
    apps = {
        "jellyfin": jellyfin.make_app(catalogue, controls["jellyfin"]),
        "plex": plex.make_app(catalogue, controls["plex"]),
    }
    listeners = {name: Listener(app).start() for name, app in apps.items()}
    yield Household(catalogue, {name: listener.url for name, listener in listeners.items()}, controls)
    apps["plex"].extensions["plex"].news.close()
    for listener in listeners.values():
        listener.close()
