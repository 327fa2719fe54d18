"""Trakt as a provider: linking, limits, reading and writing without ever doing damage."""
