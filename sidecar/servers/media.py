"""What a kind of media server can do as a whole, beside what its accounts hold: who lives there, and who may act.

The two kinds differ in how a token is got and what it may do; the rest of Sidetrakt does not see that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sidecar.events import PlayedEvent
from sidecar.model import Secret
from sidecar.servers.hands import Hands
from sidecar.servers.inventory import Inventory
from sidecar.servers.known import Code, Finding, Info, Library, Tokens, User
from sidecar.servers.listening import Ears, Listener
from sidecar.store.people import Account


class SignIn(Protocol):
    """Somebody is about to prove who they are, by a code."""

    interval: float
    """Seconds between two looks."""

    def begin(self) -> Code:
        """Get a code to show."""

    def poll(self) -> Secret | None:
        """The token, once the code was typed in; raises where it never will be."""


class MediaServer(Protocol):
    """One server of the settings."""

    def info(self) -> Info:
        """Who it is."""

    def users(self) -> list[User]:
        """Everybody who has an account there, as far as our token may know."""

    def libraries(self) -> list[Library]:
        """The libraries that our token may see."""

    def hands(
        self,
        account: Account,
        tokens: Tokens,
        inventory: Inventory,
        *,
        libraries: frozenset[str] | None,
        favourites: bool,
    ) -> Hands | None:
        """Acting for one account; None where no token does."""

    def sign_in(self, account: Account) -> SignIn:
        """Let the owner of an account prove it."""

    def prove(self, account: Account, token: Secret) -> Tokens:
        """What a token is good for; raises UserError where it is somebody else's."""

    def hand_out(self, accounts: Sequence[Account]) -> dict[int, Tokens]:
        """Tokens that the server's owner may give to these accounts, by account; those that it may not are left out."""

    def check(self) -> Iterator[Finding]:
        """What a person should know about it: rights, libraries, and what else feeds Trakt."""

    def listeners(self, ears: Ears, tokens: Mapping[str, Secret]) -> list[Listener]:
        """All that can hear it: with the token of the settings, and with those of its users."""

    def plays_since(self, ears: Ears, tokens: Mapping[str, Secret], since: datetime) -> list[PlayedEvent]:
        """What was played since a moment, as far as its history tells it to our tokens, the oldest first."""
