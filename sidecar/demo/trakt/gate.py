"""What every request passes before its view: the edge, the key, the token, the lock of an account, the buckets.

A view gets the account (somebody without a name when there is no token) and what its path names; it runs under the
lock of that account and answers from memory.
"""

from collections.abc import Callable
from math import ceil
from typing import Any, NoReturn

import flask
import msgspec

from sidecar.demo.faults import PAGE
from sidecar.demo.trakt.oauth import Desk
from sidecar.demo.trakt.titles import iso
from sidecar.demo.trakt.world import Account, World

Route = tuple[str, str, Callable[..., flask.Response]]  # "GET", or "get" where no token is needed; rules; view
BUCKETS = {  # write, with token: name, seconds, requests
    (True, True): ("AUTHED_API_POST_LIMIT", 1, 1),
    (False, True): ("AUTHED_API_GET_LIMIT", 300, 500),
    (False, False): ("UNAUTHED_API_GET_LIMIT", 300, 500),
}
GENERIC = ("python-requests", "python-urllib", "curl/", "go-http-client", "java/", "okhttp/", "libwww")


def answer(value: Any, status: int = 200, **headers: Any) -> flask.Response:
    """JSON with the headers of an API answer; bytes are JSON already, None is no body."""
    body = value if isinstance(value, bytes) else b"" if value is None else msgspec.json.encode(value)
    result = flask.Response(body, status, mimetype="application/json")
    result.headers.update({name.replace("_", "-"): str(text) for name, text in headers.items()})
    return result


def refuse(status: int, error: str = "", headers: dict[str, Any] | None = None, **body: Any) -> NoReturn:
    """Ends the request with the API's own error."""
    flask.abort(answer(body or ({"error": error} if error else None), status, **headers or {}))


def edge(status: int, **headers: Any) -> NoReturn:
    """Ends the request with a page of the edge: it never reached the API."""
    page = answer(PAGE.format("Access denied").encode(), status, Server="cloudflare", **headers)
    page.mimetype = "text/html"
    flask.abort(page)


def asked() -> dict[str, Any]:
    """The JSON object of the request; anything else is 400."""
    try:
        body = msgspec.json.decode(flask.request.get_data() or b"{}")
    except msgspec.DecodeError:
        refuse(400, "invalid JSON")
    return body if isinstance(body, dict) and not odd(body) else refuse(400, "an object was expected")


def odd(value: Any) -> bool:
    """Whether something stands where a number of a season or episode should."""
    if isinstance(value, list):
        return any(map(odd, value))
    numbers = ("season", "number", "number_abs")
    return isinstance(value, dict) and any(
        odd(v) or (k in numbers and v is not None and type(v) is not int) for k, v in value.items()
    )


class Gate:
    """Admits or refuses requests, and puts views behind that."""

    def __init__(self, app: flask.Flask, world: World, desk: Desk) -> None:
        self.app, self.world, self.desk = app, world, desk

    def route(self, route: Route) -> None:
        """Registers one view; a `who` in its rules is whose data it is about."""
        method, rules, view = route

        def seen(who: str = "", **path: Any) -> flask.Response:
            account = self.admit(method.isupper())
            account = self._whose(account, who) if who else account
            with account.lock:
                account.settle()
                made = view(account, **path)
            if method.upper() != "GET" and self.world.on("seconds_per_item"):
                self.world.control.faults.release.wait(self.world.on("seconds_per_item") * items(asked()))
            told = {
                "X-Request-Id": f"{self.world.control.count:016x}",
                "X-Runtime": "0.01",
                "X-Ratelimit": flask.g.ratelimit,
            }
            made.headers.update(told)
            return made

        for rule in rules.split():
            self.app.add_url_rule(rule, f"{method} {rule}", seen, methods=[method.upper()])

    def _whose(self, visitor: Account, who: str) -> Account:
        if who == "me":
            return visitor if visitor.name else refuse(401)
        found = next((a for a in self.world.accounts.values() if a.slug == who), None) or refuse(404)
        return found if found is visitor or not (found.private or flask.request.method != "GET") else refuse(403)

    def admit(self, oauth: bool) -> Account:
        """The user whose token came along; refuses what the real service refuses, in its order."""
        request, on = flask.request, self.world.on
        self.admit_agent()
        if request.headers.get("trakt-api-key") != self.desk.client_id or self.desk.removed:
            refuse(403, "invalid API key")
        if on("version_required") and request.headers.get("trakt-api-version") != "2":
            refuse(412, "invalid API version")
        if request.method in ("POST", "PUT") and request.mimetype != "application/json":
            refuse(412, "invalid content type")
        name = self.desk.user()
        if name is None and (oauth or "Authorization" in request.headers):
            refuse(401)
        account = self.world.accounts[name] if name else self.world.guest
        if account.locked or account.deactivated:
            marks = {"X_Account_Locked": account.locked, "X_Account_Deactivated": account.deactivated}
            refuse(423, headers={key: str(value).lower() for key, value in marks.items()})
        with self.world.lock:
            self._count(account)
        return account

    def admit_agent(self) -> None:
        """The edge refuses clients without a name, and those with only the name of their library."""
        agent = flask.request.headers.get("User-Agent", "").strip().casefold()
        if not agent or (self.world.on("generic_agents_refused") and agent.startswith(GENERIC)):
            edge(403)

    def _count(self, account: Account) -> None:
        name, period, most = BUCKETS[flask.request.method != "GET", bool(account.name)]
        key = (name, account.name or f"{self.desk.client_id} {flask.request.remote_addr}")
        forced, now = self.world.control.take("rate_limited"), self.world.now()
        start, used = self.world.buckets.get(key, (now, 0))
        if not start <= now < start + period * 1000:
            start, used = now, 0
        until = start + period * 1000
        over = forced or (self.world.on("limits") and used >= most)
        self.world.buckets[key] = (start, used if over else used + 1)
        told = {
            "name": name,
            "period": period,
            "limit": most,
            "remaining": max(0, most - used - 1),
            "until": iso(until),
        }
        flask.g.ratelimit = msgspec.json.encode(told).decode()
        if over:
            self._slow_down(
                forced["shape"] if forced else self.world.on("rate_limit_shape"), ceil((until - now) / 1000)
            )

    def _slow_down(self, shape: str, seconds: int) -> NoReturn:
        if shape.startswith("edge"):
            edge(429, **({"Retry_After": 300} if shape == "edge" else {}))
        told = {"Retry_After": seconds, "X_Ratelimit": flask.g.ratelimit}
        refuse(429, "rate limit", {name: text for name, text in told.items() if f"no_{name.lower()}" != shape})


def items(said: Any) -> int:
    """How many titles a body names: what slow answers are proportional to."""
    lists = [value for value in said.values() if isinstance(value, list)] if isinstance(said, dict) else []
    return sum(max(1, items(entry)) for entries in lists for entry in entries)
