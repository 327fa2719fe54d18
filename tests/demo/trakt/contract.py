"""Checks requests and answers against Trakt's own contract (`trakt-openapi.json` of the contract files).

`Contract.problems` takes one exchange and says in words what is wrong with it; the schemas that were written down
from observation go before the generated ones. Validators are compiled once, so that a log of thousands of exchanges
can be checked. Where the generated part is known to be wrong, `KNOWN` says why it is not asked.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

COMMON = {400, 401, 403, 404, 405, 409, 412, 420, 422, 423, 426, 429, 500, 502, 503, 504, 520, 521, 522}
NULLABLE = ("title", "year", "slug", "score", "first_aired")  # null in real answers, whatever the generated schema says
KNOWN = dict.fromkeys(
    [("POST", f"/users/hidden/{section}/remove") for section in ("{section}", "calendar", "progress_watched")],
    "the contract repeats the counts of another call",
) | {
    ("POST", "/oauth/revoke"): "an empty body and an empty object are both seen",
}
MIXED = ("/sync/collection/media",)  # has its own shape beside the observed one of /sync/collection/{type}


@dataclass(frozen=True)
class Exchange:
    """One request with its answer, bodies decoded; an answer that is not JSON is None."""

    method: str
    path: str
    query: str = ""
    request: Any = None
    status: int = 200
    answer: Any = None


class Contract:
    """The contract, ready to check exchanges."""

    def __init__(self, folder: Path) -> None:
        self.doc = json.loads((folder / "trakt-openapi.json").read_text())
        loosen(self.doc["components"]["schemas"])
        loosen(self.doc["paths"])
        for name, schema in self.doc["components"]["schemas"].items():
            if re.fullmatch(r"NotFound\d*", name):  # it repeats what was sent, good or bad
                schema["properties"] = {key: {"type": "array"} for key in schema["properties"]}
        self.registry: Registry[Any] = Registry().with_resource("urn:trakt", DRAFT202012.create_resource(self.doc))
        self.formats = FormatChecker(formats=())
        self.formats.checks("date-time", raises=ValueError)(is_moment)
        self.validator, self.matching = cache(self._validator), cache(self._matching)

    def _validator(self, pointer: str) -> Draft202012Validator:
        return Draft202012Validator(
            {"$ref": f"urn:trakt#{pointer}"}, registry=self.registry, format_checker=self.formats
        )

    def _matching(self, method: str, path: str) -> tuple[str, ...]:
        """The templates a path may belong to, the most literal first; parameters at their end may be left out."""
        found = []
        for template, operations in self.doc["paths"].items():
            parts, given = template.strip("/").split("/"), path.strip("/").split("/")
            fits = all(p == g or p.startswith("{") for p, g in zip(parts, given, strict=False))
            rest = parts[len(given) :]
            if method.lower() in operations and fits and len(given) <= len(parts) and all(p[0] == "{" for p in rest):
                found.append((len(rest), sum(p.startswith("{") for p in parts), template))
        return tuple(template for _, _, template in sorted(found))

    def operation(self, method: str, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The operations of a path, then those of its twin under /sync."""
        twin = re.sub(r"^/users/[^/]+/(?=history|watched|ratings|collection|watchlist|favorites)", "/sync/", path)
        for each in dict.fromkeys((path, twin)):
            for template in self.matching(method, each):
                yield template, self.doc["paths"][template][method.lower()]

    def problems(self, exchange: Exchange) -> list[str]:
        """What is wrong with an exchange; nothing when it is as the contract says."""
        found = list(self.operation(exchange.method, exchange.path))
        if not found:
            return [f"{exchange.method} {exchange.path} is not in the contract"]
        wrong = []
        if exchange.method in ("POST", "PUT") and exchange.status < 300:
            wrong += self._check(self._request(exchange, found), exchange.request, f"{exchange.path} request")
        pointer = self._answer(exchange, found)
        if pointer is None:
            known = {int(s) for _, o in found for s in (*o["responses"], *statuses(o)) if str(s).isdecimal()}
            if exchange.status not in known | COMMON:
                wrong.append(f"{exchange.method} {exchange.path} does not answer {exchange.status}")
        else:
            wrong += self._check(pointer, exchange.answer, f"{exchange.path} {exchange.status}")
        return wrong

    def _request(self, exchange: Exchange, found: list[tuple[str, dict[str, Any]]]) -> str | None:
        for _, operation in found:
            if reference := operation.get("x-observed", {}).get("request_schema"):
                return str(reference["$ref"])[1:]
        template, operation = found[0]
        if "content" not in operation.get("requestBody", {}):
            return None
        return f"{pointer_to(template, exchange.method)}/requestBody/content/application~1json/schema"

    def _answer(self, exchange: Exchange, found: list[tuple[str, dict[str, Any]]]) -> str | None:
        status = str(exchange.status)
        minimal = re.search(r"(^|&)extended=([^&]*,)?min\b", exchange.query) or "/minimal/" in exchange.path
        for template, operation in found:
            observed = operation.get("x-observed", {}).get("response_schemas", {})
            if status in observed and not minimal and exchange.path not in MIXED:
                return f"{pointer_to(template, exchange.method)}/x-observed/response_schemas/{status}"
        template, operation = found[0]
        if (exchange.method, template) in KNOWN or (exchange.status >= 300 and status not in operation["responses"]):
            return None
        shaped = [s for s, r in operation["responses"].items() if "content" in r and (s == status or s[0] == "2")]
        if status in operation["responses"] and status not in shaped:
            return None
        same = status if status in shaped else next(iter(shaped), None)  # 201 for 200 and the other way round
        place = f"{pointer_to(template, exchange.method)}/responses/{same}/content/application~1json/schema"
        return place if same else None

    def _check(self, pointer: str | None, value: Any, where: str) -> list[str]:
        if pointer is None:
            return []
        errors = self.validator(pointer).iter_errors(value)
        return [f"{where}: {error.json_path} {error.message[:300]}" for error in errors]


def statuses(operation: dict[str, Any]) -> list[str]:
    """The statuses somebody has seen of an operation."""
    return [str(status) for status in operation.get("x-observed", {}).get("statuses", {})]


def pointer_to(template: str, method: str) -> str:
    """A JSON pointer to one operation."""
    escaped = quote(template.replace("~", "~0").replace("/", "~1"), safe="~,")
    return f"/paths/{escaped}/{method.lower()}"


def loosen(node: Any) -> None:
    """Lets those fields be null that are null in reality."""
    if isinstance(node, list):
        for inner in node:
            loosen(inner)
    if isinstance(node, dict):
        for name in NULLABLE:
            field = node.get("properties", {}).get(name) if isinstance(node.get("properties"), dict) else None
            if isinstance(field, dict) and isinstance(field.get("type"), str):
                field["type"] = [field["type"], "null"]
        for inner in node.values():
            loosen(inner)


def is_moment(value: Any) -> bool:
    """Whether a text is a moment in ISO 8601; anything but text is another keyword's business."""
    return not isinstance(value, str) or ("T" in value and datetime.fromisoformat(value).tzinfo is not None)
