"""Adds our webhook to a Plex account at plex.tv, which only knows how to replace the whole list."""

from __future__ import annotations

from xml.etree import ElementTree

from sidecar.errors import BadAnswer, Refused, UserError
from sidecar.http import Session
from sidecar.model import Secret

UNPAID = "This Plex account has no Plex Pass, so plex.tv keeps no webhooks for it."
WITHOUT = "Plays are heard without it, too, and ratings are then read once a minute."


def register(session: Session, account_url: str, token: Secret, url: str, ours: str) -> bool:
    """See to it that this address is called; everybody else's stay, former ones of ours (beginning so) go.

    True if anything had to be changed. The session raises for what is no 2xx.
    """
    hooks = f"{account_url}/api/v2/user/webhooks"
    headers = {"X-Plex-Token": token.reveal(), "X-Plex-Client-Identifier": "sidetrakt", "Accept": "application/xml"}
    try:
        before = _listed(session.get(hooks, headers=headers).content)
        wanted = [*(each for each in before if not each.startswith(ours)), url]
        if set(before) == set(wanted):
            return False
        session.post(hooks, headers=headers, data={"urls[]": wanted})
        after = _listed(session.get(hooks, headers=headers).content)
    except Refused as problem:
        if problem.status != 403:
            raise
        raise UserError(UNPAID, WITHOUT) from problem
    if not set(wanted) <= set(after):  # another program wrote at the same time, or plex.tv has enough
        raise BadAnswer("plex.tv", "plex.tv did not keep all webhooks.", "Look at the account's list and try again.")
    return True


def _listed(text: bytes) -> list[str]:
    """The addresses in an answer; nothing else may pass for an empty list, or the next step would wipe it."""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - expat refuses what would grow without an end
    except ElementTree.ParseError as problem:
        raise _unknown() from problem
    if root.tag != "webhooks" or any(not each.get("url") for each in root):
        raise _unknown()
    return [each.attrib["url"] for each in root]


def _unknown() -> BadAnswer:
    return BadAnswer("plex.tv", "plex.tv sent no list of webhooks.", "Nothing was changed; try again later.")
