"""`snapback records` and `show`: what is in the ledger."""

from __future__ import annotations

import click

from snapback.commands.options import STATUSES, echo_json, json_option, open_application, record_of
from snapback.errors import FINE
from snapback.stderr import warn


@click.command(short_help="What is in the ledger.")
@click.option(
    "--status",
    "statuses",
    type=click.Choice(STATUSES),
    multiple=True,
    metavar="STATUS",
    help=f"Only these; may be repeated. One of {', '.join(STATUSES)}.",
)
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="The latest so many.")
@json_option
def records(statuses: tuple[str, ...], limit: int, as_json: bool) -> int:
    """What is in the ledger, the latest first."""
    from itertools import islice

    from chalicelib.core.settings import Settings
    from chalicelib.core.types import Status
    from snapback import render

    ledger = open_application(Settings())[0].ledger
    wanted = [Status(status) for status in statuses] or list(Status)
    found = [record for status in wanted for record in islice(ledger.records(status), limit + 1)]
    found.sort(key=lambda record: record.history[-1].at if record.history else "", reverse=True)
    if as_json:
        echo_json(map(render.record_json, found[:limit]))
    elif not found:
        render.show(f"No record is {' or '.join(statuses)}." if statuses else "No records: nothing unsafe was found.")
    else:
        render.show(*render.records_list(found[:limit]))
        if len(found) > limit:
            render.show("", f"The latest {limit}; --limit {limit * 4} shows more.")
    return FINE


@click.command(short_help="One record: what was found and done.")
@click.argument("record")
@click.option("--full", is_flag=True, help="The recorded states too. They may hold secrets.")
@json_option
def show(record: str, full: bool, as_json: bool) -> int:
    """One RECORD: what was found, what was changed, and who did what since."""
    from chalicelib.core.settings import Settings
    from snapback import render

    found = record_of(open_application(Settings())[0], record)
    if full:
        warn("the states are as AWS returned them and may hold secrets; mind where they go")
    if as_json:
        echo_json([render.record_json(found, full=full)])
    else:
        render.show(*render.record_page(found, full=full))
    return FINE
