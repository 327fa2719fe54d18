"""One request as the handlers see it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sidecar.demo.jellyfin.people import Caller
from sidecar.demo.jellyfin.shelf import Item
from sidecar.demo.jellyfin.wire import Query, problem, read_guid

if TYPE_CHECKING:
    from sidecar.demo.jellyfin.server import Server


@dataclass(slots=True)
class Ask:
    """Who asks whom for what; `path` holds the variables of the route."""

    server: "Server"
    caller: Caller
    query: Query
    path: dict[str, str]
    method: str

    def id(self, name: str) -> str:
        """An id in the path."""
        return read_guid(name, self.path[name])

    def user(self, missing: str = "text") -> str | None:
        """The user it is about: named in the path or the query, or the caller."""
        asked = self.id("userId") if "userId" in self.path else self.query.guid("userId")
        return self.server.people.target(self.caller, asked, missing)

    def someone(self) -> str:
        """The user it is about, who has to be one."""
        user = self.user("problem")
        if user is None:
            raise problem(404)
        return user

    def item(self, user: str | None) -> Item:
        """The item in the path, as far as a user may see it."""
        return self.server.item(self.id("itemId"), user)
