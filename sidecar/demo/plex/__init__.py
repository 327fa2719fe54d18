"""A simulated Plex: media server, plex.tv, discover and metadata on one address."""

from sidecar.demo.plex.app import make_app, signins

__all__ = ["make_app", "signins"]
