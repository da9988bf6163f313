"""`snapback records` and `show`: what is in the ledger."""

from __future__ import annotations

import click

from snapback.commands.options import STATUSES, echo_json, json_option, open_application, record_of, stack_option
from snapback.errors import BAD, FINE, NoQueue
from snapback.stderr import complain, warn


@click.command(short_help="List records.")
@click.option(
    "--status",
    "statuses",
    type=click.Choice(STATUSES),
    multiple=True,
    metavar="STATUS",
    help=f"Only this status; may be repeated. One of {', '.join(STATUSES)}.",
)
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many records to list.")
@stack_option
@json_option
def records(statuses: tuple[str, ...], limit: int, stack: str, as_json: bool) -> int:
    """List the ledger's records, latest first.

    If there are no records, the command counts the stack's dead letters: a failed event may be about something unsafe.
    """
    from itertools import islice

    from chalicelib.core.settings import Settings
    from chalicelib.core.types import Status
    from snapback import render

    application, _ = open_application(Settings())
    application.logger.setLevel("CRITICAL")  # Unreadable items are reported below.
    wanted = [Status(status) for status in statuses] or list(Status)
    found = [record for status in wanted for record in islice(application.ledger.records(status), limit + 1)]
    found.sort(key=lambda record: record.history[-1].at if record.history else "", reverse=True)
    if as_json:
        echo_json(map(render.record_json, found[:limit]))
    elif not found:
        render.show(f"No records with status {' or '.join(statuses)}." if statuses else _no_records(stack))
    else:
        render.show(*render.records_list(found[:limit]))
        if len(found) > limit:
            render.show("", f"The latest {limit}; --limit {limit * 4} shows more.")
    unjudged = [] if as_json or statuses else [each for each in found if each.status is Status.UNJUDGED]
    if unjudged:
        many = f"{len(unjudged)} of them" if len(unjudged) <= limit else f"More than {limit} of them"
        render.show("", f"{many} could not be judged and may be unsafe: `snapback records --status unjudged`.")
    return max([FINE, *(complain(f"left out: {each}", BAD) for each in application.unreadable)])


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
@json_option
def show(record: str, full: bool, as_json: bool) -> int:
    """Show one RECORD: the finding, the change, and who did what since."""
    from chalicelib.core.settings import Settings
    from snapback import render

    application, _ = open_application(Settings())
    found = record_of(application, record)
    more = render.counted(application.ledger.causes.get(found.service, found.cause), found) if found.cause else ""
    if full:
        warn("the states are as AWS returned them and may contain secrets; be careful where you store them")
    if as_json:
        echo_json([render.record_json(found, full=full)])
    else:
        render.show(*render.record_page(found, full=full, more=more))
    return FINE
