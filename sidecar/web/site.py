"""Puts the parts of the site together into one Flask application."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Flask

from sidecar.web import health

LARGEST_BODY = 1 << 20


def build_site(problems: Callable[[], list[str]], figures: Callable[[], bytes], *more: Blueprint) -> Flask:
    """The whole site; `problems` says what keeps this process from its work, `figures` is the text for Prometheus."""
    site = Flask("sidecar.web", static_folder=None)
    site.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    for pages in (health.pages(problems, figures), *more):
        site.register_blueprint(pages)
    return site
