"""docs/household.md names every fault, switch and act there is, and nothing else."""

from typing import Any

import pytest

from sidecar.demo.control import Control
from sidecar.demo.serve import SIMULATORS
from tests.demo.names import DOCUMENT, MARK, states, tables


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Any]]:
    return states()


def test_the_tables_are_what_the_simulators_say(found: dict[str, dict[str, Any]]) -> None:
    written = DOCUMENT.read_text().partition(MARK)[2]
    wanted = tables(found)
    missing = set(wanted.splitlines()) - set(written.splitlines())
    stale = set(written.splitlines()) - set(wanted.splitlines())
    assert (missing, stale) == (set(), set()), "renew them with: python -m tests.demo.names"
    assert written == wanted


@pytest.mark.parametrize("name", SIMULATORS)
def test_everything_with_a_name_has_a_sentence(found: dict[str, dict[str, Any]], name: str) -> None:
    known = found[name]["known"]
    about = {f"{kind} {key}": row["about"] for kind in ("faults", "switches") for key, row in known[kind].items()}
    about |= {f"{kind} {key}": sentence for kind in ("acts", "play") for key, sentence in known[kind].items()}
    assert [key for key, sentence in about.items() if not sentence.endswith((".", "…"))] == []


def test_the_routes_in_the_document_are_those_there_are() -> None:
    from sidecar.demo.panel import routes

    text = DOCUMENT.read_text()
    app = routes(Control("any"))
    assert {rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())} >= {
        "/_control/log",
        "/_control/state",
    }
    with app.test_client() as client:
        posts = client.post("/_control/nothing", data=b"{}").get_json()["error"].partition("known: ")[2].split(", ")
    assert [post for post in posts if f"POST /_control/{post}`" not in text] == []
