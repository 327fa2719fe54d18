"""Puts the parts of the site together into one Flask application."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from sidecar.web import health

LARGEST_BODY = 1 << 20


def build_site(problems: Callable[[], list[str]], figures: Callable[[], bytes]) -> Flask:
    """The whole site; `problems` says what keeps this process from its work, `figures` is the text for Prometheus."""
    site = Flask("sidecar.web", static_folder=None)
    site.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    site.register_blueprint(health.pages(problems, figures))
    return site
