"""`snapback chat test`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from snapback.commands.options import HERE, echo_json, json_option, load_settings, settings_option
from snapback.errors import FINE, FOUND, Refused

if TYPE_CHECKING:
    from pathlib import Path


@click.group(short_help="Test notification channels.")
def chat() -> None:
    """Test the channels in the settings."""


@chat.command("test", short_help="Send a channel one of each message.")
@click.argument("name", metavar="CHANNEL")
@settings_option
@json_option
def chat_test(name: str, settings_path: Path | None, as_json: bool) -> int:
    """Send one of each message, marked as a test, to a CHANNEL of the settings, and show which arrived.

    The command reads the channel's secrets with your AWS credentials. The exit code is 1 unless all arrived.

    Example: snapback chat test security
    """
    from dataclasses import asdict

    from chalicelib.aws.sessions import utc_now
    from snapback import chat, render

    found = load_settings(settings_path)
    chosen = next((each for each in found.channels if each.name == name), None)
    if chosen is None:
        names = ", ".join(each.name for each in found.channels) or "none"
        raise Refused(f"no channel {name!r} in {settings_path or HERE}; channels there: {names}")
    channel = chat.opened(chosen, found)
    sent = []
    for each in chat.send(channel, utc_now(), time.sleep):
        sent.append(each)
        if as_json:
            echo_json([asdict(each)])
        else:
            click.echo(render.plain(f"{each.name:<14}{each.wrong and 'did not arrive: '}{each.wrong or 'arrived'}"))
    arrived = sum(not each.wrong for each in sent)
    if not as_json:
        click.echo(f"{arrived} of {len(sent)} arrived at {name}.")
    return FINE if arrived == len(sent) else FOUND
