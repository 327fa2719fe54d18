"""Sidetrakt: tells Trakt what people play and rate, and keeps every side in agreement."""

__version__ = "0.1.0"
