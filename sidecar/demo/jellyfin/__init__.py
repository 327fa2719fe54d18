"""A simulated Jellyfin server, 12 or 10.11."""

from sidecar.demo.jellyfin.app import make_app, signins

__all__ = ["make_app", "signins"]
