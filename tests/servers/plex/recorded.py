"""Recorded and hand-written answers of Plex: as elements, and served from loopback to the real client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

from sidecar.clock import Clock
from sidecar.model import Ids, Secret
from sidecar.servers.plex.client import Plex
from sidecar.servers.plex.rows import row_of
from sidecar.servers.rows import Row
from tests.fakes import FakeClock
from tests.loopback import Answer, Loopback, listening

XML = {"Content-Type": "text/xml;charset=utf-8"}
ROOT = Answer(body=b'<MediaContainer machineIdentifier="m" friendlyName="Loft" version="1.43.3.1"/>', headers=XML)


def container(path: Path) -> Element:
    """The root of an answer."""
    return ET.parse(path).getroot()  # noqa: S314 - our own files


def rows(path: Path, shows: Mapping[str, Ids] | None = None, *, watched: bool = False) -> list[Row]:
    """What our own code makes of a listing."""
    found = (
        row_of(each, "1", shows or {}, watched=watched, ranges={}) for each in container(path) if each.get("ratingKey")
    )
    return [row for row in found if row is not None]


def of_json(value: Mapping[str, Any], tag: str = "Video") -> Element:
    """An answer in JSON as the same server would have said it in XML."""
    plain = {name: each for name, each in value.items() if not isinstance(each, list)}
    made = Element(tag, {name: str(int(each)) if isinstance(each, bool) else str(each) for name, each in plain.items()})
    for name, several in value.items():
        for each in several if isinstance(several, list) else ():
            made.append(of_json(each, name))
    return made


def answer(path: Path) -> Answer:
    """A file as an answer."""
    return Answer(body=path.read_bytes(), headers=XML)


def saying(text: str, status: int = 200) -> Answer:
    """A text as an answer."""
    return Answer(status, text.encode(), XML)


@contextmanager
def server(*answers: Answer, clock: Clock | None = None) -> Iterator[tuple[Plex, Loopback]]:
    """The real client, talking to somebody who says these things after it connected."""
    with listening(ROOT, *answers) as there:
        plex = Plex(
            there.url,
            Secret("a-token-of-somebody"),
            label="Plex den",
            client_id="c",
            clock=clock or FakeClock(),
            pause=0,
        )
        try:
            yield plex, there
        finally:
            plex.close()
