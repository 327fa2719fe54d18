"""Jellyfin as a provider: 10.11 and 12, through jellyfin-apiclient-python and documented routes only."""
