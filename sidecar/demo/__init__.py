"""A household on loopback: simulated Trakt, Plex and Jellyfin that share one invented catalogue.

Imports nothing of the rest of `sidecar`. Each of the packages `trakt`, `plex` and `jellyfin` exports
`make_app(catalogue, control) -> flask.Flask` and `signins(catalogue) -> dict`: what somebody needs to sign in there
(tokens, keys, passwords, PINs), JSON values only, the same for the same catalogue and accepted from the start on.
"""
