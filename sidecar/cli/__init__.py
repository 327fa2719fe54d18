"""The command line: one file per command. Every error ends here, in a sentence and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from sidecar import __version__
from sidecar.cli import say
from sidecar.cli.account import account
from sidecar.cli.alerts import alerts
from sidecar.cli.backup import backup
from sidecar.cli.choose import choose
from sidecar.cli.doctor import doctor
from sidecar.cli.forget import forget
from sidecar.cli.held import held
from sidecar.cli.hooks import hooks
from sidecar.cli.household import household
from sidecar.cli.inspect import inspect
from sidecar.cli.keys import keys
from sidecar.cli.link import link, unlink
from sidecar.cli.look import look
from sidecar.cli.match import ignore, match
from sidecar.cli.people import people
from sidecar.cli.restore import restore
from sidecar.cli.runs import runs, undo
from sidecar.cli.status import status
from sidecar.cli.sync import sync
from sidecar.cli.unmatched import unmatched
from sidecar.cli.up import up
from sidecar.errors import SidetraktError

INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sidetrakt", message="%(prog)s %(version)s")
def group() -> None:
    """Tell Trakt what people play and rate on Jellyfin and Plex, and keep all sides in agreement.

    \b
    Start here:
      sidetrakt up             serve; keeps running
      sidetrakt doctor         is everything in order?
      sidetrakt up --demo      try it without any server or account

    Settings are read from sidetrakt.toml in the data folder (SIDETRAKT_HOME) and from the environment.
    Exit codes: 0 done, 1 trying again may help, 2 wrong use or settings, 7 something is held for a decision.
    """


COMMANDS = (
    up,
    doctor,
    people,
    account,
    link,
    unlink,
    sync,
    runs,
    undo,
    held,
    look,
    inspect,
    unmatched,
    match,
    ignore,
    choose,
    forget,
    hooks,
    status,
    alerts,
    backup,
    restore,
    keys,
    household,
)
for command in COMMANDS:
    group.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    try:
        outcome = group.main(args=arguments, prog_name="sidetrakt", standalone_mode=False)
        sys.exit(outcome if isinstance(outcome, int) else 0)
    except SidetraktError as problem:
        say.problem(problem.what, problem.next_step)
        sys.exit(problem.exit_code)
    except click.ClickException as problem:
        problem.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        say.problem("Stopped.", "")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of our output left, as `head` does
        sys.stderr.close()
        sys.exit(0)
    except Exception as problem:
        say.unexpected(problem)
        sys.exit(1)
