"""Every answer of a documented route has the shape that the published OpenAPI document gives it."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sidecar.demo.jellyfin import routes, system
from tests.demo.jellyfin.conftest import Desk
from tests.demo.jellyfin.openapi import Contract

# method, path with words in braces, body
REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", "/System/Info/Public", None),
    ("GET", "/System/Info", None),
    ("GET", "/System/Endpoint", None),
    ("GET", "/System/Ping", None),
    ("GET", "/Users", None),
    ("GET", "/Users/{user}", None),
    ("GET", "/Users/Public", None),
    ("POST", "/Users/AuthenticateByName", {"Username": "Anna", "Pw": "anna-enters"}),
    ("GET", "/Auth/Keys", None),
    ("POST", "/Auth/Keys?app=other", None),
    ("POST", "/Users/New", {"Name": "Nora", "Password": "secret"}),
    ("GET", "/QuickConnect/Enabled", None),
    ("POST", "/QuickConnect/Initiate", None),
    ("GET", "/UserViews?userId={user}", None),
    ("GET", "/Items?userId={user}&recursive=true&fields=ProviderIds,Path,DateCreated,MediaSources,ParentId", None),
    ("GET", "/Items?userId={user}", None),
    ("GET", "/Items/{film}?userId={user}", None),
    ("GET", "/Items/{series}?userId={user}", None),
    ("GET", "/Items/{film}/Ancestors?userId={user}", None),
    ("GET", "/Items/Counts?userId={user}", None),
    ("GET", "/UserItems/Resume?userId={user}", None),
    ("GET", "/Shows/NextUp?userId={user}", None),
    ("GET", "/Shows/{series}/Seasons?userId={user}", None),
    ("GET", "/Shows/{series}/Episodes?userId={user}&fields=Path", None),
    ("GET", "/UserItems/{film}/UserData?userId={user}", None),
    (
        "POST",
        "/UserItems/{film}/UserData?userId={user}",
        {"Rating": 8, "Played": True, "PlaybackPositionTicks": 6000000000},
    ),
    ("POST", "/UserItems/{film}/Rating?userId={user}&likes=true", None),
    ("DELETE", "/UserItems/{film}/Rating?userId={user}", None),
    ("POST", "/UserFavoriteItems/{film}?userId={user}", None),
    ("DELETE", "/UserFavoriteItems/{film}?userId={user}", None),
    ("POST", "/UserPlayedItems/{series}?userId={user}", None),
    ("DELETE", "/UserPlayedItems/{series}?userId={user}", None),
    ("POST", "/Sessions/Playing", {"ItemId": "{film}", "PositionTicks": 0}),
    ("GET", "/Sessions", None),
    ("POST", "/Sessions/Playing/Progress", {"ItemId": "{film}", "PositionTicks": 9}),
    ("POST", "/Sessions/Playing/Stopped", {"ItemId": "{film}", "PositionTicks": 9}),
    ("POST", "/Sessions/Capabilities/Full", {}),
    ("POST", "/Playlists", {"Name": "p", "Ids": ["{film}"], "UserId": "{user}"}),
    ("GET", "/Playlists/{list}/Items?userId={user}", None),
    ("POST", "/Playlists/{list}/Items?ids={film}&userId={user}", None),
    ("DELETE", "/Playlists/{list}/Items?entryIds={film}", None),
    ("DELETE", "/Items/{list}", None),
    ("POST", "/Collections?name=c&ids={film}", None),
    ("POST", "/Collections/{list}/Items?ids={series}", None),
    ("DELETE", "/Collections/{list}/Items?ids={film}", None),
    ("GET", "/Library/VirtualFolders", None),
    ("POST", "/Library/VirtualFolders?name=More&collectionType=movies&refreshLibrary=false", {"LibraryOptions": {}}),
    ("DELETE", "/Library/VirtualFolders?name=More", None),
    ("POST", "/Library/Refresh", None),
    ("GET", "/ScheduledTasks", None),
    ("POST", "/Items/{film}/Refresh", None),
    ("GET", "/Plugins", None),
    ("GET", "/Packages", None),
    ("GET", "/Repositories", None),
    ("GET", "/System/Configuration", None),
    ("POST", "/System/Restart", None),
]
ERRORS: list[tuple[str, str, Any, int]] = [
    ("GET", "/Items/{unknown}?userId={user}", None, 404),
    ("GET", "/UserItems/{unknown}/UserData?userId={user}", None, 404),
    ("POST", "/UserPlayedItems/{unknown}?userId={user}", None, 404),
    ("POST", "/UserItems/abc/UserData?userId={user}", {}, 400),
    ("POST", "/UserItems/{film}/UserData?userId={user}", None, 415),
    ("GET", "/Playlists/{unknown}/Items?userId={user}", None, 404),
]


@pytest.fixture(scope="module")
def contract(contracts: Path) -> Contract:
    """The document."""
    return Contract(contracts / "jellyfin-openapi.json")


def filled(text: Any, words: dict[str, str]) -> Any:
    """A path or body with its words replaced."""
    if isinstance(text, str):
        for word, value in words.items():
            text = text.replace("{" + word + "}", value)
        return text
    if isinstance(text, dict):
        return {key: filled(value, words) for key, value in text.items()}
    return [filled(one, words) for one in text] if isinstance(text, list) else text


def test_answers_are_as_documented(desk: Desk, contract: Contract) -> None:
    """One request of every documented route, in an order in which they all succeed."""
    words = {
        "user": desk.user(),
        "film": desk.film("Kettle and Crane")["Id"],
        "series": desk.film("Harbour Patrol")["Id"],
    }
    for method, path, body in REQUESTS:
        answer = desk.ask(filled(path, words), method, json=filled(body, words))
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        got = answer.json() if answer.content and "json" in answer.headers["Content-Type"] else None
        contract.check(method, path.partition("?")[0], answer.status_code, got)
        if isinstance(got, dict) and list(got) == ["Id"]:
            words["list"] = got["Id"]


@pytest.mark.parametrize(("method", "path", "body", "status"), ERRORS)
def test_refusals_are_as_documented(
    desk: Desk, contract: Contract, method: str, path: str, body: Any, status: int
) -> None:
    """The problem bodies; 400 and 415 are in no operation, so they are held against that of 404."""
    words = {"user": desk.user(), "film": desk.film("Kettle and Crane")["Id"], "unknown": "abcdef00" * 4}
    answer = desk.ask(filled(path, words), method, json=body)
    assert answer.status_code == status
    problem = {"$ref": "urn:j#/components/schemas/ProblemDetails"}
    if isinstance(answer.json(), dict):
        jsonschema.Draft4Validator(problem, registry=contract.registry).validate(answer.json())


def test_every_documented_route_of_ours_is_in_the_document(contract: Contract) -> None:
    """A route that is in no document is an older twin (its second path), or one that is hidden."""
    hidden = {"/health"}
    for methods, paths, _, _ in [*routes.ROUTES, *system.ROUTES]:
        path = "/" + paths.split()[0].replace("<", "{").replace(">", "}").replace("{step}", "Configuration")
        if path not in hidden:
            found = [known for pattern, known in contract.paths if pattern.match(path)]
            assert found, path
            assert {method.lower() for method in methods.split(",")} <= {
                m for known in found for m in contract.document["paths"][known]
            }


def test_the_validator_refuses_what_is_wrong(contract: Contract) -> None:
    """It would notice."""
    contract.check("GET", "/Users/abc", 200, {"Name": "Anna"})
    with pytest.raises(jsonschema.ValidationError):
        contract.check("GET", "/Users/abc", 200, {"Name": 5})
    with pytest.raises(AssertionError):
        contract.check("GET", "/Users/abc", 299, {})
