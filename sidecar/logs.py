"""Logging set up once, with redaction where records of all libraries pass: in the formatter of the handler.

The finished text is cleaned, exception texts included, so that no library has to be trusted. Two nets: secrets that
are known (told by settings and vault), and shapes that secrets have on the wire.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import re
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

HIDDEN = "•••"
SHORTEST = 6  # a known secret shorter than this would blank out ordinary words

_NAMES = (
    r"x-plex-token|x-emby-token|x-mediabrowser-token|authorization|proxy-authorization|cookie|set-cookie|trakt-api-key|"
    r"api[_-]?key|apikey|(?:access|refresh|auth|authentication|plex|hook|api|id|bearer|session)[_-]?token|token|client[_-]?secret|"
    r"secret|password|passwd|pw|pin|device[_-]?code|user[_-]?code|code[_-]?verifier|sidetrakt_key|quickconnect"
)
_SHAPES = (
    # Authorization: Bearer …, Basic …, MediaBrowser …, to the end of the header
    re.compile(r"(?i)\b(bearer|basic|mediabrowser)\s+(?!token\b)[A-Za-z0-9._~+/=-]{6,}"),
    # key=value in addresses and headers, "key": "value" in JSON and Python
    re.compile(
        rf"(?i)(?<![A-Za-z0-9])({_NAMES})(\\?[\"']?\s*[=:]\s*[bB]?)(?:\\?\"[^\"]*\"|\\?'[^']*'|[^\s\"'&,;<>)\]}}]+)"
    ),
    # the code of a device or PIN sign-in where its name is just that
    re.compile(
        r"(?i)(?<![A-Za-z0-9_])(code)(\\?[\"']?\s*[=:]\s*[bB]?)(?:\\?\"[^\"]{6,}\"|\\?'[^']{6,}'|(?=[^\s&]*[A-Za-z])[A-Za-z0-9_-]{6,})"
    ),
    # the secret in a hook's address
    re.compile(r"(?i)(/hooks/plex/[^/\s\"']+)(/)[^/\s\"'?]+"),
    # a Fernet key or token wherever it stands
    re.compile(r"()()\bgAAAA[A-Za-z0-9_-]{20,}={0,2}"),
)


class Redaction:
    """Knows secrets and hides them in any text."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None

    def learn(self, secret: str) -> None:
        """Never let this text through again, in any of the forms in which it may be written."""
        if len(secret) < SHORTEST or secret in self._known:
            return
        forms = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
        with self._lock:
            self._known |= forms
            self._pattern = re.compile("|".join(re.escape(form) for form in sorted(self._known, key=len, reverse=True)))

    def clean(self, text: str) -> str:
        """The text with every secret hidden."""
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, text)
        text = _SHAPES[0].sub(rf"\1 {HIDDEN}", text)
        for shape in _SHAPES[1:]:
            text = shape.sub(rf"\1\2{HIDDEN}", text)
        return text


class TextLines(logging.Formatter):
    """One readable line a record, exceptions below it; clean."""

    def __init__(self, redaction: Redaction) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(threadName)s %(name)s: %(message)s")
        self._redaction = redaction

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002 - logging's name
        """The moment in UTC."""
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def format(self, record: logging.LogRecord) -> str:
        """The whole text, cleaned."""
        return self._redaction.clean(super().format(record))


class JsonLines(TextLines):
    """One JSON object a record; clean."""

    def format(self, record: logging.LogRecord) -> str:
        """Every text in the object is cleaned before it is quoted, so that quoting hides nothing from us."""
        fields = {
            "at": self.formatTime(record),
            "level": record.levelname.lower(),
            "thread": record.threadName or "",
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack"] = self.formatStack(record.stack_info)
        return json.dumps({name: self._redaction.clean(text) for name, text in fields.items()}, ensure_ascii=False)


def set_up(redaction: Redaction, *, level: str = "info", form: str = "text", file: str = "", keep: int = 5) -> None:
    """Send the records of all libraries to the terminal, or to a file of 5 MB of which `keep` older ones stay."""
    handler: logging.Handler
    if file:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(file, maxBytes=5_000_000, backupCount=keep, encoding="utf-8")
    else:
        handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(redaction) if form == "json" else TextLines(redaction))
    root = logging.getLogger()
    for former in root.handlers[:]:
        root.removeHandler(former)
        former.close()
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(True)
