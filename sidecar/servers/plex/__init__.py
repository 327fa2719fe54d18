"""Plex: the server through plexapi, plex.tv and its watchlist through our own requests."""
