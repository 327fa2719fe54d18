"""Validates answers against the published OpenAPI document of Jellyfin 12."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4


def nullable(schema: Any) -> Any:
    """The document's schemas as plain JSON Schema: `nullable` becomes a type of its own."""
    if isinstance(schema, list):
        return [nullable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: nullable(value) for key, value in schema.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain


class Contract:
    """The document, and which operation an answer belongs to."""

    def __init__(self, path: Path) -> None:
        self.document = nullable(json.loads(path.read_text()))
        self.registry: Registry[Any] = Registry().with_resource("urn:j", DRAFT4.create_resource(self.document))
        self.paths = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", known) + "$", re.I), known) for known in self.document["paths"]
        ]
        self.paths.sort(key=lambda pair: pair[1].count("{"))

    @cache  # noqa: B019 - it lives as long as the tests
    def validator(self, path: str, method: str, status: int) -> Draft4Validator | None:
        """The validator of one answer, None when the document gives it no body."""
        answers = self.document["paths"][path][method]["responses"]
        assert str(status) in answers, f"{method} {path} has no answer {status}"
        kinds = answers[str(status)].get("content", {})
        if not any("json" in kind for kind in kinds):
            return None
        kind = next(kind for kind in kinds if "json" in kind)
        steps = [path, method, "responses", str(status), "content", kind, "schema"]
        pointer = "/".join(step.replace("~", "~0").replace("/", "~1") for step in steps)
        return Draft4Validator({"$ref": f"urn:j#/paths/{pointer}"}, registry=self.registry)

    def check(self, method: str, url: str, status: int, body: Any) -> str:
        """Validates one answer; tells which path of the document it is."""
        path: str = next(known for pattern, known in self.paths if pattern.match(url.partition("?")[0]))
        validator = self.validator(path, method.lower(), status)
        if validator:
            validator.validate(body)
        return path
