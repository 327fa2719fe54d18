"""What Trakt is asked: a list, the same in the code, in the documents and in what is really sent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import flask
import pytest

from sidecar.contract import Collected, Fact, Listed, Rating
from sidecar.model import Feature, Kind, Ref
from sidecar.store.titles import Titles
from sidecar.trakt.endpoints import ENDPOINTS
from sidecar.trakt.links import Linked
from sidecar.trakt.wire import Token
from tests.demo.trakt.contract import Contract
from tests.trakt.asked import problems_of
from tests.trakt.conftest import DARK, HEAT, World, play

ROOT = Path(__file__).parents[2]
SOURCES = {path: path.read_text() for path in sorted((ROOT / "sidecar").rglob("*.py")) if "demo" not in path.parts}


def test_the_document_says_what_the_list_says() -> None:
    text = (ROOT / "docs" / "trakt-endpoints.md").read_text()
    assert dict(re.findall(r"^\| `([A-Z]+ /[^`]+)` \| (.+?) \|$", text, re.MULTILINE)) == ENDPOINTS


def test_every_endpoint_has_a_sentence_about_privacy() -> None:
    assert [endpoint for endpoint, note in ENDPOINTS.items() if not re.fullmatch(r"[A-Z].{10,}\.", note)] == []


def test_a_whole_life_with_trakt_uses_exactly_this_list(world: World) -> None:
    code = world.service.auth.device_code()
    world.act("approve", user_code=code.user_code)
    token = [heard for heard in world.service.auth.wait_for(code, world.rest) if isinstance(heard, Token)][0]  # noqa: RUF015
    linked = world.service.links.link("Anna", token)
    assert isinstance(linked, Linked)
    at = world.clock.now()
    values = {
        Feature.HISTORY: play(HEAT, at),
        Feature.RATINGS: Fact(HEAT, Rating(8, at)),
        Feature.WATCHLIST: Fact(HEAT, Listed()),
        Feature.COLLECTION: Fact(HEAT, Collected(at)),
    }
    for feature, fact in values.items():
        side = world.side()
        side.build_index(feature)
        side.health()
        side.add([fact], feature)
        world.act("watch", movies=[{"ids": {"trakt": 1000}}], episodes=[{"ids": {"trakt": 118_101}}])
        world.side().build_index(feature)
        world.side().build_index(feature, only=[HEAT])
        side.remove([fact], feature)
    before = world.side().build_index(Feature.HISTORY)
    world.later(minutes=1)
    world.act("watch", movies=[{"ids": {"trakt": 1002}}])
    world.side().build_index(Feature.HISTORY, before.mark)  # of one type alone
    with world.store.write() as db:
        for fact in before.facts:
            Titles(db).learn(fact.ref)
    world.side().build_index(Feature.HISTORY)  # from now on minimal maps
    account = world.link()
    for act in ("start", "pause"):
        getattr(world.service.scrobbler, act)(account, HEAT, 20.0)
    world.service.scrobbler.stop(account, HEAT, 95.0, watched=True)
    world.service.lookup.resolve(Ref(Kind.EPISODE, show=DARK, season=1, number=2))
    world.act("expire_tokens")
    world.service.check_links()
    world.service.links.unlink("Anna")
    assert world.simulator.endpoints == set(ENDPOINTS)


SOCIAL = (
    r"/(followers|following|friends|comments|likes|lists|notes|reactions|collaborations|hidden|watching|favorites)\b"
)


def test_no_social_and_no_list_call_is_on_the_list() -> None:
    assert [endpoint for endpoint in ENDPOINTS if re.search(SOCIAL, endpoint)] == []
    assert [endpoint for endpoint in ENDPOINTS if "/users/" in endpoint] == ["GET /users/settings"]


@pytest.mark.parametrize(("setting", "file"), [("api_url", "client.py"), ("auth_url", "auth.py")])
def test_one_place_alone_knows_where_trakt_is(setting: str, file: str) -> None:
    found = [(path.name, text.count(f".{setting}")) for path, text in SOURCES.items() if f".{setting}" in text]
    assert found == [(file, 1)]


def test_what_is_sent_to_the_sign_in_is_on_the_list() -> None:
    text = (ROOT / "sidecar" / "trakt" / "auth.py").read_text()
    sent = set(re.findall(r"_send\(\s*\"([a-z/]+)\"", text))
    assert {f"POST /oauth/{path}" for path in sent} == {each for each in ENDPOINTS if "/oauth/" in each}


def test_nobody_is_asked_for_a_password_of_trakt() -> None:
    folder = ROOT / "sidecar" / "trakt"
    places = [path for path in SOURCES if path.parent == folder or path.name in ("link.py", "links.py")]
    assert [str(path) for path in places if re.search(r"password|hide_input|getpass", SOURCES[path], re.I)] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/users/me/lists", None),
        ("GET", "/sync/ratings/movies?rating_of=8", None),
        ("POST", "/sync/history", {"movies": [{"ids": {"trakt": "345"}}]}),
        ("POST", "/sync/history", {"films": []}),
        ("POST", "/scrobble/start", {"progress": "12", "movie": {"ids": {"trakt": 345}}}),
        ("POST", "/oauth/token", {"grant_type": "refresh_token"}),
    ],
)
def test_a_request_that_is_not_as_trakt_wants_it_would_be_noticed(
    contracts: Path, method: str, path: str, body: Any
) -> None:
    with flask.Flask("any").test_request_context(path, method=method, json=body):
        assert problems_of(Contract(contracts), flask.request, body)
