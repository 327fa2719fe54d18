"""The simulated Trakt: `make_app` serves it, `signins` says which app and which tokens it takes from the start."""

from sidecar.demo.trakt.app import make_app
from sidecar.demo.trakt.oauth import signins

__all__ = ["make_app", "signins"]
