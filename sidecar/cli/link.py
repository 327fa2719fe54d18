"""`sidetrakt link` and `unlink`: a person's Trakt account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sidecar.cli import say
from sidecar.cli.here import Here, look_around, perform

HELD = 7  # somebody has to decide first


@click.command(
    short_help="Link a person to a Trakt account.",
    epilog="Example: sidetrakt link Anna",
)
@click.argument("person")
@click.option("--token-file", type=click.Path(path_type=Path), help="Take over the token pair in this file instead.")
@click.option("--answer", type=click.Choice(["shared", "replace", "no"]), help="Answer the question of an earlier try.")
def link(person: str, token_file: Path | None, answer: str | None) -> int:
    """Link PERSON to Trakt: type the code it shows into Trakt's page, on any device.

    A token file holds Trakt's token object, or is the config.json of CrossWatch. It is left alone, but the other
    tool's login ends when Sidetrakt renews the pair for the first time: a pair is good for one of them only.
    """
    here = look_around()
    if answer is not None:
        return _show(here, person, perform(here, "answer", {"person": person, "answer": answer}))
    arguments: dict[str, Any] = {"person": person}
    if token_file is not None:
        from sidecar.trakt.links import read_token_file

        token = read_token_file(token_file, here.settings.trakt.client_id)
        for secret in (token.access_token, token.refresh_token):
            here.redaction.learn(secret)
        arguments["token"] = {name: getattr(token, name) for name in token.__struct_fields__}
    with say.Countdown() as countdown:
        outcome = perform(here, "link", arguments, on_event=lambda event: progress(countdown, event), create=True)
    code = _show(here, person, outcome)
    if token_file is not None and code == 0:
        say.line("  The file is as it was. The other tool's login ends when the pair is renewed for the first time.")
    return code


@click.command(
    short_help="End a person's link to Trakt.",
    epilog="Example: sidetrakt unlink Anna",
)
@click.argument("person")
@click.option("--yes", is_flag=True, help="Do not ask.")
def unlink(person: str, *, yes: bool) -> None:
    """End the link of PERSON: what waits to be told is cancelled, Trakt is told, the tokens are wiped.

    Nothing on Trakt changes: plays, ratings and lists stay as they are.
    """
    here = look_around()
    if not yes:
        say.line(f"This ends {person}'s link. What waits to be told is cancelled; nothing on Trakt changes.")
        click.confirm("Go on?", abort=True)
    done = perform(here, "unlink", {"person": person})
    if done["others"]:
        say.marked("ok", f"{done['person']} is not linked to {done['account']} any more.")
        say.marked("note", f"{' and '.join(done['others'])} uses the account on.")
        return
    say.marked("ok", f"{done['person']} is not linked to {done['account']} any more; the tokens are wiped.")
    if not done["told"]:
        say.marked("note", "Trakt could not be told.", "End it there, too: trakt.tv, Settings, Connected apps.")


def progress(countdown: say.Countdown, event: dict[str, Any]) -> None:
    """Show a code to type in, then how long is left."""
    if "code" in event:
        import segno

        say.line(f"Open {event['url']} on any device and type in:")
        say.line()
        say.line(f"      {event['code']}")
        say.line()
        if event["url"].startswith("http"):
            countdown.picture(segno.make(event["url"]))
    if event.get("trouble"):
        what = f"{event['trouble']} Leave this open"
        countdown.show(what, event["seconds_left"], f"; again in {event['again_in']} s")
    else:
        countdown.show("Waiting for you", event["seconds_left"])


def _show(here: Here, person: str, outcome: dict[str, Any]) -> int:
    """The outcome, or the question and how to answer it; the exit code of either."""
    if outcome.get("linked"):
        kind = "VIP account" if outcome["vip"] else "account"
        say.marked("ok", f"{outcome['person']} is linked to the Trakt {kind} {outcome['account']}.")
        return 0
    if "question" not in outcome:
        say.marked("ok", "Nothing was linked; the new token is forgotten.")
        return 0
    from sidecar.trakt.tokens import as_word

    say.line(outcome["question"])
    if say.is_terminal():
        chosen = click.prompt("Your answer", type=click.Choice(outcome["answers"]))
        return _show(here, person, perform(here, "answer", {"person": person, "answer": chosen}))
    for word in outcome["answers"]:
        say.line(f"  sidetrakt link {as_word(person)} --answer {word}")
    return HELD
