"""What every test can ask for."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from sidecar.structs import know_structs
from tests.anna import Anna, at_home, heard_in
from tests.town import Town, living
from tests.trakt.asked import Heard

LONG = ("system", "machines", "trakt", "servers")

settings.register_profile("patient", deadline=None)  # a busy machine is no failure
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def structs() -> None:
    """Tests have threads, too."""
    know_structs()


@pytest.fixture(scope="session")
def contracts() -> Path:
    """The folder of contract files beside the repository; without it the test is skipped, in CI it fails."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "contracts"
    if not folder.is_dir():
        reason = f"no contract files at {folder}"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take longest begin first, so that no worker is left alone with one of them in the end."""
    items.sort(key=lambda item: next((n for n, part in enumerate(LONG) if part in item.path.parts), len(LONG)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test printed travels to the process that collects it, which takes whole characters only."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    """A household of all three services, of which no request was unknown to a simulator."""
    with living() as made:
        yield made
        assert made.unhandled() == []


@pytest.fixture(scope="module")
def settled(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as after the first evening."""
    folder = tmp_path_factory.mktemp("settled") / "data"
    town.settle(folder)
    return folder


@pytest.fixture(scope="module")
def heard(town: Town) -> Heard:
    """What its Trakt was asked."""
    return heard_in(town)


@pytest.fixture
def anna(town: Town, heard: Heard, settled: Path, tmp_path: Path) -> Iterator[Anna]:
    """Anna's runs, in a town as after its start."""
    with at_home(town, heard, settled, tmp_path / "data") as made:
        yield made
