"""From a play or a rating on a server to Trakt: what was heard, what it means, and how it is told."""
