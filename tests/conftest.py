"""What every test can ask for."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from sidecar.structs import know_structs

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
