"""`snapback status` and `accounts check`: whether what is deployed is well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from snapback.commands.options import (
    deployed_application,
    echo_json,
    json_option,
    load_settings,
    open_application,
    settings_option,
    stack_option,
)
from snapback.errors import BAD, FINE, FOUND

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chalicelib.core.settings import Settings


@click.command(short_help="Check Snapback's health, and what needs a person.")
@stack_option
@json_option
def status(stack: str, as_json: bool) -> int:
    """Check whether writes are paused, what needs a person, and whether Snapback works.

    The exit code is 1 on any problem, and 2 if there is none, but something is unknown.

    Example: snapback status --stack snapback
    """
    from snapback import deployed, render
    from snapback.status import health

    queues = (deployed.DEAD_LETTERS, deployed.FAILED_MESSAGES)
    application, _, parts = deployed_application(stack, *queues)
    found = health(application, *(parts.get(queue, "") for queue in queues))
    if as_json:
        echo_json([found.to_json()])
    else:
        render.show(render.health_page(found, stack))
    return FOUND if found.problem else BAD if found.unknown else FINE


@click.command(short_help="Check each part that Snapback needs, and say what to do.")
@click.option("--send", is_flag=True, help="Also send one test message to each channel of the settings.")
@settings_option
@stack_option
@json_option
def doctor(send: bool, settings_path: Path | None, stack: str, as_json: bool) -> int:
    """Check credentials, clock, region, stack, version, roles, trail, events, queues and channels, and say what to do.

    Each line is ok, broken or unknown. The exit code is 1 if anything is broken, 2 if nothing is, but something is
    unknown. Without --send, the command writes nothing, and channels are unknown.

    Example: snapback doctor --send
    """
    from snapback import doctor as library
    from snapback import render
    from snapback.doctor_page import doctor_row

    settings = load_settings(settings_path)
    examined = []
    for line in library.Doctor(
        lambda: open_application(settings), stack, _sender(settings) if send else None
    ).examine():
        examined.append(line)
        if as_json:
            echo_json([line.to_json()])
        else:
            render.show(doctor_row(line))
    return {"ok": FINE, "broken": FOUND, "unknown": BAD}[library.worst(examined)]


def _sender(settings: Settings) -> Callable[[Any], str]:
    """Sends a channel one message, marked as a test; answers why it didn't arrive, or ''."""
    from chalicelib.aws.sessions import utc_now
    from snapback import chat
    from snapback.doctor import test_message

    message = chat.examples(utc_now())["alerted"]
    return lambda chosen: test_message(chat.opened(chosen, settings), message)


@click.group(short_help="Check accounts and regions.")
def accounts() -> None:
    """Check the accounts and regions in the settings."""


@accounts.command("check")
@settings_option
@stack_option
@json_option
def accounts_check(settings_path: Path | None, stack: str, as_json: bool) -> int:
    """Check that each account and region is covered: its roles, its rules, its trail, and its events.

    Use credentials of the home account that may assume the reader role (the stack's parameter Operators). The exit
    code is 1 on any problem.

    Example: snapback accounts check --json
    """
    from snapback import deployed, render
    from snapback.accounts import check

    application, _ = open_application(load_settings(settings_path))
    parts = deployed.parts(stack, deployed.LEDGER)
    application.table = parts.get(deployed.LEDGER, application.table)
    region = application.sessions.source.region_name or ""
    found = list(check(application, region, application.ledger.records()))
    if as_json:
        echo_json(each.to_json() for each in found)
    else:
        render.show(render.checks_table(found))
    return FINE if all(each.well for each in found) else FOUND
