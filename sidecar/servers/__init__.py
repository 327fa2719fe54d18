"""Media servers as providers: Jellyfin and Plex, each for every person of the household."""
