"""`snapback records` and `show`: what is in the ledger."""

from __future__ import annotations

import sys
from heapq import nlargest
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from chalicelib.core.types import Severity
from snapback.commands.options import (
    STATUSES,
    deployed_application,
    echo_json,
    json_option,
    load_names,
    many_option,
    settings_option,
    stack_option,
)
from snapback.commands.report import Reports, report_options
from snapback.errors import BAD, FINE, NoQueue, Refused
from snapback.record_filters import Filters, moment, record_of, write_csv
from snapback.stderr import complain, warn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from chalicelib.core.record import Record
    from chalicelib.core.types import Status
    from chalicelib.wiring import Application


@click.command(short_help="List records.")
@many_option("--status", "statuses", "STATUS", f"Only this status: {', '.join(STATUSES)}", type=click.Choice(STATUSES))
@many_option("--guardrail", "guardrails", "GUARDRAIL", "Only this guardrail, by id or glob")
@many_option("--service", "services", "SERVICE", "Only guardrails of this service, such as s3")
@many_option("--account", "accounts", "ACCOUNT", "Only this account")
@many_option("--region", "regions", "REGION", "Only this region")
@many_option("--severity", "severities", "SEVERITY", "Only this severity", type=click.Choice(list(map(str, Severity))))
@many_option(
    "--resource", "resources", "RESOURCE", "Only resources with this in their name or ARN, or that fit this glob"
)
@many_option("--actor", "actors", "NAME", "Only changes by people or roles with this in their name or ARN")
@many_option("--tool", "tools", "TOOL", "Only changes made with this tool, such as Terraform")
@click.option("--since", type=moment, metavar="TIME", help="Only events from then on: 2026-03-20 (UTC), 24h, 7d.")
@click.option("--until", type=moment, metavar="TIME", help="Only events before then.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many records to list.")
@settings_option
@stack_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV instead of text.")
@json_option
@report_options(csv=False)
def records(
    statuses: tuple[str, ...],
    limit: int,
    settings_path: Path | None,
    stack: str,
    as_csv: bool,
    as_json: bool,
    **filters: Any,
) -> int:
    """List the ledger's records, latest first.

    If there are no records, the command counts the stack's dead letters: a failed event may be about something unsafe.

    Example: snapback records --status alerted --service s3 --since 7d
    """
    from chalicelib.core.types import Status
    from snapback import render

    reports = Reports.of(filters)
    if as_csv and as_json:
        raise Refused("--csv and --json exclude each other")
    wants = Filters(**filters)
    wants.check()
    load_names(settings_path)
    application, _, _ = deployed_application(stack)
    application.logger.setLevel("CRITICAL")  # Unreadable items are reported below.
    wanted = [Status(status) for status in statuses] or list(Status)
    found, more = _latest(application, wanted, wants, limit)
    if not found:
        wants.check_rules()
    if reports:
        from snapback.report.sources import recorded

        reports.write(recorded(found, account=application.home, more=more))
    if as_json:
        echo_json(map(render.record_json, found))
    elif as_csv:
        write_csv(found, sys.stdout)
    elif found:
        render.show(*render.records_list(found))
    elif wants.any:
        render.show("No records fit these filters.")
    else:
        render.show(f"No records with status {' or '.join(statuses)}." if statuses else _no_records(stack))
    if more:
        told = f"The latest {limit} of {limit + more:,}; --limit {limit + more} shows all."
        warn(told) if as_json or as_csv else render.show("", told)
    if not (as_json or as_csv or statuses) and (many := sum(each.status is Status.UNJUDGED for each in found)):
        told = f"{many} of these could not be judged and may be unsafe: `snapback records --status unjudged`."
        render.show("", told)
    return max([FINE, *(complain(f"left out: {each}", BAD) for each in application.unreadable)])


def _latest(
    application: Application, statuses: Sequence[Status], filters: Filters, limit: int
) -> tuple[list[Record], int]:
    """The latest that fit, and how many more do."""
    ledger = application.ledger
    if not filters.any:
        some = [record for status in statuses for record in islice(ledger.records(status), limit)]
        return nlargest(limit, some, _moved_at), max(sum(map(ledger.count, statuses)) - limit, 0)
    seen = 0

    def fitting(status: Status) -> Any:
        nonlocal seen
        for record in ledger.records(status):
            if filters.fit(record):
                seen += 1
                yield record

    found = nlargest(limit, (record for status in statuses for record in fitting(status)), _moved_at)
    return found, seen - len(found)


def _moved_at(record: Record) -> str:
    return record.history[-1].at if record.history else ""


def _no_records(stack: str) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    from snapback import deployed
    from snapback.dlq import Queue

    try:
        queue = deployed.parts(stack, deployed.DEAD_LETTERS).get(deployed.DEAD_LETTERS)
        given_up = Queue(queue).counts()[0] if queue else 0
    except (BotoCoreError, ClientError, NoQueue):
        return "No records. These credentials can't read the queue of dead letters: `snapback dlq list` says why."
    if given_up:
        return f"No records, but {given_up} events failed: `snapback dlq list` shows which and why."
    return "No records: nothing unsafe was found."


@click.command(short_help="Show one record.")
@click.argument("record")
@click.option("--full", is_flag=True, help="Also show the recorded states. They may contain secrets.")
@settings_option
@stack_option
@json_option
def show(record: str, full: bool, settings_path: Path | None, stack: str, as_json: bool) -> int:
    """Show one RECORD: the finding, the change, and who did what since.

    Example: snapback show s3.0123
    """
    from snapback import render

    load_names(settings_path)
    application, _, _ = deployed_application(stack)
    found = record_of(application, record)
    more = render.counted(application.ledger.causes.get(found.service, found.cause), found) if found.cause else ""
    if full:
        warn("the states are as AWS returned them and may contain secrets; be careful where you store them")
    if as_json:
        echo_json([render.record_json(found, full=full)])
    else:
        render.show(*render.record_page(found, full=full, more=more))
    return FINE
