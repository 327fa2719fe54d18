"""What another command may ask of whoever owns the data folder: one function a command, progress first, result last.

It does not matter who carries them out: the running `up`, or the command itself where nothing runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sidecar.app import App
from sidecar.commands.choices import rotate_keys, set_options
from sidecar.commands.forgetting import forget
from sidecar.commands.hooks import hooks
from sidecar.commands.inspecting import inspect
from sidecar.commands.links import answer, health, link, unlink
from sidecar.commands.looking import look
from sidecar.commands.matching import ignore, match, unmatched
from sidecar.commands.meanwhile import Arguments
from sidecar.commands.servers import account, check, join, meet
from sidecar.commands.sync import held, runs, start, sync, undo
from sidecar.errors import UserError
from sidecar.store.handover import Event


def perform(app: App, command: str, arguments: Arguments) -> Iterator[Event]:
    """Carry out a command for whoever asked."""
    if command not in COMMANDS:
        raise UserError(f"The running Sidetrakt does not know “{command}”.", "Restart it with this version.")
    yield from COMMANDS[command](app, arguments)


COMMANDS: dict[str, Callable[[App, Arguments], Iterator[Event]]] = {
    "set": set_options,
    "keys rotate": rotate_keys,
    "link": link,
    "answer": answer,
    "unlink": unlink,
    "look": look,
    "unmatched": unmatched,
    "health": health,
    "meet": meet,
    "people join": join,
    "account": account,
    "check": check,
    "hooks": hooks,
    "sync": sync,
    "start": start,
    "runs": runs,
    "undo": undo,
    "held": held,
    "inspect": inspect,
    "match": match,
    "ignore": ignore,
    "forget": forget,
}
