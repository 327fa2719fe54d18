"""One description of an answer and two encoders: XML by default, JSON for whoever accepts it.

A row of a listing is encoded once per item and format; only what belongs to the person asking is added per request.
"""

import functools
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import flask
import msgspec

Attrs = dict[str, Any]
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
ALONE = {"User", "Player", "Session", "UltraBlurColors", "subscription", "profile", "Meta"}
UNSAFE = re.compile(r'[&<>"\n]').search
LISTS = {"features", "connections", "entitlements", "roles"}


class Node(NamedTuple):
    """An element: its attributes, its children, and its name in JSON where that is not the tag."""

    tag: str
    attrs: Attrs
    kids: Sequence["Node"] = ()
    name: str = ""


class Row(NamedTuple):
    """An element encoded but for what is personal, which belongs between head and body."""

    head: bytes
    body: bytes
    guids: bytes
    tail: bytes


def words(text: str = "", **more: Any) -> Attrs:
    """Attributes written as `name=value`: true, false, whole numbers, else text with `_` for spaces."""
    return parse(text) | more if text else more


@functools.lru_cache(256)
def parse(text: str) -> Attrs:
    """What `words` makes of its text; not to be changed by whoever gets it."""
    kinds: Attrs = {"true": True, "false": False}
    pairs = (pair.split("=", 1) for pair in text.split())
    return {k: int(v) if v.isdecimal() else kinds.get(v, v.replace("_", " ")) for k, v in pairs}


def xml_attrs(attrs: Attrs) -> str:
    """Attributes with a space before each."""
    return "".join([f' {name}="{attribute(value)}"' for name, value in attrs.items()])


def attribute(value: Any) -> str:
    """A value as XML has it."""
    if isinstance(value, str):
        return escape(value, {'"': "&quot;", "\n": "&#10;"}) if UNSAFE(value) else value
    return "" if value is None else str(int(value)) if isinstance(value, bool) else str(value)


def to_xml(node: Node) -> str:
    """The element as XML."""
    head, inner = f"<{node.tag}{xml_attrs(node.attrs)}", "".join(map(to_xml, node.kids))
    return f"{head}>{inner}</{node.tag}>" if inner else f"{head}/>"


def to_json(node: Node) -> Attrs:
    """The element as a JSON object: children stand in lists by name, but for those that are always alone."""
    shown = dict(node.attrs)
    for kid in node.kids:
        name = kid.name or ("Metadata" if kid.tag == "Video" else kid.tag)
        if name in LISTS:
            shown[name] = [k.attrs["id"] if k.attrs.keys() == {"id"} else to_json(k) for k in kid.kids]
        elif name in ALONE:
            shown[name] = to_json(kid)
        else:
            shown.setdefault(name, []).append(to_json(kid))
    return shown


def freeze(node: Node, guids: Sequence[Node], as_json: bool) -> Row:
    """Encodes what is the same for everybody."""
    if as_json:
        body = msgspec.json.encode(to_json(Node("", {}, node.kids)))[1:-1]
        ids = b',"Guid":' + msgspec.json.encode([guid.attrs for guid in guids]) if guids else b""
        return Row(msgspec.json.encode(node.attrs)[:-1], b"," + body if body else b"", ids, b"}")
    head, inner = f"<{node.tag}{xml_attrs(node.attrs)}", ">" + "".join(map(to_xml, node.kids))
    return Row(head.encode(), inner.encode(), "".join(map(to_xml, guids)).encode(), f"</{node.tag}>".encode())


def thaw(row: Row, personal: Attrs, guids: bool, as_json: bool) -> bytes:
    """The whole row for one person."""
    own = b"," + msgspec.json.encode(personal)[1:-1] if as_json else xml_attrs(personal).encode()
    return b"".join((row.head, own if personal else b"", row.body, row.guids if guids else b"", row.tail))


def wants_json() -> bool:
    """Whether the current request asks for JSON."""
    return "application/json" in flask.request.headers.get("Accept", "")


def send(body: bytes, as_json: bool, status: int = 200) -> flask.Response:
    """An answer with the type of its body."""
    kind = "application/json" if as_json else "text/xml"
    return flask.Response(body, status, {"X-Plex-Protocol": "1.0"}, content_type=f"{kind};charset=utf-8")


def page(attrs: Attrs, rows: list[bytes]) -> flask.Response:
    """A MediaContainer of encoded rows."""
    if wants_json():
        found = b',"Metadata":[' + b",".join(rows) + b"]" if rows else b""
        return send(b'{"MediaContainer":' + msgspec.json.encode(attrs)[:-1] + found + b"}}", True)
    head = f"<MediaContainer{xml_attrs(attrs)}>".encode()
    return send(b"".join((DECLARATION, head, *rows, b"</MediaContainer>")), False)


def reply(root: Node, status: int = 200, bare: str = "") -> flask.Response:
    """One element as the whole answer; JSON of plex.tv is `bare`: the `object`, or the `list` of its children."""
    if not wants_json():
        return send(DECLARATION + to_xml(root).encode(), False, status)
    shown: Any = {"": {root.tag: to_json(root)}, "object": to_json(root)}.get(bare) or [to_json(k) for k in root.kids]
    return send(msgspec.json.encode(shown), True, status)


def container(kids: Iterable[Node] = (), **attrs: Any) -> flask.Response:
    """A MediaContainer of elements with their number."""
    inner = list(kids)
    return reply(Node("MediaContainer", {"size": len(inner)} | attrs, inner))
