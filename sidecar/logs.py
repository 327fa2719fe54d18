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
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, quote_plus

HIDDEN = "•••"
EXTRA = ("provider", "feature", "run")  # what a record may say beside its text
RUN: ContextVar[str] = ContextVar("run", default="")  # the sync run that is going on
SHORTEST = 6  # a known secret shorter than this would blank out ordinary words

_KEY = (
    r"(?:token|secret|passw(?:or)?d|api[_-]?key|(?:device|user)[_-]?code|verifier|"
    r"sidetrakt_key|(?<![a-z])(?:(?:new|current)?pw|pin))"
)
# What can only stand between a name and its value: in JSON, Python, addresses (quoted once more, too) and XML.
_IS = r"(?:\\*[\"']\s*[:=]\s*|'\s*,\s*(?=b?')|[=>]|[ \t]+=[ \t]+|(?:%22)?%3[ad])"
_COLON = r"[ \t]*:[ \t]*"  # also stands in ordinary sentences and titles
_OPEN = r"[\[(]?(?:[bu](?=\\*[\"']))?(?P<quote>\\*[\"'])?"
_INSIDE = r"(?:(?!(?<!\\)(?P=quote))[^\r\n])+"  # up to a quote just like the one that opened, be it in a text in a text
_VALUE = rf"(?(quote){_INSIDE}|(?!\\+[\"'])[^\s\"'&,;<>(){{}}\[\]]+)"
_RANDOM = r"(?:(?=[\w.~+/%-]*[\d=])[\w.~+/%=-]{8,}|[\w.~+/%=-]{20,})"  # no word of a language
_SHAPES = [  # each keeps what it captured and hides the rest
    rf"((?:authorization|cookie)(?:{_IS}|{_COLON}){_OPEN})(?(quote){_INSIDE}|(?:=\\?\"[^\"\r\n]*\"|[^\r\n\"'])+)",
    rf"({_KEY}(?:{_IS}|{_COLON}(?=\\*[\"']?{_RANDOM})){_OPEN}){_VALUE}",
    rf"((?:[\w-]token|_secret|api[_-]?key|(?:device|user)_code){_COLON}{_OPEN}){_VALUE}",
    rf"(\b(?:bearer|basic)(?:\s|%20)+){_RANDOM}",
    rf"((?<![a-z0-9_])code{_IS}{_OPEN})(?:(?=[\w-]*[a-z])[^\s\"'&<>]{{4,}}|\d{{6,}})",  # a status is shorter
    r"((?:/|%2f)hooks(?:/|%2f)plex(?:/|%2f)[^/\s\"'%]+(?:/|%2f))[^/\s\"'?&<>]+",
    r"(://[^/\s:@]*:)[^/\s@]+(?=@)",
    r"()(?<![\w-])(?:gAAAA[\w-]{20,}={0,2}|[\w-]{43}(?:=|%3d)(?!\w)|eyJ[\w-]{10,}\.[\w-]+\.[\w-]*)",  # Fernet, JWT
]
_PATTERNS = [re.compile(shape, re.IGNORECASE) for shape in _SHAPES]


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
        forms = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret)}
        forms |= {json.dumps(secret)[1:-1], repr(secret)[1:-1], repr(secret.encode())[2:-1]}
        with self._lock:
            self._known |= forms
            longest_first = sorted(self._known, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)

    def clean(self, text: str) -> str:
        """The text with every secret hidden."""
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, text)
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\1{HIDDEN}", text)
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
        fields = {"at": self.formatTime(record), "level": record.levelname.lower(), "thread": record.threadName or ""}
        fields |= {"logger": record.name, "message": record.getMessage()}
        fields |= {name: str(getattr(record, name)) for name in EXTRA if hasattr(record, name)}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack"] = self.formatStack(record.stack_info)
        return json.dumps({name: self._redaction.clean(text) for name, text in fields.items()}, ensure_ascii=False)


def set_up(redaction: Redaction, *, level: str = "info", form: str = "text", file: str = "", keep: int = 5) -> None:
    """Send the records of all libraries to the terminal, or to a file of 5 MB of which `keep` older ones stay."""
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if file:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(file, "a", 5_000_000, keep, "utf-8", errors="backslashreplace")
    handler.setFormatter(JsonLines(redaction) if form == "json" else TextLines(redaction))
    handler.setLevel(level.upper())  # a library may have set a lower one on its own logger
    root = logging.getLogger()
    for former in root.handlers[:]:
        root.removeHandler(former)
        former.close()
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a record that cannot be written would be printed as it is
    logging.Logger.callHandlers = _by_the_root  # type: ignore[assignment]
    threading.excepthook = lambda end: root.critical("Nobody expected this", exc_info=end.exc_value)


def _by_the_root(_logger: logging.Logger, record: logging.LogRecord) -> None:
    """Ask no handler that a library brought along: the Jellyfin client's prints everything as it is."""
    for handler in logging.getLogger().handlers:
        if record.levelno >= handler.level:
            handler.handle(record)
