"""The error tree is as it is drawn, and every error knows what its reader needs."""

from __future__ import annotations

import inspect
import re
from datetime import UTC, datetime

import pytest

from sidecar import errors
from sidecar.errors import RemoteError, SettingsError, SidetraktError

EXIT_CODES = {
    "SidetraktError": 1,
    "UserError": 2,
    "SettingsError": 2,
    "NotLinked": 2,
    "SecretsLocked": 2,
    "StoreError": 2,
    "DiskFull": 1,
    "RemoteError": 1,
    "Unreachable": 1,
    "Outage": 1,
    "RateLimited": 1,
    "AuthLost": 2,
    "Refused": 2,
    "BadAnswer": 1,
    "SafetyStop": 7,
    "IncompleteRead": 7,
    "TooManyRemovals": 7,
}


def drawn() -> set[tuple[str, str]]:
    """(child, parent) as the docstring draws them."""
    path: list[str] = []
    found = set()
    for line in (errors.__doc__ or "").splitlines():
        match = re.fullmatch(r" {4}((?:│  |   )*(?:[├└]─ )?)([A-Z][A-Za-z]+)( {2,}.*)?", line)
        if match:
            depth = len(match[1]) // 3
            path[depth:] = [match[2]]
            found.add((match[2], path[depth - 1] if depth else "Exception"))
    return found


def test_the_tree_is_as_it_is_drawn() -> None:
    classes = inspect.getmembers(errors, inspect.isclass)
    real = {(name, kind.__mro__[1].__name__) for name, kind in classes if issubclass(kind, SidetraktError)}
    assert drawn() == real
    assert len(real) == len(EXIT_CODES)


@pytest.mark.parametrize("name", EXIT_CODES)
def test_each_error_ends_a_command_with_its_exit_code(name: str) -> None:
    assert getattr(errors, name).exit_code == EXIT_CODES[name]


def test_an_error_says_what_happened_and_what_to_do() -> None:
    problem = SidetraktError("It broke.", "Mend it.")
    assert (problem.what, problem.next_step, str(problem)) == ("It broke.", "Mend it.", "It broke. Mend it.")
    assert str(SidetraktError("It broke.")) == "It broke."


def test_a_settings_error_has_a_line_for_each_problem() -> None:
    assert str(SettingsError(["a", "b"], "Mend them.")) == "2 problems in the settings:\n  a\n  b\nMend them."
    assert str(SettingsError(["a"], "Mend it.")).startswith("1 problem in the settings:\n")


def test_a_remote_error_knows_whether_it_may_have_been_done_and_when_to_try_again() -> None:
    later = datetime(2026, 1, 31, tzinfo=UTC)
    problem = RemoteError("trakt", "No.", "Wait.", status=503, retry_at=later, maybe_done=True)
    assert (problem.service, problem.status, problem.retry_at, problem.maybe_done) == ("trakt", 503, later, True)
    silent = RemoteError("trakt", "No.")
    assert (silent.status, silent.retry_at, silent.maybe_done) == (None, None, False)
