"""Serves simulators inside the test process."""

from collections.abc import Callable, Iterator

import flask
import pytest

from sidecar.demo.listen import Listener


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[[flask.Flask], str]]:
    """Serves an application on 127.0.0.1 until the module's tests are done and gives its base address."""
    listeners: list[Listener] = []

    def start(app: flask.Flask) -> str:
        listeners.append(Listener(app).start())
        return listeners[-1].url

    yield start
    for listener in listeners:
        listener.close()
