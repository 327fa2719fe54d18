"""The packages that Sidetrakt is said to stand on do real work: each is called by a module on the main path."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = {
    "plexapi": ("sidecar/servers/plex/client.py", r"self\._api\.server\.PlexServer"),
    "jellyfin_apiclient_python": ("sidecar/servers/jellyfin/client.py", r"self\._library\.jellyfin\._http\("),
    "requests": ("sidecar/http.py", r"class Session\(requests\.Session\)"),
    "sqlite_utils": ("sidecar/store/migrations.py", r"Migrations\("),
    "schedule": ("sidecar/timer.py", r"self\._scheduler\.run_pending\("),
}
TESTS = {
    "pytest": ("tests/conftest.py", r"@pytest\.fixture"),
    "requests_mock": ("tests/test_http.py", r"requests_mock\.Mocker|requests_mock: "),
}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


def main_path() -> set[Path]:
    """The modules of ours that `sidecar.app` leads to."""
    found, waiting = set[Path](), [ROOT / "sidecar" / "app.py"]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for name in imports(path):
            part = ROOT / Path(*name.split("."))
            waiting += [each for each in (part.with_suffix(".py"), part / "__init__.py") if each.is_file()]
    return found


@pytest.mark.parametrize("package", RUNTIME)
def test_a_package_is_called_on_the_main_path(package: str) -> None:
    file, call = RUNTIME[package]
    path = ROOT / file
    assert path in main_path()
    assert any(name.split(".")[0] == package for name in imports(path))
    assert re.search(call, path.read_text())


@pytest.mark.parametrize("package", TESTS)
def test_a_package_of_the_tests_is_called_by_them(package: str) -> None:
    file, call = TESTS[package]
    assert any(name.split(".")[0] == package for name in imports(ROOT / file))
    assert re.search(call, (ROOT / file).read_text())
