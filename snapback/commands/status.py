"""`snapback status` and `accounts check`: whether what is deployed is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from snapback.errors import FINE, FOUND

if TYPE_CHECKING:
    from pathlib import Path


@click.command(short_help="Check Snapback's health, and what needs a person.")
@stack_option
@json_option
def status(stack: str, as_json: bool) -> int:
    """Check whether writes are paused, what needs a person, and whether Snapback works. The exit code is 1 on any problem."""
    from snapback import deployed, render
    from snapback.status import health

    queues = (deployed.DEAD_LETTERS, deployed.FAILED_MESSAGES)
    application, _, parts = deployed_application(stack, *queues)
    found = health(application, *(parts.get(queue, "") for queue in queues))
    if as_json:
        echo_json([found.to_json()])
    else:
        render.show(render.health_page(found, stack))
    return FINE if found.well else FOUND


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
