"""One pass over a TOML file and the environment that collects problems instead of stopping at the first.

Knows nothing of particular settings: settings.py says which sections and keys there are.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from sidecar.model import Secret
from sidecar.words import any_of, did_you_mean, parse_interval, parse_list, parse_switch

PREFIX = "SIDETRAKT_"
Section = TypeVar("Section", bound=msgspec.Struct)


class Reading:
    """One pass over file and environment that collects problems instead of stopping at the first."""

    def __init__(
        self, environ: Mapping[str, str], path: Path, chosen: Mapping[str, str], *, sections: Iterable[str]
    ) -> None:
        self.problems: list[str] = []
        self.origins: dict[str, str] = {}
        self._path = path
        self._environ = {name: text for name, text in environ.items() if name.startswith(PREFIX)}
        self._asked: set[str] = set()
        self._chosen = chosen
        self._file = self._read_file()
        known = list(sections)
        for name in sorted(self._file.keys() - set(known)):
            self.problems.append(f"{path.name}: unknown section [{name}]{did_you_mean(name, known)}")

    def section(self, name: str, kind: type[Section]) -> Section | None:
        """One section; None if something in it is wrong."""
        table = self._file.get(name, {})
        if not isinstance(table, dict):
            self.problems.append(f"{self._path.name}: {name} must be a section [{name}]")
            table = {}
        return self._struct(name, name.upper(), kind, table)

    def several(self, name: str, kind: type[Section]) -> list[Section]:
        """A section that may come several times, each with a `name`; the environment alone may describe one too."""
        tables = self._file.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self.problems.append(f"{self._path.name}: {name} must be written as [[{name}]]")
            tables = []
        tables = [*tables, *self._of_environment(name, tables)]
        names = [str(table.get("name", "")).lower() for table in tables]
        for twice in sorted({each for each in names if names.count(each) > 1}):
            self.problems.append(f"{self._path.name}: two of [[{name}]] are named {twice!r}")
        found = []
        for number, table in enumerate(tables, 1):
            which = str(table.get("name") or f"number {number}")
            variable = f"{name.upper()}__{_variable(which)}"
            found.append(self._struct(f"{name}.{which}", variable, kind, table))
        return [struct for struct in found if struct is not None]

    def report_unknown(self, others: Iterable[str]) -> None:
        """Name every SIDETRAKT_ variable that nobody asked for; `others` are read elsewhere."""
        known = self._asked | set(others)
        for name in sorted(self._environ.keys() - known):
            self.problems.append(f"environment: unknown name {name}{did_you_mean(name, known)}")

    def _of_environment(self, section: str, tables: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        known = {_variable(str(table.get("name", ""))) for table in tables}
        pattern = re.compile(rf"{PREFIX}{section.upper()}__(.+)__(?:KIND|URL)")
        found = {match[1] for name in self._environ if (match := pattern.fullmatch(name))}
        for name in found - known:
            self.origins[f"{section}.{name.lower()}.name"] = "environment"
        return [{"name": name.lower()} for name in sorted(found - known)]

    def _struct(self, full: str, variable: str, kind: type[Section], table: dict[str, Any]) -> Section | None:
        """Read key by key, so that every wrong one is found."""
        hints = get_type_hints(kind, include_extras=True)
        for key in sorted(table.keys() - hints.keys()):
            self.problems.append(f"{self._path.name}: unknown key {full}.{key}{did_you_mean(key, hints)}")
        before = len(self.problems)
        values: dict[str, Any] = {}
        for field in msgspec.structs.fields(kind):
            value, origin = self._value(
                f"{full}.{field.name}", f"{PREFIX}{variable}__{field.name.upper()}", field, table
            )
            if origin:
                self.origins.setdefault(f"{full}.{field.name}", origin)
                try:
                    values[field.name] = convert(value, hints[field.name])
                except ValueError as problem:
                    self.problems.append(f"{origin}: {full}.{field.name}: {problem}")
            elif field.required:
                self.problems.append(f"{self._path.name}: {full}.{field.name} is missing")
        return kind(**values) if len(self.problems) == before else None

    def _value(self, full: str, variable: str, field: Any, table: dict[str, Any]) -> tuple[Any, str]:
        """The value that wins and its origin; an empty origin means that the default stands."""
        secret = field.type is Secret
        self._asked |= {variable, f"{variable}_FILE"} if secret else {variable}
        given = [
            name for name in (variable, f"{variable}_FILE") if name in self._environ and (secret or name == variable)
        ]
        if len(given) == 2:
            self.problems.append(f"environment: {variable} and {variable}_FILE are both set; keep one")
        if given and given[0] == variable:
            return self._environ[variable], f"environment {variable}"
        if given:
            return self._content(variable + "_FILE"), f"environment {variable}_FILE"
        if field.name in table:
            return table[field.name], f"file {self._path.name}"
        if full in self._chosen:
            return self._chosen[full], "chosen in the web page"
        return None, ""

    def _content(self, variable: str) -> str:
        try:
            return Path(self._environ[variable]).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            # without its name: people put the secret itself there
            self.problems.append(f"environment: the file named by {variable} cannot be read")
            return ""

    def _read_file(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, UnicodeDecodeError):
            self.problems.append(f"{self._path} cannot be read")
        except tomllib.TOMLDecodeError as problem:
            self.problems.append(f"{self._path.name} is not valid TOML: {problem}")
        return {}


def convert(value: Any, kind: Any) -> Any:
    """One value in the type of its key; text (from the environment) is read as people write it. Raises ValueError."""
    if kind is Secret:
        if not isinstance(value, str):
            raise ValueError("expected text")  # without saying what was there instead
        if not value.isascii():
            raise ValueError("holds characters that no token has")
        return Secret(value.strip())
    if kind is timedelta:
        return parse_interval(str(value))
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if isinstance(value, str) and plain is bool:
        return parse_switch(value)
    if get_origin(plain) is tuple:
        parts = parse_list(value) if isinstance(value, str) else value
        if not isinstance(parts, list):
            raise ValueError(f"expected a list, not {value!r}")
        return tuple(convert(part, get_args(plain)[0]) for part in parts)
    try:
        return msgspec.convert(value, kind, strict=not isinstance(value, str) or plain is str)
    except msgspec.ValidationError as problem:
        instead = "" if isinstance(value, str) and "://" in value else f", not {value!r}"  # may hold a password
        raise ValueError(f"expected {_expected(kind, plain)}{instead}{_near(value, plain)}") from problem


def _expected(kind: Any, plain: Any) -> str:
    """What a key takes, in words."""
    if get_origin(plain) is Literal:
        return any_of(get_args(plain))
    described = [note.description for note in getattr(kind, "__metadata__", ()) if note.description]
    return described[0] if described else {bool: "true or false", str: "text"}.get(plain, "another kind of value")


def _near(value: Any, plain: Any) -> str:
    return did_you_mean(value, get_args(plain)) if get_origin(plain) is Literal and isinstance(value, str) else ""


def _variable(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())
